package state

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestMark(t *testing.T) {
	path := t.TempDir()
	d, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if m := d.Mark("console"); m != (Mark{}) {
		t.Errorf("a mark before any: %+v", m)
	}
	at := time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)
	want := Mark{at, "broken SG-02:error"}
	if err := d.SetMark("console", want); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if d, err = Open(path, Options{}); err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if got := d.Mark("console"); got != want {
		t.Errorf("mark %+v, want %+v", got, want)
	}
	long := Mark{at, strings.Repeat("\u00e9\x00", 10_000)}
	if err := d.SetMark("console", long); err != nil {
		t.Fatal(err)
	}
	if got := d.Mark("console"); got.State == "" || got.State == long.State {
		t.Errorf("a mark of %d bytes", len(got.State))
	}
	if err := d.SetMark("../console", want); err == nil {
		t.Error("a name that leads out of the directory was taken")
	}
	// What is no mark is none: nothing fails, the run speaks once more.
	file := filepath.Join(path, "console.mark.json")
	for _, text := range []string{"", "{", `"x"`, strings.Repeat("x", 1<<20)} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if m := d.Mark("console"); m != (Mark{}) {
			t.Errorf("%.20q is read as %+v", text, m)
		}
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", file); err != nil {
		t.Fatal(err)
	}
	if m := d.Mark("console"); m != (Mark{}) {
		t.Errorf("a link was followed: %+v", m)
	}
}
