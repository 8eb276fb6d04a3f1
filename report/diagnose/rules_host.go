package diagnose

import (
	"fmt"
	"slices"
	"time"

	"vpcdoctor/probe/fact"
)

func hostRules() []Rule {
	return append(ipv6Rules(), []Rule{
		{Code: "SELF-02", Eval: incomplete},
		blamed("OS-01", Likely, localFirewall).explains("AG-20"),
		blamed("OS-02", Likely, conntrack).explains("AG-20"),
		blamed("OS-03", Likely, allowance).explains("AG-20"),
		blamed("OS-04", Likely, func(v *View, g group, f *Finding) {
			f.Summary = fmt.Sprintf("Connects to %s fail at once with EADDRNOTAVAIL on this host: no packet was sent.", g.names())
			f.Action = Action{Do: "Find the process that holds the source ports, then widen net.ipv4.ip_local_port_range if it must.", Command: "ss -s", Where: "instance"}
		}),
		blamed("OS-05", Likely, func(v *View, g group, f *Finding) {
			f.Summary = fmt.Sprintf("Connects to %s fail at once: this host has no free file descriptor.", g.names())
			f.Action = Action{Do: "Find the process that leaks descriptors, or raise the limit.", Command: "cat /proc/sys/fs/file-nr", Where: "instance"}
		}),
		{Code: "OS-06", Eval: overloaded},
		{Code: "OS-08", Eval: otherNamespace},
		blamed("RT-02", Likely, noLocalRoute).explains("AG-20"),
		blamed("RT-06", Likely, overlapping).explains("AG-20"),
		{Code: "TL-03", Eval: wrongClock, Explains: []Code{"IA-06", "AG-20"}},
		{Code: "OS-12", Eval: freeClock},
		{Code: "IA-16", Eval: refusedForTime, Explains: []Code{"IA-06", "AG-20"}},
	}...)
}

func incomplete(v *View) []Finding {
	s := v.Set
	if !s.Run.Interrupted && !(s.End.IsZero() && !s.Start.IsZero()) {
		return nil
	}
	return []Finding{{
		Code: "SELF-02", Severity: SevInfo, Confidence: Proved,
		Summary:  "The run ended before all checks were made. What is missing is listed as not checked.",
		Evidence: []Evidence{{Text: fmt.Sprintf("interrupted: %v, end of run recorded: %v", s.Run.Interrupted, !s.End.IsZero())}},
		Action:   Action{Do: "Run it again and let it end.", Command: "sudo vpcdoctor check", Where: "instance"},
	}}
}

func localFirewall(v *View, g group, f *Finding) {
	f.Action = Action{Do: "Find the local rule that stops TCP 443 out and remove it.", Command: "sudo nft list ruleset", Where: "instance", Verify: "vpcdoctor check"}
	f.Alternatives = []Alternative{alt("RT-02", "ip route get ADDRESS: a reject route of the host shows there")}
	if slices.ContainsFunc(g.bs, func(b blame) bool { return b.port != nil && routed(b.port.Dial) }) {
		f.Alternatives = nil // the kernel told its route: it is a usable one
	}
	defer v.localRule(g, f)
	if n, ok := v.retransFail(); ok && n > 0 && g.bs[0].port != nil && g.bs[0].port.Dial.Class == fact.Timeout {
		f.Summary = fmt.Sprintf("This host itself drops the packets to %s: the kernel refused to send them %d times during the run.", g.names(), n)
		f.Evidence = append(f.Evidence, Evidence{"", fmt.Sprintf("TcpExt:TCPRetransFail rose by %d during the run; a drop in the VPC leaves it unchanged", n)})
		f.Alternatives = []Alternative{alt("SG-01", "the counter stays unchanged in a second run on a quiet host")}
		return
	}
	if len(g.addrs) == 0 {
		if l, ok := v.tcpAnswers(g.hosts[0]); ok {
			f.Summary = fmt.Sprintf("The VPC resolver answers over TCP and not over UDP, and no security group or NACL filters either: a rule of this host drops UDP 53, so %s cannot be resolved.", g.names())
			f.Evidence = append(f.Evidence, Evidence{l.Key(), fmt.Sprintf("%s over TCP: %s", l.Server.Addr(), l.RCode)})
			return
		}
	}
	f.Summary = fmt.Sprintf("This host itself refuses connections to %s: the error came at once, before a packet could cross the VPC.", g.names())
}

