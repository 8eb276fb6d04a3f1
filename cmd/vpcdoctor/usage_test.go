package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func helpOf(t *testing.T, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	a := &app{stdout: &stdout{w: &out}, stderr: &out, getenv: func(string) string { return "" }}
	if code := a.run(append(args, "--help")); code != 0 {
		t.Fatalf("%v --help: exit %d, %s", args, code, out.String())
	}
	return out.String()
}

// Help fits a serial console, for every verb.
func TestHelpFits(t *testing.T) {
	var walk func(c *cobra.Command, args []string)
	walk = func(c *cobra.Command, args []string) {
		text := helpOf(t, args...)
		for line := range strings.Lines(text) {
			if n := len(strings.TrimRight(line, "\n")); n > textWidth {
				t.Errorf("%v: %d columns: %s", args, n, line)
			}
		}
		if !strings.Contains(text, "Usage:\n  vpcdoctor") {
			t.Errorf("%v: no usage in %s", args, text)
		}
		for _, sub := range c.Commands() {
			if listed(sub) {
				walk(sub, append(args, sub.Name()))
			}
		}
	}
	walk((&app{stdout: &stdout{w: new(bytes.Buffer)}}).rootCommand(), nil)
}

// Every flag of check stands in one group, and no group has another.
func TestFlagGroups(t *testing.T) {
	check := (&app{stdout: &stdout{w: new(bytes.Buffer)}}).checkCommand()
	check.InitDefaultHelpFlag()
	seen := map[string]bool{}
	for _, g := range flagGroups {
		for _, f := range g.flags {
			if seen[f] || check.Flags().Lookup(f) == nil {
				t.Errorf("group %q: flag %s is elsewhere too, or does not exist", g.title, f)
			}
			seen[f] = true
		}
	}
	check.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden && !seen[f.Name] {
			t.Errorf("flag %s is in no group", f.Name)
		}
	})
	text := helpOf(t, "check")
	for f := range seen {
		if !strings.Contains(text, "--"+f) {
			t.Errorf("help does not show %s", f)
		}
	}
}
