package remedy

import (
	"cmp"
	"fmt"
	"strings"
)

// cli is the same repair as shell lines, for those who do not use
// CloudFormation. Values that are not known are words in capitals.
func (p plan) cli() string {
	var b strings.Builder
	say := func(format string, a ...any) { fmt.Fprintf(&b, format+"\n", a...) }
	say("export AWS_DEFAULT_REGION=%s", cmp.Or(p.region, "REGION"))
	say("VPC=%s", cmp.Or(p.vpc, "VPC_ID"))
	if len(p.services) > 0 {
		say("SUBNETS='%s' # one per Availability Zone", cmp.Or(p.subnet, "SUBNET_ID"))
		say("SG=$(aws ec2 create-security-group --vpc-id \"$VPC\" \\")
		say("  --group-name vpcdoctor-endpoints --description 'VPC to endpoints' \\")
		say("  --query GroupId --output text)")
		p.cliRules(say)
	}
	for _, x := range p.services {
		cliEndpoint(say, "", x.name)
	}
	switch {
	case p.ec2messages != "" && p.ec2messagesOn:
		cliEndpoint(say, "", p.ec2messages)
	case p.ec2messages != "":
		say("# only for SSM Agents older than 3.3.40.0:")
		cliEndpoint(say, "# ", p.ec2messages)
	}
	if len(p.gateways) > 0 {
		p.cliGateways(say)
	}
	return b.String()
}

type sayFunc = func(format string, a ...any)

func (p plan) cliRules(say sayFunc) {
	cidrs := p.cidrs
	for _, port := range p.ports {
		if len(cidrs) == 0 {
			say("aws ec2 authorize-security-group-ingress --group-id \"$SG\" \\")
			say("  --protocol tcp --port %d --cidr VPC_CIDR", port)
		}
		for _, c := range cidrs {
			if c.Addr().Is6() { // --cidr takes IPv4 only
				say("SIX='Ipv6Ranges=[{CidrIpv6=%s}]'", c)
				say("aws ec2 authorize-security-group-ingress --group-id \"$SG\" \\")
				say("  --ip-permissions \"IpProtocol=tcp,FromPort=%d,ToPort=%d,$SIX\"", port, port)
				continue
			}
			say("aws ec2 authorize-security-group-ingress --group-id \"$SG\" \\")
			say("  --protocol tcp --port %d --cidr %s", port, c)
		}
	}
}

func cliEndpoint(say sayFunc, mark, name string) {
	say("%saws ec2 create-vpc-endpoint --vpc-id \"$VPC\" \\", mark)
	say("%s  --vpc-endpoint-type Interface --private-dns-enabled \\", mark)
	if len(mark)+len("  --service-name  \\")+len(name) <= 80 {
		say("%s  --service-name %s \\", mark, name)
	} else { // the longest names have 69 characters
		say("%s  --service-name \\", mark)
		say("%s  %s \\", mark, name)
	}
	say("%s  --subnet-ids $SUBNETS --security-group-ids \"$SG\"", mark)
}

func (p plan) cliGateways(say sayFunc) {
	say("# the route table of this subnet; None: the main table of the VPC serves it")
	say("TABLE=$(aws ec2 describe-route-tables --output text \\")
	say("  --filters Name=association.subnet-id,Values=%s \\", cmp.Or(p.subnet, "SUBNET_ID"))
	say("  --query 'RouteTables[0].RouteTableId')")
	for _, x := range p.gateways {
		say("aws ec2 create-vpc-endpoint --vpc-id \"$VPC\" \\")
		say("  --vpc-endpoint-type Gateway --route-table-ids \"$TABLE\" \\")
		say("  --service-name %s", x.name)
	}
}
