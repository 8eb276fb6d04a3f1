package diagnose

import (
	"net/netip"
	"time"

	"vpcdoctor/probe/fact"
)

// call adds one signed call that stands in for the agent's own.
func (w world) call(service, operation, code string, d *fact.Denial) *fact.Call {
	as := map[string]string{"ssm": "10.192.10.11:443", "ssmmessages": "10.192.10.12:443", "kms": "10.192.10.13:443"}
	c := fact.Call{Outcome: ok(ms), Service: service, Operation: operation, Host: host(service), Region: region, Source: fact.FromProfile,
		HTTPStatus: 200, RequestID: "req-" + operation, Date: start, Denial: d}
	if a := as[service]; a != "" {
		c.Addr = netip.MustParseAddrPort(a)
	}
	if code != "" {
		c.Outcome, c.Code, c.HTTPStatus = failed(fact.HTTPStatus, ms), code, 400
	}
	w.Signed.Outcome = ok(0)
	w.Set.Signed.Calls = append(w.Set.Signed.Calls, c)
	return &w.Set.Signed.Calls[len(w.Set.Signed.Calls)-1]
}

const role1 = "arn:aws-cn:sts::111122223333:assumed-role/role-1/i-0abc"

func identityDenial() *fact.Denial {
	return &fact.Denial{Layer: fact.LayerIdentity, Action: "ssm:UpdateInstanceInformation", Principal: role1,
		Resource: "arn:aws-cn:ec2:cn-northwest-1:111122223333:instance/i-0abc"}
}

// refusedStandIn: our call is refused, the agent is not connected.
func (w world) refusedStandIn(d *fact.Denial) *fact.Call {
	w.offline()
	return w.call("ssm", "ListInstanceAssociations", "AccessDeniedException", d)
}

// offline: the sockets were listed, and none leads to ssmmessages.
func (w world) offline() { w.Agent.Channel.Outcome = ok(0) }

// online: the channel stands.
func (w world) online() {
	w.Agent.Channel = fact.Channel{Outcome: ok(0), Sockets: []fact.Socket{{PID: 720, Role: "worker", State: "ESTABLISHED",
		Local: netip.MustParseAddrPort("10.192.10.50:40000"), Remote: netip.MustParseAddrPort("10.192.10.12:443"), Hosts: []string{host("ssmmessages")}}}}
}

// logs adds a line of the agent's log.
func (w world) logs(stem fact.LogStem, reason fact.LogReason, d *fact.Denial) *fact.LogEvent {
	w.Agent.Log.Outcome, w.Agent.Log.Start = ok(0), start.Add(-time.Hour)
	e := fact.LogEvent{Stem: stem, Reason: reason, Source: "amazon-ssm-agent.log", Level: "ERROR", Count: 2,
		First: start.Add(-50 * time.Minute), Last: start.Add(-10 * time.Minute), Denial: d}
	w.Agent.Log.Events = append(w.Agent.Log.Events, e)
	return &w.Agent.Log.Events[len(w.Agent.Log.Events)-1]
}

func (w world) layer(l fact.PolicyLayer, explicit bool) *fact.Call {
	d := identityDenial()
	d.Layer, d.Explicit = l, explicit
	return w.refusedStandIn(d)
}

