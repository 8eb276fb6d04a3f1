package signed

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"vpcdoctor/probe/classify"
	"vpcdoctor/probe/fact"
)

// Bounds of one call.
const (
	maxHead    = 16 << 10
	maxBody    = 64 << 10 // a document of Systems Manager has at most 64 kB
	maxInterim = 5        // 1xx answers before the real one
	maxValue   = 200

	// callTimeout of one exchange on an open connection. AWS answers these calls
	// in 10 to 200 ms; the agent itself waits 15 s for ssmmessages.
	callTimeout = 5 * time.Second
)

// requestIDs are the headers in which AWS front ends name a request.
var requestIDs = []string{"X-Amzn-Requestid", "X-Amz-Request-Id", "X-Amzn-Request-Id", "X-Amz-Requestid"}

// call makes one planned call.
func (c *Client) call(ctx context.Context, p *Planned) fact.Call {
	f := fact.Call{
		Service: p.Service, Operation: p.Operation, Purpose: p.Purpose, Resource: p.Resource,
		Host: p.Target.Host, Region: p.Region,
	}
	if p.Skipped != "" {
		f.Outcome = fact.Skip(p.Skipped)
		return f
	}
	f.Source = c.credential.Source
	key := c.remembered(&f)
	if !f.Remembered.IsZero() {
		return f
	}
	if err := ctx.Err(); err != nil {
		f.Outcome = classify.NotBegun(err)
		return f
	}
	conn, addr, proxy, opened := c.o.Open(ctx, p.Target)
	f.Addr, f.Proxy = addr, proxy
	if conn == nil {
		f.Outcome = opened
		return f
	}
	defer conn.Close()
	if why := c.unverified(conn, p.Target.ServerName()); why != "" {
		f.Outcome = fact.Skip("nothing was sent: " + why)
		return f
	}
	c.exchange(ctx, conn, p, &f)
	switch {
	case refused(&f):
		c.o.Memory.note(key, f, c.o.Now())
	case f.Status == fact.OK:
		c.o.Memory.forget(key)
	}
	return f
}

// remembered looks up whether the call was denied not long ago, and turns f
// into that memory if so.
func (c *Client) remembered(f *fact.Call) (key string) {
	key = memoryKey(c.credential, c.account, f)
	if d, ok := c.o.Memory.denied(key, c.o.Now()); ok {
		f.Outcome = fact.Skip("denied within the last 24 h, not repeated")
		f.Remembered, f.Code, f.Denial = d.At, d.Code, d.Denial
	}
	return key
}

// unverified tells why a connection must not carry credentials. The agent
// accepts only what the system's roots verify for the host's name.
func (c *Client) unverified(conn *tls.Conn, host string) string {
	chain := conn.ConnectionState().PeerCertificates
	if len(chain) == 0 {
		return "the peer has shown no certificate"
	}
	if v := c.o.Trust.Name(chain[0], host); v.Status != fact.OK {
		return "the certificate is not for this host"
	}
	if v := c.o.Trust.System(chain, c.o.Now()); v.Status != fact.OK {
		return "the system's roots do not verify the certificate"
	}
	return ""
}

