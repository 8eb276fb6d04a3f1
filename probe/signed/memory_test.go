package signed

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"vpcdoctor/probe/fact"
)

func TestMemory(t *testing.T) {
	dir := t.TempDir()
	refusal := fact.Call{Code: "AccessDenied", Denial: &fact.Denial{Layer: fact.LayerSCP, Action: "ssm:X"}}
	m := NewMemory(dir)
	m.note("a", refusal, now)
	m.note("b", refusal, now)
	m.save()
	m = NewMemory(dir)
	if d, ok := m.denied("a", now.Add(23*time.Hour)); !ok || d.Code != "AccessDenied" || d.Denial.Layer != fact.LayerSCP {
		t.Errorf("%+v, %v", d, ok)
	}
	if _, ok := m.denied("a", now.Add(24*time.Hour)); ok {
		t.Error("remembered for longer than a day")
	}
	if _, ok := m.denied("a", now.Add(-time.Hour)); ok {
		t.Error("a denial of the future counts")
	}
	m.forget("a")
	m.save()
	m = NewMemory(dir)
	if _, ok := m.denied("a", now); ok {
		t.Error("not forgotten")
	}
	if _, ok := m.denied("b", now); !ok {
		t.Error("forgot another one")
	}
	for i := range 2 * maxRemember {
		m.note(strconv.Itoa(i), refusal, now)
	}
	if len(m.list) != maxRemember {
		t.Errorf("%d entries", len(m.list))
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(left) != 1 {
		t.Errorf("files %q, %v", left, err)
	}
}

func TestNoMemory(t *testing.T) {
	m := NewMemory("")
	m.note("a", fact.Call{}, now)
	m.forget("a")
	m.save()
	if _, ok := m.denied("a", now); ok || m.Err() != nil {
		t.Error("a memory without a place remembers")
	}
	m = NewMemory(filepath.Join(t.TempDir(), "none"))
	m.note("a", fact.Call{}, now)
	m.save()
	if !errors.Is(m.Err(), os.ErrNotExist) {
		t.Errorf("no directory: %v", m.Err())
	}
}

func TestMemoryFollowsNoLink(t *testing.T) {
	dir := t.TempDir()
	other := filepath.Join(t.TempDir(), "precious")
	if err := os.WriteFile(other, []byte(`{"denied":[{"key":"a","at":"`+now.Format(time.RFC3339)+`"}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	before, _ := os.ReadFile(other)
	if err := os.Symlink(other, filepath.Join(dir, memoryFile)); err != nil {
		t.Skip("making a link: ", err)
	}
	m := NewMemory(dir)
	if _, ok := m.denied("a", now); ok || m.Err() == nil {
		t.Error("read through a link")
	}
	m.note("b", fact.Call{}, now)
	m.save()
	if after, err := os.ReadFile(other); err != nil || string(after) != string(before) {
		t.Errorf("wrote through a link: %s, %v", after, err)
	}
	if info, err := os.Lstat(filepath.Join(dir, memoryFile)); err != nil || !info.Mode().IsRegular() {
		t.Errorf("%v, %v", info, err)
	}
}

func FuzzMemory(f *testing.F) {
	f.Add([]byte(`{"denied":[{"key":"a","at":"2026-11-20T06:00:00Z","code":"AccessDenied","denial":{"layer":"session policy"}}]}`))
	f.Add([]byte(`{"denied":null}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		list := parseMemory(b)
		if len(list) > maxRemember {
			t.Errorf("%d entries", len(list))
		}
		for _, d := range list {
			if strings.ContainsAny(d.Code, "\x1b\n") || d.Denial != nil && (strings.ContainsAny(d.Denial.Action, "\x1b\n") || len(d.Denial.Resource) > maxARN) {
				t.Errorf("%+v", d)
			}
		}
	})
}
