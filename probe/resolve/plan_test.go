package resolve

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"vpcdoctor/probe/fact"
)

var (
	vpc253  = netip.MustParseAddrPort("169.254.169.253:53")
	corpDNS = netip.MustParseAddrPort("10.9.0.53:53")
	stubDNS = netip.MustParseAddrPort("127.0.0.53:53")
)

const messages = "ssmmessages.us-east-1.amazonaws.com"

// scene is a first pass: what each server says of each of the two names.
type scene struct {
	*fact.Set
}

func newScene(server netip.AddrPort, answer string) scene {
	s := scene{&fact.Set{Resolver: fact.Resolver{
		Servers: []netip.AddrPort{server}, NDots: 1, VPC: []netip.AddrPort{vpc253}, Search: []string{"ec2.internal", "corp.example"},
	}}}
	for _, n := range []string{ssm, messages} {
		s.Targets = append(s.Targets, fact.Target{ID: n, Host: n, Need: fact.NeedRequired})
		s.said(n, vpc253, fact.ViaVPC, "10.0.1.5")
		s.said(n, server, fact.ViaConfigured, answer)
	}
	s.Targets = append(s.Targets, fact.Target{Host: "logs.us-east-1.amazonaws.com", Need: fact.NeedOptional}, fact.Target{Host: "192.0.2.9", Need: fact.NeedRequired})
	s.Addresses = []fact.Address{{Addr: netip.MustParseAddr("10.0.1.5"), Class: fact.OwnVPC}, {Addr: netip.MustParseAddr("198.51.100.1"), Class: fact.Unclassified}}
	s.settle()
	return s
}

func (s scene) said(name string, server netip.AddrPort, via, answer string) {
	l := fact.Lookup{Outcome: fact.Outcome{Status: fact.OK}, Name: name, Type: "A", Server: server, Via: via, Transport: "udp", Attempt: 1, RCode: "NOERROR"}
	if a, err := netip.ParseAddr(answer); err == nil {
		l.Addrs = []netip.Addr{a}
	} else {
		l.Status, l.Class = fact.Failed, fact.Class(answer)
		if l.Class == fact.Timeout {
			l.RCode = ""
		}
	}
	s.Lookups = append(s.Lookups, l)
	s.settle()
}

func (s scene) settle() {
	s.Answers = EffectiveAll(s.Resolver, []string{ssm, messages}, s.Lookups)
}

func (p Plan) String() string {
	var out []string
	for _, n := range p.OS {
		out = append(out, "os "+first(n))
	}
	for _, q := range p.Questions {
		tcp := "udp"
		if q.TCP {
			tcp = "tcp"
		}
		out = append(out, fmt.Sprintf("%s %s %s@%s", q.Via, tcp, first(q.Name), q.Server))
	}
	for _, s := range p.Searches {
		out = append(out, fmt.Sprintf("search %s.%s %v@%s", first(s.Name), s.Domain, s.First, s.Server))
	}
	for _, q := range p.Wildcards {
		out = append(out, fmt.Sprintf("random %s@%s", q.Name, q.Server))
	}
	for _, q := range p.Countdowns {
		out = append(out, fmt.Sprintf("countdown %s@%s", first(q.Name), q.Server))
	}
	return strings.Join(out, "; ")
}

func first(name string) string {
	label, _, _ := strings.Cut(name, ".")
	return label
}

