package events

import (
	"bytes"
	"encoding/json"
	"flag"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vpcdoctor/probe/fact"
	"vpcdoctor/report"
	"vpcdoctor/report/diagnose"
)

var update = flag.Bool("update", false, "write the golden file anew")

// Limits of CloudWatch Logs: one event, and the fields of it that can be asked
// for.
const (
	maxEvent  = 1_048_576 - 26
	maxFields = 200
)

var noon = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

func sample() *report.Report {
	v := diagnose.Verdict{
		Status: diagnose.Broken, Headline: "ssm.cn-north-1.amazonaws.com.cn is silent",
		Causes: []diagnose.Finding{
			{Code: "DN-05", Severity: diagnose.SevError, Accepted: true, Subjects: []string{"ssm"}},
			{Code: "SG-02", Severity: diagnose.SevError, Confidence: diagnose.Likely, Subjects: []string{"ssm"}, Action: diagnose.Action{Do: "Allow TCP 443 in."}},
			{Code: "CK-01", Severity: diagnose.SevWarning, Subjects: []string{"call:ssm:X"}},
			{Code: "EP-14", Severity: diagnose.SevInfo},
		},
		NotChecked: []diagnose.NotChecked{{What: "agent"}},
		Rows: []diagnose.Row{
			{Key: "ssm", ID: "ssm", Host: "ssm.cn-north-1.amazonaws.com.cn", Need: "required", Path: "direct", Status: diagnose.Fail, Class: "own_vpc",
				DNS: diagnose.Check{Status: diagnose.Pass, Word: "ok", MS: 1.23456789}, TCP: diagnose.Check{Status: diagnose.Fail, Word: "timeout"}},
			{Key: "s3", ID: "s3", Host: "s3.cn-north-1.amazonaws.com.cn", Need: "recommended", Path: "direct", Status: diagnose.Pass, Class: "public_aws", Way: "gateway endpoint",
				TCP: diagnose.Check{Status: diagnose.Pass, Word: "1/1", MS: 2}, TLS: diagnose.Check{Status: diagnose.Pass, Word: "1/1", MS: 9.5}},
			{Key: "kms", ID: "kms", Host: "kms.cn-north-1.amazonaws.com.cn", Need: "optional", Path: "proxy", Status: diagnose.NotCheckedStatus},
		},
		Checks: []diagnose.Item{{Key: "call:ssm:X", What: "permission ssm:X", Status: diagnose.Fail, Why: "AccessDeniedException"}},
	}
	set := &fact.Set{Start: noon, End: noon.Add(3*time.Second + 250*time.Millisecond), Run: fact.Run{ID: "20261130T120000Z-3fa9c1d2", Context: "systemd"}}
	set.Place.Region = "cn-north-1"
	set.IMDS.InstanceID, set.IMDS.AccountID, set.IMDS.AZ = "i-0123456789abcdef0", "111122223333", "cn-north-1a"
	set.IMDS.ENIs = []fact.ENI{{VPCID: "vpc-1", SubnetID: "subnet-1"}}
	set.IMDS.Time = fact.TimeSample{Outcome: fact.Outcome{Status: fact.OK}, Source: fact.TimeIMDSDate, Offset: fact.Duration(-4 * time.Second)}
	return report.New(set, v, report.Tool{Version: "1.0.0"})
}

func all(r *report.Report, o Options) (out [][]byte) {
	for line := range Of(r, o) {
		out = append(out, line)
	}
	return out
}

