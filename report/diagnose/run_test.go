package diagnose

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"vpcdoctor/probe/fact"
)

func allFirings() []firing {
	return slices.Concat(hostFirings, imdsFirings, dnsFirings, pathFirings, aboveFirings, diffFirings, portFirings, layerFirings, iamFirings, sessionFirings, softwareFirings, agentFirings, groundFirings, channelFirings, finerFirings, rareFirings)
}

func find(v Verdict, c Code) *Finding {
	for _, fs := range [][]Finding{v.Causes, v.Effects} {
		for i := range fs {
			if fs[i].Code == c {
				return &fs[i]
			}
		}
	}
	return nil
}

// Every code fires on its fault and is silent, or another severity, when one
// fact differs.
func TestFirings(t *testing.T) {
	for _, f := range allFirings() {
		t.Run(string(f.code)+"/"+string(f.sev), func(t *testing.T) {
			w := healthy()
			f.make(w)
			v := Run(w.Set, Options{})
			invariants(t, w.Set, v)
			got := find(v, f.code)
			if got == nil || got.Severity != f.sev {
				t.Fatalf("not found as %s: %s", f.sev, outline(v))
			}
			if got.CausedBy != f.by {
				t.Errorf("an effect of %q: %s", got.CausedBy, outline(v))
			}
			f.miss(w)
			v = Run(w.Set, Options{})
			invariants(t, w.Set, v)
			if g := find(v, f.code); g != nil && g.Severity == f.sev {
				t.Errorf("near miss still fires: %s", outline(v))
			}
		})
	}
}

// Every rule has a fault in the table.
func TestEveryRuleHasAFault(t *testing.T) {
	have := map[Code]bool{}
	for _, f := range allFirings() {
		have[f.code] = true
	}
	for _, r := range rules() {
		if _, ok := docOf[r.Code]; !ok {
			t.Errorf("%s has no page", r.Code)
		}
		if !have[r.Code] {
			t.Errorf("%s has no fault in the table", r.Code)
		}
		for _, e := range r.Explains {
			if _, ok := docOf[e]; !ok {
				t.Errorf("%s explains %s, which has no page", r.Code, e)
			}
		}
	}
}

func outline(v Verdict) string {
	var b strings.Builder
	b.WriteString(string(v.Status))
	for _, f := range slices.Concat(v.Causes, v.Effects) {
		b.WriteString(" [" + string(f.Code) + " " + string(f.Severity) + " by " + string(f.CausedBy) + "] " + f.Summary)
	}
	return b.String()
}

