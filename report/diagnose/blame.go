package diagnose

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"vpcdoctor/probe/fact"
)

// Every failed check is blamed on exactly one code, by the decision table of
// the field guide (B.0), from the ground up: the name, then the connect, then
// TLS. The rules turn the blames of their code into one finding. So a fault
// with forty symptoms is one finding, and no failed check goes unexplained:
// what fits nothing falls to EP-16.

// blame is one failed check and what it is put down to.
type blame struct {
	path *Path
	port *PortPath // nil: the name itself
	tun  *Tun      // the path through a proxy
}

func (v *View) put(code Code, b blame) { v.blames[code] = append(v.blames[code], b) }

// assign blames every failed check.
func (v *View) assign() {
	var silent []*PortPath
	for _, p := range v.Paths {
		if !p.Counts {
			continue
		}
		if p.DNS == Fail {
			v.put(v.blameName(p), blame{path: p})
			continue
		}
		for _, pp := range p.ports() {
			switch {
			case pp.TCP == Fail && pp.Dial.Class == fact.Timeout:
				silent = append(silent, pp)
			case pp.TCP == Fail:
				v.put(v.blameConnect(pp), blame{path: p, port: pp})
			case pp.TLS == Fail:
				v.put(v.blameTLS(pp), blame{path: p, port: pp})
			}
		}
	}
	v.blameSilent(silent)
	for _, t := range v.Tuns {
		if t.Counts && t.Status == Fail {
			v.put(v.blameTunnel(t), blame{tun: t})
		}
	}
}

// atOnce is how fast a refusal must come to be the local kernel's: no packet
// crosses a VPC and back in less (field guide C.3: 0 ms locally).
const atOnce = 2 * time.Millisecond

// slowARP is the least time after which EHOSTUNREACH means that nobody
// answered ARP: the kernel gives up after 3.06 s (measured, field guide C.3).
const slowARP = 2 * time.Second

// blameConnect explains a connect that failed with an error (B.0 rows 1-3).
func (v *View) blameConnect(pp *PortPath) Code {
	d := pp.Dial
	if deadRoute(d) != "" {
		return "RT-02"
	}
	switch d.Class {
	case fact.NotPermitted:
		if d.Errno == "EACCES" && !routed(d) {
			return "RT-02" // a prohibit route of this host
		}
		if v.conntrackFull() {
			return "OS-02"
		}
		return "OS-01"
	case fact.NoAddress:
		return "OS-04"
	case fact.NoDescriptors:
		return "OS-05"
	case fact.NetUnreachable, fact.Invalid:
		if pp.Addr.Addr.Unmap().Is4() && !v.IPv4 {
			return "V6-02"
		}
		if d.Class == fact.NetUnreachable && routed(d) {
			return "OS-01" // there is a route: a rule rejects with that errno
		}
		return "RT-02"
	case fact.Refused, fact.Reset, fact.HostUnreachable:
		return v.blameRefused(pp)
	}
	return "EP-16"
}

// blameRefused tells who refused: a local network, a sinkhole, the host's own
// firewall, the provider's load balancer, or a stranger on a stale address.
func (v *View) blameRefused(pp *PortPath) Code {
	d := pp.Dial
	if code := v.sinkhole(pp); code != "" {
		return code
	}
	if _, ok := v.overlap(pp.Addr.Addr); ok || v.strayed(d) != "" {
		return "RT-06"
	}
	if _, ok := v.caught("reject"); ok || unasked(d) {
		return "OS-01" // a peer that refuses was found first
	}
	if d.Class == fact.HostUnreachable {
		if ownerless(d) {
			return v.noNeighbour(pp)
		}
		if v.rejectRoute(pp.Addr.Addr) {
			return "RT-02"
		}
		if d.Took.Std() <= atOnce || v.refusedEverywhere() {
			return "OS-01"
		}
		return "RT-08"
	}
	if pp.Path.T.Type == "Custom" && v.allPorts(pp.Path, pp.Port.Number, refusing) {
		return "PL-06"
	}
	if pp.Path.T.Type == "Custom" && slices.ContainsFunc(pp.Path.ports(), func(q *PortPath) bool { return q.TCP == Pass }) {
		return "PL-05"
	}
	if v.everyDial(refusing) && v.distinctDials() > 1 {
		if v.refusedEverywhere() {
			return "OS-01"
		}
		return "EP-16" // a device on the path may answer for all of them
	}
	return "RT-08"
}

