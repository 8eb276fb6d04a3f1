package fact

import (
	"net/netip"
	"time"
)

// Dial is one TCP connect to one address. Addresses are dialled once, however
// many names lead to them.
type Dial struct {
	Outcome
	Addr  netip.AddrPort `json:"addr"`
	Local netip.AddrPort `json:"local,omitzero"`
	Errno string         `json:"errno,omitempty"` // "ECONNREFUSED"; empty when the kernel gave none
	Proxy string         `json:"proxy,omitempty"` // host:port, when Addr is a proxy's

	Route     *RouteTo `json:"route,omitempty"`     // asked for a dial that failed
	Neighbour string   `json:"neighbour,omitempty"` // state of the on-link address after the dial
}

// Handshake is one TLS handshake on a connection that was just opened. It is
// OK when the handshake itself completed; whether the certificate is the right
// one is in Name, System and Reference, each verified on its own.
type Handshake struct {
	Outcome
	Addr      netip.AddrPort `json:"addr"`            // of the peer; of the proxy for a tunnelled one
	Host      string         `json:"host"`            // name the handshake is about, and its SNI unless Variant says otherwise
	Proxy     string         `json:"proxy,omitempty"` // tunnelled through this proxy
	Version   string         `json:"version,omitempty"`
	ALPN      string         `json:"alpn,omitempty"`
	Group     string         `json:"group,omitempty"`      // key share, "X25519MLKEM768"
	Alert     int            `json:"alert,omitempty"`      // number of the fatal alert received
	FirstText string         `json:"first_text,omitempty"` // printable start of what a non-TLS peer said
	Chain     []Cert         `json:"chain,omitempty"`      // leaf first, at most 8
	Name      Verified       `json:"name,omitzero"`        // leaf against Host
	System    Verified       `json:"system,omitzero"`      // chain against the system's roots, now
	Reference Verified       `json:"reference,omitzero"`   // chain against the reference roots, now

	Variant Variant  `json:"variant,omitempty"` // what was different; empty: the base attempt
	SNI     string   `json:"sni,omitempty"`     // name sent and verified against, when that was not Host
	TCP     *TCPInfo `json:"tcp,omitempty"`     // kernel's view when the peer went silent, reset or closed

	Then          time.Time `json:"then,omitzero"`           // server's Date, at which the chain was verified again
	SystemThen    Verified  `json:"system_then,omitzero"`    // chain against the system's roots at Then
	ReferenceThen Verified  `json:"reference_then,omitzero"` // chain against the reference roots at Then
}

// Verified is the result of one verification. Zero: not done.
type Verified struct {
	Status Status `json:"status,omitempty"`
	Class  Class  `json:"class,omitempty"`
	Detail string `json:"detail,omitempty"`
	Root   string `json:"root,omitempty"` // subject of the root that closed the chain
}

// Cert is one certificate of a chain, reduced to what a reader needs.
type Cert struct {
	Subject    string    `json:"subject,omitempty"`
	Issuer     string    `json:"issuer,omitempty"`
	Names      []string  `json:"names,omitempty"` // DNS names, at most 16
	MoreNames  int       `json:"more_names,omitempty"`
	NotBefore  time.Time `json:"not_before"`
	NotAfter   time.Time `json:"not_after"`
	SHA256     string    `json:"sha256"` // of the DER, hex
	SelfSigned bool      `json:"self_signed,omitempty"`
}

// Request is one unsigned HTTPS request on a verified or unverified
// connection. What answers is recognised by headers, never by the body.
type Request struct {
	Outcome
	Addr       netip.AddrPort `json:"addr"`
	Host       string         `json:"host"`
	Proxy      string         `json:"proxy,omitempty"`
	Method     string         `json:"method"`
	Path       string         `json:"path"`
	HTTPStatus int            `json:"http_status,omitempty"`
	RequestID  string         `json:"request_id,omitempty"` // x-amzn-requestid, x-amz-request-id
	IDHeader   string         `json:"id_header,omitempty"`  // the header it came in
	Server     string         `json:"server,omitempty"`
	Via        string         `json:"via,omitempty"`
	Location   string         `json:"location,omitempty"`
	Type       string         `json:"content_type,omitempty"`
	Date       time.Time      `json:"date,omitzero"`             // Date header
	Offset     Duration       `json:"clock_offset_ms,omitempty"` // our clock minus Date, corrected by half the round trip; ±1 s
	HasOffset  bool           `json:"has_offset,omitempty"`
	Body       int            `json:"body_bytes,omitempty"` // read, at most 16 kB
}

// Tunnel is one CONNECT through a proxy, as the SSM Agent would make it.
type Tunnel struct {
	Outcome
	Proxy      string         `json:"proxy"`         // host:port
	Scheme     string         `json:"scheme"`        // http | https
	Addr       netip.AddrPort `json:"addr,omitzero"` // of the proxy that was dialled
	Host       string         `json:"host"`
	Port       uint16         `json:"port"`
	Step       string         `json:"step,omitempty"` // that failed: resolve | connect | tls | request
	HTTPStatus int            `json:"http_status,omitempty"`
	Reason     string         `json:"reason,omitempty"` // status text, printable
}
