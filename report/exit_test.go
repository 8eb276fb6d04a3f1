package report

import (
	"testing"

	"vpcdoctor/probe/fact"
	"vpcdoctor/report/diagnose"
)

func TestExitCode(t *testing.T) {
	warning := diagnose.Finding{Code: "EP-15", Severity: diagnose.SevWarning}
	accepted := warning
	accepted.Accepted = true
	fault := diagnose.Finding{Code: "SELF-01", Severity: diagnose.SevWarning}
	with := func(s diagnose.Status, f ...diagnose.Finding) diagnose.Verdict {
		return diagnose.Verdict{Status: s, Causes: f}
	}
	for name, c := range map[string]struct {
		v    diagnose.Verdict
		f    FailOn
		want int
	}{
		"healthy":               {with(diagnose.Healthy), FailOnError, ExitOK},
		"healthy, warning":      {with(diagnose.Healthy), FailOnWarning, ExitOK},
		"degraded":              {with(diagnose.Degraded, warning), FailOnError, ExitOK},
		"degraded, warning":     {with(diagnose.Degraded, warning), FailOnWarning, ExitFinding},
		"degraded, never":       {with(diagnose.Degraded, warning), FailNever, ExitOK},
		"accepted, warning":     {with(diagnose.Healthy, accepted), FailOnWarning, ExitOK},
		"broken":                {with(diagnose.Broken), FailOnError, ExitFinding},
		"broken, warning":       {with(diagnose.Broken), FailOnWarning, ExitFinding},
		"broken, never":         {with(diagnose.Broken), FailNever, ExitOK},
		"inconclusive":          {with(diagnose.Inconclusive), FailOnError, ExitInconclusive},
		"inconclusive, never":   {with(diagnose.Inconclusive), FailNever, ExitInconclusive},
		"fault of a rule":       {with(diagnose.Degraded, fault), FailOnError, ExitFault},
		"fault beside an error": {with(diagnose.Broken, fault), FailOnError, ExitFinding},
		"no verdict":            {diagnose.Verdict{}, FailOnError, ExitFault},
	} {
		if got := ExitCode(c.v, c.f); got != c.want {
			t.Errorf("%s: got %d, want %d", name, got, c.want)
		}
	}
	r := New(&fact.Set{Run: fact.Run{Interrupted: true}}, with(diagnose.Broken), Tool{})
	if got := r.ExitCode(FailNever); got != ExitInconclusive {
		t.Errorf("interrupted: got %d", got)
	}
}

func TestParseFailOn(t *testing.T) {
	for in, want := range map[string]FailOn{"": FailOnError, "error": FailOnError, "warning": FailOnWarning, "never": FailNever} {
		if got, err := ParseFailOn(in); got != want || err != nil {
			t.Errorf("%q: got %q, %v", in, got, err)
		}
	}
	if _, err := ParseFailOn("Error"); err == nil {
		t.Error("a wrong word passes")
	}
}
