package diagnose

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"vpcdoctor/probe/fact"
)

func dnsRules() []Rule {
	return []Rule{
		blamed("DN-04", Likely, silentResolver).explains("AG-20"),
		blamedOrOdd("DN-05", notForwarding),
		blamed("DN-06", Likely, noServer).explains("AG-20"),
		{Code: "DN-07", Eval: deadServer, Explains: []Code{"AG-20"}},
		blamedOrOdd("DN-08", publicServer),
		blamed("DN-09", Possible, func(v *View, g group, f *Finding) {
			f.Summary = fmt.Sprintf("The VPC resolver itself fails for %s: %s.", g.names(), v.said(g.hosts[0], true).class)
			f.Action.Do = "Look for a resolver rule that sends the name to a server that cannot answer it."
			f.Action.Command = v.aws("route53resolver", "list-resolver-rule-associations")
			f.Alternatives = []Alternative{alt("DN-22", "the DNS firewall's log: a block of this name")}
		}),
		blamed("DN-10", Likely, func(v *View, g group, f *Finding) {
			f.Summary = fmt.Sprintf("%s %s to %s, and no interface in our subnet has %s: the record is stale.",
				g.names(), verb(g.n(), "resolves", "resolve"), addrList(g.addrs, 3), verb(len(g.addrs), "that address", "those addresses"))
			f.Action.Do = "Find the zone that holds the record and replace it by an ALIAS to the endpoint."
			f.Action.Command = v.aws("route53", "list-hosted-zones-by-vpc", "--vpc-id", v.vpcID(), "--vpc-region", orWord(v.region(), "REGION"))
			f.Alternatives = []Alternative{alt("RT-08", "aws ec2 describe-network-interfaces by address: an interface exists")}
		}),
		blamed("DN-11", Likely, func(v *View, g group, f *Finding) {
			soa := v.said(g.hosts[0], true).soa
			f.Summary = fmt.Sprintf("The VPC resolver says that %s %s not exist; the answer comes from the zone %s, which also holds a private sibling.", g.names(), verb(g.n(), "does", "do"), plain(soa, 80))
			f.Evidence = append(f.Evidence, Evidence{"", "SOA of the negative answer: " + plain(soa, 80)})
			f.Action.Do = "Replace the private zone by one zone per service name, or add the missing records."
			f.Action.Command = v.aws("route53", "list-hosted-zones-by-vpc", "--vpc-id", v.vpcID(), "--vpc-region", orWord(v.region(), "REGION"))
			f.Alternatives = []Alternative{alt("DN-31", "the same name from another VPC of the Region: it does not exist there either")}
		}),
		blamed("DN-13", Likely, otherHub),
		blamedOrOdd("DN-14", noWildcard),
		blamedOrOdd("DN-15", hostsFile),
		blamed("DN-16", Likely, brokenStub).explains("AG-20"),
		blamed("DN-17", Likely, func(v *View, g group, f *Finding) {
			f.Summary = fmt.Sprintf("The local stub answers SERVFAIL for %s, the VPC resolver answers: the stub rejects the answer.", g.names())
			f.Action = Action{Do: "Set DNSSEC=no in /etc/systemd/resolved.conf and restart systemd-resolved.", Command: "resolvectl status", Where: "instance"}
		}).explains("AG-20"),
		blamed("DN-18", Likely, ownRecords).explains("AG-20"),
		{Code: "DN-19", Eval: func(v *View) []Finding {
			if fs := blamed("DN-19", Likely, staleCache).Eval(v); len(fs) > 0 {
				return fs
			}
			return systemDiffers(v)
		}},
		{Code: "DN-20", Eval: searched},
		blamed("DN-21", Possible, throttled),
		blamed("DN-22", Likely, func(v *View, g group, f *Finding) {
			f.Summary = fmt.Sprintf("The VPC resolver blocks or rewrites %s, while other names resolve.", g.names())
			if p := g.paths[0]; p.Sunk || len(g.addrs) > 0 {
				f.Summary = fmt.Sprintf("The VPC resolver answers %s with %s, an address that is nobody's.", g.names(), addrList(p.Answer.Addrs, 2))
			}
			f.Action.Do = "Allow the name in the rule groups of Route 53 Resolver DNS Firewall of the VPC."
			f.Action.Command = v.aws("route53resolver", "list-firewall-rule-group-associations", "--vpc-id", v.vpcID())
			f.Alternatives = []Alternative{alt("DN-11", "a private zone for a parent name in the list of hosted zones of the VPC"), alt("DN-09", "a resolver rule for the name")}
		}),
		blamedOrOdd("DN-23", youngEndpoint),
		blamed("DN-26", Likely, func(v *View, g group, f *Finding) {
			f.Summary = fmt.Sprintf("The answers for %s are cut, and the configured server does not answer over TCP.", g.names())
			f.Action.Do = "Allow TCP 53 to the configured DNS server, in security groups, NACLs and the server itself."
		}),
		{Code: "DN-29", Eval: ipv6Server},
		blamed("DN-31", Likely, func(v *View, g group, f *Finding) {
			f.Summary = fmt.Sprintf("%s %s not exist, at the configured server and at the VPC resolver.", g.names(), verb(g.n(), "does", "do"))
			if !v.said(g.hosts[0], true).asked {
				f.Confidence = Possible
				f.Summary = fmt.Sprintf("%s %s not exist at the configured server; the VPC resolver was not asked.", g.names(), verb(g.n(), "does", "do"))
			}
			f.Action.Do = "Check the name and the Region, then the resolver rules and DNS firewall of the VPC."
			f.Action.Command = v.aws("route53resolver", "list-resolver-rule-associations")
			f.Alternatives = []Alternative{
				alt("DN-09", "a resolver rule for the name or its parent"), alt("DN-22", "a firewall rule group of the VPC"),
				alt("CN-05", "the endpoint services of the Region do not list it"),
			}
		}),
	}
}

