//go:build linux

package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"vpcdoctor/cmd/vpclab/scenario"
	"vpcdoctor/report"
)

func init() {
	roles["interrupt"] = func(args []string) (any, error) { return interrupted(args, syscall.SIGINT) }
	roles["terminate"] = func(args []string) (any, error) { return interrupted(args, syscall.SIGTERM) }
	roles["interrupt twice"] = interruptTwice
	roles["closed stdout"] = closedStdout
	roles["no stdout"] = noStdout
	roles["full stdout"] = fullStdout
}

// patience is how long a role waits for vpcdoctor to get somewhere.
const patience = 30 * time.Second

// afterSignal is how long an interrupted run may take to say what it knows.
const afterSignal = time.Second

// end is how vpcdoctor ended.
type end struct {
	Exit   int // -1: by a signal
	Signal syscall.Signal
	Took   time.Duration // from the last signal, or of the run
}

func endOf(err error, since time.Time) (end, error) {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return end{Took: time.Since(since)}, nil
	case !errors.As(err, &exit):
		return end{}, err
	}
	e := end{Exit: exit.ExitCode(), Took: time.Since(since)}
	if s, ok := exit.Sys().(syscall.WaitStatus); ok && s.Signaled() {
		e.Signal = s.Signal()
	}
	return e, nil
}

// interrupted starts vpcdoctor, waits until it dials into the void and sends a
// signal.
func interrupted(args []string, sig os.Signal) (any, error) {
	cmd, err := doctor(args)
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	if err := waitFor(dialling); err != nil {
		_ = cmd.Process.Kill()
		return nil, err
	}
	sent := time.Now()
	if err := cmd.Process.Signal(sig); err != nil {
		return nil, err
	}
	return endOf(cmd.Wait(), sent)
}

// interruptTwice blocks the report (its pipe is full), so that the program is
// still there when the second signal comes.
func interruptTwice(args []string) (any, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if err := fill(w); err != nil {
		return nil, err
	}
	cmd, err := doctor(args)
	if err != nil {
		return nil, err
	}
	cmd.Stdout = w
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	defer cmd.Process.Kill() // it is gone, or the test fails anyway
	if err := waitFor(dialling); err != nil {
		return nil, err
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		return nil, err
	}
	// Files are written before stdout: now it hangs in the pipe.
	if err := waitFor(func() bool { _, err := os.Stat(factsFile); return err == nil }); err != nil {
		return nil, err
	}
	sent := time.Now()
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		return nil, err
	}
	return endOf(cmd.Wait(), sent)
}

// closedStdout gives vpcdoctor a pipe whose reader is gone.
func closedStdout(args []string) (any, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	r.Close()
	return withStdout(w, args)
}

// noStdout starts vpcdoctor without descriptor 1.
func noStdout(args []string) (any, error) {
	cmd, err := doctor(append([]string{"-c", `exec ./vpcdoctor "$@" >&-`, "sh"}, args...))
	if err != nil {
		return nil, err
	}
	if cmd.Path, err = exec.LookPath("sh"); err != nil {
		return nil, err
	}
	cmd.Args[0] = "sh"
	start := time.Now()
	return endOf(cmd.Run(), start)
}

func fullStdout(args []string) (any, error) {
	f, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	return withStdout(f, args)
}

func withStdout(w *os.File, args []string) (any, error) {
	cmd, err := doctor(args)
	if err != nil {
		return nil, err
	}
	cmd.Stdout = w
	start := time.Now()
	return endOf(cmd.Run(), start)
}

// fill writes into a pipe until it takes no more.
func fill(w *os.File) error {
	raw, err := w.SyscallConn()
	if err != nil {
		return err
	}
	page := make([]byte, 4096)
	return raw.Write(func(fd uintptr) bool {
		for {
			if _, err := syscall.Write(int(fd), page); err != nil {
				return true // EAGAIN: full
			}
		}
	})
}

func waitFor(what func() bool) error {
	for start := time.Now(); time.Since(start) < patience; time.Sleep(2 * time.Millisecond) {
		if what() {
			return nil
		}
	}
	return fmt.Errorf("nothing happened in %v", patience)
}

// dialling tells whether a connection of this instance waits for an answer to
// its SYN.
func dialling() bool {
	f, err := os.Open("/proc/net/tcp")
	if err != nil {
		return false
	}
	defer f.Close()
	const synSent = "02" // include/net/tcp_states.h
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if c := strings.Fields(lines.Text()); len(c) > 3 && c[3] == synSent && strings.HasSuffix(c[2], ":01BB") {
			return true
		}
	}
	return false
}

