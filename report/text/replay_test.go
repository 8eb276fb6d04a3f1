package text

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"vpcdoctor/probe/fact"
	"vpcdoctor/report"
	"vpcdoctor/report/diagnose"
)

// The article's experiment as facts, judged by diagnose itself: the texts of
// the rules, the templates and the page have to fit each other.

var (
	publicAddr  = netip.MustParseAddr("52.83.10.1")
	privateAddr = netip.MustParseAddr("10.192.10.20")
)

// experiment is a run in the article's VPC; the ids in private have a private
// endpoint, and nothing public answers.
func experiment(private ...string) *fact.Set {
	s := ningxia()
	s.Resolver.Servers = []netip.AddrPort{netip.MustParseAddrPort("10.192.0.2:53")}
	s.Resolver.VPC = []netip.AddrPort{netip.MustParseAddrPort("169.254.169.253:53"), netip.MustParseAddrPort("10.192.0.2:53")}
	s.IMDS.Token = fact.IMDSGet{Outcome: done(), Path: "PUT /latest/api/token", HTTPStatus: 200}
	s.Agent = fact.Agent{
		Access: done(), UnitsRun: done(), ProcsRun: done(), ProxyRun: done(), Version: "3.3.987.0", VersionFrom: "binary",
		Installs: []fact.AgentInstall{{Kind: "rpm", Path: "/usr/bin/amazon-ssm-agent", Version: "3.3.987.0"}},
		Units:    []fact.AgentUnit{{Name: "amazon-ssm-agent.service", Load: "loaded", Active: "active", Sub: "running", UnitFile: "enabled", MainPID: 812}},
		Procs:    []fact.AgentProc{{PID: 812, Role: "core"}, {PID: 830, Role: "worker"}},
		Identity: fact.AgentIdentity{Outcome: done(), InstanceID: "i-0a1b2c3d4e5f60718", Type: "EC2", Source: "EC2"},
	}
	s.IMDS.Role = fact.Role{Outcome: done(), State: fact.RolePresent, Name: "SSMECRole", Code: "Success"}
	for i, t := range s.Targets {
		addr, class := publicAddr, fact.PublicAWS
		if strings.Contains(strings.Join(private, " ")+" ", t.ID+" ") {
			addr, class = privateAddr, fact.OwnVPC
		}
		for range i {
			addr = addr.Next()
		}
		at := netip.AddrPortFrom(addr, 443)
		for server, via := range map[string]string{"10.192.0.2:53": fact.ViaConfigured, "169.254.169.253:53": fact.ViaVPC} {
			s.Lookups = append(s.Lookups, fact.Lookup{Outcome: done(), Name: t.Host, Type: "A", Server: netip.MustParseAddrPort(server), Via: via, Transport: "udp", Attempt: 1, RCode: "NOERROR", Addrs: []netip.Addr{addr}, TTL: 60})
		}
		s.Answers = append(s.Answers, fact.Answer{Name: t.Host, Status: fact.OK, Addrs: []netip.Addr{addr}, Source: "dns", Server: s.Resolver.Servers[0]})
		s.Addresses = append(s.Addresses, fact.Address{Addr: addr, Class: class, Region: "cn-northwest-1", Service: "AMAZON"})
		if class == fact.PublicAWS {
			s.Dials = append(s.Dials, fact.Dial{Outcome: fact.Outcome{Status: fact.Failed, Class: fact.Timeout, Start: start, Took: fact.Duration(3500 * time.Millisecond)}, Addr: at})
			continue
		}
		ok := fact.Verified{Status: fact.OK, Root: "Amazon Root CA 1"}
		s.Dials = append(s.Dials, fact.Dial{Outcome: done(), Addr: at})
		s.Handshakes = append(s.Handshakes, fact.Handshake{Outcome: done(), Addr: at, Host: t.Host, Version: "TLS 1.3", Name: ok, System: ok, Reference: ok, Chain: []fact.Cert{{Subject: "CN=" + t.Host, Issuer: "CN=Amazon RSA 2048 M02", NotAfter: start.AddDate(1, 0, 0)}}})
		s.Requests = append(s.Requests, fact.Request{Outcome: done(), Addr: at, Host: t.Host, Method: "GET", Path: "/", HTTPStatus: 404, RequestID: "8c3c1f6e", IDHeader: "x-amzn-RequestId", Date: start, HasOffset: true})
	}
	return s
}

func done() fact.Outcome {
	return fact.Outcome{Status: fact.OK, Start: start, Took: fact.Duration(1200 * time.Microsecond)}
}

func TestExperiment(t *testing.T) {
	for _, c := range []struct {
		name    string
		set     *fact.Set
		status  diagnose.Status
		code    diagnose.Code // of the leading cause
		has     []string      // anywhere
		hasNot  []string
		command bool // on the first screen
	}{
		{
			name: "b: no endpoint", set: experiment(), status: diagnose.Broken, code: "DN-02", command: true,
			has: []string{"SsmEndpoint:", "SsmmessagesEndpoint:", "RT-01", "SG-01", "cn-northwest-1"},
		},
		{
			name: "c: ssm only", set: experiment("ssm"), status: diagnose.Broken, code: "EP-01", command: true,
			has: []string{"SsmmessagesEndpoint:", "!Sub 'com.amazonaws.${AWS::Region}.ssmmessages'", "Default: 'true'", "2026-09-30"}, hasNot: []string{"SsmEndpoint:"},
		},
		{
			name: "d: complete", set: experiment("ssm", "ssmmessages", "ec2messages"), status: diagnose.Healthy,
			has: []string{"describe-instance-information", "https://ssmmessages.cn-northwest-1.amazonaws.com.cn/"}, hasNot: []string{"CloudFormation", "FAIL"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := report.New(c.set, diagnose.Run(c.set, diagnose.Options{}), tool)
			got := render(t, r, Options{})
			t.Log("\n" + got)
			assertPage(t, got, defaultWidth)
			if r.Verdict.Status != c.status {
				t.Errorf("status %s, want %s", r.Verdict.Status, c.status)
			}
			lead, led := r.Verdict.Lead()
			if led != (c.code != "") || lead.Code != c.code {
				t.Errorf("leading cause %q, want %q", lead.Code, c.code)
			}
			first := got[:min(len(got), firstMax)]
			joined := squash(strings.ReplaceAll(first, "\\\n", ""))
			if c.command && (lead.Action.Command == "" || !strings.Contains(joined, squash(lead.Action.Command)) || !strings.Contains(first, "Proof:\n")) {
				t.Errorf("the first screen lacks proof or command:\n%s", first)
			}
			for _, x := range c.has {
				if !strings.Contains(got, x) {
					t.Errorf("%q is missing", x)
				}
			}
			for _, x := range c.hasNot {
				if strings.Contains(got, x) {
					t.Errorf("%q does not belong there", x)
				}
			}
		})
	}
}
