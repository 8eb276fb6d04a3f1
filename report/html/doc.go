// Package html renders a report as one self-contained page: no network, no
// script needed to read it, light and dark, for a screen, a phone and paper. A
// report goes in, HTML comes out. The package is pure and judges nothing; what
// it shows stands in the report.
//
// Rules that hold everywhere here:
//   - Every string of a report passes page.text or an attr, which escape it.
//     What is written as it is has the type markup, which only a constant of
//     this package can have.
//   - Data is text or a quoted attribute without meaning to the browser. It
//     never becomes part of a script, a style, a URL, or a name.
//   - The page carries a Content-Security-Policy that admits its own style and
//     its own script by their hashes and nothing else, in case the rules above
//     are ever broken.
//   - A state is a word and a shape first; colour only repeats it.
//   - What was not looked at never looks as if it had passed.
//
// The output is well-formed XML too, so that a strict parser can prove it.
package html
