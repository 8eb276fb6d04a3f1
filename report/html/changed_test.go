package html

import (
	"strings"
	"testing"
	"time"

	"vpcdoctor/report"
)

func TestChanged(t *testing.T) {
	at := time.Date(2026, 11, 30, 14, 2, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		changes *report.Changes
		want    []string
		not     string
	}{
		"not asked for": {nil, nil, "changed"},
		"first":         {&report.Changes{First: true}, []string{"nothing to compare with"}, "<ul>"},
		"quiet":         {&report.Changes{Same: at, Runs: 3}, []string{"Nothing since 2026-11-30 14:02 UTC (3 runs)"}, "<ul>"},
		"turned": {&report.Changes{
			Time: at, List: []report.Change{{What: "ssm", From: "10.192.5.10", To: "public<script>"}},
			Standing: []report.Standing{{Code: "SG-02", Since: at, Runs: 2, More: true}},
			Flapping: []report.Flap{{What: "logs", Changes: 4, Runs: 20}},
		}, []string{
			"Changed since the run of 2026-11-30 14:02 UTC", "ssm: 10.192.5.10 -&#62; public&#60;script&#62;",
			"SG-02 since 2026-11-30 14:02 UTC or longer (2 runs)", "logs flaps: 4 changes in the last 20 runs",
		}, "<script>"},
		"many": {&report.Changes{List: make([]report.Change, 67)}, []string{"an unknown time", "and 7 more changes"}, "and 8 more"},
	} {
		p := &page{}
		changed(p, c.changes)
		got := p.b.String()
		for _, w := range c.want {
			if !strings.Contains(got, w) {
				t.Errorf("%s: no %q in %s", name, w, got)
			}
		}
		if strings.Contains(got, c.not) {
			t.Errorf("%s: %q in %s", name, c.not, got)
		}
	}
}
