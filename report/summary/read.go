package summary

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"vpcdoctor/probe/fact"
	"vpcdoctor/report"
	"vpcdoctor/report/diagnose"
)

// MaxBytes bounds a document that is read. The largest on recorded facts has a
// quarter of it.
const MaxBytes = 64 << 10

// manyLeft is where counts of what was left out end.
const manyLeft = 1 << 20

// ErrNot is returned for what is no summary, whatever else it is.
var ErrNot = errors.New("not a summary of vpcdoctor (key summary)")

// Read reads the JSON of a document and bounds and cleans what is in it like
// New does. A version newer than ours is an error; unknown keys are not.
func Read(b []byte) (Document, error) {
	if len(b) > MaxBytes {
		return Document{}, fmt.Errorf("a summary of more than %d kB", MaxBytes>>10)
	}
	var head struct {
		Summary json.RawMessage `json:"summary"`
	}
	if json.Unmarshal(b, &head) != nil || head.Summary == nil {
		return Document{}, ErrNot
	}
	v, err := strconv.Atoi(string(head.Summary))
	if err != nil || v < 1 {
		return Document{}, ErrNot
	}
	if v > Version {
		return Document{}, fmt.Errorf("summary of version %d, newer than the %d that this vpcdoctor reads; use the version that wrote it or a later one", v, Version)
	}
	var d Document
	if err := json.Unmarshal(b, &d); err != nil {
		return Document{}, fmt.Errorf("a summary that does not parse: %w", err)
	}
	left, cut := d.Left, d.Cut
	d = New(d.Report(), d.Redacted)
	d.Cut = cut
	d.Left.add(left)
	return d, nil
}

func (l *Left) add(m Left) {
	for _, x := range []struct {
		to   *int
		more int
	}{{&l.Causes, m.Causes}, {&l.Rows, m.Rows}, {&l.NotChecked, m.NotChecked}, {&l.Texts, m.Texts}, {&l.Shortened, m.Shortened}} {
		*x.to = min(*x.to+min(max(x.more, 0), manyLeft), manyLeft)
	}
}

// Report is the document as a report, for all renderings. It has no facts but
// the names of the place, no effects and nothing proved innocent.
func (d Document) Report() *report.Report {
	r := report.New(&fact.Set{Schema: fact.SchemaVersion}, diagnose.Verdict{
		Status: d.Status, Headline: d.Headline, Decide: d.Decide, NotChecked: d.NotChecked,
	}, report.Tool{Name: "vpcdoctor", Version: d.Version})
	r.Facts.Place = fact.Place{Region: d.Region, DNSSuffix: d.Suffix}
	r.Context = report.Context{
		RunID: d.RunID, InstanceID: d.InstanceID, AccountID: d.AccountID, SubnetID: d.SubnetID, VPCID: d.VPCID, Region: d.Region,
		AZ: d.AZ, Time: d.Time, UID: d.UID, How: d.How, Interrupted: d.Interrupted,
	}
	for _, c := range d.Causes {
		r.Verdict.Causes = append(r.Verdict.Causes, c.finding())
	}
	for _, x := range d.Rows {
		r.Verdict.Rows = append(r.Verdict.Rows, x.row())
	}
	return r
}

func (c Cause) finding() diagnose.Finding {
	f := diagnose.Finding{
		Code: c.Code, Severity: c.Severity, Confidence: c.Confidence, Title: c.Title, Summary: c.Summary, Accepted: c.Accepted,
		Evidence: []diagnose.Evidence{},
		Action:   diagnose.Action{Do: c.Do, Command: c.Command, Where: c.Where, Verify: c.Verify},
	}
	for _, e := range c.Evidence {
		f.Evidence = append(f.Evidence, diagnose.Evidence{Text: e})
	}
	for _, a := range c.Alternatives {
		f.Alternatives = append(f.Alternatives, diagnose.Alternative{Code: a.Code, Title: a.Title, Decide: a.Decide})
	}
	return f
}

func (x Row) row() diagnose.Row {
	r := diagnose.Row{
		Key: x.Host, ID: x.ID, Host: x.Host, Need: x.Need, Path: x.Path, Status: x.Status, Class: x.Class, Way: x.Way,
		DNS: cell(x.DNS), TCP: cell(x.TCP), TLS: cell(x.TLS), AWS: cell(x.AWS),
	}
	if r.Path == "" {
		r.Path = "direct"
	}
	return r
}

func cell(s string) diagnose.Check {
	state, word, found := strings.Cut(s, " ")
	if !found {
		word = "-"
	}
	return diagnose.Check{Status: diagnose.CheckStatus(state), Word: word}
}

// Missing says in words what a document leaves out of its report; empty: of
// what a summary holds it has all.
func (d Document) Missing() string {
	var out []string
	for _, x := range []struct {
		n         int
		one, many string
	}{
		{d.Left.Causes, "finding", "findings"}, {d.Left.Rows, "row", "rows"},
		{d.Left.NotChecked, "thing not checked", "things not checked"},
		{d.Left.Texts, "line of proof or fix", "lines of proof or fix"},
		{d.Left.Shortened, "sentence cut short", "sentences cut short"},
	} {
		switch {
		case x.n == 1:
			out = append(out, "1 "+x.one)
		case x.n > 1:
			out = append(out, strconv.Itoa(x.n)+" "+x.many)
		}
	}
	return strings.Join(out, ", ")
}
