package fact

import (
	"net/netip"
	"time"
)

// Host is what the operating system tells about itself, from files and system
// calls only.
type Host struct {
	OS         string       `json:"os"`   // GOOS
	Arch       string       `json:"arch"` // GOARCH
	Hostname   string       `json:"hostname,omitempty"`
	Vendor     string       `json:"vendor,omitempty"` // DMI sys_vendor; "Amazon EC2" on Nitro
	Product    string       `json:"product,omitempty"`
	EC2        string       `json:"ec2,omitempty"`         // yes | no | empty: the DMI tables do not tell
	Container  string       `json:"container,omitempty"`   // docker, podman, kubernetes … ; empty: none seen
	OtherNetNS bool         `json:"other_netns,omitempty"` // our network namespace is not that of PID 1
	Interfaces []Interface  `json:"interfaces,omitempty"`
	Routes     []Route      `json:"routes,omitempty"`   // main table, at most 64
	IPv6Off    bool         `json:"ipv6_off,omitempty"` // net.ipv6.conf.all.disable_ipv6 = 1
	Clock      Clock        `json:"clock"`
	Before     Counters     `json:"before"` // kernel counters at the start of the run
	After      Counters     `json:"after"`  // and at its end
	Proxy      ProxySetting `json:"proxy"`  // proxy variables of our own environment

	ENA      []ENACounter `json:"ena,omitempty"`      // allowance counters of the default route's interface; none: another driver, or not read
	Firewall *Firewall    `json:"firewall,omitempty"` // the local packet filter; nil: not looked at
}

// Interface is a network interface that is up.
type Interface struct {
	Name  string         `json:"name"`
	MTU   int            `json:"mtu"`
	MAC   string         `json:"mac,omitempty"`
	Addrs []netip.Prefix `json:"addrs,omitempty"`
}

// Route is one entry of the kernel's main routing table.
type Route struct {
	Dst     netip.Prefix `json:"dst"`
	Gateway netip.Addr   `json:"gateway,omitzero"` // zero: on link
	Iface   string       `json:"iface,omitempty"`
	Metric  int          `json:"metric,omitempty"`
	Kind    string       `json:"kind,omitempty"` // unicast when empty; reject
}

// Clock is the kernel's opinion of its own clock (adjtimex).
type Clock struct {
	Outcome
	Unsynchronised bool     `json:"unsynchronised,omitempty"` // STA_UNSYNC; alone it proves no offset
	MaxError       Duration `json:"max_error_ms,omitzero"`
}

// Counters are the kernel's TCP counters that tell a packet dropped on this
// host from one dropped in the network (field guide C.3).
type Counters struct {
	At             time.Time `json:"at,omitzero"`      // zero: not read
	TCPRetransFail uint64    `json:"tcp_retrans_fail"` // TcpExt: a retransmit was refused locally
	TCPSynRetrans  uint64    `json:"tcp_syn_retrans"`  // TcpExt
	OutNoRoutes    uint64    `json:"out_no_routes"`    // Ip
	ConntrackCount uint64    `json:"conntrack_count,omitempty"`
	ConntrackMax   uint64    `json:"conntrack_max,omitempty"`
}

// ProxySetting is a set of proxy variables, without user names or passwords.
type ProxySetting struct {
	HTTPS       string `json:"https,omitempty"` // scheme://host:port
	HTTP        string `json:"http,omitempty"`
	No          string `json:"no,omitempty"`
	All         string `json:"all,omitempty"`         // ALL_PROXY: Go ignores it, curl does not
	Source      string `json:"source,omitempty"`      // "process 812", "environment"
	Credentials bool   `json:"credentials,omitempty"` // the URL carries a user name
	Malformed   string `json:"malformed,omitempty"`   // name of the variable whose value does not parse
}

// Set tells whether any proxy is configured.
func (p ProxySetting) Set() bool { return p.HTTPS != "" || p.HTTP != "" || p.All != "" }
