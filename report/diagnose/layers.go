package diagnose

import (
	"fmt"
	"net/netip"
	"slices"

	"vpcdoctor/probe/fact"
)

// Name resolution has layers, from the VPC resolver outward: a server of one's
// own, a stub on this host, the system's functions, the hosts file. The layer
// that does not pass on what the one inside it says is the one at fault
// (field guide B.0 row 8, C.8).

// departures of a name, for IPv4.
func (v *View) departures(name string) []fact.Departure {
	return v.Set.Views(name, "A").Departures(v.Set.SameAnswer)
}

// lyingLayer names who hands out private addresses that do not work and that
// the layer inside has not given. Addresses that work are nobody's lie: a
// central design may hand out its own.
func (v *View) lyingLayer(p *Path) Code {
	if p.Answer.Source == "hosts" {
		return ""
	}
	for _, d := range v.departures(p.T.Host) {
		if d.Inner.Status != fact.OK || d.Outer.Status != fact.OK || !shares(d.Outer.Addrs, p.Answer.Addrs) {
			continue
		}
		switch d.Outer.Layer {
		case fact.LayerStub:
			if cached, known := v.cached(p.T.Host, d.Outer.Server); cached && known {
				return "DN-19"
			}
			return "DN-18"
		case fact.LayerServer, fact.LayerUpstream:
			return v.badServer()
		}
	}
	return ""
}

// cached tells whether a server's answer for a name counts down.
func (v *View) cached(name string, server netip.AddrPort) (cached, known bool) {
	for _, c := range v.Set.DNS.Countdowns {
		if len(c.Lookups) > 0 && c.Lookups[0].Name == name && c.Lookups[0].Server == server {
			return c.Cached()
		}
	}
	return false, false
}

// layerEvidence shows the first place where two layers part.
func (v *View) layerEvidence(name string) []Evidence {
	for _, d := range v.departures(name) {
		return []Evidence{{d.Inner.Key, name + ": " + viewWords(d.Inner)}, {d.Outer.Key, name + ": " + viewWords(d.Outer)}}
	}
	return nil
}

func viewWords(x fact.View) string {
	who := map[fact.Layer]string{
		fact.LayerVPC: "the VPC resolver", fact.LayerUpstream: "the stub's upstream", fact.LayerServer: "the configured server",
		fact.LayerStub: "the stub on this host", fact.LayerOS: "the system's own functions (getent)", fact.LayerHosts: "the hosts file",
	}[x.Layer]
	if x.Server.IsValid() {
		who += " " + x.Server.Addr().String()
	}
	if x.Status == fact.OK {
		return who + " says " + addrList(x.Addrs, 2)
	}
	return who + " says " + string(x.Class)
}

// invented cites servers that have an address for a name nobody registered.
func (v *View) invented() []Evidence {
	for _, w := range refs(v.Set.DNS.Wildcards, func(w fact.Wildcard) string { return w.Parent + w.Lookup.Server.String() }) {
		if w.Lookup.Status == fact.OK {
			return []Evidence{{w.Lookup.Key(), fmt.Sprintf("%s answers %s for %s, a name that nobody registered", w.Lookup.Server.Addr(), addrList(w.Lookup.Addrs, 2), w.Lookup.Name)}}
		}
	}
	return nil
}

// tcpAnswers tells whether a VPC resolver that is silent over UDP answers over
// TCP. Security groups and NACLs filter neither, so a rule of this host does
// it: unless one datagram of the run was answered, for a rule takes them all
// and a resolver beyond its limit takes most.
func (v *View) tcpAnswers(name string) (fact.Lookup, bool) {
	if v.resolverAnswered() {
		return fact.Lookup{}, false
	}
	for _, l := range refs(v.Set.DNS.Lookups, fact.Lookup.Key) {
		if l.Name == name && l.Transport == "tcp" && l.RCode != "" && v.vpcServer(l.Server) {
			return *l, true
		}
	}
	return fact.Lookup{}, false
}

// ownRecords is DN-18 and staleCache DN-19: the stub on this host says
// something else than the server behind it.
func ownRecords(v *View, g group, f *Finding) {
	v.stubWords(g, f)
	f.Summary += " Its answer does not count down, so it has a record of its own or asks another server for this name."
	f.Action.Do = "Look at the stub's own records and at its per-link domains; take the Region's AWS domain out of them."
	f.Alternatives = []Alternative{alt("DN-19", "resolvectl flush-caches (or a restart of the stub) brings the right answer")}
}

func staleCache(v *View, g group, f *Finding) {
	v.stubWords(g, f)
	f.Summary += " Its answer counts down, so it comes from a cache."
	f.Action.Do = "Flush the cache of the stub, then restart long-lived clients."
	f.Action.Command = "sudo resolvectl flush-caches"
	f.Alternatives = []Alternative{alt("DN-18", "the wrong answer comes back after the flush")}
}

