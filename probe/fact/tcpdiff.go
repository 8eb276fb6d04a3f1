package fact

import (
	"net/netip"
	"strconv"
)

// What a control dial is compared with (field guide C.3).
const (
	ControlSameSubnet  = "same_subnet"  // an endpoint ENI of our own subnet: no NACL can be involved
	ControlOtherAZ     = "other_az"     // the same name's ENI in another zone
	ControlSibling     = "sibling"      // an endpoint of another service
	ControlResolver    = "resolver_tcp" // the VPC resolver, port 53 over TCP: no SG or NACL filters it
	ControlOtherRegion = "other_region" // a public AWS host of another Region: no endpoint carries it
	ControlSourcePort  = "source_port"  // the same address from a chosen source port
)

// Control is one TCP connect that was made only to be compared with a dial
// that failed. It says nothing by itself, hence its own list.
type Control struct {
	Kind string `json:"kind"`
	Of   string `json:"of"`             // address, or key of the fact, that it is a control for
	Port uint16 `json:"port,omitempty"` // source port, when Kind is source_port: the chosen one or the next that was free
	Dial Dial   `json:"dial"`
}

// Key names the control: "control:source_port:10.0.1.5:443#33000".
func (c Control) Key() string {
	k := "control:" + c.Kind + ":" + c.Dial.Addr.String()
	if c.Port != 0 {
		k += "#" + strconv.Itoa(int(c.Port))
	}
	return k
}

// RouteTo is the route that the kernel chooses for one destination, asked by
// RTM_GETROUTE: no packet is sent for it.
type RouteTo struct {
	Outcome
	Dst     netip.Addr `json:"dst"`
	Type    string     `json:"type,omitempty"`   // unicast | local | blackhole | unreachable | prohibit | throw; empty: no route or not read
	Table   uint32     `json:"table,omitempty"`  // 254 is main; so are local routes while no policy rule separates them
	Gateway netip.Addr `json:"gateway,omitzero"` // zero: the destination is on link
	Iface   string     `json:"iface,omitempty"`
	Index   int        `json:"index,omitempty"`    // of the interface
	Source  netip.Addr `json:"source,omitzero"`    // preferred source address
	MTU     int        `json:"mtu,omitempty"`      // the route's own, else the interface's; bytes
	MTUFrom string     `json:"mtu_from,omitempty"` // route | learned (ICMP told it) | interface
	// Rules counts the policy rules of this address family beyond the kernel's
	// three (local, main, default); UIDRules those of them that choose by user.
	Rules    int  `json:"rules,omitempty"`
	UIDRules int  `json:"uid_rules,omitempty"`
	UID      int  `json:"uid,omitempty"`      // user the route was asked for
	NoRules  bool `json:"no_rules,omitempty"` // the rules could not be read: Rules is not known
}

// States of a neighbour entry (ARP, neighbour discovery), as `ip neigh` names
// them. NeighbourNone: the kernel has no entry for an on-link address.
const (
	NeighbourReachable  = "reachable"
	NeighbourStale      = "stale" // also delay and probe: it answered before
	NeighbourPermanent  = "permanent"
	NeighbourIncomplete = "incomplete"
	NeighbourFailed     = "failed"
	NeighbourNone       = "none"
)

// ENACounter is one allowance counter of the ENA driver, in packets dropped or
// queued since the driver was loaded (EC2 User Guide, "Monitor network
// performance for ENA settings", read 2026-11). Only the difference says
// something about this run.
type ENACounter struct {
	Iface  string `json:"iface"`
	Name   string `json:"name"` // "linklocal_allowance_exceeded"
	Before uint64 `json:"before"`
	After  uint64 `json:"after"`
}

// Rose is by how much the counter rose; 0 when it was reset meanwhile.
func (c ENACounter) Rose() uint64 { return c.After - min(c.After, c.Before) }

// Firewall is what the local packet filter says about outgoing packets.
type Firewall struct {
	Outcome
	Tool  string         `json:"tool,omitempty"`  // nft | iptables | nft+iptables; empty: nothing was read
	Rules []FirewallRule `json:"rules,omitempty"` // of the output hook, that drop or reject
	More  int            `json:"more,omitempty"`  // rules of the same kind that are not listed: too many, or counted nothing during the run
}

// PacketsUnknown says that a rule has no counter.
const PacketsUnknown = -1

// FirewallRule is one rule of the output hook that drops or rejects, or a
// chain's policy that does.
type FirewallRule struct {
	Tool    string `json:"tool"`             // nft | iptables | ip6tables
	Family  string `json:"family"`           // ip | ip6 | inet
	Table   string `json:"table"`            // "filter"
	Chain   string `json:"chain"`            // the rule's own, which the output hook may only jump to
	Handle  uint64 `json:"handle,omitempty"` // of nft: names the rule to `nft delete rule`
	Policy  bool   `json:"policy,omitempty"` // the chain's policy, not a rule
	Text    string `json:"text"`             // printable, at most 160 bytes
	Verdict string `json:"verdict"`          // drop | reject
	Packets int64  `json:"packets"`          // counted so far; -1: the rule has no counter
	Rose    int64  `json:"rose,omitempty"`   // packets counted during the run
}
