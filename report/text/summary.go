package text

import (
	"io"
	"strings"

	"vpcdoctor/report"
	"vpcdoctor/report/summary"
)

// Summary renders a summary, and says that it is one: what it leaves out, and
// that some names in it are made up. note tells where it comes from, in a
// sentence without a full stop. The only errors are those of w.
func Summary(w io.Writer, d summary.Document, note string, o Options) error {
	p, r := newPage(o), d.Report()
	p.para("", dim, 0, note+". It is a summary, not the whole report"+beyondSummary(d)+".")
	if d.Redacted {
		p.para("", dim, 0, "Account ids and names of roles, users, proxies, buckets and private hosts in it are made up (name1).")
	}
	p.blank()
	firstScreen(p, r)
	furtherCauses(p, r)
	rows(p, r)
	notChecked(p, r)
	p.blank()
	p.para("", plain, 2, Line(r))
	_, err := io.WriteString(w, p.b.String())
	return err
}

func beyondSummary(d summary.Document) string {
	out := ""
	if m := d.Missing(); m != "" {
		out = "; left out: " + m
	}
	if d.Cut {
		out += "; ITS END IS LOST: more may have been in it"
	}
	return out
}

// Bounds of single texts in Brief, where a screen is all there is.
const (
	briefEvidence = 200
	briefAction   = 240
)

// Brief is the verdict for a console that others write to as well: who and
// when, the sentence, proof, fix, the command. Lines have at most width
// characters. Whole paragraphs are left out, the last first, until no more than
// limit bytes are left, a newline and lead bytes for each line included.
func Brief(r *report.Report, width, limit, lead int) []string {
	blocks := [][]string{brief(width, func(p *page) { p.para("", plain, 2, strings.TrimPrefix(Line(r), "vpcdoctor: ")) })}
	blocks = append(blocks, brief(width, func(p *page) {
		items := contextItems(r)
		p.para("", plain, 2, strings.Join([]string{items[1], items[2], items[3], items[4], items[5]}, "  "))
	}))
	if f, ok := r.Verdict.Lead(); ok {
		for i, e := range f.Evidence[:min(len(f.Evidence), 4)] {
			blocks = append(blocks, brief(width, func(p *page) {
				if i == 0 {
					p.line("Proof:")
				}
				p.item(short(e.Text, briefEvidence))
			}))
		}
		do, _ := sentences(f.Action.Do, briefAction)
		blocks = append(blocks, brief(width, func(p *page) { action(p, f.Action, short(do, briefAction)) }))
	}
	if d := beyond(r.Verdict.Decide, r.Verdict.Headline); d != "" {
		blocks = append(blocks, brief(width, func(p *page) { p.para("To decide: ", plain, 2, short(d, briefAction)) }))
	}
	var out []string
	for _, b := range blocks {
		n := 0
		for _, l := range b {
			n += lead + len(l) + 1
		}
		if n > limit || n > 0 && len(b[len(b)-1]) > width { // a command that cannot be broken
			continue
		}
		limit -= n
		out = append(out, b...)
	}
	return out
}

func brief(width int, write func(*page)) []string {
	p := &page{width: width}
	write(p)
	return strings.Split(strings.TrimRight(p.b.String(), "\n"), "\n")
}
