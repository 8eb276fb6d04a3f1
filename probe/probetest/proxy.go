package probetest

import (
	"bufio"
	"context"
	"crypto/subtle"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
)

// ProxyMode is how a proxy misbehaves before it looks at a request.
type ProxyMode string

// Behaviours of a proxy.
const (
	ProxyFine    ProxyMode = ""
	ProxySilent  ProxyMode = "silent"  // accepts, never answers
	ProxyClose   ProxyMode = "close"   // closes after the request
	ProxyReset   ProxyMode = "reset"   // RST after the request
	ProxyGarbage ProxyMode = "garbage" // answers something that is not HTTP
	ProxyEndless ProxyMode = "endless" // headers without end
)

// Proxy is a forward proxy: CONNECT for tunnels, and plain http requests in
// absolute form, as an instance whose no_proxy lacks the metadata service sends
// them. It listens nowhere by itself. Fields are set before the first
// connection; Seen may be called at any time.
type Proxy struct {
	// Dial reaches the far end; nil: a plain net.Dialer.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)

	Mode     ProxyMode
	Status   int            // answer to every CONNECT instead of a tunnel (407, 502 …); 0: a tunnel
	Hosts    map[string]int // the same by host name, lower case; wins over Status
	User     string         // basic credentials demanded; empty: none
	Password string
	TLS      *tls.Certificate // clients speak TLS to the proxy; nil: plain

	mu   sync.Mutex
	seen []ProxyRequest
}

// ProxyRequest is what a proxy was asked and how it answered.
type ProxyRequest struct {
	Method        string
	Target        string // host:port of a CONNECT, URL of a plain request
	UserAgent     string
	Authorization bool // credentials were sent
	Status        int  // answered; 0: nothing was
}

// Seen are the requests so far, in order.
func (p *Proxy) Seen() []ProxyRequest {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]ProxyRequest(nil), p.seen...)
}

// Serve serves every connection of l until l is closed, and ends the open ones
// then.
func (p *Proxy) Serve(l net.Listener) error {
	var open connSet
	defer open.closeAll()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		open.add(c)
		go func() {
			defer c.Close()
			p.serve(ctx, c)
		}()
	}
}

func (p *Proxy) serve(ctx context.Context, c net.Conn) {
	if p.Mode == ProxySilent {
		_, _ = io.Copy(io.Discard, c)
		return
	}
	if p.TLS != nil {
		t := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{*p.TLS}, MinVersion: tls.VersionTLS12})
		if t.HandshakeContext(ctx) != nil {
			return
		}
		defer t.Close()
		c = t
	}
	br := bufio.NewReader(c)
	r, err := http.ReadRequest(br)
	if err != nil {
		// What a plain proxy says to a TLS ClientHello.
		_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		return
	}
	if p.fault(c) {
		p.note(r, 0)
		return
	}
	if status := p.refuse(r); status != 0 {
		p.note(r, status)
		p.refusal(c, status)
		return
	}
	if r.Method != http.MethodConnect {
		p.forward(ctx, c, r)
		return
	}
	p.tunnel(ctx, c, br, r)
}

func (p *Proxy) note(r *http.Request, status int) {
	target := r.Host
	if r.Method != http.MethodConnect {
		target = r.URL.String()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen = append(p.seen, ProxyRequest{
		Method: r.Method, Target: target, UserAgent: r.UserAgent(),
		Authorization: r.Header.Get("Proxy-Authorization") != "", Status: status,
	})
}

func (p *Proxy) fault(c net.Conn) bool {
	switch p.Mode {
	case ProxyReset:
		resetOnClose(c)
		return true
	case ProxyGarbage:
		_, _ = io.WriteString(c, "SSH-2.0-OpenSSH_9.6\r\n")
		return true
	case ProxyEndless:
		line := "X-Filler: " + strings.Repeat("x", 1024) + "\r\n"
		_, err := io.WriteString(c, "HTTP/1.1 200 OK\r\n")
		for err == nil {
			_, err = io.WriteString(c, line)
		}
		return true
	}
	return p.Mode == ProxyClose
}

// refuse is the status with which a request is turned away, or 0.
func (p *Proxy) refuse(r *http.Request) int {
	if p.User != "" {
		want := "Basic " + base64.StdEncoding.EncodeToString([]byte(p.User+":"+p.Password))
		if subtle.ConstantTimeCompare([]byte(r.Header.Get("Proxy-Authorization")), []byte(want)) == 0 {
			return http.StatusProxyAuthRequired
		}
	}
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	if status, ok := p.Hosts[strings.ToLower(host)]; ok {
		return status
	}
	return p.Status
}

func (p *Proxy) refusal(c net.Conn, status int) {
	extra := ""
	if status == http.StatusProxyAuthRequired {
		extra = "Proxy-Authenticate: Basic realm=\"proxy\"\r\n"
	}
	const body = "<html>refused by the proxy</html>"
	_, _ = fmt.Fprintf(c, "HTTP/1.1 %d %s\r\nServer: squid/6.6\r\nVia: 1.1 proxy\r\nContent-Type: text/html\r\n%sContent-Length: %d\r\n\r\n%s",
		status, http.StatusText(status), extra, len(body), body)
}

func (p *Proxy) dial(ctx context.Context, addr string) (net.Conn, error) {
	if p.Dial != nil {
		return p.Dial(ctx, "tcp", addr)
	}
	var d net.Dialer
	return d.DialContext(ctx, "tcp", addr)
}

func (p *Proxy) tunnel(ctx context.Context, c net.Conn, br *bufio.Reader, r *http.Request) {
	far, err := p.dial(ctx, r.Host)
	if err != nil {
		p.note(r, http.StatusServiceUnavailable)
		p.refusal(c, http.StatusServiceUnavailable)
		return
	}
	defer far.Close()
	p.note(r, http.StatusOK)
	if _, err := io.WriteString(c, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		return
	}
	done := make(chan struct{}, 2)
	go func() { _, _ = io.Copy(far, br); done <- struct{}{} }()
	go func() { _, _ = io.Copy(c, far); done <- struct{}{} }()
	<-done // either side has ended: the tunnel has
}

// forward sends a plain request on and marks the answer as a proxy does.
func (p *Proxy) forward(ctx context.Context, c net.Conn, r *http.Request) {
	r.RequestURI = ""
	transport := &http.Transport{
		DialContext:       func(ctx context.Context, _, addr string) (net.Conn, error) { return p.dial(ctx, addr) },
		DisableKeepAlives: true,
	}
	resp, err := transport.RoundTrip(r.WithContext(ctx))
	if err != nil {
		p.note(r, http.StatusServiceUnavailable)
		p.refusal(c, http.StatusServiceUnavailable)
		return
	}
	defer resp.Body.Close()
	p.note(r, resp.StatusCode)
	resp.Header.Set("Via", "1.1 proxy (squid/6.6)")
	_ = resp.Write(c) // the client may be gone
}
