//go:build unix

package state

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// nonblock keeps the opening of a pipe that somebody put here from hanging.
const nonblock = syscall.O_NONBLOCK

// locks: a file can be locked, and renamed while it is open.
const locks = true

// tryLock takes a lock on an open file without waiting; a dying process loses
// it. shared only looks whether somebody holds it alone.
func tryLock(f *os.File, shared bool) (bool, error) {
	how := syscall.LOCK_EX
	if shared {
		how = syscall.LOCK_SH
	}
	for {
		err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.EWOULDBLOCK):
			return false, nil
		default:
			return false, &fs.PathError{Op: "lock", Path: f.Name(), Err: err}
		}
	}
}

// owner of a file, and how many names it has.
func owner(fi fs.FileInfo) (uid int, links uint64) {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		return int(st.Uid), uint64(st.Nlink) //nolint:unconvert // not 64 bits on every system
	}
	return -1, 1
}

// openToAll tells a directory in which anybody may replace our files.
func openToAll(fi fs.FileInfo) bool {
	return fi.Mode()&0o002 != 0 && fi.Mode()&fs.ModeSticky == 0
}

// syncDir puts the names of a directory on disk.
func syncDir(r *os.Root, name string) error {
	f, err := r.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
