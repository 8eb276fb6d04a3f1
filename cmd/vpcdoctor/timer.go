package main

import (
	"slices"
	"strings"

	"vpcdoctor/probe/fact"
	"vpcdoctor/report"
	"vpcdoctor/report/deliver/console"
	"vpcdoctor/report/diagnose"
	"vpcdoctor/report/state"
)

// changed tells a timer's run whether it has come to another verdict than the
// run before it, whose report is in the state directory. Signed calls are left
// out of both sides: the run at hand has not made them yet. Without a report
// of an earlier run there is nothing to compare with, and the answer is yes;
// without a state directory no run could ever know, and it is no.
func changed(stateDir string, ignore []diagnose.Code) func(*fact.Set) bool {
	if stateDir == "" {
		return func(*fact.Set) bool { return false }
	}
	before, err := readReport(stateDir)
	if err != nil || before.Facts == nil {
		return func(*fact.Set) bool { return true }
	}
	old := outline(*before.Facts, ignore)
	return func(s *fact.Set) bool { return outline(*s, ignore) != old }
}

// outline is what the verdict on facts without those of signed calls is worth.
func outline(s fact.Set, ignore []diagnose.Code) string {
	s.Signed = fact.Signed{}
	if s.End.IsZero() {
		s.End = s.Start // the run at hand has not ended yet, which is no finding
	}
	return worth(diagnose.Run(&s, diagnose.Options{Ignore: ignore}))
}

// worth is a verdict reduced to what makes somebody look: its status and its
// causes.
func worth(v diagnose.Verdict) string {
	words := []string{string(v.Status)}
	for _, c := range v.Causes {
		words = append(words, string(c.Code)+":"+string(c.Severity))
	}
	slices.Sort(words[1:])
	return strings.Join(words, " ")
}

// consoleDue tells whether this run writes to the serial console. A timer's run
// does so when there is news and once a day, since what it writes pushes older
// lines out of the 64 kB that EC2 keeps. Without a memory it cannot know.
func (c *checker) consoleDue(r *report.Report) bool {
	if !c.timer() || c.memory.dir == nil {
		return true
	}
	last := c.memory.dir.Mark(toConsole)
	return console.Due(r.At(), last.Time, consoleState(r), last.State)
}

// consoleWritten remembers what the console was told.
func (c *checker) consoleWritten(r *report.Report) {
	if c.memory.dir == nil {
		return
	}
	if err := c.memory.dir.SetMark(toConsole, state.Mark{Time: r.At(), State: consoleState(r)}); err != nil {
		c.app.complain(err)
	}
}

func consoleState(r *report.Report) string {
	s := worth(r.Verdict)
	return s[:min(len(s), state.MaxState)]
}
