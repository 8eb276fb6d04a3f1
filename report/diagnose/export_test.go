package diagnose

import (
	"fmt"
	"slices"
	"strings"

	"vpcdoctor/probe/fact"
)

// Shown is what a fault of the tables, which is written by hand, shows of one
// code: as a finding, or as an alternative to one.
type Shown struct {
	As         string // cause | effect of CODE | behind CODE
	Confidence Confidence
	Facts      string // kinds of the facts that its evidence cites
	Near       bool   // the table has a near miss, one fact apart
}

// ShownByHand runs every fault of the tables. A finding of the code that a
// fault is about comes before any other appearance.
func ShownByHand() map[Code]Shown {
	out := map[Code]Shown{}
	rank := func(s Shown) int {
		switch {
		case s.As == "cause":
			return 0
		case strings.HasPrefix(s.As, "effect"):
			return 1
		}
		return 2
	}
	add := func(c Code, s Shown) {
		if old, ok := out[c]; !ok || rank(s) < rank(old) || rank(s) == rank(old) && stronger(s.Confidence, old.Confidence) {
			out[c] = s
		}
	}
	show := func(code Code, v Verdict) {
		for _, f := range slices.Concat(v.Causes, v.Effects) {
			s := Shown{As: "cause", Confidence: f.Confidence, Facts: FactsOf(f), Near: true}
			if f.CausedBy != "" {
				s.As = "effect of " + string(f.CausedBy)
			}
			if f.Code == code {
				add(code, s)
			}
			for _, a := range f.Alternatives {
				add(a.Code, Shown{As: "behind " + string(f.Code), Confidence: Possible, Facts: s.Facts, Near: f.Code == code})
			}
		}
	}
	for _, x := range allFirings() {
		w := healthy()
		x.make(w)
		show(x.code, Run(w.Set, Options{}))
	}
	for _, x := range kinCases() {
		w := healthy()
		x.make(w)
		show(x.behind, Run(w.Set, Options{}))
	}
	return out
}

var confidences = []Confidence{Proved, Likely, Possible}

func stronger(a, b Confidence) bool {
	return slices.Index(confidences, a) < slices.Index(confidences, b)
}

// FactsOf lists the kinds of facts that a finding cites. A fact without a key
// is one of the host or of the run.
func FactsOf(f Finding) string {
	var out []string
	for _, e := range f.Evidence {
		kind, _, _ := strings.Cut(e.Ref, ":")
		if kind == "" {
			kind = "host"
		}
		if !slices.Contains(out, kind) {
			out = append(out, kind)
		}
	}
	slices.Sort(out)
	return strings.Join(out, "+")
}

// ByHand calls do with every fault of the tables: a name, and what makes a
// fresh copy of its facts.
func ByHand(do func(name string, facts func() *fact.Set)) {
	for i, x := range allFirings() {
		do(fmt.Sprintf("%s#%d", x.code, i), func() *fact.Set {
			w := healthy()
			x.make(w)
			return w.Set
		})
	}
}
