package diagnose

import (
	"fmt"
	"time"

	"vpcdoctor/probe/fact"
)

// forgetful is the silence after which NAT gateways, VPC endpoints and, unless
// set, load balancers forget a connection ("Implementing long-running TCP
// Connections within VPC networking", AWS blog, read 2026-11).
const forgetful = 350 * time.Second

// silences adds to FW-06 the connections of --idle that did not survive. One to
// the same address had worked just before, so the silence is the only
// difference; who forgot it, the far end does not tell. A server that gives up
// in words, by a close, is none of these (fact.Idle: not run).
func (v *View) silences(f *Finding) {
	byLog := f.Summary != ""
	var held []Evidence
	for _, i := range refs(v.Set.Idle, func(i fact.Idle) string { return i.Host + i.Addr.String() }) {
		at, span := fmt.Sprintf("%s -> %s", plain(i.Host, 100), i.Addr), whole(i.For.Std())
		if i.Status == fact.OK {
			held = append(held, Evidence{"", at + ": still known after " + span + " of silence"})
		}
		if i.Status != fact.Failed || !i.Ran() {
			continue
		}
		before := v.workedBefore(i, at)
		f.Evidence = append(append(f.Evidence, before...), Evidence{"", at + ": does not survive " + span + " of silence (" + string(i.Class) + ")"})
		f.Subjects = append(f.Subjects, v.keysOf(i.Host)...)
		sev, note := v.weight(i)
		switch {
		case f.Summary == "":
			how, sure := ended(i)
			f.Severity = sev
			if sure && len(before) > 0 {
				f.Confidence = Proved
			}
			f.Summary = "A connection to " + plain(i.Host, 100) + " works at once, and " + how + "." + note
			f.Action.Do = "Raise the idle timeout of what stands between (Gateway Load Balancer: tcp.idle_timeout.seconds), or let clients send keep-alives more often."
			if sev == SevInfo {
				f.Action.Do = "Nothing for the agent. Other clients of long silent connections need keep-alives."
			}
		case !byLog && sev == SevWarning:
			f.Severity = sev
		}
	}
	if f.Summary != "" {
		f.Evidence = append(f.Evidence, held[:min(1, len(held))]...)
	}
}

// ended tells how a connection of --idle ended, and whether that shows that it
// was forgotten: who still knows it acknowledges the FIN after the silence.
func ended(i *fact.Idle) (how string, sure bool) {
	span := whole(i.For.Std())
	switch {
	case i.Took.Std() < i.For.Std():
		return "is reset within " + span + " of silence: a device on the path, or the server itself, gives it up", false
	case i.Class == fact.Timeout:
		return "after " + span + " of silence nobody answers on it: something on the way has forgotten it and drops its packets", true
	}
	return "after " + span + " of silence a reset answers on it: something on the way has forgotten it", true
}

// workedBefore is the direct connection that worked at the address that was
// kept silent.
func (v *View) workedBefore(i *fact.Idle, at string) []Evidence {
	for _, p := range v.Paths {
		for _, pp := range p.ports() {
			switch {
			case pp.At != i.Addr || p.T.ServerName() != i.Host || pp.TCP != Pass:
			case pp.Shake.Status == fact.OK:
				return []Evidence{{pp.Shake.Key(), at + ": TLS works at once"}}
			case pp.Shake.Status == fact.NotRun:
				return []Evidence{{pp.Dial.Key(), at + ": connects at once"}}
			}
		}
	}
	return nil
}

// keysOf are the rows of a host that the agent goes to directly.
func (v *View) keysOf(host string) []string {
	var out []string
	for _, p := range v.Paths {
		if p.T.ServerName() == host && p.Counts {
			out = append(out, p.Key)
		}
	}
	return out
}

// pingSeldom is the spacing of pings of agents before pingsOften
// (WebSocketPingInterval of the agent's source, read 2026-11).
const pingSeldom = 5 * time.Minute

// weight tells how much a forgotten connection matters. What follows from the
// documented 350 s is no fault, and an agent that sends pings more often than
// the silence lasted is not known to suffer.
func (v *View) weight(i *fact.Idle) (Severity, string) {
	every := pingSeldom
	if ver, ok := fact.ParseAgentVersion(v.Set.Agent.Version); ok && !ver.Before(pingsOften) {
		every = pingEvery
	}
	switch {
	case v.messages(i.Host) && i.For.Std() > every:
		return SevInfo, " The agent sends a ping every " + whole(every) + ", which keeps its own channel."
	case !v.messages(i.Host) && i.For.Std() > forgetful:
		return SevInfo, " NAT gateways and VPC endpoints do so after 350 s."
	}
	return SevWarning, ""
}

// whole is a duration in whole seconds.
func whole(d time.Duration) string { return fmt.Sprintf("%.0f s", d.Seconds()) }
