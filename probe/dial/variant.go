package dial

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"strings"
	"time"

	"vpcdoctor/probe/classify"
	"vpcdoctor/probe/fact"
)

// Limits of one variant. They are shorter than the base attempt's, because the
// base attempt has just shown how the path is: it accepts connections, so a
// healthy handshake takes two round trips and nothing has to be waited for but
// lost packets.
const (
	// variantTimeout of the connect: a lost SYN is sent again after 1 s, and half
	// a second is left for its answer.
	variantTimeout = 1500 * time.Millisecond
	// variantTLSTimeout of the handshake: after a connect the kernel knows the
	// round trip, so Linux sends a lost flight again after about 0.2, 0.6 and
	// 1.4 s; all three are answered well before 2.5 s. Base attempt (5 s) and
	// variants in parallel (4 s) end within the 10 s that a broken run may take.
	variantTLSTimeout = 2500 * time.Millisecond
)

// Variant connects to addr anew and makes the handshake for host with one thing
// changed. The connection is closed when it returns. neutral is the other AWS
// host whose name fact.NeutralSNI sends; its certificate is then verified
// against neutral, not against host.
//
// A variant that never began has Status NotRun and says why: that the connect
// failed is no evidence about TLS. So has fact.SmallMSS where this system cannot
// limit segments, or where the prober has a Dial of its own, whose sockets are
// out of reach.
func (p *Prober) Variant(ctx context.Context, addr netip.AddrPort, host string, v fact.Variant, neutral string) fact.Handshake {
	f := fact.Handshake{Addr: addr, Host: host, Variant: v}
	q, config, why := p.vary(v, host, neutral)
	if why != "" {
		f.Outcome = fact.Skip(why)
		return f
	}
	if v == fact.NeutralSNI {
		f.SNI = config.ServerName
	}
	c, d := q.TCP(ctx, addr)
	if c == nil {
		f.Outcome = unconnected(d)
		return f
	}
	if t := q.handshake(ctx, c, &f, config, q.TLSTimeout); t != nil {
		t.Close()
	}
	return f
}

// vary is the prober and the ClientHello of a variant, or why there is none.
func (p *Prober) vary(v fact.Variant, host, neutral string) (q *Prober, config *tls.Config, why string) {
	clone := *p
	clone.Timeout = min(or(p.Timeout, DefaultTimeout), variantTimeout)
	clone.TLSTimeout = min(or(p.TLSTimeout, DefaultTLSTimeout), variantTLSTimeout)
	config = p.config(host)
	switch v {
	case fact.NoPQ:
		config.CurvePreferences = []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384}
	case fact.SmallMSS:
		if !mssSupported || p.Dial != nil {
			return nil, nil, "not supported: segments cannot be limited here"
		}
		d := &net.Dialer{KeepAlive: -1, Control: limitMSS}
		clone.Dial = d.DialContext
	case fact.NeutralSNI:
		neutral = strings.TrimSuffix(neutral, ".")
		if neutral == "" || strings.EqualFold(neutral, config.ServerName) {
			return nil, nil, "no other name to send"
		}
		config.ServerName = neutral
	case fact.TLS12:
		config.MaxVersion = tls.VersionTLS12
	case fact.NoSNI:
		config.ServerName = ""
	default:
		return nil, nil, "unknown variant " + classify.Clean(string(v), 32)
	}
	return &clone, config, ""
}

// unconnected is the outcome of a variant whose own connect failed.
func unconnected(d fact.Dial) fact.Outcome {
	switch {
	case d.Status == fact.NotRun:
		return d.Outcome
	case d.CutByBudget:
		return fact.Skip("budget")
	}
	o := fact.Skip("connect failed: " + string(d.Class))
	o.Detail, o.Start, o.Took = d.Detail, d.Start, d.Took
	return o
}
