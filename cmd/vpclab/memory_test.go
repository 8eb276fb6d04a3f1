//go:build linux

package main

import (
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vpcdoctor/cmd/vpclab/scenario"
	"vpcdoctor/cmd/vpclab/world"
	"vpcdoctor/report/frames"
)

func init() {
	roles["memory"] = runWithMemory
	roles["no memory"] = runWithoutMemory
	roles["healed"] = runThenHeal
}

// said is what one of several runs wrote.
type said struct {
	Exit           int
	Stdout, Stderr string
}

func runAndHear(args ...string) (said, error) {
	exit, err := runDoctor(args)
	if err != nil {
		return said{}, err
	}
	out, err := os.ReadFile(stdoutFile)
	if err != nil {
		return said{}, err
	}
	complaints, err := os.ReadFile(stderrFile)
	return said{exit, string(out), string(complaints)}, err
}

// asTimer makes this process look like one that systemd started.
func asTimer() error {
	if err := os.Setenv("INVOCATION_ID", "0a1b2c3d4e5f60718293a4b5c6d7e8f9"); err != nil {
		return err
	}
	return os.Setenv("JOURNAL_STREAM", "8:12345")
}

// runWithMemory runs vpcdoctor as a timer does: twice in a healthy VPC, twice
// after the name of ssm was sent elsewhere, once after that was mended. Then it
// asks for the history.
func runWithMemory(args []string) (any, error) {
	if err := asTimer(); err != nil {
		return nil, err
	}
	hosts, err := os.ReadFile("/etc/hosts")
	if err != nil {
		return nil, err
	}
	astray := append(hosts, "\n203.0.113.9 "+os.Getenv(kindEnv)+"\n"...)
	var out []said
	for _, h := range [][]byte{hosts, hosts, astray, astray, hosts} {
		if err := os.WriteFile("/etc/hosts", h, 0o644); err != nil {
			return nil, err
		}
		s, err := runAndHear(args...)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	for _, a := range [][]string{{"history", "state"}, {"history", "state", "-o", "json"}, {"diagnose", "state"}} {
		s, err := runAndHear(a...)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// TestMemory: a timer's run says all when something is new and one line when
// nothing is, the report tells what changed, and the history since when.
func TestMemory(t *testing.T) {
	t.Parallel()
	w := worldOf(t, "role-core")
	w.Host.Agent.Log = map[string]string{} // silence: its connection is not there either
	w.Host.Env = map[string]string{kindEnv: scenario.Host(w, "ssm")}
	c := captureAs(t, "memory", w, "--state-dir", "state")
	var runs []said
	if err := json.Unmarshal(c.note, &runs); err != nil || len(runs) != 8 {
		t.Fatalf("%d runs, %v\n%s", len(runs), err, c.note)
	}
	for i, want := range []struct {
		exit  int
		lines bool // one line only
		holds []string
	}{
		{0, false, []string{"HEALTHY: ", "No earlier run here was asked the same"}},
		{0, true, []string{"vpcdoctor: HEALTHY i-", "; unchanged since 20", ", 2 runs"}},
		{1, false, []string{" ERROR (", "\nChanged since the run of 20", "verdict: healthy -> broken", "ssm: ", " -> "}},
		{1, true, []string{"vpcdoctor: BROKEN ", "; unchanged since 20", ", 2 runs"}},
		{0, false, []string{"HEALTHY: ", "\nChanged since the run of 20", "verdict: broken -> healthy", "gone (was error)"}},
		{0, false, []string{"HEALTHY: ", "5 runs in all", "  SINCE ", "healthy -> broken"}},
		{0, false, []string{`"runs": 5`, `"last_healthy": "20`}},
		{0, false, []string{"HEALTHY: "}},
	} {
		got := runs[i]
		if got.Exit != want.exit || strings.Contains(got.Stderr, "state directory") {
			t.Errorf("run %d: exit %d, %s", i, got.Exit, got.Stderr)
		}
		if one := strings.Count(got.Stdout, "\n") == 1; one != want.lines {
			t.Errorf("run %d: one line is %t:\n%s", i, one, got.Stdout)
		}
		for _, h := range want.holds {
			if !strings.Contains(got.Stdout, h) {
				t.Errorf("run %d does not say %q:\n%s", i, h, got.Stdout)
			}
		}
		for line := range strings.Lines(got.Stdout) {
			if i == 5 && len(strings.TrimRight(line, "\n")) > 80 {
				t.Errorf("a wide line: %q", line)
			}
		}
	}
}

// runWithoutMemory runs vpcdoctor with state directories that cannot be used.
func runWithoutMemory([]string) (any, error) {
	if err := asTimer(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll("full", 0o700); err != nil {
		return nil, err
	}
	if err := unix.Mount("tmpfs", "full", "tmpfs", 0, "size=16k,mode=0700"); err != nil {
		return nil, err
	}
	if err := os.WriteFile("full/filler", make([]byte, 16<<10), 0o600); err != nil {
		return nil, err
	}
	if err := os.MkdirAll("readonly", 0o700); err != nil {
		return nil, err
	}
	if err := unix.Mount("tmpfs", "readonly", "tmpfs", unix.MS_RDONLY, "mode=0700"); err != nil {
		return nil, err
	}
	if err := os.WriteFile("file", nil, 0o600); err != nil {
		return nil, err
	}
	if err := os.Mkdir("open", 0o777); err != nil {
		return nil, err
	}
	if err := os.Chmod("open", 0o777); err != nil {
		return nil, err
	}
	out := map[string]said{}
	for _, dir := range []string{"full", "readonly", "file", "open", "/proc/self/state"} {
		s, err := runAndHear("check", "--state-dir", dir, "--since-last", "--output-file", "report.txt")
		if err != nil {
			return nil, err
		}
		if b, err := os.ReadFile("report.txt"); err != nil || string(b) != s.Stdout {
			s.Stderr += "\nnot in the file: " + exec.ErrNotFound.Error()
		}
		_ = os.Remove("report.txt")
		out[dir] = s
	}
	return out, nil
}

// TestNoMemory: with a state directory that is full, read-only or no directory
// the run goes on: the verdict and the exit code are those of the network, the
// report reaches the other places, the failure is told in one line, and nothing
// is signed on its account.
func TestNoMemory(t *testing.T) {
	t.Parallel()
	w := worldOf(t, "role-core")
	w.Host.Agent.Log = map[string]string{}
	c := captureAs(t, "no memory", w)
	var runs map[string]said
	if err := json.Unmarshal(c.note, &runs); err != nil || len(runs) != 5 {
		t.Fatalf("%d runs, %v\n%s", len(runs), err, c.note)
	}
	for dir, s := range runs {
		told := strings.Count(s.Stderr, "state directory "+dir)
		if s.Exit != 0 || !strings.HasPrefix(s.Stdout, "HEALTHY: ") || told != 1 || strings.Count(s.Stderr, "\n") != 1 {
			t.Errorf("%s: exit %d, told %d times:\n%s\n%.200s", filepath.Base(dir), s.Exit, told, s.Stderr, s.Stdout)
		}
	}
	if n := len(c.signed()); n > 0 { // each run would be the first, for ever
		t.Errorf("%d signed calls", n)
	}
}

// healed is what was heard while every path was dropped and after that.
type healed struct {
	Runs    []said
	Console []byte   // all that was written to it
	Journal []string // one datagram each
	File    string   // report.txt after the second run
}

// journald stands in for the journal: it notes every datagram.
func journald() (stop func() []string, err error) {
	const socket = "/run/systemd/journal/socket"
	if err := os.MkdirAll(filepath.Dir(socket), 0o755); err != nil {
		return nil, err
	}
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		return nil, err
	}
	done := make(chan []string)
	go func() {
		var out []string
		for b := make([]byte, 1<<18); ; {
			n, err := c.Read(b)
			if err != nil {
				done <- out
				return
			}
			out = append(out, string(b[:n]))
		}
	}()
	return func() []string {
		c.SetReadDeadline(time.Now())
		out := <-done
		c.Close()
		return out
	}, nil
}

// runThenHeal runs vpcdoctor twice while this host drops every packet to 443,
// twice after that, and asks for the history.
func runThenHeal(args []string) (any, error) {
	heard, err := journald()
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(consoleFile, nil, 0o600); err != nil {
		return nil, err
	}
	nft := func(words ...string) error { return exec.Command("/usr/sbin/nft", words...).Run() }
	for _, rule := range [][]string{
		{"add", "table", "inet", "t"}, {"add", "chain", "inet", "t", "o", "{ type filter hook output priority 0 ; }"},
		{"add", "rule", "inet", "t", "o", "tcp", "dport", "443", "drop"},
	} {
		if err := nft(rule...); err != nil {
			return nil, err
		}
	}
	var out healed
	for i := range 5 {
		if i == 2 {
			file, err := os.ReadFile("report.txt")
			if err != nil {
				return nil, err
			}
			out.File = string(file)
			if err := nft("delete", "table", "inet", "t"); err != nil {
				return nil, err
			}
		}
		if i == 4 {
			args = []string{"history", "state"}
		}
		s, err := runAndHear(args...)
		if err != nil {
			return nil, err
		}
		out.Runs = append(out.Runs, s)
	}
	out.Journal = heard()
	out.Console, err = os.ReadFile(consoleFile)
	return out, err
}

const consoleFile = "console"

// TestBacklog: with every path dropped the verdict still reaches console, file
// and journal, and what could not be delivered is delivered once, by the next
// run that can.
func TestBacklog(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/usr/sbin/nft"); err != nil && os.Getenv("CI") != "true" {
		t.Skip("no nft here")
	}
	w := worldOf(t, "role-core")
	w.IAM.Role = []world.Policy{world.ManagedInstanceCore, world.Delivery}
	w.Host.Agent.Log = map[string]string{}
	c := captureAs(t, "healed", w, "--state-dir", "state", "--to", "file,console,journal,cloudwatch", "--output-file", "report.txt",
		"--console", consoleFile, "--log-group", world.ReportGroup, "--delivery-timeout", "5s")
	var got healed
	if err := json.Unmarshal(c.note, &got); err != nil || len(got.Runs) != 5 {
		t.Fatalf("%d runs, %v\n%s", len(got.Runs), err, c.note)
	}
	for i, want := range []struct {
		exit int
		says string
	}{
		{1, "not delivered to cloudwatch"}, {1, "2 reports wait for the next run"},
		{0, "; with 2 reports of earlier runs"}, {0, "vpcdoctor: delivered to cloudwatch"}, {0, ""},
	} {
		run := got.Runs[i]
		if run.Exit != want.exit || !strings.Contains(run.Stderr, want.says) {
			t.Errorf("run %d: exit %d, %s", i, run.Exit, run.Stderr)
		}
		if i < 4 && (!strings.Contains(run.Stderr, ": delivered to console (") || !strings.Contains(run.Stderr, ": delivered to journal (")) {
			t.Errorf("run %d: %s", i, run.Stderr)
		}
	}
	if strings.Contains(got.Runs[3].Stderr, "earlier") || strings.Contains(got.Runs[4].Stdout, "for delivery") {
		t.Errorf("something waits yet: %s\n%s", got.Runs[3].Stderr, got.Runs[4].Stdout)
	}
	if !strings.Contains(got.File, " ERROR (") || !strings.Contains(got.File, "443") {
		t.Errorf("in the file: %s", got.File)
	}
	if len(got.Journal) != 4 || !strings.Contains(got.Journal[0], "VPCDOCTOR_STATUS=broken\n") || !strings.Contains(got.Journal[3], "VPCDOCTOR_STATUS=healthy\n") {
		t.Errorf("in the journal: %q", got.Journal)
	}
	console := frames.Decode(got.Console)
	if len(console) != 4 || !console[0].Whole || !strings.Contains(string(got.Console), "vpcdoctor: BROKEN ") {
		t.Errorf("on the console: %s", got.Console)
	}
	c.once(t, 4)
}

// once holds that the events of as many runs arrived, each whole, in their
// order, and once.
func (c *captured) once(t *testing.T, runs int) {
	t.Helper()
	last, seen := "", map[string]int{}
	start := func(id string) string { return strings.Split(id, "-")[0] } // two may start in one second
	for _, x := range c.calls {
		if x.Delivered == nil || x.Operation != "PutLogEvents" {
			continue
		}
		for _, m := range x.Delivered.Messages {
			var e struct {
				Seq, Events int
				RunID       string `json:"run_id"`
			}
			if err := json.Unmarshal([]byte(m), &e); err != nil {
				t.Fatalf("%v: %s", err, m)
			}
			if e.RunID != last && (seen[e.RunID] > 0 || start(e.RunID) < start(last)) {
				t.Errorf("events of run %s after those of %s", e.RunID, last)
			}
			if last = e.RunID; e.Seq != seen[e.RunID] {
				t.Errorf("event %d of run %s where %d is due", e.Seq, e.RunID, seen[e.RunID])
			}
			seen[e.RunID]++
			if seen[e.RunID] > e.Events {
				t.Errorf("run %s has %d events, and more arrived", e.RunID, e.Events)
			}
		}
	}
	if len(seen) != runs {
		t.Errorf("%d runs arrived, want %d", len(seen), runs)
	}
}
