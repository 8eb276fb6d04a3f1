// Package sysfile reads the system's files for the probes: bounded, never
// blocking, below a root directory that tests replace.
//
// In goes a path as the running system knows it ("/proc/stat"), out come its
// bytes or an error of package io/fs. It must never follow a named pipe or a
// device into a hang, never read without a bound, and never write.
package sysfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

// ErrTooLarge says that a file is longer than its reader was willing to take.
var ErrTooLarge = errors.New("file is larger than the limit")

// ErrNotRegular says that a path names a pipe, a device or a directory.
var ErrNotRegular = errors.New("not a regular file")

// Root is the directory that stands for "/". Empty means the real one.
type Root string

// path is where a file of the system lies below the root.
func (r Root) path(name string) string {
	if r == "" {
		return filepath.FromSlash(name)
	}
	return filepath.Join(string(r), filepath.FromSlash(name))
}

// Open opens a regular file for reading. O_NONBLOCK keeps a named pipe in its
// place from blocking the open until somebody writes.
func (r Root) Open(name string) (io.ReadCloser, error) {
	f, err := os.OpenFile(r.path(name), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("opening %s: %w", name, ErrNotRegular)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Read returns a whole file of at most limit bytes. A longer one gives its
// first limit bytes together with ErrTooLarge, and the caller decides whether
// a beginning is of use.
func (r Root) Read(name string, limit int) ([]byte, error) {
	f, err := r.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, int64(limit)+1))
	if len(b) > limit {
		return b[:limit], fmt.Errorf("reading %s: %w", name, ErrTooLarge)
	}
	return b, err
}

// ReadInto reads a file into buf and returns its length. It makes no copy, so
// that a caller who must not keep the content can wipe buf.
func (r Root) ReadInto(name string, buf []byte) (int, error) {
	f, err := r.Open(name)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	n, err := io.ReadFull(f, buf)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return n, nil
	case err != nil:
		return n, err
	}
	return n, fmt.Errorf("reading %s: %w", name, ErrTooLarge)
}

// Readlink returns the text of a symbolic link.
func (r Root) Readlink(name string) (string, error) { return os.Readlink(r.path(name)) }

// Stat describes the file that a path leads to.
func (r Root) Stat(name string) (fs.FileInfo, error) { return os.Stat(r.path(name)) }

// Names lists a directory in sorted order, at most limit entries.
func (r Root) Names(dir string, limit int) ([]string, error) {
	f, err := os.OpenFile(r.path(dir), os.O_RDONLY|syscall.O_NONBLOCK, 0) // a named pipe here, too
	if err != nil {
		return nil, err
	}
	defer f.Close()
	names, err := f.Readdirnames(limit)
	if errors.Is(err, io.EOF) {
		err = nil // an empty directory
	}
	slices.Sort(names)
	return names, err
}

// Tail returns the last limit bytes of a file at most, as its reader finds it;
// cut tells that something stands before them.
func (r Root) Tail(name string, limit int) (b []byte, cut bool, err error) {
	f, err := r.Open(name)
	if err != nil {
		return nil, false, err
	}
	defer f.Close()
	if s, ok := f.(io.Seeker); ok {
		// A file shorter than the limit refuses the seek and stays at its start.
		at, err := s.Seek(-int64(limit), io.SeekEnd)
		cut = err == nil && at > 0
	}
	b, err = io.ReadAll(io.LimitReader(f, int64(limit)))
	return b, cut, err
}

// Space is the state of a file system as statfs(2) tells it for one path.
type Space struct {
	Bytes, Free        uint64 // Free is what root may use
	Inodes, FreeInodes uint64 // zero where the file system has no fixed number
	ReadOnly, NoExec   bool
}