// localRule adds the rule of the packet filter that did it. One that counted
// our packets is proof, one without a counter is named.
func (v *View) localRule(g group, f *Finding) {
	near := neighbourEvidence(g)
	if len(near) > 0 {
		f.Evidence = append(f.Evidence[:min(2, len(f.Evidence))], append(near, f.Evidence[min(3, len(f.Evidence)):]...)...)
	}
	verdict := "drop"
	if b := g.bs[0]; b.port != nil && b.port.Dial.Class != fact.Timeout {
		verdict = "reject"
	}
	rule, counted := v.caught(verdict)
	if !counted {
		var ok bool
		rule, ok = v.firewallRule(func(r fact.FirewallRule) bool { return r.Verdict == verdict && r.Packets == fact.PacketsUnknown })
		if !ok {
			return
		}
	}
	if counted {
		f.Confidence, f.Alternatives = Proved, nil
	}
	f.Evidence = append(f.Evidence[:min(maxEvidence-1, len(f.Evidence))], Evidence{"", ruleWords(rule)})
	f.Action.Do = fmt.Sprintf("Change the rule of the local firewall in table %s, chain %s, so that TCP 443 may leave. What manages the rules may write it again.", plain(rule.Table, 40), plain(rule.Chain, 40))
	if cmd := removal(rule); cmd != "" {
		f.Action.Do = "Remove this rule of the local firewall, here and where it is stored; the command deletes exactly this one."
		f.Action.Command = cmd
	}
}

// allowance is OS-03: the hypervisor drops new flows.
func allowance(v *View, g group, f *Finding) {
	const counter = "conntrack_allowance_exceeded"
	f.Summary = fmt.Sprintf("New connections to %s are silent while the instance exceeds the number of connections that its type may track.", g.names())
	f.Evidence = append(f.Evidence, v.enaEvidence(counter)...)
	f.Action = Action{Do: "Close idle connections, or use a larger instance type. Security group rules that track nothing (all traffic, both directions) do not count.", Command: "ethtool -S " + v.mainInterface(), Where: "instance"}
	f.Alternatives = []Alternative{alt("SG-01", "the counter stands still in a second run and the connects stay silent")}
}

func (v *View) mainInterface() string {
	for _, c := range refs(v.Set.Host.ENA, func(c fact.ENACounter) string { return c.Iface }) {
		if command(c.Iface) != "" {
			return c.Iface
		}
	}
	return "eth0"
}

// overloaded is OS-06: what the hypervisor drops or queues beyond the
// allowances of the instance type.
func overloaded(v *View) []Finding {
	counters := []string{"pps_allowance_exceeded", "bw_in_allowance_exceeded", "bw_out_allowance_exceeded"}
	if n, _ := v.enaRose(counters...); n == 0 {
		return nil
	}
	return []Finding{{
		Code: "OS-06", Severity: SevWarning, Confidence: Likely, Evidence: v.enaEvidence(counters...),
		Summary: "The instance exceeded the packet or bandwidth allowance of its type during the run: packets were queued or dropped.",
		Action:  Action{Do: "Find what sends so much, or use a larger instance type.", Command: "ethtool -S " + v.mainInterface(), Where: "instance"},
	}}
}

func conntrack(v *View, g group, f *Finding) {
	c := v.Set.Host.After
	if c.ConntrackMax == 0 {
		c = v.Set.Host.Before
	}
	f.Summary = fmt.Sprintf("Connects to %s fail while the connection tracking table of this host is full (%d of %d).", g.names(), c.ConntrackCount, c.ConntrackMax)
	f.Evidence = append(f.Evidence, Evidence{"", fmt.Sprintf("nf_conntrack_count %d, nf_conntrack_max %d", c.ConntrackCount, c.ConntrackMax)})
	f.Action = Action{Do: "Raise net.netfilter.nf_conntrack_max, or find what opens so many connections.", Command: "sudo conntrack -S", Where: "instance"}
}

