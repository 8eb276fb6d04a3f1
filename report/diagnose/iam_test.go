package diagnose

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"vpcdoctor/probe/fact"
)

// Set-ups that work raise nothing but information.
func TestHealthyRoles(t *testing.T) {
	for _, tt := range []struct {
		name string
		make func(w world)
	}{
		{"AmazonSSMManagedInstanceCore", func(w world) { w.online(); w.call("ssm", "ListInstanceAssociations", "", nil) }},
		{"minimal role", func(w world) {
			w.online()
			w.call("ssm", "ListInstanceAssociations", "AccessDeniedException", identityDenial())
		}},
		{"minimal role, connected by the log", func(w world) {
			w.logs(fact.LogConnected, "", nil)
			w.call("ssm", "ListInstanceAssociations", "AccessDeniedException", identityDenial())
		}},
		{"host management without a profile", func(w world) {
			w.online()
			w.IMDS.Role = fact.Role{State: fact.RoleAbsent}
			w.Agent.Identity.Source = "SSM"
			w.Set.Signed.Credentials = []fact.Credential{{Outcome: ok(0), Source: fact.FromDHMC, Role: "AWSSystemsManagerDefaultEC2InstanceManagementRole", Path: managedFile, Expires: start.Add(time.Hour), Selected: true}}
			w.call("ssm", "ListInstanceAssociations", "", nil).Source = fact.FromDHMC
		}},
		{"a weak profile, host management serves", func(w world) {
			w.online()
			w.Agent.Identity.Source = "SSM"
			w.logs(fact.LogProfileRole, fact.ReasonDenied, identityDenial())
		}},
		{"refused before the last start", func(w world) {
			w.logs(fact.LogProfileRole, fact.ReasonDenied, identityDenial()).Old = true
		}},
		{"an inventory that is not allowed", func(w world) {
			w.online()
			w.logs(fact.LogAPICall, fact.ReasonDenied, identityDenial()).Operation = "PutInventory"
		}},
		{"no signed calls", func(w world) { w.Set.Signed.Outcome = fact.Skip("--no-signed") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := healthy()
			tt.make(w)
			v := Run(w.Set, Options{})
			invariants(t, w.Set, v)
			if v.Status != Healthy {
				t.Errorf("%s", outline(v))
			}
		})
	}
}

// What a refusal proves depends on whose call it was.
func TestWeight(t *testing.T) {
	w := healthy()
	w.refusedStandIn(identityDenial())
	w.logs(fact.LogProfileRole, fact.ReasonDenied, identityDenial())
	f := find(Run(w.Set, Options{}), "IA-02")
	if f == nil || f.Confidence != Likely || len(f.Evidence) < 2 || !strings.Contains(f.Evidence[0].Text, "agent's log") || !strings.Contains(f.Summary, "first layer") {
		t.Fatalf("%+v", f)
	}
	w.Agent.Log.Events = nil
	if f = find(Run(w.Set, Options{}), "IA-02"); f == nil || f.Confidence != Possible || !strings.Contains(f.Summary, "stands in") {
		t.Errorf("%+v", f)
	}
	w.Set.Signed.Calls[0].Remembered = start.Add(-3 * time.Hour)
	if f = find(Run(w.Set, Options{}), "IA-02"); f == nil || !strings.Contains(f.Evidence[0].Text, "remembered from 2026-11-01 09:00") {
		t.Errorf("%+v", f)
	}
}

// A refusal that the facts of today contradict, or that another fault makes
// meaningless, is information.
func TestRefusalOvercome(t *testing.T) {
	for name, make := range map[string]func(w world){
		"credentials since": func(w world) {
			w.logs(fact.LogProfileRole, fact.ReasonDenied, identityDenial())
			w.logs(fact.LogReady, "", nil).Last = start.Add(-time.Minute)
		},
		"the stand-in passes": func(w world) {
			w.logs(fact.LogProfileRole, fact.ReasonDenied, identityDenial())
			w.call("ssm", "ListInstanceAssociations", "", nil)
		},
		"the channel's path fails": func(w world) {
			w.refusedStandIn(identityDenial())
			w.silent("10.192.10.12", "10.192.20.12")
		},
	} {
		w := healthy()
		w.offline()
		make(w)
		v := Run(w.Set, Options{})
		invariants(t, w.Set, v)
		if f := find(v, "IA-02"); f == nil || f.Severity != SevInfo {
			t.Errorf("%s: %s", name, outline(v))
		}
	}
}

