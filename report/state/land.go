package state

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"vpcdoctor/report"
	"vpcdoctor/report/history"
)

// LastReport is the name of the last report, unpacked, for people and for
// diagnose, fix, diff and render.
const LastReport = "last-report.json"

// Land keeps a finished run: its whole report, as a parcel for each of the
// named sinks too, then its line of the history, which is history.Of, and the
// last report. What can be kept is kept, whatever fails beside it.
func (d *Dir) Land(r *report.Report, entry history.Entry, sinks []string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.land(r, entry, sinks); err != nil {
		return fmt.Errorf("state directory %s: %w", d.path, err)
	}
	return nil
}

func (d *Dir) land(r *report.Report, entry history.Entry, sinks []string) error {
	for _, id := range append([]string{r.Context.RunID}, sinks...) {
		if !validID(id) {
			return fmt.Errorf("not kept: %q is no name", id)
		}
	}
	var plain bytes.Buffer
	if err := r.WriteJSON(&plain); err != nil {
		return err
	}
	if plain.Len() > maxPlain {
		return fmt.Errorf("not kept: the report has more than %d MB", maxPlain>>20)
	}
	unlock, err := d.lock(d.wait)
	if err != nil {
		return fmt.Errorf("this run is not kept: %w", spoken(err))
	}
	defer unlock()
	seq := d.next()
	var errs []error
	step := func(what string, err error) {
		// A full disk is told once.
		if err != nil && (len(errs) == 0 || !full(err)) {
			errs = append(errs, fmt.Errorf("%s: %w", what, spoken(err)))
		}
	}
	step("whole report not kept", d.landRun(r, fileName(seq, r.Context.RunID), plain.Bytes(), sinks))
	entry.Seq = seq
	step("no line in the history", d.remember(entry))
	step("last report not kept", d.landLast(plain.Bytes()))
	step("old runs", d.rotate())
	return together(errs...)
}

// landRun writes the packed report once, and gives it a name for each sink and
// last the one in runs. The lock on it tells other runs that its carrier lives.
func (d *Dir) landRun(r *report.Report, name string, plain []byte, sinks []string) error {
	tmp, f, err := d.temporary("run", func(w io.Writer) error { return pack(w, plain, r.Context.RunID, r.At()) })
	if err != nil {
		return err
	}
	for _, c := range d.claim {
		c.Close() // of a run before this one in the same process
	}
	d.claim = nil
	d.hold(f)
	var errs []error
	for _, sink := range sinks {
		errs = append(errs, d.spool(sink, name, tmp, r.Context.RunID))
	}
	runs, err := d.folder(runsName, true)
	if err != nil {
		return together(append(errs, err, d.root.Remove(tmp))...)
	}
	defer runs.Close()
	if err := d.root.Rename(tmp, filepath.Join(runsName, name)); err != nil {
		return together(append(errs, err, d.root.Remove(tmp))...)
	}
	return together(append(errs, runs.sync())...)
}

// spool gives the report a name in the folder of a sink.
func (d *Dir) spool(sink, name, tmp, runID string) error {
	dir := filepath.Join(spoolName, sink)
	f, err := d.folder(dir, true)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := d.root.Link(tmp, filepath.Join(dir, name)); err != nil {
		if err := d.copyTo(filepath.Join(dir, name), tmp); err != nil { // a file system without links
			return err
		}
	}
	d.remind(sink, runID, name)
	return f.sync()
}

// hold keeps the lock on a report of the run at hand until Release.
func (d *Dir) hold(f *os.File) {
	if !locks {
		f.Close()
		return
	}
	d.claim = append(d.claim, f)
}

// copyTo is Link where there are no links. The copy is locked like the first.
func (d *Dir) copyTo(name, from string) error {
	src, err := d.root.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	tmp, f, err := d.temporary("copy", func(w io.Writer) error { _, err := io.Copy(w, src); return err })
	if err != nil {
		return err
	}
	d.hold(f)
	if err := d.root.Rename(tmp, name); err != nil {
		return together(err, d.root.Remove(tmp))
	}
	return nil
}

