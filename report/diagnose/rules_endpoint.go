package diagnose

import (
	"fmt"
	"strings"

	"vpcdoctor/probe/fact"
)

func endpointRules() []Rule {
	return append(serviceRules(), []Rule{
		blamed("DN-02", Likely, noEndpoint).explains("AG-20", "EP-15"),
		blamed("EP-01", Likely, noMessages).explains("EP-15"),
		{Code: "EP-02", Eval: legacyChannel},
		{Code: "EP-04", Eval: oneAZ},
		{Code: "EP-14", Eval: publicPath},
		{Code: "EP-15", Eval: mixedPath},
		blamed("EP-16", Possible, func(v *View, g group, f *Finding) {
			f.Summary = fmt.Sprintf("%s %s not work, and no rule explains it.", g.names(), verb(g.n(), "does", "do"))
			if p := g.bs[0].port; p != nil && refusing(p.Dial) {
				f.Summary = fmt.Sprintf("%s %s the connection at every address: a rule of this host or a device on the path does that, no security group or NACL.", g.names(), verb(g.n(), "refuses", "refuse"))
				f.Alternatives = []Alternative{
					alt("OS-01", "sudo nft list ruleset: a reject rule for TCP 443"),
					alt("FW-01", "the log of the firewall on the public path"),
				}
			}
			f.Action = Action{Do: "Look at the evidence, run again, and compare with another instance of " + v.subnetID() + ".", Command: "vpcdoctor check --facts facts.json", Where: "instance"}
		}),
	}...)
}

func gatewayRules() []Rule {
	return []Rule{
		blamed("GW-01", Likely, noGateway),
		{Code: "GW-05", Eval: ownedByAWS},
		blamed("GW-03", Possible, func(v *View, g group, f *Finding) {
			f.Summary = fmt.Sprintf("%s %s silent while other public addresses answer.", g.names(), verb(g.n(), "is", "are"))
			f.Evidence = append(f.Evidence, v.working(1, func(pp *PortPath) bool { return public(pp.Addr.Info) && !store(pp.Path.T) })...)
			f.Action.Do = "Check the gateway endpoint's route and policy, and the NACL of " + v.subnetID() + " for the public ranges of the service."
			f.Action.Command = v.nacls(v.subnetID())
			f.Alternatives = []Alternative{alt("GW-01", "a gateway endpoint route exists and its endpoint is not available"), alt("GW-02", "the egress rules leave out the prefix list")}
		}),
	}
}

func noGateway(v *View, g group, f *Finding) {
	f.Summary = fmt.Sprintf("%s %s to public addresses, which is normal for a gateway endpoint, and none answers, while private endpoints do.",
		g.names(), verb(g.n(), "resolves", "resolve"))
	f.Evidence = append(f.Evidence, v.working(1, func(pp *PortPath) bool { return v.local(pp.Addr.Info) })...)
	f.Action.Do = "Associate the gateway endpoint with the route table of " + v.subnetID() + ". Open connections to the service drop for a moment."
	f.Action.Command = v.routeTables()
	f.Alternatives = []Alternative{
		alt("GW-02", "the egress rules of "+v.groups()+" have no entry for the prefix list"),
		alt("GW-03", "the NACL of "+v.subnetID()+" does not admit the public ranges"),
		alt("RT-01", "no gateway endpoint is meant: the subnet lacks a NAT route"),
	}
}

// createEndpoint is the command for one missing interface endpoint. The group
// is for the operator to choose: a wrong guess would open or close it for all.
func (v *View) createEndpoint(t fact.Target) string {
	if t.Service == "" {
		return ""
	}
	return v.aws("ec2", "create-vpc-endpoint", "--vpc-id", v.vpcID(), "--vpc-endpoint-type", "Interface",
		"--service-name", t.Service, "--subnet-ids", v.subnetID(), "--security-group-ids", "SG_ID", "--private-dns-enabled")
}

// describeEndpoints shows whether endpoints for these services exist.
func (v *View) describeEndpoints(g group) string {
	filters := []string{"--filters", "Name=vpc-id,Values=" + v.vpcID()}
	if names := g.serviceNames(); len(names) > 0 {
		filters = append(filters, "Name=service-name,Values="+strings.Join(names[:min(len(names), 10)], ","))
	}
	return v.aws("ec2", "describe-vpc-endpoints", filters...)
}

// wholeVPC is what everybody should know before private DNS is turned on.
const wholeVPC = " Private DNS changes these names for the whole VPC: the endpoint's group must admit 443 from every client, as a rule from all VPC CIDRs. Use one subnet per AZ, in the account that owns the VPC."

