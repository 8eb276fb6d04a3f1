package probe

import (
	"context"
	"crypto/tls"
	"net/netip"

	"vpcdoctor/probe/dial"
	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/signed"
)

// calls makes the signed calls that show what the agent's credentials are
// allowed to do, while the run goes on. The result takes them into the set and
// gives the client for further ones. In a timer's run they are made only then,
// and only when the rest of the run has come to another verdict than the run
// before it.
//
// Beside it the run adds to the set; nothing of what is added is read here.
func (r *runner) calls(ctx context.Context, p *dial.Prober) (result func() *signed.Client) {
	memory := signed.NewMemory(r.opt.StateDir)
	o := signed.Options{
		AgentChannel: r.opt.AgentChannel, Rehearse: r.opt.Rehearse,
		UserAgent: UserAgent(r.opt.Version), Root: r.env.Root, Now: r.env.Now,
		Open:            r.open(p),
		RoleCredentials: r.keys.ask,
		Memory:          memory,
	}
	if r.opt.Trust != nil {
		o.Trust = r.opt.Trust
	}
	if r.opt.NoSigned {
		o.NoCalls = "--no-signed"
	}
	type made struct {
		facts  fact.Signed
		client *signed.Client
	}
	done := make(chan made, 1)
	start := func() {
		s, c := signed.Read(ctx, r.set, o)
		done <- made{s, c}
	}
	timer := r.opt.Changed != nil
	if !timer {
		go start()
	}
	return func() *signed.Client {
		if timer {
			if o.NoCalls == "" && !r.opt.Changed(r.set) {
				o.NoCalls = "a timer's run with the verdict of the run before"
			}
			start()
		}
		m := <-done
		r.set.Signed = m.facts
		r.countCalls(m.facts.Calls)
		r.keys.tell(r.set)
		if err := memory.Err(); err != nil {
			r.cut("the memory of denied calls", err.Error(), "")
		}
		return m.client
	}
}

// countCalls adds signed calls to the run's footprint: each has a connection
// of its own.
func (r *runner) countCalls(calls []fact.Call) {
	for _, c := range calls {
		if c.Status != fact.NotRun {
			r.set.Run.Packets.Connects++
			r.set.Run.Packets.Signed++
		}
	}
}

// open connects to a target the way the agent does, where that way has worked.
func (r *runner) open(p *dial.Prober) func(context.Context, fact.Target) (*tls.Conn, netip.AddrPort, string, fact.Outcome) {
	return func(ctx context.Context, t fact.Target) (*tls.Conn, netip.AddrPort, string, fact.Outcome) {
		at, ok := r.wayOf(t)
		if !ok {
			return nil, netip.AddrPort{}, "", fact.Skip("no working path to " + t.Host)
		}
		l := r.connectTo(ctx, p, t, at)
		return l.conn, l.addr, l.proxy, l.Outcome
	}
}
