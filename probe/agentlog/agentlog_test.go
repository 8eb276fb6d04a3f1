package agentlog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"vpcdoctor/probe/fact"
)

const (
	header  = "2026-11-20 09:00:00.0000 INFO Proxy environment variables:\n"
	begins  = "2026-11-20 09:00:00.2000 INFO [amazon-ssm-agent] amazon-ssm-agent - v3.3.987.0\n"
	again   = "2026-11-20 10:00:00.0000 INFO [amazon-ssm-agent] amazon-ssm-agent - v3.3.1142.0\n"
	asking  = "2026-11-20 09:00:10.0000 ERROR [Registrar] failed to register identity: error calling RegisterManagedInstance API: RequestError: send request failed\ncaused by: Post \"https://ssm.eu-west-1.amazonaws.com/\": dial tcp 192.0.2.1:443: i/o timeout\n"
	sleeps  = "2026-11-20 09:00:20.0000 INFO [CredentialRefresher] Sleeping for 27m2s before retrying retrieve credentials\n"
	ourNode = "i-0123456789abcdef0"
)

func words(l fact.AgentLog) []string {
	var out []string
	for _, e := range l.Events {
		w := string(e.Stem)
		if e.Old {
			w += " (old)"
		}
		out = append(out, w)
	}
	return out
}

func TestStarts(t *testing.T) {
	for _, c := range []struct {
		name, log string
		starts    int
		version   string
		lines     int
		events    []string
	}{
		{"a header and a version are one start", header + begins, 1, "3.3.987.0", 2, nil},
		{"a process without identity never tells its version", header + header, 2, "", 1, nil},
		{"a header after a version is another start", begins + header, 2, "", 1, nil},
		{"no start at all", asking, 0, "", 1, []string{"register"}},
		{"what came before the start is history", begins + asking + again, 2, "3.3.1142.0", 1, []string{"register (old)"}},
		{"and is not kept twice", begins + asking + again + asking, 2, "3.3.1142.0", 2, []string{"register"}},
		{"a version that is none", "2026-11-20 09:00:00 INFO amazon-ssm-agent - vhttp://user:pw@host\n", 0, "", 1, nil},
	} {
		l := read(t, map[string]string{mainLog: c.log})
		if l.Starts != c.starts || l.Version != c.version || l.Lines != c.lines || !slices.Equal(words(l), c.events) {
			t.Errorf("%s: starts %d version %q lines %d events %q", c.name, l.Starts, l.Version, l.Lines, words(l))
		}
	}
	l := read(t, map[string]string{mainLog: begins + asking + again + sleeps})
	if want := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC); !l.Start.Equal(want) || !l.Last.Equal(want) {
		t.Errorf("start %v, last %v", l.Start, l.Last)
	}
}

// TestEventsTogether asserts what fact.LogEvent says about lines of one kind.
func TestEventsTogether(t *testing.T) {
	var b strings.Builder
	for i := range 20 {
		fmt.Fprintf(&b, "2026-11-20 09:%02d:00.5000 WARN Reach the retry limit 5 for receive messages. Error: websocket: close 1006 (abnormal closure): unexpected EOF\n", i)
	}
	l := read(t, map[string]string{mainLog: b.String()})
	if len(l.Events) != 1 {
		t.Fatalf("%+v", l.Events)
	}
	e := l.Events[0]
	first := time.Date(2026, 11, 20, 9, 0, 0, 5e8, time.UTC)
	if e.Count != 20 || len(e.Times) != timesLimit || !e.First.Equal(first) || !e.Last.Equal(first.Add(19*time.Minute)) || !e.Times[timesLimit-1].Equal(e.Last) {
		t.Errorf("%+v", e)
	}
	if l.Files[0].Lines != 20 || l.Files[0].Odd != 0 || l.Files[0].Read != l.Files[0].Bytes || l.Files[0].Bytes != int64(b.Len()) {
		t.Errorf("%+v", l.Files[0])
	}
}

