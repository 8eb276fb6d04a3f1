package resolve

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/pace"
	"vpcdoctor/probe/probetest"
)

// The timeouts of attempts: short is meant to run out; arrive is meant to run
// out after something unusable has come back; patient is not meant to run out,
// however busy the machine is.
const (
	short   = 60 * time.Millisecond
	arrive  = time.Second
	patient = 20 * time.Second
)

const ssm = "ssm.us-east-1.amazonaws.com"

func ask(t *testing.T, r *probetest.Resolver, name, qtype string) []fact.Lookup {
	t.Helper()
	c := &Client{Timeout: patient}
	switch {
	case r.Default.Silent:
		c.Timeout = short
	case r.Default.Garbage:
		c.Timeout = arrive
	}
	return c.Ask(t.Context(), name, qtype, probetest.ListenDNS(t, r), fact.ViaConfigured)
}

func zone(name string, list ...string) map[string][]netip.Addr {
	return map[string][]netip.Addr{name: addrs(list...)}
}

// shape is what a lookup says, without times and server.
func shape(l fact.Lookup) string {
	s := fmt.Sprintf("%s#%d %s", l.Transport, l.Attempt, l.Status)
	for _, w := range []string{string(l.Class), l.RCode} {
		if w != "" {
			s += " " + w
		}
	}
	for _, a := range l.Addrs {
		s += " " + a.String()
	}
	if l.Truncated {
		s += " TC"
	}
	return s
}

func shapes(ls []fact.Lookup) string {
	var out []string
	for _, l := range ls {
		out = append(out, shape(l))
	}
	return strings.Join(out, "; ")
}

