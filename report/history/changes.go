package history

import (
	"cmp"
	"slices"
	"strings"
	"time"

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
// same. The state directory of an image holds the runs of another instance. A
// run whose metadata service is silent does not know its own.
func (e Entry) Like(o Entry) bool {
	return e.Asked == o.Asked && (e.Instance == o.Instance || e.Instance == "" || o.Instance == "")
}

// settled tells a run whose word counts for what was not found.
func (e Entry) settled() bool { return !e.Cut }

// carried lets runs without signed calls keep what the last calls showed: a
// state that nobody asked about has not changed. The entries are of one kind.
func carried(runs []Entry) []Entry {
	out := slices.Clone(runs)
	for i := 1; i < len(out); i++ {
		before, e := out[i-1], &out[i]
		if e.Called {
			continue
		}
		for _, c := range before.Codes {
			if c.Called && e.severity(c.Code) == absent {
				e.Codes = append(slices.Clone(e.Codes), c)
			}
		}
		if e.Status == before.without() {
			e.Without, e.Status = e.Status, before.Status
		}
	}
	return out
}

// without is the status of a run had it made no signed call.
func (e Entry) without() diagnose.Status { return cmp.Or(e.Without, e.Status) }

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
	both := carried(append(alike, now))
	alike, now = both[:len(alike)], both[len(alike)]
	last := alike[len(alike)-1]
	out.RunID, out.Time = last.RunID, last.Time
	out.List = Between(last, now)
	out.Same, out.Runs = now.Time, 1
	for i := len(alike) - 1; i >= 0 && len(Between(alike[i], now)) == 0; i-- {
		out.Same, out.Runs = alike[i].Time, out.Runs+1
	}
	out.Standing = standing(alike, now, more)
	out.Flapping = flapping(both)
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
	Last    time.Time       `json:"last"` // of them
}

// Summary is what a row of runs comes down to.
type Summary struct {
	Runs     int               `json:"runs"`
	Events   []Event           `json:"events"` // oldest first
	Now      Entry             `json:"now"`    // the last run
	Healthy  time.Time         `json:"last_healthy,omitzero"`
	Standing []report.Standing `json:"standing,omitempty"`
	Flapping []report.Flap     `json:"flapping,omitempty"`
}

// Sum folds runs, oldest first, into those that changed something. A run is
// compared with the run before it that was asked the same; one that was cut
// short changes nothing.
func Sum(runs []Entry) Summary {
	out := Summary{Runs: len(runs), Events: []Event{}}
	if len(runs) == 0 {
		return out
	}
	runs = named(runs)
	kinds := map[string][]Entry{} // by what they were asked
	for _, e := range runs {
		if e.settled() {
			kinds[e.kind()] = append(kinds[e.kind()], e)
		}
	}
	for k, row := range kinds {
		kinds[k] = carried(row)
	}
	at, seen := map[string]int{}, map[string]int{} // of each kind: its event, its runs so far
	for _, e := range runs {
		if !e.settled() {
			continue
		}
		k := e.kind()
		n := seen[k]
		seen[k]++
		e = kinds[k][n]
		changes := []report.Change{}
		if n > 0 {
			if changes = Between(kinds[k][n-1], e); len(changes) == 0 {
				out.Events[at[k]].Runs++
				out.Events[at[k]].Last = e.Time
				continue
			}
		}
		at[k] = len(out.Events)
		out.Events = append(out.Events, Event{Entry: e, First: n == 0, Changes: changes, Runs: 1, Last: e.Time})
	}
	out.Now = runs[len(runs)-1]
	row := kinds[out.Now.kind()]
	if len(row) == 0 {
		return out // the only run was cut short
	}
	out.Now = row[len(row)-1]
	for _, e := range row {
		if healthy(e.Status) {
			out.Healthy = e.Time
		}
	}
	out.Standing = standing(row[:len(row)-1], out.Now, false)
	out.Flapping = flapping(row)
	return out
}

// named gives runs that could not ask for the name of their instance that of the
// run before them, or of the first that knew.
func named(runs []Entry) []Entry {
	out, name := slices.Clone(runs), ""
	for _, e := range slices.Backward(runs) {
		name = cmp.Or(e.Instance, name)
	}
	for i := range out {
		name = cmp.Or(out[i].Instance, name)
		out[i].Instance = name
	}
	return out
}

// kind is equal for runs that can be compared.
func (e Entry) kind() string { return e.Instance + " " + e.Asked }