func TestOtherInstance(t *testing.T) {
	said := "2026-11-20 09:00:05 INFO [ssm-agent-worker] Setting up websocket for controlchannel for instance: %s, requestId: 1\n"
	for _, c := range []struct {
		name, node, ours string
		old              bool
	}{
		{"our own", ourNode, ourNode, false},
		{"an image of another instance", "i-0fedcba9876543210", ourNode, true},
		{"a hybrid activation on this one", "mi-0fedcba9876543210", ourNode, false},
		{"the metadata service is silent", "i-0fedcba9876543210", "", false},
	} {
		root := place(t, map[string]string{mainLog: begins + fmt.Sprintf(said, c.node) + asking})
		l := Read(t.Context(), Options{Root: root, Zone: time.UTC, NodeID: c.ours, Now: func() time.Time { return now }})
		if len(l.Events) != 1 || l.Events[0].Old != c.old || l.NodeID != c.node {
			t.Errorf("%s: node %q %+v", c.name, l.NodeID, l.Events)
		}
	}
}

// TestWorkerExit: the agent says "is not running" before the worker's first
// start too.
func TestWorkerExit(t *testing.T) {
	exit := "2026-11-20 09:00:05 INFO [amazon-ssm-agent] Worker ssm-agent-worker is not running, starting worker process\n"
	start := "2026-11-20 09:00:05 INFO [amazon-ssm-agent] Worker ssm-agent-worker (pid:58) started\n"
	for _, c := range []struct {
		log    string
		events []string
	}{
		{begins + exit + start, []string{"worker_start"}},
		{begins + exit + start + exit, []string{"worker_exit", "worker_start"}},
		{begins + exit + start + again + exit, []string{"worker_start (old)"}},
	} {
		if got := words(read(t, map[string]string{mainLog: c.log})); !slices.Equal(got, c.events) {
			t.Errorf("%q", got)
		}
	}
}

// TestErrorsLog: errors.log repeats the main log, so only what is older counts.
func TestErrorsLog(t *testing.T) {
	same := strings.Replace(asking, "[Registrar]", "[RegisterWithRetry @ registrar.go.140] [Registrar]", 1)
	older := strings.Replace(same, "11-20", "11-19", 1)
	l := read(t, map[string]string{mainLog: begins + asking, errorLog: same})
	if len(l.Events) != 1 || l.Events[0].Source != mainLog || len(l.Files) != 2 {
		t.Errorf("the same lines: %+v", l.Events)
	}
	l = read(t, map[string]string{mainLog: begins + sleeps, errorLog: older})
	if got := words(l); !slices.Equal(got, []string{"register (old)", "sleep"}) {
		t.Errorf("older lines: %q", got)
	}
	if l.NodeID != "" || l.Lines != 2 {
		t.Errorf("errors.log counts as the log: %+v", l)
	}
}

func TestHibernateLog(t *testing.T) {
	line := "2026-11-20 %s INFO Backing off health check to every 600 seconds for 1800 seconds.\n"
	for clock, old := range map[string]bool{"08:00:00": true, "09:05:00": false} {
		l := read(t, map[string]string{mainLog: header + begins, sleepLog: fmt.Sprintf(line, clock)})
		if len(l.Events) != 1 || l.Events[0].Old != old || l.Events[0].Wait.Std() != 10*time.Minute || l.Events[0].Source != sleepLog {
			t.Errorf("at %s: %+v", clock, l.Events)
		}
	}
}

// TestRotated: a rolled log gets the next higher number.
func TestRotated(t *testing.T) {
	files := map[string]string{mainLog: sleeps, mainLog + ".2": strings.Repeat(" ", 9), mainLog + ".10": begins + asking, mainLog + ".x": again}
	l := read(t, files)
	if got := words(l); !slices.Equal(got, []string{"register", "sleep"}) || l.Starts != 1 || l.Lines != 3 {
		t.Errorf("%q, %+v", got, l)
	}
	if len(l.Files) != 2 || l.Files[0].Path != logDir+mainLog+".10" {
		t.Errorf("%+v", l.Files)
	}
	files[mainLog] = strings.Repeat(sleeps, fresh/len(sleeps)+1)
	if l := read(t, files); len(l.Files) != 1 || l.Starts != 0 {
		t.Errorf("a log that is not fresh: %+v", l.Files)
	}
}