func TestAsk(t *testing.T) {
	type behaviour = probetest.DNSBehaviour
	private := zone(ssm, "10.0.2.9", "10.0.1.5")
	tests := []struct {
		name  string
		r     *probetest.Resolver
		qtype string
		want  string
	}{
		{"addresses are sorted", &probetest.Resolver{Zones: private}, "A", "udp#1 ok NOERROR 10.0.1.5 10.0.2.9"},
		{"AAAA of an IPv4 name", &probetest.Resolver{Zones: private}, "AAAA", "udp#1 failed nodata NOERROR"},
		{"AAAA", &probetest.Resolver{Zones: zone(ssm, "10.0.1.5", "2600::1")}, "AAAA", "udp#1 ok NOERROR 2600::1"},
		{"unknown name", &probetest.Resolver{}, "A", "udp#1 failed nxdomain NXDOMAIN"},
		{"nodata", &probetest.Resolver{Default: behaviour{NoData: true}}, "A", "udp#1 failed nodata NOERROR"},
		{"servfail", &probetest.Resolver{Default: behaviour{ServFail: true}}, "A", "udp#1 failed servfail SERVFAIL"},
		{"rcode refused", &probetest.Resolver{Default: behaviour{Refuse: true}}, "A", "udp#1 failed dns_refused REFUSED"},
		{"other rcode", &probetest.Resolver{Default: behaviour{RCode: 9}}, "A", "udp#1 failed dns_other NOTAUTH"},
		{"rcode without a name", &probetest.Resolver{Default: behaviour{RCode: 14}}, "A", "udp#1 failed dns_other RCODE14"},
		{"silence is asked twice", &probetest.Resolver{Default: behaviour{Silent: true}}, "A",
			"udp#1 failed timeout; udp#2 failed timeout"},
		{"garbage is asked twice", &probetest.Resolver{Default: behaviour{Garbage: true}}, "A",
			"udp#1 failed malformed; udp#2 failed malformed"},
		{"truncated goes to TCP", &probetest.Resolver{Zones: private, Default: behaviour{Truncate: true}}, "A",
			"udp#1 ok NOERROR TC; tcp#1 ok NOERROR 10.0.1.5 10.0.2.9"},
		{"truncated without TCP", &probetest.Resolver{Zones: private, Default: behaviour{Truncate: true}, TCPOff: true}, "A",
			"udp#1 ok NOERROR TC; tcp#1 failed refused"},
		{"spoofed answers are passed over", &probetest.Resolver{Zones: private, Default: behaviour{Spoof: true}}, "A",
			"udp#1 ok NOERROR 10.0.1.5 10.0.2.9"},
		{"sinkhole", &probetest.Resolver{Default: behaviour{Sinkhole: netip.MustParseAddr("0.0.0.0")}}, "A", "udp#1 ok NOERROR 0.0.0.0"},
		{"a server without EDNS is asked again without", &probetest.Resolver{Default: behaviour{RCode: 1}}, "A",
			"udp#1 failed dns_other FORMERR; udp#2 failed dns_other FORMERR"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := shapes(ask(t, tt.r, ssm, tt.qtype)); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestAskRecordsTheAnswer(t *testing.T) {
	r := &probetest.Resolver{
		Zones:  zone("vpce-1.ssm.us-east-1.vpce.amazonaws.com", "10.0.1.5"),
		CNAMEs: map[string]string{ssm: "alias.example", "alias.example": "vpce-1.ssm.us-east-1.vpce.amazonaws.com"},
		TTL:    17,
	}
	at := probetest.ListenDNS(t, r)
	c := &Client{Timeout: patient}
	ls := c.Ask(t.Context(), "SSM.us-east-1.amazonaws.com.", "A", at, fact.ViaVPC)
	if len(ls) != 1 {
		t.Fatalf("%d lookups", len(ls))
	}
	l := ls[0]
	if l.Name != ssm || l.Type != "A" || l.Server != at || l.Via != fact.ViaVPC || l.TTL != 17 || l.Start.IsZero() || l.Took <= 0 {
		t.Errorf("%+v", l)
	}
	if diff := cmp.Diff([]string{"alias.example", "vpce-1.ssm.us-east-1.vpce.amazonaws.com"}, l.CNAMEs); diff != "" {
		t.Error(diff)
	}
	if c.Sent() != 1 || !r.Asked()[0].EDNS {
		t.Errorf("sent %d, EDNS %v", c.Sent(), r.Asked()[0].EDNS)
	}
}

func TestAskNegativeAnswer(t *testing.T) {
	r := &probetest.Resolver{Names: map[string]probetest.DNSBehaviour{
		"*.amazonaws.com": {NXDomain: true, SOA: "amazonaws.com", EDE: []uint16{15, 22}, EDEText: "blocked\nby policy"},
	}}
	l := ask(t, r, ssm, "A")[0]
	if l.Class != fact.NXDomain || l.SOA != "amazonaws.com" || l.TTL != 0 {
		t.Errorf("%+v", l)
	}
	if diff := cmp.Diff([]int{15, 22}, l.EDE); diff != "" {
		t.Error(diff)
	}
	if strings.ContainsAny(l.Detail, "\n") || !strings.HasPrefix(l.Detail, "blocked") {
		t.Errorf("detail %q", l.Detail)
	}
}

// RFC 6891: a server that does not know EDNS may answer FORMERR.
func TestAskWithoutEDNS(t *testing.T) {
	r := &probetest.Resolver{Default: probetest.DNSBehaviour{RCode: 1}}
	ask(t, r, ssm, "A")
	if a := r.Asked(); len(a) != 2 || !a[0].EDNS || a[1].EDNS {
		t.Errorf("%+v", a)
	}
}

func TestAskBoundsAddresses(t *testing.T) {
	r := &probetest.Resolver{Zones: map[string][]netip.Addr{}}
	for i := range 50 {
		r.Zones[ssm] = append(r.Zones[ssm], netip.AddrFrom4([4]byte{10, 0, 0, byte(49 - i)}))
	}
	ls := ask(t, r, ssm, "A")
	l := ls[len(ls)-1]
	if len(l.Addrs) != maxAddrs || l.More != 18 || l.Addrs[0].String() != "10.0.0.0" {
		t.Errorf("%d addresses, %d more, first %v", len(l.Addrs), l.More, l.Addrs[0])
	}
}

func TestAskRefusedPort(t *testing.T) {
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := pc.LocalAddr().(*net.UDPAddr).AddrPort()
	pc.Close()
	start := time.Now()
	ls := (&Client{Timeout: 10 * time.Second}).Ask(t.Context(), ssm, "A", at, fact.ViaConfigured)
	if shapes(ls) != "udp#1 failed refused" || time.Since(start) > 5*time.Second {
		t.Errorf("%s after %v", shapes(ls), time.Since(start))
	}
}

func TestAskSendsNothingItCannotSend(t *testing.T) {
	r := &probetest.Resolver{}
	at := probetest.ListenDNS(t, r)
	c := &Client{Timeout: short}
	for _, q := range []Question{
		{Name: strings.Repeat("a", 300), Type: "A", Server: at},
		{Name: "", Type: "A", Server: at},
		{Name: "a..b", Type: "A", Server: at},
		{Name: ssm, Type: "TXT", Server: at},
		{Name: ssm, Type: "A"},
		{Name: "a\x00\x1b", Type: "MX", Server: at},
	} {
		ls := c.Ask(t.Context(), q.Name, q.Type, q.Server, q.Via)
		if len(ls) != 1 || ls[0].Status != fact.NotRun || ls[0].Skipped == "" {
			t.Errorf("%q: %+v", q.Name, ls)
		}
	}
	if c.Sent() != 0 || r.Total() != 0 {
		t.Errorf("sent %d, received %d", c.Sent(), r.Total())
	}
}

func TestBudget(t *testing.T) {
	silent := func() *probetest.Resolver {
		return &probetest.Resolver{Default: probetest.DNSBehaviour{Silent: true}}
	}
	t.Run("our budget ends an attempt", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), short)
		defer cancel()
		ls := (&Client{Timeout: time.Minute}).Ask(ctx, ssm, "A", probetest.ListenDNS(t, silent()), "")
		if len(ls) != 1 || ls[0].Class != fact.Timeout || !ls[0].CutByBudget || ls[0].Ran() {
			t.Errorf("%+v", ls)
		}
	})
	t.Run("the attempt's own timeout is evidence", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		ls := (&Client{Timeout: short}).Ask(ctx, ssm, "A", probetest.ListenDNS(t, silent()), "")
		if len(ls) != 2 || ls[0].CutByBudget || !ls[1].Ran() {
			t.Errorf("%+v", ls)
		}
	})
	t.Run("a signal ends an attempt at once", func(t *testing.T) {
		r := silent()
		ctx, cancel := context.WithCancel(t.Context())
		r.Names = map[string]probetest.DNSBehaviour{ssm: {Raw: func(*dnsMsg, string) [][]byte { cancel(); return nil }}}
		ls := (&Client{Timeout: time.Minute}).Ask(ctx, ssm, "A", probetest.ListenDNS(t, r), "")
		if len(ls) != 1 || ls[0].Class != fact.Cancelled || !ls[0].CutByBudget || ls[0].Took.Std() > 30*time.Second {
			t.Errorf("%+v", ls)
		}
	})
	t.Run("a signal ends TCP at once", func(t *testing.T) {
		r := silent()
		ctx, cancel := context.WithCancel(t.Context())
		r.Names = map[string]probetest.DNSBehaviour{ssm: {Raw: func(*dnsMsg, string) [][]byte { cancel(); return nil }}}
		l := overTCP(ctx, &Client{Timeout: time.Minute}, probetest.ListenDNS(t, r))
		if l.Class != fact.Cancelled || !l.CutByBudget || l.Took.Std() > 30*time.Second {
			t.Errorf("%+v", l)
		}
	})
	t.Run("nothing is sent after the end", func(t *testing.T) {
		r := silent()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		c := &Client{}
		ls := c.AskAll(ctx, []Question{{Name: ssm, Type: "A", Server: probetest.ListenDNS(t, r)}}, 8)
		if len(ls) != 1 || ls[0].Status != fact.NotRun || ls[0].Skipped != "interrupted" || c.Sent() != 0 || r.Total() != 0 {
			t.Errorf("%+v, sent %d", ls, c.Sent())
		}
	})
	t.Run("waiting for the pace ends with the budget", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 900*time.Millisecond) // the pace has its next turn after 1 s
		defer cancel()
		at := probetest.ListenDNS(t, &probetest.Resolver{Zones: zone(ssm, "10.0.0.1")})
		q := Question{Name: ssm, Type: "A", Server: at}
		ls := (&Client{Pace: pace.New(1)}).AskAll(ctx, []Question{q, q}, 1)
		if ls[0].Status != fact.OK || ls[1].Status != fact.NotRun || ls[1].Skipped != "budget" {
			t.Errorf("%s", shapes(ls))
		}
	})
}

