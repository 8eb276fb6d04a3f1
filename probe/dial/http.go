package dial

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"vpcdoctor/probe/classify"
	"vpcdoctor/probe/fact"
)

// Bounds of one answer. AWS front ends send below 2 kB of headers; what answers
// is known by headers, so a body is read only to count it, and not for long.
const (
	maxHeader  = 16 << 10
	maxBody    = 16 << 10
	maxInterim = 5 // 1xx answers before the real one
	maxValue   = 200
	bodyWait   = 300 * time.Millisecond
)

// requestIDs are the headers in which AWS front ends name a request, most
// specific first: JSON and query services, S3, older services, API Gateway.
var requestIDs = []string{
	"x-amzn-requestid", "x-amz-request-id", "x-amzn-request-id", "x-amz-requestid", "x-amz-apigw-id", "x-amz-id-2",
}

var errTooLarge = errors.New("headers larger than 16 kB")

// HTTP sends one unsigned GET / for host on c, which TLS made, and reads the
// answer. Any answer that is HTTP is OK, whatever its status: an unsigned
// request is refused by design, and what the status means is not judged here.
// Redirects are recorded, not followed. The caller closes c.
func (p *Prober) HTTP(ctx context.Context, c *tls.Conn, addr netip.AddrPort, host string) fact.Request {
	f := fact.Request{Addr: addr, Host: host, Method: http.MethodGet, Path: "/"}
	if err := ctx.Err(); err != nil {
		f.Outcome = classify.NotBegun(err)
		return f
	}
	a := p.attempt(ctx, or(p.HTTPTimeout, DefaultHTTPTimeout))
	defer a.cancel()
	defer a.guard(c)()
	p.exchange(&f, c, a, "Accept: */*\r\nConnection: close\r\n")
	return f
}

// exchange asks f.Host for f.Path, with the further header lines, and fills f
// with the answer. Took ends with the last header: the body adds nothing to
// what is known.
func (p *Prober) exchange(f *fact.Request, c net.Conn, a attempt, lines string) {
	if !plainHost(f.Host) {
		f.Outcome = a.outcome(errBadHost)
		f.Class = fact.Malformed
		return
	}
	request := f.Method + " " + f.Path + " HTTP/1.1\r\nHost: " + bracket(f.Host) + "\r\n" + p.agentLine() + lines + "\r\n"
	if _, err := io.WriteString(c, request); err != nil {
		f.Outcome = a.outcome(err)
		return
	}
	limited := &io.LimitedReader{R: c, N: maxHeader}
	resp, err := readResponse(limited, http.MethodGet)
	took := time.Since(a.began)
	f.Outcome = a.outcomeAfter(err, took)
	if err != nil {
		httpClass(&f.Outcome, err)
		return
	}
	defer resp.Body.Close()
	fill(f, resp)
	if !f.Date.IsZero() {
		f.HasOffset = true
		f.Offset = fact.Duration(a.start.Add(took / 2).Sub(f.Date))
	}
	limited.N += maxBody
	_ = c.SetReadDeadline(earlier(a.ctx, time.Now().Add(bodyWait)))
	n, _ := io.CopyN(io.Discard, resp.Body, maxBody) // a body cut short changes nothing
	f.Body = int(n)
}

func earlier(ctx context.Context, t time.Time) time.Time {
	if end, ok := ctx.Deadline(); ok && end.Before(t) {
		return end
	}
	return t
}

// parseError is an answer that is not HTTP.
type parseError struct{ err error }

func (e parseError) Error() string { return "answer is not HTTP: " + e.err.Error() }

// readResponse reads the head of one answer, past any 1xx. Its error is a
// parseError, errTooLarge or what the connection gave. The body is read through
// r as well, whose limit the caller raises first.
func readResponse(r *io.LimitedReader, method string) (*http.Response, error) {
	var (
		seen = &lastError{r: r}
		br   = bufio.NewReader(seen)
		req  = &http.Request{Method: method}
	)
	for range maxInterim {
		resp, err := http.ReadResponse(br, req)
		switch {
		case err == nil && resp.StatusCode >= 100 && resp.StatusCode < 200 && resp.StatusCode != http.StatusSwitchingProtocols:
			continue
		case err == nil:
			return resp, nil
		case r.N <= 0:
			return nil, errTooLarge
		case seen.err != nil && (!errors.Is(seen.err, io.EOF) || seen.n == 0):
			return nil, seen.err // the connection failed, not the grammar
		case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
			return nil, io.ErrUnexpectedEOF
		}
		return nil, parseError{err}
	}
	return nil, parseError{fmt.Errorf("more than %d interim answers", maxInterim)}
}

// lastError remembers how reading ended: http.ReadResponse turns the errors of
// a connection into its own.
type lastError struct {
	r   io.Reader
	n   int
	err error
}

func (l *lastError) Read(b []byte) (int, error) {
	n, err := l.r.Read(b)
	l.n += n
	if err != nil {
		l.err = err
	}
	return n, err
}

// httpClass names the two failures that only HTTP has.
func httpClass(o *fact.Outcome, err error) {
	var bad parseError
	switch {
	case errors.As(err, &bad):
		o.Class = fact.HTTPMalformed
	case errors.Is(err, errTooLarge):
		o.Class = fact.TooLarge
	}
}

// fill records the headers by which the answerer is known.
func fill(f *fact.Request, resp *http.Response) {
	h := resp.Header
	f.HTTPStatus = resp.StatusCode
	f.Server = classify.Clean(h.Get("Server"), maxValue)
	f.Via = classify.Clean(h.Get("Via"), maxValue)
	f.Type = classify.Clean(h.Get("Content-Type"), maxValue)
	f.Location = place(h.Get("Location"))
	for _, name := range requestIDs {
		if v := h.Get(name); v != "" {
			f.RequestID, f.IDHeader = classify.Clean(v, maxValue), name
			break
		}
	}
	if t, err := http.ParseTime(h.Get("Date")); err == nil && t.Year() > 1970 {
		f.Date = t.UTC()
	}
}

// place is where a redirect leads, without query and user name: portals put
// session tokens there.
func place(location string) string {
	u, err := url.Parse(location)
	if err != nil {
		location, _, _ = strings.Cut(location, "?")
		if i := strings.LastIndexByte(location, '@'); i >= 0 {
			location = location[i+1:]
		}
		return classify.Clean(location, maxValue)
	}
	u.User, u.RawQuery, u.Fragment, u.RawFragment, u.ForceQuery = nil, "", "", "", false
	return classify.Clean(u.String(), maxValue)
}

var errBadHost = errors.New("host name has characters that no host name has")

// plainHost keeps anything that could break out of a header line off the wire.
func plainHost(host string) bool {
	for _, c := range []byte(host) {
		ok := c == '.' || c == '-' || c == '_' || c == ':' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !ok {
			return false
		}
	}
	return host != "" && len(host) <= maxName
}

// bracket writes an IPv6 address as a Host header wants it.
func bracket(host string) string {
	if a, err := netip.ParseAddr(host); err == nil && a.Is6() {
		return "[" + host + "]"
	}
	return host
}

func (p *Prober) agentLine() string {
	if p.UserAgent == "" {
		return ""
	}
	return "User-Agent: " + classify.Clean(p.UserAgent, maxValue) + "\r\n"
}
