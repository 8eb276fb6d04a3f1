package diagnose

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"vpcdoctor/probe/fact"
)

// link is the agent's own connection to Systems Manager, as its sockets show
// it and its log names it. A connection that stands acquits: whatever kept the
// agent from connecting is over.
type link struct {
	known bool           // the sockets were listed and understood, or the agent runs us
	up    bool           // the channel stands now
	sock  *fact.Socket   // it; nil when Run Command is the witness
	stale bool           // it leads to an address that today's DNS does not give
	calls []*fact.Socket // connects without an answer yet
	name  string         // channel by the log: ssmmessages | ec2messages
}

// deadPeer is how many retransmits in a row mean that the peer is gone: the
// third comes about 1.4 s after the data at the usual RTO of 200 ms.
const deadPeer = 3

// quiet is how long a channel with pings may be silent: the agent pings every
// 54 s and gives up 60 s after the last answer (websocketchannel.go,
// 3.3.987.0).
const quiet = 3 * time.Minute

func (v *View) newLink() link {
	a := &v.Set.Agent
	l := link{known: a.Channel.Status == fact.OK, name: v.logged(fact.LogChannel).Channel}
	if v.runCommand() {
		l.known, l.up = true, true
	}
	said := v.logged(fact.LogConnected)
	// A socket of a moment after a failure may be one of the attempts: the token
	// is fetched, the websocket is not opened. An older failure may be that of a
	// session, whose channel the agent logs alike.
	lost := v.lost(said.Last)
	odd := false // a connection to somewhere that no name of today explains
	trying := !lost.IsZero() && v.Set.Start.Sub(lost) < quiet
	for _, s := range refs(a.Channel.Sockets, socketOrder) {
		if s.State == "SYN-SENT" {
			l.calls = append(l.calls, s)
		}
		if !l.known || l.sock != nil || s.State != "ESTABLISHED" || v.dead(s) || trying {
			continue
		}
		ours := slices.ContainsFunc(s.Hosts, v.messages)
		logged := said.Addr.IsValid() && same443(said.Addr, s.Remote)
		if !ours && !logged && !(v.proxyAt(s.Remote) && !said.Last.IsZero()) {
			odd = odd || len(s.Hosts) == 0 && s.Role != "session"
			continue
		}
		l.up, l.sock = true, s
		l.stale = !ours && logged && v.answered("ssmmessages") && !v.proxyAt(s.Remote)
	}
	l.known = l.known && (l.up || !odd)
	return l
}

func socketOrder(s fact.Socket) string {
	return fmt.Sprintf("%s %s %d %s", s.Remote, s.Local, s.PID, s.State)
}

func same443(a, b netip.AddrPort) bool {
	return a.Addr().Unmap() == b.Addr().Unmap() && a.Port() == b.Port()
}

// dead tells a connection whose peer does not answer any more.
func (v *View) dead(s *fact.Socket) bool {
	ver, ok := fact.ParseAgentVersion(v.Set.Agent.Version)
	pings := ok && !ver.Before(pingsOften)
	return s.Retransmits >= deadPeer || pings && s.LastRecv.Std() > quiet
}

// lost is when the channel failed for the last time after it had connected, by
// the log; zero when it did not.
func (v *View) lost(connected time.Time) time.Time {
	var last time.Time
	for _, stem := range []fact.LogStem{fact.LogChannelLost, fact.LogDialWebsocket, fact.LogControlToken} {
		if e := v.logged(stem); e.Last.After(connected) {
			last = latest(last, e.Last)
		}
	}
	return last
}

func (v *View) lostSince(connected time.Time) bool { return !v.lost(connected).IsZero() }

// messages tells whether a host is the agent's ssmmessages.
func (v *View) messages(host string) bool {
	return slices.ContainsFunc(v.Paths, func(p *Path) bool { return p.T.ID == "ssmmessages" && p.T.Host == host })
}

func (v *View) answered(id string) bool {
	return slices.ContainsFunc(v.Paths, func(p *Path) bool { return p.T.ID == id && p.DNS == Pass })
}

// proxyAt tells whether an address is that of the agent's proxy.
func (v *View) proxyAt(at netip.AddrPort) bool {
	return slices.ContainsFunc(v.Tuns, func(t *Tun) bool {
		return t.Counts && (t.Tunnel.Addr.IsValid() && same443(t.Tunnel.Addr, at) || t.Tunnel.Proxy == at.String())
	})
}

// socketEvidence describes one socket of the agent.
func socketEvidence(s *fact.Socket) Evidence {
	text := fmt.Sprintf("%s of the agent (process %d): %s to %s", orWord(plain(s.Role, 12), "process"), s.PID, plain(s.State, 12), s.Remote)
	if len(s.Hosts) > 0 {
		text += " (" + list(s.Hosts, 1) + ")"
	}
	if s.Retransmits > 0 {
		text += fmt.Sprintf(", %d retransmits without an answer", s.Retransmits)
	}
	if s.LastRecv > 0 {
		text += ", last data " + s.LastRecv.Std().Round(time.Second).String() + " ago"
	}
	return Evidence{"socket:" + s.Remote.String(), text}
}

// running is the agent's core process; nil when none was seen.
func (v *View) running() *fact.AgentProc {
	for _, p := range refs(v.Set.Agent.Procs, procOrder) {
		if p.Role == "core" && !strings.HasPrefix(p.State, "Z") {
			return p
		}
	}
	return nil
}

func procOrder(p fact.AgentProc) string { return fmt.Sprintf("%s %08d", p.Role, p.PID) }
