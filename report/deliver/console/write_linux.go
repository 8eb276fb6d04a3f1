package console

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// writeTo writes lines to a path, one write for each, and returns how many it
// took. terminal tells that nothing but a terminal will do.
func writeTo(ctx context.Context, path string, terminal bool, lines []string) (n int, err error) {
	fd, tty, err := open(path, terminal)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	// Others may have left the cursor inside a line.
	if err := put(ctx, fd, "\n"); err != nil {
		return 0, gaveUp(fd, tty, path, 0, len(lines), err)
	}
	for n, l := range lines {
		if err := put(ctx, fd, l+"\n"); err != nil {
			return n, gaveUp(fd, tty, path, n, len(lines), err)
		}
	}
	return len(lines), nil
}

// gaveUp is the error for lines that a console did not take. What waits in a
// terminal's queue is thrown away: closing it, or ending the program, would
// wait for that, up to 30 s (closing_wait of a serial line).
func gaveUp(fd int, tty bool, path string, n, of int, err error) error {
	if tty {
		_ = unix.IoctlSetInt(fd, unix.TCFLSH, unix.TCOFLUSH)
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return fmt.Errorf("%s took %d of %d lines in time: is its output stopped?", path, n, of)
	}
	return fmt.Errorf("%s took %d of %d lines: %w", path, n, of, err)
}

// open opens a path for writing without ever waiting, and tells whether it is
// a terminal. Only a terminal may stand behind a symbolic link: /dev/console of
// a container is one. What else may be written to when it was named is a pipe
// with a reader, and a regular file of our own with one name.
func open(path string, terminal bool) (fd int, tty bool, err error) {
	const flags = unix.O_WRONLY | unix.O_APPEND | unix.O_NOCTTY | unix.O_NONBLOCK | unix.O_CLOEXEC
	linked := false
	fd, err = unix.Open(path, flags|unix.O_NOFOLLOW, 0)
	if errors.Is(err, unix.ELOOP) {
		linked = true
		fd, err = unix.Open(path, flags, 0)
	}
	switch {
	case errors.Is(err, unix.ENXIO):
		return 0, false, fmt.Errorf("%s: nothing is behind it: a pipe without a reader, or a port that this machine does not have", path)
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		return 0, false, fmt.Errorf("%s: permission denied (needs root)", path)
	case err != nil:
		return 0, false, fmt.Errorf("%s: %w", path, err)
	}
	tty, err = suits(fd, linked || terminal)
	if err != nil {
		_ = unix.Close(fd)
		return 0, false, fmt.Errorf("%s: %w", path, err)
	}
	return fd, tty, nil
}

// suits tells whether an open file may be written to.
func suits(fd int, terminal bool) (tty bool, err error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return false, err
	}
	kind := st.Mode & unix.S_IFMT
	if kind == unix.S_IFCHR {
		_, err := unix.IoctlGetTermios(fd, unix.TCGETS)
		tty = err == nil
	}
	switch {
	case tty:
		return true, nil
	case terminal || kind == unix.S_IFCHR:
		return false, errors.New("not a terminal")
	case kind == unix.S_IFIFO:
		return false, nil
	case kind != unix.S_IFREG:
		return false, errors.New("neither a terminal nor a pipe nor a file")
	case int(st.Uid) != os.Geteuid() || st.Nlink != 1:
		return false, errors.New("a file of somebody else, or one with several names")
	}
	return false, nil
}

// patience is how long one look at a descriptor may take before the context is
// asked again.
const patience = 50 * time.Millisecond

// put writes a text, in one write where the other side has room for it.
func put(ctx context.Context, fd int, s string) error {
	b := []byte(s)
	for len(b) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := unix.Write(fd, b)
		b = b[max(n, 0):]
		switch {
		case err == nil && n > 0, errors.Is(err, unix.EINTR):
			continue
		case err == nil, errors.Is(err, unix.EAGAIN):
		default:
			return err
		}
		p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
		if _, err := unix.Poll(p, int(patience.Milliseconds())); err != nil && !errors.Is(err, unix.EINTR) {
			return err
		}
		if p[0].Revents&(unix.POLLERR|unix.POLLHUP|unix.POLLNVAL) != 0 {
			return syscall.EPIPE
		}
	}
	return nil
}
