package imds

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"vpcdoctor/probe/classify"
	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/pace"
)

const (
	// maxConns is how many connections are open at once: enough to hide a slow
	// service, few enough to be one client among many (decisions.md, "Do no harm").
	maxConns = 4

	// dialTimeout covers one lost SYN: Linux sends the second after 1 s.
	dialTimeout = 1500 * time.Millisecond

	// answerTimeout is from the last byte of a request to the first of its
	// answer. The real service needs milliseconds. With dialTimeout it lets a
	// silent service be known as such within 2 s, connected or not.
	answerTimeout = 1500 * time.Millisecond

	// exchangeTimeout is for one exchange with its body, so that a body that
	// trickles cannot hold a connection for the whole budget.
	exchangeTimeout = 3 * time.Second

	// maxBody is the most that is read of an answer. The largest real one, the
	// credentials document, has about 1.5 kB.
	maxBody = 64 << 10

	// maxHeader bounds the header of an answer; the real one has 0.3 kB.
	maxHeader = 16 << 10

	// getPackets are the packets that an exchange on an open connection sends:
	// the request and the acknowledgement of the answer. The limit is on what we
	// send (decisions.md, "Do no harm"), as it is for DNS.
	getPackets = 2

	// connPackets come on top for a new connection: two to open it and two for
	// our part in closing it. The first exchange on a connection thus costs 6.
	connPackets = 4
)

// client makes exchanges: bounded, counted, paced, one attempt each.
type client struct {
	base      *url.URL
	userAgent string
	ttl       string // of the token, in seconds
	pace      *pace.Limiter
	budget    *budget
	close     func()
	slots     chan *slot     // one for each connection; holding one is the right to send
	prepaid   atomic.Int32   // connections that do has charged and nobody has dialled yet
	later     sync.WaitGroup // exchanges whose end nobody waits for at once

	mu      sync.Mutex
	token   string
	servers []string // distinct Server headers
	proxied bool
	date    fact.TimeSample // from the first answer that has a Date
}

// slot is the right to make one exchange at a time, and the buffer for it.
type slot struct {
	body []byte
	used bool
}

// newClient makes a client whose connections end with ctx.
func newClient(ctx context.Context, base *url.URL, o Options) *client {
	c := &client{base: base, userAgent: o.UserAgent, ttl: seconds(min(o.Life+tokenLife, longestLife)), pace: o.Pace, slots: make(chan *slot, maxConns)}
	for range maxConns {
		c.slots <- &slot{body: make([]byte, maxBody+1)}
	}
	dial := o.Dial
	if dial == nil {
		dial = (&net.Dialer{KeepAlive: -1}).DialContext // the run is too short for keepalive packets
	}
	t := &http.Transport{
		Proxy: nil, // link-local: no proxy can answer for us, whatever the environment says
		DialContext: func(_ context.Context, network, addr string) (net.Conn, error) {
			if err := c.payDial(ctx); err != nil {
				return nil, err
			}
			// Not the transport's own context: it may outlive the run.
			dctx, cancel := context.WithTimeout(ctx, dialTimeout)
			defer cancel()
			return dial(dctx, network, addr)
		},
		MaxConnsPerHost:        maxConns,
		MaxIdleConnsPerHost:    maxConns, // the default of 2 would close and reopen the others
		ResponseHeaderTimeout:  answerTimeout,
		MaxResponseHeaderBytes: maxHeader,
		DisableCompression:     true, // a compressed body could grow past its bound
	}
	c.budget = &budget{next: t}
	c.close = t.CloseIdleConnections
	return c
}

func seconds(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }

// request is one exchange to be made.
type request struct {
	method string
	path   string
	shown  string // path in the fact, when path holds a name that is not wanted there
	plain  bool   // without the token
	// take gets the body of a 2xx answer that is not a web page. The bytes are
	// wiped when it returns. Its error says that the form is wrong.
	take func(body []byte) error
}

