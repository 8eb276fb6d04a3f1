package dial

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/probetest"
)

const neutral = "sts.us-east-1.amazonaws.com"

// stallIf is a device that swallows the hellos it does not like.
func stallIf(bad func(probetest.TLSHello) bool) func(probetest.TLSHello) probetest.TLSFault {
	return faultIf(probetest.StallHello, bad)
}

func faultIf(fault probetest.TLSFault, bad func(probetest.TLSHello) bool) func(probetest.TLSHello) probetest.TLSFault {
	return func(h probetest.TLSHello) probetest.TLSFault {
		if bad(h) {
			return fault
		}
		return probetest.TLSFine
	}
}

// wide tells whether a packet to this peer may be larger than a narrow path
// carries; on Linux only, where the kernel says.
func wide(h probetest.TLSHello) bool {
	i := TCPInfo(h.Conn)
	return i == nil || i.SndMSS > 536
}

// long is a hello of more than one small segment; C.4 has the measured sizes.
func long(h probetest.TLSHello) bool { return h.Bytes > 1000 }

// pattern is what the base attempt and its variants gave, as a row of C.4.
func pattern(t *testing.T, p *Prober, addr netip.AddrPort) (fact.Handshake, string) {
	t.Helper()
	word := func(h fact.Handshake) string {
		if h.Status == fact.OK {
			return "ok"
		}
		return string(h.Class)
	}
	c, base := p.TLS(t.Context(), connect(t, p, addr), addr, host)
	if c != nil {
		c.Close()
	}
	row := []string{"base " + word(base)}
	for _, v := range Variants(base) {
		row = append(row, string(v)+" "+word(p.Variant(t.Context(), addr, host, v, neutral)))
	}
	return base, strings.Join(row, ", ")
}

func TestDifferentialOutcomes(t *testing.T) {
	corp, aws := probetest.NewCA("Corp"), probetest.NewCA("Stand-in AWS Root")
	genuine := aws.Leaf(probetest.LeafOptions{Names: []string{host, neutral}})
	signed := corp.Leaf(probetest.LeafOptions{Names: []string{host, neutral}})
	for _, c := range []struct {
		name   string
		server *probetest.TLSServer
		linux  bool // needs a small MSS to make a difference
		want   string
	}{
		{name: "healthy", server: &probetest.TLSServer{}, want: "base ok"},
		{
			name:   "post-quantum hello swallowed",
			server: &probetest.TLSServer{ByHello: stallIf(func(h probetest.TLSHello) bool { return h.PostQuantum })},
			want:   "base timeout, no_pq ok, small_mss timeout, neutral_sni timeout",
		},
		{
			name:   "long hello swallowed however it is cut",
			server: &probetest.TLSServer{ByHello: stallIf(long)},
			want:   "base timeout, no_pq ok, small_mss timeout, neutral_sni timeout",
		},
		{
			name: "hole for large packets from us", linux: true,
			server: &probetest.TLSServer{ByHello: stallIf(func(h probetest.TLSHello) bool { return long(h) && wide(h) })},
			want:   "base timeout, no_pq ok, small_mss ok, neutral_sni timeout",
		},
		{
			name: "hole for large packets towards us", linux: true,
			server: &probetest.TLSServer{ByHello: stallIf(wide)},
			want:   "base timeout, no_pq timeout, small_mss ok, neutral_sni timeout",
		},
		{
			name:   "name swallowed",
			server: &probetest.TLSServer{BySNI: map[string]probetest.TLSFault{host: probetest.StallHello}},
			want:   "base timeout, no_pq timeout, small_mss timeout, neutral_sni ok",
		},
		{
			name:   "name reset",
			server: &probetest.TLSServer{BySNI: map[string]probetest.TLSFault{host: probetest.ResetHello}},
			want:   "base reset, neutral_sni ok, no_pq reset, small_mss reset",
		},
		{
			name:   "everything reset",
			server: &probetest.TLSServer{Fault: probetest.ResetHello},
			want:   "base reset, neutral_sni reset, no_pq reset, small_mss reset",
		},
		{
			name:   "everything swallowed",
			server: &probetest.TLSServer{Fault: probetest.StallOpen},
			want:   "base timeout, no_pq timeout, small_mss timeout, neutral_sni timeout",
		},
		{
			name:   "empty reply",
			server: &probetest.TLSServer{Fault: probetest.CloseHello},
			want:   "base eof, neutral_sni eof, no_pq eof, small_mss eof",
		},
		{
			name:   "TLS 1.3 refused",
			server: &probetest.TLSServer{ByHello: faultIf(probetest.AlertHello, func(h probetest.TLSHello) bool { return h.TLS13 })},
			want:   "base tls_alert, tls12 ok, no_pq tls_alert, neutral_sni tls_alert",
		},
		{
			name:   "plain HTTP",
			server: &probetest.TLSServer{Fault: probetest.PlainHTTP},
			want:   "base not_tls",
		},
		{
			name: "one name re-signed",
			server: &probetest.TLSServer{CertificateFor: func(sni string) *tls.Certificate {
				if sni == host {
					return &signed
				}
				return &genuine
			}},
			want: "base ok, neutral_sni ok",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.linux && runtime.GOOS != "linux" {
				t.Skip("segments can be limited on Linux only")
			}
			t.Parallel()
			c.server.Certificate = genuine
			p := &Prober{Trust: store(t, aws, aws), TLSTimeout: 250 * time.Millisecond}
			_, got := pattern(t, p, serve(t, c.server.Serve))
			want := c.want
			if !mssSupported {
				want = strings.NewReplacer("small_mss timeout", "small_mss ", "small_mss reset", "small_mss ", "small_mss eof", "small_mss ").Replace(want)
			}
			if got != want {
				t.Errorf("\n got %s\nwant %s", got, want)
			}
		})
	}
}

