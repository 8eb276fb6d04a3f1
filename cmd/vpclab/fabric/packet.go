package fabric

import (
	"encoding/binary"
	"net"
	"net/netip"
)

const (
	etherIPv4 = 0x0800
	etherARP  = 0x0806
	etherIPv6 = 0x86dd

	protoICMP   = 1
	protoTCP    = 6
	protoUDP    = 17
	protoICMPv6 = 58

	etherLen = 14 // destination, source, type
)

// TCP flags.
const (
	flagFIN = 1 << iota
	flagSYN
	flagRST
	flagPSH
	flagACK
)

// packet is one frame, parsed as far as the fabric cares. It refers to the
// frame's bytes.
type packet struct {
	frame    []byte
	arp      bool
	solicit  bool // IPv6 neighbour solicitation
	v6       bool
	proto    byte
	src, dst netip.AddrPort
	length   int // of the IP packet
	ttl      byte
	l4       []byte
	flags    byte
	seq, rst uint32 // of TCP: sequence number and the acknowledged one
	payload  []byte
}

func (p *packet) syn() bool { return p.proto == protoTCP && p.flags&flagSYN != 0 }
func (p *packet) ack() bool { return p.flags&flagACK != 0 }

// parse reads Ethernet, then ARP, IPv4 or IPv6, then TCP or UDP. Fragments
// and IPv6 extension headers do not occur between two Linux hosts on one link
// with path MTU discovery and are dropped.
func parse(frame []byte) (packet, bool) {
	p := packet{frame: frame}
	if len(frame) < etherLen {
		return p, false
	}
	body := frame[etherLen:]
	switch binary.BigEndian.Uint16(frame[12:]) {
	case etherARP:
		p.arp = len(body) >= 28
		return p, p.arp
	case etherIPv4:
		return p, p.parseIPv4(body)
	case etherIPv6:
		return p, p.parseIPv6(body)
	}
	return p, false
}

func (p *packet) parseIPv4(b []byte) bool {
	if len(b) < 20 || b[0]>>4 != 4 {
		return false
	}
	head, total := int(b[0]&15)*4, int(binary.BigEndian.Uint16(b[2:]))
	if head < 20 || total < head || total > len(b) || binary.BigEndian.Uint16(b[6:])&0x3fff != 0 {
		return false
	}
	p.proto, p.length, p.ttl = b[9], total, b[8]
	src, dst := netip.AddrFrom4([4]byte(b[12:16])), netip.AddrFrom4([4]byte(b[16:20]))
	return p.parsePorts(b[head:total], src, dst)
}

func (p *packet) parseIPv6(b []byte) bool {
	if len(b) < 40 || b[0]>>4 != 6 {
		return false
	}
	total := 40 + int(binary.BigEndian.Uint16(b[4:]))
	if total > len(b) {
		return false
	}
	p.v6, p.proto, p.length, p.ttl = true, b[6], total, b[7]
	src, dst := netip.AddrFrom16([16]byte(b[8:24])), netip.AddrFrom16([16]byte(b[24:40]))
	if p.proto == protoICMPv6 {
		p.l4 = b[40:total]
		p.src, p.dst = netip.AddrPortFrom(src, 0), netip.AddrPortFrom(dst, 0)
		p.solicit = len(p.l4) >= 24 && p.l4[0] == 135
		return p.solicit
	}
	return p.parsePorts(b[40:total], src, dst)
}

func (p *packet) parsePorts(b []byte, src, dst netip.Addr) bool {
	p.l4 = b
	p.src, p.dst = netip.AddrPortFrom(src, 0), netip.AddrPortFrom(dst, 0)
	switch {
	case p.proto == protoUDP && len(b) >= 8:
	case p.proto == protoTCP && len(b) >= 20:
		head := int(b[12]>>4) * 4
		if head < 20 || head > len(b) {
			return false
		}
		p.flags, p.payload = b[13], b[head:]
		p.seq, p.rst = binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[8:])
	default:
		return false
	}
	p.src = netip.AddrPortFrom(src, binary.BigEndian.Uint16(b))
	p.dst = netip.AddrPortFrom(dst, binary.BigEndian.Uint16(b[2:]))
	return true
}

