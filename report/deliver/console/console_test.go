//go:build linux

package console

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vpcdoctor/probe/fact"
	"vpcdoctor/report"
	"vpcdoctor/report/corpus"
	"vpcdoctor/report/deliver"
	"vpcdoctor/report/diagnose"
	"vpcdoctor/report/frames"
	"vpcdoctor/report/summary"
)

const scenarios = "../../testdata/scenarios"

// recorded is the report on facts of the lab.
func recorded(t testing.TB, name string) *report.Report {
	t.Helper()
	s, err := corpus.Set(scenarios, name)
	if err != nil {
		t.Fatal(err)
	}
	s.Run.ID = "20261130T091512Z-3fa9c1d2"
	return report.New(s, diagnose.Run(s, diagnose.Options{}), report.Tool{Name: "vpcdoctor", Version: "1"})
}

func parcel(r *report.Report) []deliver.Parcel {
	return []deliver.Parcel{{RunID: r.Context.RunID, Load: func() (*report.Report, error) { return r, nil }}}
}

// terminal is a pseudo terminal: its master, and the path of the other end,
// which stays open, as it does where a getty has it.
func terminal(t *testing.T) (*os.File, string) {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Skipf("no pseudo terminals here: %v", err)
	}
	master := os.NewFile(uintptr(fd), "ptmx")
	t.Cleanup(func() { master.Close() })
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	path := "/dev/pts/" + strconv.Itoa(n)
	other, err := unix.Open(path, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(other) })
	return master, path
}

// deliverTo runs the sink and returns what it said, and whether it settled.
func deliverTo(t *testing.T, o Options, r *report.Report, limit time.Duration) (where string, settled bool, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	start := time.Now()
	where, err = New(o).Deliver(ctx, parcel(r), func(id string, f deliver.Fate) {
		settled = id == r.Context.RunID && f == deliver.Delivered
	})
	if took := time.Since(start); took > limit+5*time.Second {
		t.Errorf("took %v, limit %v", took, limit)
	}
	if (err == nil) != settled {
		t.Errorf("settled %t, error %v", settled, err)
	}
	return where, settled, err
}

func TestTerminal(t *testing.T) {
	r := recorded(t, "endpoint-sg-one")
	master, path := terminal(t)
	lines, err := Lines(r, false)
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan []byte)
	go func() {
		var b bytes.Buffer
		s := bufio.NewReader(master)
		for range len(lines) + 1 { // and the empty one before them
			l, err := s.ReadBytes('\n')
			if b.Write(l); err != nil {
				break
			}
		}
		got <- b.Bytes()
	}()
	// The first of the paths is missing, the second a file: neither is a console.
	file := filepath.Join(t.TempDir(), "console")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	where, _, err := deliverTo(t, Options{Tried: []string{file + ".none", file, path}}, r, 5*time.Second)
	want := path + "; read it with: aws ec2 get-console-output --latest --output text --region ap-northeast-1 --instance-id " +
		r.Context.InstanceID + " | vpcdoctor console-decode -"
	if err != nil || where != want {
		t.Fatalf("%q, %v", where, err)
	}
	var dump []byte
	select {
	case dump = <-got:
	case <-time.After(10 * time.Second):
		t.Fatal("the lines did not arrive")
	}
	if fi, err := os.Stat(file); err != nil || fi.Size() != 0 {
		t.Errorf("something was written to %s", file)
	}
	if !bytes.Contains(dump, []byte("\r\nvpcdoctor: ")) {
		t.Errorf("not as a terminal has it: %q", dump[:80])
	}
	runs := frames.Decode(dump)
	if len(runs) != 1 || !runs[0].Whole {
		t.Fatalf("%+v\n%s", runs, dump)
	}
	d, err := summary.Read(runs[0].Doc)
	if err != nil || d.Status != r.Verdict.Status || d.Headline != r.Verdict.Headline || d.RunID != r.Context.RunID {
		t.Errorf("%v: %s", err, runs[0].Doc)
	}
}

