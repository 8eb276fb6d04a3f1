//go:build linux

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"vpcdoctor/cmd/vpclab/scenario"
	"vpcdoctor/cmd/vpclab/world"
	"vpcdoctor/report"
)

func init() {
	roles["mend"] = mendIt
	roles["mend resolv.conf"] = mendResolvConf
	roles["interrupt the wait"] = func(args []string) (any, error) { return endWait(args, syscall.SIGINT) }
	roles["terminate the wait"] = func(args []string) (any, error) { return endWait(args, syscall.SIGTERM) }
	roles["watch as lines"] = watchLines
	roles["watch a terminal"] = watchTerminal
	roles["watch without a reader"] = watchUnread
	roles["terminate at once"] = terminateAtOnce
}

// says tells whether a file of the working directory holds a word by now.
func says(file, word string) func() bool {
	return func() bool {
		b, _ := os.ReadFile(file)
		return bytes.Contains(b, []byte(word))
	}
}

func mend() error { return os.WriteFile(mendFile, nil, 0o600) }

// firstLine of the wait: the verdict of the first look.
const firstVerdict = " s: "

// mendIt mends the network once vpcdoctor has said that it is broken.
func mendIt(args []string) (any, error) { return atFirstVerdict(args, mend) }

// mendResolvConf takes the name servers away and gives them back, as a DHCP
// client that comes late.
func mendResolvConf(args []string) (any, error) {
	const path = "/etc/resolv.conf"
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(path, []byte("# not configured yet\n"), 0o644); err != nil {
		return nil, err
	}
	return atFirstVerdict(args, func() error { return os.WriteFile(path, b, 0o644) })
}

// atFirstVerdict does something after the first look of --wait and notes how it
// went on from there.
func atFirstVerdict(args []string, do func() error) (any, error) {
	cmd, err := doctor(args)
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	defer cmd.Process.Kill() // it is gone, or the test fails anyway
	if err := waitFor(says(stderrFile, firstVerdict)); err != nil {
		return nil, err
	}
	since := time.Now()
	if err := do(); err != nil {
		return nil, err
	}
	return endOf(cmd.Wait(), since)
}

func endWait(args []string, sig os.Signal) (any, error) {
	var cmd *exec.Cmd
	cmd, err := doctor(args)
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	defer cmd.Process.Kill()
	if err := waitFor(says(stderrFile, firstVerdict)); err != nil {
		return nil, err
	}
	since := time.Now()
	if err := cmd.Process.Signal(sig); err != nil {
		return nil, err
	}
	return endOf(cmd.Wait(), since)
}

// mending is the world of a scenario, and what it is once mended.
func mending(t *testing.T, name string) (broken, sound *world.World) {
	t.Helper()
	s, err := scenario.Find(name)
	if err != nil {
		t.Fatal(err)
	}
	return s.World(1), s.Mended(1)
}

// TestWait: as soon as the world is mended, --wait ends with exit code 0 and one
// report; stderr tells each verdict with its time.
func TestWait(t *testing.T) {
	for _, c := range []struct{ name, role, first string }{
		{"endpoint-sg-one", "mend", "BROKEN SG-02"},
		{"imds-silent", "mend", "BROKEN IM-13"},
		{"ssmmessages-missing", "mend", "BROKEN"},
		{"healthy", "mend resolv.conf", "BROKEN"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w, mended := mending(t, c.name)
			r := captureMended(t, w, mended, c.role, nil, "--wait", "60s", "-o", "json")
			var e end
			r.noted(t, &e)
			if e.Exit != report.ExitOK || e.Took > 20*time.Second {
				t.Errorf("exit %d, %v after the world was mended\n%s", e.Exit, e.Took, r.stderr)
			}
			if d := reportIn(t, r.stdout); d.Verdict.Status != "healthy" && d.Verdict.Status != "degraded" {
				t.Errorf("the report says %s", d.Verdict.Status)
			}
			lines := strings.Split(strings.TrimSuffix(r.stderr, "\n"), "\n")
			for i, l := range lines {
				if !regexp.MustCompile(`^vpcdoctor: \d+ s: [A-Z]+ `).MatchString(l) || !plain(l) {
					t.Errorf("line %d on stderr: %q", i+1, l)
				}
			}
			if !strings.Contains(lines[0], " s: "+c.first) || len(lines) < 2 {
				t.Errorf("stderr: %q", lines)
			}
			oneTokenEach(t, r)
			packetRate(t, r, nil)
			inFlight(t, r, nil)
		})
	}
}

