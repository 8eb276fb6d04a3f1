package path

import (
	"context"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"vpcdoctor/probe/fact"
)

// These tests use real packets, routes and neighbours in network namespaces of
// their own.

func TestTraceOverRouters(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	_, server := chain(t)
	for _, c := range []struct {
		network, listen string
		routers         []string
	}{
		{"tcp4", "10.2.0.2:443", []string{"10.0.0.1", "10.1.0.2"}},
		{"tcp6", "[fd00:2::2]:443", []string{"fd00:0::1", "fd00:1::2"}},
	} {
		to := server.listen(c.network, c.listen)
		// The routers find their neighbours with the first packets, which on a busy
		// machine takes longer than a trace waits.
		warm, err := net.DialTimeout(c.network, c.listen, 20*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		warm.Close()
		closed := netip.AddrPortFrom(to.Addr(), 444)
		for _, addr := range []netip.AddrPort{to, closed} {
			f := Trace(t.Context(), addr, 0, 0)
			if f.Status != fact.OK || f.Reached != 3 || len(f.Hops) != 3 {
				t.Fatalf("trace to %v: %+v", addr, f)
			}
			for i, r := range c.routers {
				h := f.Hops[i]
				if h.From != netip.MustParseAddr(r) || h.ICMP != "time_exceeded" || h.Reached || h.Errno != "EHOSTUNREACH" {
					t.Errorf("hop to %v: %+v, want %s", addr, h, r)
				}
			}
			if h := f.Hops[2]; !h.Reached || h.From.IsValid() || (h.Errno == "ECONNREFUSED") != (addr == closed) {
				t.Errorf("last hop to %v: %+v", addr, h)
			}
		}
	}
}

func TestTraceIntoSilence(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	instance, server := chain(t)
	server.route("10.0.0.2/32", "", unix.RTN_BLACKHOLE)
	to := netip.MustParseAddrPort("10.2.0.2:443")
	start := time.Now()
	f := Trace(t.Context(), to, 5, 300*time.Millisecond)
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("took %v", took)
	}
	if f.Status != fact.OK || f.Reached != 0 || len(f.Hops) != 5 || f.Hops[4].From.IsValid() || f.CutByBudget {
		t.Errorf("silent server: %+v", f)
	}
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if f := Trace(short, to, 5, time.Minute); f.Status != fact.Failed || !f.CutByBudget || f.Ran() {
		t.Errorf("cut by the run's end: %+v", f)
	}
	instance.route("10.3.0.0/24", "", unix.RTN_BLACKHOLE)
	if f := Trace(t.Context(), netip.MustParseAddrPort("10.3.0.1:443"), 5, 0); f.Status != fact.Failed || f.Class != fact.Invalid {
		t.Errorf("local blackhole: %+v", f)
	}
}

func TestRouteTo(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	s, _ := chain(t)
	s.route("10.5.0.0/24", "10.0.0.1", 0, func(r *netlink.Route) { r.MTU = 1300 })
	s.route("10.6.1.0/24", "", unix.RTN_BLACKHOLE)
	s.route("10.6.2.0/24", "", unix.RTN_UNREACHABLE)
	s.route("10.6.3.0/24", "", unix.RTN_PROHIBIT)
	s.route("fd01::/64", "", unix.RTN_BLACKHOLE)
	type want struct {
		status  fact.Status
		class   fact.Class
		kind    string
		table   uint32
		gateway string
		mtu     int
		mtuFrom string
	}
	for dst, w := range map[string]want{
		"10.0.0.1": {fact.OK, "", "unicast", 254, "", 1500, "interface"},
		"10.2.0.2": {fact.OK, "", "unicast", 254, "10.0.0.1", 1500, "interface"},
		"10.5.0.2": {fact.OK, "", "unicast", 254, "10.0.0.1", 1300, "route"},
		// Without policy rules the kernel keeps local routes in the main table's trie.
		"10.0.0.2":  {fact.OK, "", "local", 254, "", 65536, "interface"},
		"10.6.1.1":  {fact.Failed, fact.Invalid, "blackhole", 0, "", 0, ""},
		"10.6.2.1":  {fact.Failed, fact.HostUnreachable, "unreachable", 0, "", 0, ""},
		"10.6.3.1":  {fact.Failed, fact.NotPermitted, "prohibit", 0, "", 0, ""},
		"192.0.2.1": {fact.Failed, fact.NetUnreachable, "", 0, "", 0, ""},
		"fd00:2::2": {fact.OK, "", "unicast", 254, "fd00:0::1", 1500, "interface"},
		"fd01::1":   {fact.Failed, fact.Invalid, "blackhole", 0, "", 0, ""},
	} {
		f := RouteTo(t.Context(), netip.MustParseAddr(dst), 0)
		got := want{f.Status, f.Class, f.Type, f.Table, "", f.MTU, f.MTUFrom}
		if f.Gateway.IsValid() {
			got.gateway = f.Gateway.String()
		}
		if w.gateway != "" {
			w.gateway = netip.MustParseAddr(w.gateway).String()
		}
		if got != w || f.Rules != 0 || f.UIDRules != 0 || f.NoRules {
			t.Errorf("%s: got %+v (%+v), want %+v", dst, got, f, w)
		}
	}
	f := RouteTo(t.Context(), netip.MustParseAddr("10.2.0.2"), 0)
	if f.Iface != "out0" || f.Index != s.link("out0").Attrs().Index || f.Source != netip.MustParseAddr("10.0.0.2") {
		t.Errorf("interface and source: %+v", f)
	}
}

