package diagnose

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"vpcdoctor/probe/fact"
)

// View is the facts of a run arranged for rules: indexes instead of slices,
// and one path per target. It is built once, never changed by a rule, and does
// not depend on the order of the facts.
type View struct {
	Set  *fact.Set
	ENI  fact.ENI // primary
	VPC  []netip.Prefix
	IPv4 bool // the host has a usable IPv4 address; true when interfaces are not known
	IPv6 bool

	Paths []*Path // direct paths, required first, then by key
	Tuns  []*Tun  // paths through the agent's proxy
	byKey map[string]*Path

	answers map[string]fact.Answer
	lookups map[string][]fact.Lookup
	classes map[netip.Addr]fact.Address
	blames  map[Code][]blame
}

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
	// Spare addresses do not count: IPv6 that this host cannot use, or IPv6
	// that fails while IPv4 of the same name works.
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

type addrHost struct {
	at    netip.AddrPort
	host  string
	proxy string
}

// index finds facts by what they are about. It points into the set.
type index struct {
	dials  map[netip.AddrPort]*fact.Dial
	shakes map[addrHost]*fact.Handshake
	reqs   map[addrHost]*fact.Request
}

// newView arranges the facts. It reads the set and never writes to it.
func newView(s *fact.Set) *View {
	v := &View{
		Set: s, ENI: s.IMDS.Primary(), VPC: s.IMDS.VPCCIDRs(),
		answers: make(map[string]fact.Answer, len(s.Answers)), lookups: make(map[string][]fact.Lookup, len(s.Answers)),
		byKey:   map[string]*Path{},
		classes: map[netip.Addr]fact.Address{}, blames: map[Code][]blame{},
	}
	v.IPv4, v.IPv6 = families(s.Host.Interfaces)
	for _, a := range refs(s.Answers, fact.Answer.Key) {
		v.answers[a.Name] = *a
	}
	for _, l := range refs(s.Lookups, fact.Lookup.Key) {
		v.lookups[l.Name] = append(v.lookups[l.Name], *l)
	}
	for _, a := range refs(s.Addresses, func(a fact.Address) string { return a.Addr.String() }) {
		v.classes[a.Addr] = *a
	}
	ix := newIndex(s)
	targets := sorted(s.Targets, fact.Target.Key)
	slices.SortStableFunc(targets, func(a, b fact.Target) int { return cmp.Compare(needRank(a.Need), needRank(b.Need)) })
	tunnels := map[string][]fact.Tunnel{}
	for _, t := range sorted(s.Tunnels, fact.Tunnel.Key) {
		tunnels[t.Host] = append(tunnels[t.Host], t)
	}
	for _, t := range targets {
		if v.byKey[t.Key()] != nil {
			continue // the same target twice is one row
		}
		p := v.newPath(t, ix)
		for _, tun := range tunnels[t.Host] {
			// Only the agent's own hosts are judged by the agent's proxy.
			v.Tuns = append(v.Tuns, newTun(t, tun, ix))
			if t.Agent {
				p.Counts = false
			}
		}
		v.Paths = append(v.Paths, p)
		v.byKey[p.Key] = p
	}
	return v
}

func newIndex(s *fact.Set) index {
	ix := index{
		dials:  make(map[netip.AddrPort]*fact.Dial, len(s.Dials)),
		shakes: make(map[addrHost]*fact.Handshake, len(s.Handshakes)),
		reqs:   make(map[addrHost]*fact.Request, len(s.Requests)),
	}
	for _, d := range refs(s.Dials, fact.Dial.Key) {
		if d.Proxy == "" {
			ix.dials[d.Addr] = d
		}
	}
	for _, h := range refs(s.Handshakes, fact.Handshake.Key) {
		ix.shakes[at(h.Addr, h.Host, h.Proxy)] = h
	}
	for _, r := range refs(s.Requests, fact.Request.Key) {
		ix.reqs[at(r.Addr, r.Host, r.Proxy)] = r
	}
	return ix
}

// at is the key of a handshake or request. A tunnelled one is known by its
// proxy and host, whatever address the proxy had.
func at(a netip.AddrPort, host, proxy string) addrHost {
	if proxy != "" {
		return addrHost{host: host, proxy: proxy}
	}
	return addrHost{at: a, host: host}
}

// refs returns pointers to the facts in the order of key. Facts with the same
// key come in the order of their contents, so that even duplicates do not make
// the verdict depend on the order in which they were stored.
func refs[T any](in []T, key func(T) string) []*T {
	type keyed struct {
		k string
		p *T
	}
	ks := make([]keyed, len(in))
	for i := range in {
		ks[i] = keyed{key(in[i]), &in[i]}
	}
	slices.SortFunc(ks, func(a, b keyed) int {
		if c := cmp.Compare(a.k, b.k); c != 0 || a.p == b.p {
			return c
		}
		return cmp.Compare(fmt.Sprintf("%+v", *a.p), fmt.Sprintf("%+v", *b.p))
	})
	out := make([]*T, len(in))
	for i, k := range ks {
		out[i] = k.p
	}
	return out
}

// sorted returns a copy in the order of refs.
func sorted[T any](in []T, key func(T) string) []T {
	out := make([]T, 0, len(in))
	for _, p := range refs(in, key) {
		out = append(out, *p)
	}
	return out
}

// families tells which address families the host can use beyond its own link.
func families(ifs []fact.Interface) (v4, v6 bool) {
	if len(ifs) == 0 {
		return true, true
	}
	for _, i := range ifs {
		for _, p := range i.Addrs {
			a := p.Addr()
			if !a.IsValid() || a.IsLoopback() || a.IsLinkLocalUnicast() {
				continue
			}
			if a.Unmap().Is4() {
				v4 = true
			} else {
				v6 = true
			}
		}
	}
	return v4, v6
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
		if a.Addr.Unmap().Is4() || a.status() == Pass {
			continue
		}
		a.Spare = v4ok || !v.IPv6 && p.hasIPv4()
	}
}

func (p *Path) hasIPv4() bool {
	return slices.ContainsFunc(p.Addrs, func(a *AddrPath) bool { return a.Addr.Unmap().Is4() })
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
		case a.Spare && len(p.Addrs) > 1 && p.hasIPv4():
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

// classOf returns where an address belongs. Addresses that the probe did not
// class (they came from a server that is not the configured one) are classed
// by the VPC's blocks and the private ranges alone.
func (v *View) classOf(a netip.Addr) fact.Address {
	if x, ok := v.classes[a]; ok {
		return x
	}
	x := fact.Address{Addr: a, Class: fact.Unclassified}
	b := a.Unmap()
	switch {
	case slices.ContainsFunc(v.VPC, func(p netip.Prefix) bool { return p.Contains(b) }):
		x.Class = fact.OwnVPC
	case b.IsUnspecified() || b.IsMulticast():
		x.Class = fact.Unspecified
	case b.IsLoopback():
		x.Class = fact.Loopback
	case b.IsLinkLocalUnicast():
		x.Class = fact.LinkLocal
	case privateRange(b):
		x.Class = fact.OtherPrivate
	}
	return x
}

var sharedSpace = netip.MustParsePrefix("100.64.0.0/10") // RFC 6598

func privateRange(a netip.Addr) bool { return a.IsPrivate() || sharedSpace.Contains(a) }

func needRank(n fact.Need) int {
	switch n {
	case fact.NeedRequired:
		return 0
	case fact.NeedOneOf:
		return 1
	case fact.NeedRecommended:
		return 2
	}
	return 3
}
