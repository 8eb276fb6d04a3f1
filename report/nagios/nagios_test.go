package nagios

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"vpcdoctor/report"
	"vpcdoctor/report/diagnose"
)

// perfdata is one figure of the guidelines.
var perfdata = regexp.MustCompile(`^[A-Za-z0-9_.-]+=-?[0-9.]+(s|ms)?(;[0-9.:]*){0,4}$`)

func line(t testing.TB, r *report.Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, r); err != nil {
		t.Fatal(err)
	}
	l := b.String()
	text, figures, found := strings.Cut(strings.TrimSuffix(l, "\n"), "|")
	if !found || len(l) > maxLine+1 || strings.Count(l, "\n") != 1 || strings.Contains(figures, "|") || !strings.HasPrefix(text, "VPCDOCTOR "+names[State(r)]+" - ") {
		t.Errorf("%d bytes: %q", len(l), l)
	}
	seen := map[string]bool{}
	for f := range strings.FieldsSeq(figures) {
		name, _, _ := strings.Cut(f, "=")
		if !perfdata.MatchString(f) || seen[name] {
			t.Errorf("figure %q in %q", f, l)
		}
		seen[name] = true
	}
	for _, c := range []byte(strings.TrimSuffix(l, "\n")) {
		if c < ' ' || c > '~' {
			t.Errorf("byte %#x in %q", c, l)
			break
		}
	}
	return l
}

func TestStoredReports(t *testing.T) {
	files, err := filepath.Glob("../text/testdata/*.json")
	if err != nil || len(files) < 8 {
		t.Fatalf("%d reports, %v", len(files), err)
	}
	want := map[string]string{
		"healthy": "VPCDOCTOR OK - all 2 required names of session-manager resolve into vpc-0a1b2c3d4e5f60002 and answer as AWS. [2026-11-20 10:15 UTC] | " +
			"errors=0;;0;0 warnings=0;0;;0 required=2;;;0 failed=0;;;0;2 not_checked=0;;;0;2 run=3.7s;;;0 ssm_connect=0.6ms;;;0 ssm_tls=3.4ms;;;0 ssmmessages_connect=0.6ms;;;0 ssmmessages_tls=3.4ms;;;0\n",
		"missing-messages": "VPCDOCTOR CRITICAL - EP-01 (likely): Session Manager cannot work: no private endpoint serves ssmmessages.cn-northwest-1.amazonaws.com.cn " +
			"and its public addresses do not answer, while ssm works. [2026-11-20 10:15 UTC] | errors=1;;0;0 warnings=0;0;;0 required=2;;;0 failed=1;;;0;2 not_checked=0;;;0;2 run=3.7s;;;0 ssm_connect=0.6ms;;;0 ssm_tls=3.4ms;;;0\n",
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
		got := line(t, r)
		if w := want[strings.TrimSuffix(filepath.Base(f), ".json")]; w != "" && got != w {
			t.Errorf("%s:\n%s, want\n%s", f, got, w)
		}
	}
}

func TestState(t *testing.T) {
	fault := []diagnose.Finding{{Code: "SELF-01", Severity: diagnose.SevWarning}}
	for name, c := range map[string]struct {
		v           diagnose.Verdict
		interrupted bool
		want        int
	}{
		"healthy":      {diagnose.Verdict{Status: diagnose.Healthy}, false, OK},
		"degraded":     {diagnose.Verdict{Status: diagnose.Degraded}, false, Warning},
		"broken":       {diagnose.Verdict{Status: diagnose.Broken}, false, Critical},
		"inconclusive": {diagnose.Verdict{Status: diagnose.Inconclusive}, false, Unknown},
		"none":         {diagnose.Verdict{}, false, Unknown},
		"interrupted":  {diagnose.Verdict{Status: diagnose.Healthy}, true, Unknown},
		"fault":        {diagnose.Verdict{Status: diagnose.Degraded, Causes: fault}, false, Unknown},
	} {
		r := report.New(nil, c.v, report.Tool{})
		r.Context.Interrupted = c.interrupted
		if got := State(r); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
		line(t, r)
	}
}

func TestHostile(t *testing.T) {
	evil := "|'=\n\x1b[31m\u2028;1" + strings.Repeat("x| ", 5000)
	v := diagnose.Verdict{Status: diagnose.Broken, Headline: evil, Causes: []diagnose.Finding{{Code: diagnose.Code(evil), Severity: diagnose.SevError, Confidence: diagnose.Confidence(evil)}}}
	for _, id := range []string{"", evil, evil, "=", "a b"} {
		v.Rows = append(v.Rows, diagnose.Row{ID: id, Need: "required", TCP: diagnose.Check{Status: diagnose.Pass, MS: 1e308}, TLS: diagnose.Check{Status: diagnose.Pass, MS: 0.0001}})
	}
	line(t, report.New(nil, v, report.Tool{}))
	var b bytes.Buffer
	if err := Fault(&b, errors.New(evil)); err != nil || strings.Count(b.String(), "\n") != 1 || strings.Contains(b.String(), "|") {
		t.Errorf("%v, %q", err, b.String())
	}
}
