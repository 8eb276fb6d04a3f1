package inventory

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"vpcdoctor/probe/fact"
	"vpcdoctor/report"
	"vpcdoctor/report/deliver"
	"vpcdoctor/report/diagnose"
)

const instance = "i-0a1b2c3d4e5f60718"

func sample() *report.Report {
	s := &fact.Set{Schema: fact.SchemaVersion, Start: time.Date(2026, 11, 30, 9, 15, 12, 0, time.FixedZone("", 3600))}
	s.Run.ID, s.IMDS.InstanceID = "20261130T081512Z-3fa9c1d2", instance
	v := diagnose.Verdict{
		Status: diagnose.Broken, Headline: "ssm is silent.",
		Causes: []diagnose.Finding{{Code: "SG-02", Severity: diagnose.SevError, Confidence: diagnose.Likely, Action: diagnose.Action{Do: "Allow TCP 443."}}, {Code: "DN-05", Severity: diagnose.SevWarning}},
		Rows:   []diagnose.Row{{ID: "ssm", Need: "required", Status: diagnose.Fail}, {ID: "kms", Need: "optional", Status: diagnose.Fail}},
	}
	return report.New(s, v, report.Tool{Name: "vpcdoctor", Version: "0.1.0"})
}

func parcel(r *report.Report) []deliver.Parcel {
	return []deliver.Parcel{{RunID: r.Context.RunID, Load: func() (*report.Report, error) { return r, nil }}}
}

// gather reads the files of a node as the agent's custom gatherer does, by its
// rules, and returns the attributes.
func gather(t testing.TB, dir, node string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, node, "inventory/custom/*.json"))
	if err != nil || len(files) != 1 {
		t.Fatalf("files %v, %v", files, err)
	}
	b, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	return accepted(t, b)
}

func accepted(t testing.TB, b []byte) map[string]string {
	t.Helper()
	var item struct {
		TypeName, SchemaVersion string
		Content                 any
	}
	if err := json.Unmarshal(b, &item); err != nil {
		t.Fatal(err)
	}
	content, ok := item.Content.(map[string]any)
	if !ok || len(content) == 0 || len(content) > 50 || !strings.HasPrefix(item.TypeName, "Custom:") || len(item.TypeName) > 100 ||
		!regexp.MustCompile(`^([0-9]{1,6})(\.[0-9]{1,6})$`).MatchString(item.SchemaVersion) {
		t.Fatalf("%s", b)
	}
	out := map[string]string{}
	for k, v := range content {
		s, ok := v.(string)
		if !ok || k == "" || len(k) > 64 || len(s) > 4096 {
			t.Errorf("attribute %s: %v", k, v)
		}
		out[k] = s
	}
	return out
}

