package diagnose

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"vpcdoctor/probe/fact"
)

// swept adds connects to an address from source ports; those in ok worked.
func (w world) swept(a string, good ...uint16) {
	for _, p := range []uint16{33000, 50000, 61000} {
		o := failed(fact.Timeout, 3500*ms)
		for _, g := range good {
			if g == p {
				o = ok(ms)
			}
		}
		w.Controls = append(w.Controls, fact.Control{Kind: fact.ControlSourcePort, Of: a, Port: p, Dial: fact.Dial{Outcome: o, Addr: at443(a)}})
	}
}

func (w world) dial(a string) *fact.Dial {
	for i := range w.Dials {
		if w.Dials[i].Addr == at443(a) {
			return &w.Dials[i]
		}
	}
	panic("no dial to " + a)
}

func (w world) routedBy(iface, kind string, as ...string) {
	for _, a := range as {
		r := fact.RouteTo{Outcome: ok(0), Dst: netip.MustParseAddr(a), Type: kind, Table: 254, Iface: iface}
		w.dial(a).Route = &r
	}
}

func (w world) filtered(r fact.FirewallRule) {
	w.Host.Firewall = &fact.Firewall{Outcome: ok(ms), Tool: "nft", Rules: []fact.FirewallRule{r}}
}

var dropRule = fact.FirewallRule{Tool: "nft", Family: "ip", Table: "filter", Chain: "OUTPUT", Handle: 2, Text: "tcp dport 443 drop", Verdict: "drop", Packets: 46, Rose: 1}

func (w world) ena(name string, rose uint64) {
	w.Host.ENA = append(w.Host.ENA, fact.ENACounter{Iface: "eth0", Name: name, Before: 3, After: 3 + rose})
}

var portFirings = []firing{
	{code: "SG-07", sev: SevError,
		make: func(w world) {
			w.silent("10.192.20.11", "10.192.20.12", "10.192.20.13")
			w.swept("10.192.20.11", 50000, 61000)
			w.swept("10.192.20.12", 50000, 61000)
		},
		miss: func(w world) { w.Controls = nil; w.swept("10.192.20.11") }}, // SG-06
	{code: "SG-07", sev: SevError,
		make: func(w world) { w.silent("10.192.20.11"); w.swept("10.192.20.11", 50000) },
		// Another address contradicts: loss at random, and no rule about ports.
		miss: func(w world) { w.swept("10.192.20.12", 33000) }},
	{code: "SG-02", sev: SevError, // S3 answers: 443 leaves the instance
		make: func(w world) { w.s3("52.82.1.5"); w.silent(w.all("10.192.")...) },
		miss: func(w world) { w.silent("52.82.1.5") }}, // SG-01
	{code: "OS-01", sev: SevError, // a rule counted our packets, and no counters of the kernel
		make: func(w world) {
			w.silent("10.192.10.11", "10.192.20.11")
			w.Host.Before, w.Host.After = fact.Counters{}, fact.Counters{}
			w.filtered(dropRule)
		},
		miss: func(w world) { w.Host.Firewall.Rules[0].Rose = 0 }}, // SG-02
	{code: "OS-01", sev: SevError, // the kernel never asked who has the address
		make: func(w world) {
			w.breaks(failed(fact.Refused, 20*ms), "ECONNREFUSED", "10.192.10.11")
			w.dial("10.192.10.11").Neighbour = fact.NeighbourNone
		},
		miss: func(w world) { w.dial("10.192.10.11").Neighbour = fact.NeighbourReachable }}, // RT-08
	{code: "OS-01", sev: SevError, // UDP to the VPC resolver is answered, TCP is not
		make: func(w world) {
			w.silent(w.all("10.192.")...)
			w.Controls = []fact.Control{{Kind: fact.ControlResolver, Of: vpcDNS.String(), Dial: fact.Dial{Outcome: failed(fact.Timeout, time.Second), Addr: vpcDNS}}}
		},
		miss: func(w world) { w.Controls[0].Dial.Outcome = ok(ms) }}, // SG-01
	{code: "OS-01", sev: SevError, // there is a route, so the errno is a rule's
		make: func(w world) {
			w.breaks(failed(fact.NetUnreachable, 0), "ENETUNREACH", "10.192.10.11", "10.192.20.11")
			w.routedBy("eth0", "unicast", "10.192.10.11", "10.192.20.11")
		},
		miss: func(w world) { w.dial("10.192.10.11").Route, w.dial("10.192.20.11").Route = nil, nil }}, // RT-02
	{code: "RT-02", sev: SevError,
		make: func(w world) {
			w.breaks(failed(fact.HostUnreachable, 0), "EHOSTUNREACH", "10.192.20.11")
			w.routedBy("", "unreachable", "10.192.20.11")
		},
		miss: func(w world) { w.routedBy("eth0", "unicast", "10.192.20.11") }},
	{code: "RT-06", sev: SevError, // a tunnel swallows the packets
		make: func(w world) { w.silent("10.192.20.11"); w.routedBy("tun0", "unicast", "10.192.20.11") },
		miss: func(w world) { w.routedBy("eth0", "unicast", "10.192.20.11") }},
	{code: "DN-10", sev: SevError, // silent, and nobody answers ARP
		make: func(w world) {
			w.resolves(host("ssm"), "10.192.10.200")
			w.silent("10.192.10.200")
			w.dial("10.192.10.200").Neighbour = fact.NeighbourFailed
		},
		miss: func(w world) { w.dial("10.192.10.200").Neighbour = fact.NeighbourReachable }}, // SG-02
	{code: "RT-09", sev: SevError, // a host of another Region answers: there is a public path
		make: func(w world) {
			w.publicTrio()
			w.silent("52.82.1.1", "52.82.1.2")
			w.Controls = []fact.Control{{Kind: fact.ControlOtherRegion, Of: "ec2.x", Dial: fact.Dial{Outcome: ok(ms), Addr: at443("52.80.1.1")}}}
		},
		miss: func(w world) { w.Controls[0].Dial.Outcome = failed(fact.Timeout, time.Second) }}, // DN-02
	{code: "OS-03", sev: SevError,
		make: func(w world) {
			w.silent("10.192.10.11", "10.192.20.11")
			w.ena("conntrack_allowance_exceeded", 7)
		},
		miss: func(w world) { w.Host.ENA[0].After = 3 }},
	{code: "OS-06", sev: SevWarning, make: func(w world) { w.ena("pps_allowance_exceeded", 9) }, miss: func(w world) { w.Host.ENA[0].After = 3 }},
	{code: "IM-08", sev: SevInfo, make: func(w world) { w.ena("linklocal_allowance_exceeded", 9) }, miss: func(w world) { w.Host.ENA[0].After = 3 }},
	{code: "IM-08", sev: SevWarning,
		make: func(w world) {
			w.ena("linklocal_allowance_exceeded", 9)
			w.IMDS.Gets = append(w.IMDS.Gets, fact.IMDSGet{Outcome: failed(fact.Timeout, time.Second), Path: "mac"})
		},
		miss: func(w world) { w.IMDS.Gets[1].CutByBudget = true }},
}

