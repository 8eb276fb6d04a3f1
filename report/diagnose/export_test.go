package diagnose

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"vpcdoctor/probe/fact"
)

// FactsOf lists the kinds of facts that a finding cites. A fact without a key
// is one of the host or of the run.
func FactsOf(f Finding) string {
	var out []string
	for _, e := range f.Evidence {
		kind, _, _ := strings.Cut(e.Ref, ":")
		if kind == "" {
			kind = "host"
		}
		if !slices.Contains(out, kind) {
			out = append(out, kind)
		}
	}
	slices.Sort(out)
	return strings.Join(out, "+")
}

// ByHand calls do with every fault of the tables: a name, and what makes a
// fresh copy of its facts.
func ByHand(do func(name string, facts func() *fact.Set)) {
	for i, x := range allFirings() {
		do(fmt.Sprintf("%s#%d", x.code, i), func() *fact.Set {
			w := healthy()
			x.make(w)
			return w.Set
		})
	}
}

// Pair is a fault of the tables and its near miss, one fact apart; both make a
// fresh copy of the facts.
type Pair struct {
	Code       Code
	Make, Miss func() *fact.Set
}

// Pairs is every fault of the tables: of the codes that rules find, and of the
// conditions under which one stands behind another.
func Pairs() []Pair {
	var out []Pair
	add := func(c Code, makes, miss func(world)) {
		out = append(out, Pair{c, func() *fact.Set {
			w := healthy()
			makes(w)
			return w.Set
		}, func() *fact.Set {
			w := healthy()
			makes(w)
			miss(w)
			return w.Set
		}})
	}
	for _, x := range allFirings() {
		add(x.code, x.make, x.miss)
	}
	for _, x := range kinCases() {
		add(x.code, x.make, x.miss)
	}
	return out
}

// Shuffle changes the order of all facts whose order means nothing.
func Shuffle(rng *rand.Rand, s *fact.Set) {
	shuffle(rng, s.Targets)
	shuffle(rng, s.Lookups)
	shuffle(rng, s.Answers)
	shuffle(rng, s.Addresses)
	shuffle(rng, s.Dials)
	shuffle(rng, s.Handshakes)
	shuffle(rng, s.Requests)
	shuffle(rng, s.Tunnels)
	shuffle(rng, s.Variants)
	shuffle(rng, s.Controls)
	shuffle(rng, s.Times)
	shuffle(rng, s.Objects)
	shuffle(rng, s.Signed.Calls)
	shuffle(rng, s.Signed.Credentials)
	shuffle(rng, s.Rehearsal.Steps)
	shuffle(rng, s.Software)
	shuffle(rng, s.Agent.Log.Events)
	shuffle(rng, s.DNS.Lookups)
	shuffle(rng, s.DNS.Searches)
	shuffle(rng, s.DNS.Wildcards)
	shuffle(rng, s.DNS.Countdowns)
	shuffle(rng, s.Host.ENA)
	shuffle(rng, s.Cut)
	shuffle(rng, s.IMDS.Gets)
	shuffle(rng, s.Host.Interfaces)
	shuffle(rng, s.Host.Routes)
	shuffle(rng, s.Agent.Units)
	shuffle(rng, s.Agent.Procs)
	shuffle(rng, s.Agent.Installs)
	shuffle(rng, s.Agent.Scopes)
	shuffle(rng, s.Agent.Log.Events)
	shuffle(rng, s.Agent.Channel.Sockets)
	shuffle(rng, s.Agent.Channel.Upgrades)
	shuffle(rng, s.Agent.Ground.Mounts)
	shuffle(rng, s.Agent.Identity.Vault)
	shuffle(rng, s.Idle)
	for i := range s.Answers {
		shuffle(rng, s.Answers[i].Addrs)
	}
}
