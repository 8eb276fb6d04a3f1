// Package text renders a report for people. A report goes in, ASCII of 80
// columns comes out. The package is pure: it opens nothing, asks no clock, and
// judges nothing; what it prints stands in the report.
//
// Rules that hold everywhere here:
//   - The first 1,500 characters carry verdict, proof and the first command,
//     because Run Command and chat windows cut there.
//   - Every string from a report passes clean: a DNS answer or a certificate
//     must not move the cursor of the reader's terminal.
//   - Commands stay ready to paste: they are broken with a backslash, never
//     cut, and never inside a quoted space.
//   - A state is a word first (pass, FAIL, -); colour only repeats it.
//   - What was not looked at is never printed as if it had passed.
package text
