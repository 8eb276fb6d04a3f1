//go:build linux

package main

import (
	"crypto/x509/pkix"
	"encoding/binary"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"vpcdoctor/cmd/vpclab/scenario"
	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/probetest"
	"vpcdoctor/report"
)

func init() {
	roles["hostile DNS"] = hostileDNS
	roles["hostile TLS"] = hostileTLS
	roles["hostile IMDS"] = hostileIMDS
}

// kindEnv and answerEnv tell a hostile role what to play and which addresses
// are the right ones.
const (
	kindEnv   = "KIND"
	answerEnv = "ANSWER"
)

// poison is the address that lies carry: nobody may believe it.
var poison = netip.MustParseAddr("10.66.66.66")

// withinBudget is how long a run may take, whatever it meets.
const withinBudget = 11 * time.Second

// ended holds what every run must end with: an exit code of the contract, a
// report that a terminal can show, and no trace of a panic.
func ended(t *testing.T, c *captured) {
	t.Helper()
	if !slices.Contains([]int{0, 1, 3}, c.exit) && c.note == nil {
		t.Errorf("exit %d: %s", c.exit, c.stderr)
	}
	if !plain(c.stdout) || !plain(c.stderr) {
		t.Errorf("more than printable ASCII:\n%q\n%q", c.stdout, c.stderr)
	}
	if strings.Contains(c.stderr, "panic") || strings.Contains(c.stderr, "goroutine ") {
		t.Errorf("stderr: %s", c.stderr)
	}
	if len(c.stdout) < 100 {
		t.Errorf("no report: %q, %s", c.stdout, c.stderr)
	}
}

// timed is what a hostile role notes.
type timed struct {
	Exit int
	Took time.Duration
}

func runTimed(args []string) (any, error) {
	start := time.Now()
	exit, err := runDoctor(args)
	return timed{exit, time.Since(start)}, err
}

func endedInTime(t *testing.T, c *captured) timed {
	t.Helper()
	ended(t, c)
	var got timed
	c.noted(t, &got)
	if !slices.Contains([]int{0, 1, 3}, got.Exit) || got.Took > withinBudget {
		t.Errorf("exit %d after %v: %s", got.Exit, got.Took, c.stderr)
	}
	return got
}

// dnsLies are what a hostile name server answers; "@" is the name asked.
var dnsLies = map[string]func(q *dns.Msg) []byte{
	"garbage":              func(*dns.Msg) []byte { return []byte(strings.Repeat("garbage.", 20)) },
	"empty datagram":       func(*dns.Msg) []byte { return []byte{} },
	"question sent back":   func(q *dns.Msg) []byte { b, _ := q.Pack(); return b },
	"compression loop":     rawAnswer("\xc0\x21\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\x0a\x42\x42\x42"),
	"pointer past the end": rawAnswer("\xff\xff\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\x0a\x42\x42\x42"),
	"another name":         records("other.example. 60 IN A 10.66.66.66"),
	"CNAME loop":           records("@ 60 IN CNAME a.example.", "a.example. 60 IN CNAME @"),
	"escape codes":         records(`@ 60 IN CNAME \027[2J\027[31m\007.example.`, `\027[2J\027[31m\007.example. 60 IN A 10.66.66.66`),
	"wrong id": func(q *dns.Msg) []byte {
		b := records("@ 60 IN A 10.66.66.66")(q)
		b[0] ^= 0xff
		return b
	},
}

func records(lines ...string) func(*dns.Msg) []byte {
	return func(q *dns.Msg) []byte {
		m := new(dns.Msg)
		m.SetReply(q)
		for _, l := range lines {
			rr, err := dns.NewRR(strings.ReplaceAll(l, "@", q.Question[0].Name))
			if err != nil {
				panic(err) // the table is part of this test
			}
			m.Answer = append(m.Answer, rr)
		}
		b, err := m.Pack()
		if err != nil {
			panic(err)
		}
		return b
	}
}

// rawAnswer is one answer record written byte by byte behind a good head.
func rawAnswer(section string) func(*dns.Msg) []byte {
	return func(q *dns.Msg) []byte {
		b := records()(q)
		binary.BigEndian.PutUint16(b[6:], 1)
		return append(b, section...)
	}
}

// hostileDNS is the configured name server of the instance.
func hostileDNS(args []string) (any, error) {
	r := &probetest.Resolver{}
	switch kind := os.Getenv(kindEnv); kind {
	case "spoofed":
		r.Zones = map[string][]netip.Addr{}
		for _, pair := range strings.Fields(os.Getenv(answerEnv)) {
			name, addr, _ := strings.Cut(pair, "=")
			r.Zones[name] = append(r.Zones[name], netip.MustParseAddr(addr))
		}
		r.Default.Spoof = true
	default:
		r.Default.Raw = func(q *dns.Msg, _ string) [][]byte { return [][]byte{dnsLies[kind](q)} }
	}
	at := netip.MustParseAddrPort("127.0.0.1:53")
	udp, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(at))
	if err != nil {
		return nil, err
	}
	tcp, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(at))
	if err != nil {
		return nil, err
	}
	for _, s := range []*dns.Server{{PacketConn: udp, Handler: r}, {Listener: tcp, Handler: r}} {
		go func() { _ = s.ActivateAndServe() }()
	}
	return runTimed(args)
}