// oneTokenEach holds looks to the budget of the metadata service: a look begins
// with its one token PUT, where that is answered, and has at most 25 GETs.
func oneTokenEach(t *testing.T, c *captured) {
	t.Helper()
	var puts []time.Time
	gets := 0
	for _, p := range c.packets {
		switch {
		case !p.Sent || !isIMDS(p.Dst.Addr()):
		case strings.HasPrefix(p.Head, "PUT "):
			if n := len(puts); n > 0 && p.Time.Sub(puts[n-1]) < time.Second {
				t.Errorf("two tokens within %v", p.Time.Sub(puts[n-1]))
			}
			puts, gets = append(puts, p.Time), 0
		case strings.HasPrefix(p.Head, "GET "):
			if gets++; gets > maxGets {
				t.Errorf("%d GETs after one PUT", gets)
			}
		}
	}
}

// TestWaitEnds: a world that stays as it is has the exit code of a single run.
// Signed calls are made by the first look and by the last, and by none between.
func TestWaitEnds(t *testing.T) {
	t.Parallel()
	w := worldOf(t, "ssmmessages-missing") // ssm answers, so that the agent's call has a way
	c := capture(t, w, "--wait", "12s", "--timeout", "500ms", "--state-dir", "state", "-o", "json")
	single := capture(t, worldOf(t, "ssmmessages-missing"), "--timeout", "500ms", "-o", "json")
	if c.exit != single.exit || c.exit == 0 {
		t.Errorf("exit %d, of a single run %d\n%s", c.exit, single.exit, c.stderr)
	}
	if d := reportIn(t, c.stdout); d.Context.Interrupted || d.Verdict.Headline != reportIn(t, single.stdout).Verdict.Headline {
		t.Errorf("the report is another one: %s", d.Verdict.Headline)
	}
	if c.read("state/last-report.json") != c.stdout {
		t.Error("the state directory has another report")
	}
	if n := strings.Count(c.stderr, "\n"); n != 1 {
		t.Errorf("%d lines for one verdict: %s", n, c.stderr)
	}
	looks := 0
	for _, p := range c.packets {
		if p.Sent && strings.HasPrefix(p.Head, "PUT ") {
			looks++
		}
	}
	if once := signedCalls(single); looks < 2 || once == 0 || signedCalls(c) != 2*once {
		t.Errorf("%d looks made %d signed calls, a single run %d", looks, signedCalls(c), once)
	}
}

func signedCalls(c *captured) int {
	n := 0
	for _, x := range c.calls {
		if x.Signed {
			n++
		}
	}
	return n
}

// TestWaitInterrupted: a signal while it waits ends it at once with the report
// of the last whole look, and with exit code 3.
func TestWaitInterrupted(t *testing.T) {
	for _, role := range []string{"interrupt the wait", "terminate the wait"} {
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			c := captureAs(t, role, worldOf(t, "endpoint-sg-one"), "--wait", "60s", "-o", "json", "--facts", factsFile)
			var e end
			if c.noted(t, &e); e.Exit != report.ExitInconclusive || e.Took > afterSignal {
				t.Errorf("%+v", e)
			}
			if d := reportIn(t, c.stdout); d.Context.Interrupted || d.Verdict.Status != "broken" || c.facts(t).Run.Interrupted {
				t.Errorf("not the report of the last whole look: %s", d.Verdict.Headline)
			}
			if !strings.HasSuffix(c.stderr, "vpcdoctor: interrupted while waiting; this is the report of the last whole look\n") {
				t.Errorf("stderr: %s", c.stderr)
			}
		})
	}
}

// watchLines watches without a terminal: broken, mended, Ctrl-C.
func watchLines(args []string) (any, error) {
	cmd, err := doctor(args)
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	defer cmd.Process.Kill()
	if err := waitFor(says(stdoutFile, "verdict: BROKEN")); err != nil {
		return nil, err
	}
	if err := mend(); err != nil {
		return nil, err
	}
	if err := waitFor(says(stdoutFile, "verdict: BROKEN SG-02 -> ")); err != nil {
		return nil, err
	}
	since := time.Now()
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		return nil, err
	}
	return endOf(cmd.Wait(), since)
}

// TestWatchLines: without a terminal each turn is a line, written at once, and
// the report follows at the end with its own exit code.
func TestWatchLines(t *testing.T) {
	t.Parallel()
	w, mended := mending(t, "endpoint-sg-one")
	c := captureMended(t, w, mended, "watch as lines", nil, "--watch")
	var e end
	if c.noted(t, &e); e.Exit != report.ExitOK || e.Took > afterSignal || c.stderr != "" {
		t.Errorf("%+v, stderr %q", e, c.stderr)
	}
	lines, last, ok := strings.Cut(c.stdout, "\n\n")
	if !ok || !plain(c.stdout) {
		t.Fatalf("stdout: %q", c.stdout)
	}
	line := regexp.MustCompile(`^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ \S.*: \S`)
	for l := range strings.SplitSeq(lines, "\n") {
		if !line.MatchString(l) {
			t.Errorf("line %q", l)
		}
	}
	if !regexp.MustCompile(`(?m)^\S+Z ssm\S*: FAIL TCP timeout -> pass, own VPC$`).MatchString(lines) {
		t.Errorf("no row turns in\n%s", lines)
	}
	if !strings.Contains(last, "This run\n") || strings.Contains(last, "INTERRUPTED") {
		t.Errorf("the report at the end:\n%s", last)
	}
}

