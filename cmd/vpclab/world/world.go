// Package world is the plain description of a simulated VPC and of what
// surrounds it: subnets, route tables, security groups, NACLs, endpoints, the
// VPC's resolver, other networks, the public Internet, middleboxes, and the
// instance itself.
//
// It holds data and pure functions over that data. Path tells whether a packet
// arrives and its answer comes back, Resolve what a DNS server says, Serve who
// answers behind an address. The packet engine, the DNS servers, the metadata
// service and the instance's files are all driven by the same description, so
// that they cannot contradict each other. The package does no I/O.
package world

import (
	"net/netip"
	"time"
)

// World is everything the lab simulates. A scenario starts from a healthy
// world and changes it; nothing else decides what happens.
type World struct {
	Region          string // "cn-northwest-1"
	Partition       string // "aws-cn"
	Suffix          string // "amazonaws.com.cn"
	DualStackSuffix string // "api.amazonwebservices.com.cn"
	VPCESuffix      string // "vpce.amazonaws.com.cn"
	Account         string // 12 digits
	AZs             []AZ

	VPC         VPC           // the instance's own
	Networks    []VPC         // others: a hub VPC, the company's network
	Links       []Link        // transit gateways and peerings between VPC and Networks
	PrefixLists []PrefixList  // AWS-managed, as gateway endpoints use them
	Instance    Instance      // what the VPC knows of it
	IMDS        IMDS          // how the metadata service behaves
	Resolver    Resolver      // the VPC's own resolver
	DNSServers  []DNSServer   // others, inside the VPC or outside
	Internet    Internet      // public hosts
	Proxies     []Proxy       // HTTP proxies
	Middleboxes []Middlebox   // on the paths
	Clock       time.Duration // the world's clock minus the instance's
	DateLie     time.Duration // added to the Date of every answer by a device on the path
	NoTime      bool          // the Amazon Time Sync Service stays silent
	IAM         IAM           // who may do what
	Resources   Resources     // documents, buckets, keys, log groups of the account
	Host        Host          // inside the instance
}

// AZ is an Availability Zone as one account sees it.
type AZ struct {
	Name string // "us-east-1a"
	ID   string // "use1-az4"
}

// Instance is the EC2 instance the command runs on.
type Instance struct {
	ID       string
	Subnet   string     // of the primary ENI
	Addr     netip.Addr // zero, or of 169.254.0.0/16, in an IPv6-only subnet
	IPv6     netip.Addr // zero: none
	MAC      string
	ENI      string     // "eni-…"
	Groups   []string   // security groups
	PublicIP netip.Addr // zero: none
	Profile  string     // name of the instance profile; empty: none
	Role     string     // name of the role in the profile; empty: the profile has none
	RoleCode string     // Code of the credentials document; empty means Success
	Expired  bool       // the credentials document carries an Expiration in the past
}

// IMDSMode is how the metadata service behaves.
type IMDSMode string

// The behaviours of the metadata service. The names say what a client sees.
const (
	IMDSNormal   IMDSMode = ""         // tokens served, v1 answered with 401
	IMDSOptional IMDSMode = "optional" // tokens served, v1 works too
	IMDSDisabled IMDSMode = "disabled" // 403 on everything
	IMDSV1Only   IMDSMode = "v1-only"  // no token support: PUT answers 404
	IMDSHopLimit IMDSMode = "hops"     // the answer to the PUT never arrives; GET answers 401
	IMDSSilent   IMDSMode = "silent"   // no packet comes back
	IMDSHTML     IMDSMode = "html"     // a proxy's error page answers
	IMDSHuge     IMDSMode = "huge"     // endless bodies
	IMDSAbsent   IMDSMode = "absent"   // nobody has the address: not EC2
)

// IMDS is the metadata service as the instance reaches it.
type IMDS struct {
	Mode   IMDSMode
	Delay  time.Duration // before each answer
	NoIPv6 bool          // HttpProtocolIpv6 is disabled, as it is unless somebody enables it
}

// AZID is the id of an AZ by its name.
func (w *World) AZID(name string) string {
	for _, a := range w.AZs {
		if a.Name == name {
			return a.ID
		}
	}
	return ""
}
