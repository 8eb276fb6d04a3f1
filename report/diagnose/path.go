package diagnose

import (
	"net/netip"
	"slices"
	"strings"

	"vpcdoctor/probe/fact"
)

// Path is the direct way to one target: name, addresses, ports.
type Path struct {
	T      fact.Target
	Key    string
	Answer fact.Answer
	DNS    CheckStatus
	Sunk   bool   // every address is 0.0.0.0 or the like: an answer, and nobody's address
	Class  string // class of the addresses that count, "mixed" when several
	Addrs  []*AddrPath
	Counts bool // false: the agent reaches this target through its proxy
	Status CheckStatus

	live []*PortPath // the ports of the addresses that count
}

// AddrPath is one address of a target with its ports.
type AddrPath struct {
	Addr  netip.Addr
	Info  fact.Address
	Ports []*PortPath
	// Spare addresses do not count: those of a family that this host does not
	// have, or IPv6 that fails while IPv4 of the same name works.
	Spare bool
}

// PortPath is one port of one address: connect, handshake, request. A fact
// that was not gathered is a zero value, which counts as not checked.
type PortPath struct {
	Path  *Path
	Addr  *AddrPath
	Port  fact.Port
	At    netip.AddrPort
	Dial  fact.Dial
	Shake fact.Handshake
	Req   fact.Request
	TCP   CheckStatus
	TLS   CheckStatus
	AWS   CheckStatus
}

// Tun is the way to one target through a proxy.
type Tun struct {
	T      fact.Target
	Key    string
	Tunnel fact.Tunnel
	Shake  fact.Handshake
	Req    fact.Request
	TCP    CheckStatus
	TLS    CheckStatus
	AWS    CheckStatus
	Counts bool
	Status CheckStatus
}

func (v *View) newPath(t fact.Target, ix index) *Path {
	p := &Path{T: t, Key: t.Key(), Counts: true}
	p.Answer, p.DNS = v.answerOf(t.Host)
	if p.DNS == Pass && !slices.ContainsFunc(p.Answer.Addrs, func(a netip.Addr) bool { return v.classOf(a).Class != fact.Unspecified }) {
		p.DNS, p.Sunk = Fail, true
	}
	p.Answer.Addrs = slices.Compact(slices.SortedFunc(slices.Values(p.Answer.Addrs), netip.Addr.Compare))
	for _, a := range p.Answer.Addrs {
		ap := &AddrPath{Addr: a, Info: v.classOf(a)}
		for _, port := range t.Ports {
			ap.Ports = append(ap.Ports, newPortPath(p, ap, port, ix))
		}
		p.Addrs = append(p.Addrs, ap)
	}
	p.spare(v)
	for _, a := range p.Addrs {
		if !a.Spare {
			p.live = append(p.live, a.Ports...)
		}
	}
	p.Class = p.className()
	p.Status = p.status()
	return p
}

// answerOf returns what a program gets for a name and whether that is an
// answer, a failure, or nothing that was looked at.
func (v *View) answerOf(host string) (fact.Answer, CheckStatus) {
	a, ok := v.answers[host]
	if !ok {
		if ip, err := netip.ParseAddr(host); err == nil {
			return fact.Answer{Name: host, Status: fact.OK, Addrs: []netip.Addr{ip}}, Pass
		}
		return a, NotCheckedStatus
	}
	switch {
	case a.Status == fact.OK && len(a.Addrs) > 0:
		return a, Pass
	case a.Status == fact.Failed && v.cut(host):
		return a, NotCheckedStatus
	case a.Status == fact.Failed:
		return a, Fail
	}
	return a, NotCheckedStatus
}

// cut tells whether every question for the name was ended by our own budget:
// then its failure says nothing.
func (v *View) cut(host string) bool {
	any := false
	for _, l := range v.lookups[host] {
		if l.Ran() {
			return false
		}
		any = true
	}
	return any
}

func newPortPath(p *Path, a *AddrPath, port fact.Port, ix index) *PortPath {
	pp := &PortPath{Path: p, Addr: a, Port: port, At: netip.AddrPortFrom(a.Addr, port.Number)}
	if d := ix.dials[pp.At]; d != nil {
		pp.Dial = *d
	}
	pp.TCP = check(pp.Dial.Outcome)
	pp.Shake, pp.Req = ix.above(p.T, pp.At, "")
	pp.TLS = NotCheckedStatus
	if port.TLS {
		pp.TLS = checkTLS(pp.Shake)
	}
	pp.AWS = checkAWS(pp.Req)
	return pp
}

