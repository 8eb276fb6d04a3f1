package junit

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"vpcdoctor/report"
	"vpcdoctor/report/diagnose"
)

var update = flag.Bool("update", false, "rewrite the goldens")

func stored(t testing.TB) map[string]*report.Report {
	t.Helper()
	files, err := filepath.Glob("../text/testdata/*.json")
	if err != nil || len(files) < 8 {
		t.Fatalf("%d reports, %v", len(files), err)
	}
	out := map[string]*report.Report{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		r, err := report.Read(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		out[strings.TrimSuffix(filepath.Base(f), ".json")] = r
	}
	return out
}

func write(t testing.TB, r *report.Report) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestGoldens(t *testing.T) {
	for name, r := range stored(t) {
		got := write(t, r)
		check(t, name, got)
		if name == "hostile" || name == "many-rows" {
			continue
		}
		golden := filepath.Join("testdata", name+".xml")
		if *update {
			if err := os.WriteFile(golden, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil || !bytes.Equal(got, bytes.ReplaceAll(want, []byte("\r\n"), []byte("\n"))) {
			t.Errorf("%s: %v; go test ./report/junit -update, and read the difference\n%s", name, err, got)
		}
	}
}

// grammar is junit-10.xsd as far as it is used: what may stand in an element,
// which attributes it must and may have.
var grammar = map[string]struct{ inside, must, may []string }{
	"":           {inside: []string{"testsuites"}},
	"testsuites": {[]string{"testsuite"}, nil, []string{"name", "time", "tests", "failures", "errors", "skipped"}},
	"testsuite":  {[]string{"properties", "testcase"}, []string{"name"}, []string{"time", "tests", "failures", "errors", "skipped", "timestamp", "hostname"}},
	"properties": {inside: []string{"property"}},
	"property":   {nil, []string{"name", "value"}, nil},
	"testcase":   {[]string{"failure", "error", "skipped", "system-out"}, []string{"name"}, []string{"classname", "time"}},
	"failure":    {nil, nil, []string{"message", "type"}},
	"error":      {nil, nil, []string{"message", "type"}},
	"skipped":    {nil, nil, []string{"message"}},
	"system-out": {},
}

// check holds a document against the grammar, and its counts against what is
// in it.
func check(t testing.TB, name string, doc []byte) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(doc))
	d.Strict = true
	seen, counts := map[string]int{}, map[string]string{}
	names := map[string]bool{}
	open := []string{""}
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, doc)
		}
		switch x := tok.(type) {
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.StartElement:
			tag := x.Name.Local
			seen[tag]++
			if !slices.Contains(grammar[open[len(open)-1]].inside, tag) {
				t.Errorf("%s: %s in %q", name, tag, open[len(open)-1])
			}
			attrs := map[string]string{}
			for _, a := range x.Attr {
				if _, twice := attrs[a.Name.Local]; twice || !slices.Contains(slices.Concat(grammar[tag].must, grammar[tag].may), a.Name.Local) {
					t.Errorf("%s: attribute %s of %s", name, a.Name.Local, tag)
				}
				attrs[a.Name.Local] = a.Value
			}
			for _, m := range grammar[tag].must {
				if _, ok := attrs[m]; !ok {
					t.Errorf("%s: %s without %s", name, tag, m)
				}
			}
			if tag == "testcase" {
				key := attrs["classname"] + " " + attrs["name"]
				if names[key] {
					t.Errorf("%s: %s twice", name, key)
				}
				names[key] = true
			}
			if tag == "testsuite" {
				counts = attrs
			}
			if s, ok := attrs["time"]; ok {
				if f, err := strconv.ParseFloat(s, 64); err != nil || f < 0 {
					t.Errorf("%s: time %s", name, s)
				}
			}
			open = append(open, tag)
		}
	}
	for attr, tag := range map[string]string{"tests": "testcase", "failures": "failure", "errors": "error", "skipped": "skipped"} {
		if counts[attr] != strconv.Itoa(seen[tag]) {
			t.Errorf("%s: %s is %s, there are %d of %s", name, attr, counts[attr], seen[tag], tag)
		}
	}
}

