package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"vpcdoctor/report/text"
)

// Help is read on a serial console too: 80 columns, flags by what they are
// about. It is a function and no template: those keep every method of the AWS
// SDK in the binary (golang/go 72895).

// flagGroups puts the flags of check in the order of a reader's questions.
var flagGroups = []struct {
	title string
	flags []string
}{
	{"What to look at", []string{
		"profile", "service", "endpoint", "auto", "all", "dial-public", "rehearse", "session-kms-key", "session-bucket",
		"session-log-group", "output-bucket", "output-log-group", "agent-channel", "idle",
	}},
	{"How, and how much", []string{
		"region", "resolver", "ca-bundle", "reference-roots", "catalog", "budget", "timeout", "no-controls", "no-signed", "plan",
	}},
	{"What to make of it", []string{"expect", "require-private", "require-agent", "fail-on", "ignore"}},
	{"Again, and later", []string{"wait", "watch", "jitter", "state-dir", "since-last"}},
	{"The report", []string{"output", "output-file", "summary-json", "facts", "redact", "no-color"}},
	{"Where it goes", []string{
		"to", "require-delivery", "delivery-timeout", "console", "console-full", "log-group", "log-stream",
		"log-stream-shards", "create-log-group", "logs-endpoint", "metrics", "s3", "s3-owner", "credentials",
	}},
	{"This program", []string{"config", "log-level", "help"}},
}

// usage is the help of a verb, below what it is for.
func usage(c *cobra.Command) error {
	var b strings.Builder
	b.WriteString("Usage:\n")
	if c.HasSubCommands() {
		writeVerbs(&b, c)
	} else {
		fmt.Fprintf(&b, "  %s\n", c.UseLine())
	}
	switch {
	case c.HasSubCommands():
		fmt.Fprintf(&b, "\nFlags: those of \"%s check --help\".\n", c.Name())
	case c.Name() == "check":
		for _, g := range flagGroups {
			writeFlags(&b, g.title, c.Flags(), g.flags)
		}
	case c.HasAvailableFlags():
		var names []string
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden {
				names = append(names, f.Name)
			}
		})
		writeFlags(&b, "Flags", c.Flags(), names)
	}
	_, err := io.WriteString(c.OutOrStdout(), b.String())
	return err
}

func writeVerbs(b *strings.Builder, c *cobra.Command) {
	fmt.Fprintf(b, "  %s [flags]\n  %s VERB [flags]\n\nVerbs (\"%s VERB --help\" tells more):\n", c.Name(), c.Name(), c.Name())
	for _, sub := range c.Commands() {
		if listed(sub) {
			entry(b, verbColumn, "  "+sub.Name(), sub.Short)
		}
	}
}

func writeFlags(b *strings.Builder, title string, set *pflag.FlagSet, names []string) {
	fmt.Fprintf(b, "\n%s:\n", title)
	for _, n := range names {
		f := set.Lookup(n)
		if f == nil {
			continue
		}
		value, about := pflag.UnquoteUsage(f)
		left := "      --" + f.Name
		if f.Shorthand != "" {
			left = "  -" + f.Shorthand + ", --" + f.Name
		}
		switch {
		case value == "strings":
			left += " LIST"
		case value == "duration":
			left += " DURATION"
		case value == "string":
			left += " TEXT"
		case strings.ContainsRune(value, '|') && strings.Contains(about, value):
			left += " WORD" // the words stand in the text
		case value != "":
			left += " " + value
		}
		if d := strings.Trim(f.DefValue, "[]"); d != "" && d != "false" && d != "0" && d != "0s" {
			about += " (default " + d + ")"
		}
		entry(b, flagColumn, left, about)
	}
}

// Where explanations begin.
const (
	verbColumn = 18
	flagColumn = 30
)

// entry writes a term with its explanation beside it, or below it when the term
// is long.
func entry(b *strings.Builder, column int, term, about string) {
	if len(term)+2 > column {
		b.WriteString(term + "\n")
		term = ""
	}
	for _, line := range text.Wrap(fmt.Sprintf("%-*s", column, term), about, textWidth, column) {
		b.WriteString(line + "\n")
	}
}