// youngEndpoint is DN-23: the cache of the stub has the public address from
// before the endpoint was there.
func youngEndpoint(v *View, g group, f *Finding) {
	v.stubWords(g, f)
	f.Summary = fmt.Sprintf("The stub resolver on this host still gives public addresses for %s, from its cache; the server behind it has private ones by now.", g.names())
	f.Action.Do = "Wait until the cache has run out (its TTL counts down), or flush it; then restart long-lived clients."
	f.Action.Command = "sudo resolvectl flush-caches"
	f.Alternatives = []Alternative{alt("DN-18", "the public address comes back after the flush")}
}

func (v *View) stubWords(g group, f *Finding) {
	f.Evidence = append(v.layerEvidence(g.hosts[0]), f.Evidence...)
	f.Summary = fmt.Sprintf("The stub resolver on this host gives other addresses for %s than the server behind it, and they do not work.", g.names())
	f.Action = Action{Command: "resolvectl status", Where: "instance", Verify: "vpcdoctor check"}
}

// searched is DN-20: a search domain leads programs elsewhere, because the
// list is tried before the name itself or because the name does not exist.
func searched(v *View) []Finding {
	f := Finding{Code: "DN-20", Severity: SevInfo, Confidence: Likely, Action: Action{Where: "instance", Command: "cat " + confPath(v),
		Do: "Take the domain out of the search list (DHCP option domain-name), or lower ndots to 1."}}
	var hosts []string
	domain := ""
	for _, s := range refs(v.Set.DNS.Searches, func(s fact.Search) string { return s.Name + " " + s.Domain }) {
		if s.Lookup.Status != fact.OK {
			continue
		}
		for _, p := range v.Paths {
			if p.T.Host != s.Name || !p.Counts || slices.Contains(hosts, s.Name) || p.DNS == Pass && !(s.First && v.misled(*s)) {
				continue
			}
			hosts, domain = append(hosts, s.Name), s.Domain
			f.Subjects = append(f.Subjects, p.Key)
			f.Severity = maxSeverity(f.Severity, v.severity(p.T))
			f.Evidence = append(f.Evidence, Evidence{s.Lookup.Key(), fmt.Sprintf("%s is %s", s.Lookup.Name, addrList(s.Lookup.Addrs, 2))})
			for _, x := range v.Set.Views(s.Name, "A").Of(fact.LayerOS) {
				f.Evidence = append(f.Evidence, Evidence{x.Key, s.Name + ": " + viewWords(x)})
			}
		}
	}
	if len(hosts) == 0 {
		return nil
	}
	f.Summary = fmt.Sprintf("Programs that ask for %s get the address of a name under %s, from the search list of this host.", list(hosts, 3), plain(domain, 80))
	return []Finding{f}
}

// misled tells whether programs get the search domain's answer: the system
// said so, or was not asked and would by its configuration.
func (v *View) misled(s fact.Search) bool {
	os := v.Set.Views(s.Name, "A").Of(fact.LayerOS)
	return len(os) == 0 || slices.ContainsFunc(os, func(x fact.View) bool { return x.Status == fact.OK && shares(x.Addrs, s.Lookup.Addrs) })
}

// systemDiffers: the system's functions do not give what its configured
// servers and its hosts file say: a module of nsswitch or a cache of its own.
func systemDiffers(v *View) []Finding {
	if !v.IPv4 {
		return nil // the system's functions leave out a family that the host does not have
	}
	for _, p := range v.Paths {
		if !p.Counts || p.DNS != Pass || needRank(p.T.Need) > 1 {
			continue
		}
		os := v.Set.Views(p.T.Host, "A").Of(fact.LayerOS)
		if len(os) == 0 || os[0].Status == fact.OK && v.Set.SameAnswer(os[0].Addrs, p.Answer.Addrs) {
			continue
		}
		if slices.ContainsFunc(v.Set.DNS.Searches, func(s fact.Search) bool {
			return s.Name == p.T.Host && s.Lookup.Status == fact.OK && shares(s.Lookup.Addrs, os[0].Addrs)
		}) {
			continue // DN-20
		}
		f := Finding{Code: "DN-19", Severity: SevWarning, Confidence: Possible, Subjects: []string{p.Key}, Action: Action{Where: "instance",
			Do: "Flush or restart the name service cache of this host (nscd, sssd, systemd-resolved), then compare again.", Command: command("getent", "ahosts", p.T.Host)}}
		f.Evidence = append([]Evidence{{os[0].Key, p.T.Host + ": " + viewWords(os[0])}}, v.answerEvidence(p)...)
		f.Summary = fmt.Sprintf("Programs that use the system's functions get %s for %s; its configured DNS servers and files say %s.",
			orWord(addrList(os[0].Addrs, 2), "no address"), p.T.Host, addrList(p.Answer.Addrs, 2))
		if os[0].Class == fact.Timeout { // a host that is busy is slow to start a program, too
			f.Severity = SevInfo
			f.Summary = fmt.Sprintf("The system's functions had no answer for %s within 2 s; its configured DNS servers and files say %s. A name service cache hangs, or the host is busy.", p.T.Host, addrList(p.Answer.Addrs, 2))
		}
		f.Alternatives = []Alternative{alt("DN-16", "the hosts line of /etc/nsswitch.conf names a module that is missing or broken"), alt("DN-18", "resolvectl status: a link claims the domain")}
		return []Finding{f}
	}
	return nil
}
