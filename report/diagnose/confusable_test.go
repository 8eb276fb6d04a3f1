package diagnose_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"vpcdoctor/cmd/vpclab/scenario"
	"vpcdoctor/probe/fact"
	"vpcdoctor/report/diagnose"
)

// TestConfusableFacts diagnoses the recorded facts of every scenario that looks
// like others: to a plain program they must look the same, and the finding must
// be the right one, with its confidence and the alternatives that only another
// observation can exclude.
func TestConfusableFacts(t *testing.T) {
	for _, set := range scenario.Confusables() {
		for _, c := range set.Cases {
			t.Run(set.Name+"/"+c.Scenario, func(t *testing.T) {
				s := load(t, c.Scenario)
				if got := looks(s); !slices.Contains(got, set.Looks) {
					t.Errorf("looks like %q, not like the set: %q", got, set.Looks)
				}
				v := diagnose.Run(s, diagnose.Options{})
				if c.Code == "" {
					for _, f := range v.Causes {
						if f.Severity != diagnose.SevInfo {
							t.Errorf("%s in a healthy world: %s", f.Code, f.Summary)
						}
					}
					return
				}
				if len(v.Causes) == 0 {
					t.Fatal("nothing was found")
				}
				f := v.Causes[0]
				if string(f.Code) != c.Code || string(f.Confidence) != c.Confidence {
					t.Errorf("%s (%s), want %s (%s): %s", f.Code, f.Confidence, c.Code, c.Confidence, f.Summary)
				}
				for _, or := range c.Or {
					i := slices.IndexFunc(f.Alternatives, func(a diagnose.Alternative) bool { return string(a.Code) == or })
					if i < 0 || fmt.Sprint(f.Alternatives[i]) == "" {
						t.Errorf("%s does not name the alternative %s: %v", f.Code, or, f.Alternatives)
					}
				}
				if len(c.Or) > 0 && f.Action.Command == "" {
					t.Errorf("%s has alternatives and no call that decides", f.Code)
				}
			})
		}
	}
}

// TestConfusableSets: a set that is split has different codes; where two of its
// scenarios end with one code, a finding must name what it cannot exclude, or
// it is one cause in two forms.
func TestConfusableSets(t *testing.T) {
	for _, set := range scenario.Confusables() {
		codes := map[string]bool{}
		alternatives := false
		for _, c := range set.Cases {
			codes[c.Code] = true
			alternatives = alternatives || len(c.Or) > 0
		}
		if len(set.Cases) < 2 || len(codes) < 2 && !alternatives {
			t.Errorf("%s: nothing is told apart", set.Name)
		}
	}
}

// looks is what a program sees that just resolves, connects and greets, and
// asks the metadata service: the end of each attempt at what is required.
func looks(s *fact.Set) []string {
	out := []string{scenario.Works}
	add := func(l string) {
		if !slices.Contains(out, l) {
			out = append(out, l)
		}
	}
	if s.IMDS.InstanceID == "" && s.IMDS.Disabled == "" {
		add(scenario.NoMetadata)
	}
	for _, o := range s.Objects {
		if o.HTTPStatus == 403 {
			add(scenario.Forbidden)
		}
	}
	for _, r := range s.Requests {
		if r.HasOffset && r.Offset.Std().Abs() > 30*time.Second {
			add(scenario.DateOff)
		}
	}
	if slices.ContainsFunc(s.Signed.Calls, func(c fact.Call) bool { return c.Denial != nil || strings.HasPrefix(c.Code, "AccessDenied") }) ||
		slices.ContainsFunc(s.Agent.Log.Events, func(e fact.LogEvent) bool { return e.Reason == fact.ReasonDenied }) {
		add(scenario.Denied)
	}
	if ch := s.Agent.Channel; (ch.Status == fact.OK || s.Agent.ProcsRun.Status == fact.OK && len(s.Agent.Procs) == 0) && !slices.ContainsFunc(ch.Sockets, func(k fact.Socket) bool { return k.State == "ESTABLISHED" }) {
		add(scenario.Offline)
	}
	for _, a := range s.Answers {
		if required(s, a.Name) {
			add(nameLooks(a))
		}
	}
	for _, d := range s.Dials {
		if d.Status == fact.Failed && reaches(s, d) {
			add(map[fact.Class]string{fact.Timeout: scenario.Silent, fact.Refused: scenario.Refused, fact.Reset: scenario.Refused,
				fact.NetUnreachable: scenario.Unreachable, fact.HostUnreachable: scenario.Silent}[d.Class])
		}
	}
	for _, h := range s.Handshakes {
		switch {
		case h.Variant != "" || !h.Then.IsZero() || !required(s, h.Host):
		case h.Status == fact.Failed && h.Class == fact.Timeout:
			add(scenario.Stalls)
		case h.Status == fact.Failed:
			add(scenario.Cut)
		case h.System.Status == fact.Failed, h.Name.Status == fact.Failed:
			add(scenario.Untrusted)
		}
	}
	return out
}

func nameLooks(a fact.Answer) string {
	switch a.Class {
	case fact.NXDomain:
		return scenario.NameAbsent
	case fact.Timeout, fact.NotPermitted:
		return scenario.NameSilent
	case fact.NetUnreachable:
		return scenario.Unreachable
	}
	return scenario.Works
}

func required(s *fact.Set, host string) bool {
	return slices.ContainsFunc(s.Targets, func(t fact.Target) bool {
		return t.Host == host && (t.Need == fact.NeedRequired || t.Need == fact.NeedOneOf)
	})
}

// reaches tells whether a dial was made for something that is required.
func reaches(s *fact.Set, d fact.Dial) bool {
	return slices.ContainsFunc(s.Answers, func(a fact.Answer) bool { return slices.Contains(a.Addrs, d.Addr.Addr()) && required(s, a.Name) })
}
