package fabric

import (
	"encoding/binary"
	"net/netip"
)

// answerARP answers for whoever has an address in the instance's subnet. An
// address that nobody has stays unanswered, as in a VPC: the kernel gives up
// after three seconds.
func (f *Fabric) answerARP(frame []byte) {
	a := frame[etherLen:]
	if binary.BigEndian.Uint16(a[6:]) != 1 {
		return // not a request
	}
	target := netip.AddrFrom4([4]byte(a[24:28]))
	sender := netip.AddrFrom4([4]byte(a[14:18]))
	w := f.w.Load()
	if target == w.Instance.Addr || sender != w.Instance.Addr || !w.OnLink(target) {
		return
	}
	mac := MACOf(target)
	if s := w.VPC.Subnet(w.Instance.Subnet); s != nil && target == s.CIDR.Masked().Addr().Next() {
		mac = RouterMAC
	}
	out := make([]byte, etherLen+28)
	copy(out, frame[6:12])
	copy(out[6:], mac)
	binary.BigEndian.PutUint16(out[12:], etherARP)
	r := out[etherLen:]
	copy(r, []byte{0, 1, 8, 0, 6, 4, 0, 2}) // Ethernet, IPv4, reply
	copy(r[8:], mac)
	copy(r[14:], a[24:28])
	copy(r[18:], a[8:14])
	copy(r[24:], a[14:18])
	f.c.Send(Instance, out)
}

// answerNDP is the same for IPv6.
func (f *Fabric) answerNDP(frame []byte, p *packet) {
	target := netip.AddrFrom16([16]byte(p.l4[8:24]))
	if p.src.Addr().IsUnspecified() || (target != RouterV6 && !f.w.Load().OnLink(target)) {
		return
	}
	mac := MACOf(target)
	if target == RouterV6 {
		mac = RouterMAC
	}
	m := make([]byte, 32)
	m[0] = 136                                    // neighbour advertisement
	binary.BigEndian.PutUint32(m[4:], 0x60000000) // solicited, override
	if target == RouterV6 {
		m[4] |= 0x80
	}
	copy(m[8:], target.AsSlice())
	m[24], m[25] = 2, 1 // target link-layer address, one unit of eight bytes
	copy(m[26:], mac)
	f.c.Send(Instance, seal(frame[6:12], target, p.src.Addr(), protoICMPv6, m, 2))
}
