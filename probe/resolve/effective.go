package resolve

import (
	"net/netip"
	"slices"

	"vpcdoctor/probe/fact"
)

// The sources of an answer.
const (
	sourceHosts = "hosts"
	sourceDNS   = "dns"
)

// Effective is what an ordinary program on this host gets for a name: from the
// hosts file where nsswitch puts it first, else from the first configured
// server that answers (or of --resolver, when given). It follows Go's resolver
// and glibc: an address, NODATA and NXDOMAIN end the walk over the servers;
// SERVFAIL, REFUSED, silence and broken answers lead to the next one. A and
// AAAA walk apart, and one of them with an address is enough.
//
// It is pure. A server for which lookups holds nothing is passed over, because
// the caller chose not to ask it; one whose attempts our own budget cut makes
// the answer NotRun, because what it would have said is not known. "rotate"
// is not followed: the file's order is one of the orders it produces.
//
// When the hosts file is the only source and does not have the name, the
// answer is Failed with class NotFound.
func Effective(r fact.Resolver, name string, lookups []fact.Lookup) fact.Answer {
	name = cleanName(name)
	fromHosts, inHosts := hostsAnswer(r, name)
	switch lookupOrder(r.HostsOrder) {
	case filesOnly:
		if !inHosts {
			return fact.Answer{Name: name, Status: fact.Failed, Class: fact.NotFound, Source: sourceHosts}
		}
		return fromHosts
	case dnsOnly:
		return dnsAnswer(r, name, lookups)
	case dnsThenFiles:
		a := dnsAnswer(r, name, lookups)
		if a.Status == fact.Failed && inHosts {
			fromHosts.Dead = a.Dead
			return fromHosts
		}
		return a
	}
	if inHosts {
		return fromHosts
	}
	return dnsAnswer(r, name, lookups)
}

// EffectiveAll is Effective for many names: it sorts the lookups by name once.
// Answers come in the order of names.
func EffectiveAll(r fact.Resolver, names []string, lookups []fact.Lookup) []fact.Answer {
	byName := make(map[string][]fact.Lookup, len(names))
	for _, l := range lookups {
		byName[l.Name] = append(byName[l.Name], l)
	}
	out := make([]fact.Answer, 0, len(names))
	for _, n := range names {
		out = append(out, Effective(r, n, byName[cleanName(n)]))
	}
	return out
}

// hostsAnswer is all addresses that the hosts file gives the name; Line is the
// first line that does.
func hostsAnswer(r fact.Resolver, name string) (fact.Answer, bool) {
	a := fact.Answer{Name: name, Status: fact.OK, Source: sourceHosts}
	for _, h := range r.Hosts {
		if h.Name != name || slices.Contains(a.Addrs, h.Addr) {
			continue
		}
		if a.Line == 0 {
			a.Line = h.Line
		}
		a.Addrs = append(a.Addrs, h.Addr)
	}
	slices.SortStableFunc(a.Addrs, v4First)
	return a, a.Line > 0
}

// dnsAnswer merges the walks for A and AAAA.
func dnsAnswer(r fact.Resolver, name string, lookups []fact.Lookup) fact.Answer {
	servers := r.Servers
	if len(r.Override) > 0 {
		servers = r.Override
	}
	v4 := walk(servers, question{name, "A", r.UseTCP}, lookups)
	v6 := walk(servers, question{name, "AAAA", r.UseTCP}, lookups)
	decides := v4
	if v4.status != fact.OK && (v6.status == fact.OK || !v4.asked) {
		decides = v6
	}
	a := fact.Answer{Name: name, Status: decides.status, Class: decides.class, Server: decides.server, Dead: decides.dead}
	if a.Status == fact.OK {
		a.Addrs = slices.Concat(v4.addrs, v6.addrs)
	}
	if a.Status != fact.NotRun {
		a.Source = sourceDNS
	}
	return a
}

// question is what a walk looks for.
type question struct {
	name, qtype string
	tcp         bool // programs ask over TCP only ("options use-vc")
}

// walked is how the walk over the servers for one type ended.
type walked struct {
	asked  bool // some server was to be asked
	status fact.Status
	class  fact.Class
	server netip.AddrPort // that answered; of a failure, the first that gave a response code
	addrs  []netip.Addr
	dead   int
}

func walk(servers []netip.AddrPort, q question, lookups []fact.Lookup) walked {
	w := walked{status: fact.NotRun}
	for _, s := range servers {
		l, silent, asked := deciding(lookups, q, s)
		if !asked {
			continue
		}
		w.asked = true
		switch {
		case !l.Ran():
			return walked{asked: true, status: fact.NotRun, dead: w.dead}
		case l.Status == fact.OK:
			return walked{asked: true, status: fact.OK, server: s, addrs: l.Addrs, dead: w.dead}
		case l.Class == fact.NXDomain || l.Class == fact.NoData:
			return walked{asked: true, status: fact.Failed, class: l.Class, server: s, dead: w.dead}
		}
		if silent {
			w.dead++
		}
		// The first server that said anything gives the failure its class;
		// while all are silent, silence is the class.
		if w.status == fact.NotRun || w.class == fact.Timeout && l.Class != fact.Timeout {
			w.status, w.class = fact.Failed, l.Class
			if l.RCode != "" {
				w.server = s
			}
		}
	}
	return w
}

// deciding is the attempt at one server that a program would go by: the one
// over UDP, or over TCP when the datagram was truncated or programs use TCP
// only. A TCP follow-up that is missing counts as not run: a truncated answer
// is half of one. silent: the server let every attempt time out.
func deciding(lookups []fact.Lookup, q question, server netip.AddrPort) (l fact.Lookup, silent, asked bool) {
	udp, hasUDP := best(lookups, q, server, "udp")
	tcp, hasTCP := best(lookups, q, server, "tcp")
	switch {
	case hasTCP && (q.tcp || !hasUDP):
		return tcp, tcp.Class == fact.Timeout, true
	case hasUDP && udp.Truncated && hasTCP:
		return tcp, false, true
	case hasUDP && udp.Truncated:
		return fact.Lookup{Outcome: fact.Skip("no TCP follow-up")}, false, true
	}
	return udp, udp.Class == fact.Timeout, hasUDP
}

// best is the latest attempt that ran, or the latest of all when none did: Ask
// goes on only while an attempt did not decide. The order in lookups does not
// matter.
func best(lookups []fact.Lookup, q question, server netip.AddrPort, transport string) (out fact.Lookup, found bool) {
	for _, l := range lookups {
		if l.Server != server || l.Transport != transport || l.Type != q.qtype || l.Name != q.name {
			continue
		}
		later := l.Attempt > out.Attempt
		if l.Ran() != out.Ran() {
			later = l.Ran()
		}
		if !found || later {
			out, found = l, true
		}
	}
	return out, found
}

// v4First orders addresses by family alone and keeps the order within one.
func v4First(a, b netip.Addr) int { return a.BitLen() - b.BitLen() }
