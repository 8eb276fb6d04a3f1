package resolve

import (
	"net/netip"
	"slices"
	"strings"

	"vpcdoctor/probe/fact"
)

const (
	// MaxPackets is what a run of the default profile sends to name servers at
	// the most, the first pass and everything here together (field guide C.8).
	MaxPackets = 150

	// PacketsPerQuestion is what one question can come to: the datagram and,
	// where its answer is truncated, the same over TCP. A silent server gets
	// less, two datagrams.
	PacketsPerQuestion = udpPackets + tcpPackets
	// PacketsWhenFine are those of Extra where nothing is wrong: one name by
	// the system's own path.
	PacketsWhenFine = osPackets

	// More names or servers than these show nothing new: what is wrong with a
	// layer shows with the first name that goes through it.
	maxNames     = 8 // that are looked at for trouble
	maxOSNames   = 3
	maxTCP       = 4 // the three of resolv.conf and one of the VPC's
	maxUpstream  = 4 // questions to servers behind a stub
	maxWildcards = 2 // of the 8 random labels that a run may ask
	maxSearches  = 3 // search domains; glibc's old limit of six is two names of them
	maxCountdown = 1

	oneQuestion = defaultAttempts * udpPackets // at worst
)

// Plan is what to ask beyond the first pass. It is a value, so that what a
// run does can be told, and tested, without asking anybody.
type Plan struct {
	OS         []string   // names for the system's own path
	Questions  []Question // further servers and transports
	Searches   []Search
	Wildcards  []Question // Name is the parent of the random label
	Countdowns []Question
	Dropped    []string // what would have helped and is over the packet budget
}

// Search is a question about what one search domain does to a name. Its
// Question says which server; Name and Type are set when it is asked.
type Search struct {
	Question
	Name   string // as the program asks for it
	Domain string
	First  bool // before the name itself
}

// Packets is what the plan sends at the most.
func (p Plan) Packets() int {
	n := len(p.OS)*osPackets + (len(p.Searches)+len(p.Wildcards)+2*len(p.Countdowns))*oneQuestion
	for _, q := range p.Questions {
		if q.TCP {
			n += tcpPackets
		} else {
			n += oneQuestion
		}
	}
	return n
}

// Extra is what can still change the verdict, given the first pass in s: its
// Targets, Resolver, Lookups, Answers, Addresses, interfaces and the number of
// DNS packets already sent. It is pure.
//
// On a healthy instance that is one name through the system's own path, which
// shows a hosts module, a cache or a search list that files do not show (4
// packets at the most, sent by getent), and its search list where that comes
// first. On trouble, for the names that are in it: the system's path, TCP to
// silent servers, the VPC's resolver over IPv6, the servers behind a stub that
// departs from the VPC, random labels where an answer fits no class, the search
// list after a name that does not exist, and whether a departing answer
// comes from a cache.
func Extra(s *fact.Set) Plan {
	b := builder{set: s, room: max(MaxPackets-s.Run.Packets.DNS, 0)}
	names := neededNames(s)
	var troubled []string
	for _, n := range names {
		if b.troubled(n) {
			troubled = append(troubled, n)
		}
	}
	if len(troubled) == 0 {
		if len(names) > 0 {
			b.system(names[:1])
			b.searchFirst(names[0])
		}
		return b.plan
	}
	b.system(troubled)
	b.silentServers(troubled[0])
	b.overIPv6(troubled[0])
	b.upstreams(troubled)
	b.wildcards(troubled)
	b.searchFirst(troubled[0])
	b.searchAfter(troubled)
	b.countdown(troubled)
	return b.plan
}

// neededNames are the names that the verdict hangs on, in the plan's order.
func neededNames(s *fact.Set) []string {
	var out []string
	for _, t := range s.Targets {
		if t.Need != fact.NeedRequired && t.Need != fact.NeedOneOf && t.Type != "Custom" {
			continue
		}
		if _, err := netip.ParseAddr(t.Host); err == nil || slices.Contains(out, t.Host) {
			continue
		}
		if out = append(out, t.Host); len(out) == maxNames {
			break
		}
	}
	return out
}

// builder collects a plan within the packet budget.
type builder struct {
	set  *fact.Set
	plan Plan
	room int
}

