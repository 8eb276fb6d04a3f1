package text

import "strings"

// page collects lines of a given width.
type page struct {
	b     strings.Builder
	width int
	color bool
}

func newPage(o Options) *page {
	if o.Width == 0 {
		o.Width = defaultWidth
	}
	return &page{width: max(minWidth, min(o.Width, maxWidth)), color: o.Color}
}

// verbatim writes one line of a text whose spaces matter.
func (p *page) verbatim(s string) { p.line(printable(s)) }

// line writes one line as it is, without spaces at its end.
func (p *page) line(s string) {
	p.b.WriteString(strings.TrimRight(s, " "))
	p.b.WriteByte('\n')
}

// blank writes an empty line, but never two in a row.
func (p *page) blank() {
	if s := p.b.String(); s != "" && !strings.HasSuffix(s, "\n\n") {
		p.b.WriteByte('\n')
	}
}

// heading opens a section.
func (p *page) heading(s string) {
	p.blank()
	for _, l := range wrap("", clean(s), p.width, 0) {
		p.line(p.paint(bold, l))
	}
}

// para writes words between two indents. The first line starts with label,
// which is painted; the others with as many spaces as hang says.
func (p *page) para(label string, style sgr, hang int, words string) {
	for i, l := range wrap(label, clean(words), p.width, hang) {
		if rest, ok := strings.CutPrefix(l, label); ok && i == 0 {
			l = p.paint(style, strings.TrimRight(label, " ")) + label[len(strings.TrimRight(label, " ")):] + rest
		}
		p.line(l)
	}
}

// item writes one bullet.
func (p *page) item(words string) { p.para("  - ", plain, 4, words) }

// command writes one shell command, ready to paste.
func (p *page) command(indent int, cmd string) {
	for _, l := range wrapShell(cleanCommand(cmd), p.width, indent) {
		p.line(l)
	}
}
