package text

import (
	"strconv"
	"strings"

	"vpcdoctor/probe/fact"
	"vpcdoctor/report"
	"vpcdoctor/report/diagnose"
	"vpcdoctor/report/remedy"
)

// Bounds of the long lists; the JSON report has everything.
const (
	innocentMax = 24
	namesMax    = 6
)

// templates writes what remedy offers. Bodies start at the margin between two
// comment lines, so that they can be copied out as they are.
func templates(p *page, r *report.Report) {
	for _, t := range remedy.For(r.Facts, r.Verdict) {
		p.heading(t.Title)
		for _, n := range t.Notes {
			p.item(n)
		}
		p.line("# --- begin " + clean(t.File) + " ---")
		for l := range strings.Lines(t.Body) {
			p.verbatim(strings.TrimSuffix(l, "\n"))
		}
		p.line("# --- end " + clean(t.File) + " ---")
		if t.Format == remedy.CloudFormation {
			p.line("Deploy it:")
			p.command(4, "aws cloudformation deploy --stack-name vpcdoctor-endpoints --template-file "+t.File+regionFlag(r))
		}
	}
}

// innocent writes what was proved to work: it ends rounds of blame.
func innocent(p *page, in []diagnose.Innocent) {
	if len(in) == 0 {
		return
	}
	p.heading("Proved innocent")
	for _, x := range in[:min(len(in), innocentMax)] {
		p.item(clean(x.What) + ": " + clean(x.Why))
	}
	if n := len(in) - innocentMax; n > 0 {
		p.item("and " + strconv.Itoa(n) + " more, in the JSON report")
	}
}

// notChecked writes what was not looked at and why; what the run cut is among
// it.
func notChecked(p *page, r *report.Report) {
	g := groups{}
	for _, x := range r.Verdict.NotChecked {
		why := clean(x.Why)
		if x.Required {
			why += " (needed for a full verdict)"
		}
		g.add(why, x.What)
	}
	if len(g.order) == 0 {
		return
	}
	p.heading("Not checked")
	for _, why := range g.order {
		p.item(list(g.names[why], namesMax) + ": " + why)
	}
}

// groups collects names under a reason, in the order of the first of each.
type groups struct {
	order []string
	names map[string][]string
}

func (g *groups) add(why, name string) {
	if g.names == nil {
		g.names = map[string][]string{}
	}
	if _, ok := g.names[why]; !ok {
		g.order = append(g.order, why)
	}
	name = clean(name)
	for _, x := range g.names[why] {
		if x == name {
			return
		}
	}
	g.names[why] = append(g.names[why], name)
}

// thisRun writes which environment variables were seen and what the run sent.
func thisRun(p *page, r *report.Report) {
	if r.Facts == nil {
		return
	}
	p.heading("This run")
	for _, e := range r.Context.Environment {
		used := clean(e.Used)
		if used == "" {
			used = "seen, no effect"
		}
		p.item(clean(e.Name) + "=" + clean(e.Value) + ": " + used)
	}
	if k := r.Facts.Run.Packets; k != (fact.Packets{}) {
		sent := []string{
			count(k.IMDSPuts, "IMDS token PUT"), count(k.IMDSGets, "IMDS GET"), count(k.DNS, "DNS packet"),
			count(k.Connects, "TCP connect"), count(k.Requests, "HTTPS request"),
		}
		if k.Signed > 0 {
			sent = append(sent, count(k.Signed, "signed call"))
		}
		p.item("sent: " + strings.Join(sent, ", ") + "; nothing was changed")
	}
	p.item("asked for: " + asked(r.Facts.Run) + knownAsOf(r.Facts.Run))
}

// asked is what the run was told to reach.
func asked(run fact.Run) string {
	var parts []string
	if run.Auto {
		parts = append(parts, "what is installed here")
	}
	if len(run.Profiles) > 0 {
		parts = append(parts, "profile "+clean(strings.Join(run.Profiles, ",")))
	}
	if len(run.Services) > 0 {
		parts = append(parts, "service "+clean(strings.Join(run.Services, ",")))
	}
	if run.All {
		parts = append(parts, "every service of the Region")
	}
	if run.Rehearse {
		parts = append(parts, "a session rehearsal")
	}
	if run.Expect != "" {
		parts = append(parts, "expect "+clean(run.Expect))
	}
	if run.Private {
		parts = append(parts, "private addresses only")
	}
	if len(parts) == 0 {
		return "nothing in particular"
	}
	return strings.Join(parts, ", ")
}

// knownAsOf dates the embedded data that the verdict rests on.
func knownAsOf(run fact.Run) string {
	out := ""
	if run.CatalogDate != "" {
		out += "; catalogue of " + clean(run.CatalogDate)
	}
	if !run.RangesDate.IsZero() {
		out += "; AWS ranges of " + run.RangesDate.UTC().Format("2006-01-02")
	}
	return out
}
