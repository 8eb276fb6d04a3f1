// Package dial reaches an endpoint step by step: a TCP connect, then a TLS
// handshake, then one unsigned HTTP request, or first a CONNECT through a proxy.
// Each step is its own fact.
//
// In goes an address that a lookup gave and the host it is for; out come facts
// with the errno, the timing, the certificate chain and the headers by which an
// AWS front end is known. The steps are separate because a dropped SYN, a
// swallowed ClientHello and a silent HTTP server look the same to tls.Dialer,
// and have different causes. After a handshake that failed, Variants says which
// further ones, each with one thing changed, can tell why (field-guide C.4), and
// Variant makes them.
//
// The package makes one attempt at one address per call: no retry, no second
// address behind the caller's back, no redirect followed. It verifies no
// certificate inside the handshake (both verifications are facts afterwards),
// sends no credentials except those of the proxy's own URL, and never judges.
package dial

import (
	"context"
	"crypto/x509"
	"net"
	"net/netip"
	"time"

	"vpcdoctor/probe/classify"
	"vpcdoctor/probe/fact"
)

// Defaults of one attempt.
const (
	// DefaultTimeout of a TCP connect. Linux retransmits a SYN after 1 s and
	// again 2 s later (RFC 6298, tcp_syn_retries), so 3.5 s gives the third SYN
	// half a second to be answered: two lost packets are not a firewall.
	DefaultTimeout = 3500 * time.Millisecond
	// DefaultTLSTimeout leaves room for one lost flight in each direction and for
	// a small instance that has used up its CPU credits; the SSM Agent's own
	// limit is 10 s (Go's default transport).
	DefaultTLSTimeout = 5 * time.Second
	// DefaultHTTPTimeout from the request to the last header. AWS front ends
	// refuse an unsigned request in some 10 ms.
	DefaultHTTPTimeout = 3 * time.Second
	// DefaultTunnelTimeout of a CONNECT, in which the proxy resolves and dials by
	// itself, hence longer than one TCP connect.
	DefaultTunnelTimeout = 5 * time.Second
)

// Func opens a connection, as (*net.Dialer).DialContext does.
type Func func(ctx context.Context, network, addr string) (net.Conn, error)

// Verifier judges certificates; *trust.Store is one.
type Verifier interface {
	System(chain []*x509.Certificate, at time.Time) fact.Verified
	Reference(chain []*x509.Certificate, at time.Time) fact.Verified
	Name(leaf *x509.Certificate, host string) fact.Verified
}

// Prober makes attempts. Its zero value works: it has the default limits,
// dials directly and leaves chains unverified. It is safe for use by several
// goroutines.
type Prober struct {
	Timeout       time.Duration // of one TCP connect; zero: DefaultTimeout
	TLSTimeout    time.Duration // of one handshake; zero: DefaultTLSTimeout
	HTTPTimeout   time.Duration // of one request; zero: DefaultHTTPTimeout
	TunnelTimeout time.Duration // of one CONNECT; zero: DefaultTunnelTimeout

	Trust     Verifier         // nil: chains are recorded, not verified
	UserAgent string           // of every HTTP request; empty: none is sent
	Dial      Func             // nil: a plain net.Dialer
	Now       func() time.Time // wall clock, for start times, certificates and the clock offset; nil: time.Now

	// Protocols are offered by ALPN; nil: "http/1.1". It keeps a front end from
	// choosing HTTP/2, which this package does not read. Empty and not nil offers
	// nothing: right for a TLS port that does not speak HTTP, whose server may
	// refuse a protocol it does not know.
	Protocols []string

	// LookupHost resolves the name of a proxy. Nil: proxies need to be IP addresses.
	LookupHost func(ctx context.Context, host string) ([]netip.Addr, error)
}

func (p *Prober) now() time.Time {
	if p.Now != nil {
		return p.Now()
	}
	return time.Now()
}

func or(d, def time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return def
}

// attempt is one step's own deadline inside the run's.
type attempt struct {
	ctx       context.Context // ends with the step's deadline or the run
	cancel    context.CancelFunc
	run       context.Context
	start     time.Time // wall clock
	began     time.Time // monotonic
	budgetCut bool      // the run ends before this step's own limit
}

func (p *Prober) attempt(run context.Context, limit time.Duration) attempt {
	a := attempt{run: run, start: p.now(), began: time.Now()}
	if end, ok := run.Deadline(); ok && end.Before(a.began.Add(limit)) {
		a.budgetCut = true
	}
	a.ctx, a.cancel = context.WithTimeout(run, limit)
	return a
}

// outcome ends the attempt now. A timeout that our own budget caused says
// nothing about the network; an errno is the kernel's word and stands anyway.
func (a attempt) outcome(err error) fact.Outcome {
	return a.outcomeAfter(err, time.Since(a.began))
}

func (a attempt) outcomeAfter(err error, took time.Duration) fact.Outcome {
	o := classify.Outcome(err, a.start, took)
	_, errno := classify.Error(err)
	if errno == "" && (o.Class == fact.Timeout || o.Class == fact.Cancelled) {
		o.CutByBudget = a.budgetCut || a.run.Err() != nil
	}
	return o
}

// guard makes reads and writes on c end with the attempt. The caller defers the
// function that it returns, which leaves c without a deadline.
func (a attempt) guard(c net.Conn) (release func()) {
	if end, ok := a.ctx.Deadline(); ok {
		_ = c.SetDeadline(end) // a connection that refuses is closed and says so at the next read
	}
	stop := context.AfterFunc(a.ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	return func() {
		if stop() {
			_ = c.SetDeadline(time.Time{})
		}
	}
}
