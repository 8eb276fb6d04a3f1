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
	checked := checkedItems(r)
	if len(checked) == 0 {
		return
	}
	p.heading("SSM Agent")
	for _, i := range checked {
		p.para("  "+word(i.Status)+"  ", statusStyle(i.Status), 8, itemWords(i))
	}
}

// checkedItems are those with a result, failures first.
func checkedItems(r *report.Report) []diagnose.Item {
	checked := slices.DeleteFunc(slices.Clone(r.Verdict.Checks), func(i diagnose.Item) bool {
		return i.Status == diagnose.NotCheckedStatus
	})
	slices.SortStableFunc(checked, func(a, b diagnose.Item) int { return itemRank(a) - itemRank(b) })
	return checked
}

func itemWords(i diagnose.Item) string {
	if i.Why == "" {
		return i.What
	}
	return i.What + ": " + i.Why
}

// itemRank puts what failed first.
func itemRank(i diagnose.Item) int {
	if i.Status == diagnose.Fail {
		return 0
	}
	return 1
}
