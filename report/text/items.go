package text

import (
	"slices"

	"vpcdoctor/report"
	"vpcdoctor/report/diagnose"
)

// items writes the state of what is no endpoint: the agent, its credentials
// and permissions, the steps of a rehearsal. What was not checked stands with
// its reason further down.
func items(p *page, r *report.Report) {
	checked := slices.DeleteFunc(slices.Clone(r.Verdict.Checks), func(i diagnose.Item) bool {
		return i.Status == diagnose.NotCheckedStatus
	})
	if len(checked) == 0 {
		return
	}
	slices.SortStableFunc(checked, func(a, b diagnose.Item) int { return itemRank(a) - itemRank(b) })
	p.heading("SSM Agent")
	for _, i := range checked {
		words := i.What
		if i.Why != "" {
			words += ": " + i.Why
		}
		p.para("  "+word(i.Status)+"  ", statusStyle(i.Status), 8, words)
	}
}

// itemRank puts what failed first.
func itemRank(i diagnose.Item) int {
	if i.Status == diagnose.Fail {
		return 0
	}
	return 1
}
