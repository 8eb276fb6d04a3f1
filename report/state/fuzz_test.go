package state

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vpcdoctor/report/deliver"
	"vpcdoctor/report/history"
)

// FuzzHistory: whatever a history holds, reading ends, every entry is bounded
// and printable, and the next line can be read behind it.
func FuzzHistory(f *testing.F) {
	line, err := history.Of(run(runID(1), noon)).Line()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(line, false)
	f.Add(append(bytes.Clone(line), line[:30]...), true)
	f.Add([]byte("{\"v\":1,\"run\":\"\\u001b[2J\",\"status\":\"healthy\"}\n\n\x00"), false)
	f.Fuzz(func(t *testing.T, b []byte, partial bool) {
		entries, bad, err := parseHistory(bytes.NewReader(b), partial)
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(b, []byte("\n")) + 1; len(entries)+bad > n {
			t.Errorf("%d entries and %d bad lines of %d", len(entries), bad, n)
		}
		for _, e := range entries {
			l, err := e.Line()
			if err != nil || len(l) > history.MaxBytes {
				t.Errorf("an entry of %d bytes, %v", len(l), err)
			}
			if strings.ContainsFunc(e.RunID+e.Headline+e.Asked, func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Errorf("not printable: %q", l)
			}
			if again, err := history.Parse(bytes.TrimSpace(l)); err != nil || again.RunID != e.RunID || again.Status != e.Status {
				t.Errorf("does not read back: %v", err)
			}
		}
		history.Sum(entries)
		if len(entries) > 0 {
			history.Since(entries, entries[0], false)
		}

		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, historyName), b, 0o600); err != nil {
			t.Fatal(err)
		}
		d, err := Open(dir, Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		if err := d.remember(history.Of(run("next", noon))); err != nil {
			t.Fatal(err)
		}
		got, err := d.History()
		if err != nil || len(got) == 0 || got[len(got)-1].RunID != "next" {
			t.Errorf("%d entries, %v", len(got), err)
		}
	})
}

// FuzzSpool: whatever stands in a spool, under whatever name, the list of what
// waits comes back, loading ends, and a new report is last.
func FuzzSpool(f *testing.F) {
	var b bytes.Buffer
	var plain bytes.Buffer
	if err := run(runID(1), noon).WriteJSON(&plain); err != nil {
		f.Fatal(err)
	}
	if err := pack(&b, plain.Bytes(), runID(1), noon); err != nil {
		f.Fatal(err)
	}
	f.Add(fileName(1, runID(1)), b.Bytes())
	f.Add(fileName(1, runID(1)), b.Bytes()[:b.Len()-9])
	f.Add(fileName(2, runID(1))+".expired", []byte("x"))
	f.Add("99999999999999999999-x.json.gz", b.Bytes())
	f.Add("-.json.gz", []byte{})
	f.Fuzz(func(t *testing.T, name string, b []byte) {
		it, ok := parseName(name)
		if ok && it.mark == "" && fileName(it.seq, it.runID) != name {
			t.Errorf("%q is read as %+v", name, it)
		}
		if name == "" || name == "." || name == ".." || len(name) > 200 || strings.ContainsAny(name, "/\x00") {
			return // no name of a file
		}
		dir := t.TempDir()
		shelf := filepath.Join(dir, spoolName, "logs")
		if err := os.MkdirAll(shelf, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(shelf, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
		d, err := Open(dir, Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		if err := d.Land(run("next", noon), history.Of(run("next", noon)), []string{"logs"}); err != nil {
			t.Fatal(err)
		}
		parcels, err := d.Waiting("logs")
		if err != nil || len(parcels) == 0 || len(parcels) > 2 {
			t.Fatalf("%d parcels, %v", len(parcels), err)
		}
		for i, p := range parcels {
			r, err := p.Load()
			if last := i == len(parcels)-1; last && (err != nil || r.Context.RunID != "next") || err == nil && r.Context.RunID != p.RunID {
				t.Errorf("parcel %d, %s: %v", i, p.RunID, err)
			}
			if err := d.Settle("logs", p.RunID, deliver.Delivered); err != nil {
				t.Error(err)
			}
		}
		if left, err := d.Waiting("logs"); err != nil || len(left) != 0 {
			t.Errorf("%d left, %v", len(left), err)
		}
	})
}
