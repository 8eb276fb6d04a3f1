package fact

import (
	"net/netip"
	"time"
)

// Channel is what can be seen of the agent's connection to Systems Manager
// without taking part in it.
type Channel struct {
	Outcome            // of listing sockets; NotRun "needs root"
	Sockets  []Socket  `json:"sockets,omitempty"`  // TCP sockets of the agent's processes that are not listening, at most 32
	Files    int       `json:"files,omitempty"`    // file descriptors looked at
	Upgrades []Upgrade `json:"upgrades,omitempty"` // one per way to ssmmessages
}

// Socket is one TCP socket of the agent (sock_diag).
type Socket struct {
	PID          int            `json:"pid"`
	Role         string         `json:"role"`  // core | worker | session
	State        string         `json:"state"` // ESTABLISHED | SYN-SENT | CLOSE-WAIT …, as ss prints them
	Local        netip.AddrPort `json:"local"`
	Remote       netip.AddrPort `json:"remote"`
	Retransmits  int            `json:"retransmits,omitempty"` // unanswered in a row now
	TotalRetrans int            `json:"total_retrans,omitempty"`
	RTT          Duration       `json:"rtt_ms,omitzero"`
	LastRecv     Duration       `json:"last_recv_ms,omitzero"` // since data last came
	Unacked      int            `json:"unacked,omitempty"`
	Hosts        []string       `json:"hosts,omitempty"` // target hosts whose answer of today has Remote in it
}

// Upgrade is one unsigned websocket upgrade for the dummy node
// i-00000000000000000 (decisions.md, "Do no harm"): AWS refuses it with a
// request id, a device that does not pass websockets does something else.
type Upgrade struct {
	Outcome                   // OK: an HTTP answer came, whatever its status
	Host       string         `json:"host"`
	Addr       netip.AddrPort `json:"addr,omitzero"`
	Proxy      string         `json:"proxy,omitempty"`
	Step       string         `json:"step,omitempty"` // that failed: tunnel | connect | tls | request
	HTTPStatus int            `json:"http_status,omitempty"`
	RequestID  string         `json:"request_id,omitempty"`
	Server     string         `json:"server,omitempty"`
	Via        string         `json:"via,omitempty"`
	Type       string         `json:"content_type,omitempty"`
	Date       time.Time      `json:"date,omitzero"`
}

// Key names the upgrade: "upgrade:ssmmessages.us-east-1.amazonaws.com", with
// the proxy after it when there is one.
func (u Upgrade) Key() string {
	k := "upgrade:" + u.Host
	if u.Proxy != "" {
		k += "@" + u.Proxy
	}
	return k
}

// Idle is one connection that was kept silent on request (--idle), to find a
// device that forgets connections (Gateway Load Balancer: 350 s).
type Idle struct {
	Outcome                // OK: it still worked after For; Failed: reset or silent after it
	Addr    netip.AddrPort `json:"addr"`
	Host    string         `json:"host"`
	For     Duration       `json:"for_ms"`
}
