package html

import (
	"vpcdoctor/report"
	"vpcdoctor/report/remedy"
)

// cards are the repairs that remedy offers, cause by cause, ready to copy.
func cards(p *page, r *report.Report) {
	in := remedy.Cards(r.Facts, r.Verdict, "")
	if len(in) == 0 {
		return
	}
	section(p, "cards", "Fix cards")
	for _, c := range in {
		p.raw("<div class=\"card\">\n")
		p.el("h3", string(c.Code)+": "+c.Title)
		for _, x := range [][2]string{
			{"Where", c.Who}, {"Impact", c.Effect}, {"No template", c.Without}, {"Roll back", c.Undo},
			{"Then", c.Retest}, {"Reachability Analyzer", c.Analyzer},
		} {
			if x[1] == "" {
				continue
			}
			p.raw("<p><b>")
			p.text(x[0])
			p.raw(":</b> ")
			p.text(x[1])
			p.raw("</p>\n")
		}
		bullets(p, c.Notes)
		if len(c.Steps) > 0 {
			p.raw("<details><summary>In the console</summary>\n<ol>\n")
			for _, s := range c.Steps {
				p.el("li", s)
			}
			p.raw("</ol></details>\n")
		}
		for _, t := range c.Parts {
			p.raw("<details><summary>")
			p.text(t.Title)
			p.raw("</summary>\n")
			snippet(p, "", t.Body)
			p.raw("</details>\n")
		}
		p.raw("</div>\n")
	}
	p.raw("</section>\n")
}
