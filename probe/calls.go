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
// allowed to do. In a timer's run they are made only when the rest of the run
// has come to another verdict than the run before, so this comes last.
func (r *runner) calls(ctx context.Context, p *dial.Prober) *signed.Client {
	memory := signed.NewMemory(r.opt.StateDir)
	o := signed.Options{
		AgentChannel: r.opt.AgentChannel, Rehearse: r.opt.Rehearse,
		UserAgent: UserAgent(r.opt.Version), Root: r.env.Root, Now: r.env.Now,
		Open:            r.open(p),
		RoleCredentials: r.roleCredentials,
		Memory:          memory,
	}
	if r.opt.Trust != nil {
		o.Trust = r.opt.Trust
	}
	switch {
	case r.opt.NoSigned:
		o.NoCalls = "--no-signed"
	case r.opt.Changed != nil && !r.opt.Changed(r.set):
		o.NoCalls = "a timer's run with the verdict of the run before"
	}
	s, client := signed.Read(ctx, r.set, o)
	r.set.Signed = s
	r.countCalls(s.Calls)
	if err := memory.Err(); err != nil {
		r.cut("the memory of denied calls", err.Error(), "")
	}
	return client
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

// roleCredentials asks the metadata service for the role's credentials, within
// the run's budget of GETs.
func (r *runner) roleCredentials(ctx context.Context) ([]byte, fact.IMDSGet) {
	body, get := r.metadata.RoleCredentials(ctx)
	r.set.IMDS.Gets = append(r.set.IMDS.Gets, get)
	if get.Status != fact.NotRun {
		r.set.IMDS.GetCount++
		r.set.Run.Packets.IMDSGets++
	}
	return body, get
}
