package corpus

import (
	"bytes"
	"regexp"
	"strings"
	"time"

	"vpcdoctor/probe/fact"
	"vpcdoctor/report"
)

// recordedAt is when every recording begins, so that recording again changes
// only what is different.
var recordedAt = time.Date(2026, 12, 1, 8, 30, 0, 0, time.UTC)

var (
	moment = regexp.MustCompile(`"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)"`)

	// fine is what no rule looks at: durations below a hundredth of a millisecond.
	fine = regexp.MustCompile(`(_ms":-?\d+\.\d\d)\d+`)
)

// Timeless is the facts of a run as they are recorded: all times moved so that
// it began at a fixed one, and cut to milliseconds; what lies between two times
// stays as it was. Dates of what is embedded in the program do not move. The
// build and the id of the run are forgotten. So is what no rule asks and makes a
// tenth of the file: when each single question, connect and request began, and
// the issuers in chains that are good.
func Timeless(facts []byte) ([]byte, error) {
	r, err := report.Read(bytes.NewReader(facts))
	if err != nil {
		return nil, err
	}
	s := r.Facts
	by := recordedAt.Sub(s.Start.Truncate(time.Millisecond))
	s.Run.Version, s.Run.Commit = "dev", ""
	s.Run.ID = recordedAt.Format("20060102T150405Z") + "-00000000"
	for i := range s.IMDS.Gets {
		s.IMDS.Gets[i].Start = time.Time{}
	}
	for i := range s.Lookups {
		s.Lookups[i].Start = time.Time{}
	}
	for i := range s.Dials {
		s.Dials[i].Start = time.Time{}
	}
	for i := range s.Requests {
		s.Requests[i].Start = time.Time{}
	}
	for i := range s.Handshakes {
		if h := &s.Handshakes[i]; h.Status == fact.OK && h.Name.Status == fact.OK && h.System.Status == fact.OK && h.Reference.Status == fact.OK && len(h.Chain) > 1 {
			h.Chain = h.Chain[:1]
		}
	}
	b, err := marshal(s)
	if err != nil {
		return nil, err
	}
	dated := s.Run.RangesDate
	text := moment.ReplaceAllStringFunc(string(b), func(s string) string {
		t, err := time.Parse(time.RFC3339Nano, strings.Trim(s, `"`))
		if err != nil || t.Year() <= 1 || t.Equal(dated) {
			return s
		}
		return `"` + t.Truncate(time.Millisecond).Add(by).Format("2006-01-02T15:04:05.999Z") + `"`
	})
	return Layout([]byte(fine.ReplaceAllString(text, "$1")))
}

// Facts writes a set as the facts of a file.
func Facts(s *fact.Set) ([]byte, error) {
	b, err := marshal(s)
	if err != nil {
		return nil, err
	}
	return Layout(b)
}

// Paragraph turns a sentence, with or without capital and full stop, into lines
// of text.
func Paragraph(s string) string {
	s = strings.ToUpper(s[:1]) + s[1:]
	if !strings.HasSuffix(s, ".") && !strings.HasSuffix(s, "?") {
		s += "."
	}
	var b strings.Builder
	column := 0
	for _, word := range strings.Fields(s) {
		switch {
		case column == 0:
		case column+1+len(word) > 78:
			b.WriteByte('\n')
			column = 0
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	return b.String()
}
