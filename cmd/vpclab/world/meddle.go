package world

import "net/netip"

// NAT64 is the well-known prefix under which a NAT gateway reaches IPv4
// addresses for IPv6 clients (RFC 6052; VPC User Guide, "DNS64 and NAT64").
var NAT64 = netip.MustParsePrefix("64:ff9b::/96")

// dns64 tells whether the VPC's resolver makes AAAA records for the instance.
func (w *World) dns64() bool {
	s := w.VPC.Subnet(w.Instance.Subnet)
	return s != nil && s.DNS64
}

// meddle changes what a server was going to say. ipv4 is its answer to the
// same name's question for A.
func (s DNSServer) meddle(a Answer, v6 bool, ipv4 func() Answer) Answer {
	switch {
	case s.NoAAAA && v6:
		return Answer{RCode: "NXDOMAIN", SOA: a.SOA}
	case s.DNS64.IsValid():
		a = synthesise(a, v6, s.DNS64, ipv4)
	}
	if s.Rebind {
		for _, x := range a.Addrs {
			if x.IsPrivate() {
				return Answer{RCode: "NOERROR"}
			}
		}
	}
	return a
}

// Answer is what the stub says by itself; ok is false when it has to ask.
func (s Stub) Answer(name string, v6 bool) (a Answer, ok bool) {
	addrs, ttl, ok := record(s.Records, name)
	return found(addrs, v6, ttl, ""), ok
}

// synthesise puts IPv4 addresses under a /96 where a name has no IPv6 ones.
func synthesise(a Answer, v6 bool, prefix netip.Prefix, ipv4 func() Answer) Answer {
	if !v6 || a.RCode != "NOERROR" || len(a.Addrs) > 0 {
		return a
	}
	four := ipv4()
	out := Answer{RCode: four.RCode, TTL: four.TTL, SOA: four.SOA}
	for _, x := range four.Addrs {
		out.Addrs = append(out.Addrs, embed(prefix, x))
	}
	return out
}

func embed(prefix netip.Prefix, four netip.Addr) netip.Addr {
	b, v4 := prefix.Addr().As16(), four.As4()
	copy(b[12:], v4[:])
	return netip.AddrFrom16(b)
}

// translated is the IPv4 address that an address under the NAT64 prefix stands
// for; others stay as they are.
func translated(a netip.Addr) netip.Addr {
	if !NAT64.Contains(a) {
		return a
	}
	b := a.As16()
	return netip.AddrFrom4([4]byte(b[12:]))
}
