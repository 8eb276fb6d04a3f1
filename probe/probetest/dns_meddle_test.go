package probetest

import (
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"
)

func TestResolverMeddles(t *testing.T) {
	zones := map[string][]netip.Addr{
		"ssm.example": {netip.MustParseAddr("10.0.0.1")}, "pub.example": {netip.MustParseAddr("192.0.2.1")},
		"both.example": {netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("2600::1")},
	}
	for _, tt := range []struct {
		name  string
		b     DNSBehaviour
		asked string
		qtype uint16
		rcode int
		want  string
	}{
		{"A is untouched", DNSBehaviour{NoAAAA: true}, "ssm.example", dns.TypeA, dns.RcodeSuccess, "A 10.0.0.1"},
		{"NXDOMAIN for AAAA", DNSBehaviour{NoAAAA: true}, "ssm.example", dns.TypeAAAA, dns.RcodeNameError, ""},
		{"DNS64", DNSBehaviour{DNS64: netip.MustParsePrefix("64:ff9b::/96")}, "pub.example", dns.TypeAAAA, dns.RcodeSuccess, "AAAA 64:ff9b::c000:201"},
		{"DNS64 leaves AAAA", DNSBehaviour{DNS64: netip.MustParsePrefix("64:ff9b::/96")}, "both.example", dns.TypeAAAA, dns.RcodeSuccess, "AAAA 2600::1"},
		{"rebind, private", DNSBehaviour{Rebind: true}, "ssm.example", dns.TypeA, dns.RcodeSuccess, ""},
		{"rebind, public", DNSBehaviour{Rebind: true}, "pub.example", dns.TypeA, dns.RcodeSuccess, "A 192.0.2.1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			at := ListenDNS(t, &Resolver{Zones: zones, Default: tt.b})
			m, err := exchange(t, at, "udp", tt.asked, tt.qtype)
			if err != nil {
				t.Fatal(err)
			}
			if m.Rcode != tt.rcode || answers(m) != tt.want {
				t.Errorf("rcode %d, %q", m.Rcode, answers(m))
			}
		})
	}
}

func TestResolverTTL(t *testing.T) {
	now := time.Now()
	for _, tt := range []struct {
		r    *Resolver
		want uint32
	}{
		{&Resolver{}, 60},
		{&Resolver{TTL: 300, CachedAt: now}, 300},
		{&Resolver{TTL: 300, CachedAt: now.Add(-100 * time.Second)}, 200},
		{&Resolver{TTL: 300, CachedAt: now.Add(-299 * time.Second)}, 1},
		{&Resolver{TTL: 300, CachedAt: now.Add(-300 * time.Second)}, 300},
	} {
		if got := tt.r.ttl(now); got != tt.want {
			t.Errorf("%+v: TTL %d, want %d", tt.r.CachedAt, got, tt.want)
		}
	}
}