// readdress gives the frame a new destination; the source becomes the router.
func (p *packet) readdress(dst net.HardwareAddr) {
	copy(p.frame[0:6], dst)
	copy(p.frame[6:12], RouterMAC)
}

// reset builds the RST that the server's side would send for a packet of the
// client's.
func reset(p *packet) []byte {
	end := p.seq + uint32(len(p.payload))
	if p.flags&(flagSYN|flagFIN) != 0 {
		end++
	}
	var seq uint32
	if p.ack() {
		seq = p.rst
	}
	t := make([]byte, 20)
	binary.BigEndian.PutUint16(t, p.dst.Port())
	binary.BigEndian.PutUint16(t[2:], p.src.Port())
	binary.BigEndian.PutUint32(t[4:], seq)
	binary.BigEndian.PutUint32(t[8:], end)
	t[12], t[13] = 5<<4, flagRST|flagACK
	return seal(p.frame[6:12], p.dst.Addr(), p.src.Addr(), protoTCP, t, 16)
}

// expired builds the ICMP time exceeded with which a router returns an IPv4
// packet: its header and the first eight bytes behind it (RFC 792).
func expired(p *packet, router netip.Addr) []byte {
	head := int(p.frame[etherLen]&15) * 4
	m := append(make([]byte, 8), p.frame[etherLen:etherLen+head+8]...)
	m[0] = 11
	return seal(p.frame[6:12], router, p.src.Addr(), protoICMP, m, 2)
}

// seal wraps a transport segment into IP and Ethernet with all checksums. at
// is the offset of the checksum in the segment.
func seal(mac []byte, src, dst netip.Addr, proto byte, segment []byte, at int) []byte {
	var sum uint32
	if proto != protoICMP { // the only one here without the addresses in its checksum
		sum = pseudo(src, dst, proto, len(segment))
	}
	binary.BigEndian.PutUint16(segment[at:], fold(sum+sum16(segment)))
	frame := make([]byte, etherLen, etherLen+40+len(segment))
	copy(frame, mac)
	copy(frame[6:], RouterMAC)
	if src.Is4() {
		binary.BigEndian.PutUint16(frame[12:], etherIPv4)
		h := make([]byte, 20)
		h[0], h[8], h[9] = 0x45, 255, proto
		binary.BigEndian.PutUint16(h[2:], uint16(20+len(segment)))
		h[6] = 0x40 // do not fragment
		copy(h[12:], src.AsSlice())
		copy(h[16:], dst.AsSlice())
		binary.BigEndian.PutUint16(h[10:], fold(sum16(h)))
		frame = append(frame, h...)
	} else {
		binary.BigEndian.PutUint16(frame[12:], etherIPv6)
		h := make([]byte, 40)
		h[0], h[6], h[7] = 0x60, proto, 255
		binary.BigEndian.PutUint16(h[4:], uint16(len(segment)))
		copy(h[8:], src.AsSlice())
		copy(h[24:], dst.AsSlice())
		frame = append(frame, h...)
	}
	return append(frame, segment...)
}

func pseudo(src, dst netip.Addr, proto byte, n int) uint32 {
	return sum16(src.AsSlice()) + sum16(dst.AsSlice()) + uint32(proto) + uint32(n)
}

func sum16(b []byte) uint32 {
	var s uint32
	for ; len(b) > 1; b = b[2:] {
		s += uint32(b[0])<<8 | uint32(b[1])
	}
	if len(b) == 1 {
		s += uint32(b[0]) << 8
	}
	return s
}

func fold(s uint32) uint16 {
	for s>>16 != 0 {
		s = s&0xffff + s>>16
	}
	return ^uint16(s)
}