// throttled is DN-21: partial loss at the VPC's own resolver. The counter of
// the interface decides where the driver has it.
func throttled(v *View, g group, f *Finding) {
	const counter = "linklocal_allowance_exceeded"
	f.Summary = fmt.Sprintf("The VPC resolver answers some questions of this run and leaves others, for %s, unanswered.", g.names())
	for _, l := range refs(v.Set.Lookups, fact.Lookup.Key) {
		if l.Transport == "udp" && l.RCode != "" && v.vpcServer(l.Server) {
			f.Evidence = append(f.Evidence, Evidence{l.Key(), fmt.Sprintf("%s answers for %s in %s", l.Server.Addr(), l.Name, seconds(l.Took.Std()))})
			break
		}
	}
	f.Action = Action{Do: "Look at linklocal_allowance_exceeded; run a caching resolver on the host.", Command: "ethtool -S " + v.mainInterface(), Where: "instance"}
	rose, known := v.enaRose(counter)
	switch {
	case rose > 0:
		f.Confidence = Proved
		f.Summary += " The interface dropped packets beyond 1,024 a second to link-local services."
		f.Evidence = append(f.Evidence, v.enaEvidence(counter)...)
		f.Action.Do = "Run a caching resolver on the host, and find what asks so often."
	case known:
		f.Evidence = append(f.Evidence, Evidence{"", counter + " did not rise during the run"})
		f.Alternatives = []Alternative{alt("OS-01", "sudo nft list ruleset: a rule that limits or drops port 53")}
	}
}

// blamedOrOdd is a rule for a wrong answer. Where the wrong answer works all
// the same, the finding is a warning about required names.
func blamedOrOdd(code Code, fill func(*View, group, *Finding)) Rule {
	return Rule{Code: code, Explains: []Code{"EP-15"}, Eval: func(v *View) []Finding {
		if fs := blamed(code, Likely, fill).Eval(v); len(fs) > 0 {
			return fs
		}
		var g group
		f := Finding{Code: code, Severity: SevWarning, Confidence: Likely, Action: Action{Where: "operator"}}
		for _, p := range v.Paths {
			odd := p.Counts && p.Status == Pass && needRank(p.T.Need) <= 1 && !store(p.T)
			if !odd || v.wrongAnswer(p) != code {
				continue
			}
			g.paths, g.hosts, f.Subjects = append(g.paths, p), append(g.hosts, p.T.Host), append(f.Subjects, p.Key)
		}
		if len(g.paths) == 0 {
			return nil
		}
		fill(v, g, &f)
		f.Summary += " It works at present."
		return []Finding{f}
	}}
}

