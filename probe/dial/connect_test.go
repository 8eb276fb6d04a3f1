package dial

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/probetest"
)

// through is a proxy fake and the URL by which a client reaches it.
func through(t *testing.T, px *probetest.Proxy, scheme string) Proxy {
	t.Helper()
	addr := serve(t, px.Serve)
	return Proxy{URL: &url.URL{Scheme: scheme, Host: addr.String()}}
}

// awsBehind makes a proxy reach a fake AWS front end whatever it is asked for.
func awsBehind(t *testing.T, ca *probetest.CA, px *probetest.Proxy) {
	t.Helper()
	leaf := ca.Leaf(probetest.LeafOptions{Names: []string{host}})
	aws := serve(t, (&probetest.TLSServer{Certificate: leaf, Handler: probetest.AWSHandler(probetest.AWSOptions{})}).Serve)
	px.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, aws.String())
	}
}

// overTunnel shows that the connection is the far end's: TLS and HTTP work on it.
func overTunnel(t *testing.T, p *Prober, c net.Conn, f fact.Tunnel) {
	t.Helper()
	tc, h := p.TLS(t.Context(), c, f.Addr, host)
	if tc == nil || h.Name.Status != fact.OK {
		t.Fatalf("handshake in the tunnel: %+v", h)
	}
	defer tc.Close()
	if r := p.HTTP(t.Context(), tc, f.Addr, host); r.RequestID == "" {
		t.Errorf("request in the tunnel: %+v", r)
	}
}

func TestConnect(t *testing.T) {
	ca := probetest.NewCA("r")
	px := &probetest.Proxy{}
	awsBehind(t, ca, px)
	p := &Prober{Trust: store(t, ca, ca), UserAgent: "vpcdoctor/1 (+diagnostic)"}
	c, f := p.Connect(t.Context(), through(t, px, "http"), host, 443)
	if c == nil || f.Status != fact.OK || f.HTTPStatus != 200 || f.Step != "" || f.Scheme != "http" || f.Host != host || f.Port != 443 || f.Proxy != f.Addr.String() {
		t.Fatalf("%+v", f)
	}
	defer c.Close()
	overTunnel(t, p, c, f)
	want := probetest.ProxyRequest{Method: "CONNECT", Target: host + ":443", UserAgent: "vpcdoctor/1 (+diagnostic)", Status: 200}
	if seen := px.Seen(); len(seen) != 1 || seen[0] != want {
		t.Errorf("%+v", seen)
	}
}

func TestConnectOverTLS(t *testing.T) {
	ca, other := probetest.NewCA("r"), probetest.NewCA("other")
	cert := ca.Leaf(probetest.LeafOptions{Names: []string{"127.0.0.1"}})
	px := &probetest.Proxy{TLS: &cert}
	awsBehind(t, ca, px)
	p := &Prober{Trust: store(t, ca, ca)}
	c, f := p.Connect(t.Context(), through(t, px, "https"), host, 443)
	if c == nil || f.Scheme != "https" {
		t.Fatalf("%+v", f)
	}
	defer c.Close()
	overTunnel(t, p, c, f)

	// A Go program refuses a proxy whose certificate does not verify.
	p = &Prober{Trust: store(t, other, ca)}
	if c, f = p.Connect(t.Context(), through(t, px, "https"), host, 443); c != nil || f.Step != "tls" || f.Class != fact.CertUntrusted {
		t.Errorf("unknown CA: %+v", f)
	}
}

