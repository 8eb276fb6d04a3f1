package diagnose_test

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"vpcdoctor/cmd/vpclab/scenario"
	"vpcdoctor/probe/packed"
	"vpcdoctor/report/diagnose"
)

var update = flag.Bool("update", false, "write causes.tsv and pages.txt.gz anew")

const (
	causesFile = "../testdata/causes.tsv"

	maxUnseen = 45  // ids of which the instance shows nothing
	minLab    = 120 // ids that fire on packets or files of the lab
)

// ids is the root-cause catalogue's list, with a word for its group.
func ids(t *testing.T) []string {
	t.Helper()
	b, err := os.ReadFile("testdata/ids.txt")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, line := range strings.Split(strings.TrimSpace(string(b)), "\n") {
		id, _, ok := strings.Cut(line, " ")
		if !ok || slices.Contains(out, id) {
			t.Fatalf("line %q", line)
		}
		out = append(out, id)
	}
	if len(out) != 224 {
		t.Fatalf("%d ids", len(out))
	}
	return out
}

// firesIn is a scenario whose expectation names the code, and how.
type firesIn struct{ name, near, as string }

// lab lists for each code the scenario that must show it: `vpclab verify` runs
// it and fails where it does not. A list of several first causes promises none
// of them.
func lab() map[string]firesIn {
	recorded := func(name string) bool {
		_, err := os.Stat(filepath.Join("..", "testdata", "facts", name+".json.gz"))
		return err == nil
	}
	near := map[string]string{}
	for _, s := range scenario.All() {
		if s.NearOf != "" && near[s.NearOf] == "" {
			near[s.NearOf] = s.Name
		}
	}
	out, best := map[string]firesIn{}, map[string]int{}
	add := func(code, name, as string, rank int) {
		if recorded(name) {
			rank-- // then its confidence is known
		}
		if near[name] != "" {
			rank -= 2
		}
		if old, ok := best[code]; !ok || rank < old {
			out[code], best[code] = firesIn{name, near[name], as}, rank
		}
	}
	for _, s := range append(scenario.All(), scenario.Programs()...) {
		if len(s.Want.Codes) == 1 {
			add(s.Want.Codes[0], s.Name, "cause", 0)
		}
		for _, c := range s.Want.Also {
			add(c, s.Name, "named", 8)
		}
	}
	for _, set := range scenario.Confusables() {
		for _, c := range set.Cases {
			if c.Code != "" {
				add(c.Code, c.Scenario, "cause", 0)
			}
			for _, o := range c.Or {
				add(o, c.Scenario, "behind "+c.Code, 8)
			}
		}
	}
	return out
}

// TestEveryCauseIsMapped: each id of the catalogue has a code of the same
// number, which a rule finds or which stands behind one that a rule finds; or
// it says that nothing on the instance shows it, and which call decides.
func TestEveryCauseIsMapped(t *testing.T) {
	inLab, byHand := lab(), diagnose.ShownByHand()
	unseen, packets := 0, 0
	for _, id := range ids(t) {
		d, ok := diagnose.Explain(diagnose.Code(id))
		if !ok || string(d.Code) != id {
			t.Errorf("%s is not mapped", id)
			continue
		}
		_, lab := inLab[id]
		_, hand := byHand[d.Code]
		switch {
		case !d.Visible && (lab || hand || d.Call == ""):
			t.Errorf("%s cannot be seen, and is shown; or no call decides: %q", id, d.Call)
		case !d.Visible:
			unseen++
		case lab:
			packets++
		case !hand:
			t.Errorf("%s: no scenario and no facts show it", id)
		}
	}
	if unseen > maxUnseen || packets < minLab {
		t.Errorf("%d cannot be seen, at most %d; %d fire in the lab, at least %d", unseen, maxUnseen, packets, minLab)
	}
	t.Logf("224 ids: %d by the lab, %d by hand-written facts, %d not visible", packets, 224-packets-unseen, unseen)
}

// TestPages holds pages.txt.gz, which is embedded, to pages.txt: a block for
// each code, in reading order, with each of its texts.
func TestPages(t *testing.T) {
	text, err := os.ReadFile("pages.txt")
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		gz, err := packed.Pack(text)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("pages.txt.gz", gz, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	gz, err := os.ReadFile("pages.txt.gz")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := packed.Text(string(gz)); err != nil || got != string(text) {
		t.Fatalf("pages.txt.gz is out of date: go test ./report/diagnose -update (%v)", err)
	}
	var want strings.Builder
	for i, d := range diagnose.Codes() {
		if i > 0 {
			want.WriteString("\n")
		}
		proof, not := "Proof: "+d.Proof+"\n", "False positives: "+d.FalsePositives+"\n"
		if !d.Visible {
			proof, not = "Call: "+d.Call+"\n", ""
		}
		want.WriteString(string(d.Code) + "\nSymptom: " + d.Symptom + "\n" + proof + "Fix: " + d.Fix + "\n" + not)
	}
	if want.String() != string(text) {
		t.Error("pages.txt has other blocks than the codes, or in another order, or lines of another form")
	}
}

// TestCausesFile holds causes.tsv to what the scenarios and rules say now.
func TestCausesFile(t *testing.T) {
	inLab, byHand := lab(), diagnose.ShownByHand()
	var b strings.Builder
	b.WriteString("# Written by go test ./report/diagnose -update.\n" +
		"# fires: a scenario of the lab, or \"facts\": written by hand in the tests of report/diagnose.\n" +
		"id\tcode\tas\tdecisive facts\tfires\tnear miss\tconfidence\n")
	for _, id := range ids(t) {
		d, _ := diagnose.Explain(diagnose.Code(id))
		if !d.Visible {
			fmt.Fprintf(&b, "%s\tnot visible\t-\t%s\t-\t-\t-\n", id, d.Call)
			continue
		}
		s, f := byHand[d.Code], firesIn{"facts", "", ""}
		if s.Near {
			f.near = "facts"
		}
		if l, ok := inLab[id]; ok {
			f.name, f.near = l.name, cmp.Or(l.near, f.near)
			s = seenIn(t, l.name, d.Code, s)
		}
		fmt.Fprintf(&b, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", id, d.Code, s.As, s.Facts, f.name, cmp.Or(f.near, "-"), s.Confidence)
	}
	if *update {
		if err := os.WriteFile(causesFile, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if old, err := os.ReadFile(causesFile); err != nil || string(old) != b.String() {
		t.Errorf("%s is out of date: go test ./report/diagnose -update (%v)", causesFile, err)
	}
}

// seenIn is how the recorded facts of a scenario show a code; without a
// recording, what the hand-written facts showed.
func seenIn(t *testing.T, name string, code diagnose.Code, or diagnose.Shown) diagnose.Shown {
	if _, err := os.Stat(filepath.Join(recorded, name+".json.gz")); err != nil {
		return or
	}
	v := diagnose.Run(load(t, name), diagnose.Options{})
	for _, f := range slices.Concat(v.Causes, v.Effects) {
		if f.Code == code {
			s := diagnose.Shown{As: "cause", Confidence: f.Confidence, Facts: diagnose.FactsOf(f)}
			if f.CausedBy != "" {
				s.As = "effect of " + string(f.CausedBy)
			}
			return s
		}
		if slices.ContainsFunc(f.Alternatives, func(a diagnose.Alternative) bool { return a.Code == code }) {
			return diagnose.Shown{As: "behind " + string(f.Code), Confidence: diagnose.Possible, Facts: diagnose.FactsOf(f)}
		}
	}
	t.Errorf("%s: the recording does not show %s", name, code)
	return or
}