func refusing(d fact.Dial) bool { return d.Class == fact.Refused || d.Class == fact.Reset }

// refusedEverywhere tells a rule of this host from a device on the path: the
// host's rule makes no difference between private and public addresses, nor
// does a device stand before addresses of our own subnet. How fast the refusal
// came decides nothing: a round trip in one AZ is as short as a busy host's
// own delay.
func (v *View) refusedEverywhere() bool {
	if !v.everyDial(func(d fact.Dial) bool { return refusing(d) || d.Class == fact.HostUnreachable }) || v.distinctDials() < 2 {
		return false
	}
	inside, outside := false, false
	for _, p := range v.Paths {
		for _, pp := range p.ports() {
			if pp.TCP == Fail {
				inside = inside || v.local(pp.Addr.Info)
				outside = outside || !v.local(pp.Addr.Info)
			}
		}
	}
	return inside && outside || inside && v.onLinkRefused()
}

// onLinkRefused: addresses in our own subnet refuse as well; no device stands
// between us and them.
func (v *View) onLinkRefused() bool {
	for _, p := range v.Paths {
		for _, pp := range p.ports() {
			if pp.TCP == Fail && v.onLink(pp.Addr.Addr) {
				return true
			}
		}
	}
	return false
}

// noNeighbour: the address of our own subnet has no owner. When the whole name
// is like that, its records are stale; when one of several is, it is the one.
func (v *View) noNeighbour(pp *PortPath) Code {
	if pp.Path.Answer.Source == "hosts" {
		return "DN-15"
	}
	if code := v.lyingLayer(pp.Path); code != "" {
		return code
	}
	if v.allPorts(pp.Path, pp.Port.Number, func(d fact.Dial) bool { return ownerless(d) || d.Class == fact.HostUnreachable }) {
		return "DN-10"
	}
	return "RT-08"
}

// sinkhole names who hands out an address that is nobody's.
func (v *View) sinkhole(pp *PortPath) Code {
	switch pp.Addr.Info.Class {
	case fact.Loopback, fact.Unspecified, fact.LinkLocal:
	default:
		return ""
	}
	return v.sinker(pp.Path)
}

func (v *View) sinker(p *Path) Code {
	if p.Answer.Source == "hosts" {
		return "DN-15"
	}
	if code := v.wrongAnswer(p); code != "" {
		return code
	}
	return "DN-22"
}

// allPorts tells whether the condition holds at this port of every address.
func (v *View) allPorts(p *Path, port uint16, is func(fact.Dial) bool) bool {
	for _, pp := range p.ports() {
		if pp.Port.Number == port && !(pp.TCP == Fail && is(pp.Dial)) {
			return false
		}
	}
	return true
}

// everyDial tells whether the condition holds for every connect that ran.
func (v *View) everyDial(is func(fact.Dial) bool) bool {
	for _, p := range v.Paths {
		for _, pp := range p.ports() {
			if pp.TCP == Pass || pp.TCP == Fail && !is(pp.Dial) {
				return false
			}
		}
	}
	return true
}

func (v *View) distinctDials() int {
	seen := map[netip.AddrPort]bool{}
	for _, p := range v.Paths {
		for _, pp := range p.ports() {
			if pp.TCP != NotCheckedStatus {
				seen[pp.At] = true
			}
		}
	}
	return len(seen)
}

