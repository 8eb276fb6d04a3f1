package probe

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"

	"vpcdoctor/probe/dial"
	"vpcdoctor/probe/fact"
)

// idleOpening is the time for the connections that then stay silent, and for
// the goodbye at their end: what probe/dial allows for a connect, a handshake
// and an answer, 11.5 s, and some more.
const idleOpening = 15 * time.Second

// maxIdle connections are kept silent side by side: the agent's own channel
// and the user's endpoints.
const maxIdle = 4

// idle keeps connections silent, when asked, to see whether something on the
// way forgets them. It comes after everything else and has its own time.
func (r *runner) idle(ctx context.Context, p *dial.Prober) {
	if r.opt.Idle == 0 {
		return
	}
	plan := planIdle(r.set)
	ctx, cancel := context.WithTimeout(ctx, r.opt.Idle+idleOpening)
	defer cancel()
	r.progress("idle", 0, 1)
	out := make([]fact.Idle, len(plan))
	var wg sync.WaitGroup
	for i, s := range plan {
		wg.Go(func() { out[i] = p.Idle(ctx, s.addr, s.host, s.secure, r.opt.Idle) })
	}
	wg.Wait()
	r.set.Idle = out
	r.set.Run.Packets.Connects += len(out)
	r.progress("idle", 1, 1)
}

// silence is one connection that is to be kept silent.
type silence struct {
	addr   netip.AddrPort
	host   string
	secure bool // speak TLS first
}

// planIdle chooses the connections: of ssmmessages, which the agent keeps open
// for hours, and of the user's own endpoints, to the first address that worked.
func planIdle(s *fact.Set) []silence {
	var out []silence
	for _, t := range s.Targets {
		if t.ID != messageGateway && t.Type != "Custom" || len(out) == maxIdle {
			continue
		}
		answer, _ := s.AnswerOf(t.Host)
		for _, port := range t.Ports {
			i := slices.IndexFunc(answer.Addrs, func(a netip.Addr) bool {
				return worked(s, netip.AddrPortFrom(a, port.Number), t.ServerName(), port.TLS)
			})
			if i >= 0 {
				out = append(out, silence{netip.AddrPortFrom(answer.Addrs[i], port.Number), t.ServerName(), port.TLS})
				break
			}
		}
	}
	return out
}

// worked tells whether a direct connection to an address came about, with TLS
// for host where that is spoken.
func worked(s *fact.Set, a netip.AddrPort, host string, secure bool) bool {
	if !secure {
		return slices.ContainsFunc(s.Dials, func(d fact.Dial) bool { return d.Addr == a && d.Status == fact.OK })
	}
	return slices.ContainsFunc(s.Handshakes, func(h fact.Handshake) bool {
		return h.Addr == a && h.Host == host && h.Proxy == "" && h.Status == fact.OK
	})
}
