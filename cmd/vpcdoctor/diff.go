package main

import (
	"github.com/spf13/cobra"

	"vpcdoctor/report"
	"vpcdoctor/report/compare"
	"vpcdoctor/report/diagnose"
)

// diffCommand tells where two runs part.
func (a *app) diffCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "diff A B",
		Short: "Name what differs between two runs, in the order of the path",
		Long: `diff compares two runs: an instance where it works and one where it does not,
or yesterday and today. A and B are each a report, a facts file or a state
directory. Both are judged again by the rules of this program. The differences
come in the order of the path, so the first one is most often the reason.

Exit codes: 0 nothing that decides what works differs, 1 something does, 2 usage
or a file that cannot be read.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usagef("%s wants two files, got %d arguments", cmd.CommandPath(), len(args))
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if err := textOrJSON(output); err != nil {
				return err
			}
			var r [2]*report.Report
			for i, path := range args {
				stored, err := readReport(path)
				if err != nil {
					return err
				}
				r[i] = report.New(stored.Facts, diagnose.Run(stored.Facts, diagnose.Options{}), a.tool())
			}
			result := compare.Reports(r[0], r[1])
			if !result.Same {
				a.code = report.ExitFinding
			}
			if output == "json" {
				return a.writeJSON(result)
			}
			return result.Write(a.stdout)
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "text", "`text|json`")
	return cmd
}
