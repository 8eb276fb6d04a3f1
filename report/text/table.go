package text

import "strings"

// cell is one field of a table.
type cell struct {
	text  string
	style sgr
}

// table is rows of cells; the first row is its head. The column key holds the
// long names: when the table is too wide for the page, that column moves to a
// line of its own above the other cells of its row.
type table struct {
	rows [][]cell
	key  int
}

func (t *table) add(cells ...cell) { t.rows = append(t.rows, cells) }

func plainCells(s ...string) []cell {
	out := make([]cell, len(s))
	for i, x := range s {
		out[i] = cell{text: x}
	}
	return out
}

// Space before the first column and between columns.
const (
	margin = 2
	gap    = 2
)

// table writes t. Every row is aligned; trailing spaces are not written.
func (p *page) table(t table) {
	widths := t.widths(p.width)
	for _, row := range t.rows {
		if name := row[t.key]; len(name.text) > widths[t.key] {
			room := p.width - margin
			for i := 0; i < len(name.text); i += room {
				p.line(strings.Repeat(" ", margin) + name.text[i:min(i+room, len(name.text))])
			}
			row = append([]cell(nil), row...)
			row[t.key].text = ""
		}
		var b strings.Builder
		b.WriteString(strings.Repeat(" ", margin))
		for i, c := range row {
			text := c.text[:min(len(c.text), widths[i])]
			pad := ""
			if i < len(row)-1 {
				pad = strings.Repeat(" ", widths[i]-len(text)+gap)
			}
			b.WriteString(p.paint(c.style, text) + pad)
		}
		p.line(b.String())
	}
}

// keyMin is the least width of the key column; shorter, most names would move
// to lines of their own.
const keyMin = 12

// widths of the columns within a page. The key column gives way first, then
// the widest of the others.
func (t *table) widths(page int) []int {
	w := make([]int, len(t.rows[0]))
	for _, row := range t.rows {
		for i, c := range row {
			w[i] = max(w[i], len(c.text))
		}
	}
	total := func() int {
		n := margin + gap*(len(w)-1)
		for _, x := range w {
			n += x
		}
		return n
	}
	if over := total() - page; over > 0 {
		w[t.key] = max(min(keyMin, w[t.key]), w[t.key]-over)
	}
	for total() > page {
		widest := -1
		for i := range w {
			if i != t.key && (widest < 0 || w[i] > w[widest]) {
				widest = i
			}
		}
		if widest < 0 || w[widest] <= 1 {
			break
		}
		w[widest]--
	}
	return w
}
