package diagnose

import (
	"fmt"
	"math"
	"slices"
	"time"

	"vpcdoctor/probe/fact"
)

// After a failure the agent waits for minutes to an hour and says so only at
// first: from the fourth failure on it logs at DEBUG (credentialrefresher.go).
// So an instance whose cause is gone stays offline, and looks healthy. When it
// will try again follows from the last line and the timers of the source (core
// /app/credentialrefresher, agent/hibernation, agent/session/retry; 3.3.987.0,
// read 2026-11).

// nap is a wait of the agent: why, since when, and when it ends. The end is a
// window, because the waits are random in part and an attempt takes its time.
type nap struct {
	kind        string // credentials | hibernation | reconnect; empty: none
	refused     bool   // AWS said no: the long wait
	event       fact.LogEvent
	first, last time.Time // window of the next attempt
}

const (
	attempt    = 130 * time.Second // of one call into a black hole: 4 dials of 30 s, and waits (measured, ssm-agent.md 4.8)
	longLow    = 25 * time.Minute  // after AccessDenied or a fingerprint that differs
	longHigh   = 30 * time.Minute
	hibernates = 5 * time.Minute // before the first ping
	reconnects = 40 * time.Minute
)

// newNap finds the wait that the agent is in now.
func (v *View) newNap() nap {
	a := &v.Set.Agent
	now := v.Set.Start
	if a.Log.Status != fact.OK || now.IsZero() || v.link.up || a.ProcsRun.Status == fact.OK && v.running() == nil {
		return nap{}
	}
	// The log must be that of the process that runs.
	if p := v.running(); p != nil && !p.Start.IsZero() && !a.Log.Start.IsZero() && p.Start.Sub(a.Log.Start).Abs() > hibernates {
		return nap{}
	}
	up := latest(v.logged(fact.LogConnected).Last, v.logged(fact.LogReady).Last, v.logged(fact.LogRotation).Last)
	if a.Identity.Status == fact.OK {
		up = latest(up, a.Identity.Retrieved)
	}
	connected := v.logged(fact.LogConnected).Last
	for _, n := range []nap{v.hibernation(connected, now), v.refresher(up, now), v.reconnect(connected, now)} {
		if n.kind != "" && n.last.After(now) {
			n.first = latest(n.first, now)
			return n
		}
	}
	return nap{}
}

// refresher: the core waits before it asks for credentials again.
func (v *View) refresher(done, now time.Time) nap {
	e := v.logged(fact.LogSleep)
	w := e.Wait.Std()
	if e.Last.IsZero() || !e.Last.After(done) || w <= 0 || w > 24*time.Hour {
		return nap{}
	}
	n := nap{kind: "credentials", event: e, refused: w >= longLow && w <= longHigh && v.Set.Agent.Identity.Type != "OnPrem"}
	n.first, n.last = e.Last.Add(w), e.Last.Add(w)
	count, known := 0, true
	if !n.refused {
		count, known = retries(w, e.Count)
	}
	if v.Set.Agent.Identity.Type == "OnPrem" {
		known = false // a hybrid node logs every wait: the last line is the last wait
	}
	// What follows is not in the log: waits of known length and attempts.
	for range 4096 {
		if n.last.After(now) {
			break
		}
		if !known {
			return nap{}
		}
		count++
		low, high := waits(count)
		if n.refused {
			low, high = longLow, longHigh
		}
		n.first, n.last = n.first.Add(low), n.last.Add(attempt+high)
	}
	if !n.first.After(now) && n.last.After(now) && !n.last.Equal(e.Last.Add(w)) {
		// It may have tried meanwhile and be in the wait after that.
		low, _ := waits(count)
		_, high := waits(count + 1 + int(n.last.Sub(n.first)/low))
		if n.refused {
			high = longHigh
		}
		n.last = now.Add(attempt + high)
	}
	return n
}

// retries tells which retry a wait belongs to: 5 minutes, then 10 three times,
// 20 three times, 40 three times, 60 for ever, each up to a tenth shorter.
func retries(w time.Duration, count int) (int, bool) {
	if w == hibernates {
		return 0, true
	}
	for _, s := range []struct{ minutes, from, to int }{{10, 1, 3}, {20, 4, 6}, {40, 7, 9}, {60, 10, 16}} {
		base := time.Duration(s.minutes) * time.Minute
		if w <= base && w >= base*9/10-time.Second {
			return min(max(count-1, s.from), s.to), true
		}
	}
	return 0, false
}

