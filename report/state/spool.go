package state

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"vpcdoctor/report"
	"vpcdoctor/report/deliver"
)

// Dir is a backlog.
var _ deliver.Backlog = (*Dir)(nil)

// maxMarked is how many parcels that a sink will never take are kept for it.
const maxMarked = 20

// Waiting lists what a sink has not settled, oldest first. While another run
// works on the same sink's backlog there is nothing for us in it.
func (d *Dir) Waiting(sink string) ([]deliver.Parcel, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	out, err := d.waiting(sink)
	if err != nil {
		return nil, fmt.Errorf("what waits for %s: %w", sink, err)
	}
	return out, nil
}

func (d *Dir) waiting(sink string) ([]deliver.Parcel, error) {
	if !validID(sink) {
		return nil, fmt.Errorf("%q is no name", sink)
	}
	dir := filepath.Join(spoolName, sink)
	f, err := d.folder(dir, false)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	switch free, err := d.take(sink); {
	case err != nil:
		return nil, err
	case !free:
		d.note("another run delivers what waits for %s", sink)
		return nil, nil
	}
	items, err := f.items()
	if err != nil {
		return nil, err
	}
	var out []deliver.Parcel
	var z gzip.Reader
	b := bufio.NewReaderSize(nil, 512)
	for _, it := range items {
		if it.mark != "" {
			continue
		}
		at, carried, err := f.look(it, &z, b)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue // settled or dropped meanwhile
		case errors.As(err, new(*fs.PathError)):
			d.note("%s: %v", filepath.Join(dir, it.name), err)
			continue
		case err != nil:
			_ = d.setAside(dir, it.name, err) // told in the notes
			continue
		case carried && d.parcels[sink][it.runID] != it.name:
			continue // its own run lives
		}
		d.remind(sink, it.runID, it.name)
		out = append(out, deliver.Parcel{RunID: it.runID, Time: at, Load: func() (*report.Report, error) {
			d.mu.Lock()
			defer d.mu.Unlock()
			return d.load(dir, it.name, it.runID)
		}})
	}
	return out, nil
}

// take gets the lock of a sink and keeps it until Release.
func (d *Dir) take(sink string) (bool, error) {
	if d.readOnly || d.sinks[sink] != nil {
		return true, nil
	}
	l, err := d.lockFile(filepath.Join(spoolName, sink+".lock"))
	if err != nil {
		return false, err
	}
	ok, err := tryLock(l, false)
	if !ok || err != nil {
		l.Close()
		return false, err
	}
	d.sinks[sink] = l
	return true, nil
}

// look reads the head of a parcel, and whether a living run holds it.
func (f *folder) look(it item, z *gzip.Reader, b *bufio.Reader) (at time.Time, carried bool, err error) {
	file, err := f.open(it.name, maxPacked)
	if err != nil {
		return at, false, err
	}
	defer file.Close()
	free, err := tryLock(file, true)
	if err != nil {
		return at, false, err
	}
	b.Reset(file)
	at, err = head(z, b, it.runID)
	return at, !free, err
}

// load reads a report; one that is damaged is set aside. Called with mu held.
func (d *Dir) load(dir, name, runID string) (*report.Report, error) {
	r, err := d.unpack(dir, name)
	if err == nil && r.Context.RunID != runID {
		err = errors.New("the report of another run")
	}
	if err == nil {
		return r, nil
	}
	if !errors.As(err, new(*fs.PathError)) { // what cannot be read now is not damaged
		_ = d.setAside(dir, name, err) // told in the notes
	}
	return nil, fmt.Errorf("%s: %w", filepath.Join(dir, name), err)
}

func (d *Dir) unpack(dir, name string) (*report.Report, error) {
	f, err := d.folder(dir, false)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	file, err := f.open(name, maxPacked)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return Unpack(file)
}

// remind notes the file of a parcel, so that it can be settled by its run.
func (d *Dir) remind(sink, runID, name string) {
	if d.parcels[sink] == nil {
		d.parcels[sink] = map[string]string{}
	}
	d.parcels[sink][runID] = name
}

