package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// A path that cannot be written is told before the run and leaves nothing of
// the files that were already prepared.
func TestOpenOutputsLeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	for name, s := range map[string]settings{
		"facts": {outputFile: filepath.Join(dir, "r"), factsFile: filepath.Join(dir, "none", "f")},
	} {
		o, err := openOutputs(&s)
		if o != nil || !errors.As(err, new(usageError)) {
			t.Errorf("%s: %v, %v", name, o, err)
		}
		if left, _ := os.ReadDir(dir); len(left) != 0 {
			t.Errorf("%s: left %v", name, left)
		}
	}
}

// Reports are for their owner; metrics are for the exporter, another user.
func TestOutputModes(t *testing.T) {
	for format, want := range map[string]os.FileMode{"text": 0o600, "json": 0o600, "junit": 0o600, "prometheus": 0o644} {
		path := filepath.Join(t.TempDir(), "f")
		o, err := openOutputs(&settings{output: format, outputFile: path, factsFile: path + ".facts"})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range []*outFile{o.report, o.facts} {
			if err := f.write(func(io.Writer) error { return nil }); err != nil {
				t.Fatal(err)
			}
		}
		for p, want := range map[string]os.FileMode{path: want, path + ".facts": 0o600} {
			if fi, err := os.Stat(p); err != nil || fi.Mode().Perm() != want {
				t.Errorf("%s, %s: %v, %v", format, p, fi.Mode(), err)
			}
		}
	}
}
