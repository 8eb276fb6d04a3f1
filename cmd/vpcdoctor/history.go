package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"vpcdoctor/report/history"
	"vpcdoctor/report/state"
	"vpcdoctor/report/text"
)

// defaultStateDir is where the packaged unit keeps its state.
const defaultStateDir = "/var/lib/vpcdoctor"

// historyCommand tells when it became what it is.
func (a *app) historyCommand() *cobra.Command {
	var output string
	var noColor bool
	cmd := &cobra.Command{
		Use:   "history [DIR]",
		Short: "Tell what changed from run to run, and when",
		Long: `history reads the state directory of check --state-dir and tells what changed
and when: the verdict, causes that came and went, required names that lead to
another place or stopped working, what stands since when, and what flaps. Runs
are compared with the run before them that was asked the same. Without DIR it is
` + defaultStateDir + `, the one of the packaged timer. It changes nothing.`,
		Args: atMostOne("state directory"),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := textOrJSON(output); err != nil {
				return err
			}
			path := defaultStateDir
			if len(args) > 0 {
				path = args[0]
			}
			return a.history(path, output, noColor)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&output, "output", "o", "text", "`text|json`")
	f.BoolVar(&noColor, "no-color", false, "no colour on a terminal")
	return cmd
}

func (a *app) history(path, output string, noColor bool) error {
	dir, err := state.Look(path)
	if err != nil {
		return usageError{err}
	}
	defer func() { _ = dir.Close() }()
	runs, err := dir.History()
	if err != nil {
		return usageError{err}
	}
	shelves, err := dir.Shelves()
	if err != nil {
		a.complain(err)
	}
	for _, n := range dir.Notes() {
		a.note(n)
	}
	if len(runs) == 0 {
		return usagef("%s holds no history: vpcdoctor check --state-dir writes it", path)
	}
	sum := history.Sum(runs)
	if output == "json" {
		return a.writeJSON(struct {
			history.Summary
			Spool []state.Shelf `json:"spool,omitempty"`
		}{sum, shelves})
	}
	_, err = io.WriteString(a.stdout, text.History(sum, waiting(shelves), text.Options{Width: textWidth, Color: a.color(a.stdoutTTY, noColor)}))
	return err
}

// waiting says what stands in the spools.
func waiting(shelves []state.Shelf) []string {
	var out []string
	for _, s := range shelves {
		line := fmt.Sprintf("%s: %s for delivery", s.Sink, count(s.Waiting, "report waits", "reports wait"))
		if s.Expired > 0 {
			line += fmt.Sprintf(", %d became too old for it", s.Expired)
		}
		if s.Rejected > 0 {
			line += fmt.Sprintf(", %d were refused for good", s.Rejected)
		}
		out = append(out, line+".")
	}
	return out
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func atMostOne(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > 1 {
			return usagef("%s wants at most one %s, got %d arguments", cmd.CommandPath(), what, len(args))
		}
		return nil
	}
}
