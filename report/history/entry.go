package history

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"vpcdoctor/probe/fact"
	"vpcdoctor/report"
	"vpcdoctor/report/diagnose"
)

// Version of the form of an entry. A reader skips what is newer.
const Version = 1

// Bounds of an entry. The default profile needs some 700 bytes.
const (
	MaxBytes = 16 << 10 // of one entry as JSON
	maxRows  = 40
	maxCodes = 40
	maxAddrs = 6
	maxWord  = 48
	maxAsked = 200
	maxSeq   = 100_000_000_000_000
)

// Entry is what one run comes down to.
type Entry struct {
	Version  int             `json:"v"`
	Seq      uint64          `json:"seq,omitempty"` // order of the runs in one state directory; never of the clock
	RunID    string          `json:"run"`
	Time     time.Time       `json:"time"`  // start, corrected where the clock was found wrong
	Asked    string          `json:"asked"` // what the run was asked to look at: only like runs are compared
	How      string          `json:"how,omitempty"`
	Tool     string          `json:"tool,omitempty"` // version of vpcdoctor
	Instance string          `json:"instance,omitempty"`
	AZ       string          `json:"az,omitempty"`
	Status   diagnose.Status `json:"status"`
	Headline string          `json:"headline,omitempty"`
	Codes    []Code          `json:"codes,omitempty"`   // causes, sorted
	Rows     []Row           `json:"rows,omitempty"`    // required names, in the order of the verdict
	Called   bool            `json:"called,omitempty"`  // signed calls were made: what only they show could be found
	Without  diagnose.Status `json:"without,omitempty"` // status without them, where that is another one
	Cut      bool            `json:"cut,omitempty"`     // interrupted: what is missing here is not gone
}

// Code is one cause and how bad it was: an error, a warning, an info, or
// accepted by --ignore.
type Code struct {
	Code     diagnose.Code `json:"code"`
	Severity string        `json:"sev"`
	Called   bool          `json:"called,omitempty"` // only signed calls show it
}

// Row is one required name.
type Row struct {
	Name   string               `json:"name"` // "ssm", "ssm (proxy)"
	Status diagnose.CheckStatus `json:"status"`
	Class  string               `json:"class,omitempty"` // of the address
	Word   string               `json:"word,omitempty"`  // why it fails: "tcp timeout"
	Addrs  []string             `json:"addrs,omitempty"` // private ones: public answers rotate
}

// Of is the entry of a report.
func Of(r *report.Report) Entry {
	e := Entry{
		Version: Version, RunID: r.Context.RunID, Time: r.At(), How: r.Context.How, Tool: r.Tool.Version,
		Instance: r.Context.InstanceID, AZ: r.Context.AZ, Status: r.Verdict.Status, Headline: r.Verdict.Headline,
		Cut: r.Context.Interrupted,
	}
	if r.Facts != nil {
		e.Asked = asked(r.Facts.Run)
	}
	for _, c := range r.Verdict.Causes {
		sev := string(c.Severity)
		if c.Accepted {
			sev = accepted
		}
		e.Codes = append(e.Codes, Code{Code: c.Code, Severity: sev})
	}
	slices.SortFunc(e.Codes, func(a, b Code) int { return cmp.Or(cmp.Compare(a.Code, b.Code), cmp.Compare(a.Severity, b.Severity)) })
	e.Codes = slices.CompactFunc(e.Codes, func(a, b Code) bool { return a.Code == b.Code })
	e.Rows = rowsOf(r)
	e.withoutCalls(r.Facts)
	return e.bounded()
}

// withoutCalls notes what the entry would be had the run made no signed call:
// most runs of a timer make none, and what they cannot see is not gone.
func (e *Entry) withoutCalls(s *fact.Set) {
	if s == nil || !slices.ContainsFunc(s.Signed.Calls, func(c fact.Call) bool { return c.Status != fact.NotRun }) {
		return
	}
	e.Called = true
	bare := *s
	bare.Signed = fact.Signed{}
	var ignore []diagnose.Code
	for _, c := range s.Run.Ignored {
		ignore = append(ignore, diagnose.Code(c))
	}
	v := diagnose.Run(&bare, diagnose.Options{Ignore: ignore})
	if v.Status != e.Status {
		e.Without = v.Status
	}
	for i, c := range e.Codes {
		e.Codes[i].Called = !slices.ContainsFunc(v.Causes, func(f diagnose.Finding) bool { return f.Code == c.Code })
	}
}

// accepted is the severity of what --ignore accepts.
const accepted = "accepted"

// asked is what decides which findings a run can come to.
func asked(r fact.Run) string {
	words := slices.Concat(sorted("", r.Profiles), sorted("+", r.Services))
	for _, f := range []struct {
		on   bool
		word string
	}{
		{r.All, "all"}, {r.Auto, "auto"}, {r.Rehearse, "rehearse"}, {r.Private, "require-private"}, {r.NeedAgent, "require-agent"},
		{r.Expect != "" && r.Expect != "auto", "expect-" + r.Expect}, {r.UID != 0, "not-root"},
	} {
		if f.on {
			words = append(words, f.word)
		}
	}
	return strings.Join(words, " ")
}

