package diagnose

import (
	"net/netip"
	"slices"
	"strings"

	"vpcdoctor/probe/fact"
)

// Name resolution is judged by contrast as well: what the configured servers
// say against what the VPC resolver says when asked directly (field guide B.0
// rows 8 to 10).

// said is what one group of servers answered for a name.
type said struct {
	asked   bool         // at least one question ran
	addrs   []netip.Addr // of all answers
	ok      bool
	silent  bool         // every question that ran timed out
	class   fact.Class   // of the failures; the most telling one
	soa     string       // of a negative answer
	cut     bool         // a truncated answer whose TCP retry failed
	first   *fact.Lookup // the lookup to cite
	servers []netip.AddrPort
}

// weight orders failures: what a server said tells more than silence.
func weight(c fact.Class) int {
	switch c {
	case fact.NXDomain:
		return 7
	case fact.NoData:
		return 6
	case fact.ServFail:
		return 5
	case fact.DNSRefused, fact.DNSOther:
		return 4
	case fact.NotPermitted:
		return 3
	case fact.Refused:
		return 2
	case fact.Timeout:
		return 1
	}
	return 0
}

// said sums up the answers of one group. AAAA without an answer is normal on
// AWS names, so only A decides a failure.
func (v *View) said(name string, vpc bool) said {
	s := said{silent: true}
	truncated, tcpFailed := false, false
	for i, l := range v.lookups[name] {
		if (l.Via == fact.ViaVPC) != vpc || !l.Ran() {
			continue
		}
		if l.Status == fact.OK && len(l.Addrs) > 0 {
			s.ok, s.asked, s.silent = true, true, false
			s.addrs = append(s.addrs, l.Addrs...)
			s.cite(&v.lookups[name][i])
		}
		truncated = truncated || l.Truncated
		tcpFailed = tcpFailed || l.Transport == "tcp" && l.Status == fact.Failed
		if l.Type == "AAAA" {
			continue
		}
		s.asked = true
		s.servers = append(s.servers, l.Server)
		if l.Status == fact.Failed {
			s.silent = s.silent && l.Class == fact.Timeout
			if s.class == "" || weight(l.Class) > weight(s.class) {
				s.class, s.soa = l.Class, l.SOA
				if !s.ok {
					s.first = &v.lookups[name][i]
				}
			}
		} else {
			s.silent = false
		}
	}
	s.silent = s.silent && s.asked
	s.cut = truncated && tcpFailed
	slices.SortFunc(s.addrs, netip.Addr.Compare)
	s.addrs = slices.Compact(s.addrs)
	return s
}

func (s *said) cite(l *fact.Lookup) {
	if s.first == nil || s.first.Status != fact.OK {
		s.first = l
	}
}

// private tells whether any address of the answer is a private one.
func (v *View) private(addrs []netip.Addr) bool {
	return slices.ContainsFunc(addrs, func(a netip.Addr) bool {
		c := v.classOf(a).Class
		return c == fact.OwnVPC || c == fact.OtherPrivate
	})
}

// loopback tells whether every configured server is a stub on this host.
func loopback(servers []netip.AddrPort) bool {
	return len(servers) > 0 && !slices.ContainsFunc(servers, func(s netip.AddrPort) bool { return !s.Addr().IsLoopback() })
}

// upstreams are the servers that in the end answer for this host.
func (v *View) upstreams() []netip.AddrPort {
	r := v.Set.Resolver
	if loopback(r.Servers) && len(r.Upstreams) > 0 {
		return r.Upstreams
	}
	return r.Servers
}

// vpcServer tells whether a server is the VPC's own resolver.
func (v *View) vpcServer(s netip.AddrPort) bool {
	a := s.Addr().Unmap()
	if a == netip.MustParseAddr("169.254.169.253") || a == netip.MustParseAddr("fd00:ec2::253") {
		return true
	}
	return slices.ContainsFunc(v.Set.Resolver.VPC, func(x netip.AddrPort) bool { return x.Addr().Unmap() == a })
}

func (v *View) publicServer(s netip.AddrPort) bool {
	a := s.Addr().Unmap()
	return a.IsGlobalUnicast() && !privateRange(a) && v.classOf(a).Class != fact.OwnVPC
}

