// Package clock asks time servers what time it is and compares.
//
// In goes the address of a server, which on EC2 is the Amazon Time Sync
// Service; out comes one fact.TimeSample with the offset of our clock, or with
// the class of the failure. One datagram is sent, one answer is read, nothing
// is repeated.
//
// The package never sets a clock, never asks a server that it was not given,
// never judges an offset, and never returns a Go error for what the network
// did. Answers are untrusted: one counts only when it repeats the random
// number of our question, and everything read is bounded.
package clock
