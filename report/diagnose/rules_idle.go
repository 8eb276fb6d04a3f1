package diagnose

import (
	"fmt"
	"slices"
	"time"

	"vpcdoctor/probe/fact"
)

// forgetful is the silence after which NAT gateways, VPC endpoints and, unless
// set, load balancers forget a connection ("Implementing long-running TCP
// Connections within VPC networking", AWS blog, read 2026-11).
const forgetful = 350 * time.Second

// silences adds to FW-06 the connections of --idle that did not survive. A
// connection to the same address had worked just before, so the silence is the
// only difference; who forgot it, the far end does not tell. A server that
// gives up by itself says so (fact.Idle: not run).
func (v *View) silences(f *Finding) {
	first := f.Summary == ""
	var held []Evidence
	for _, i := range refs(v.Set.Idle, func(i fact.Idle) string { return i.Host + i.Addr.String() }) {
		at, span := fmt.Sprintf("%s -> %s", plain(i.Host, 100), i.Addr), roundly(i.For.Std())
		switch {
		case i.Status == fact.OK:
			held = append(held, Evidence{"", at + ": still known after " + span + " of silence"})
		case i.Status != fact.Failed || !i.Ran() || len(f.Subjects) > 2:
		default:
			how, conf := "and after "+span+" of silence nobody answers on it: something on the way has forgotten it and drops its packets", Proved
			switch {
			case i.Class == fact.Timeout:
			case i.Took.Std() < i.For.Std():
				how, conf = "and is ended ("+string(i.Class)+") within "+span+" of silence: a device on the path, or the server itself, takes it for dead", Likely
			default:
				how = "and after " + span + " of silence it ends in " + string(i.Class) + ": something on the way has forgotten it"
			}
			if h := v.greeted(i); h != nil {
				f.Evidence = append(f.Evidence, Evidence{h.Key(), at + ": TLS works at once"})
			}
			f.Evidence = append(f.Evidence, Evidence{"", at + ": does not survive " + span + " of silence (" + string(i.Class) + ")"})
			sev, note := v.weight(i)
			if f.Summary == "" {
				f.Summary = "A connection to " + plain(i.Host, 100) + " works at once, " + how + "." + note
				f.Severity, f.Confidence = sev, conf
				f.Action.Do = "Raise the idle timeout of what stands between (Gateway Load Balancer: tcp.idle_timeout.seconds), or let clients send keep-alives more often."
			} else if first && sev == SevWarning {
				f.Severity = sev
			}
			for _, p := range v.Paths {
				if p.T.ServerName() == i.Host && p.Counts && !slices.Contains(f.Subjects, p.Key) {
					f.Subjects = append(f.Subjects, p.Key)
				}
			}
		}
	}
	if f.Summary != "" {
		f.Evidence = append(f.Evidence, held[:min(1, len(held))]...)
	}
}

// greeted is the handshake that worked at the address that was kept silent.
func (v *View) greeted(i *fact.Idle) *fact.Handshake {
	for _, h := range refs(v.Set.Handshakes, fact.Handshake.Key) {
		if h.Addr == i.Addr && h.Host == i.Host && h.Proxy == "" && h.Variant == "" && h.Status == fact.OK {
			return h
		}
	}
	return nil
}

// weight tells how much a forgotten connection matters. What follows from the
// documented 350 s is no fault, and an agent that sends pings more often than
// the silence lasted is not known to suffer.
func (v *View) weight(i *fact.Idle) (Severity, string) {
	ver, ok := parseVersion(v.Set.Agent.Version)
	switch pings := ok && !ver.before(pingsOften); {
	case v.messages(i.Host) && pings && i.For.Std() > pingEvery:
		return SevInfo, " The agent sends a ping every 54 s, which keeps its own channel."
	case !v.messages(i.Host) && i.For.Std() > forgetful:
		return SevInfo, " NAT gateways and VPC endpoints do so after 350 s."
	}
	return SevWarning, ""
}

// roundly is a silence in whole seconds.
func roundly(d time.Duration) string { return d.Round(time.Second).String() }
