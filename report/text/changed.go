package text

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"vpcdoctor/report"
	"vpcdoctor/report/diagnose"
	"vpcdoctor/report/history"
)

// changed writes what differs from the run before, when that was asked for.
func changed(p *page, c *report.Changes) {
	if c == nil {
		return
	}
	switch {
	case c.First:
		p.heading("Changed")
		p.para("  ", plain, 2, "No earlier run here was asked the same: nothing to compare with.")
		return
	case len(c.List) == 0:
		p.heading("Changed")
		p.para("  ", plain, 2, "Nothing since "+stamp(c.Same)+" ("+count(c.Runs, "run")+").")
	default:
		p.heading("Changed since the run of " + stamp(c.Time))
	}
	for i, x := range c.List {
		if i == maxShown {
			p.item("and " + count(len(c.List)-i, "more change"))
			break
		}
		p.item(history.Words(x))
	}
	standing(p, c.Standing)
	flapping(p, c.Flapping)
	if !c.Healthy.IsZero() && !c.Healthy.Equal(c.Time) {
		p.para("  ", plain, 2, "Last run without an error before this one: "+stamp(c.Healthy)+".")
	}
}

// standing writes causes that stay, those of one age on one line.
func standing(p *page, in []report.Standing) {
	for i := 0; i < len(in); i++ {
		codes := []string{in[i].Code}
		for ; i+1 < len(in) && in[i+1].Since.Equal(in[i].Since) && in[i+1].Runs == in[i].Runs; i++ {
			codes = append(codes, in[i+1].Code)
		}
		longer := ""
		if in[i].More {
			longer = " or longer"
		}
		p.item(strings.Join(codes, ", ") + " since " + stamp(in[i].Since) + longer + " (" + count(in[i].Runs, "run") + ")")
	}
}

func flapping(p *page, in []report.Flap) {
	for _, f := range in {
		p.item(f.What + " flaps: " + count(f.Changes, "change") + " in the last " + count(f.Runs, "run"))
	}
}

// notAsked are causes that stand by what earlier signed calls showed, and that
// this run made no call about.
func notAsked(r *report.Report) string {
	var out []string
	for _, s := range r.Changes.Standing {
		if !slices.ContainsFunc(r.Verdict.Causes, func(f diagnose.Finding) bool { return string(f.Code) == s.Code }) {
			out = append(out, short(s.Code, codeMax))
		}
	}
	return strings.Join(out, ", ")
}

// stamp is a time as people read it. A clock that was never set has none.
func stamp(t time.Time) string {
	if t.IsZero() {
		return "an unknown time"
	}
	return t.UTC().Format("2006-01-02 15:04") + " UTC"
}

// maxEvents is how many turns of the history the table shows.
const maxEvents = 40

// History is the memory of runs as text: when it became what it is.
func History(h history.Summary, more []string, o Options) string {
	p := newPage(o)
	label, style := cmp.Or(strings.ToUpper(short(string(h.Now.Status), 12)), "NO RUN"), yellow
	switch label {
	case "HEALTHY":
		style = green
	case "BROKEN":
		style = red
	}
	p.para(label+": ", style, 2, h.Now.Headline)
	p.para("", plain, 0, "Last run "+stamp(h.Now.Time)+", "+count(h.Runs, "run")+" in all"+lastHealthy(h)+".")
	if len(h.Standing)+len(h.Flapping) > 0 {
		p.heading("Now")
		standing(p, h.Standing)
		flapping(p, h.Flapping)
	}
	events := h.Events
	p.heading("What changed")
	if n := len(events) - maxEvents; n > 0 {
		p.para("  ", plain, 2, count(n, "older turn")+" left out; -o json has all.")
		events = events[n:]
	}
	p.para(fmt.Sprintf(eventForm, "SINCE", "RUNS", "VERDICT"), plain, 2, "CAUSES")
	instance, asked := "", ""
	for _, e := range events {
		if e.Entry.Instance != instance || e.Entry.Asked != asked {
			instance, asked = e.Entry.Instance, e.Entry.Asked
			p.para("  ", dim, 2, cmp.Or(instance, "instance unknown")+"  "+asked)
		}
		event(p, e)
	}
	p.blank()
	for _, m := range more {
		p.para("", plain, 2, m)
	}
	return p.b.String()
}

func lastHealthy(h history.Summary) string {
	if h.Healthy.IsZero() {
		return ", none without an error"
	}
	if h.Healthy.Equal(h.Now.Time) {
		return ""
	}
	return ", the last one without an error " + stamp(h.Healthy)
}

// eventForm is a line of the table: since when, for how many runs, the verdict.
// Its causes follow.
const eventForm = "  %-20s  %5s  %-12s  "

// event writes one turn, and below it what changed.
func event(p *page, e history.Event) {
	var codes []string
	for _, c := range e.Entry.Codes {
		if c.Severity == "error" || c.Severity == "warning" {
			codes = append(codes, string(c.Code))
		}
	}
	label := fmt.Sprintf(eventForm, stamp(e.Entry.Time), strconv.Itoa(e.Runs), short(string(e.Entry.Status), 12))
	p.para(label, plain, len(label), cmp.Or(strings.Join(codes, " "), "-"))
	if e.First {
		return
	}
	for _, c := range e.Changes {
		p.para("      ", plain, 8, history.Words(c))
	}
}
