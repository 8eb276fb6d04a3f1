package probe

import (
	"net/netip"
	"testing"

	"vpcdoctor/probe/fact"
)

// scene builds the facts of a first pass from a few words.
type scene struct{ fact.Set }

func (s *scene) dial(addr string, class fact.Class, kind fact.AddrClass, onLink bool) *scene {
	ap := netip.MustParseAddrPort(addr)
	d := fact.Dial{Addr: ap, Outcome: fact.Outcome{Status: fact.OK}}
	if class != "" {
		d.Outcome = fact.Outcome{Status: fact.Failed, Class: class}
	}
	s.Dials = append(s.Dials, d)
	s.Addresses = append(s.Addresses, fact.Address{Addr: ap.Addr(), Class: kind, OnLink: onLink})
	return s
}

func (s *scene) answer(name string, addrs ...string) *scene {
	s.Answers = append(s.Answers, answer(name, addrs...))
	return s
}

func newScene() *scene {
	s := &scene{}
	s.Place = fact.Place{Region: "cn-north-1", DNSSuffix: "amazonaws.com.cn"}
	s.Resolver.VPC = []netip.AddrPort{netip.MustParseAddrPort("169.254.169.253:53")}
	return s
}

var chinaRegions = []string{"cn-north-1", "cn-northwest-1"}

func TestNoTroubleOnHealthyInstance(t *testing.T) {
	s := newScene().dial("10.0.1.5:443", "", fact.OwnVPC, true).dial("10.0.2.5:443", "", fact.OwnVPC, false)
	s.Handshakes = []fact.Handshake{{Outcome: fact.Outcome{Status: fact.OK}, Name: fact.Verified{Status: fact.OK}, System: fact.Verified{Status: fact.OK}, Reference: fact.Verified{Status: fact.OK}}}
	if p := findTrouble(&s.Set, chinaRegions, true); !p.empty() {
		t.Errorf("a healthy instance gets a second look: %+v", p)
	}
}

func TestSweepOnlyWhereANACLCanBe(t *testing.T) {
	for _, tt := range []struct {
		name string
		s    *scene
		want int
	}{
		{"own subnet answers, another is silent", newScene().dial("10.0.1.5:443", "", fact.OwnVPC, true).dial("10.0.2.5:443", fact.Timeout, fact.OwnVPC, false), 1},
		{"own subnet is silent too", newScene().dial("10.0.1.5:443", fact.Timeout, fact.OwnVPC, true).dial("10.0.2.5:443", fact.Timeout, fact.OwnVPC, false), 0},
		{"a sibling in the silent subnet answers", newScene().dial("10.0.2.6:443", "", fact.OwnVPC, false).dial("10.0.2.5:443", fact.Timeout, fact.OwnVPC, false), 0},
		{"public addresses are never swept", newScene().dial("54.222.1.5:443", fact.Timeout, fact.PublicAWS, false), 0},
		{"refused is not silence", newScene().dial("10.0.2.5:443", fact.Refused, fact.OwnVPC, false), 0},
		{"a sibling there answers, and so does our own subnet for this name", newScene().dial("10.0.1.5:443", "", fact.OwnVPC, true).dial("10.0.2.6:443", "", fact.OwnVPC, false).dial("10.0.2.5:443", fact.Timeout, fact.OwnVPC, false).answer("ssm.example", "10.0.1.5", "10.0.2.5"), 1},
		{"the name is silent in our own subnet too", newScene().dial("10.0.1.6:443", "", fact.OwnVPC, true).dial("10.0.1.5:443", fact.Timeout, fact.OwnVPC, true).dial("10.0.2.5:443", fact.Timeout, fact.OwnVPC, false).answer("ssm.example", "10.0.1.5", "10.0.2.5"), 0},
		{"at most two", newScene().dial("10.0.2.5:443", fact.Timeout, fact.OwnVPC, false).dial("10.0.3.5:443", fact.Timeout, fact.OwnVPC, false).dial("10.0.4.5:443", fact.Timeout, fact.OwnVPC, false), 2},
	} {
		if got := findTrouble(&tt.s.Set, chinaRegions, true); len(got.Sweeps) != tt.want {
			t.Errorf("%s: %d sweeps, want %d", tt.name, len(got.Sweeps), tt.want)
		}
		if got := findTrouble(&tt.s.Set, chinaRegions, false); len(got.Sweeps) != 0 || got.Abroad != "" || got.Resolver.IsValid() {
			t.Errorf("%s: --no-controls still compares: %+v", tt.name, got)
		}
	}
}

