package channel

import (
	"context"
	"path"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"vpcdoctor/probe/classify"
	"vpcdoctor/probe/fact"
)

// errNoProcess is what reading a file of a process gives that has just ended.
const errNoProcess = syscall.ESRCH

const (
	// maxPIDs bounds the scan of the process table, as in probe/agent.
	maxPIDs = 32768
	// maxHelpers bounds what is kept of it: one process for each open session.
	maxHelpers = 16
	// maxStatus bounds /proc/PID/status, some 1.5 kB.
	maxStatus = 8192
)

// helperRole is the role of the programs that the worker starts: one for each
// session, one for each Run Command document (ssm-agent.md 1; agent/appconfig of
// amazon-ssm-agent 3.3.987.0). Empty for any other program.
func helperRole(exe string) string {
	switch path.Base(strings.TrimSuffix(exe, " (deleted)")) {
	case "ssm-session-worker":
		return "session"
	case "ssm-document-worker":
		return "worker"
	}
	return ""
}

// helpers finds the processes that the agent started and that hold connections
// of their own.
func (r *reader) helpers(ctx context.Context, known []fact.AgentProc) []fact.AgentProc {
	names, err := r.Names("/proc", maxPIDs+1024)
	if err != nil {
		return nil // what the caller knows remains
	}
	var out []fact.AgentProc
	for i, name := range names {
		if i%256 == 0 && ctx.Err() != nil || len(out) == maxHelpers {
			break
		}
		pid, err := strconv.Atoi(name)
		if err != nil || pid <= 0 {
			continue
		}
		exe, err := r.Readlink(procDir(pid) + "exe")
		if err != nil || helperRole(exe) == "" {
			continue
		}
		status, err := r.Read(procDir(pid)+"status", maxStatus)
		if err != nil || !rootHere(string(status)) {
			continue
		}
		if !slices.ContainsFunc(known, func(p fact.AgentProc) bool { return p.PID == pid }) {
			out = append(out, fact.AgentProc{PID: pid, Role: helperRole(exe), Exe: classify.Clean(exe, 256)})
		}
	}
	return out
}

// rootHere tells whether a process is root's and no container's, as the agent's
// are: any user may start a program of that name.
func rootHere(status string) bool {
	root := false
	for l := range strings.Lines(status) {
		name, value, _ := strings.Cut(l, ":")
		f := strings.Fields(value)
		switch {
		case name == "Uid": // real, effective, saved, file system
			root = len(f) > 1 && f[1] == "0"
		case name == "NSpid" && len(f) > 1:
			return false
		}
	}
	return root
}

// inodes adds the sockets among a process's descriptors.
func (r *reader) inodes(ctx context.Context, p fact.AgentProc, to owners) {
	if r.count >= maxFiles || ctx.Err() != nil {
		return
	}
	dir := procDir(p.PID) + "fd/"
	names, err := r.Names(dir, maxFiles-r.count)
	if err != nil {
		r.fail(err)
		return
	}
	r.count += len(names)
	for _, n := range names {
		target, err := r.Readlink(dir + n)
		if err != nil {
			continue // closed in between
		}
		if inode := inodeOf(target); inode != 0 {
			if _, taken := to[inode]; !taken { // an inherited one belongs to the first, the core
				to[inode] = owner{p.PID, p.Role}
			}
		}
	}
}

// inodeOf takes the inode of "socket:[4242]", the target of a socket's link; 0
// for any other.
func inodeOf(target string) uint32 {
	s, ok := strings.CutPrefix(target, "socket:[")
	if !ok || !strings.HasSuffix(s, "]") {
		return 0
	}
	n, err := strconv.ParseUint(strings.TrimSuffix(s, "]"), 10, 32)
	if err != nil {
		return 0
	}
	return uint32(n)
}
