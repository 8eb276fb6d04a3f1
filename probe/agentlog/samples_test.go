package agentlog

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"vpcdoctor/probe/fact"
)

var update = flag.Bool("update", false, "write the expected events anew")

const golden = "testdata/events.golden"

// now is after every sample.
var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// place writes logs where the agent has them and returns the root.
func place(t testing.TB, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		p := filepath.Join(root, logDir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// read reads logs as UTC.
func read(t testing.TB, files map[string]string) fact.AgentLog {
	t.Helper()
	return Read(t.Context(), Options{Root: place(t, files), Zone: time.UTC, Now: func() time.Time { return now }})
}

// say is an event in one line, without the times.
func say(e fact.LogEvent) string {
	s := string(e.Stem)
	add := func(name string, v any, set bool) {
		if set {
			s += fmt.Sprintf(" %s=%v", name, v)
		}
	}
	if e.Reason != "" {
		s += "/" + string(e.Reason)
	}
	s += " " + e.Level
	add("count", e.Count, e.Count > 1)
	add("old", e.Old, e.Old)
	add("source", e.Source, e.Source != mainLog)
	add("host", e.Host, e.Host != "")
	add("server", e.Server, e.Server.IsValid())
	add("addr", e.Addr, e.Addr.IsValid())
	add("operation", e.Operation, e.Operation != "")
	add("code", e.Code, e.Code != "")
	add("status", e.Status, e.Status != 0)
	add("channel", e.Channel, e.Channel != "")
	add("node", e.Node, e.Node != "")
	add("wait", e.Wait.Std().Round(time.Second), e.Wait != 0)
	if d := e.Denial; d != nil {
		s += fmt.Sprintf(" denial=%q explicit=%v action=%s", d.Layer, d.Explicit, d.Action)
	}
	return s
}

// TestSamples reads logs of the real agent (real-*: version 3.3.0.0 of the
// source, run under one fault each, shortened, ids and Regions changed) and
// ones written by hand from its source (written-*), and compares what they
// say with a list that was read line by line against the samples.
func TestSamples(t *testing.T) {
	files, err := filepath.Glob("testdata/*.log")
	if err != nil || len(files) == 0 {
		t.Fatal("no samples", err)
	}
	var b strings.Builder
	for _, f := range files {
		l := read(t, sample(t, f))
		if l.Status != fact.OK {
			t.Errorf("%s: %+v", f, l.Outcome)
		}
		fmt.Fprintf(&b, "%s: starts %d version %q node %q\n", filepath.Base(f), l.Starts, l.Version, l.NodeID)
		for _, e := range l.Events {
			fmt.Fprintf(&b, "\t%s\n", say(e))
		}
	}
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got := b.String(); got != string(want) {
		g, w := strings.Split(got, "\n"), strings.Split(string(want), "\n")
		for i := range max(len(g), len(w)) {
			if i >= len(g) || i >= len(w) || g[i] != w[i] {
				t.Fatalf("line %d:\n got %q\nwant %q", i+1, g[min(i, len(g)-1)], w[min(i, len(w)-1)])
			}
		}
	}
}

// sample is one file of testdata in the place of the log that it is of.
func sample(t testing.TB, f string) map[string]string {
	t.Helper()
	b, err := os.ReadFile(f)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{mainLog: ""}
	switch filepath.Base(f) {
	case "real-hibernate-sleep.log":
		files[sleepLog] = string(b)
	case "real-errors.log":
		// Something younger stands in the main log.
		files[mainLog] = "2026-11-22 11:00:00 INFO something else\n"
		files[errorLog] = string(b)
	default:
		files[mainLog] = string(b)
	}
	return files
}

// TestEveryWord asserts that each stem and each reason of the vocabulary comes
// out of some sample: one that no log can produce would be a promise.
func TestEveryWord(t *testing.T) {
	got := map[string]bool{}
	files, err := filepath.Glob("testdata/*.log")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		for _, e := range read(t, sample(t, f)).Events {
			got[string(e.Stem)] = true
			got["reason "+string(e.Reason)] = true
		}
	}
	for _, w := range vocabulary(t) {
		if !got[w] {
			t.Errorf("no sample has %q", w)
		}
	}
}

// vocabulary reads the words from the source of the fact package.
func vocabulary(t *testing.T) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "../fact/agentlog.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	ast.Inspect(f, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok || v.Type == nil {
			return true
		}
		kind, prefix := v.Type.(*ast.Ident).Name, ""
		switch kind {
		case "LogReason":
			prefix = "reason "
		case "LogStem":
		default:
			return true
		}
		word, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, prefix+word)
		return true
	})
	if len(out) < 70 {
		t.Fatalf("only %d words found", len(out))
	}
	return out
}

// TestTable asserts that the table has no row that another one hides.
func TestTable(t *testing.T) {
	for i, s := range slices.Concat(said, failed) {
		body := s.text + s.also + " x"
		if s.text == "ppear" {
			body = "ap" + body
		}
		got, _ := find([]byte(s.tag), []byte(body), "ERROR")
		if got == nil || got.text != s.text || got.stem != s.stem {
			t.Errorf("row %d, %q: found %+v", i, s.text, got)
		}
	}
	for i, r := range reasons {
		if got := reason(r.text + " " + r.also); got != r.reason {
			t.Errorf("reason %d, %q: %s", i, r.text, got)
		}
	}
}