// TestHostileDNS: no lie of the configured server hangs the run, reaches the
// terminal or is dialled; none makes the instance look healthy.
func TestHostileDNS(t *testing.T) {
	for kind := range dnsLies {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := worldOf(t, "healthy")
			w.Host.Nameservers = []string{"127.0.0.1"}
			w.Host.Env = map[string]string{kindEnv: kind}
			c := captureAs(t, "hostile DNS", w, "--facts", factsFile)
			if got := endedInTime(t, c); got.Exit == 0 {
				t.Errorf("healthy: %s", firstLine(c.stdout))
			}
			for _, p := range syns(c) {
				if p.Dst.Addr() == poison && kind != "escape codes" {
					t.Errorf("dialled %s", p.Dst)
				}
			}
			if s := c.facts(t); len(s.Lookups) == 0 {
				t.Error("no lookup recorded")
			}
		})
	}
}

// TestSpoofedDNS: answers with a wrong id and to other questions come first;
// the right one is taken.
func TestSpoofedDNS(t *testing.T) {
	t.Parallel()
	w := worldOf(t, "healthy")
	var answers []string
	for _, e := range w.VPC.Endpoints {
		for i, h := range e.Hosts {
			answers = append(answers, h+"="+e.Interfaces[i%2].Addr.String())
		}
	}
	w.Host.Nameservers = []string{"127.0.0.1"}
	w.Host.Env = map[string]string{kindEnv: "spoofed", answerEnv: strings.Join(answers, " ")}
	c := captureAs(t, "hostile DNS", w, "--facts", factsFile)
	if got := endedInTime(t, c); got.Exit != 0 {
		t.Errorf("exit %d: %s", got.Exit, firstLine(c.stdout))
	}
	for _, a := range c.facts(t).Answers {
		if !slices.ContainsFunc(answers, func(x string) bool { return strings.HasPrefix(x, a.Name+"=") }) {
			continue
		}
		if len(a.Addrs) != 1 || !slices.Contains(answers, a.Name+"="+a.Addrs[0].String()) {
			t.Errorf("%s has %v", a.Name, a.Addrs)
		}
	}
}

// evil is a name full of what terminals obey.
const evil = "\x1b[2J\x1b]0;owned\x07\r\nHEALTHY\x00\u202e"

// hostileTLS stands on loopback as the endpoint of every name in the hosts
// file.
func hostileTLS(args []string) (any, error) {
	subject := pkix.Name{CommonName: evil, Organization: []string{evil}, Country: []string{"\x1b["}}
	ca := probetest.NewCASubject(subject)
	names := strings.Fields(os.Getenv(answerEnv))
	leaf := ca.Leaf(probetest.LeafOptions{Names: names, Subject: subject})
	mode := probetest.AWSMode(os.Getenv(kindEnv))
	s := &probetest.TLSServer{Certificate: leaf, Handler: probetest.AWSHandler(probetest.AWSOptions{Mode: mode})}
	if mode == "raw" {
		s.Handler = http.HandlerFunc(rawAnswers)
	}
	l, err := net.Listen("tcp", "127.0.0.1:443")
	if err != nil {
		return nil, err
	}
	go func() { _ = s.Serve(l) }()
	if err := os.WriteFile("ca.pem", ca.PEM(), 0o644); err != nil {
		return nil, err
	}
	return runTimed(args)
}

// rawAnswers writes what Go's server would not: control characters in headers.
func rawAnswers(w http.ResponseWriter, _ *http.Request) {
	c, b, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer c.Close()
	fmt.Fprintf(b, "HTTP/1.1 302 \x1b[31mFound\r\nServer: \x1b[2Jevil\x07\r\nX-Amzn-RequestId: \x1b[5m\u202e\r\nLocation: https://\x1b[2J/\r\nDate: \x00\r\n\r\n")
	_ = b.Flush()
}

// TestHostileServer: neither a certificate nor an HTTP answer writes to the
// terminal or holds the run up.
func TestHostileServer(t *testing.T) {
	modes := []probetest.AWSMode{probetest.AWSFine, probetest.AWSEndless, probetest.AWSHugeHeader, probetest.AWSSilent, "raw"}
	for _, mode := range modes {
		for _, known := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, CA known %t", mode, known), func(t *testing.T) {
				t.Parallel()
				w := worldOf(t, "healthy")
				names := scenario.Host(w, "ssm") + " " + scenario.Host(w, "ssmmessages")
				w.Host.HostsLines = []string{"127.0.0.1 " + names}
				w.Host.Env = map[string]string{kindEnv: string(mode), answerEnv: names}
				args := []string{"--facts", factsFile, "--output-file", "r.txt"}
				if known {
					args = append(args, "--ca-bundle", "ca.pem")
				}
				c := captureAs(t, "hostile TLS", w, args...)
				endedInTime(t, c)
				if text := c.read("r.txt"); !plain(text) || text == "" {
					t.Errorf("report file: %q", text)
				}
				facts := c.read(factsFile)
				if !plain(facts) || strings.Contains(facts, `\u001b`) || strings.Contains(facts, `\u202e`) {
					t.Error("control characters in the facts")
				}
				if hs := c.facts(t).Handshakes; len(hs) == 0 || len(hs[0].Chain) == 0 {
					t.Error("no certificate was seen")
				}
			})
		}
	}
}

