package state

import (
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// Mark is what a run said somewhere that keeps no memory of its own, and when:
// the serial console is written to again only when there is news.
type Mark struct {
	Time  time.Time `json:"time"`
	State string    `json:"state"`
}

// maxMark bounds the file of a mark.
const maxMark = 4 << 10

// Mark reads the mark of a name. One that cannot be read, or is not there, is
// the zero Mark: then the run at hand speaks once more than it had to.
func (d *Dir) Mark(name string) Mark {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !validID(name) {
		return Mark{}
	}
	f, err := (&folder{d.root, d, "."}).open(markFile(name), maxMark)
	if err != nil {
		return Mark{}
	}
	defer f.Close()
	var m Mark
	if err := json.NewDecoder(io.LimitReader(f, maxMark)).Decode(&m); err != nil {
		return Mark{}
	}
	return m
}

// MaxState bounds the state of a mark, in bytes; what is longer is cut.
const MaxState = maxMark / 8

// SetMark replaces the mark of a name.
func (d *Dir) SetMark(name string, m Mark) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	m.State = m.State[:min(len(m.State), MaxState)]
	if err := d.setMark(name, m); err != nil {
		return fmt.Errorf("state directory %s: mark of %s: %w", d.path, name, spoken(err))
	}
	return nil
}

func (d *Dir) setMark(name string, m Mark) error {
	if !validID(name) {
		return fmt.Errorf("%q is no name", name)
	}
	unlock, err := d.lock(d.wait)
	if err != nil {
		return err
	}
	defer unlock()
	tmp, f, err := d.temporary("mark", func(w io.Writer) error { return json.NewEncoder(w).Encode(m) })
	if err != nil {
		return err
	}
	f.Close()
	if err := d.root.Rename(tmp, markFile(name)); err != nil {
		return together(err, d.root.Remove(tmp))
	}
	return syncDir(d.root, ".")
}

func markFile(name string) string { return name + ".mark.json" }
