package probe

import (
	"context"
	"slices"

	"vpcdoctor/probe/dial"
	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/resolve"
)

// further looks at targets that became known only in the course of the run,
// the way the first ones were looked at: asked everywhere, every address
// dialled. Hosts that are targets already are left as they are.
func (r *runner) further(ctx context.Context, p *dial.Prober, ts []fact.Target) {
	var fresh []fact.Target
	var names []string
	for _, t := range ts {
		if slices.ContainsFunc(r.set.Targets, func(x fact.Target) bool { return x.Host == t.Host }) {
			continue
		}
		fresh = append(fresh, t)
		if !isLiteral(t.Host) && !slices.Contains(names, t.Host) {
			names = append(names, t.Host)
		}
	}
	if len(fresh) == 0 {
		return
	}
	r.set.Targets = append(r.set.Targets, fresh...)
	q := &resolve.Client{Timeout: r.opt.dnsTimeout(), Pace: r.pace, TCP: r.set.Resolver.UseTCP}
	lookups := q.AskAll(ctx, r.fullQuestions(names), dnsParallel)
	r.set.Lookups = append(r.set.Lookups, lookups...)
	r.set.Run.Packets.DNS += q.Sent()

	c := r.newConnector(ctx, p, fresh)
	for _, a := range slices.Concat(literals(fresh), resolve.EffectiveAll(r.set.Resolver, names, lookups)) {
		r.set.Answers = append(r.set.Answers, a)
		c.answered(a)
	}
	c.collect()
}
