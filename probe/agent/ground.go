package agent

import (
	"context"
	"strconv"
	"strings"
	"time"

	"vpcdoctor/probe/fact"
)

const (
	// groundTime ends a step that grows with the host: on one with thousands
	// of processes a part tells enough.
	groundTime = 100 * time.Millisecond
	// statTime ends the look at file systems: a dead network file system
	// would hold it for good.
	statTime = 500 * time.Millisecond
)

// agentNames are the executables that make up the agent.
var agentNames = []string{coreName, workerName, "ssm-document-worker", "ssm-session-worker", "ssm-session-logger"}

// maxComm is how much of a program's name the kernel keeps (TASK_COMM_LEN).
const maxComm = 15

// ours tells whether a process name, as the kernel keeps it, is the agent's:
// cut to 15 bytes, or in the parentheses by which systemd marks the process
// that is about to become a service, of whose name it keeps the end.
func ours(comm string) bool {
	end, starting := strings.CutPrefix(comm, "(")
	end, _ = strings.CutSuffix(end, ")")
	for _, name := range agentNames {
		if comm == name[:min(len(name), maxComm)] || starting && len(end) >= 8 && strings.HasSuffix(name, end) {
			return true
		}
	}
	return false
}

// kernel reads what the kernel's log and the audit log say of the agent: that
// it was ended for want of memory, and what it was denied.
func (r *reader) kernel(procs []fact.AgentProc) (fact.Memory, fact.MAC) {
	log, err := r.Records("/dev/kmsg", maxKernelLog)
	if r.sandboxed(log, err) {
		err = errSandbox
	}
	lines := kernelLines(log)
	return r.memory(lines, err), r.mac(lines, err, procs)
}

// number reads a file that holds one number that is not negative.
func (r *reader) number(name string) (int, error) {
	b, err := r.Read(name, maxProcFile)
	return count(strings.TrimSpace(string(b))), err
}

// maxHolders bounds the count of file watchers.
const maxHolders = 4096

// inotify reads the kernel's allowance of file watchers, and counts root's use
// of it. An agent that finds the allowance used up fails with "no space left
// on device" while the disk has room. What processes share counts once for
// each: the kernel keeps no total that can be read.
func (r *reader) inotify(ctx context.Context) fact.Inotify {
	ctx, cancel := context.WithTimeout(ctx, groundTime)
	defer cancel()
	start := r.now()
	var i fact.Inotify
	var err error
	if i.MaxInstances, err = r.number("/proc/sys/fs/inotify/max_user_instances"); err == nil {
		i.MaxWatches, err = r.number("/proc/sys/fs/inotify/max_user_watches")
	}
	if err != nil {
		i.Outcome = r.ended(err)
		return i
	}
	if r.uid != 0 {
		i.Outcome = fact.Skip(needsRoot)
		return i
	}
	names, err := r.Names("/proc", maxPIDs)
	if err != nil {
		i.Outcome = r.ended(err)
		return i
	}
	i.Outcome = fact.Outcome{Status: fact.OK, Start: start.UTC()}
	seen := 0
	for _, name := range names {
		if _, err := strconv.Atoi(name); err != nil {
			continue
		}
		if seen == maxHolders || ctx.Err() != nil {
			i.Detail = "counted in the first " + strconv.Itoa(seen) + " processes only"
			break
		}
		seen++
		if info, err := r.Stat("/proc/" + name); err == nil && ownedByRoot(info) {
			r.watchers(ctx, "/proc/"+name, &i)
		}
	}
	i.Took = fact.Duration(r.now().Sub(start))
	return i
}

// watchers adds what one process holds.
func (r *reader) watchers(ctx context.Context, dir string, i *fact.Inotify) {
	fds, err := r.Names(dir+"/fd", maxFiles)
	if err != nil {
		return // gone
	}
	for n, fd := range fds {
		if n%256 == 255 && ctx.Err() != nil {
			return
		}
		if link, err := r.Readlink(dir + "/fd/" + fd); err != nil || link != "anon_inode:inotify" {
			continue
		}
		i.UsedInstances++
		info, _ := r.Read(dir+"/fdinfo/"+fd, maxWatchList) // of a longer one, the beginning
		i.UsedWatches += strings.Count("\n"+string(info), "\ninotify ")
	}
}

// maxWatchList bounds the list of one watcher: some 100 bytes a watch.
const maxWatchList = 1 << 20
