package diagnose

import (
	"strings"
	"testing"

	"vpcdoctor/probe/fact"
)

// cloudWatch installs the CloudWatch agent, whose two endpoints work.
func (w world) cloudWatch() {
	w.Run.Auto = true
	w.Set.Software = []fact.Software{
		{Outcome: ok(0), ID: "ssm-agent", Path: "/usr/bin/amazon-ssm-agent", Profiles: []string{"session-manager"}},
		{Outcome: ok(0), ID: "cloudwatch-agent", Path: "/opt/aws/cwa", Config: "/opt/aws/cwa.json", Services: []string{"logs", "monitoring"}, Region: region},
	}
	w.target("logs", fact.NeedRecommended, "10.192.10.41", "10.192.20.41")
	w.target("monitoring", fact.NeedRecommended, "10.192.10.42", "10.192.20.42")
}

func (w world) puller() {
	w.Set.Software = []fact.Software{{Outcome: ok(0), ID: "ecr-login", Path: "/usr/bin/x", Profiles: []string{"ecr-pull"}}}
	w.target("ecr.api", fact.NeedRecommended, "10.192.10.43", "10.192.20.43")
	w.target("ecr.dkr", fact.NeedRecommended, "10.192.10.44", "10.192.20.44")
}

var softwareFirings = []firing{
	{code: "RC-04", sev: SevInfo, // an endpoint of its own that nobody asks for otherwise
		make: func(w world) {
			w.cloudWatch()
			w.t("logs").Need = fact.NeedOptional
			w.silent("10.192.10.41", "10.192.20.41")
		},
		miss: func(w world) { w.Set.Software[1].Services = []string{"monitoring"} }},
	{code: "RC-05", sev: SevWarning,
		make: func(w world) {
			w.puller()
			w.t("ecr.dkr").Need = fact.NeedOptional
			w.silent("10.192.10.44", "10.192.20.44")
		},
		miss: func(w world) { w.silent("10.192.10.43", "10.192.20.43") }}, // nothing works: no half
	{code: "RC-06", sev: SevInfo, make: func(w world) { w.cloudWatch() }, miss: func(w world) { w.Run.Auto = false }},
	{code: "RC-07", sev: SevInfo, // kms answers, nobody needs it
		make: func(w world) { w.cloudWatch() },
		miss: func(w world) { w.Set.Software[1].Services = append(w.Set.Software[1].Services, "kms") }},
	{code: "RC-08", sev: SevWarning,
		make: func(w world) { w.cloudWatch(); w.Set.Software[1].Region = "us-east-1" },
		miss: func(w world) { w.Set.Software[1].Region = "" }},
}

// Who suffers follows from what is broken, and says so with the program's name.
func TestStarved(t *testing.T) {
	w := healthy()
	w.cloudWatch()
	w.silent("10.192.10.42", "10.192.20.42")
	v := Run(w.Set, Options{})
	invariants(t, w.Set, v)
	f := find(v, "RC-04")
	if f == nil || f.CausedBy == "" || f.Severity != SevWarning || !strings.Contains(f.Summary, "cloudwatch-agent cannot reach monitoring") {
		t.Errorf("%s", outline(v))
	}
	// An endpoint that its configuration names, and that does not answer.
	w = healthy()
	w.cloudWatch()
	m := w.t("monitoring")
	m.Instead, m.Host = m.Host, "metrics.example.internal"
	w.Set.Software[1].Services, w.Set.Software[1].Override = nil, []fact.Override{{Service: "monitoring", Key: "metrics.endpoint_override", Host: "metrics.example.internal:443"}}
	w.unresolved("metrics.example.internal", failed(fact.NXDomain, ms), failed(fact.NXDomain, ms))
	v = Run(w.Set, Options{})
	invariants(t, w.Set, v)
	if f := find(v, "RC-04"); f == nil || !strings.Contains(f.Summary, "metrics.example.internal, by its configuration") {
		t.Errorf("%s", outline(v))
	}
}
