package text

import (
	"cmp"
	"strconv"
	"strings"

	"vpcdoctor/report"
	"vpcdoctor/report/history"
)

// Line is the verdict on one line of plain ASCII, for logs and progress:
// "vpcdoctor: BROKEN EP-01 i-0abc cn-north-1: sentence (and 1 more cause)".
func Line(r *report.Report) string {
	status := strings.ToUpper(clean(string(r.Verdict.Status)))
	parts := []string{"vpcdoctor:", cmp.Or(status, "NO VERDICT")}
	lead, ok := r.Verdict.Lead()
	if ok {
		parts = append(parts, code(lead.Code))
	}
	for _, s := range []string{r.Context.InstanceID, r.Context.Region} {
		if s != "" {
			parts = append(parts, short(s, 48))
		}
	}
	out := strings.Join(parts, " ") + ": " + strings.TrimPrefix(short(r.Verdict.Headline, headlineMax), string(lead.Code)+": ")
	if n := len(r.Verdict.Counting()) - 1; n > 0 {
		out += " (and " + strconv.Itoa(n) + " more)"
	}
	if r.Context.Interrupted {
		out += " (interrupted)"
	}
	if r.Changes.Quiet() {
		out = strings.TrimRight(out, " .:") + "; unchanged since " + history.Stamp(r.Changes.Same) + ", " + count(r.Changes.Runs, "run")
		if open := notAsked(r); open != "" {
			out += "; not asked again: " + open
		}
	}
	return strings.TrimRight(out, " :")
}
