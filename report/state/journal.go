package state

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"vpcdoctor/report/history"
)

const (
	historyName  = "history.jsonl"
	historyOlder = "history.1.jsonl"

	// tailBytes is as much of the history as a run reads: some 90 runs.
	tailBytes = 64 << 10
	// maxHistory bounds what is read of one file, whoever wrote it.
	maxHistory = 4 << 20
)

// remember adds a line to the history. A line goes out in one write; what a
// dying process leaves of one is closed by the next line and skipped by readers.
// Called with the lock of writers.
func (d *Dir) remember(e history.Entry) error {
	line, err := e.Line()
	if err != nil {
		return err
	}
	f, size, err := d.journal()
	if err != nil {
		return err
	}
	if size > 0 && size+int64(len(line)) > d.limits.History {
		f.Close()
		if err := d.root.Rename(historyName, historyOlder); err != nil {
			return err
		}
		if f, size, err = d.journal(); err != nil {
			return err
		}
	}
	defer f.Close()
	if size > 0 {
		end := make([]byte, 1)
		if _, err := f.ReadAt(end, size-1); err != nil {
			return err
		}
		if end[0] != '\n' {
			line = append([]byte{'\n'}, line...)
		}
	}
	if _, err := f.WriteAt(line, size); err != nil {
		return together(err, f.Truncate(size)) // a full disk took half a line
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if size == 0 {
		return syncDir(d.root, ".")
	}
	return nil
}

// journal opens the history for another line. What is not a file of ours under
// its name is set aside.
func (d *Dir) journal() (*os.File, int64, error) {
	before, err := d.root.Lstat(historyName)
	if err == nil {
		_, links := owner(before)
		if !before.Mode().IsRegular() || !d.ours(before) || links > 1 || before.Size() > maxHistory {
			if err := d.setAside(".", historyName, errForeign); err != nil {
				return nil, 0, err
			}
			before = nil
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, 0, err
	}
	f, err := d.root.OpenFile(historyName, os.O_RDWR|os.O_CREATE|nonblock, 0o600)
	if err != nil {
		return nil, 0, err
	}
	now, err := f.Stat()
	if err != nil || !now.Mode().IsRegular() || before != nil && !os.SameFile(before, now) {
		f.Close()
		return nil, 0, fmt.Errorf("%s was replaced while it was opened", historyName)
	}
	return f, now.Size(), nil
}

// lastLine is the number of the last run in the history, zero without one. A
// few lines tell it, unless they are damaged or the file was just turned over.
func (d *Dir) lastLine() (last uint64) {
	for _, name := range []string{historyName, historyOlder} {
		for _, n := range []int64{4 << 10, maxHistory} {
			entries, more, _ := d.read(name, n)
			for _, e := range entries {
				last = max(last, e.Seq)
			}
			if last > 0 {
				return last
			}
			if !more {
				break
			}
		}
	}
	return 0
}

// Recent is the end of the history, oldest first, and whether there is more
// before it.
func (d *Dir) Recent() (entries []history.Entry, more bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	entries, more, err = d.tail(tailBytes)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return entries, more, fmt.Errorf("state directory %s: %w", d.path, err)
	}
	return entries, more, nil
}

// History is all of it, oldest first.
func (d *Dir) History() ([]history.Entry, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	older, _, err := d.read(historyOlder, maxHistory)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		d.note("%s: %v", historyOlder, err)
	}
	newer, _, err := d.read(historyName, maxHistory)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		d.note("%s: %v", historyName, err)
	}
	return append(older, newer...), nil
}

// tail reads the end of the history. Called with mu held.
func (d *Dir) tail(n int64) ([]history.Entry, bool, error) {
	entries, more, err := d.read(historyName, n)
	if len(entries) < history.Window && !more {
		// It was turned over a moment ago.
		older, before, err := d.read(historyOlder, n)
		if err == nil {
			return append(older, entries...), before, nil
		}
	} else if !more {
		_, err := d.root.Lstat(historyOlder)
		more = err == nil
	}
	return entries, more, err
}

// read reads the last n bytes of a file of history.
func (d *Dir) read(name string, n int64) (entries []history.Entry, more bool, err error) {
	f, err := (&folder{d.root, d, "."}).open(name, 1<<40)
	if err != nil {
		return nil, false, err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return nil, false, err
	}
	from := max(0, fi.Size()-n)
	entries, bad, err := parseHistory(io.NewSectionReader(f, from, n), from > 0)
	// A run that died leaves half a line. A run that comes later has better things
	// to tell, until nothing else is left; who reads the history is told.
	if bad > 0 && (d.readOnly || len(entries) == 0) {
		d.note("%s: %s not understood and left out", name, count(bad, "line"))
	}
	return entries, from > 0, err
}

// parseHistory reads lines. The first one may be the end of a line that starts
// before what is read.
func parseHistory(r io.Reader, partial bool) (entries []history.Entry, bad int, err error) {
	b := bufio.NewReaderSize(r, history.MaxBytes+1)
	for first := true; ; first = false {
		line, err := b.ReadSlice('\n')
		long := errors.Is(err, bufio.ErrBufferFull)
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = b.ReadSlice('\n')
		}
		end := errors.Is(err, io.EOF)
		if err != nil && !end {
			return entries, bad, err
		}
		line = bytes.TrimSpace(line)
		e, wrong := history.Parse(line)
		switch {
		case first && partial, len(line) == 0 && !long:
		case long, wrong != nil:
			bad++
		default:
			entries = append(entries, e)
		}
		if end {
			return entries, bad, nil
		}
	}
}
