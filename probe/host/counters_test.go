package host

import (
	"testing"
	"time"

	"vpcdoctor/probe/fact"
)

const (
	netstatText = "TcpExt: SyncookiesSent TCPSynRetrans TCPRetransFail\nTcpExt: 1 23 4\n" +
		"IpExt: InNoRoutes OutOctets\nIpExt: 0 99\n"
	snmpText = "Ip: Forwarding DefaultTTL OutNoRoutes\nIp: 2 64 7\nTcp: MaxConn ActiveOpens\nTcp: -1 5\n"
)

func TestCounters(t *testing.T) {
	both := tree{"/proc/self/net/netstat": netstatText, "/proc/self/net/snmp": snmpText}
	c := Counters(both.write(t))
	if time.Since(c.At) > time.Minute {
		t.Errorf("read at %v", c.At)
	}
	c.At = time.Time{}
	if want := (fact.Counters{TCPRetransFail: 4, TCPSynRetrans: 23, OutNoRoutes: 7}); c != want {
		t.Errorf("got %+v, want %+v", c, want)
	}
	for name, tr := range map[string]tree{
		"no files":     {},
		"one file":     {"/proc/self/net/netstat": netstatText},
		"not counters": {"/proc/self/net/netstat": "x\n", "/proc/self/net/snmp": snmpText},
	} {
		if c := Counters(tr.write(t)); !c.At.IsZero() {
			t.Errorf("%s: counters %+v", name, c)
		}
	}
}

func TestParseCounters(t *testing.T) {
	if got := parseCounters(snmpText, "Tcp:"); len(got) != 1 || got["ActiveOpens"] != 5 {
		t.Errorf("a value of -1 is no counter: %v", got)
	}
	if got := parseCounters("Ip: A B C\nIp: 1\n", "Ip:"); len(got) != 1 || got["A"] != 1 {
		t.Errorf("fewer values than names: %v", got)
	}
	if got := parseCounters("Ip: A\nIp: 1 2 3\n", "Ip:"); len(got) != 1 || got["A"] != 1 {
		t.Errorf("more values than names: %v", got)
	}
}

func FuzzCounters(f *testing.F) {
	f.Add(netstatText, "TcpExt:")
	f.Add("Ip:\nIp:\n", "Ip:")
	f.Fuzz(func(t *testing.T, text, group string) { parseCounters(text, group) })
}

func FuzzContainerOf(f *testing.F) {
	f.Add("0::/kubepods/x\n5:devices:/docker/y")
	f.Fuzz(func(t *testing.T, text string) { containerOf(text) })
}