// agent lays out the state directory of an agent that has run as these nodes.
func agent(t testing.TB, nodes ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, n := range nodes {
		if err := os.MkdirAll(filepath.Join(dir, n, folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestFile(t *testing.T) {
	dir := agent(t, instance)
	r := sample()
	for range 2 { // the second replaces the first
		settled := ""
		where, err := New(Options{Dir: dir}).Deliver(t.Context(), parcel(r), func(id string, f deliver.Fate) { settled = id + " " + string(f) })
		if err != nil || where != filepath.Join(dir, instance, "inventory/custom/vpcdoctor.json") || settled != r.Context.RunID+" delivered" {
			t.Fatalf("%q, %q, %v", where, settled, err)
		}
	}
	got := gather(t, dir, instance)
	for k, want := range map[string]string{
		"Status": "broken", "Code": "SG-02", "Codes": "SG-02,DN-05", "Errors": "1", "Warnings": "1", "FailedServices": "ssm", "Action": "Allow TCP 443.",
		"Time": "2026-11-30T08:15:12.000Z", "Headline": "ssm is silent.", "SubnetId": "",
	} {
		if v, ok := got[k]; !ok || v != want {
			t.Errorf("%s: %q, want %q", k, v, want)
		}
	}
	entries, err := os.ReadDir(filepath.Join(dir, instance, folder))
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	if fi, err := entries[0].Info(); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", fi.Mode(), err)
	}
}

func TestNode(t *testing.T) {
	for name, c := range map[string]struct {
		set  func(*report.Report)
		want string
	}{
		"the instance":          {func(*report.Report) {}, instance},
		"the agent's record":    {func(r *report.Report) { r.Facts.Agent.Identity.InstanceID = "i-0bbbbbbbbbbbbbbbb" }, "i-0bbbbbbbbbbbbbbbb"},
		"a hybrid registration": {func(r *report.Report) { r.Facts.Agent.Identity.Hybrid = "mi-0ccccccccccccccccc" }, "mi-0ccccccccccccccccc"},
	} {
		r := sample()
		c.set(r)
		dir := agent(t, c.want)
		if _, err := New(Options{Dir: dir}).Deliver(t.Context(), parcel(r), func(string, deliver.Fate) {}); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		gather(t, dir, c.want)
	}
}

// Without an agent nothing is made, and nothing is written where it is not the
// agent's directory.
func TestRefuses(t *testing.T) {
	none := filepath.Join(t.TempDir(), "ssm")
	other := agent(t, "i-0fffffffffffffffff")
	outside := t.TempDir()
	link := t.TempDir()
	if err := os.MkdirAll(filepath.Join(link, instance, "inventory"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(link, instance, folder)); err != nil {
		t.Fatal(err)
	}
	named := func(id string) *report.Report {
		r := sample()
		r.Facts.IMDS.InstanceID, r.Context.InstanceID = id, id
		return r
	}
	for name, c := range map[string]struct {
		dir  string
		r    *report.Report
		want string
	}{
		"no agent":         {none, sample(), "no SSM Agent here"},
		"another node":     {other, sample(), "has it ever run as " + instance},
		"a link outside":   {link, sample(), "inventory: "},
		"no id":            {other, named(""), "id of the node is not known"},
		"an id as path":    {other, named("../../etc"), "no id of a node"},
		"an id with a dot": {other, named(".."), "no id of a node"},
	} {
		_, err := New(Options{Dir: c.dir}).Deliver(t.Context(), parcel(c.r), func(string, deliver.Fate) { t.Errorf("%s: settled", name) })
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if _, err := os.Stat(none); !os.IsNotExist(err) {
		t.Error("the agent's directory was made")
	}
	for _, dir := range []string{outside, filepath.Join(other, "i-0fffffffffffffffff", folder)} {
		if e, _ := os.ReadDir(dir); len(e) != 0 {
			t.Errorf("written into %s: %v", dir, e)
		}
	}
}

// A link under the file's own name is replaced, never followed.
func TestLinkUnderTheName(t *testing.T) {
	dir := agent(t, instance)
	victim := filepath.Join(t.TempDir(), "victim")
	if err := os.WriteFile(victim, []byte("untouched"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"vpcdoctor.json", ".vpcdoctor.json.new"} {
		if err := os.Symlink(victim, filepath.Join(dir, instance, folder, name)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := New(Options{Dir: dir}).Deliver(t.Context(), parcel(sample()), func(string, deliver.Fate) {}); err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(victim); string(b) != "untouched" {
		t.Errorf("%s", b)
	}
	gather(t, dir, instance)
}

func TestHostile(t *testing.T) {
	evil := "\x1b[31m\u2028\"" + strings.Repeat("y", 10_000)
	v := diagnose.Verdict{Status: diagnose.Status(evil), Headline: evil}
	for range 5000 {
		v.Causes = append(v.Causes, diagnose.Finding{Code: diagnose.Code(evil), Severity: diagnose.SevError, Action: diagnose.Action{Do: evil}})
	}
	r := report.New(nil, v, report.Tool{Version: evil})
	r.Context.VPCID, r.Context.RunID = evil, evil
	b, err := Item(r)
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range accepted(t, b) {
		if strings.ContainsFunc(v, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("%s: %q", k, v)
		}
	}
}
