package fact

import "net/netip"

// Trace is one TCP traceroute: connects to the same address whose packets live
// for 1, 2, 3 … hops only. Routers in between name themselves by ICMP "time
// exceeded"; what carries packets without being a router (a gateway endpoint,
// an interface endpoint) does not show.
type Trace struct {
	Outcome
	Addr    netip.AddrPort `json:"addr"`
	Hops    []Hop          `json:"hops,omitempty"`    // by TTL, up to the first that reached the address
	Reached int            `json:"reached,omitempty"` // lowest TTL at which the address itself answered; 0: none did
}

// Key names the trace: "trace:10.0.1.5:443".
func (t Trace) Key() string { return "trace:" + t.Addr.String() }

// Hop is what one TTL gave.
type Hop struct {
	TTL     int        `json:"ttl"`
	From    netip.Addr `json:"from,omitzero"`     // who sent the ICMP error; zero: nobody
	ICMP    string     `json:"icmp,omitempty"`    // time_exceeded | unreachable | prohibited | too_big | other
	Reached bool       `json:"reached,omitempty"` // the address itself answered, with SYN-ACK or RST
	Errno   string     `json:"errno,omitempty"`   // how the connect ended, when it failed; empty: silence or success
	Took    Duration   `json:"took_ms,omitzero"`
}
