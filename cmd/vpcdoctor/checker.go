package main

import (
	"context"
	"strings"
	"time"

	"go.uber.org/zap"

	"vpcdoctor/probe"
	"vpcdoctor/probe/agent"
	"vpcdoctor/probe/fact"
	"vpcdoctor/report"
	"vpcdoctor/report/diagnose"
)

// checker makes rounds. A round is one whole run, from the first question to
// the verdict; a plain check is one round, --wait and --watch make more.
type checker struct {
	app    *app
	s      *settings
	log    *zap.Logger
	ignore []diagnose.Code
	failOn report.FailOn
	env    probe.Env
	inputs
	memory  memory
	called  *report.Report // of the round that made the signed calls last
	hurried bool           // a signal came between two rounds
}

// inputs are what a round takes from files and the environment.
type inputs struct {
	options probe.Options
	trust   fact.Trust
	seen    []fact.EnvSeen
}

func (a *app) newChecker(s *settings, log *zap.Logger) (*checker, error) {
	c := &checker{
		app: a, s: s, log: log, failOn: report.FailOn(s.failOn),
		env: probe.Env{Root: "/", Getenv: a.getenv, Command: agent.Exec, UID: a.uid, Keys: &probe.RoleKeys{}},
	}
	var err error
	if c.options, c.trust, c.seen, err = a.probeOptions(s); err != nil {
		return nil, err
	}
	if c.ignore, err = ignoredCodes(s.ignore); err != nil {
		return nil, err
	}
	return c, nil
}

// round is the first round, and of a plain check the only one.
func (c *checker) round(ctx context.Context, show probe.Progress) *report.Report {
	r := c.conclude(c.gather(ctx, c.options, show))
	c.called = r
	return r
}

// Signed calls stand in CloudTrail and a refused one may raise an alarm, so
// rounds do not repeat them as long as the rest of the run shows the same: like
// a timer's run, and unlike it with what they showed kept, since a verdict must
// not turn because nobody asked. They are made again
//
//   - in the round that decides, because the time of --wait is over by then;
//   - when the rest shows something else than in the round that made them. A
//     state that flaps must not make calls every two seconds, hence callsApart
//     between two bad ones; a good one is never judged by old answers;
//   - when one was refused, every refusedApart: a policy may be corrected
//     meanwhile, and a role's takes seconds to spread. With a state directory
//     the memory of refusals stands above this, for a day.
const (
	callsApart   = 15 * time.Second
	refusedApart = time.Minute
)

// again is a round after others. What it reads from files (CA bundles, the
// catalogue) is read anew; while a file is being rewritten its last good
// content serves. decides is asked once everything but the calls was gathered.
func (c *checker) again(ctx context.Context, decides func() bool, show probe.Progress) *report.Report {
	if o, t, seen, err := c.app.probeOptions(c.s); err == nil {
		c.inputs = inputs{o, t, seen}
	}
	o, kept := c.options, false
	o.Changed = func(s *fact.Set) bool {
		kept = !decides() && !c.callAgain(s)
		return !kept
	}
	set := c.gather(ctx, o, show)
	if kept {
		keepCalls(set, c.called.Facts)
	}
	r := c.conclude(set)
	if !kept {
		c.called = r
	}
	return r
}

// callAgain tells whether signed calls are due in a round that has gathered
// everything else.
func (c *checker) callAgain(s *fact.Set) bool {
	before := c.called.Facts
	age := s.Start.Sub(before.Start)
	if now := outline(*s, c.ignore); now != outline(*before, c.ignore) {
		good := strings.HasPrefix(now, string(diagnose.Healthy)) || strings.HasPrefix(now, string(diagnose.Degraded))
		return good || age >= callsApart || age < 0
	}
	return refused(before.Signed) && age >= refusedApart
}

// refused tells whether a call was made and failed.
func refused(s fact.Signed) bool {
	for _, c := range s.Calls {
		if c.Status == fact.Failed {
			return true
		}
	}
	return false
}

// keepCalls lets a round stand on the calls of an earlier one, and say so.
func keepCalls(s, before *fact.Set) {
	s.Signed = before.Signed
	for _, c := range before.Signed.Calls {
		if c.Status != fact.NotRun {
			s.Cut = append(s.Cut, fact.Cut{
				What: "signed calls again",
				Why:  "made at " + before.Start.UTC().Format("15:04:05") + " UTC; not repeated while the rest stays the same",
			})
			return
		}
	}
}

// gather is the half of a round that sends and reads.
func (c *checker) gather(ctx context.Context, o probe.Options, show probe.Progress) *fact.Set {
	c.log.Debug("gathering", zap.Strings("profiles", c.s.profiles), zap.Duration("budget", c.s.budget))
	set := probe.Run(ctx, c.env, o, c.trust, show)
	set.Run.Interrupted = ctx.Err() != nil
	set.Run.Environment, set.Run.Ignored = c.seen, c.s.ignore
	c.log.Info("gathered", zap.Int("lookups", len(set.Lookups)), zap.Int("dials", len(set.Dials)),
		zap.Duration("took", set.End.Sub(set.Start)))
	return set
}

// conclude is the other half.
func (c *checker) conclude(set *fact.Set) *report.Report {
	v := diagnose.Run(set, diagnose.Options{Ignore: c.ignore})
	return report.New(set, v, c.app.tool())
}
