package pace

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// sent is when a caller was let through, and with how many packets.
type sent struct {
	at      time.Time
	packets int
}

// busiest is the largest number of packets in any one second of the log.
func busiest(log []sent) int {
	most := 0
	for i := range log {
		n := 0
		for _, s := range log[i:] {
			if s.at.Sub(log[i].at) <= time.Second {
				n += s.packets
			}
		}
		most = max(most, n)
	}
	return most
}

func TestNeverMoreThanTheLimitInAnySecond(t *testing.T) {
	for _, tc := range []struct {
		name           string
		limit, callers int
		size           func(i int) int
		gap            time.Duration // between the callers' arrivals
	}{
		{"burst of single packets", 300, 1000, func(int) int { return 1 }, 0},
		{"mixed sizes", 300, 400, func(i int) int { return 1 + i%8 }, 0},
		{"trickle below the rate", 300, 400, func(int) int { return 1 }, 5 * time.Millisecond},
		{"steady just above the rate", 10, 40, func(int) int { return 1 }, 90 * time.Millisecond},
		{"the whole limit at once", 10, 5, func(int) int { return 10 }, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := New(tc.limit)
				var mu sync.Mutex
				var log []sent
				var wg sync.WaitGroup
				total := 0
				begin := time.Now()
				for i := range tc.callers {
					n := tc.size(i)
					total += n
					wg.Go(func() {
						if err := l.Wait(t.Context(), n); err != nil {
							t.Error(err)
							return
						}
						mu.Lock()
						defer mu.Unlock()
						log = append(log, sent{time.Now(), n})
					})
					time.Sleep(tc.gap)
				}
				wg.Wait()
				if got := busiest(log); got > tc.limit {
					t.Errorf("%d packets in one second, limit %d", got, tc.limit)
				}
				slowest := time.Duration(total/tc.limit+1)*window + time.Duration(tc.callers)*tc.gap
				if took := time.Since(begin); took > slowest+time.Second {
					t.Errorf("took %v, more than the rate asks (%v)", took, slowest)
				}
			})
		})
	}
}

func TestBurstPassesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, begin := New(300), time.Now()
		for range 300 {
			if err := l.Wait(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(begin); took != 0 {
			t.Errorf("300 of 300 packets waited %v", took)
		}
		if err := l.Wait(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); took != window {
			t.Errorf("packet 301 left after %v, want %v", took, window)
		}
	})
}

func TestServedInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(10)
		var mu sync.Mutex
		var order []int
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				// Large and small by turns: a small one must not overtake. No
				// two of them fit into one window, so each is served alone.
				if err := l.Wait(t.Context(), 10-4*(i%2)); err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				order = append(order, i)
			})
			synctest.Wait() // the next one arrives when this one is served or queued
		}
		wg.Wait()
		for i, got := range order {
			if i != got {
				t.Fatalf("served in order %v", order)
			}
		}
	})
}

func TestContextEndsTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(5)
		if err := l.Wait(t.Context(), 5); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		var wg sync.WaitGroup
		for range 2 { // one holds the turn, one queues for it
			wg.Go(func() {
				if err := l.Wait(ctx, 5); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("got %v, want the deadline", err)
				}
			})
		}
		begin := time.Now()
		wg.Wait()
		if took := time.Since(begin); took != 100*time.Millisecond {
			t.Errorf("ended after %v", took)
		}
		if err := l.Wait(t.Context(), 5); err != nil { // nothing was charged for those who gave up
			t.Fatal(err)
		}
		if took := time.Since(begin); took != window {
			t.Errorf("next packet left after %v, want %v", took, window)
		}
	})
}

func TestEdges(t *testing.T) {
	var none *Limiter
	if err := none.Wait(t.Context(), 1_000_000); err != nil {
		t.Errorf("nil limiter: %v", err)
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	for name, l := range map[string]*Limiter{"nil": none, "free": New(5)} {
		if err := l.Wait(done, 1); !errors.Is(err, context.Canceled) {
			t.Errorf("%s limiter with a cancelled context: %v", name, err)
		}
	}
	if err := New(5).Wait(t.Context(), 6); err == nil {
		t.Error("more packets than the limit were admitted at once")
	}
	if err := New(0).Wait(t.Context(), 1); err != nil {
		t.Errorf("a limit below 1 is taken as 1: %v", err)
	}
	if err := New(1).Wait(t.Context(), -3); err != nil {
		t.Errorf("nothing to send never waits: %v", err)
	}
}