// noEndpoint: public answers, and nothing public answers. When some siblings
// are private and work, the VPC is known to have endpoints with private DNS.
func noEndpoint(v *View, g group, f *Finding) {
	siblings := v.working(2, func(pp *PortPath) bool { return v.local(pp.Addr.Info) })
	needed := g.main()
	f.Summary = fmt.Sprintf("%s %s to public addresses, and no public address answers from %s.", list(needed, 3), verb(len(needed), "resolves", "resolve"), v.where())
	if len(siblings) > 0 {
		f.Summary += " Other names are private and answer, so endpoints and private DNS work in this VPC."
		f.Evidence = append(f.Evidence, siblings...)
		f.Alternatives = []Alternative{
			alt("DN-01", "describe-vpc-endpoints: it exists with PrivateDnsEnabled false"),
			alt("RT-01", "a public path is meant: the route table shows no NAT or internet gateway"),
		}
	} else {
		f.Summary += " No private endpoint serves this VPC under any of these names."
		f.Alternatives = append([]Alternative{
			alt("RT-01", "describe-route-tables of "+v.subnetID()+": no route to a NAT gateway or internet gateway"),
			alt("DN-01", "describe-vpc-endpoints: endpoints exist with PrivateDnsEnabled false"),
		}, append(v.sealed(), alt("DN-03", "describe-vpc-attribute enableDnsHostnames: false"),
			alt("FW-01", "the default route of "+v.subnetID()+", or of its NAT gateway's subnet, leads to an appliance or a vpce- of a Gateway Load Balancer: describe-target-health"))...)
	}
	for _, p := range g.paths[:min(1, len(g.paths))] {
		f.Evidence = append(v.answerEvidence(p), f.Evidence...)
	}
	f.Action.Do = fmt.Sprintf("Either create interface endpoints with private DNS for %s in %s, or give %s a route to a NAT gateway or internet gateway.%s",
		list(needed, 4), v.vpcID(), v.subnetID(), wholeVPC)
	f.Action.Command = v.describeEndpoints(g)
	if len(siblings) > 0 && len(g.paths) == 1 {
		f.Action.Command = v.createEndpoint(g.paths[0].T)
	}
	if f.Severity == SevInfo {
		f.Summary = fmt.Sprintf("%s %s optional and not reachable: public addresses, and none answers.", g.names(), verb(g.n(), "is", "are"))
		f.Action.Do = "Nothing, unless something on this host uses them; then create interface endpoints for them."
	}
	f.Action.Verify = "vpcdoctor check"
}

func noMessages(v *View, g group, f *Finding) {
	p := g.paths[0]
	f.Summary = fmt.Sprintf("%s resolves to public addresses, which do not answer, while the ssm endpoint is private and works. Sessions cannot start without it.", p.T.Host)
	f.Evidence = append(v.answerEvidence(p), f.Evidence...)
	f.Evidence = append(f.Evidence, v.working(1, func(pp *PortPath) bool { return pp.Path.T.ID == "ssm" })...)
	f.Action.Do = "Create the ssmmessages interface endpoint with private DNS in " + v.vpcID() + "." + wholeVPC + v.wake()
	f.Action.Command = v.createEndpoint(p.T)
	if f.Action.Command == "" {
		f.Action.Command = v.describeEndpoints(g)
	}
	f.Action.Verify = "vpcdoctor check"
	f.Alternatives = []Alternative{
		alt("DN-01", "describe-vpc-endpoints: ssmmessages exists with PrivateDnsEnabled false"),
		alt("RT-01", "a public path is meant: the route table shows no NAT or internet gateway"),
	}
	v.history(f)
}

// history labels findings about the channel that carries this very run.
func (v *View) history(f *Finding) {
	if v.runCommand() {
		f.Summary += " History: this run came through Run Command, so a channel worked when it started."
	}
}

// legacyChannel explains ec2messages. It is never more than information: old
// agents have a finding of their own (AG-05).
func legacyChannel(v *View) []Finding {
	return blamed("EP-02", Likely, func(v *View, g group, f *Finding) {
		f.Severity = SevInfo
		retires := "AWS is retiring it (no date is confirmed for this Region)"
		if r := g.bs[0].target().Retires; r != "" {
			retires = "AWS announced its retirement after " + plain(r, 10)
		}
		f.Summary = fmt.Sprintf("%s does not work. It is the old channel of Run Command: agents from 3.3.40.0 on need only ssm and ssmmessages, and %s.", g.names(), retires)
		if ver := v.Set.Agent.Version; ver != "" {
			f.Evidence = append(f.Evidence, Evidence{"", "SSM Agent " + ver})
		}
		f.Action = Action{Do: "Nothing for agents from 3.3.40.0 on. Update older agents instead of creating the endpoint.", Where: "operator"}
	}).Eval(v)
}

// oneAZ: every private name has one address. Worth knowing, never a fault.
func oneAZ(v *View) []Finding {
	f := Finding{Code: "EP-04", Severity: SevInfo, Confidence: Likely, Action: Action{Do: "Add a subnet in a second AZ to the endpoints, if an outage of one AZ must not matter.", Where: "operator"}}
	var hosts []string
	for _, p := range v.Paths {
		if needRank(p.T.Need) > 0 || p.Status != Pass || !p.Counts || p.Class != string(fact.OwnVPC) || p.T.Type == "Custom" {
			continue
		}
		n := 0
		for _, a := range p.Addrs {
			if !a.Spare && a.Addr.Unmap().Is4() {
				n++
			}
		}
		if n != 1 {
			return nil
		}
		hosts = append(hosts, p.T.Host)
		f.Subjects = append(f.Subjects, p.Key)
		if len(f.Evidence) < 3 {
			f.Evidence = append(f.Evidence, Evidence{p.Answer.Key(), fmt.Sprintf("%s is %s", p.T.Host, addrList(p.Answer.Addrs, 2))})
		}
	}
	if len(hosts) == 0 {
		return nil
	}
	f.Summary = list(hosts, 3) + " " + verb(len(hosts), "has", "have") + " one address each: the endpoints live in one AZ."
	f.Action.Command = v.aws("ec2", "describe-vpc-endpoints", "--filters", "Name=vpc-id,Values="+v.vpcID())
	return []Finding{f}
}

