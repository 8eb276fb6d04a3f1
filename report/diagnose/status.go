package diagnose

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"vpcdoctor/probe/fact"
)

// notChecked lists what the run did not look at. Gaps in what is required keep
// the verdict from being healthy.
func (v *View) notChecked(rows []Row) []NotChecked {
	s := v.Set
	out := []NotChecked{}
	if v.region() == "" {
		out = append(out, NotChecked{"the Region", "neither IMDS nor a flag names it", true})
	}
	if m := &s.IMDS; m.Disabled != "" {
		out = append(out, NotChecked{"instance metadata", "turned off by " + plain(m.Disabled, 60), false})
	}
	required := 0
	for _, r := range rows {
		if r.Required() {
			required++
		}
		if r.Status == NotCheckedStatus && v.counts(r) {
			out = append(out, NotChecked{plain(r.Host, 200) + pathWord(r), v.why(r), v.needs(r)})
		}
	}
	if len(rows) == 0 && len(s.Targets) == 0 {
		out = append(out, NotChecked{"endpoints", "no target was known", true})
	}
	if v.managed() {
		out = append(out, v.agentGaps()...)
		if s.Agent.Ground.Memory.Detail == fact.KernelLogClosed+fact.Sandbox {
			out = append(out, NotChecked{"the kernel's log: kills for want of memory, denials", fact.Sandbox, false})
		}
	}
	out = append(out, v.itemGaps()...)
	out = append(out, cuts(s.Cut)...)
	slices.SortStableFunc(out, func(a, b NotChecked) int {
		return cmp.Or(cmp.Compare(b2i(b.Required), b2i(a.Required)), cmp.Compare(a.What, b.What), cmp.Compare(a.Why, b.Why))
	})
	return slices.Compact(out)
}

func pathWord(r Row) string {
	if r.Path == "proxy" {
		return " through the proxy"
	}
	return ""
}

// counts tells whether a row counts for the verdict: the direct way to a host
// that the agent reaches by its proxy does not, nor does a proxied way to a
// host that is not the agent's.
func (v *View) counts(r Row) bool {
	p := v.byKey[r.Key]
	return p != nil && p.Counts == (r.Path == "direct")
}

// needs tells whether the verdict cannot be healthy without this row.
func (v *View) needs(r Row) bool {
	p := v.byKey[r.Key]
	if p == nil || v.Set.Run.Private && p.public() {
		return false // not dialled by order; EP-14 speaks
	}
	return p.T.Need == fact.NeedRequired || p.T.Need == fact.NeedOneOf && !v.groupWorks(p.T.Group)
}

// why says what kept a row from being checked.
func (v *View) why(r Row) string {
	p := v.byKey[r.Key]
	if p == nil {
		return "not run"
	}
	if p.DNS == NotCheckedStatus {
		return "its name was not looked up to the end"
	}
	for _, pp := range p.ports() {
		for _, o := range []fact.Outcome{pp.Dial.Outcome, pp.Shake.Outcome} {
			switch {
			case o.CutByBudget:
				return "cut by the budget of the run"
			case o.Skipped != "":
				return plain(o.Skipped, 120)
			}
		}
		if (v.Set.Run.Private || v.Set.Run.All) && public(pp.Addr.Info) {
			return "public address, not dialled"
		}
	}
	return "not run"
}

// agentGaps: internals of the agent need root. They are required only when the
// user says so.
func (v *View) agentGaps() []NotChecked {
	a := &v.Set.Agent
	var out []NotChecked
	gap := func(what string, o fact.Outcome) {
		if o.Status == fact.OK || o.Status == fact.Failed && o.Class == fact.NotFound {
			return
		}
		why := orWord(o.Skipped, "not read")
		if o.Status == fact.Failed {
			why = "could not be read (" + string(o.Class) + ")"
		}
		out = append(out, NotChecked{what, plain(why, 120), v.Set.Run.NeedAgent})
	}
	if a.Access.Status != fact.OK {
		gap("SSM Agent", a.Access)
		return out
	}
	gap("SSM Agent's service unit", a.UnitsRun)
	gap("SSM Agent's processes", a.ProcsRun)
	if len(a.Procs) > 0 {
		gap("SSM Agent's proxy settings", a.ProxyRun)
	}
	// A report of before these were looked at has no outcome for them, and says
	// nothing about them.
	if a.Log.Class == fact.NotFound {
		out = append(out, NotChecked{"SSM Agent's log", "none was found", false})
	} else if a.Log.Status != "" {
		gap("SSM Agent's log", a.Log.Outcome)
	}
	if a.Channel.Status != "" {
		gap("SSM Agent's connection", a.Channel.Outcome)
	}
	n := len(out)
	g := &a.Ground
	grounds := map[string]fact.Outcome{"memory": g.Memory.Outcome, "file watches": g.Inotify.Outcome, "access control": g.MAC.Outcome}
	for _, m := range g.Mounts {
		grounds["directory "+plain(m.Dir, 80)] = m.Outcome
	}
	for _, what := range sortedKeys(grounds) {
		if grounds[what].Status != "" {
			gap("SSM Agent's "+what, grounds[what])
		}
	}
	for i := range out[n:] {
		out[n+i].Required = false // it helps, and nothing hangs on it
	}
	return out
}

