//go:build linux

package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"vpcdoctor/cmd/vpclab/world"
	"vpcdoctor/probe/fact"
)

// What parts of a run may add on a healthy instance.
const (
	maxDatagrams = 12                     // of the evidence that tells neighbouring causes apart
	maxConnects  = 2                      // of it
	maxShare     = 0.20                   // of the wall time, of it
	maxAgentTime = 150 * time.Millisecond // of everything about the SSM Agent, signed calls included
)

// costs measures what parts of a run add where nothing is wrong.
func costs(doctor string, runs int) error {
	return errors.Join(evidenceCost(doctor, runs), agentCost(doctor, runs))
}

// evidenceCost reads out of the facts of healthy runs what was sent beyond the
// questions, connections and requests that every name needs, and how long the
// run went on after the last of those.
func evidenceCost(doctor string, runs int) error {
	var datagrams, connects int
	var shares []float64
	for range runs {
		b := bench{world: healthyWorld()}
		_, f, err := b.facts(doctor)
		if err != nil {
			return err
		}
		datagrams = f.Run.Packets.DNS - len(f.Lookups) + len(f.Times)
		connects = f.Run.Packets.Connects - len(f.Dials) - len(f.Agent.Channel.Upgrades) - f.Run.Packets.Signed
		needed := lastNeeded(f)
		shares = append(shares, float64(asideTime(f)-needed)/float64(needed))
	}
	slices.Sort(shares)
	share := max(0, shares[len(shares)/2])
	fmt.Printf("\nevidence that tells causes apart, healthy: %d datagrams (limit %d), %d connects (limit %d), %.0f %% wall (limit %.0f %%)\n",
		datagrams, maxDatagrams, connects, maxConnects, 100*share, 100*maxShare)
	if datagrams > maxDatagrams || connects > maxConnects || share > maxShare {
		return errors.New("the evidence that tells causes apart is over budget on a healthy instance")
	}
	return nil
}

// lastNeeded is how long after the start the last look was over that every
// name needs.
func lastNeeded(f *fact.Set) time.Duration {
	return last(f.Start, func(yield func(fact.Outcome)) {
		for _, l := range f.Lookups {
			yield(l.Outcome)
		}
		for _, d := range f.Dials {
			yield(d.Outcome)
		}
		for _, h := range f.Handshakes {
			yield(h.Outcome)
		}
		for _, q := range f.Requests {
			yield(q.Outcome)
		}
	})
}

// asideTime is how long after the start the last comparison was over: of the
// layers of name resolution, of clocks, of the way to S3.
func asideTime(f *fact.Set) time.Duration {
	return last(f.Start, func(yield func(fact.Outcome)) {
		for _, t := range f.Times {
			yield(t.Outcome)
		}
		for _, o := range f.Objects {
			yield(o.Outcome)
		}
		for _, v := range f.Variants {
			yield(v.Outcome)
		}
		for _, l := range f.DNS.Lookups {
			yield(l.Outcome)
		}
	})
}

func last(start time.Time, each func(func(fact.Outcome))) time.Duration {
	var at time.Duration
	each(func(o fact.Outcome) {
		if o.Status != fact.NotRun && !o.Start.IsZero() {
			at = max(at, o.Start.Add(o.Took.Std()).Sub(start))
		}
	})
	return at
}

// agentCost compares a healthy instance, whose agent has written as much as is
// read of its log, with one that has no agent and makes no signed call.
func agentCost(doctor string, runs int) error {
	with := bench{world: withFullLog(healthyWorld())}
	without := bench{world: healthyWorld(), args: []string{"--no-signed"}}
	without.world.Host.Agent = world.Agent{}
	var walls [2][]time.Duration
	for range runs {
		for i, b := range []bench{with, without} {
			s, _, err := b.facts(doctor)
			if err != nil {
				return err
			}
			walls[i] = append(walls[i], s.Wall)
		}
	}
	slices.Sort(walls[0])
	slices.Sort(walls[1])
	extra := max(0, walls[0][runs/2]-walls[1][runs/2])
	fmt.Printf("the SSM Agent with 4 MB of log and signed calls, healthy: %d ms (limit %d)\n", extra.Milliseconds(), maxAgentTime.Milliseconds())
	if extra > maxAgentTime {
		return errors.New("the part about the SSM Agent is over budget on a healthy instance")
	}
	return nil
}

// withFullLog fills the agent's log to more than is read of it.
func withFullLog(w *world.World) *world.World {
	const name, size = "amazon-ssm-agent.log", 5 << 20
	line := "{-20m} INFO [ssm-agent-worker] [HealthCheck] HealthCheck reporting agent health.\n"
	log := map[string]string{name: strings.Repeat(line, size/len(line)) + w.Host.Agent.Log[name]}
	for n, text := range w.Host.Agent.Log {
		if n != name {
			log[n] = text
		}
	}
	w.Host.Agent.Log = log
	return w
}
