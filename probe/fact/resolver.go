package fact

import "net/netip"

// Resolver is the host's name resolution as it is configured, from files.
type Resolver struct {
	ConfPath    string           `json:"conf_path,omitempty"`   // /etc/resolv.conf
	ConfTarget  string           `json:"conf_target,omitempty"` // where the symbolic link points
	Conf        Outcome          `json:"conf"`                  // reading it
	Servers     []netip.AddrPort `json:"servers,omitempty"`     // in the file's order; glibc and Go use the first three
	Defaulted   bool             `json:"defaulted,omitempty"`   // no nameserver line: libc asks 127.0.0.1
	Search      []string         `json:"search,omitempty"`
	NDots       int              `json:"ndots,omitempty"`
	TimeoutSec  int              `json:"timeout_s,omitempty"`
	Attempts    int              `json:"attempts,omitempty"`
	Rotate      bool             `json:"rotate,omitempty"`
	UseTCP      bool             `json:"use_tcp,omitempty"`
	Hosts       []HostsLine      `json:"hosts,omitempty"`         // only lines that name a target
	HostsOrder  []string         `json:"hosts_order,omitempty"`   // the "hosts:" line of nsswitch.conf
	Stub        string           `json:"stub,omitempty"`          // systemd-resolved | dnsmasq | other; empty: servers are asked directly
	Upstreams   []netip.AddrPort `json:"upstreams,omitempty"`     // of the stub, where a file tells
	VPC         []netip.AddrPort `json:"vpc,omitempty"`           // the VPC's own resolver: 169.254.169.253 and VPC+2
	Override    []netip.AddrPort `json:"override,omitempty"`      // --resolver
	LeaseServer []netip.Addr     `json:"lease_servers,omitempty"` // what DHCP offered, where a lease file tells
}

// HostsLine is one address of the hosts file that names a host we need.
type HostsLine struct {
	Line int        `json:"line"` // 1-based
	Addr netip.Addr `json:"addr"`
	Name string     `json:"name"` // lower case, no trailing dot
}

// The ways a lookup was made.
const (
	ViaConfigured = "configured" // a nameserver of resolv.conf
	ViaVPC        = "vpc"        // the VPC resolver, asked directly
	ViaOverride   = "override"   // --resolver
)

// Lookup is one DNS question to one server over one transport.
type Lookup struct {
	Outcome
	Name      string         `json:"name"`            // lower case, no trailing dot
	Type      string         `json:"type"`            // A | AAAA
	Server    netip.AddrPort `json:"server,omitzero"` // zero when Transport is getent
	Via       string         `json:"via"`
	Transport string         `json:"transport"` // udp | tcp | getent
	Attempt   int            `json:"attempt"`   // 1-based per server and transport
	RCode     string         `json:"rcode,omitempty"`
	EDE       []int          `json:"ede,omitempty"` // RFC 8914 info codes
	Truncated bool           `json:"truncated,omitempty"`
	Addrs     []netip.Addr   `json:"addrs,omitempty"` // sorted, at most 32
	CNAMEs    []string       `json:"cnames,omitempty"`
	TTL       uint32         `json:"ttl,omitempty"`  // lowest of the answer, seconds
	SOA       string         `json:"soa,omitempty"`  // owner of the SOA in the authority section
	More      int            `json:"more,omitempty"` // addresses beyond the 32 that are kept
}

// Answer is what an ordinary program on this host gets for a name: the hosts
// file if nsswitch puts it first, else the first configured server that
// answers. It is derived from Lookups and kept because everything after it
// depends on it.
type Answer struct {
	Name   string         `json:"name"`
	Status Status         `json:"status"`
	Class  Class          `json:"class,omitempty"`  // of the failure, when nothing answered
	Addrs  []netip.Addr   `json:"addrs,omitempty"`  // IPv4 first
	Source string         `json:"source,omitempty"` // hosts | dns | literal
	Line   int            `json:"line,omitempty"`   // of the hosts file
	Server netip.AddrPort `json:"server,omitzero"`  // that answered
	Dead   int            `json:"dead,omitempty"`   // configured servers before it that stayed silent
}

// AddrClass is where an address belongs.
type AddrClass string

// Address classes (decisions.md, "What is expected of a name"). Private means
// "inside the VPC's own blocks", never "RFC 1918".
const (
	OwnVPC       AddrClass = "own_vpc"       // inside a CIDR that IMDS lists
	OtherPrivate AddrClass = "other_private" // RFC 1918, RFC 6598 or ULA, outside the VPC
	LinkLocal    AddrClass = "link_local"
	Loopback     AddrClass = "loopback"
	PublicAWS    AddrClass = "public_aws"   // in AWS's published ranges
	NAT64        AddrClass = "nat64"        // 64:ff9b::/96
	Unclassified AddrClass = "unclassified" // none of these, or the range list cannot tell
	Unspecified  AddrClass = "unspecified"  // 0.0.0.0, ::, multicast, broadcast: a sinkhole
)

// Address is one address seen in an answer and where it belongs.
type Address struct {
	Addr    netip.Addr `json:"addr"`
	Class   AddrClass  `json:"class"`
	Region  string     `json:"region,omitempty"`    // of the AWS range, when Class is PublicAWS
	Service string     `json:"service,omitempty"`   // AMAZON | S3 | DYNAMODB
	OnLink  bool       `json:"on_link,omitempty"`   // inside our own subnet
	Subnet  string     `json:"subnet_id,omitempty"` // of the ENI whose subnet holds it
}
