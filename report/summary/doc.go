// Package summary is the report in few bytes: what fits through a serial
// console, or into the 2,500 characters that Run Command keeps of an output.
//
// In goes a report, out comes a [Document]: the verdict, its causes with proof
// and fix, the required rows, where and when. Fit leaves out the least useful
// parts, in a fixed order, until the document is small enough; a document
// counts what it leaves out. Report turns it back into a report without facts,
// for every rendering that there is.
//
// Rules that hold everywhere here:
//   - A command is whole or left out. Half a command is a trap.
//   - What was left out is counted, never silent.
//   - Every string is printable ASCII: the JSON goes to terminals as it is.
//
// The package is pure. It does not redact: hand it what may be seen.
package summary
