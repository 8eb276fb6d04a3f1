package signed

import (
	"net/http"
	"net/netip"
	"testing"

	"vpcdoctor/probe/fact"
)

func TestPlan(t *testing.T) {
	const ssm = "ListInstanceAssociations"
	for name, x := range map[string]struct {
		change func(*world)
		call   string
		want   string // reason; empty: the call is made
		region string
	}{
		"ssm":                     {call: ssm, region: "us-east-1"},
		"ssm, signing Region set": {func(w *world) { w.set.Agent.Config.Region = "eu-west-1" }, ssm, "", "eu-west-1"},
		"ssm, no path": {func(w *world) { w.set.Handshakes[0].Status = fact.Failed }, ssm,
			"no working path to ssm." + zone, "us-east-1"},
		"ssm, a second address works": {func(w *world) {
			bad := w.set.Handshakes[0]
			bad.Status = fact.Failed
			w.set.Handshakes = append([]fact.Handshake{bad}, w.set.Handshakes...)
		}, ssm, "", "us-east-1"},
		"ssm, only a variant works": {func(w *world) { w.set.Handshakes[0].Variant = "small_mss" }, ssm,
			"no working path to ssm." + zone, "us-east-1"},
		"ssm, intercepted": {func(w *world) { w.set.Handshakes[0].System.Status = fact.Failed }, ssm,
			"the system's roots do not verify the certificate of ssm." + zone, "us-east-1"},
		"ssm, roots not known": {func(w *world) { w.set.Handshakes[0].System = fact.Verified{} }, ssm,
			"the system's roots do not verify the certificate of ssm." + zone, "us-east-1"},
		"ssm, another name": {func(w *world) { w.set.Handshakes[0].Name.Status = fact.Failed }, ssm,
			"the system's roots do not verify the certificate of ssm." + zone, "us-east-1"},
		"ssm, the agent has a proxy, we went direct": {func(w *world) { w.set.Agent.Proxy.HTTPS = "http://proxy:3128" }, ssm,
			"no working path to ssm." + zone + " through the agent's proxy", "us-east-1"},
		"ssm, through the proxy": {func(w *world) {
			w.set.Agent.Proxy.HTTPS = "http://proxy:3128"
			w.set.Handshakes[0].Proxy, w.set.Handshakes[0].Addr = "proxy:3128", netip.MustParseAddrPort("10.0.0.9:3128")
		}, ssm, "", "us-east-1"},
		"ssm, no_proxy": {func(w *world) {
			w.set.Agent.Proxy = fact.ProxySetting{HTTPS: "http://proxy:3128", No: ".amazonaws.com"}
		}, ssm, "", "us-east-1"},
		"ssm, not asked for": {func(w *world) { w.set.Targets = w.set.Targets[1:] }, ssm,
			"not among what this run was to reach", "us-east-1"},
		"ssm, no instance id": {func(w *world) { w.set.IMDS.InstanceID = "" }, ssm, "the id of this node is not known", "us-east-1"},
		"ssm, a hostile id":   {func(w *world) { w.set.IMDS.InstanceID = "i-../../latest" }, ssm, "the id of this node is not known", "us-east-1"},
		"ssm, no Region":      {func(w *world) { w.set.Place.Region = "" }, ssm, "the Region is not known", ""},

		"ec2messages, new agent":                         {nil, "GetEndpoint", "this agent does not depend on it", "us-east-1"},
		"ec2messages, the version that needs it no more": {func(w *world) { w.set.Agent.Version = "3.3.40.0" }, "GetEndpoint", "this agent does not depend on it", "us-east-1"},
		"ec2messages, old agent":                         {func(w *world) { w.set.Agent.Version = "3.2.2303.0" }, "GetEndpoint", "", "us-east-1"},
		"ec2messages, no version":                        {func(w *world) { w.set.Agent.Version = "" }, "GetEndpoint", "the version of the agent is not known", "us-east-1"},
		"ec2messages, old agent, no path": {func(w *world) { w.set.Agent.Version, w.set.Handshakes = "3.2.2303.0", w.set.Handshakes[:1] }, "GetEndpoint",
			"no working path to ec2messages." + zone, "us-east-1"},

		"sts":            {nil, "GetCallerIdentity", "", "us-east-1"},
		"sts, not asked": {func(w *world) { w.set.Targets = w.set.Targets[:3] }, "GetCallerIdentity", "not among what this run was to reach", "us-east-1"},
		"sts, the agent would use its proxy": {func(w *world) { w.set.Agent.Proxy.HTTPS = "http://proxy:3128" }, "GetCallerIdentity",
			"no working path to sts." + zone + " through the agent's proxy", "us-east-1"},

		"channel, not asked for":  {func(w *world) { w.set.Agent.Procs = nil }, "CreateControlChannel", "only with --agent-channel", "us-east-1"},
		"channel, the agent runs": {func(w *world) { w.o.AgentChannel = true }, "CreateControlChannel", "the agent is running", "us-east-1"},
		"channel, unknown": {func(w *world) { w.o.AgentChannel, w.set.Agent.Procs, w.set.Agent.ProcsRun = true, nil, fact.Skip("x") }, "CreateControlChannel",
			"whether the agent runs is not known", "us-east-1"},
		"channel, the agent is down": {func(w *world) { w.o.AgentChannel, w.set.Agent.Procs = true, nil }, "CreateControlChannel", "", "us-east-1"},
		"channel, Mgs.Region": {func(w *world) {
			w.o.AgentChannel, w.set.Agent.Procs, w.set.Agent.Config.MGSRegion = true, nil, "eu-west-1"
		}, "CreateControlChannel", "", "eu-west-1"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, http.NotFoundHandler())
			if x.change != nil {
				x.change(w)
			}
			for _, p := range Plan(&w.set, w.o) {
				if p.Operation != x.call {
					continue
				}
				if p.Skipped != x.want || p.Region != x.region {
					t.Errorf("%q in %q, want %q in %q", p.Skipped, p.Region, x.want, x.region)
				}
				return
			}
			t.Error("not in the plan")
		})
	}
}
