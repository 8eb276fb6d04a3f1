package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"time"

	"vpcdoctor/report"
	"vpcdoctor/report/watch"
)

// looks makes as many rounds as were asked for. It returns the report to
// deliver and the exit code. After a signal stop gives signals back their usual
// effect.
func (c *checker) looks(ctx context.Context, stop func()) (*report.Report, int) {
	v := c.view()
	cleared := context.AfterFunc(ctx, func() {
		v.close() // before anything else: a second signal must find the terminal in order
		stop()
	})
	defer cleared()
	defer v.close()
	if c.s.wait == 0 && !c.s.watch {
		r := c.round(ctx, v.progress)
		return r, exitCode(r, c.s.output, c.failOn)
	}
	r, err := c.untilSettled(ctx, v)
	c.hurried = errors.Is(err, errInterrupted)
	if c.s.wait > 0 && c.hurried && !r.Context.Interrupted {
		v.close()
		c.app.complain(errors.New("interrupted while waiting; this is the report of the last whole look"))
		return r, report.ExitInconclusive
	}
	return r, exitCode(r, c.s.output, c.failOn) // whoever only watches ends that by Ctrl-C, which is no failure
}

// errInterrupted says that a signal ended the looks.
var errInterrupted = errors.New("interrupted")

// untilSettled looks again and again: with --wait until a look is good or the
// time is over, otherwise until a signal comes or nobody reads any more. The
// report is that of the last whole look. A look that has begun is not cut short
// by the end of the wait, which would make its verdict worse than the truth.
func (c *checker) untilSettled(ctx context.Context, v view) (*report.Report, error) {
	start := time.Now()
	over := func() bool { return c.s.wait > 0 && time.Since(start) >= c.s.wait }
	r := c.round(ctx, v.progress)
	if r.Context.Interrupted {
		return r, errInterrupted
	}
	for quiet, turned := 0, watch.First(r); ; {
		if over() || c.s.wait > 0 && c.good(r) || c.s.watch && c.unread() {
			v.looked(r, turned, 0)
			return r, nil
		}
		pause := around(watch.Pause(quiet))
		if c.s.wait > 0 {
			pause = min(pause, c.s.wait-time.Since(start)) // the look that decides is made as the time ends
		}
		v.looked(r, turned, pause)
		if !sleep(ctx, pause) {
			return r, errInterrupted
		}
		next := c.again(ctx, over, v.progress)
		if next.Context.Interrupted {
			return r, errInterrupted
		}
		turned = watch.Turns(r, next)
		if quiet++; len(turned) > 0 {
			quiet = 0
		}
		r = next
	}
}

// unread tells whether nobody sees what a watch says.
func (c *checker) unread() bool { return c.app.stdout.broken() || readerGone(os.Stdout) }

// good tells whether there is nothing more to wait for. With --fail-on never
// every verdict has exit code 0; waiting is for one without errors all the same.
func (c *checker) good(r *report.Report) bool {
	on := c.failOn
	if on == report.FailNever {
		on = report.FailOnError
	}
	return r.ExitCode(on) == report.ExitOK
}

// around changes a pause by up to a fifth, so that instances which were started
// together do not look together for ever.
func around(d time.Duration) time.Duration {
	return d - d/5 + rand.N(d*2/5)
}

// sleep tells whether the time went by without a signal.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
