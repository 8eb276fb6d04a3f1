package sysfile

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestRead(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "f"), []byte("12345"), 0o600); err != nil {
		t.Fatal(err)
	}
	root := Root(dir)
	if b, err := root.Read("/f", 5); err != nil || string(b) != "12345" {
		t.Errorf("%q, %v", b, err)
	}
	if b, err := root.Read("/f", 4); !errors.Is(err, ErrTooLarge) || string(b) != "1234" {
		t.Errorf("a file over the limit: %q, %v", b, err)
	}
	buf := make([]byte, 5)
	if n, err := root.ReadInto("/f", buf[:4]); !errors.Is(err, ErrTooLarge) || n != 4 {
		t.Errorf("a full buffer may be a cut file: %d, %v", n, err)
	}
	big := make([]byte, 8)
	if n, err := root.ReadInto("/f", big); err != nil || !bytes.Equal(big[:n], []byte("12345")) {
		t.Errorf("%d, %v", n, err)
	}
	if _, err := root.Read("/none", 1); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if _, err := root.Read("/", 1); !errors.Is(err, ErrNotRegular) {
		t.Errorf("a directory: %v", err)
	}
}

func TestNames(t *testing.T) {
	dir := t.TempDir()
	for _, n := range []string{"b", "a", "c"} {
		if err := os.Mkdir(filepath.Join(dir, n), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := Root(dir).Names("/", 10); err != nil || !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := Root(dir).Names("/", 2); err != nil || len(got) != 2 {
		t.Errorf("over the limit: %q, %v", got, err)
	}
	if got, err := Root(dir).Names("/a", 2); err != nil || len(got) != 0 {
		t.Errorf("an empty directory: %q, %v", got, err)
	}
}

func TestTail(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "f"), []byte("12345"), 0o600); err != nil {
		t.Fatal(err)
	}
	for limit, want := range map[int]string{3: "345", 5: "12345", 9: "12345"} {
		b, cut, err := Root(dir).Tail("/f", limit)
		if string(b) != want || cut != (limit < 5) || err != nil {
			t.Errorf("last %d: %q, cut %v, %v", limit, b, cut, err)
		}
	}
	if _, _, err := Root(dir).Tail("/", 3); !errors.Is(err, ErrNotRegular) {
		t.Errorf("a directory: %v", err)
	}
}
