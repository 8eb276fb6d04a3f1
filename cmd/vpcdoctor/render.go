package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"vpcdoctor/report"
	"vpcdoctor/report/diagnose"
	"vpcdoctor/report/nagios"
)

// formats of a report, for --output of check, diagnose and render.
var formats = []string{"text", "json", "html", "junit", "nagios", "prometheus"}

// formatUsage explains --output the same way everywhere.
const formatUsage = "report as `text|json|html|junit|nagios|prometheus`"

func checkFormat(f string) error {
	if !slices.Contains(formats, f) {
		return usagef("--output %q: want one of %s", f, strings.Join(formats, ", "))
	}
	return nil
}

// checkOutput refuses forms that there are not, and two at once where only one
// can be.
func (s *settings) checkOutput() error {
	if err := checkFormat(s.output); err != nil {
		return err
	}
	return s.checkSummary()
}

func (s *settings) checkSummary() error {
	if s.summaryJSON && s.output == "nagios" {
		return usagef("--summary-json contradicts --output nagios")
	}
	return nil
}

// textOrJSON checks --output of the verbs that show no report.
func textOrJSON(f string) error {
	if f != "text" && f != "json" {
		return usagef("--output %q: want one of text, json", f)
	}
	return nil
}

// renderCommand shows a stored report in another form. It does not judge: the
// verdict is the stored one, and the exit code only tells whether it was shown.
func (a *app) renderCommand() *cobra.Command {
	var s settings
	cmd := &cobra.Command{
		Use:   "render FILE",
		Short: "Show a stored report as a page (HTML), text, JSON, for monitoring",
		Long: `render reads a report, a facts file or a state directory and writes it as text,
JSON, one self-contained HTML page that needs no network and no script, JUnit
XML, the line of a monitoring plugin, or metrics. The stored verdict is kept
(vpcdoctor diagnose judges again); facts alone, which have none, are judged. A
summary (--summary-json, console-decode -o json) is shown as text or JSON.

The exit code is 0 whatever the verdict says, with -o nagios that of a plugin: 0
OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.`,
		Args: exactlyOne("file"),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := s.checkOutput(); err != nil {
				return err
			}
			if done, err := a.renderSummary(args[0], &s); done || err != nil {
				return err
			}
			r, err := a.stored(args[0])
			if err != nil {
				return err
			}
			if s.output == "nagios" {
				a.code = nagios.State(r)
			}
			if r, err = redacted(r, s.redact); err != nil {
				return err
			}
			return a.show(r, &s)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&s.output, "output", "o", "text", formatUsage)
	f.BoolVar(&s.summaryJSON, "summary-json", false, summaryUsage)
	f.BoolVar(&s.redact, "redact", false, redactUsage)
	f.BoolVar(&s.noColor, "no-color", false, "no colour on a terminal")
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
