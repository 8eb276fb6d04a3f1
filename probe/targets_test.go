package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"testing"

	"vpcdoctor/probe/agent"
	"vpcdoctor/probe/fact"
)

func agentTarget(id, host string) fact.Target {
	return fact.Target{ID: id, Host: host, Agent: true, Ports: []fact.Port{{Number: 443, TLS: true, HTTP: true}}}
}

func TestOverrideAgentHosts(t *testing.T) {
	place := fact.Place{DNSSuffix: "amazonaws.com", DualStackSuffix: "api.aws"}
	in := []fact.Target{
		agentTarget("ssm", "ssm.us-east-1.amazonaws.com"),
		agentTarget("ssmmessages", "ssmmessages.us-east-1.amazonaws.com"),
		{ID: "logs", Host: "logs.us-east-1.amazonaws.com"},
	}
	for _, tt := range []struct {
		name   string
		config fact.AgentConfig
		want   []string
	}{
		{"no config", fact.AgentConfig{}, []string{"ssm.us-east-1.amazonaws.com", "ssmmessages.us-east-1.amazonaws.com", "logs.us-east-1.amazonaws.com"}},
		{"one endpoint", fact.AgentConfig{Overrides: []fact.Override{{Service: "ssmmessages", Host: "vpce-1.ssmmessages.us-east-1.vpce.amazonaws.com"}}},
			[]string{"ssm.us-east-1.amazonaws.com", "vpce-1.ssmmessages.us-east-1.vpce.amazonaws.com", "logs.us-east-1.amazonaws.com"}},
		{"service domain", fact.AgentConfig{Domain: "corp.example"}, []string{"ssm.us-east-1.corp.example", "ssmmessages.us-east-1.corp.example", "logs.us-east-1.amazonaws.com"}},
		{"dual stack", fact.AgentConfig{DualStack: true}, []string{"ssm.us-east-1.api.aws", "ssmmessages.us-east-1.api.aws", "logs.us-east-1.amazonaws.com"}},
		{"endpoint wins over domain", fact.AgentConfig{Domain: "corp.example", Overrides: []fact.Override{{Service: "ssm", Host: "a.example:8443"}}},
			[]string{"a.example", "ssmmessages.us-east-1.corp.example", "logs.us-east-1.amazonaws.com"}},
	} {
		got := overrideAgentHosts(in, tt.config, place)
		if len(got) != len(tt.want) {
			t.Fatalf("%s: %d targets, want %d", tt.name, len(got), len(tt.want))
		}
		for i, w := range tt.want {
			if got[i].Host != w {
				t.Errorf("%s: target %d is %s, want %s", tt.name, i, got[i].Host, w)
			}
			if changed := w != in[i].Host; changed != (got[i].Instead == in[i].Host) || changed != (got[i].Origin == "agent config") {
				t.Errorf("%s: %s: Instead %q, Origin %q", tt.name, w, got[i].Instead, got[i].Origin)
			}
		}
	}
	if got := overrideAgentHosts(in, fact.AgentConfig{Overrides: []fact.Override{{Service: "ssm", Host: "a.example:8443"}}}, place); got[0].Ports[0].Number != 8443 {
		t.Errorf("override with port dials %d", got[0].Ports[0].Number)
	}
}

