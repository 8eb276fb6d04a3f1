package state

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"vpcdoctor/report/deliver"
	"vpcdoctor/report/history"
)

func parcelFile(dir, sink string, n int) string {
	return filepath.Join(dir, spoolName, sink, fileName(uint64(n+1), runID(n)))
}

func mustWrite(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// bomb is a small file that unpacks to n bytes.
func bomb(t *testing.T, id string, n int64) []byte {
	t.Helper()
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
	z.Name, z.Comment = id, noon.Format(time.RFC3339Nano)
	if _, err := io.CopyN(z, spaces{}, n); err != nil {
		t.Fatal(err)
	}
	z.Close()
	return b.Bytes()
}

type spaces struct{}

func (spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// TestHostile: whatever stands in the directory, a run keeps its own report,
// the good parcels go out, and what is not understood is set aside and told.
func TestHostile(t *testing.T) {
	dir := t.TempDir()
	d := mustOpen(t, dir, Limits{})
	for i := range 12 {
		mustLand(t, d, run(runID(i), noon), "logs")
	}
	d.Close()
	outside := filepath.Join(t.TempDir(), "precious")
	mustWrite(t, outside, []byte("precious"))
	good := func(n int) []byte {
		b, err := os.ReadFile(parcelFile(dir, "logs", n))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	whole := good(11)
	spoil := map[int]func(path string){
		0: func(p string) { mustWrite(t, p, nil) },
		1: func(p string) { mustWrite(t, p, []byte("\x00\xff\x1f\x8b not a report")) },
		2: func(p string) { mustWrite(t, p, whole[:len(whole)/2]) },
		3: func(p string) { mustWrite(t, p, bomb(t, runID(3), 100<<20)) },
		4: func(p string) { os.Remove(p); _ = os.Symlink(outside, p) },
		5: func(p string) { os.Remove(p); _ = syscall.Mkfifo(p, 0o600) },
		6: func(p string) { os.Remove(p); _ = os.Mkdir(p, 0o700) },
		7: func(p string) { mustWrite(t, p, whole) }, // the report of another run
		8: func(p string) { os.Remove(p); mustWrite(t, p, nil); _ = os.Truncate(p, 1<<40) },
		9: func(p string) { b := slices.Clone(good(9)); b[len(b)-20] ^= 0x40; mustWrite(t, p, b) },
	}
	for n, do := range spoil {
		p := parcelFile(dir, "logs", n)
		b := good(n) // a copy, so that runs keeps the whole report
		os.Remove(p)
		mustWrite(t, p, b)
		do(p)
	}
	mustWrite(t, filepath.Join(dir, spoolName, "logs", "README"), []byte("left by a person"))
	mustWrite(t, filepath.Join(dir, spoolName, "..lock"), nil)

	d = mustOpen(t, dir, Limits{})
	start := time.Now()
	mustLand(t, d, run(runID(12), noon), "logs")
	parcels, err := d.Waiting("logs")
	if err != nil {
		t.Fatal(err)
	}
	var loaded []string
	for _, p := range parcels {
		fate := deliver.Delivered
		if _, err := p.Load(); err != nil {
			fate = deliver.Rejected
		} else {
			loaded = append(loaded, p.RunID)
		}
		if err := d.Settle("logs", p.RunID, fate); err != nil {
			t.Error(err)
		}
	}
	if want := []string{runID(10), runID(11), runID(12)}; !slices.Equal(loaded, want) {
		t.Errorf("loaded %v, want %v", loaded, want)
	}
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("took %v", took)
	}
	notes := d.Notes()
	for n := range spoil {
		if !slices.ContainsFunc(notes, func(s string) bool { return strings.Contains(s, runID(n)) }) {
			t.Errorf("parcel %d: set aside in silence", n)
		}
		if _, err := os.Lstat(parcelFile(dir, "logs", n)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("parcel %d still in the spool: %v", n, err)
		}
	}
	if b, err := os.ReadFile(outside); err != nil || string(b) != "precious" {
		t.Errorf("a link was followed: %q, %v", b, err)
	}
	if _, err := os.Stat(filepath.Join(dir, spoolName, "logs", "README")); err != nil {
		t.Error(err)
	}
	if left := waiting(t, d, "logs"); len(left) != 0 {
		t.Errorf("left %v", left)
	}
	if shelves, _ := d.Shelves(); len(shelves) > 1 {
		t.Errorf("%+v", shelves)
	}
}

// TestHostileHistory: lines that nobody understands are skipped, and the next
// run has its line.
func TestHostileHistory(t *testing.T) {
	line, err := history.Of(run(runID(7), noon)).Line()
	if err != nil {
		t.Fatal(err)
	}
	huge := bytes.Repeat([]byte("x"), 3<<20)
	noise := make([]byte, 1<<20)
	r := rand.NewChaCha8([32]byte{1})
	_, _ = r.Read(noise)
	for name, c := range map[string]struct {
		put  func(p string)
		want int // entries after one more run
	}{
		"torn":      {func(p string) { mustWrite(t, p, append(slices.Clone(line), line[:50]...)) }, 2},
		"one line":  {func(p string) { mustWrite(t, p, append(append(huge, '\n'), line...)) }, 2},
		"noise":     {func(p string) { mustWrite(t, p, noise) }, 1},
		"oversized": {func(p string) { mustWrite(t, p, nil); _ = os.Truncate(p, 1<<40) }, 1},
		"newer":     {func(p string) { mustWrite(t, p, []byte(`{"v":99,"run":"x","status":"healthy"}`+"\n")) }, 1},
		"huge seq": {func(p string) {
			mustWrite(t, p, []byte(`{"v":1,"seq":18446744073709551615,"run":"x","status":"healthy"}`+"\n"))
		}, 1},
		"link":      {func(p string) { _ = os.Symlink("/etc/passwd", p) }, 1},
		"pipe":      {func(p string) { _ = syscall.Mkfifo(p, 0o600) }, 1},
		"directory": {func(p string) { _ = os.Mkdir(p, 0o700) }, 1},
		"hard link": {func(p string) {
			mustWrite(t, filepath.Join(filepath.Dir(p), "other"), line)
			_ = os.Link(filepath.Join(filepath.Dir(p), "other"), p)
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			c.put(filepath.Join(dir, historyName))
			d := mustOpen(t, dir, Limits{})
			mustLand(t, d, run(runID(1), noon))
			entries, err := d.History()
			if err != nil || len(entries) != c.want || entries[c.want-1].RunID != runID(1) {
				t.Errorf("%d entries, %v", len(entries), err)
			}
			if recent, _, err := d.Recent(); err != nil || len(recent) == 0 || recent[len(recent)-1].RunID != runID(1) {
				t.Errorf("recent: %d entries, %v", len(recent), err)
			}
		})
	}
}

// TestInTheWay: things that stand where folders and files belong are told, and
// the rest is kept all the same.
func TestInTheWay(t *testing.T) {
	for _, name := range []string{runsName, spoolName, tmpName, lockName, LastReport, badName} {
		for kind, put := range map[string]func(p string) error{
			"file":      func(p string) error { return os.WriteFile(p, []byte("x"), 0o600) },
			"directory": func(p string) error { return os.MkdirAll(filepath.Join(p, "x"), 0o700) },
			"link":      func(p string) error { return os.Symlink("/nowhere/at/all", p) },
			"pipe":      func(p string) error { return syscall.Mkfifo(p, 0o600) },
		} {
			t.Run(name+" "+kind, func(t *testing.T) {
				dir := t.TempDir()
				if err := put(filepath.Join(dir, name)); err != nil {
					t.Fatal(err)
				}
				d, err := Open(dir, Options{})
				if err != nil {
					if !strings.Contains(err.Error(), dir) {
						t.Errorf("no place in %v", err)
					}
					return
				}
				defer d.Close()
				err = d.Land(run(runID(1), noon), history.Of(run(runID(1), noon)), []string{"logs"})
				if err == nil {
					if _, err := d.Last(); err != nil {
						t.Error(err)
					}
				} else if strings.Contains(err.Error(), "\n") {
					t.Errorf("an error of several lines: %v", err)
				}
				entries, herr := d.History()
				if herr != nil || len(entries) != 1 {
					t.Errorf("%d entries, %v, after %v", len(entries), herr, err)
				}
			})
		}
	}
}

// TestTraps: directories in which others can put or replace files.
func TestTraps(t *testing.T) {
	open := filepath.Join(t.TempDir(), "open")
	if err := os.Mkdir(open, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(open, Options{}); err == nil || !strings.Contains(err.Error(), "anybody") {
		t.Errorf("open to all: %v", err)
	}
	if err := os.Chmod(open, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	d, err := Open(open, Options{})
	if err != nil {
		t.Fatalf("as /tmp: %v", err)
	}
	d.Close()
	for _, bad := range []string{"/dev/null/x", "/proc/self/x", filepath.Join(open, lockName)} {
		if _, err := Open(bad, Options{}); err == nil {
			t.Errorf("%s opens", bad)
		}
	}
	d = mustOpen(t, t.TempDir(), Limits{})
	for _, id := range []string{"", "../x", "a/b", "a b", strings.Repeat("x", 65), "x\n"} {
		if d.Land(run(id, noon), history.Of(run(id, noon)), nil) == nil || d.Land(run("ok", noon), history.Of(run("ok", noon)), []string{id}) == nil {
			t.Errorf("%q is taken for a name", id)
		}
	}
	if os.Geteuid() != 0 {
		return
	}
	// As root: what another user put there is not read, in a directory of ours.
	dir := t.TempDir()
	d = mustOpen(t, dir, Limits{})
	mustLand(t, d, run(runID(1), noon), "logs")
	d.Release()
	if err := os.Chown(filepath.Join(dir, spoolName, "logs", fileName(1, runID(1))), 12345, 12345); err != nil {
		t.Fatal(err)
	}
	if left := waiting(t, d, "logs"); len(left) != 0 {
		t.Errorf("the file of another user goes out: %v", left)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	if err := os.Lchown(link, 12345, 12345); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(link, Options{}); err == nil || !strings.Contains(err.Error(), "symbolic link") {
		t.Errorf("the link of another user is followed: %v", err)
	}
}

// TestBusy: a run that cannot have the lock goes on, says so, and harms nothing.
func TestBusy(t *testing.T) {
	dir := t.TempDir()
	d := mustOpen(t, dir, Limits{})
	mustLand(t, d, run(runID(1), noon), "logs")
	d.Close()
	d, err := Open(dir, Options{Wait: 30 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	other := mustOpen(t, dir, Limits{})
	unlock, err := other.lock(0)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Land(run(runID(2), noon), history.Of(run(runID(2), noon)), []string{"logs"}); !errors.Is(err, ErrBusy) {
		t.Errorf("landed beside a writer: %v", err)
	}
	if _, err := Open(dir, Options{}); err != nil { // to read the history, and to deliver
		t.Error(err)
	}
	unlock()
	if err := d.Land(run(runID(2), noon), history.Of(run(runID(2), noon)), []string{"logs"}); err != nil {
		t.Error(err)
	}
	// One carrier for what waits: the other run gets nothing.
	if got := waiting(t, d, "logs"); len(got) != 2 {
		t.Errorf("waiting %v", got)
	}
	if got := waiting(t, other, "logs"); len(got) != 0 {
		t.Errorf("two carriers: %v", got)
	}
	if notes := strings.Join(other.Notes(), " "); !strings.Contains(notes, "another run delivers") {
		t.Errorf("in silence: %q", notes)
	}
	d.Release()
	if got := waiting(t, other, "logs"); len(got) != 2 {
		t.Errorf("after the release: %v", got)
	}
}
