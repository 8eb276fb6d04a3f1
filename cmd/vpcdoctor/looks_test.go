package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/host/sysfile"
	"vpcdoctor/report"
	"vpcdoctor/report/diagnose"
)

var noon = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// sound is what a run gathers where nothing is wrong and no target was asked
// for; ill is the same with a broken configuration of the agent.
func sound(at time.Time) *fact.Set {
	return &fact.Set{
		Schema: fact.SchemaVersion, Start: at, End: at.Add(time.Second), Run: fact.Run{Expect: "auto"},
		Place:   fact.Place{Region: "us-east-1", Source: "flag", Partition: "aws", DNSSuffix: "amazonaws.com", Known: true},
		Targets: []fact.Target{{ID: "ssm", Host: "ssm.us-east-1.amazonaws.com", Need: fact.NeedOptional, Ports: []fact.Port{{Number: 443, TLS: true}}}},
	}
}

func ill(at time.Time) *fact.Set {
	s := sound(at)
	s.Agent.Config = fact.AgentConfig{Outcome: fact.Outcome{Status: fact.Failed, Class: fact.Malformed}, Path: "/etc/amazon/ssm/amazon-ssm-agent.json", Present: true, ErrorAt: "line 1, column 2"}
	return s
}

func with(s *fact.Set, status fact.Status) *fact.Set {
	s.Signed = fact.Signed{Outcome: fact.Outcome{Status: fact.OK}, Calls: []fact.Call{{
		Outcome: fact.Outcome{Status: status}, Service: "ssm", Operation: "ListInstanceAssociations",
	}}}
	return s
}

