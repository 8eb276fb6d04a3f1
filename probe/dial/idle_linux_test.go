package dial

import (
	"net/netip"
	"testing"
	"time"

	"vpcdoctor/probe/fact"
)

// TestIdleForgotten: real packets to a host that forgets the connection while
// it is silent.
func TestIdleForgotten(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	p := newPeer(t)
	l := p.listen("10.0.0.2:443")
	go func() {
		for {
			if _, err := l.Accept(); err != nil { // and keeps it open
				return
			}
		}
	}()
	addr := netip.MustParseAddrPort("10.0.0.2:443")

	patience := &Prober{HTTPTimeout: time.Minute} // of which an acknowledgement needs nothing
	f := patience.Idle(t.Context(), addr, host, false, 100*time.Millisecond)
	if f.Status != fact.OK || f.Took.Std() < 100*time.Millisecond || f.Took.Std() > 30*time.Second {
		t.Errorf("remembered, by a peer that does not close: %+v", f)
	}
	go func() {
		time.Sleep(300 * time.Millisecond)
		p.forget()
	}()
	f = (&Prober{HTTPTimeout: time.Second}).Idle(t.Context(), addr, host, false, 2*time.Second)
	if f.Status != fact.Failed || f.Class != fact.Timeout || f.CutByBudget || f.Detail == "" || f.Took.Std() < 3*time.Second {
		t.Errorf("forgotten: %+v", f)
	}
}
