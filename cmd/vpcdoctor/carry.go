package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"go.uber.org/zap"

	"vpcdoctor/report"
	"vpcdoctor/report/deliver"
	"vpcdoctor/report/text"
)

// carry takes a finished report everywhere it is to go: to disk first, which is
// what survives, then to stdout, where somebody waits, then to the sinks.
// None of them changes the verdict, and none keeps another from its share; only
// --require-delivery lets what became of them into the exit code.
func (c *checker) carry(r *report.Report, o *outputs) error {
	a, s := c.app, c.s
	sinks := c.sinks(r)
	backlog := c.land(r, sinks)
	shown, err := redacted(r, s.redact)
	if err != nil {
		return err
	}
	arrived := c.write(shown, o)
	if s.goes(toStdout) {
		if err := c.print(shown, c.briefly(r)); err != nil {
			return err
		}
	}
	ctx, cancel := c.time(r)
	defer cancel()
	for _, out := range deliver.All(ctx, sinks, deliver.ParcelOf(r), backlog, s.each) {
		a.note(sentence(out))
		c.log.Info("delivery", zap.String("to", out.Sink), zap.Duration("took", out.Took), zap.Bool("arrived", out.Arrived()))
		arrived = arrived || out.Arrived()
		if out.Sink == toConsole && out.Arrived() {
			c.consoleWritten(r)
		}
	}
	if s.require && !arrived {
		a.complain(errors.New("the report arrived nowhere: exit code 3, as --require-delivery asks"))
		a.code = report.ExitInconclusive
	}
	return nil
}

// write writes the files, and tells whether a report stands in one that the
// user named.
func (c *checker) write(shown *report.Report, o *outputs) (arrived bool) {
	for _, f := range []struct {
		file *outFile
		fill func(io.Writer) error
	}{
		{o.facts, func(w io.Writer) error { return report.WriteFacts(w, shown.Facts) }},
		{o.report, func(w io.Writer) error { return c.app.render(w, shown, c.s.output, false, c.s.noColor) }},
	} {
		if f.file == nil {
			continue
		}
		if err := f.file.write(f.fill); err != nil {
			c.app.complain(err)
			continue
		}
		c.log.Info("written", zap.String("file", f.file.path))
		arrived = arrived || f.file == o.report
	}
	return arrived
}

// print writes the report to stdout, or its one line.
func (c *checker) print(r *report.Report, briefly bool) error {
	if briefly {
		_, err := fmt.Fprintln(c.app.stdout, text.Line(r))
		return err
	}
	return c.app.show(r, c.s)
}

// hurry is what all deliveries together have after a signal: whoever stops the
// program (a shutdown, TimeoutStopSec of the unit) kills it soon after.
const hurry = 5 * time.Second

// time is the time of all deliveries. A signal that ended the gathering does
// not end them, since its report is the one that somebody will look for.
func (c *checker) time(r *report.Report) (context.Context, context.CancelFunc) {
	if r.Context.Interrupted || c.hurried {
		return context.WithTimeout(context.Background(), min(hurry, c.s.each))
	}
	return context.WithTimeout(context.Background(), c.s.each)
}

// sentence says what became of one sink.
func sentence(o deliver.Outcome) string {
	var more []string
	count := func(n int, one, many string) {
		switch {
		case n == 1:
			more = append(more, one)
		case n > 1:
			more = append(more, fmt.Sprintf(many, n))
		}
	}
	count(o.Fates[deliver.Expired], "one report was too old to be taken", "%d reports were too old to be taken")
	count(o.Fates[deliver.Rejected], "one report was refused for good", "%d reports were refused for good")
	text := "delivered to " + o.Sink
	if o.Arrived() {
		count(o.Fates[deliver.Delivered]-1, "with one report of an earlier run", "with %d reports of earlier runs")
	} else {
		text = "not delivered to " + o.Sink
		count(o.Left, "one report waits for the next run", "%d reports wait for the next run")
	}
	if o.Where != "" {
		text += " (" + o.Where + ")"
	}
	if o.Err != nil {
		text += ": " + o.Err.Error()
	}
	if len(more) > 0 {
		text += "; " + strings.Join(more, ", ")
	}
	return text
}
