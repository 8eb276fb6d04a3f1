package diagnose

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"vpcdoctor/probe/fact"
)

// Codes that the clues may name although no page of this build has them.
var elsewhere1 = map[Code]bool{}

func TestClues(t *testing.T) {
	seen := map[fact.LogStem]bool{}
	for _, c := range clues {
		if len(c.codes) == 0 {
			t.Fatalf("%+v has no code", c)
		}
		seen[c.stem] = true
		for _, code := range c.codes {
			if _, ok := docOf[code]; !ok && !elsewhere1[code] {
				t.Errorf("%s/%s names %s, which has no page", c.stem, c.reason, code)
			}
		}
	}
	// Every stem that means trouble leads somewhere.
	v := newView(healthy().Set)
	for _, s := range []fact.LogStem{fact.LogNoIdentity, fact.LogIMDSToken, fact.LogConfig, fact.LogIdentityRole, fact.LogFingerprint, fact.LogNotExisting, fact.LogVault,
		fact.LogNoSpace, fact.LogReadOnly, fact.LogNoPermission, fact.LogNoPlugin, fact.LogProxyTLS, fact.LogUpdate, fact.LogWorkerExit, fact.LogChannelLost, fact.LogSkipFallback, fact.LogNotRegistered} {
		if v.clueOf(&fact.LogEvent{Stem: s}) == nil {
			t.Errorf("%s leads nowhere", s)
		}
	}
	for _, r := range []fact.LogReason{fact.ReasonDialTimeout, fact.ReasonRefused, fact.ReasonReset, fact.ReasonUnreachable, fact.ReasonNoSuchHost, fact.ReasonDNSTimeout, fact.ReasonDNSServer,
		fact.ReasonUnknownCA, fact.ReasonCertName, fact.ReasonCertTime, fact.ReasonTLSTimeout, fact.ReasonNotTLS, fact.ReasonTimeout, fact.ReasonDenied, fact.ReasonNoRole, fact.ReasonAssumeRole,
		fact.ReasonSignatureOld, fact.ReasonSignatureNew, fact.ReasonExpiredToken, fact.ReasonBadToken, fact.ReasonNotConfigured, fact.ReasonProxyStatus, fact.ReasonProxyConnect, fact.ReasonAbnormalClose,
		fact.ReasonForbidden, fact.ReasonNoSpace} {
		if v.clueOf(&fact.LogEvent{Stem: fact.LogAPICall, Reason: r}) == nil {
			t.Errorf("%s leads nowhere", r)
		}
	}
	// Noise leads nowhere.
	for _, s := range []fact.LogStem{fact.LogPollEnded, fact.LogRegistered, fact.LogReady, fact.LogRotation, fact.LogIdentityEC2, fact.LogConnected} {
		if c := v.clueOf(&fact.LogEvent{Stem: s}); c != nil {
			t.Errorf("%s leads to %s", s, c.codes[0])
		}
	}
}

// Where the address of a dial is decides what it fits.
func TestClueByAddress(t *testing.T) {
	v := newView(healthy().Set)
	for addr, want := range map[string]Code{"10.192.10.11": "SG-02", "10.50.1.11": "RT-04", "52.82.1.1": "EP-16"} {
		if c := v.clueOf(&fact.LogEvent{Stem: fact.LogRegister, Reason: fact.ReasonDialTimeout, Addr: at443(addr)}); c.codes[0] != want {
			t.Errorf("%s: %s", addr, c.codes[0])
		}
	}
	w := healthy()
	w.publicTrio()
	if c := newView(w.Set).clueOf(&fact.LogEvent{Stem: fact.LogRegister, Reason: fact.ReasonDialTimeout, Addr: at443("52.82.1.1")}); c.codes[0] != "DN-02" {
		t.Errorf("a public address: %s", c.codes[0])
	}
}

// A log line of the same address supports what the probes found, and changes
// nothing else of it; one about another address does not.
func TestCorroborate(t *testing.T) {
	run := func(addr string) (Verdict, *Finding) {
		w := healthy()
		w.silent("10.192.10.12", "10.192.20.12")
		if addr != "" {
			w.wrote(fact.LogControlToken, fact.ReasonDialTimeout, 10*time.Minute, func(e *fact.LogEvent) { e.Addr = at443(addr) })
		}
		v := Run(w.Set, Options{})
		invariants(t, w.Set, v)
		return v, find(v, "SG-02")
	}
	_, plain := run("")
	_, same := run("10.192.10.12")
	_, other := run("10.192.10.99")
	if len(same.Evidence) != len(plain.Evidence)+1 || same.Evidence[len(same.Evidence)-1].Ref != "log:control_token/dial_timeout" || same.Confidence != plain.Confidence || same.Severity != plain.Severity {
		t.Errorf("%+v\n%+v", plain, same)
	}
	if len(other.Evidence) != len(plain.Evidence) {
		t.Errorf("%+v", other.Evidence)
	}
}

