package diagnose

import "vpcdoctor/probe/fact"

// agentItems are the states of the agent's insides that have no endpoint: its
// log, its connection and the ground it stands on. What was never asked, as in
// a report of before, is no item.
func (v *View) agentItems() []Item {
	a := &v.Set.Agent
	if !v.managed() {
		return nil
	}
	var out []Item
	add := func(key, what string, o fact.Outcome, bad, why string) {
		switch {
		case o.Status == "":
			return
		case o.Status != fact.OK:
			out = append(out, Item{key, what, NotCheckedStatus, plain(orWord(o.Skipped, string(o.Class)), 120)})
		case bad != "":
			out = append(out, Item{key, what, Fail, plain(bad, 200)})
		default:
			out = append(out, Item{key, what, Pass, plain(why, 200)})
		}
	}
	// A log without errors is no health: it is read, and that is all.
	bad := ""
	for _, e := range v.tale {
		if c := v.clueOf(e); c != nil && v.Set.Start.Sub(e.Last) <= recent && v.today(e) != Pass && !v.link.up {
			bad = v.tellsOf(*e)[0].Text
		}
	}
	add("agent:log", "agent's log", a.Log.Outcome, bad, "no failure of the last 90 minutes in it that still matters; silence is no proof")

	bad, why := "", ""
	switch k := v.link.sock; {
	case k != nil:
		why = socketEvidence(k).Text
	case v.link.up:
		why = "this run came through it"
	case len(v.link.calls) > 0:
		bad = socketEvidence(v.link.calls[0]).Text
	default:
		bad = "no connection to ssmmessages stands"
	}
	add("agent:connection", "agent's connection", a.Channel.Outcome, bad, why)

	if ms := sorted(a.Ground.Mounts, func(m fact.Mount) string { return m.Dir }); len(ms) > 0 {
		o := ms[0].Outcome
		for _, m := range ms {
			if m.Status != fact.OK {
				o = m.Outcome
			}
		}
		bad = ""
		for _, f := range append(append(full(v), readOnly(v)...), noExec(v)...) {
			bad, o.Status = f.Summary, fact.OK
		}
		add("agent:files", "agent's file systems", o, bad, "none is full, read-only or noexec")
	}
	return out
}
