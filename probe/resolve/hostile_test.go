package resolve

import (
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/probetest"
)

type dnsMsg = dns.Msg

// reply is a packed answer to q whose answer section f fills.
func reply(q *dns.Msg, f func(m *dns.Msg, name string)) []byte {
	m := new(dns.Msg)
	m.SetReply(q)
	f(m, q.Question[0].Name)
	b, err := m.Pack()
	if err != nil {
		panic(err)
	}
	return b
}

func record(s string) dns.RR {
	rr, err := dns.NewRR(s)
	if err != nil {
		panic(err)
	}
	return rr
}

// with is a message with these records, "@" standing for the name asked.
func with(records ...string) func(q *dns.Msg) []byte {
	return func(q *dns.Msg) []byte {
		return reply(q, func(m *dns.Msg, name string) {
			for _, r := range records {
				m.Answer = append(m.Answer, record(strings.ReplaceAll(r, "@", name)))
			}
		})
	}
}

// raw is an answer section written byte by byte behind a good head.
func raw(count int, section string) func(q *dns.Msg) []byte {
	return func(q *dns.Msg) []byte {
		b := reply(q, func(*dns.Msg, string) {})
		binary.BigEndian.PutUint16(b[6:], uint16(count))
		return append(b, section...)
	}
}

var hostile = []struct {
	name  string
	reply func(q *dns.Msg) []byte
	want  fact.Class // of the last attempt
	stray bool       // over UDP it is passed over until the attempt ends
}{
	{"address of another name", with("other.example. 60 IN A 10.6.6.6"), fact.Malformed, false},
	{"another type", with("@ 60 IN TXT hello"), fact.Malformed, false},
	{"AAAA for A", with("@ 60 IN AAAA 2600::1"), fact.Malformed, false},
	{"another class", with("@ 60 CH A 10.6.6.6"), fact.Malformed, false},
	{"a stranger among the right ones", with("other.example. 60 IN A 10.6.6.6", "@ 60 IN A 10.0.0.1"), fact.ClassNone, false},
	{"CNAME to itself", with("@ 60 IN CNAME @"), fact.Malformed, false},
	{"CNAME loop", with("@ 60 IN CNAME b.example.", "b.example. 60 IN CNAME @"), fact.Malformed, false},
	{"CNAME that leads nowhere", with("@ 60 IN CNAME b.example."), fact.NoData, false},
	{"CNAME and a stray address", with("@ 60 IN CNAME b.example.", "@ 60 IN A 10.6.6.6"), fact.Malformed, false},
	{"CNAME with control characters", with(`@ 60 IN CNAME \027[31m.example.`), fact.Malformed, false},
	{"compression loop in a record", raw(1, "\xc0\x21\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\x0a\x00\x00\x01"), fact.Malformed, false},
	{"pointer behind the end", raw(1, "\xff\xff\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\x0a\x00\x00\x01"), fact.Malformed, false},
	{"A of three bytes", raw(1, "\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x03\x0a\x00\x00"), fact.Malformed, false},
	{"A of five bytes", raw(1, "\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x05\x0a\x00\x00\x01\x02"), fact.Malformed, false},
	{"A without data", raw(1, "\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x00"), fact.Malformed, false},
	{"more records announced than sent", raw(9, "\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\x0a\x00\x00\x01"), fact.Malformed, false},
	{"records announced, none sent", raw(65535, ""), fact.Malformed, false},
	{"bytes behind the answer", func(q *dns.Msg) []byte {
		return append(with("@ 60 IN A 10.0.0.1")(q), make([]byte, 900)...)
	}, fact.ClassNone, false},
	{"an error with the head alone", func(q *dns.Msg) []byte {
		b := reply(q, func(m *dns.Msg, _ string) { m.Rcode = dns.RcodeRefused })[:headerSize]
		binary.BigEndian.PutUint16(b[4:], 0)
		return b
	}, fact.DNSRefused, false},
	{"our own question sent back", func(q *dns.Msg) []byte { b, _ := q.Pack(); return b }, fact.Malformed, true},
	{"two questions", func(q *dns.Msg) []byte {
		return reply(q, func(m *dns.Msg, _ string) { m.Question = append(m.Question, m.Question[0]) })
	}, fact.Malformed, true},
	{"shorter than a head", func(*dns.Msg) []byte { return []byte{1, 2, 3} }, fact.Malformed, true},
	{"an empty datagram", func(*dns.Msg) []byte { return []byte{} }, fact.Malformed, true},
	{"case of the question changed", func(q *dns.Msg) []byte {
		q.Question[0].Name = strings.ToUpper(q.Question[0].Name)
		return with("@ 60 IN A 10.0.0.1")(q)
	}, fact.ClassNone, false},
}

// Over both transports: whatever comes back is a fact with a class.
func TestHostileAnswers(t *testing.T) {
	for _, tt := range hostile {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			at := probetest.ListenDNS(t, &probetest.Resolver{Default: probetest.DNSBehaviour{
				Raw: func(q *dns.Msg, _ string) [][]byte { return [][]byte{tt.reply(q)} },
			}})
			c := &Client{Timeout: patient}
			if tt.stray {
				c.Timeout = arrive
			}
			ls := c.Ask(t.Context(), ssm, "A", at, "")
			check(t, ls[len(ls)-1], tt.want)
			c.Timeout = patient
			check(t, overTCP(t.Context(), c, at), tt.want)
		})
	}
}

