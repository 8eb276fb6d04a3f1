package probe

import (
	"slices"
	"testing"

	"vpcdoctor/probe/fact"
)

func TestAddSoftware(t *testing.T) {
	logs := fact.Software{ID: "cloudwatch-agent", Services: []string{"logs"}}
	agent := fact.Software{ID: "ssm-agent", Profiles: []string{"session-manager"}}
	for name, c := range map[string]struct {
		opt                Options
		found              []fact.Software
		profiles, services []string
	}{
		"nothing found":           {profiles: []string{"session-manager"}},
		"nothing found, services": {opt: Options{Services: []string{"sqs"}}, services: []string{"sqs"}},
		"what is installed":       {found: []fact.Software{agent, logs}, profiles: []string{"session-manager"}, services: []string{"logs"}},
		"beside what was chosen": {opt: Options{Profiles: []string{"secrets", "session-manager"}}, found: []fact.Software{agent},
			profiles: []string{"secrets", "session-manager"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := &runner{opt: c.opt, set: &fact.Set{Software: c.found}}
			r.addSoftware()
			if !slices.Equal(r.set.Run.Profiles, c.profiles) || !slices.Equal(r.set.Run.Services, c.services) {
				t.Errorf("profiles %v, services %v; want %v, %v", r.set.Run.Profiles, r.set.Run.Services, c.profiles, c.services)
			}
		})
	}
}

func TestOverrideSoftwareHosts(t *testing.T) {
	ts := []fact.Target{
		{ID: "logs", Host: "logs.us-east-1.amazonaws.com", Ports: []fact.Port{{Number: 443, TLS: true, HTTP: true}}, Wildcard: true},
		{ID: "ssm", Host: "ssm.us-east-1.amazonaws.com", Agent: true},
	}
	got := overrideSoftwareHosts(ts, []fact.Software{{ID: "cloudwatch-agent", Override: []fact.Override{
		{Service: "logs", Host: "logs.corp.example:8443"}, {Service: "ssm", Host: "ssm.corp.example"}, {Service: "xray", Host: "x.corp.example"},
	}}})
	if len(got) != 3 {
		t.Fatalf("%d targets, want the agent's own kept beside the override: %+v", len(got), got)
	}
	logs, own, other := got[0], got[1], got[2]
	if logs.Host != "logs.corp.example" || logs.Instead != "logs.us-east-1.amazonaws.com" || logs.Ports[0].Number != 8443 || logs.Wildcard || logs.Origin != "cloudwatch-agent config" {
		t.Errorf("logs: %+v", logs)
	}
	if own.Host != "ssm.us-east-1.amazonaws.com" || !own.Agent || other.Host != "ssm.corp.example" || other.Agent {
		t.Errorf("ssm: %+v and %+v", own, other)
	}
}
