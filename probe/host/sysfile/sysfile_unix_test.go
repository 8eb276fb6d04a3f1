//go:build unix

package sysfile

import (
	"errors"
	"path/filepath"
	"syscall"
	"testing"
)

// TestReadNeverBlocks puts a pipe where a file should be: without O_NONBLOCK
// the open waits for a writer that never comes.
func TestReadNeverBlocks(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Skip("making a named pipe: ", err)
	}
	if _, err := Root(dir).Read("/pipe", 10); !errors.Is(err, ErrNotRegular) {
		t.Errorf("a named pipe: %v", err)
	}
	if names, err := Root(dir).Names("/pipe", 10); err == nil {
		t.Errorf("a named pipe in a directory's place: %q", names)
	}
}