// Today's probes are clean: the log is history, and no finding.
func TestHistory(t *testing.T) {
	w := healthy()
	w.wrote(fact.LogRegister, fact.ReasonDialTimeout, 2*time.Minute, func(e *fact.LogEvent) { e.Addr = at443("10.192.10.11") })
	w.sockets(established("10.192.10.12", host("ssmmessages")))
	v := Run(w.Set, Options{})
	invariants(t, w.Set, v)
	if v.Status != Healthy || len(v.Causes) > 0 {
		t.Errorf("%s", outline(v))
	}
	found := false
	for _, i := range v.Innocent {
		found = found || i.Ref == "log:register/dial_timeout" && strings.Contains(i.Why, "11:58 UTC")
	}
	if !found {
		t.Errorf("%+v", v.Innocent)
	}
}

// What this run could not try, the log may tell, and never as proved.
func TestLogAlone(t *testing.T) {
	run := func(change func(w world)) Verdict {
		w := healthy()
		w.publicTrio()
		w.breaks(fact.Skip("public address"), "", "52.82.1.2")
		w.sockets()
		w.wrote(fact.LogControlToken, fact.ReasonUnknownCA, 5*time.Minute, func(e *fact.LogEvent) { e.Host = host("ssmmessages") })
		change(w)
		v := Run(w.Set, Options{})
		invariants(t, w.Set, v)
		return v
	}
	f := find(run(func(world) {}), "TL-01")
	if f == nil || f.Severity != SevError || f.Confidence == Proved || !strings.Contains(f.Summary, "11:55 UTC") || len(f.Alternatives) == 0 {
		t.Fatalf("%+v", f)
	}
	for name, change := range map[string]func(w world){
		"old":             func(w world) { w.Agent.Log.Events[0].Old = true },
		"hours ago":       func(w world) { w.Agent.Log.Events[0].Last = before(5 * time.Hour) },
		"connected since": func(w world) { w.wrote(fact.LogConnected, "", time.Minute, nil) },
		"connected now":   func(w world) { w.Agent.Log.Events = nil; w.sockets(established("52.82.1.2", host("ssmmessages"))) },
		"works today":     func(w world) { w.answer(host("ssmmessages"), "52.82.1.2") },
		"another way":     func(w world) { w.Agent.Log.Events[0].Host, w.Agent.Log.Events[0].Stem = "kms.example", fact.LogAPICall },
	} {
		if f := find(run(change), "TL-01"); f != nil {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

// A connection that stands acquits; one that only looks so does not.
func TestLink(t *testing.T) {
	mgs := host("ssmmessages")
	for _, tt := range []struct {
		name string
		make func(w world)
		up   bool
	}{
		{"no sockets listed", func(world) {}, false},
		{"connected", func(w world) { w.sockets(established("10.192.10.12", mgs)) }, true},
		{"only to ssm", func(w world) { w.sockets(established("10.192.10.11", host("ssm"))) }, false},
		{"calling", func(w world) {
			s := established("10.192.10.12", mgs)
			s.State = "SYN-SENT"
			w.sockets(s)
		}, false},
		{"the peer is gone", func(w world) {
			s := established("10.192.10.12", mgs)
			s.Retransmits = 5
			w.sockets(s)
		}, false},
		{"silent beyond its pings", func(w world) {
			s := established("10.192.10.12", mgs)
			s.LastRecv = fact.Duration(10 * time.Minute)
			w.sockets(s)
		}, false},
		{"silent, before the pings", func(w world) {
			s := established("10.192.10.12", mgs)
			s.LastRecv = fact.Duration(10 * time.Minute)
			w.sockets(s)
			w.Agent.Version = "3.3.40.0"
		}, true},
		{"the token's connection, the websocket fails", func(w world) {
			w.sockets(established("10.192.10.12", mgs))
			w.wrote(fact.LogDialWebsocket, fact.ReasonHTTPStatus, time.Minute, nil)
		}, false},
		{"a session's end of an hour ago", func(w world) {
			w.sockets(established("10.192.10.12", mgs))
			w.wrote(fact.LogChannelLost, fact.ReasonAbnormalClose, 50*time.Minute, nil)
		}, true},
		{"through the proxy, by its log", func(w world) {
			w.onlyProxied(ok(ms), func(x *fact.Tunnel) { x.Addr = netip.MustParseAddrPort("10.192.10.99:3128") })
			w.wrote(fact.LogConnected, "", time.Hour, nil)
			s := established("10.192.10.99")
			s.Remote = netip.MustParseAddrPort("10.192.10.99:3128")
			w.sockets(s)
		}, true},
		{"inside Run Command", func(w world) { w.Run.Context = "run-command" }, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := healthy()
			tt.make(w)
			if v := newView(w.Set); v.link.up != tt.up {
				t.Errorf("%+v", v.link)
			}
		})
	}
}

// Without root nothing is concluded from what was not seen.
func TestNoRoot(t *testing.T) {
	for _, f := range allFirings() {
		w := healthy()
		f.make(w)
		no := fact.Skip("needs root")
		w.Agent = fact.Agent{Access: no, UnitsRun: no, ProcsRun: no, ProxyRun: no}
		w.Agent.Log.Outcome, w.Agent.Channel.Outcome = no, no
		for _, c := range Run(w.Set, Options{}).Causes {
			if strings.HasPrefix(string(c.Code), "AG-") {
				t.Errorf("%s: %s", f.code, c.Summary)
			}
		}
	}
}

// Gaps in the agent's insides are named.
func TestAgentGaps(t *testing.T) {
	w := healthy()
	w.Agent.Log.Outcome = failed(fact.NotFound, ms)
	w.Agent.Channel.Outcome = fact.Skip("needs root")
	w.mounted(func(m *fact.Mount) { m.Outcome = failed(fact.Timeout, ms) })
	var got []string
	for _, n := range Run(w.Set, Options{}).NotChecked {
		got = append(got, n.What)
	}
	for _, want := range []string{"SSM Agent's log", "SSM Agent's connection", "SSM Agent's directory /var/lib/amazon/ssm"} {
		if !strings.Contains(strings.Join(got, "\n"), want) {
			t.Errorf("%s is not in %q", want, got)
		}
	}
}

func TestSpacing(t *testing.T) {
	for _, tt := range []struct {
		times []time.Time
		want  time.Duration
	}{
		{series(start, 355*time.Second, 6), 355 * time.Second},
		{series(start, 355*time.Second, 3), 0},
		{series(start, 5*time.Second, 8), 0}, // a loop, no timer
		{append(series(start, 355*time.Second, 5), start.Add(time.Hour)), 0},
		{nil, 0},
	} {
		if got, steady := spacing(tt.times); steady != (tt.want > 0) || steady && got != tt.want {
			t.Errorf("%s, %v: want %s", got, steady, tt.want)
		}
	}
}

// The agent's insides have rows too, in every state; what was never asked has
// none.
func TestAgentItems(t *testing.T) {
	states := func(make func(w world)) map[string]CheckStatus {
		w := healthy()
		make(w)
		out := map[string]CheckStatus{}
		for _, i := range newView(w.Set).agentItems() {
			if i.Why == "" {
				t.Errorf("%s says nothing", i.What)
			}
			out[i.Key] = i.Status
		}
		return out
	}
	if got := states(func(world) {}); len(got) != 0 {
		t.Errorf("%v", got)
	}
	for key, makes := range map[string][3]func(w world){
		"agent:log": {
			func(w world) { w.wrote(fact.LogReady, "", time.Hour, nil) },
			func(w world) { w.wrote(fact.LogVault, fact.ReasonOther, time.Minute, nil) },
			func(w world) { w.Agent.Log.Outcome = fact.Skip("needs root") },
		},
		"agent:connection": {
			func(w world) { w.sockets(established("10.192.10.12", host("ssmmessages"))) },
			func(w world) { w.sockets() },
			func(w world) { w.Agent.Channel.Outcome = fact.Skip("needs root") },
		},
		"agent:files": {
			func(w world) { w.mounted(func(*fact.Mount) {}) },
			func(w world) { w.mounted(func(m *fact.Mount) { m.FreeBytes = 0 }) },
			func(w world) { w.mounted(func(m *fact.Mount) { m.Outcome = failed(fact.Timeout, ms) }) },
		},
	} {
		for i, want := range []CheckStatus{Pass, Fail, NotCheckedStatus} {
			if got := states(makes[i]); got[key] != want {
				t.Errorf("%s: %v, want %s", key, got, want)
			}
		}
	}
}
