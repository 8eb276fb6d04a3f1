package corpus_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vpcdoctor/cmd/vpclab/scenario"
	"vpcdoctor/probe/fact"
	"vpcdoctor/report"
	"vpcdoctor/report/corpus"
	"vpcdoctor/report/diagnose"
	"vpcdoctor/report/text"
)

var update = flag.Bool("update", false, "write verdict and text of every scenario anew")

const (
	dir = "../testdata/scenarios"

	maxBytes   = 11 << 20 // of the corpus
	minHealthy = 40
)

func files(t *testing.T) []*corpus.File {
	t.Helper()
	out, err := corpus.All(dir)
	if err != nil || len(out) == 0 {
		t.Fatalf("%d scenarios, %v", len(out), err)
	}
	return out
}

// TestRecordedIsWhatTheLabHas: the recorded files are those that
// scenario.Corpus chooses, with its stories.
func TestRecordedIsWhatTheLabHas(t *testing.T) {
	have := map[string]*corpus.File{}
	for _, f := range files(t) {
		if f.Origin == corpus.Lab {
			have[f.Name] = f
		}
	}
	for _, s := range scenario.Corpus() {
		f := have[s.Name]
		if f == nil {
			t.Errorf("record it: bin/vpclab record report/testdata/scenarios %s", s.Name)
			continue
		}
		delete(have, s.Name)
		now := *f
		now.Story, now.Kind, now.Shows, now.Near, now.NearOf = corpus.Paragraph(s.Story), string(s.Kind), s.Shows, s.Near, s.NearOf
		switch same := now.Story == f.Story && now.Kind == f.Kind && slices.Equal(now.Shows, f.Shows) && now.Near == f.Near && now.NearOf == f.NearOf; {
		case same:
		case *update:
			if err := now.Write(dir); err != nil {
				t.Fatal(err)
			}
		default:
			t.Errorf("%s says of itself what the scenario no longer says: go test ./report/corpus -update", s.Name)
		}
	}
	for name := range have {
		if !*update {
			t.Errorf("%s is not in the corpus of the lab any more: go test ./report/corpus -update", name)
		} else if err := corpus.Remove(dir, name); err != nil {
			t.Fatal(err)
		}
	}
}

// TestReplay judges and prints the facts of every scenario again.
func TestReplay(t *testing.T) {
	for _, f := range files(t) {
		t.Run(f.Name, func(t *testing.T) {
			now := *f
			laid, err := corpus.Layout(f.Facts)
			if err != nil {
				t.Fatal(err)
			}
			now.Facts = laid
			if err := now.Judge(inWords); err != nil {
				t.Fatal(err)
			}
			if *update {
				if err := now.Write(dir); err != nil {
					t.Fatal(err)
				}
				return
			}
			for _, x := range []struct {
				what      string
				was, then []byte
			}{{"layout of the facts", f.Facts, now.Facts}, {"verdict", f.Verdict, now.Verdict}, {"text", f.Text, now.Text}, {"verdict on the near miss", f.NearMissVerdict, now.NearMissVerdict}} {
				if !bytes.Equal(x.was, x.then) {
					t.Errorf("%s (-file +now; rewrite with go test ./report/corpus -update):\n%s", x.what, cmp.Diff(string(x.was), string(x.then)))
				}
			}
			for i, line := range strings.Split(string(f.Text), "\n") {
				if len(line) > 80 {
					t.Errorf("line %d of the text has %d columns", i+1, len(line))
				}
			}
		})
	}
}

// shown is what a verdict shows: findings with their severity, and what stands
// behind them.
func shown(s *fact.Set) (found map[string]bool, behind map[string]bool) {
	v := diagnose.Run(s, diagnose.Options{})
	found, behind = map[string]bool{}, map[string]bool{}
	for _, f := range slices.Concat(v.Causes, v.Effects) {
		found[string(f.Code)+" "+string(f.Severity)] = true
		for _, a := range f.Alternatives {
			behind[string(a.Code)] = true
		}
	}
	return found, behind
}