var iamFirings = []firing{
	{code: "IA-02", sev: SevError, // the agent's own call
		make: func(w world) { w.offline(); w.logs(fact.LogProfileRole, fact.ReasonDenied, identityDenial()) },
		miss: func(w world) { w.online() }},
	{code: "IA-02", sev: SevError, // a stand-in, and the agent is known to be offline
		make: func(w world) { w.refusedStandIn(identityDenial()) },
		miss: func(w world) { w.Agent.Channel = fact.Channel{} }}, // not known: a warning
	{code: "IA-02", sev: SevWarning,
		make: func(w world) { w.refusedStandIn(identityDenial()); w.Agent.Channel = fact.Channel{} },
		miss: func(w world) { w.online() }},
	{code: "IA-02", sev: SevInfo,
		make: func(w world) { w.refusedStandIn(identityDenial()); w.online() },
		miss: func(w world) { w.Set.Signed.Calls[0].Code, w.Set.Signed.Calls[0].Denial = "ValidationException", nil }},
	{code: "IA-03", sev: SevError,
		make: func(w world) { w.offline(); w.logs(fact.LogControlToken, fact.ReasonDenied, nil) },
		miss: func(w world) { w.Agent.Log.Events[0].Reason = fact.ReasonDialTimeout }},
	{code: "EP-08", sev: SevError,
		make: func(w world) { w.layer(fact.LayerEndpoint, false) },
		miss: func(w world) { w.Set.Signed.Calls[0].Denial.Layer = fact.LayerIdentity }},
	{code: "IA-09", sev: SevError,
		make: func(w world) { w.layer(fact.LayerSCP, true) },
		miss: func(w world) { w.Set.Signed.Calls[0].Denial.Layer = fact.LayerBoundary }},
	{code: "IA-10", sev: SevError,
		make: func(w world) { w.layer(fact.LayerBoundary, false) },
		miss: func(w world) { w.Set.Signed.Calls[0].Denial.Layer = fact.LayerSCP }},
	{code: "IA-11", sev: SevError,
		make: func(w world) {
			w.publicTrio()
			w.layer(fact.LayerIdentity, true).Addr = at443("52.82.1.1")
		},
		miss: func(w world) { w.Set.Signed.Calls[0].Denial.Explicit = false }},
	{code: "IA-12", sev: SevError,
		make: func(w world) { w.layer(fact.LayerIdentity, true).Proxy = "10.192.10.99:3128" },
		miss: func(w world) { w.Set.Signed.Calls[0].Proxy = "" }}, // IA-19
	{code: "IA-12", sev: SevError,
		make: func(w world) {
			w.hub()
			w.layer(fact.LayerIdentity, true).Addr = at443("10.50.1.11")
		},
		miss: func(w world) { w.Set.Signed.Calls[0].Addr = at443("10.192.10.11") }},
	{code: "IA-14", sev: SevError,
		make: func(w world) {
			w.offline()
			d := identityDenial()
			d.Principal = "arn:aws-cn:sts::111122223333:assumed-role/role-0/i-0abc"
			w.logs(fact.LogProfileRole, fact.ReasonDenied, d)
		},
		miss: func(w world) { w.IMDS.Role.Name = "role-0" }},
	{code: "IA-17", sev: SevError,
		make: func(w world) {
			d := identityDenial()
			d.Resource = "arn:aws:ec2:cn-northwest-1:111122223333:instance/i-0abc"
			w.refusedStandIn(d)
		},
		miss: func(w world) { w.Place.Partition = "aws" }},
	{code: "IA-19", sev: SevError,
		make: func(w world) { w.layer(fact.LayerIdentity, true) },
		miss: func(w world) { w.Set.Signed.Calls[0].Denial.Explicit = false }},
	{code: "IA-20", sev: SevError,
		make: func(w world) { w.layer(fact.LayerResource, false) },
		miss: func(w world) { w.Set.Signed.Calls[0].Denial.Layer = fact.LayerSession }},

	{code: "IA-05", sev: SevError,
		make: func(w world) {
			w.offline()
			w.IMDS.Role = fact.Role{}
			w.logs(fact.LogProfileRole, fact.ReasonAssumeRole, nil)
		},
		miss: func(w world) { w.IMDS.Role.State = fact.RolePresent }}, // put right since
	{code: "IA-06", sev: SevError,
		make: func(w world) { w.offline(); w.call("ssm", "ListInstanceAssociations", "ExpiredTokenException", nil) },
		miss: func(w world) { w.Set.Signed.Calls[0].Code = "ThrottlingException" }},
	{code: "IA-07", sev: SevError,
		make: func(w world) {
			w.offline()
			w.IMDS.Role, w.Agent.Identity = fact.Role{State: fact.RoleAbsent}, fact.AgentIdentity{}
			w.logs(fact.LogManagedRole, fact.ReasonNotConfigured, nil)
		},
		miss: func(w world) {
			w.Set.Signed.Credentials = []fact.Credential{{Outcome: ok(0), Source: fact.FromDHMC, Expires: start.Add(time.Hour)}}
		}},
	{code: "IA-08", sev: SevWarning,
		make: func(w world) { w.offline(); w.logs(fact.LogSkipFallback, fact.ReasonTimeout, nil) },
		miss: func(w world) { w.Agent.Log.Events[0].Old = true }},
	{code: "IA-13", sev: SevWarning,
		make: func(w world) {
			w.Set.Signed.Credentials = []fact.Credential{{Outcome: ok(0), Source: fact.FromShared, Path: "/root/.aws/credentials", Selected: true}}
		},
		miss: func(w world) { w.Set.Signed.Credentials[0].Path = managedFile }},
	{code: "IA-13", sev: SevWarning,
		make: func(w world) {
			w.call("sts", "GetCallerIdentity", "", nil).Identity = "arn:aws-cn:iam::111122223333:user/old"
		},
		miss: func(w world) { w.Set.Signed.Calls[0].Identity = role1 }},
	{code: "IA-15", sev: SevError,
		make: func(w world) {
			w.offline()
			w.call("ssm", "ListInstanceAssociations", "UnrecognizedClientException", nil)
		},
		miss: func(w world) { w.Set.Signed.Calls[0].Code = "" }},
	{code: "IA-16", sev: SevError, // by AWS's own words, no clock compared
		make: func(w world) {
			w.offline()
			w.call("ssm", "ListInstanceAssociations", "InvalidSignatureException", nil).Skew = true
			w.Requests, w.Times = nil, nil
		},
		miss: func(w world) { w.Set.Signed.Calls[0].Skew = false }},
	{code: "IA-18", sev: SevInfo,
		make: func(w world) { w.call("ssm", "ListInstanceAssociations", "ThrottlingException", nil) },
		miss: func(w world) { w.Set.Signed.Calls[0].Outcome = fact.Skip("remembered") }},
	{code: "IA-18", sev: SevWarning,
		make: func(w world) { w.offline(); w.logs(fact.LogAPICall, fact.ReasonThrottled, nil).Count = 9 },
		miss: func(w world) { w.Agent.Log.Events[0].Count = 2 }},
}