// seen is what the user of a terminal sees.
type seen struct {
	End                   end
	Broken, Sound, Narrow string // screens
	Tiny                  string
	Before, After         string // normal screen
	Alternate, Hidden     bool   // at the end
	Colored               bool
	Strange               string
	Back, Scribble        string // after Ctrl-Z and fg, after keys were typed
}

// watchTerminal plays a user: looks, mends in another window, resizes, types,
// stops and continues the program, and ends it by Ctrl-C.
func watchTerminal(args []string) (any, error) {
	term, err := openTerminal(80, 24)
	if err != nil {
		return nil, err
	}
	defer term.master.Close()
	cmd, err := doctor(args)
	if err != nil {
		return nil, err
	}
	cmd.Env = append(os.Environ(), "TERM=xterm")
	if err := term.start(cmd); err != nil {
		return nil, err
	}
	defer cmd.Process.Kill()
	var s seen
	steps := []func() error{
		func() (err error) { s.Broken, err = term.shows("SG-02 ERROR", "FAIL timeout", "next look in"); return },
		mend,
		func() (err error) {
			s.Sound, err = term.shows("FAIL TCP timeout -> pass, own VPC", "next look in")
			return
		},
		func() error { return term.resize(60, 12) },
		func() (err error) { s.Narrow, err = term.shows("-> pass, own VPC", "Ctrl-C"); return },
		func() error { return term.resize(12, 2) },
		func() error { time.Sleep(1500 * time.Millisecond); s.Tiny = term.screen(); return nil },
		func() error { return term.resize(100, 30) },
		func() error { return typed(term, "hello?\n\n\n") },
		func() error { time.Sleep(1500 * time.Millisecond); s.Scribble = term.screen(); return nil },
		func() error { s.Before = term.text; return typed(term, "\x1a") },
		func() error { return waitFor(func() bool { return stopped(cmd.Process.Pid) }) },
		func() error { return waitFor(func() bool { return state(term) == "normal" }) },
		func() error { return cmd.Process.Signal(syscall.SIGCONT) },
		func() (err error) { s.Back, err = term.shows("-> pass, own VPC", "Ctrl-C"); return },
	}
	for i, step := range steps {
		if err := step(); err != nil {
			return nil, fmt.Errorf("step %d: %w\n%s\n%s", i+1, err, state(term), term.screen())
		}
	}
	since := time.Now()
	if err := typed(term, "\x03"); err != nil {
		return nil, err
	}
	if s.End, err = endOf(cmd.Wait(), since); err != nil {
		return nil, err
	}
	err = waitFor(func() bool { term.mu.Lock(); defer term.mu.Unlock(); return strings.Contains(term.text, "This run") })
	term.mu.Lock()
	defer term.mu.Unlock()
	s.After = strings.TrimPrefix(term.text, s.Before)
	s.Alternate, s.Hidden, s.Colored, s.Strange = term.alternate, term.hidden, term.colored, term.strange
	return s, err
}

func typed(t *terminal, keys string) error {
	_, err := t.master.WriteString(keys)
	return err
}

// stopped tells whether a process was stopped by a signal.
func stopped(pid int) bool {
	var w syscall.WaitStatus
	got, err := syscall.Wait4(pid, &w, syscall.WUNTRACED|syscall.WNOHANG, nil)
	return err == nil && got == pid && w.Stopped()
}

// state names the screen that shows and whether the cursor does.
func state(t *terminal) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	words := map[bool]string{true: "alternate", false: "normal"}[t.alternate]
	if t.hidden {
		words += ", no cursor"
	}
	return words
}

