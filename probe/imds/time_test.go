package imds

import (
	"context"
	"net"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/pace"
	"vpcdoctor/probe/probetest"
)

// The tests of this file run in a bubble with its own time, over pipes: their
// durations are exact, whatever else the machine does.

// pipes is a listener whose connections are pipes made by dial.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.conns <- theirs:
		return ours, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// timed reads from a service in that mode, in a bubble, with at most that many
// packets a second (0: no limit), and returns how long the read took.
func timed(t *testing.T, i probetest.IMDSInstance, mode probetest.IMDSMode, o Options, perSecond int) (got fact.IMDS, took time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		if perSecond > 0 {
			o.Pace = pace.New(perSecond)
		}
		fake := probetest.NewIMDS(i)
		fake.Mode = mode
		l := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
		server := fake.Server()
		var serving sync.WaitGroup
		serving.Go(func() { _ = server.Serve(l) })
		o.Dial = l.dial
		begin := time.Now()
		got = ask(t.Context(), o)
		took = time.Since(begin)
		_ = server.Close()
		serving.Wait()
	})
	return got, took
}

func TestSilentServiceEndsSoon(t *testing.T) {
	for name, mode := range map[string]probetest.IMDSMode{"silent": {Silent: true}, "token silent": {TokenSilent: true}} {
		got, took := timed(t, instance(), mode, Options{}, 0)
		if took != answerTimeout || got.Token.Class != fact.Timeout || !got.Token.Connected {
			t.Errorf("%s: after %v: %+v", name, took, got.Token)
		}
	}
}

func TestDroppedEndsSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		got := ask(t.Context(), Options{Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			<-ctx.Done() // a SYN without an answer
			return nil, &net.OpError{Op: "dial", Net: network, Err: context.DeadlineExceeded}
		}})
		if took := time.Since(begin); took != dialTimeout {
			t.Errorf("took %v", took)
		}
		for _, g := range []fact.IMDSGet{got.Token, got.V1} {
			if g.Class != fact.Timeout || g.Connected || g.CutByBudget {
				t.Errorf("%+v", g)
			}
		}
		if got.Endpoint != "http://169.254.169.254" || got.Puts != 1 || got.GetCount != 1 {
			t.Errorf("%+v", got)
		}
	})
}

func TestSlowServiceStillServes(t *testing.T) {
	for name, tc := range map[string]struct {
		i     probetest.IMDSInstance
		limit time.Duration
	}{
		"usual":                      {instance(), 3 * time.Second},
		"dual stack":                 {dualStack(instance()), 3400 * time.Millisecond},
		"six interfaces":             {sixInterfaces(), 4 * time.Second},
		"six interfaces, dual stack": {dualStack(sixInterfaces()), 4 * time.Second},
	} {
		got, took := timed(t, tc.i, probetest.IMDSMode{Delay: 400 * time.Millisecond}, Options{}, 0)
		t.Logf("%s: %v, %d GETs", name, took, got.GetCount)
		if took > tc.limit {
			t.Errorf("%s took %v", name, took)
		}
		if got.Region == "" || got.InstanceID == "" || got.DNSSuffix == "" || got.Role.State != fact.RolePresent ||
			len(got.Primary().VPCCIDRs) != 2 || len(got.Primary().SecurityGroupIDs) != 2 {
			t.Errorf("%s: values are missing: %+v", name, got)
		}
	}
}

func TestBudgetOfTime(t *testing.T) {
	got, took := timed(t, instance(), probetest.IMDSMode{Delay: 100 * time.Millisecond}, Options{Budget: 250 * time.Millisecond}, 0)
	cut, skipped := 0, 0
	for _, g := range got.Gets {
		if g.CutByBudget {
			cut++
		}
		if g.Status == fact.NotRun && g.Skipped == SkippedTime {
			skipped++
		}
	}
	if took != 250*time.Millisecond || got.Token.Status != fact.OK || cut == 0 || skipped == 0 {
		t.Errorf("%v, %d cut, %d skipped of %+v", took, cut, skipped, got.Gets)
	}
}

func TestPaced(t *testing.T) {
	const all = 20*getPackets + maxConns*connPackets // 1 PUT, 19 GETs, 4 connections
	for _, tc := range []struct {
		perSecond int
		waits     bool
	}{{all, false}, {all - 1, true}, {40, true}} {
		got, took := timed(t, instance(), probetest.IMDSMode{}, Options{}, tc.perSecond)
		if (took >= time.Second) != tc.waits || got.Region == "" || got.Role.State != fact.RolePresent {
			t.Errorf("%d packets a second: took %v", tc.perSecond, took)
		}
	}
}

func TestDialIsPaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := pace.New(60)
		if err := l.Wait(t.Context(), 60); err != nil { // DNS has used up this second
			t.Fatal(err)
		}
		begin := time.Now()
		var sent sync.Once
		got := ask(t.Context(), Options{Pace: l, Dial: func(context.Context, string, string) (net.Conn, error) {
			sent.Do(func() {
				if took := time.Since(begin); took < time.Second {
					t.Errorf("sent after %v", took)
				}
			})
			return nil, syscall.ECONNREFUSED
		}})
		if got.Token.Class != fact.Refused || got.Token.Took != 0 { // waiting for our own turn is not the service's time
			t.Errorf("%+v", got.Token)
		}
	})
}
