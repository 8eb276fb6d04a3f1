package main

import (
	"bytes"
	"errors"
	"io"
	"os"

	"github.com/spf13/cobra"

	"vpcdoctor/report"
	"vpcdoctor/report/nagios"
	"vpcdoctor/report/summary"
	"vpcdoctor/report/text"
)

// summaryUsage explains --summary-json the same way everywhere.
const summaryUsage = "on stdout one line of JSON, less than 2,400 bytes, for Run Command"

// show writes the report to stdout, in the form that was asked for.
func (a *app) show(r *report.Report, s *settings) error {
	if s.summaryJSON {
		return a.writeSummary(summary.New(r, s.redact))
	}
	return a.render(a.stdout, r, s.output, a.stdoutTTY, s.noColor)
}

func (a *app) writeSummary(d summary.Document) error {
	_, j := d.Within(summary.RunCommand - 2) // the newline, and less than
	_, err := a.stdout.Write(append(j, '\n'))
	return err
}

// exitCode is that of the verdict; a monitoring plugin has codes of its own.
func exitCode(r *report.Report, output string, f report.FailOn) int {
	if output == "nagios" {
		return nagios.State(r)
	}
	return r.ExitCode(f)
}

// asPlugin tells whether a command was to speak as a monitoring plugin, whose
// every end is a line on stdout and one of four codes.
func asPlugin(cmd *cobra.Command) bool {
	if cmd == nil {
		return false
	}
	f := cmd.Flag("output")
	return f != nil && f.Value.String() == "nagios"
}

// small is what stands in a file that may be a summary, else nil: whoever reads
// it as a report tells what is wrong with it.
func small(path string) []byte {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.LimitReader(f, summary.MaxBytes+1))
	if err != nil || len(b) > summary.MaxBytes || !bytes.Contains(b, []byte(`"summary"`)) {
		return nil
	}
	return b
}

// renderSummary shows a file that is a summary; done tells that it was one.
func (a *app) renderSummary(path string, s *settings) (done bool, err error) {
	d, err := summary.Read(small(path))
	switch {
	case errors.Is(err, summary.ErrNot):
		return false, nil
	case err != nil:
		return false, usagef("%s: %w", path, err)
	case s.redact:
		return false, usagef("%s is a summary: --redact needs the facts of a report", path)
	case s.summaryJSON:
		return true, a.writeSummary(d)
	case s.output == "json":
		_, err := a.stdout.Write(append(d.JSON(), '\n'))
		return true, err
	case s.output != "text":
		return false, usagef("%s is a summary, which has no form %s; want one of text, json", path, s.output)
	}
	return true, text.Summary(a.stdout, d, "Read from "+path, text.Options{Width: textWidth, Color: a.color(a.stdoutTTY, s.noColor)})
}
