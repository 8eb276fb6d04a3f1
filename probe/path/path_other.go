//go:build !linux

package path

import (
	"context"
	"net/netip"
	"time"

	"vpcdoctor/probe/fact"
)

const onlyLinux = "only on Linux"

// RouteTo does not run here.
func RouteTo(_ context.Context, dst netip.Addr, uid int) fact.RouteTo {
	return fact.RouteTo{Outcome: fact.Skip(onlyLinux), Dst: dst.Unmap(), UID: max(uid, 0)}
}

// Neighbour is not known here.
func Neighbour(context.Context, netip.Addr, int) string { return "" }

// Trace does not run here.
func Trace(_ context.Context, addr netip.AddrPort, _ int, _ time.Duration) fact.Trace {
	return fact.Trace{Outcome: fact.Skip(onlyLinux), Addr: unmap(addr)}
}

// reuseAddr leaves the socket as it is: what the option means differs between
// systems, and on Windows it would let two programs share a port.
func reuseAddr(uintptr) error { return nil }
