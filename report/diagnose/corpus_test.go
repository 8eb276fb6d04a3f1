package diagnose_test

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"vpcdoctor/probe/fact"
	"vpcdoctor/report"
	"vpcdoctor/report/corpus"
	"vpcdoctor/report/diagnose"
	"vpcdoctor/report/text"
)

// scenarios is where the corpus is. To record and judge it again: make corpus.
const scenarios = "../testdata/scenarios"

// unseen are codes that no facts show, with the reason.
var unseen = map[diagnose.Code]string{"SELF-01": "it takes a rule that panics: TestRulePanic"}

// cached is the corpus as it was read, and what was found of it. The tests of
// this package do not run in parallel.
var cached struct {
	files   []*corpus.File
	byName  map[string]*corpus.File
	shown   map[string]map[diagnose.Code]as
	firings map[diagnose.Code]firing
}

// forget makes the next test read the corpus again.
func forget() { cached.files = nil }

func inCorpus(t *testing.T) []*corpus.File {
	t.Helper()
	if cached.files == nil {
		files, err := corpus.All(scenarios)
		if err != nil || len(files) == 0 {
			t.Fatalf("%d scenarios, %v", len(files), err)
		}
		cached.files, cached.byName, cached.shown, cached.firings = files, map[string]*corpus.File{}, map[string]map[diagnose.Code]as{}, nil
		for _, f := range files {
			cached.byName[f.Name] = f
		}
	}
	return cached.files
}

