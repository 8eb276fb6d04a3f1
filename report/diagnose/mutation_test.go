package diagnose_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"vpcdoctor/probe/fact"
	"vpcdoctor/report/corpus"
	"vpcdoctor/report/diagnose"
)

// A proved finding stands on the facts it cites. TestMutation takes them away,
// one kind after the other: at the latest when no fact of that kind is left to
// cite, the finding must be weaker or gone. A rule that says "proved" without
// what it shows fails here.
func TestMutation(t *testing.T) {
	recordings, findings := 0, 0
	provedFindings(t, func(name string, facts func() *fact.Set, f diagnose.Finding) {
		findings++
		recordings += b2i(!strings.Contains(name, "#"))
		for _, kind := range kinds(f) {
			if kind == "log" && len(kinds(f)) > 1 {
				continue // what the log remembers stands beside what was seen now, and is not needed
			}
			if left, ok := without(t, name, facts(), f, kind); !ok {
				t.Errorf("%s: %s stays proved without any %q fact: %+v", name, f.Code, kind, left.Evidence)
			}
		}
		if slices.ContainsFunc(f.Evidence, func(e diagnose.Evidence) bool { return e.Ref == "" }) && !standsOnUnkeyed(facts, f) {
			t.Errorf("%s: %s stays proved without the facts that it shows and does not cite: %+v", name, f.Code, f.Evidence)
		}
	})
	t.Logf("%d proved findings, %d of them in recordings", findings, recordings)
	if recordings < 15 || findings < 40 {
		t.Error("too few to show anything")
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// provedFindings calls do with each proved finding of the recorded facts, and
// of those written by hand, whose names have a "#".
func provedFindings(t *testing.T, do func(name string, facts func() *fact.Set, f diagnose.Finding)) {
	t.Helper()
	each := func(name string, facts func() *fact.Set) {
		for _, f := range diagnose.Run(facts(), diagnose.Options{}).Causes {
			if f.Confidence == diagnose.Proved {
				do(name, facts, f)
			}
		}
	}
	for _, f := range inCorpus(t) {
		if f.Origin != corpus.Hand {
			each(f.Name, func() *fact.Set { return load(t, f.Name) })
		}
	}
	diagnose.ByHand(each)
}

// unkeyed takes away, one at a time, facts that have no key.
var unkeyed = []func(*fact.Set){
	func(s *fact.Set) { s.Host.Before, s.Host.After = fact.Counters{}, fact.Counters{} },
	func(s *fact.Set) { s.Host.Firewall, s.Host.ENA = nil, nil },
	func(s *fact.Set) { s.Host.Interfaces, s.Host.Routes = nil, nil },
	func(s *fact.Set) { s.Agent = fact.Agent{} },
	func(s *fact.Set) { s.Agent.Units, s.Agent.Procs = nil, nil },
	func(s *fact.Set) { s.Agent.Ground = fact.AgentGround{} },
	func(s *fact.Set) { s.Agent.Identity = fact.AgentIdentity{} },
	func(s *fact.Set) { s.IMDS.Role = fact.Role{} },
	func(s *fact.Set) { s.IMDS.ENIs = nil },
	func(s *fact.Set) { s.Resolver, s.Trust = fact.Resolver{}, fact.Trust{} },
	func(s *fact.Set) { s.Run.Interrupted, s.End = false, s.Start.Add(1) },
	func(s *fact.Set) { s.Variants, s.Controls, s.Times = nil, nil, nil },
	func(s *fact.Set) { s.Signed, s.Rehearsal, s.Software = fact.Signed{}, fact.Rehearsal{}, nil },
	func(s *fact.Set) { s.Handshakes, s.Answers = nil, nil },
}

// standsOnUnkeyed tells whether one of these mutations weakens a finding.
func standsOnUnkeyed(facts func() *fact.Set, f diagnose.Finding) bool {
	return slices.ContainsFunc(unkeyed, func(take func(*fact.Set)) bool {
		s := facts()
		take(s)
		return !slices.ContainsFunc(diagnose.Run(s, diagnose.Options{}).Causes, func(g diagnose.Finding) bool {
			return g.Code == f.Code && g.Confidence == diagnose.Proved
		})
	})
}

// kinds are those of the facts that a finding cites by key.
func kinds(f diagnose.Finding) []string {
	var out []string
	for _, e := range f.Evidence {
		if kind := kindOf(e.Ref); kind != "" && !slices.Contains(out, kind) {
			out = append(out, kind)
		}
	}
	return out
}

// kindOf is the kind of fact that a key names. All comparisons of the clock are
// one kind: any of several witnesses proves its offset.
func kindOf(ref string) string {
	kind, _, _ := strings.Cut(ref, ":")
	if kind == "time" {
		return "http"
	}
	return kind
}

// without removes what the finding cites of one kind, and what it cites then,
// until it is weaker or gone.
func without(t *testing.T, name string, s *fact.Set, f diagnose.Finding, kind string) (diagnose.Finding, bool) {
	t.Helper()
	for range 64 {
		refs := refsOf(f, kind)
		if len(refs) == 0 {
			return f, false
		}
		for _, ref := range refs {
			if removed(s, ref) == 0 {
				t.Errorf("%s: %s cites %s, which is no fact", name, f.Code, ref)
				return f, true
			}
		}
		v := diagnose.Run(s, diagnose.Options{})
		i := slices.IndexFunc(v.Causes, func(g diagnose.Finding) bool { return g.Code == f.Code })
		if i < 0 || v.Causes[i].Confidence != diagnose.Proved {
			return f, true
		}
		f = v.Causes[i]
	}
	return f, false
}

func refsOf(f diagnose.Finding, kind string) []string {
	var out []string
	for _, e := range f.Evidence {
		if kindOf(e.Ref) == kind && !slices.Contains(out, e.Ref) {
			out = append(out, e.Ref)
		}
	}
	return out
}

// removed takes every fact with this key out of a set and counts them.
func removed(s *fact.Set, key string) int { return remove(reflect.ValueOf(s).Elem(), key) }

type keyed interface{ Key() string }

func hasKey(v reflect.Value, key string) bool {
	switch x := v.Interface().(type) {
	case keyed:
		return x.Key() == key
	case fact.Socket:
		return "socket:"+x.Remote.String() == key
	case fact.Role:
		return key == "imds:iam/"
	}
	return false
}

func remove(v reflect.Value, key string) int {
	n := 0
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Field(i)
			if !f.CanSet() {
				continue
			}
			if f.Kind() == reflect.Struct && hasKey(f, key) {
				f.SetZero()
				n++
				continue
			}
			n += remove(f, key)
		}
	case reflect.Pointer:
		if !v.IsNil() {
			n += remove(v.Elem(), key)
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() != reflect.Struct {
			return 0
		}
		out := reflect.MakeSlice(v.Type(), 0, v.Len())
		for i := range v.Len() {
			if hasKey(v.Index(i), key) {
				n++
				continue
			}
			n += remove(v.Index(i), key)
			out = reflect.Append(out, v.Index(i))
		}
		if n > 0 {
			v.Set(out)
		}
	}
	return n
}

// TestFlip turns the outcome of each cited fact round: what had failed is well,
// what was well has not run. The finding must not stay as it was.
func TestFlip(t *testing.T) {
	flips := 0
	provedFindings(t, func(name string, facts func() *fact.Set, f diagnose.Finding) {
		for _, e := range f.Evidence {
			s := facts()
			if e.Ref == "" || flip(reflect.ValueOf(s).Elem(), e.Ref) == 0 {
				continue // no outcome of its own
			}
			flips++
			w := diagnose.Run(s, diagnose.Options{})
			i := slices.IndexFunc(w.Causes, func(g diagnose.Finding) bool { return g.Code == f.Code })
			if i >= 0 && same(w.Causes[i], f) {
				t.Errorf("%s: %s does not heed %s (%s)", name, f.Code, e.Ref, e.Text)
			}
		}
	})
	t.Logf("%d flips", flips)
	if flips < 60 {
		t.Error("too few to show anything")
	}
}

func same(a, b diagnose.Finding) bool {
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	return string(x) == string(y)
}

func flip(v reflect.Value, key string) int {
	n := 0
	switch v.Kind() {
	case reflect.Struct:
		if v.CanInterface() && hasKey(v, key) {
			if r, ok := v.Addr().Interface().(*fact.Role); ok {
				r.State, r.Code = fact.RolePresent, "Success"
			}
			if o := v.FieldByName("Outcome"); o.IsValid() {
				x := o.Addr().Interface().(*fact.Outcome)
				if h := v.FieldByName("HTTPStatus"); h.IsValid() {
					h.SetInt(200)
				}
				if x.Status == fact.Failed {
					*x = fact.Outcome{Status: fact.OK, Start: x.Start, Took: x.Took}
				} else {
					*x = fact.Skip("not run")
				}
				return 1
			}
		}
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				n += flip(v.Field(i), key)
			}
		}
	case reflect.Pointer:
		if !v.IsNil() {
			n += flip(v.Elem(), key)
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Struct {
			for i := range v.Len() {
				n += flip(v.Index(i), key)
			}
		}
	}
	return n
}
