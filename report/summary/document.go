package summary

import (
	"time"

	"vpcdoctor/report"
	"vpcdoctor/report/diagnose"
)

// Version of the document. It rises when a reader of the older form would
// misread the newer one; new optional fields do not count.
const Version = 1

// Document is the summary. Its first fields are those that a reader wants most
// when the end of the text is lost.
type Document struct {
	Summary     int             `json:"summary"` // Version of the writer; the key tells a summary from a report
	RunID       string          `json:"run_id,omitempty"`
	Time        time.Time       `json:"time,omitzero"` // start of the run
	Status      diagnose.Status `json:"status"`
	Headline    string          `json:"headline,omitempty"`
	Interrupted bool            `json:"interrupted,omitempty"`
	Decide      string          `json:"decide,omitempty"` // inconclusive: the one observation that would decide

	InstanceID string `json:"instance_id,omitempty"`
	AccountID  string `json:"account_id,omitempty"`
	SubnetID   string `json:"subnet_id,omitempty"`
	VPCID      string `json:"vpc_id,omitempty"`
	Region     string `json:"region,omitempty"`
	AZ         string `json:"az,omitempty"`
	Suffix     string `json:"dns_suffix,omitempty"` // amazonaws.com
	Version    string `json:"version,omitempty"`    // of the vpcdoctor that judged
	UID        int    `json:"uid"`
	How        string `json:"how,omitempty"`
	Redacted   bool   `json:"redacted,omitempty"` // some names in it are made up
	Cut        bool   `json:"cut,omitempty"`      // its end was lost on the way, uncounted

	Left Left `json:"left_out,omitzero"` // what the report has and this has not

	Causes     []Cause               `json:"causes,omitempty"`
	Rows       []Row                 `json:"rows,omitempty"` // required names, and every one that failed
	NotChecked []diagnose.NotChecked `json:"not_checked,omitempty"`
}

// Left counts what a document leaves out of its report.
type Left struct {
	Causes     int `json:"causes,omitempty"`
	Rows       int `json:"rows,omitempty"`
	NotChecked int `json:"not_checked,omitempty"`
	Texts      int `json:"texts,omitempty"` // proof, fixes, commands and alternatives of the causes shown
	Shortened  int `json:"shortened,omitempty"`
}

// Cause is a finding with what a reader needs to act.
type Cause struct {
	Code         diagnose.Code       `json:"code"`
	Severity     diagnose.Severity   `json:"severity"`
	Confidence   diagnose.Confidence `json:"confidence"`
	Title        string              `json:"title"`
	Accepted     bool                `json:"accepted,omitempty"`
	Summary      string              `json:"summary,omitempty"`
	Evidence     []string            `json:"evidence,omitempty"`
	Do           string              `json:"do,omitempty"`
	Command      string              `json:"command,omitempty"`
	Where        string              `json:"where,omitempty"`
	Verify       string              `json:"verify,omitempty"`
	Alternatives []Alternative       `json:"alternatives,omitempty"`
}

// Alternative is another cause that the same facts allow.
type Alternative struct {
	Code   diagnose.Code `json:"code"`
	Title  string        `json:"title"`
	Decide string        `json:"decide,omitempty"`
}

// Row is one name. A cell is the state and its word: "pass 2/2", "fail
// timeout", "not_checked".
type Row struct {
	Host   string               `json:"host"`
	ID     string               `json:"id,omitempty"`
	Need   string               `json:"need"`
	Path   string               `json:"path,omitempty"` // empty: direct
	Status diagnose.CheckStatus `json:"status"`
	Class  string               `json:"class,omitempty"`
	Way    string               `json:"way,omitempty"`
	DNS    string               `json:"dns,omitempty"`
	TCP    string               `json:"tcp,omitempty"`
	TLS    string               `json:"tls,omitempty"`
	AWS    string               `json:"aws,omitempty"`
}

// Bounds of a document before anything is left out: a report may be a file
// that somebody else wrote.
const (
	maxCauses   = 20
	maxEvidence = 8
	maxRows     = 60
	maxGaps     = 30
	maxText     = 700
	maxCommand  = 1200
	maxName     = 256
	maxWord     = 64
)