func TestWindow(t *testing.T) {
	b := []byte(begins)
	for len(b) < window+1000 {
		b = append(b, sleeps...)
	}
	l := read(t, map[string]string{mainLog: string(b)})
	f := l.Files[0]
	if f.Bytes != int64(len(b)) || f.Read != window || f.Odd != 0 || l.Starts != 0 || l.Events[0].Count != f.Lines {
		t.Errorf("%+v, starts %d, %d events", f, l.Starts, l.Events[0].Count)
	}
}

// TestJournal reads the journal where there is no log file.
func TestJournal(t *testing.T) {
	out := "1795165200.000000 ip-10-0-0-1 systemd[1]: Started amazon-ssm-agent.service - amazon-ssm-agent.\n" +
		"1795165200.500000 ip-10-0-0-1 amazon-ssm-agent[77]: 2026-11-20 17:00:00.5000 INFO [amazon-ssm-agent] amazon-ssm-agent - v3.3.987.0\n" +
		"1795165210.250000 ip-10-0-0-1 amazon-ssm-agent[77]: 2026-11-20 17:00:10.2500 ERROR [Registrar] failed to register identity: error calling RegisterManagedInstance API: RequestError: send request failed\n" +
		"1795165210.250001 ip-10-0-0-1 systemd[1]: session with no space left on device and proxyconnect tcp\n" +
		"1795165210.250002 ip-10-0-0-1 amazon-ssm-agent[77]: caused by: Post \"https://ssm.eu-west-1.amazonaws.com/\": dial tcp 192.0.2.1:443: i/o timeout\n"
	var asked [][]string
	o := Options{Root: t.TempDir(), Zone: time.UTC, Now: func() time.Time { return now },
		Command: func(_ context.Context, name string, args ...string) ([]byte, error) {
			asked = append(asked, append([]string{name}, args...))
			return []byte(out), nil
		}}
	l := Read(t.Context(), o)
	if l.Status != fact.OK || len(l.Events) != 1 || len(l.Files) != 2 || l.Files[1].Path != journal || l.Version != "3.3.987.0" || len(asked) != 1 {
		t.Fatalf("%+v", l)
	}
	e := l.Events[0]
	if e.Reason != fact.ReasonDialTimeout || e.Source != journal || !e.First.Equal(time.UnixMilli(1795165210250)) {
		t.Errorf("%+v", e)
	}
	if asked[0][0] != "journalctl" || !slices.Contains(asked[0], "short-unix") {
		t.Errorf("%q", asked)
	}

	tries := 0
	o.Command = func(context.Context, string, ...string) ([]byte, error) {
		tries++
		if tries == 1 {
			return []byte(out[:200]), errors.New("output is larger than the limit")
		}
		return []byte(out), nil
	}
	if l := Read(t.Context(), o); l.Status != fact.OK || tries != 2 || len(l.Events) != 1 {
		t.Errorf("a journal that is too long: %d tries, %+v", tries, l)
	}
	o.Command = func(context.Context, string, ...string) ([]byte, error) {
		return nil, errors.New("running journalctl: executable file not found\x1b[2J")
	}
	if l := Read(t.Context(), o); l.Class != fact.NotFound || len(l.Files) != 2 || strings.Contains(l.Files[1].Detail, "\x1b") {
		t.Errorf("no journal: %+v", l)
	}
	o.Command = func(context.Context, string, ...string) ([]byte, error) { return nil, nil }
	if l := Read(t.Context(), o); l.Class != fact.NotFound || l.Files[1].Class != fact.NotFound {
		t.Errorf("an empty journal: %+v", l)
	}
}

