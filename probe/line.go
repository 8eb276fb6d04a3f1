package probe

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"slices"

	"vpcdoctor/probe/dial"
	"vpcdoctor/probe/fact"
)

// line is a further TLS connection on a way that has worked in this run, or
// the reason why there is none now.
type line struct {
	fact.Outcome
	conn  *tls.Conn
	addr  netip.AddrPort // that was dialled: of the proxy, where there is one
	proxy string         // host:port; empty: direct
	step  string         // that failed: tunnel | connect | tls
}

// connectTo connects to a target once more, the way a handshake went.
func (r *runner) connectTo(ctx context.Context, p *dial.Prober, t fact.Target, at fact.Handshake) line {
	if at.Proxy != "" {
		return r.connectThrough(ctx, p, t)
	}
	c, d := p.TCP(ctx, at.Addr)
	if c == nil {
		return line{Outcome: d.Outcome, addr: at.Addr, step: "connect"}
	}
	return secure(ctx, p, c, t, line{addr: at.Addr})
}

func (r *runner) connectThrough(ctx context.Context, p *dial.Prober, t fact.Target) line {
	px := dial.Proxy{URL: r.secrets.HTTPSProxy}
	c, f := p.Connect(ctx, px, t.Host, portOf(t))
	l := line{Outcome: f.Outcome, addr: f.Addr, proxy: f.Proxy, step: "tunnel"}
	if c == nil {
		return l
	}
	return secure(ctx, p, c, t, l)
}

// secure speaks TLS on a connection that was just made, and closes it when
// that fails.
func secure(ctx context.Context, p *dial.Prober, c net.Conn, t fact.Target, l line) line {
	conn, h := p.TLS(ctx, c, l.addr, t.ServerName())
	l.Outcome, l.step = h.Outcome, "tls"
	if conn == nil {
		_ = c.Close()
		return l
	}
	l.conn, l.step = conn, ""
	return l
}

// portOf is the port at which a target is asked for a service of AWS.
func portOf(t fact.Target) uint16 {
	if len(t.Ports) > 0 {
		return t.Ports[0].Number
	}
	return 443
}

// wayOf is the handshake of the way that the agent takes to a target: through
// its proxy unless its no_proxy leaves the host out, else direct.
func (r *runner) wayOf(t fact.Target) (fact.Handshake, bool) {
	proxied := r.secrets.HTTPSProxy != nil && !dial.NoProxy(t.Host, portOf(t), r.secrets.NoProxy)
	i := slices.IndexFunc(r.set.Handshakes, func(h fact.Handshake) bool {
		return h.Status == fact.OK && h.Host == t.ServerName() && (h.Proxy != "") == proxied
	})
	if i < 0 {
		return fact.Handshake{}, false
	}
	return r.set.Handshakes[i], true
}
