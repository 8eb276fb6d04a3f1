package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/host/sysfile"
)

// now is the clock of every test.
var now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// tree is a fake root: file content by path. A value that starts with "-> " is
// a symbolic link.
type tree map[string]string

// system starts as every Linux host: a kernel, PID 1 and systemd.
func system(parts ...tree) tree {
	t := tree{
		"/proc/stat":                    "cpu  1 2 3\nbtime 1795262400\n", // 2026-11-21 12:00:00 UTC
		"/proc/1/exe":                   "-> /usr/lib/systemd/systemd",
		"/proc/1/stat":                  procStat(1, "systemd", 1),
		"/proc/2/stat":                  procStat(2, "kthreadd", 1), // no exe link: a kernel thread
		"/run/systemd/system/multi-usr": "",
	}
	for _, p := range parts {
		for k, v := range p {
			t[k] = v
		}
	}
	return t
}

// process is one process of the table. Its start is ticks/100 s after boot.
func process(pid int, exe, environ string, args ...string) tree {
	dir := fmt.Sprintf("/proc/%d/", pid)
	cmd := strings.Join(append([]string{strings.TrimSuffix(exe, " (deleted)")}, args...), "\x00") + "\x00"
	return tree{
		dir + "exe":     "-> " + exe,
		dir + "cmdline": cmd,
		dir + "status":  "Name:\tx\nUid:\t0\t0\t0\t0\n",
		dir + "stat":    procStat(pid, "a) (b", 4200),
		dir + "environ": environ,
	}
}

func procStat(pid int, comm string, ticks int) string {
	return fmt.Sprintf("%d (%s) S 1 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 9 0 %d 1 2 3\n", pid, comm, ticks)
}

func (t tree) write(tb testing.TB) string {
	tb.Helper()
	root := tb.TempDir()
	t.writeTo(tb, root)
	return root
}

func (t tree) writeTo(tb testing.TB, root string) {
	tb.Helper()
	for name, content := range t {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			tb.Fatal(err)
		}
		var err error
		if target, ok := strings.CutPrefix(content, "-> "); ok {
			err = os.Symlink(target, path)
		} else {
			err = os.WriteFile(path, []byte(content), 0o644)
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
}

// commands answers external commands by "name arg" prefix and counts them.
type commands struct {
	answers map[string]string
	mu      sync.Mutex
	ran     []string
}

func (c *commands) run(_ context.Context, name string, args ...string) ([]byte, error) {
	line := strings.Join(append([]string{name}, args...), " ")
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ran = append(c.ran, line)
	for prefix, out := range c.answers {
		if strings.HasPrefix(line, prefix) {
			if complaint, ok := strings.CutPrefix(out, "fails: "); ok {
				return nil, errors.New(complaint)
			}
			return []byte(out), nil
		}
	}
	return nil, fmt.Errorf("running %s: %w", name, exec.ErrNotFound)
}

// denied closes paths with one of the prefixes, as for a user without root.
// The file system cannot do that when the tests run as root.
type denied struct {
	sysfile.Root
	prefixes []string
	suffixes []string
}

func (d denied) check(op, name string) error {
	for _, p := range d.prefixes {
		if strings.HasPrefix(name, p) {
			return &fs.PathError{Op: op, Path: name, Err: fs.ErrPermission}
		}
	}
	for _, s := range d.suffixes {
		if strings.HasPrefix(name, "/proc/") && strings.HasSuffix(name, s) {
			return &fs.PathError{Op: op, Path: name, Err: fs.ErrPermission}
		}
	}
	return nil
}

func (d denied) Open(name string) (io.ReadCloser, error) {
	if err := d.check("open", name); err != nil {
		return nil, err
	}
	return d.Root.Open(name)
}

func (d denied) Read(name string, limit int) ([]byte, error) {
	if err := d.check("open", name); err != nil {
		return nil, err
	}
	return d.Root.Read(name, limit)
}

func (d denied) ReadInto(name string, buf []byte) (int, error) {
	if err := d.check("open", name); err != nil {
		return 0, err
	}
	return d.Root.ReadInto(name, buf)
}

func (d denied) Readlink(name string) (string, error) {
	if err := d.check("readlink", name); err != nil {
		return "", err
	}
	return d.Root.Readlink(name)
}

func (d denied) Tail(name string, limit int) ([]byte, bool, error) {
	if err := d.check("open", name); err != nil {
		return nil, false, err
	}
	return d.Root.Tail(name, limit)
}

func (d denied) Records(name string, limit int) ([]byte, error) {
	if err := d.check("open", name); err != nil {
		return nil, err
	}
	return d.Root.Records(name, limit)
}

// read runs Read as root on a fake system.
func read(t *testing.T, tr tree, c *commands) (fact.Agent, Secrets) {
	t.Helper()
	if c == nil {
		c = &commands{}
	}
	return Read(t.Context(), Options{Root: tr.write(t), Command: c.run, Now: func() time.Time { return now }})
}

// readUser runs Read as a user who has what a user has of a system's files.
func readUser(t *testing.T, tr tree, c *commands) (fact.Agent, Secrets) {
	t.Helper()
	return Read(t.Context(), Options{
		UID: 1000, Command: c.run, Now: func() time.Time { return now },
		files: denied{
			Root:     sysfile.Root(tr.write(t)),
			prefixes: []string{"/var/lib/amazon/ssm/", "/var/log/audit/", "/dev/kmsg"},
			suffixes: []string{"/exe", "/environ"},
		},
	})
}

// asJSON is what a facts file would hold.
func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// shown is the answer of systemctl show for both units.
func shown(pkg, snap string) string { return pkg + "\n\n" + snap + "\n" }

const (
	unitMissing = "Id=%s\nLoadState=not-found\nActiveState=inactive\nSubState=dead\nResult=success"
	unitRunning = "Id=%s\nLoadState=loaded\nActiveState=active\nSubState=running\nUnitFileState=enabled\nResult=success\n" +
		"NRestarts=2\nMainPID=812\nExecMainStatus=0\nActiveEnterTimestamp=Sat 2026-11-21 11:58:20 UTC"
)

func chmod(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// rootOwned tells whether the tests' own files are root's.
func rootOwned(t *testing.T, path string) bool {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return ownedByRoot(info)
}
