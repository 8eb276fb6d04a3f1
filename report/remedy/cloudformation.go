package remedy

import (
	"fmt"
	"net/netip"
	"strings"
)

// document collects the lines of a YAML document. It is written by hand: a template engine
// would pull reflection into the binary that defeats the linker, and every
// value that is not a constant here has passed a check of its form.
type document struct{ b strings.Builder }

func (y *document) line(indent int, format string, a ...any) {
	y.b.WriteString(strings.Repeat("  ", indent))
	fmt.Fprintf(&y.b, format, a...)
	y.b.WriteByte('\n')
}

// cloudFormation is one complete template with the instance's own ids as
// defaults of its parameters.
func (p plan) cloudFormation() string {
	y := &document{}
	y.line(0, "AWSTemplateFormatVersion: '2010-09-09'")
	y.line(0, "Description: VPC endpoints that vpcdoctor found missing")
	p.parameters(y)
	if p.ec2messages != "" {
		y.line(0, "Conditions:")
		y.line(1, "WantEc2messages: !Equals [!Ref CreateEc2messages, 'true']")
	}
	y.line(0, "Resources:")
	if len(p.services) > 0 {
		p.securityGroup(y)
	}
	for _, x := range p.services {
		p.endpoint(y, logicalID(x.id), x.name, "")
	}
	if p.ec2messages != "" {
		p.endpoint(y, "Ec2messagesEndpoint", p.ec2messages, "WantEc2messages")
	}
	for _, x := range p.gateways {
		p.gateway(y, logicalID(x.id+" gateway"), x.name)
	}
	return y.b.String()
}

func (p plan) parameters(y *document) {
	y.line(0, "Parameters:")
	y.line(1, "VpcId:")
	y.line(2, "Type: AWS::EC2::VPC::Id")
	p.orNothing(y, p.vpc)
	if len(p.services) > 0 {
		y.line(1, "SubnetIds:")
		y.line(2, "Type: List<AWS::EC2::Subnet::Id>")
		y.line(2, "Description: one subnet per Availability Zone")
		p.orNothing(y, p.subnet)
		if len(p.cidrs) == 0 {
			y.line(1, "VpcCidr:")
			y.line(2, "Type: String")
			y.line(2, "Description: IPv4 block of the VPC")
		}
	}
	if p.ec2messages != "" {
		y.line(1, "CreateEc2messages:")
		y.line(2, "Type: String")
		y.line(2, "AllowedValues: ['true', 'false']")
		y.line(2, "Default: '%t'", p.ec2messagesOn)
		y.line(2, "Description: only SSM Agents older than 3.3.40.0 need ec2messages")
	}
	if len(p.gateways) > 0 {
		y.line(1, "RouteTableIds:")
		y.line(2, "Type: CommaDelimitedList")
		y.line(2, "Description: route tables of the subnets that need the gateway")
	}
}

// orNothing writes a default, or none when the value is not known: the console
// and the CLI then ask for it.
func (p plan) orNothing(y *document, value string) {
	if value != "" {
		y.line(2, "Default: %s", value)
	}
}

func (p plan) securityGroup(y *document) {
	y.line(1, "EndpointSecurityGroup:")
	y.line(2, "Type: AWS::EC2::SecurityGroup")
	y.line(2, "Properties:")
	y.line(3, "GroupDescription: From the VPC to its interface endpoints")
	y.line(3, "VpcId: !Ref VpcId")
	y.line(3, "# Default: every address of the VPC, because private DNS sends all of")
	y.line(3, "# its instances to these endpoints.")
	y.line(3, "SecurityGroupIngress:")
	for _, port := range p.ports {
		for _, c := range p.cidrs {
			p.rule(y, port, cidrKey(c), c.String())
		}
		if len(p.cidrs) == 0 {
			p.rule(y, port, "CidrIp", "!Ref VpcCidr")
		}
	}
	y.line(3, "# Strict variant, a pair of security groups: instead of the rules above")
	y.line(3, "#   - IpProtocol: tcp")
	y.line(3, "#     FromPort: 443")
	y.line(3, "#     ToPort: 443")
	for i, g := range p.strictGroups() {
		if i == 0 {
			y.line(3, "#     SourceSecurityGroupId: %s", g)
		} else {
			y.line(3, "#   and one more rule for %s", g)
		}
	}
	y.line(3, "# Warning: instances of this VPC without that group then lose these")
	y.line(3, "# services, also those that reach them through a NAT today.")
}

// strictGroups are the groups of the strict variant: the instance's own, as
// they take the part of the article's ec2-ssm-sg.
func (p plan) strictGroups() []string {
	if len(p.groups) == 0 {
		return []string{"the instances' security group"}
	}
	return p.groups
}

func (p plan) rule(y *document, port uint16, key, source string) {
	y.line(4, "- IpProtocol: tcp")
	y.line(5, "FromPort: %d", port)
	y.line(5, "ToPort: %d", port)
	if strings.Contains(source, ":") && !strings.HasPrefix(source, "!") {
		source = "'" + source + "'" // an IPv6 block has colons
	}
	y.line(5, "%s: %s", key, source)
}

func cidrKey(c netip.Prefix) string {
	if c.Addr().Is6() {
		return "CidrIpv6"
	}
	return "CidrIp"
}

func (p plan) endpoint(y *document, id, name, condition string) {
	y.line(1, "%s:", id)
	y.line(2, "Type: AWS::EC2::VPCEndpoint")
	if condition != "" {
		y.line(2, "Condition: %s", condition)
	}
	y.line(2, "Properties:")
	y.line(3, "VpcEndpointType: Interface")
	p.serviceName(y, name)
	y.line(3, "VpcId: !Ref VpcId")
	y.line(3, "SubnetIds: !Ref SubnetIds")
	y.line(3, "SecurityGroupIds: [!Ref EndpointSecurityGroup]")
	y.line(3, "PrivateDnsEnabled: true")
}

func (p plan) gateway(y *document, id, name string) {
	y.line(1, "%s:", id)
	y.line(2, "Type: AWS::EC2::VPCEndpoint")
	y.line(2, "Properties:")
	y.line(3, "VpcEndpointType: Gateway")
	p.serviceName(y, name)
	y.line(3, "VpcId: !Ref VpcId")
	y.line(3, "RouteTableIds: !Ref RouteTableIds")
}

// serviceName writes a service name with the Region as a variable. The prefix
// is the catalogue's: in China it is com.amazonaws for some services and
// cn.com.amazonaws for others. Global services carry no Region in their name.
func (p plan) serviceName(y *document, name string) {
	if p.region == "" || !strings.Contains(name, "."+p.region+".") {
		y.line(3, "ServiceName: %s", name)
		return
	}
	value := "'" + strings.Replace(name, "."+p.region+".", ".${AWS::Region}.", 1) + "'"
	const room = 80 - len("      ServiceName: !Sub ")
	if len(value) <= room {
		y.line(3, "ServiceName: !Sub %s", value)
		return
	}
	y.line(3, "ServiceName: !Sub")
	y.line(4, "%s", value)
}

// logicalID is a resource name made of letters and digits: "ecr.api" becomes
// EcrApiEndpoint.
func logicalID(id string) string {
	var b strings.Builder
	up := true
	for _, r := range id {
		alnum := (r >= 'a' && r <= 'z') || (r >= 'A' && r <= 'Z') || (r >= '0' && r <= '9')
		switch {
		case !alnum:
			up = true
		case up:
			b.WriteString(strings.ToUpper(string(r)))
			up = false
		default:
			b.WriteRune(r)
		}
	}
	return b.String() + "Endpoint"
}
