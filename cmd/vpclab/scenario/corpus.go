package scenario

import "slices"

// healthyInCorpus is how many healthy variants the corpus has at least.
const healthyInCorpus = 40

// InCorpus is one scenario of the recorded corpus: what it is to show, and the
// near miss of it that is recorded too.
type InCorpus struct {
	Scenario
	Shows []string
	Near  string
}

// Corpus chooses what is recorded of the lab for the tests that replay facts:
// what is told apart in Confusables, for each code one scenario that has it as
// its first cause, with a near miss where the lab has one, and healthy
// variants. Recording all would take four times the room and show no more.
func Corpus() []InCorpus {
	all := All()
	shows := shownCodes(all)
	chosen := map[string]*InCorpus{}
	add := func(s Scenario) {
		if chosen[s.Name] == nil {
			chosen[s.Name] = &InCorpus{Scenario: s, Shows: shows[s.Name]}
		}
	}
	byName := map[string]Scenario{}
	for _, s := range all {
		byName[s.Name] = s
	}
	for _, set := range Confusables() {
		for _, c := range set.Cases {
			add(byName[c.Scenario])
		}
	}
	near := nearMisses(all, shows)
	led := map[string][]Scenario{} // by code
	var codes []string
	for _, s := range all {
		for _, c := range shows[s.Name] {
			if led[c] == nil {
				codes = append(codes, c)
			}
			led[c] = append(led[c], s)
		}
	}
	for _, c := range codes {
		rank := func(s Scenario) int {
			n := 0
			if len(near[s.Name]) == 0 {
				n += 8
			}
			if !slices.ContainsFunc(near[s.Name], func(x string) bool { return byName[x].Kind == Healthy }) {
				n += 4
			}
			if chosen[s.Name] == nil {
				n += 2
			}
			if !slices.ContainsFunc(near[s.Name], func(x string) bool { return chosen[x] != nil }) {
				n++
			}
			return n
		}
		best := slices.MinFunc(led[c], func(a, b Scenario) int { return rank(a) - rank(b) })
		add(best)
		if len(near[best.Name]) > 0 {
			miss := near[best.Name][0]
			for _, x := range near[best.Name] {
				if chosen[x] != nil {
					miss = x
					break
				}
			}
			add(byName[miss])
			chosen[best.Name].Near = miss
		}
	}
	n := 0
	for _, x := range chosen {
		if x.Kind == Healthy {
			n++
		}
	}
	for _, s := range all {
		if s.Kind == Healthy && n < healthyInCorpus && chosen[s.Name] == nil {
			add(s)
			n++
		}
	}
	var out []InCorpus
	for _, s := range all {
		if x := chosen[s.Name]; x != nil {
			for _, miss := range near[s.Name] {
				if x.Near == "" && chosen[miss] != nil {
					x.Near = miss
				}
			}
			out = append(out, *x)
		}
	}
	return out
}

// shownCodes is what each fault must show, where that is one code.
func shownCodes(all []Scenario) map[string][]string {
	out := map[string][]string{}
	for _, s := range all {
		if s.Kind == Fault && len(s.Want.Codes) == 1 {
			out[s.Name] = s.Want.Codes
		}
	}
	for _, set := range Confusables() {
		for _, c := range set.Cases {
			if c.Code != "" {
				out[c.Scenario] = []string{c.Code}
			}
		}
	}
	return out
}

// nearMisses lists the near misses of each scenario that must not show what it
// shows, the healthy ones first.
func nearMisses(all []Scenario, shows map[string][]string) map[string][]string {
	out := map[string][]string{}
	for _, kind := range []Kind{Healthy, Fault} {
		for _, s := range all {
			if s.Kind == kind && s.NearOf != "" && (len(s.Want.Codes) > 0 || kind == Healthy) && !shares(s.Want.Codes, shows[s.NearOf]) && !shares(s.Want.Also, shows[s.NearOf]) {
				out[s.NearOf] = append(out[s.NearOf], s.Name)
			}
		}
	}
	return out
}

func shares(a, b []string) bool {
	return slices.ContainsFunc(a, func(x string) bool { return slices.Contains(b, x) })
}
