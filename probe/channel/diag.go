package channel

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"time"

	"vpcdoctor/probe/fact"
)

// The parts of sock_diag that we speak, by the kernel's names (linux/
// sock_diag.h, linux/inet_diag.h, linux/tcp.h). They are kernel ABI and written
// out here so that the parser compiles and is tested on every system.
const (
	sockDiagByFamily = 20
	inetDiagInfo     = 2 // the attribute that holds a struct tcp_info

	diagIDOff  = 4  // of struct inet_diag_sockid in struct inet_diag_msg
	diagIDLen  = 48 // ports, addresses, interface, cookie
	diagMsgLen = 72
	diagReqLen = 8 + diagIDLen // struct inet_diag_req_v2

	familyInet  = 2
	familyInet6 = 10
	protoTCP    = 6

	timerRetry = 1 // idiag_timer: the retransmission timer runs
)

// states are the kernel's states in its own order (net/tcp_states.h), 1-based,
// by the names that ss prints (it shortens the first to ESTAB). Empty: none
// that a connection of the agent is in.
var states = [...]string{
	"", "ESTABLISHED", "SYN-SENT", "SYN-RECV", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT",
	"", "CLOSE-WAIT", "LAST-ACK", "", "CLOSING",
}

// stateMask selects these states in a dump.
func stateMask() (mask uint32) {
	for i, s := range states {
		if s != "" {
			mask |= 1 << i
		}
	}
	return mask
}

var errMessage = errors.New("malformed sock_diag message")

// diagRequest is a struct inet_diag_req_v2. With an id it names one socket and
// wants its TCP_INFO; without one it is for a dump.
func diagRequest(family byte, id []byte) []byte {
	b := make([]byte, diagReqLen)
	b[0], b[1] = family, protoTCP
	if id != nil {
		b[2] = 1 << (inetDiagInfo - 1)
		copy(b[8:], id)
	}
	binary.NativeEndian.PutUint32(b[4:], stateMask())
	return b
}

// parseDiag reads a struct inet_diag_msg and its attributes. A socket in a
// state that we do not ask for has an empty State.
func parseDiag(b []byte) (row, error) {
	if len(b) < diagMsgLen {
		return row{}, errMessage
	}
	id := b[diagIDOff : diagIDOff+diagIDLen]
	size := 4
	switch b[0] {
	case familyInet:
	case familyInet6:
		size = 16
	default:
		return row{}, errMessage
	}
	local, _ := netip.AddrFromSlice(id[4 : 4+size])
	remote, _ := netip.AddrFromSlice(id[20 : 20+size])
	w := row{inode: binary.NativeEndian.Uint32(b[68:]), Socket: fact.Socket{
		Local:  unmap(local, binary.BigEndian.Uint16(id)),
		Remote: unmap(remote, binary.BigEndian.Uint16(id[2:])),
	}}
	if int(b[1]) < len(states) {
		w.State = states[b[1]]
	}
	if b[2] == timerRetry {
		w.Retransmits = int(b[3])
	}
	for b = b[diagMsgLen:]; len(b) >= 4; {
		n := int(binary.NativeEndian.Uint16(b))
		if n < 4 || n > len(b) {
			return row{}, errMessage
		}
		if binary.NativeEndian.Uint16(b[2:]) == inetDiagInfo {
			addInfo(&w.Socket, b[4:n])
		}
		b = b[min((n+3)&^3, len(b)):]
	}
	return w, nil
}

// addInfo takes what we want of a struct tcp_info; an old kernel's is shorter.
func addInfo(s *fact.Socket, info []byte) {
	u32 := func(offset int) uint32 {
		if len(info) < offset+4 {
			return 0
		}
		return binary.NativeEndian.Uint32(info[offset:])
	}
	if len(info) > 2 {
		s.Retransmits = int(info[2]) // tcpi_retransmits
	}
	s.Unacked = int(u32(24)) // segments
	s.RTT = fact.Duration(time.Duration(u32(68)) * time.Microsecond)
	s.TotalRetrans = int(u32(100))
	// Before the handshake it counts from the boot.
	if s.State != "SYN-SENT" && s.State != "SYN-RECV" {
		s.LastRecv = fact.Duration(time.Duration(u32(52)) * time.Millisecond)
	}
}
