package host

import (
	"cmp"
	"encoding/hex"
	"math/bits"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"vpcdoctor/probe/classify"
	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/host/sysfile"
)

const (
	// maxRoutes of one family are kept, the widest first, 64 in all: the
	// default route and the VPC's blocks matter, a container host's thousands
	// of host routes do not.
	maxRoutes = 32
	// maxRouteFile bounds what is read: some 8,000 lines of 128 bytes.
	maxRouteFile = 1 << 20
)

// Route flags, linux/route.h and linux/ipv6_route.h.
const (
	flagUp      = 0x1
	flagGateway = 0x2
	flagReject  = 0x200
	flagAnycast = 0x00100000
	flagCache   = 0x01000000
	flagLocal   = 0x80000000
)

// routes reads the main routing tables of both families.
func routes(root sysfile.Root) []fact.Route {
	// A long file gives its beginning, where the kernel lists the widest ones.
	v4, _ := root.Read("/proc/self/net/route", maxRouteFile)
	v6, _ := root.Read("/proc/self/net/ipv6_route", maxRouteFile)
	return append(parseRoutes4(string(v4)), parseRoutes6(string(v6))...)
}

// parseRoutes4 reads /proc/net/route: a heading, then one route a line with
// addresses as hexadecimal numbers in the machine's byte order (little-endian
// on every architecture that EC2 has).
func parseRoutes4(text string) []fact.Route {
	var out []fact.Route
	for l := range strings.Lines(text) {
		f := strings.Fields(l)
		if len(f) < 8 {
			continue
		}
		dst, ok1 := hexAddr4(f[1])
		gw, ok2 := hexAddr4(f[2])
		flags, err1 := strconv.ParseUint(f[3], 16, 32)
		metric, err2 := strconv.ParseUint(f[6], 10, 31)
		mask, err3 := strconv.ParseUint(f[7], 16, 32)
		if !ok1 || !ok2 || err1 != nil || err2 != nil || err3 != nil || flags&flagUp == 0 {
			continue
		}
		r := route(dst, bits.OnesCount32(uint32(mask)), gw, f[0], flags)
		r.Metric = int(metric)
		out = append(out, r)
	}
	return widest(out)
}

// parseRoutes6 reads /proc/net/ipv6_route, which has all tables: the entries of
// our own addresses, of multicast and the kernel's closing "no route" entry are
// left out. Addresses are in network order.
func parseRoutes6(text string) []fact.Route {
	var out []fact.Route
	for l := range strings.Lines(text) {
		f := strings.Fields(l)
		if len(f) < 10 {
			continue
		}
		dst, ok1 := hexAddr6(f[0])
		gw, ok2 := hexAddr6(f[4])
		length, err1 := strconv.ParseUint(f[1], 16, 8)
		metric, err2 := strconv.ParseUint(f[5], 16, 32)
		flags, err3 := strconv.ParseUint(f[8], 16, 32)
		switch {
		case !ok1 || !ok2 || err1 != nil || err2 != nil || err3 != nil:
			continue
		case length > 128 || flags&flagUp == 0 && flags&flagReject == 0:
			continue
		case flags&(flagLocal|flagAnycast|flagCache) != 0 || dst.IsMulticast():
			continue
		case metric > 1<<31-1: // 0xffffffff: the entry that ends every table
			continue
		}
		r := route(dst, int(length), gw, f[9], flags)
		r.Metric = int(metric)
		out = append(out, r)
	}
	return widest(out)
}

// route builds one entry from what both families have.
func route(dst netip.Addr, length int, gw netip.Addr, iface string, flags uint64) fact.Route {
	r := fact.Route{
		Dst:   netip.PrefixFrom(dst, length).Masked(),
		Iface: classify.Clean(iface, maxName),
	}
	if flags&flagGateway != 0 {
		r.Gateway = gw
	}
	if flags&flagReject != 0 {
		r.Kind = "reject"
	}
	return r
}

// widest keeps the maxRoutes shortest prefixes, in the table's own order among
// equals.
func widest(r []fact.Route) []fact.Route {
	slices.SortStableFunc(r, func(a, b fact.Route) int { return cmp.Compare(a.Dst.Bits(), b.Dst.Bits()) })
	return r[:min(len(r), maxRoutes)]
}

func hexAddr4(s string) (netip.Addr, bool) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != 4 {
		return netip.Addr{}, false
	}
	return netip.AddrFrom4([4]byte{b[3], b[2], b[1], b[0]}), true
}

func hexAddr6(s string) (netip.Addr, bool) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != 16 {
		return netip.Addr{}, false
	}
	return netip.AddrFrom16([16]byte(b)), true
}
