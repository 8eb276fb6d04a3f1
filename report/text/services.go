package text

import (
	"io"
	"strings"
)

// ServiceRow is one service as `vpcdoctor services` lists it.
type ServiceRow struct {
	ID           string   `json:"id"`
	Name         string   `json:"service_name,omitempty"` // endpoint service name
	Type         string   `json:"type"`                   // Interface | Gateway
	Hosts        []string `json:"hosts,omitempty"`
	Ports        []string `json:"ports,omitempty"`        // "443"
	Confidence   string   `json:"confidence,omitempty"`   // of the host names
	Availability string   `json:"availability,omitempty"` // of the service in this Region, and the age of that knowledge
	Note         string   `json:"note,omitempty"`
}

// Services lists what would be probed. Service names and hosts are up to 60
// characters each, so a service takes a head line and indented ones, each with
// its label: `grep hosts` and `grep service` still give one line per fact.
func Services(w io.Writer, in []ServiceRow, o Options) error {
	p := newPage(o)
	for _, s := range in {
		label := clean(s.ID)
		facts := []string{clean(s.Type)}
		if len(s.Ports) > 0 {
			facts = append(facts, strings.Join(s.Ports, " "))
		}
		if s.Confidence != "" {
			facts = append(facts, "names "+s.Confidence)
		}
		if s.Availability != "" {
			facts = append(facts, s.Availability)
		}
		p.para(label+"  ", bold, 4, strings.Join(facts, ", "))
		if s.Name != "" {
			p.para("  service  ", plain, 11, s.Name)
		}
		for _, h := range s.Hosts {
			p.para("  host     ", plain, 11, h)
		}
		if s.Note != "" {
			p.para("  note     ", dim, 11, s.Note)
		}
	}
	_, err := io.WriteString(w, p.b.String())
	return err
}

// Table writes rows of plain cells under a head, aligned. When the rows are
// too wide, the column key (0-based) moves to lines of its own.
func Table(w io.Writer, key int, head []string, in [][]string, o Options) error {
	p := newPage(o)
	t := table{key: max(0, min(key, len(head)-1))}
	t.add(plainCells(head...)...)
	for _, r := range in {
		cells := make([]cell, len(head))
		for i := range cells {
			if i < len(r) {
				cells[i].text = clean(r[i])
			}
		}
		t.add(cells...)
	}
	if len(head) > 0 {
		p.table(t)
	}
	_, err := io.WriteString(w, p.b.String())
	return err
}
