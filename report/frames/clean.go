package frames

import (
	"regexp"
	"sync"
)

// stamps are the times that EC2 puts into the output, and what a terminal
// would take for commands: CSI, OSC and two-character sequences. Compiled when
// first asked for: it takes milliseconds.
var stamps = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\[\d{4}-\d\d-\d\d[T ][0-9:.,]{5,18}(?:Z|[+-]\d\d:?\d\d)?\]( ?)|` +
		"\x1b\\[[0-9;:?]*[ -/]*[@-~]|\x1b\\][^\x07\x1b\n]{0,256}(?:\x07|\x1b\\\\)|\x1b[^\\[\\]\n]")
})

// clean takes out of a console's output what is no text of anyone: stamps,
// sequences, carriage returns, other control characters. Newlines stay. It puts
// after in the place of a stamp: "" takes a space with it, "$1" leaves it. Which
// is right depends on whose space it is.
func clean(console []byte, after string) []byte {
	out := stamps().ReplaceAll(console, []byte(after))
	n := 0
	for _, c := range out {
		if c == '\n' || c >= ' ' && c != 0x7f {
			out[n] = c
			n++
		}
	}
	return out[:n]
}

// maxDepth of the JSON that Close looks at. A summary has four levels.
const maxDepth = 16

// Close makes JSON of the beginning of a JSON object: it ends after the last
// whole member or element, and what is open is closed. It is nil when there is
// no member.
func Close(b []byte) []byte {
	var open []byte // closing brackets, the innermost last
	var cut int
	var closers []byte
	keep := func(at int) { cut, closers = at, append(closers[:0], open...) }
	quoted, escaped := false, false
	for i, c := range b {
		if len(open) > maxDepth {
			break // not ours
		}
		switch {
		case escaped:
			escaped = false
		case quoted:
			escaped, quoted = c == '\\', c != '"'
		case c == '"':
			quoted = true
		case c == '{' || c == '[':
			inside := len(open) > 0 && (c == '[' || open[len(open)-1] == '}') // no empty object into a list
			open = append(open, c+2)                                          // '}' and ']' are two further on
			if inside {
				keep(i + 1)
			}
		case c == '}' || c == ']':
			if len(open) > 0 {
				open = open[:len(open)-1]
			}
			keep(i + 1)
		case c == ',':
			keep(i)
		}
	}
	if cut == 0 {
		return nil
	}
	out := append([]byte{}, b[:cut]...)
	for i := len(closers) - 1; i >= 0; i-- {
		out = append(out, closers[i])
	}
	return out
}
