package probetest

import (
	"net/netip"
	"time"

	"github.com/miekg/dns"
)

// meddle changes a right answer as a server in between would.
func (b DNSBehaviour) meddle(r *Resolver, m *dns.Msg, name string) {
	qtype := m.Question[0].Qtype
	switch {
	case b.NoAAAA && qtype == dns.TypeAAAA:
		m.Answer, m.Rcode = nil, dns.RcodeNameError
	case b.DNS64.IsValid() && qtype == dns.TypeAAAA && !hasType(m, dns.TypeAAAA):
		addrs, _ := dnsLookup(r.Zones, name)
		for _, a := range addrs {
			if a.Is4() {
				r.addAddrs(m, name, qtype, []netip.Addr{synthesise(b.DNS64, a)})
			}
		}
	}
	if b.Rebind && hasPrivate(m) {
		m.Answer = nil
	}
}

// synthesise puts an IPv4 address into the last 32 bits of a /96 (RFC 6052).
func synthesise(prefix netip.Prefix, a netip.Addr) netip.Addr {
	six, four := prefix.Masked().Addr().As16(), a.As4()
	copy(six[12:], four[:])
	return netip.AddrFrom16(six)
}

func hasType(m *dns.Msg, rrtype uint16) bool {
	for _, rr := range m.Answer {
		if rr.Header().Rrtype == rrtype {
			return true
		}
	}
	return false
}

// hasPrivate tells whether an answer would be held back by rebind protection
// (dnsmasq's stop-dns-rebind, unbound's private-address).
func hasPrivate(m *dns.Msg) bool {
	for _, rr := range m.Answer {
		var a netip.Addr
		switch rr := rr.(type) {
		case *dns.A:
			a, _ = netip.AddrFromSlice(rr.A.To4())
		case *dns.AAAA:
			a, _ = netip.AddrFromSlice(rr.AAAA)
		}
		if a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() {
			return true
		}
	}
	return false
}

// ttl is what a record has left at a time.
func (r *Resolver) ttl(now time.Time) uint32 {
	ttl := r.TTL
	if ttl == 0 {
		ttl = defaultTTL
	}
	if r.CachedAt.IsZero() {
		return ttl
	}
	return ttl - uint32(now.Sub(r.CachedAt)/time.Second)%ttl
}
