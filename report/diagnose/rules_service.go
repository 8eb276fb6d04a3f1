package diagnose

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// serviceRules are about custom PrivateLink services: endpoints to somebody
// else's load balancer.
func serviceRules() []Rule {
	return []Rule{
		{Code: "PL-03", Eval: customName},
		{Code: "PL-05", Eval: oneZone},
		blamed("PL-06", Likely, func(v *View, g group, f *Finding) {
			f.Summary = fmt.Sprintf("Every address of the custom service %s refuses or resets the connection.", g.names())
			f.Action.Do = "Ask the provider for target health and the listener port; compare the port with our own configuration."
			f.Alternatives = []Alternative{alt("SG-11", "the provider's load balancer has groups of its own"), alt("OS-01", "sudo nft list ruleset: a reject rule for the address")}
			if slices.ContainsFunc(g.bs, func(b blame) bool { return b.port != nil && b.port.TCP == Pass }) {
				f.Summary = fmt.Sprintf("The custom service %s takes connections and ends them at the TLS greeting: a load balancer without a healthy target does that.", g.names())
				f.Alternatives = append(f.Alternatives, alt("FW-05", "a name of AWS on the same path is refused too: an inspecting device is on the way"))
			}
		}),
		blamed("DN-28", Possible, goneName),
	}
}

// vpceName takes the name of a VPC endpoint apart. With the AZ of a zonal name
// removed it is the regional one: vpce-ID-TAIL-AZ.SERVICE is zonal. The ID has
// no hyphen, the AZ's name has several.
func vpceName(host string) (regional string, ok bool) {
	label, rest, _ := strings.Cut(host, ".")
	parts := strings.Split(label, "-")
	if !strings.Contains("."+rest, ".vpce.") || len(parts) < 3 || parts[0] != "vpce" {
		return "", false
	}
	return strings.Join(parts[:3], "-") + "." + rest, true
}

// goneName is DN-28: the name of an endpoint itself does not exist. A zonal one
// goes with its subnet, a regional one with the endpoint.
func goneName(v *View, g group, f *Finding) {
	name := g.hosts[0]
	regional, _ := vpceName(name)
	f.Action.Command = v.aws("ec2", "describe-vpc-endpoints", "--vpc-endpoint-ids", strings.Join(strings.SplitN(name, "-", 3)[:2], "-"))
	if regional == name {
		f.Summary = fmt.Sprintf("%s is the name of a VPC endpoint, and it does not exist: the endpoint was deleted, or the name is misspelled.", g.names())
		f.Action.Do = "Find the endpoint's present name and use that, better still a private name of the service."
		f.Alternatives = []Alternative{alt("DN-31", "the endpoint exists under another name: ours is misspelled")}
		return
	}
	f.Summary = fmt.Sprintf("%s is the name of a VPC endpoint in one AZ, and it does not exist: the endpoint has no subnet there any more.", g.names())
	f.Action.Do = "Use the regional name " + regional + ", or add the subnet to the endpoint again."
	f.Alternatives = []Alternative{alt("EP-03", "the regional name does not exist either: the endpoint itself is gone")}
	for _, p := range v.Paths {
		if p.T.Host == regional && p.DNS == Pass {
			f.Confidence, f.Alternatives = Likely, nil
			f.Evidence = append(f.Evidence, v.answerEvidence(p)...)
		}
	}
}

// oneZone is PL-05: the service does not work, or is not there, in one of the
// AZs in which it is expected.
func oneZone(v *View) []Finding {
	fs := blamed("PL-05", Likely, func(v *View, g group, f *Finding) {
		f.Summary = fmt.Sprintf("The custom service %s answers at some of its addresses and not at %s: no healthy target in that AZ and cross-zone balancing off, or an address that is the service's no longer.", g.names(), addrList(g.addrs, 2))
		f.Evidence = append(f.Evidence, v.working(1, func(pp *PortPath) bool { return slices.Contains(g.hosts, pp.Path.T.Host) })...)
		f.Action.Do = "Ask the provider for target health per AZ and for cross-zone balancing; compare the addresses with those of the endpoint."
		f.Action.Command = v.aws("ec2", "describe-network-interfaces", "--filters", "Name=addresses.private-ip-address,Values="+addrList(g.addrs, 2))
		f.Alternatives = []Alternative{
			alt("RT-08", "describe-network-interfaces finds no interface of the endpoint with that address: the record is stale"),
			alt("SG-08", "the NACL of that interface's subnet denies the port or the answers"),
		}
	}).Eval(v)
	for _, p := range v.Paths {
		if p.T.AZs <= 0 || p.DNS != Pass || p.Status == Fail {
			continue
		}
		n := 0
		for _, a := range p.Answer.Addrs {
			n += b2i(a.Unmap().Is4() || !p.hasIPv4())
		}
		if n >= p.T.AZs {
			continue
		}
		fs = append(fs, Finding{
			Code: "PL-05", Severity: SevWarning, Confidence: Likely, Subjects: []string{p.Key}, Evidence: v.answerEvidence(p),
			Summary: fmt.Sprintf("%s has %d of the %d addresses that are expected, one in each AZ: it works, and an outage of one AZ may take it with it.", p.T.Host, n, p.T.AZs),
			Action: Action{Do: "Add the missing subnets to the endpoint, ask the provider for healthy targets in each AZ, or correct azs in our own configuration.", Where: "operator",
				Command: v.aws("ec2", "describe-vpc-endpoints", "--filters", "Name=vpc-id,Values="+v.vpcID())},
			Alternatives: []Alternative{alt("DN-10", "the record is our own and leaves addresses of the endpoint out")},
		})
	}
	return fs
}

// customName: the name of a custom service does not lead to a private
// endpoint, or leads outside the block that its configuration expects.
func customName(v *View) []Finding {
	fs := blamed("PL-03", Likely, func(v *View, g group, f *Finding) {
		f.Summary = fmt.Sprintf("The custom name %s does not lead to a private endpoint.", g.names())
		f.Evidence = append(f.Evidence, v.working(1, func(pp *PortPath) bool { return strings.Contains(pp.Path.T.Host, ".vpce.") })...)
		f.Action.Do = "Ask the provider to verify the domain and set the private name, then enable private DNS on the endpoint; or map the name in a private zone of your own."
		f.Action.Command = v.aws("ec2", "describe-vpc-endpoints", "--filters", "Name=vpc-id,Values="+v.vpcID())
		f.Alternatives = []Alternative{alt("EP-03", "describe-vpc-endpoints: the state is pendingAcceptance"), alt("DN-31", "the name is misspelled in our own configuration")}
	}).Eval(v)
	for _, p := range v.Paths {
		block, err := netip.ParsePrefix(p.T.CIDR)
		if err != nil || p.DNS != Pass || p.Status == Fail || !slices.ContainsFunc(p.Answer.Addrs, func(a netip.Addr) bool { return !block.Contains(a.Unmap()) }) {
			continue
		}
		fs = append(fs, Finding{
			Code: "PL-03", Severity: SevWarning, Confidence: Likely, Subjects: []string{p.Key},
			Summary:  fmt.Sprintf("%s is %s, outside %s, where its endpoint is expected.", p.T.Host, addrList(p.Answer.Addrs, 2), block),
			Evidence: v.answerEvidence(p),
			Action: Action{Do: "Correct the record of the name, or the expected block in our own configuration.", Where: "operator",
				Command: v.aws("ec2", "describe-vpc-endpoints", "--filters", "Name=vpc-id,Values="+v.vpcID())},
		})
	}
	return fs
}
