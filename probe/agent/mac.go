package agent

import (
	"errors"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"vpcdoctor/probe/fact"
)

const (
	auditLog = "/var/log/audit/audit.log"
	// maxAudit is how much of its end is read.
	maxAudit = 1 << 20
	// maxProfiles bounds AppArmor's list: some 40 bytes for each profile.
	maxProfiles = 256 << 10
)

// mac reads which mandatory access control is on, and what it denied the
// agent. The Outcome is that of the search for denials.
func (r *reader) mac(log []kernelLine, logErr error, procs []fact.AgentProc) fact.MAC {
	m := fact.MAC{SELinux: r.selinux(), AppArmor: r.appArmor(procs)}
	var d denials
	for _, l := range log {
		d.add(l.text)
	}
	audit, _, err := r.Tail(auditLog, maxAudit)
	for l := range strings.Lines(string(audit)) {
		d.add(l)
	}
	m.Denials, m.Last, m.What = len(d.seen), d.last, d.what
	switch {
	case r.closed(err), errors.Is(err, fs.ErrNotExist) && r.closed(logErr):
		m.Outcome = fact.Skip(needsRoot)
	case errors.Is(err, fs.ErrNotExist) && logErr != nil && len(log) == 0:
		m.Outcome = fact.Skip("no audit log and no kernel log to read")
	case errors.Is(err, fs.ErrNotExist):
		m.Outcome = fact.Outcome{Status: fact.OK} // without an audit daemon the kernel's log has them
	default:
		m.Outcome = r.ended(err)
	}
	return m
}

// selinux is the mode of SELinux.
func (r *reader) selinux() string {
	b, err := r.Read("/sys/fs/selinux/enforce", maxProcFile)
	switch {
	case err == nil && strings.TrimSpace(string(b)) == "1":
		return "enforcing"
	case err == nil:
		return "permissive"
	case r.regular("/etc/selinux/config"): // made for it, and it is off
		return "disabled"
	}
	return ""
}

// appArmor is the mode of the profile that confines the running agent, or of
// the one that would.
func (r *reader) appArmor(procs []fact.AgentProc) string {
	if b, err := r.Read("/sys/module/apparmor/parameters/enabled", maxProcFile); err != nil || !strings.HasPrefix(string(b), "Y") {
		return "" // attr/current then belongs to another security module
	}
	if pid := speaker(procs); pid != 0 {
		dir := "/proc/" + strconv.Itoa(pid) + "/attr/"
		b, err := r.Read(dir+"apparmor/current", maxProcFile) // since Linux 5.8
		if err != nil {
			b, err = r.Read(dir+"current", maxProcFile)
		}
		if err == nil {
			_, mode := parseProfile(strings.TrimRight(string(b), "\n\x00"))
			return mode
		}
	}
	list, _ := r.Read("/sys/kernel/security/apparmor/profiles", maxProfiles) // of a longer one, the beginning
	for l := range strings.Lines(string(list)) {
		name, mode := parseProfile(strings.TrimRight(l, "\n"))
		if name == coreName || name == binaryPath || strings.HasPrefix(name, "snap.amazon-ssm-agent.") {
			return mode
		}
	}
	return ""
}

// parseProfile splits "name (mode)". Without a mode nothing is confined.
func parseProfile(l string) (name, mode string) {
	i := strings.LastIndex(l, " (")
	if i < 0 || !strings.HasSuffix(l, ")") {
		return l, ""
	}
	switch mode = l[i+2 : len(l)-1]; mode {
	case "enforce", "complain", "kill", "prompt", "mixed":
		return l[:i], mode
	}
	return l[:i], "" // "unconfined" is a mode too, on newer kernels
}

// denials collects what the agent was denied. The lines of one event, and its
// copies in two logs, count once.
type denials struct {
	seen     map[string]bool // events
	last     time.Time
	what     string
	fanotify string // the last event that a fanotify listener denied
	syscall  string // the last event of a process of the agent
}

// maxDenials bounds the events that are told apart.
const maxDenials = 4096

// add reads one line of the audit log, or of the kernel's log.
func (d *denials) add(line string) {
	event, at, ok := auditEvent(line)
	if !ok {
		return
	}
	kind := auditField(line, "type")
	switch {
	case (kind == "AVC" || kind == "1400") && strings.Contains(line, "avc:") && strings.Contains(line, " denied "):
		if auditField(line, "permissive") == "1" || !ours(auditField(line, "comm")) {
			return // what permissive mode reports it also lets pass
		}
		_, rest, _ := strings.Cut(line, "{ ")
		verb, _, _ := strings.Cut(rest, " ")
		d.count(event, at, words("avc:", verb, "to", auditField(line, "tclass")))
	case (kind == "AVC" || kind == "1400") && auditField(line, "apparmor") == "DENIED":
		if ours(auditField(line, "comm")) {
			d.count(event, at, words("apparmor:", auditField(line, "operation")))
		}
	case kind == "FANOTIFY" || kind == "1331": // the process is in another line of the event
		if resp := auditField(line, "resp"); resp == "2" || resp == "deny" { // FAN_DENY
			d.fanotify = event
		}
	case kind == "SYSCALL" || kind == "1300":
		if ours(auditField(line, "comm")) {
			d.syscall = event
		}
	}
	if d.fanotify == event && d.syscall == event {
		d.count(event, at, "fapolicyd: deny")
	}
}

func (d *denials) count(event string, at time.Time, what string) {
	if d.seen == nil {
		d.seen = map[string]bool{}
	}
	if len(d.seen) < maxDenials {
		d.seen[event] = true
	}
	if !at.Before(d.last) {
		d.last, d.what = at, what
	}
}

// auditEvent takes the event out of "audit(SECONDS.MILLIS:SERIAL):".
func auditEvent(line string) (event string, at time.Time, ok bool) {
	_, rest, ok := strings.Cut(line, "audit(")
	if !ok {
		return "", time.Time{}, false
	}
	event, _, ok = strings.Cut(rest, ")")
	stamp, _, ok2 := strings.Cut(event, ":")
	sec, milli, _ := strings.Cut(stamp, ".")
	s, err := strconv.ParseInt(sec, 10, 37) // year 4147; JSON ends at 9999
	ms, err2 := strconv.ParseUint(milli, 10, 10)
	if !ok || !ok2 || err != nil || err2 != nil || s <= 0 || ms > 999 || len(event) > 40 {
		return "", time.Time{}, false
	}
	return event, time.Unix(s, int64(ms)*int64(time.Millisecond)).UTC(), true
}

// auditField is the value of a name=value field, without its quotes. Foreign
// text that holds a blank or a quote is in hexadecimal there, so that nothing
// in it can pass for a field.
func auditField(line, name string) string {
	for rest := line; ; {
		i := strings.Index(rest, name+"=")
		if i < 0 {
			return ""
		}
		v := rest[i+len(name)+1:]
		if i == 0 || rest[i-1] == ' ' {
			if quoted, ok := strings.CutPrefix(v, `"`); ok {
				v, _, _ = strings.Cut(quoted, `"`)
				return v
			}
			if end := strings.IndexAny(v, " \x1d\r\n"); end >= 0 { // 1d parts what auditd adds
				v = v[:end]
			}
			return v
		}
		rest = v
	}
}

// words joins those that are plain words: no text of the log passes.
func words(list ...string) string {
	var out []string
	for _, w := range list {
		plain := strings.Trim(strings.TrimSuffix(w, ":"), "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
		if w != "" && plain && len(w) <= 32 {
			out = append(out, w)
		}
	}
	return strings.Join(out, " ")
}