// waits bounds the wait after retry n (getEC2DefaultSSMSleepDuration).
func waits(n int) (low, high time.Duration) {
	if n <= 0 {
		return hibernates, hibernates
	}
	high = time.Hour
	if n < 10 {
		high = time.Duration(10*math.Pow(2, float64((n-1)/3))) * time.Minute
	}
	return high * 9 / 10, high
}

// hibernation: the worker pings 5 minutes after it began, then every 10, 20,
// 40 minutes three times each, then hourly; the first ping of a stage comes at
// once. The whole plan follows from its first line.
func (v *View) hibernation(connected, now time.Time) nap {
	e := v.logged(fact.LogHibernate)
	if e.Last.IsZero() || !e.Last.After(connected) {
		return nap{}
	}
	n := nap{kind: "hibernation", event: e}
	at, every := e.Last.Add(hibernates), 10*time.Minute
	for i := 1; !at.After(now) && now.Sub(at) < 60*24*time.Hour; i++ {
		at = at.Add(every)
		if i%3 == 0 {
			every = min(2*every, time.Hour)
		}
	}
	n.first, n.last = at, at.Add(time.Minute) // schedulers drift, and a ping takes its time
	return n
}

// reconnect: the channel is dialled again after a wait that doubles from 5 to
// 10 seconds up to 40 minutes, plus up to a half.
func (v *View) reconnect(connected, now time.Time) nap {
	e := v.logged(fact.LogControlToken)
	times := slices.Clone(e.Times)
	if d := v.logged(fact.LogDialWebsocket); !d.Last.IsZero() {
		times = append(times, d.Times...)
		if d.Last.After(e.Last) {
			e = d
		}
	}
	if e.Last.IsZero() || !e.Last.After(connected) || !v.link.known {
		return nap{}
	}
	n := nap{kind: "reconnect", event: e, first: e.Last.Add(5 * time.Second), last: e.Last.Add(15 * time.Second)}
	times = apart(times, 2*time.Second)
	if k := len(times); k > 1 && times[k-1].After(connected) && times[k-2].After(connected) {
		gap := times[k-1].Sub(times[k-2])
		n.first = e.Last.Add(min(max(gap-30*time.Second, 0)*4/3, reconnects))
		n.last = e.Last.Add(min(3*gap, reconnects*3/2) + 30*time.Second)
	} else if e.Count > 1 {
		n.first, n.last = now, e.Last.Add(reconnects*3/2)
	}
	if n.last.Sub(now) < time.Minute {
		return nap{} // it is about to try
	}
	return n
}

func latest(ts ...time.Time) time.Time {
	var last time.Time
	for _, t := range ts {
		if t.After(last) {
			last = t
		}
	}
	return last
}

// apart puts times in order and drops those that follow another within gap. A
// log event has at most 8.
func apart(in []time.Time, gap time.Duration) []time.Time {
	var out []time.Time
	for range in {
		var next time.Time
		for _, t := range in {
			if (len(out) == 0 || t.Sub(out[len(out)-1]) >= gap) && (next.IsZero() || t.Before(next)) {
				next = t
			}
		}
		if next.IsZero() {
			break
		}
		out = append(out, next)
	}
	return out
}

// until says when the wait ends: "until 14:32 UTC".
func (v *View) until() string {
	n := v.nap
	end := hour(n.last.Add(time.Minute-time.Second), v.Set.Start)
	switch {
	case n.last.Sub(n.first) <= 2*time.Minute:
		return "until " + hour(n.first, v.Set.Start)
	case !n.first.After(v.Set.Start):
		return "until " + end + " at the latest"
	}
	return "until some time from " + hour(n.first, v.Set.Start) + " to " + end
}

// window is when the agent tries again, with dates.
func (n nap) window() string {
	if n.last.Sub(n.first) <= 2*time.Minute {
		return "at " + day(n.first)
	}
	return "between " + day(n.first) + " and " + day(n.last.Add(time.Minute-time.Second))
}

// hour prints a time of the day of the run as "14:32 UTC", any other with its
// date.
func hour(t, run time.Time) string {
	if t, run = t.UTC(), run.UTC(); t.Format(time.DateOnly) == run.Format(time.DateOnly) {
		return t.Format("15:04 UTC")
	}
	return day(t)
}

// waiting is the wait in words.
func (n nap) waiting() string {
	switch n.kind {
	case "hibernation":
		return "hibernates"
	case "reconnect":
		return "waits to dial its channel again"
	}
	return "sleeps"
}

