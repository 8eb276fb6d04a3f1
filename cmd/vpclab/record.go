//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"vpcdoctor/cmd/vpclab/scenario"
	"vpcdoctor/report"
	"vpcdoctor/report/corpus"
	"vpcdoctor/report/text"
)

// recordCommand runs vpcdoctor in the scenarios of the corpus and stores what
// it gathered, concluded and printed.
func recordCommand() *cobra.Command {
	var jobs int
	var doctor string
	c := &cobra.Command{
		Use:   "record DIRECTORY [SCENARIO...]",
		Short: "Record the scenario corpus, which the unit tests replay",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			path, err := filepath.Abs(doctor)
			if err != nil {
				return fmt.Errorf("finding vpcdoctor: %w", err)
			}
			list, err := chosen(args[1:])
			if err != nil {
				return err
			}
			if err := recordAll(args[0], list, jobs, path); err != nil || len(args) > 1 {
				return err
			}
			return removeOthers(args[0], list)
		},
	}
	c.Flags().IntVar(&jobs, "jobs", 8, "scenarios at the same time")
	c.Flags().StringVar(&doctor, "vpcdoctor", "bin/vpcdoctor", "the binary under test")
	return c
}

// chosen is those of the corpus with these names; without names, all of them.
func chosen(names []string) ([]scenario.InCorpus, error) {
	all := scenario.Corpus()
	if len(names) == 0 {
		return all, nil
	}
	var out []scenario.InCorpus
	for _, n := range names {
		before := len(out)
		for _, s := range all {
			if s.Name == n {
				out = append(out, s)
			}
		}
		if len(out) == before {
			return nil, fmt.Errorf("%s is not in the corpus; scenario.Corpus chooses", n)
		}
	}
	return out, nil
}

func recordAll(dir string, list []scenario.InCorpus, jobs int, doctor string) error {
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
	for i := range list {
		all.Go(func() {
			gate <- struct{}{}
			defer func() { <-gate }()
			if err := recordOne(self, doctor, dir, &list[i]); err != nil {
				faults[i] = fmt.Errorf("%s: %w", list[i].Name, err)
			}
		})
	}
	all.Wait()
	return errors.Join(faults...)
}

// recordOne stores one run, whose verdict must be the wanted one.
func recordOne(self, doctor, out string, s *scenario.InCorpus) error {
	dir, err := os.MkdirTemp("", "vpclab-record-")
	if err != nil {
		return fmt.Errorf("making a directory: %w", err)
	}
	defer os.RemoveAll(dir)
	_ = os.Chmod(dir, 0o777) // a scenario may run its command as another user
	r, err := checkIn(self, doctor, dir, &s.Scenario, 1)
	if text := judge(&s.Scenario, r, err); text != "" {
		return errors.New(text)
	}
	facts, err := os.ReadFile(filepath.Join(dir, factsFile))
	if err != nil {
		return fmt.Errorf("reading the facts: %w", err)
	}
	if strings.Contains(string(facts), dir) {
		return errors.New("the facts name a directory of this machine")
	}
	f := &corpus.File{Name: s.Name, Story: corpus.Paragraph(s.Story), Kind: string(s.Kind), Origin: corpus.Lab, Shows: s.Shows, Near: s.Near, NearOf: s.NearOf}
	if f.Facts, err = corpus.Timeless(facts); err != nil {
		return fmt.Errorf("reading the facts: %w", err)
	}
	if err := f.Judge(inWords); err != nil {
		return err
	}
	if again := outline(f.Verdict); again != outline(r.Raw) {
		return fmt.Errorf("the recording shows %s, the run %s", again, outline(r.Raw))
	}
	return f.Write(out)
}

// outline is a verdict without its words.
func outline(verdict []byte) string {
	var v struct {
		Status          string
		Causes, Effects []struct{ Code, Severity, Confidence string }
	}
	if err := json.Unmarshal(verdict, &v); err != nil {
		return err.Error()
	}
	return fmt.Sprint(v)
}

// removeOthers removes what was recorded of scenarios that the corpus no
// longer has.
func removeOthers(dir string, list []scenario.InCorpus) error {
	have := map[string]bool{}
	for _, s := range list {
		have[s.Name] = true
	}
	files, err := corpus.All(dir)
	if err != nil {
		return fmt.Errorf("reading the corpus: %w", err)
	}
	for _, f := range files {
		if f.Origin == corpus.Lab && !have[f.Name] {
			err = errors.Join(err, corpus.Remove(dir, f.Name))
		}
	}
	return err
}

func inWords(w io.Writer, r *report.Report) error { return text.Write(w, r, text.Options{}) }
