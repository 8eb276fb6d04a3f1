package diagnose

import (
	"slices"

	"vpcdoctor/probe/fact"
)

// What every rendering asks of a verdict, so that all begin with the same
// cause and show the rows in the same order.

// Lead is the cause that a report begins with: the first one that counts. A
// healthy report has none; its info lines come later.
func (v Verdict) Lead() (Finding, bool) {
	if i := v.LeadIndex(); i >= 0 {
		return v.Causes[i], true
	}
	return Finding{}, false
}

// LeadIndex is the position of Lead among the causes; -1 when there is none.
func (v Verdict) LeadIndex() int {
	return slices.IndexFunc(v.Causes, Finding.Counts)
}

// Counts tells whether a finding asks for an act: one that the user accepted and
// mere information do not.
func (f Finding) Counts() bool { return !f.Accepted && f.Severity != SevInfo }

// Counting are the causes that count, in the order of the verdict.
func (v Verdict) Counting() []Finding {
	var out []Finding
	for _, f := range v.Causes {
		if f.Counts() {
			out = append(out, f)
		}
	}
	return out
}

// Urgency sorts rows by what needs attention first: failures before what was
// not checked before what passed, and in each the more needed name.
func (r Row) Urgency() int {
	n := needRank(fact.Need(r.Need))
	switch r.Status {
	case Fail:
		return n
	case NotCheckedStatus:
		return n + 10
	}
	return n + 20
}

// Word is a state as people read it. It never makes a pass of what was not
// looked at.
func (s CheckStatus) Word() string {
	switch s {
	case Pass:
		return "pass"
	case Fail:
		return "FAIL"
	}
	return "not checked"
}

// Stage is one cell of a row with its name.
type Stage struct {
	Name string // "DNS", "TCP", "TLS", "AWS"
	Check
}

// Stages are the cells of a row in the order of the path.
func (r Row) Stages() []Stage {
	return []Stage{{"DNS", r.DNS}, {"TCP", r.TCP}, {"TLS", r.TLS}, {"AWS", r.AWS}}
}

// Required tells whether the verdict depends on the row's name, alone or with
// others that stand for each other.
func (r Row) Required() bool { return needRank(fact.Need(r.Need)) <= 1 }
