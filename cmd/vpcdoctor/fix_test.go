package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vpcdoctor/report/corpus"
)

// recorded writes recorded facts of the lab as a file that a verb can read.
func recorded(t *testing.T, name string) string {
	t.Helper()
	f, err := corpus.Read("../../report/testdata/scenarios", name)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "facts.json")
	if err := os.WriteFile(path, f.Facts, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestFix runs the verb on recorded facts: the formats, one code, and what
// cannot be said in a format.
func TestFix(t *testing.T) {
	for _, c := range []struct {
		facts, args string
		code        int
		has         []string // of stdout, or of stderr when the code is not 0
	}{
		{"ssmmessages-missing", "", 0, []string{"EP-01: ", "Impact: ", "Console:", "create-vpc-endpoint", "Roll back: ", "Reachability Analyzer: ", "--format cloudformation or\n"}},
		{"ssmmessages-missing", "--format cloudformation", 0, []string{"AWSTemplateFormatVersion", "SsmmessagesEndpoint:"}},
		{"ssmmessages-missing", "--format terraform", 0, []string{"resource \"aws_vpc_endpoint\" \"ssmmessages_endpoint\""}},
		{"ssmmessages-missing", "--format cli", 0, []string{"#!/bin/sh\n", "\nset -eu\n"}},
		{"endpoint-sg-one", "--format cli --code SG-02", 0, []string{"authorize-security-group-ingress"}},
		{"agent-stopped", "--format terraform", 1, []string{"has a repair as terraform"}},
		{"agent-stopped", "", 0, []string{"On the instance:", "systemctl enable --now"}},
		{"hub-zone-missing", "", 0, []string{"in the account of the hub", "associate-vpc-with-hosted-zone"}},
	} {
		var out, errs bytes.Buffer
		a := &app{stdout: &stdout{w: &out}, stderr: &errs, getenv: func(string) string { return "" }}
		code := a.run(append([]string{"fix", recorded(t, c.facts)}, strings.Fields(c.args)...))
		text := out.String()
		if code != 0 {
			if text != "" {
				t.Errorf("%s %s: a document with exit code %d", c.facts, c.args, code)
			}
			text = errs.String()
		}
		if code != c.code {
			t.Errorf("%s %s: exit code %d, want %d: %s", c.facts, c.args, code, c.code, errs.String())
		}
		for _, x := range c.has {
			if !strings.Contains(text, x) {
				t.Errorf("%s %s: no %q in:\n%s", c.facts, c.args, x, text)
			}
		}
		for l := range strings.Lines(text) {
			if code == 0 && len(l) > 81 {
				t.Errorf("%s %s: %d columns: %s", c.facts, c.args, len(l)-1, l)
			}
		}
	}
}