// A grammar that accepts anything would pass the test above.
func TestGrammarRefuses(t *testing.T) {
	for _, bad := range []string{
		`<testsuites><testsuite name="x" tests="0" failures="0" errors="0" skipped="0"><testcase/></testsuite></testsuites>`,
		`<testsuites><testsuite name="x" tests="1" failures="1" errors="0" skipped="0"><testcase name="a"/></testsuite></testsuites>`,
		`<testsuite name="x" tests="0" failures="0" errors="0" skipped="0"/>`,
	} {
		f := &failing{TB: t}
		check(f, "bad", []byte(bad))
		if f.n == 0 {
			t.Errorf("passes: %s", bad)
		}
	}
}

// failing counts errors and lets the test pass.
type failing struct {
	testing.TB
	n int
}

func (f *failing) Errorf(string, ...any) { f.n++ }
func (f *failing) Helper()               {}

func TestOutcomes(t *testing.T) {
	row := func(s diagnose.CheckStatus) diagnose.Row {
		return diagnose.Row{Host: "h-" + string(s), Need: "required", Status: s, TCP: diagnose.Check{Status: s, Word: "timeout"}}
	}
	finding := func(code diagnose.Code, s diagnose.Severity, accepted bool) diagnose.Finding {
		return diagnose.Finding{Code: code, Severity: s, Confidence: diagnose.Likely, Title: "T", Accepted: accepted}
	}
	v := diagnose.Verdict{
		Status: diagnose.Broken, Headline: "h",
		Rows:   []diagnose.Row{row(diagnose.Pass), row(diagnose.Fail), row(diagnose.NotCheckedStatus), {Host: "spare", Need: "optional", Status: diagnose.Fail}},
		Causes: []diagnose.Finding{finding("AA-01", diagnose.SevError, false), finding("AA-02", diagnose.SevWarning, false), finding("AA-03", diagnose.SevError, true), finding("AA-04", diagnose.SevInfo, false)},
	}
	got := string(write(t, report.New(nil, v, report.Tool{})))
	for _, want := range []string{
		`tests="7" failures="3" errors="0" skipped="2"`,
		`name="h-pass" time="0.000"/>`,
		`name="h-fail" time="0.000">` + "\n      " + `<failure message="TCP timeout"`,
		`name="h-not_checked" time="0.000">` + "\n      " + `<skipped message="not checked"`,
		`name="AA-01 T" time="0.000">` + "\n      " + `<failure message="error (likely): T"`,
		`name="AA-02 T" time="0.000">` + "\n      " + `<system-out>warning (likely)`,
		`name="AA-03 T" time="0.000">` + "\n      " + `<skipped message="accepted: error (likely)"`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
	if strings.Contains(got, "AA-04") || strings.Contains(got, "spare") {
		t.Errorf("information or an optional row is a test case:\n%s", got)
	}
	for status, want := range map[diagnose.Status]string{
		diagnose.Healthy: `failures="0" errors="0"`, diagnose.Degraded: `failures="0" errors="0"`, diagnose.Inconclusive: `failures="0" errors="1"`, "": `errors="1"`,
	} {
		if got := string(write(t, report.New(nil, diagnose.Verdict{Status: status}, report.Tool{}))); !strings.Contains(got, want) {
			t.Errorf("%s: %s", status, got)
		}
	}
}

// No value gets out of its place.
func TestHostile(t *testing.T) {
	for i, evil := range []string{`"/><testcase name="x`, "]]>", "<!--", "&amp;&lt;", "\x00\x1b[31m\u2028\ufffe", "a\nb\tc", strings.Repeat("x", 1<<16)} {
		f := diagnose.Finding{Code: diagnose.Code(evil), Severity: diagnose.SevError, Confidence: diagnose.Confidence(evil), Title: evil, Summary: evil, Evidence: []diagnose.Evidence{{Text: evil}}, Action: diagnose.Action{Do: evil, Command: evil}}
		r := report.New(nil, diagnose.Verdict{
			Status: diagnose.Status(evil), Headline: evil, Causes: []diagnose.Finding{f, f},
			Rows: []diagnose.Row{{Host: evil, Need: "required", Status: diagnose.Fail, Class: evil, DNS: diagnose.Check{Status: diagnose.Fail, Word: evil}}, {Host: evil, Need: "required", Status: "fail"}},
		}, report.Tool{Version: evil})
		r.Context.InstanceID, r.Context.Region = evil, evil
		got := write(t, r)
		check(t, fmt.Sprintf("value %d", i), got)
		if n := bytes.Count(got, []byte("<testcase ")); n != 5 {
			t.Errorf("%q: %d test cases", evil, n)
		}
	}
}