// Signed calls are not repeated while the rest of the run shows the same.
func TestCallAgain(t *testing.T) {
	if a, b := outline(*sound(noon), nil), outline(*ill(noon), nil); !strings.HasPrefix(a, "healthy") || strings.HasPrefix(b, "healthy") {
		t.Fatalf("the worlds of this test are %q and %q", a, b)
	}
	for name, x := range map[string]struct {
		before, now *fact.Set
		want        bool
	}{
		"the same, good":             {with(sound(noon), fact.OK), sound(noon.Add(time.Hour)), false},
		"the same, bad":              {with(ill(noon), fact.OK), ill(noon.Add(time.Hour)), false},
		"now good":                   {with(ill(noon), fact.OK), sound(noon.Add(2 * time.Second)), true},
		"now bad, soon after":        {with(sound(noon), fact.OK), ill(noon.Add(2 * time.Second)), false},
		"now bad":                    {with(sound(noon), fact.OK), ill(noon.Add(callsApart)), true},
		"now bad, clock set back":    {with(sound(noon), fact.OK), ill(noon.Add(-time.Hour)), true},
		"refused, soon after":        {with(sound(noon), fact.Failed), sound(noon.Add(refusedApart - time.Second)), false},
		"refused":                    {with(sound(noon), fact.Failed), sound(noon.Add(refusedApart)), true},
		"not made, nothing to ask":   {with(sound(noon), fact.NotRun), sound(noon.Add(time.Hour)), false},
		"never made, the same as is": {sound(noon), sound(noon.Add(time.Hour)), false},
	} {
		c := &checker{called: report.New(x.before, diagnose.Verdict{}, report.Tool{})}
		if got := c.callAgain(x.now); got != x.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// What is kept from an earlier look counts for the verdict, and the report says
// that it was not asked again.
func TestKeepCalls(t *testing.T) {
	now := sound(noon.Add(time.Minute))
	keepCalls(now, with(sound(noon), fact.OK))
	if len(now.Signed.Calls) != 1 || len(now.Cut) != 1 || !strings.Contains(now.Cut[0].Why, "made at 12:00:00 UTC") {
		t.Errorf("%+v, %+v", now.Signed, now.Cut)
	}
	none := sound(noon)
	if keepCalls(none, with(sound(noon), fact.NotRun)); len(none.Cut) != 0 {
		t.Errorf("a call that was never made was not repeated: %+v", none.Cut)
	}
}

func TestGood(t *testing.T) {
	for _, x := range []struct {
		failOn report.FailOn
		status diagnose.Status
		want   bool
	}{
		{report.FailOnError, diagnose.Healthy, true}, {report.FailOnError, diagnose.Degraded, true},
		{report.FailOnError, diagnose.Broken, false}, {report.FailOnError, diagnose.Inconclusive, false},
		{report.FailNever, diagnose.Broken, false}, {report.FailNever, diagnose.Healthy, true},
	} {
		c := &checker{failOn: x.failOn}
		if got := c.good(report.New(nil, diagnose.Verdict{Status: x.status}, report.Tool{})); got != x.want {
			t.Errorf("--fail-on %s, %s: %t", x.failOn, x.status, got)
		}
	}
}

func TestJitterWindow(t *testing.T) {
	unit := map[string]string{"INVOCATION_ID": "8a1f"}
	for name, x := range map[string]struct {
		value  string
		env    map[string]string
		out, e bool // terminals
		want   time.Duration
	}{
		"off":                    {"off", unit, false, false, 0},
		"a duration":             {"40m", nil, true, true, 40 * time.Minute},
		"none":                   {"0s", unit, false, false, 0},
		"auto in a unit":         {"auto", unit, false, false, time.Minute},
		"auto in a shell":        {"auto", nil, false, false, 0},
		"auto on a terminal":     {"auto", unit, true, true, 0},
		"auto, stdout in a file": {"auto", unit, false, true, 0},
		"auto in a Run Command":  {"auto", map[string]string{"INVOCATION_ID": "8a1f", "AWS_SSM_INSTANCE_ID": "i-0abc"}, false, false, 0},
	} {
		a := &app{getenv: func(n string) string { return x.env[n] }, stdoutTTY: x.out, stderrTTY: x.e}
		if got := a.jitterWindow(x.value); got != x.want {
			t.Errorf("%s: %v, want %v", name, got, x.want)
		}
	}
}

// A fleet of 1,000 that was started in a row fills each tenth of the window.
func TestPlaceIn(t *testing.T) {
	var tenths [10]int
	for i := range 1000 {
		d := placeIn(time.Minute, "i-0"+strings.Repeat("0", 12)+string(rune('a'+i/40))+string(rune('A'+i%40)))
		if d < 0 || d >= time.Minute {
			t.Fatalf("place %v", d)
		}
		tenths[d/(6*time.Second)]++
	}
	for i, n := range tenths {
		if n < 60 || n > 140 {
			t.Errorf("tenth %d has %d of 1000", i, n)
		}
	}
	if once, again := placeIn(time.Minute, "i-0abc"), placeIn(time.Minute, "i-0abc"); once != again {
		t.Error("the place is not fixed")
	}
}

func TestOwnID(t *testing.T) {
	for name, x := range map[string]struct {
		files      map[string]string
		id, source string
	}{
		"firmware first":   {map[string]string{idFiles[0]: "i-0aaa\n", idFiles[1]: "i-0bbb\n", idFiles[2]: "cc\n"}, "i-0aaa", idFiles[0]},
		"cloud-init":       {map[string]string{idFiles[0]: "Not Specified\n", idFiles[1]: "i-0bbb\n"}, "i-0bbb", idFiles[1]},
		"another vendor":   {map[string]string{idFiles[0]: "Default string\n", idFiles[2]: "cc\n"}, "cc", idFiles[2]},
		"empty machine id": {map[string]string{idFiles[1]: "i-0bbb", idFiles[2]: "\n"}, "i-0bbb", idFiles[1]},
		"an empty file":    {map[string]string{idFiles[1]: "", idFiles[2]: "cc"}, "cc", idFiles[2]},
	} {
		root := t.TempDir()
		for f, text := range x.files {
			path := filepath.Join(root, f)
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
				t.Fatal(err)
			}
		}
		if id, source := ownID(sysfile.Root(root)); id != x.id || source != x.source {
			t.Errorf("%s: %q from %s", name, id, source)
		}
	}
	if id, source := ownID(sysfile.Root(t.TempDir())); id == "" || source != "host name" {
		t.Errorf("without files: %q from %s", id, source)
	}
}
