package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func (a *app) versionCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print version, commit and build",
		Args:  noArgs,
		RunE: func(*cobra.Command, []string) error {
			t := a.tool()
			switch output {
			case "json":
				return a.writeJSON(t)
			case "text":
				fmt.Fprintf(a.stdout, "vpcdoctor %s", t.Version)
				if t.Commit != "" {
					fmt.Fprintf(a.stdout, " (%s)", t.Commit)
				}
				fmt.Fprintf(a.stdout, " %s %s/%s\n", t.Go, t.OS, t.Arch)
			default:
				return usagef("--output %q: want one of text, json", output)
			}
			return nil
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "text", "`text|json`")
	return cmd
}
