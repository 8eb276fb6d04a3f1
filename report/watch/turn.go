package watch

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"vpcdoctor/report"
	"vpcdoctor/report/diagnose"
	"vpcdoctor/report/text"
)

// Turn is one thing that is not as it was at the look before.
type Turn struct {
	At       time.Time            // start of the look that saw it, clock of the instance
	What     string               // a host, "agent's connection", or Verdict
	Name     string               // What as the table calls it
	From, To string               // in words; From is empty where there was nothing before
	Status   diagnose.CheckStatus // of To
	Note     string               // of a verdict: its sentence
}

// Verdict is the What of the turn that says so.
const Verdict = "verdict"

// wordMax bounds one state in words, noteMax the sentence of a verdict.
const (
	wordMax = 120
	noteMax = 400
)

// Turns compares two looks. Rows and items come first, in the order of the
// report, and what they amount to last.
func Turns(before, after *report.Report) []Turn {
	c := comparison{at: after.Context.Time.UTC()}
	c.rows(before, after)
	c.items(before.Verdict.Checks, after.Verdict.Checks)
	if outline(before.Verdict) != outline(after.Verdict) {
		c.verdict(short(before.Verdict), after.Verdict)
	}
	return c.turns
}

// First is what to say of a first look, which has none before it: what fails,
// and the verdict.
func First(r *report.Report) []Turn {
	c := comparison{at: r.Context.Time.UTC()}
	for _, row := range r.Verdict.Rows {
		if row.Status == diagnose.Fail {
			c.add(Turn{What: hostOf(row), Name: text.RowName(r, row), To: text.RowState(row), Status: row.Status})
		}
	}
	c.items(nil, r.Verdict.Checks)
	c.verdict("", r.Verdict)
	return c.turns
}

type comparison struct {
	at    time.Time
	turns []Turn
}

func (c *comparison) verdict(from string, to diagnose.Verdict) {
	c.add(Turn{What: Verdict, Name: Verdict, From: from, To: short(to), Status: statusOf(to), Note: text.Clean(to.Headline, noteMax)})
}

func (c *comparison) add(t Turn) {
	t.At = c.at
	c.turns = append(c.turns, t)
}

func (c *comparison) rows(before, after *report.Report) {
	state := map[string]string{}
	for _, r := range before.Verdict.Rows {
		state[rowKey(r)] = text.RowState(r)
	}
	for _, r := range after.Verdict.Rows {
		from, to := state[rowKey(r)], text.RowState(r)
		delete(state, rowKey(r))
		if from != to {
			c.add(Turn{What: hostOf(r), Name: text.RowName(after, r), From: from, To: to, Status: r.Status})
		}
	}
	for _, r := range before.Verdict.Rows {
		if from, ok := state[rowKey(r)]; ok {
			c.add(Turn{What: hostOf(r), Name: text.RowName(before, r), From: from, To: "no longer asked for", Status: diagnose.NotCheckedStatus})
		}
	}
}

// items are compared by their state alone: their words hold times and ports.
// One that comes or goes is of interest only where it fails.
func (c *comparison) items(before, after []diagnose.Item) {
	state := map[string]diagnose.CheckStatus{}
	for _, i := range before {
		state[i.Key] = i.Status
	}
	for _, i := range after {
		from, was := state[i.Key]
		if from == i.Status || !was && i.Status != diagnose.Fail {
			continue
		}
		what := text.Clean(i.What, wordMax)
		name, _, _ := strings.Cut(what, ": ") // "credentials: instance profile, role app"
		t := Turn{What: what, Name: name, To: i.Status.Word(), Status: i.Status}
		if was {
			t.From = from.Word()
		}
		if i.Status == diagnose.Fail && i.Why != "" {
			t.To = text.Clean(t.To+", "+i.Why, wordMax)
		}
		c.add(t)
	}
}

func rowKey(r diagnose.Row) string { return r.Path + " " + r.Key }

func hostOf(r diagnose.Row) string {
	host := text.Clean(r.Host, wordMax)
	if r.Path == "proxy" {
		host += " (proxy)"
	}
	return host
}

// outline is what would make somebody look again: the status and the causes
// that count.
func outline(v diagnose.Verdict) string {
	var words []string
	for _, f := range v.Counting() {
		words = append(words, string(f.Code)+":"+string(f.Severity))
	}
	slices.Sort(words)
	return string(v.Status) + " " + strings.Join(words, " ")
}

// short is a verdict in two words: "BROKEN SG-02 +1 more".
func short(v diagnose.Verdict) string {
	words := []string{cmp.Or(strings.ToUpper(text.Clean(string(v.Status), 16)), "NO VERDICT")}
	if lead, ok := v.Lead(); ok {
		words = append(words, text.Clean(string(lead.Code), 16))
	}
	if n := len(v.Counting()) - 1; n > 0 {
		words = append(words, "+"+strconv.Itoa(n)+" more")
	}
	return strings.Join(words, " ")
}

func statusOf(v diagnose.Verdict) diagnose.CheckStatus {
	switch v.Status {
	case diagnose.Healthy, diagnose.Degraded:
		return diagnose.Pass
	case diagnose.Broken:
		return diagnose.Fail
	default:
		return diagnose.NotCheckedStatus
	}
}

// Line is a turn on one line of a log: time, name, from and to.
func (t Turn) Line() string {
	s := t.At.Format(time.RFC3339) + " " + t.What + ": " + t.change()
	if t.Note != "" {
		s += ": " + t.Note
	}
	return s
}

func (t Turn) change() string {
	if t.From == "" {
		return t.To
	}
	return t.From + " -> " + t.To
}

// MaxTurns is how many turns a History keeps.
const MaxTurns = 200

// History is the latest turns, oldest first.
type History struct {
	turns   []Turn
	dropped int
}

// Add appends turns, and drops the oldest beyond MaxTurns.
func (h *History) Add(turns ...Turn) {
	h.turns = append(h.turns, turns...)
	if over := len(h.turns) - MaxTurns; over > 0 {
		h.dropped += over
		h.turns = slices.Delete(h.turns, 0, over)
	}
}

// Lines is the whole history for a terminal's scrollback; none where nothing
// has turned.
func (h *History) Lines(width int, color bool) []string {
	if len(h.turns) == 0 {
		return nil
	}
	head := turnsTitle
	if h.dropped > 0 {
		head += ", without the first " + strconv.Itoa(h.dropped)
	}
	return append([]string{head}, turnLines(h.turns, width, color)...)
}
