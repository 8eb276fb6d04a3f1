package path

import (
	"encoding/binary"
	"errors"
	"math"
	"net/netip"
)

// The parts of rtnetlink that we speak, by the kernel's names
// (linux/netlink.h, linux/rtnetlink.h, linux/fib_rules.h,
// linux/neighbour.h). They are kernel ABI, the same on every architecture but
// for the byte order, and written out here so that the parsers compile and are
// tested on every system.
const (
	nlmsgError = 2
	nlmsgDone  = 3

	nlmFRequest = 0x1
	nlmFDump    = 0x300

	rtmNewRoute = 24
	rtmGetRoute = 26
	rtmNewNeigh = 28
	rtmGetNeigh = 30
	rtmNewRule  = 32
	rtmGetRule  = 34

	nlmsgHeader = 16 // struct nlmsghdr: length, type, flags, sequence, port
	rtmsgLen    = 12 // struct rtmsg
	ndmsgLen    = 12 // struct ndmsg
	ruleLen     = 12 // struct fib_rule_hdr

	rtaDst       = 1
	rtaOif       = 4
	rtaGateway   = 5
	rtaPrefSrc   = 7
	rtaMetrics   = 8
	rtaCacheInfo = 12
	rtaTable     = 15
	rtaVia       = 18
	rtaUID       = 25
	rtaxMTU      = 2

	rtmFCloned      = 0x200  // the entry is a copy made for one destination
	rtmFLookupTable = 0x1000 // "tell the table that the route is from"

	ndaDst = 1

	fraPriority = 6
	fraTable    = 15
	fraUIDRange = 20

	attrTypeMask = 0x3fff // without NLA_F_NESTED and NLA_F_NET_BYTEORDER
)

// Address families as Linux numbers them in its messages.
const (
	familyInet  = 2
	familyInet6 = 10
)

var errMessage = errors.New("malformed netlink message")

// message is one netlink message: its type and what follows the header.
type message struct {
	kind, flags uint16
	seq         uint32
	body        []byte
}

// nextMessage takes one message off b.
func nextMessage(b []byte) (m message, rest []byte, err error) {
	if len(b) < nlmsgHeader {
		return m, nil, errMessage
	}
	n := uint64(binary.NativeEndian.Uint32(b))
	if n < nlmsgHeader || n > uint64(len(b)) {
		return m, nil, errMessage
	}
	m = message{
		kind: binary.NativeEndian.Uint16(b[4:]), flags: binary.NativeEndian.Uint16(b[6:]),
		seq: binary.NativeEndian.Uint32(b[8:]), body: b[nlmsgHeader:n],
	}
	return m, b[min(align(n), uint64(len(b))):], nil
}

// errorOf is the errno of an NLMSG_ERROR message; 0 acknowledges.
func errorOf(body []byte) (errno uint32, err error) {
	if len(body) < 4 {
		return 0, errMessage
	}
	v := int32(binary.NativeEndian.Uint32(body))
	if v > 0 || v == math.MinInt32 {
		return 0, errMessage
	}
	return uint32(-v), nil
}

// eachAttr calls f with every attribute of b, in order.
func eachAttr(b []byte, f func(kind uint16, value []byte)) error {
	for len(b) >= 4 {
		n := uint64(binary.NativeEndian.Uint16(b))
		if n < 4 || n > uint64(len(b)) {
			return errMessage
		}
		f(binary.NativeEndian.Uint16(b[2:])&attrTypeMask, b[4:n])
		b = b[min(align(n), uint64(len(b))):]
	}
	return nil
}

// align rounds up to the 4 bytes that netlink aligns everything to.
func align(n uint64) uint64 { return (n + 3) &^ 3 }

// appendAttr adds one attribute, padded.
func appendAttr(b []byte, kind uint16, value []byte) []byte {
	b = binary.NativeEndian.AppendUint16(b, uint16(4+len(value)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = append(b, value...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

// request builds one message around a body.
func request(kind, flags uint16, seq uint32, body []byte) []byte {
	b := binary.NativeEndian.AppendUint32(nil, uint32(nlmsgHeader+len(body)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = binary.NativeEndian.AppendUint16(b, nlmFRequest|flags)
	b = binary.NativeEndian.AppendUint32(b, seq)
	b = binary.NativeEndian.AppendUint32(b, 0) // the kernel fills in our port
	return append(b, body...)
}

// number32 reads a 32-bit attribute; 0 when it has another size.
func number32(b []byte) uint32 {
	if len(b) != 4 {
		return 0
	}
	return binary.NativeEndian.Uint32(b)
}

// address reads an address attribute; zero when it is none.
func address(b []byte) netip.Addr {
	a, _ := netip.AddrFromSlice(b)
	return a
}

func familyOf(a netip.Addr) uint8 {
	if a.Is4() {
		return familyInet
	}
	return familyInet6
}
