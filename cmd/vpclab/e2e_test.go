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
	"testing"

	"vpcdoctor/cmd/vpclab/scenario"
)

// seeds is how many worlds of each scenario are run; three visit all
// partitions. -short runs one.
const seeds = 3

// atOnce is how many labs run side by side. They mostly wait for time-outs.
const atOnce = 8

// TestScenarios runs the real binary in every scenario under every seed and
// compares its verdict with the expected one; then it replays the facts and
// expects the identical verdict.
func TestScenarios(t *testing.T) {
	needLab(t)
	n := uint64(seeds)
	if testing.Short() {
		n = 1
	}
	gate := make(chan struct{}, atOnce)
	for _, s := range scenario.All() {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			if s.NeedsRoot && os.Geteuid() != 0 {
				if os.Getenv("CI") == "true" {
					t.Fatal("needs root")
				}
				t.Skip("needs root")
			}
			for seed := uint64(1); seed <= n; seed++ {
				t.Run(fmt.Sprint(seed), func(t *testing.T) {
					t.Parallel()
					gate <- struct{}{}
					defer func() { <-gate }()
					runScenario(t, s, seed)
				})
			}
		})
	}
}

func runScenario(t *testing.T, s scenario.Scenario, seed uint64) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777); err != nil { // the command may run as another user
		t.Fatal(err)
	}
	r, err := checkIn(vpclabBin, doctorBin, dir, &s, seed)
	if text := judge(&s, r, err); text != "" {
		t.Errorf("%s\n%s", text, r.Stderr)
		return
	}
	if err := replays(filepath.Join(dir, factsFile), r); err != nil {
		t.Error(err)
	}
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
	return sameVerdict(string(r.Raw), string(again.Verdict))
}

// sameVerdict compares two verdicts as they are printed, and shows where they
// begin to differ.
func sameVerdict(run, replay string) error {
	a, b := strings.Split(run, "\n"), strings.Split(replay, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Errorf("line %d of the verdict is %q in the run and %q in the replay", i+1, a[i], b[i])
		}
	}
	if len(a) != len(b) {
		return fmt.Errorf("the verdict has %d lines in the run and %d in the replay", len(a), len(b))
	}
	return nil
}
