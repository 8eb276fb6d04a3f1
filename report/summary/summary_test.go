package summary

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vpcdoctor/probe/fact"
	"vpcdoctor/report"
	"vpcdoctor/report/corpus"
	"vpcdoctor/report/diagnose"
)

// reports are those on the corpus of scenarios.
func reports(t testing.TB) map[string]*report.Report {
	t.Helper()
	files, err := corpus.All("../testdata/scenarios")
	if err != nil || len(files) < 100 {
		t.Fatalf("%d scenarios, %v", len(files), err)
	}
	out := map[string]*report.Report{}
	for _, f := range files {
		s, err := f.Set()
		if err != nil {
			t.Fatal(err)
		}
		out[f.Name] = report.New(s, diagnose.Run(s, diagnose.Options{}), report.Tool{Name: "vpcdoctor", Version: "1"})
	}
	return out
}

func TestRunCommandLimit(t *testing.T) {
	for name, r := range reports(t) {
		d, j := New(r, false).Within(RunCommand - 1)
		switch lead, ok := r.Verdict.Lead(); {
		case len(j) >= RunCommand || !json.Valid(j) || strings.Contains(string(j), "\n"):
			t.Errorf("%s: %d bytes\n%s", name, len(j), j)
		case d.Status != r.Verdict.Status || d.Headline == "" || d.RunID != r.Context.RunID:
			t.Errorf("%s: the verdict is lost: %s", name, j)
		case ok && (len(d.Causes) == 0 || d.lead().Code != lead.Code || len(d.lead().Evidence) == 0):
			t.Errorf("%s: the leading cause or its proof is lost: %s", name, j)
		case ok && lead.Action.Do != "" && d.lead().Do == "":
			t.Errorf("%s: the fix is lost: %s", name, j)
		}
	}
}

// Whatever the limit, what comes out is valid, complete in its counts, and as
// large as the limit allows.
func TestLimits(t *testing.T) {
	for name, r := range reports(t) {
		whole := New(r, false)
		for limit := Smallest; limit <= 6000; limit += 400 {
			d, j := whole.Within(limit)
			if len(j) > limit {
				t.Errorf("%s: %d bytes, limit %d", name, len(j), limit)
			}
			if a, b := count(whole), count(d); a != b {
				t.Errorf("%s, limit %d: %s in all, %s left and left out", name, limit, a, b)
			}
		}
		if _, j := whole.Within(1 << 20); string(j) != string(whole.JSON()) {
			t.Errorf("%s: trimmed without need", name)
		}
	}
}

// count adds what is there to what was left out.
func count(d Document) string {
	return fmt.Sprintf("%d causes, %d rows, %d gaps", len(d.Causes)+d.Left.Causes, len(d.Rows)+d.Left.Rows, len(d.NotChecked)+d.Left.NotChecked)
}

// hostile is a report that is as large and as wrong as a file can make it.
func hostile() *report.Report {
	long := strings.Repeat("\"\\\x1b[31m\u2028ü", 4000)
	r := report.New(&fact.Set{}, diagnose.Verdict{Status: diagnose.Status(long), Headline: long, Decide: long}, report.Tool{Version: long})
	r.Context = report.Context{
		RunID: long, InstanceID: long, AccountID: long, SubnetID: long, VPCID: long, Region: long, AZ: long, How: long,
		Time: time.Date(123456, 1, 1, 0, 0, 0, 0, time.UTC), Interrupted: true,
	}
	r.Facts.Place.DNSSuffix = long
	for range 300 {
		f := diagnose.Finding{Code: diagnose.Code(long), Severity: diagnose.SevError, Title: long, Summary: long, Action: diagnose.Action{Do: long, Command: long, Where: long, Verify: long}}
		for range 50 {
			f.Evidence = append(f.Evidence, diagnose.Evidence{Text: long})
			f.Alternatives = append(f.Alternatives, diagnose.Alternative{Code: "XX-01", Title: long, Decide: long})
		}
		r.Verdict.Causes = append(r.Verdict.Causes, f)
		r.Verdict.Rows = append(r.Verdict.Rows, diagnose.Row{Host: long, Need: "required", Status: diagnose.Fail, TCP: diagnose.Check{Status: "x", Word: long}})
		r.Verdict.NotChecked = append(r.Verdict.NotChecked, diagnose.NotChecked{What: long, Why: long, Required: true})
	}
	return r
}

