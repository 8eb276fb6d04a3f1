package html

import (
	"slices"

	"vpcdoctor/report"
)

// picture draws the path as boxes and edges, once in a row for wide pages and
// once in a column for phones; the style shows one of them.
func picture(p *page, r *report.Report) {
	path, row, ok := pathOf(r)
	if !ok {
		return
	}
	p.raw("<section aria-labelledby=\"path\">\n<h2 id=\"path\">The path</h2>\n<figure>\n")
	words := "Path from the instance to " + row.Host + ". " + sentence(path) + "."
	draw(p, path, words, shape{class: "flat", w: 1000, h: 92, box: [2]int{112, 62}, step: [2]int{126, 0}, at: [2]int{3, 15}})
	draw(p, path, words, shape{class: "tall", w: 320, h: 522, box: [2]int{300, 46}, step: [2]int{0, 68}, at: [2]int{10, 0}})
	p.raw("<figcaption>")
	p.text("To " + row.Host)
	if n := len(r.Verdict.Rows) - 1; n > 0 {
		p.text(", one of " + count(n+1, "name") + "; the table has all of them")
	}
	p.text(". ")
	switch at := firstBroken(path); {
	case at < 0:
		p.text("Nothing on this path is shown to be broken.")
	case at == 0:
		p.text("The fault sits on the instance itself.")
	default:
		p.text("The first broken edge leads to: " + path[at].name + ".")
	}
	if slices.ContainsFunc(path[:], func(s stage) bool { return s.state == suspect }) {
		p.text(" A dashed box may be at fault.")
	}
	p.raw(" A dotted box was not checked, or what it does could not be told apart from its neighbours.</figcaption>\n</figure>\n</section>\n")
}

// shape is the geometry of one drawing.
type shape struct {
	class    string
	w, h     int
	box      [2]int // width and height of a box
	step, at [2]int // from box to box, and of the first one
}

func draw(p *page, path [stages]stage, words string, s shape) {
	p.raw("<svg class=\"")
	p.text(s.class)
	// The attributes serve where a mail program drops the style.
	p.raw("\" role=\"img\" fill=\"none\" stroke=\"#777777\" text-anchor=\"middle\" viewBox=\"0 0 ")
	p.nums(s.w, s.h)
	p.raw("\"")
	p.raw(" aria-label=\"")
	p.text(words)
	p.raw("\">\n<title>")
	p.text(words)
	p.raw("</title>\n")
	marked := firstBroken(path)
	for i, st := range path {
		x, y := s.at[0]+i*s.step[0], s.at[1]+i*s.step[1]
		if i > 0 {
			edge(p, st.state, s, x, y, i == marked)
		}
		p.raw("<rect class=\"box ")
		p.text(string(st.state))
		p.raw("\" rx=\"8\"")
		p.box(x, y, s.box[0], s.box[1])
		if s.step[1] == 0 { // two lines
			p.label("name", x+s.box[0]/2, y+26, st.name)
			p.label("state "+string(st.state), x+s.box[0]/2, y+46, st.word)
		} else { // one line, two halves
			p.label("name", x+s.box[0]/4, y+28, st.name)
			p.label("state "+string(st.state), x+s.box[0]*3/4-10, y+28, st.word)
		}
	}
	p.raw("</svg>\n")
}

// edge leads from the box before to the one at x, y; a broken one is crossed
// out.
func edge(p *page, st state, s shape, x, y int, cross bool) {
	x1, y1, x2, y2 := x-(s.step[0]-s.box[0]), y+s.box[1]/2, x, y+s.box[1]/2
	if s.step[1] != 0 {
		x1, y1, x2, y2 = x+s.box[0]/2, y-(s.step[1]-s.box[1]), x+s.box[0]/2, y
	}
	p.line(st, x1, y1, x2, y2)
	if cross {
		mx, my := (x1+x2)/2, (y1+y2)/2
		p.line(broken, mx-7, my-9, mx+7, my+9)
		p.line(broken, mx-7, my+9, mx+7, my-9)
	}
}

func (p *page) line(st state, x1, y1, x2, y2 int) {
	p.raw("<path class=\"edge ")
	p.text(string(st))
	p.raw("\" d=\"M")
	p.nums(x1, y1)
	p.raw("L")
	p.nums(x2, y2)
	p.raw("\"/>\n")
}

// box ends a rect.
func (p *page) box(x, y, w, h int) {
	for i, name := range []markup{"x", "y", "width", "height"} {
		p.raw(" ")
		p.raw(name)
		p.raw("=\"")
		p.num([]int{x, y, w, h}[i])
		p.raw("\"")
	}
	p.raw("/>\n")
}

func (p *page) label(class string, x, y int, s string) {
	p.raw("<text fill=\"currentColor\" stroke=\"none\" class=\"")
	p.text(class)
	p.raw("\" x=\"")
	p.num(x)
	p.raw("\" y=\"")
	p.num(y)
	p.raw("\">")
	p.text(short(s, 18))
	p.raw("</text>\n")
}

// nums writes two numbers.
func (p *page) nums(a, b int) {
	p.num(a)
	p.raw(" ")
	p.num(b)
}