func TestConnectFailures(t *testing.T) {
	closed := func() *url.URL {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
		return &url.URL{Scheme: "http", Host: l.Addr().String()}
	}()
	proxy := func(px *probetest.Proxy, scheme string) Proxy { return through(t, px, scheme) }
	for _, c := range []struct {
		name   string
		proxy  Proxy
		step   string
		class  fact.Class
		status int
		reason string
	}{
		{"credentials missing", proxy(&probetest.Proxy{User: "u", Password: "p"}, "http"), "request", fact.HTTPStatus, 407, "Proxy Authentication Required"},
		{"host denied", proxy(&probetest.Proxy{Hosts: map[string]int{host: 403}}, "http"), "request", fact.HTTPStatus, 403, "Forbidden"},
		{"far end unreachable", proxy(&probetest.Proxy{Status: 502}, "http"), "request", fact.HTTPStatus, 502, "Bad Gateway"},
		{"proxy overloaded", proxy(&probetest.Proxy{Status: 503}, "http"), "request", fact.HTTPStatus, 503, "Service Unavailable"},
		{"silent", proxy(&probetest.Proxy{Mode: probetest.ProxySilent}, "http"), "request", fact.Timeout, 0, ""},
		{"closes", proxy(&probetest.Proxy{Mode: probetest.ProxyClose}, "http"), "request", fact.EOF, 0, ""},
		{"resets", proxy(&probetest.Proxy{Mode: probetest.ProxyReset}, "http"), "request", fact.Reset, 0, ""},
		{"not HTTP", proxy(&probetest.Proxy{Mode: probetest.ProxyGarbage}, "http"), "request", fact.HTTPMalformed, 0, ""},
		{"endless headers", proxy(&probetest.Proxy{Mode: probetest.ProxyEndless}, "http"), "request", fact.TooLarge, 0, ""},
		{"https URL of a plain proxy", proxy(&probetest.Proxy{}, "https"), "tls", fact.NotTLS, 0, ""},
		{"nothing listens", Proxy{URL: closed}, "connect", fact.Refused, 0, ""},
		{"name without a resolver", Proxy{URL: &url.URL{Scheme: "http", Host: "proxy.corp:3128"}}, "resolve", fact.OtherFailure, 0, ""},
		{"scheme unknown", Proxy{URL: &url.URL{Scheme: "socks5", Host: "127.0.0.1:1"}}, "resolve", fact.Unsupported, 0, ""},
		{"no URL", Proxy{}, "resolve", fact.Unsupported, 0, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := &Prober{TunnelTimeout: 10 * time.Second, TLSTimeout: 10 * time.Second} // a busy machine reads slowly
			if c.class == fact.Timeout {
				p.TunnelTimeout = 200 * time.Millisecond
			}
			conn, f := p.Connect(t.Context(), c.proxy, host, 443)
			if conn != nil || f.Status != fact.Failed || f.Step != c.step || f.Class != c.class || f.HTTPStatus != c.status || f.Reason != c.reason || f.CutByBudget || f.Detail == "" {
				t.Errorf("%+v", f)
			}
		})
	}
}

func TestConnectResolvesTheProxy(t *testing.T) {
	px := &probetest.Proxy{Status: 403}
	addr := serve(t, px.Serve)
	u := &url.URL{Scheme: "http", Host: net.JoinHostPort("proxy.corp", addr.String()[strings.LastIndexByte(addr.String(), ':')+1:])}
	lookups := []struct {
		name  string
		addrs []netip.Addr
		err   error
		step  string
		class fact.Class
	}{
		{"second address works", []netip.Addr{netip.MustParseAddr("127.0.0.2"), addr.Addr()}, nil, "request", fact.HTTPStatus},
		{"no address", nil, nil, "resolve", fact.NXDomain},
		{"resolver silent", nil, &net.DNSError{IsTimeout: true}, "resolve", fact.Timeout},
		{"resolver failed", nil, errors.New("no"), "resolve", fact.OtherFailure},
	}
	for _, l := range lookups {
		p := &Prober{LookupHost: func(context.Context, string) ([]netip.Addr, error) { return l.addrs, l.err }}
		_, f := p.Connect(t.Context(), Proxy{URL: u}, host, 443)
		if f.Step != l.step || f.Class != l.class || f.Proxy != u.Host {
			t.Errorf("%s: %+v", l.name, f)
		}
	}
}

