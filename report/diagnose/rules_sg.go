package diagnose

import (
	"fmt"
	"slices"
)

func groupRules() []Rule {
	return []Rule{
		blamed("SG-01", Likely, sealedInstance).explains("AG-20"),
		blamed("SG-02", Likely, closedEndpoint).explains("AG-20"),
		blamed("SG-06", Likely, ownNACL).explains("AG-20"),
		blamed("SG-07", Proved, somePorts).explains("AG-20"),
		blamed("SG-08", Likely, otherNACL),
	}
}

func sealedInstance(v *View, g group, f *Finding) {
	own := false
	for _, a := range g.addrs {
		own = own || v.onLink(a)
	}
	f.Summary = fmt.Sprintf("No connect from %s is answered: %s %s silent.", v.where(), g.names(), verb(g.n(), "is", "are"))
	alts := []Alternative{alt("SG-03", "the endpoints' groups admit nobody: describe-network-interfaces shows the default group")}
	f.Evidence = append(f.Evidence[:min(2, len(f.Evidence))], neighbourEvidence(g)...)
	f.Evidence = append(f.Evidence, v.controlEvidence()...)
	if own {
		f.Summary += " Even an endpoint in our own subnet is silent, so NACLs and routes are not the cause."
	} else {
		alts = append(alts, alt("SG-06", "describe-network-acls of "+v.subnetID()+": an entry that denies TCP 443"))
		f.Confidence = Possible
		if len(g.hosts) > 1 {
			f.Confidence = Likely
		}
	}
	if n, ok := v.retransFail(); !ok {
		alts = append(alts, alt("OS-01", "sudo nft list ruleset: an OUTPUT rule"))
	} else if n == 0 {
		f.Evidence = append(f.Evidence, Evidence{"", "TcpExt:TCPRetransFail unchanged: the packets left this host"})
	}
	var public []string
	for _, p := range g.paths {
		if p.Class == "public_aws" || p.Class == "unclassified" {
			public = append(public, p.T.Host)
		}
	}
	if len(public) > 0 {
		f.Summary += fmt.Sprintf(" %s %s public besides: it needs an endpoint or a NAT route as well.", list(public, 2), verb(len(public), "is", "are"))
		alts = append(alts, alt("DN-02", "it stays silent once the private names answer"))
	}
	f.Alternatives = alts
	f.Action.Do = fmt.Sprintf("Allow TCP 443 out in %s, to the endpoints' group or to %s.%s", v.groups(), v.vpcCIDRs(), v.wake())
	f.Action.Command = v.groupRules()
	f.Action.Verify = "vpcdoctor check"
}

// groupRules shows the rules of the instance's groups.
func (v *View) groupRules() string {
	id := "SG_ID"
	if ids := sortedStrings(v.ENI.SecurityGroupIDs); len(ids) > 0 {
		id = ids[0]
		for _, x := range ids[1:min(len(ids), 5)] {
			id += "," + x
		}
	}
	return v.aws("ec2", "describe-security-group-rules", "--filters", "Name=group-id,Values="+id)
}

func closedEndpoint(v *View, g group, f *Finding) {
	f.Summary = fmt.Sprintf("%s %s silent at %s while other endpoints answer: the endpoint's security group likely does not admit 443 from %s.",
		g.names(), verb(g.n(), "is", "are"), addrList(g.addrs, 3), orWord(v.ENI.SubnetID, "this instance"))
	ok := v.working(2, func(pp *PortPath) bool { return v.local(pp.Addr.Info) || v.remote(pp.Addr.Info) })
	alts := []Alternative{
		alt("EP-03", "describe-vpc-endpoints: the state is not available"),
		alt("DN-10", "describe-network-interfaces by address: no interface has it"),
		alt("DN-30", "the endpoint belongs to another team and admits only its hosts"),
	}
	if len(ok) == 0 {
		ok = v.working(1, func(pp *PortPath) bool { return public(pp.Addr.Info) })
		f.Summary = fmt.Sprintf("%s %s silent at %s while public addresses answer: 443 leaves the instance, but no endpoint admits it.",
			g.names(), verb(g.n(), "is", "are"), addrList(g.addrs, 3))
		alts = []Alternative{
			alt("SG-03", "describe-network-interfaces: the endpoints have the default group"),
			alt("SG-01", "the egress rules of "+v.groups()+" leave out the VPC CIDRs"),
			alt("EP-03", "describe-vpc-endpoints: the state is not available"),
		}
	}
	if len(ok) > 0 && len(v.VPC) > 1 && v.local(v.classOf(g.addrs[0])) {
		alts = append(alts, alt("SG-05", "the endpoints' group names another of the VPC's blocks ("+v.vpcCIDRs()+") than ours"))
	}
	if g.paths[0].T.Type == "Custom" {
		alts = append([]Alternative{alt("SG-11", "the provider's load balancer filters PrivateLink traffic")}, alts[:2]...)
	}
	if g.addrs != nil && v.remote(v.classOf(g.addrs[0])) {
		alts = []Alternative{alt("SG-05", "the hub's group lacks our CIDR"), alt("RT-05", "no route back from that subnet of the hub")}
	}
	near := neighbourEvidence(g)
	if len(near) > 0 && slices.ContainsFunc(g.bs, func(b blame) bool { return b.port != nil && owned(b.port.Dial) }) {
		// Somebody answers ARP for it: the record is not stale.
		alts = slices.DeleteFunc(alts, func(a Alternative) bool { return a.Code == "DN-10" })
	}
	f.Evidence = append(append(f.Evidence[:min(3, len(f.Evidence))], near...), ok...)
	f.Alternatives = alts
	f.Action.Do = fmt.Sprintf("In the security group of the endpoint at %s, allow TCP 443 in from %s. Strict variant: from %s only; that shuts out all other clients of the endpoint.%s",
		addrList(g.addrs, 2), v.vpcCIDRs(), v.groups(), v.wake())
	f.Action.Command = v.interfaceOf(g.addrs[0].String())
	f.Action.Verify = "vpcdoctor check"
}

