// Package pace keeps the run's own packets below a rate, so that looking at an
// instance does not disturb it: IMDS, the VPC resolver and the time service
// share an allowance of 1,024 packets a second per network interface with
// everything else on the instance (EC2 User Guide, "Monitor network performance
// for ENA settings", linklocal_allowance_exceeded; VPC User Guide, "DNS quotas";
// read 2026-11).
//
// In go the packets that a caller is about to send; out comes the moment when
// it may. The package sends nothing itself and knows no destination: whoever
// shares an allowance shares a Limiter.
package pace

import (
	"context"
	"fmt"
	"time"
)

// window is one second and a little more. A caller sends some moments after
// Wait returned; 80 ms are more than a busy machine needs for that (20 ms were
// not, with sixteen programs on two cores), so the packets on the wire also keep
// to the rate within any one second. It costs eight percent of the throughput.
const window = time.Second + 80*time.Millisecond

// Limiter admits at most a number of packets in any one second: a sliding
// window, not a token bucket, which would let through twice its rate at the
// edge of a burst. A burst up to the whole number passes at once.
// A nil *Limiter admits everything. It is safe for concurrent use.
type Limiter struct {
	turn   chan struct{} // held by the caller that is served; waiting senders queue in order
	limit  int           // packets in any one second
	used   int           // sum of grants
	grants []grant       // of the last window, oldest first; owned by the holder of turn
}

type grant struct {
	at      time.Time
	packets int
}

// New returns a limiter of perSecond packets in any one second. A number below
// 1 is taken as 1, so that a limiter never blocks for good.
func New(perSecond int) *Limiter {
	return &Limiter{turn: make(chan struct{}, 1), limit: max(perSecond, 1)}
}

// Wait returns when that many packets may be sent. Callers are served in the
// order in which they came, large and small alike, so that nobody starves. It
// returns the context's error when that ends first, and an error when packets
// is more than the limiter ever admits at once; nothing is charged then.
func (l *Limiter) Wait(ctx context.Context, packets int) error {
	if l == nil || packets <= 0 {
		return ctx.Err()
	}
	if packets > l.limit {
		return fmt.Errorf("pacing: %d packets at once are more than the limit of %d a second", packets, l.limit)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	return l.admit(ctx, packets)
}

// admit waits until the window has room and records the grant.
func (l *Limiter) admit(ctx context.Context, packets int) error {
	for {
		now := time.Now()
		l.forget(now)
		if l.used+packets <= l.limit {
			l.grants = append(l.grants, grant{now, packets})
			l.used += packets
			return nil
		}
		room := time.NewTimer(l.grants[0].at.Add(window).Sub(now))
		select {
		case <-room.C:
		case <-ctx.Done():
			room.Stop()
			return ctx.Err()
		}
	}
}

// forget drops the grants that have left the window.
func (l *Limiter) forget(now time.Time) {
	old := 0
	for old < len(l.grants) && now.Sub(l.grants[old].at) >= window {
		l.used -= l.grants[old].packets
		old++
	}
	l.grants = append(l.grants[:0], l.grants[old:]...)
}
