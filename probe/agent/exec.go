package agent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"vpcdoctor/probe/classify"
)

const (
	// execTimeout ends one command. systemctl and rpm answer in some 10 ms; a
	// hung service manager must not eat the run's budget of 10 s.
	execTimeout = 2 * time.Second
	// execGrace is how long a killed command's children may hold its output.
	execGrace = 100 * time.Millisecond
	// maxOutput bounds what one command may say: a listing of some 4,000
	// firewall rules. The others stay below 2 kB.
	maxOutput = 1 << 20
	// maxComplaint bounds what is kept of its error output.
	maxComplaint = 256
)

// execPath is where commands are looked for, in this order. It is fixed so
// that nobody's PATH decides what runs with our rights.
var execPath = []string{"/usr/sbin", "/usr/bin", "/sbin", "/bin"}

// ErrOutput says that a command printed more than the limit.
var ErrOutput = errors.New("output is larger than the limit")

// Exec runs a command of the system and returns its standard output, which is
// returned with an error too. The environment is PATH, LC_ALL=C and TZ=UTC, so
// that texts and times read the same everywhere. It ends after 2 s and takes
// at most 1 MB of output.
func Exec(ctx context.Context, name string, args ...string) ([]byte, error) {
	path, err := lookPath(name)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, execTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=" + strings.Join(execPath, ":"), "LC_ALL=C", "TZ=UTC"}
	cmd.WaitDelay = execGrace
	out, complaint := &bounded{limit: maxOutput}, &bounded{limit: maxComplaint}
	cmd.Stdout, cmd.Stderr = out, complaint
	err = cmd.Run()
	switch {
	case ctx.Err() != nil:
		// The kill shows as "signal: killed"; the deadline is the reason.
		err = ctx.Err()
	case err == nil && out.more:
		err = ErrOutput
	}
	if err != nil {
		err = fmt.Errorf("running %s: %w", name, err)
		if text := firstLine(complaint.buf.String()); text != "" {
			err = fmt.Errorf("%w: %s", err, text)
		}
	}
	return out.buf.Bytes(), err
}

// lookPath finds a command in execPath, never in our own PATH.
func lookPath(name string) (string, error) {
	if filepath.IsAbs(name) {
		return name, nil
	}
	for _, dir := range execPath {
		path := filepath.Join(dir, name)
		info, err := os.Stat(path)
		if err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", fmt.Errorf("running %s: %w", name, exec.ErrNotFound)
}

// firstLine is the first line of what a command complained about, printable.
func firstLine(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), "\n")
	return classify.Clean(s, maxText)
}

// bounded keeps the first limit bytes that are written to it and drops the
// rest, so that the writer neither blocks nor fails.
type bounded struct {
	buf   bytes.Buffer
	limit int
	more  bool // something was dropped
}

func (b *bounded) Write(p []byte) (int, error) {
	keep := min(len(p), b.limit-b.buf.Len())
	b.buf.Write(p[:keep])
	b.more = b.more || keep < len(p)
	return len(p), nil
}
