package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

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
}

func openOutputs(s *settings) (*outputs, error) {
	o := &outputs{}
	if err := o.open(s); err != nil {
		o.discard() // leave nothing half made behind
		return nil, usageError{err}
	}
	return o, nil
}

// discard gives up the files that were prepared.
func (o *outputs) discard() {
	for _, f := range []*outFile{o.report, o.facts} {
		f.discard()
	}
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
	o.facts, err = openOut(s.factsFile)
	return err
}

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
	return a.screen(tty) && !off && a.getenv("NO_COLOR") == ""
}

// screen tells whether a terminal understands more than text.
func (a *app) screen(tty bool) bool {
	term := a.getenv("TERM")
	return tty && term != "" && term != "dumb"
}
