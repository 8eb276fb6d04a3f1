package report

import (
	"fmt"

	"vpcdoctor/report/diagnose"
)

// Exit codes of check, diagnose and confirm. 168, 169 and 194 mean something
// to the SSM Agent (reboot requests) and are never used.
const (
	ExitOK           = 0 // healthy, degraded or info only
	ExitFinding      = 1 // at least one finding of severity error
	ExitUsage        = 2 // usage or configuration
	ExitInconclusive = 3 // too little could be checked, or interrupted
	ExitFault        = 4 // a fault of vpcdoctor
)

// faultCode is the finding by which diagnose owns up to a fault of a rule.
const faultCode diagnose.Code = "SELF-01"

// FailOn is the severity from which a finding fails the run. It moves the line
// between ExitOK and ExitFinding and nothing else.
type FailOn string

// Values of --fail-on.
const (
	FailOnError   FailOn = "error"
	FailOnWarning FailOn = "warning"
	FailNever     FailOn = "never"
)

// ParseFailOn reads a value of --fail-on; empty means error.
func ParseFailOn(s string) (FailOn, error) {
	switch f := FailOn(s); f {
	case "":
		return FailOnError, nil
	case FailOnError, FailOnWarning, FailNever:
		return f, nil
	default:
		return "", fmt.Errorf("fail-on %q: want error, warning or never", s)
	}
}

// ExitCode is the exit code of a verdict. Accepted findings (--ignore) are
// already out of the verdict's status and do not count here either.
func ExitCode(v diagnose.Verdict, f FailOn) int {
	switch v.Status {
	case diagnose.Broken:
		if f == FailNever {
			return ExitOK
		}
		return ExitFinding
	case diagnose.Inconclusive:
		return ExitInconclusive
	case diagnose.Degraded, diagnose.Healthy:
		if has(v, func(c diagnose.Finding) bool { return c.Code == faultCode }) {
			return ExitFault // a rule that broke may have been the one to object
		}
		if f == FailOnWarning && has(v, func(c diagnose.Finding) bool { return c.Severity == diagnose.SevWarning }) {
			return ExitFinding
		}
		return ExitOK
	default:
		return ExitFault // no verdict at all
	}
}

// ExitCode is the exit code of the run: an interrupted one is inconclusive
// whatever was found until then.
func (r *Report) ExitCode(f FailOn) int {
	if r.Context.Interrupted {
		return ExitInconclusive
	}
	return ExitCode(r.Verdict, f)
}

func has(v diagnose.Verdict, match func(diagnose.Finding) bool) bool {
	for _, c := range v.Causes {
		if !c.Accepted && match(c) {
			return true
		}
	}
	return false
}