// New sums up a report. redacted tells that it comes from a report in which
// names are made up.
func New(r *report.Report, redacted bool) Document {
	var l Left
	cut := func(s string, n int) string { return l.cut(s, n) }
	c := r.Context
	d := Document{
		Summary: Version, RunID: cut(c.RunID, maxWord), Time: c.Time.UTC().Truncate(time.Second), Status: r.Verdict.Status,
		Headline: cut(r.Verdict.Headline, maxText), Interrupted: c.Interrupted,
		Decide:     cut(r.Verdict.Decide, maxText),
		InstanceID: cut(c.InstanceID, maxWord), AccountID: cut(c.AccountID, maxWord), SubnetID: cut(c.SubnetID, maxWord),
		VPCID: cut(c.VPCID, maxWord), Region: cut(c.Region, maxWord), AZ: cut(c.AZ, maxWord),
		Version: cut(r.Tool.Version, maxWord), UID: c.UID, How: cut(c.How, maxWord), Redacted: redacted,
	}
	if y := d.Time.Year(); y <= 1 || y > 9999 {
		d.Time = time.Time{} // JSON has no such year
	}
	d.Status = diagnose.Status(cut(string(d.Status), maxWord))
	if r.Facts != nil {
		d.Suffix = cut(r.Facts.Place.DNSSuffix, maxWord)
	}
	for _, f := range r.Verdict.Causes {
		if len(d.Causes) == maxCauses {
			l.Causes++
			continue
		}
		d.Causes = append(d.Causes, l.cause(f))
	}
	for _, x := range r.Verdict.Rows {
		switch {
		case !x.Required() && x.Status != diagnose.Fail, len(d.Rows) == maxRows:
			l.Rows++
		default:
			d.Rows = append(d.Rows, l.row(x))
		}
	}
	for _, x := range r.Verdict.NotChecked {
		if len(d.NotChecked) == maxGaps {
			l.NotChecked++
			continue
		}
		d.NotChecked = append(d.NotChecked, diagnose.NotChecked{What: cut(x.What, maxName), Why: cut(x.Why, maxName), Required: x.Required})
	}
	d.Left = l
	return d
}

func (l *Left) cause(f diagnose.Finding) Cause {
	c := Cause{
		Code: diagnose.Code(l.cut(string(f.Code), maxWord)), Severity: diagnose.Severity(l.cut(string(f.Severity), maxWord)),
		Confidence: diagnose.Confidence(l.cut(string(f.Confidence), maxWord)), Title: l.cut(f.Title, maxName), Accepted: f.Accepted,
		Summary: l.cut(f.Summary, maxText), Do: l.cut(f.Action.Do, maxText),
		Command: l.command(f.Action.Command), Where: l.cut(f.Action.Where, maxWord), Verify: l.command(f.Action.Verify),
	}
	for _, e := range f.Evidence {
		if len(c.Evidence) == maxEvidence {
			l.Texts++
			continue
		}
		c.Evidence = append(c.Evidence, l.cut(e.Text, maxText))
	}
	for _, a := range f.Alternatives {
		if len(c.Alternatives) == maxEvidence {
			l.Texts++
			continue
		}
		c.Alternatives = append(c.Alternatives, Alternative{Code: diagnose.Code(l.cut(string(a.Code), maxWord)), Title: l.cut(a.Title, maxName), Decide: l.cut(a.Decide, maxText)})
	}
	for _, s := range []string{f.Action.Statement, f.Action.Query} {
		if s != "" {
			l.Texts++ // several lines of JSON and SQL, which vpcdoctor fix prints
		}
	}
	return c
}

func (l *Left) row(x diagnose.Row) Row {
	r := Row{
		Host: l.cut(x.Host, maxName), ID: l.cut(x.ID, maxWord), Need: l.cut(x.Need, maxWord), Path: l.cut(x.Path, maxWord),
		Status: diagnose.CheckStatus(l.cut(string(x.Status), maxWord)), Class: l.cut(x.Class, maxWord), Way: l.cut(x.Way, maxWord),
		DNS: l.cell(x.DNS), TCP: l.cell(x.TCP), TLS: l.cell(x.TLS), AWS: l.cell(x.AWS),
	}
	if r.Path == "direct" {
		r.Path = ""
	}
	return r
}

func (l *Left) cell(c diagnose.Check) string {
	state := l.cut(string(c.Status), maxWord)
	switch w := l.cut(c.Word, maxWord); {
	case w == "" || w == "-" || c.Status == diagnose.NotCheckedStatus && w == "not checked":
		return state
	default:
		return state + " " + w
	}
}

// command bounds a command: too long a one is left out whole.
func (l *Left) command(s string) string {
	if len(s) > maxCommand {
		l.Texts++
		return ""
	}
	return printable(s)
}

// cut bounds a text and makes it printable.
func (l *Left) cut(s string, n int) string {
	if len(s) <= n {
		return printable(s)
	}
	l.Shortened++
	return printable(s[:n-len(dots)]) + dots
}

const dots = "..."

// printable is s in printable ASCII: what else there is becomes '?', one for a
// byte.
func printable(s string) string {
	b := []byte(s)
	for i, c := range b {
		switch {
		case c == '\n' || c == '\t' || c == '\r':
			b[i] = ' '
		case c < ' ' || c > '~':
			b[i] = '?'
		}
	}
	return string(b)
}
