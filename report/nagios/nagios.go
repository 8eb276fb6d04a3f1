// Package nagios says a report as a monitoring plugin does: one line, then
// figures behind a bar, and an exit code of its own (Monitoring Plugins
// Development Guidelines, read 2026-11).
//
// In goes a report, out come one line of printable ASCII, at most 1,000 bytes
// because older NRPE cuts there, and a state. What could not be decided is UNKNOWN,
// never OK. The package is pure.
package nagios

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"vpcdoctor/report"
	"vpcdoctor/report/diagnose"
)

// States of a plugin, which are its exit codes.
const (
	OK       = 0
	Warning  = 1
	Critical = 2
	Unknown  = 3
)

var names = [...]string{OK: "OK", Warning: "WARNING", Critical: "CRITICAL", Unknown: "UNKNOWN"}

// State of a report. Severities decide and nothing else: a check that pages
// someone has its threshold in the monitoring system.
func State(r *report.Report) int {
	switch code := r.ExitCode(report.FailOnError); {
	case code == report.ExitFinding:
		return Critical
	case code != report.ExitOK:
		return Unknown // inconclusive, interrupted, a rule that broke
	case r.Verdict.Status == diagnose.Degraded:
		return Warning
	}
	return OK
}

// maxLine is what NRPE 2 passes on, with room for what it adds.
const maxLine = 1000

// Write writes the line.
func Write(w io.Writer, r *report.Report) error {
	state := State(r)
	line := "VPCDOCTOR " + names[state] + " - "
	lead, led := r.Verdict.Lead()
	if led {
		line += plain(string(lead.Code), 16) + " (" + plain(string(lead.Confidence), 16) + "): "
	}
	said := strings.TrimPrefix(r.Verdict.Headline, string(lead.Code)+": ")
	if said == "" {
		said = "no verdict"
	}
	line += plain(said, 400)
	if n := len(r.Verdict.Counting()); n > 1 {
		line += fmt.Sprintf(" (and %d more)", n-1)
	}
	if r.Context.Interrupted {
		line += " (interrupted)"
	}
	if !r.Context.Time.IsZero() {
		line += " [" + r.Context.Time.UTC().Format("2006-01-02 15:04 UTC") + "]" // a stored report may be old
	}
	bar := " |"
	for _, f := range figures(r) {
		if len(line)+len(bar)+1+len(f) > maxLine {
			break
		}
		bar += " " + f
	}
	_, err := io.WriteString(w, line+bar+"\n")
	return err
}

// Fault is the line for a run that gave no report.
func Fault(w io.Writer, why error) error {
	_, err := io.WriteString(w, "VPCDOCTOR UNKNOWN - "+plain(why.Error(), 400)+"\n")
	return err
}

// counted is how many causes of a severity count.
func counted(v diagnose.Verdict, s diagnose.Severity) (n int) {
	for _, c := range v.Counting() {
		if c.Severity == s {
			n++
		}
	}
	return n
}

// maxRows bounds the figures of single names.
const maxRows = 12

// figures are 'label'=value[unit];warn;crit;min, the most wanted first.
func figures(r *report.Report) []string {
	required, failed, unseen := 0, 0, 0
	for _, x := range r.Verdict.Rows {
		if !x.Required() {
			continue
		}
		required++
		switch x.Status {
		case diagnose.Fail:
			failed++
		case diagnose.Pass:
		default:
			unseen++
		}
	}
	out := []string{
		fmt.Sprintf("errors=%d;;0;0", counted(r.Verdict, diagnose.SevError)),
		fmt.Sprintf("warnings=%d;0;;0", counted(r.Verdict, diagnose.SevWarning)),
		fmt.Sprintf("required=%d;;;0", required),
		fmt.Sprintf("failed=%d;;;0;%d", failed, required),
		fmt.Sprintf("not_checked=%d;;;0;%d", unseen, required),
	}
	if t, ok := r.Took(); ok {
		out = append(out, "run="+number(t.Seconds())+"s;;;0")
	}
	if f := r.Facts; f != nil {
		if o, ok := f.ClockOffset(); ok {
			out = append(out, "clock_offset="+number(o.By.Seconds())+"s")
		}
	}
	shown := map[string]bool{}
	for _, x := range r.Verdict.Rows {
		name := label(x.ID)
		if x.Path == "proxy" {
			name += "_proxy"
		}
		if !x.Required() || shown[name] || len(shown) == maxRows {
			continue
		}
		shown[name] = true
		if x.TCP.Status == diagnose.Pass && usable(x.TCP.MS) {
			out = append(out, name+"_connect="+number(x.TCP.MS)+"ms;;;0")
		}
		if x.TLS.Status == diagnose.Pass && usable(x.TLS.MS) {
			out = append(out, name+"_tls="+number(x.TLS.MS)+"ms;;;0")
		}
	}
	return out
}

func usable(ms float64) bool { return ms > 0 && ms < 1e9 }

// number has three decimals at most.
func number(f float64) string {
	return strconv.FormatFloat(math.Round(f*1000)/1000, 'f', -1, 64)
}

// label is a name that needs no quotes.
func label(s string) string {
	b := []byte(s[:min(len(s), 40)])
	for i, c := range b {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '.') {
			b[i] = '_'
		}
	}
	if len(b) == 0 {
		return "unnamed"
	}
	return string(b)
}

// plain is a text on one line, without the bar that begins the figures.
func plain(s string, n int) string {
	cut := len(s) > n
	b := []byte(s[:min(len(s), n)])
	for i, c := range b {
		switch {
		case c == '\n' || c == '\t' || c == '\r':
			b[i] = ' '
		case c == '|':
			b[i] = '/'
		case c < ' ' || c > '~':
			b[i] = '?'
		}
	}
	if cut {
		return strings.TrimRight(string(b), " ") + "..."
	}
	return string(b)
}
