package dial

import (
	"crypto/tls"
	"net"
	"testing"
	"time"

	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/probetest"
)

func TestTCPInfoOfAStall(t *testing.T) {
	addr := serve(t, (&probetest.TLSServer{Fault: probetest.StallOpen}).Serve)
	p := &Prober{TLSTimeout: 400 * time.Millisecond} // past a delayed acknowledgement (40 ms)
	_, f := p.TLS(t.Context(), connect(t, p, addr), addr, host)
	// The peer's kernel acknowledged the hello and its program said nothing.
	if i := f.TCP; i == nil || i.State != "ESTABLISHED" || i.BytesAcked < 1400 || i.BytesReceived != 0 || i.Unacked != 0 || i.SndMSS <= smallMSS || i.PMTU == 0 || i.RTT <= 0 {
		t.Errorf("%+v", i)
	}
	f = p.Variant(t.Context(), addr, host, fact.SmallMSS, "")
	if i := f.TCP; i == nil || i.SndMSS > smallMSS || i.SndMSS == 0 || i.BytesAcked < 1400 {
		t.Errorf("small MSS: %+v", i)
	}
}

func TestTCPInfoOfAReset(t *testing.T) {
	addr := serve(t, (&probetest.TLSServer{Certificate: probetest.NewCA("r").Leaf(probetest.LeafOptions{}), Fault: probetest.ResetHello}).Serve)
	p := &Prober{}
	_, f := p.TLS(t.Context(), connect(t, p, addr), addr, host)
	if f.Class != fact.Reset || f.TCP == nil || f.TCP.State != "CLOSE" || f.TCP.BytesReceived != 0 {
		t.Errorf("%+v, %+v", f, f.TCP)
	}
}

// A peer that answered in words needs no look at the kernel.
func TestNoTCPInfoWhenThePeerSpoke(t *testing.T) {
	leaf := probetest.NewCA("r").Leaf(probetest.LeafOptions{Names: []string{host}})
	for _, fault := range []probetest.TLSFault{probetest.TLSFine, probetest.AlertHello, probetest.PlainHTTP} {
		addr := serve(t, (&probetest.TLSServer{Certificate: leaf, Fault: fault}).Serve)
		p := &Prober{}
		if _, f := p.TLS(t.Context(), connect(t, p, addr), addr, host); f.TCP != nil {
			t.Errorf("%q: %+v", fault, f.TCP)
		}
	}
}

func TestTCPInfoBelowWrappers(t *testing.T) {
	addr := serve(t, (&probetest.TLSServer{Fault: probetest.StallOpen}).Serve)
	p := &Prober{}
	c := connect(t, p, addr)
	if i := TCPInfo(tls.Client(&watched{Conn: tls.Client(c, &tls.Config{})}, &tls.Config{})); i == nil || i.State != "ESTABLISHED" {
		t.Errorf("%+v", i)
	}
	pipe, _ := net.Pipe()
	if i := TCPInfo(pipe); i != nil {
		t.Errorf("a pipe: %+v", i)
	}
	c.Close()
	if i := TCPInfo(c); i != nil {
		t.Errorf("closed: %+v", i)
	}
}
