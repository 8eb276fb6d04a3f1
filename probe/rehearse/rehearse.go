// Package rehearse goes through what the agent will do when a session starts,
// without starting one.
//
// In go the facts of a run and a client for signed calls; out come the session
// preferences, one step for each thing that they make the agent do, and the
// calls that show whether it may. The hosts are those that the agent will call,
// by its own rules, and are looked at like all others through the caller's
// Reach. Preferences, targets and steps are pure functions of what was read.
//
// The package writes nothing, runs no shell and no profile, and cannot show
// that a data key can be decrypted: that would need one.
package rehearse

import (
	"cmp"
	"context"
	"slices"

	"vpcdoctor/probe/catalog"
	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/host/sysfile"
	"vpcdoctor/probe/signed"
)

// Options is how a rehearsal is made.
type Options struct {
	Given                                        // by the user
	Catalog *catalog.Catalog                     // nil: the embedded one
	Root    string                               // of the file system; empty: "/"
	Client  *signed.Client                       // nil: nothing is called
	NoCalls string                               // why there is no Client
	Reach   func(context.Context, []fact.Target) // resolves, dials and shakes hands with targets, and adds what it found to the set
}

// Given is what the user says of the session preferences, for a role that may
// not read them, and of Run Command, whose output options are part of each
// command. Any of the first three makes the document unread.
type Given struct {
	KMSKey, Bucket, LogGroup     string // of sessions
	OutputBucket, OutputLogGroup string // of Run Command
}

// Run makes the rehearsal. It adds to the set what Reach finds and raises the
// need of targets that the preferences make more than optional; the calls are
// returned for the caller to add.
func Run(ctx context.Context, set *fact.Set, o Options) (fact.Rehearsal, []fact.Call) {
	if o.Catalog == nil {
		o.Catalog = catalog.Embedded()
	}
	r := &rehearsal{set: set, o: o}
	prefs := r.preferences(ctx)
	things := wanted(prefs, o.Given, set)
	r.reach(ctx, targets(things, set, o.Catalog))
	r.ask(ctx, things)
	out := fact.Rehearsal{Outcome: fact.Outcome{Status: fact.OK}, Preferences: prefs}
	for _, t := range things {
		out.Steps = append(out.Steps, r.step(t))
	}
	return out, r.calls
}

// rehearsal is one Run.
type rehearsal struct {
	set   *fact.Set
	o     Options
	calls []fact.Call
}

// do makes calls and keeps their facts.
func (r *rehearsal) do(ctx context.Context, plan []*signed.Planned) []fact.Call {
	for i := range plan {
		if r.o.Client == nil && plan[i].Skipped == "" {
			plan[i].Skipped = cmp.Or(r.o.NoCalls, "no credentials")
		}
	}
	calls := r.o.Client.Do(ctx, plan)
	r.calls = append(r.calls, calls...)
	return calls
}

// reach looks at targets, and raises the need of those that were there already
// because a profile has them as optional.
func (r *rehearsal) reach(ctx context.Context, ts []fact.Target) {
	for _, t := range ts {
		for i := range r.set.Targets {
			if x := &r.set.Targets[i]; x.Host == t.Host && rank(t.Need) < rank(x.Need) {
				x.Need, x.Group = t.Need, ""
			}
		}
	}
	if r.o.Reach != nil && len(ts) > 0 {
		r.o.Reach(ctx, ts)
	}
}

// rank orders needs, strongest first.
func rank(n fact.Need) int {
	return slices.Index([]fact.Need{fact.NeedRequired, fact.NeedOneOf, fact.NeedRecommended, fact.NeedOptional}, n)
}

// target is the one of the set with a host, once Reach has looked at it.
func (r *rehearsal) target(host string) fact.Target {
	for _, t := range r.set.Targets {
		if t.Host == host {
			return t
		}
	}
	return fact.Target{Host: host}
}

// files is the root of the instance's file system.
func (r *rehearsal) files() sysfile.Root { return sysfile.Root(r.o.Root) }
