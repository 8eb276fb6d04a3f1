package dial

import (
	"context"
	"net"
	"net/netip"

	"vpcdoctor/probe/classify"
	"vpcdoctor/probe/fact"
)

// TCP connects to addr. The connection is nil unless the fact's Status is OK;
// the caller closes it.
func (p *Prober) TCP(ctx context.Context, addr netip.AddrPort) (net.Conn, fact.Dial) {
	f := fact.Dial{Addr: addr}
	if err := ctx.Err(); err != nil {
		f.Outcome = classify.NotBegun(err)
		return nil, f
	}
	a := p.attempt(ctx, or(p.Timeout, DefaultTimeout))
	defer a.cancel()
	c, err := p.dialer()(a.ctx, "tcp", addr.String())
	f.Outcome = a.outcome(err)
	_, f.Errno = classify.Error(err)
	if err != nil {
		return nil, f
	}
	if local, ok := c.LocalAddr().(*net.TCPAddr); ok {
		f.Local = unmap(local.AddrPort())
	}
	return c, f
}

// dialer opens connections without keep-alives: none of them lives long enough
// to need one, and every extra packet is one the security team has to explain.
func (p *Prober) dialer() Func {
	if p.Dial != nil {
		return p.Dial
	}
	d := &net.Dialer{KeepAlive: -1}
	return d.DialContext
}

// unmap makes an IPv4 address in IPv6 form the IPv4 address that it is.
func unmap(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}
