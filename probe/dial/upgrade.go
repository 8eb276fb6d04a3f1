package dial

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/netip"

	"vpcdoctor/probe/classify"
	"vpcdoctor/probe/fact"
)

const (
	// upgradePath is what the SSM Agent asks for after it got a token
	// (amazon-ssm-agent 3.3.987.0, agent/session/communicator), with an instance
	// id that no instance has: the channel of a real one must not be touched.
	upgradePath = "/v1/control-channel/i-00000000000000000?role=subscribe&stream=input"
	// upgradeLines ask for a websocket as RFC 6455, 4.1 has it. The key is that
	// of the RFC's own example: nothing depends on its being random, because an
	// upgrade is not wanted.
	upgradeLines = "Connection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)

// Upgrade asks host, on a connection that TLS made directly or inside a
// tunnel, for one websocket, unsigned and for a node that does not exist. AWS
// refuses it with a request id; what a device between makes of it is the fact.
// Whatever the answer, 101 included, the connection is closed then: no frame is
// sent. For a tunnel addr is the proxy's and the caller sets the fact's Proxy.
func (p *Prober) Upgrade(ctx context.Context, c *tls.Conn, addr netip.AddrPort, host string) fact.Upgrade {
	defer c.Close()
	q := fact.Request{Addr: addr, Host: host, Method: http.MethodGet, Path: upgradePath}
	if err := ctx.Err(); err != nil {
		return fact.Upgrade{Outcome: classify.NotBegun(err), Host: host, Addr: addr}
	}
	a := p.attempt(ctx, or(p.HTTPTimeout, DefaultHTTPTimeout))
	defer a.cancel()
	defer a.guard(c)()
	p.exchange(&q, c, a, upgradeLines)
	f := fact.Upgrade{
		Outcome: q.Outcome, Host: host, Addr: addr, HTTPStatus: q.HTTPStatus, RequestID: q.RequestID,
		Server: q.Server, Via: q.Via, Type: q.Type, Date: q.Date,
	}
	if f.Status == fact.Failed {
		f.Step = stepRequest
	}
	return f
}
