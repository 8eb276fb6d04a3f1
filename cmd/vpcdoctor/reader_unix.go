//go:build unix

package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// readerGone tells whether nobody can read any more what is written to a file.
// A pipe says so without a write, and a watch may have nothing to write for
// hours.
func readerGone(f *os.File) bool {
	p := []unix.PollFd{{Fd: int32(f.Fd())}}
	n, err := unix.Poll(p, 0)
	return err == nil && n > 0 && p[0].Revents&(unix.POLLERR|unix.POLLNVAL) != 0
}
