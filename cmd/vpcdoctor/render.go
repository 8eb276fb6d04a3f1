package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"vpcdoctor/report"
	"vpcdoctor/report/diagnose"
)

// formats of a report, for --output of check, diagnose and render.
var formats = []string{"text", "json", "html"}

func checkFormat(f string) error {
	if !slices.Contains(formats, f) {
		return usagef("--output %q: want one of %s", f, strings.Join(formats, ", "))
	}
	return nil
}

// renderCommand shows a stored report in another form. It does not judge: the
// verdict is the stored one, and the exit code only tells whether it was shown.
func (a *app) renderCommand() *cobra.Command {
	var output string
	var noColor, hide bool
	cmd := &cobra.Command{
		Use:   "render FILE",
		Short: "Show a stored report as a page (HTML), text or JSON",
		Long: `render reads a report, a facts file or a state directory and writes it as text,
JSON, or one self-contained HTML page that needs no network and no script. The
stored verdict is kept (vpcdoctor diagnose judges again); facts alone, which
have none, are judged. The exit code is 0 whatever the verdict says.`,
		Args: exactlyOne("file"),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := checkFormat(output); err != nil {
				return err
			}
			r, err := a.stored(args[0])
			if err != nil {
				return err
			}
			if r, err = redacted(r, hide); err != nil {
				return err
			}
			return a.render(a.stdout, r, output, a.stdoutTTY, noColor)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&output, "output", "o", "text", "report as `text|json|html`")
	f.BoolVar(&hide, "redact", false, redactUsage)
	f.BoolVar(&noColor, "no-color", false, "no colour on a terminal")
	return cmd
}

// stored reads a file and judges it when nobody has.
func (a *app) stored(path string) (*report.Report, error) {
	r, err := readReport(path)
	if err != nil || r.Verdict.Status != "" {
		return r, err
	}
	return report.New(r.Facts, diagnose.Run(r.Facts, diagnose.Options{}), a.tool()), nil
}
