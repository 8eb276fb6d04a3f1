package host

import (
	"strconv"
	"strings"
	"time"

	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/host/sysfile"
)

// maxCounterFile bounds /proc/self/net/netstat and snmp, which have about 5 kB.
const maxCounterFile = 64 << 10

// Counters reads the kernel's TCP counters of our network namespace and the
// fill of the connection tracking table. root is the directory that stands for
// "/". At stays zero where the system has no such counters, so that a reader
// never takes "not read" for "nothing happened".
func Counters(root string) fact.Counters {
	r := sysfile.Root(root)
	var c fact.Counters
	netstat, err := r.Read("/proc/self/net/netstat", maxCounterFile)
	if err != nil {
		return c
	}
	snmp, err := r.Read("/proc/self/net/snmp", maxCounterFile)
	if err != nil {
		return c
	}
	tcp := parseCounters(string(netstat), "TcpExt:")
	ip := parseCounters(string(snmp), "Ip:")
	if len(tcp) == 0 || len(ip) == 0 {
		return c
	}
	c.At = time.Now().UTC()
	c.TCPRetransFail = tcp["TCPRetransFail"]
	c.TCPSynRetrans = tcp["TCPSynRetrans"]
	c.OutNoRoutes = ip["OutNoRoutes"]
	c.ConntrackCount = number(r, "/proc/sys/net/netfilter/nf_conntrack_count")
	c.ConntrackMax = number(r, "/proc/sys/net/netfilter/nf_conntrack_max")
	return c
}

// parseCounters reads one group of a file whose lines come in pairs: names,
// then values, each after the group's own word. Values that are not counters
// (Tcp MaxConn is -1) are left out.
func parseCounters(text, group string) map[string]uint64 {
	var names []string
	for l := range strings.Lines(text) {
		f := strings.Fields(l)
		if len(f) == 0 || f[0] != group {
			continue
		}
		if names == nil {
			names = f[1:]
			continue
		}
		out := make(map[string]uint64, len(names))
		for i, v := range f[1:min(len(f), len(names)+1)] {
			if n, err := strconv.ParseUint(v, 10, 64); err == nil {
				out[names[i]] = n
			}
		}
		return out
	}
	return nil
}

// number reads a file that holds one number; 0 when there is none.
func number(root sysfile.Root, name string) uint64 {
	n, err := strconv.ParseUint(line(root, name), 10, 64)
	if err != nil {
		return 0
	}
	return n
}
