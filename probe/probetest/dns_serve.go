package probetest

import (
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// maxAsked bounds what a Resolver remembers, so that a lab that runs for a day
// does not grow.
const maxAsked = 100_000

// ListenDNS serves h on 127.0.0.1 over UDP and TCP at one port until the test
// ends, and returns where. A Resolver with TCPOff gets no TCP listener:
// connections to it are refused.
func ListenDNS(tb testing.TB, h dns.Handler) netip.AddrPort {
	tb.Helper()
	udp, tcp, err := listenBoth()
	if err != nil {
		tb.Fatal(err)
	}
	servers := []*dns.Server{{PacketConn: udp, Handler: h}, {Listener: tcp, Handler: h}}
	if r, ok := h.(*Resolver); ok && r.TCPOff {
		tcp.Close()
		servers = servers[:1]
	}
	for _, s := range servers {
		started := make(chan struct{})
		s.NotifyStartedFunc = func() { close(started) }
		done := make(chan struct{})
		go func() {
			defer close(done)
			// Shutdown ends it; what it says then is not a result.
			_ = s.ActivateAndServe()
		}()
		<-started
		tb.Cleanup(func() {
			_ = s.Shutdown()
			<-done
		})
	}
	return udp.LocalAddr().(*net.UDPAddr).AddrPort()
}

// listenBoth finds a port that is free for both transports.
func listenBoth() (*net.UDPConn, net.Listener, error) {
	var last error
	for range 20 { // another process may hold the TCP port of our UDP port; it will not happen 20 times
		udp, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			return nil, nil, fmt.Errorf("listening for DNS over UDP: %w", err)
		}
		tcp, err := net.Listen("tcp", udp.LocalAddr().String())
		if err == nil {
			return udp, tcp, nil
		}
		udp.Close()
		last = err
	}
	return nil, nil, fmt.Errorf("listening for DNS over TCP: %w", last)
}

// note records a question and tells whether it is to be dropped.
func (r *Resolver) note(name string, q *dns.Msg, transport string) (drop bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a := DNSAsked{
		At: time.Now(), Name: name, Transport: transport,
		Type: dns.TypeToString[q.Question[0].Qtype], EDNS: q.IsEdns0() != nil,
	}
	if r.DropAbove > 0 {
		answered := 0
		for i := len(r.asked) - 1; i >= 0 && a.At.Sub(r.asked[i].At) < time.Second; i-- {
			if !r.asked[i].Dropped {
				answered++
			}
		}
		a.Dropped = answered >= r.DropAbove
	}
	if len(r.asked) < maxAsked {
		r.asked = append(r.asked, a)
	}
	return a.Dropped
}

// Asked is every question so far, oldest first.
func (r *Resolver) Asked() []DNSAsked {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]DNSAsked(nil), r.asked...)
}

// Count is how often a name was asked, over any transport and for any type.
func (r *Resolver) Count(name string) int {
	n := 0
	for _, a := range r.Asked() {
		if a.Name == name {
			n++
		}
	}
	return n
}

// Total is how many questions came.
func (r *Resolver) Total() int { return len(r.Asked()) }

// Dropped is how many questions DropAbove has dropped.
func (r *Resolver) Dropped() int {
	n := 0
	for _, a := range r.Asked() {
		if a.Dropped {
			n++
		}
	}
	return n
}

// MaxPerSecond is the largest number of questions within any one second, the
// measure of "do no harm".
func (r *Resolver) MaxPerSecond() int {
	asked := r.Asked()
	most, first := 0, 0
	for i, a := range asked {
		for a.At.Sub(asked[first].At) >= time.Second {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}

// spoof sends what somebody who cannot see our questions could send: the
// answer under another id, and an answer to another question under ours.
func (r *Resolver) spoof(w dns.ResponseWriter, m *dns.Msg) {
	evil := netip.MustParseAddr("192.0.2.66")
	id := m.Copy()
	id.Id++
	id.Answer = nil
	r.addAddrs(id, m.Question[0].Name, m.Question[0].Qtype, []netip.Addr{evil})
	dnsSend(w, id)
	other := m.Copy()
	other.Question[0].Name = "other.example."
	other.Answer = nil
	r.addAddrs(other, "other.example.", m.Question[0].Qtype, []netip.Addr{evil})
	dnsSend(w, other)
}

// dnsSend and dnsWrite ignore errors: a client that has gone is not the server's
// business.
func dnsSend(w dns.ResponseWriter, m *dns.Msg) { _ = w.WriteMsg(m) }

func dnsWrite(w dns.ResponseWriter, messages ...[]byte) {
	for _, m := range messages {
		_, _ = w.Write(m)
	}
}