func set(t *testing.T, s *fact.Set, err error) *fact.Set {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestScenarios holds every file to what it says of itself: a scenario shows
// its codes, its near miss does not, and a healthy one has no warning that its
// story does not declare.
func TestScenarios(t *testing.T) {
	healthy := 0
	byName := map[string]*corpus.File{}
	for _, f := range files(t) {
		byName[f.Name] = f
	}
	for _, f := range files(t) {
		s, err := f.Set()
		s = set(t, s, err)
		if f.Story == "" {
			t.Errorf("%s has no story", f.Name)
		}
		v := diagnose.Run(s, diagnose.Options{})
		found, behind := shown(s)
		switch f.Kind {
		case corpus.Healthy:
			healthy++
			for _, c := range v.Causes {
				if c.Severity != diagnose.SevInfo && !slices.Contains(f.Allows, string(c.Code)) {
					t.Errorf("%s is healthy and shows %s (%s)", f.Name, c.Code, c.Severity)
				}
			}
			if v.Status != diagnose.Healthy && len(f.Allows) == 0 {
				t.Errorf("%s is healthy and the verdict is %s", f.Name, v.Status)
			}
		case corpus.Fault:
			if f.Origin == corpus.Lab && len(f.Shows) == 1 && (len(v.Causes) == 0 || string(v.Causes[0].Code) != f.Shows[0]) {
				t.Errorf("%s: the first cause is not %s", f.Name, f.Shows[0])
			}
		default:
			t.Errorf("%s is %q", f.Name, f.Kind)
		}
		var near *fact.Set
		switch {
		case f.Near != "" && byName[f.Near] == nil:
			t.Fatalf("%s: its near miss %s is no file", f.Name, f.Near)
		case f.Near != "":
			near, err = byName[f.Near].Set()
			near = set(t, near, err)
		case len(f.Patch) > 0:
			near, err = f.NearMiss()
			near = set(t, near, err)
		}
		for _, code := range f.Shows {
			as := slices.DeleteFunc([]string{code + " error", code + " warning", code + " info"}, func(k string) bool { return !found[k] })
			if len(as) == 0 && !behind[code] {
				t.Errorf("%s does not show %s", f.Name, code)
			}
			if near == nil {
				continue
			}
			nearFound, nearBehind := shown(near)
			if slices.ContainsFunc(as, func(k string) bool { return nearFound[k] }) || len(as) == 0 && nearBehind[code] {
				t.Errorf("the near miss of %s shows %s too", f.Name, code)
			}
		}
	}
	if healthy < minHealthy {
		t.Errorf("%d healthy variants, want %d", healthy, minHealthy)
	}
}

func TestCorpusIsSmall(t *testing.T) {
	list, err := filepath.Glob(dir + "/*")
	if err != nil {
		t.Fatal(err)
	}
	total := int64(0)
	for _, path := range list {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		total += info.Size()
	}
	if total > maxBytes {
		t.Errorf("%d bytes, at most %d", total, maxBytes)
	}
	t.Logf("%d scenarios, %d bytes", len(list), total)
}

// Patches of documents of any form lead from one to the other.
func FuzzDiff(f *testing.F) {
	f.Add(`{"a":[1,2,3],"b/c":{"d~e":null}}`, `{"a":[1,3,4,5],"b/c":{}}`)
	f.Add(`[[1],{"x":1.50}]`, `[{"x":1.5}]`)
	f.Add(`{"a":[{"b":1},{"b":2}]}`, `{"a":[{"b":2},{"b":1}]}`)
	f.Fuzz(func(t *testing.T, a, b string) {
		if !json.Valid([]byte(a)) || !json.Valid([]byte(b)) || !strings.HasPrefix(a, "{") || !strings.HasPrefix(b, "{") {
			return
		}
		p, err := corpus.Diff([]byte(a), []byte(b))
		if err != nil {
			t.Fatal(err)
		}
		got, err := corpus.Apply([]byte(a), p)
		if err != nil {
			t.Fatalf("%v\n%s", err, p)
		}
		if !same(t, got, []byte(b)) {
			t.Errorf("%s\n%s is not\n%s", p, got, b)
		}
	})
}

func same(t *testing.T, a, b []byte) bool {
	t.Helper()
	again, err := corpus.Diff(a, b)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(again)) == "[]"
}

func TestApplyRefuses(t *testing.T) {
	for _, p := range []string{
		`[{"op":"test","path":"/a","value":1}]`, `[{"op":"replace","path":"","value":1}]`, `[{"op":"remove","path":"/b"}]`, `[{"op":"replace","path":"/a/3","value":1}]`,
		`[{"op":"add","path":"/a/4","value":1}]`, `[{"op":"add","path":"/a/b","value":1}]`, `[{"op":"add","path":"/c/d/e","value":1}]`, `[{"op":"add","path":"/a/0","valeu":1}]`, `{}`, ``,
	} {
		if got, err := corpus.Apply([]byte(`{"a":[1,2,3],"c":{}}`), []byte(p)); err == nil {
			t.Errorf("%s gave %s", p, got)
		}
	}
}

// A layout loses nothing and is the same when it is laid out again.
func FuzzLayout(f *testing.F) {
	f.Add(`{"a<b>":[` + strings.Repeat(`{"x":"y"},`, 60) + `1]}`)
	f.Add(`["` + strings.Repeat("é", 200) + `"]`)
	f.Fuzz(func(t *testing.T, in string) {
		if !json.Valid([]byte(in)) {
			return
		}
		out, err := corpus.Layout([]byte(in))
		if err != nil {
			t.Fatal(err)
		}
		var a, b any
		if json.Unmarshal([]byte(in), &a) != nil || json.Unmarshal(out, &b) != nil || !cmp.Equal(a, b) {
			t.Errorf("%q became %q", in, out)
		}
		if again, err := corpus.Layout(out); err != nil || !bytes.Equal(again, out) {
			t.Errorf("laid out again: %q, %v", again, err)
		}
	})
}

func inWords(w io.Writer, r *report.Report) error { return text.Write(w, r, text.Options{}) }
