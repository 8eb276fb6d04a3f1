package text

import (
	"io"

	"vpcdoctor/report"
)

// Columns of the output: what a serial console or an e-mail shows for sure,
// and what a wide terminal may get before lines become hard to read.
const (
	defaultWidth = 80
	minWidth     = 60
	maxWidth     = 120
)

// Options of the rendering. The zero value is 80 columns without colour.
type Options struct {
	Width int  // columns; 0 means 80
	Color bool // SGR sequences; for terminals only
}

// Write renders the report. The only errors are those of w.
func Write(w io.Writer, r *report.Report, o Options) error {
	p := newPage(o)
	firstScreen(p, r)
	changed(p, r.Changes)
	furtherCauses(p, r)
	effects(p, r.Verdict.Effects)
	rows(p, r)
	items(p, r)
	templates(p, r)
	innocent(p, r.Verdict.Innocent)
	notChecked(p, r)
	thisRun(p, r)
	ending(p, r)
	_, err := io.WriteString(w, p.b.String())
	return err
}
