//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"vpcdoctor/cmd/vpclab/scenario"
)

// seeds is how many worlds of each scenario are run; three visit all
// partitions. -short runs one.
const seeds = 3

// atOnce is how many labs run side by side. They mostly wait for time-outs.
const atOnce = 8

// firstRuns are the results of the runs under seed 1, by scenario.
var firstRuns sync.Map

// TestScenarios runs the real binary in every scenario under every seed and
// compares its verdict with the expected one; then it replays the facts of the
// first seed and expects the identical verdict.
//
// The runs are started by hand and not as parallel subtests: go test runs as
// many of those as there are processors, and these wait most of their time.
func TestScenarios(t *testing.T) {
	needLab(t)
	n, all := uint64(seeds), scenario.All()
	if testing.Short() {
		n, all = 1, someOf(all)
	}
	dir := t.TempDir()
	gate := make(chan struct{}, atOnce)
	faults := map[string][]chan string{} // of each seed; empty when all is well
	for _, s := range all {
		if s.NeedsRoot && os.Geteuid() != 0 {
			continue
		}
		for seed := uint64(1); seed <= n; seed++ {
			done := make(chan string, 1)
			faults[s.Name] = append(faults[s.Name], done)
			go func() {
				gate <- struct{}{}
				defer func() { <-gate }()
				done <- runScenario(filepath.Join(dir, fmt.Sprint(s.Name, "-", seed)), s, seed)
			}()
		}
	}
	for _, s := range all {
		t.Run(s.Name, func(t *testing.T) {
			if s.NeedsRoot && os.Geteuid() != 0 {
				if os.Getenv("CI") == "true" {
					t.Fatal("needs root")
				}
				t.Skip("needs root")
			}
			for i, done := range faults[s.Name] {
				if text := <-done; text != "" {
					t.Errorf("seed %d: %s", i+1, text)
				}
			}
		})
	}
}

// someOf is every sixteenth scenario: under the race detector it is the test
// itself that is looked at, since the programs it runs are built without.
func someOf(all []scenario.Scenario) []scenario.Scenario {
	var out []scenario.Scenario
	for i := 0; i < len(all); i += 16 {
		out = append(out, all[i])
	}
	return out
}

// runScenario says what is wrong with one run, in a directory of its own.
func runScenario(dir string, s scenario.Scenario, seed uint64) string {
	if err := os.Mkdir(dir, 0o777); err != nil {
		return err.Error()
	}
	if err := os.Chmod(dir, 0o777); err != nil { // the command may run as another user
		return err.Error()
	}
	r, err := checkIn(vpclabBin, doctorBin, dir, &s, seed)
	if seed == 1 && err == nil {
		firstRuns.Store(s.Name, r)
	}
	if text := judge(&s, r, err); text != "" {
		return text + "\n" + r.Stderr
	}
	if seed > 1 {
		return "" // a replay has nothing to do with where the facts are from
	}
	if err := replays(filepath.Join(dir, factsFile), r); err != nil {
		return err.Error()
	}
	return ""
}

// replays diagnoses stored facts again and compares the verdicts.
func replays(facts string, r result) error {
	cmd := exec.Command(doctorBin, "diagnose", facts, "-o", "json")
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return fmt.Errorf("replaying: %w", err)
	}
	if code := cmd.ProcessState.ExitCode(); code != r.Exit {
		return fmt.Errorf("the replay ends with %d, the run with %d", code, r.Exit)
	}
	var again struct {
		Verdict json.RawMessage `json:"verdict"`
	}
	if err := json.Unmarshal(out, &again); err != nil {
		return fmt.Errorf("reading the replayed report: %w", err)
	}
	text, err := exec.Command(doctorBin, "diagnose", facts).Output()
	if err != nil && !errors.As(err, &exit) {
		return fmt.Errorf("replaying as text: %w", err)
	}
	return errors.Join(fitsSchema(r.Report), fitsSchema(out), same("verdict", string(r.Raw), string(again.Verdict)), same("text", r.Text, string(text)))
}

// same compares what a run printed with what its replay prints, and shows where
// they begin to differ.
func same(what, run, replay string) error {
	a, b := strings.Split(run, "\n"), strings.Split(replay, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Errorf("line %d of the %s is %q in the run and %q in the replay", i+1, what, a[i], b[i])
		}
	}
	if len(a) != len(b) {
		return fmt.Errorf("the %s has %d lines in the run and %d in the replay", what, len(a), len(b))
	}
	return nil
}
