package watch

import (
	"strconv"
	"strings"

	"vpcdoctor/report/diagnose"
)

// others counts the rows that are not shown.
func others(rows []diagnose.Row) string {
	n := map[diagnose.CheckStatus]int{}
	for _, r := range rows {
		n[r.Status]++
	}
	var words []string
	for _, s := range []diagnose.CheckStatus{diagnose.Fail, diagnose.NotCheckedStatus, diagnose.Pass} {
		if n[s] > 0 {
			words = append(words, strconv.Itoa(n[s])+" "+s.Word())
		}
	}
	return "and " + strconv.Itoa(len(rows)) + " more: " + strings.Join(words, ", ")
}

// nameMax is the width of the names in a list of turns, beyond which a name
// takes what it needs.
const nameMax = 24

// turnLines are turns below each other, their names aligned.
func turnLines(turns []Turn, width int, color bool) []string {
	names := 0
	for _, t := range turns {
		if len(t.Name) <= nameMax {
			names = max(names, len(t.Name))
		}
	}
	out := make([]string, 0, len(turns))
	for _, t := range turns {
		pad := strings.Repeat(" ", max(0, names-len(t.Name)))
		line := "  " + t.At.Format("15:04:05") + "  " + t.Name + pad + "  "
		if t.From != "" {
			line += t.From + " -> "
		}
		out = append(out, cut(line+paint(t.Status, t.To, color), width))
	}
	return out
}

// paint repeats in colour what a word says.
func paint(s diagnose.CheckStatus, word string, color bool) string {
	switch {
	case color && s == diagnose.Pass:
		return "\x1b[32m" + word + reset
	case color && s == diagnose.Fail:
		return "\x1b[31m" + word + reset
	}
	return word
}

const reset = "\x1b[0m"

// cut shortens a line to width characters. Sequences that select a colour take
// no room and are kept whole, so that a cut line does not colour what follows.
func cut(line string, width int) string {
	var b strings.Builder
	room := max(width, 0)
	for i := 0; i < len(line); {
		if line[i] == '\x1b' {
			end := strings.IndexByte(line[i:], 'm') + 1
			if end == 0 {
				break
			}
			b.WriteString(line[i : i+end])
			i += end
			continue
		}
		if room > 0 {
			b.WriteByte(line[i])
			room--
		}
		i++
	}
	return b.String()
}
