package html

import (
	"vpcdoctor/report"
	"vpcdoctor/report/history"
)

// changed lists what differs from the run before, when a run looked at its state
// directory.
func changed(p *page, c *report.Changes) {
	if c == nil {
		return
	}
	t := history.Tell(c)
	section(p, "changed", t.Title)
	remark(p, t.Remark)
	if len(t.Lines) > 0 {
		p.raw("<ul>\n")
		for _, l := range t.Lines {
			p.el("li", l)
		}
		p.raw("</ul>\n")
	}
	remark(p, t.Last)
	p.raw("</section>\n")
}

func remark(p *page, s string) {
	if s != "" {
		p.el("p", s)
	}
}
