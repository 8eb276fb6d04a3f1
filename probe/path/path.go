// Package path asks the kernel, and then the network, which way packets to one
// address go: the route and the neighbour entry (rtnetlink), comparison
// connects from chosen source ports or to other addresses, and a TCP
// traceroute without raw sockets.
//
// In goes an address that a dial failed for, out come facts. The first two send
// nothing; the others send plain TCP SYNs and no byte of payload. Linux only,
// except for the connects: elsewhere a fact says that it did not run. The
// package needs no privilege, keeps no state, makes no attempt twice and never
// judges. It reads foreign bytes (netlink messages, socket error queues) with
// bounds on every length.
package path

import (
	"context"
	"net/netip"
	"time"

	"vpcdoctor/probe/classify"
	"vpcdoctor/probe/fact"
)

// DefaultTimeout of a connect: Linux sends the SYN again after 1 and 3 s, so
// 3.5 s gives the third one half a second to be answered (field guide C.3).
const DefaultTimeout = 3500 * time.Millisecond

// DefaultHops is as far as a trace looks, and how many connects it makes. A NAT
// gateway or an internet gateway shows within the first hops or not at all;
// this is no map of the Internet.
const DefaultHops = 8

// attempt is one step's own deadline inside the run's.
type attempt struct {
	ctx       context.Context // ends with the step's deadline or the run
	cancel    context.CancelFunc
	run       context.Context
	start     time.Time
	budgetCut bool // the run ends before this step's own limit
}

func begin(run context.Context, limit time.Duration) attempt {
	a := attempt{run: run, start: time.Now()}
	if end, ok := run.Deadline(); ok && end.Before(a.start.Add(limit)) {
		a.budgetCut = true
	}
	a.ctx, a.cancel = context.WithTimeout(run, limit)
	return a
}

// outcome ends the attempt now. A timeout that our own budget caused says
// nothing about the network.
func (a attempt) outcome(err error) fact.Outcome {
	o := classify.Outcome(err, a.start, time.Since(a.start))
	_, errno := classify.Error(err)
	if errno == "" && (o.Class == fact.Timeout || o.Class == fact.Cancelled) {
		o.CutByBudget = a.budgetCut || a.run.Err() != nil
	}
	return o
}

// unmap makes an IPv4 address in IPv6 form the IPv4 address that it is.
func unmap(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}
