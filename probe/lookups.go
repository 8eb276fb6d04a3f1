package probe

import (
	"context"
	"net/netip"
	"slices"

	"vpcdoctor/probe/catalog"
	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/resolve"
)

// maxFollowUps bounds how many names of --all are asked again elsewhere: when
// the resolver is dead, the first few say so as well as all of them.
const maxFollowUps = 24

// silentSample is how many names of --all are still asked when no configured
// server has answered anything: enough to show that it is not one name.
const silentSample = 8

// lookUp asks the names and derives what a program on this host gets.
func (r *runner) lookUp(ctx context.Context) {
	c := &resolve.Client{Timeout: r.opt.dnsTimeout(), Pace: r.pace, TCP: r.set.Resolver.UseTCP}
	full, brief := r.names()
	total := len(full) + len(brief)
	r.progress("dns", 0, total)
	r.ask(ctx, c, r.fullQuestions(full))
	r.askBriefly(ctx, c, brief)
	r.set.Answers = resolve.EffectiveAll(r.set.Resolver, slices.Concat(full, brief), r.set.Lookups)
	r.set.Answers = append(r.set.Answers, literals(r.set.Targets)...)
	r.set.Run.Packets.DNS = c.Sent()
	r.progress("dns", total, total)
}

// names splits the distinct host names into those asked everywhere and those
// that --all asks only once at the configured resolver (decisions.md).
func (r *runner) names() (full, brief []string) {
	seen := map[string]bool{}
	for _, t := range r.set.Targets {
		if seen[t.Host] || isLiteral(t.Host) {
			continue
		}
		seen[t.Host] = true
		if broad(t) {
			brief = append(brief, t.Host)
		} else {
			full = append(full, t.Host)
		}
	}
	if p := r.proxyName(); p != "" && !seen[p] {
		full = append(full, p)
	}
	return full, brief
}

// broad tells whether a target is there only because of --all: neither a
// profile nor the user named it.
func broad(t fact.Target) bool {
	return len(t.Profiles) == 0 && t.Need == fact.NeedOptional && t.Type != "Custom"
}

func (r *runner) configured() []netip.AddrPort {
	if len(r.set.Resolver.Override) > 0 {
		return r.set.Resolver.Override
	}
	return r.set.Resolver.Servers
}

func (r *runner) fullQuestions(names []string) []resolve.Question {
	var qs []resolve.Question
	for _, n := range names {
		for _, typ := range []string{"A", "AAAA"} {
			for _, s := range r.configured() {
				qs = append(qs, resolve.Question{Name: n, Type: typ, Server: s, Via: r.via()})
			}
			for _, s := range r.set.Resolver.VPC {
				if !slices.Contains(r.configured(), s) {
					qs = append(qs, resolve.Question{Name: n, Type: typ, Server: s, Via: fact.ViaVPC})
				}
			}
		}
	}
	return qs
}

// askBriefly asks A at the first configured server that has answered so far,
// and goes to the VPC resolver only with names that failed there.
func (r *runner) askBriefly(ctx context.Context, c *resolve.Client, names []string) {
	server, alive := r.liveServer()
	if len(names) == 0 || !server.IsValid() {
		return
	}
	if !alive && len(r.set.Lookups) > 0 && len(names) > silentSample {
		r.cut("DNS of "+plural(len(names)-silentSample, "further name"), "no configured server answers", "")
		names = names[:silentSample]
	}
	qs := make([]resolve.Question, 0, len(names))
	for _, n := range names {
		qs = append(qs, resolve.Question{Name: n, Type: "A", Server: server, Via: r.via()})
	}
	r.ask(ctx, c, qs)

	var again []resolve.Question
	failed := 0
	for _, a := range resolve.EffectiveAll(r.set.Resolver, names, r.set.Lookups) {
		if a.Status == fact.OK {
			continue
		}
		if failed++; failed > maxFollowUps {
			r.cut("DNS at the VPC resolver for the remaining names", "the first ones show the same", "")
			break
		}
		for _, s := range r.set.Resolver.VPC {
			if s != server {
				again = append(again, resolve.Question{Name: a.Name, Type: "A", Server: s, Via: fact.ViaVPC})
			}
		}
	}
	r.ask(ctx, c, again)
}

// liveServer is the first configured server that answered anything so far; if
// none did, the first one and false.
func (r *runner) liveServer() (netip.AddrPort, bool) {
	servers := r.configured()
	for _, s := range servers {
		if slices.ContainsFunc(r.set.Lookups, func(l fact.Lookup) bool { return l.Server == s && l.RCode != "" }) {
			return s, true
		}
	}
	if len(servers) == 0 {
		return netip.AddrPort{}, false
	}
	return servers[0], false
}

// via is how a question to a configured server is recorded.
func (r *runner) via() string {
	if len(r.set.Resolver.Override) > 0 {
		return fact.ViaOverride
	}
	return fact.ViaConfigured
}

func (r *runner) ask(ctx context.Context, c *resolve.Client, qs []resolve.Question) {
	if len(qs) == 0 {
		return
	}
	r.set.Lookups = append(r.set.Lookups, c.AskAll(ctx, qs, dnsParallel)...)
}

// dnsParallel questions are in flight at once. The pace limits packets per
// second; this limits sockets.
const dnsParallel = 64

func isLiteral(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

// literals are the answers for targets that the user gave as addresses: there
// is nothing to ask.
func literals(ts []fact.Target) []fact.Answer {
	var out []fact.Answer
	for _, t := range ts {
		if a, err := netip.ParseAddr(t.Host); err == nil {
			out = append(out, fact.Answer{Name: t.Host, Status: fact.OK, Addrs: []netip.Addr{a}, Source: "literal"})
		}
	}
	return out
}

// classify says where each distinct address of the answers belongs.
func classify(s *fact.Set) []fact.Address {
	var addrs []netip.Addr
	for _, a := range s.Answers {
		addrs = append(addrs, a.Addrs...)
	}
	for _, l := range s.Lookups {
		addrs = append(addrs, l.Addrs...)
	}
	slices.SortFunc(addrs, netip.Addr.Compare)
	addrs = slices.Compact(addrs)
	vpc := s.IMDS.VPCCIDRs()
	out := make([]fact.Address, 0, len(addrs))
	for _, a := range addrs {
		x := fact.Address{Addr: a}
		x.OnLink, x.Subnet = onLink(a, s)
		x.Class = addrClass(a, vpc)
		if x.Class == fact.Unclassified {
			if region, service, ok := catalog.Ranges().Lookup(a); ok {
				x.Class, x.Region, x.Service = fact.PublicAWS, region, service
			}
		}
		out = append(out, x)
	}
	return out
}

var (
	nat64   = netip.MustParsePrefix("64:ff9b::/96")
	sharedV = netip.MustParsePrefix("100.64.0.0/10") // RFC 6598
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
	case a.IsPrivate(), sharedV.Contains(a):
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
