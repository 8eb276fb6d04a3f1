// Package console writes a report to the serial console, the one way out of an
// instance that needs no network: EC2 keeps the last 64 kB of it, and
// ec2:GetConsoleOutput reads them.
//
// In goes a report; out come at most 8,000 bytes in lines of at most 80
// characters: the verdict for people, each line with "vpcdoctor: " at its
// beginning, then the summary in the lines of package frames.
//
// Rules that hold everywhere here:
//   - The line is shared: one write for each line, nothing is silenced.
//   - A line that nobody drains must not hold the run: nothing here blocks, and
//     what cannot be written before the deadline is given up.
//   - Who may read the console may not know all that is on the instance: names
//     are made up unless that was lifted (redact.Names).
//   - Nothing but a terminal, a pipe, or a file of our own is written to.
package console
