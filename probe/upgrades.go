package probe

import (
	"context"
	"slices"
	"sync"

	"vpcdoctor/probe/dial"
	"vpcdoctor/probe/fact"
)

// messageGateway is the catalogue's id of the service that the agent opens its
// websocket to.
const messageGateway = "ssmmessages"

// upgrade is one way to ask for a websocket.
type upgrade struct {
	target fact.Target
	at     fact.Handshake // that worked on this way
}

// planUpgrades lists the ways on which a websocket is asked for: one direct,
// one through the agent's proxy, each where TLS worked. A way on which TLS
// fails says enough by itself.
func planUpgrades(s *fact.Set) []upgrade {
	var out []upgrade
	for _, t := range s.Targets {
		if t.ID != messageGateway || !t.Agent {
			continue
		}
		for _, proxied := range []bool{false, true} {
			i := slices.IndexFunc(s.Handshakes, func(h fact.Handshake) bool {
				return h.Status == fact.OK && h.Host == t.ServerName() && (h.Proxy != "") == proxied
			})
			if i >= 0 {
				out = append(out, upgrade{t, s.Handshakes[i]})
			}
		}
	}
	return out
}

// upgrades asks for the websocket on each way while the run goes on.
func (r *runner) upgrades(ctx context.Context, p *dial.Prober) (wait func()) {
	plan := planUpgrades(r.set)
	out := make([]fact.Upgrade, len(plan))
	var wg sync.WaitGroup
	for i, u := range plan {
		wg.Go(func() { out[i] = r.upgrade(ctx, p, u) })
	}
	return func() {
		wg.Wait()
		for _, u := range out {
			r.set.Run.Packets.Connects++
			if u.HTTPStatus != 0 {
				r.set.Run.Packets.Requests++
			}
		}
		r.set.Agent.Channel.Upgrades = out
	}
}

func (r *runner) upgrade(ctx context.Context, p *dial.Prober, u upgrade) fact.Upgrade {
	line := r.connectTo(ctx, p, u.target, u.at)
	if line.conn == nil {
		return fact.Upgrade{Outcome: line.Outcome, Host: u.target.Host, Addr: line.addr, Proxy: line.proxy, Step: line.step}
	}
	defer func() { _ = line.conn.Close() }()
	out := p.Upgrade(ctx, line.conn, line.addr, u.target.Host)
	out.Proxy = line.proxy
	return out
}
