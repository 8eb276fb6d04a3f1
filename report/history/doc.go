// Package history is the memory of runs: what one run comes down to, and what
// changed from run to run. Reports go in, an [Entry] of a few hundred bytes
// comes out; a row of entries goes in, and out come changes, what stands since
// when, and what flaps.
//
// The package is pure: it opens nothing and asks no clock. Entries come in the
// order of their runs; their times are for people only, because an instance's
// clock may jump. What a run did not look at is no change.
package history
