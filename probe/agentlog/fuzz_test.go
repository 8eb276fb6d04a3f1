package agentlog

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vpcdoctor/probe/fact"
)

// FuzzRead feeds the whole parser with logs and journals of any kind.
func FuzzRead(f *testing.F) {
	samples, err := filepath.Glob("testdata/*.log")
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range samples {
		b, err := os.ReadFile(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte("1795165200.5 h amazon-ssm-agent[7]: 2026-11-20 17:00:00 ERROR failed to register identity\n"))
	f.Add([]byte("2026-10-25 02:10:00 WARN \x1b[2J lookup \xff on [::1]:53: no such host\n"))
	loc := time.FixedZone("x", 5*3600)
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, form := range []split{agentLine, journalLine} {
			r := &reader{ctx: t.Context(), all: newCollection(), zone: newZone(loc, now)}
			r.all.enter(mainLog, time.Time{})
			var file fact.LogFile
			if err := r.lines(strings.NewReader(string(b)), false, &file, form); err != nil {
				t.Fatal(err)
			}
			check(t, r.all.events(ourNode))
			if file.Odd > file.Lines || file.Read != int64(len(b)) {
				t.Errorf("%+v of %d bytes", file, len(b))
			}
		}
	})
}

// check asserts what holds for the events of every log.
func check(t *testing.T, events []fact.LogEvent) {
	t.Helper()
	if len(events) > eventLimit {
		t.Errorf("%d events", len(events))
	}
	for _, e := range events {
		if e.Count < 1 || e.First.IsZero() || e.Last.Before(e.First) || len(e.Times) > timesLimit || len(e.Times) == 0 || e.Wait < 0 || e.Status < 0 || e.Status > 599 {
			t.Errorf("%+v", e)
		}
		texts := []string{e.Host, e.Operation, e.Code, e.Channel, e.Node, e.Level, e.Source}
		if e.Denial != nil {
			texts = append(texts, e.Denial.Action, e.Denial.Resource, e.Denial.Principal)
		}
		for _, s := range texts {
			if len(s) > 512 || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Errorf("%q", s)
			}
		}
	}
}
