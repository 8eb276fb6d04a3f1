package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"vpcdoctor/report"
)

// build is what "version -o json" says: what reports say of their tool, and
// when its source was committed. Not when it was compiled, so that a build can
// be repeated.
type build struct {
	report.Tool
	Date string `json:"build_date,omitempty"`
}

func (a *app) versionCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print version, commit and build",
		Args:  noArgs,
		RunE: func(*cobra.Command, []string) error {
			b := build{a.tool(), date}
			switch output {
			case "json":
				return a.writeJSON(b)
			case "text":
				fmt.Fprintln(a.stdout, b)
				return nil
			}
			return usagef("--output %q: want one of text, json", output)
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "text", "`text|json`")
	return cmd
}

func (b build) String() string {
	s := "vpcdoctor " + b.Version
	if b.Commit != "" {
		s += " (" + b.Commit + ")"
	}
	s += " " + b.Go + " " + b.OS + "/" + b.Arch
	if b.Date != "" {
		s += ", source of " + b.Date
	}
	return s
}
