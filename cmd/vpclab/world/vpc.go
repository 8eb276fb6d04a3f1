package world

import "net/netip"

// VPC is one virtual network, or a network behind a link that behaves like
// one (a company's own network).
type VPC struct {
	ID             string
	CIDRs          []netip.Prefix // IPv4, the first is the primary one
	IPv6           []netip.Prefix
	DNSSupport     bool // enableDnsSupport
	DNSHostnames   bool // enableDnsHostnames
	DHCP           DHCPOptions
	Subnets        []Subnet
	RouteTables    []RouteTable
	NACLs          []NACL
	SecurityGroups []SecurityGroup
	Endpoints      []Endpoint
	NATs           []NAT
	Servers        []Server // other machines: DNS servers, proxies, targets of stale records
}

// DHCPOptions is the VPC's option set, as far as the instance sees it.
type DHCPOptions struct {
	Servers []netip.Addr // empty and not None: AmazonProvidedDNS
	None    bool         // the set names no DNS server at all
	Domain  string
}

// Subnet lies in one AZ.
type Subnet struct {
	ID         string
	CIDR       netip.Prefix
	IPv6       netip.Prefix // zero: IPv4 only
	IPv6Only   bool         // CIDR is not the subnet's: its instances have no IPv4 address of the VPC
	DNS64      bool         // enableDns64: the VPC's resolver makes AAAA records for it
	AZ         string       // name
	RouteTable string
	NACL       string
}

// RouteTable holds the routes of the subnets that name it.
type RouteTable struct {
	ID     string
	Routes []Route
}

// Route sends a prefix or a prefix list to a target. The prefix of the VPC
// itself ("local") is always there and need not be listed.
type Route struct {
	Dst        netip.Prefix
	PrefixList string // pl-…; then Dst is zero
	Target     string // igw-…, nat-…, vpce-… (gateway), tgw-…, pcx-…
	Blackhole  bool   // the target is gone
}

// SecurityGroup is stateful: only the first packet of a flow is judged.
type SecurityGroup struct {
	ID      string
	Name    string
	Ingress []Rule
	Egress  []Rule
}

// Rule allows traffic with a peer. Exactly one of CIDR, Group, PrefixList is
// set. Proto is "tcp", "udp" or "-1" for all; the ports are inclusive.
type Rule struct {
	Proto      string
	From, To   uint16
	CIDR       netip.Prefix
	Group      string
	PrefixList string
}

// NACL is stateless: both directions of a flow are judged, and only where the
// flow crosses the subnet's edge. Entries are tried by number, lowest first;
// what none matches is denied.
type NACL struct {
	ID      string
	Ingress []Entry
	Egress  []Entry
}

// Entry is one numbered rule of a NACL. The ports are those of the
// destination, inclusive.
type Entry struct {
	Number   int
	Allow    bool
	Proto    string // tcp | udp | -1
	From, To uint16
	CIDR     netip.Prefix
}

// Endpoint is an interface or gateway VPC endpoint.
type Endpoint struct {
	ID         string
	Service    string // short name: "ssm", "ecr.api", "vpce-svc-0a1b…"
	Gateway    bool
	PrefixList string         // of a gateway endpoint
	PrivateDNS bool           // of an interface endpoint
	Hosts      []string       // names it serves and, with PrivateDNS, takes over; "*.x" allowed
	Interfaces []EndpointENI  // one per subnet
	Groups     []string       // security groups of the interfaces
	State      string         // empty: available
	Port       uint16         // zero: 443
	Server     ServerBehavior // how the service behind it answers
	IPv6DNS    bool           // the private names have AAAA records too
	Denies     []string       // S3 buckets that the endpoint policy leaves out
	Policy     Policy         // for signed calls; empty: full access
}

// EndpointENI is the endpoint's interface in one subnet.
type EndpointENI struct {
	Subnet string
	Addr   netip.Addr
	IPv6   netip.Addr
}

// NAT is a NAT gateway in a (public) subnet.
type NAT struct {
	ID     string
	Subnet string
	Failed bool
}

// Server is another machine in a network.
type Server struct {
	Name   string
	Subnet string // empty: reachable without subnet rules (a company's network)
	Addr   netip.Addr
	Groups []string // empty: no security group filters it
	Ports  []uint16 // it listens on; others are refused
	TLS    []string // names of its certificate, when it speaks TLS
}

// Link joins the VPC to one of the Networks.
type Link struct {
	ID      string // tgw-… or pcx-…
	Network string // VPC.ID of the far side
}

// PrefixList is an AWS-managed prefix list.
type PrefixList struct {
	ID       string
	Name     string // com.amazonaws.us-east-1.s3
	Prefixes []netip.Prefix
}

// Available tells whether the endpoint carries traffic.
func (e *Endpoint) Available() bool { return e.State == "" || e.State == "available" }

// ServicePort is the port the endpoint serves.
func (e *Endpoint) ServicePort() uint16 {
	if e.Port == 0 {
		return 443
	}
	return e.Port
}

// Addrs lists the IPv4 addresses of the endpoint's interfaces.
func (e *Endpoint) Addrs() []netip.Addr {
	var out []netip.Addr
	for _, i := range e.Interfaces {
		out = append(out, i.Addr)
	}
	return out
}

// Subnet finds a subnet by id.
func (v *VPC) Subnet(id string) *Subnet {
	for i := range v.Subnets {
		if v.Subnets[i].ID == id {
			return &v.Subnets[i]
		}
	}
	return nil
}

// SubnetOf finds the subnet that holds an address.
func (v *VPC) SubnetOf(a netip.Addr) *Subnet {
	for i := range v.Subnets {
		if s := &v.Subnets[i]; s.CIDR.Contains(a) || (s.IPv6.IsValid() && s.IPv6.Contains(a)) {
			return s
		}
	}
	return nil
}

// Contains tells whether an address lies in one of the VPC's blocks.
func (v *VPC) Contains(a netip.Addr) bool {
	return containsAddr(v.CIDRs, a) || containsAddr(v.IPv6, a)
}

// Table finds a route table by id.
func (v *VPC) Table(id string) *RouteTable {
	for i := range v.RouteTables {
		if v.RouteTables[i].ID == id {
			return &v.RouteTables[i]
		}
	}
	return nil
}

// ACL finds a NACL by id.
func (v *VPC) ACL(id string) *NACL {
	for i := range v.NACLs {
		if v.NACLs[i].ID == id {
			return &v.NACLs[i]
		}
	}
	return nil
}

// Group finds a security group by id.
func (v *VPC) Group(id string) *SecurityGroup {
	for i := range v.SecurityGroups {
		if v.SecurityGroups[i].ID == id {
			return &v.SecurityGroups[i]
		}
	}
	return nil
}

// Endpoint finds an endpoint by its short service name.
func (v *VPC) Endpoint(service string) *Endpoint {
	for i := range v.Endpoints {
		if v.Endpoints[i].Service == service {
			return &v.Endpoints[i]
		}
	}
	return nil
}

// ResolverAddr is the VPC's own resolver at the base of the primary block
// plus two.
func (v *VPC) ResolverAddr() netip.Addr {
	return v.CIDRs[0].Masked().Addr().Next().Next()
}

func containsAddr(ps []netip.Prefix, a netip.Addr) bool {
	for _, p := range ps {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