// portsEvidence says that the source port makes no difference, where that was
// tried.
func (v *View) portsEvidence() []Evidence {
	if !v.ports.same() {
		return nil
	}
	return []Evidence{{v.ports.evidence[0].Ref, "connects from source ports " + ports(v.ports.silent) + " meet silence alike"}}
}

// somePorts is SG-07: whether a connect is answered depends on its source
// port. Only a filter without state does that, which in a VPC is a NACL.
func somePorts(v *View, g group, f *Finding) {
	c := v.contrast()
	own := v.onlyOwnSubnet(c) && !outside(c)
	f.Summary = fmt.Sprintf("Connects to %s (%s) are answered from source port %s and not from %s: a NACL lets answers through to some ports only.",
		g.names(), addrList(g.addrs, 2), ports(v.ports.ok), ports(v.ports.silent))
	f.Action.Do = "Find the subnet of " + g.addrs[0].String() + ", and allow TCP 1024-65535 out in its NACL; the same range in, in the NACL of " + v.subnetID() + ". Linux uses 32768-60999."
	f.Action.Command = v.interfaceOf(g.addrs[0].String())
	f.Alternatives = []Alternative{alt("FW-09", "no NACL of the two subnets limits the ports: a firewall on the path does")}
	if own {
		f.Summary += fmt.Sprintf(" Nothing outside %s answers otherwise, so its own NACL is the likelier one.", v.subnetID())
		f.Action.Do = "In the NACL of " + v.subnetID() + ", allow TCP 1024-65535 in. Linux uses 32768-60999; rules that begin at 49152 are made for Windows."
		f.Action.Command = v.nacls(v.subnetID())
		f.Alternatives = []Alternative{alt("SG-08", "the NACL of "+v.subnetID()+" lets all ports in: look at the one of the other subnet")}
	}
	f.Evidence = append(f.Evidence[:min(2, len(f.Evidence))], v.ports.evidence[:min(3, len(v.ports.evidence))]...)
	f.Evidence = append(f.Evidence, v.working(1, func(pp *PortPath) bool { return v.onLink(pp.Addr.Addr) })...)
}

func (v *View) nacls(subnet string) string {
	return v.aws("ec2", "describe-network-acls", "--filters", "Name=association.subnet-id,Values="+subnet)
}

func ownNACL(v *View, g group, f *Finding) {
	f.Summary = fmt.Sprintf("Endpoint addresses inside %s answer, %s outside %s silent: the NACL of our subnet likely stops 443.",
		v.subnetID(), addrList(g.addrs, 3), verb(len(g.addrs), "is", "are"))
	f.Evidence = append(f.Evidence, v.working(2, func(pp *PortPath) bool { return v.onLink(pp.Addr.Addr) })...)
	f.Evidence = append(f.Evidence, v.portsEvidence()...)
	f.Action.Do = "In the NACL of " + v.subnetID() + ", allow TCP 443 out and TCP 1024-65535 in. It serves every host of the subnet."
	f.Action.Command = v.nacls(v.subnetID())
	f.Alternatives = []Alternative{
		alt("SG-08", "describe-network-acls of the silent addresses' subnet: an entry that denies TCP 443 in"),
		alt("RT-03", "describe-route-tables: a route more specific than local for those subnets"),
	}
}

func otherNACL(v *View, g group, f *Finding) {
	sub := v.subnetOf(g.addrs[0])
	f.Summary = fmt.Sprintf("All endpoints are silent at %s (around %s) and answer in other subnets.", addrList(g.addrs, 3), sub)
	f.Evidence = append(f.Evidence, v.working(2, func(pp *PortPath) bool { return v.local(pp.Addr.Info) })...)
	f.Evidence = append(f.Evidence, v.portsEvidence()...)
	f.Action.Do = "Find the subnet of " + g.addrs[0].String() + ", and allow TCP 443 in and TCP 1024-65535 out in its NACL."
	f.Action.Command = v.interfaceOf(g.addrs[0].String())
	f.Alternatives = []Alternative{
		alt("SG-06", "describe-network-acls of "+v.subnetID()+": an entry that denies 443 to or from that block only"),
		alt("SV-01", "the health dashboard: that AZ is impaired"),
		alt("RT-03", "describe-route-tables of "+v.subnetID()+": a route more specific than local"),
	}
}