// landLast replaces the last report.
func (d *Dir) landLast(plain []byte) error {
	tmp, f, err := d.temporary("last", func(w io.Writer) error { _, err := w.Write(plain); return err })
	if err != nil {
		return err
	}
	f.Close()
	if err := d.root.Rename(tmp, LastReport); err != nil {
		return together(err, d.root.Remove(tmp))
	}
	return syncDir(d.root, ".")
}

// temporary writes a file that has no name yet that counts, and flushes it. It
// is open and locked. Only the holder of the lock of writers is here, so that
// what stands under the name was left by a run that died.
func (d *Dir) temporary(name string, fill func(io.Writer) error) (string, *os.File, error) {
	dir, err := d.folder(tmpName, true)
	if err != nil {
		return "", nil, err
	}
	defer dir.Close()
	if err := dir.RemoveAll(name); err != nil {
		return "", nil, err
	}
	f, err := dir.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", nil, err
	}
	_, err = tryLock(f, false)
	if err = together(err, fill(f), f.Sync()); err != nil {
		f.Close()
		return "", nil, together(err, dir.Remove(name))
	}
	return filepath.Join(tmpName, name), f, nil
}

// Room tells whether a report could be kept now: it writes something of that
// size and removes it.
func (d *Dir) Room() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	unlock, err := d.lock(d.wait)
	if err != nil {
		return err
	}
	defer unlock()
	_, f, err := d.temporary("room", func(w io.Writer) error { _, err := w.Write(make([]byte, 128<<10)); return err })
	if err != nil {
		return err
	}
	f.Close()
	return d.root.Remove(filepath.Join(tmpName, "room"))
}

// next is the number of the next run: one above all that exist, in runs, in
// every spool and in the history. What cannot be read is told when something is
// to be written there.
func (d *Dir) next() uint64 {
	var last uint64
	dirs := []string{runsName}
	sinks, _ := d.sinkNames()
	for _, s := range sinks {
		dirs = append(dirs, filepath.Join(spoolName, s))
	}
	for _, name := range dirs {
		items, _ := d.list(name)
		for _, it := range items {
			last = max(last, it.seq)
		}
	}
	return max(last, d.lastLine()) + 1
}

// list lists the reports of a folder; one that is not there has none.
func (d *Dir) list(name string) ([]item, error) {
	f, err := d.folder(name, false)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.items()
}

// sinkNames are the sinks that have a folder.
func (d *Dir) sinkNames() ([]string, error) {
	f, err := d.folder(spoolName, false)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	names, err := f.names(maxSinks)
	return slices.DeleteFunc(names, func(n string) bool { return !validID(n) }), err
}

// maxSinks bounds the folders of sinks, and their locks.
const maxSinks = 100

// mend puts in order what a run that died has left: a report in runs that has
// no line in the history gets one. When another run is at work it is that one's
// task.
func (d *Dir) mend() error {
	unlock, err := d.lock(0)
	if errors.Is(err, ErrBusy) {
		return nil
	}
	if err != nil {
		return bare(err)
	}
	defer unlock()
	d.mu.Lock()
	defer d.mu.Unlock()
	items, err := d.list(runsName)
	if err != nil {
		d.note("earlier runs: %v", err)
		return nil
	}
	if len(items) == 0 {
		return nil
	}
	last := d.lastLine()
	for _, it := range items {
		if it.seq <= last {
			continue
		}
		r, err := d.load(runsName, it.name, it.runID)
		if err != nil {
			continue // set aside and told
		}
		e := history.Of(r)
		e.Seq = it.seq
		if err := d.remember(e); err != nil {
			d.note("history: %v", err)
			return nil
		}
	}
	return nil
}
