package resolve

import (
	"context"
	"crypto/rand"
	"strings"
	"sync"
	"time"

	"vpcdoctor/probe/classify"
	"vpcdoctor/probe/fact"
)

const (
	// countdownGap is between two questions whose TTLs are compared. TTLs are
	// whole seconds: after 2 s a cache has gone down by one at the least.
	countdownGap = 2 * time.Second
	// randomLetters of a label: 32^6 are a billion names, so that no cache has
	// seen ours and nobody has registered it.
	randomLetters = 6
	labelPrefix   = "vpcdoctor-"
)

// Run asks what a plan holds, side by side, and returns what was learned.
// run is for the system's path; nil leaves that out.
func (c *Client) Run(ctx context.Context, p Plan, run Command) fact.DNSDiff {
	d := fact.DNSDiff{
		Searches: make([]fact.Search, len(p.Searches)), Wildcards: make([]fact.Wildcard, len(p.Wildcards)),
		Countdowns: make([]fact.Countdown, len(p.Countdowns)), Dropped: p.Dropped,
	}
	os := make([][]fact.Lookup, len(p.OS))
	var asked []fact.Lookup
	var wg sync.WaitGroup
	for i, name := range p.OS {
		wg.Go(func() { os[i] = c.os(ctx, run, name) })
	}
	if len(p.Questions) > 0 {
		wg.Go(func() { asked = c.AskAll(ctx, p.Questions, maxParallel) })
	}
	for i, s := range p.Searches {
		wg.Go(func() { d.Searches[i] = c.Search(ctx, s) })
	}
	for i, q := range p.Wildcards {
		wg.Go(func() { d.Wildcards[i] = c.Random(ctx, q) })
	}
	for i, q := range p.Countdowns {
		wg.Go(func() { d.Countdowns[i] = c.Countdown(ctx, q) })
	}
	wg.Wait()
	for _, ls := range os {
		d.Lookups = append(d.Lookups, ls...)
	}
	d.Lookups = append(d.Lookups, asked...)
	return d
}

// os charges what the system is taken to send, so that the pace and the count
// of the run hold for it too.
func (c *Client) os(ctx context.Context, run Command, name string) []fact.Lookup {
	if run != nil {
		if err := c.charge(ctx, osPackets); err != nil {
			l := osLookup(name)
			l.Outcome = classify.NotBegun(err)
			return []fact.Lookup{l}
		}
	}
	return OS(ctx, run, name)
}

// Search asks for a name with a search domain appended, over A.
func (c *Client) Search(ctx context.Context, s Search) fact.Search {
	q := s.Question
	q.Name, q.Type, q.Via = s.Name+"."+s.Domain, "A", fact.ViaSearch
	return fact.Search{Name: cleanName(s.Name), Domain: cleanName(s.Domain), First: s.First, Lookup: last(c.ask(ctx, q))}
}

// Random asks for a label under q.Name that nobody has registered. The label
// reads vpcdoctor-xxxxxx, so that who finds it in a log knows what it is.
func (c *Client) Random(ctx context.Context, q Question) fact.Wildcard {
	parent := q.Name
	q.Name, q.Via = labelPrefix+strings.ToLower(rand.Text()[:randomLetters])+"."+parent, fact.ViaRandom
	return fact.Wildcard{Parent: cleanName(parent), Lookup: last(c.ask(ctx, q))}
}

// Countdown asks the same question twice, 2 s apart. The second is left out
// when the first had no addresses.
func (c *Client) Countdown(ctx context.Context, q Question) fact.Countdown {
	first := last(c.ask(ctx, q))
	out := fact.Countdown{Lookups: []fact.Lookup{first}}
	if first.Status != fact.OK {
		return out
	}
	wait := time.NewTimer(countdownGap)
	defer wait.Stop()
	select {
	case <-wait.C:
		out.Lookups = append(out.Lookups, last(c.ask(ctx, q)))
	case <-ctx.Done():
	}
	return out
}

// last is the attempt that counts.
func last(ls []fact.Lookup) fact.Lookup { return ls[len(ls)-1] }
