package html

import (
	"strconv"
	"time"

	"vpcdoctor/report"
	"vpcdoctor/report/history"
)

// maxChanges is how many changes are shown; a dead resolver changes every row.
const maxChanges = 60

// changed lists what differs from the run before, what stands since when and
// what flaps, when a run looked at its state directory.
func changed(p *page, c *report.Changes) {
	if c == nil {
		return
	}
	switch {
	case c.First:
		section(p, "changed", "Changed")
		p.el("p", "No earlier run here was asked the same: nothing to compare with.")
	case len(c.List) == 0:
		section(p, "changed", "Changed")
		p.el("p", "Nothing since "+moment(c.Same)+" (runs: "+strconv.Itoa(c.Runs)+").")
	default:
		section(p, "changed", "Changed since the run of "+moment(c.Time))
	}
	var lines []string
	for i, x := range c.List {
		if i == maxChanges {
			lines = append(lines, "and "+strconv.Itoa(len(c.List)-i)+" more")
			break
		}
		lines = append(lines, history.Words(x))
	}
	for _, s := range c.Standing {
		longer := ""
		if s.More {
			longer = " or longer"
		}
		lines = append(lines, s.Code+" since "+moment(s.Since)+longer+" (runs: "+strconv.Itoa(s.Runs)+")")
	}
	for _, f := range c.Flapping {
		lines = append(lines, f.What+" flaps: "+strconv.Itoa(f.Changes)+" changes in the last "+strconv.Itoa(f.Runs)+" runs")
	}
	if len(lines) > 0 {
		p.raw("<ul>\n")
		for _, l := range lines {
			p.el("li", l)
		}
		p.raw("</ul>\n")
	}
	p.raw("</section>\n")
}

// moment is a time as people read it; a clock that was never set has none.
func moment(t time.Time) string {
	if t.IsZero() {
		return "an unknown time"
	}
	return t.UTC().Format("2006-01-02 15:04") + " UTC"
}