// judged tells whether the address class of a target means anything: required,
// and a private answer would be possible.
func judged(p *Path) bool {
	if p.T.Need != fact.NeedRequired || !p.Counts || p.DNS != Pass || store(p.T) || p.T.PrivateDNS == "no" || p.T.Type == "Custom" {
		return false
	}
	// What the catalogue only infers proves nothing; but Systems Manager is
	// documented to have its endpoints in every partition.
	return p.T.Agent && p.T.Availability == "inferred" || !p.T.PublicOK && p.T.Availability != "inferred"
}

func (p *Path) public() bool {
	return p.Class == string(fact.PublicAWS) || p.Class == string(fact.Unclassified)
}

// publicPath: required names whose public address is what is used.
func publicPath(v *View) []Finding {
	require := v.Set.Run.Private
	if v.Set.Run.Expect == "any" && !require {
		return nil
	}
	f := Finding{Code: "EP-14", Severity: SevInfo, Confidence: Proved, Action: Action{Do: "Nothing, if NAT or an internet gateway is intended. Otherwise create interface endpoints.", Where: "operator"}}
	var g group
	for _, p := range v.Paths {
		if !judged(p) {
			continue
		}
		if !p.public() {
			if !require && v.Set.Run.Expect != "private" {
				return nil // some private: EP-15 speaks
			}
			continue
		}
		if p.Status != Pass && !require {
			continue
		}
		g.paths, g.hosts, f.Subjects = append(g.paths, p), append(g.hosts, p.T.Host), append(f.Subjects, p.Key)
		if len(f.Evidence) < 3 {
			f.Evidence = append(f.Evidence, Evidence{p.Answer.Key(), fmt.Sprintf("%s is %s (%s)", p.T.Host, addrList(p.Answer.Addrs, 2), className(fact.AddrClass(p.Class)))})
		}
	}
	if len(g.hosts) == 0 {
		return nil
	}
	f.Summary = fmt.Sprintf("%s %s by public addresses, through NAT or an internet gateway.", g.names(), verb(g.n(), "works", "work"))
	f.Action.Command = v.describeEndpoints(g)
	switch {
	case require:
		f.Severity = SevError
		f.Summary = fmt.Sprintf("%s %s public addresses, and --require-private forbids a public path.", g.names(), verb(g.n(), "has", "have"))
		f.Action.Do = "Create interface endpoints with private DNS for them." + wholeVPC
	case v.Set.Run.Expect == "private":
		f.Severity = SevWarning
		f.Action.Do = "Create interface endpoints with private DNS for them, or pass --expect auto." + wholeVPC
	}
	return []Finding{f}
}

// mixedPath names the odd ones when some required names are private and others
// work by public addresses.
func mixedPath(v *View) []Finding {
	if v.Set.Run.Expect == "any" || v.Set.Run.Expect == "private" || v.Set.Run.Private {
		return nil
	}
	var g group
	var private []string
	f := Finding{Code: "EP-15", Severity: SevWarning, Confidence: Proved, Action: Action{Where: "operator"}}
	for _, p := range v.Paths {
		switch {
		case !judged(p) || p.Status != Pass:
		case p.public():
			g.paths, g.hosts, f.Subjects = append(g.paths, p), append(g.hosts, p.T.Host), append(f.Subjects, p.Key)
			f.Evidence = append(f.Evidence, Evidence{p.Answer.Key(), fmt.Sprintf("%s is %s (public)", p.T.Host, addrList(p.Answer.Addrs, 2))})
		case p.Class == string(fact.OwnVPC) || p.Class == string(fact.OtherPrivate):
			private = append(private, p.T.Host)
			f.Evidence = append(f.Evidence, Evidence{p.Answer.Key(), fmt.Sprintf("%s is %s (%s)", p.T.Host, addrList(p.Answer.Addrs, 2), className(fact.AddrClass(p.Class)))})
		}
	}
	if len(g.hosts) == 0 || len(private) == 0 {
		return nil
	}
	f.Summary = fmt.Sprintf("%s %s by public addresses while %s %s private.", g.names(), verb(g.n(), "works", "work"), list(private, 3), verb(len(private), "is", "are"))
	f.Action.Do = fmt.Sprintf("Create the missing interface endpoints for %s, or pass --expect any if that is intended.", g.names()) + wholeVPC
	f.Action.Command = v.describeEndpoints(g)
	f.Alternatives = []Alternative{alt("DN-01", "describe-vpc-endpoints: it exists with PrivateDnsEnabled false")}
	return []Finding{f}
}
