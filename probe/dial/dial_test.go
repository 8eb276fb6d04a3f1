package dial

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/probetest"
	"vpcdoctor/probe/trust"
)

const host = "ssm.us-east-1.amazonaws.com"

// serve runs a fake on a loopback port for the length of the test.
func serve(t testing.TB, f func(net.Listener) error) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = f(l) }()
	t.Cleanup(func() { l.Close(); <-done })
	return netip.MustParseAddrPort(l.Addr().String())
}

// store trusts system and reference and nothing else that matters here.
func store(t testing.TB, system, reference *probetest.CA) *trust.Store {
	t.Helper()
	dir := t.TempDir()
	write := func(name string, ca *probetest.CA) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, ca.PEM(), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	env := map[string]string{"SSL_CERT_FILE": filepath.Join(dir, "none"), "SSL_CERT_DIR": filepath.Join(dir, "none")}
	s, _, err := trust.Load(trust.Options{
		CABundle:  write("system.pem", system),
		Reference: []string{write("reference.pem", reference)},
		Getenv:    func(k string) string { return env[k] },
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// connect dials a fake, which must work.
func connect(t testing.TB, p *Prober, addr netip.AddrPort) net.Conn {
	t.Helper()
	c, f := p.TCP(t.Context(), addr)
	if f.Status != fact.OK {
		t.Fatalf("dial: %+v", f)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestTCP(t *testing.T) {
	addr := serve(t, (&probetest.TLSServer{Fault: probetest.StallOpen}).Serve)
	p := &Prober{}
	c, f := p.TCP(t.Context(), addr)
	if c == nil || f.Status != fact.OK || f.Addr != addr || !f.Local.IsValid() || f.Start.IsZero() || f.Took <= 0 || f.Errno != "" {
		t.Errorf("open port: %+v", f)
	}
	c.Close()

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := netip.MustParseAddrPort(l.Addr().String())
	l.Close()
	if c, f = p.TCP(t.Context(), closed); c != nil || f.Class != fact.Refused || f.Errno != "ECONNREFUSED" || f.CutByBudget {
		t.Errorf("closed port: %+v", f)
	}
}

// failing is a dialer that fails at once, as the kernel does for local reasons.
func failing(err error) Func {
	return func(context.Context, string, string) (net.Conn, error) { return nil, err }
}

func TestTCPErrnos(t *testing.T) {
	for errno, want := range map[syscall.Errno]fact.Class{
		syscall.ENETUNREACH:   fact.NetUnreachable,
		syscall.EHOSTUNREACH:  fact.HostUnreachable,
		syscall.EPERM:         fact.NotPermitted,
		syscall.EADDRNOTAVAIL: fact.NoAddress,
		syscall.ETIMEDOUT:     fact.Timeout,
	} {
		p := &Prober{Dial: failing(&net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", errno)})}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second) // shorter than the step's own limit
		_, f := p.TCP(ctx, netip.MustParseAddrPort("10.0.0.1:443"))
		cancel()
		if f.Class != want || f.Errno == "" || f.CutByBudget {
			t.Errorf("%v: %+v", errno, f)
		}
	}
}

// blackHole is a dialer that answers nothing, as a dropped SYN.
func blackHole(ctx context.Context, _, _ string) (net.Conn, error) {
	<-ctx.Done()
	return nil, &net.OpError{Op: "dial", Net: "tcp", Err: context.Cause(ctx)}
}

func TestWhichDeadlineFired(t *testing.T) {
	addr := netip.MustParseAddrPort("10.0.0.1:443")
	synctest.Test(t, func(t *testing.T) {
		p := &Prober{Dial: blackHole}
		_, f := p.TCP(t.Context(), addr)
		if f.Class != fact.Timeout || f.CutByBudget || f.Took.Std() != DefaultTimeout {
			t.Errorf("own limit: %+v", f)
		}

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, f = p.TCP(ctx, addr)
		if f.Class != fact.Timeout || !f.CutByBudget || f.Ran() || f.Took.Std() != time.Second {
			t.Errorf("the run's budget: %+v", f)
		}
		_, f = p.TCP(ctx, addr)
		if f.Status != fact.NotRun || f.Skipped == "" {
			t.Errorf("after the budget: %+v", f)
		}

		ctx, cancel = context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		_, f = p.TCP(ctx, addr)
		if f.Class != fact.Cancelled || !f.CutByBudget {
			t.Errorf("interrupted: %+v", f)
		}
	})
}

func TestHandshake(t *testing.T) {
	aws, corp := probetest.NewCA("Stand-in AWS Root"), probetest.NewCA("Corp CA")
	leaf := aws.Intermediate("Issuing").Leaf(probetest.LeafOptions{Names: []string{host, "*.api.aws"}})
	addr := serve(t, (&probetest.TLSServer{Certificate: leaf, Handler: probetest.AWSHandler(probetest.AWSOptions{})}).Serve)
	p := &Prober{Trust: store(t, corp, aws)}

	c, f := p.TLS(t.Context(), connect(t, p, addr), addr, host)
	if c == nil || f.Status != fact.OK {
		t.Fatalf("%+v", f)
	}
	c.Close()
	if f.Version != "TLS 1.3" || f.ALPN != "http/1.1" || f.Group != "X25519MLKEM768" {
		t.Errorf("version %q, ALPN %q, group %q", f.Version, f.ALPN, f.Group)
	}
	if f.Name.Status != fact.OK || f.Reference.Status != fact.OK || f.Reference.Root != "CN=Stand-in AWS Root" || f.System.Class != fact.CertUntrusted {
		t.Errorf("name %+v, system %+v, reference %+v", f.Name, f.System, f.Reference)
	}
	if len(f.Chain) != 2 || f.Chain[0].Issuer != "CN=Issuing" || f.Chain[0].SelfSigned || len(f.Chain[0].SHA256) != 64 || len(f.Chain[0].Names) != 2 {
		t.Errorf("chain %+v", f.Chain)
	}

	// The wrong name fails the name only; the handshake itself is fine.
	_, f = p.TLS(t.Context(), connect(t, p, addr), addr, "ec2messages.us-east-1.amazonaws.com")
	if f.Status != fact.OK || f.Name.Class != fact.CertName || f.Reference.Status != fact.OK {
		t.Errorf("other name: %+v", f)
	}
}

func TestHandshakeVersionsAndALPN(t *testing.T) {
	leaf := probetest.NewCA("r").Leaf(probetest.LeafOptions{Names: []string{host}})
	for _, c := range []struct {
		max       uint16
		protocols []string
		version   string
		alpn      string
		class     fact.Class
	}{
		{max: tls.VersionTLS12, version: "TLS 1.2", alpn: "http/1.1"},
		{max: tls.VersionTLS11, class: fact.TLSAlert},
		{protocols: []string{}, version: "TLS 1.3"},
	} {
		addr := serve(t, (&probetest.TLSServer{Certificate: leaf, MaxVersion: c.max}).Serve)
		p := &Prober{Protocols: c.protocols}
		_, f := p.TLS(t.Context(), connect(t, p, addr), addr, host)
		if f.Version != c.version || f.ALPN != c.alpn || f.Class != c.class {
			t.Errorf("%+v: %+v", c, f)
		}
	}
}

func TestNoSNIForAnAddress(t *testing.T) {
	s := &probetest.TLSServer{Certificate: probetest.NewCA("r").Leaf(probetest.LeafOptions{Names: []string{"127.0.0.1"}})}
	addr := serve(t, s.Serve)
	ca := probetest.NewCA("other")
	p := &Prober{Trust: store(t, ca, ca)}
	_, f := p.TLS(t.Context(), connect(t, p, addr), addr, "127.0.0.1")
	if f.Status != fact.OK || f.Name.Status != fact.OK {
		t.Errorf("%+v", f)
	}
	_, f = p.TLS(t.Context(), connect(t, p, addr), addr, host+".")
	if f.Status != fact.OK {
		t.Errorf("%+v", f)
	}
	if got := s.Hellos(); len(got) != 2 || got[0] != "" || got[1] != host {
		t.Errorf("SNI %q", got)
	}
}

func TestHandshakeFaults(t *testing.T) {
	leaf := probetest.NewCA("r").Leaf(probetest.LeafOptions{Names: []string{host}})
	for fault, want := range map[probetest.TLSFault]fact.Class{
		probetest.StallOpen:  fact.Timeout,
		probetest.StallHello: fact.Timeout,
		probetest.ResetHello: fact.Reset,
		probetest.CloseHello: fact.EOF,
		probetest.AlertHello: fact.TLSAlert,
		probetest.PlainHTTP:  fact.NotTLS,
	} {
		t.Run(string(fault), func(t *testing.T) {
			addr := serve(t, (&probetest.TLSServer{Certificate: leaf, Fault: fault}).Serve)
			p := &Prober{TLSTimeout: 100 * time.Millisecond}
			c, f := p.TLS(t.Context(), connect(t, p, addr), addr, host)
			if c != nil || f.Class != want || f.CutByBudget || len(f.Chain) > 0 {
				t.Errorf("%+v", f)
			}
			if fault == probetest.AlertHello && f.Alert != 40 {
				t.Errorf("alert %d, want handshake_failure", f.Alert)
			}
			if fault == probetest.PlainHTTP && f.FirstText != "HTTP/1.1 400 Bad Request" {
				t.Errorf("first text %q", f.FirstText)
			}
		})
	}
}

func TestFaultsBySNI(t *testing.T) {
	leaf := probetest.NewCA("r").Leaf(probetest.LeafOptions{Names: []string{host}})
	addr := serve(t, (&probetest.TLSServer{Certificate: leaf, BySNI: map[string]probetest.TLSFault{
		"ssmmessages.us-east-1.amazonaws.com": probetest.ResetHello,
		"ec2messages.us-east-1.amazonaws.com": probetest.StallHello,
	}}).Serve)
	p := &Prober{TLSTimeout: 100 * time.Millisecond}
	for name, want := range map[string]fact.Class{
		host:                                  fact.ClassNone,
		"ssmmessages.us-east-1.amazonaws.com": fact.Reset,
		"ec2messages.us-east-1.amazonaws.com": fact.Timeout,
	} {
		if _, f := p.TLS(t.Context(), connect(t, p, addr), addr, name); f.Class != want {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

func TestHandshakeCutByBudget(t *testing.T) {
	addr := serve(t, (&probetest.TLSServer{Fault: probetest.StallOpen}).Serve)
	p := &Prober{}
	c := connect(t, p, addr)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, f := p.TLS(ctx, c, addr, host); f.Class != fact.Timeout || !f.CutByBudget {
		t.Errorf("%+v", f)
	}
	if _, f := p.TLS(ctx, c, addr, host); f.Status != fact.NotRun {
		t.Errorf("after the budget: %+v", f)
	}
}

// A server that wants a client certificate shows its chain before it refuses.
func TestChainIsKnownWhenTheHandshakeFailsLater(t *testing.T) {
	leaf := probetest.NewCA("r").Leaf(probetest.LeafOptions{Names: []string{host}})
	addr := serve(t, (&probetest.TLSServer{Certificate: leaf, ClientAuth: true, MaxVersion: tls.VersionTLS12}).Serve)
	p := &Prober{}
	_, f := p.TLS(t.Context(), connect(t, p, addr), addr, host)
	if f.Class != fact.TLSAlert || f.Alert == 0 || len(f.Chain) != 1 {
		t.Errorf("%+v", f)
	}
}

func TestHostileCertificate(t *testing.T) {
	names := make([]string, 100)
	for i := range names {
		names[i] = strings.Repeat("x", 40) + ".example"
	}
	names[0] = "\x1b[2J\x07.example"
	ca := probetest.NewCA("evil \x1b[31m\n\r CA " + strings.Repeat("x", 400))
	addr := serve(t, (&probetest.TLSServer{Certificate: ca.Leaf(probetest.LeafOptions{Names: names})}).Serve)
	p := &Prober{Trust: store(t, ca, ca)}
	_, f := p.TLS(t.Context(), connect(t, p, addr), addr, host)
	if f.Status == fact.OK && len(f.Chain) == 1 {
		if n := f.Chain[0]; len(n.Names) != maxNames || n.MoreNames != 100-maxNames || len(n.Issuer) > maxDN {
			t.Errorf("%+v", n)
		}
	}
	noControl(t, f)
}

// noControl fails when any byte of a fact could act on a terminal.
func noControl(t *testing.T, f any) {
	t.Helper()
	text := strings.ReplaceAll(dump(t, f), `\\`, "") // an escaped backslash escapes nothing
	for _, bad := range []string{`\u00`, `\n`, `\r`, `\t`, "\x1b"} {
		if strings.Contains(text, bad) {
			t.Errorf("%q in %s", bad, text)
		}
	}
}

func TestNotRunWhenInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p := &Prober{Dial: failing(errors.New("must not be dialled"))}
	if _, f := p.TCP(ctx, netip.MustParseAddrPort("10.0.0.1:443")); f.Status != fact.NotRun || !strings.Contains(f.Skipped, "interrupted") {
		t.Errorf("%+v", f)
	}
}

// BenchmarkHandshake is the client's and the fake server's cost of one
// connection with both verifications, and one request.
func BenchmarkHandshake(b *testing.B) {
	aws := probetest.NewCA("r")
	s := &probetest.TLSServer{
		Certificate: aws.Intermediate("i").Leaf(probetest.LeafOptions{Names: []string{host}}),
		Handler:     http.NotFoundHandler(),
	}
	addr := serve(b, s.Serve)
	p := &Prober{Trust: store(b, aws, aws), UserAgent: "vpcdoctor/bench (+diagnostic)"}
	b.ReportAllocs()
	for b.Loop() {
		c, d := p.TCP(b.Context(), addr)
		if c == nil {
			b.Fatalf("%+v", d)
		}
		t, h := p.TLS(b.Context(), c, addr, host)
		if t == nil || h.Reference.Status != fact.OK {
			b.Fatalf("%+v", h)
		}
		if r := p.HTTP(b.Context(), t, addr, host); r.HTTPStatus != http.StatusNotFound {
			b.Fatalf("%+v", r)
		}
		t.Close()
	}
}
