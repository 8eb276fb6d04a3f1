package clock

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"vpcdoctor/probe/classify"
	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/pace"
)

const (
	// defaultTimeout: the Time Sync Service answers within a millisecond. A
	// second is also the largest round trip that leaves a usable offset.
	defaultTimeout = time.Second
	// maxDatagram is far above the 48 bytes of an answer and the 20 of a
	// signature after it.
	maxDatagram = 1024
	// maxStrays is how many datagrams that do not answer us are read.
	maxStrays = 8

	ntpPort = 123
	packets = 1 // sent for one sample
)

// Servers is where the Amazon Time Sync Service answers, in every VPC and past
// every security group and NACL (EC2 User Guide, "Amazon Time Sync Service",
// read 2026-11). fd00:ec2::123 is for hosts with an IPv6 address.
func Servers(ipv6 bool) []netip.AddrPort {
	out := []netip.AddrPort{netip.AddrPortFrom(netip.AddrFrom4([4]byte{169, 254, 169, 123}), ntpPort)}
	if ipv6 {
		six := netip.AddrFrom16([16]byte{0: 0xfd, 2: 0x0e, 3: 0xc2, 14: 0x01, 15: 0x23})
		out = append(out, netip.AddrPortFrom(six, ntpPort))
	}
	return out
}

// Client asks time servers. The zero value works.
type Client struct {
	Timeout time.Duration    // 0: 1 s
	Pace    *pace.Limiter    // charged one packet; nil: no limit
	Now     func() time.Time // our wall clock; nil: time.Now
}

// Ask sends one SNTP request and compares our clock with the answer. It is OK
// only when the answer gives an offset: a kiss-o'-death and a server that
// admits to having no time are failures that say so.
func (c *Client) Ask(ctx context.Context, server netip.AddrPort) fact.TimeSample {
	s := fact.TimeSample{Source: fact.TimeSNTP, Server: server}
	if !server.IsValid() || server.Port() == 0 {
		s.Outcome = fact.Skip("no server to ask")
		return s
	}
	if err := c.Pace.Wait(ctx, packets); err != nil {
		s.Outcome = classify.NotBegun(err)
		return s
	}
	x := c.newExchange(ctx)
	answer, elapsed, err := x.run(ctx, server)
	if err != nil {
		s.Outcome = x.outcome(ctx, err)
		return s
	}
	s.Outcome = fact.Outcome{Status: fact.OK, Start: x.wall.UTC(), Took: fact.Duration(elapsed)}
	compare(&s, answer, x.wall, elapsed)
	return s
}

// exchange is one question and its answer.
type exchange struct {
	wall     time.Time // of sending, our clock
	start    time.Time // the same, monotonic
	deadline time.Time
	byBudget bool
	cookie   uint64
}

func (c *Client) newExchange(ctx context.Context) *exchange {
	now, timeout := time.Now, c.Timeout
	if c.Now != nil {
		now = c.Now
	}
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	x := &exchange{wall: now(), start: time.Now()}
	x.deadline = x.start.Add(timeout)
	if d, ok := ctx.Deadline(); ok && d.Before(x.deadline) {
		x.deadline, x.byBudget = d, true
	}
	var random [8]byte
	_, _ = rand.Read(random[:]) // it never fails (crypto/rand)
	x.cookie = binary.BigEndian.Uint64(random[:])
	return x
}

var errStrays = errors.New("only datagrams that do not answer the question came back")

// run sends the request on a socket of its own, so that a refusal reaches us
// as its error, and reads until the answer comes.
func (x *exchange) run(ctx context.Context, server netip.AddrPort) (answer reply, elapsed time.Duration, err error) {
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(server))
	if err != nil {
		return reply{}, 0, err
	}
	defer conn.Close()
	_ = conn.SetDeadline(x.deadline) // a closed socket says so at the next call
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	x.start = time.Now()
	if _, err := conn.Write(request(x.cookie)); err != nil {
		return reply{}, 0, err
	}
	var buf [maxDatagram]byte
	for strays := range maxStrays {
		n, err := conn.Read(buf[:])
		elapsed = time.Since(x.start)
		if err != nil {
			if strays > 0 && isTimeout(err) && ctx.Err() == nil {
				err = fmt.Errorf("%w (%d)", errStrays, strays)
			}
			return reply{}, elapsed, err
		}
		if answer, ok := parse(buf[:n], x.cookie); ok {
			return answer, elapsed, nil
		}
	}
	return reply{}, elapsed, errStrays
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}

// outcome records an exchange that brought no answer.
func (x *exchange) outcome(ctx context.Context, err error) fact.Outcome {
	o := classify.Outcome(err, x.wall, time.Since(x.start))
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		o.Class, o.CutByBudget = fact.Cancelled, true
	case o.Class == fact.Timeout:
		o.CutByBudget = x.byBudget
	case errors.Is(err, errStrays):
		o.Class = fact.Malformed
	}
	return o
}