// addAnswers puts what a name is here and at the VPC resolver in front of the evidence.
func (v *View) addAnswers(g group, f *Finding) {
	var ev []Evidence
	for _, p := range g.paths[:min(2, len(g.paths))] {
		if p.DNS == Pass {
			ev = append(ev, v.answerEvidence(p)...)
		}
	}
	f.Evidence = append(ev, f.Evidence...)
}

func silentResolver(v *View, g group, f *Finding) {
	f.Summary = fmt.Sprintf("The VPC resolver does not answer, so %s cannot be resolved.", g.names())
	if v.Set.IMDS.Token.Status == fact.OK {
		f.Summary = fmt.Sprintf("The VPC resolver does not answer while IMDS does, so %s cannot be resolved.", g.names())
		f.Evidence = append(f.Evidence, Evidence{v.Set.IMDS.Token.Key(), "IMDS answers: link-local traffic leaves this host"})
	}
	f.Action.Do = "Set enableDnsSupport of " + v.vpcID() + " to true if it is off."
	f.Action.Command = v.aws("ec2", "describe-vpc-attribute", "--vpc-id", v.vpcID(), "--attribute", "enableDnsSupport")
	f.Alternatives = []Alternative{alt("OS-01", "sudo nft list ruleset: a rule for port 53"), alt("DN-21", "some lookups succeed in a second run")}
}

// configured names the servers that answered for the host in the end.
func (v *View) configured() string {
	var s []string
	for _, a := range v.Set.Resolver.Override {
		s = append(s, a.Addr().String()+" (--resolver)")
	}
	if len(s) > 0 {
		return list(sortedStrings(s), 3)
	}
	for _, a := range v.upstreams() {
		if !v.vpcServer(a) {
			s = append(s, a.Addr().String())
		}
	}
	if len(s) == 0 {
		for _, a := range v.Set.Resolver.Servers {
			s = append(s, a.Addr().String())
		}
	}
	return orWord(list(sortedStrings(s), 3), "the configured server")
}

// zone is the domain that a custom DNS server has to forward.
func (v *View) zone() string {
	if v.region() == "" {
		return "the Region's AWS domain"
	}
	return v.region() + "." + orWord(v.Set.Place.DNSSuffix, "amazonaws.com")
}

func notForwarding(v *View, g group, f *Finding) {
	v.addAnswers(g, f)
	f.Summary = fmt.Sprintf("The configured DNS server %s does not give the VPC resolver's answer for %s.", v.configured(), g.names())
	if len(g.addrs) > 0 || len(g.paths) > 0 && g.paths[0].DNS == Pass {
		f.Summary = fmt.Sprintf("The configured DNS server %s answers with public addresses for %s; the VPC resolver has private ones.", v.configured(), g.names())
	}
	if g.paths[0].DNS == Pass && v.private(g.paths[0].Answer.Addrs) {
		f.Summary = fmt.Sprintf("The configured DNS server %s has other addresses for %s than the VPC resolver, and they do not work.", v.configured(), g.names())
		f.Alternatives = []Alternative{alt("SG-02", "the addresses are those of a central endpoint that does not admit us")}
	}
	f.Evidence = append(f.Evidence[:min(4, len(f.Evidence))], v.invented()...)
	f.Action.Do = fmt.Sprintf("Let %s forward %s to the VPC resolver (VPC+2, or an inbound endpoint of Route 53 Resolver), or use AmazonProvidedDNS in the DHCP option set. Both change DNS for every host that uses them.", v.configured(), v.zone())
	f.Action.Command = v.aws("ec2", "describe-vpcs", "--vpc-ids", v.vpcID())
}

func publicServer(v *View, g group, f *Finding) {
	v.addAnswers(g, f)
	f.Evidence = append(f.Evidence[:min(4, len(f.Evidence))], v.invented()...)
	f.Summary = fmt.Sprintf("This host asks the public DNS server %s, which cannot know the private addresses of %s.", v.configured(), g.names())
	f.Action = Action{Do: "Let DHCP manage resolv.conf again, so that the VPC resolver is asked.", Command: "cat " + confPath(v), Where: "instance"}
}

func confPath(v *View) string {
	if p := v.Set.Resolver.ConfPath; command(p) != "" {
		return p
	}
	return "/etc/resolv.conf"
}

