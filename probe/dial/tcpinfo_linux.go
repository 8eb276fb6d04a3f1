package dial

import (
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"vpcdoctor/probe/fact"
)

// tcpStates are the names of the kernel's numbers (net/tcp_states.h), 1-based.
var tcpStates = [...]string{
	"", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT",
	"CLOSE", "CLOSE_WAIT", "LAST_ACK", "LISTEN", "CLOSING",
}

// TCPInfo asks the kernel about the TCP connection at the bottom of c. It is nil
// when there is none or the kernel does not say: that is not a fact about the
// network. Fields that an older kernel does not have are zero. No packet is sent.
func TCPInfo(c net.Conn) *fact.TCPInfo {
	raw := bottom(c)
	if raw == nil {
		return nil
	}
	var (
		info *unix.TCPInfo
		err  error
	)
	if raw.Control(func(fd uintptr) {
		info, err = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
	}) != nil || err != nil {
		return nil
	}
	f := &fact.TCPInfo{
		Unacked: info.Unacked, TotalRetrans: info.Total_retrans,
		BytesAcked: info.Bytes_acked, BytesReceived: info.Bytes_received,
		SndMSS: info.Snd_mss, RcvMSS: info.Rcv_mss, PMTU: info.Pmtu,
		RTT: fact.Duration(time.Duration(info.Rtt) * time.Microsecond),
	}
	if int(info.State) < len(tcpStates) {
		f.State = tcpStates[info.State]
	}
	return f
}

// bottom goes down through wrappers to the connection that has a descriptor.
func bottom(c net.Conn) syscall.RawConn {
	const deepest = 8 // TLS in TLS to a proxy is four
	for range deepest {
		switch t := c.(type) {
		case syscall.Conn:
			raw, err := t.SyscallConn()
			if err != nil {
				return nil
			}
			return raw
		case interface{ NetConn() net.Conn }:
			c = t.NetConn()
		default:
			return nil
		}
	}
	return nil
}