func check(t *testing.T, l fact.Lookup, want fact.Class) {
	t.Helper()
	if l.Class != want {
		t.Errorf("over %s: %s %q, want class %q", l.Transport, shape(l), l.Detail, want)
	}
	if l.Class == fact.Malformed && len(l.Addrs) > 0 {
		t.Errorf("over %s: a malformed answer gave %v", l.Transport, l.Addrs)
	}
	for _, a := range l.Addrs {
		if a == netip.MustParseAddr("10.6.6.6") {
			t.Errorf("over %s: the address of another name was taken", l.Transport)
		}
	}
}

func TestLowestTTL(t *testing.T) {
	for _, tt := range []struct {
		records []string
		want    uint32
	}{
		{[]string{"@ 300 IN CNAME b.example.", "b.example. 60 IN A 10.0.0.1", "b.example. 20 IN A 10.0.0.2"}, 20},
		{[]string{"@ 5 IN CNAME b.example.", "b.example. 60 IN A 10.0.0.1"}, 5},
		{[]string{"@ 60 IN A 10.0.0.1", "other.example. 1 IN A 10.6.6.6"}, 60},
	} {
		q, _, err := newQuery(ssm, "A", true)
		if err != nil {
			t.Fatal(err)
		}
		l := fact.Lookup{Transport: "udp"}
		if readAnswer(&l, with(tt.records...)(q), q); l.TTL != tt.want {
			t.Errorf("%v: TTL %d", tt.records, l.TTL)
		}
	}
}

// Some servers cut a datagram in the middle of a record and set TC.
func TestTruncatedInsideARecord(t *testing.T) {
	at := probetest.ListenDNS(t, &probetest.Resolver{Default: probetest.DNSBehaviour{
		Raw: func(q *dns.Msg, transport string) [][]byte {
			b := with("@ 60 IN A 10.0.0.1", "@ 60 IN A 10.0.0.2")(q)
			if transport == "udp" {
				b[2] |= 0x02 // TC
				b = b[:len(b)-3]
			}
			return [][]byte{b}
		},
	}})
	ls := (&Client{Timeout: patient}).Ask(t.Context(), ssm, "A", at, "")
	if got := shapes(ls); got != "udp#1 ok NOERROR TC; tcp#1 ok NOERROR 10.0.0.1 10.0.0.2" {
		t.Error(got)
	}
}

func TestLongAnswerOverTCP(t *testing.T) {
	at := probetest.ListenDNS(t, &probetest.Resolver{Default: probetest.DNSBehaviour{
		Raw: func(q *dns.Msg, _ string) [][]byte {
			b := reply(q, func(m *dns.Msg, name string) {
				m.Compress = true
				for i := range 4000 {
					m.Answer = append(m.Answer, &dns.A{
						Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 60},
						A:   []byte{10, 1, byte(i >> 8), byte(i)},
					})
				}
			})
			return [][]byte{b}
		},
	}})
	l := overTCP(t.Context(), &Client{Timeout: patient}, at)
	if l.Status != fact.OK || len(l.Addrs) != maxAddrs || l.More != 4000-maxAddrs {
		t.Errorf("%s, %d more", shape(l), l.More)
	}
}

// A flood of datagrams that are not the answer ends the attempt, it does not
// keep it busy.
func TestFloodOfStrays(t *testing.T) {
	at := probetest.ListenDNS(t, &probetest.Resolver{Default: probetest.DNSBehaviour{
		Raw: func(q *dns.Msg, _ string) [][]byte {
			q.Id++
			one := with("@ 60 IN A 10.6.6.6")(q)
			var out [][]byte
			for range maxStrays + 10 {
				out = append(out, one)
			}
			return out
		},
	}})
	ls := (&Client{Attempts: 1, Timeout: patient}).Ask(t.Context(), ssm, "A", at, "")
	check(t, ls[0], fact.Malformed)
	if ls[0].CutByBudget {
		t.Error("blamed on the budget")
	}
}

func FuzzAnswer(f *testing.F) {
	q, _, err := newQuery(ssm, "A", true)
	if err != nil {
		f.Fatal(err)
	}
	for _, h := range hostile {
		f.Add(h.reply(q.Copy()), false)
		f.Add(h.reply(q.Copy()), true)
	}
	f.Fuzz(func(t *testing.T, b []byte, tcp bool) {
		if len(b) >= 2 {
			binary.BigEndian.PutUint16(b, q.Id) // the interesting answers have our id
		}
		if !answers(b, q) {
			return
		}
		l := fact.Lookup{Outcome: fact.Outcome{Status: fact.OK}, Transport: "udp"}
		if tcp {
			l.Transport = "tcp"
		}
		readAnswer(&l, b, q)
		if (l.Status == fact.Failed) != (l.Class != fact.ClassNone) {
			t.Fatalf("status %s with class %q", l.Status, l.Class)
		}
		if len(l.Addrs) > maxAddrs || len(l.CNAMEs) > maxChain || len(l.EDE) > maxEDE || len(l.Detail) > 2*maxExtraText {
			t.Fatal("not bounded")
		}
		if l.Status == fact.OK && len(l.Addrs) == 0 && !l.Truncated {
			t.Fatal("ok without an address")
		}
		for _, s := range append(l.CNAMEs, l.Detail, l.SOA, l.RCode) {
			if len(s) > maxText || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Fatalf("text %q", s)
			}
		}
	})
}
