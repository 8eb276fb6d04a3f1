package sysfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestSpace(t *testing.T) {
	dir := t.TempDir()
	s, err := Root(dir).Space("/")
	if err != nil || s.Bytes == 0 || s.Free > s.Bytes {
		t.Errorf("%+v, %v", s, err)
	}
	if _, err := Root(dir).Space("/none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no such directory: %v", err)
	}
	if s, err := Root("").Space("/proc"); err != nil || s.Free != 0 {
		t.Errorf("a file system without blocks: %+v, %v", s, err)
	}
}

func TestRecords(t *testing.T) {
	dir := t.TempDir()
	text := strings.Repeat("6,1,2,-;text\n", 2000)
	if err := os.WriteFile(filepath.Join(dir, "log"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if b, err := Root(dir).Records("/log", 1<<20); err != nil || string(b) != text {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	if b, err := Root(dir).Records("/log", 100); !errors.Is(err, ErrTooLarge) || len(b) != 100 {
		t.Errorf("over the limit: %d bytes, %v", len(b), err)
	}
	if _, err := Root(dir).Records("/none", 100); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if _, err := Root(dir).Records("/", 100); !errors.Is(err, ErrNotRegular) {
		t.Errorf("a directory: %v", err)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err == nil {
		if _, err := Root(dir).Records("/pipe", 100); !errors.Is(err, ErrNotRegular) {
			t.Errorf("a named pipe: %v", err)
		}
	}
}

// TestKernelLog reads the real one, which ends where a plain read would wait.
func TestKernelLog(t *testing.T) {
	b, err := Root("").Records("/dev/kmsg", 1<<20)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) {
		t.Skip("this machine does not show its kernel log: ", err)
	}
	if err != nil && !errors.Is(err, ErrTooLarge) {
		t.Fatal(err)
	}
	if first, _, _ := strings.Cut(string(b), "\n"); first != "" && !strings.Contains(first, ";") {
		t.Errorf("first record %q", first)
	}
}
