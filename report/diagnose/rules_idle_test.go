package diagnose

import (
	"testing"
	"time"

	"vpcdoctor/probe/fact"
)

// TestSilences: what a silent connection's end proves, and how much it matters.
func TestSilences(t *testing.T) {
	at := func(w world) *fact.Idle { return &w.Idle[0] }
	for _, c := range []struct {
		name, id string
		span     time.Duration
		change   func(w world)
		sev      Severity
		conf     Confidence
	}{
		{"reset at its end", "ssmmessages", 10 * time.Second, nil, SevWarning, Proved},
		{"unanswered", "ssmmessages", 10 * time.Second, func(w world) { at(w).Class = fact.Timeout }, SevWarning, Proved},
		{"reset in between", "ssmmessages", 10 * time.Second, func(w world) { at(w).Took = fact.Duration(time.Second) }, SevWarning, Likely},
		{"nothing to compare with", "ssmmessages", 10 * time.Second, func(w world) { at(w).Addr = at443("10.192.10.99") }, SevWarning, Likely},
		{"longer than the agent's pings", "ssmmessages", time.Minute, nil, SevInfo, Proved},
		{"shorter than those of an old agent", "ssmmessages", time.Minute, func(w world) { w.Agent.Version = "3.3.551.0" }, SevWarning, Proved},
		{"longer than those", "ssmmessages", 301 * time.Second, func(w world) { w.Agent.Version = "3.3.551.0" }, SevInfo, Proved},
		{"the user's own, before the usual time", "kms", 300 * time.Second, nil, SevWarning, Likely},
		{"the user's own, after it", "kms", 351 * time.Second, nil, SevInfo, Likely},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := healthy()
			w.hush(c.id, c.span)
			if c.change != nil {
				c.change(w)
			}
			f := find(Run(w.Set, Options{}), "FW-06")
			if f == nil || f.Severity != c.sev || f.Confidence != c.conf {
				t.Errorf("want %s %s: %+v", c.sev, c.conf, f)
			}
		})
	}
}
