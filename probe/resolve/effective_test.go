package resolve

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/probetest"
)

// lookups reads a table of attempts: "server type transport#attempt result".
// The result is a class, "cut", "skip", "tc", or addresses with commas.
func lookups(t *testing.T, name, table string) []fact.Lookup {
	t.Helper()
	var out []fact.Lookup
	for line := range strings.SplitSeq(table, ";") {
		f := strings.Fields(line)
		if len(f) != 4 {
			t.Fatalf("bad row %q", line)
		}
		transport, attempt, _ := strings.Cut(f[2], "#")
		n, err := strconv.Atoi(attempt)
		if err != nil {
			t.Fatal(err)
		}
		l := fact.Lookup{
			Outcome: fact.Outcome{Status: fact.OK}, Name: name, Type: f[1], Transport: transport, Attempt: n,
			Server: servers(f[0])[0],
		}
		switch f[3] {
		case "cut":
			l.Status, l.Class, l.CutByBudget = fact.Failed, fact.Timeout, true
		case "skip":
			l.Outcome = fact.Skip("budget")
		case "tc":
			l.Truncated, l.RCode = true, "NOERROR"
		case "nxdomain", "nodata", "servfail", "dns_refused":
			l.Status, l.Class, l.RCode = fact.Failed, fact.Class(f[3]), strings.ToUpper(f[3])
		case "timeout", "refused", "malformed", "eof", "reset":
			l.Status, l.Class = fact.Failed, fact.Class(f[3])
		default:
			l.RCode, l.Addrs = "NOERROR", addrs(strings.Split(f[3], ",")...)
		}
		out = append(out, l)
	}
	return out
}