// load reads the facts of one scenario; every call gives a set of its own.
func load(t *testing.T, name string) *fact.Set {
	t.Helper()
	inCorpus(t)
	f := cached.byName[name]
	if f == nil {
		t.Fatalf("no scenario %s: record it with bin/vpclab record report/testdata/scenarios", name)
	}
	s, err := f.Set()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// shownIn is what a scenario shows.
func shownIn(t *testing.T, name string) map[diagnose.Code]as {
	t.Helper()
	inCorpus(t)
	if cached.shown[name] == nil {
		cached.shown[name] = shownBy(diagnose.Run(load(t, name), diagnose.Options{}))
	}
	return cached.shown[name]
}

// as tells how a verdict shows a code.
type as struct {
	severity   diagnose.Severity // of a finding; empty: behind one
	words      string            // cause | effect of CODE | behind CODE
	confidence diagnose.Confidence
	facts      string
}

func shownBy(v diagnose.Verdict) map[diagnose.Code]as {
	out := map[diagnose.Code]as{}
	for _, f := range slices.Concat(v.Causes, v.Effects) {
		x := as{f.Severity, "cause", f.Confidence, diagnose.FactsOf(f)}
		if f.CausedBy != "" {
			x.words = "effect of " + string(f.CausedBy)
		}
		if _, ok := out[f.Code]; !ok {
			out[f.Code] = x
		}
	}
	for _, f := range slices.Concat(v.Causes, v.Effects) {
		for _, a := range f.Alternatives {
			if _, ok := out[a.Code]; !ok {
				out[a.Code] = as{"", "behind " + string(f.Code), diagnose.Possible, diagnose.FactsOf(f)}
			}
		}
	}
	return out
}

// silent tells whether a near miss does not show what its scenario shows.
func silent(near map[diagnose.Code]as, code diagnose.Code, x as) bool {
	n, ok := near[code]
	return !ok || x.severity != "" && n.severity != x.severity
}

// firing is a scenario that shows a code, with its near miss.
type firing struct {
	file string
	near string // file, or file + " (patch)"; empty: none
	lab  bool
	as
}

// firings is, for each code, the scenario of the corpus that shows it best, and
// a near miss, of that one where it has one.
func firings(t *testing.T) map[diagnose.Code]firing {
	t.Helper()
	if inCorpus(t); cached.firings == nil {
		cached.firings = firingsOf(t, func(*corpus.File) bool { return true })
	}
	return cached.firings
}

func firingsOf(t *testing.T, use func(*corpus.File) bool) map[diagnose.Code]firing {
	t.Helper()
	best, rank := map[diagnose.Code]firing{}, map[diagnose.Code]int{}
	for _, f := range inCorpus(t) {
		if !use(f) {
			continue
		}
		shown, near, nearName := shownIn(t, f.Name), map[diagnose.Code]as(nil), f.Near
		switch {
		case f.Near != "":
			near = shownIn(t, f.Near)
		case len(f.Patch) > 0:
			s, err := f.NearMiss()
			if err != nil {
				t.Fatal(err)
			}
			near, nearName = shownBy(diagnose.Run(s, diagnose.Options{})), f.Name+" (patch)"
		}
		for code, x := range shown {
			now := firing{f.Name, "", f.Origin == corpus.Lab, x}
			n := 0
			if near != nil && silent(near, code, x) {
				now.near = nearName
			} else {
				n++
			}
			n += map[string]int{"cause": 0, "effect": 8, "behind": 16}[strings.Fields(x.words)[0]]
			if f.Origin != corpus.Lab {
				n += 4
			}
			if !slices.Contains(f.Shows, string(code)) {
				n += 2
			}
			n = 1000*n + len(shown) // what shows little else is the better example
			old, ok := best[code]
			if !ok || n < rank[code] {
				now.near = cmp.Or(now.near, old.near)
				best[code], rank[code] = now, n
			} else if old.near == "" {
				old.near = now.near
				best[code] = old
			}
		}
	}
	return best
}

// TestByHand: the corpus has a scenario and its near miss, written by hand in
// the tables here, of every code for which the lab has no pair.
func TestByHand(t *testing.T) {
	recorded := firingsOf(t, func(f *corpus.File) bool { return f.Origin != corpus.Hand })
	type pair struct {
		diagnose.Pair
		shown, near map[diagnose.Code]as
	}
	var pairs []pair
	for _, p := range diagnose.Pairs() {
		pairs = append(pairs, pair{p, shownBy(diagnose.Run(p.Make(), diagnose.Options{})), shownBy(diagnose.Run(p.Miss(), diagnose.Options{}))})
	}
	shows := func(p pair, c diagnose.Code) bool {
		x, ok := p.shown[c]
		return ok && silent(p.near, c, x)
	}
	have := map[string]bool{}
	if *update {
		defer forget()
	}
	for _, d := range diagnose.Codes() {
		if !d.Visible || unseen[d.Code] != "" || recorded[d.Code].near != "" {
			continue
		}
		i := slices.IndexFunc(pairs, func(p pair) bool { return p.Code == d.Code && shows(p, d.Code) })
		if i < 0 {
			i = slices.IndexFunc(pairs, func(p pair) bool { return shows(p, d.Code) })
		}
		if i < 0 {
			t.Errorf("%s: nothing in the tables shows it, or its near miss shows it too", d.Code)
			continue
		}
		name := strings.ToLower(string(d.Code))
		have[name] = true
		f := written(t, name, d, pairs[i].Pair)
		old, err := corpus.Read(scenarios, name)
		if err == nil {
			f.Story = old.Story // it is written for readers, and stays
		}
		if *update {
			if err := errors.Join(f.Judge(inWords), f.Write(scenarios)); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err != nil || !bytes.Equal(old.Facts, f.Facts) || !bytes.Equal(old.Patch, f.Patch) {
			t.Errorf("%s is not what the tables make: go test ./report/diagnose -update (%v)", name, err)
		}
	}
	for _, f := range inCorpus(t) {
		switch {
		case f.Origin != corpus.Hand || have[f.Name]:
		case *update:
			if err := corpus.Remove(scenarios, f.Name); err != nil {
				t.Fatal(err)
			}
		default:
			t.Errorf("%s is not needed any more: go test ./report/diagnose -update", f.Name)
		}
	}
}

// TestCorpusOrder: the order of a scenario's facts means nothing.
func TestCorpusOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, f := range inCorpus(t) {
		want := diagnose.Run(load(t, f.Name), diagnose.Options{})
		for range 2 {
			s := load(t, f.Name)
			diagnose.Shuffle(rng, s)
			if got := diagnose.Run(s, diagnose.Options{}); !reflect.DeepEqual(got, want) {
				t.Errorf("%s: %s", f.Name, gocmp.Diff(want, got))
				break
			}
		}
	}
}

// written makes a file of what a table says.
func written(t *testing.T, name string, d diagnose.Doc, p diagnose.Pair) *corpus.File {
	t.Helper()
	facts, err := corpus.Facts(p.Make())
	if err != nil {
		t.Fatal(err)
	}
	near, err := corpus.Facts(p.Miss())
	if err != nil {
		t.Fatal(err)
	}
	patch, err := corpus.Diff(facts, near)
	if err != nil {
		t.Fatal(err)
	}
	return &corpus.File{Name: name, Story: corpus.Paragraph(d.Title + ". " + d.Symptom), Kind: corpus.Fault, Origin: corpus.Hand, Shows: []string{string(d.Code)}, Facts: facts, Patch: patch}
}

func inWords(w io.Writer, r *report.Report) error { return text.Write(w, r, text.Options{}) }
