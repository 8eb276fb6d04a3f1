package awscall

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// Retries of a call that may work later: full jitter, so that the fleet does
// not come back as it came (Amazon Builders' Library, "Timeouts, retries, and
// backoff with jitter", read 2026-11).
const (
	retryBase   = time.Second
	retryCap    = 30 * time.Second
	attemptTime = 10 * time.Second // of one exchange; a half-open connection must not take all there is
	worthwhile  = 200 * time.Millisecond
)

// Retry makes a call again while its fault is temporary and the deadline of ctx
// leaves time for it. A call that was refused for our time is made once more,
// with the time of AWS. Without a deadline it gives up after eight attempts.
func Retry(ctx context.Context, clock *Clock, call func(context.Context) error) error {
	corrected := false
	for n := 0; ; n++ {
		if ctx.Err() != nil {
			return &Fault{Kind: Ended, cause: ctx.Err()}
		}
		err := attempt(ctx, call)
		var f *Fault
		if err == nil || !errors.As(err, &f) {
			return err
		}
		if f.Kind == Skewed && !corrected && clock.learn(f.header) {
			corrected = true
			continue
		}
		if !f.Temporary() {
			return tried(err, n+1)
		}
		if !pause(ctx, n) {
			return tried(err, n+1)
		}
	}
}

func attempt(ctx context.Context, call func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, attemptTime)
	defer cancel()
	return call(ctx)
}

// pause waits before the attempt after the n-th; false when there is no time
// for it left.
func pause(ctx context.Context, n int) bool {
	const most = 8
	ceiling := min(retryCap, retryBase<<min(n, 10))
	wait := time.Duration(rand.Int64N(int64(ceiling)))
	if end, ok := ctx.Deadline(); ok {
		if time.Until(end) < wait+worthwhile {
			return false
		}
	} else if n+1 >= most {
		return false
	}
	return Wait(ctx, wait)
}

// Wait tells whether the time went by before ctx ended.
func Wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// tried adds the number of attempts to an error.
func tried(err error, n int) error {
	if n == 1 {
		return err
	}
	return fmt.Errorf("%w, after %d attempts", err, n)
}
