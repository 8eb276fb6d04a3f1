package dial

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"time"

	"vpcdoctor/probe/classify"
	"vpcdoctor/probe/fact"
)

const (
	// idleGreeting is how long the peer may speak after the connection stands:
	// session tickets, a banner. Later words would keep a device's memory fresh.
	idleGreeting = 2 * time.Second
	// idleTalk bounds what it may say.
	idleTalk = 16 << 10
	// idleStep is how often the kernel is asked whether our FIN was acknowledged.
	idleStep = 20 * time.Millisecond
)

// Idle opens one connection to addr, with a TLS handshake for host when secure,
// keeps it silent for wait (no keep-alive either) and then says goodbye with a
// bare FIN, which is all that it ever sends: harmless to any protocol, and
// whoever still knows the connection acknowledges it.
//
// OK: it was acknowledged, or the peer closed in turn. Failed: with class Reset
// something ended the connection, during the silence or when it heard the FIN;
// with Timeout the FIN went unanswered. NotRun when nothing was learned: no
// connection came about, the peer itself closed before the end (many servers
// do after a minute), it spoke, or the run was over first.
func (p *Prober) Idle(ctx context.Context, addr netip.AddrPort, host string, secure bool, wait time.Duration) fact.Idle {
	f := fact.Idle{Addr: addr, Host: host, For: fact.Duration(wait)}
	answer := or(p.HTTPTimeout, DefaultHTTPTimeout)
	a := p.attempt(ctx, or(p.Timeout, DefaultTimeout)+or(p.TLSTimeout, DefaultTLSTimeout)+wait+answer)
	defer a.cancel()
	f.Outcome = p.idle(a, addr, host, secure, wait, answer)
	f.Start, f.Took = a.start.UTC(), fact.Duration(time.Since(a.began))
	return f
}

func (p *Prober) idle(a attempt, addr netip.AddrPort, host string, secure bool, wait, answer time.Duration) fact.Outcome {
	if err := a.run.Err(); err != nil {
		return classify.NotBegun(err)
	}
	if a.budgetCut {
		return classify.NotBegun(context.DeadlineExceeded) // better no wait than one in vain
	}
	c, d := p.TCP(a.ctx, addr)
	if c == nil {
		return fact.Skip("no connection: " + string(d.Class))
	}
	defer c.Close()
	half, ok := c.(interface{ CloseWrite() error })
	if !ok {
		return fact.Skip("this connection cannot be closed in one direction")
	}
	r := c
	if secure {
		t, h := p.TLS(a.ctx, c, addr, host)
		if t == nil {
			return fact.Skip("no TLS connection: " + string(h.Class))
		}
		r = t
	}
	defer a.guard(c)()
	if o := hush(a, r, wait); o.Status != fact.OK {
		return o
	}
	if err := half.CloseWrite(); err != nil {
		return a.outcome(err)
	}
	return heard(a, c, answer)
}

// hush listens to the silence.
func hush(a attempt, r net.Conn, wait time.Duration) fact.Outcome {
	var (
		began = time.Now()
		buf   [1024]byte
		said  int
	)
	_ = r.SetReadDeadline(began.Add(wait))
	for {
		n, err := r.Read(buf[:])
		said += n
		after := " after " + time.Since(began).Round(time.Second).String()
		class, _ := classify.Error(err)
		switch {
		case a.ctx.Err() != nil:
			return classify.NotBegun(a.ctx.Err())
		case err == nil && time.Since(began) <= idleGreeting && said <= idleTalk:
			continue
		case err == nil:
			return fact.Skip("the peer spoke" + after + ": the connection was not silent")
		case errors.Is(err, os.ErrDeadlineExceeded):
			return fact.Outcome{Status: fact.OK}
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), class == fact.TLSAlert:
			return fact.Skip("the peer closed the connection" + after)
		}
		return a.outcome(err)
	}
}

// heard waits until our FIN is answered. Reading goes below TLS: a peer that
// closes without its own goodbye answers as well.
func heard(a attempt, c net.Conn, answer time.Duration) fact.Outcome {
	var (
		end  = time.Now().Add(answer)
		buf  [1024]byte
		info *fact.TCPInfo
	)
	for {
		if info = TCPInfo(c); info != nil && (info.State == "FIN_WAIT2" || info.State == "TIME_WAIT") {
			return a.outcome(nil)
		}
		_ = c.SetReadDeadline(time.Now().Add(idleStep))
		_, err := c.Read(buf[:]) // what a peer says to an end matters as little as how much
		switch {
		case a.ctx.Err() != nil:
			return classify.NotBegun(a.ctx.Err())
		case errors.Is(err, io.EOF):
			return a.outcome(nil)
		case err != nil && !errors.Is(err, os.ErrDeadlineExceeded):
			return a.outcome(err)
		}
		if time.Now().After(end) {
			break
		}
	}
	if info == nil {
		return fact.Skip("this system does not tell whether the end was acknowledged")
	}
	o := a.outcome(os.ErrDeadlineExceeded)
	o.Detail = "the end of the connection was not acknowledged"
	return o
}
