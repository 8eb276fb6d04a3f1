package path

import (
	"encoding/binary"
	"net/netip"

	"vpcdoctor/probe/fact"
)

// routeTypes are the names of rtm_type (linux/rtnetlink.h), as `ip route`
// prints them.
var routeTypes = map[uint8]string{
	1: "unicast", 2: "local", 3: "broadcast", 4: "anycast", 5: "multicast",
	6: "blackhole", 7: "unreachable", 8: "prohibit", 9: "throw",
}

// Where an MTU is from.
const (
	mtuRoute     = "route"
	mtuLearned   = "learned"
	mtuInterface = "interface"
)

// routeRequest asks for the route to dst as user uid sees it; a negative uid
// is not sent.
func routeRequest(seq uint32, dst netip.Addr, uid int) []byte {
	body := make([]byte, rtmsgLen)
	body[0], body[1] = familyOf(dst), uint8(dst.BitLen())
	binary.NativeEndian.PutUint32(body[8:], rtmFLookupTable)
	body = appendAttr(body, rtaDst, dst.AsSlice())
	if uid >= 0 {
		body = appendAttr(body, rtaUID, binary.NativeEndian.AppendUint32(nil, uint32(uid)))
	}
	return request(rtmGetRoute, 0, seq, body)
}

// parseRoute reads the body of an RTM_NEWROUTE answer into f.
func parseRoute(body []byte, f *fact.RouteTo) error {
	if len(body) < rtmsgLen {
		return errMessage
	}
	f.Table = uint32(body[4])
	f.Type = routeTypes[body[7]]
	var (
		cloned  = binary.NativeEndian.Uint32(body[8:])&rtmFCloned != 0
		expires bool
		nested  []byte
	)
	err := eachAttr(body[rtmsgLen:], func(kind uint16, v []byte) {
		switch kind {
		case rtaTable:
			f.Table = number32(v)
		case rtaOif:
			f.Index = int(number32(v))
		case rtaGateway:
			f.Gateway = address(v)
		case rtaVia: // a gateway of the other family: its family, then the address
			if len(v) > 2 {
				f.Gateway = address(v[2:])
			}
		case rtaPrefSrc:
			f.Source = address(v)
		case rtaMetrics:
			nested = v
		case rtaCacheInfo: // clntref, lastuse, expires …
			expires = len(v) >= 12 && binary.NativeEndian.Uint32(v[8:]) != 0
		}
	})
	if err != nil {
		return err
	}
	return eachAttr(nested, func(kind uint16, v []byte) {
		if mtu := number32(v); kind == rtaxMTU && mtu > 0 && mtu < 1<<31 {
			// The kernel keeps what an ICMP "too big" told it as an entry of one
			// destination that expires.
			f.MTU, f.MTUFrom = int(mtu), mtuRoute
			if cloned && expires {
				f.MTUFrom = mtuLearned
			}
		}
	})
}

// ownRules are the rules that every network namespace begins with: priority and
// table (local, main, default).
var ownRules = map[uint32]uint32{0: 255, 32766: 254, 32767: 253}

// parseRule reads the body of an RTM_NEWRULE message.
func parseRule(body []byte) (own, byUID bool, err error) {
	if len(body) < ruleLen {
		return false, false, errMessage
	}
	var (
		table    = uint32(body[4])
		priority uint32
	)
	err = eachAttr(body[ruleLen:], func(kind uint16, v []byte) {
		switch kind {
		case fraTable:
			table = number32(v)
		case fraPriority:
			priority = number32(v)
		case fraUIDRange:
			byUID = true
		}
	})
	want, known := ownRules[priority]
	return known && want == table && !byUID, byUID, err
}

// neighbourStates name the bits of ndm_state (linux/neighbour.h). Delay and
// probe are on the way from stale to reachable or failed.
var neighbourStates = map[uint16]string{
	0x01: fact.NeighbourIncomplete,
	0x02: fact.NeighbourReachable,
	0x04: fact.NeighbourStale,
	0x08: fact.NeighbourStale,
	0x10: fact.NeighbourStale,
	0x20: fact.NeighbourFailed,
	0x40: fact.NeighbourPermanent, // an interface without ARP
	0x80: fact.NeighbourPermanent,
}

// parseNeighbour reads the body of an RTM_NEWNEIGH message. state is empty when
// the kernel has begun the entry and not yet used it.
func parseNeighbour(body []byte) (dst netip.Addr, index int, state string, err error) {
	if len(body) < ndmsgLen {
		return dst, 0, "", errMessage
	}
	index = int(int32(binary.NativeEndian.Uint32(body[4:])))
	state = neighbourStates[binary.NativeEndian.Uint16(body[8:])]
	err = eachAttr(body[ndmsgLen:], func(kind uint16, v []byte) {
		if kind == ndaDst {
			dst = address(v)
		}
	})
	return dst, index, state, err
}
