package world

import (
	"net/netip"
	"strings"
	"time"
)

// Program is a real program of this machine that plays a server's part in
// place of the lab's own fake.
type Program string

// Programs that can stand in.
const (
	NoProgram Program = ""
	Dnsmasq   Program = "dnsmasq" // for a DNSServer that forwards
	Unbound   Program = "unbound" // for a DNSServer that forwards
	Nginx     Program = "nginx"   // for an AWS front end with the right certificate
	Squid     Program = "squid"   // for a Proxy that lets everything through
)

// ServerBehavior is how a TLS service answers once TCP reaches it. The zero
// value is an AWS front end with the right certificate.
type ServerBehavior struct {
	CertNames   []string // instead of the names asked for
	CertExpired bool     // notAfter lies in the past
	CertFuture  bool     // notBefore lies in the future
	OtherCA     bool     // signed by a CA nobody knows, not by the lab's AWS CA
	PlainHTTP   bool     // speaks HTTP where TLS is expected
	Closed      bool     // nothing listens: connections are refused
	SilentTLS   bool     // accepts, then never answers the hello
	Mute        bool     // no TLS at all: accepts and says nothing
	ResetHello  bool     // resets after the hello
	CloseHello  bool     // closes after the hello
	TLSAlert    bool     // refuses every hello with a handshake_failure alert
	NotAWS      bool     // a web server that is no AWS front end, under the company's CA
	PublicCA    bool     // with NotAWS: under the public CA after all
	Error5xx    bool     // an AWS front end in trouble
	BlockPage   bool     // an inspection device's page answers the request
	NoUpgrade   bool     // an inspection device answers websocket upgrades with 403
	Endless     bool     // endless HTTP body
	Program     Program  // who answers, when it is not the lab's own server

	CloseIdle time.Duration // closes a connection that is silent for so long; 0: never
}

// Internet is what lies behind an Internet gateway.
type Internet struct {
	Absent  []string                  // names that do not exist, with everything below them
	Servers map[string]ServerBehavior // by host name, where it differs from a healthy one
	Denies  []string                  // S3 buckets whose objects S3 itself refuses; "*": all
}

// Proxy is an HTTP proxy. Its address belongs to a Server of some network.
type Proxy struct {
	Name   string // host name, when it has one
	Addr   netip.Addr
	Port   uint16
	Auth   bool     // answers 407
	Deny   []string // hosts it answers with 403
	TLS    bool     // speaks TLS itself (https:// proxy)
	Status int      // answers every CONNECT with this status
	Silent bool     // accepts and never answers

	Program Program // who answers, when it is not the lab's own proxy
}

// Middlebox is a firewall or a link on a path with behaviour of its own.
type Middlebox struct {
	Name       string
	On         Match
	Latency    time.Duration // added each way
	Loss       float64       // of packets, each way, 0..1
	MaxPacket  int           // longer IP packets vanish without ICMP; 0: no limit
	MaxIn      int           // the same for packets to the instance only
	MaxOut     int           // the same for packets from the instance only
	DropSNI    []string      // silence after a ClientHello for such a name; "*.x" and "*" allowed
	ResetSNI   []string      // reset after it
	DropSplit  bool          // silence after a ClientHello that came in more than one packet
	AlwaysRST  bool          // answers every SYN with RST
	DropPorts  [2]uint16     // drops flows with a source port in this range; zero: none
	Intercept  bool          // re-signs with the company's CA
	Names      []string      // names that it re-signs; nil: all
	DropAnswer bool          // lets the SYN through, drops what comes back

	// Forgets is the silence after which it no longer knows a TCP connection; 0:
	// it never forgets. What then comes vanishes, as at a Gateway Load Balancer,
	// or is answered with RST, as by a NAT gateway (350 s both, unless set).
	Forgets    time.Duration
	ForgetsRST bool
}

// Match selects flows by destination. Every field that is set must hold.
type Match struct {
	Public   bool           // destination outside every known network
	Private  bool           // destination inside one
	Prefixes []netip.Prefix // destination in one of these
	Ports    []uint16       // destination port
}

// MatchName tells whether a name fits one of the patterns: "*" fits all,
// "*.x" fits names below x, others fit exactly.
func MatchName(patterns []string, name string) bool {
	for _, p := range patterns {
		if p == "*" || p == name || (strings.HasPrefix(p, "*.") && strings.HasSuffix(name, p[1:])) {
			return true
		}
	}
	return false
}

// Resolver is the VPC's own resolver (VPC+2 and 169.254.169.253).
type Resolver struct {
	Zones     []Zone         // private hosted zones associated with the VPC
	Rules     []ForwardRule  // resolver rules; the longest domain wins
	Firewall  []FirewallRule // DNS Firewall, first match wins
	Drops     []string       // names whose questions are lost to the packet limit
	Delay     time.Duration
	DropAbove int // packets in one second that are answered; 0: all
}

// Zone is a private hosted zone. It answers for every name under its apex:
// what has no record does not exist.
type Zone struct {
	Apex    string
	Records []Record
}

// Record is an A record set of a Zone; the name may start with "*.".
type Record struct {
	Name  string
	Addrs []netip.Addr
	TTL   uint32 // seconds; 0: 300
}

// ForwardRule sends a domain to another DNS server, by address. The VPC's own
// paths do not apply: the outbound endpoint has its own.
type ForwardRule struct {
	Domain string
	To     netip.Addr
}

// FirewallRule blocks names at the VPC resolver.
type FirewallRule struct {
	Names    []string // patterns
	Action   string   // nxdomain | nodata | override
	Override netip.Addr
}

// DNSMode is what another DNS server does with names it has no record for.
type DNSMode string

// Modes of a DNS server.
const (
	DNSForward  DNSMode = ""         // asks the VPC's resolver: what it should do
	DNSPublic   DNSMode = "public"   // asks the public DNS itself
	DNSSilent   DNSMode = "silent"   // packets arrive, nothing comes back
	DNSRefuse   DNSMode = "refused"  // rcode REFUSED
	DNSServFail DNSMode = "servfail" // rcode SERVFAIL
	DNSNXDomain DNSMode = "nxdomain" // says that no name exists
)

// DNSServer is a DNS server other than the VPC's resolver. Its address must
// belong to a Server of some network, unless nobody has it.
type DNSServer struct {
	Addr    netip.Addr
	Mode    DNSMode
	Records []Record
	Delay   time.Duration
	NoTCP   bool // refuses TCP

	// Truncates every answer over UDP, as servers with many records and a
	// small datagram limit do.
	Truncates bool

	NoAAAA    bool         // says NXDOMAIN to AAAA, although the name has an A record
	DNS64     netip.Prefix // /96: makes AAAA of A records; zero: does not
	Program   Program      // who answers, when it is not the lab's own server
	Rebind    bool         // rebind protection: an empty answer in place of private addresses
	DropAbove int          // questions in one second that are answered; 0: all
}
