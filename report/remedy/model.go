package remedy

import (
	"net/netip"
	"strconv"
	"strings"
)

// resource is one thing to be created, for CloudFormation and Terraform alike.
// An empty type leaves it out of that format.
type resource struct {
	cfn, tf string // types
	id      string // logical name; Terraform's is the same in lower case with underscores
	props   []prop
	when    string // name of a parameter that decides whether it is created
}

// prop is one property under its two names; an empty name leaves it out of
// that format. The first character of the value says what it is:
//
//	$Name     a parameter
//	@Id       another resource; @Id.Attr where CloudFormation wants !GetAtt
//	=text     written as it is: a number, true, false
//	!text     an expression of Terraform
//	^rest     an ARN of this partition: arn:PARTITION:rest
//	~name     the name of an endpoint service
//	{json     a policy document
//	[x        a list with the one value x
//
// Anything else is a string and is quoted. Values that come from facts are
// parameters, or were checked for their form before they got here.
type prop struct {
	cfn, tf, value string
	kids           []prop // a mapping, or a block of Terraform
}

// Markers that expand fills in. A resource, or a stanza of shell lines, that
// has one of them is repeated for every block and port.
const (
	markCIDR   = "%cidr"   // the block as a property
	markPort   = "%port"   // the port
	markNumber = "%number" // of a NACL rule: 41 and up
	markRule   = "%rule"   // options of a security group rule
	markBlock  = "%block"  // option of a NACL rule or route
)

// sixth is the name of a property for IPv6 where the table has that for IPv4.
var sixth = map[string]string{
	"CidrIp": "CidrIpv6", "cidr_ipv4": "cidr_ipv6", "CidrBlock": "Ipv6CidrBlock", "cidr_block": "ipv6_cidr_block",
	"DestinationCidrBlock": "DestinationIpv6CidrBlock", "destination_cidr_block": "destination_ipv6_cidr_block",
}

// spread is what repeated resources and stanzas are repeated for. Without a
// block that is known the reader gives one.
type spread struct {
	cidrs []netip.Prefix
	ports []uint16
	block string // parameter, when cidrs is empty
}

// cases calls do for each block and port, with the number of the case.
func (x spread) cases(do func(n int, cidr, port string, v6 bool)) {
	n := 0
	for _, port := range x.ports {
		at := strconv.Itoa(int(port))
		for _, c := range x.cidrs {
			do(n, c.String(), at, c.Addr().Is6())
			n++
		}
		if len(x.cidrs) == 0 {
			do(n, "$"+x.block, at, false)
			n++
		}
	}
}

// repeat returns rs with the markers filled in.
func (x spread) repeat(rs []resource) []resource {
	var out []resource
	for _, r := range rs {
		if !marked(r.props) {
			out = append(out, r)
			continue
		}
		x.cases(func(n int, cidr, port string, v6 bool) {
			c := r
			if n > 0 {
				c.id += strconv.Itoa(n + 1)
			}
			c.props = fill(r.props, strings.NewReplacer(markCIDR, cidr, markPort, port, markNumber, strconv.Itoa(41+n)), v6)
			out = append(out, c)
		})
	}
	return out
}

func marked(ps []prop) bool {
	for _, p := range ps {
		if strings.Contains(p.value, "%") && p.value[0] != '{' || marked(p.kids) {
			return true
		}
	}
	return false
}

func fill(ps []prop, with *strings.Replacer, v6 bool) []prop {
	out := make([]prop, len(ps))
	for i, p := range ps {
		if p.value == markCIDR && v6 {
			p.cfn, p.tf = sixth[p.cfn], sixth[p.tf]
		}
		p.value, p.kids = with.Replace(p.value), fill(p.kids, with, v6)
		out[i] = p
	}
	return out
}

// stanzas returns shell lines, parted by empty lines, with the markers filled
// in.
func (x spread) stanzas(text string) []string {
	var out []string
	for st := range strings.SplitSeq(strings.Trim(text, "\n"), "\n\n") {
		if !strings.Contains(st, markRule) && !strings.Contains(st, markBlock) {
			out = append(out, st)
			continue
		}
		x.cases(func(n int, cidr, port string, v6 bool) {
			if name, ok := strings.CutPrefix(cidr, "$"); ok {
				cidr = `"$` + shellName(name) + `"`
			}
			rule, block := "--protocol tcp --port "+port+" --cidr "+cidr, "cidr-block "+cidr
			if v6 { // --cidr takes IPv4 only
				rule = `--ip-permissions "IpProtocol=tcp,FromPort=` + port + ",ToPort=" + port + ",\\\nIpv6Ranges=[{CidrIpv6=" + cidr + `}]"`
				block = "ipv6-" + block
			}
			out = append(out, strings.NewReplacer(markRule, rule, markBlock, block, markPort, port, markNumber, strconv.Itoa(41+n)).Replace(st))
		})
	}
	return out
}

// param is a value that a template asks for when the facts do not have it.
type param struct {
	name  string // "EndpointSecurityGroupId"; vpc_id and VPC_ID are made of it
	kind  string // CloudFormation's type
	about string
	find  string // shell command that finds it
}

// form is the form of what may become the default of a parameter, or stand in
// a document; any other value is dropped, and the reader is asked.
type form struct {
	prefix, letters string // letters: characters beside a-z and 0-9
	least, most     int    // characters after the prefix
	hex             bool   // a-f and 0-9 only
}

// Forms. Those of ids take the short ones of old accounts too.
var (
	vpcID       = form{"vpc-", "", 8, 17, true}
	subnetID    = form{"subnet-", "", 8, 17, true}
	groupID     = form{"sg-", "", 8, 17, true}
	instanceID  = form{"i-", "", 8, 17, true}
	accountID   = form{"", "", 12, 12, true}
	partition   = form{"aws", "-", 0, 16, false}
	catalogueID = form{"", "._-", 1, 60, false}
	serviceName = form{"", ".-", 4, 80, false} // also host names and Regions
	anyName     = form{"", "ABCDEFGHIJKLMNOPQRSTUVWXYZ+=,.@_/#-", 1, 128, false}
)

// pick is s if it has the form, else nothing.
func pick(f form, s string) string {
	rest, ok := strings.CutPrefix(s, f.prefix)
	if !ok || len(rest) < f.least || len(rest) > f.most {
		return ""
	}
	for i := range len(rest) {
		c := rest[i]
		small := 'a' <= c && c <= 'z' && (!f.hex || c <= 'f')
		if !small && (c < '0' || c > '9') && strings.IndexByte(f.letters, c) < 0 {
			return ""
		}
	}
	return s
}

// snake makes "vpc_id" of "VpcId".
func snake(name string) string {
	var b strings.Builder
	for i := range len(name) {
		c := name[i]
		if 'A' <= c && c <= 'Z' {
			if i > 0 {
				b.WriteByte('_')
			}
			c += 'a' - 'A'
		}
		b.WriteByte(c)
	}
	return b.String()
}

// shellName makes "VPC_ID" of "VpcId".
func shellName(name string) string { return strings.ToUpper(snake(name)) }