func TestEffective(t *testing.T) {
	two := fact.Resolver{Servers: servers("10.0.0.2", "10.0.0.3")}
	hosts := func(order ...string) fact.Resolver {
		r := two
		r.HostsOrder = order
		r.Hosts = []fact.HostsLine{
			{Line: 3, Addr: netip.MustParseAddr("fd00::5"), Name: ssm},
			{Line: 4, Addr: netip.MustParseAddr("10.0.9.9"), Name: ssm},
			{Line: 5, Addr: netip.MustParseAddr("10.0.9.8"), Name: "other.example"},
		}
		return r
	}
	hostsOK := fact.Answer{Status: fact.OK, Addrs: addrs("10.0.9.9", "fd00::5"), Source: "hosts", Line: 3}
	server := func(s string) netip.AddrPort { return servers(s)[0] }
	dnsOK := func(s string, dead int, list ...string) fact.Answer {
		return fact.Answer{Status: fact.OK, Addrs: addrs(list...), Source: "dns", Server: server(s), Dead: dead}
	}
	failed := func(c fact.Class, s string, dead int) fact.Answer {
		a := fact.Answer{Status: fact.Failed, Class: c, Source: "dns", Dead: dead}
		if s != "" {
			a.Server = server(s)
		}
		return a
	}
	notRun := fact.Answer{Status: fact.NotRun}
	over := two
	over.Override = servers("10.9.9.9")
	tcp := two
	tcp.UseTCP = true

	tests := []struct {
		name  string
		r     fact.Resolver
		table string
		want  fact.Answer
	}{
		{"A and AAAA", two, "10.0.0.2 A udp#1 10.0.1.5; 10.0.0.2 AAAA udp#1 2600::1", dnsOK("10.0.0.2", 0, "10.0.1.5", "2600::1")},
		{"AAAA NODATA is no failure", two, "10.0.0.2 A udp#1 10.0.1.5; 10.0.0.2 AAAA udp#1 nodata", dnsOK("10.0.0.2", 0, "10.0.1.5")},
		{"AAAA SERVFAIL is no failure", two, "10.0.0.2 A udp#1 10.0.1.5; 10.0.0.2 AAAA udp#1 servfail; 10.0.0.3 AAAA udp#1 servfail", dnsOK("10.0.0.2", 0, "10.0.1.5")},
		{"AAAA not asked", two, "10.0.0.2 A udp#1 10.0.1.5", dnsOK("10.0.0.2", 0, "10.0.1.5")},
		{"AAAA cut", two, "10.0.0.2 A udp#1 10.0.1.5; 10.0.0.2 AAAA udp#1 cut", dnsOK("10.0.0.2", 0, "10.0.1.5")},
		{"only AAAA", two, "10.0.0.2 A udp#1 nodata; 10.0.0.2 AAAA udp#1 2600::1", dnsOK("10.0.0.2", 0, "2600::1")},
		{"only AAAA asked", two, "10.0.0.2 AAAA udp#1 nodata", failed(fact.NoData, "10.0.0.2", 0)},
		{"NXDOMAIN ends the walk", two, "10.0.0.2 A udp#1 nxdomain; 10.0.0.3 A udp#1 10.0.1.5", failed(fact.NXDomain, "10.0.0.2", 0)},
		{"NODATA ends the walk", two, "10.0.0.2 A udp#1 nodata; 10.0.0.3 A udp#1 10.0.1.5", failed(fact.NoData, "10.0.0.2", 0)},
		{"SERVFAIL goes on", two, "10.0.0.2 A udp#1 servfail; 10.0.0.3 A udp#1 10.0.1.5", dnsOK("10.0.0.3", 0, "10.0.1.5")},
		{"REFUSED goes on", two, "10.0.0.2 A udp#1 dns_refused; 10.0.0.3 A udp#1 nxdomain", failed(fact.NXDomain, "10.0.0.3", 0)},
		{"a closed port goes on and is not silent", two, "10.0.0.2 A udp#1 refused; 10.0.0.3 A udp#1 10.0.1.5", dnsOK("10.0.0.3", 0, "10.0.1.5")},
		{"silence goes on and is counted", two, "10.0.0.2 A udp#1 timeout; 10.0.0.2 A udp#2 timeout; 10.0.0.3 A udp#1 10.0.1.5", dnsOK("10.0.0.3", 1, "10.0.1.5")},
		{"a lost datagram is not a dead server", two, "10.0.0.2 A udp#1 timeout; 10.0.0.2 A udp#2 10.0.1.5", dnsOK("10.0.0.2", 0, "10.0.1.5")},
		{"all silent", two, "10.0.0.2 A udp#1 timeout; 10.0.0.2 A udp#2 timeout; 10.0.0.3 A udp#1 timeout", failed(fact.Timeout, "", 2)},
		{"one word beats silence", two, "10.0.0.2 A udp#1 timeout; 10.0.0.3 A udp#1 servfail", failed(fact.ServFail, "10.0.0.3", 1)},
		{"the first word counts", two, "10.0.0.2 A udp#1 servfail; 10.0.0.3 A udp#1 dns_refused", failed(fact.ServFail, "10.0.0.2", 0)},
		{"a server that was not asked is passed over", two, "10.0.0.3 A udp#1 10.0.1.5", dnsOK("10.0.0.3", 0, "10.0.1.5")},
		{"a server that was cut hides what follows", two, "10.0.0.2 A udp#1 cut; 10.0.0.3 A udp#1 10.0.1.5", notRun},
		{"a timeout whose second attempt was cut is silence", two, "10.0.0.2 A udp#1 timeout; 10.0.0.2 A udp#2 cut; 10.0.0.3 A udp#1 10.0.1.5", dnsOK("10.0.0.3", 1, "10.0.1.5")},
		{"nothing sent", two, "10.0.0.2 A udp#1 skip; 10.0.0.2 AAAA udp#1 skip", notRun},
		{"only other servers asked", two, "169.254.169.253 A udp#1 10.0.1.5", notRun},
		{"truncated, then TCP", two, "10.0.0.2 A udp#1 tc; 10.0.0.2 A tcp#1 10.0.1.5", dnsOK("10.0.0.2", 0, "10.0.1.5")},
		{"truncated, TCP silent", two, "10.0.0.2 A udp#1 tc; 10.0.0.2 A tcp#1 timeout", failed(fact.Timeout, "", 0)},
		{"truncated, TCP silent, next server", two, "10.0.0.2 A udp#1 tc; 10.0.0.2 A tcp#1 timeout; 10.0.0.3 A udp#1 10.0.1.5", dnsOK("10.0.0.3", 0, "10.0.1.5")},
		{"truncated, TCP cut", two, "10.0.0.2 A udp#1 tc; 10.0.0.2 A tcp#1 cut", notRun},
		{"truncated, TCP missing", two, "10.0.0.2 A udp#1 tc", notRun},
		{"an extra question over TCP changes nothing", two, "10.0.0.2 A udp#1 timeout; 10.0.0.2 A tcp#1 10.0.1.5; 10.0.0.3 A udp#1 10.0.1.6", dnsOK("10.0.0.3", 1, "10.0.1.6")},
		{"use-vc goes by TCP", tcp, "10.0.0.2 A udp#1 10.0.1.5; 10.0.0.2 A tcp#1 timeout; 10.0.0.3 A tcp#1 10.0.1.6", dnsOK("10.0.0.3", 1, "10.0.1.6")},
		{"--resolver", over, "10.0.0.2 A udp#1 10.0.1.5; 10.9.9.9 A udp#1 10.0.1.6", dnsOK("10.9.9.9", 0, "10.0.1.6")},
		{"hosts file by default", hosts(), "10.0.0.2 A udp#1 10.0.1.5", hostsOK},
		{"hosts file first", hosts("files", "myhostname", "dns"), "10.0.0.2 A udp#1 10.0.1.5", hostsOK},
		{"dns first", hosts("dns", "files"), "10.0.0.2 A udp#1 10.0.1.5", dnsOK("10.0.0.2", 0, "10.0.1.5")},
		{"dns first, then the hosts file", hosts("dns", "files"), "10.0.0.2 A udp#1 nxdomain", hostsOK},
		{"dns first, cut", hosts("dns", "files"), "10.0.0.2 A udp#1 cut", notRun},
		{"dns only", hosts("dns"), "10.0.0.2 A udp#1 10.0.1.5", dnsOK("10.0.0.2", 0, "10.0.1.5")},
		{"no dns, in the hosts file", hosts("files"), "10.0.0.2 A udp#1 10.0.1.5", hostsOK},
		{"no dns, not in the hosts file", fact.Resolver{Servers: two.Servers, HostsOrder: []string{"files"}}, "10.0.0.2 A udp#1 10.0.1.5",
			fact.Answer{Status: fact.Failed, Class: fact.NotFound, Source: "hosts"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.want.Name = ssm
			ls := lookups(t, ssm, tt.table)
			ls = append(ls, lookups(t, "other.example", "10.0.0.2 A udp#1 10.6.6.6")...)
			if diff := cmp.Diff(tt.want, Effective(tt.r, ssm, ls), compare); diff != "" {
				t.Error(diff)
			}
			// The order in which facts were recorded means nothing.
			rand.Shuffle(len(ls), func(i, j int) { ls[i], ls[j] = ls[j], ls[i] })
			if diff := cmp.Diff(tt.want, Effective(tt.r, ssm, ls), compare); diff != "" {
				t.Error("shuffled: " + diff)
			}
		})
	}
}