// invariants that hold for every verdict on any facts.
func invariants(t *testing.T, s *fact.Set, v Verdict) {
	t.Helper()
	codes := map[Code]bool{}
	for _, f := range v.Causes {
		codes[f.Code] = true
		if f.CausedBy != "" {
			t.Errorf("cause %s has a cause", f.Code)
		}
	}
	for _, f := range slices.Concat(v.Causes, v.Effects) {
		d, ok := docOf[f.Code]
		if !ok || f.Title != d.Title || f.Severity == "" || f.Confidence == "" {
			t.Errorf("%s: incomplete: %+v", f.Code, f)
		}
		if d.weak() && f.Confidence == Proved {
			t.Errorf("%s is proved on weak knowledge", f.Code)
		}
		if len(f.Evidence) == 0 || len(f.Evidence) > maxEvidence || f.Action.Do == "" || f.Summary == "" {
			t.Errorf("%s: %d lines of evidence, action %q, summary %q", f.Code, len(f.Evidence), f.Action.Do, f.Summary)
		}
		if f.Action.Where != "instance" && f.Action.Where != "operator" {
			t.Errorf("%s: action at %q", f.Code, f.Action.Where)
		}
		for _, a := range f.Alternatives {
			if a.Title == "" || a.Decide == "" || a.Code == f.Code {
				t.Errorf("%s: alternative %+v", f.Code, a)
			}
		}
		if strings.ContainsAny(f.Action.Command, "\n;&|`$<>") {
			t.Errorf("%s: command %q", f.Code, f.Action.Command)
		}
	}
	for _, f := range v.Effects {
		if !codes[f.CausedBy] {
			t.Errorf("effect %s of %s, which is no cause", f.Code, f.CausedBy)
		}
	}
	for _, n := range v.NotChecked {
		if n.Required && (v.Status == Healthy || v.Status == Degraded) {
			t.Errorf("%s although %s was not checked", v.Status, n.What)
		}
	}
	if (v.Status == Inconclusive) != (v.Decide != "") {
		t.Errorf("status %s, decide %q", v.Status, v.Decide)
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []string{"causes", "effects", "innocent", "not_checked", "rows"} {
		if strings.Contains(string(b), `"`+k+`":null`) {
			t.Errorf("%s is null", k)
		}
	}
	if i := strings.IndexFunc(v.Headline, func(r rune) bool { return r < ' ' || r > '~' }); i >= 0 || v.Headline == "" {
		t.Errorf("headline %q", v.Headline)
	}
	for _, r := range v.Rows {
		if r.Status == Pass && (r.TCP.Status == Fail || r.TLS.Status == Fail) {
			t.Errorf("row passes over a failure: %+v", r)
		}
	}
	view := newView(s)
	for _, r := range v.Rows {
		required := r.Need == string(fact.NeedRequired) && view.counts(r)
		if required && r.Status != Pass && (v.Status == Healthy || v.Status == Degraded) && len(s.Run.Ignored) == 0 && !accepted(v) && !s.Run.Private {
			t.Errorf("%s although %s is %s: %s", v.Status, r.Host, r.Status, outline(v))
		}
	}
}

func accepted(v Verdict) bool {
	return slices.ContainsFunc(v.Causes, func(f Finding) bool { return f.Accepted })
}

// The order of facts means nothing.
func TestOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, f := range allFirings() {
		w := healthy()
		f.make(w)
		want := Run(w.Set, Options{})
		for range 3 {
			Shuffle(rng, w.Set)
			if got := Run(w.Set, Options{}); !reflect.DeepEqual(got, want) {
				t.Fatalf("%s: verdict depends on the order\n%s\n%s", f.code, outline(want), outline(got))
			}
		}
	}
}

func shuffle[T any](r *rand.Rand, s []T) {
	r.Shuffle(len(s), func(i, j int) { s[i], s[j] = s[j], s[i] })
}

// What was not run, or was cut by our own budget, is never evidence.
func TestGapsAreNoEvidence(t *testing.T) {
	for _, tt := range []struct {
		name string
		gap  func(w world)
	}{
		{"dial not run", func(w world) { w.breaks(fact.Skip("budget"), "", "10.192.10.11") }},
		{"dial cut", func(w world) {
			o := failed(fact.Timeout, 0)
			o.CutByBudget = true
			w.breaks(o, "", "10.192.10.11", "10.192.20.11")
		}},
		{"handshake cut", func(w world) {
			w.shake(host("ssm"), func(h *fact.Handshake) { h.Outcome = failed(fact.Timeout, 0); h.CutByBudget = true })
		}},
		{"certificate not verified", func(w world) {
			w.shake(host("ssm"), func(h *fact.Handshake) { h.System, h.Name = fact.Verified{}, fact.Verified{} })
		}},
		{"lookups cut", func(w world) {
			o := failed(fact.Timeout, 0)
			o.CutByBudget = true
			w.unresolved(host("ssm"), o, o)
		}},
		{"no answer", func(w world) { w.Answers = nil }},
		{"no targets", func(w world) { w.Targets = nil }},
		{"no Region", func(w world) { w.Place.Region, w.IMDS.Region = "", "" }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := healthy()
			tt.gap(w)
			v := Run(w.Set, Options{})
			invariants(t, w.Set, v)
			if v.Status != Inconclusive || len(codesOf(v.Causes, SevError)) > 0 {
				t.Errorf("%s", outline(v))
			}
		})
	}
}

