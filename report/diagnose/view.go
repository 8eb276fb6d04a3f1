package diagnose

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"

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
	ix      index
	rulings map[string]ruling // what repeated handshakes show, by host

	ports sweep // what connects from chosen source ports showed

	clock      fact.Offset // of our clock, by the majority of sources
	clockKnown bool

	tale []*fact.LogEvent // of the agent's log, of its present start
	link link             // the agent's own connection
	nap  nap              // what the agent waits for, if it does
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
	then   map[string][]*fact.Handshake // those verified again at the server's Date, by host
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
	v.ix = newIndex(s)
	v.rulings = v.judge()
	v.ports = v.sweep()
	v.clock, v.clockKnown = s.ClockOffset()
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
		p := v.newPath(t, v.ix)
		for _, tun := range tunnels[t.Host] {
			// Only the agent's own hosts are judged by the agent's proxy.
			v.Tuns = append(v.Tuns, newTun(t, tun, v.ix))
			if t.Agent {
				p.Counts = false
			}
		}
		v.Paths = append(v.Paths, p)
		v.byKey[p.Key] = p
	}
	v.tale = v.thisStart()
	v.link = v.newLink()
	v.nap = v.newNap()
	return v
}

func newIndex(s *fact.Set) index {
	ix := index{
		dials:  make(map[netip.AddrPort]*fact.Dial, len(s.Dials)),
		shakes: make(map[addrHost]*fact.Handshake, len(s.Handshakes)),
		then:   map[string][]*fact.Handshake{},
		reqs:   make(map[addrHost]*fact.Request, len(s.Requests)),
	}
	for _, d := range refs(s.Dials, fact.Dial.Key) {
		if d.Proxy == "" {
			ix.dials[d.Addr] = d
		}
	}
	for _, h := range refs(s.Handshakes, fact.Handshake.Key) {
		if !h.Then.IsZero() {
			ix.then[h.Host] = append(ix.then[h.Host], h)
		}
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

// sortedKeys are the keys of a map in order.
func sortedKeys[T any](m map[string]T) []string {
	return slices.Sorted(maps.Keys(m))
}

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
