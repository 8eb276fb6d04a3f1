package path

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"vpcdoctor/probe/classify"
	"vpcdoctor/probe/fact"
)

const (
	// netlinkTimeout ends one exchange with the kernel, which answers in
	// microseconds and does not wait for anything.
	netlinkTimeout = 500 * time.Millisecond
	// maxAnswer is the largest datagram that the kernel makes for a dump.
	maxAnswer = 32 << 10
	// maxDatagrams bounds a dump: 64 × 32 kB hold some 20,000 neighbours, far
	// above the kernel's own limit of 1,024 (gc_thresh3).
	maxDatagrams = 64
	// maxIface bounds an interface's name; the kernel allows 15 bytes.
	maxIface = 16
)

var errTooMuch = errors.New("the kernel's answer is larger than the limit")

// RouteTo asks the kernel which route a packet of user uid to dst would take;
// a negative uid leaves it to the user that we are. The user must exist in our
// user namespace: for another one the kernel's answer reads like that of a
// blackhole route. Nothing is sent. A destination without a
// usable route is a failed fact with the errno that a connect would get, and
// the route's type where that errno tells it.
func RouteTo(ctx context.Context, dst netip.Addr, uid int) fact.RouteTo {
	dst = dst.Unmap().WithZone("")
	f := fact.RouteTo{Dst: dst, UID: max(uid, 0)}
	if !dst.IsValid() {
		f.Outcome = fact.Skip("no address")
		return f
	}
	if err := ctx.Err(); err != nil {
		f.Outcome = classify.NotBegun(err)
		return f
	}
	a := begin(ctx, netlinkTimeout)
	defer a.cancel()
	err := exchange(func(seq uint32) []byte { return routeRequest(seq, dst, uid) }, rtmNewRoute, func(body []byte) error {
		return parseRoute(body, &f)
	})
	f.Outcome = a.outcome(err)
	if err != nil {
		f.Type = refusedBy(err)
		malformed(&f.Outcome, err)
	}
	if i, err := net.InterfaceByIndex(f.Index); f.Index > 0 && err == nil {
		f.Iface = classify.Clean(i.Name, maxIface)
		if f.MTU == 0 {
			f.MTU, f.MTUFrom = i.MTU, mtuInterface
		}
	}
	countRules(&f)
	return f
}

// refusedBy is the type of the route that makes the kernel answer so
// (fib_props in net/ipv4/fib_semantics.c, the same for IPv6).
func refusedBy(err error) string {
	switch {
	case errors.Is(err, unix.EINVAL):
		return "blackhole"
	case errors.Is(err, unix.EHOSTUNREACH):
		return "unreachable"
	case errors.Is(err, unix.EACCES):
		return "prohibit"
	}
	return ""
}

// malformed corrects the class of an answer that does not parse or has no end.
func malformed(o *fact.Outcome, err error) {
	switch {
	case errors.Is(err, errMessage):
		o.Class = fact.Malformed
	case errors.Is(err, errTooMuch):
		o.Class = fact.TooLarge
	}
}

// countRules counts the policy rules of the destination's family.
func countRules(f *fact.RouteTo) {
	body := make([]byte, ruleLen)
	body[0] = familyOf(f.Dst)
	err := exchange(func(seq uint32) []byte { return request(rtmGetRule, nlmFDump, seq, body) }, rtmNewRule, func(b []byte) error {
		own, byUID, err := parseRule(b)
		if err == nil && !own {
			f.Rules++
		}
		if err == nil && byUID {
			f.UIDRules++
		}
		return err
	})
	if err != nil {
		f.Rules, f.UIDRules, f.NoRules = 0, 0, true
	}
}

// Neighbour is the state of the kernel's entry for dst, an on-link address of
// the interface with this index: one of the fact.Neighbour words, or nothing
// when the table could not be read. Ask after a dial: only a dial makes the
// kernel look for its neighbour, and the entry goes away some seconds after
// it failed.
func Neighbour(ctx context.Context, dst netip.Addr, ifindex int) string {
	if ctx.Err() != nil || !dst.IsValid() {
		return ""
	}
	dst = dst.Unmap().WithZone("")
	body := make([]byte, ndmsgLen)
	body[0] = familyOf(dst)
	found := fact.NeighbourNone
	err := exchange(func(seq uint32) []byte { return request(rtmGetNeigh, nlmFDump, seq, body) }, rtmNewNeigh, func(b []byte) error {
		addr, index, state, err := parseNeighbour(b)
		if err == nil && addr == dst && index == ifindex && state != "" {
			found = state
		}
		return err
	})
	if err != nil {
		return ""
	}
	return found
}

// exchange sends one request to the kernel and gives each answer of type want
// to take. A dump ends with its last message, anything else with its first.
func exchange(build func(seq uint32) []byte, want uint16, take func(body []byte) error) error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("opening a netlink socket: %w", err)
	}
	defer func() { _ = unix.Close(fd) }()
	limit := unix.NsecToTimeval(netlinkTimeout.Nanoseconds())
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit); err != nil {
		return fmt.Errorf("limiting a netlink socket: %w", err)
	}
	// Any number but 0 will do: the socket is new and asks once.
	const seq = 1
	kernel := &unix.SockaddrNetlink{Family: unix.AF_NETLINK}
	if err := unix.Sendto(fd, build(seq), 0, kernel); err != nil {
		return fmt.Errorf("asking the kernel: %w", err)
	}
	buf := make([]byte, maxAnswer)
	for range maxDatagrams {
		n, from, err := unix.Recvfrom(fd, buf, 0)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EAGAIN):
			return context.DeadlineExceeded
		case err != nil:
			return fmt.Errorf("reading the kernel's answer: %w", err)
		}
		if peer, ok := from.(*unix.SockaddrNetlink); !ok || peer.Pid != 0 {
			continue // any process may write to our socket; the kernel is port 0
		}
		if done, err := takeAll(buf[:n], seq, want, take); done || err != nil {
			return err
		}
	}
	return errTooMuch
}

// takeAll reads the messages of one datagram.
func takeAll(b []byte, seq uint32, want uint16, take func(body []byte) error) (done bool, err error) {
	const multi = 0x2 // NLM_F_MULTI: more follows, NLMSG_DONE ends it
	for len(b) > 0 {
		var m message
		if m, b, err = nextMessage(b); err != nil {
			return true, err
		}
		if m.seq != seq {
			continue
		}
		switch m.kind {
		case nlmsgDone:
			return true, nil
		case nlmsgError:
			errno, err := errorOf(m.body)
			if err == nil && errno != 0 {
				err = unix.Errno(errno)
			}
			return true, err
		case want:
			if err := take(m.body); err != nil {
				return true, err
			}
			if m.flags&multi == 0 {
				return true, nil
			}
		}
	}
	return false, nil
}

// reuseAddr lets a port be bound that a closed connection still waits on.
func reuseAddr(fd uintptr) error {
	return unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
}
