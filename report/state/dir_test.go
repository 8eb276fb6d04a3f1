package state

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"vpcdoctor/probe/fact"
	"vpcdoctor/report"
	"vpcdoctor/report/deliver"
	"vpcdoctor/report/diagnose"
	"vpcdoctor/report/history"
)

// run makes the report of a run. Its size is some 3 kB.
func run(id string, at time.Time) *report.Report {
	s := &fact.Set{
		Schema: fact.SchemaVersion, Start: at, End: at.Add(time.Second),
		Run:   fact.Run{ID: id, Expect: "auto", Version: "test"},
		Place: fact.Place{Region: "us-east-1", Source: "flag", Partition: "aws", DNSSuffix: "amazonaws.com", Known: true},
	}
	return report.New(s, diagnose.Run(s, diagnose.Options{}), report.Tool{Name: "vpcdoctor", Version: "test"})
}

var noon = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

func runID(n int) string { return fmt.Sprintf("20261130T120000Z-%08x", n) }

func mustOpen(t *testing.T, dir string, l Limits) *Dir {
	t.Helper()
	d, err := Open(dir, Options{Limits: l, Wait: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func mustLand(t *testing.T, d *Dir, r *report.Report, sinks ...string) {
	t.Helper()
	if err := d.Land(r, history.Of(r), sinks); err != nil {
		t.Fatal(err)
	}
}

// waiting lists the run ids that wait for a sink, and loads each.
func waiting(t *testing.T, d *Dir, sink string) []string {
	t.Helper()
	parcels, err := d.Waiting(sink)
	if err != nil {
		t.Fatal(err)
	}
	ids := []string{}
	for _, p := range parcels {
		r, err := p.Load()
		if err != nil {
			t.Fatal(err)
		}
		if r.Context.RunID != p.RunID || !p.Time.Equal(r.At()) {
			t.Errorf("parcel %s of %v holds %s of %v", p.RunID, p.Time, r.Context.RunID, r.At())
		}
		ids = append(ids, p.RunID)
	}
	return ids
}

// names lists the regular files below a directory.
func names(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			rel, _ := filepath.Rel(dir, p)
			out = append(out, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestLand(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	d := mustOpen(t, dir, Limits{})
	mustLand(t, d, run(runID(1), noon), "cloudwatch", "s3")
	want := []string{
		"history.jsonl", "last-report.json", "lock", "runs/000000000001-" + runID(1) + ".json.gz",
		"spool/cloudwatch/000000000001-" + runID(1) + ".json.gz", "spool/s3/000000000001-" + runID(1) + ".json.gz",
	}
	if got := names(t, dir); !slices.Equal(got, want) {
		t.Errorf("files %v\nwant %v", got, want)
	}
	err := filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
		fi, _ := e.Info()
		if m := fi.Mode().Perm(); e.IsDir() && m != 0o700 || !e.IsDir() && m != 0o600 {
			t.Errorf("%s has mode %o", p, m)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	last, err := d.Last()
	if err != nil || last.Context.RunID != runID(1) {
		t.Errorf("last %+v, %v", last, err)
	}
	entries, err := d.History()
	if err != nil || len(entries) != 1 || entries[0].RunID != runID(1) || entries[0].Seq != 1 {
		t.Errorf("history %+v, %v", entries, err)
	}
}

// TestOrder: no clock decides about the order of runs.
func TestOrder(t *testing.T) {
	dir := t.TempDir()
	var want []string
	for i, at := range []time.Time{
		noon, noon.AddDate(-1, 0, 0), time.Unix(0, 0), time.Unix(1<<31, 0), {}, noon, time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC), noon.Add(-time.Second),
	} {
		d := mustOpen(t, dir, Limits{})
		mustLand(t, d, run(runID(100-i), at), "logs")
		want = append(want, runID(100-i))
		d.Close()
	}
	d := mustOpen(t, dir, Limits{})
	if got := waiting(t, d, "logs"); !slices.Equal(got, want) {
		t.Errorf("waiting %v\nwant %v", got, want)
	}
	entries, _ := d.History()
	var got []string
	for _, e := range entries {
		got = append(got, e.RunID)
	}
	if !slices.Equal(got, want) {
		t.Errorf("history %v\nwant %v", got, want)
	}
}

func TestSettle(t *testing.T) {
	dir := t.TempDir()
	d := mustOpen(t, dir, Limits{})
	for i := range 4 {
		mustLand(t, d, run(runID(i), noon), "logs", "s3")
	}
	d.Release()
	d = mustOpen(t, dir, Limits{})
	if got := waiting(t, d, "logs"); len(got) != 4 {
		t.Fatalf("waiting %v", got)
	}
	for i, f := range []deliver.Fate{deliver.Delivered, deliver.Expired, deliver.Rejected} {
		for range 2 { // twice does no harm
			if err := d.Settle("logs", runID(i), f); err != nil {
				t.Error(err)
			}
		}
	}
	if err := d.Settle("logs", "never-seen", deliver.Delivered); err != nil {
		t.Error(err)
	}
	d.Close()
	d = mustOpen(t, dir, Limits{})
	if got := waiting(t, d, "logs"); !slices.Equal(got, []string{runID(3)}) {
		t.Errorf("waiting for logs %v", got)
	}
	if got := waiting(t, d, "s3"); len(got) != 4 {
		t.Errorf("what one sink settled is gone for another: %v", got)
	}
	shelves, err := d.Shelves()
	if want := []Shelf{{"logs", 1, 1, 1}, {"s3", 4, 0, 0}}; err != nil || !slices.Equal(shelves, want) {
		t.Errorf("%+v, %v", shelves, err)
	}
}

func TestBounds(t *testing.T) {
	dir := t.TempDir()
	d := mustOpen(t, dir, Limits{Runs: 3, RunBytes: 1 << 20, Parcels: 5, ParcelBytes: 1 << 20, History: 4 << 10})
	const n = 60
	for i := range n {
		mustLand(t, d, run(runID(i), noon), "logs")
	}
	if got := waiting(t, d, "logs"); len(got) != 5 || got[4] != runID(n-1) {
		t.Errorf("waiting %v", got)
	}
	if notes := strings.Join(d.Notes(), "\n"); !strings.Contains(notes, "oldest report dropped from what waits for logs") {
		t.Errorf("dropped in silence: %q", notes)
	}
	runs, _ := d.list(runsName)
	if len(runs) != 3 || runs[2].runID != runID(n-1) {
		t.Errorf("runs %v", runs)
	}
	for _, name := range []string{historyName, historyOlder} {
		if fi, err := os.Stat(filepath.Join(dir, name)); err != nil || fi.Size() > 4<<10 {
			t.Errorf("%s: %v, %v", name, fi, err)
		}
	}
	entries, _ := d.History()
	if len(entries) < 5 || entries[len(entries)-1].RunID != runID(n-1) {
		t.Errorf("%d entries", len(entries))
	}
	for i := 1; i < len(entries); i++ {
		if entries[i].Seq != entries[i-1].Seq+1 {
			t.Errorf("entry %d follows %d", entries[i].Seq, entries[i-1].Seq)
		}
	}
	// By bytes: the newest stays, however large.
	d.limits.RunBytes, d.limits.ParcelBytes = 1, 1
	mustLand(t, d, run(runID(n), noon), "logs")
	for _, f := range []string{runsName, "spool/logs"} {
		if got, _ := d.list(f); len(got) != 1 || got[0].runID != runID(n) {
			t.Errorf("%s: %v", f, got)
		}
	}
}
