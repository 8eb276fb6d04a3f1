package remedy

import "strings"

// title names what would be created.
func (p plan) title() string {
	var ids []string
	for _, x := range p.services {
		ids = append(ids, x.id)
	}
	for _, x := range p.gateways {
		ids = append(ids, x.id+" (gateway)")
	}
	return "endpoints for " + strings.Join(ids, ", ")
}

// notes say who else is affected and what has to be decided first. They come
// before the template, because a fix must not cause the next outage.
func (p plan) notes() []string {
	vpc := p.vpc
	if vpc == "" {
		vpc = "the VPC"
	}
	out := []string{"Run it in the account that owns " + vpc + " (a shared subnet belongs to another account) and look for an existing endpoint first: an endpoint that exists with private DNS off wants modify-vpc-endpoint --private-dns-enabled, not a second endpoint."}
	if len(p.services) > 0 {
		var hosts []string
		for _, x := range p.services {
			hosts = append(hosts, x.host)
		}
		out = append(out,
			"Who else is affected: private DNS captures "+strings.Join(hosts, ", ")+" for the whole of "+vpc+". Every instance there will use the endpoint, those with a NAT path included, so its security group admits all blocks of the VPC. The strict variant (a pair of security groups) is in a comment.",
			"One subnet per Availability Zone: the default is this instance's subnet only; add one for each other zone. The VPC needs enableDnsSupport and enableDnsHostnames. This instance's security group must allow outbound 443 to the endpoints.")
	}
	if p.ec2messages != "" {
		note := "ec2messages: SSM Agents from 3.3.40.0 use ssmmessages instead, and AWS has announced that ec2messages is retired after 2026-09-30. "
		if p.ec2messagesOn {
			note += "For the China Regions that is not confirmed, so its parameter is on."
		} else {
			note += "Its parameter is off; turn it on for older agents only."
		}
		out = append(out, note)
	}
	for _, x := range p.services {
		if _, last := cutLast(x.name); last == "execute-api" {
			out = append(out, "execute-api: its private DNS captures every API of the Region, public APIs too. Calls to those from "+vpc+" then get 403.")
		}
	}
	if len(p.gateways) > 0 {
		out = append(out, "Gateway endpoints: where one exists, add the route table to it (modify-vpc-endpoint --add-route-table-ids) instead of creating another. Give the route table of every subnet that needs it; the CLI lines find this subnet's. A new gateway route drops connections to the service that are open. Names keep their public answers, which is right; security groups must allow outbound 443 to the service's prefix list.")
	}
	if len(p.optional) > 0 {
		out = append(out, "Left out, because the profile does not need them: "+strings.Join(p.optional, ", ")+".")
	}
	if len(p.absent) > 0 {
		out = append(out, "No endpoint service is known in this Region for "+strings.Join(p.absent, ", ")+": those names need a NAT path.")
	}
	if len(p.inferred) > 0 {
		out = append(out, "The name of the endpoint service is derived, not observed, for "+strings.Join(p.inferred, ", ")+": check it with aws ec2 describe-vpc-endpoint-services before use.")
	}
	return out
}