// asleep is AG-04: nothing is in the way any more, or not known to be, and the
// agent does not look. While the cause stands, that leads and this follows.
func asleep(v *View) []Finding {
	n := v.nap
	if n.kind == "" || !v.managed() {
		return nil
	}
	f := Finding{Code: "AG-04", Severity: SevError, Confidence: Likely, Action: Action{Where: "instance",
		Do:      "Restart the agent: " + v.unit() + ".",
		Command: command("sudo", "systemctl", "restart", v.unit()), Verify: "pgrep -f ssm-agent-worker"}}
	if n.kind == "credentials" && !v.link.known && v.hasWorker() {
		f.Severity = SevWarning // credentials of before may carry the channel still
	}
	f.Evidence = append(v.tellsOf(n.event), Evidence{"", "by the agent's timers it tries again " + n.window()})
	if v.link.known {
		f.Evidence = append(f.Evidence, Evidence{"", "no connection of the agent to ssmmessages stands now"})
	}
	open, why := v.standing()
	switch {
	case open != "":
		f.Summary = fmt.Sprintf("The SSM Agent %s %s; %s.", n.waiting(), v.until(), open)
		f.Action.Do = "Correct the cause first, then restart the agent: it does not look before."
	case why != "":
		f.Summary = fmt.Sprintf("The SSM Agent %s %s. The path works; %s.", n.waiting(), v.until(), why)
		f.Alternatives = []Alternative{alt("AG-20", "the agent's log after the restart: the same error again means that the cause stands")}
	default:
		f.Summary = fmt.Sprintf("The cause is gone, the agent %s %s: sudo systemctl restart %s.", n.waiting(), v.until(), v.unit())
	}
	return []Finding{f}
}

func (v *View) hasWorker() bool {
	return slices.ContainsFunc(v.Set.Agent.Procs, func(p fact.AgentProc) bool { return p.Role == "worker" && p.State != "Z" })
}

// standing says what is still in the way of the agent, and else what of it
// was not checked. Both empty: the way is clear.
func (v *View) standing() (open, unknown string) {
	for _, p := range v.Paths {
		if !p.T.Agent || !p.Counts || needRank(p.T.Need) > 1 {
			continue
		}
		switch p.Status {
		case Fail:
			return p.T.Host + " does not work yet", ""
		case NotCheckedStatus:
			unknown = p.T.Host + " was not checked"
		}
	}
	for _, t := range v.Tuns {
		if t.Counts && t.Status == Fail && needRank(t.T.Need) <= 1 {
			return t.T.Host + " does not work through the proxy yet", ""
		}
	}
	if c := v.imdsFault(); c != "" {
		return "instance metadata does not work yet", ""
	}
	if off, ok := v.offset(); ok && off.By.Abs() > clockFail {
		return "the clock is still off", ""
	}
	if slices.ContainsFunc(v.Set.Signed.Calls, func(c fact.Call) bool { return c.Ran() && c.Purpose == "" && tooMany(&c) }) {
		return "AWS still throttles calls", ""
	}
	switch r := v.Set.IMDS.Role; r.State {
	case fact.RoleEmpty, fact.RoleError:
		return "the instance profile gives no credentials", ""
	case fact.RoleAbsent:
		if works, _ := v.dhmc(); !works {
			unknown = "whether it gets credentials now was not checked"
		}
	}
	if v.nap.refused || v.refusedThen() {
		asked := false
		for _, c := range v.Set.Signed.Calls {
			asked = asked || c.Status == fact.OK && c.Service == "ssm" && v.nap.kind != "reconnect"
		}
		if !asked {
			unknown = "AWS refused its role then, and whether it still does was not checked"
		}
	}
	return "", unknown
}

// refusedThen tells whether AWS, and no path, put the agent to sleep: then a
// path that works shows nothing.
func (v *View) refusedThen() bool {
	for _, e := range v.tale {
		switch e.Stem {
		case fact.LogProfileRole, fact.LogManagedRole, fact.LogSkipFallback, fact.LogHibernate, fact.LogHealthPing, fact.LogNotRegistered, fact.LogControlToken, fact.LogDialWebsocket:
		default:
			continue
		}
		switch e.Reason {
		case fact.ReasonDenied, fact.ReasonNoRole, fact.ReasonAssumeRole, fact.ReasonNotConfigured, fact.ReasonBadToken, fact.ReasonExpiredToken, fact.ReasonHTTPStatus:
			if v.nap.event.Last.Sub(e.Last) < 10*time.Minute {
				return true
			}
		}
	}
	return false
}
