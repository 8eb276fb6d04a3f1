package agent

import (
	"errors"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/host/sysfile"
)

// maxKernelLog bounds the kernel's log: its ring has 128 kB to 1 MB on the
// usual kernels, and reading adds some 20 bytes to each line.
const maxKernelLog = 4 << 20

// kernelLine is one message of the kernel.
type kernelLine struct {
	at   time.Duration // since boot
	text string
}

// kernelLines takes the kernel's own messages out of records of /dev/kmsg:
// "priority,sequence,microseconds,flags;text". Programs write there too, which
// shows in the priority (dev-kmsg of the kernel's ABI documents); those could
// tell anything.
func kernelLines(b []byte) []kernelLine {
	var out []kernelLine
	for l := range strings.Lines(string(b)) {
		head, text, ok := strings.Cut(strings.TrimRight(l, "\n"), ";")
		f := strings.Split(head, ",")
		if !ok || len(f) < 4 || !mayMatter(text) {
			continue
		}
		priority, err := strconv.ParseUint(f[0], 10, 32)
		at, err2 := strconv.ParseUint(f[2], 10, 52) // 142 years
		if err == nil && err2 == nil && priority < 8 {
			out = append(out, kernelLine{at: time.Duration(at) * time.Microsecond, text: text})
		}
	}
	return out
}

// mayMatter keeps the lines that somebody will look at.
func mayMatter(text string) bool {
	return strings.Contains(text, killedProcess) || strings.Contains(text, "audit(")
}

// killedProcess begins the kernel's word on a process that it ended for want
// of memory, be it the host's or a control group's.
const killedProcess = "Killed process "

// memory reads what memory the host has left.
func (r *reader) memory(log []kernelLine, logErr error) fact.Memory {
	var m fact.Memory
	b, err := r.Read("/proc/meminfo", maxProcFile)
	if err != nil && !errors.Is(err, sysfile.ErrTooLarge) { // what we read stands at its beginning
		m.Outcome = r.ended(err)
		return m
	}
	m.Outcome = fact.Outcome{Status: fact.OK}
	m.Total, m.Available = parseMeminfo(string(b))
	switch {
	case r.closed(logErr):
		m.Detail = fact.KernelLogClosed + needsRoot
	case errors.Is(logErr, errSandbox):
		m.Detail = fact.KernelLogClosed + fact.Sandbox
	}
	boot := time.Time{}
	for _, l := range log {
		if !killedOurs(l.text) {
			continue
		}
		if m.OOMKills++; m.OOMKills == 1 {
			boot = r.bootTime()
		}
		if !boot.IsZero() {
			m.OOMLast = boot.Add(l.at)
		}
	}
	return m
}

// capSyslog is CAP_SYSLOG in the masks of /proc/PID/status (capability.h).
const capSyslog = 1 << 34

// errSandbox says that root was refused the kernel's log.
var errSandbox = errors.New(fact.Sandbox)

// sandboxed tells whether the unit or container that we run in hides the
// kernel's log: it has taken CAP_SYSLOG away. The device is then refused, or an
// empty file lies over it, which we are able to read; the log itself is never
// empty.
func (r *reader) sandboxed(log []byte, err error) bool {
	if r.uid != 0 || errors.Is(err, fs.ErrNotExist) || err == nil && len(log) > 0 {
		return false
	}
	status, _ := r.Read("/proc/self/status", maxProcFile)
	for l := range strings.Lines(string(status)) {
		if v, ok := strings.CutPrefix(l, "CapEff:"); ok {
			set, err := strconv.ParseUint(strings.TrimSpace(v), 16, 64)
			return err == nil && set&capSyslog == 0
		}
	}
	return false
}

// parseMeminfo takes the bytes of MemTotal and MemAvailable, which kernels
// before 3.14 do not have.
func parseMeminfo(text string) (total, available uint64) {
	for l := range strings.Lines(text) {
		name, v, _ := strings.Cut(l, ":")
		v = strings.TrimSuffix(strings.TrimSpace(v), " kB")
		n, err := strconv.ParseUint(v, 10, 53)
		switch {
		case err != nil:
		case name == "MemTotal":
			total = n << 10
		case name == "MemAvailable":
			available = n << 10
		}
	}
	return total, available
}

// killedOurs tells whether a line of the kernel's log says that it ended one
// of the agent's processes: "Killed process 812 (amazon-ssm-agen) total-vm:…",
// on some kernels with the user id before the name.
func killedOurs(text string) bool {
	_, rest, ok := strings.Cut(text, killedProcess)
	if !ok {
		return false
	}
	_, rest, _ = strings.Cut(rest, "(")
	// A name may hold parentheses itself, as that of a service that starts does.
	if i := strings.Index(rest, ") total-vm"); i >= 0 {
		return ours(rest[:i])
	}
	comm, _, ok := strings.Cut(rest, ")")
	return ok && ours(comm)
}
