package main

import (
	"errors"
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
