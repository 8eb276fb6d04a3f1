package path

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"

	"vpcdoctor/probe/fact"
)

// u32 is a 32-bit attribute's value.
func u32(v uint32) []byte { return binary.NativeEndian.AppendUint32(nil, v) }

func TestMessages(t *testing.T) {
	two := append(request(rtmNewRoute, 0, 7, []byte{1, 2, 3}), 0) // padded to 20 bytes
	two = append(two, request(nlmsgDone, 0, 7, nil)...)
	m, rest, err := nextMessage(two)
	if err != nil || m.kind != rtmNewRoute || m.seq != 7 || !slices.Equal(m.body, []byte{1, 2, 3}) {
		t.Fatalf("%+v %v", m, err)
	}
	if m, rest, err = nextMessage(rest); err != nil || m.kind != nlmsgDone || len(m.body) != 0 || len(rest) != 0 {
		t.Fatalf("%+v %d %v", m, len(rest), err)
	}
	for name, b := range map[string][]byte{
		"nothing":   nil,
		"short":     two[:15],
		"too long":  append(u32(99), two[4:]...),
		"too small": append(u32(15), two[4:]...),
	} {
		if _, _, err := nextMessage(b); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if n, err := errorOf(u32(0xffffffff)); n != 1 || err != nil {
		t.Errorf("EPERM: %d %v", n, err)
	}
	for _, v := range []uint32{1, 0x80000000} {
		if _, err := errorOf(u32(v)); err == nil {
			t.Errorf("%#x is no error number", v)
		}
	}
}

func TestLearnedMTU(t *testing.T) {
	body := func(flags, expires uint32) []byte {
		b := []byte{familyInet, 32, 0, 0, 254, 0, 0, 1}
		b = append(b, u32(flags)...)
		b = appendAttr(b, rtaMetrics, appendAttr(nil, rtaxMTU, u32(1400)))
		cache := append(make([]byte, 8), u32(expires)...)
		return appendAttr(b, rtaCacheInfo, cache)
	}
	for _, c := range []struct {
		flags, expires uint32
		from           string
	}{{rtmFCloned, 600, "learned"}, {rtmFCloned, 0, "route"}, {0, 1800, "route"}} {
		var f fact.RouteTo
		if err := parseRoute(body(c.flags, c.expires), &f); err != nil || f.MTU != 1400 || f.MTUFrom != c.from {
			t.Errorf("%+v: %+v %v", c, f, err)
		}
	}
}

func TestGatewayOfOtherFamily(t *testing.T) {
	b := append([]byte{familyInet, 32, 0, 0, 254, 0, 0, 1}, 0, 0, 0, 0)
	via := append(binary.NativeEndian.AppendUint16(nil, familyInet6), netip.MustParseAddr("fe80::1").AsSlice()...)
	var f fact.RouteTo
	if err := parseRoute(appendAttr(b, rtaVia, via), &f); err != nil || f.Gateway != netip.MustParseAddr("fe80::1") {
		t.Errorf("%+v %v", f, err)
	}
}

func TestParseICMPError(t *testing.T) {
	entry := func(origin, kind, code uint8, addr ...byte) []byte {
		return append([]byte{113, 0, 0, 0, origin, kind, code, 0, 0, 0, 0, 0, 0, 0, 0, 0}, addr...)
	}
	in4 := append(binary.NativeEndian.AppendUint16(nil, familyInet), 0, 0, 10, 0, 0, 1)
	in6 := append(binary.NativeEndian.AppendUint16(nil, familyInet6), 0, 0, 0, 0, 0, 0)
	in6 = append(in6, netip.MustParseAddr("fd00::1").AsSlice()...)
	for _, c := range []struct {
		b    []byte
		what string
		from string
		ok   bool
	}{
		{entry(originICMP, 11, 0, in4...), icmpTimeExceeded, "10.0.0.1", true},
		{entry(originICMP, 3, 4, in4...), icmpTooBig, "10.0.0.1", true},
		{entry(originICMP, 3, 13, in4...), icmpProhibited, "10.0.0.1", true},
		{entry(originICMP, 3, 1), icmpUnreachable, "invalid IP", true},
		{entry(originICMP, 12, 0), icmpOther, "invalid IP", true},
		{entry(originICMP6, 3, 0, in6...), icmpTimeExceeded, "fd00::1", true},
		{entry(originICMP6, 2, 0, in6...), icmpTooBig, "fd00::1", true},
		{entry(originICMP6, 1, 1, in6...), icmpProhibited, "fd00::1", true},
		{entry(originICMP6, 1, 0, in6[:20]...), icmpUnreachable, "invalid IP", true},
		{entry(originICMP6, 200, 0), icmpOther, "invalid IP", true},
		{entry(1, 11, 0, in4...), "", "invalid IP", false}, // SO_EE_ORIGIN_LOCAL
		{entry(originICMP, 11, 0)[:15], "", "invalid IP", false},
	} {
		if e, ok := parseICMPError(c.b); ok != c.ok || e.what != c.what || e.from.String() != c.from {
			t.Errorf("%v: %+v %t", c, e, ok)
		}
	}
}

func FuzzMessages(f *testing.F) {
	f.Add(routeRequest(1, netip.MustParseAddr("10.0.0.1"), 0))
	f.Add(request(nlmsgError, 0, 1, u32(0xffffffea)))
	f.Add(request(rtmNewRule, 0, 1, appendAttr(make([]byte, ruleLen), fraTable, u32(254))))
	f.Add(request(rtmNewNeigh, 0, 1, appendAttr(make([]byte, ndmsgLen), ndaDst, []byte{10, 0, 0, 1})))
	f.Fuzz(func(t *testing.T, b []byte) {
		for n := len(b); n > 0; {
			m, rest, err := nextMessage(b)
			if err != nil {
				return
			}
			if len(rest) >= len(b) {
				t.Fatal("no progress")
			}
			b, n = rest, len(rest)
			var r fact.RouteTo
			_ = parseRoute(m.body, &r)
			if r.MTU < 0 {
				t.Errorf("MTU %d", r.MTU)
			}
			_, _, _ = parseRule(m.body)
			_, _, _, _ = parseNeighbour(m.body)
			_, _ = errorOf(m.body)
		}
	})
}

func FuzzICMPError(f *testing.F) {
	f.Add(make([]byte, 40))
	f.Fuzz(func(t *testing.T, b []byte) {
		if e, ok := parseICMPError(b); ok && e.what == "" {
			t.Error("an error without a name")
		}
	})
}