// hostileIMDS is a metadata service on loopback, where the environment says
// that it is.
func hostileIMDS(args []string) (any, error) {
	i := probetest.IMDSInstance{InstanceID: "i-0123456789abcdef0", AccountID: "123456789012", Region: os.Getenv("REGION"), AZ: os.Getenv("REGION") + "a"}
	m := probetest.NewIMDS(i)
	switch os.Getenv(kindEnv) {
	case "HTML":
		m.Mode.HTML = true
	case "10 MB":
		m.Mode.Huge = true
	case "endless":
		m.Mode.Endless = true
	case "hangs up":
		m.Mode.HangUp = true
	case "silent":
		m.Mode.Silent = true
	case "control characters":
		m.Mode.Bodies = map[string]string{}
		for _, p := range []string{"instance-id", "placement/region", "placement/availability-zone", "services/domain", "mac", "security-groups", "iam/security-credentials/"} {
			m.Mode.Bodies["/latest/meta-data/"+p] = evil
		}
		m.Mode.Bodies["/latest/dynamic/instance-identity/document"] = `{"region":"` + "\x1b" + `[31m","accountId":[1]}`
	}
	l, err := net.Listen("tcp", "127.0.0.1:8080")
	if err != nil {
		return nil, err
	}
	go func() { _ = m.Server().Serve(l) }()
	got, err := runTimed(args)
	// How many connections are open at once is tested in probe/imds: a server
	// learns of a closed one only when it next writes.
	if n := m.Counts(); n.Puts > maxPuts || n.Gets > maxGets {
		return nil, fmt.Errorf("sent %+v", n)
	}
	return got, err
}

// TestHostileIMDS: whatever answers at the metadata address costs at most 5 s,
// and the endpoints are still probed.
func TestHostileIMDS(t *testing.T) {
	for _, kind := range []string{"HTML", "10 MB", "endless", "hangs up", "silent", "control characters"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := worldOf(t, "healthy")
			w.Host.Env = map[string]string{kindEnv: kind, "REGION": w.Region, "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:8080"}
			c := captureAs(t, "hostile IMDS", w, "--facts", factsFile, "--region", w.Region)
			if got := endedInTime(t, c); got.Took > 5*time.Second {
				t.Errorf("took %v", got.Took)
			}
			s := c.facts(t)
			if !slices.ContainsFunc(s.Handshakes, func(h fact.Handshake) bool { return h.Status == fact.OK }) {
				t.Error("no endpoint was reached")
			}
			for _, p := range c.packets {
				if p.Sent && isIMDS(p.Dst.Addr()) {
					t.Errorf("sent to %s although the environment names another place", p.Dst)
				}
			}
		})
	}
}

// TestNotEC2: said, and what can be probed with --region is probed.
func TestNotEC2(t *testing.T) {
	t.Parallel()
	c := capture(t, worldOf(t, "not-ec2"), "--region", "us-east-1", "--facts", factsFile)
	ended(t, c)
	if !strings.Contains(c.stdout, "IM-12") {
		t.Errorf("does not say so:\n%s", c.stdout)
	}
	ok := 0
	for _, h := range c.facts(t).Handshakes {
		if h.Status == fact.OK {
			ok++
		}
	}
	if ok < 2 {
		t.Errorf("%d handshakes", ok)
	}
}

// TestNoRoot: another user than root gets the network's verdict, and is told
// what was not looked at.
func TestNoRoot(t *testing.T) {
	for name, tt := range map[string]struct {
		args []string
		exit int
		want string
	}{
		"check":         {nil, report.ExitOK, "network healthy; agent not checked (needs root)"},
		"require agent": {[]string{"--require-agent"}, report.ExitInconclusive, "SSM Agent: needs root"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := worldOf(t, "healthy")
			w.Host.UID = 1000
			c := capture(t, w, tt.args...)
			ended(t, c)
			words := strings.Join(strings.Fields(c.stdout), " ") // without the line breaks
			if c.exit != tt.exit || !strings.Contains(words, tt.want) {
				t.Errorf("exit %d:\n%s", c.exit, c.stdout)
			}
			if strings.Contains(c.stdout, "AG-") {
				t.Errorf("a finding about the agent without a look at it:\n%s", c.stdout)
			}
		})
	}
}