// do makes the exchange. Its fact is OK after a 2xx answer that take accepted.
func (c *client) do(ctx context.Context, r request) fact.IMDSGet {
	g := fact.IMDSGet{Path: r.method + " " + cmp.Or(r.shown, r.path)}
	if ctx.Err() != nil {
		g.Outcome = fact.Skip(SkippedTime)
		return g
	}
	var s *slot
	select {
	case s = <-c.slots:
		defer func() { c.slots <- s }()
	case <-ctx.Done():
		g.Outcome = fact.Skip(SkippedTime)
		return g
	}
	if err := c.pay(ctx, s); err != nil {
		g.Outcome = fact.Skip(SkippedTime)
		return g
	}
	var answering atomic.Bool
	start := time.Now()
	err := c.attempt(ctx, r, &g, s.body, &answering)
	if errors.Is(err, errBudget) {
		g.Outcome = fact.Skip(SkippedCount)
		return g
	}
	g.Outcome = outcome(err, start, time.Since(start), answering.Load())
	if ctx.Err() != nil && (g.Class == fact.Timeout || g.Class == fact.Cancelled) {
		g.CutByBudget = true // our end, not the service's silence
	}
	return g
}

// pay waits for the packets of an exchange. A slot that is used for the first
// time will most likely open a connection: that is paid here too, so that the
// wait for it does not look like a slow service.
func (c *client) pay(ctx context.Context, s *slot) error {
	if s.used {
		return c.pace.Wait(ctx, getPackets)
	}
	if err := c.pace.Wait(ctx, getPackets+connPackets); err != nil {
		return err
	}
	s.used = true
	c.prepaid.Add(1)
	return nil
}

// payDial waits for the packets of a new connection unless pay has done so.
func (c *client) payDial(ctx context.Context) error {
	for n := c.prepaid.Load(); n > 0; n = c.prepaid.Load() {
		if c.prepaid.CompareAndSwap(n, n-1) {
			return nil
		}
	}
	return c.pace.Wait(ctx, connPackets)
}

// attempt sends the request and reads the answer into g and body. answering is
// set with the first byte of the answer.
func (c *client) attempt(ctx context.Context, r request, g *fact.IMDSGet, body []byte, answering *atomic.Bool) error {
	ctx, cancel := context.WithTimeout(ctx, exchangeTimeout)
	defer cancel()
	var connected atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn:              func(httptrace.GotConnInfo) { connected.Store(true) },
		GotFirstResponseByte: func() { answering.Store(true) },
	})
	req, err := c.request(ctx, r)
	if err != nil {
		return err
	}
	sent := time.Now()
	resp, err := c.budget.RoundTrip(req)
	g.Connected = connected.Load()
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }() // nothing was written that could be lost
	c.note(resp, sent, time.Since(sent))
	n, err := fill(body, resp.Body)
	defer clear(body[:n])
	g.HTTPStatus = resp.StatusCode
	g.Bytes = n
	g.HTML = webPage(body[:n], resp)
	switch {
	case resp.StatusCode/100 != 2:
		return formError{fact.HTTPStatus, fmt.Sprintf("HTTP %d", resp.StatusCode)}
	case err != nil:
		return err
	case g.HTML:
		return formError{fact.Malformed, "a web page instead of a value"}
	case r.take == nil:
		return nil
	}
	return r.take(body[:n])
}

// request builds the HTTP request.
func (c *client) request(ctx context.Context, r request) (*http.Request, error) {
	u := url.URL{Scheme: c.base.Scheme, Host: c.base.Host, Path: r.path}
	// A body that is not nil but empty is sent as none, and it keeps the
	// transport from repeating the request by itself when a kept connection
	// breaks: a repetition that nobody would have counted.
	req, err := http.NewRequestWithContext(ctx, r.method, u.String(), noBody{})
	if err != nil {
		return nil, errors.New("building the request")
	}
	req.Header.Set("User-Agent", c.userAgent)
	if r.method == http.MethodPut {
		req.Body, req.ContentLength = http.NoBody, 0 // PUT is never repeated; it wants Content-Length: 0
		req.Header.Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", c.ttl)
	} else if token := c.heldToken(); token != "" && !r.plain {
		req.Header.Set("X-Aws-Ec2-Metadata-Token", token)
	}
	return req, nil
}

