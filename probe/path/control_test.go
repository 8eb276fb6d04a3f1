package path

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	"vpcdoctor/probe/fact"
)

func TestHoldBack(t *testing.T) {
	rose := []fact.ENACounter{{Iface: "eth0", Name: "pps_allowance_exceeded", Before: 3, After: 4}}
	for _, c := range []struct {
		count, max uint64
		ena        []fact.ENACounter
		hold       bool
	}{
		{0, 0, nil, false},
		{899, 1000, nil, false},
		{900, 1000, nil, true},
		{0, 1000, rose, true},
		{0, 1000, []fact.ENACounter{{Before: 9, After: 9}, {Before: 9, After: 1}}, false},
	} {
		why := HoldBack(fact.Counters{ConntrackCount: c.count, ConntrackMax: c.max}, c.ena)
		if (why != "") != c.hold {
			t.Errorf("%+v: %q", c, why)
		}
	}
}

func TestSweepHeldBack(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	addr := l.Addr().(*net.TCPAddr).AddrPort()
	for _, c := range Sweep(t.Context(), "x", addr, SweepPorts(), time.Second, "the table is full") {
		if c.Dial.Status != fact.NotRun || c.Dial.Skipped != "the table is full" || c.Dial.Addr != addr {
			t.Errorf("%+v", c)
		}
	}
	_ = l.(*net.TCPListener).SetDeadline(time.Unix(1, 0))
	if c, err := l.Accept(); err == nil {
		t.Errorf("a held back sweep connected from %v", c.RemoteAddr())
	}
}

func TestSweepIsNoScan(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	all := Sweep(ctx, "x", netip.MustParseAddrPort("127.0.0.1:9"), make([]uint16, 100), 0, "")
	if len(all) != maxSweep {
		t.Errorf("%d connects", len(all))
	}
	for _, c := range all {
		if c.Dial.Status != fact.NotRun {
			t.Errorf("after the run's end: %+v", c)
		}
	}
}

func TestDial(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().(*net.TCPAddr).AddrPort()
	mapped := netip.AddrPortFrom(netip.AddrFrom16(addr.Addr().As16()), addr.Port())
	c := Dial(t.Context(), fact.ControlSibling, "dial:x", mapped, 0)
	if c.Dial.Status != fact.OK || c.Dial.Addr != addr || !c.Dial.Local.IsValid() || c.Of != "dial:x" || c.Key() != "control:sibling:"+addr.String() {
		t.Errorf("%+v", c)
	}
	l.Close()
	if c := Dial(t.Context(), fact.ControlSibling, "dial:x", addr, 0); c.Dial.Class != fact.Refused || c.Dial.Errno != "ECONNREFUSED" {
		t.Errorf("%+v", c)
	}
	if c := Dial(t.Context(), fact.ControlSibling, "dial:x", netip.AddrPort{}, 0); c.Dial.Status != fact.Failed {
		t.Errorf("no address: %+v", c)
	}
}