func TestProxyCredentialsAreSentAndNeverKept(t *testing.T) {
	const user, password = "svc-user", "hunter2&%"
	ca := probetest.NewCA("r")
	good := &probetest.Proxy{User: user, Password: password}
	awsBehind(t, ca, good)
	p := &Prober{TunnelTimeout: 200 * time.Millisecond, TLSTimeout: 200 * time.Millisecond, Trust: store(t, ca, ca)}
	proxies := map[string]*probetest.Proxy{
		"accepted": good,
		"refused":  {User: "other", Password: "x"},
		"silent":   {Mode: probetest.ProxySilent},
		"garbage":  {Mode: probetest.ProxyGarbage},
	}
	for name, px := range proxies {
		for _, scheme := range []string{"http", "https", "socks5"} {
			via := through(t, px, scheme)
			via.URL.User = url.UserPassword(user, password)
			c, f := p.Connect(t.Context(), via, host, 443)
			if c != nil {
				c.Close()
			}
			if ok := name == "accepted" && scheme == "http"; (f.Status == fact.OK) != ok {
				t.Errorf("%s by %s: %+v", name, scheme, f)
			}
			text := dump(t, f) + via.Name()
			for _, secret := range []string{user, password, "hunter2", "c3ZjLXVzZXI6"} {
				if strings.Contains(text, secret) {
					t.Errorf("%s by %s: %q in %s", name, scheme, secret, text)
				}
			}
		}
	}
	if seen := good.Seen(); len(seen) != 1 || !seen[0].Authorization || seen[0].Status != http.StatusOK {
		t.Errorf("%+v", seen)
	}
}

func TestProxyName(t *testing.T) {
	for in, want := range map[string]string{
		"http://proxy":                 "proxy:80",
		"https://u:p@proxy":            "proxy:443",
		"http://proxy:3128/":           "proxy:3128",
		"http://[fd00::1]:8080":        "[fd00::1]:8080",
		"http://u:p@10.0.0.1:99999999": "10.0.0.1:80",
	} {
		u, err := url.Parse(in)
		if err != nil {
			t.Fatal(err)
		}
		if got := (Proxy{URL: u}).Name(); got != want {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
	}
}

func TestNoProxy(t *testing.T) {
	for _, c := range []struct {
		host, noProxy string
		want          bool
	}{
		{host, "", false},
		{host, ".amazonaws.com", true},
		{host, "amazonaws.com", true},
		{host, "*.amazonaws.com", true},
		{host, "*", true},
		{host, host + ":443", true},
		{host, host + ":80", false},
		{host, "169.254.169.254, " + host, true},
		{host, ".amazonaws.com.cn", false},
		{"10.0.1.5", "10.0.0.0/16", true},
		{host, "10.0.0.0/16", false}, // names are not resolved for it
		{"169.254.169.254", "169.254.169.254", true},
		{"localhost", "", true},
	} {
		if got := NoProxy(c.host, 443, c.noProxy); got != c.want {
			t.Errorf("NoProxy(%q, %q) = %v", c.host, c.noProxy, got)
		}
	}
}

func TestReadHeadLeavesTheTunnelsBytes(t *testing.T) {
	r := strings.NewReader("HTTP/1.1 200 OK\r\nVia: x\r\n\r\nSSH-2.0")
	head, err := readHead(r)
	rest, _ := io.ReadAll(r)
	if err != nil || string(rest) != "SSH-2.0" || !strings.HasSuffix(string(head), "\r\n\r\n") {
		t.Errorf("head %q, rest %q, %v", head, rest, err)
	}
}

func FuzzConnectAnswer(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 Connection established\r\n\r\n"))
	f.Add([]byte("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 407 Proxy Authentication Required\n\n"))
	f.Add([]byte{0x15, 3, 1, 0, 2, 2, 70})
	f.Fuzz(func(t *testing.T, wire []byte) {
		p := &Prober{Dial: func(context.Context, string, string) (net.Conn, error) {
			near, far := net.Pipe()
			go func() {
				defer far.Close()
				_, _ = far.Read(make([]byte, 1024))
				_, _ = far.Write(wire)
			}()
			return near, nil
		}}
		px := Proxy{URL: &url.URL{Scheme: "http", Host: "10.0.0.1:3128", User: url.UserPassword("u", "hunter2")}}
		c, got := p.Connect(t.Context(), px, host, 443)
		if (c != nil) != (got.Status == fact.OK) {
			t.Errorf("%+v", got)
		}
		if c != nil {
			c.Close()
		}
		noControl(t, got)
	})
}