func TestEffectiveAllIsEffective(t *testing.T) {
	r := fact.Resolver{Servers: servers("10.0.0.2")}
	var ls []fact.Lookup
	var names []string
	for i := range 20 {
		n := fmt.Sprintf("n%d.example", i)
		names = append(names, n)
		ls = append(ls, lookups(t, n, fmt.Sprintf("10.0.0.2 A udp#1 10.0.0.%d", i))...)
	}
	names = append(names, "not.asked")
	got := EffectiveAll(r, names, ls)
	for i, n := range names {
		if diff := cmp.Diff(Effective(r, n, ls), got[i], compare); diff != "" {
			t.Error(diff)
		}
	}
}

// From real questions to the answer: the first server is silent, the second
// has a truncated answer, and the name has no AAAA.
func TestAskAndEffective(t *testing.T) {
	silent := probetest.ListenDNS(t, &probetest.Resolver{Default: probetest.DNSBehaviour{Silent: true}})
	good := probetest.ListenDNS(t, &probetest.Resolver{
		Zones: zone(ssm, "10.0.1.5", "10.0.2.5"), Default: probetest.DNSBehaviour{Truncate: true},
	})
	var qs []Question
	for _, at := range []netip.AddrPort{silent, good} {
		for _, typ := range []string{"A", "AAAA"} {
			qs = append(qs, Question{Name: ssm, Type: typ, Server: at, Via: fact.ViaConfigured})
		}
	}
	ls := (&Client{Timeout: arrive}).AskAll(t.Context(), qs, 8)
	got := Effective(fact.Resolver{Servers: []netip.AddrPort{silent, good}}, ssm, ls)
	want := fact.Answer{Name: ssm, Status: fact.OK, Addrs: addrs("10.0.1.5", "10.0.2.5"), Source: "dns", Server: good, Dead: 1}
	if diff := cmp.Diff(want, got, compare); diff != "" {
		t.Error(diff)
	}
}