// Output that is stopped (Ctrl-S, a cable that is not there) does not hold the
// run, and the end of the program does not wait for it either.
func TestStopped(t *testing.T) {
	_, path := terminal(t) // nobody reads
	r := recorded(t, "endpoint-sg-one")
	// The queue of a pseudo terminal takes some kB: fill it.
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	for err == nil {
		_, err = unix.Write(fd, bytes.Repeat([]byte{'x'}, 512))
	}
	_, _, err = deliverTo(t, Options{Path: path}, r, 300*time.Millisecond)
	if err == nil || !strings.Contains(err.Error(), "is its output stopped?") {
		t.Errorf("%v", err)
	}
}

// A reader that stops in the middle.
func TestStopsLater(t *testing.T) {
	master, path := terminal(t)
	go func() { _, _ = io.CopyN(io.Discard, master, 1000) }()
	r := recorded(t, "s3-policy")
	lines, err := Lines(r, false)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 { // more than any queue
		lines = append(lines, lines...)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	n, err := writeTo(ctx, path, true, lines)
	if err == nil || n == 0 || n >= len(lines) {
		t.Errorf("%d of %d lines, %v", n, len(lines), err)
	}
}

func TestPlaces(t *testing.T) {
	r := recorded(t, "endpoint-sg-one")
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	write := func(name, text string) string {
		if err := os.WriteFile(at(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return at(name)
	}
	if err := unix.Mkfifo(at("fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	file := write("file", "before\n")
	two := write("two", "")
	other := write("other", "untouched")
	for from, to := range map[string]string{two: at("two-again")} {
		if err := os.Link(from, to); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(other, at("link")); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		at("none"): "no such file", at("fifo"): "without a reader", two: "several names", at("link"): "not a terminal",
		dir: "is a directory", "/dev/null": "not a terminal", "/dev/zero": "not a terminal", file + "/x": "not a directory",
	} {
		if _, _, err := deliverTo(t, Options{Path: path}, r, time.Second); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
	if b, _ := os.ReadFile(other); string(b) != "untouched" {
		t.Errorf("written through a link: %s", b)
	}
	if _, _, err := deliverTo(t, Options{Path: file}, r, time.Second); err != nil {
		t.Error(err)
	}
	b, err := os.ReadFile(file)
	if err != nil || !bytes.HasPrefix(b, []byte("before\n\nvpcdoctor: ")) {
		t.Errorf("%v: %.40q", err, b)
	}
	if len(b) > len("before\n\n")+MaxBytes {
		t.Errorf("%d bytes", len(b))
	}
	if runs := frames.Decode(b); len(runs) != 1 || !runs[0].Whole {
		t.Errorf("%+v", runs)
	}
	if _, _, err := deliverTo(t, Options{Tried: []string{file, at("none")}}, r, time.Second); err == nil || !strings.Contains(err.Error(), "no console takes a line") {
		t.Errorf("%v", err)
	}
}

// A file that may not be written, and one of somebody else.
func TestOfOthers(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: gives a file away")
	}
	file := filepath.Join(t.TempDir(), "theirs")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(file, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	if _, _, err := deliverTo(t, Options{Path: file}, recorded(t, "endpoint-sg-one"), time.Second); err == nil || !strings.Contains(err.Error(), "somebody else") {
		t.Errorf("%v", err)
	}
}

func TestReadOnly(t *testing.T) {
	if os.Geteuid() == 0 {
		// root may write to anything but a read-only file system.
		_, _, err := deliverTo(t, Options{Path: "/proc/version"}, recorded(t, "endpoint-sg-one"), time.Second)
		if err == nil {
			t.Error("written to /proc/version")
		}
		return
	}
	file := filepath.Join(t.TempDir(), "console")
	if err := os.WriteFile(file, nil, 0o400); err != nil {
		t.Fatal(err)
	}
	if _, _, err := deliverTo(t, Options{Path: file}, recorded(t, "endpoint-sg-one"), time.Second); err == nil || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("%v", err)
	}
}

func TestPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	reader, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := deliverTo(t, Options{Path: path}, recorded(t, "endpoint-sg-one"), time.Second); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 1<<16)
	n, err := reader.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	if runs := frames.Decode(b[:n]); len(runs) != 1 || !runs[0].Whole {
		t.Errorf("%+v", runs)
	}
}

// Every recorded report fits, in lines that fit, and none tells who it is about.
func TestLines(t *testing.T) {
	names, err := corpus.Names(scenarios)
	if err != nil || len(names) < 100 {
		t.Fatalf("%d scenarios, %v", len(names), err)
	}
	for i, name := range names {
		if i%20 != 0 {
			continue // each takes a tenth of a second
		}
		r := recorded(t, name)
		for _, full := range []bool{false, true} {
			lines, err := Lines(r, full)
			if err != nil {
				t.Fatal(err)
			}
			all := strings.Join(lines, "\n") + "\n"
			human, _, _ := strings.Cut(all, "VPCD1 "+frames.Key(r.Context.RunID))
			if len(all) > MaxBytes || len(human) > forHuman {
				t.Errorf("%s: %d bytes, %d of them for people", name, len(all), len(human))
			}
			for _, l := range lines {
				if len(l) > width || strings.Trim(l, "\r\n\t") != l {
					t.Errorf("%s: %d characters: %s", name, len(l), l)
				}
			}
			if !strings.HasPrefix(human, "vpcdoctor: "+strings.ToUpper(string(r.Verdict.Status))) || !strings.Contains(human, "--instance-id "+token(r.Context.InstanceID)) && r.Context.InstanceID != "" {
				t.Errorf("%s: %s", name, human)
			}
			runs := frames.Decode([]byte(all))
			if len(runs) != 1 || !runs[0].Whole {
				t.Fatalf("%s: %+v", name, runs)
			}
			for _, secret := range []string{r.Context.AccountID, r.Facts.IMDS.Role.Name} {
				if !full && secret != "" && (strings.Contains(all, secret) || strings.Contains(string(runs[0].Doc), secret)) {
					t.Errorf("%s: %s is shown", name, secret)
				}
			}
			if d, err := summary.Read(runs[0].Doc); err != nil || d.Redacted == full {
				t.Errorf("%s: %v, redacted %t", name, err, d.Redacted)
			}
		}
	}
}

// A report that is as large as a file can make it still fits.
func TestHuge(t *testing.T) {
	r := recorded(t, "endpoint-sg-one")
	for i := range 5000 {
		f := r.Verdict.Causes[0]
		f.Summary = strings.Repeat(strconv.Itoa(i*7919)+" ", 200)
		r.Verdict.Causes = append(r.Verdict.Causes, f)
		r.Verdict.Rows = append(r.Verdict.Rows, diagnose.Row{Host: strconv.Itoa(i*104729) + ".example", Need: string(fact.NeedRequired), Status: diagnose.Fail})
	}
	lines, err := Lines(r, true)
	if n := len(strings.Join(lines, "\n")) + 1; err != nil || n > MaxBytes {
		t.Errorf("%d bytes, %v", n, err)
	}
}

func TestReadCommand(t *testing.T) {
	got := ReadCommand(report.Context{Region: "cn-north-1", InstanceID: "i-0fed9dfd438054b46"})
	if want := "--region cn-north-1 --instance-id i-0fed9dfd438054b46"; !strings.Contains(got, want) {
		t.Errorf("%q", got)
	}
	got = ReadCommand(report.Context{Region: "x; reboot", InstanceID: "$(id)"})
	if !strings.Contains(got, "--region REGION --instance-id INSTANCE_ID") {
		t.Errorf("%q", got)
	}
}

func TestDue(t *testing.T) {
	now := time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		last   time.Time
		before string
		want   bool
	}{
		"never written":        {time.Time{}, "", true},
		"the same, an hour on": {now.Add(-time.Hour), "healthy", false},
		"the same, a day on":   {now.Add(-24 * time.Hour), "healthy", true},
		"some seconds early":   {now.Add(-24*time.Hour + 3*time.Second), "healthy", true},
		"changed":              {now.Add(-time.Hour), "broken SG-02", true},
		"the clock went back":  {now.Add(time.Hour), "healthy", true},
	} {
		if got := Due(now, c.last, "healthy", c.before); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
