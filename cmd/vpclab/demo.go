//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"vpcdoctor/cmd/vpclab/lab"
	"vpcdoctor/cmd/vpclab/scenario"
)

// demoCommand replays the article's experiment: four stages, four reports,
// each held against the verdict it must have.
func demoCommand() *cobra.Command {
	var doctor string
	c := &cobra.Command{
		Use:   "demo",
		Short: "Replay the article's experiment in cn-northwest-1: four stages, four reports",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			path, err := built(doctor)
			if err != nil {
				return err
			}
			return demo(path)
		},
	}
	c.Flags().StringVar(&doctor, "vpcdoctor", "bin/vpcdoctor", "the built `BINARY`")
	return c
}

// built is the absolute path of a binary that exists.
func built(binary string) (string, error) {
	path, err := filepath.Abs(binary)
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("no binary under test: %w (make build makes it)", err)
	}
	return path, nil
}

func demo(doctor string) error {
	dir, err := os.MkdirTemp("", "vpclab-demo-")
	if err != nil {
		return fmt.Errorf("making a directory for the reports: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	var faults []error
	for _, s := range scenario.Article() {
		fmt.Printf("%s\n(%s) %s\n%s\n\n", strings.Repeat("=", 78), s.Name, s.Story, strings.Repeat("=", 78))
		file := "report-" + s.Name + ".json"
		args := []string{doctor, "check", "--state-dir", filepath.Join(dir, s.Name)}
		code, err := lab.Run(s.World, lab.Command{Args: args, Dir: dir, Env: os.Environ()}, 1)
		if err != nil {
			return err
		}
		if err := expect(filepath.Join(dir, s.Name, "last-report.json"), code, s.Want); err != nil {
			faults = append(faults, fmt.Errorf("stage %s (%s): %w", s.Name, file, err))
		}
		fmt.Println()
	}
	if len(faults) > 0 {
		return errors.Join(faults...)
	}
	fmt.Printf("%s\nAll four stages have the verdict they must have.\n", strings.Repeat("=", 78))
	return nil
}

// expect holds a stored JSON report and an exit code against what is wanted.
func expect(path string, code int, want scenario.Want) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var r struct {
		Verdict struct {
			Status string
			Causes []struct{ Code string }
		}
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return err
	}
	var codes []string
	for _, c := range r.Verdict.Causes {
		codes = append(codes, c.Code)
	}
	return want.Check(r.Verdict.Status, codes, code)
}
