package path

import (
	"encoding/binary"
	"net/netip"
)

// icmpError is one entry of a socket's error queue (struct sock_extended_err
// and the address that follows it, linux/errqueue.h).
type icmpError struct {
	from netip.Addr // who sent it; zero when the kernel does not say
	what string     // as in fact.Hop.ICMP
}

const (
	extendedErr   = 16 // bytes of struct sock_extended_err
	originICMP    = 2  // SO_EE_ORIGIN_ICMP
	originICMP6   = 3  // SO_EE_ORIGIN_ICMP6
	sockaddr4Size = 8  // family, port, address; the rest is padding
	sockaddr6Size = 24 // family, port, flow, address
)

// The words for an ICMP error, as in fact.Hop.ICMP.
const (
	icmpTimeExceeded = "time_exceeded"
	icmpUnreachable  = "unreachable"
	icmpProhibited   = "prohibited"
	icmpTooBig       = "too_big"
	icmpOther        = "other"
)

// parseICMPError reads the value of an IP_RECVERR or IPV6_RECVERR control
// message. ok is false for errors that no ICMP message caused.
func parseICMPError(b []byte) (e icmpError, ok bool) {
	if len(b) < extendedErr {
		return e, false
	}
	kind, code := b[5], b[6]
	switch b[4] {
	case originICMP:
		e.what = icmp4(kind, code)
	case originICMP6:
		e.what = icmp6(kind, code)
	default:
		return e, false
	}
	e.from = sockaddr(b[extendedErr:])
	return e, true
}

// icmp4 names an ICMP error (RFC 792, RFC 1122 3.2.2.1).
func icmp4(kind, code uint8) string {
	switch {
	case kind == 11:
		return icmpTimeExceeded
	case kind == 3 && code == 4:
		return icmpTooBig
	case kind == 3 && (code == 9 || code == 10 || code == 13):
		return icmpProhibited
	case kind == 3:
		return icmpUnreachable
	}
	return icmpOther
}

// icmp6 names an ICMPv6 error (RFC 4443). Codes 1, 5 and 6 of type 1 are
// policy: prohibited, source address policy, reject route.
func icmp6(kind, code uint8) string {
	switch {
	case kind == 3:
		return icmpTimeExceeded
	case kind == 2:
		return icmpTooBig
	case kind == 1 && (code == 1 || code == 5 || code == 6):
		return icmpProhibited
	case kind == 1:
		return icmpUnreachable
	}
	return icmpOther
}

// sockaddr reads the address of a struct sockaddr_in or sockaddr_in6; zero for
// any other.
func sockaddr(b []byte) netip.Addr {
	if len(b) < 2 {
		return netip.Addr{}
	}
	switch family := binary.NativeEndian.Uint16(b); {
	case family == familyInet && len(b) >= sockaddr4Size:
		return netip.AddrFrom4([4]byte(b[4:8]))
	case family == familyInet6 && len(b) >= sockaddr6Size:
		return netip.AddrFrom16([16]byte(b[8:24])).Unmap()
	}
	return netip.Addr{}
}