func otherNamespace(v *View) []Finding {
	h := v.Set.Host
	if !h.OtherNetNS && h.Container == "" {
		return nil
	}
	what := "another network namespace than process 1"
	if h.Container != "" {
		what = "a container (" + plain(h.Container, 30) + ")"
	}
	return []Finding{{
		Code: "OS-08", Severity: SevInfo, Confidence: Likely,
		Summary:  "vpcdoctor runs in " + what + ". Its routes and DNS are not those of the host and its agent.",
		Evidence: []Evidence{{Text: fmt.Sprintf("other network namespace: %v, container: %s", h.OtherNetNS, orWord(h.Container, "none seen"))}},
		Action:   Action{Do: "Run it on the host if the host is meant.", Command: "sudo nsenter -t 1 -n vpcdoctor check", Where: "instance"},
	}}
}

func noLocalRoute(v *View, g group, f *Finding) {
	f.Summary = fmt.Sprintf("This host has no usable route to %s: the connect failed at once.", g.names())
	if len(g.addrs) == 0 {
		f.Summary = fmt.Sprintf("This host has no usable route to its DNS server %s, so %s cannot be resolved.", v.configured(), g.names())
	}
	hasDefault := false
	for _, r := range v.Set.Host.Routes {
		hasDefault = hasDefault || r.Dst.IsValid() && r.Dst.Bits() == 0 && (r.Kind == "" || r.Kind == "unicast")
	}
	if len(v.Set.Host.Routes) > 0 && !hasDefault {
		f.Evidence = append(f.Evidence, Evidence{"", "the host's main routing table has no default route"})
	}
	f.Evidence = append(f.Evidence, v.routeEvidence(g)...)
	cmd := "ip route"
	if len(g.addrs) > 0 {
		cmd = "ip route get " + g.addrs[0].String()
	}
	f.Action = Action{Do: "Repair the host's network configuration (DHCP, netplan, ifcfg) so that the route exists.", Command: cmd, Where: "instance"}
	f.Alternatives = []Alternative{alt("OS-01", "sudo nft list ruleset: a reject rule gives the same errno")}
	for _, b := range g.bs {
		if b.port == nil {
			continue
		}
		if kind := deadRoute(b.port.Dial); kind != "" {
			f.Summary = fmt.Sprintf("A route of type %s on this host catches %s: the kernel refuses to send anything to %s.", kind, b.port.At.Addr(), g.names())
			f.Action.Do = "Delete that route, and take it out of what sets it at boot (networkd, netplan, a VPN or security agent)."
			f.Alternatives = nil
			break
		}
	}
}

func overlapping(v *View, g group, f *Finding) {
	i, within := v.overlap(g.addrs[0])
	if !within {
		v.detour(g, f)
		return
	}
	f.Evidence = append(f.Evidence[:min(2, len(f.Evidence))], v.routeEvidence(g)...)
	f.Summary = fmt.Sprintf("%s %s to %s, which lies in the network of the local interface %s: the packets never reach the VPC.",
		g.names(), verb(g.n(), "resolves", "resolve"), addrList(g.addrs, 2), i.Name)
	f.Evidence = append(f.Evidence, Evidence{"", fmt.Sprintf("interface %s has %v", i.Name, i.Addrs)})
	f.Action = Action{Do: "Move the network of " + plain(i.Name, 20) + " to a range outside the VPC CIDRs.", Command: "ip route get " + g.addrs[0].String(), Where: "instance"}
}

// detour is RT-06 where no prefix of an interface tells it, but the kernel's
// route does.
func (v *View) detour(g group, f *Finding) {
	for _, b := range g.bs {
		if b.port == nil {
			continue
		}
		if name := v.strayed(b.port.Dial); name != "" {
			f.Summary = fmt.Sprintf("Packets to %s (%s) leave by the local interface %s, a bridge or tunnel of this host, and never reach the VPC.", g.names(), addrList(g.addrs, 2), plain(name, 20))
			f.Evidence = append(f.Evidence[:min(2, len(f.Evidence))], Evidence{b.port.Dial.Key(), routeWords(*b.port.Dial.Route)})
			f.Action = Action{Do: "Move the network of " + plain(name, 20) + " to a range outside the VPC CIDRs, or narrow its routes.", Command: "ip route get " + b.port.At.Addr().String(), Where: "instance"}
			return
		}
	}
}

// Clock limits. AWS rejects signatures that are more than five minutes off
// (SigV4). Half a minute is far beyond what a synchronised clock drifts, and
// worth knowing; half of the limit will not last.
const (
	clockSeen = 30 * time.Second
	clockWarn = 150 * time.Second
	clockFail = 5 * time.Minute
)