func noServer(v *View, g group, f *Finding) {
	f.Summary = fmt.Sprintf("%s names no DNS server, so %s cannot be resolved.", confPath(v), g.names())
	f.Evidence = append([]Evidence{{"", confPath(v) + " has no nameserver line; libc then asks 127.0.0.1"}}, f.Evidence...)
	f.Action.Do = "Put AmazonProvidedDNS into the DHCP option set of " + v.vpcID() + ", then renew the lease."
	f.Action.Command = v.aws("ec2", "describe-dhcp-options")
}

// deadServer: servers that stay silent. An error where names fail by it, a
// warning where the next server answers after a stall.
func deadServer(v *View) []Finding {
	fs := blamed("DN-07", Likely, func(v *View, g group, f *Finding) {
		f.Summary = fmt.Sprintf("The configured DNS server %s does not answer, so %s cannot be resolved.", v.configured(), g.names())
		if len(v.Set.Resolver.Override) > 0 {
			f.Action.Do, f.Action.Where = "Leave --resolver out, or name a server that answers.", "instance"
			f.Action.Command = "vpcdoctor check"
			return
		}
		if v.said(g.hosts[0], true).ok {
			f.Summary += " The VPC resolver answers when asked directly."
		}
		f.Action.Do = "Restore the server or the route to it, or put AmazonProvidedDNS into the DHCP option set."
		f.Action.Command = v.aws("ec2", "describe-dhcp-options")
	}).Eval(v)
	if len(fs) > 0 {
		return fs
	}
	dead := v.deadServers(func(s netip.AddrPort) bool { return s.Addr().Unmap().Is4() || v.IPv6 })
	if len(dead) == 0 {
		return nil
	}
	return []Finding{{
		Code: "DN-07", Severity: SevWarning, Confidence: Likely,
		Summary:  fmt.Sprintf("The configured DNS server %s does not answer. Lookups wait for it until the next server is asked.", dead[0].Addr()),
		Subjects: []string{dead[0].String()},
		Evidence: v.deadEvidence(dead[0]),
		Action:   Action{Do: "Remove the server from the DHCP option set, or restore it.", Command: v.aws("ec2", "describe-dhcp-options"), Where: "operator"},
	}}
}

// deadServers lists configured servers that stayed silent to every question
// while a later one answered.
func (v *View) deadServers(is func(netip.AddrPort) bool) []netip.AddrPort {
	type tally struct{ ok, bad int }
	t := map[netip.AddrPort]tally{}
	for _, ls := range v.lookups {
		for _, l := range ls {
			if l.Via != fact.ViaConfigured || !l.Ran() {
				continue
			}
			x := t[l.Server]
			switch l.Class {
			case fact.Timeout, fact.Refused, fact.NetUnreachable, fact.HostUnreachable:
				x.bad++
			default:
				x.ok++
			}
			t[l.Server] = x
		}
	}
	other := false
	for _, x := range t {
		other = other || x.ok > 0
	}
	var out []netip.AddrPort
	for s, x := range t {
		if x.ok == 0 && x.bad > 0 && other && is(s) {
			out = append(out, s)
		}
	}
	slices.SortFunc(out, netip.AddrPort.Compare)
	return out
}

func (v *View) deadEvidence(s netip.AddrPort) []Evidence {
	var out []Evidence
	for _, p := range v.Paths {
		for _, l := range v.lookups[p.T.Host] {
			if l.Server == s && l.Status == fact.Failed && len(out) < 2 {
				out = append(out, Evidence{l.Key(), fmt.Sprintf("%s asked for %s: %s", s.Addr(), l.Name, outcomeWords("lookup", l.Outcome, ""))})
			}
		}
	}
	if len(out) == 0 {
		out = append(out, Evidence{"", s.String() + " answered no question"})
	}
	return out
}

