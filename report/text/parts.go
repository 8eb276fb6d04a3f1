package text

import (
	"slices"
	"strings"

	"vpcdoctor/report"
	"vpcdoctor/report/diagnose"
)

// Parts of a report, for a display that shows it again and again
// (report/watch). They are the same words and columns as in Write.

// Clean makes text of a report safe for a terminal and cuts it to n characters.
func Clean(s string, n int) string { return short(s, n) }

// Headline is line 1, wrapped: code, severity, one sentence.
func Headline(r *report.Report, o Options) []string {
	p := newPage(o)
	lead, _ := r.Verdict.Lead()
	p.headline(r.Verdict, lead)
	return p.lines()
}

// fixMax bounds what Fix says: the first sentence, or two short ones.
const fixMax = 200

// Fix is what to do about the leading cause, in a sentence; none where nothing
// is wrong.
func Fix(r *report.Report, o Options) []string {
	lead, ok := r.Verdict.Lead()
	if !ok {
		return nil
	}
	p := newPage(o)
	do, _ := sentences(lead.Action.Do, fixMax)
	action(p, diagnose.Action{Do: do, Where: lead.Action.Where}, do)
	return p.lines()
}

// Rows is the table of some rows of a report: its head, then the rows in the
// order given. A name that does not fit its column has a line of its own.
func Rows(r *report.Report, rows []diagnose.Row, o Options) []string {
	p := newPage(o)
	p.table(tableOf(rows, commonSuffix(r)))
	return p.lines()
}

// RowName is how the table calls a row.
func RowName(r *report.Report, row diagnose.Row) string { return rowName(row, commonSuffix(r)) }

// RowState is a row in one phrase: "pass, own VPC", "FAIL TCP timeout",
// "not checked".
func RowState(r diagnose.Row) string {
	switch r.Status {
	case diagnose.Pass:
		return r.Status.Word() + ", " + wayWord(r)
	case diagnose.Fail:
		for _, s := range r.Stages() {
			if s.Status == diagnose.Fail {
				return strings.TrimSpace(r.Status.Word() + " " + s.Name + " " + ownWord(s.Check))
			}
		}
	}
	return r.Status.Word()
}

// Items is one line for each state of what is no endpoint, failures first. What
// was not checked is left out.
func Items(r *report.Report, o Options) []string {
	p := newPage(o)
	for _, i := range checkedItems(r) {
		p.line("  " + p.paint(statusStyle(i.Status), word(i.Status)) + "  " + short(itemWords(i), p.width-8))
	}
	return p.lines()
}

// Wrap breaks s at spaces into lines of at most width characters. The first one
// begins with label, the others with hang spaces.
func Wrap(label, s string, width, hang int) []string { return wrap(label, s, width, hang) }

// lines is what was written, line by line.
func (p *page) lines() []string {
	if p.b.Len() == 0 {
		return nil
	}
	return slices.Collect(strings.SplitSeq(strings.TrimSuffix(p.b.String(), "\n"), "\n"))
}
