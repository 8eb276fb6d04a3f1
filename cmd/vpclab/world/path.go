package world

import (
	"fmt"
	"net/netip"
	"slices"
)

// Flow is one direction of a conversation, as its first packet shows it.
type Flow struct {
	Proto    string // tcp | udp | icmp
	Src, Dst netip.AddrPort
}

// Path is what the network does with a flow.
type Path struct {
	Arrives bool        // packets reach Dst
	Returns bool        // answers come back
	Refuses bool        // nobody listens there: a SYN is answered with RST
	Boxes   []Middlebox // on the way, in order
	// Hops are the routers that send an ICMP time exceeded, in order. The
	// router of a VPC, endpoints, peerings and transit gateways send none.
	Hops  []netip.Addr
	Steps []string // how that was decided, for people
}

func (p *Path) step(format string, args ...any) {
	p.Steps = append(p.Steps, fmt.Sprintf(format, args...))
}

// LinkLocal tells whether the hypervisor serves the address: DNS, metadata
// and time. Security groups, NACLs and route tables never see such traffic
// (VPC User Guide, "Security in Amazon VPC", read 2026-11).
func (w *World) LinkLocal(a netip.Addr) bool {
	if a.Is4() {
		return a.IsLinkLocalUnicast() || a == w.VPC.ResolverAddr()
	}
	return metadataV6.Contains(a)
}

// Addresses of the hypervisor's services (EC2 and VPC User Guides).
var (
	MetadataAddr   = netip.MustParseAddr("169.254.169.254")
	MetadataAddrV6 = netip.MustParseAddr("fd00:ec2::254")
	ResolverAddr   = netip.MustParseAddr("169.254.169.253")
	ResolverAddrV6 = netip.MustParseAddr("fd00:ec2::253")
	TimeAddr       = netip.MustParseAddr("169.254.169.123")
	TimeAddrV6     = netip.MustParseAddr("fd00:ec2::123")
	metadataV6     = netip.MustParsePrefix("fd00:ec2::/32")
)

// Path decides a flow that the instance starts. It is pure: the same world
// and flow give the same path.
func (w *World) Path(f Flow) Path {
	var p Path
	if w.LinkLocal(f.Dst.Addr()) {
		w.linkLocalPath(f, &p)
		w.refusal(&p, f)
		return p
	}
	own := w.VPC.Subnet(w.Instance.Subnet)
	src := party{addr: f.Src.Addr(), groups: w.Instance.Groups, vpc: &w.VPC, subnet: own}
	if !allows(w, src, f.Dst.Addr(), f, w.VPC.groups(w.Instance.Groups), true) {
		p.step("security groups %v of the instance: no egress rule for %s %s", w.Instance.Groups, f.Proto, f.Dst)
		return p
	}
	p.step("security groups %v of the instance allow it", w.Instance.Groups)
	if w.sameSubnet(own, f.Dst.Addr()) {
		p.step("inside subnet %s: neither route table nor NACL", own.ID)
		p.Arrives, p.Returns = w.deliver(&p, f, src, &w.VPC, false)
	} else {
		w.leave(&p, f, src)
	}
	if p.Arrives {
		w.refusal(&p, f)
		w.middleboxes(&p, f)
	}
	return p
}

// refusal notes that a TCP flow arrives where nobody listens.
func (w *World) refusal(p *Path, f Flow) {
	if f.Proto != "tcp" || !p.Arrives {
		return
	}
	if f.Dst.Port() == 53 {
		p.Refuses = !w.dnsOverTCP(f.Dst.Addr())
	} else {
		p.Refuses = w.Serve(f.Dst, "").Kind == Nothing
	}
	if p.Refuses {
		p.step("nobody listens at %s", f.Dst)
	}
}

func (w *World) sameSubnet(own *Subnet, dst netip.Addr) bool {
	return !own.IPv6Only && own.CIDR.Contains(dst) || (own.IPv6.IsValid() && own.IPv6.Contains(dst))
}

