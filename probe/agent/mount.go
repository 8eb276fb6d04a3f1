package agent

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"vpcdoctor/probe/classify"
	"vpcdoctor/probe/fact"
)

// written are the directories that the agent writes to, and runs programs
// from: its state, logs, temporary files and config.
var written = []string{"/var/lib/amazon/ssm", "/var/log/amazon/ssm", "/tmp", "/etc/amazon/ssm", "/var"}

// maxMountinfo bounds the table: 100 bytes a mount, thousands on a host of
// containers.
const maxMountinfo = 4 << 20

// mounts looks at the file system under each of the directories, as the agent
// sees them: a unit can give it another view than ours.
func (r *reader) mounts(ctx context.Context, procs []fact.AgentProc) []fact.Mount {
	out := make([]fact.Mount, len(written))
	for i, dir := range written {
		out[i] = fact.Mount{Dir: dir, Outcome: fact.Outcome{Status: fact.Failed, Class: fact.Timeout, CutByBudget: true}}
	}
	ctx, cancel := context.WithTimeout(ctx, statTime)
	defer cancel()
	done := make(chan int, len(written))
	seen := slices.Clone(out)
	// One goroutine each, so that a file system that hangs hides no other.
	root, table := r.view(procs)
	for i, dir := range written {
		go func() {
			seen[i] = r.mount(root, table, dir)
			done <- i
		}()
	}
	for range written {
		select {
		case i := <-done:
			out[i] = seen[i]
		case <-ctx.Done():
			return out
		}
	}
	return out
}

// view is where the agent's root directory is and what is mounted below it:
// ours, unless it runs in a mount namespace of its own that we may look into.
// Of an agent that does not run it is the view of process 1, which would start
// it: ours may be a sandbox in which everything is read-only.
func (r *reader) view(procs []fact.AgentProc) (root string, table []mountLine) {
	dir := "/proc/" + strconv.Itoa(cmp.Or(speaker(procs), 1))
	if r.elsewhere(dir, "mnt") {
		if b, err := r.Read(dir+"/mountinfo", maxMountinfo); err == nil {
			return dir + "/root", parseMountinfo(string(b))
		}
	}
	b, _ := r.Read("/proc/self/mountinfo", maxMountinfo) // of a longer one, the beginning
	return "", parseMountinfo(string(b))
}

// mount looks at one directory, or at the nearest one above it that exists.
func (r *reader) mount(root string, table []mountLine, dir string) fact.Mount {
	m := fact.Mount{Dir: dir}
	at := r.resolve(root, dir)
	for {
		_, err := r.Stat(root + at)
		if err == nil || at == "/" || !errors.Is(err, fs.ErrNotExist) {
			break
		}
		at = path.Dir(at)
	}
	space, err := r.Space(root + at)
	if m.Outcome = r.ended(err); err == nil {
		m.Bytes, m.FreeBytes, m.Inodes, m.FreeInodes = space.Bytes, space.Free, space.Inodes, space.FreeInodes
		m.ReadOnly, m.NoExec = space.ReadOnly, space.NoExec
	}
	best := mountLine{}
	for _, l := range table {
		// Of two on one point, the later one covers the earlier.
		if under(at, l.point) && len(l.point) >= len(best.point) {
			best = l
		}
	}
	m.Point, m.Type = classify.Clean(best.point, maxPathText), classify.Clean(best.kind, 32)
	m.ReadOnly, m.NoExec = m.ReadOnly || best.readOnly, m.NoExec || best.noExec
	return m
}

// under tells whether a directory lies below a mount point, or is it.
func under(dir, point string) bool {
	return point == "/" || dir == point || strings.HasPrefix(dir, point+"/")
}

// maxLinks bounds a chain of symbolic links, as the kernel does.
const maxLinks = 40

// resolve follows the symbolic links in a path, so that it can be compared
// with mount points. What does not exist stays as it is.
func (r *reader) resolve(root, dir string) string {
	at, todo := "/", strings.Split(strings.Trim(dir, "/"), "/")
	for links := 0; len(todo) > 0; {
		next := path.Join(at, todo[0])
		todo = todo[1:]
		target, err := r.Readlink(root + next)
		if err != nil {
			at = next
			continue
		}
		if links++; links > maxLinks {
			return dir
		}
		if path.IsAbs(target) {
			at = "/"
		}
		todo = append(strings.Split(strings.Trim(target, "/"), "/"), todo...)
	}
	return at
}

// mountLine is one line of /proc/PID/mountinfo.
type mountLine struct {
	point, kind      string
	readOnly, noExec bool
}

// parseMountinfo reads the table (proc(5)): a mount may be read-only by its
// own options or by those of the file system, which follow a lone "-".
func parseMountinfo(text string) []mountLine {
	var out []mountLine
	for l := range strings.Lines(text) {
		left, right, ok := strings.Cut(l, " - ")
		f, g := strings.Fields(left), strings.Fields(right)
		if !ok || len(f) < 6 || len(g) < 3 || !strings.HasPrefix(f[4], "/") {
			continue
		}
		m := mountLine{point: unescapeMount(f[4]), kind: g[0]}
		for _, options := range []string{f[5], g[len(g)-1]} {
			for o := range strings.SplitSeq(options, ",") {
				m.readOnly = m.readOnly || o == "ro"
				m.noExec = m.noExec || o == "noexec"
			}
		}
		out = append(out, m)
	}
	return out
}

// unescapeMount reads the octal escapes of blanks and backslashes.
func unescapeMount(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if v, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(v))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
