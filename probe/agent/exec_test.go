//go:build linux

package agent

import (
	"context"
	"errors"
	"io/fs"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestExec(t *testing.T) {
	t.Setenv("SECRET_OF_OURS", "x")
	out, err := Exec(t.Context(), "env")
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Fields(string(out))
	slices.Sort(got)
	if want := []string{"LC_ALL=C", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "TZ=UTC"}; !slices.Equal(got, want) {
		t.Errorf("environment %q, want %q", got, want)
	}
}

func TestExecLooksNowhereElse(t *testing.T) {
	dir := t.TempDir()
	tree{"/vpcdoctor-no-such": "#!/bin/sh\n"}.writeTo(t, dir)
	chmod(t, dir+"/vpcdoctor-no-such", 0o755)
	t.Setenv("PATH", dir)
	if _, err := Exec(t.Context(), "vpcdoctor-no-such"); !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("a command of our own PATH: %v", err)
	}
	if _, err := Exec(t.Context(), "/no/such/file"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an absolute path: %v", err)
	}
}

func TestExecEnds(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	// The child of the shell keeps the output open after the shell is killed.
	_, err := Exec(ctx, "sh", "-c", "sleep 5 & sleep 5")
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 4*time.Second {
		t.Errorf("%v after %v", err, time.Since(start))
	}
}

func TestExecBoundsOutput(t *testing.T) {
	out, err := Exec(t.Context(), "sh", "-c", "yes | head -c 2000000")
	if !errors.Is(err, ErrOutput) || len(out) != maxOutput {
		t.Errorf("%d bytes, %v", len(out), err)
	}
	_, err = Exec(t.Context(), "sh", "-c", "printf 'bad \\033[31m\\nmore\\n' >&2; exit 3")
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 3 || !strings.HasSuffix(err.Error(), ": bad ?[31m") {
		t.Errorf("%q", err)
	}
}
