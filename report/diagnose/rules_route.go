package diagnose

import (
	"fmt"
	"slices"

	"vpcdoctor/probe/fact"
)

func routeRules() []Rule {
	return []Rule{
		blamed("RT-01", Likely, func(v *View, g group, f *Finding) {
			f.Summary = fmt.Sprintf("%s %s reached by public addresses, and no public address answers from %s.", g.names(), verb(g.n(), "is", "are"), v.where())
			f.Evidence = append(f.Evidence, v.working(1, func(pp *PortPath) bool { return v.local(pp.Addr.Info) })...)
			f.Action.Do = "Give " + v.subnetID() + " a route to a NAT gateway or internet gateway if these names are needed."
			f.Action.Command = v.routeTables()
			f.Alternatives = v.sealed()
			if !slices.ContainsFunc(g.paths, func(p *Path) bool { return !v.abroad(p.T) }) {
				f.CausedBy = "SM-12" // it should not be in that Region
			}
		}),
		blamed("RT-04", Likely, remoteSilent).explains("AG-20"),
		blamed("RT-08", Likely, deadAddress),
		blamed("RT-09", Possible, func(v *View, g group, f *Finding) {
			f.Summary = fmt.Sprintf("%s %s silent at %s while other public addresses answer.", g.names(), verb(g.n(), "is", "are"), addrList(g.addrs, 2))
			f.Evidence = append(f.Evidence, v.working(2, func(pp *PortPath) bool { return public(pp.Addr.Info) })...)
			f.Action.Do = "Look at the NAT gateway's ErrorPortAllocation, then at firewalls on the public path."
			f.Action.Command = v.routeTables()
			f.Alternatives = []Alternative{
				alt("FW-02", "the firewall's log: a drop for these names or addresses"),
				alt("SG-01", "the egress rules name single destinations"),
				alt("SV-01", "the health dashboard of the Region"),
			}
		}),
	}
}

func (v *View) routeTables() string {
	return v.aws("ec2", "describe-route-tables", "--filters", "Name=association.subnet-id,Values="+v.subnetID())
}

// sealed lists what else keeps every public address silent. Which of them it
// is, only the control plane can tell.
func (v *View) sealed() []Alternative {
	out := []Alternative{
		alt("SG-01", "describe-security-group-rules of "+v.groups()+": no egress for TCP 443 to 0.0.0.0/0"),
		alt("SG-06", "describe-network-acls of "+v.subnetID()+": an entry that denies TCP 443 out or 1024-65535 in"),
	}
	if v.Set.IMDS.PublicIPv4Absent {
		out = append(out, alt("RT-14", "the route table of "+v.subnetID()+" has an internet gateway: IMDS shows no public IPv4 address"))
	}
	return out
}

func remoteSilent(v *View, g group, f *Finding) {
	f.Summary = fmt.Sprintf("%s %s to %s, private addresses outside the VPC (%s), and none answers.",
		g.names(), verb(g.n(), "resolves", "resolve"), addrList(g.addrs, 2), v.vpcCIDRs())
	f.Evidence = append(f.Evidence, Evidence{"", "VPC CIDRs by IMDS: " + v.vpcCIDRs()})
	f.Action.Do = "Check the route from " + v.subnetID() + " to the hub (transit gateway or peering) and the route back in the hub's endpoint subnets."
	f.Action.Command = v.routeTables()
	f.Alternatives = []Alternative{
		alt("RT-05", "flow logs in the hub: our packets arrive, no answer leaves"),
		alt("SG-05", "the group of the hub's endpoints lacks "+v.vpcCIDRs()),
		alt("FW-01", "the health of inspection appliances on the way"),
	}
}

func deadAddress(v *View, g group, f *Finding) {
	at := g.addrs[0]
	f.Summary = fmt.Sprintf("%s of %s %s not answer while other addresses do. The agent may hang on it.",
		addrList(g.addrs, 2), g.names(), verb(len(g.addrs), "does", "do"))
	f.Alternatives = []Alternative{
		alt("DN-10", "no interface has the address: the record is stale"),
		alt("SG-08", "the NACL of its subnet denies TCP 443"),
		alt("SV-01", "the health dashboard: its AZ is impaired"),
	}
	if d := g.bs[0].port; d != nil && d.Dial.Class != fact.Timeout {
		f.Summary = fmt.Sprintf("%s of %s %s with %s: something else, or nothing, is at the address.",
			addrList(g.addrs, 2), g.names(), verb(len(g.addrs), "fails", "fail"), orWord(d.Dial.Errno, string(d.Dial.Class)))
		f.Alternatives = append([]Alternative{alt("OS-01", "sudo nft list ruleset: a reject rule for the address")}, f.Alternatives[0])
	}
	f.Evidence = append(f.Evidence, v.working(2, func(pp *PortPath) bool { return pp.Path == g.paths[0] || v.local(pp.Addr.Info) })...)
	f.Action.Do = "Find out who has " + at.String() + ": the endpoint's interface, another one, or none."
	f.Action.Command = v.interfaceOf(at.String())
}

// interfaceOf shows the interface behind an address, with its groups and
// subnet.
func (v *View) interfaceOf(addr string) string {
	return v.aws("ec2", "describe-network-interfaces", "--filters", "Name=vpc-id,Values="+v.vpcID(), "Name=addresses.private-ip-address,Values="+addr)
}