// overlap returns the local interface whose prefix holds an address although
// it is no VPC interface: docker0, a CNI bridge, a VPN.
func (v *View) overlap(a netip.Addr) (fact.Interface, bool) {
	for _, i := range sorted(v.Set.Host.Interfaces, func(i fact.Interface) string { return i.Name }) {
		if i.Name == "lo" || v.isENI(i) {
			continue
		}
		for _, p := range i.Addrs {
			if p.IsValid() && p.Bits() > 0 && p.Masked().Contains(a.Unmap()) {
				return i, true
			}
		}
	}
	return fact.Interface{}, false
}

// isENI tells whether an interface is one that IMDS lists, by MAC. Without
// IMDS an interface that looks like a bridge or tunnel is told by its name.
func (v *View) isENI(i fact.Interface) bool {
	for _, e := range v.Set.IMDS.ENIs {
		if e.MAC != "" && strings.EqualFold(e.MAC, i.MAC) {
			return true
		}
	}
	if len(v.Set.IMDS.ENIs) > 0 {
		return strings.HasPrefix(i.Name, "eth") || strings.HasPrefix(i.Name, "en")
	}
	for _, p := range []string{"docker", "br-", "cni", "tun", "virbr", "podman", "wg"} {
		if strings.HasPrefix(i.Name, p) {
			return false
		}
	}
	return true
}

func (v *View) rejectRoute(a netip.Addr) bool {
	return slices.ContainsFunc(v.Set.Host.Routes, func(r fact.Route) bool {
		return r.Kind != "" && r.Kind != "unicast" && r.Dst.IsValid() && r.Dst.Contains(a.Unmap())
	})
}

// nearlyFull is the share of nf_conntrack_max, in percent, from which new
// flows are dropped: the kernel drops at 100, the count was read a moment off.
const nearlyFull = 98

func (v *View) conntrackFull() bool {
	for _, c := range []fact.Counters{v.Set.Host.Before, v.Set.Host.After} {
		if c.ConntrackMax > 0 && c.ConntrackCount >= c.ConntrackMax-c.ConntrackMax/100*(100-nearlyFull) {
			return true
		}
	}
	return false
}

// retransFail is by how much TCPRetransFail rose during the run, and whether
// the counters were read at all.
func (v *View) retransFail() (uint64, bool) {
	b, a := v.Set.Host.Before, v.Set.Host.After
	if b.At.IsZero() || a.At.IsZero() || a.TCPRetransFail < b.TCPRetransFail {
		return 0, false
	}
	return a.TCPRetransFail - b.TCPRetransFail, true
}

// severity of a failure of a target: what stands in for it counts.
func (v *View) severity(t fact.Target) Severity {
	switch t.Need {
	case fact.NeedRequired:
		return SevError
	case fact.NeedOneOf:
		if v.groupWorks(t.Group) || v.followsInGroup(t) {
			return SevInfo
		}
		return SevError
	case fact.NeedRecommended:
		return SevWarning
	}
	return SevInfo
}

// followsInGroup: of a group that fails, a member whose name does not resolve
// says less than one that resolves and does not answer. The latter leads.
func (v *View) followsInGroup(t fact.Target) bool {
	resolves := func(p *Path) bool {
		return p.T.Need == fact.NeedOneOf && p.T.Group == t.Group && p.Counts && p.DNS == Pass
	}
	return slices.ContainsFunc(v.Paths, resolves) && v.byKey[t.Key()].DNS != Pass
}

// groupWorks tells whether one member of a group works.
func (v *View) groupWorks(group string) bool {
	for _, p := range v.Paths {
		if p.T.Need == fact.NeedOneOf && p.T.Group == group && p.Counts && p.Status == Pass {
			return true
		}
	}
	for _, t := range v.Tuns {
		if t.T.Need == fact.NeedOneOf && t.T.Group == group && t.Counts && t.Status == Pass {
			return true
		}
	}
	return false
}
