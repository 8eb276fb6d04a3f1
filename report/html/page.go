package html

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// markup is written as it is. It is a type of its own so that the compiler
// refuses a string of a report: only constants convert by themselves.
type markup string

// textMax bounds one string. The longest honest one is a template of some
// kilobytes.
const textMax = 20000

// page is the document under construction.
type page struct {
	b strings.Builder
}

// raw writes constants. It and its kin are called some hundred times, and
// inlined each call takes ten times the code: 40 kB of binary in all.
//
//go:noinline
func (p *page) raw(m markup) { p.b.WriteString(string(m)) }

// num writes a number, which needs no escape.
//
//go:noinline
func (p *page) num(n int) { p.b.WriteString(strconv.Itoa(n)) }

// text writes data between tags.
//
//go:noinline
func (p *page) text(s string) { escape(&p.b, s) }

// attr is an attribute whose value is data. The name is ours, and never one
// that a browser acts upon (href, src, style, on…).
type attr struct {
	name  markup
	value string
}

// open writes a start tag.
func (p *page) open(tag markup, attrs ...attr) {
	p.raw("<")
	p.raw(tag)
	for _, a := range attrs {
		p.raw(" ")
		p.raw(a.name)
		p.raw(`="`)
		p.text(a.value)
		p.raw(`"`)
	}
	if strings.HasPrefix(string(tag), "meta") {
		p.raw("/")
	}
	p.raw(">")
}

// el writes an element that holds a text. The tag may carry constant
// attributes: its end is the part before the first space.
//
//go:noinline
func (p *page) el(tag markup, s string) {
	p.open(tag)
	p.text(s)
	p.end(tag)
}

//go:noinline
func (p *page) end(tag markup) {
	name, _, _ := strings.Cut(string(tag), " ")
	p.b.WriteString("</" + name + ">\n")
}

// escape writes s so that no parser of HTML or XML sees anything but text in
// it, between tags as well as inside a quoted attribute. Characters without a
// glyph of their own (controls, direction overrides, invalid bytes) become a
// visible replacement: a name must not look like another.
//
//go:noinline
func escape(b *strings.Builder, s string) {
	if len(s) > textMax {
		s = s[:textMax] + " ..."
	}
	for _, r := range s {
		switch {
		case r == '&' || r == '<' || r == '>' || r == '"' || r == '\'' || r == '`':
			b.WriteString("&#" + strconv.Itoa(int(r)) + ";")
			continue
		case r == '\n' || r == '\t' || r >= ' ' && r < 0x7f:
		case !unicode.IsGraphic(r):
			r = utf8.RuneError
		}
		b.WriteRune(r)
	}
}
