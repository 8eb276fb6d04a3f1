//go:build linux

package main

import (
	"path/filepath"
	"slices"
	"testing"

	"vpcdoctor/cmd/vpclab/scenario"
)

// TestConfusable holds the lab's verdicts against the table of what looks
// alike: each scenario ends with the code of its row and names the alternatives
// there. Runs that TestScenarios has made are not made again.
//
// That they look alike to a plain program, and the confidence, is tested with
// the recorded facts: TestConfusableFacts in report/diagnose.
func TestConfusable(t *testing.T) {
	needLab(t)
	if testing.Short() {
		t.Skip("the runs that it looks at are not made")
	}
	dir := t.TempDir()
	gate := make(chan struct{}, atOnce)
	results := map[string]chan *result{}
	for _, name := range confusable() {
		s, err := scenario.Find(name)
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan *result, 1)
		results[name] = done
		go func() {
			gate <- struct{}{}
			defer func() { <-gate }()
			if _, ok := firstRuns.Load(name); !ok {
				runScenario(filepath.Join(dir, name), *s, 1) // what is wrong with it is TestScenarios' business
			}
			r, _ := firstRuns.Load(name)
			first, _ := r.(result)
			done <- &first
		}()
	}
	got := map[string]*result{}
	for name, done := range results {
		got[name] = <-done
	}
	for _, set := range scenario.Confusables() {
		for _, c := range set.Cases {
			causes := got[c.Scenario].Verdict.Causes
			if c.Code == "" {
				if slices.ContainsFunc(causes, func(f finding) bool { return f.Severity != "info" }) || got[c.Scenario].Verdict.Status == "" {
					t.Errorf("%s, %s: %+v", set.Name, c.Scenario, causes)
				}
				continue
			}
			if len(causes) == 0 || causes[0].Code != c.Code {
				t.Errorf("%s, %s: %+v, want %s first", set.Name, c.Scenario, causes, c.Code)
				continue
			}
			for _, or := range c.Or {
				if !slices.ContainsFunc(causes[0].Alternatives, func(a struct {
					Code string `json:"code"`
				}) bool {
					return a.Code == or
				}) {
					t.Errorf("%s, %s: %s does not name %s", set.Name, c.Scenario, c.Code, or)
				}
			}
		}
	}
}

// confusable lists the scenarios of all sets, each once.
func confusable() []string {
	var out []string
	for _, c := range scenario.Confusables() {
		for _, x := range c.Cases {
			if !slices.Contains(out, x.Scenario) {
				out = append(out, x.Scenario)
			}
		}
	}
	return out
}
