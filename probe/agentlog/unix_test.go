//go:build unix

package agentlog

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"vpcdoctor/probe/fact"
)

// TestNeverBlocks puts a pipe, a device and a link in the log's place.
func TestNeverBlocks(t *testing.T) {
	root := t.TempDir()
	log := filepath.Join(root, logDir, mainLog)
	if err := os.MkdirAll(filepath.Dir(log), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(log, 0o600); err != nil {
		t.Skip("making a named pipe: ", err)
	}
	o := Options{Root: root, Zone: time.UTC, Now: func() time.Time { return now }}
	if l := Read(t.Context(), o); l.Class != fact.Malformed {
		t.Errorf("a named pipe: %+v", l.Outcome)
	}
	link := func(target string) {
		if err := os.Remove(log); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, log); err != nil {
			t.Fatal(err)
		}
	}
	link("/dev/zero")
	if l := Read(t.Context(), o); l.Class != fact.Malformed {
		t.Errorf("a device: %+v", l.Outcome)
	}
	// A log directory on another volume is normal, so links are followed.
	elsewhere := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(elsewhere, []byte(begins), 0o600); err != nil {
		t.Fatal(err)
	}
	link(elsewhere)
	if l := Read(t.Context(), o); l.Status != fact.OK || l.Starts != 1 {
		t.Errorf("a link: %+v", l)
	}
	link(log)
	if l := Read(t.Context(), o); l.Status != fact.Failed {
		t.Errorf("a link to itself: %+v", l.Outcome)
	}
}
