package dial

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/probetest"
)

// plain serves TCP connections by f.
func plain(t *testing.T, f func(net.Conn)) netip.AddrPort {
	t.Helper()
	return serve(t, func(l net.Listener) error {
		for {
			c, err := l.Accept()
			if err != nil {
				return err
			}
			go func() { defer c.Close(); f(c) }()
		}
	})
}

// patient waits for the client's end.
func patient(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

func TestIdle(t *testing.T) {
	const wait, never = 200 * time.Millisecond, time.Hour
	reset := func(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0) }
	for _, c := range []struct {
		name    string
		wait    time.Duration
		serve   func(net.Conn)
		status  fact.Status
		class   fact.Class
		skipped string
	}{
		{"alive", wait, patient, fact.OK, "", ""},
		{"greets", wait, func(c net.Conn) { _, _ = io.WriteString(c, "SSH-2.0-x\r\n"); patient(c) }, fact.OK, "", ""},
		{"reset in the silence", never, func(c net.Conn) { time.Sleep(wait); reset(c) }, fact.Failed, fact.Reset, ""},
		{"peer closes", never, func(net.Conn) { time.Sleep(wait) }, fact.NotRun, "", "the peer closed the connection after"},
		{"peer talks without end", never, func(c net.Conn) { _, _ = io.WriteString(c, strings.Repeat("x", 1<<20)) }, fact.NotRun, "",
			"the peer spoke after"},
	} {
		t.Run(c.name, func(t *testing.T) {
			addr := plain(t, c.serve)
			f := (&Prober{}).Idle(t.Context(), addr, host, false, c.wait)
			if f.Status != c.status || f.Class != c.class || !strings.HasPrefix(f.Skipped, c.skipped) || (f.Skipped == "") != (c.skipped == "") || f.Addr != addr || f.For.Std() != c.wait || f.Start.IsZero() {
				t.Errorf("%+v", f)
			}
			if f.Status == fact.OK && f.Took.Std() < wait {
				t.Errorf("it did not wait: %v", f.Took.Std())
			}
		})
	}
}

func TestIdleOverTLS(t *testing.T) {
	leaf := probetest.NewCA("r").Leaf(probetest.LeafOptions{Names: []string{host}})
	asked := false
	h := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true })
	addr := serve(t, (&probetest.TLSServer{Certificate: leaf, Handler: h}).Serve)
	f := (&Prober{}).Idle(t.Context(), addr, host, true, 100*time.Millisecond)
	if f.Status != fact.OK || asked {
		t.Errorf("%+v, asked %v", f, asked)
	}
	stalled := serve(t, (&probetest.TLSServer{Fault: probetest.StallHello}).Serve)
	f = (&Prober{TLSTimeout: 100 * time.Millisecond}).Idle(t.Context(), stalled, host, true, time.Hour)
	if f.Status != fact.NotRun || f.Skipped != "no TLS connection: timeout" {
		t.Errorf("%+v", f)
	}
}

func TestIdleIsCancelledAndNeverInVain(t *testing.T) {
	addr := plain(t, patient)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	began := time.Now()
	f := (&Prober{}).Idle(ctx, addr, host, false, time.Hour)
	if f.Status != fact.NotRun || f.Skipped != "interrupted" || time.Since(began) > time.Minute {
		t.Errorf("cancelled: %+v", f)
	}
	if f = (&Prober{}).Idle(ctx, addr, host, false, time.Hour); f.Status != fact.NotRun || f.Skipped != "interrupted" {
		t.Errorf("after the end: %+v", f)
	}
	ctx, cancel = context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	began = time.Now()
	f = (&Prober{}).Idle(ctx, addr, host, false, time.Hour)
	if f.Status != fact.NotRun || f.Skipped != "budget" || time.Since(began) > 4*time.Second {
		t.Errorf("no time for it: %+v", f)
	}
	closed := netip.MustParseAddrPort(unused(t, "127.0.0.1:0"))
	if f = (&Prober{}).Idle(t.Context(), closed, host, false, time.Hour); f.Status != fact.NotRun || f.Skipped != "no connection: refused" {
		t.Errorf("nothing listens: %+v", f)
	}
}
