package diagnose

import (
	"strings"
	"testing"
	"time"

	"vpcdoctor/probe/fact"
)

// When the agent tries again, to the minute where its timers say so.
func TestNap(t *testing.T) {
	const m = time.Minute
	for _, tt := range []struct {
		name        string
		make        func(w world)
		kind        string
		first, last time.Duration // after the run
	}{
		{"first wait", func(w world) { w.asleep(5*m, 3*m) }, "credentials", 2 * m, 2 * m},
		{"refused", func(w world) { w.asleep(28*m, 8*m) }, "credentials", 20 * m, 20 * m},
		// 5 minutes from 11:53, an attempt, and the second wait of 9 to 10.
		{"second wait, from the first", func(w world) { w.asleep(5*m, 7*m) }, "credentials", 7 * m, 8*m + attempt},
		// The last wait in the log, the third, ended an hour ago. One of 9 to 10
		// minutes and three of 18 to 20 follow, with an attempt before each.
		{"long silent", func(w world) { w.longSilent(70*m + 30*time.Second) }, "credentials", 2 * m, 9*m + 4*attempt},
		// The third of them may be over, and then one of 40 minutes has begun.
		{"long silent, on the edge", func(w world) { w.longSilent(75 * m) }, "credentials", 0, 40*m + attempt},
		{"hibernates, first stage", func(w world) { w.wrote(fact.LogHibernate, "", 6*m, nil); w.sockets() }, "hibernation", 9 * m, 10 * m},
		// Pings at 5, 15, 25, 35, 55 minutes.
		{"hibernates, second stage", func(w world) { w.wrote(fact.LogHibernate, "", 40*m, nil); w.sockets() }, "hibernation", 15 * m, 16 * m},
		{"channel", func(w world) {
			w.sockets()
			w.wrote(fact.LogControlToken, fact.ReasonTimeout, 2*m, func(e *fact.LogEvent) { e.Times = []time.Time{before(8 * m), before(2 * m)} })
		}, "reconnect", 5*m + 20*time.Second, 16*m + 30*time.Second},

		{"connected since", func(w world) { w.asleep(28*m, 8*m); w.wrote(fact.LogConnected, "", 5*m, nil) }, "", 0, 0},
		{"credentials since", func(w world) { w.asleep(28*m, 8*m); w.Agent.Identity.Retrieved = before(2 * m) }, "", 0, 0},
		{"the log of another process", func(w world) { w.asleep(28*m, 8*m); w.Agent.Procs[0].Start = before(20 * m) }, "", 0, 0},
		{"not running", func(w world) { w.asleep(28*m, 8*m); w.Agent.Procs = nil }, "", 0, 0},
		{"inside Run Command", func(w world) { w.asleep(28*m, 8*m); w.Run.Context = "run-command" }, "", 0, 0},
		{"log not read", func(w world) { w.asleep(28*m, 8*m); w.Agent.Log.Outcome = fact.Skip("needs root") }, "", 0, 0},
		{"an odd wait that is over", func(w world) { w.asleep(7*m, 8*m) }, "", 0, 0},
		{"told by a clock that was ahead", func(w world) { w.asleep(28*m, -8*m) }, "", 0, 0},
		{"the channel tries at once", func(w world) { w.sockets(); w.wrote(fact.LogControlToken, fact.ReasonReset, 0, nil) }, "", 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := healthy()
			tt.make(w)
			n := newView(w.Set).nap
			if n.kind != tt.kind || n.kind != "" && (n.first.Sub(start) != tt.first || n.last.Sub(start) != tt.last) {
				t.Errorf("%s from %s to %s, want %s from %s to %s", n.kind, n.first.Sub(start), n.last.Sub(start), tt.kind, tt.first, tt.last)
			}
		})
	}
}

func (w world) longSilent(since time.Duration) {
	w.asleep(9*time.Minute+30*time.Second, since)
	w.Agent.Log.Start, w.Agent.Procs[0].Start = before(2*time.Hour), before(2*time.Hour)
	w.Agent.Log.Events[0].Count = 3
}

// The waits of the source, by their number: each is between nine tenths of a
// round figure and that figure, and is told apart from its neighbours.
func TestRetries(t *testing.T) {
	for n := range 17 {
		low, high := waits(n)
		for _, w := range []time.Duration{low, (low + high) / 2, high} {
			if got, known := retries(w, n+1); !known || got != n {
				t.Errorf("%s is wait %d (%v), want %d", w, got, known, n)
			}
		}
	}
	if _, known := retries(27*time.Minute, 1); known {
		t.Error("a refusal counts as a step of the back-off")
	}
}

// What the reader is told: the time, the unit, and no more than is known.
func TestAsleepWords(t *testing.T) {
	find4 := func(change func(w world)) *Finding {
		w := healthy()
		w.asleep(30*time.Minute, 10*time.Minute)
		change(w)
		v := Run(w.Set, Options{})
		invariants(t, w.Set, v)
		f := find(v, "AG-04")
		if f == nil {
			t.Fatalf("%s", outline(v))
		}
		return f
	}
	if f := find4(func(w world) {
		w.Agent.Log.Events[0].Wait = fact.Duration(5 * time.Minute)
		w.Agent.Log.Events[0].Last = before(3 * time.Minute)
		w.Agent.Units[0].Name = "snap.amazon-ssm-agent.amazon-ssm-agent.service"
	}); f.Summary != "The cause is gone, the agent sleeps until 12:02 UTC: sudo systemctl restart snap.amazon-ssm-agent.amazon-ssm-agent." ||
		f.Action.Command != "sudo systemctl restart snap.amazon-ssm-agent.amazon-ssm-agent" {
		t.Errorf("%q %q", f.Summary, f.Action.Command)
	}
	// AWS refused the role: a path that works does not show that it would not again.
	if f := find4(func(world) {}); strings.Contains(f.Summary, "cause is gone") || !strings.Contains(f.Summary, "until 12:20 UTC") {
		t.Errorf("%q", f.Summary)
	}
	if f := find4(func(w world) {
		w.Signed.Calls = []fact.Call{{Outcome: ok(ms), Service: "ssm", Operation: "ListInstanceAssociations", Host: host("ssm")}}
	}); !strings.Contains(f.Summary, "cause is gone") {
		t.Errorf("%q", f.Summary)
	}
	// The cause stands: it leads, and its fix tells of the sleep.
	w := healthy()
	w.asleep(5*time.Minute, 3*time.Minute)
	w.silent(w.all("10.192.")...)
	v := Run(w.Set, Options{})
	f := find(v, "AG-04")
	if f == nil || f.CausedBy != "SG-01" || !strings.Contains(f.Summary, "does not work yet") || !strings.Contains(find(v, "SG-01").Action.Do, "sleeps until 12:02 UTC") {
		t.Errorf("%s\n%+v", outline(v), find(v, "SG-01"))
	}
	// Only what was not checked is open: the finding says so.
	if f := find4(func(w world) { w.breaks(fact.Skip("budget"), "", "10.192.10.11", "10.192.20.11") }); strings.Contains(f.Summary, "cause is gone") || !strings.Contains(f.Summary, "was not checked") {
		t.Errorf("%q", f.Summary)
	}
}

// A time of another day carries its date.
func TestHour(t *testing.T) {
	if got := hour(start.Add(2*time.Hour), start); got != "14:00 UTC" {
		t.Error(got)
	}
	if got := hour(start.Add(13*time.Hour), start); got != "2026-11-02 01:00 UTC" {
		t.Error(got)
	}
}
