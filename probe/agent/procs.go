package agent

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"vpcdoctor/probe/classify"
	"vpcdoctor/probe/fact"
)

// Names of the agent's executables. The core registers and gets credentials;
// it starts the worker, which talks to the services, only when it has them.
const (
	coreName   = "amazon-ssm-agent"
	workerName = "ssm-agent-worker"
)

const (
	// maxPIDs bounds the scan: the default of kernel.pid_max is 32,768, and a
	// host with more processes than that has other worries.
	maxPIDs = 32768
	// maxProcs bounds what is kept. One core and one worker are normal, two of
	// each when a snap and a package run side by side.
	maxProcs = 16
	// maxProcFile bounds the small files of a process.
	maxProcFile = 4096
	// maxFiles bounds the count of a process's open files. An agent that
	// leaks them stops at its limit, mostly 1,024 to 65,536.
	maxFiles = 65536
	// userHz is the unit of times in /proc/PID/stat: 100 per second on every
	// architecture Go supports (it is part of the kernel's ABI).
	userHz = 100
)

// procs finds the processes of the agent.
func (r *reader) procs(ctx context.Context) ([]fact.AgentProc, fact.Outcome) {
	if r.uid != 0 && r.hidden() {
		r.denied.Store(true)
		return nil, fact.Skip(needsRoot)
	}
	start := r.now()
	names, err := r.Names("/proc", maxPIDs+1024) // /proc has some 60 other entries
	if err != nil {
		return nil, r.outcome(err)
	}
	boot := r.bootTime()
	var out []fact.AgentProc
	for i, name := range names {
		if i%256 == 0 && ctx.Err() != nil {
			return out, fact.Outcome{Status: fact.Failed, Class: classOf(ctx.Err()), CutByBudget: true, Start: start.UTC()}
		}
		pid, err := strconv.Atoi(name)
		if err != nil || pid <= 0 {
			continue
		}
		if p, ok := r.proc(pid, boot); ok && len(out) < maxProcs {
			out = append(out, p)
		}
	}
	slices.SortStableFunc(out, func(a, b fact.AgentProc) int { return a.PID - b.PID })
	return out, fact.Outcome{Status: fact.OK, Start: start.UTC(), Took: fact.Duration(r.now().Sub(start))}
}

// hidden tells whether /proc is mounted with hidepid: other users' processes
// then look absent or closed, that of PID 1 among them.
func (r *reader) hidden() bool {
	_, err := r.Read("/proc/1/stat", maxProcFile)
	return err != nil
}

// proc looks at one process and tells whether it is the agent's.
func (r *reader) proc(pid int, boot time.Time) (fact.AgentProc, bool) {
	dir := "/proc/" + strconv.Itoa(pid)
	exe, err := r.Readlink(dir + "/exe")
	switch {
	case err == nil:
	case errors.Is(err, fs.ErrPermission) && r.uid != 0:
		exe = ""
	default: // a kernel thread, or gone
		return fact.AgentProc{}, false
	}
	// An update replaces the file below the running process.
	exe, deleted := strings.CutSuffix(exe, " (deleted)")
	role := roleOf(path.Base(exe))
	if exe != "" && role == "" {
		return fact.AgentProc{}, false
	}
	line, _ := r.Read(dir+"/cmdline", maxProcFile) // of a longer one, the beginning
	args := strings.Split(string(bytes.TrimRight(line, "\x00")), "\x00")
	if role == "" {
		exe = args[0]
		if role = roleOf(path.Base(exe)); role == "" {
			return fact.AgentProc{}, false
		}
	}
	status, _ := r.Read(dir+"/status", maxProcFile)
	if oneShot(args) || nested(string(status)) {
		return fact.AgentProc{}, false
	}
	uid := parseUID(string(status))
	if uid > 0 {
		// The agent runs as root only. Any user can start a program of this
		// name, and must not choose the proxy that we then talk to.
		return fact.AgentProc{}, false
	}
	p := fact.AgentProc{
		PID: pid, Role: role, Exe: classify.Clean(exe, maxPathText), UID: uid,
		Deleted: deleted, OtherNetNS: r.elsewhere(dir, "net"),
	}
	if stat, err := r.Read(dir+"/stat", maxProcFile); err == nil {
		ticks, ok := parseStartTicks(string(stat))
		if ok && !boot.IsZero() {
			p.Start = boot.Add(time.Duration(ticks) * (time.Second / userHz))
		}
		p.State = parseState(string(stat))
	}
	if fds, err := r.Names(dir+"/fd", maxFiles); err == nil {
		p.Files = len(fds)
	}
	if limits, err := r.Read(dir+"/limits", maxProcFile); err == nil {
		p.FileLimit = parseFileLimit(string(limits))
	}
	return p, true
}

