package path

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"vpcdoctor/probe/classify"
	"vpcdoctor/probe/fact"
)

// SweepPorts are the source ports of a sweep: one below, one inside the Linux
// range for outgoing connections (32768–60999), one above it. A NACL that lets
// only part of 1024–65535 back in answers some and not the others
// (field guide C.3, SG-07).
func SweepPorts() []uint16 { return []uint16{33000, 50000, 61000} }

const (
	// maxSweep bounds the connects of one sweep: it is a comparison, no scan.
	maxSweep = 4
	// maxTries is how many neighbouring ports are tried when a chosen one is in
	// use here. Sixteen taken ports in a row mean a host that has other troubles.
	maxTries = 16
	// nearlyFull is the percentage of the connection tracking table above which
	// no comparison is worth an entry (decisions.md, "Do no harm").
	nearlyFull = 90
)

// HoldBack says why comparison connects must not be made now, or nothing: the
// host's connection tracking table is nearly full, or the instance exceeds an
// allowance of its network interface while the run lasts.
func HoldBack(c fact.Counters, ena []fact.ENACounter) string {
	if c.ConntrackMax > 0 && c.ConntrackCount*100 >= c.ConntrackMax*nearlyFull {
		return "the connection tracking table is 90 % full"
	}
	for _, e := range ena {
		if e.Rose() > 0 {
			return classify.Clean(e.Iface+": "+e.Name+" rose", 80)
		}
	}
	return ""
}

// Dial makes one comparison connect and closes it. kind is one of the
// fact.Control kinds, of what it is compared with; a timeout of zero is
// DefaultTimeout.
func Dial(ctx context.Context, kind, of string, addr netip.AddrPort, timeout time.Duration) fact.Control {
	c := fact.Control{Kind: kind, Of: of}
	c.Dial = connect(ctx, addr, 0, timeout)
	return c
}

// Sweep connects to addr from each of the chosen source ports, side by side,
// and closes the connections. A port that is in use here is replaced by the
// next free one above it. hold is HoldBack's reason: with one, nothing is sent
// and the facts say why. At most four ports are swept.
func Sweep(ctx context.Context, of string, addr netip.AddrPort, ports []uint16, timeout time.Duration, hold string) []fact.Control {
	ports = ports[:min(len(ports), maxSweep)]
	out := make([]fact.Control, len(ports))
	var all sync.WaitGroup
	for i, port := range ports {
		out[i] = fact.Control{Kind: fact.ControlSourcePort, Of: of, Port: port}
		if hold != "" {
			out[i].Dial = fact.Dial{Addr: unmap(addr), Outcome: fact.Skip(hold)}
			continue
		}
		all.Go(func() { out[i].Port, out[i].Dial = connectFrom(ctx, addr, port, timeout) })
	}
	all.Wait()
	return out
}

// connectFrom connects from port or the next one above it that is free, and
// tells which it was. A try that fails for a taken port takes no time.
func connectFrom(ctx context.Context, addr netip.AddrPort, port uint16, timeout time.Duration) (used uint16, d fact.Dial) {
	for i := range maxTries {
		d = connect(ctx, addr, port, timeout)
		if d.Class != fact.NoAddress || i == maxTries-1 || port == 65535 {
			break
		}
		port++
	}
	return port, d
}

// connect makes one TCP connect, from the source port unless it is 0.
func connect(ctx context.Context, addr netip.AddrPort, port uint16, timeout time.Duration) fact.Dial {
	addr = unmap(addr)
	f := fact.Dial{Addr: addr}
	if err := ctx.Err(); err != nil {
		f.Outcome = classify.NotBegun(err)
		return f
	}
	if timeout <= 0 {
		timeout = DefaultTimeout
	}
	a := begin(ctx, timeout)
	defer a.cancel()
	d := net.Dialer{KeepAlive: -1}
	if port != 0 {
		d.LocalAddr = &net.TCPAddr{Port: int(port)}
		d.Control = func(_, _ string, c syscall.RawConn) error {
			var err error
			return errors.Join(c.Control(func(fd uintptr) { err = reuseAddr(fd) }), err)
		}
	}
	network := "tcp4"
	if addr.Addr().Is6() {
		network = "tcp6"
	}
	c, err := d.DialContext(a.ctx, network, addr.String())
	f.Outcome = a.outcome(err)
	_, f.Errno = classify.Error(err)
	if err != nil {
		return f
	}
	if local, ok := c.LocalAddr().(*net.TCPAddr); ok {
		f.Local = unmap(local.AddrPort())
	}
	_ = c.Close() // nothing was written that closing could lose
	return f
}
