package fact

// Variant is the one thing in which a repeated handshake differs from the base
// attempt at the same address. What a set of them means is the table of
// field-guide C.4; here is only what each one changes.
type Variant string

// Variants of a handshake.
const (
	// NoPQ offers no post-quantum key share: the ClientHello shrinks from about
	// 1.5 kB, which most paths carry in two segments, to about 0.3 kB in one.
	NoPQ Variant = "no_pq"
	// SmallMSS is the base ClientHello over a connection whose segments hold at
	// most 536 bytes in both directions, which every path carries.
	SmallMSS Variant = "small_mss"
	// NeutralSNI names another AWS host of the same Region.
	NeutralSNI Variant = "neutral_sni"
	// TLS12 offers nothing newer than TLS 1.2.
	TLS12 Variant = "tls12"
	// NoSNI names no host.
	NoSNI Variant = "no_sni"
)

// TCPInfo is what the kernel knew of a connection (TCP_INFO) at the end of a
// handshake that got no usable answer. For a tunnelled handshake it is the
// connection to the proxy.
type TCPInfo struct {
	State         string   `json:"state"`                    // "ESTABLISHED"; "CLOSE" after a reset
	Unacked       uint32   `json:"unacked,omitempty"`        // segments sent and not acknowledged; a reset clears it
	TotalRetrans  uint32   `json:"total_retrans,omitempty"`  // segments sent again since the connect, its SYN included
	BytesAcked    uint64   `json:"bytes_acked,omitempty"`    // acknowledged by the peer; the SYN counts as 1, so 1 is "nothing of ours" and 0 "kernel older than 4.1"
	BytesReceived uint64   `json:"bytes_received,omitempty"` // received in order
	SndMSS        uint32   `json:"snd_mss,omitempty"`        // largest segment we send
	RcvMSS        uint32   `json:"rcv_mss,omitempty"`        // largest segment the peer seems to send; a guess until it did
	PMTU          uint32   `json:"pmtu,omitempty"`           // path MTU as the kernel believes it
	RTT           Duration `json:"rtt_ms,omitzero"`          // smoothed
}
