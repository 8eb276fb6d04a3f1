package dial

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"vpcdoctor/probe/classify"
	"vpcdoctor/probe/fact"
)

// Proxy is an HTTP proxy. Its URL may carry a user name and password: they go
// into the Proxy-Authorization header and nowhere else.
type Proxy struct {
	URL *url.URL
}

// Name is the proxy's host:port, with the default port of its scheme.
func (px Proxy) Name() string {
	return net.JoinHostPort(classify.Clean(px.URL.Hostname(), maxName), strconv.Itoa(int(px.port())))
}

func (px Proxy) port() uint16 {
	if n, err := strconv.ParseUint(px.URL.Port(), 10, 16); err == nil && px.URL.Port() != "" {
		return uint16(n)
	}
	if px.URL.Scheme == "https" {
		return 443
	}
	return 80
}

// maxProxyAddrs is how many addresses of a proxy are tried: a proxy behind two
// load-balancer nodes is common, and a dead first one must not hide the second.
const maxProxyAddrs = 2

// Steps of a tunnel, as in fact.Tunnel.Step.
const (
	stepResolve = "resolve"
	stepConnect = "connect"
	stepTLS     = "tls"
	stepRequest = "request"
)

// Connect asks a proxy for a tunnel to host:port the way a Go program does:
// resolve the proxy, connect, speak TLS to it when its URL says https, send
// CONNECT. The connection, on which the far end speaks next, is nil unless the
// fact's Status is OK; the caller closes it.
func (p *Prober) Connect(ctx context.Context, px Proxy, host string, port uint16) (net.Conn, fact.Tunnel) {
	if px.URL == nil {
		px.URL = &url.URL{}
	}
	f := fact.Tunnel{Proxy: px.Name(), Scheme: classify.Clean(px.URL.Scheme, 16), Host: host, Port: port}
	if err := ctx.Err(); err != nil {
		f.Outcome = classify.NotBegun(err)
		return nil, f
	}
	limit := or(p.Timeout, DefaultTimeout)*maxProxyAddrs + or(p.TLSTimeout, DefaultTLSTimeout) + or(p.TunnelTimeout, DefaultTunnelTimeout)
	a := p.attempt(ctx, limit)
	defer a.cancel()
	fail := func(step string, err error) (net.Conn, fact.Tunnel) {
		f.Outcome, f.Step = a.outcome(err), step
		return nil, f
	}
	if f.Scheme != "http" && f.Scheme != "https" {
		c, f := fail(stepResolve, errors.New("proxy scheme is neither http nor https"))
		f.Class = fact.Unsupported
		return c, f
	}
	addrs, err := p.proxyAddrs(a.ctx, px.URL.Hostname())
	if err != nil {
		return fail(stepResolve, err)
	}
	c, d := p.firstOf(ctx, addrs, px.port())
	f.Addr = d.Addr
	if c == nil {
		f.Outcome, f.Step = d.Outcome, stepConnect
		f.Start, f.Took = a.start.UTC(), a.outcome(nil).Took
		return nil, f
	}
	if f.Scheme == "https" {
		if c = p.proxyTLS(a, c, px, &f); c == nil {
			return nil, f
		}
	}
	if p.request(a, c, px, &f); f.Status != fact.OK {
		c.Close()
		return nil, f
	}
	return c, f
}

func (p *Prober) proxyAddrs(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a}, nil
	}
	if p.LookupHost == nil {
		return nil, errors.New("no resolver for the proxy's name")
	}
	addrs, err := p.LookupHost(ctx, host)
	if err == nil && len(addrs) == 0 {
		err = &net.DNSError{Err: "no such host", Name: classify.Clean(host, maxName), IsNotFound: true}
	}
	return addrs[:min(len(addrs), maxProxyAddrs)], err
}

// firstOf connects to the first address that answers and returns the last dial.
func (p *Prober) firstOf(ctx context.Context, addrs []netip.Addr, port uint16) (c net.Conn, d fact.Dial) {
	for _, addr := range addrs {
		if c, d = p.TCP(ctx, netip.AddrPortFrom(addr.Unmap(), port)); c != nil {
			break
		}
	}
	return c, d
}

