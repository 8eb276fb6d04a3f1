package diagnose

import (
	"fmt"

	"vpcdoctor/probe/fact"
)

func ipv6Rules() []Rule {
	return []Rule{
		blamed("V6-02", Likely, noIPv4).explains("AG-20"),
		{Code: "V6-01", Eval: deadIPv6},
		{Code: "V6-05", Eval: closedIPv6},
		blamed("V6-03", Likely, func(v *View, g group, f *Finding) {
			f.Summary = fmt.Sprintf("%s %s to NAT64 addresses (64:ff9b::/96), and they do not answer.", g.names(), verb(g.n(), "resolves", "resolve"))
			f.Action.Do = "Route 64:ff9b::/96 of " + v.subnetID() + " to a NAT gateway."
			f.Action.Command = v.aws("ec2", "describe-route-tables", "--filters", "Name=association.subnet-id,Values="+v.subnetID())
		}).explains("AG-20"),
	}
}

// noIPv4 is V6-02. A DHCP server may lease an IPv4 link-local address in an
// IPv6-only subnet; it reaches the metadata service and nothing else.
func noIPv4(v *View, g group, f *Finding) {
	f.Summary = fmt.Sprintf("This host has no IPv4 address, and %s %s IPv4 addresses only.", g.names(), verb(g.n(), "has", "have"))
	f.Action.Do = "Set the agent's endpoints to the dual-stack names of the Region (UseDualStackEndpoint from 3.3.3270.0 on), make the endpoints dual-stack, or give the subnet NAT64 and DNS64."
	for _, i := range v.Set.Host.Interfaces {
		for _, p := range i.Addrs {
			if p.Addr().Is4() && p.Addr().IsLinkLocalUnicast() {
				f.Evidence = append(f.Evidence, Evidence{"", fmt.Sprintf("the only IPv4 address is link-local: %s on %s", p, plain(i.Name, 20))})
			}
		}
	}
}

// spareIPv6 lists the IPv6 addresses that fail on a host with IPv6 while IPv4
// of the same name answers, as far as is says so.
func (v *View) spareIPv6(f *Finding, is func(*PortPath) bool) (hosts []string) {
	if !v.IPv6 {
		return nil
	}
	for _, p := range v.Paths {
		found := false
		for _, a := range p.Addrs {
			for _, pp := range a.Ports {
				if a.Spare && a.Addr.Unmap().Is6() && pp.TCP == Fail && p.Counts && is(pp) {
					found = true
					f.Evidence = append(f.Evidence, portEvidence(pp))
				}
			}
		}
		if found {
			hosts = append(hosts, p.T.Host)
			f.Subjects = append(f.Subjects, p.Key)
			if needRank(p.T.Need) <= 1 {
				f.Severity = SevWarning
			}
		}
	}
	f.Evidence = f.Evidence[:min(3, len(f.Evidence))]
	return hosts
}

// closed tells whether an IPv6 address is one of our own VPC and silent. Every
// route table has a local route for the VPC's own blocks, so that no route can
// be missing there.
func closed(pp *PortPath) bool {
	return pp.Addr.Info.Class == fact.OwnVPC && pp.Dial.Class == fact.Timeout
}

func deadIPv6(v *View) []Finding {
	f := Finding{Code: "V6-01", Severity: SevInfo, Confidence: Likely, Action: Action{Where: "operator",
		Do: "Repair IPv6 routing and rules of " + v.subnetID() + ", or set the endpoint's DNS records to IPv4."}}
	hosts := v.spareIPv6(&f, func(pp *PortPath) bool { return !closed(pp) })
	if len(hosts) == 0 {
		return nil
	}
	f.Summary = fmt.Sprintf("The IPv6 addresses of %s do not answer, the IPv4 addresses do. Programs may stall before they fall back.", list(hosts, 3))
	f.Action.Command = v.aws("ec2", "describe-route-tables", "--filters", "Name=association.subnet-id,Values="+v.subnetID())
	f.Alternatives = []Alternative{alt("V6-05", "the route table has a route for ::/0: then a group or NACL lets only IPv4 through")}
	return []Finding{f}
}

// closedIPv6 is V6-05: the same interfaces answer over IPv4 and not over IPv6.
func closedIPv6(v *View) []Finding {
	f := Finding{Code: "V6-05", Severity: SevInfo, Confidence: Likely, Action: Action{Where: "operator",
		Do: "Allow TCP 443 for the IPv6 blocks of the VPC where it is allowed for IPv4: out of the instance's group, into the endpoints' group, and in the NACLs."}}
	hosts := v.spareIPv6(&f, closed)
	if len(hosts) == 0 {
		return nil
	}
	f.Summary = fmt.Sprintf("Inside the VPC the IPv6 addresses of %s are silent, and their IPv4 addresses answer: a group or NACL admits IPv4 only. Programs may stall before they fall back.", list(hosts, 3))
	f.Alternatives = []Alternative{alt("V6-01", "the rules admit IPv6: describe-vpc-endpoints shows IpAddressType ipv4, and the AAAA records are stale")}
	if ids := v.ENI.SecurityGroupIDs; len(ids) > 0 {
		f.Action.Command = v.aws("ec2", "describe-security-groups", append([]string{"--group-ids"}, ids[:min(len(ids), 5)]...)...)
	}
	return []Finding{f}
}
