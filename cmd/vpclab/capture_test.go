//go:build linux

package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"vpcdoctor/cmd/vpclab/fabric"
	"vpcdoctor/cmd/vpclab/lab"
	"vpcdoctor/cmd/vpclab/scenario"
	"vpcdoctor/cmd/vpclab/world"
	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/probetest"
)

// captured is one run of the real binary on a simulated instance, with
// everything that can be known about it from outside.
type captured struct {
	world          *world.World
	dir            string // working directory, afterwards
	exit           int
	stdout, stderr string
	packets        []fabric.Record
	calls          []probetest.APICall // requests that reached AWS, the stand-in agent's included
	note           json.RawMessage     // what the role of the test left in noteFile
}

// Files of a capture in its working directory.
const (
	stdoutFile = "stdout.txt"
	stderrFile = "stderr.txt"
	noteFile   = "note.json"
)

// roleEnv makes this test binary stand between the lab and vpcdoctor: it plays
// a server, sends signals or looks at the file system. See roles.
const roleEnv = "VPCLAB_ROLE"

// roles are what this test binary can play on the instance. Each runs
// vpcdoctor with the arguments it gets and returns what to note.
var roles = map[string]func(args []string) (any, error){}

// play is the main function of a role.
func play(name string) int {
	note, err := roles[name](os.Args[1:])
	if err == nil {
		var b []byte
		if b, err = json.Marshal(note); err == nil {
			err = os.WriteFile(noteFile, b, 0o600)
		}
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "role %s: %v\n", name, err)
		return 99
	}
	return 0
}

// doctor is vpcdoctor on the instance, its output in the files of a capture.
func doctor(args []string) (*exec.Cmd, error) {
	cmd := exec.Command("./vpcdoctor", args...)
	var err error
	if cmd.Stdout, err = os.Create(stdoutFile); err != nil {
		return nil, err
	}
	cmd.Stderr, err = os.Create(stderrFile)
	return cmd, err
}

// runDoctor runs vpcdoctor to its end and returns its exit code.
func runDoctor(args []string) (int, error) {
	cmd, err := doctor(args)
	if err != nil {
		return 0, err
	}
	err = cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return 0, err
	}
	return cmd.ProcessState.ExitCode(), nil
}

// capture runs vpcdoctor in a world.
func capture(t *testing.T, w *world.World, args ...string) *captured {
	t.Helper()
	return captureWith(t, w, "", nil, args...)
}

// captureAs runs vpcdoctor in a world through a role of this test binary.
func captureAs(t *testing.T, role string, w *world.World, args ...string) *captured {
	t.Helper()
	return captureWith(t, w, role, nil, args...)
}

// captureWith runs vpcdoctor in a world with files in its working directory.
func captureWith(t *testing.T, w *world.World, role string, files map[string]string, args ...string) *captured {
	t.Helper()
	return captureMended(t, w, nil, role, files, args...)
}

// mendFile is the file in the working directory that mends the world.
const mendFile = "mended"

// captureMended runs vpcdoctor in a world that becomes another one while the
// role has made mendFile.
func captureMended(t *testing.T, w, mended *world.World, role string, files map[string]string, args ...string) *captured {
	t.Helper()
	needLab(t)
	if testing.Short() {
		t.Skip("not with -short: under the race detector a sample of the scenarios stands for all runs in the lab")
	}
	if w.Host.UID != 0 && os.Geteuid() != 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("needs root")
		}
		t.Skip("needs root")
	}
	// What is sent has to be vpcdoctor's: the agent's own connection is not.
	if role != "account" { // that one looks at the agent's connection
		w.Host.Agent.Connected = false
	}
	c := &captured{world: w, dir: t.TempDir()}
	if err := os.Chmod(c.dir, 0o777); err != nil { // the command may run as another user
		t.Fatal(err)
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(c.dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Link(doctorBin, filepath.Join(c.dir, "vpcdoctor")); err != nil {
		t.Fatal(err)
	}
	logs := t.TempDir()
	cmd := lab.Command{Dir: c.dir, Env: os.Environ(), Packets: filepath.Join(logs, "packets.jsonl"), Calls: filepath.Join(logs, "calls.jsonl")}
	if mended != nil {
		cmd.Mended, cmd.MendedBy = mended, filepath.Join(c.dir, mendFile)
	}
	if role == "" {
		cmd.Args = append([]string{"sh", "-c", `exec ./vpcdoctor "$@" >` + stdoutFile + " 2>" + stderrFile, "vpcdoctor"}, args...)
	} else {
		cmd.Args = append([]string{"/proc/self/exe"}, args...)
		if self, err := os.Executable(); err == nil {
			cmd.Args[0] = self
		}
		cmd.Env = append(cmd.Env, roleEnv+"="+role)
	}
	var err error
	if c.exit, err = lab.Run(w, cmd, 1); err != nil {
		t.Fatalf("the lab: %v", err)
	}
	c.stdout, c.stderr, c.note = c.read(stdoutFile), c.read(stderrFile), json.RawMessage(c.read(noteFile))
	if role != "" && c.exit != 0 {
		t.Fatalf("role %s ended with %d: %s", role, c.exit, c.stderr)
	}
	c.packets, c.calls = readLog[fabric.Record](t, cmd.Packets), readLog[probetest.APICall](t, cmd.Calls)
	return c
}

// read is the content of a file of the working directory; empty when it is not
// there.
func (c *captured) read(name string) string {
	b, err := os.ReadFile(filepath.Join(c.dir, name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err.Error()
	}
	return string(b)
}

// noted decodes what the role of a capture left.
func (c *captured) noted(t *testing.T, v any) {
	t.Helper()
	if err := json.Unmarshal(c.note, v); err != nil {
		t.Fatalf("reading the role's note: %v", err)
	}
}

// facts are what the run saved with --facts facts.json.
func (c *captured) facts(t *testing.T) *fact.Set {
	t.Helper()
	var s fact.Set
	if err := json.Unmarshal([]byte(c.read(factsFile)), &s); err != nil {
		t.Fatalf("reading the facts: %v\nexit %d\n%s", err, c.exit, c.stderr)
	}
	return &s
}

// doc is the part of a JSON report that tests here look at.
type doc struct {
	Context struct {
		Interrupted bool `json:"interrupted"`
	} `json:"context"`
	Verdict struct {
		Status     string    `json:"status"`
		Headline   string    `json:"headline"`
		Causes     []finding `json:"causes"`
		NotChecked []struct {
			What string `json:"what"`
			Why  string `json:"why"`
		} `json:"not_checked"`
	} `json:"verdict"`
	Facts fact.Set `json:"facts"`
}

// reportIn reads a JSON report from text.
func reportIn(t *testing.T, text string) doc {
	t.Helper()
	var d doc
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		t.Fatalf("reading the report: %v\n%s", err, firstLine(text))
	}
	return d
}

// readLog reads a log with one JSON value per line.
func readLog[T any](t *testing.T, path string) []T {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []T
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 16<<20) // a call that brought log events tells them all
	for lines.Scan() {
		var r T
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatalf("%s, line %d: %v", filepath.Base(path), len(out)+1, err)
		}
		out = append(out, r)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// worldOf is the world of a scenario under seed 1.
func worldOf(t *testing.T, name string) *world.World {
	t.Helper()
	s, err := scenario.Find(name)
	if err != nil {
		t.Fatal(err)
	}
	return s.World(1)
}

// plain tells whether text can go to a terminal as it is: printable ASCII and
// newlines.
func plain(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r != '\n' && (r < ' ' || r > '~') })
}