// TestWatchTerminal: fix the security group in another window and see it go
// green.
func TestWatchTerminal(t *testing.T) {
	for name, args := range map[string][]string{"colour": nil, "no colour": {"--no-color"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, mended := mending(t, "endpoint-sg-one")
			c := captureMended(t, w, mended, "watch a terminal", nil, append(args, "--watch")...)
			var s seen
			c.noted(t, &s)
			if s.End.Exit != report.ExitOK || s.End.Took > afterSignal {
				t.Errorf("%+v", s.End)
			}
			if s.Alternate || s.Hidden || s.Strange != "" {
				t.Errorf("alternate screen %t, cursor hidden %t, unknown sequence %q", s.Alternate, s.Hidden, s.Strange)
			}
			if s.Colored != (args == nil) {
				t.Errorf("colour: %t", s.Colored)
			}
			for name, screen := range map[string]string{"broken": s.Broken, "sound": s.Sound, "narrow": s.Narrow, "scribble": s.Scribble, "back": s.Back} {
				if !strings.HasPrefix(screen, "vpcdoctor  ") || !plain(screen) || !strings.HasSuffix(screen, "Ctrl-C ends this and prints the whole report.") {
					t.Errorf("%s:\n%s", name, screen)
				}
			}
			if !strings.Contains(s.Broken, "FAIL  ssm") || strings.Contains(s.Sound, "FAIL  ssm") || strings.Contains(s.Scribble, "hello?") {
				t.Errorf("broken:\n%s\nsound:\n%s\nafter keys:\n%s", s.Broken, s.Sound, s.Scribble)
			}
			if s.Tiny == "" || strings.Count(s.Tiny, "\n") > 1 {
				t.Errorf("12 by 2:\n%s", s.Tiny)
			}
			after := strings.ReplaceAll(s.After, "\r\n", "\n")
			for _, want := range []string{"What turned (times in UTC)\n", "FAIL TCP timeout -> pass, own VPC\n", "\nEndpoints\n", "\nThis run\n"} {
				if !strings.Contains(after, want) {
					t.Errorf("no %q in what stays:\n%s", want, after)
				}
			}
			if !plain(strings.ReplaceAll(after, "\r", "")) {
				t.Errorf("what stays is not plain: %q", after)
			}
		})
	}
}

// watchUnread reads one line of a watch and no more.
func watchUnread(args []string) (any, error) {
	r, w, err := os.Pipe()
	if err != nil {
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
	defer cmd.Process.Kill()
	w.Close()
	if _, err := bufio.NewReader(r).ReadString('\n'); err != nil {
		return nil, err
	}
	since := time.Now()
	r.Close()
	return endOf(cmd.Wait(), since)
}

// TestWatchUnread: vpcdoctor check --watch | head -1 ends soon after head does,
// also where there is nothing more to say.
func TestWatchUnread(t *testing.T) {
	t.Parallel()
	c := captureAs(t, "watch without a reader", worldOf(t, "healthy"), "--watch", "--facts", factsFile)
	var e end
	if c.noted(t, &e); e.Exit != report.ExitOK || e.Signal != 0 || e.Took > 20*time.Second || c.stderr != "" {
		t.Errorf("%+v, stderr %q", e, c.stderr)
	}
	if c.facts(t).IMDS.InstanceID == "" {
		t.Error("the facts were not written")
	}
}

func terminateAtOnce(args []string) (any, error) {
	cmd, err := doctor(args)
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	if err := waitFor(says(stderrFile, "waiting")); err != nil {
		_ = cmd.Process.Kill()
		return nil, err
	}
	since := time.Now()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return nil, err
	}
	return endOf(cmd.Wait(), since)
}

// TestJitter: an instance waits as long as its id says, wherever it is told to,
// and the id costs no packet. A signal meanwhile ends the program before the
// first one, and leaves no file.
func TestJitter(t *testing.T) {
	t.Parallel()
	c := captureAs(t, "terminate at once", worldOf(t, "healthy"), "--jitter", "1h", "--log-level", "info", "--facts", factsFile, "--state-dir", "state")
	var e end
	if c.noted(t, &e); e.Exit != report.ExitInconclusive || e.Took > afterSignal || c.stdout != "" {
		t.Errorf("%+v, stdout %q", e, c.stdout)
	}
	if !strings.Contains(c.stderr, "board_asset_tag") {
		t.Errorf("the id is from somewhere else: %s", c.stderr)
	}
	if left, _ := os.ReadDir(c.dir + "/state"); len(left) != 0 || c.read(factsFile) != "" {
		t.Errorf("left behind: %v, %q", left, c.read(factsFile))
	}
	for _, p := range c.packets {
		if p.Sent {
			t.Fatalf("sent %+v", p)
		}
	}
	w := worldOf(t, "healthy")
	w.Host.Env = map[string]string{"INVOCATION_ID": "2f1c"}
	unattended := capture(t, w, "--jitter", "2ms", "--log-level", "info")
	if unattended.exit != 0 || !strings.Contains(unattended.stderr, `"window": "2ms"`) && !strings.Contains(unattended.stderr, `"window": 0.002`) {
		t.Errorf("exit %d: %s", unattended.exit, unattended.stderr)
	}
}