// A rule that counted our packets is proof, and the command removes exactly
// it; a rule that a manager would write again, or a policy, has no command.
func TestLocalRule(t *testing.T) {
	for _, tt := range []struct {
		name    string
		change  func(*fact.FirewallRule)
		conf    Confidence
		command string
	}{
		{"counted", func(*fact.FirewallRule) {}, Proved, "sudo nft delete rule ip filter OUTPUT handle 2"},
		{"without a counter", func(r *fact.FirewallRule) { r.Rose, r.Packets = 0, fact.PacketsUnknown }, Likely, "sudo nft delete rule ip filter OUTPUT handle 2"},
		{"a policy", func(r *fact.FirewallRule) { r.Policy, r.Handle = true, 0 }, Proved, "sudo nft list ruleset"},
		{"of a manager", func(r *fact.FirewallRule) { r.Table = "firewalld" }, Proved, "sudo nft list ruleset"},
		{"with a hostile name", func(r *fact.FirewallRule) { r.Chain = "x;reboot" }, Proved, "sudo nft list ruleset"},
	} {
		w := healthy()
		w.silent(w.all("10.192.")...)
		w.Host.After.TCPRetransFail = 18
		r := dropRule
		tt.change(&r)
		w.filtered(r)
		v := Run(w.Set, Options{})
		invariants(t, w.Set, v)
		f := v.Causes[0]
		if f.Code != "OS-01" || f.Confidence != tt.conf || f.Action.Command != tt.command {
			t.Errorf("%s: %s %q: %s", tt.name, f.Confidence, f.Action.Command, outline(v))
		}
		if last := f.Evidence[len(f.Evidence)-1].Text; !strings.Contains(last, "tcp dport 443 drop") {
			t.Errorf("%s: evidence %q", tt.name, last)
		}
	}
}

// An interface that answers ARP exists: the record is not stale.
func TestOwnedAddress(t *testing.T) {
	has := func(v Verdict, c Code) bool {
		for _, a := range v.Causes[0].Alternatives {
			if a.Code == c {
				return true
			}
		}
		return false
	}
	w := healthy()
	w.silent("10.192.10.11", "10.192.20.11")
	if v := Run(w.Set, Options{}); !has(v, "DN-10") {
		t.Errorf("unknown: %+v", v.Causes[0].Alternatives)
	}
	w.dial("10.192.10.11").Neighbour = fact.NeighbourReachable
	if v := Run(w.Set, Options{}); has(v, "DN-10") || v.Causes[0].Code != "SG-02" {
		t.Errorf("owned: %+v", v.Causes[0])
	}
}
