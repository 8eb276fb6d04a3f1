//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"vpcdoctor/cmd/vpclab/scenario"
)

// verifyCommand runs vpcdoctor in scenarios and compares its verdict with the
// expected one: the tests' work, for people at a terminal.
func verifyCommand(code *int) *cobra.Command {
	var seeds uint64
	var jobs int
	var doctor string
	c := &cobra.Command{
		Use:   "verify [SCENARIO...]",
		Short: "Run vpcdoctor in scenarios and compare the verdicts",
		RunE: func(_ *cobra.Command, names []string) error {
			list, err := selected(names)
			if err != nil {
				return err
			}
			path, err := filepath.Abs(doctor)
			if err != nil {
				return fmt.Errorf("finding vpcdoctor: %w", err)
			}
			if failed := verifyAll(list, seeds, jobs, path); failed > 0 {
				*code = 1
			}
			return nil
		},
	}
	c.Flags().Uint64Var(&seeds, "seeds", 3, "seeds per scenario")
	c.Flags().IntVar(&jobs, "jobs", 8, "scenarios at the same time")
	c.Flags().StringVar(&doctor, "vpcdoctor", "bin/vpcdoctor", "the binary under test")
	return c
}

func selected(names []string) ([]scenario.Scenario, error) {
	if len(names) == 0 {
		return scenario.All(), nil
	}
	var out []scenario.Scenario
	for _, n := range names {
		s, err := scenario.Find(n)
		if err != nil {
			return nil, err
		}
		out = append(out, *s)
	}
	return out, nil
}

func verifyAll(list []scenario.Scenario, seeds uint64, jobs int, doctor string) int {
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	type one struct {
		s    scenario.Scenario
		seed uint64
		text string
	}
	var runs []*one
	for _, s := range list {
		for n := range seeds {
			runs = append(runs, &one{s: s, seed: n + 1})
		}
	}
	gate := make(chan struct{}, jobs)
	var all sync.WaitGroup
	for _, r := range runs {
		all.Go(func() {
			gate <- struct{}{}
			defer func() { <-gate }()
			dir, err := os.MkdirTemp("", "vpclab-verify-")
			if err != nil {
				r.text = err.Error()
				return
			}
			defer os.RemoveAll(dir)
			_ = os.Chmod(dir, 0o777) // a scenario may run its command as another user
			v, err := checkIn(self, doctor, dir, &r.s, r.seed)
			word := "ok"
			if r.text = judge(&r.s, v, err); r.text != "" {
				word = "FAIL"
			}
			fmt.Printf("%-5s %-24s seed %d  %4d ms  %s\n", word, r.s.Name, r.seed, v.Took.Milliseconds(), r.text)
		})
	}
	all.Wait()
	failed := 0
	for _, r := range runs {
		if r.text != "" {
			failed++
		}
	}
	fmt.Printf("%d runs, %d failed\n", len(runs), failed)
	return failed
}

// result is what the comparison reads of one run.
type result struct {
	Exit    int
	Stderr  string
	Took    time.Duration
	Text    string          // the report as it was printed
	Report  []byte          // the same as JSON
	Raw     json.RawMessage // the verdict in it
	Verdict struct {
		Status   string    `json:"status"`
		Headline string    `json:"headline"`
		Causes   []finding `json:"causes"`
		Effects  []finding `json:"effects"`
	}
}

// finding is one cause, as far as it is compared.
type finding struct {
	Code         string `json:"code"`
	Severity     string `json:"severity"`
	Summary      string `json:"summary"`
	Alternatives []struct {
		Code string `json:"code"`
	} `json:"alternatives"`
}

// factsFile is where a run leaves its facts, in its directory.
const factsFile = "facts.json"

// reportFile is where it leaves the report as JSON.
const reportFile = "state/last-report.json"

// checkIn runs `vpcdoctor check` in a scenario, in a directory of its
// own.
func checkIn(vpclab, doctor, dir string, s *scenario.Scenario, seed uint64) (result, error) {
	args := []string{"run", s.Name, "--seed", strconv.FormatUint(seed, 10), "--", doctor, "check", "--facts", factsFile, "--state-dir", filepath.Dir(reportFile)}
	cmd := exec.Command(vpclab, append(args, s.Args...)...)
	cmd.Dir = dir
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	start := time.Now()
	err := cmd.Run()
	r := result{Took: time.Since(start), Stderr: errs.String(), Text: out.String()}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return r, fmt.Errorf("running vpclab: %w", err)
	}
	r.Exit = cmd.ProcessState.ExitCode()
	var report struct {
		Verdict json.RawMessage `json:"verdict"`
	}
	r.Report, err = os.ReadFile(filepath.Join(dir, reportFile))
	if err == nil {
		err = json.Unmarshal(r.Report, &report)
	}
	if err != nil {
		return r, fmt.Errorf("exit %d, no report: %w: %s", r.Exit, err, firstLine(errs.String()+out.String()))
	}
	r.Raw = report.Verdict
	if err := json.Unmarshal(r.Raw, &r.Verdict); err != nil {
		return r, fmt.Errorf("reading the verdict: %w", err)
	}
	return r, nil
}

// judge compares a verdict with the expected one; empty when they agree.
func judge(s *scenario.Scenario, r result, err error) string {
	if err != nil {
		return err.Error()
	}
	var wrong []string
	add := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	w := s.Want
	got := r.Verdict
	if w.Status != "" && got.Status != w.Status {
		add("status %s, want %s", got.Status, w.Status)
	}
	if w.Status != "" && r.Exit != w.Exit {
		add("exit %d, want %d", r.Exit, w.Exit)
	}
	var codes, seen []string
	for _, f := range got.Causes {
		codes = append(codes, f.Code+"/"+f.Severity)
		seen = append(seen, f.Code)
		for _, a := range f.Alternatives {
			seen = append(seen, a.Code)
		}
		if slices.Contains(w.Never, f.Code) {
			add("%s must not fire", f.Code)
		}
		if s.Kind == scenario.Healthy && f.Severity != "info" {
			add("%s (%s) in a healthy world", f.Code, f.Severity)
		}
	}
	if len(w.Codes) > 0 && (len(got.Causes) == 0 || !slices.Contains(w.Codes, got.Causes[0].Code)) {
		add("first cause is not %s", strings.Join(w.Codes, " or "))
	}
	for _, f := range got.Effects {
		seen = append(seen, f.Code)
	}
	for _, c := range w.Also {
		if !slices.Contains(seen, c) {
			add("%s is neither cause nor effect nor alternative", c)
		}
	}
	if len(wrong) == 0 {
		return ""
	}
	return fmt.Sprintf("%s; causes %v: %s", strings.Join(wrong, "; "), codes, got.Headline)
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), "\n")
	return s
}