func TestAskAllKeepsTheOrder(t *testing.T) {
	r := &probetest.Resolver{Zones: map[string][]netip.Addr{}, Names: map[string]probetest.DNSBehaviour{}}
	var qs []Question
	for i := range 200 {
		name := fmt.Sprintf("n%d.example", i)
		r.Zones[name] = addrs(fmt.Sprintf("10.0.0.%d", i))
		if i%7 == 0 { // the early ones come back late
			r.Names[name] = probetest.DNSBehaviour{Delay: time.Duration(i%5) * time.Millisecond}
		}
		qs = append(qs, Question{Name: name, Type: "A", Via: fact.ViaConfigured})
	}
	at := probetest.ListenDNS(t, r)
	for i := range qs {
		qs[i].Server = at
	}
	c := &Client{Timeout: patient}
	ls := c.AskAll(t.Context(), qs, 64)
	if len(ls) != len(qs) || c.Sent() != len(qs) {
		t.Fatalf("%d lookups for %d questions, %d packets", len(ls), len(qs), c.Sent())
	}
	for i, l := range ls {
		if l.Name != qs[i].Name || len(l.Addrs) != 1 || l.Addrs[0].As4()[3] != byte(i) {
			t.Fatalf("result %d is %s %v", i, l.Name, l.Addrs)
		}
	}
	if got := c.AskAll(t.Context(), nil, 64); len(got) != 0 {
		t.Errorf("no questions gave %d lookups", len(got))
	}
}