func TestPlaceOrder(t *testing.T) {
	full := func() *runner {
		r := newRunner(Env{Root: t.TempDir()}, Options{Region: "cn-north-1", EnvRegion: "sa-east-1"}, fact.Trust{}, nil)
		r.set.IMDS = fact.IMDS{Region: "eu-west-1", DNSSuffix: "amazonaws.com", Partition: "aws"}
		r.set.Agent.Identity.HybridIn = "us-west-2"
		r.set.Agent.Config.Region = "us-west-1"
		return r
	}
	r := full()
	if p := r.place(); p.Region != "cn-north-1" || p.Source != "flag" || p.DNSSuffix != "amazonaws.com.cn" || p.IMDSRegion != "eu-west-1" || !p.Known {
		t.Errorf("flag: %+v", p)
	}
	r.opt.Region = ""
	if p := r.place(); p.Region != "eu-west-1" || p.Source != "imds" || p.SuffixSource != "imds" {
		t.Errorf("imds: %+v", p)
	}
	r.set.IMDS.Region = ""
	if p := r.place(); p.Region != "us-west-2" || p.Source != "agent registration" {
		t.Errorf("registration: %+v", p)
	}
	r.set.Agent.Identity.HybridIn = ""
	if p := r.place(); p.Region != "us-west-1" || p.Source != "agent config" {
		t.Errorf("agent config: %+v", p)
	}
	r.set.Agent.Config.Region = ""
	if p := r.place(); p.Region != "sa-east-1" || p.Source != "environment" {
		t.Errorf("environment: %+v", p)
	}
	r.opt.EnvRegion = ""
	if p := r.place(); p.Region != "" {
		t.Errorf("nothing known: %+v", p)
	}
}

func TestAddrClass(t *testing.T) {
	vpc := []netip.Prefix{netip.MustParsePrefix("100.64.0.0/16"), netip.MustParsePrefix("52.94.0.0/24"), netip.MustParsePrefix("2600:1f18::/56")}
	for in, want := range map[string]fact.AddrClass{
		"100.64.3.4": fact.OwnVPC, "52.94.0.7": fact.OwnVPC, "2600:1f18::9": fact.OwnVPC,
		"100.65.0.1": fact.OtherPrivate, "10.0.0.1": fact.OtherPrivate, "172.20.1.1": fact.OtherPrivate, "fd00::1": fact.OtherPrivate,
		"169.254.169.254": fact.LinkLocal, "fe80::1": fact.LinkLocal, "127.0.0.1": fact.Loopback, "::1": fact.Loopback,
		"0.0.0.0": fact.Unspecified, "::": fact.Unspecified, "224.0.0.1": fact.Unspecified, "255.255.255.255": fact.Unspecified,
		"64:ff9b::3434:1": fact.NAT64, "8.8.8.8": fact.Unclassified,
	} {
		if got := addrClass(netip.MustParseAddr(in), vpc); got != want {
			t.Errorf("addrClass(%s) = %s, want %s", in, got, want)
		}
	}
}

// world is a runner in a VPC of 10.0.0.0/16 that sends nothing.
func world(t *testing.T, o Options, ts []fact.Target) *runner {
	t.Helper()
	env := Env{Root: t.TempDir(), Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("no network in this test")
	}}
	r := newRunner(env, o, fact.Trust{}, nil)
	r.set.Targets = ts
	r.vpc = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/16")}
	return r
}

// plan hands answers to a connector and returns what it would dial, in order.
func planned(t *testing.T, r *runner, answers ...fact.Answer) []string {
	t.Helper()
	c := r.newConnector(t.Context(), r.prober(), r.set.Targets)
	for _, a := range answers {
		c.answered(a)
	}
	c.collect()
	var order []string
	for _, j := range c.jobs {
		order = append(order, j.host+" "+j.addr.String())
	}
	return order
}

func answer(name string, addrs ...string) fact.Answer {
	a := fact.Answer{Name: name, Status: fact.OK}
	for _, s := range addrs {
		a.Addrs = append(a.Addrs, netip.MustParseAddr(s))
	}
	return a
}

