package world

import (
	"net/netip"
	"slices"
	"strings"
)

// party is one end of a flow: an address, its security groups, its place.
type party struct {
	addr   netip.Addr
	groups []string
	vpc    *VPC
	subnet *Subnet
	up     bool
}

func (v *VPC) groups(ids []string) []*SecurityGroup {
	var out []*SecurityGroup
	for _, id := range ids {
		if g := v.Group(id); g != nil {
			out = append(out, g)
		}
	}
	return out
}

// allows tells whether one of an interface's security groups admits a flow.
// peerGroups are the groups of the other end, where references to them count.
func allows(w *World, self party, peer netip.Addr, f Flow, groups []*SecurityGroup, egress bool, peerGroups ...string) bool {
	if egress {
		if o, ok := self.vpc.owner(peer); ok {
			peerGroups = o.groups
		}
	}
	for _, g := range groups {
		rules := g.Ingress
		if egress {
			rules = g.Egress
		}
		for _, r := range rules {
			if r.admits(w, peer, peerGroups, f.Proto, f.Dst.Port()) {
				return true
			}
		}
	}
	return false
}

func (r Rule) admits(w *World, peer netip.Addr, peerGroups []string, proto string, port uint16) bool {
	if r.Proto != "-1" && (r.Proto != proto || port < r.From || port > r.To) {
		return false
	}
	switch {
	case r.Group != "":
		return slices.Contains(peerGroups, r.Group)
	case r.PrefixList != "":
		return w.inList(r.PrefixList, peer)
	default:
		return r.CIDR.Contains(peer)
	}
}

func (w *World) inList(id string, a netip.Addr) bool {
	for _, l := range w.PrefixLists {
		if l.ID == id {
			return containsAddr(l.Prefixes, a)
		}
	}
	return false
}

// nacl tells whether the NACL of a subnet lets one direction of a flow across
// its edge. A subnet without a NACL lets everything through.
func (w *World) nacl(p *Path, v *VPC, s *Subnet, f Flow, ingress bool) bool {
	a := v.ACL(s.NACL)
	if a == nil {
		return true
	}
	entries, peer, dir := a.Egress, f.Dst.Addr(), "out of"
	if ingress {
		entries, peer, dir = a.Ingress, f.Src.Addr(), "into"
	}
	sorted := slices.Clone(entries)
	slices.SortFunc(sorted, func(x, y Entry) int { return x.Number - y.Number })
	for _, e := range sorted {
		if !e.CIDR.Contains(peer) {
			continue
		}
		if e.Proto != "-1" && (e.Proto != f.Proto || f.Dst.Port() < e.From || f.Dst.Port() > e.To) {
			continue
		}
		if !e.Allow {
			p.step("NACL %s: entry %d denies %s > %s %s subnet %s", a.ID, e.Number, f.Src, f.Dst, dir, s.ID)
		}
		return e.Allow
	}
	p.step("NACL %s: no entry allows %s > %s %s subnet %s", a.ID, f.Src, f.Dst, dir, s.ID)
	return false
}

// route looks a destination up by longest prefix. The VPC's own blocks are
// local and cannot be taken away.
func (w *World) route(v *VPC, s *Subnet, dst netip.Addr) (Route, bool) {
	best, bits := Route{}, -1
	take := func(p netip.Prefix, r Route) {
		if p.IsValid() && p.Contains(dst) && p.Bits() > bits {
			best, bits = r, p.Bits()
		}
	}
	for _, c := range append(slices.Clone(v.CIDRs), v.IPv6...) {
		take(c, Route{Dst: c, Target: "local"})
	}
	t := v.Table(s.RouteTable)
	if t == nil {
		return best, bits >= 0
	}
	for _, r := range t.Routes {
		take(r.Dst, r)
		for _, l := range w.PrefixLists {
			if l.ID == r.PrefixList && r.PrefixList != "" {
				for _, p := range l.Prefixes {
					take(p, r)
				}
			}
		}
	}
	return best, bits >= 0
}

// kind is the part of a route target before its dash.
func kind(target string) string {
	k, _, _ := strings.Cut(target, "-")
	return k
}

// owner finds the interface that has an address: one of an endpoint or of
// another machine. The instance is not among them.
func (v *VPC) owner(a netip.Addr) (party, bool) {
	for i := range v.Endpoints {
		e := &v.Endpoints[i]
		for _, n := range e.Interfaces {
			if n.Addr == a || (n.IPv6.IsValid() && n.IPv6 == a) {
				return party{addr: a, groups: e.Groups, vpc: v, subnet: v.Subnet(n.Subnet), up: e.Available()}, true
			}
		}
	}
	for _, s := range v.Servers {
		if s.Addr == a {
			return party{addr: a, groups: s.Groups, vpc: v, subnet: v.Subnet(s.Subnet), up: true}, true
		}
	}
	return party{}, false
}

// OnLink tells whether something in the instance's own subnet answers address
// resolution for an address. The router, the resolver at VPC+2 when it falls
// into the subnet, and interfaces do; an unused address stays silent.
func (w *World) OnLink(a netip.Addr) bool {
	s := w.VPC.Subnet(w.Instance.Subnet)
	if s == nil {
		return false
	}
	if a.IsLinkLocalUnicast() && a.Is4() {
		return w.IMDS.Mode != IMDSAbsent
	}
	if a == s.CIDR.Masked().Addr().Next() || a == w.VPC.ResolverAddr() {
		return true
	}
	o, ok := w.VPC.owner(a)
	return ok && o.subnet != nil && o.subnet.ID == s.ID
}