// Settle takes a parcel out of what waits for a sink. What the sink will never
// take stays under a name that says so. A process may die right after; that the
// names are on disk too, for when the machine dies, Release sees to.
func (d *Dir) Settle(sink, runID string, fate deliver.Fate) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	name, ok := d.parcels[sink][runID]
	if !ok {
		return nil // it was never kept, or set aside
	}
	dir := filepath.Join(spoolName, sink)
	var err error
	switch fate {
	case deliver.Delivered:
		err = d.root.Remove(filepath.Join(dir, name))
	case deliver.Expired, deliver.Rejected:
		err = d.root.Rename(filepath.Join(dir, name), filepath.Join(dir, name+"."+string(fate)))
	default:
		return fmt.Errorf("no fate: %q", fate)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("state directory %s: run %s would be sent to %s again: %w", d.path, runID, sink, err)
	}
	delete(d.parcels[sink], runID)
	d.dirty[sink] = true
	return nil
}

// rotate keeps everything within its bounds. Called with the lock of writers.
func (d *Dir) rotate() error {
	sinks, err := d.sinkNames()
	if err != nil {
		return err
	}
	errs := []error{d.prune(runsName, nil)}
	for _, sink := range sinks {
		errs = append(errs, d.prune(filepath.Join(spoolName, sink), func(dropped int) {
			d.note("%s dropped from what waits for %s: more than %d or %d MB", count(dropped, "oldest report"),
				sink, d.limits.Parcels, d.limits.ParcelBytes>>20)
		}))
	}
	return together(errs...)
}

// prune removes the oldest reports of a folder beyond its bounds; the newest
// stays in any case. tell is told of parcels that nobody has got.
func (d *Dir) prune(dir string, tell func(dropped int)) error {
	most, room := d.limits.Runs, d.limits.RunBytes
	if tell != nil {
		most, room = d.limits.Parcels, d.limits.ParcelBytes
	}
	f, err := d.folder(dir, false)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	items, err := f.items()
	if err != nil {
		return err
	}
	slices.Reverse(items)
	kept, marked, dropped, size := 0, 0, 0, int64(0)
	for _, it := range items {
		fi, err := f.Lstat(it.name)
		if err != nil {
			continue
		}
		if !fi.Mode().IsRegular() || fi.Size() > maxPacked {
			if err := d.setAside(dir, it.name, errForeign); err != nil {
				return err
			}
			continue
		}
		size += fi.Size()
		if it.mark != "" {
			marked++
		} else {
			kept++
		}
		over := kept > most || size > room && kept+marked > 1
		if it.mark != "" {
			over = marked > maxMarked || size > room
		}
		if !over {
			continue
		}
		size -= fi.Size()
		if err := f.Remove(it.name); err != nil {
			return err
		}
		if it.mark == "" {
			dropped++
		}
	}
	if dropped > 0 && tell != nil {
		tell(dropped)
	}
	return nil
}

func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// Shelf is what stands in the spool of one sink.
type Shelf struct {
	Sink     string `json:"sink"`
	Waiting  int    `json:"waiting"`
	Expired  int    `json:"expired"`
	Rejected int    `json:"rejected"`
}

// Shelves lists the sinks with something in their spool.
func (d *Dir) Shelves() ([]Shelf, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	names, err := d.sinkNames()
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	var out []Shelf
	for _, n := range names {
		items, err := d.list(filepath.Join(spoolName, n))
		if err != nil {
			d.note("%s: %v", n, err)
			continue
		}
		s := Shelf{Sink: n}
		for _, it := range items {
			switch it.mark {
			case "":
				s.Waiting++
			case string(deliver.Expired):
				s.Expired++
			default:
				s.Rejected++
			}
		}
		if len(items) > 0 {
			out = append(out, s)
		}
	}
	return out, nil
}

// Last opens the last report: last-report.json, or the newest of runs where a
// run died between the two.
func (d *Dir) Last() (*report.Report, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f, err := (&folder{d.root, d, "."}).open(LastReport, report.MaxBytes)
	if err == nil {
		defer f.Close()
		r, err := report.Read(f)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Join(d.path, LastReport), err)
		}
		return r, nil
	}
	items, lerr := d.list(runsName)
	if !errors.Is(err, fs.ErrNotExist) || lerr != nil || len(items) == 0 {
		return nil, fmt.Errorf("%s: %w", filepath.Join(d.path, LastReport), bare(err))
	}
	return d.load(runsName, items[len(items)-1].name, items[len(items)-1].runID)
}
