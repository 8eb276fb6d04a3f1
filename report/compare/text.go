package compare

import (
	"io"
	"strconv"
	"strings"
)

// width of the text: what a serial console shows for sure.
const width = 80

// Write renders the result as ASCII of 80 columns. The only errors are those
// of w.
func (r Result) Write(w io.Writer) error {
	p := &page{}
	if r.Same {
		p.para("", 2, "SAME: nothing that decides what works differs between the two runs.")
	} else {
		p.para("", 2, "DIFFERENT: the runs first part at "+string(r.First.Stage)+", "+r.First.What+": A "+r.First.A+", B "+r.First.B+".")
	}
	p.side("A", r.A)
	p.side("B", r.B)
	p.differences("In the order of the path", r.Differs)
	p.differences("Where they are (no fault by itself, but the reason may hide there)", r.Place)
	p.differences("Only one of the runs looked at this", r.OnlyOne)
	p.para("\n", 0, strconv.Itoa(r.Alike)+" further facts are the same.")
	_, err := io.WriteString(w, p.b.String())
	return err
}

type page struct{ b strings.Builder }

func (p *page) side(name string, s Side) {
	words := []string{}
	for _, x := range []string{s.Instance, s.Region, s.Time, string(s.Status)} {
		if x != "" {
			words = append(words, x)
		}
	}
	p.para(name+": ", 3, strings.Join(words, "  "))
	if s.Headline != "" {
		p.para("   ", 3, s.Headline)
	}
}

func (p *page) differences(title string, in []Difference) {
	if len(in) == 0 {
		return
	}
	p.para("\n", 0, title)
	for i := 0; i < len(in); i++ {
		d := in[i]
		label := string(d.Stage) + ", " + d.What
		if d.Stage == Place {
			label = d.What
		}
		// Names that part in the same way are one line.
		for ; i+1 < len(in) && in[i+1].Stage == d.Stage && in[i+1].A == d.A && in[i+1].B == d.B; i++ {
			label += ", " + in[i+1].What
		}
		p.para("  - ", 4, label)
		p.para("      A ", 8, d.A)
		p.para("      B ", 8, d.B)
	}
}

// para writes words after a label; further lines hang. A word longer than a
// line is broken, because nothing may leave the page.
func (p *page) para(label string, hang int, words string) {
	if rest, ok := strings.CutPrefix(label, "\n"); ok {
		p.b.WriteByte('\n')
		label = rest
	}
	line, fresh := label, true
	flush := func() {
		p.b.WriteString(strings.TrimRight(line, " ") + "\n")
		line, fresh = strings.Repeat(" ", hang), true
	}
	for _, word := range strings.Fields(plain(words)) {
		if !fresh && len(line)+1+len(word) > width {
			flush()
		}
		if !fresh {
			line += " "
		}
		line, fresh = line+word, false
		for len(line) > width {
			rest := line[width:]
			line = line[:width]
			flush()
			line, fresh = line+rest, false
		}
	}
	flush()
}

// plain keeps printable ASCII: the strings come from files that others wrote.
func plain(s string) string {
	const most = 1000
	var b strings.Builder
	for _, r := range s {
		switch {
		case b.Len() >= most:
			return b.String() + "..."
		case r == '\n' || r == '\t' || r == '\r':
			b.WriteByte(' ')
		case r < ' ' || r > '~':
			b.WriteByte('?')
		default:
			b.WriteByte(byte(r))
		}
	}
	return b.String()
}