func ipv6Server(v *View) []Finding {
	words := func(hosts string) string {
		return "The configured DNS server is IPv6, and this host has no usable IPv6 address" + hosts
	}
	fs := blamed("DN-29", Likely, func(v *View, g group, f *Finding) {
		f.Summary = words(": " + g.names() + " cannot be resolved.")
		f.Action = Action{Do: "Remove the IPv6 server, or add the VPC resolver.", Command: "cat " + confPath(v), Where: "instance"}
	}).Eval(v)
	if len(fs) > 0 || v.IPv6 {
		return fs
	}
	dead := v.deadServers(func(s netip.AddrPort) bool { return !s.Addr().Unmap().Is4() })
	if len(dead) == 0 {
		return nil
	}
	return []Finding{{
		Code: "DN-29", Severity: SevWarning, Confidence: Likely, Subjects: []string{dead[0].String()},
		Summary:  words(". Lookups try it in vain before the next server is asked."),
		Evidence: v.deadEvidence(dead[0]),
		Action:   Action{Do: "Remove the server " + dead[0].Addr().String() + " from the resolver configuration.", Command: "cat " + confPath(v), Where: "instance"},
	}}
}

func otherHub(v *View, g group, f *Finding) {
	f.Summary = fmt.Sprintf("%s %s to public addresses, which do not answer, while sibling names lead to endpoints in another VPC.", g.names(), verb(g.n(), "resolves", "resolve"))
	f.Evidence = append(f.Evidence, v.working(2, func(pp *PortPath) bool { return v.remote(pp.Addr.Info) })...)
	f.Action.Do = "Associate the hub's private zone or Route 53 profile for these names with " + v.vpcID() + ". Do not create a new endpoint here: it would split the names between two designs."
	f.Action.Command = v.aws("route53", "list-hosted-zones-by-vpc", "--vpc-id", v.vpcID(), "--vpc-region", orWord(v.region(), "REGION"))
	f.Alternatives = []Alternative{alt("DN-02", "the hub has no endpoint for the service"), alt("RT-01", "a public path is meant for it: the route table shows none")}
}

func noWildcard(v *View, g group, f *Finding) {
	v.addAnswers(g, f)
	f.Summary = fmt.Sprintf("%s %s public although the name above is private: the private zone has no wildcard record.", g.names(), verb(g.n(), "is", "are"))
	f.Action.Do = "Add a wildcard ALIAS record for the same endpoint to the private zone."
	f.Action.Command = v.aws("route53", "list-hosted-zones-by-vpc", "--vpc-id", v.vpcID(), "--vpc-region", orWord(v.region(), "REGION"))
	f.Alternatives = []Alternative{alt("DN-01", "no private zone exists: describe-vpc-endpoints shows private DNS off")}
}

func hostsFile(v *View, g group, f *Finding) {
	v.addAnswers(g, f)
	p := g.paths[0]
	f.Summary = fmt.Sprintf("/etc/hosts line %d sets %s to %s; DNS has another address.", p.Answer.Line, p.T.Host, addrList(p.Answer.Addrs, 2))
	for _, x := range v.Set.Views(p.T.Host, "A").Of(fact.LayerOS) {
		if shares(x.Addrs, p.Answer.Addrs) {
			f.Confidence = Proved // the system itself gives the line's address
			f.Evidence = append(f.Evidence[:min(3, len(f.Evidence))], Evidence{x.Key, p.T.Host + ": " + viewWords(x)})
		}
	}
	f.Action = Action{Do: fmt.Sprintf("Remove line %d of /etc/hosts.", p.Answer.Line), Command: "grep -n amazonaws /etc/hosts", Where: "instance"}
}

func brokenStub(v *View, g group, f *Finding) {
	r := v.Set.Resolver
	f.Action = Action{Do: "Repair the stub resolver.", Command: "resolvectl status", Where: "instance"}
	switch {
	case r.Conf.Status == fact.Failed:
		f.Summary = fmt.Sprintf("%s cannot be read (%s), so %s cannot be resolved.", confPath(v), r.Conf.Class, g.names())
		f.Action.Do, f.Action.Command = "Repair "+confPath(v)+" or its link.", "ls -l "+confPath(v)
	case len(r.HostsOrder) > 0 && !slices.Contains(r.HostsOrder, "dns") && !slices.Contains(r.HostsOrder, "resolve"):
		f.Summary = fmt.Sprintf("The hosts line of /etc/nsswitch.conf is %q, without dns, so %s cannot be resolved.", plain(strings.Join(r.HostsOrder, " "), 60), g.names())
		f.Action.Do, f.Action.Command = "Add dns to the hosts line.", "grep ^hosts /etc/nsswitch.conf"
	default:
		f.Summary = fmt.Sprintf("The local stub resolver (%s) does not answer, so %s cannot be resolved. The fault is on this host.", v.configured(), g.names())
	}
}