// noBody is an empty body that the transport does not know to be empty.
type noBody struct{}

func (noBody) Read([]byte) (int, error) { return 0, io.EOF }
func (noBody) Close() error             { return nil }

// setToken takes in the token's PUT answer.
func (c *client) setToken(body []byte) error {
	token, err := parseToken(string(body))
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.token = token
	return nil
}

func (c *client) heldToken() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.token
}

// proxyHeaders are added by HTTP proxies and caches; IMDS sends none of them.
var proxyHeaders = []string{"Via", "X-Squid-Error", "X-Cache", "X-Cache-Lookup", "Proxy-Authenticate", "Proxy-Connection", "Proxy-Status", "Proxy-Agent"}

// note keeps what the header of an answer to a request of that time says about
// who answered and what time it is there.
func (c *client) note(resp *http.Response, sent time.Time, took time.Duration) {
	server := classify.Clean(resp.Header.Get("Server"), 64)
	proxied := resp.StatusCode == http.StatusProxyAuthRequired
	for _, h := range proxyHeaders {
		proxied = proxied || resp.Header.Get(h) != ""
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.proxied = c.proxied || proxied
	if server != "" && !slices.Contains(c.servers, server) {
		c.servers = append(c.servers, server)
	}
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil && server == realServer && c.date.Status == "" {
		c.date = fact.TimeSample{
			Outcome: fact.Outcome{Status: fact.OK, Start: sent.UTC(), Took: fact.Duration(took)},
			Source:  fact.TimeIMDSDate, Offset: fact.Duration(sent.Add(took / 2).Sub(date)), RTT: fact.Duration(took),
		}
	}
}

// realServer is the Server header of the real service.
const realServer = "EC2ws"

// seen is the Server header and whether a proxy answered. When several servers
// answered, the one that is not the real service is the one worth telling.
func (c *client) seen() (server string, proxied bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	slices.Sort(c.servers)
	for _, s := range c.servers {
		if s != realServer {
			return s, c.proxied
		}
	}
	if len(c.servers) > 0 {
		return c.servers[0], c.proxied
	}
	return "", c.proxied
}

// fill reads r to its end into buf and fails when buf cannot hold it.
func fill(buf []byte, r io.Reader) (int, error) {
	n := 0
	for n < len(buf) {
		m, err := r.Read(buf[n:])
		n += m
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
	return n, formError{fact.TooLarge, fmt.Sprintf("more than %d bytes", maxBody)}
}

// webPage tells whether an answer is a web page that the real service would not
// send. The real service's own error pages are HTML too.
func webPage(body []byte, resp *http.Response) bool {
	if resp.StatusCode >= 400 && resp.Header.Get("Server") == realServer {
		return false
	}
	start := bytes.ToLower(bytes.TrimLeft(body[:min(len(body), 512)], "\ufeff \t\r\n"))
	return bytes.HasPrefix(start, []byte("<!doctype")) || bytes.HasPrefix(start, []byte("<html")) || bytes.HasPrefix(start, []byte("<?xml"))
}

// formError is an answer that arrived but is not what was asked for. Its text
// never repeats the answer.
type formError struct {
	class fact.Class
	text  string
}

func (e formError) Error() string { return e.text }

// outcome classifies the end of an exchange. Errors of package http itself may
// quote what the peer sent; their words are not kept.
func outcome(err error, start time.Time, took time.Duration, answering bool) fact.Outcome {
	o := classify.Outcome(err, start, took)
	var form formError
	switch {
	case errors.As(err, &form):
		o.Class, o.Detail = form.class, form.text
	case o.Class == fact.OtherFailure && answering:
		o.Class, o.Detail = fact.HTTPMalformed, "the answer is not valid HTTP"
	case o.Class == fact.OtherFailure || o.Class == fact.EOF:
		o.Class, o.Detail = fact.EOF, "the connection was closed before the answer was complete"
	}
	return o
}
