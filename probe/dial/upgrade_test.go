package dial

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/probetest"
)

// upgradeServer answers every request on a TLS port by write.
func upgradeServer(t *testing.T, h http.Handler) netip.AddrPort {
	t.Helper()
	leaf := probetest.NewCA("r").Leaf(probetest.LeafOptions{Names: []string{host}})
	return serve(t, (&probetest.TLSServer{Certificate: leaf, Handler: h}).Serve)
}

// upgrade makes the handshake and the one question.
func upgrade(t *testing.T, p *Prober, addr netip.AddrPort) fact.Upgrade {
	t.Helper()
	c, h := p.TLS(t.Context(), connect(t, p, addr), addr, host)
	if c == nil {
		t.Fatalf("%+v", h)
	}
	return p.Upgrade(t.Context(), c, addr, host)
}

func TestUpgradeIsWhatAWebsocketClientSends(t *testing.T) {
	var seen *http.Request
	addr := upgradeServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = r
		w.Header().Set("x-amzn-RequestId", "11111111-2222-4333-8444-555555555555")
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(http.StatusForbidden)
	}))
	f := upgrade(t, &Prober{UserAgent: "vpcdoctor/1 (+diagnostic)"}, addr)
	if f.Status != fact.OK || f.HTTPStatus != 403 || f.RequestID != "11111111-2222-4333-8444-555555555555" || f.Type != "application/xml" ||
		f.Date.IsZero() || f.Addr != addr || f.Host != host || f.Step != "" || f.Key() != "upgrade:"+host {
		t.Errorf("%+v", f)
	}
	h := seen.Header
	if seen.Method != "GET" || seen.RequestURI != "/v1/control-channel/i-00000000000000000?role=subscribe&stream=input" || seen.Host != host ||
		h.Get("Connection") != "Upgrade" || h.Get("Upgrade") != "websocket" || h.Get("Sec-WebSocket-Version") != "13" ||
		len(h.Get("Sec-WebSocket-Key")) != 24 || h.Get("User-Agent") != "vpcdoctor/1 (+diagnostic)" {
		t.Errorf("%s %s %v", seen.Method, seen.RequestURI, h)
	}
	if h.Get("Authorization") != "" || h.Get("X-Amz-Date") != "" {
		t.Error("the request is signed")
	}
}

// TestUpgradeGranted: whoever says yes gets no frame, only the end.
func TestUpgradeGranted(t *testing.T) {
	after := make(chan string, 1)
	addr := upgradeServer(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			after <- err.Error()
			return
		}
		defer c.Close()
		_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x05hello")
		_ = c.SetReadDeadline(time.Now().Add(time.Minute))
		b, err := io.ReadAll(c)
		after <- fmt.Sprintf("%d bytes, %v", len(b), err)
	}))
	if f := upgrade(t, &Prober{HTTPTimeout: time.Minute}, addr); f.Status != fact.OK || f.HTTPStatus != 101 {
		t.Errorf("%+v", f)
	}
	if got := <-after; got != "0 bytes, <nil>" {
		t.Errorf("after 101 the server read %s", got)
	}
}

func TestUpgradeInsideATunnel(t *testing.T) {
	var asked atomic.Int32
	aws := upgradeServer(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(http.StatusBadRequest)
	}))
	px := &probetest.Proxy{
		Hosts: map[string]int{"denied.us-east-1.amazonaws.com": 403},
		Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, network, aws.String())
		},
	}
	through := through(t, px, "http")
	p := &Prober{}
	c, tunnel := p.Connect(t.Context(), through, host, 443)
	if c == nil {
		t.Fatalf("%+v", tunnel)
	}
	tc, _ := p.TLS(t.Context(), c, tunnel.Addr, host)
	if f := p.Upgrade(t.Context(), tc, tunnel.Addr, host); f.HTTPStatus != 400 || f.Addr != tunnel.Addr {
		t.Errorf("%+v", f)
	}
	// The same proxy denies one host and no other (PX-05).
	c, tunnel = p.Connect(t.Context(), through, "denied.us-east-1.amazonaws.com", 443)
	if c != nil || tunnel.Step != "request" || tunnel.HTTPStatus != 403 || asked.Load() != 1 {
		t.Errorf("denied host: %+v, %d upgrades", tunnel, asked.Load())
	}
}

func TestUpgradeHostileAnswers(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer func(io.Writer) error
		class  fact.Class
	}{
		{"binary", func(w io.Writer) error { _, err := w.Write([]byte{0x81, 0x7e, 0xff, 0, '\n', 1, 2}); return err }, fact.HTTPMalformed},
		{"endless headers", func(w io.Writer) error {
			_, err := io.WriteString(w, "HTTP/1.1 403 Forbidden\r\n")
			for err == nil {
				_, err = io.WriteString(w, "X-A: "+strings.Repeat("a", 500)+"\r\n")
			}
			return err
		}, fact.TooLarge},
		{"interim answers without end", func(w io.Writer) (err error) {
			for err == nil {
				_, err = io.WriteString(w, "HTTP/1.1 100 Continue\r\n\r\n")
			}
			return err
		}, fact.HTTPMalformed},
		{"nothing", func(io.Writer) error { return nil }, fact.EOF},
		{"half a head", func(w io.Writer) error { _, err := io.WriteString(w, "HTTP/1.1 403 Forbid"); return err }, fact.EOF},
		{"silence", func(io.Writer) error { time.Sleep(3 * time.Second); return nil }, fact.Timeout},
	} {
		t.Run(c.name, func(t *testing.T) {
			addr := upgradeServer(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				conn, _, err := w.(http.Hijacker).Hijack()
				if err == nil {
					_ = conn.SetWriteDeadline(time.Now().Add(5 * time.Second))
					_ = c.answer(conn)
					conn.Close()
				}
			}))
			f := upgrade(t, &Prober{HTTPTimeout: 2 * time.Second}, addr)
			if f.Status != fact.Failed || f.Class != c.class || f.Step != "request" || f.CutByBudget {
				t.Errorf("%+v", f)
			}
		})
	}
}

func TestUpgradeAfterTheRun(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	near, far := net.Pipe()
	defer far.Close()
	f := (&Prober{}).Upgrade(ctx, tls.Client(near, &tls.Config{InsecureSkipVerify: true}), netip.AddrPort{}, host)
	if f.Status != fact.NotRun || f.Skipped == "" || f.Host != host {
		t.Errorf("%+v", f)
	}
}