func (w *World) linkLocalPath(f Flow, p *Path) {
	a := f.Dst.Addr()
	switch {
	case a == MetadataAddr || a == MetadataAddrV6:
		p.Arrives = w.IMDS.Mode != IMDSSilent && w.IMDS.Mode != IMDSAbsent && !(a.Is6() && w.IMDS.NoIPv6)
	case a == ResolverAddr || a == ResolverAddrV6 || a == w.VPC.ResolverAddr():
		p.Arrives = w.VPC.DNSSupport && f.Dst.Port() == 53
	case a == TimeAddr || a == TimeAddrV6:
		p.Arrives = !w.NoTime && w.IMDS.Mode != IMDSAbsent && f.Dst.Port() == 123
	}
	p.Returns = p.Arrives
	p.step("link-local service %s: served=%v", a, p.Arrives)
}

// leave follows a flow across the edge of the instance's subnet.
func (w *World) leave(p *Path, f Flow, src party) {
	if !w.nacl(p, src.vpc, src.subnet, f, false) {
		return
	}
	back := f.reverse()
	returns := w.nacl(p, src.vpc, src.subnet, back, true)
	r, ok := w.route(src.vpc, src.subnet, f.Dst.Addr())
	switch {
	case !ok:
		p.step("route table %s: no route to %s", src.subnet.RouteTable, f.Dst.Addr())
		return
	case r.Blackhole:
		p.step("route table %s: the route to %s is a blackhole", src.subnet.RouteTable, f.Dst.Addr())
		return
	}
	p.step("route table %s: %s by %s", src.subnet.RouteTable, f.Dst.Addr(), r.Target)
	var back2 bool
	switch kind(r.Target) {
	case "local":
		p.Arrives, back2 = w.deliver(p, f, src, &w.VPC, true)
	case "igw":
		p.Arrives = w.viaGateway(p, f)
		p.Hops = []netip.Addr{edgeRouter}
		back2 = p.Arrives
	case "nat":
		p.Arrives = w.viaNAT(p, f, r.Target)
		p.Hops = w.natHops(r.Target)
		back2 = p.Arrives
	case "vpce":
		p.Arrives = w.viaGatewayEndpoint(p, r.Target)
		back2 = p.Arrives
	case "tgw", "pcx":
		p.Arrives, back2 = w.viaLink(p, f, src, r.Target)
	default:
		p.step("target %s leads nowhere", r.Target)
	}
	p.Returns = p.Arrives && returns && back2
}

// viaGateway is the Internet gateway: IPv4 needs a public address of the
// instance's own; IPv6 addresses are public.
func (w *World) viaGateway(p *Path, f Flow) bool {
	if f.Dst.Addr().Is4() && !w.Instance.PublicIP.IsValid() {
		p.step("Internet gateway: the instance has no public IPv4 address")
		return false
	}
	if w.known(f.Dst.Addr()) {
		p.step("Internet gateway: %s is not a public destination", f.Dst.Addr())
		return false
	}
	return true
}

func (w *World) viaNAT(p *Path, f Flow, id string) bool {
	i := slices.IndexFunc(w.VPC.NATs, func(n NAT) bool { return n.ID == id })
	if i < 0 || w.VPC.NATs[i].Failed {
		p.step("NAT gateway %s does not work", id)
		return false
	}
	s := w.VPC.Subnet(w.VPC.NATs[i].Subnet)
	if s == nil {
		return false
	}
	dst := translated(f.Dst.Addr())
	if dst.Is6() {
		p.step("NAT gateway %s: translates IPv6 only to IPv4, below %s", id, NAT64)
		return false
	}
	r, ok := w.route(&w.VPC, s, dst)
	if ok && kind(r.Target) == "local" && NAT64.Contains(f.Dst.Addr()) {
		arrives, returns := w.deliver(p, Flow{f.Proto, f.Src, netip.AddrPortFrom(dst, f.Dst.Port())}, party{addr: natAddr(s)}, &w.VPC, true)
		return arrives && returns
	}
	if !ok || r.Blackhole || kind(r.Target) != "igw" {
		p.step("NAT gateway %s: its subnet %s has no Internet gateway route", id, s.ID)
		return false
	}
	return !w.known(dst)
}

// edgeRouter stands for the first router beyond a NAT or Internet gateway.
// Those that show themselves in traces out of a VPC have addresses of this kind.
var edgeRouter = netip.MustParseAddr("100.65.8.1")

// natHops are the routers that a trace through a NAT gateway sees: the gateway
// by its private address, then the one behind it.
func (w *World) natHops(id string) []netip.Addr {
	for _, n := range w.VPC.NATs {
		if s := w.VPC.Subnet(n.Subnet); n.ID == id && s != nil {
			return []netip.Addr{natAddr(s), edgeRouter}
		}
	}
	return nil
}

