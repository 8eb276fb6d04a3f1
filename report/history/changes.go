package history

import (
	"slices"
	"strconv"
	"strings"

	"vpcdoctor/report"
	"vpcdoctor/report/diagnose"
)

// Window is how many runs decide what flaps; flaps is how many changes among
// them it takes. A fault that comes, goes and comes back is three.
const (
	Window = 20
	flaps  = 4
)

// Like tells whether two runs can be compared: the same instance, asked the
// same. The state directory of an image holds the runs of another instance.
func (e Entry) Like(o Entry) bool {
	return e.Asked == o.Asked && (e.Instance == o.Instance || e.Instance == "" || o.Instance == "")
}

// settled tells a run whose word counts for what was not found.
func (e Entry) settled() bool { return !e.Cut }

// SameVerdict tells whether two runs would make somebody look at the same
// things: their status and their causes.
func (e Entry) SameVerdict(o Entry) bool {
	return e.Status == o.Status && slices.Equal(e.Codes, o.Codes)
}

// Between lists what differs from a run to a later one: the verdict, the causes,
// then the required names. What one of them did not look at is no difference.
func Between(a, b Entry) []report.Change {
	out := []report.Change{}
	add := func(what, from, to string) {
		if from != to {
			out = append(out, report.Change{What: what, From: from, To: to})
		}
	}
	add("verdict", string(a.Status), string(b.Status))
	for _, c := range codesOf(a, b) {
		from, to := a.severity(c), b.severity(c)
		if from == absent && !a.settled() || to == absent && !b.settled() {
			continue
		}
		add(string(c), from, to)
	}
	for _, r := range b.Rows {
		before, ok := a.row(r.Name)
		if !ok || before.Status == diagnose.NotCheckedStatus || r.Status == diagnose.NotCheckedStatus {
			continue
		}
		from, to := before.state(r), r.state(before)
		add(r.Name, from, to)
	}
	if a.AZ != "" && b.AZ != "" {
		add("zone", a.AZ, b.AZ)
	}
	if len(out) > 0 && a.Tool != "" && b.Tool != "" {
		add("vpcdoctor", a.Tool, b.Tool) // other rules may be the reason
	}
	return out
}

// absent is the severity of a cause that a run did not come to.
const absent = "absent"

func (e Entry) severity(c diagnose.Code) string {
	for _, x := range e.Codes {
		if x.Code == c {
			return x.Severity
		}
	}
	return absent
}

// codesOf are the causes of two runs, those of the later one first.
func codesOf(a, b Entry) []diagnose.Code {
	var out []diagnose.Code
	for _, c := range slices.Concat(b.Codes, a.Codes) {
		if !slices.Contains(out, c.Code) {
			out = append(out, c.Code)
		}
	}
	return out
}

func (e Entry) row(name string) (Row, bool) {
	for _, r := range e.Rows {
		if r.Name == name {
			return r, true
		}
	}
	return Row{}, false
}

// state is what a name comes down to beside what it was or became: where it
// leads to and whether it works. An address that stays is not told.
func (r Row) state(other Row) string {
	where := classWord(r.Class)
	if len(r.Addrs) > 0 && !slices.Equal(r.Addrs, other.Addrs) {
		where = strings.Join(r.Addrs, ", ")
	}
	switch r.Status {
	case diagnose.Pass:
		if r.Status != other.Status {
			where += ", works"
		}
		return where
	case diagnose.Fail:
		return where + ", fails" + strings.TrimRight(" "+r.Word, " ")
	}
	return where
}

// classWord is the class of an address in the words of the table.
func classWord(class string) string {
	switch class {
	case "":
		return "no address"
	case "own_vpc":
		return "own VPC"
	case "public_aws":
		return "public"
	}
	return strings.ReplaceAll(class, "_", " ")
}

