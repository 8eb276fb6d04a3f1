package fabric

import (
	"encoding/binary"
	"encoding/json"
	"io"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// Record is one packet on the instance's wire, as the packet log has it: one
// JSON object a line. Resolution of hardware addresses is left out.
type Record struct {
	Time  time.Time      `json:"time"`
	Sent  bool           `json:"sent"`  // by the instance, whatever became of it; false: delivered to it
	Proto string         `json:"proto"` // tcp | udp | other
	Src   netip.AddrPort `json:"src,omitzero"`
	Dst   netip.AddrPort `json:"dst,omitzero"`
	Flags string         `json:"flags,omitempty"` // of TCP: letters of FSRPA
	Len   int            `json:"len"`             // of the IP packet; 0 when it is none

	Question string `json:"question,omitempty"` // of a DNS question: "ssm.us-east-1.amazonaws.com A"
	Head     string `json:"head,omitempty"`     // first bytes of a TCP payload that was sent and begins with a capital: plain HTTP
}

// headBytes is how much of a payload is kept: a whole request head of ours.
const headBytes = 512

// record writes one packet to the log. Sent packets are logged as they arrive
// from the instance, before anything in the VPC acts on them.
func record(w io.Writer, p *packet, ok, sent bool) {
	if w == nil || p.arp || p.solicit {
		return
	}
	r := Record{Time: time.Now(), Sent: sent, Proto: "other", Src: p.src, Dst: p.dst, Len: p.length}
	switch {
	case ok && p.proto == protoTCP:
		r.Proto, r.Flags = "tcp", flagLetters(p.flags)
		if sent && len(p.payload) > 0 && 'A' <= p.payload[0] && p.payload[0] <= 'Z' {
			r.Head = string(p.payload[:min(len(p.payload), headBytes)])
		}
		if p.dst.Port() == 53 && len(p.payload) > 2 && int(binary.BigEndian.Uint16(p.payload)) == len(p.payload)-2 {
			r.Question = question(p.payload[2:])
		}
	case ok && p.proto == protoUDP:
		r.Proto = "udp"
		if p.dst.Port() == 53 {
			r.Question = question(p.l4[8:])
		}
	}
	b, err := json.Marshal(r)
	if err != nil {
		return // a struct of plain fields always encodes
	}
	_, _ = w.Write(append(b, '\n')) // the readers of the log notice when it is short
}

func flagLetters(flags byte) string {
	var b strings.Builder
	for i, l := range "FSRPA" {
		if flags&(1<<i) != 0 {
			b.WriteRune(l)
		}
	}
	return b.String()
}

// question reads the name and type that a DNS message asks for.
func question(b []byte) string {
	m := new(dns.Msg)
	if err := m.Unpack(b); err != nil || len(m.Question) == 0 {
		return "unreadable"
	}
	q := m.Question[0]
	return strings.ToLower(strings.TrimSuffix(q.Name, ".")) + " " + dns.TypeToString[q.Qtype]
}