// badServer is DN-08 when a public server stands in the configuration, else
// DN-05: a server of one's own that does not forward.
func (v *View) badServer() Code {
	if slices.ContainsFunc(v.upstreams(), v.publicServer) {
		return "DN-08"
	}
	return "DN-05"
}

// wrongAnswer explains an answer that is not what the VPC resolver gives:
// empty when the two agree or nothing can be said.
func (v *View) wrongAnswer(p *Path) Code {
	if p.DNS != Pass && !p.Sunk {
		return ""
	}
	vpc := v.said(p.T.Host, true)
	if p.Answer.Source == "hosts" {
		ref := vpc
		if !ref.ok {
			ref = v.said(p.T.Host, false)
		}
		if ref.ok && !shares(p.Answer.Addrs, ref.addrs) {
			return "DN-15"
		}
		return ""
	}
	if vpc.ok && v.private(vpc.addrs) && !v.private(p.Answer.Addrs) {
		if v.remembers(p) {
			return "DN-23"
		}
		return v.badServer()
	}
	if p.T.Wildcard && !v.private(p.Answer.Addrs) && v.apexPrivate(p) {
		return "DN-14"
	}
	return ""
}

// remembers tells whether the stub on this host gives the answer from its
// cache, which counts down, while the server behind it gives another.
func (v *View) remembers(p *Path) bool {
	return slices.ContainsFunc(v.departures(p.T.Host), func(d fact.Departure) bool {
		cached, known := v.cached(p.T.Host, d.Outer.Server)
		return d.Outer.Layer == fact.LayerStub && d.Inner.Status == fact.OK && cached && known
	})
}

// resolverAnswered tells whether the VPC resolver answered any question of the
// run over UDP: then it is there, and leaves others unanswered.
func (v *View) resolverAnswered() bool {
	return slices.ContainsFunc(slices.Concat(v.Set.Lookups, v.Set.DNS.Lookups), func(l fact.Lookup) bool {
		return l.Transport == "udp" && l.RCode != "" && v.vpcServer(l.Server)
	})
}

// shares tells whether two answers have an address in common. Answers rotate
// among endpoint addresses, so any overlap counts as agreement.
func shares(a, b []netip.Addr) bool {
	return slices.ContainsFunc(a, func(x netip.Addr) bool { return slices.Contains(b, x) })
}

// apexPrivate tells whether the name above a wildcard probe, or another name
// of the same service, is private.
func (v *View) apexPrivate(p *Path) bool {
	_, parent, _ := strings.Cut(p.T.Host, ".")
	return slices.ContainsFunc(v.Paths, func(q *Path) bool {
		same := q.T.Host == parent || q.T.ID == p.T.ID && !q.T.Wildcard && q.T.Host != p.T.Host
		return same && q.DNS == Pass && v.private(q.Answer.Addrs)
	})
}

// blameName explains a name that gives no address.
func (v *View) blameName(p *Path) Code {
	conf, vpc := v.said(p.T.Host, false), v.said(p.T.Host, true)
	if p.Sunk {
		return v.sinker(p)
	}
	if conf.class == fact.NotPermitted || vpc.class == fact.NotPermitted {
		return "OS-01"
	}
	if vpc.ok || !vpc.asked || vpc.silent && !conf.silent {
		return v.blameConfigured(conf, vpc)
	}
	if vpc.silent {
		if _, ok := v.tcpAnswers(p.T.Host); ok {
			return "OS-01"
		}
		if v.resolverAnswered() {
			return "DN-21"
		}
		return "DN-04"
	}
	if code := v.wrongPartition(p.T.Host); code != "" {
		return code
	}
	if p.T.Availability == "absent" {
		return "CN-05"
	}
	switch vpc.class {
	case fact.NXDomain, fact.NoData:
		return v.blameNegative(p, vpc)
	case fact.ServFail, fact.DNSRefused, fact.DNSOther:
		return "DN-09"
	}
	return "EP-16"
}

