package diagnose

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"vpcdoctor/probe/fact"
)

// crowd adds services, required or not, that work by private endpoints.
func (w world) crowd(n int, need fact.Need) []string {
	var ids []string
	for i := range n {
		id := fmt.Sprintf("svc%02d", i)
		w.target(id, need, fmt.Sprintf("10.192.10.%d", 100+i), fmt.Sprintf("10.192.20.%d", 100+i))
		ids = append(ids, id)
	}
	return ids
}

// One cause swallows its effects: 74 services behind a dead resolver, or a
// closed group, are one finding, and what follows is named as that.
func TestOneCauseSwallowsItsEffects(t *testing.T) {
	for code, breaks := range map[Code]func(w world){
		"DN-04": func(w world) {
			for _, x := range w.Targets {
				w.unresolved(x.Host, failed(fact.Timeout, time.Second), failed(fact.Timeout, time.Second))
			}
		},
		"DN-07": func(w world) { w.customDNS("10.1.1.1:53") },
		"SG-01": func(w world) { w.silent(w.all("10.192.")...) },
		"TL-02": func(w world) {
			for _, x := range w.Targets {
				w.badCert(x.Host, fact.CertUntrusted, "")
			}
		},
	} {
		for _, need := range []fact.Need{fact.NeedRequired, fact.NeedOptional} {
			w := healthy()
			w.crowd(74, need)
			breaks(w)
			v := Run(w.Set, Options{})
			invariants(t, w.Set, v)
			if len(v.Causes) != 1 || v.Causes[0].Code != code {
				t.Errorf("%s: %d causes: %s", code, len(v.Causes), outline(v))
				continue
			}
			for _, e := range v.Effects {
				if e.CausedBy != code {
					t.Errorf("%s: an effect of %s", e.Code, e.CausedBy)
				}
			}
		}
	}
}

// independent faults, in the order in which they have to be put right: what is
// below hides what is above.
var independent = []struct {
	code Code
	make func(w world)
}{
	{"OS-01", func(w world) { w.breaks(failed(fact.NotPermitted, 0), "EPERM", "10.192.10.100", "10.192.20.100") }},
	{"DN-31", func(w world) {
		w.unresolved(host("svc01"), failed(fact.NXDomain, ms), failed(fact.NXDomain, ms))
		w.Lookups[len(w.Lookups)-1].SOA = suffix
	}},
	{"SG-02", func(w world) { w.silent("10.192.10.102", "10.192.20.102") }},
	{"TL-02", func(w world) { w.badCert(host("svc03"), fact.CertUntrusted, "") }},
	{"IA-05", func(w world) {
		w.IMDS.Role = fact.Role{State: fact.RoleError, Name: "r", Code: "AssumeRoleUnauthorizedAccess"}
	}},
	{"AG-09", func(w world) { w.lead("AG-09") }},
}

// Several independent causes are all reported, in that order, whatever else is
// there.
func TestIndependentCauses(t *testing.T) {
	for i := range independent {
		for j := i + 1; j < len(independent); j++ {
			w := healthy()
			w.crowd(8, fact.NeedRequired)
			independent[j].make(w)
			independent[i].make(w)
			v := Run(w.Set, Options{})
			invariants(t, w.Set, v)
			var got []Code
			for _, f := range v.Causes {
				if f.Severity == SevError {
					got = append(got, f.Code)
				}
			}
			if want := []Code{independent[i].code, independent[j].code}; !slices.Equal(got, want) {
				t.Errorf("%v, want %v: %s", got, want, outline(v))
			}
		}
	}
}

// Whatever required check is left out, the run is not healthy.
func TestNothingRequiredIsSkipped(t *testing.T) {
	leave := fact.Outcome{Status: fact.NotRun, Skipped: "left out"}
	cut := fact.Outcome{Status: fact.Failed, Class: fact.Timeout, CutByBudget: true}
	check := func(what string, change func(w world)) {
		w := healthy()
		if v := Run(w.Set, Options{}); v.Status != Healthy {
			t.Fatalf("not healthy to begin with: %s", outline(v))
		}
		change(w)
		v := Run(w.Set, Options{})
		invariants(t, w.Set, v)
		if v.Status == Healthy || v.Status == Degraded {
			t.Errorf("%s although %s did not run", v.Status, what)
		}
	}
	check("any target", func(w world) { w.Targets = nil })
	check("the Region", func(w world) { w.Place.Region, w.IMDS.Region = "", "" })
	check("the end", func(w world) { w.Run.Interrupted = true })
	check("the agent, which was asked for,", func(w world) { w.Run.NeedAgent, w.Agent.Access = true, leave })
	for _, id := range []string{"ssm", "ssmmessages"} {
		name := host(id)
		check("the lookup of "+name, func(w world) {
			w.Answers = slices.DeleteFunc(w.Answers, func(a fact.Answer) bool { return a.Name == name })
			w.Lookups = slices.DeleteFunc(w.Lookups, func(l fact.Lookup) bool { return l.Name == name })
		})
		for _, o := range []fact.Outcome{leave, cut, {}} {
			check(fmt.Sprintf("TCP to %s (%+v)", name, o), func(w world) {
				for _, a := range w.Set.Answers {
					if a.Name == name {
						for _, x := range a.Addrs {
							w.breaks(o, "", x.String())
						}
					}
				}
			})
			check(fmt.Sprintf("TLS to %s (%+v)", name, o), func(w world) {
				w.shake(name, func(h *fact.Handshake) { *h = fact.Handshake{Outcome: o, Addr: h.Addr, Host: h.Host} })
			})
		}
		check("TLS to "+name, func(w world) {
			w.Handshakes = slices.DeleteFunc(w.Handshakes, func(h fact.Handshake) bool { return h.Host == name })
		})
	}
}

// Alternatives are ranked and each names the one observation that would
// decide, over every fault of the tables; none is there twice, or led already.
func TestAlternatives(t *testing.T) {
	n := 0
	for _, x := range allFirings() {
		w := healthy()
		x.make(w)
		for _, f := range Run(w.Set, Options{}).Causes {
			seen := map[Code]bool{f.Code: true}
			for _, a := range f.Alternatives {
				if n++; a.Decide == "" || a.Title != docOf[a.Code].Title || seen[a.Code] {
					t.Errorf("%s: alternative %+v", f.Code, a)
				}
				seen[a.Code] = true
			}
		}
	}
	if n < 200 {
		t.Errorf("%d alternatives", n)
	}
}
