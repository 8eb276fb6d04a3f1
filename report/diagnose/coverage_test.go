package diagnose_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"vpcdoctor/probe/packed"
	"vpcdoctor/report/corpus"
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

// TestEveryCauseIsMapped: each id of the catalogue has a code of the same
// number, which a rule finds or which stands behind one that a rule finds; or
// it says that nothing on the instance shows it, and which call decides.
func TestEveryCauseIsMapped(t *testing.T) {
	fires := firings(t)
	hidden, packets := 0, 0
	for _, id := range ids(t) {
		d, ok := diagnose.Explain(diagnose.Code(id))
		if !ok || string(d.Code) != id {
			t.Errorf("%s is not mapped", id)
			continue
		}
		f, shown := fires[d.Code]
		switch {
		case !d.Visible && (shown || d.Call == ""):
			t.Errorf("%s cannot be seen, and is shown; or no call decides: %q", id, d.Call)
		case !d.Visible:
			hidden++
		case f.lab:
			packets++
		}
	}
	if hidden > maxUnseen || packets < minLab {
		t.Errorf("%d cannot be seen, at most %d; %d fire in the lab, at least %d", hidden, maxUnseen, packets, minLab)
	}
	t.Logf("224 ids: %d by the lab, %d by hand-written facts, %d not visible", packets, 224-packets-hidden, hidden)
}

// TestEveryCodeHasAPair: the corpus has a scenario that shows each code, and a
// near miss, one fact apart, that does not.
func TestEveryCodeHasAPair(t *testing.T) {
	fires := firings(t)
	for _, d := range diagnose.Codes() {
		f, ok := fires[d.Code]
		switch {
		case !d.Visible || unseen[d.Code] != "":
		case !ok:
			t.Errorf("%s: no scenario shows it", d.Code)
		case f.near == "":
			t.Errorf("%s: it is shown by %s, and has no near miss", d.Code, f.file)
		}
	}
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

// TestCausesFile holds causes.tsv to what the corpus shows now.
func TestCausesFile(t *testing.T) {
	fires := firings(t)
	var b strings.Builder
	b.WriteString("# Written by go test ./report/diagnose -update.\n" +
		"# fires, near miss: files of testdata/scenarios; (patch) is the near miss inside the file.\n" +
		"# facts: lab, recorded from packets and files of the simulated VPC; hand, written by hand.\n" +
		"id\tcode\tas\tdecisive facts\tfires\tfacts\tnear miss\tconfidence\n")
	for _, id := range ids(t) {
		d, _ := diagnose.Explain(diagnose.Code(id))
		if !d.Visible {
			fmt.Fprintf(&b, "%s\tnot visible\t-\t%s\t-\t-\t-\t-\n", id, d.Call)
			continue
		}
		f := fires[d.Code]
		origin := corpus.Hand
		if f.lab {
			origin = corpus.Lab
		}
		fmt.Fprintf(&b, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", id, d.Code, f.words, f.facts, f.file, origin, f.near, f.confidence)
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
