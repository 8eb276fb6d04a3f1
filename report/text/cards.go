package text

import (
	"io"
	"strings"

	"vpcdoctor/report/remedy"
)

// Cards writes fix cards: what to do, who is affected, the console steps, the
// commands, the way back. Templates of other formats are long and named only.
func Cards(w io.Writer, cards []remedy.Card, o Options) error {
	p := newPage(o)
	for i, c := range cards {
		if i > 0 {
			p.blank()
		}
		card(p, c)
	}
	_, err := io.WriteString(w, p.b.String())
	return err
}

func card(p *page, c remedy.Card) {
	p.para(code(c.Code)+": ", bold, 2, c.Title)
	for _, x := range []struct{ label, words string }{
		{"Fix: ", c.Do}, {"Where: ", c.Who}, {"Impact: ", c.Effect},
	} {
		if x.words != "" {
			p.para("  "+x.label, bold, 4, x.words)
		}
	}
	for _, n := range c.Notes {
		p.para("  Note: ", bold, 4, n)
	}
	if len(c.Steps) > 0 {
		p.line("  " + p.paint(bold, "Console:"))
		for _, s := range c.Steps {
			p.para("    - ", plain, 6, s)
		}
	}
	var long []string
	for _, t := range c.Parts {
		if t.Format == remedy.CloudFormation || t.Format == remedy.Terraform {
			long = append(long, "--format "+t.Format)
			continue
		}
		p.line("  " + p.paint(bold, clean(t.Title)+":"))
		for l := range strings.Lines(t.Body) {
			p.verbatim(strings.TrimSuffix(l, "\n"))
		}
	}
	if len(long) > 0 {
		p.para("  As a template: ", bold, 4, "vpcdoctor fix FILE --code "+code(c.Code)+" "+strings.Join(long, " or "))
	}
	if c.Without != "" {
		p.para("  No template: ", bold, 4, c.Without)
	}
	if c.Undo != "" {
		p.para("  Roll back: ", bold, 4, c.Undo)
	}
	p.para("  Then: ", bold, 4, c.Retest)
	p.para("  Reachability Analyzer: ", bold, 4, c.Analyzer)
}