// proxyTLS speaks TLS to the proxy itself. A Go program refuses a proxy whose
// certificate does not verify, so that fails the step.
func (p *Prober) proxyTLS(a attempt, c net.Conn, px Proxy, f *fact.Tunnel) net.Conn {
	t, h := p.TLS(a.run, c, f.Addr, px.URL.Hostname())
	f.Outcome, f.Step = h.Outcome, stepTLS
	f.Start, f.Took = a.start.UTC(), a.outcome(nil).Took
	if t == nil {
		if h.FirstText != "" {
			f.Detail = classify.Clean("the proxy answered "+h.FirstText, maxValue)
		}
		return nil
	}
	for _, v := range []fact.Verified{h.Name, h.System} {
		if v.Status == fact.Failed {
			f.Status, f.Class, f.Detail = fact.Failed, v.Class, v.Detail
			t.Close()
			return nil
		}
	}
	return t
}

// request sends CONNECT and reads the answer's head.
func (p *Prober) request(a attempt, c net.Conn, px Proxy, f *fact.Tunnel) {
	f.Step = stepRequest
	if !plainHost(f.Host) {
		f.Outcome = a.outcome(errBadHost)
		f.Class = fact.Malformed
		return
	}
	s := p.attempt(a.run, or(p.TunnelTimeout, DefaultTunnelTimeout))
	defer s.cancel()
	defer s.guard(c)()
	resp, err := p.ask(c, px, net.JoinHostPort(f.Host, strconv.Itoa(int(f.Port)))) //nolint:bodyclose // read from bytes in memory
	f.Outcome = s.outcome(err)
	f.Start, f.Took = a.start.UTC(), a.outcome(nil).Took
	if err != nil {
		httpClass(&f.Outcome, err)
		return
	}
	f.HTTPStatus = resp.StatusCode
	_, reason, _ := strings.Cut(resp.Status, " ")
	f.Reason = classify.Clean(reason, maxValue)
	if resp.StatusCode/100 != 2 {
		f.Status, f.Class, f.Detail = fact.Failed, fact.HTTPStatus, "the proxy answered "+classify.Clean(resp.Status, maxValue)
		return
	}
	f.Step = ""
}

func (p *Prober) ask(c net.Conn, px Proxy, target string) (*http.Response, error) {
	line := "CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\n" + p.agentLine()
	if u := px.URL.User; u != nil {
		password, _ := u.Password()
		line += "Proxy-Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(u.Username()+":"+password)) + "\r\n"
	}
	if _, err := io.WriteString(c, line+"\r\n"); err != nil {
		return nil, err
	}
	for range maxInterim {
		head, err := readHead(c)
		if err != nil {
			return nil, err
		}
		resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(head)), &http.Request{Method: http.MethodConnect})
		if err != nil {
			return nil, parseError{errors.New(classify.Clean(string(head), maxFirst))}
		}
		if resp.StatusCode/100 != 1 {
			return resp, nil
		}
	}
	return nil, parseError{errors.New("only interim answers")}
}

// readHead reads up to the empty line that ends a head and not one byte more:
// what follows belongs to the tunnel. One byte a read is slow and does not
// matter for one answer of a few hundred bytes.
func readHead(c io.Reader) ([]byte, error) {
	var (
		head = make([]byte, 0, 512)
		one  [1]byte
	)
	for len(head) < maxHeader {
		if _, err := io.ReadFull(c, one[:]); err != nil {
			if err == io.EOF && len(head) > 0 {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
		head = append(head, one[0])
		if bytes.HasSuffix(head, []byte("\n\r\n")) || bytes.HasSuffix(head, []byte("\n\n")) {
			return head, nil
		}
		if notHTTP(head) {
			return nil, parseError{errors.New(classify.Clean(string(head), maxFirst))}
		}
	}
	return nil, errTooLarge
}

// notHTTP ends the reading early for a peer that speaks something else, which
// may never send an empty line: a TLS record, a banner.
func notHTTP(head []byte) bool {
	const start = "HTTP/"
	n := min(len(head), len(start))
	return string(head[:n]) != start[:n]
}
