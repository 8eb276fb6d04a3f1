package state

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Bounds of reading.
const (
	maxList   = 5000     // names of one folder
	maxPacked = 8 << 20  // bytes of one report on disk; one of every service of the largest Region has 200 kB
	maxPlain  = 16 << 20 // bytes of one report, unpacked
	maxSeq    = 100_000_000_000_000
	seqDigits = 12
	maxRunID  = 64
	suffix    = ".json.gz"
)

// folder is one directory inside the state directory.
type folder struct {
	*os.Root
	d    *Dir
	name string
}

// folder opens a directory, and makes it when told so.
func (d *Dir) folder(name string, create bool) (*folder, error) {
	if create {
		if err := d.makeAll(name); err != nil {
			return nil, err
		}
	}
	fi, err := d.root.Lstat(name)
	switch {
	case err != nil:
		return nil, err
	case !fi.IsDir():
		return nil, fmt.Errorf("%s is not a directory: move it away", name)
	case !d.ours(fi):
		return nil, fmt.Errorf("%s belongs to another user: move it away", name)
	}
	r, err := d.root.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	return &folder{r, d, name}, nil
}

// makeAll makes a folder and those above it, and puts their names on disk.
func (d *Dir) makeAll(name string) error {
	if _, err := d.root.Lstat(name); err == nil {
		return nil
	}
	parent := filepath.Dir(name)
	if parent != "." {
		if err := d.makeAll(parent); err != nil {
			return err
		}
	}
	if err := d.root.Mkdir(name, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(d.root, parent)
}

func (f *folder) sync() error { return syncDir(f.Root, ".") }

// item is one report in a folder.
type item struct {
	seq   uint64
	runID string
	mark  string // "", "expired", "rejected"
	name  string
}

// fileName is the name of a report.
func fileName(seq uint64, runID string) string {
	return fmt.Sprintf("%0*d-%s%s", seqDigits, seq, runID, suffix)
}

// parseName reads what fileName wrote, with a mark or without.
func parseName(name string) (item, bool) {
	base, mark, found := strings.Cut(name, suffix)
	if !found || mark != "" && mark != ".expired" && mark != ".rejected" {
		return item{}, false
	}
	digits, id, found := strings.Cut(base, "-")
	seq, err := strconv.ParseUint(digits, 10, 64)
	if !found || err != nil || seq >= maxSeq || !validID(id) || fileName(seq, id) != base+suffix {
		return item{}, false
	}
	return item{seq: seq, runID: id, mark: strings.TrimPrefix(mark, "."), name: name}, true
}

// validID tells whether a run id or the name of a sink can be part of a file's
// name.
func validID(id string) bool {
	if id == "" || len(id) > maxRunID {
		return false
	}
	for _, c := range []byte(id) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '-' {
			return false
		}
	}
	return true
}

// names are what stands in a folder, in no order, so many at most.
func (f *folder) names(most int) ([]string, error) {
	dir, err := f.Open(".")
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(most)
	if errors.Is(err, io.EOF) {
		err = nil // an empty one
	}
	return names, err
}

// items lists the reports of a folder, oldest first. Other names are none of
// our business.
func (f *folder) items() ([]item, error) {
	names, err := f.names(maxList)
	if err != nil {
		return nil, err
	}
	if len(names) == maxList {
		return nil, fmt.Errorf("%s holds %d files or more: clear it", f.name, maxList)
	}
	var out []item
	for _, n := range names {
		if it, ok := parseName(n); ok {
			out = append(out, it)
		}
	}
	slices.SortFunc(out, func(a, b item) int { return cmp.Or(cmp.Compare(a.seq, b.seq), cmp.Compare(a.name, b.name)) })
	return out, nil
}

// errForeign is the reason to set something aside.
var errForeign = errors.New("not a file of ours")

// open opens a regular file of ours with at most limit bytes. A link is not
// followed, and a pipe does not hang.
func (f *folder) open(name string, limit int64) (*os.File, error) {
	before, err := f.Lstat(name)
	switch {
	case err != nil:
		return nil, err
	case !before.Mode().IsRegular() || !f.d.ours(before):
		return nil, errForeign
	case before.Size() > limit:
		return nil, fmt.Errorf("larger than %d MB", limit>>20)
	}
	file, err := f.OpenFile(name, os.O_RDONLY|nonblock, 0)
	if err != nil {
		return nil, err
	}
	if now, err := file.Stat(); err != nil || !os.SameFile(before, now) {
		file.Close()
		return nil, errForeign
	}
	return file, nil
}