func TestAbroadStaysInThePartition(t *testing.T) {
	s := newScene().dial("54.222.1.5:443", fact.Timeout, fact.PublicAWS, false)
	if got := findTrouble(&s.Set, chinaRegions, true).Abroad; got != "ec2.cn-northwest-1.amazonaws.com.cn" {
		t.Errorf("control host %q", got)
	}
	s.Run.Private = true
	if got := findTrouble(&s.Set, chinaRegions, true).Abroad; got != "" {
		t.Errorf("--require-private dials %q", got)
	}
	works := newScene().dial("54.222.1.5:443", fact.Timeout, fact.PublicAWS, false).dial("54.222.1.6:443", "", fact.PublicAWS, false)
	if got := findTrouble(&works.Set, chinaRegions, true).Abroad; got != "" {
		t.Errorf("a public path was seen to work, and %q is dialled", got)
	}
}

func TestVariationsOncePerHost(t *testing.T) {
	s := newScene()
	for _, addr := range []string{"10.0.1.5:443", "10.0.2.5:443"} {
		s.Handshakes = append(s.Handshakes, fact.Handshake{
			Outcome: fact.Outcome{Status: fact.Failed, Class: fact.Timeout}, Addr: netip.MustParseAddrPort(addr), Host: "ssm.cn-north-1.amazonaws.com.cn",
		})
	}
	got := findTrouble(&s.Set, chinaRegions, true).Variants
	if len(got) != 3 || got[0].Addr.String() != "10.0.1.5:443" {
		t.Fatalf("variants %+v: want three at one address", got)
	}
	if n := got[2].Neutral; n != "sts.cn-north-1.amazonaws.com.cn" {
		t.Errorf("neutral name %q", n)
	}
	s.Handshakes = append(s.Handshakes, fact.Handshake{Outcome: fact.Outcome{Status: fact.OK}, Host: "logs.cn-north-1.amazonaws.com.cn", Name: fact.Verified{Status: fact.OK}, System: fact.Verified{Status: fact.OK}})
	if n := findTrouble(&s.Set, chinaRegions, true).Variants[2].Neutral; n != "logs.cn-north-1.amazonaws.com.cn" {
		t.Errorf("neutral name %q, want one that is known to pass", n)
	}
}

// TestFirewallIsWatchedForIMDS: a metadata service that cannot be connected to
// is what the local packet filter is watched for, and nothing else of it is.
func TestFirewallIsWatchedForIMDS(t *testing.T) {
	lost := fact.IMDS{Endpoint: "http://169.254.169.254", Token: fact.IMDSGet{Outcome: fact.Outcome{Status: fact.Failed, Class: fact.Timeout}}}
	for name, tt := range map[string]struct {
		change func(s *fact.Set)
		want   string
	}{
		"silent":           {func(*fact.Set) {}, "169.254.169.254:80"},
		"silent over IPv6": {func(s *fact.Set) { s.IMDS.Endpoint = "http://[fd00:ec2::254]" }, "[fd00:ec2::254]:80"},
		"connected":        {func(s *fact.Set) { s.IMDS.Token.Connected = true }, ""},
		"refuses by HTTP":  {func(s *fact.Set) { s.IMDS.Token.HTTPStatus = 403 }, ""},
		"asked elsewhere":  {func(s *fact.Set) { s.IMDS.Endpoint = "http://127.0.0.1:1338" }, ""},
		"not EC2":          {func(s *fact.Set) { s.Host.EC2 = "no" }, ""},
	} {
		s := newScene()
		s.IMDS = lost
		tt.change(&s.Set)
		if got := findTrouble(&s.Set, chinaRegions, true).Firewall; got.IsValid() != (tt.want != "") || got.IsValid() && got.String() != tt.want {
			t.Errorf("%s: %v, want %s", name, got, tt.want)
		}
	}
}
