// Package watch is for a program that looks again and again: what turned
// between two looks, how a terminal of a given size shows it, and how long to
// pause before the next look. Reports go in; turns, lines and durations come
// out. The package is pure: it looks at no clock, opens nothing and writes
// nothing, and it never judges.
//
// It is about the looks of one process. What changed between runs is kept in
// the state directory and is not known here.
package watch
