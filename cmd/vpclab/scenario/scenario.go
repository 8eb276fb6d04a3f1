// Package scenario is the list of the lab's scenarios: each a story, what
// differs from a healthy VPC, and the verdict that is expected of vpcdoctor.
//
// A scenario is a few lines: Change edits the healthy world of Base. It runs
// under several seeds, which choose Region, partition, addresses, ids, AZ
// order and the service that is hit; the verdict must be the same under each.
// The package is pure: the same scenario and seed make the same world.
package scenario

import (
	"fmt"
	"slices"
	"strings"

	"vpcdoctor/cmd/vpclab/world"
)

// Kind says whether something is broken.
type Kind string

// Kinds of scenarios.
const (
	Fault   Kind = "fault"   // something does not work, or soon will not
	Healthy Kind = "healthy" // a legitimate set-up in which nothing may be reported as broken
)

// Want is the verdict expected of `vpcdoctor check`.
type Want struct {
	Status string   // healthy | degraded | broken | inconclusive
	Codes  []string // the first of Causes must be one of these; empty: not compared
	Also   []string // codes that must be among the causes, their effects or alternatives too
	Never  []string // codes that must not be among the causes
	Exit   int
}

// Scenario is one situation.
type Scenario struct {
	Name      string
	Story     string // one sentence, as the person who has the problem would tell it
	Kind      Kind
	Region    string   // fixed; empty: the seed chooses
	Args      []string // further arguments of `vpcdoctor check`
	Change    func(w *world.World, s *Seed)
	Want      Want
	NearOf    string // the scenario from which this one differs in one fact
	NeedsRoot bool   // needs a second user

	// Program must be installed on this machine: it plays a part in the world.
	Program world.Program
}

// World builds the scenario's world for a seed.
func (s *Scenario) World(n uint64) *world.World {
	seed := NewSeed(s.Name, n)
	if s.Region != "" {
		seed.Region = s.Region
	}
	w := Base(seed)
	if s.Change != nil {
		s.Change(w, seed)
	}
	if a := &w.Host.Agent; a.Log == nil && len(a.Installs) > 0 {
		a.Log = newAgentLog(w).healthy().files()
	}
	return w
}

// Mended is the scenario's world for a seed before anything was done to it: the
// same places and addresses, and nothing wrong.
func (s *Scenario) Mended(n uint64) *world.World {
	sound := *s
	sound.Change = nil
	return sound.World(n)
}

// All lists every scenario: the healthy ones first, then the faults by the
// place of the cause.
func All() []Scenario {
	return slices.Concat(healthy(), dnsFaults(), securityFaults(), endpointFaults(), routeFaults(),
		hostFaults(), imdsFaults(), roleFaults(), agentFaults(), agentScenarios(), tlsFaults(), proxyFaults(), inputFaults(), pathScenarios(),
		iamScenarios(), sessionScenarios(), autoScenarios())
}

// Find finds a scenario by name; the error suggests names that contain it.
func Find(name string) (*Scenario, error) {
	var near []string
	for _, s := range append(All(), Programs()...) {
		if s.Name == name {
			return &s, nil
		}
		if strings.Contains(s.Name, name) || strings.HasPrefix(name, s.Name) {
			near = append(near, s.Name)
		}
	}
	if len(near) > 0 {
		return nil, fmt.Errorf("unknown scenario %q; did you mean %s?", name, strings.Join(near, ", "))
	}
	return nil, fmt.Errorf("unknown scenario %q; `vpclab list` shows all", name)
}