// fits takes packets out of the budget, or notes what had to be left out.
func (b *builder) fits(packets int, what string) bool {
	if packets > b.room {
		b.plan.Dropped = append(b.plan.Dropped, what)
		return false
	}
	b.room -= packets
	return true
}

// troubled tells whether DNS may be at fault for a name: no usable answer, a
// layer that departs from the one inside it, a server that stayed silent, or an
// address that is nobody's.
func (b *builder) troubled(name string) bool {
	a, ok := b.set.AnswerOf(name)
	switch {
	case !ok || a.Status != fact.OK || a.Dead > 0:
		return true
	case len(b.departures(name)) > 0, b.odd(a.Addrs):
		return true
	}
	return slices.ContainsFunc(b.set.Lookups, func(l fact.Lookup) bool {
		return l.Name == name && l.Ran() && l.Class == fact.Timeout
	})
}

func (b *builder) departures(name string) []fact.Departure {
	return b.set.Views(name, "A").Departures(b.set.SameAnswer)
}

// odd tells whether an address is of a class that no AWS name leads to.
func (b *builder) odd(addrs []netip.Addr) bool {
	return slices.ContainsFunc(addrs, func(a netip.Addr) bool {
		switch b.set.AddressOf(a).Class {
		case fact.Unspecified, fact.Loopback, fact.LinkLocal, fact.Unclassified:
			return true
		}
		return false
	})
}

// system asks by the system's own path, unless the user chose other servers
// than the configured ones, which that path would ask.
func (b *builder) system(names []string) {
	if len(b.set.Resolver.Override) > 0 {
		return
	}
	for _, n := range names[:min(len(names), maxOSNames)] {
		if b.fits(osPackets, "system's own lookup of "+n) {
			b.plan.OS = append(b.plan.OS, n)
		}
	}
}

// silentServers asks over TCP who did not answer over UDP: a filter that knows
// only UDP, or a server that is gone.
func (b *builder) silentServers(name string) {
	if b.set.Resolver.UseTCP {
		return
	}
	asked := 0
	for _, q := range b.silent() {
		if asked == maxTCP {
			return
		}
		asked++
		q.Name, q.Type, q.TCP = name, "A", true
		if b.fits(tcpPackets, "TCP to "+q.Server.String()) {
			b.plan.Questions = append(b.plan.Questions, q)
		}
	}
}

// silent are the servers that were asked and never said a word.
func (b *builder) silent() []Question {
	var order []Question
	heard := map[netip.AddrPort]bool{}
	for _, l := range b.set.Lookups {
		if !l.Ran() {
			continue
		}
		same := func(q Question) bool { return q.Server == l.Server }
		if !slices.ContainsFunc(order, same) {
			order = append(order, Question{Server: l.Server, Via: l.Via})
		}
		heard[l.Server] = heard[l.Server] || l.Class != fact.Timeout
	}
	return slices.DeleteFunc(order, func(q Question) bool { return heard[q.Server] })
}

func (b *builder) overIPv6(name string) {
	// No known VPC resolver means that this is not an EC2 instance.
	if len(b.set.Resolver.VPC) == 0 || !hasIPv6(b.set.Host) {
		return
	}
	for _, s := range VPCServers6() {
		if b.asked(name, s) || !b.fits(oneQuestion, "VPC resolver over IPv6") {
			continue
		}
		b.plan.Questions = append(b.plan.Questions, Question{Name: name, Type: "A", Server: s, Via: fact.ViaIPv6})
	}
}

func hasIPv6(h fact.Host) bool {
	return !h.IPv6Off && slices.ContainsFunc(h.Interfaces, func(i fact.Interface) bool {
		return slices.ContainsFunc(i.Addrs, func(p netip.Prefix) bool {
			a := p.Addr()
			return a.Is6() && a.IsGlobalUnicast() && !a.Is4In6()
		})
	})
}

func (b *builder) asked(name string, server netip.AddrPort) bool {
	return slices.ContainsFunc(b.set.Lookups, func(l fact.Lookup) bool { return l.Name == name && l.Server == server })
}