// cuts groups what was left out by reason, so that a run cut at four hundred
// addresses stays readable.
func cuts(in []fact.Cut) []NotChecked {
	by := map[string][]string{}
	for _, c := range in {
		by[c.Why] = append(by[c.Why], plain(c.What, 120))
	}
	var out []NotChecked
	for why, whats := range by {
		out = append(out, NotChecked{What: list(sortedStrings(whats), 3), Why: plain(why, 120)})
	}
	return out
}

// status folds findings and gaps. Accepted findings do not count.
func (v *View) status(out Verdict) (Status, string) {
	worst := SevInfo
	for _, f := range out.Causes {
		if !f.Accepted {
			worst = maxSeverity(worst, f.Severity)
		}
	}
	gap := slices.IndexFunc(out.NotChecked, func(n NotChecked) bool { return n.Required })
	switch {
	case v.Set.Run.Interrupted:
		return Inconclusive, "Run it again and let it end: it was interrupted."
	case worst == SevError:
		return Broken, ""
	case gap >= 0:
		n := out.NotChecked[gap]
		return Inconclusive, decide(n)
	case worst == SevWarning:
		return Degraded, ""
	}
	return Healthy, ""
}

// decide names the one observation that would settle an open verdict.
func decide(n NotChecked) string {
	switch {
	case n.What == "the Region":
		return "The Region: run with --region REGION."
	case strings.HasPrefix(n.What, "SSM Agent"):
		return "The state of the SSM Agent: run it as root."
	case strings.Contains(n.Why, "budget"):
		return "Whether " + n.What + " answers: run with a larger --budget."
	}
	return "Whether " + n.What + " answers: " + n.Why + "."
}

// headline is the verdict in one sentence.
func (v *View) headline(out Verdict) string {
	first := func(f Finding) string {
		if i := strings.Index(f.Summary, ". "); i > 0 {
			return f.Summary[:i+1]
		}
		return f.Summary
	}
	lead, led := out.Lead()
	switch {
	case out.Status == Inconclusive:
		return "Too little could be checked to say more. " + out.Decide
	case led:
		return first(lead)
	}
	var works []string
	classes := map[string]bool{}
	for _, r := range out.Rows {
		if r.Status == Pass && v.counts(r) && r.Required() {
			if !slices.Contains(works, r.ID) {
				works = append(works, r.ID)
			}
			classes[r.Class] = true
		}
	}
	s := fmt.Sprintf("All required endpoints work from %s", v.where())
	if len(works) > 0 {
		s = fmt.Sprintf("%s %s from %s%s", plain(list(works, 4), 120), verb(len(works), "works", "work"), v.where(), byWay(classes))
	}
	var but []string
	for _, c := range out.Causes {
		if c.Accepted && c.Severity != SevInfo {
			but = append(but, string(c.Code))
		}
	}
	if len(but) > 0 {
		s += ", apart from what was accepted: " + list(but, 4)
	}
	if slices.ContainsFunc(out.NotChecked, func(n NotChecked) bool { return n.What == "SSM Agent" }) {
		return "network healthy; agent not checked (needs root): " + s + "."
	}
	return s + "."
}

func byWay(classes map[string]bool) string {
	if len(classes) != 1 {
		return ""
	}
	switch {
	case classes[string(fact.OwnVPC)] || classes[string(fact.OtherPrivate)]:
		return " by private endpoints"
	case classes[string(fact.PublicAWS)]:
		return " by public addresses"
	case classes["proxy"]:
		return " through the agent's proxy"
	}
	return ""
}