// The network is the cause of the IAM error: said in words, with the address.
func TestNetworkBehindDenial(t *testing.T) {
	w := healthy()
	w.publicTrio()
	w.layer(fact.LayerIdentity, true).Addr = at443("52.82.1.1")
	f := find(Run(w.Set, Options{}), "IA-11")
	if f == nil || !strings.Contains(f.Summary, "52.82.1.1") || !strings.Contains(f.Summary, "the network is the cause") || f.Action.Statement != "" {
		t.Errorf("%+v", f)
	}
	// The same words of another layer: an alternative.
	w.Set.Signed.Calls[0].Denial.Layer = fact.LayerSCP
	if f = find(Run(w.Set, Options{}), "IA-09"); f == nil || len(f.Alternatives) == 0 || f.Alternatives[0].Code != "IA-11" {
		t.Errorf("%+v", f)
	}
}

func TestStatement(t *testing.T) {
	w := healthy()
	w.refusedStandIn(&fact.Denial{Layer: fact.LayerEndpoint, Action: "ssm:ListInstanceAssociations", Principal: role1})
	f := find(Run(w.Set, Options{}), "EP-08")
	if f == nil {
		t.Fatal("no EP-08")
	}
	want := `{
  "Effect": "Allow",
  "Principal": "*",
  "Action": [
    "ssm:UpdateInstanceInformation",
    "ssm:ListInstanceAssociations"
  ],
  "Resource": "arn:aws-cn:ec2:cn-northwest-1:111122223333:instance/i-0abc",
  "Condition": {"StringEquals": {
    "aws:PrincipalAccount": "111122223333"
  }}
}`
	if f.Action.Statement != want {
		t.Errorf("%s", f.Action.Statement)
	}
	if q := f.Action.Query; !strings.Contains(q, "VpceAccessDenied") || !strings.Contains(q, "'req-ListInstanceAssociations'") {
		t.Errorf("%s", q)
	}
	// The agent's own line leads and has no request id: that of our call serves.
	w.logs(fact.LogProfileRole, fact.ReasonDenied, &fact.Denial{Layer: fact.LayerEndpoint, Action: "ssm:UpdateInstanceInformation"})
	if f = find(Run(w.Set, Options{}), "EP-08"); f == nil || f.Confidence != Likely || !strings.Contains(f.Action.Query, "'req-ListInstanceAssociations'") {
		t.Errorf("%+v", f)
	}
	w.Agent.Log.Events = nil
	for _, service := range []string{"ssmmessages", "ec2messages", "logs", "", "x'"} {
		if q := vpceQuery(service, "req-1", start); q != "" {
			t.Errorf("%s: CloudTrail has no such events\n%s", service, q)
		}
	}
	for partition, arn := range map[string]string{"aws": "arn:aws:", "aws-us-gov": "arn:aws-us-gov:", "aws-iso": "arn:aws-iso:"} {
		w.Place.Partition = partition
		f := find(Run(w.Set, Options{}), "EP-08")
		if f == nil || !strings.Contains(f.Action.Statement, arn+"ec2:") {
			t.Errorf("%s: %+v", partition, f)
		}
	}
	r := refusal{service: "ec2messages", operation: "GetEndpoint", denial: fact.Denial{Action: "ec2messages:GetEndpoint", Resource: "arn:aws:ssm:us-east-1:1:*"}}
	if g := newView(w.Set).grantFor(r); g.resource != "*" {
		t.Errorf("%+v", g)
	}
	w = healthy()
	w.offline()
	w.logs(fact.LogControlToken, fact.ReasonDenied, nil)
	f = find(Run(w.Set, Options{}), "IA-03")
	if f == nil || strings.Count(f.Action.Statement, "ssmmessages:") != 4 || strings.Contains(f.Action.Statement, "Principal") || !strings.Contains(f.Action.Command, "arn:aws-cn:iam::aws:policy/") {
		t.Errorf("%+v", f)
	}
}

// Whatever a file of facts holds, a statement stays one JSON object.
func FuzzStatement(f *testing.F) {
	f.Add("ssm", "GetX", "ssm:GetX", "arn:aws:ec2:r:1:instance/i-1", "i-1", "111122223333")
	f.Add(`s"`, "\n", `a"}`, `arn:"]`, "\x00", `"`)
	f.Fuzz(func(t *testing.T, service, op, action, resource, id, account string) {
		w := healthy()
		w.IMDS.InstanceID, w.IMDS.AccountID = id, account
		for _, l := range []fact.PolicyLayer{fact.LayerIdentity, fact.LayerEndpoint} {
			r := refusal{service: service, operation: op, denial: fact.Denial{Layer: l, Action: action, Resource: resource}}
			var x map[string]any
			if s := newView(w.Set).grantFor(r).String(); json.Unmarshal([]byte(s), &x) != nil || x["Effect"] != "Allow" {
				t.Errorf("%s", s)
			}
		}
		if q := vpceQuery(service, id, start); strings.Count(q, "'")%2 != 0 || strings.Count(q, "'") > 6 {
			t.Errorf("%s", q)
		}
	})
}
