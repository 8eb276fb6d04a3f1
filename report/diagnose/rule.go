package diagnose

import (
	"fmt"
	"slices"
)

// Rule turns facts into findings of one code. Rules are pure and independent:
// none sees another's findings, so their order does not matter.
type Rule struct {
	Code Code
	Eval func(*View) []Finding
	// Explains lists codes whose findings are effects when this rule found an
	// error or a warning.
	Explains []Code
}

// rules is every rule, from the ground up.
func rules() []Rule {
	return slices.Concat(
		hostRules(), imdsRules(), partitionRules(), dnsRules(), routeRules(), groupRules(), gatewayRules(),
		endpointRules(), tlsRules(), proxyRules(), iamRules(), agentRules(), groundRules(), channelRules(), fromLog(),
		finerRules(), rareRules(),
	)
}

// blamed is a rule over the checks that were put down to its code: one finding
// for all of them. fill adds the words.
func blamed(code Code, conf Confidence, fill func(*View, group, *Finding)) Rule {
	return Rule{Code: code, Eval: func(v *View) []Finding {
		if len(v.blames[code]) == 0 {
			return nil
		}
		g := v.groupOf(code)
		f := Finding{Code: code, Severity: g.sev, Confidence: conf, Evidence: v.evidence(g, 3), Action: Action{Where: "operator"}}
		for _, b := range g.bs {
			if k := b.target().Key(); !slices.Contains(f.Subjects, k) {
				f.Subjects = append(f.Subjects, k)
			}
		}
		fill(v, g, &f)
		return []Finding{f}
	}}
}

// explains adds the codes of effects to a rule.
func (r Rule) explains(codes ...Code) Rule {
	r.Explains = append(r.Explains, codes...)
	return r
}

// asleepCodes are what any fault in the agent's way to Systems Manager brings
// about: it waits, without a worker or without a channel.
var asleepCodes = []Code{"AG-04", "AG-20", "AG-21", "AG-26"}

// effectsOf lists what a rule's finding explains. What keeps the agent without
// credentials, or one of its own hosts from working, puts it to sleep.
func (v *View) effectsOf(r Rule) []Code {
	out := r.Explains
	ours := func(b blame) bool { return b.target().Agent && needRank(b.target().Need) <= 1 }
	stands := r.Code != "AG-04" && r.Code != "IA-08" // these two follow, as the agent's own choice
	if stands && slices.Contains(out, "AG-20") || slices.ContainsFunc(v.blames[r.Code], ours) {
		out = slices.Concat(out, asleepCodes)
	}
	return out
}

// alt is an alternative with the observation that would tell.
func alt(code Code, decide string) Alternative {
	return Alternative{Code: code, Title: docOf[code].Title, Decide: decide}
}

// eval runs one rule. A panic is a fault of ours and becomes a finding: one
// bad rule must not cost the reader the verdict of the others.
func (r Rule) eval(v *View) (out []Finding) {
	defer func() {
		if e := recover(); e != nil {
			out = []Finding{{
				Code: "SELF-01", Severity: SevWarning, Confidence: Proved,
				Summary:  "The rule " + string(r.Code) + " could not be evaluated. The rest of the verdict stands.",
				Subjects: []string{string(r.Code)},
				Evidence: []Evidence{{Text: fmt.Sprintf("rule %s: %v", r.Code, e)}},
				Action:   Action{Do: "Save the facts and report them with this message.", Command: "vpcdoctor check --facts facts.json", Where: "instance"},
			}}
		}
	}()
	return r.Eval(v)
}