func TestStatus(t *testing.T) {
	for _, tt := range []struct {
		name   string
		make   func(w world)
		ignore []Code
		want   Status
	}{
		{"healthy", func(world) {}, nil, Healthy},
		{"warning", func(w world) { w.resolves(host("ssmmessages"), "52.82.1.2") }, nil, Degraded},
		{"error", func(w world) { w.silent("10.192.20.11") }, nil, Broken},
		{"error accepted", func(w world) { w.silent("10.192.20.11") }, []Code{"rt-08"}, Healthy},
		{"accepted by the run", func(w world) { w.silent("10.192.20.11"); w.Run.Ignored = []string{"RT-08"} }, nil, Healthy},
		{"interrupted", func(w world) { w.Run.Interrupted = true }, nil, Inconclusive},
		{"interrupted with an error", func(w world) { w.Run.Interrupted = true; w.silent("10.192.20.11") }, nil, Inconclusive},
		{"no root", func(w world) { w.Agent = fact.Agent{Access: fact.Skip("needs root")} }, nil, Healthy},
		{"no root, agent required", func(w world) { w.Agent = fact.Agent{Access: fact.Skip("needs root")}; w.Run.NeedAgent = true }, nil, Inconclusive},
		{"optional silent", func(w world) { w.silent("10.192.10.13", "10.192.20.13") }, nil, Healthy},
		{"recommended silent", func(w world) { w.silent("10.192.10.13", "10.192.20.13"); w.t("kms").Need = fact.NeedRecommended }, nil, Degraded},
		{"one of a group works", func(w world) {
			w.s3("52.82.1.5")
			w.silent("52.82.1.5")
			g := w.target("s3-interface", fact.NeedOneOf, "10.192.10.80")
			g.Group = "s3"
		}, nil, Healthy},
		{"none of a group works", func(w world) {
			w.s3("52.82.1.5")
			g := w.target("s3-interface", fact.NeedOneOf, "10.192.10.80")
			g.Group = "s3"
			w.silent("52.82.1.5", "10.192.10.80")
		}, nil, Broken},
		{"AAAA without an answer", func(w world) {
			w.Lookups = append(w.Lookups, fact.Lookup{Outcome: failed(fact.NoData, ms), Name: host("ssm"), Type: "AAAA", Server: vpcPlus, Via: fact.ViaConfigured, Transport: "udp", Attempt: 1})
		}, nil, Healthy},
		{"IPv6 that the host cannot use", func(w world) {
			w.resolves(host("ssm"), "10.192.10.11", "2600:1f18::11")
			w.breaks(failed(fact.NetUnreachable, 0), "ENETUNREACH", "2600:1f18::11")
		}, nil, Healthy},
		{"no request id", func(w world) { w.Requests = nil }, nil, Healthy},
		{"hub", func(w world) { w.hub() }, nil, Healthy},
		{"by proxy, direct path dropped", func(w world) { w.onlyProxied(ok(ms), nil) }, nil, Healthy},
		{"host management", func(w world) { w.IMDS.Role = fact.Role{State: fact.RoleAbsent}; w.Agent.Identity.Source = "SSM" }, nil, Healthy},
		{"public S3", func(w world) { w.s3("52.82.1.5") }, nil, Healthy},
		{"IMDS off by choice", func(w world) { w.IMDS = fact.IMDS{Disabled: "AWS_EC2_METADATA_DISABLED"} }, nil, Healthy},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := healthy()
			tt.make(w)
			v := Run(w.Set, Options{Ignore: tt.ignore})
			invariants(t, w.Set, v)
			if v.Status != tt.want {
				t.Errorf("%s", outline(v))
			}
		})
	}
}