// What each variant changes in the hello and on the wire, and only that.
func TestHelloOfEachVariant(t *testing.T) {
	ca := probetest.NewCA("r")
	hellos := make(chan probetest.TLSHello, 1)
	s := &probetest.TLSServer{
		Certificate: ca.Leaf(probetest.LeafOptions{Names: []string{host, neutral}}),
		ByHello:     func(h probetest.TLSHello) probetest.TLSFault { hellos <- h; return probetest.TLSFine },
	}
	addr := serve(t, s.Serve)
	p := &Prober{Trust: store(t, ca, ca)}

	c, base := p.TLS(t.Context(), connect(t, p, addr), addr, host)
	if c == nil {
		t.Fatalf("%+v", base)
	}
	c.Close()
	if h := <-hellos; !h.PostQuantum || !h.TLS13 || h.SNI != host || h.Bytes < 1400 || base.Group != "X25519MLKEM768" || base.Variant != "" || base.TCP != nil {
		t.Errorf("base: %+v, %+v", h, base)
	}
	for v, want := range map[fact.Variant]struct {
		sni       string
		pq, tls13 bool
		group     string
		version   string
	}{
		fact.NoPQ:       {host, false, true, "X25519", "TLS 1.3"},
		fact.SmallMSS:   {host, true, true, "X25519MLKEM768", "TLS 1.3"},
		fact.NeutralSNI: {neutral, true, true, "X25519MLKEM768", "TLS 1.3"},
		fact.TLS12:      {host, false, false, "X25519", "TLS 1.2"},
		fact.NoSNI:      {"", true, true, "X25519MLKEM768", "TLS 1.3"},
	} {
		if v == fact.SmallMSS && !mssSupported {
			continue
		}
		f := p.Variant(t.Context(), addr, host, v, neutral+".")
		if f.Status != fact.OK || f.Variant != v || f.Host != host || f.Addr != addr || f.Version != want.version || f.Group != want.group {
			t.Errorf("%s: %+v", v, f)
		}
		if f.Name.Status != fact.OK || f.Reference.Status != fact.OK || len(f.Chain) != 1 || f.Key() != base.Key()+"#"+string(v) {
			t.Errorf("%s: %+v", v, f)
		}
		h := <-hellos
		if h.SNI != want.sni || h.PostQuantum != want.pq || h.TLS13 != want.tls13 || (h.Bytes < 400) == want.pq {
			t.Errorf("%s: %+v", v, h)
		}
		if (f.SNI == neutral) != (v == fact.NeutralSNI) {
			t.Errorf("%s: SNI %q", v, f.SNI)
		}
	}
}

// A neutral name's certificate is judged by the neutral name.
func TestNeutralNameIsVerifiedByItself(t *testing.T) {
	ca := probetest.NewCA("r")
	addr := serve(t, (&probetest.TLSServer{Certificate: ca.Leaf(probetest.LeafOptions{Names: []string{neutral}})}).Serve)
	p := &Prober{Trust: store(t, ca, ca)}
	if f := p.Variant(t.Context(), addr, host, fact.NeutralSNI, neutral); f.Name.Status != fact.OK || f.SNI != neutral || f.Host != host {
		t.Errorf("%+v", f)
	}
	if f := p.Variant(t.Context(), addr, host, fact.NoSNI, neutral); f.Name.Class != fact.CertName {
		t.Errorf("no SNI is about the host: %+v", f)
	}
}

