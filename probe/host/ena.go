package host

import (
	"bytes"
	"encoding/binary"
	"slices"

	"vpcdoctor/probe/classify"
	"vpcdoctor/probe/fact"
)

// enaNames are the allowance counters of the ENA driver that a diagnosis
// needs: packets queued or dropped because the instance exceeded what its type
// allows (EC2 User Guide, "Monitor network performance for ENA settings on
// your EC2 instance", read 2026-11; drivers since Linux ENA 2.2.10, the
// link-local one documented with them).
var enaNames = []string{
	"bw_in_allowance_exceeded",
	"bw_out_allowance_exceeded",
	"pps_allowance_exceeded",
	"conntrack_allowance_exceeded",
	"linklocal_allowance_exceeded",
}

const (
	// maxENAIfaces: an instance has one or two default routes.
	maxENAIfaces = 4
	// maxStats bounds what a driver may list. ENA has some 30 counters for each
	// of up to 128 queues.
	maxStats = 8192
	// statName is ETH_GSTRING_LEN: each name has 32 bytes, closed by a zero.
	statName = 32
)

// ENA reads the allowance counters of the named interfaces into Before. It is
// empty for interfaces of other drivers, for those that do not exist, and on
// systems other than Linux. It needs no privilege and sends nothing.
func ENA(ifaces []string) []fact.ENACounter {
	var out []fact.ENACounter
	for _, iface := range ifaces[:min(len(ifaces), maxENAIfaces)] {
		names, values, err := driverStats(iface)
		if err != nil {
			continue // another driver, or an interface that went away: nothing is known
		}
		out = append(out, enaCounters(iface, names, values)...)
	}
	return out
}

// ENASince joins two readings: the counters of before with what they were in
// after. Counters that only one of the two has are left out, because their
// difference is not known.
func ENASince(before, after []fact.ENACounter) []fact.ENACounter {
	var out []fact.ENACounter
	for _, b := range before {
		i := slices.IndexFunc(after, func(a fact.ENACounter) bool { return a.Iface == b.Iface && a.Name == b.Name })
		if i >= 0 {
			b.After = after[i].Before
			out = append(out, b)
		}
	}
	return out
}

// DefaultInterfaces are the names of the interfaces that have a default route,
// each once, in the order of the routes.
func DefaultInterfaces(routes []fact.Route) []string {
	var out []string
	for _, r := range routes {
		if r.Dst.Bits() == 0 && r.Kind == "" && r.Iface != "" && !slices.Contains(out, r.Iface) {
			out = append(out, r.Iface)
		}
	}
	return out
}

// enaCounters picks the counters from what ethtool's ioctl gave: names of 32
// bytes each, and a number in the machine's byte order for each name.
func enaCounters(iface string, names, values []byte) []fact.ENACounter {
	var out []fact.ENACounter
	n := min(len(names)/statName, len(values)/8, maxStats)
	for i := range n {
		raw, _, _ := bytes.Cut(names[i*statName:(i+1)*statName], []byte{0})
		if name := string(raw); slices.Contains(enaNames, name) && len(out) < len(enaNames) {
			v := binary.NativeEndian.Uint64(values[i*8:])
			out = append(out, fact.ENACounter{Iface: classify.Clean(iface, maxName), Name: name, Before: v, After: v})
		}
	}
	return out
}