func TestNoLog(t *testing.T) {
	l := Read(t.Context(), Options{Root: t.TempDir(), Zone: time.UTC})
	if l.Status != fact.Failed || l.Class != fact.NotFound || len(l.Events) != 0 {
		t.Errorf("absent: %+v", l.Outcome)
	}
	l = read(t, map[string]string{mainLog: ""})
	if l.Status != fact.OK || l.Starts != 0 {
		t.Errorf("empty: %+v", l)
	}
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, logDir, mainLog), 0o755); err != nil {
		t.Fatal(err)
	}
	if l := Read(t.Context(), Options{Root: root, Zone: time.UTC}); l.Class != fact.Malformed || l.Detail == "" {
		t.Errorf("a directory: %+v", l.Outcome)
	}
}

// TestBudget: a deadline that is over ends the reading, and is ours.
func TestBudget(t *testing.T) {
	root := place(t, map[string]string{mainLog: begins})
	ctx, cancel := context.WithTimeout(t.Context(), -time.Second)
	defer cancel()
	if l := Read(ctx, Options{Root: root, Zone: time.UTC}); l.Status != fact.Failed || l.Class != fact.Timeout || !l.CutByBudget {
		t.Errorf("%+v", l.Outcome)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if l := Read(ctx, Options{Root: root, Zone: time.UTC}); l.Class != fact.Cancelled || !l.CutByBudget {
		t.Errorf("%+v", l.Outcome)
	}
}

// TestHostile reads what no agent writes.
func TestHostile(t *testing.T) {
	long := "2026-11-20 09:00:10 ERROR failed to register identity " + strings.Repeat("x", 1<<20) + " x509: certificate signed by unknown authority\n"
	for _, c := range []struct {
		name, log string
		odd       int
		events    []string
	}{
		{"binary", strings.Repeat("\x00\x01\xff\n", 100), 100, nil},
		{"text that is no log", "hello\nworld\n", 2, nil},
		{"a line without end", strings.Repeat("y", 1<<20), 1, nil},
		{"an endless line that begins well", long + sleeps, 1, []string{"register", "sleep"}},
		{"escape sequences", "2026-11-20 09:00:10 ERROR \x1b]0;x\afailed to register identity\n", 1, []string{"register"}},
		{"no line feed at the end", strings.TrimSuffix(begins+asking, "\n"), 0, []string{"register"}},
		{"carriage returns", strings.ReplaceAll(begins+asking, "\n", "\r\n"), 0, []string{"register"}},
		{"a date that does not exist", "2026-13-20 09:00:10 ERROR failed to register identity\n", 1, nil},
		{"a level that does not exist", "2026-11-20 09:00:10 FATAL failed to register identity\n", 1, nil},
		{"a quoted message is not said", "2026-11-20 09:00:10 INFO user wrote: Credentials ready\n", 0, nil},
	} {
		l := read(t, map[string]string{mainLog: c.log})
		if l.Status != fact.OK || l.Files[0].Odd != c.odd || !slices.Equal(words(l), c.events) {
			t.Errorf("%s: odd %d, events %q", c.name, l.Files[0].Odd, words(l))
		}
	}
	// More kinds of events than may be told, most of them history.
	var b strings.Builder
	for _, s := range failed {
		for _, r := range reasons {
			fmt.Fprintf(&b, "2026-11-20 09:00:10 ERROR %s %s %s %s\n", s.text, s.also, r.text, r.also)
		}
	}
	l := read(t, map[string]string{mainLog: b.String() + again + sleeps})
	if len(l.Events) != eventLimit || l.Events[len(l.Events)-1].Old && l.Events[0].Old && !slices.Contains(words(l), "sleep") {
		t.Errorf("%d events, %q", len(l.Events), words(l))
	}
	if !slices.IsSortedFunc(l.Events, func(a, b fact.LogEvent) int { return a.First.Compare(b.First) }) {
		t.Error("not in the order of time")
	}
}

// TestSecrets plants what must never come out where a log may hold it.
func TestSecrets(t *testing.T) {
	const secret = "hunter2"
	lines := []string{
		"INFO https_proxy: agent:hunter2@",
		"INFO https_proxy: http://agent:hunter2",
		"INFO no_proxy: hunter2",
		"INFO https_proxy: http://agent:hunter2@proxy.example:3128",
		"INFO http_proxy: http://agent:hunter2@proxy.example:3128/",
		"ERROR failed to register identity: Post \"https://agent:hunter2@ssm.example/\": proxyconnect tcp: dial tcp: lookup hunter2!x on 192.0.2.1:53: no such host",
		"ERROR error when calling AWS APIs. error details - ExpiredToken: token hunter2 AccessDenied not authorized to perform: hunter2",
		"WARN Failed to dial websocket: hunter2",
		"ERROR MachineFingerprintDoesNotMatch hunter2",
		"INFO Sleeping for hunter2 before retrying retrieve credentials",
		"INFO SSM Connection channel status is set to hunter2",
		"INFO amazon-ssm-agent - vhunter2",
	}
	l := read(t, map[string]string{mainLog: "2026-11-20 09:00:10 " + strings.Join(lines, "\n2026-11-20 09:00:10 ") + "\n"})
	b, err := json.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	if len(l.Events) < 7 || strings.Contains(string(b), secret) || strings.Contains(fmt.Sprintf("%#v", l), secret) {
		t.Errorf("%d events: %s", len(l.Events), b)
	}
	if !strings.Contains(string(b), `"host":"proxy.example"`) || strings.Contains(string(b), `"host":"agent"`) {
		t.Errorf("the proxy is not named: %s", b)
	}
}

// TestNeedsRoot: what this user may not read is not absent.
func TestNeedsRoot(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("permissions of Unix")
	}
	root := place(t, map[string]string{mainLog: begins})
	r := &reader{Options: Options{UID: 1000}}
	if os.Getuid() != 0 {
		if err := os.Chmod(filepath.Join(root, logDir), 0); err != nil {
			t.Fatal(err)
		}
		defer os.Chmod(filepath.Join(root, logDir), 0o700)
		if l := Read(t.Context(), Options{Root: root, UID: 1000, Zone: time.UTC}); l.Status != fact.NotRun || l.Skipped != needsRoot {
			t.Errorf("%+v", l.Outcome)
		}
	}
	if o := r.ended(fmt.Errorf("opening: %w", os.ErrPermission)); o.Status != fact.NotRun || o.Skipped != needsRoot {
		t.Errorf("as a user: %+v", o)
	}
	r.UID = 0
	if o := r.ended(fmt.Errorf("opening: %w", os.ErrPermission)); o.Class != fact.PermissionDenied {
		t.Errorf("as root: %+v", o)
	}
}

// TestNames covers the small readers of names.
func TestNames(t *testing.T) {
	for in, want := range map[string]string{
		"for instance: i-0123456789abcdef0, requestId": "i-0123456789abcdef0",
		"[instanceID=i-01234567] x":                    "i-01234567",
		"InstanceId: mi-0123456789abcdef0":             "mi-0123456789abcdef0",
		"for instance: i-0123456789abcdef":             "",
		"for instance: i-0123456789abcdef0a":           "",
		"stopped i-0123456789abcdef0":                  "",
		"api-i-":                                       "",
	} {
		if got := nodeOf([]byte(in)); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
	for in, want := range map[string]string{
		"http://proxy.example:3128": "proxy.example", "proxy.example": "proxy.example", "http://u:p@192.0.2.1:80/": "192.0.2.1",
		"http://u:p@x/y": "", "u:p": "", "": "", "http://u:p#@h:1": "h", "https://PROXY:99999999": "",
	} {
		if got := proxyHost(in); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
	if d := duration("1000h"); d != 0 {
		t.Errorf("an endless wait: %v", d)
	}
}
