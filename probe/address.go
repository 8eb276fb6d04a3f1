package probe

import (
	"net/netip"
	"slices"

	"vpcdoctor/probe/catalog"
	"vpcdoctor/probe/fact"
)

// classify notes where addresses belong that were not seen before.
func (r *runner) classify(addrs []netip.Addr) {
	for _, a := range addrs {
		if _, known := r.addresses[a]; known {
			continue
		}
		x := fact.Address{Addr: a, Class: addrClass(a, r.vpc)}
		x.OnLink, x.Subnet = onLink(a, r.set)
		if x.Class == fact.Unclassified {
			if region, service, ok := catalog.Ranges().Lookup(a); ok {
				x.Class, x.Region, x.Service = fact.PublicAWS, region, service
			}
		}
		r.addresses[a] = x
	}
}

// classified is every distinct address of the lookups and answers.
func (r *runner) classified() []fact.Address {
	for _, l := range r.set.Lookups {
		r.classify(l.Addrs)
	}
	for _, a := range r.set.Answers {
		r.classify(a.Addrs)
	}
	out := make([]fact.Address, 0, len(r.addresses))
	for _, x := range r.addresses {
		out = append(out, x)
	}
	slices.SortStableFunc(out, func(a, b fact.Address) int { return a.Addr.Compare(b.Addr) })
	return out
}

var (
	nat64  = netip.MustParsePrefix("64:ff9b::/96")
	shared = netip.MustParsePrefix("100.64.0.0/10") // RFC 6598
)

// addrClass is the class by address alone; public ranges are looked up after.
func addrClass(a netip.Addr, vpc []netip.Prefix) fact.AddrClass {
	switch {
	case a.IsUnspecified(), a.IsMulticast(), a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return fact.Unspecified
	case a.IsLoopback():
		return fact.Loopback
	case slices.ContainsFunc(vpc, func(p netip.Prefix) bool { return p.Contains(a) }):
		return fact.OwnVPC
	case a.IsLinkLocalUnicast():
		return fact.LinkLocal
	case nat64.Contains(a):
		return fact.NAT64
	case a.IsPrivate(), shared.Contains(a):
		return fact.OtherPrivate
	}
	return fact.Unclassified
}

// onLink tells whether an address is in the subnet of one of our interfaces,
// where no router, route table or NACL stands between. Without IMDS the
// kernel's own interface prefixes say the same.
func onLink(a netip.Addr, s *fact.Set) (bool, string) {
	for _, e := range s.IMDS.ENIs {
		if e.SubnetCIDR.IsValid() && e.SubnetCIDR.Contains(a) {
			return true, e.SubnetID
		}
		for _, p := range e.SubnetIPv6CIDRs {
			if p.Contains(a) {
				return true, e.SubnetID
			}
		}
	}
	if len(s.IMDS.ENIs) > 0 {
		return false, ""
	}
	for _, i := range s.Host.Interfaces {
		for _, p := range i.Addrs {
			if p.Masked().Contains(a) && !p.IsSingleIP() && !a.IsLoopback() {
				return true, ""
			}
		}
	}
	return false, ""
}