func TestRouteByUser(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	s, _ := chain(t)
	s.route("0.0.0.0/0", "10.0.0.9", 0, func(r *netlink.Route) { r.Table = 1000 })
	dst := netip.MustParseAddr("10.2.0.2")
	if f := RouteTo(t.Context(), dst, 0); f.Table != 254 || f.Gateway != netip.MustParseAddr("10.0.0.1") || f.Rules != 0 {
		t.Errorf("before the rules: %+v", f)
	}
	rule := netlink.NewRule()
	rule.Family, rule.Table, rule.Priority = unix.AF_INET, 1000, 100
	rule.UIDRange = netlink.NewRuleUIDRange(0, 0)
	s.must(s.handle.RuleAdd(rule))
	mark := netlink.NewRule()
	mark.Family, mark.Table, mark.Priority, mark.Mark = unix.AF_INET, 1000, 200, 7
	s.must(s.handle.RuleAdd(mark))

	f := RouteTo(t.Context(), dst, 0)
	if f.Table != 1000 || f.Gateway != netip.MustParseAddr("10.0.0.9") || f.Rules != 2 || f.UIDRules != 1 {
		t.Errorf("root: %+v", f)
	}
	if six := RouteTo(t.Context(), netip.MustParseAddr("fd00:2::2"), 0); six.Rules != 0 {
		t.Errorf("rules of the other family: %+v", six)
	}
	// A second user exists only where the namespace was made by root: an ordinary
	// user's has the one user.
	const other = 4711
	if uids, err := os.ReadFile("/proc/self/uid_map"); err != nil || len(strings.Fields(string(uids))) != 3 || strings.Fields(string(uids))[2] == "1" {
		t.Logf("no second user here: %q", uids)
		return
	}
	f = RouteTo(t.Context(), dst, other)
	if f.Table != 254 || f.Gateway != netip.MustParseAddr("10.0.0.1") || f.UID != other {
		t.Errorf("another user: %+v", f)
	}
}

func TestNeighbour(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	s, server := chain(t)
	s.sysctl("ipv4.neigh.out0.retrans_time_ms", "30") // three solicitations: failed after 0.1 s
	index := s.link("out0").Attrs().Index
	dead, never := netip.MustParseAddr("10.0.0.77"), netip.MustParseAddr("10.0.0.99")
	ok := Dial(t.Context(), fact.ControlSibling, "x", server.listen("tcp4", "10.2.0.2:443"), time.Second)
	if ok.Dial.Status != fact.OK || ok.Dial.Local.Addr() != netip.MustParseAddr("10.0.0.2") {
		t.Fatalf("%+v", ok)
	}
	no := Dial(t.Context(), fact.ControlSameSubnet, "x", netip.AddrPortFrom(dead, 443), 2*time.Second)
	if no.Dial.Class != fact.HostUnreachable || no.Dial.Errno != "EHOSTUNREACH" {
		t.Fatalf("%+v", no)
	}
	for addr, want := range map[netip.Addr]string{
		netip.MustParseAddr("10.0.0.1"): fact.NeighbourReachable,
		dead:                            fact.NeighbourFailed,
		never:                           fact.NeighbourNone,
	} {
		if got := Neighbour(t.Context(), addr, index); got != want {
			t.Errorf("%v: %q, want %q", addr, got, want)
		}
	}
	if got := Neighbour(t.Context(), dead, index+1); got != fact.NeighbourNone {
		t.Errorf("on another interface: %q", got)
	}
}

func TestSweep(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	instance, server := chain(t)
	to := server.listen("tcp4", "10.2.0.2:443")
	// What a NACL does that lets only part of the ephemeral ports back in.
	server.route("0.0.0.0/0", "", unix.RTN_BLACKHOLE, func(r *netlink.Route) { r.Table = 99 })
	rule := netlink.NewRule()
	rule.Family, rule.Table, rule.Priority, rule.IPProto = unix.AF_INET, 99, 100, unix.IPPROTO_TCP
	rule.Dport = netlink.NewRulePortRange(40000, 60000)
	server.must(server.handle.RuleAdd(rule))
	instance.listen("tcp4", "0.0.0.0:33000") // taken: 33001 stands in

	all := Sweep(t.Context(), "dial:x", to, SweepPorts(), 700*time.Millisecond, "")
	if len(all) != 3 {
		t.Fatalf("%d controls", len(all))
	}
	for i, want := range []struct {
		class       fact.Class
		port, local uint16
	}{{"", 33001, 33001}, {fact.Timeout, 50000, 0}, {"", 61000, 61000}} {
		c := all[i]
		if c.Kind != fact.ControlSourcePort || c.Of != "dial:x" || c.Port != want.port ||
			c.Dial.Class != want.class || c.Dial.Local.Port() != want.local || c.Dial.CutByBudget {
			t.Errorf("control %d: %+v, want %+v", i, c, want)
		}
	}
}
