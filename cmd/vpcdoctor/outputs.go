package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"go.uber.org/zap"

	"vpcdoctor/report"
	"vpcdoctor/report/html"
	"vpcdoctor/report/junit"
	"vpcdoctor/report/nagios"
	"vpcdoctor/report/prometheus"
	"vpcdoctor/report/text"
)

// outputs are the files a run will write. They are opened before the run, so
// that a bad path is told at once and not after ten seconds of an incident.
type outputs struct {
	report *outFile
	facts  *outFile
	state  *outFile
}

func openOutputs(s *settings) (*outputs, error) {
	o := &outputs{}
	if err := o.open(s); err != nil {
		for _, f := range []*outFile{o.report, o.facts, o.state} {
			f.discard() // leave nothing half made behind
		}
		return nil, usageError{err}
	}
	return o, nil
}

func (o *outputs) open(s *settings) (err error) {
	if o.report, err = openOut(s.outputFile); err != nil {
		return err
	}
	if o.report != nil && s.output == "prometheus" {
		if err := o.report.tmp.Chmod(metricsMode); err != nil {
			return fmt.Errorf("output %s: %w", s.outputFile, err)
		}
	}
	if o.facts, err = openOut(s.factsFile); err != nil {
		return err
	}
	if s.stateDir == "" {
		return nil
	}
	if err = os.MkdirAll(s.stateDir, 0o700); err != nil {
		return fmt.Errorf("state directory: %w", err)
	}
	o.state, err = openOut(filepath.Join(s.stateDir, stateFile))
	return err
}

// stateFile is the last report in the state directory. diagnose reads it when
// it is given the directory.
const stateFile = "last-report.json"

// outFile is a file that appears under its name only when it is complete:
// written beside it, flushed to disk, then renamed. A symbolic link under the
// name is replaced, never followed.
type outFile struct {
	path string
	tmp  *os.File
}

// openOut prepares a file of mode 0600; an empty path gives nil.
func openOut(path string) (*outFile, error) {
	if path == "" {
		return nil, nil
	}
	if fi, err := os.Lstat(path); err == nil && !fi.Mode().IsRegular() && fi.Mode()&os.ModeSymlink == 0 {
		return nil, fmt.Errorf("output %s: not a regular file", path)
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".vpcdoctor-*") // CreateTemp makes it 0600
	if err != nil {
		return nil, fmt.Errorf("output %s: %w", path, err)
	}
	return &outFile{path: path, tmp: tmp}, nil
}

// metricsMode is that of a file of metrics: the exporter that collects it runs
// as another user, and no account, address or role is in it.
const metricsMode = 0o644

// write fills the file and moves it into place.
func (f *outFile) write(fill func(io.Writer) error) error {
	if f == nil {
		return nil
	}
	err := errors.Join(fill(f.tmp), f.tmp.Sync(), f.tmp.Close())
	if err == nil {
		err = os.Rename(f.tmp.Name(), f.path)
	}
	if err != nil {
		_ = os.Remove(f.tmp.Name())
		return fmt.Errorf("output %s: %w", f.path, err)
	}
	return nil
}

// discard gives up a file that was prepared.
func (f *outFile) discard() {
	if f != nil {
		_ = f.tmp.Close()
		_ = os.Remove(f.tmp.Name())
	}
}

// deliver writes the files, then stdout. A failed file is reported on stderr
// and does not change the exit code: the verdict stands, wherever it could be
// written.
func (a *app) deliver(r *report.Report, s *settings, o *outputs, log *zap.Logger) error {
	shown, err := redacted(r, s.redact)
	if err != nil {
		return err
	}
	say := func(w io.Writer) error { return a.render(w, shown, s.output, false, s.noColor) }
	for _, f := range []struct {
		file *outFile
		fill func(io.Writer) error
	}{
		{o.report, say},
		{o.facts, func(w io.Writer) error { return report.WriteFacts(w, shown.Facts) }},
		{o.state, r.WriteJSON}, // stays on this host, and is compared with the next run
	} {
		if err := f.file.write(f.fill); err != nil {
			a.complain(err)
		} else if f.file != nil {
			log.Info("written", zap.String("file", f.file.path))
		}
	}
	return a.show(shown, s)
}

// render writes the report in the chosen form.
func (a *app) render(w io.Writer, r *report.Report, format string, tty, noColor bool) error {
	switch format {
	case "json":
		return r.WriteJSON(w)
	case "html":
		return html.Write(w, r)
	case "junit":
		return junit.Write(w, r)
	case "nagios":
		return nagios.Write(w, r)
	case "prometheus":
		return prometheus.Write(w, r)
	}
	return text.Write(w, r, text.Options{Width: textWidth, Color: a.color(tty, noColor)})
}

// textWidth holds on a serial console and in a ticket alike.
const textWidth = 80

// color is on only for a terminal that did not decline it (no-color.org).
func (a *app) color(tty, off bool) bool {
	term := a.getenv("TERM")
	return tty && !off && a.getenv("NO_COLOR") == "" && term != "" && term != "dumb"
}
