package diagnose

import (
	"fmt"
	"slices"
	"time"

	"vpcdoctor/probe/fact"
)

// The agent's channel: what its sockets, its log and one unsigned websocket
// upgrade show (field guide C.5).
func channelRules() []Rule {
	return []Rule{
		{Code: "FW-06", Eval: forgets},
		{Code: "FW-08", Eval: func(v *View) []Finding { return v.noWebsockets(false) }, Explains: asleepCodes},
		{Code: "PX-05", Eval: func(v *View) []Finding { return v.noWebsockets(true) }, Explains: asleepCodes},
		{Code: "AG-21", Eval: trapped},
		{Code: "AG-23", Eval: agentElsewhere},
		{Code: "AG-25", Eval: oldAddress},
		{Code: "AG-26", Eval: oldChannel},
	}
}

// noWebsockets: a plain request to the host is answered by AWS, the upgrade is
// not. AWS refuses the dummy node with a request id of its own; that is fine.
func (v *View) noWebsockets(proxied bool) []Finding {
	code := Code("FW-08")
	if proxied {
		code = "PX-05"
		if len(v.blames[code]) > 0 {
			return nil // CONNECT itself is refused
		}
	}
	if v.link.up {
		return nil // a websocket stands
	}
	f := on(code, SevError, "")
	f.Action.Where = "operator"
	for _, u := range refs(v.Set.Agent.Channel.Upgrades, fact.Upgrade.Key) {
		p := v.upgraded(u)
		if p == nil || (u.Proxy != "") != proxied || len(f.Subjects) > 0 {
			continue
		}
		plainAWS := v.plainAnswer(u)
		if plainAWS == nil {
			continue
		}
		var how string
		switch {
		case u.Status == fact.OK && u.RequestID == "" && u.HTTPStatus >= 400:
			how = fmt.Sprintf("answers it with %d", u.HTTPStatus)
			if by := orWord(u.Via, u.Server); by != "" {
				how += " (" + plain(by, 60) + ")"
			} else {
				f.Confidence = Possible
			}
		case u.Status == fact.Failed && u.Ran() && u.Step == "request":
			how = "cuts or swallows it (" + string(u.Class) + ")"
		default:
			continue
		}
		f.Severity = v.severity(p.T)
		f.Subjects = []string{p.Key}
		f.Evidence = []Evidence{
			{u.Key(), "websocket upgrade to " + u.Host + ": " + how},
			{plainAWS.Key(), fmt.Sprintf("plain request to %s: HTTP %d by AWS, request id %s", u.Host, plainAWS.HTTPStatus, plain(plainAWS.RequestID, 40))},
		}
		f.Summary = fmt.Sprintf("%s answers plain requests, but a websocket upgrade does not reach it: a device on the path %s. The agent's channel cannot open.", u.Host, how)
		f.Action.Do = "Exempt " + u.Host + " from inspection, or let websockets pass there." + v.wake()
		if proxied {
			f.Summary = fmt.Sprintf("The proxy %s passes plain requests to %s, but no websocket upgrade: it %s. The agent's channel cannot open.", plain(u.Proxy, 80), u.Host, how)
			f.Action.Do = "Let the proxy tunnel " + u.Host + " without inspection, for as long as it is open." + v.wake()
		}
	}
	if len(f.Subjects) == 0 {
		return nil
	}
	return []Finding{f}
}

// upgraded is the row of an upgrade by the way that the agent takes.
func (v *View) upgraded(u *fact.Upgrade) *Path {
	for _, p := range v.Paths {
		if p.T.Host == u.Host && p.Counts == (u.Proxy == "") && p.T.Agent {
			return p
		}
	}
	return nil
}

// plainAnswer is AWS's answer to a plain request on the same way.
func (v *View) plainAnswer(u *fact.Upgrade) *fact.Request {
	for _, r := range refs(v.Set.Requests, fact.Request.Key) {
		if r.Host == u.Host && r.Proxy == u.Proxy && r.Status == fact.OK && r.RequestID != "" {
			return r
		}
	}
	return nil
}

// Bounds of a constant spacing: ends that lie as far apart, give or take the
// reconnect, are a timer's.
const (
	minEnds   = 4
	shortest  = 20 * time.Second
	pingEvery = 54 * time.Second // of agents from pingsOften on
)

// spacing is the time between the ends of the channel, when it is constant.
func spacing(times []time.Time) (time.Duration, bool) {
	if times = apart(times, time.Second); len(times) < minEnds {
		return 0, false
	}
	var gaps []time.Duration
	for i := 1; i < len(times); i++ {
		gaps = append(gaps, times[i].Sub(times[i-1]))
	}
	slices.Sort(gaps)
	mid, low, high := gaps[len(gaps)/2], gaps[0], gaps[len(gaps)-1]
	return mid, mid >= shortest && high-low <= max(mid/8, 15*time.Second)
}

