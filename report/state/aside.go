package state

import (
	"path/filepath"
	"slices"
)

// What is set aside is kept for people to look at, so much of it and no more.
const (
	maxBad      = 20
	maxBadBytes = 20 << 20
)

// setAside moves what was not understood out of the way, whatever it is: a link
// is moved, not followed. Called with mu held.
func (d *Dir) setAside(dir, name string, why error) error {
	if d.readOnly {
		return nil
	}
	bad, err := d.folder(badName, true)
	if err != nil {
		return err
	}
	defer bad.Close()
	from := filepath.Join(dir, name)
	if err := d.root.Rename(from, filepath.Join(badName, name)); err != nil {
		d.note("%s is not understood (%v) and cannot be set aside: %v", from, why, bare(err))
		return err
	}
	d.note("%s is not understood (%v): now in %s", from, why, badName)
	bad.trim()
	return nil
}

// trim keeps the folder within its bounds.
func (f *folder) trim() {
	names, err := f.names(maxList)
	if err != nil {
		return
	}
	slices.Sort(names)
	slices.Reverse(names) // numbers lead the names: what is newer stays
	bytes := int64(0)
	for i, n := range names {
		fi, err := f.Lstat(n)
		if err != nil {
			continue
		}
		if bytes += fi.Size(); i >= maxBad || bytes > maxBadBytes {
			_ = f.Remove(n) // a folder with something in it stays
		}
	}
}