func TestConnections(t *testing.T) {
	port := []fact.Port{{Number: 443, TLS: true, HTTP: true}}
	ts := []fact.Target{
		{ID: "logs", Host: "logs.example", Need: fact.NeedOptional, Profiles: []string{"p"}, Ports: port},
		{ID: "ssm", Host: "ssm.example", Need: fact.NeedRequired, Profiles: []string{"p"}, Ports: port},
		{ID: "twin", Host: "twin.example", Need: fact.NeedRequired, Profiles: []string{"p"}, Ports: port},
		{ID: "other", Host: "other.example", Need: fact.NeedOptional, Ports: port}, // by --all
	}
	r := world(t, Options{}, ts)
	order := planned(t, r, answer("logs.example", "10.0.1.1"), answer("ssm.example", "10.0.1.2", "10.0.2.2", "0.0.0.0", "2600::1"),
		answer("twin.example", "10.0.1.2"), answer("other.example", "52.119.1.1"))
	want := []string{"ssm.example 10.0.1.2:443", "twin.example 10.0.1.2:443", "ssm.example 10.0.2.2:443", "logs.example 10.0.1.1:443"}
	if !slices.Equal(order, want) {
		t.Errorf("connections %q, want %q: required names first, each with its first address", order, want)
	}
	why := map[string]string{}
	ran := 0
	for _, d := range r.set.Dials {
		why[d.Addr.Addr().String()] = d.Skipped
		if d.Status == fact.Failed {
			ran++
		}
	}
	if ran != 3 {
		t.Errorf("%d dial facts for 3 distinct addresses", ran)
	}
	for addr, w := range map[string]string{"0.0.0.0": "not an address of a host", "2600::1": "this host has no IPv6 address", "52.119.1.1": "public address, --all"} {
		if why[addr] != w {
			t.Errorf("%s skipped because %q, want %q", addr, why[addr], w)
		}
	}
	private := world(t, Options{Private: true}, ts[1:2])
	if order := planned(t, private, answer("ssm.example", "52.119.1.1")); len(order) != 0 {
		t.Errorf("--require-private dials %q", order)
	}
}

func TestNames(t *testing.T) {
	var ts []fact.Target
	for i := range 40 {
		ts = append(ts, fact.Target{ID: "c", Host: fmt.Sprintf("c%d.example", i), Type: "Custom", Need: fact.NeedRequired})
	}
	ts = append(ts, fact.Target{ID: "ssm", Host: "ssm.example", Profiles: []string{"p"}, Need: fact.NeedRequired}, fact.Target{ID: "ip", Host: "10.0.0.1", Type: "Custom"})
	full, brief := world(t, Options{}, ts).names()
	if len(full) != fullNames+1 || full[len(full)-1] != "ssm.example" || len(brief) != 40-fullNames {
		t.Errorf("%d names in full (last %s), %d in brief: a profile's names are always asked in full", len(full), full[len(full)-1], len(brief))
	}
}

func TestTunnels(t *testing.T) {
	ts := []fact.Target{
		agentTarget("ssm", "ssm.us-east-1.amazonaws.com"),
		agentTarget("s3", "s3.us-east-1.amazonaws.com"),
		{ID: "logs", Host: "logs.us-east-1.amazonaws.com", Ports: []fact.Port{{Number: 443, TLS: true}}},
	}
	r := world(t, Options{}, ts)
	if n := len(r.tunnels()); n != 0 {
		t.Errorf("%d tunnels without a proxy", n)
	}
	px, err := url.Parse("http://user:secret@proxy.example:3128")
	if err != nil {
		t.Fatal(err)
	}
	r.secrets = agent.Secrets{HTTPSProxy: px, NoProxy: "169.254.169.254,s3.us-east-1.amazonaws.com"}
	got := r.tunnels()
	if len(got) != 1 || got[0].host != "ssm.us-east-1.amazonaws.com" {
		t.Errorf("tunnels %+v: want ssm only, s3 is in no_proxy and logs is not the agent's", got)
	}
	if r.proxyName() != "proxy.example" {
		t.Errorf("proxy name %q", r.proxyName())
	}
}

func TestWorstCaseWithinBudget(t *testing.T) {
	for _, n := range []int{0, 10, 1000} {
		if w := worstCase(Options{}, 20*n, 2*n); w > DefaultBudget {
			t.Errorf("worst case for %d targets is %v, beyond the budget", n, w)
		}
	}
	if w := worstCase(Options{}, 20, 6); w < DefaultTCPTimeout {
		t.Errorf("worst case %v is shorter than one silent connect", w)
	}
}
