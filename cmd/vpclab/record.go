//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"vpcdoctor/cmd/vpclab/scenario"
	"vpcdoctor/probe/packed"
)

// recordCommand runs vpcdoctor in every scenario of the confusable sets and
// stores its facts, which the unit tests diagnose again.
func recordCommand() *cobra.Command {
	var jobs int
	var doctor string
	c := &cobra.Command{
		Use:   "record DIRECTORY [SCENARIO...]",
		Short: "Store the facts of the scenarios that look alike, for the unit tests",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			path, err := filepath.Abs(doctor)
			if err != nil {
				return fmt.Errorf("finding vpcdoctor: %w", err)
			}
			names := args[1:]
			if len(names) == 0 {
				names = confusable()
			}
			return recordAll(args[0], names, jobs, path)
		},
	}
	c.Flags().IntVar(&jobs, "jobs", 8, "scenarios at the same time")
	c.Flags().StringVar(&doctor, "vpcdoctor", "bin/vpcdoctor", "the binary under test")
	return c
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

func recordAll(dir string, names []string, jobs int, doctor string) error {
	list, err := selected(names)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("making the directory: %w", err)
	}
	faults := make([]error, len(list))
	gate := make(chan struct{}, jobs)
	var all sync.WaitGroup
	for i, s := range list {
		all.Go(func() {
			gate <- struct{}{}
			defer func() { <-gate }()
			if err := recordOne(self, doctor, filepath.Join(dir, s.Name+".json.gz"), &s); err != nil {
				faults[i] = fmt.Errorf("%s: %w", s.Name, err)
			}
		})
	}
	all.Wait()
	return errors.Join(faults...)
}

// recordOne stores the facts of one run, whose verdict must be the wanted one.
func recordOne(self, doctor, file string, s *scenario.Scenario) error {
	dir, err := os.MkdirTemp("", "vpclab-record-")
	if err != nil {
		return fmt.Errorf("making a directory: %w", err)
	}
	defer os.RemoveAll(dir)
	_ = os.Chmod(dir, 0o777) // a scenario may run its command as another user
	r, err := checkIn(self, doctor, dir, s, 1)
	if text := judge(s, r, err); text != "" {
		return errors.New(text)
	}
	facts, err := os.ReadFile(filepath.Join(dir, factsFile))
	if err != nil {
		return fmt.Errorf("reading the facts: %w", err)
	}
	if strings.Contains(string(facts), dir) {
		return errors.New("the facts name a directory of this machine")
	}
	small, err := pack(facts)
	if err != nil {
		return err
	}
	if err := os.WriteFile(file, small, 0o644); err != nil {
		return fmt.Errorf("writing the facts: %w", err)
	}
	return nil
}

// fine is what no rule looks at: times below a millisecond, durations below a
// hundredth of one. It is random and does not compress.
var fine = regexp.MustCompile(`(:\d\d\.\d{3})\d+(Z)|(_ms":\d+\.\d\d)\d+`)

// pack makes JSON small: without spaces and fine times, compressed.
func pack(facts []byte) ([]byte, error) {
	var compact bytes.Buffer
	if err := json.Compact(&compact, facts); err != nil {
		return nil, fmt.Errorf("reading the facts: %w", err)
	}
	out, err := packed.Pack(fine.ReplaceAll(compact.Bytes(), []byte("$1$2$3")))
	if err != nil {
		return nil, fmt.Errorf("compressing: %w", err)
	}
	return out, nil
}
