package object

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"vpcdoctor/probe/classify"
	"vpcdoctor/probe/fact"
)

const (
	// headTimeout from the request to the last header; S3 needs some 20 ms.
	headTimeout = 3 * time.Second
	// maxHeader: S3 sends below 1 kB.
	maxHeader = 16 << 10
	maxValue  = 200
	maxPath   = 512
)

var (
	errTooLarge = errors.New("headers larger than 16 kB")
	errRequest  = errors.New("host or path has characters that belong into no request")
	errInterim  = errors.New("an interim answer to a HEAD")
)

// Header names S3 answers with.
const (
	requestID    = "X-Amz-Request-Id"
	bucketRegion = "X-Amz-Bucket-Region"
)

// Asker asks for objects. The zero value works.
type Asker struct {
	UserAgent string        // of the request; empty: none is sent
	Timeout   time.Duration // 0: 3 s
	KeepAlive bool          // leave the connection open for the next object
}

// Head sends one unsigned HEAD for o on c and returns o with the answer. Any
// HTTP answer is OK, whatever its status. An object without a Path comes back
// as it was. The connection is used for nothing else meanwhile; the caller
// closes it. After a fact that is not OK it is of no further use.
func (a Asker) Head(ctx context.Context, c *tls.Conn, o fact.Object) fact.Object {
	if o.Path == "" {
		return o
	}
	if err := ctx.Err(); err != nil {
		o.Outcome = classify.NotBegun(err)
		return o
	}
	if at, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		o.Addr = at.AddrPort()
	}
	start, limit := time.Now(), a.Timeout
	if limit <= 0 {
		limit = headTimeout
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	end, _ := limited.Deadline()
	own := end.Sub(start) >= limit // our own limit ends it, not the run's
	defer guard(limited, c, end)()
	resp, err := a.exchange(c, o) //nolint:bodyclose // readHead has closed it
	o.Outcome = classify.Outcome(err, start, time.Since(start))
	if err != nil {
		o.Class = classOf(err, o.Class)
		if o.Class == fact.Timeout || o.Class == fact.Cancelled {
			o.CutByBudget = !own || ctx.Err() != nil
		}
		return o
	}
	fill(&o, resp)
	return o
}

// guard makes reads and writes end with ctx and takes the deadline off after.
func guard(ctx context.Context, c net.Conn, end time.Time) (release func()) {
	_ = c.SetDeadline(end) // a connection that refuses is closed and says so at the next write
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	return func() {
		if stop() {
			_ = c.SetDeadline(time.Time{})
		}
	}
}

// exchange writes the request and reads the head of the answer.
func (a Asker) exchange(c net.Conn, o fact.Object) (*http.Response, error) {
	request, err := a.request(o)
	if err != nil {
		return nil, err
	}
	if _, err := io.WriteString(c, request); err != nil {
		return nil, err
	}
	return readHead(c)
}

func (a Asker) request(o fact.Object) (string, error) {
	if !plain(o.Host, ".-") || !plain(o.Path, "/.-_") || o.Path[0] != '/' {
		return "", errRequest
	}
	var b strings.Builder
	b.WriteString("HEAD " + o.Path + " HTTP/1.1\r\nHost: " + o.Host + "\r\n")
	if a.UserAgent != "" {
		b.WriteString("User-Agent: " + classify.Clean(a.UserAgent, maxValue) + "\r\n")
	}
	if !a.KeepAlive {
		b.WriteString("Connection: close\r\n")
	}
	b.WriteString("\r\n")
	return b.String(), nil
}

// plain tells whether s is of letters, digits and the other characters given.
func plain(s, others string) bool {
	ok := func(r rune) bool {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune(others, r)
	}
	return s != "" && len(s) <= maxPath && !strings.ContainsFunc(s, func(r rune) bool { return !ok(r) })
}

// readHead reads one answer to a HEAD, at most 16 kB of it.
func readHead(r io.Reader) (*http.Response, error) {
	seen := &watched{r: io.LimitedReader{R: r, N: maxHeader}}
	resp, err := http.ReadResponse(bufio.NewReader(seen), &http.Request{Method: http.MethodHead})
	switch {
	case err == nil && resp.StatusCode < 200:
		return nil, notHTTP{errInterim}
	case err == nil:
		_ = resp.Body.Close() // a HEAD has no body; there is nothing to lose
		return resp, nil
	case seen.r.N <= 0:
		return nil, errTooLarge
	case seen.err != nil && (!errors.Is(seen.err, io.EOF) || seen.n == 0):
		return nil, seen.err // the connection failed, not the grammar
	}
	return nil, notHTTP{err}
}

// watched remembers how reading ended: http.ReadResponse wraps it.
type watched struct {
	r   io.LimitedReader
	n   int
	err error
}

func (w *watched) Read(b []byte) (int, error) {
	n, err := w.r.Read(b)
	w.n += n
	if err != nil {
		w.err = err
	}
	return n, err
}

// notHTTP is an answer that HTTP does not know.
type notHTTP struct{ err error }

func (e notHTTP) Error() string { return "answer is not HTTP: " + e.err.Error() }

// classOf names the failures that only a request has.
func classOf(err error, c fact.Class) fact.Class {
	var bad notHTTP
	switch {
	case errors.As(err, &bad):
		return fact.HTTPMalformed
	case errors.Is(err, errTooLarge):
		return fact.TooLarge
	case errors.Is(err, errRequest):
		return fact.Malformed
	}
	return c
}

// fill records what the answer says of itself.
func fill(o *fact.Object, resp *http.Response) {
	h := resp.Header
	o.HTTPStatus = resp.StatusCode
	o.RequestID = classify.Clean(h.Get(requestID), maxValue)
	o.Server = classify.Clean(h.Get("Server"), maxValue)
	o.Via = classify.Clean(h.Get("Via"), maxValue)
	o.Region = classify.Clean(h.Get(bucketRegion), maxValue)
	o.Bytes = max(resp.ContentLength, 0)
}
