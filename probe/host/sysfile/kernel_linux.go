package sysfile

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
)

// Space asks for the file system under a path.
func (r Root) Space(name string) (Space, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(r.path(name), &st); err != nil {
		return Space{}, &fs.PathError{Op: "statfs", Path: name, Err: err}
	}
	const readOnly, noExec = 1, 8 // ST_RDONLY and ST_NOEXEC of statfs(2)
	block := uint64(max(st.Frsize, 1))
	return Space{
		Bytes: st.Blocks * block, Free: st.Bfree * block,
		Inodes: st.Files, FreeInodes: st.Ffree,
		ReadOnly: st.Flags&readOnly != 0, NoExec: st.Flags&noExec != 0,
	}, nil
}

// maxRecord is the length of the kernel's longest log record (CONSOLE_EXT_LOG_MAX).
const maxRecord = 8192

// Records reads what a log device such as /dev/kmsg holds now, oldest record
// first, and never waits for more: at most limit bytes, then ErrTooLarge. Each
// record ends with a line feed. A regular file in its place is read as it is.
func (r Root) Records(name string, limit int) ([]byte, error) {
	fd, err := retry(func() (int, error) {
		return syscall.Open(r.path(name), syscall.O_RDONLY|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	})
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	// The descriptor stays out of package os, whose poller would wait for the
	// device to become readable.
	defer func() { _ = syscall.Close(fd) }()
	var st syscall.Stat_t
	if err := syscall.Fstat(fd, &st); err != nil {
		return nil, &fs.PathError{Op: "stat", Path: name, Err: err}
	}
	if kind := st.Mode & syscall.S_IFMT; kind != syscall.S_IFCHR && kind != syscall.S_IFREG {
		return nil, fmt.Errorf("opening %s: %w", name, ErrNotRegular)
	}
	var out []byte
	buf := make([]byte, maxRecord)
	for lost := 0; len(out) < limit; {
		n, err := retry(func() (int, error) { return syscall.Read(fd, buf) })
		switch {
		case errors.Is(err, syscall.EPIPE) && lost < 16: // overwritten while we read; the next one is there
			lost++
			continue
		case errors.Is(err, syscall.EAGAIN), err == nil && n == 0:
			return out, nil
		case err != nil:
			return out, &fs.PathError{Op: "read", Path: name, Err: err}
		}
		out = append(out, buf[:n]...)
	}
	return out[:limit], fmt.Errorf("reading %s: %w", name, ErrTooLarge)
}

// retry repeats a call that a signal interrupted.
func retry(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if !errors.Is(err, syscall.EINTR) {
			return n, err
		}
	}
}