// blameConfigured: the host's own servers fail, whatever the VPC resolver says.
func (v *View) blameConfigured(conf, vpc said) Code {
	r := v.Set.Resolver
	order := r.HostsOrder
	switch {
	case r.Conf.Status == fact.Failed && !r.Conf.CutByBudget:
		return "DN-16"
	case len(order) > 0 && !slices.Contains(order, "dns") && !slices.Contains(order, "resolve"):
		return "DN-16"
	case r.Defaulted:
		return "DN-06"
	case conf.cut:
		return "DN-26"
	case !conf.asked:
		return "EP-16"
	}
	switch conf.class {
	case fact.Timeout, fact.Refused:
		if loopback(conf.servers) {
			return "DN-16"
		}
		if !v.IPv6 && !slices.ContainsFunc(conf.servers, func(s netip.AddrPort) bool { return s.Addr().Unmap().Is4() }) {
			return "DN-29"
		}
		if vpc.ok && !slices.ContainsFunc(conf.servers, func(s netip.AddrPort) bool { return !v.vpcServer(s) }) {
			return "DN-21"
		}
		return "DN-07"
	case fact.NetUnreachable, fact.Invalid:
		if !slices.ContainsFunc(conf.servers, func(s netip.AddrPort) bool { return s.Addr().Unmap().Is4() }) {
			return "DN-29"
		}
		return "RT-02"
	case fact.HostUnreachable:
		return "DN-07"
	case fact.ServFail:
		if vpc.ok && loopback(conf.servers) {
			return "DN-17"
		}
		return v.badServer()
	case fact.NXDomain, fact.NoData, fact.DNSRefused, fact.DNSOther:
		if vpc.ok || vpc.asked {
			return v.badServer()
		}
		return "DN-31"
	}
	return "EP-16"
}

// blameNegative: the VPC resolver itself says that there is no such name.
func (v *View) blameNegative(p *Path, vpc said) Code {
	if _, ok := vpceName(p.T.Host); ok {
		return "DN-28"
	}
	if p.T.Type == "Custom" {
		return "PL-03"
	}
	siblings := slices.ContainsFunc(v.Paths, func(q *Path) bool {
		return q != p && q.DNS == Pass && q.T.Type != "Custom" && q.Answer.Source != "hosts"
	})
	switch {
	case p.T.Wildcard && vpc.class == fact.NXDomain && v.apexPrivate(p):
		return "DN-14"
	case v.shadowed(vpc.soa):
		return "DN-11"
	case siblings && (vpc.soa == "" || vpc.class == fact.NoData):
		// A zone would send its SOA, and a service's name has addresses.
		return "DN-22"
	}
	return "DN-31"
}

// shadowed tells whether a private zone at apex hides names: one name under it
// is private, at least two do not exist, and none is public. A single missing
// name proves nothing: the public zone of the Region has the same owner.
func (v *View) shadowed(apex string) bool {
	if apex == "" {
		return false
	}
	private, missing := 0, map[string]bool{}
	for _, q := range v.Paths {
		if !hasSuffix(q.T.Host, apex) || q.T.Type == "Custom" || q.Answer.Source == "hosts" {
			continue
		}
		vpc := v.said(q.T.Host, true)
		switch {
		case vpc.ok && v.private(vpc.addrs):
			private++
		case vpc.ok:
			return false
		case vpc.class == fact.NXDomain && vpc.soa == apex:
			missing[q.T.Host] = true
		}
	}
	return private > 0 && len(missing) >= 2
}

// wrongPartition is CN-01 for a name with the suffix of another partition than
// the one the instance is in.
func (v *View) wrongPartition(host string) Code {
	own := v.Set.Place.DNSSuffix
	if own == "" || hasSuffix(host, own) || v.Set.Place.DualStackSuffix != "" && hasSuffix(host, v.Set.Place.DualStackSuffix) {
		return ""
	}
	for _, s := range []string{"amazonaws.com", "amazonaws.com.cn", "amazonaws.eu", "c2s.ic.gov", "sc2s.sgov.gov", "cloud.adc-e.uk", "csp.hci.ic.gov"} {
		if hasSuffix(host, s) {
			return "CN-01"
		}
	}
	return ""
}

func hasSuffix(host, domain string) bool {
	return host == domain || strings.HasSuffix(host, "."+domain)
}