func TestExtra(t *testing.T) {
	ipv6 := fact.Interface{Name: "ens5", Addrs: []netip.Prefix{netip.MustParsePrefix("2600:1f18::5/64")}}
	tests := []struct {
		name string
		make func() scene
		want string
	}{
		{"healthy", func() scene { return newScene(vpc253, "10.0.1.5") }, "os ssm"},
		{"healthy, ndots of a container", func() scene {
			s := newScene(vpc253, "10.0.1.5")
			s.Resolver.NDots = 5
			return s
		}, "os ssm; search ssm.ec2.internal true@169.254.169.253:53; search ssm.corp.example true@169.254.169.253:53"},
		{"healthy with IPv6", func() scene {
			s := newScene(vpc253, "10.0.1.5")
			s.Host.Interfaces = []fact.Interface{ipv6}
			return s
		}, "os ssm"},
		{"custom DNS does not forward", func() scene { return newScene(corpDNS, "198.51.100.1") },
			"os ssm; os ssmmessages; random us-east-1.amazonaws.com@10.9.0.53:53; countdown ssm@10.9.0.53:53"},
		{"custom DNS is dead", func() scene { return newScene(corpDNS, "timeout") },
			"os ssm; os ssmmessages; configured tcp ssm@10.9.0.53:53"},
		{"one of two servers is dead", func() scene {
			s := newScene(corpDNS, "10.0.1.5")
			s.Resolver.Servers = []netip.AddrPort{netip.MustParseAddrPort("10.9.0.54:53"), corpDNS}
			s.said(ssm, s.Resolver.Servers[0], fact.ViaConfigured, "timeout")
			return s
		}, "os ssm; configured tcp ssm@10.9.0.54:53"},
		{"programs use TCP already", func() scene {
			s := newScene(corpDNS, "timeout")
			s.Resolver.UseTCP = true
			return s
		}, "os ssm; os ssmmessages"},
		{"stub fails, its server is known", func() scene {
			s := newScene(stubDNS, "servfail")
			s.Resolver.Upstreams = []netip.AddrPort{corpDNS, vpc253, stubDNS}
			return s
		}, "os ssm; os ssmmessages; upstream udp ssm@10.9.0.53:53; upstream udp ssmmessages@10.9.0.53:53"},
		{"name does not exist", func() scene { return newScene(corpDNS, "nxdomain") },
			"os ssm; os ssmmessages; search ssm.ec2.internal false@10.9.0.53:53; search ssm.corp.example false@10.9.0.53:53"},
		{"VPC resolver is silent, IPv6 is there", func() scene {
			s := newScene(vpc253, "timeout")
			s.Lookups = nil
			for _, n := range []string{ssm, messages} {
				s.said(n, vpc253, fact.ViaConfigured, "timeout")
			}
			s.Host.Interfaces = []fact.Interface{ipv6}
			return s
		}, "os ssm; os ssmmessages; configured tcp ssm@169.254.169.253:53; ipv6 udp ssm@[fd00:ec2::253]:53"},
		{"sinkhole", func() scene {
			s := newScene(vpc253, "0.0.0.0")
			s.Lookups = nil
			for _, n := range []string{ssm, messages} {
				s.said(n, vpc253, fact.ViaConfigured, "0.0.0.0")
			}
			s.Addresses = []fact.Address{{Addr: netip.IPv4Unspecified(), Class: fact.Unspecified}}
			return s
		}, "os ssm; os ssmmessages; random us-east-1.amazonaws.com@169.254.169.253:53"},
		{"nothing is needed", func() scene { return scene{&fact.Set{}} }, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := tt.make()
			p := Extra(s.Set)
			if got := p.String(); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			if strings.HasPrefix(tt.name, "healthy") && p.Packets() > 10 {
				t.Errorf("%d packets on a healthy instance", p.Packets())
			}
			if p.Packets() > 60 || len(p.Dropped) > 0 {
				t.Errorf("%d packets, dropped %q", p.Packets(), p.Dropped)
			}
		})
	}
}

func TestExtraKeepsToTheBudget(t *testing.T) {
	for sent := range MaxPackets + 10 {
		s := newScene(corpDNS, "198.51.100.1")
		s.Run.Packets.DNS = sent
		p := Extra(s.Set)
		if sent+p.Packets() > MaxPackets && p.Packets() > 0 {
			t.Fatalf("%d sent, %d more", sent, p.Packets())
		}
		if room := MaxPackets - sent; room < 14 && len(p.Dropped) == 0 {
			t.Fatalf("%d packets of room and nothing dropped: %v", room, p)
		}
	}
}