// elsewhere tells whether a process is known to run in another namespace of a
// kind than we do. Without root the link is closed, and nothing is known.
func (r *reader) elsewhere(dir, kind string) bool {
	theirs, err := r.Readlink(dir + "/ns/" + kind)
	if err != nil {
		return false
	}
	ours, err := r.Readlink("/proc/self/ns/" + kind)
	return err == nil && ours != theirs
}

// roleOf maps an executable's base name to a role; empty for any other program.
func roleOf(name string) string {
	switch name {
	case coreName:
		return "core"
	case workerName:
		return "worker"
	}
	return ""
}

// oneShot tells a call for one purpose (-version, -register …) from the daemon:
// with any flag at all the agent does its job and exits.
func oneShot(args []string) bool { return len(args) > 1 && strings.HasPrefix(args[1], "-") }

// nested tells a process in a PID namespace below ours by /proc/PID/status: a
// container's agent, such as the one that ECS Exec puts into a task, is not
// the host's. Kernels before 4.1 have no such line.
func nested(status string) bool {
	for l := range strings.Lines(status) {
		if v, ok := strings.CutPrefix(l, "NSpid:"); ok {
			return len(strings.Fields(v)) > 1
		}
	}
	return false
}

// bootTime is when the kernel started, by /proc/stat; zero when not known.
func (r *reader) bootTime() time.Time {
	// The line stands after one line for each CPU and a long one of
	// interrupts: 1 MB covers the largest instances.
	b, err := r.Read("/proc/stat", 1<<20)
	if err != nil {
		return time.Time{}
	}
	return parseBootTime(string(b))
}

// parseBootTime finds the btime line: seconds since 1970.
func parseBootTime(stat string) time.Time {
	for l := range strings.Lines(stat) {
		if v, ok := strings.CutPrefix(l, "btime "); ok {
			// 37 bits reach the year 4147; JSON ends at 9999.
			n, err := strconv.ParseInt(strings.TrimSpace(v), 10, 37)
			if err != nil || n <= 0 {
				return time.Time{}
			}
			return time.Unix(n, 0).UTC()
		}
	}
	return time.Time{}
}

// parseStartTicks takes field 22 of /proc/PID/stat. The fields are counted
// from the last ")": the name in field 2 may hold blanks and parentheses.
func parseStartTicks(stat string) (int64, bool) {
	i := strings.LastIndexByte(stat, ')')
	if i < 0 {
		return 0, false
	}
	f := strings.Fields(stat[i+1:]) // f[0] is field 3
	if len(f) < 20 {
		return 0, false
	}
	n, err := strconv.ParseInt(f[19], 10, 64)
	// 2^40 ticks are 348 years; more would overflow a Duration.
	return n, err == nil && n >= 0 && n < 1<<40
}

// parseState takes field 3 of /proc/PID/stat, one letter.
func parseState(stat string) string {
	i := strings.LastIndexByte(stat, ')')
	if i < 0 || i+2 >= len(stat) || stat[i+2] < 'A' || stat[i+2] > 'z' {
		return ""
	}
	return stat[i+2 : i+3]
}

// parseFileLimit takes the soft limit of open files out of /proc/PID/limits;
// 0 when there is none.
func parseFileLimit(limits string) int {
	for l := range strings.Lines(limits) {
		if v, ok := strings.CutPrefix(l, "Max open files"); ok {
			soft, _, _ := strings.Cut(strings.TrimSpace(v), " ")
			return count(soft)
		}
	}
	return 0
}

// parseUID takes the effective user id of /proc/PID/status; -1 when not known.
func parseUID(status string) int {
	for l := range strings.Lines(status) {
		if v, ok := strings.CutPrefix(l, "Uid:"); ok {
			f := strings.Fields(v) // real, effective, saved, file system
			if len(f) < 2 {
				return -1
			}
			n, err := strconv.ParseUint(f[1], 10, 31)
			if err != nil {
				return -1
			}
			return int(n)
		}
	}
	return -1
}