// forgets is FW-06, or PX-05 through a proxy: connections that are silent for a
// while end, again and again.
func forgets(v *View) []Finding {
	f := on("FW-06", SevWarning, "")
	f.Action.Where = "operator"
	ver, ok := fact.ParseAgentVersion(v.Set.Agent.Version)
	for _, e := range v.tale {
		every, steady := spacing(e.Times)
		if e.Reason != fact.ReasonAbnormalClose || !steady || v.Set.Start.Sub(e.Last) > recent+every {
			continue
		}
		f.Evidence = append(v.tellsOf(*e), Evidence{"", "the last ends lie " + every.Round(time.Second).String() + " apart, near enough to be a timer"})
		f.Summary = fmt.Sprintf("The agent's channel ends about every %s by close 1006: a device on the path forgets it.", every.Round(time.Second))
		if ok && !ver.Before(pingsOften) && every > pingEvery {
			f.Summary = fmt.Sprintf("The agent's channel ends about every %s by close 1006, although the agent sends pings: a device on the path limits how long a connection lives.", every.Round(time.Second))
			f.Action.Do = "Raise the limit to the life of a connection on the device; that of silence is not it: this agent sends a ping every 54 s."
		}
		if v.Set.Agent.Proxy.HTTPS != "" {
			f.Alternatives = []Alternative{alt("PX-05", "the proxy's limit for the length or silence of a tunnel")}
		}
		break
	}
	v.silences(&f)
	if f.Summary == "" {
		return nil
	}
	if ok && ver.Before(pingsOften) && f.Severity != SevInfo {
		f.Evidence = append(f.Evidence, Evidence{"", "SSM Agent " + plain(v.Set.Agent.Version, 30) + " sends no ping every 54 s; 3.3.987.0 does"})
		f.Action.Do = "Update the agent, or raise the idle timeout of the device (Gateway Load Balancer: 350 s unless set)."
	}
	return []Finding{f}
}

// modern tells whether a version of the agent stops the old channel.
func (v *View) modern() bool {
	ver, ok := fact.ParseAgentVersion(v.Set.Agent.Version)
	return ok && !ver.Before(fact.OneChannel)
}

func (v *View) works(id string) bool {
	return slices.ContainsFunc(v.Paths, func(p *Path) bool { return p.T.ID == id && p.Counts && p.Status == Pass })
}

// trapped: once ssmmessages has worked, a plain loss of it does not bring
// ec2messages back (ssmconnectionchannel.go; AccessDenied does).
func trapped(v *View) []Finding {
	if !v.link.known || v.link.up || v.link.name != "ssmmessages" || !v.modern() || !v.works("ec2messages") || v.running() == nil || !v.hasWorker() {
		return nil
	}
	f := on("AG-21", SevWarning, "The agent's channel was ssmmessages, and it is lost. ec2messages works, but the agent does not go back to it by itself.",
		append(v.tellsOf(v.logged(fact.LogChannel)), Evidence{"", "no connection of the agent to ssmmessages stands now"})...)
	f.Action.Do = "Repair the way to ssmmessages." + v.wake()
	return []Finding{f}
}

// oldChannel: an agent that prefers ssmmessages says that it is on ec2messages.
func oldChannel(v *View) []Finding {
	e := v.logged(fact.LogChannel)
	if e.Channel != "ec2messages" || !v.modern() || v.link.up || v.runCommand() || v.Set.Start.Sub(e.Last) > recent || v.logged(fact.LogConnected).Last.After(e.Last) {
		return nil
	}
	f := on("AG-26", SevWarning, "The agent was on ec2messages at "+hour(e.Last, v.Set.Start)+", because ssmmessages failed when it tried. Run Command works, sessions do not.", v.tellsOf(e)...)
	for _, stem := range []fact.LogStem{fact.LogControlToken, fact.LogDialWebsocket} {
		why := v.logged(stem)
		if network(why.Reason) && v.today(&why) == Pass {
			return nil // history; when it tries again is AG-04's to say
		}
		f.Evidence = append(f.Evidence, v.tellsOf(why)...)
	}
	f.Action.Do = "Find in its log why ssmmessages failed (role, endpoint policy, path)." + v.wake()
	f.Action.Command = command("sudo", "journalctl", "-u", v.unit(), "-n", "50")
	return []Finding{f}
}

// oldAddress: the connection stands, and leads to where the name does not lead
// any more: a new endpoint, or the public address of before. A name that is
// still public gives other addresses every minute, which says nothing.
func oldAddress(v *View) []Finding {
	s := v.link.sock
	if !v.link.stale || s == nil {
		return nil
	}
	for _, p := range v.Paths {
		if a, ok := v.Set.AnswerOf(p.T.Host); ok && p.T.ID == "ssmmessages" && !v.private(a.Addrs) {
			return nil
		}
	}
	f := on("AG-25", SevInfo, fmt.Sprintf("The agent is connected to %s, which the name of ssmmessages does not give any more. It works until that address goes.", s.Remote), socketEvidence(s))
	for _, p := range v.Paths {
		if p.T.ID == "ssmmessages" && p.DNS == Pass && len(f.Evidence) < 3 {
			f.Evidence = append(f.Evidence, v.answerEvidence(p)...)
		}
	}
	f.Action.Do = "At a convenient time, let the agent connect anew."
	if !v.runCommand() {
		f.Action.Command = command("sudo", "systemctl", "restart", v.unit())
	}
	return []Finding{f}
}

// agentElsewhere is AG-23, unless it is we who are agentElsewhere (OS-08).
func agentElsewhere(v *View) []Finding {
	p := v.running()
	if p == nil || !p.OtherNetNS || v.Set.Host.OtherNetNS {
		return nil
	}
	f := on("AG-23", SevWarning, fmt.Sprintf("The agent (process %d) runs in another network namespace than this run: its routes, resolver and addresses may differ.", p.PID),
		Evidence{"", fmt.Sprintf("process %d: its network namespace is not ours", p.PID)})
	f.Action.Do = "Run the check in the agent's namespace."
	f.Action.Command = command("sudo", "nsenter", "-t", fmt.Sprint(p.PID), "-n", "vpcdoctor", "check")
	return []Finding{f}
}
