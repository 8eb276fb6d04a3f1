package main

import (
	"slices"
	"strings"

	"vpcdoctor/probe/fact"
	"vpcdoctor/report/diagnose"
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

// outline is the verdict of facts without those of signed calls, reduced to
// what would make somebody look: its status and its causes.
func outline(s fact.Set, ignore []diagnose.Code) string {
	s.Signed = fact.Signed{}
	if s.End.IsZero() {
		s.End = s.Start // the run at hand has not ended yet, which is no finding
	}
	v := diagnose.Run(&s, diagnose.Options{Ignore: ignore})
	words := []string{string(v.Status)}
	for _, c := range v.Causes {
		words = append(words, string(c.Code)+":"+string(c.Severity))
	}
	slices.Sort(words[1:])
	return strings.Join(words, " ")
}
