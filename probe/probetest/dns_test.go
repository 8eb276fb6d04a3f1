package probetest

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// exchange asks a Resolver with the library's own client.
func exchange(t *testing.T, at netip.AddrPort, network, name string, qtype uint16) (*dns.Msg, error) {
	t.Helper()
	q := new(dns.Msg)
	q.SetQuestion(dns.Fqdn(name), qtype)
	q.SetEdns0(1232, false)
	c := &dns.Client{Net: network, Timeout: time.Second}
	m, _, err := c.ExchangeContext(t.Context(), q, at.String())
	return m, err
}

func answers(m *dns.Msg) string {
	var out []string
	for _, rr := range m.Answer {
		f := strings.Fields(rr.String())
		out = append(out, f[3]+" "+f[4])
	}
	return strings.Join(out, ", ")
}

func TestResolverZones(t *testing.T) {
	a, b := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("2600::1")
	r := &Resolver{
		Zones: map[string][]netip.Addr{
			"ssm.example": {a, b}, "*.s3.example": {a}, "bucket.s3.example": {netip.MustParseAddr("10.0.0.2")},
			"target.example": {a},
		},
		CNAMEs:  map[string]string{"alias.example": "target.example", "loop.example": "loop.example"},
		Forward: &Resolver{Zones: map[string][]netip.Addr{"far.example": {a}}},
		Names: map[string]DNSBehaviour{
			"gone.example": {NXDomain: true, SOA: "zone.example"},
			"sink.example": {Sinkhole: netip.IPv6Unspecified()},
		},
	}
	at := ListenDNS(t, r)
	tests := []struct {
		name  string
		qtype uint16
		rcode int
		want  string
	}{
		{"ssm.example", dns.TypeA, dns.RcodeSuccess, "A 10.0.0.1"},
		{"SSM.example", dns.TypeAAAA, dns.RcodeSuccess, "AAAA 2600::1"},
		{"a.b.s3.example", dns.TypeA, dns.RcodeSuccess, "A 10.0.0.1"},
		{"bucket.s3.example", dns.TypeA, dns.RcodeSuccess, "A 10.0.0.2"},
		{"bucket.s3.example", dns.TypeAAAA, dns.RcodeSuccess, ""},
		{"s3.example", dns.TypeA, dns.RcodeNameError, ""},
		{"alias.example", dns.TypeA, dns.RcodeSuccess, "CNAME target.example., A 10.0.0.1"},
		{"far.example", dns.TypeA, dns.RcodeSuccess, "A 10.0.0.1"},
		{"gone.example", dns.TypeA, dns.RcodeNameError, ""},
		{"sink.example", dns.TypeAAAA, dns.RcodeSuccess, "AAAA ::"},
		{"sink.example", dns.TypeA, dns.RcodeSuccess, ""},
	}
	for _, network := range []string{"udp", "tcp"} {
		for _, tt := range tests {
			m, err := exchange(t, at, network, tt.name, tt.qtype)
			if err != nil {
				t.Fatal(err)
			}
			if m.Rcode != tt.rcode || answers(m) != tt.want {
				t.Errorf("%s %s: rcode %d, %q", network, tt.name, m.Rcode, answers(m))
			}
		}
		if m, err := exchange(t, at, network, "loop.example", dns.TypeA); err != nil || len(m.Answer) != 16 {
			t.Errorf("loop: %v, %v", m, err)
		}
	}
	m, _ := exchange(t, at, "udp", "gone.example", dns.TypeA)
	if len(m.Ns) != 1 || m.Ns[0].Header().Name != "zone.example." {
		t.Errorf("authority %v", m.Ns)
	}
	if r.Count("gone.example") != 3 || r.Count("ssm.example") != 4 || r.Total() != 2*(len(tests)+1)+1 {
		t.Errorf("counts %d, %d of %d", r.Count("gone.example"), r.Count("ssm.example"), r.Total())
	}
}

func TestResolverTruncatesWhatDoesNotFit(t *testing.T) {
	r := &Resolver{Zones: map[string][]netip.Addr{}}
	for i := range 200 {
		r.Zones["big.example"] = append(r.Zones["big.example"], netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}))
	}
	at := ListenDNS(t, r)
	if m, err := exchange(t, at, "udp", "big.example", dns.TypeA); err != nil || !m.Truncated || len(m.Answer) == 200 {
		t.Errorf("over UDP: %d records, TC %v, %v", len(m.Answer), m.Truncated, err)
	}
	if m, err := exchange(t, at, "tcp", "big.example", dns.TypeA); err != nil || len(m.Answer) != 200 {
		t.Errorf("over TCP: %v", err)
	}
}

func TestResolverTCPOff(t *testing.T) {
	at := ListenDNS(t, &Resolver{TCPOff: true})
	var d net.Dialer
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if c, err := d.DialContext(ctx, "tcp", at.String()); err == nil {
		c.Close()
		t.Error("something listens on TCP")
	}
}

func TestResolverDropsAboveItsRate(t *testing.T) {
	r := &Resolver{DropAbove: 3}
	q := new(dns.Msg)
	q.SetQuestion("a.example.", dns.TypeA)
	dropped := 0
	for range 10 {
		if r.note("a.example", q, "udp") {
			dropped++
		}
	}
	if dropped != 7 || r.Dropped() != 7 || r.MaxPerSecond() != 10 {
		t.Errorf("dropped %d (%d), at most %d in a second", dropped, r.Dropped(), r.MaxPerSecond())
	}
	for i := range r.asked { // the second has passed
		r.asked[i].At = r.asked[i].At.Add(-2 * time.Second)
	}
	if r.note("a.example", q, "udp") {
		t.Error("still dropping a second later")
	}
	if r.MaxPerSecond() != 10 {
		t.Errorf("at most %d in a second", r.MaxPerSecond())
	}
}