func TestVariantsThatNeverBegin(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := netip.MustParseAddrPort(l.Addr().String())
	l.Close()
	spent, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	own := &Prober{Dial: (&net.Dialer{}).DialContext}
	for _, c := range []struct {
		name    string
		p       *Prober
		ctx     context.Context
		v       fact.Variant
		neutral string
		why     string
	}{
		{"connect refused", &Prober{}, t.Context(), fact.NoPQ, neutral, "connect failed: refused"},
		{"budget", &Prober{}, spent, fact.NoPQ, neutral, "budget"},
		{"no name", &Prober{}, t.Context(), fact.NeutralSNI, "", "no other name to send"},
		{"the same name", &Prober{}, t.Context(), fact.NeutralSNI, strings.ToUpper(host) + ".", "no other name to send"},
		{"sockets out of reach", own, t.Context(), fact.SmallMSS, neutral, "not supported: segments cannot be limited here"},
		{"unknown", &Prober{}, t.Context(), "base\x1b", neutral, "unknown variant base?"},
	} {
		f := c.p.Variant(c.ctx, closed, host, c.v, c.neutral)
		if f.Status != fact.NotRun || f.Skipped != c.why || f.Class != "" || f.Ran() || f.Variant != c.v {
			t.Errorf("%s: %+v", c.name, f)
		}
	}
}

// Variants end sooner than base attempts, and a shorter limit of the caller's holds.
func TestVariantLimits(t *testing.T) {
	addr := netip.MustParseAddrPort("10.0.0.1:443")
	synctest.Test(t, func(t *testing.T) {
		silent := func(context.Context, string, string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			go func() { _, _ = io.Copy(io.Discard, theirs); theirs.Close() }()
			return ours, nil
		}
		p := &Prober{Dial: silent}
		if f := p.Variant(t.Context(), addr, host, fact.NoPQ, ""); f.Class != fact.Timeout || f.Took.Std() != variantTLSTimeout || f.CutByBudget {
			t.Errorf("%+v", f)
		}
		p.TLSTimeout = time.Second
		if f := p.Variant(t.Context(), addr, host, fact.NoPQ, ""); f.Took.Std() != time.Second {
			t.Errorf("%+v", f)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		if f := p.Variant(ctx, addr, host, fact.NoPQ, ""); !f.CutByBudget || f.Took.Std() != 500*time.Millisecond {
			t.Errorf("%+v", f)
		}
		p.Dial = blackHole
		start := time.Now()
		if f := p.Variant(t.Context(), addr, host, fact.NoPQ, ""); f.Status != fact.NotRun || f.Skipped != "connect failed: timeout" || time.Since(start) != variantTimeout {
			t.Errorf("%+v after %v", f, time.Since(start))
		}
	})
}

func TestVerifyAt(t *testing.T) {
	aws, corp := probetest.NewCA("aws"), probetest.NewCA("corp")
	month := 30 * 24 * time.Hour
	leaf := aws.Leaf(probetest.LeafOptions{Names: []string{host}, NotBefore: time.Now().Add(-3 * month), NotAfter: time.Now().Add(-month)})
	addr := serve(t, (&probetest.TLSServer{Certificate: leaf, Handler: probetest.AWSHandler(probetest.AWSOptions{Offset: -2 * month})}).Serve)
	p := &Prober{Trust: store(t, corp, aws)}

	// The certificate is not valid and the request is made all the same: only its
	// Date can tell whose clock is wrong.
	c, f := p.TLS(t.Context(), connect(t, p, addr), addr, host)
	if c == nil || f.Reference.Class != fact.CertTime || f.System.Class != fact.CertUntrusted {
		t.Fatalf("%+v", f)
	}
	defer c.Close()
	r := p.HTTP(t.Context(), c, addr, host)
	if r.Date.IsZero() {
		t.Fatalf("%+v", r)
	}
	chain := c.ConnectionState().PeerCertificates
	before := dump(t, f)
	p.VerifyAt(&f, chain, time.Time{})
	p.VerifyAt(&f, nil, r.Date)
	(&Prober{}).VerifyAt(&f, chain, r.Date)
	if after := dump(t, f); after != before {
		t.Errorf("changed without a time, a chain or a store: %s", after)
	}
	p.VerifyAt(&f, chain, r.Date)
	if f.ReferenceThen.Status != fact.OK || f.ReferenceThen.Root != "CN=aws" || f.SystemThen.Class != fact.CertUntrusted || !f.Then.Equal(r.Date) {
		t.Errorf("%+v", f)
	}
	if f.Reference.Class != fact.CertTime {
		t.Errorf("now was overwritten: %+v", f.Reference)
	}
}
