package resolve

import (
	"strings"
	"testing"
)

// printableText fails the test when foreign text got through.
func printableText(t *testing.T, list ...string) {
	t.Helper()
	for _, s := range list {
		if len(s) > maxText || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Fatalf("text %q", s)
		}
	}
}

func FuzzResolvConf(f *testing.F) {
	f.Add([]byte("nameserver 10.0.0.2\nsearch a b\noptions ndots:5 timeout:1 rotate\n"))
	f.Add([]byte("nameserver fe80::1%eth0\r\n;x\ndomain \x00.\noptions attempts:-1 use-vc"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c := parseResolvConf(b)
		if len(c.servers) > maxServers || len(c.search) > maxSearch || c.ndots < 0 || c.ndots > maxNDots ||
			c.timeoutSec < 1 || c.timeoutSec > maxOption || c.attempts < 1 || c.attempts > maxOption {
			t.Fatalf("%+v", c)
		}
		for _, s := range c.servers {
			if !s.IsValid() || s.Port() != dnsPort {
				t.Fatalf("server %v", s)
			}
			printableText(t, s.String())
		}
		printableText(t, c.search...)
		if len(parseUpstreams(b)) > maxUpstreams {
			t.Fatal("upstreams are not bounded")
		}
	})
}

func FuzzNSSwitch(f *testing.F) {
	f.Add([]byte("hosts: files mdns4_minimal [NOTFOUND=return] dns\n"))
	f.Add([]byte("hosts:[[]]files[\nhosts:dns]\x1b"))
	f.Fuzz(func(t *testing.T, b []byte) {
		words := parseNSSwitch(b)
		if len(words) > maxSources {
			t.Fatalf("%d words", len(words))
		}
		printableText(t, words...)
		lookupOrder(words)
	})
}

func FuzzHosts(f *testing.F) {
	f.Add([]byte("127.0.0.1 localhost\n10.0.0.5 a.example A.example. # c\n"))
	f.Add([]byte("fe80::1%\x00 a.example\r\n#\n10.0.0.5"))
	f.Fuzz(func(t *testing.T, b []byte) {
		lines := parseHosts(b, []string{"a.example"})
		if len(lines) > maxHostsLines {
			t.Fatal("not bounded")
		}
		for _, l := range lines {
			if l.Line < 1 || l.Name != "a.example" || !l.Addr.IsValid() {
				t.Fatalf("%+v", l)
			}
			printableText(t, l.Addr.String())
		}
	})
}

func FuzzDnsmasqConf(f *testing.F) {
	f.Add([]byte("server=10.0.0.2#5353@eth0\nresolv-file=/etc/x\nserver=/a/10.0.0.3 # c\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		servers := world{}.options().dnsmasqUpstreams(b)
		if len(servers) > maxUpstreams {
			t.Fatal("not bounded")
		}
		for _, s := range servers {
			if !s.IsValid() || s.Port() == 0 {
				t.Fatalf("server %v", s)
			}
		}
	})
}

func FuzzLease(f *testing.F) {
	f.Add([]byte("lease {\n option domain-name-servers 10.0.0.2, 10.0.0.3;\n}\n"))
	f.Add([]byte("DNS=10.0.0.2 fd00:ec2::253 x\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, list := range [][]string{asText(parseDhclientLease(b)), asText(parseNetworkdLease(b))} {
			if len(list) > maxLeaseServers {
				t.Fatal("not bounded")
			}
			printableText(t, list...)
		}
	})
}

func asText[T interface{ String() string }](list []T) []string {
	var out []string
	for _, x := range list {
		out = append(out, x.String())
	}
	return out
}
