package diagnose

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"vpcdoctor/probe/fact"
)

// Item is the state of one thing that is no endpoint: credentials, a
// permission, a step of the rehearsal.
type Item struct {
	Key    string      `json:"key"`  // of the fact
	What   string      `json:"what"` // "permission ssm:ListInstanceAssociations"
	Status CheckStatus `json:"status"`
	Why    string      `json:"why,omitempty"` // of a failure, and of what was not checked
}

// items are the states of what was done with credentials. A denied stand-in is
// a failed check, and no more: what it means is the findings' to say.
func (v *View) items() []Item {
	out := []Item{}
	s := &v.Set.Signed
	add := func(key, what string, st CheckStatus, why string) {
		out = append(out, Item{plain(key, 300), plain(what, 200), st, plain(why, 200)})
	}
	for _, c := range v.credentials() {
		st, why := check(c.Outcome), cmp.Or(c.Skipped, c.Code, c.Detail)
		switch {
		case c.Status == fact.Failed && c.Class == fact.NotFound && !c.Selected:
			continue // a source that this node does not have
		case st == Pass && !c.Expires.IsZero() && !c.Expires.After(v.Set.Start):
			st, why = Fail, "expired "+day(c.Expires)
		case st == Pass && !c.Selected:
			st, why = NotCheckedStatus, "not the one in use"
		case st == Pass:
			why = ""
		}
		what := "credentials: " + string(c.Source)
		if c.Role != "" {
			what += ", role " + c.Role
		}
		add("credential:"+string(c.Source)+":"+c.Path, what, st, why)
	}
	if s.Status == fact.NotRun && v.managed() {
		add("signed", "permissions of the agent's role", NotCheckedStatus, s.Skipped)
	}
	for _, c := range refs(s.Calls, fact.Call.Key) {
		if c.Purpose == "" && c.Resource == "" {
			st, why := callState(c)
			add(c.Key(), "permission "+c.Service+":"+c.Operation, st, why)
		}
	}
	return slices.Concat(out, v.agentItems(), v.rehearsalItems())
}

// callState reads one call. An error that is no denial says nothing: some
// services look at the request before they look at who sends it.
func callState(c *fact.Call) (CheckStatus, string) {
	switch {
	case !c.Remembered.IsZero():
		return NotCheckedStatus, "denied at " + day(c.Remembered) + ", and remembered"
	case c.Status == fact.OK:
		return Pass, ""
	case c.Ran() && denied(c):
		return Fail, cmp.Or(c.Code, "denied")
	case c.Ran() && c.Code != "":
		return NotCheckedStatus, "AWS answered " + c.Code + " before it decided"
	case c.CutByBudget:
		return NotCheckedStatus, "cut by the budget of the run"
	case c.Ran():
		return NotCheckedStatus, outcomeWords("call", c.Outcome, "")
	}
	return NotCheckedStatus, cmp.Or(c.Skipped, "not run")
}

func (v *View) rehearsalItems() []Item {
	r := &v.Set.Rehearsal
	if r.Status != fact.OK {
		if v.Set.Run.Rehearse {
			return []Item{{"rehearsal", "rehearsal of a session", NotCheckedStatus, plain(cmp.Or(r.Skipped, "not run"), 200)}}
		}
		return nil
	}
	p := r.Preferences
	what, why := "session preferences", cmp.Or(p.Skipped, p.Detail, string(p.Class), "not known")
	st := check(p.Outcome)
	if st == Pass {
		why = ""
		if p.Source != "" {
			what += " (" + p.Source + ")"
		}
	} else {
		st = NotCheckedStatus // not to know them is no fault
		why += "; give them with --session-kms-key, --session-bucket and --session-log-group"
	}
	out := []Item{{"rehearsal:preferences", plain(what, 200), st, plain(why, 200)}}
	for _, t := range v.trials() {
		st, why := t.net, cmp.Or(t.why, t.Skipped, "its host was not reached")
		if st == Pass {
			why = ""
		}
		switch {
		case t.Kind == fact.StepRunAs:
			st, why = check(t.Outcome), cmp.Or(t.Skipped, t.Detail)
		case t.Kind == fact.StepPatch && st == Pass && t.Status == fact.NotRun:
			st, why = NotCheckedStatus, t.Skipped // the way to S3 says nothing of a bucket
		}
		for _, c := range t.calls {
			if s, w := callState(c); s != Pass && st == Pass {
				st, why = s, c.Service+":"+c.Operation+": "+w
			}
		}
		if x := v.troubleOf(t); x.code != "" && x.sev != SevInfo {
			st, why = Fail, cmp.Or(why, x.text)
		}
		out = append(out, Item{"step:" + t.Kind + ":" + plain(t.Resource, 200), plain(stepName(t.Step), 200), st, plain(why, 200)})
	}
	return out
}

// itemGaps lists what of it was not looked at, apart from what this agent does
// not need.
func (v *View) itemGaps() []NotChecked {
	var out []NotChecked
	up, _ := v.connected() // then ssmmessages allows what it has to
	for _, i := range v.items() {
		spare := up && strings.HasPrefix(i.Key, "call:ssmmessages:") || strings.HasPrefix(i.Key, "call:ec2messages:") || strings.HasPrefix(i.Key, "call:sts:") || strings.HasPrefix(i.Key, "credential:")
		if i.Status == NotCheckedStatus && !spare {
			out = append(out, NotChecked{i.What, cmp.Or(i.Why, "not run"), false})
		}
	}
	return out
}

// allowed tells whether a call of the agent's own kind passed, for what was
// proved innocent.
func (v *View) allowed(add func(what, why, ref string)) {
	for _, c := range refs(v.Set.Signed.Calls, fact.Call.Key) {
		if c.Status == fact.OK && c.Purpose == "" && c.Service == "ssm" {
			add("policies for ssm", fmt.Sprintf("a signed %s passed every layer, as %s", plain(c.Operation, 40), orWord(string(c.Source), "the agent")), c.Key())
			return
		}
	}
}
