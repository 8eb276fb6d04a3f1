//go:build linux

package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"vpcdoctor/cmd/vpclab/lab"
)

// Binaries under test, built once; noLab says why there is no lab here.
var (
	vpclabBin, doctorBin string
	noLab                string
)

// insideEnv makes this test binary a client inside the lab: see inside_test.go.
const insideEnv = "VPCLAB_INSIDE"

func TestMain(m *testing.M) {
	lab.Dispatch()
	if job := os.Getenv(insideEnv); job != "" {
		os.Exit(inside(job))
	}
	if role := os.Getenv(roleEnv); role != "" {
		os.Exit(play(role))
	}
	code, err := buildAndRun(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func buildAndRun(m *testing.M) (int, error) {
	dir, err := os.MkdirTemp("", "vpclab-test-")
	if err != nil {
		return 0, fmt.Errorf("making a directory: %w", err)
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil { // a scenario runs the binary as another user
		return 0, err
	}
	build := exec.Command("go", "build", "-o", dir+string(filepath.Separator), "vpcdoctor/cmd/vpclab", "vpcdoctor/cmd/vpcdoctor")
	if out, err := build.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("building: %w\n%s", err, out)
	}
	vpclabBin, doctorBin = filepath.Join(dir, "vpclab"), filepath.Join(dir, "vpcdoctor")
	if out, err := exec.Command(vpclabBin, "run", "healthy", "--", "true").CombinedOutput(); err != nil {
		noLab = strings.TrimSpace(string(out))
	}
	// Labs wait most of their time: more of them than processors.
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		_ = f.Value.Set("4")
	}
	return m.Run(), nil
}

// needLab skips a test where no lab can be built; under CI that is a failure.
func needLab(t *testing.T) {
	t.Helper()
	if noLab == "" {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("the lab does not work here: %s", noLab)
	}
	t.Skipf("the lab does not work here: %s", noLab)
}