// exchange signs the request, sends it and reads the answer.
func (c *Client) exchange(ctx context.Context, conn *tls.Conn, p *Planned, f *fact.Call) {
	began := time.Now()
	start := c.o.Now()
	limited, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	end, _ := limited.Deadline()
	_ = conn.SetDeadline(end) // a connection that refuses is closed and says so at the next read
	runEnd, bounded := ctx.Deadline()
	ours := bounded && runEnd.Equal(end) // the run ends before the call's own limit
	defer context.AfterFunc(limited, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()

	a, err := c.roundTrip(limited, conn, p, start)
	defer clear(a.body)
	f.Outcome = outcome(err, start, time.Since(began), ours || ctx.Err() != nil)
	f.HTTPStatus = a.status
	for _, name := range requestIDs {
		if v := a.header.Get(name); v != "" {
			f.RequestID = classify.Clean(v, maxValue)
			break
		}
	}
	if t, err := http.ParseTime(a.header.Get("Date")); err == nil && t.Year() > 1970 {
		f.Date = t.UTC()
	}
	if err != nil {
		return
	}
	if a.status/100 != 2 {
		f.Status, f.Class, f.Detail = fact.Failed, fact.HTTPStatus, "HTTP status "+strconv.Itoa(a.status)
		refusal(f, a.header, a.body)
	}
	if p.take != nil {
		p.take(f, a.header, a.body)
	}
}

// answer is what came back. Its status is 0 when nothing did.
type answer struct {
	status int
	header http.Header
	body   []byte
}

var (
	errTooLarge  = errors.New("the answer is larger than 64 kB")
	errMalformed = errors.New("the answer is not HTTP")
)

// outcome classifies how an exchange ended. That our own budget cut it short
// says nothing about the network.
func outcome(err error, start time.Time, took time.Duration, ours bool) fact.Outcome {
	o := classify.Outcome(err, start, took)
	switch {
	case errors.Is(err, errTooLarge):
		o.Class = fact.TooLarge
	case errors.Is(err, errMalformed):
		o.Class = fact.HTTPMalformed
	case o.Class == fact.Timeout, o.Class == fact.Cancelled:
		o.CutByBudget = ours
	}
	return o
}

// roundTrip sends the call and reads the answer. An error together with a
// status means that the body could not be read.
func (c *Client) roundTrip(ctx context.Context, conn *tls.Conn, p *Planned, at time.Time) (answer, error) {
	r, err := c.sign(ctx, p, at)
	if err != nil {
		return answer{}, err
	}
	if err := r.Write(conn); err != nil {
		return answer{}, err
	}
	in := &io.LimitedReader{R: conn, N: maxHead}
	br := bufio.NewReader(in)
	for range maxInterim {
		resp, err := http.ReadResponse(br, r)
		if err != nil {
			return answer{}, readError(err, in)
		}
		if resp.StatusCode/100 == 1 && resp.StatusCode != http.StatusSwitchingProtocols {
			continue
		}
		in.N += maxBody
		body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
		_ = resp.Body.Close()
		if len(body) > maxBody {
			err = errTooLarge
		}
		return answer{resp.StatusCode, resp.Header, body}, err
	}
	return answer{}, errMalformed
}

// readError tells a connection that failed from one that spoke something else.
func readError(err error, in *io.LimitedReader) error {
	if in.N <= 0 {
		return errTooLarge
	}
	if c, _ := classify.Error(err); c == fact.OtherFailure {
		return errMalformed
	}
	return err
}

// sign builds the request. The clock is ours, right or wrong: the agent does
// not correct it either, and a refused signature is what shows it.
func (c *Client) sign(ctx context.Context, p *Planned, at time.Time) (*http.Request, error) {
	host := p.Target.Host
	if len(p.Target.Ports) > 0 && p.Target.Ports[0].Number != 443 {
		host += ":" + strconv.Itoa(int(p.Target.Ports[0].Number))
	}
	r := &http.Request{
		Method: p.method, Host: host, Header: http.Header{}, Close: true,
		URL:           &url.URL{Scheme: "https", Host: host, Path: p.path, RawQuery: p.query},
		ContentLength: int64(len(p.body)),
	}
	if len(p.body) > 0 {
		r.Body = io.NopCloser(bytes.NewReader(p.body))
		r.Header.Set("Content-Type", p.contentType)
	}
	r.Header.Set("User-Agent", classify.Clean(c.o.UserAgent, maxValue))
	if p.target != "" {
		r.Header.Set("X-Amz-Target", p.target)
	}
	sum := sha256.Sum256(p.body)
	hash := hex.EncodeToString(sum[:])
	if p.Service == "s3" { // S3 wants the hash as a header and the path as it stands
		r.Header.Set("X-Amz-Content-Sha256", hash)
	}
	err := v4.NewSigner().SignHTTP(ctx, c.keys(), r, hash, p.Service, p.Region, at, func(o *v4.SignerOptions) {
		o.DisableURIPathEscaping = p.Service == "s3"
	})
	return r, err
}
