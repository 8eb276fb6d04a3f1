package main

import (
	"bufio"
	"errors"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"vpcdoctor/report"
	"vpcdoctor/report/diagnose"
	"vpcdoctor/report/state"
)

// diagnoseCommand judges recorded facts again, without any network.
func (a *app) diagnoseCommand() *cobra.Command {
	var s settings
	cmd := &cobra.Command{
		Use:   "diagnose FILE",
		Short: "Judge recorded facts or a report again, without network",
		Long: `diagnose reads a file written by check --facts, a JSON report, or a state
directory, and gives the verdict on the facts in it. It sends nothing and works
on any machine.`,
		Args: exactlyOne("file"),
		RunE: func(_ *cobra.Command, args []string) error {
			return a.replay(args[0], &s)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&s.output, "output", "o", "text", formatUsage)
	f.BoolVar(&s.summaryJSON, "summary-json", false, summaryUsage)
	f.StringVar(&s.failOn, "fail-on", "error", "exit 1 from this severity on: `error|warning|never`")
	f.StringSliceVar(&s.ignore, "ignore", nil, "accepted finding `CODE`s")
	f.BoolVar(&s.redact, "redact", false, redactUsage)
	f.BoolVar(&s.noColor, "no-color", false, "no colour on a terminal")
	return cmd
}

func (a *app) replay(path string, s *settings) error {
	if err := s.checkOutput(); err != nil {
		return err
	}
	failOn, err := report.ParseFailOn(s.failOn)
	if err != nil {
		return usageError{err}
	}
	ignore, err := ignoredCodes(s.ignore)
	if err != nil {
		return err
	}
	stored, err := readReport(path)
	if err != nil {
		return err
	}
	if len(ignore) == 0 {
		for _, c := range stored.Facts.Run.Ignored {
			ignore = append(ignore, diagnose.Code(c))
		}
	}
	v := diagnose.Run(stored.Facts, diagnose.Options{Ignore: ignore})
	r := report.New(stored.Facts, v, a.tool())
	a.code = exitCode(r, s.output, failOn)
	if r, err = redacted(r, s.redact); err != nil {
		return err
	}
	return a.show(r, s)
}

// cannotRead is the error for a file that the user named.
func cannotRead(path string, err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	return usagef("cannot read %s: %w", path, err)
}

// readReport reads a report, a facts file, one of the packed reports of a state
// directory, or the last report of such a directory.
func readReport(path string) (*report.Report, error) {
	if fi, err := os.Stat(path); err == nil && fi.IsDir() {
		return lastReport(path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, cannotRead(path, err)
	}
	defer func() { _ = f.Close() }()
	b := bufio.NewReader(f)
	read := report.Read
	if start, err := b.Peek(len(packed)); err == nil && string(start) == packed {
		read = state.Unpack
	}
	r, err := read(b)
	if err != nil {
		return nil, usagef("%s: %w", path, err)
	}
	return r, nil
}

// packed is how a gzip file starts (RFC 1952).
const packed = "\x1f\x8b"

func lastReport(path string) (*report.Report, error) {
	dir, err := state.Look(path)
	if err != nil {
		return nil, usageError{err}
	}
	defer func() { _ = dir.Close() }()
	r, err := dir.Last()
	if err != nil {
		return nil, usagef("cannot read %w", err)
	}
	return r, nil
}
