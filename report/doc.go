// Package report is the document that a run hands out: who judged, where and
// when, the verdict, and the facts it rests on. Facts and a verdict go in, a
// Report or its JSON comes out; a stored report or a facts file goes in and a
// Report comes out. The package never judges, never opens a file and never
// looks at the clock: what it needs to know about the run is in the facts.
package report