// A dead resolver is one finding, however many services it takes along.
func TestOneCause(t *testing.T) {
	w := healthy()
	for i := range 30 {
		w.target("svc"+string(rune('a'+i%26))+string(rune('a'+i/26)), fact.NeedRequired, "10.192.20.200")
	}
	w.customDNS("10.1.1.1:53")
	w.Agent.Procs = w.Agent.Procs[:1]
	v := Run(w.Set, Options{})
	invariants(t, w.Set, v)
	if got := codesOf(v.Causes, SevError); !same(got, []Code{"DN-07"}) {
		t.Fatalf("%s", outline(v))
	}
	if e := find(v, "EP-17"); e == nil || len(e.Subjects) != 33 || e.CausedBy != "DN-07" {
		t.Errorf("effects: %+v", v.Effects)
	}
	if e := find(v, "AG-20"); e == nil || e.CausedBy != "DN-07" {
		t.Errorf("effects: %+v", v.Effects)
	}
}

// Independent faults are all named, from the ground up.
func TestSeveralCauses(t *testing.T) {
	w := healthy()
	w.silent("10.192.10.12", "10.192.20.12")
	w.answer(host("ssm"), "10.192.20.99")
	w.Answers[len(w.Answers)-1].Source = "hosts"
	w.silent("10.192.20.99")
	w.Agent.Units[0].Active, w.Agent.Procs = "inactive", nil
	v := Run(w.Set, Options{})
	var got []Code
	for _, f := range v.Causes {
		got = append(got, f.Code)
	}
	if !slices.Equal(got, []Code{"DN-15", "SG-02", "AG-02"}) {
		t.Errorf("%v", got)
	}
}

// Inside Run Command the channel worked a moment ago: nothing is restarted
// from there, and channel findings say that they are history.
func TestRunCommand(t *testing.T) {
	for _, f := range allFirings() {
		w := healthy()
		f.make(w)
		w.Run.Context = "run-command"
		v := Run(w.Set, Options{})
		for _, x := range slices.Concat(v.Causes, v.Effects) {
			if s := strings.ToLower(x.Action.Do + " " + x.Action.Command); strings.Contains(s, "restart the agent") || strings.Contains(s, "systemctl restart amazon") {
				t.Errorf("%s: %s", x.Code, s)
			}
		}
	}
	w := healthy()
	w.resolves(host("ssmmessages"), "52.82.1.2")
	w.silent("52.82.1.2")
	w.Run.Context = "run-command"
	if f := find(Run(w.Set, Options{}), "EP-01"); f == nil || !strings.Contains(f.Summary, "History") {
		t.Errorf("%+v", f)
	}
}

// A rule that panics costs its own finding only.
func TestRulePanic(t *testing.T) {
	w := healthy()
	v := newView(w.Set)
	v.assign()
	bad := Rule{Code: "SG-01", Eval: func(*View) []Finding { panic("boom") }}
	out := v.verdict([]Rule{bad}, Options{})
	f := find(out, "SELF-01")
	if f == nil || !strings.Contains(f.Evidence[0].Text, "boom") || out.Status != Degraded {
		t.Errorf("%s", outline(out))
	}
}

// A name from a stranger never becomes part of a command that a shell reads.
func TestHostileNames(t *testing.T) {
	w := healthy()
	w.t("ssm").Service = "x;reboot"
	w.t("ssmmessages").Service = "$(reboot)"
	w.IMDS.ENIs[0].SubnetID = "subnet`id`"
	w.IMDS.ENIs[0].VPCID = "vpc-\x1b[31m"
	w.publicTrio()
	w.silent("52.82.1.1", "52.82.1.2")
	v := Run(w.Set, Options{})
	invariants(t, w.Set, v)
}

// Facts that were stored and read back give the same verdict.
func TestReplay(t *testing.T) {
	for _, f := range allFirings() {
		w := healthy()
		f.make(w)
		b, err := json.Marshal(w.Set)
		if err != nil {
			t.Fatal(err)
		}
		var s fact.Set
		if err := json.Unmarshal(b, &s); err != nil {
			t.Fatal(err)
		}
		if got, want := Run(&s, Options{}), Run(w.Set, Options{}); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: replay differs\n%s\n%s", f.code, outline(want), outline(got))
		}
	}
}
