package main

import (
	"vpcdoctor/report"
	"vpcdoctor/report/diagnose"
	"vpcdoctor/report/redact"
)

// redactUsage explains --redact the same way everywhere.
const redactUsage = "made-up ids, addresses and names in place of real ones, to share it"

// redacted is the report for sharing, when that was asked for. The verdict is
// made from the redacted facts, so that it cannot tell more than they do; what
// the user accepted stays accepted.
func redacted(r *report.Report, yes bool) (*report.Report, error) {
	if !yes {
		return r, nil
	}
	s, err := redact.Facts(r.Facts)
	if err != nil {
		return nil, err
	}
	var ignore []diagnose.Code
	for _, f := range r.Verdict.Causes {
		if f.Accepted {
			ignore = append(ignore, f.Code)
		}
	}
	out := report.New(s, diagnose.Run(s, diagnose.Options{Ignore: ignore}), r.Tool)
	if r.Changes.Quiet() { // what changed names what it was before, which no fact here knows
		quiet := *r.Changes
		quiet.Flapping = nil
		out.Changes = &quiet
	}
	return out, nil
}
