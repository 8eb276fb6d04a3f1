package path

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"vpcdoctor/probe/classify"
	"vpcdoctor/probe/fact"
)

const (
	// DefaultPerHop is below the 1 s after which the SYN would be sent again:
	// each TTL costs one packet. Round trips inside a country are below 100 ms.
	DefaultPerHop = 700 * time.Millisecond
	// maxHops bounds the connects of one trace.
	maxHops = 16
	// pollStep is how soon a trace notices that the run was ended.
	pollStep = 50 * time.Millisecond
	// maxErrors is how many entries of one error queue are read.
	maxErrors = 4
)

// Trace connects to addr with packets that live 1, 2 … hops, all side by side,
// and reads from each socket's error queue who sent them back. Nothing but a
// SYN is sent for a TTL; what reaches the address is closed at once. All TTLs
// together take perHop. Zero values mean DefaultHops and DefaultPerHop.
//
// The fact is OK when the sockets worked, whatever they saw. Silence at a TTL
// proves nothing: routers limit their ICMP, and much of AWS sends none. A reset
// that this host's own packet filter made looks like one of the address at
// TTL 1; compare with how fast a plain dial was refused.
func Trace(ctx context.Context, addr netip.AddrPort, hops int, perHop time.Duration) fact.Trace {
	addr = netip.AddrPortFrom(addr.Addr().Unmap().WithZone(""), addr.Port())
	f := fact.Trace{Addr: addr}
	if !addr.IsValid() {
		f.Outcome = fact.Skip("no address")
		return f
	}
	if err := ctx.Err(); err != nil {
		f.Outcome = classify.NotBegun(err)
		return f
	}
	if hops <= 0 {
		hops = DefaultHops
	}
	if perHop <= 0 {
		perHop = DefaultPerHop
	}
	a := begin(ctx, perHop)
	defer a.cancel()
	t := tracer{start: a.start}
	defer t.close()
	err := t.open(addr, min(hops, maxHops))
	if err == nil {
		err = t.wait(a)
	}
	f.Outcome = a.outcome(err)
	f.Hops, f.Reached = t.hops()
	return f
}

// try is the connect of one TTL.
type try struct {
	fd   int // -1: closed
	done bool
	hop  fact.Hop
}

type tracer struct {
	start time.Time
	tries []*try
}

// open starts all connects.
func (t *tracer) open(addr netip.AddrPort, hops int) error {
	for ttl := 1; ttl <= hops; ttl++ {
		fd, err := connectTTL(addr, ttl)
		y := &try{fd: fd, hop: fact.Hop{TTL: ttl}}
		t.tries = append(t.tries, y)
		switch {
		case err == nil, errors.Is(err, unix.EINPROGRESS):
		case fd < 0:
			return err
		default:
			// The local kernel refused: a route or a packet filter. It is the same
			// for every TTL.
			t.finish(y, err)
			return err
		}
	}
	return nil
}

// connectTTL starts one connect. fd is -1 when there is no socket.
func connectTTL(addr netip.AddrPort, ttl int) (fd int, err error) {
	domain, level, hopOpt, errOpt := unix.AF_INET, unix.IPPROTO_IP, unix.IP_TTL, unix.IP_RECVERR
	var to unix.Sockaddr
	if addr.Addr().Is6() {
		domain, level, hopOpt, errOpt = unix.AF_INET6, unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS, unix.IPV6_RECVERR
		to = &unix.SockaddrInet6{Port: int(addr.Port()), Addr: addr.Addr().As16()}
	} else {
		to = &unix.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()}
	}
	fd, err = unix.Socket(domain, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
	if err != nil {
		return -1, fmt.Errorf("opening a socket: %w", err)
	}
	for opt, v := range map[int]int{hopOpt: ttl, errOpt: 1} {
		if err := unix.SetsockoptInt(fd, level, opt, v); err != nil {
			_ = unix.Close(fd)
			return -1, fmt.Errorf("preparing a socket: %w", err)
		}
	}
	if err := unix.Connect(fd, to); err != nil {
		return fd, fmt.Errorf("connecting: %w", err)
	}
	return fd, nil
}

// wait polls until every connect has ended or the time is over. Silence that
// the run's own end cut short is an error, so that it is not taken for the
// network's.
func (t *tracer) wait(a attempt) error {
	end, _ := a.ctx.Deadline()
	for {
		var (
			fds  []unix.PollFd
			open []*try
		)
		for _, y := range t.tries {
			if !y.done {
				fds, open = append(fds, unix.PollFd{Fd: int32(y.fd), Events: unix.POLLOUT}), append(open, y)
			}
		}
		left := time.Until(end)
		switch {
		case len(fds) == 0:
			return nil
		case a.run.Err() != nil:
			return a.run.Err()
		case left <= 0 && a.budgetCut:
			return context.DeadlineExceeded
		case left <= 0:
			return nil
		}
		// Poll counts whole milliseconds; one more, or the last one would spin.
		n, err := unix.Poll(fds, int(min(left, pollStep)/time.Millisecond)+1)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("waiting for answers: %w", err)
		}
		for i, p := range fds {
			if n > 0 && p.Revents != 0 {
				t.finish(open[i], socketError(open[i].fd))
			}
		}
	}
}

// socketError is how a connect ended; nil when it is connected.
func socketError(fd int) error {
	n, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	switch {
	case err != nil:
		return err
	case n != 0:
		return unix.Errno(n)
	}
	return nil
}

// finish records how one connect ended.
func (t *tracer) finish(y *try, err error) {
	y.done = true
	y.hop.Took = fact.Duration(time.Since(t.start))
	_, y.hop.Errno = classify.Error(err)
	if e, ok := readErrors(y.fd); ok {
		y.hop.From, y.hop.ICMP = e.from, e.what
		return
	}
	y.hop.Reached = err == nil || errors.Is(err, unix.ECONNREFUSED) || errors.Is(err, unix.ECONNRESET)
}

// readErrors reads the first ICMP error of a socket's error queue.
func readErrors(fd int) (icmpError, bool) {
	control := make([]byte, 512)
	for range maxErrors {
		_, n, _, _, err := unix.Recvmsg(fd, nil, control, unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT)
		if err != nil {
			break
		}
		messages, err := unix.ParseSocketControlMessage(control[:n])
		if err != nil {
			break
		}
		for _, m := range messages {
			v4 := m.Header.Level == unix.IPPROTO_IP && m.Header.Type == unix.IP_RECVERR
			v6 := m.Header.Level == unix.IPPROTO_IPV6 && m.Header.Type == unix.IPV6_RECVERR
			if e, ok := parseICMPError(m.Data); ok && (v4 || v6) {
				return e, true
			}
		}
	}
	return icmpError{}, false
}

// hops are the facts, up to the first TTL that reached the address.
func (t *tracer) hops() (hops []fact.Hop, reached int) {
	for _, y := range t.tries {
		hops = append(hops, y.hop)
		if y.hop.Reached {
			return hops, y.hop.TTL
		}
	}
	return hops, 0
}

func (t *tracer) close() {
	for _, y := range t.tries {
		if y.fd >= 0 {
			_ = unix.Close(y.fd)
			y.fd = -1
		}
	}
}
