package resolve

import (
	"context"
	"net/netip"
	"regexp"
	"testing"
	"time"

	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/pace"
	"vpcdoctor/probe/probetest"
)

func TestVPCServers6(t *testing.T) {
	if got := VPCServers6(); len(got) != 1 || got[0].String() != "[fd00:ec2::253]:53" {
		t.Error(got)
	}
}

func TestRun(t *testing.T) {
	everything := &probetest.Resolver{Default: probetest.DNSBehaviour{Sinkhole: netip.MustParseAddr("198.51.100.1")}}
	honest := &probetest.Resolver{Zones: zone(ssm, "10.0.0.1")}
	corp, good := probetest.ListenDNS(t, everything), probetest.ListenDNS(t, honest)
	c := &Client{Timeout: patient}
	p := Plan{
		OS:        []string{ssm},
		Questions: []Question{{Name: ssm, Type: "A", Server: good, Via: fact.ViaUpstream}, {Name: ssm, Type: "A", Server: good, Via: fact.ViaConfigured, TCP: true}},
		Searches: []Search{
			{Question: Question{Server: corp, Via: fact.ViaConfigured}, Name: ssm, Domain: "corp.example", First: true},
			{Question: Question{Server: good, Via: fact.ViaConfigured}, Name: ssm, Domain: "corp.example"},
		},
		Wildcards: []Question{{Name: "us-east-1.amazonaws.com", Type: "A", Server: corp}, {Name: "us-east-1.amazonaws.com", Type: "A", Server: good}},
		Dropped:   []string{"x"},
	}
	d := c.Run(t.Context(), p, printing(twoAddresses, nil))
	if got := shapes(d.Lookups); got != "getent#1 ok 10.0.1.5 10.0.2.9; udp#1 ok NOERROR 10.0.0.1; tcp#1 ok NOERROR 10.0.0.1" {
		t.Error(got)
	}
	if s := d.Searches; s[0].Lookup.Status != fact.OK || !s[0].First || s[0].Name != ssm || s[0].Lookup.Name != ssm+".corp.example" || s[0].Lookup.Via != fact.ViaSearch || s[1].Lookup.Class != fact.NXDomain || s[1].First {
		t.Errorf("%+v", s)
	}
	w := d.Wildcards
	if w[0].Lookup.Status != fact.OK || w[1].Lookup.Class != fact.NXDomain || w[0].Parent != "us-east-1.amazonaws.com" {
		t.Errorf("%+v", w)
	}
	label := regexp.MustCompile(`^vpcdoctor-[a-z2-7]{6}\.us-east-1\.amazonaws\.com$`)
	if !label.MatchString(w[0].Lookup.Name) || w[0].Lookup.Name == w[1].Lookup.Name {
		t.Errorf("labels %s, %s", w[0].Lookup.Name, w[1].Lookup.Name)
	}
	if len(d.Dropped) != 1 || c.Sent() > p.Packets() {
		t.Errorf("sent %d, planned %d", c.Sent(), p.Packets())
	}
}

func TestRunOfNothing(t *testing.T) {
	c := &Client{}
	if d := c.Run(t.Context(), Plan{}, nil); len(d.Lookups)+len(d.Searches)+len(d.Wildcards)+len(d.Countdowns) != 0 || c.Sent() != 0 {
		t.Errorf("%+v", d)
	}
}

func TestRunWithoutTime(t *testing.T) {
	full := pace.New(4)
	if err := full.Wait(t.Context(), 4); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), short)
	defer cancel()
	at := probetest.ListenDNS(t, &probetest.Resolver{})
	d := (&Client{Pace: full}).Run(ctx, Plan{OS: []string{ssm}, Countdowns: []Question{{Name: ssm, Type: "A", Server: at}}}, printing(twoAddresses, nil))
	if l := d.Lookups[0]; l.Status != fact.NotRun || l.Via != fact.ViaOS || l.Skipped == noGetent {
		t.Errorf("%+v", l)
	}
	if ls := d.Countdowns[0].Lookups; len(ls) != 1 || ls[0].Status != fact.NotRun {
		t.Errorf("%+v", ls)
	}
}

func TestCountdown(t *testing.T) {
	for _, tt := range []struct {
		name   string
		r      *probetest.Resolver
		cached bool
	}{
		{"cache", &probetest.Resolver{Zones: zone(ssm, "10.0.0.1"), TTL: 300, CachedAt: time.Now().Add(-10 * time.Second)}, true},
		{"authority", &probetest.Resolver{Zones: zone(ssm, "10.0.0.1"), TTL: 300}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			at := probetest.ListenDNS(t, tt.r)
			c := (&Client{Timeout: patient}).Countdown(t.Context(), Question{Name: ssm, Type: "A", Server: at, Via: fact.ViaConfigured})
			if cached, known := c.Cached(); !known || cached != tt.cached {
				t.Errorf("cached %v, known %v: %+v", cached, known, c)
			}
		})
	}
	silent := probetest.ListenDNS(t, &probetest.Resolver{})
	if c := (&Client{Timeout: patient}).Countdown(t.Context(), Question{Name: ssm, Type: "A", Server: silent}); len(c.Lookups) != 1 {
		t.Errorf("a name without addresses was asked again: %+v", c)
	}
}

// What a server in between does to answers is visible in the facts alone.
func TestMeddlersAreFacts(t *testing.T) {
	for _, tt := range []struct {
		name  string
		b     probetest.DNSBehaviour
		qtype string
		want  string
	}{
		{"NXDOMAIN for AAAA", probetest.DNSBehaviour{NoAAAA: true}, "AAAA", "udp#1 failed nxdomain NXDOMAIN"},
		{"DNS64", probetest.DNSBehaviour{DNS64: netip.MustParsePrefix("64:ff9b::/96")}, "AAAA", "udp#1 ok NOERROR 64:ff9b::a00:1"},
		{"rebind protection", probetest.DNSBehaviour{Rebind: true}, "A", "udp#1 failed nodata NOERROR"},
	} {
		r := &probetest.Resolver{Zones: zone(ssm, "10.0.0.1"), Default: tt.b}
		if got := shapes(ask(t, r, ssm, tt.qtype)); got != tt.want {
			t.Errorf("%s: %s", tt.name, got)
		}
	}
}