func TestHostile(t *testing.T) {
	d := New(hostile(), true)
	if _, j := d.Within(MaxBytes); len(j) > MaxBytes || len(j) < MaxBytes/2 {
		t.Errorf("%d bytes", len(j))
	}
	d, j := d.Within(Smallest)
	if len(j) > Smallest || !json.Valid(j) {
		t.Errorf("%d bytes: %s", len(j), j)
	}
	for i, c := range j {
		if c < ' ' || c > '~' {
			t.Fatalf("byte %d is %#x", i, c)
		}
	}
	if d.Left.Causes != 299 || d.Left.Rows != 300 || d.Left.NotChecked != 300 {
		t.Errorf("%+v", d.Left)
	}
}

// A command is whole or not there.
func TestCommandsAreWhole(t *testing.T) {
	for name, r := range reports(t) {
		known := map[string]bool{"": true}
		for _, c := range r.Verdict.Causes {
			known[c.Action.Command], known[c.Action.Verify] = true, true
		}
		for limit := Smallest; limit <= 4000; limit += 500 {
			d, _ := New(r, false).Within(limit)
			for _, c := range d.Causes {
				if !known[c.Command] || !known[c.Verify] {
					t.Errorf("%s: %q, %q", name, c.Command, c.Verify)
				}
			}
		}
	}
}

func TestReadBack(t *testing.T) {
	for name, r := range reports(t) {
		d, j := New(r, true).Within(3000)
		got, err := Read(j)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(string(d.JSON()), string(got.JSON())); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	for in, want := range map[string]string{
		`{"schema": 1}`: "not a summary", `[]`: "not a summary", ``: "not a summary", `{"summary": 2}`: "newer",
		`{"summary": 0}`: "not a summary", `{"summary": 1, "time": "x"}`: "does not parse", `{"summary": 1`: "not a summary",
	} {
		if _, err := Read([]byte(in)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", in, err, want)
		}
	}
}

func TestOrderIsStated(t *testing.T) {
	seen := map[string]bool{}
	for _, w := range TrimOrder() {
		if w == "" || seen[w] {
			t.Errorf("%q", w)
		}
		seen[w] = true
	}
}

// Trimming stops as soon as it fits: what is named first goes first.
func TestOrder(t *testing.T) {
	info := diagnose.Finding{Code: "EP-04", Severity: diagnose.SevInfo, Title: "worth knowing"}
	lead := diagnose.Finding{Code: "SG-02", Severity: diagnose.SevError, Confidence: diagnose.Likely, Title: "silent", Evidence: []diagnose.Evidence{{Text: "no answer"}}}
	r := report.New(&fact.Set{}, diagnose.Verdict{Status: diagnose.Broken, Causes: []diagnose.Finding{lead, info}, Rows: []diagnose.Row{
		{Host: "ssm", Need: "required", Status: diagnose.Fail}, {Host: "kms", Need: "optional", Status: diagnose.Pass},
	}}, report.Tool{})
	d := New(r, false)
	if d.Left.Rows != 1 || len(d.Rows) != 1 {
		t.Fatalf("an optional row that passed is no part of a summary: %+v", d)
	}
	d, _ = d.Within(len(d.JSON()) - 1)
	if d.Left.Causes != 1 || len(d.Causes) != 1 || d.Causes[0].Code != "SG-02" || len(d.Causes[0].Evidence) != 1 || len(d.Rows) != 1 {
		t.Errorf("%s", d.JSON())
	}
	if got, want := d.Missing(), "1 finding, 1 row"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func FuzzRead(f *testing.F) {
	r := report.New(&fact.Set{}, diagnose.Verdict{Status: diagnose.Broken, Causes: []diagnose.Finding{{Code: "SG-02", Severity: diagnose.SevError}}}, report.Tool{})
	f.Add(New(r, false).JSON())
	f.Add([]byte(`{"summary": 1, "left_out": {"causes": -3, "rows": 9223372036854775807}, "rows": [{"tcp": "a b c"}], "time": "0001-01-01T00:00:00Z"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := Read(b)
		if err != nil {
			return
		}
		small, j := d.Within(Smallest)
		if len(j) > Smallest || !json.Valid(j) {
			t.Fatalf("%d bytes: %s", len(j), j)
		}
		again, err := Read(j)
		if err != nil || string(again.JSON()) != string(small.JSON()) {
			t.Fatalf("not stable: %v\n%s\n%s", err, j, again.JSON())
		}
	})
}
