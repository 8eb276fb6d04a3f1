package host

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vpcdoctor/probe/fact"
)

// routeTable: a host route first, then 10.0.1.0/24 on link, the default route
// by 10.0.1.1, a route that is down, and an unreachable 10.9.0.0/16.
const routeTable = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n" +
	"ens5\t0001000A\t00000000\t0001\t0\t0\t512\t00FFFFFF\t0\t0\t0\n" +
	"ens5\t00000000\t0101000A\t0003\t0\t0\t512\t00000000\t0\t0\t0\n" +
	"ens6\t00000000\t0102000A\t0002\t0\t0\t0\t00000000\t0\t0\t0\n" +
	"*\t0000090A\t00000000\t0201\t0\t0\t0\t0000FFFF\t0\t0\t0\n"

func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

func TestParseRoutes4(t *testing.T) {
	want := []fact.Route{
		{Dst: prefix("0.0.0.0/0"), Gateway: netip.MustParseAddr("10.0.1.1"), Iface: "ens5", Metric: 512},
		{Dst: prefix("10.9.0.0/16"), Iface: "*", Kind: "reject"},
		{Dst: prefix("10.0.1.0/24"), Iface: "ens5", Metric: 512},
	}
	if d := cmp.Diff(want, parseRoutes4(routeTable), comparers...); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestParseRoutes6(t *testing.T) {
	const (
		any6 = "00000000000000000000000000000000"
		gw   = "fe800000000000000000000000000001"
	)
	text := "20010db8000000010000000000000000 40 " + any6 + " 00 " + any6 + " 00000100 00000001 00000000 00000001     ens5\n" +
		any6 + " 00 " + any6 + " 00 " + gw + " 00000400 00000002 00000000 00000003     ens5\n" +
		any6 + " 00 " + any6 + " 00 " + any6 + " ffffffff 00000001 00000000 00200200       lo\n" + // the kernel's last entry
		"fe80000000000000005400fffe000001 80 " + any6 + " 00 " + any6 + " 00000000 00000002 00000000 80200001     ens5\n" + // our own address
		"ff000000000000000000000000000000 08 " + any6 + " 00 " + any6 + " 00000100 00000003 00000000 00000001     ens5\n" + // multicast
		"fd000000000000000000000000000000 08 " + any6 + " 00 " + any6 + " 00000400 00000001 00000000 00200200       lo\n"
	want := []fact.Route{
		{Dst: prefix("::/0"), Gateway: netip.MustParseAddr("fe80::1"), Iface: "ens5", Metric: 1024},
		{Dst: prefix("fd00::/8"), Iface: "lo", Metric: 1024, Kind: "reject"},
		{Dst: prefix("2001:db8:0:1::/64"), Iface: "ens5", Metric: 256},
	}
	if d := cmp.Diff(want, parseRoutes6(text), comparers...); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestRoutesAreBoundedAndKeepTheDefault(t *testing.T) {
	var b strings.Builder
	for i := range 500 {
		fmt.Fprintf(&b, "veth%d\t%02X00000A\t00000000\t0005\t0\t0\t0\tFFFFFFFF\t0\t0\t0\n", i, i%256)
	}
	b.WriteString(routeTable)
	got := parseRoutes4(b.String())
	if len(got) != maxRoutes || got[0].Dst.Bits() != 0 {
		t.Errorf("%d routes, first %v", len(got), got[0])
	}
}

// comparers let cmp look at addresses, whose fields are not exported.
var comparers = []cmp.Option{
	cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
	cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
}

func FuzzRoutes(f *testing.F) {
	f.Add(routeTable)
	f.Add("20010db8000000010000000000000000 81 x 00 00000000000000000000000000000000 00000100 1 0 00000001 ens5\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, r := range append(parseRoutes4(text), parseRoutes6(text)...) {
			if !r.Dst.IsValid() || r.Metric < 0 || r.Dst != r.Dst.Masked() {
				t.Errorf("route %+v", r)
			}
			if strings.IndexFunc(r.Iface, func(c rune) bool { return c < ' ' || c > '~' }) >= 0 {
				t.Errorf("interface %q", r.Iface)
			}
		}
	})
}