// TestInterrupted: Ctrl-C and SIGTERM print what is known within a second, and
// the report says that it was interrupted.
func TestInterrupted(t *testing.T) {
	for _, role := range []string{"interrupt", "terminate"} {
		for name, args := range map[string][]string{"profile": nil, "all": {"--all"}} {
			t.Run(role+" "+name, func(t *testing.T) {
				t.Parallel()
				w := scenario.BlackHole(scenario.Region(privateHosts(60)))
				c := captureAs(t, role, w, append(args, "--facts", factsFile, "--output-file", "r.txt", "-o", "json", "--timeout", "8s")...)
				var e end
				c.noted(t, &e)
				if e.Exit != report.ExitInconclusive || e.Took > afterSignal {
					t.Errorf("exit %d, %v after the signal: %s", e.Exit, e.Took, c.stderr)
				}
				r := reportIn(t, c.stdout)
				if !r.Context.Interrupted || r.Verdict.Status != "inconclusive" {
					t.Errorf("interrupted %t, %s: %s", r.Context.Interrupted, r.Verdict.Status, r.Verdict.Headline)
				}
				if s := c.facts(t); !s.Run.Interrupted || s.IMDS.InstanceID == "" || len(s.Lookups) == 0 {
					t.Error("the facts gathered so far are missing")
				}
				if c.stderr != "" || c.read("r.txt") != c.stdout {
					t.Errorf("stderr %q, report file of %d bytes", c.stderr, len(c.read("r.txt")))
				}
			})
		}
	}
}

// TestInterruptedText: the text says so where it is read first.
func TestInterruptedText(t *testing.T) {
	t.Parallel()
	w := scenario.BlackHole(scenario.Region(privateHosts(4)))
	c := captureAs(t, "interrupt", w)
	if !strings.HasPrefix(c.stdout, "INCONCLUSIVE") || !strings.Contains(strings.ToLower(c.stdout[:min(len(c.stdout), 400)]), "interrupted") {
		t.Errorf("begins with:\n%s", c.stdout[:min(len(c.stdout), 600)])
	}
	if len(c.stdout) < 500 {
		t.Errorf("only %d bytes", len(c.stdout))
	}
}

// TestSecondSignal: one more ends the program the way signals do.
func TestSecondSignal(t *testing.T) {
	t.Parallel()
	w := scenario.BlackHole(scenario.Region(privateHosts(4)))
	c := captureAs(t, "interrupt twice", w, "--facts", factsFile, "-o", "json")
	var e end
	if c.noted(t, &e); e.Signal != syscall.SIGINT || e.Took > afterSignal {
		t.Errorf("%+v", e)
	}
}

// TestStdout: where the report cannot go, the verdict's code and the files
// still tell; a reader that left is no error, a full disk is one.
func TestStdout(t *testing.T) {
	for role, stderr := range map[string]string{"closed stdout": "", "no stdout": "", "full stdout": "no space left on device"} {
		for name, code := range map[string]int{"healthy": report.ExitOK, "endpoint-sg-all": report.ExitFinding} {
			for _, format := range []string{"text", "json"} {
				t.Run(strings.Join([]string{role, name, format}, " "), func(t *testing.T) {
					t.Parallel()
					want := code
					if role == "full stdout" {
						want = report.ExitFault
					}
					c := captureAs(t, role, worldOf(t, name), "--facts", factsFile, "--output-file", "r.txt", "-o", format)
					var e end
					c.noted(t, &e)
					if e.Exit != want || e.Signal != 0 {
						t.Errorf("%+v, want exit %d", e, want)
					}
					if (stderr == "") != (c.stderr == "") || !strings.Contains(c.stderr, stderr) {
						t.Errorf("stderr %q", c.stderr)
					}
					if c.facts(t).IMDS.InstanceID == "" || len(c.read("r.txt")) < 500 {
						t.Errorf("the files were not written: %q", c.read("r.txt"))
					}
				})
			}
		}
	}
}

// TestStdoutOfOtherVerbs: the same rules hold for every verb.
func TestStdoutOfOtherVerbs(t *testing.T) {
	for role, code := range map[string]int{"closed stdout": report.ExitOK, "full stdout": report.ExitFault} {
		for name, args := range map[string][]string{
			"version": {"version"}, "explain": {"explain", "SG-02"}, "explain list": {"explain", "--list"},
			"services": {"services", "--region", "us-east-1"}, "services json": {"services", "--region", "us-east-1", "-o", "json"},
			"profiles": {"services", "--profiles"}, "plan": {"--plan"}, "help": {"--help"},
		} {
			t.Run(role+" "+name, func(t *testing.T) {
				t.Parallel()
				c := captureAs(t, role, worldOf(t, "healthy"), args...)
				var e end
				c.noted(t, &e)
				if e.Exit != code || (c.stderr == "") != (code == 0) {
					t.Errorf("%+v, want exit %d; stderr %q", e, code, c.stderr)
				}
			})
		}
	}
}