func newTun(t fact.Target, tun fact.Tunnel, ix index) *Tun {
	x := &Tun{T: t, Key: t.Key(), Tunnel: tun, Counts: t.Agent, TCP: check(tun.Outcome)}
	x.Shake, x.Req = ix.above(t, netip.AddrPort{}, tun.Proxy)
	x.TLS, x.AWS = checkTLS(x.Shake), checkAWS(x.Req)
	x.Status = worst(x.TCP, x.TLS)
	return x
}

// above finds the handshake and the request of a target at an address or
// through a proxy: by its certificate name, or else by its host.
func (ix index) above(t fact.Target, addr netip.AddrPort, proxy string) (h fact.Handshake, r fact.Request) {
	names := []string{t.ServerName(), t.Host}
	if names[0] == names[1] {
		names = names[:1]
	}
	for _, name := range names {
		if x := ix.shakes[at(addr, name, proxy)]; x != nil && h.Host == "" {
			h = *x
		}
		if x := ix.reqs[at(addr, name, proxy)]; x != nil && r.Host == "" {
			r = *x
		}
	}
	return h, r
}

// check reads an outcome: what was cut or not run is not checked.
func check(o fact.Outcome) CheckStatus {
	switch {
	case o.Status == fact.OK:
		return Pass
	case o.Ran():
		return Fail
	}
	return NotCheckedStatus
}

// checkTLS passes a handshake whose name and chain are good for the system:
// that is what programs on this host will accept.
func checkTLS(h fact.Handshake) CheckStatus {
	c := check(h.Outcome)
	if c != Pass {
		return c
	}
	if h.Name.Status == fact.Failed || h.System.Status == fact.Failed {
		return Fail
	}
	if h.Name.Status == fact.OK && h.System.Status == fact.OK {
		return Pass
	}
	return NotCheckedStatus
}

// checkAWS passes when an AWS front end showed itself. Its absence is not a
// failure: some services show no request id.
func checkAWS(r fact.Request) CheckStatus {
	if r.Status == fact.OK && (r.RequestID != "" || strings.HasPrefix(r.Server, "AmazonS3")) {
		return Pass
	}
	return NotCheckedStatus
}

// worst folds checks that must all hold: a failure wins, then the unknown.
func worst(cs ...CheckStatus) CheckStatus {
	out := Pass
	for _, c := range cs {
		if c == Fail {
			return Fail
		}
		if c != Pass {
			out = NotCheckedStatus
		}
	}
	return out
}

// spare marks addresses that do not count against the path.
func (p *Path) spare(v *View) {
	v4ok := false
	for _, a := range p.Addrs {
		v4ok = v4ok || a.Addr.Unmap().Is4() && a.status() == Pass
	}
	for _, a := range p.Addrs {
		switch {
		case a.status() == Pass:
		case a.Addr.Unmap().Is4():
			a.Spare = !v.IPv4 && p.hasIPv6()
		default:
			a.Spare = v4ok || !v.IPv6 && p.hasIPv4()
		}
	}
}

func (p *Path) hasIPv4() bool {
	return slices.ContainsFunc(p.Addrs, func(a *AddrPath) bool { return a.Addr.Unmap().Is4() })
}

func (p *Path) hasIPv6() bool {
	return slices.ContainsFunc(p.Addrs, func(a *AddrPath) bool { return a.Addr.Unmap().Is6() })
}

// status of one address: every port must work.
func (a *AddrPath) status() CheckStatus {
	out := Pass
	if len(a.Ports) == 0 {
		return NotCheckedStatus
	}
	for _, pp := range a.Ports {
		out = worst(out, pp.status())
	}
	return out
}

// status of one port: TLS counts only where TLS is spoken, and a failed
// connect is a failure although the handshake did not run.
func (pp *PortPath) status() CheckStatus {
	if !pp.Port.TLS {
		return pp.TCP
	}
	return worst(pp.TCP, pp.TLS)
}

func (p *Path) status() CheckStatus {
	if p.DNS != Pass {
		return p.DNS
	}
	out, n := Pass, 0
	for _, a := range p.Addrs {
		if !a.Spare {
			out = worst(out, a.status())
			n++
		}
	}
	if n == 0 {
		return NotCheckedStatus
	}
	return out
}

func (p *Path) className() string {
	out := ""
	for _, a := range p.Addrs {
		switch {
		case a.Spare:
		case out == "":
			out = string(a.Info.Class)
		case out != string(a.Info.Class):
			return "mixed"
		}
	}
	return out
}

// ports lists every port of every address that counts.
func (p *Path) ports() []*PortPath { return p.live }