// natAddr is the address that a NAT gateway takes in its subnet: the first one
// that AWS does not reserve.
func natAddr(s *Subnet) netip.Addr {
	return s.CIDR.Masked().Addr().Next().Next().Next().Next()
}

func (w *World) viaGatewayEndpoint(p *Path, id string) bool {
	for i := range w.VPC.Endpoints {
		if e := &w.VPC.Endpoints[i]; e.ID == id && e.Gateway {
			return e.Available()
		}
	}
	p.step("gateway endpoint %s does not exist", id)
	return false
}

// viaLink crosses a transit gateway or a peering into another network. Group
// references are not honoured beyond it, and the far side needs its own route
// back.
func (w *World) viaLink(p *Path, f Flow, src party, id string) (arrives, returns bool) {
	for _, l := range w.Links {
		if l.ID != id {
			continue
		}
		n := w.network(l.Network)
		if n == nil || !n.Contains(f.Dst.Addr()) {
			continue
		}
		far := src
		far.groups = nil
		arrives, returns = w.deliver(p, f, far, n, true)
		if s := n.SubnetOf(f.Dst.Addr()); arrives && s != nil && s.RouteTable != "" {
			r, ok := w.route(n, s, f.Src.Addr())
			if !ok || r.Blackhole || r.Target != id {
				p.step("network %s: no route back to %s by %s", n.ID, f.Src.Addr(), id)
				returns = false
			}
		}
		return arrives, returns
	}
	p.step("%s leads to no network that holds %s", id, f.Dst.Addr())
	return false, false
}

// deliver hands a flow to the interface that has the destination address.
func (w *World) deliver(p *Path, f Flow, src party, v *VPC, edge bool) (arrives, returns bool) {
	dst, ok := v.owner(f.Dst.Addr())
	if !ok {
		p.step("no interface in %s has %s", v.ID, f.Dst.Addr())
		return false, false
	}
	returns = true
	if edge && dst.subnet != nil {
		if !w.nacl(p, v, dst.subnet, f, true) {
			return false, false
		}
		returns = w.nacl(p, v, dst.subnet, f.reverse(), false)
	}
	if !dst.up {
		p.step("the endpoint at %s is not available", f.Dst.Addr())
		return false, false
	}
	if len(dst.groups) > 0 && !allows(w, dst, src.addr, f, v.groups(dst.groups), false, src.groups...) {
		p.step("security groups %v at %s: no ingress rule for %s", dst.groups, f.Dst.Addr(), f.Src.Addr())
		return false, false
	}
	p.step("arrives at %s", f.Dst)
	return true, returns
}

func (w *World) middleboxes(p *Path, f Flow) {
	for _, m := range w.Middleboxes {
		if !w.Matches(m.On, f.Dst) {
			continue
		}
		if sp := f.Src.Port(); m.DropPorts[1] != 0 && sp >= m.DropPorts[0] && sp <= m.DropPorts[1] {
			p.step("%s drops source port %d", m.Name, sp)
			p.Arrives, p.Returns = false, false
			return
		}
		if m.DropAnswer {
			p.Returns = false
		}
		p.step("through %s", m.Name)
		p.Boxes = append(p.Boxes, m)
	}
}

// Matches tells whether a destination is one that a Match selects.
func (w *World) Matches(m Match, dst netip.AddrPort) bool {
	known := w.known(dst.Addr())
	if (m.Public && known) || (m.Private && !known) {
		return false
	}
	if len(m.Prefixes) > 0 && !containsAddr(m.Prefixes, dst.Addr()) {
		return false
	}
	return len(m.Ports) == 0 || slices.Contains(m.Ports, dst.Port())
}

// known tells whether an address lies in a network of this world.
func (w *World) known(a netip.Addr) bool {
	if w.VPC.Contains(a) {
		return true
	}
	for i := range w.Networks {
		if w.Networks[i].Contains(a) {
			return true
		}
	}
	return false
}

func (w *World) network(id string) *VPC {
	for i := range w.Networks {
		if w.Networks[i].ID == id {
			return &w.Networks[i]
		}
	}
	return nil
}

func (f Flow) reverse() Flow { return Flow{Proto: f.Proto, Src: f.Dst, Dst: f.Src} }
