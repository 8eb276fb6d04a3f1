package probe

import (
	"net/netip"
	"testing"

	"vpcdoctor/probe/fact"
)

func TestPlanIdle(t *testing.T) {
	addr := netip.MustParseAddrPort
	ok := fact.Outcome{Status: fact.OK}
	s := &fact.Set{
		Targets: []fact.Target{
			{ID: "ssm", Type: "Interface", Host: "ssm.test", Ports: []fact.Port{{Number: 443, TLS: true}}},
			{ID: "ssmmessages", Type: "Interface", Host: "gateway.test", Ports: []fact.Port{{Number: 443, TLS: true}}},
			{ID: "queue", Type: "Custom", Host: "queue.test", Ports: []fact.Port{{Number: 5671}}},
			{ID: "dead", Type: "Custom", Host: "dead.test", Ports: []fact.Port{{Number: 443, TLS: true}}},
			{ID: "named", Type: "Custom", Host: "10.0.0.9", TLSName: "billing.test", Ports: []fact.Port{{Number: 8443, TLS: true}}},
		},
		Answers: []fact.Answer{
			{Name: "ssm.test", Addrs: []netip.Addr{netip.MustParseAddr("10.0.0.1")}},
			{Name: "gateway.test", Addrs: []netip.Addr{netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("10.0.1.2")}},
			{Name: "queue.test", Addrs: []netip.Addr{netip.MustParseAddr("10.0.0.3")}},
			{Name: "dead.test", Addrs: []netip.Addr{netip.MustParseAddr("10.0.0.4")}},
			{Name: "10.0.0.9", Addrs: []netip.Addr{netip.MustParseAddr("10.0.0.9")}},
		},
		Dials: []fact.Dial{{Outcome: ok, Addr: addr("10.0.0.3:5671")}, {Outcome: ok, Addr: addr("10.0.0.4:443")}},
		Handshakes: []fact.Handshake{
			{Outcome: ok, Addr: addr("10.0.0.1:443"), Host: "ssm.test"},
			{Outcome: fact.Outcome{Status: fact.Failed}, Addr: addr("10.0.0.2:443"), Host: "gateway.test"},
			{Outcome: ok, Addr: addr("10.0.1.2:443"), Host: "gateway.test"},
			{Outcome: ok, Addr: addr("10.0.0.9:8443"), Host: "billing.test"},
		},
	}
	want := []silence{
		{addr("10.0.1.2:443"), "gateway.test", true}, // the first address does not speak TLS
		{addr("10.0.0.3:5671"), "queue.test", false},
		{addr("10.0.0.9:8443"), "billing.test", true},
	}
	got := planIdle(s)
	if len(got) != len(want) {
		t.Fatalf("%+v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%d: %+v, want %+v", i, got[i], want[i])
		}
	}
}
