package prometheus

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"vpcdoctor/report"
	"vpcdoctor/report/diagnose"
)

var update = flag.Bool("update", false, "rewrite the golden")

var (
	metric = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	series = regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$`)
	pair   = regexp.MustCompile(`^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"(?:,|$)`)
)

// parse reads the exposition format 0.0.4 more strictly than Prometheus does:
// each metric once, HELP and TYPE before its series, no series twice, no time
// stamps. The value of each series is under its line without the value.
func parse(t testing.TB, text string) map[string]float64 {
	t.Helper()
	out, done := map[string]float64{}, map[string]bool{}
	current, typed := "", ""
	if !strings.HasSuffix(text, "\n") {
		t.Error("no newline at the end")
	}
	for l := range strings.Lines(text) {
		l = strings.TrimSuffix(l, "\n")
		if rest, ok := strings.CutPrefix(l, "# HELP "); ok {
			name, help, _ := strings.Cut(rest, " ")
			if done[name] || !metric.MatchString(name) || !strings.HasPrefix(name, "vpcdoctor_") || help == "" || strings.Contains(help, `\`) {
				t.Errorf("%q", l)
			}
			current, done[name] = name, true
			continue
		}
		if rest, ok := strings.CutPrefix(l, "# TYPE "); ok {
			if rest != current+" gauge" {
				t.Errorf("%q after the help of %s", l, current)
			}
			typed = current
			continue
		}
		m := series.FindStringSubmatch(l)
		if m == nil || m[1] != typed {
			t.Errorf("%q", l)
			continue
		}
		names := map[string]bool{}
		for rest := m[2]; rest != ""; {
			p := pair.FindStringSubmatch(rest)
			if p == nil || names[p[1]] {
				t.Errorf("labels %q", rest)
				break
			}
			names[p[1]] = true
			rest = rest[len(p[0]):]
		}
		v, err := strconv.ParseFloat(m[3], 64)
		key := strings.TrimSuffix(l, " "+m[3])
		if _, twice := out[key]; err != nil || twice {
			t.Errorf("%q: %v, twice %t", l, err, twice)
		}
		out[key] = v
	}
	return out
}

func write(t testing.TB, r *report.Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestStoredReports(t *testing.T) {
	files, err := filepath.Glob("../text/testdata/*.json")
	if err != nil || len(files) < 8 {
		t.Fatalf("%d reports, %v", len(files), err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		r, err := report.Read(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		got := write(t, r)
		values := parse(t, got)
		if id := r.Context.AccountID; id != "" && strings.Contains(got, id) {
			t.Errorf("%s: the account is in it", f)
		}
		name := strings.TrimSuffix(filepath.Base(f), ".json")
		if values[`vpcdoctor_status{status="broken"}`] != one(r.Verdict.Status == diagnose.Broken) {
			t.Errorf("%s: %s", name, got)
		}
		if name != "missing-messages" {
			continue
		}
		golden := filepath.Join("testdata", name+".prom")
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil || got != strings.ReplaceAll(string(want), "\r\n", "\n") {
			t.Errorf("%s: %v; go test ./report/prometheus -update, and read the difference: names are an interface\n%s", name, err, got)
		}
	}
}

// What was not tried is neither up nor down.
func TestNotChecked(t *testing.T) {
	v := diagnose.Verdict{Status: diagnose.Inconclusive}
	for _, s := range []diagnose.CheckStatus{diagnose.Pass, diagnose.Fail, diagnose.NotCheckedStatus} {
		v.Rows = append(v.Rows, diagnose.Row{ID: "s", Host: string(s), Path: "direct", Need: "required", Status: s})
	}
	got := parse(t, write(t, report.New(nil, v, report.Tool{})))
	at := func(m string, s diagnose.CheckStatus) string {
		return fmt.Sprintf(`%s{service="s",host="%s",path="direct",need="required"}`, m, s)
	}
	for key, want := range map[string]float64{
		at("vpcdoctor_endpoint_up", diagnose.Pass): 1, at("vpcdoctor_endpoint_up", diagnose.Fail): 0,
		at("vpcdoctor_endpoint_checked", diagnose.NotCheckedStatus): 0, at("vpcdoctor_endpoint_checked", diagnose.Fail): 1,
	} {
		if v, ok := got[key]; !ok || v != want {
			t.Errorf("%s: %v, %t", key, v, ok)
		}
	}
	if _, ok := got[at("vpcdoctor_endpoint_up", diagnose.NotCheckedStatus)]; ok {
		t.Error("what was not tried is up or down")
	}
}

func TestHostile(t *testing.T) {
	evil := "\"} 1\n# TYPE x\\\x1b\u2028" + strings.Repeat("y", 1000)
	f := diagnose.Finding{Code: diagnose.Code(evil), Severity: diagnose.Severity(evil), Confidence: diagnose.Confidence(evil)}
	v := diagnose.Verdict{Status: diagnose.Status(evil), Causes: []diagnose.Finding{f, f}}
	for range 3 {
		v.Rows = append(v.Rows, diagnose.Row{ID: evil, Host: evil, Path: evil, Need: evil, Status: diagnose.Fail, TCP: diagnose.Check{Status: diagnose.Pass, MS: 1e300}})
	}
	v.Rows = append(v.Rows, diagnose.Row{ID: "a", Host: "b\nc"}, diagnose.Row{ID: "a", Host: "b?c"})
	r := report.New(nil, v, report.Tool{Version: evil})
	r.Context.InstanceID = evil
	got := parse(t, write(t, r))
	n := 0
	for k, v := range got {
		if strings.HasPrefix(k, "vpcdoctor_finding{") {
			n += int(v)
		}
	}
	if n != 2 {
		t.Errorf("%d findings, want 2 on one series", n)
	}
	for range 3 * maxRows {
		v.Rows = append(v.Rows, diagnose.Row{ID: strconv.Itoa(len(v.Rows)), Status: diagnose.Pass})
	}
	if n := strings.Count(write(t, report.New(nil, v, report.Tool{})), "vpcdoctor_endpoint_up{"); n > maxRows {
		t.Errorf("%d rows", n)
	}
}
