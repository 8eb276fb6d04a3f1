package state

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"vpcdoctor/report/history"
)

// inMounts runs a test again in a mount namespace of its own, where it may mount
// what it likes. It tells whether we are there.
func inMounts(t *testing.T) bool {
	t.Helper()
	const inside = "VPCDOCTOR_TEST_MOUNTS"
	if os.Getenv(inside) != "" {
		return true
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), inside+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	switch {
	case cmd.ProcessState == nil && os.Getenv("CI") != "true":
		t.Skipf("no mount namespace here: %v", err)
	case err != nil:
		t.Fatalf("in the namespace: %v\n%s", err, out)
	}
	return false
}

func mustMount(t *testing.T, dir, options string) {
	t.Helper()
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
}

// TestFullDisk: on a file system that is really full nothing that was written
// is lost, the failure is told in one line, and with room again all goes on.
func TestFullDisk(t *testing.T) {
	if !inMounts(t) {
		return
	}
	dir := t.TempDir()
	mustMount(t, dir, "size=256k,mode=0700")
	d := mustOpen(t, dir, Limits{})
	mustLand(t, d, run(runID(0), noon), "logs")
	filler, err := os.Create(filepath.Join(dir, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(filler, spaces{}); err == nil {
		t.Fatal("the disk does not get full")
	}
	filler.Close()
	for i := 1; i < 4; i++ {
		err := d.Land(run(runID(i), noon), history.Of(run(runID(i), noon)), []string{"logs"})
		if !full(err) {
			t.Errorf("run %d on a full disk: %v", i, err)
		} else if strings.Contains(err.Error(), "\n") || strings.Count(err.Error(), "no space left") != 1 {
			t.Errorf("told at length: %v", err)
		}
	}
	if err := d.Release(); err != nil {
		t.Error(err)
	}
	again := mustOpen(t, dir, Limits{}) // as the next process does
	if got := waiting(t, again, "logs"); len(got) < 1 || got[0] != runID(0) {
		t.Errorf("waiting %v", got)
	}
	if last, err := again.Last(); err != nil || last.Context.RunID != runID(0) {
		t.Errorf("last report: %v", err)
	}
	if left, err := os.ReadDir(filepath.Join(dir, tmpName)); err != nil || len(left) != 0 {
		t.Errorf("left in tmp: %v, %v", left, err)
	}
	again.Close()
	if err := os.Remove(filepath.Join(dir, "filler")); err != nil {
		t.Fatal(err)
	}
	mustLand(t, d, run(runID(9), noon), "logs")
	entries, err := d.History()
	if err != nil || entries[len(entries)-1].RunID != runID(9) {
		t.Errorf("%d entries, %v", len(entries), err)
	}
	if notes := d.Notes(); len(notes) != 0 {
		t.Errorf("notes %v", notes)
	}
}

// TestFillingDisk: wherever the disk becomes full within a run, what stands on
// it stays whole.
func TestFillingDisk(t *testing.T) {
	if !inMounts(t) {
		return
	}
	for pages := range 24 {
		dir := filepath.Join(t.TempDir(), fmt.Sprint(pages))
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		mustMount(t, dir, fmt.Sprintf("size=%dk,mode=0700", 4*(pages+1)))
		l := newLedger()
		d := mustOpen(t, dir, Limits{})
		for i := range 12 {
			r := run(runID(i), noon)
			l.tried[r.Context.RunID] = true
			if d.Land(r, history.Of(r), []string{"logs", "s3"}) == nil {
				l.landed[r.Context.RunID] = true
			}
		}
		d.Close()
		l.check(t, dir)
		if t.Failed() {
			t.Fatalf("with %d kB", 4*(pages+1))
		}
	}
}

// TestReadOnlyDisk: the directory is told at once, and what stands in it can
// still be read.
func TestReadOnlyDisk(t *testing.T) {
	if !inMounts(t) {
		return
	}
	dir := t.TempDir()
	mustMount(t, dir, "mode=0700")
	d := mustOpen(t, dir, Limits{})
	mustLand(t, d, run(runID(0), noon), "logs")
	if err := d.Release(); err != nil { // its locks are on files open to write
		t.Fatal(err)
	}
	if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	// The run at hand, whose disk went away under it.
	if err := d.Land(run(runID(1), noon), history.Of(run(runID(1), noon)), []string{"logs"}); !full(err) || strings.Count(err.Error(), "read-only") != 1 {
		t.Errorf("landed on a read-only disk: %v", err)
	}
	if err := d.Settle("logs", runID(0), "delivered"); err == nil || !strings.Contains(err.Error(), "would be sent") {
		t.Errorf("settled on a read-only disk: %v", err)
	}
	d.Close()
	if _, err := Open(dir, Options{}); !full(err) {
		t.Errorf("opens: %v", err)
	}
	look, err := Look(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer look.Close()
	if last, err := look.Last(); err != nil || last.Context.RunID != runID(0) {
		t.Errorf("last report: %v", err)
	}
	if entries, more, err := look.Recent(); err != nil || more || len(entries) != 1 {
		t.Errorf("%d entries, %v", len(entries), err)
	}
}