// upstreams asks the servers behind a stub that fails or departs, so that the
// fault lies with one of the two.
func (b *builder) upstreams(names []string) {
	if len(b.set.Resolver.Override) > 0 {
		return // the stub was not asked
	}
	asked := 0
	for _, n := range names {
		if !b.stubDiffers(n) {
			continue
		}
		for _, u := range b.set.Resolver.Upstreams {
			if b.asked(n, u) || u.Addr().IsLoopback() {
				continue
			}
			if asked++; asked > maxUpstream {
				return
			}
			if b.fits(oneQuestion, "server behind the stub, "+u.String()) {
				b.plan.Questions = append(b.plan.Questions, Question{Name: n, Type: "A", Server: u, Via: fact.ViaUpstream})
			}
		}
	}
}

func (b *builder) stubDiffers(name string) bool {
	if slices.ContainsFunc(b.departures(name), func(d fact.Departure) bool { return d.Outer.Layer == fact.LayerStub }) {
		return true
	}
	return slices.ContainsFunc(b.set.Views(name, "A").Of(fact.LayerStub), func(v fact.View) bool { return v.Status != fact.OK })
}

// wildcards asks a random sibling of a name whose answer is nobody's, or
// departs from the VPC's: a server that knows it too answers everything.
func (b *builder) wildcards(names []string) {
	for _, n := range names {
		_, parent, ok := strings.Cut(n, ".")
		if !ok || len(b.plan.Wildcards) == maxWildcards {
			return
		}
		for _, v := range b.set.Views(n, "A") {
			q := Question{Name: parent, Type: "A", Server: v.Server, Via: fact.ViaRandom}
			if v.Status != fact.OK || !v.Server.IsValid() || !b.odd(v.Addrs) && !b.departs(n, v) || slices.Contains(b.plan.Wildcards, q) {
				continue
			}
			if len(b.plan.Wildcards) < maxWildcards && b.fits(oneQuestion, "random label under "+parent) {
				b.plan.Wildcards = append(b.plan.Wildcards, q)
			}
		}
	}
}

func (b *builder) departs(name string, v fact.View) bool {
	return slices.ContainsFunc(b.departures(name), func(d fact.Departure) bool { return d.Outer.Key == v.Key })
}

// searchFirst asks the search domains that a program tries before the name
// itself, as it does with fewer dots than ndots.
func (b *builder) searchFirst(name string) {
	if strings.Count(name, ".") < b.set.Resolver.NDots {
		b.search(name, true)
	}
}

// searchAfter asks the search domains for the first name that does not exist:
// programs go on to them, and a wildcard there has an answer.
func (b *builder) searchAfter(names []string) {
	for _, n := range names {
		a, _ := b.set.AnswerOf(n)
		if a.Class != fact.NXDomain && a.Class != fact.NoData {
			continue
		}
		if strings.Count(n, ".") >= b.set.Resolver.NDots {
			b.search(n, false)
		}
		return
	}
}

func (b *builder) search(name string, first bool) {
	server, via := b.liveServer()
	if !server.IsValid() {
		return
	}
	domains := b.set.Resolver.Search
	for _, d := range domains[:min(len(domains), maxSearches)] {
		if d == "" || len(name)+1+len(d) > maxText || !b.fits(oneQuestion, "search domain "+d) {
			continue
		}
		b.plan.Searches = append(b.plan.Searches, Search{
			Question: Question{Server: server, Via: via}, Name: name, Domain: d, First: first,
		})
	}
}

// liveServer is the first server that programs ask and that said anything.
func (b *builder) liveServer() (netip.AddrPort, string) {
	servers, via := b.set.Resolver.Servers, fact.ViaConfigured
	if len(b.set.Resolver.Override) > 0 {
		servers, via = b.set.Resolver.Override, fact.ViaOverride
	}
	for _, s := range servers {
		if slices.ContainsFunc(b.set.Lookups, func(l fact.Lookup) bool { return l.Server == s && l.RCode != "" }) {
			return s, via
		}
	}
	return netip.AddrPort{}, via
}

// countdown asks twice where a server gives addresses that the layer inside it
// does not give: an old answer that is counting down goes away by itself.
func (b *builder) countdown(names []string) {
	for _, n := range names {
		for _, d := range b.departures(n) {
			v := d.Outer
			if v.Status != fact.OK || !v.Server.IsValid() || len(b.plan.Countdowns) == maxCountdown {
				continue
			}
			if b.fits(2*oneQuestion, "TTL of "+n+" at "+v.Server.String()) {
				b.plan.Countdowns = append(b.plan.Countdowns, Question{Name: n, Type: "A", Server: v.Server, Via: fact.ViaConfigured})
			}
		}
	}
}
