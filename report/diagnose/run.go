package diagnose

import (
	"cmp"
	"slices"

	"vpcdoctor/probe/fact"
)

// Options of a diagnosis. Everything else that decides is in the facts, so
// that a replay gives the same verdict.
type Options struct {
	Ignore []Code // accepted findings: shown, without effect on the status
}

// Run turns facts into a verdict. It reads the set and does not change it.
func Run(s *fact.Set, o Options) Verdict {
	if s == nil {
		s = &fact.Set{}
	}
	for _, c := range s.Run.Ignored {
		o.Ignore = append(slices.Clip(o.Ignore), Code(c))
	}
	v := newView(s)
	v.assign()
	v.refine()
	v.retireEC2Messages()
	return v.verdict(rules(), o)
}

// retireEC2Messages takes failures that concern ec2messages alone out of every
// other code: its absence is no fault by itself (decisions.md). Where it fails
// together with other names it stays with their cause.
func (v *View) retireEC2Messages() {
	for code, bs := range v.blames {
		if code == "EP-02" || slices.ContainsFunc(bs, func(b blame) bool { return b.target().ID != "ec2messages" }) {
			continue
		}
		v.blames["EP-02"] = append(v.blames["EP-02"], bs...)
		delete(v.blames, code)
	}
	slices.SortStableFunc(v.blames["EP-02"], func(a, b blame) int { return cmp.Compare(a.order(), b.order()) })
}

func (b blame) order() string {
	if b.port != nil {
		return b.target().Key() + b.port.At.String()
	}
	return b.target().Key()
}

func (v *View) verdict(rules []Rule, o Options) Verdict {
	out := Verdict{Causes: []Finding{}, Effects: []Finding{}, Innocent: []Innocent{}, NotChecked: []NotChecked{}, Rows: []Row{}}
	explainedBy := map[Code]Code{}
	var all []Finding
	for _, r := range rules {
		for _, f := range r.eval(v) {
			v.corroborate(&f)
			v.addKin(&f)
			f = complete(f, o)
			all = append(all, f)
			if f.Severity != SevInfo && f.Code == r.Code {
				for _, e := range v.effectsOf(r) {
					if _, ok := explainedBy[e]; !ok {
						explainedBy[e] = f.Code
					}
				}
			}
		}
	}
	worst := map[Code]Severity{}
	for _, f := range all {
		worst[f.Code] = maxSeverity(f.Severity, worst[f.Code])
	}
	for _, f := range all {
		cause, ok := explainedBy[f.Code]
		if w := worst[f.CausedBy]; !ok && w != "" && w != SevInfo && sevRank(w) <= sevRank(f.Severity) {
			cause, ok = f.CausedBy, true // the rule knows which check failed
		}
		f.CausedBy = ""
		if ok && cause != f.Code && !(explainedBy[cause] == f.Code) {
			f.CausedBy = v.root(cause, explainedBy)
			out.Effects = append(out.Effects, f)
		} else {
			out.Causes = append(out.Causes, f)
		}
	}
	slices.SortStableFunc(out.Causes, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(v.spareRank(a), v.spareRank(b)), byUrgency(a, b))
	})
	for _, f := range out.Causes {
		if e, ok := v.effect(f); ok {
			out.Effects = append(out.Effects, complete(e, o))
		}
	}
	slices.SortStableFunc(out.Effects, byUrgency)
	out.Rows, out.Checks = v.rows(), v.items()
	out.NotChecked = v.notChecked(out.Rows)
	out.Innocent = v.innocent()
	out.Status, out.Decide = v.status(out)
	out.Headline = v.headline(out)
	return out
}

// root follows a chain of explanations to the cause that nothing explains.
func (v *View) root(c Code, by map[Code]Code) Code {
	for range len(by) {
		next, ok := by[c]
		if !ok {
			break
		}
		c = next
	}
	return c
}

// byUrgency is the order in which to act: errors first, and within a severity
// from the ground up, because a fault below hides what is above.
func byUrgency(a, b Finding) int {
	return cmp.Or(
		cmp.Compare(b2i(a.Accepted), b2i(b.Accepted)),
		cmp.Compare(sevRank(a.Severity), sevRank(b.Severity)),
		cmp.Compare(slices.Index(groupOrder, docOf[a.Code].Group), slices.Index(groupOrder, docOf[b.Code].Group)),
		cmp.Compare(a.Code, b.Code),
		cmp.Compare(a.Summary, b.Summary),
	)
}

// spareRank puts information about optional services that do not work last: it
// is the least that a reader wants to know.
func (v *View) spareRank(f Finding) int {
	return b2i(f.Severity == SevInfo && len(v.blames[f.Code]) > 0)
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// effect lists what a cause keeps from working, when that is more than what
// the finding is about.
func (v *View) effect(f Finding) (Finding, bool) {
	g := v.groupOf(f.Code)
	if f.Severity != SevError || len(g.hosts) < 2 {
		return Finding{}, false
	}
	return Finding{
		Code: "EP-17", Severity: f.Severity, Confidence: f.Confidence, CausedBy: f.Code,
		Summary:  list(g.hosts, 4) + " cannot be used.",
		Subjects: f.Subjects,
		Evidence: v.evidence(g, 3),
		Action:   Action{Do: "Correct " + string(f.Code) + " and run again.", Where: f.Action.Where},
	}, true
}

// complete fills in what every finding has and bounds its texts.
func complete(f Finding, o Options) Finding {
	d := docOf[f.Code]
	f.Title = d.Title
	if d.weak() && f.Confidence == Proved {
		f.Confidence = Likely
	}
	if f.Action.Do == "" {
		f.Action.Do = fixOf(f.Code)
	}
	if len(f.Evidence) > maxEvidence {
		f.Evidence = f.Evidence[:maxEvidence]
	}
	f.Summary = plain(f.Summary, 700)
	f.Action.Do = plain(f.Action.Do, 700)
	for i := range f.Subjects {
		f.Subjects[i] = plain(f.Subjects[i], 200)
	}
	for i := range f.Evidence {
		f.Evidence[i].Ref = plain(f.Evidence[i].Ref, 300)
		f.Evidence[i].Text = plain(f.Evidence[i].Text, 300)
	}
	for i := range f.Alternatives {
		f.Alternatives[i].Decide = plain(f.Alternatives[i].Decide, 300)
	}
	f.Accepted = slices.ContainsFunc(o.Ignore, func(c Code) bool { return canonical(c) == f.Code })
	return f
}