// The client must never send more in any one second than its pace allows: the
// allowance of the VPC resolver is shared with everything on the instance. The
// fake sees packets when they arrive, which on a busy machine may be later than
// they were sent, so one clean run in three is asked for: without a pace none is.
func TestPaceIsKept(t *testing.T) {
	const limit, questions, tries = 40, 100, 3
	for try := 1; ; try++ {
		most, took := paced(t, limit, questions)
		if took < 2*time.Second {
			t.Errorf("%d packets at %d a second in %v", questions, limit, took)
		}
		switch {
		case most < limit/2:
			t.Fatalf("only %d packets in one second of %d allowed", most, limit)
		case most <= limit:
			return
		case try == tries:
			t.Fatalf("%d packets in one second, %d are allowed", most, limit)
		}
	}
}

// paced asks at a pace and returns the most questions that arrived in any one
// second and how long all took.
func paced(t *testing.T, limit, questions int) (most int, took time.Duration) {
	t.Helper()
	r := &probetest.Resolver{Zones: zone("*.example", "10.0.0.1")}
	at := probetest.ListenDNS(t, r)
	var qs []Question
	for i := range questions {
		qs = append(qs, Question{Name: fmt.Sprintf("n%d.example", i), Type: "A", Server: at})
	}
	c := &Client{Pace: pace.New(limit), Timeout: patient}
	start := time.Now()
	for _, l := range c.AskAll(t.Context(), qs, 64) {
		if l.Status != fact.OK {
			t.Fatalf("%s: %s", l.Name, shape(l))
		}
	}
	return r.MaxPerSecond(), time.Since(start)
}

func TestTCPIsChargedForItsPackets(t *testing.T) {
	r := &probetest.Resolver{Zones: zone(ssm, "10.0.0.1"), Default: probetest.DNSBehaviour{Truncate: true}}
	c := &Client{Pace: pace.New(100), Timeout: patient}
	at := probetest.ListenDNS(t, r)
	c.Ask(t.Context(), ssm, "A", at, "")
	if c.Sent() != udpPackets+tcpPackets {
		t.Errorf("counted %d packets", c.Sent())
	}
	only := &Client{TCP: true, Timeout: patient}
	if got := shapes(only.Ask(t.Context(), ssm, "A", at, "")); got != "tcp#1 ok NOERROR 10.0.0.1" {
		t.Error(got)
	}
}

// A resolver that drops above a rate costs second attempts, which are facts of
// their own.
func TestLossIsVisible(t *testing.T) {
	r := &probetest.Resolver{Zones: zone("*.example", "10.0.0.1"), DropAbove: 10}
	at := probetest.ListenDNS(t, r)
	var qs []Question
	for i := range 15 {
		qs = append(qs, Question{Name: fmt.Sprintf("n%d.example", i), Type: "A", Server: at})
	}
	ls := (&Client{Timeout: 300 * time.Millisecond}).AskAll(t.Context(), qs, 15)
	again := 0
	for i, l := range ls {
		if l.Attempt == 2 {
			again++
			if first := ls[i-1]; first.Name != l.Name || first.Class != fact.Timeout {
				t.Errorf("second attempt after %s of %s", shape(first), first.Name)
			}
		}
	}
	if again < 5 || r.Dropped() < 5 {
		t.Errorf("%d second attempts, %d dropped", again, r.Dropped())
	}
}

func BenchmarkAskAll(b *testing.B) {
	r := &probetest.Resolver{Zones: zone("*.example", "10.0.0.1", "10.0.1.1")}
	at := probetest.ListenDNS(b, r)
	var qs []Question
	for i := range 1000 {
		qs = append(qs, Question{Name: fmt.Sprintf("n%d.example", i), Type: "A", Server: at})
	}
	c := &Client{Timeout: 30 * time.Second}
	b.ReportAllocs()
	for b.Loop() {
		if ls := c.AskAll(b.Context(), qs, 64); len(ls) != len(qs) {
			b.Fatalf("%d lookups", len(ls))
		}
	}
}

// overTCP asks for the address of ssm over TCP from the start.
func overTCP(ctx context.Context, c *Client, server netip.AddrPort) fact.Lookup {
	return last(c.ask(ctx, Question{Name: ssm, Type: "A", Server: server, TCP: true}))
}
