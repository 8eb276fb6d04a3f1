package text

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"vpcdoctor/report"
	"vpcdoctor/report/diagnose"
	"vpcdoctor/report/history"
)

// changed writes what differs from the run before, when that was asked for.
func changed(p *page, c *report.Changes) {
	if c == nil {
		return
	}
	t := history.Tell(c)
	p.heading(t.Title)
	p.remark(t.Remark)
	for _, l := range t.Lines {
		p.item(l)
	}
	p.remark(t.Last)
}

func (p *page) remark(s string) {
	if s != "" {
		p.para("  ", plain, 2, s)
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
	p.para("", plain, 0, "Last run "+history.Stamp(h.Now.Time)+", "+count(h.Runs, "run")+" in all"+lastHealthy(h)+".")
	if len(h.Standing)+len(h.Flapping) > 0 {
		p.heading("Now")
		for _, l := range history.Lasting(h.Standing, h.Flapping) {
			p.item(l)
		}
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
	return ", the last one without an error " + history.Stamp(h.Healthy)
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
	label := fmt.Sprintf(eventForm, history.Stamp(e.Entry.Time), strconv.Itoa(e.Runs), short(string(e.Entry.Status), 12))
	p.para(label, plain, len(label), cmp.Or(strings.Join(codes, " "), "-"))
	if e.First {
		return
	}
	for _, c := range e.Changes {
		p.para("      ", plain, 8, history.Words(c))
	}
}