func sorted(prefix string, in []string) []string {
	out := make([]string, len(in))
	for i, s := range in {
		out[i] = prefix + s
	}
	slices.Sort(out)
	return out
}

func rowsOf(r *report.Report) []Row {
	var out []Row
	answers := map[string][]string{}
	if r.Facts != nil {
		for _, a := range r.Facts.Answers {
			for _, addr := range a.Addrs {
				answers[a.Name] = append(answers[a.Name], addr.String())
			}
		}
	}
	seen := map[string]bool{}
	for _, v := range r.Verdict.Rows {
		if !v.Required() {
			continue
		}
		row := Row{Name: v.ID, Status: v.Status, Class: v.Class, Word: failing(v)}
		if v.Path != "direct" && v.Path != "" {
			row.Name += " (" + v.Path + ")"
		}
		if seen[row.Name] {
			row.Name = v.Host
		}
		seen[row.Name] = true
		switch fact.AddrClass(v.Class) {
		case fact.OwnVPC, fact.OtherPrivate, fact.LinkLocal:
			row.Addrs = slices.Clone(answers[v.Host])
			slices.Sort(row.Addrs)
		}
		out = append(out, row)
	}
	return out
}

// failing is the first cell of a row that failed.
func failing(r diagnose.Row) string {
	for _, s := range r.Stages() {
		if s.Status == diagnose.Fail {
			return strings.TrimSpace(strings.ToLower(s.Name) + " " + s.Word)
		}
	}
	return ""
}

// Line is the entry as one line of JSON, with its end.
func (e Entry) Line() ([]byte, error) {
	b, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encoding history: %w", err)
	}
	if len(b) >= MaxBytes {
		e.Rows, e.Headline = nil, "" // never seen with the bounds above
		if b, err = json.Marshal(e); err != nil {
			return nil, fmt.Errorf("encoding history: %w", err)
		}
	}
	return append(b, '\n'), nil
}

var (
	errNoEntry = errors.New("not an entry of the history")
	errNewer   = errors.New("written by a newer vpcdoctor")
)

// Parse reads one line. Anything may stand in a file: what comes out is bounded
// and free of control characters.
func Parse(line []byte) (Entry, error) {
	var e Entry
	switch {
	case len(line) > MaxBytes:
		return e, errNoEntry
	case json.Unmarshal(line, &e) != nil, e.Version < 1, e.RunID == "", e.Seq >= maxSeq, !known(e.Status):
		return Entry{}, errNoEntry
	case e.Version > Version:
		return Entry{}, errNewer
	}
	if y := e.Time.Year(); y < 1970 || y > 9999 {
		e.Time = time.Time{}
	}
	return e.bounded(), nil
}

func known(s diagnose.Status) bool {
	switch s {
	case diagnose.Healthy, diagnose.Degraded, diagnose.Broken, diagnose.Inconclusive:
		return true
	}
	return false
}

// bounded is the entry with every string clean and every list cut.
func (e Entry) bounded() Entry {
	e.Time = e.Time.UTC().Truncate(time.Second)
	for _, s := range []*string{&e.RunID, &e.How, &e.Tool, &e.Instance, &e.AZ} {
		*s = word(*s, maxWord)
	}
	e.RunID = cmp.Or(e.RunID, "unknown")
	if !known(e.Without) {
		e.Without = ""
	}
	e.Asked, e.Headline = word(e.Asked, maxAsked), word(e.Headline, maxAsked)
	e.Codes = slices.Clone(e.Codes[:min(len(e.Codes), maxCodes)])
	for i, c := range e.Codes {
		e.Codes[i].Code, e.Codes[i].Severity = diagnose.Code(word(string(c.Code), 12)), word(c.Severity, 12)
	}
	e.Rows = slices.Clone(e.Rows[:min(len(e.Rows), maxRows)])
	for i := range e.Rows {
		r := &e.Rows[i]
		r.Name, r.Class, r.Word = word(r.Name, maxWord), word(r.Class, 20), word(r.Word, 24)
		r.Status = diagnose.CheckStatus(word(string(r.Status), 12))
		r.Addrs = slices.Clone(r.Addrs[:min(len(r.Addrs), maxAddrs)])
		for j := range r.Addrs {
			r.Addrs[j] = word(r.Addrs[j], maxWord)
		}
	}
	return e
}

// word keeps printable ASCII and at most n bytes.
func word(s string, n int) string {
	clean := true
	for i := range len(s) {
		clean = clean && s[i] >= ' ' && s[i] <= '~'
	}
	if !clean {
		s = strings.Map(func(r rune) rune {
			if r < ' ' || r > '~' {
				return '?'
			}
			return r
		}, s[:min(len(s), 4*n)])
	}
	if len(s) > n {
		s = s[:n-3] + "..."
	}
	return s
}
