package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"vpcdoctor/report"
	"vpcdoctor/report/text"
	"vpcdoctor/report/watch"
)

// view is where the user sees looks while they are made. Its methods are called
// from one goroutine at a time, but for close.
type view interface {
	// progress is told where a look is.
	progress(stage string, done, total int)
	// looked is told what a look came to. pause is the time until the next one;
	// 0: there is none.
	looked(r *report.Report, turned []watch.Turn, pause time.Duration)
	// close takes away what must not stay on a terminal. It may be called from
	// any goroutine, and more than once; what comes after it is not shown.
	close()
}

// view chooses how looks are shown.
func (c *checker) view() view {
	bar := barView{newProgress(c.app.stderr, c.app.stderrTTY)}
	switch {
	case c.s.watch && c.app.screen(c.app.stdoutTTY):
		return newScreenView(c.app, c.app.color(c.app.stdoutTTY, c.s.noColor))
	case c.s.watch:
		return &lineView{barView: bar, w: c.app.stdout}
	case c.s.wait > 0:
		return &waitView{barView: bar, w: c.app.stderr, start: time.Now()}
	}
	return bar
}

// barView is nothing but the line on stderr, and only on a terminal.
type barView struct{ bar *progress }

func (v barView) progress(stage string, done, total int) { v.bar.show(stage, done, total) }

func (v barView) looked(_ *report.Report, _ []watch.Turn, pause time.Duration) {
	if v.bar.clear(); pause > 0 {
		v.bar.say(nextLook(pause))
	}
}

func (v barView) close() { v.bar.clear() }

func nextLook(in time.Duration) string {
	return fmt.Sprintf("next look in %.0f s", max(in, 0).Seconds())
}

// waitView says on stderr when the verdict turns; stdout is the report's.
type waitView struct {
	barView
	w     io.Writer
	start time.Time
}

func (v *waitView) looked(r *report.Report, turned []watch.Turn, pause time.Duration) {
	v.bar.clear()
	for _, t := range turned {
		if t.What == watch.Verdict {
			line := strings.TrimPrefix(text.Line(r), "vpcdoctor: ")
			fmt.Fprintf(v.w, "vpcdoctor: %.0f s: %s\n", time.Since(v.start).Seconds(), line)
		}
	}
	v.barView.looked(r, turned, pause)
}

// lineView writes one line for every turn, for logs and terminals that cannot
// move their cursor. An empty line parts them from the report.
type lineView struct {
	barView
	w    io.Writer
	once sync.Once
}

func (v *lineView) looked(r *report.Report, turned []watch.Turn, pause time.Duration) {
	v.bar.clear()
	for _, t := range turned {
		fmt.Fprintln(v.w, t.Line())
	}
	v.barView.looked(r, turned, pause)
}

func (v *lineView) close() {
	v.bar.clear()
	v.once.Do(func() { fmt.Fprintln(v.w) })
}