func TestGolden(t *testing.T) {
	for name, metrics := range map[string]bool{"plain": false, "emf": true} {
		got := append(bytes.Join(all(sample(), Options{Time: noon, Metrics: metrics}), []byte("\n")), '\n')
		path := filepath.Join("testdata", name+".jsonl")
		if *update {
			if err := os.WriteFile(path, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s (-want +got; -update writes it anew):\n%s", name, diff)
		}
	}
}

// TestHostile: whatever stands in a report, events are flat, bounded, on one
// line, printable, and say what was cut.
func TestHostile(t *testing.T) {
	bad := "\x1b[31m\x00\n\u202e\"}{<script>&" + strings.Repeat("A\xff", 3<<20)
	r := sample()
	r.Context.VPCID, r.Context.RunID, r.Context.Region, r.Tool.Version = bad, bad, bad, bad
	r.Verdict.Status, r.Verdict.Headline = diagnose.Status(bad), bad
	for i := range 5000 {
		r.Verdict.Causes = append(r.Verdict.Causes, diagnose.Finding{Code: diagnose.Code(bad[i : i+40]), Severity: diagnose.SevError, Action: diagnose.Action{Do: bad}})
	}
	for _, ms := range []float64{math.NaN(), math.Inf(1), -1, 1e300} {
		c := diagnose.Check{Status: diagnose.Pass, Word: bad, MS: ms}
		r.Verdict.Rows = append(r.Verdict.Rows, diagnose.Row{Key: bad, ID: bad, Host: bad, Need: bad, Path: bad, Status: diagnose.CheckStatus(bad), Class: bad, Way: bad, DNS: c, TCP: c, TLS: c, AWS: c})
	}
	r.Verdict.Checks = append(r.Verdict.Checks, diagnose.Item{What: bad, Why: bad, Status: diagnose.Fail})
	for _, metrics := range []bool{false, true} {
		lines := all(r, Options{Time: noon, Metrics: metrics})
		for i, line := range lines {
			var m map[string]any
			if err := json.Unmarshal(line, &m); err != nil {
				t.Fatalf("event %d: %v", i, err)
			}
			if len(line) > maxEvent || len(m) > maxFields || m["seq"] != float64(i) || m["events"] != float64(len(lines)) {
				t.Errorf("event %d: %d bytes, %d fields, seq %v of %v", i, len(line), len(m), m["seq"], m["events"])
			}
			for k, v := range m {
				if _, nested := v.(map[string]any); nested && k != "_aws" {
					t.Errorf("event %d: %s is not flat", i, k)
				}
			}
			for _, c := range line {
				if c < ' ' || c > '~' {
					t.Fatalf("event %d holds byte %#x", i, c)
				}
			}
			if (i == 0 || strings.HasPrefix(m["service"].(string), "?[31m")) && !strings.Contains(m["truncated"].(string), map[bool]string{true: "headline", false: "service"}[i == 0]) {
				t.Errorf("event %d does not tell what was cut: %v", i, m["truncated"])
			}
		}
	}
}

func TestStopsWhenNobodyReads(t *testing.T) {
	n := 0
	for range Of(sample(), Options{}) {
		if n++; n == 2 {
			break
		}
	}
	if n != 2 {
		t.Errorf("%d events", n)
	}
}

// TestMetricsOfWholeRegion: of a run over everything only what is required is
// paid for.
func TestMetricsOfWholeRegion(t *testing.T) {
	services := func(r *report.Report) string {
		var out []string
		for _, m := range Metrics(r) {
			if m.Name == "Failed" {
				out = append(out, m.Service)
			}
		}
		return strings.Join(out, ",")
	}
	r := sample()
	if got := services(r); got != "ssm,s3" {
		t.Errorf("some: %s", got)
	}
	r.Facts.Run.All = true
	if got := services(r); got != "ssm" {
		t.Errorf("all: %s", got)
	}
	r.Context.VPCID = ""
	if m := Metrics(r); len(m) == 0 || m[0].VPC != UnknownVPC || m[0].Service != RunService {
		t.Errorf("without a VPC: %+v", m)
	}
}

func FuzzEvents(f *testing.F) {
	var b bytes.Buffer
	if err := sample().WriteJSON(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte(`{"schema":1,"verdict":{"rows":[{"id":"\ud800","tcp":{"ms":1e308}}]},"facts":{"schema":1,"run":{}}}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		r, err := report.Read(bytes.NewReader(in))
		if err != nil {
			return
		}
		for _, line := range all(r, Options{Time: noon, Metrics: true}) {
			if !json.Valid(line) || len(line) > maxEvent || bytes.ContainsRune(line, '\n') {
				t.Fatalf("%q", line)
			}
		}
	})
}
