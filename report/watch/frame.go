package watch

import (
	"slices"
	"strings"

	"vpcdoctor/report"
	"vpcdoctor/report/diagnose"
	"vpcdoctor/report/text"
)

// Frame is what a terminal shows between two looks.
type Frame struct {
	Report  *report.Report // of the last whole look; nil before there is one
	History *History
	Status  string // what is going on: "next look in 8 s", "dns 3/28"
}

// Bounds of the parts, so that the table and the turns have room.
const (
	verdictLines = 3
	oddLines     = 3 // items that fail
)

// Lines are the lines of the frame: at most height of them, none wider than
// width, in ASCII. Every part gives way before the verdict does.
func (f Frame) Lines(width, height int, color bool) []string {
	o := text.Options{Width: max(width, 1), Color: color}
	out := []string{f.head(width)}
	if f.Report == nil {
		out = append(out, "", "The first look is under way.")
	} else {
		verdict := first(text.Headline(f.Report, o), verdictLines)
		out = append(append(out, verdict...), f.parts(o, height-len(out)-len(verdict)-2)...)
	}
	if height > len(out)+1 {
		out = append(out, "", "Ctrl-C ends this and prints the whole report.")
	}
	out = first(out, max(height, 1))
	for i, l := range out {
		out[i] = cut(l, width)
	}
	return out
}

// head is one line: where, when, what is going on. The status stands at its
// end, and what does not fit goes from the left of it.
func (f Frame) head(width int) string {
	items := []string{"vpcdoctor"}
	if r := f.Report; r != nil {
		for _, s := range []string{r.Context.InstanceID, r.Context.AZ} {
			if s != "" {
				items = append(items, text.Clean(s, 24))
			}
		}
		items = append(items, r.Context.Time.UTC().Format("15:04:05")+" UTC")
	}
	items = append(items, text.Clean(f.Status, 40))
	for len(items) > 2 && len(strings.Join(items, "  ")) > width {
		items = slices.Delete(items, 1, 2)
	}
	return strings.Join(items, "  ")
}

// parts share the room below the verdict: the table comes first, but leaves a
// third to the turns; the fix and the agent's failures take what is left. Each
// part but the failures begins with an empty line.
func (f Frame) parts(o text.Options, room int) []string {
	all := f.turns()
	table := block(f.table(o, room-1))
	if wanted := len(all) + turnsHead; len(table) > room-wanted {
		table = block(f.table(o, max(room-wanted, room-room/3)-1))
	}
	left := room - len(table)
	turns := turnBlock(all, left, o)
	left -= len(turns)
	fix := block(text.Fix(f.Report, o))
	if len(fix) > left {
		fix = nil
	}
	odd := first(f.odd(o), left-len(fix))
	return slices.Concat(fix, table, odd, turns)
}

// turnsHead are the lines above the turns.
const turnsHead = 2

// turnBlock is the latest turns that fit, with a heading unless that would take
// their room.
func turnBlock(turns []Turn, room int, o text.Options) []string {
	switch {
	case len(turns) == 0 || room <= 0:
		return nil
	case room <= turnsHead:
		return turnLines(turns[max(0, len(turns)-room):], o.Width, o.Color)
	}
	latest := turns[max(0, len(turns)-room+turnsHead):]
	return append([]string{"", turnsTitle}, turnLines(latest, o.Width, o.Color)...)
}

const turnsTitle = "What turned (times in UTC)"

func (f Frame) turns() []Turn {
	if f.History == nil {
		return nil
	}
	return f.History.turns
}

// odd are the agent's checks that fail.
func (f Frame) odd(o text.Options) []string {
	n := 0
	for _, i := range f.Report.Verdict.Checks {
		if i.Status == diagnose.Fail {
			n++
		}
	}
	return first(text.Items(f.Report, o), min(n, oddLines))
}

// table is as many rows as fit into some lines. Rows keep their places from
// look to look while all fit; otherwise those that need attention are shown,
// and the others are counted.
func (f Frame) table(o text.Options, room int) []string {
	rows := f.Report.Verdict.Rows
	if len(rows) == 0 || room < 2 {
		return nil
	}
	lines := text.Rows(f.Report, rows, o)
	if len(lines) <= room {
		return lines
	}
	urgent := slices.Clone(rows)
	slices.SortStableFunc(urgent, func(a, b diagnose.Row) int { return a.Urgency() - b.Urgency() })
	for n := min(len(urgent), room) - 1; n > 0; n-- {
		if lines := text.Rows(f.Report, urgent[:n], o); len(lines) < room {
			return append(lines, "  "+others(urgent[n:]))
		}
	}
	return []string{"  " + others(urgent)}
}

// block is lines after an empty one, or nothing.
func block(lines []string) []string {
	if len(lines) == 0 {
		return nil
	}
	return append([]string{""}, lines...)
}

func first(lines []string, n int) []string { return lines[:min(len(lines), max(n, 0))] }
