package host

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"

	"vpcdoctor/probe/fact"
)

// enaSample are counters in the layout of the ENA driver: names as the driver
// and the EC2 User Guide list them, values made up. It stands in for a reading
// on an instance, because no other kernel has an ENA device.
var enaSample = []struct {
	name  string
	value uint64
}{
	{"tx_timeout", 0}, {"suspend", 0}, {"resume", 0}, {"wd_expired", 0},
	{"interface_up", 1}, {"interface_down", 0}, {"admin_q_pause", 0},
	{"bw_in_allowance_exceeded", 0},
	{"bw_out_allowance_exceeded", 12},
	{"pps_allowance_exceeded", 1 << 40},
	{"conntrack_allowance_exceeded", 7},
	{"linklocal_allowance_exceeded", 1024},
	{"conntrack_allowance_available", 136812},
	{"queue_0_tx_cnt", 99}, {"queue_0_rx_cnt", 98},
}

func enaBytes() (names, values []byte) {
	for _, s := range enaSample {
		names = append(names, append([]byte(s.name), make([]byte, statName-len(s.name))...)...)
		values = binary.NativeEndian.AppendUint64(values, s.value)
	}
	return names, values
}

func TestENACounters(t *testing.T) {
	names, values := enaBytes()
	got := enaCounters("eth0", names, values)
	want := []fact.ENACounter{
		{Iface: "eth0", Name: "bw_in_allowance_exceeded"},
		{Iface: "eth0", Name: "bw_out_allowance_exceeded", Before: 12, After: 12},
		{Iface: "eth0", Name: "pps_allowance_exceeded", Before: 1 << 40, After: 1 << 40},
		{Iface: "eth0", Name: "conntrack_allowance_exceeded", Before: 7, After: 7},
		{Iface: "eth0", Name: "linklocal_allowance_exceeded", Before: 1024, After: 1024},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v", got)
	}
	if got := enaCounters("eth0", names, values[:8*8]); len(got) != 1 {
		t.Errorf("fewer values than names: %+v", got)
	}
}

func TestENASince(t *testing.T) {
	names, values := enaBytes()
	before := enaCounters("eth0", names, values)
	after := slices.Clone(before)
	after[4].Before += 5
	after[1].Before = 2 // the driver was loaded again
	after = append(after[:2], after[3:]...)
	got := ENASince(before, after)
	if len(got) != 4 || got[3].Rose() != 5 || got[1].Rose() != 0 || got[0].Rose() != 0 {
		t.Errorf("%+v", got)
	}
	if got := ENASince(before, nil); got != nil {
		t.Errorf("a difference without a second reading: %+v", got)
	}
}

func TestDefaultInterfaces(t *testing.T) {
	all, all6 := netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")
	got := DefaultInterfaces([]fact.Route{
		{Dst: all, Iface: "eth0"}, {Dst: netip.MustParsePrefix("10.0.0.0/16"), Iface: "eth2"},
		{Dst: all, Iface: "eth1"}, {Dst: all6, Iface: "eth0"}, {Dst: all6, Iface: "lo", Kind: "reject"},
	})
	if !slices.Equal(got, []string{"eth0", "eth1"}) {
		t.Errorf("%v", got)
	}
}

// Every driver that is not ENA has none of the counters, and no error.
func TestENAElsewhere(t *testing.T) {
	if got := ENA([]string{"lo", "", "no-such-iface", "a-name-longer-than-the-kernel-allows", "lo"}); got != nil {
		t.Errorf("%+v", got)
	}
}

func FuzzENACounters(f *testing.F) {
	names, values := enaBytes()
	f.Add(names, values)
	f.Fuzz(func(t *testing.T, names, values []byte) {
		if got := enaCounters("eth0", names, values); len(got) > len(enaNames) {
			t.Errorf("%d counters", len(got))
		}
	})
}
