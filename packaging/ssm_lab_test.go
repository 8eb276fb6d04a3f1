//go:build linux

package packaging_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// instance runs the documents' scripts in the simulated VPC, with the program
// itself, as the SSM Agent does: a file given to "sh -c", as root, without a
// terminal and stdin, in the command's downloads directory.
type instance struct {
	vpclab, bin string
}

func newInstance(t *testing.T) instance {
	t.Helper()
	i := instance{bin: t.TempDir()}
	i.vpclab = filepath.Join(i.bin, "vpclab")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", i.bin+"/", "vpcdoctor/cmd/vpclab", "vpcdoctor/cmd/vpcdoctor")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, out)
	}
	if out, err := exec.CommandContext(t.Context(), i.vpclab, "run", "healthy", "--", "true").CombinedOutput(); err != nil {
		missing(t, "the lab does not work here: "+string(out))
	}
	return i
}

// run returns the first line, the exit code and what was left beside the
// script. prepare fills the downloads directory.
func (i instance) run(t *testing.T, scenario, script string, prepare func(dir string), env ...string) (first string, code int, left []string) {
	t.Helper()
	dir := t.TempDir()
	downloads := filepath.Join(dir, "downloads")
	if err := os.Mkdir(downloads, 0o755); err != nil {
		t.Fatal(err)
	}
	if prepare != nil {
		prepare(downloads)
	}
	if err := os.WriteFile(filepath.Join(dir, "_script.sh"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), i.vpclab, "run", scenario, "--", "sh", "-c", "cd downloads && exec sh -c ../_script.sh")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "AWS_SSM_INSTANCE_ID=i-0123456789abcdef0")
	cmd.Env = append(cmd.Env, env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(downloads)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		left = append(left, e.Name())
	}
	first, _, _ = strings.Cut(out.String(), "\n")
	return first, cmd.ProcessState.ExitCode(), left
}

// The verdict is the first line, findings fail the command only when asked to,
// and a hostile value that no pattern stopped ends as a usage error.
func TestRunCommandOnAnInstance(t *testing.T) {
	i := newInstance(t)
	d := readDocument(t, "run-command.yaml")
	installed := func(dir string) {
		b, err := os.ReadFile(filepath.Join(i.bin, "vpcdoctor"))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, "vpcdoctor"), b, 0o755)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	const path = "PATH=.:/usr/sbin:/usr/bin:/sbin:/bin"
	values := func(profiles, services, failOn string) []string {
		return []string{path, "SSM_Profiles=" + profiles, "SSM_Services=" + services, "SSM_Expect=auto", "SSM_FailOn=" + failOn}
	}
	for name, c := range map[string]struct {
		scenario, script string
		env              []string
		first            string
		code             int
	}{
		"healthy":      {"healthy", d.script(), values("", "", "never"), "HEALTHY", 0},
		"older agent":  {"healthy", d.spliced(nil), []string{path}, "HEALTHY", 0},
		"found":        {"no-endpoints", d.script(), values("", "", "never"), "DN-02 ERROR", 0},
		"found, fails": {"no-endpoints", d.script(), values("", "", "error"), "DN-02 ERROR", 1},
		"profile; id":  {"healthy", d.script(), values("ssm; touch mark", "", "never"), "vpcdoctor: ", 2},
		"$(service)":   {"healthy", d.script(), values("", "$(touch mark)`touch mark`", "never"), "vpcdoctor: ", 2},
		"fail-on flag": {"healthy", d.script(), values("", "", "never' --output-file=mark '"), "vpcdoctor: ", 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first, code, left := i.run(t, c.scenario, c.script, installed, c.env...)
			if !strings.HasPrefix(first, c.first) || code != c.code {
				t.Errorf("exit code %d, first line %q; want %d, %q", code, first, c.code, c.first)
			}
			if len(left) != 1 {
				t.Errorf("left %q", left)
			}
		})
	}
}

// The bootstrap document runs what was fetched and leaves nothing.
func TestBootstrapOnAnInstance(t *testing.T) {
	i := newInstance(t)
	d := readDocument(t, "bootstrap.yaml")
	program, err := os.ReadFile(filepath.Join(i.bin, "vpcdoctor"))
	if err != nil {
		t.Fatal(err)
	}
	fetched := func(dir string) {
		dir = filepath.Join(dir, "vpcdoctor-bootstrap")
		err := os.Mkdir(dir, 0o755)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, "vpcdoctor_1.2.3_linux_amd64"), program, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	sum := sha256.Sum256(program)
	for digest, want := range map[string]struct {
		first string
		code  int
	}{
		hex.EncodeToString(sum[:]):            {"HEALTHY", 0},
		strings.Repeat("0", 64):               {"vpcdoctor: NOT RUN", 69},
		"' -o \"1\" = \"1\" ]; touch mark; '": {"vpcdoctor: NOT RUN", 69},
	} {
		first, code, left := i.run(t, "healthy", d.script(), fetched, "SSM_Sha256="+digest, "SSM_FailOn=never")
		if !strings.HasPrefix(first, want.first) || code != want.code || len(left) != 0 {
			t.Errorf("sum %q: exit code %d, first line %q, left %q", digest, code, first, left)
		}
	}
}
