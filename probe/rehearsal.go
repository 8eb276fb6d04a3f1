package probe

import (
	"context"

	"vpcdoctor/probe/dial"
	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/rehearse"
	"vpcdoctor/probe/signed"
)

// rehearse goes through what a session would make the agent call, when asked.
func (r *runner) rehearse(ctx context.Context, p *dial.Prober, client *signed.Client) {
	if !r.opt.Rehearse {
		return
	}
	rehearsal, calls := rehearse.Run(ctx, r.set, rehearse.Options{
		Given: rehearse.Given(r.opt.Session), Catalog: r.cat, Root: r.env.Root,
		Client: client, NoCalls: r.set.Signed.Skipped,
		Reach: func(ctx context.Context, ts []fact.Target) { r.further(ctx, p, ts) },
	})
	r.set.Rehearsal = rehearsal
	r.set.Signed.Calls = append(r.set.Signed.Calls, calls...)
	r.countCalls(calls)
	r.set.Addresses = r.classified()
}
