package history

import (
	"strconv"
	"strings"
	"time"

	"vpcdoctor/report"
)

// Told is what differs from the run before, in the words of people; every
// rendering lays out the same ones.
type Told struct {
	Title  string
	Remark string   // what there is to say when nothing changed; else empty
	Lines  []string // what changed, then what stands since when, then what flaps
	Last   string   // when a run had no error, if it was not the one compared with
}

// maxTold is how many changes are told one by one: a dead resolver changes every
// row.
const maxTold = 60

// Tell puts changes into words.
func Tell(c *report.Changes) Told {
	switch {
	case c.First:
		return Told{Title: "Changed", Remark: "No earlier run here was asked the same: nothing to compare with."}
	case len(c.List) == 0:
		t := Told{Title: "Changed", Remark: "Nothing since " + Stamp(c.Same) + " (" + count(c.Runs, "run") + ")."}
		return t.with(c)
	}
	t := Told{Title: "Changed since the run of " + Stamp(c.Time)}
	return t.with(c)
}

func (t Told) with(c *report.Changes) Told {
	for i, x := range c.List {
		if i == maxTold {
			t.Lines = append(t.Lines, "and "+count(len(c.List)-i, "more change"))
			break
		}
		t.Lines = append(t.Lines, Words(x))
	}
	t.Lines = append(t.Lines, Lasting(c.Standing, c.Flapping)...)
	if !c.Healthy.IsZero() && !c.Healthy.Equal(c.Time) {
		t.Last = "Last run without an error before this one: " + Stamp(c.Healthy) + "."
	}
	return t
}

// Lasting says what stands since when, causes of one age on one line, and what
// flaps.
func Lasting(standing []report.Standing, flapping []report.Flap) []string {
	var out []string
	for i := 0; i < len(standing); i++ {
		s := standing[i]
		codes := []string{s.Code}
		for ; i+1 < len(standing) && standing[i+1].Since.Equal(s.Since) && standing[i+1].Runs == s.Runs; i++ {
			codes = append(codes, standing[i+1].Code)
		}
		longer := ""
		if standing[i].More {
			longer = " or longer"
		}
		out = append(out, strings.Join(codes, ", ")+" since "+Stamp(s.Since)+longer+" ("+count(s.Runs, "run")+")")
	}
	for _, f := range flapping {
		out = append(out, f.What+" flaps: "+count(f.Changes, "change")+" in the last "+count(f.Runs, "run"))
	}
	return out
}

// Words is a change as a line: "ssm: 10.192.5.10 -> public".
func Words(c report.Change) string {
	switch {
	case c.From == absent:
		return c.What + ": new (" + c.To + ")"
	case c.To == absent:
		return c.What + ": gone (was " + c.From + ")"
	}
	return c.What + ": " + c.From + " -> " + c.To
}

// Stamp is a time as people read it. A clock that was never set has none.
func Stamp(t time.Time) string {
	if t.IsZero() {
		return "an unknown time"
	}
	return t.UTC().Format("2006-01-02 15:04") + " UTC"
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}