// Since holds the run at hand against those before it, oldest first. more tells
// that the history goes further back than what is given.
func Since(past []Entry, now Entry, more bool) *report.Changes {
	out := &report.Changes{List: []report.Change{}}
	var alike []Entry
	for _, e := range past {
		if e.Like(now) && e.settled() && e.RunID != now.RunID {
			alike = append(alike, e)
		}
	}
	if len(alike) == 0 {
		out.First = true
		return out
	}
	last := alike[len(alike)-1]
	out.RunID, out.Time = last.RunID, last.Time
	out.List = Between(last, now)
	out.Same, out.Runs = now.Time, 1
	for i := len(alike) - 1; i >= 0 && len(Between(alike[i], now)) == 0; i-- {
		out.Same, out.Runs = alike[i].Time, out.Runs+1
	}
	out.Standing = standing(alike, now, more)
	out.Flapping = flapping(append(alike, now))
	for _, e := range alike {
		if healthy(e.Status) {
			out.Healthy = e.Time
		}
	}
	return out
}

func healthy(s diagnose.Status) bool { return s == diagnose.Healthy || s == diagnose.Degraded }

// standing are the causes of the run at hand that the run before had too, since
// when. A run that could not tell does not end a row.
func standing(past []Entry, now Entry, more bool) []report.Standing {
	var out []report.Standing
	for _, c := range now.Codes {
		s := report.Standing{Code: string(c.Code), Since: now.Time, Runs: 1, More: more}
		for _, e := range slices.Backward(past) {
			if e.severity(c.Code) != absent {
				s.Since, s.Runs = e.Time, s.Runs+1
			} else if e.Status != diagnose.Inconclusive {
				s.More = false
				break
			}
		}
		if s.Runs > 1 {
			out = append(out, s)
		}
	}
	return out
}

// flapping counts the changes among the last runs: of the verdict, and of each
// required name. Causes follow them and would say it twice.
func flapping(runs []Entry) []report.Flap {
	runs = runs[max(0, len(runs)-Window):]
	var out []report.Flap
	count := map[string]int{}
	var order []string
	for i := 1; i < len(runs); i++ {
		for _, c := range Between(runs[i-1], runs[i]) {
			if _, row := runs[i].row(c.What); !row && c.What != "verdict" {
				continue
			}
			if count[c.What]++; count[c.What] == 1 {
				order = append(order, c.What)
			}
		}
	}
	for _, what := range order {
		if n := count[what]; n >= flaps {
			out = append(out, report.Flap{What: what, Changes: n, Runs: len(runs)})
		}
	}
	return out
}

// Event is a run that differs from the run before it.
type Event struct {
	Entry   Entry           `json:"run"`
	First   bool            `json:"first,omitempty"` // of its kind
	Changes []report.Change `json:"changes"`
	Runs    int             `json:"runs"` // that stayed like this, this one included
	Last    Entry           `json:"last"` // of them
}

// Events folds runs, oldest first, into those that changed something. Runs are
// compared with the run before them that was asked the same.
func Events(runs []Entry) []Event {
	var out []Event
	at := map[string]int{} // kind of run: its event
	last := map[string]Entry{}
	for _, e := range runs {
		kind := e.Instance + " " + e.Asked
		before, ok := last[kind]
		if !e.settled() {
			continue // what was cut short is in the list of runs only
		}
		last[kind] = e
		changes := []report.Change{}
		if ok {
			if changes = Between(before, e); len(changes) == 0 {
				out[at[kind]].Runs++
				out[at[kind]].Last = e
				continue
			}
		}
		at[kind] = len(out)
		out = append(out, Event{Entry: e, First: !ok, Changes: changes, Runs: 1, Last: e})
	}
	return out
}

// Words is a change as a line: "ssm: 10.192.5.10 -> public".
func Words(c report.Change) string {
	switch {
	case c.From == absent:
		return c.What + ": new, " + c.To
	case c.To == absent:
		return c.What + ": gone, was " + c.From
	}
	return c.What + ": " + c.From + " -> " + c.To
}

// Times is "3 times" and "once".
func Times(n int) string {
	if n == 1 {
		return "once"
	}
	return strconv.Itoa(n) + " times"
}
