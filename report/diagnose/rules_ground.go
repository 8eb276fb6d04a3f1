package diagnose

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"vpcdoctor/probe/fact"
)

// What the agent stands on: file systems, limits, memory, mandatory access
// control. All of it is what the host shows today; the log only supports it.
func groundRules() []Rule {
	return []Rule{
		{Code: "AG-09", Eval: full, Explains: []Code{"AG-02", "AG-14", "AG-19", "AG-20"}},
		{Code: "AG-10", Eval: noWatches},
		{Code: "AG-11", Eval: readOnly, Explains: []Code{"AG-02", "AG-19", "AG-20"}},
		{Code: "AG-12", Eval: noExec},
		{Code: "AG-13", Eval: denials},
		{Code: "AG-14", Eval: damaged, Explains: []Code{"AG-20"}},
		{Code: "AG-15", Eval: crashes, Explains: []Code{"AG-02", "AG-20"}},
		{Code: "AG-27", Eval: noFiles},
	}
}

// on makes a finding about this host with the words that every one has.
func on(code Code, sev Severity, summary string, ev ...Evidence) Finding {
	return Finding{Code: code, Severity: sev, Confidence: Likely, Summary: summary, Evidence: ev, Action: Action{Where: "instance"}}
}

// hurts is the severity of a fault that keeps the agent from working, unless
// it is seen to work.
func (v *View) hurts() Severity {
	if v.link.up {
		return SevWarning
	}
	return SevError
}

// Bounds of "full". A start writes a few kB of state; an update unpacks 100 MB.
const (
	noBytes   = 1 << 20
	fewBytes  = 32 << 20
	noInodes  = 8
	megabytes = 1 << 20
)

func full(v *View) []Finding {
	var out []Finding
	seen := map[string]bool{}
	for _, m := range refs(v.Set.Agent.Ground.Mounts, func(m fact.Mount) string { return m.Dir }) {
		if m.Status != fact.OK || m.Bytes == 0 || m.ReadOnly || seen[m.Point] {
			continue
		}
		inodes := m.Inodes > 0 && m.FreeInodes < noInodes
		if m.FreeBytes >= fewBytes && !inodes {
			continue
		}
		seen[m.Point] = true
		at := plain(orWord(m.Point, m.Dir), 100)
		f := on("AG-09", SevError, fmt.Sprintf("The file system %s is full: %d MB free. The agent writes to %s there.", at, m.FreeBytes/megabytes, plain(m.Dir, 100)),
			Evidence{"", fmt.Sprintf("%s (%s): %d of %d MB free, %d of %d inodes free", at, plain(m.Type, 20), m.FreeBytes/megabytes, m.Bytes/megabytes, m.FreeInodes, m.Inodes)})
		f.Subjects = []string{at}
		f.Action.Do, f.Action.Command = "Free space on "+at+".", command("df", "-h", at)
		switch {
		case inodes:
			f.Summary = fmt.Sprintf("The file system %s has no inodes left (%d free). The agent writes to %s there.", at, m.FreeInodes, plain(m.Dir, 100))
			f.Action.Do, f.Action.Command = "Remove small files on "+at+".", command("df", "-i", at)
		case m.FreeBytes >= noBytes:
			f.Severity = SevWarning
			f.Summary = fmt.Sprintf("The file system %s is nearly full: %d MB free. The agent writes to %s there.", at, m.FreeBytes/megabytes, plain(m.Dir, 100))
		}
		out = append(out, f)
	}
	return out
}

func noWatches(v *View) []Finding {
	i := &v.Set.Agent.Ground.Inotify
	if i.Status != fact.OK {
		return nil
	}
	what, used, limit, key := "instances", i.UsedInstances, i.MaxInstances, "fs.inotify.max_user_instances"
	if limit == 0 || used < limit {
		what, used, limit, key = "watches", i.UsedWatches, i.MaxWatches, "fs.inotify.max_user_watches"
	}
	if limit == 0 || used < limit {
		return nil
	}
	f := on("AG-10", v.hurts(), fmt.Sprintf("Root's inotify %s are used up (%d of %d): the agent fails with 'no space left on device' although the disks have space.", what, used, limit),
		Evidence{"", fmt.Sprintf("inotify of root: %d of %d instances, %d of %d watches", i.UsedInstances, i.MaxInstances, i.UsedWatches, i.MaxWatches)})
	f.Action.Do, f.Action.Command = "Raise "+key+", and find what uses them.", command("sudo", "sysctl", fmt.Sprintf("%s=%d", key, 2*limit))
	return []Finding{f}
}

// ownDir tells the directories without which the agent cannot work from those
// that it only uses.
func ownDir(dir string) bool { return strings.Contains(dir, "/amazon") }

func readOnly(v *View) []Finding {
	var dirs []string
	f := on("AG-11", SevWarning, "")
	for _, m := range refs(v.Set.Agent.Ground.Mounts, func(m fact.Mount) string { return m.Dir }) {
		if m.Status != fact.OK || !m.ReadOnly {
			continue
		}
		if ownDir(m.Dir) {
			f.Severity = SevError
		}
		dirs = append(dirs, plain(m.Dir, 80))
		if len(f.Evidence) < 3 {
			f.Evidence = append(f.Evidence, Evidence{"", fmt.Sprintf("%s is on %s (%s), mounted read-only", plain(m.Dir, 80), plain(orWord(m.Point, "?"), 80), plain(m.Type, 20))})
		}
	}
	if len(dirs) == 0 {
		return nil
	}
	f.Subjects = dirs
	f.Summary = fmt.Sprintf("%s %s read-only: the agent cannot write there.", list(dirs, 3), verb(len(dirs), "is", "are"))
	f.Action.Do, f.Action.Command = "Look for file system errors, repair, and remount read-write.", "sudo dmesg"
	return []Finding{f}
}

// noExec concerns the agent's own directory, where scripts are put before they
// run; on /tmp and on logs it is common and harmless.
func noExec(v *View) []Finding {
	for _, m := range refs(v.Set.Agent.Ground.Mounts, func(m fact.Mount) string { return m.Dir }) {
		if m.Status != fact.OK || !m.NoExec || !strings.HasPrefix(m.Dir, "/var/lib/amazon") {
			continue
		}
		at := plain(orWord(m.Point, m.Dir), 100)
		f := on("AG-12", SevWarning, fmt.Sprintf("%s is mounted noexec: scripts that Run Command puts into %s end with status 126.", at, plain(m.Dir, 80)),
			Evidence{"", fmt.Sprintf("%s is on %s, mounted noexec", plain(m.Dir, 80), at)})
		f.Subjects = []string{at}
		f.Action.Do, f.Action.Command = "Remount it with exec, and correct /etc/fstab.", command("sudo", "mount", "-o", "remount,exec", at)
		return []Finding{f}
	}
	return nil
}

// denials that lie before the agent's start are those of another policy.
func denials(v *View) []Finding {
	m := &v.Set.Agent.Ground.MAC
	if m.Status != fact.OK || m.Denials == 0 || m.SELinux != "enforcing" && m.AppArmor != "enforce" {
		return nil
	}
	if p := v.running(); p != nil && !m.Last.IsZero() && m.Last.Before(p.Start) && v.Set.Start.Sub(m.Last) > recent {
		return nil
	}
	who := "SELinux"
	if m.SELinux != "enforcing" {
		who = "AppArmor"
	}
	_, what, _ := strings.Cut(plain(m.What, 80), ": ") // behind the kind: "avc: write to file"
	f := on("AG-13", SevWarning, fmt.Sprintf("%s denied the agent an access (%s), %d %s, last at %s.", who, orWord(what, "of a kind not named"), m.Denials, verb(m.Denials, "time", "times"), hour(m.Last, v.Set.Start)),
		Evidence{"", fmt.Sprintf("%s: %d %s of the agent's processes, last %s", who, m.Denials, verb(m.Denials, "denial", "denials"), day(m.Last))})
	f.Action.Do, f.Action.Command = "Correct the label of the file or the policy.", "sudo ausearch -m AVC -c amazon-ssm-agen"
	if who == "AppArmor" {
		f.Action.Command = "sudo aa-status"
	}
	return []Finding{f}
}

func damaged(v *View) []Finding {
	f := on("AG-14", v.hurts(), "")
	var names []string
	for _, s := range refs(v.Set.Agent.Identity.Vault, func(s fact.StateFile) string { return s.Path }) {
		if s.Status == fact.Failed && s.Class == fact.Malformed {
			names = append(names, plain(s.Path, 100))
			f.Evidence = append(f.Evidence, Evidence{"", fmt.Sprintf("%s: %d bytes, does not parse", plain(s.Path, 100), s.Bytes)})
		}
	}
	if len(names) == 0 {
		return nil
	}
	f.Subjects = names
	f.Summary = fmt.Sprintf("%s %s damaged: the agent cannot load its registration.", list(names, 2), verb(len(names), "is", "are"))
	f.Action.Do = "Stop the agent, move /var/lib/amazon/ssm/Vault away, start it. An EC2 instance registers itself again; a hybrid node needs a new activation."
	if command(v.unit()) != "" && !v.runCommand() {
		f.Action.Command = command("sudo", "systemctl", "stop", v.unit())
	}
	return []Finding{f}
}

// today is how far back an OOM kill or crash still concerns the reader.
const thisDay = 24 * time.Hour

// crashes is AG-15: the kernel ended the agent, or it ended itself by a signal
// that no administrator sends.
func crashes(v *View) []Finding {
	mem := &v.Set.Agent.Ground.Memory
	oom := mem.Status == fact.OK && mem.OOMKills > 0 && !mem.OOMLast.IsZero() && v.Set.Start.Sub(mem.OOMLast) <= thisDay
	f := on("AG-15", SevWarning, "")
	for _, u := range loadedUnits(&v.Set.Agent) {
		if u.Result == "oom-kill" {
			oom = true
		} else if !slices.Contains([]int{4, 6, 7, 8, 11}, u.ExitSignal) { // ILL, ABRT, BUS, FPE, SEGV
			continue
		}
		if u.Active != "active" {
			f.Severity = SevError
		}
		f.Subjects = append(f.Subjects, plain(u.Name, 80))
		f.Evidence = append(f.Evidence, unitEvidence(u))
		if u.ExitSignal != 0 {
			f.Summary = fmt.Sprintf("The agent crashed: its last process ended by signal %d (restarts: %d).", u.ExitSignal, u.Restarts)
		}
	}
	if !oom && len(f.Evidence) == 0 {
		return nil
	}
	f.Action.Do, f.Action.Command = "Update the agent; if it crashes again, keep its log.", command("sudo", "journalctl", "-u", v.unit(), "-n", "50")
	if oom {
		f.Summary = "The kernel ended the agent to free memory"
		if !mem.OOMLast.IsZero() {
			f.Summary += ", last at " + hour(mem.OOMLast, v.Set.Start)
			f.Evidence = append(f.Evidence, Evidence{"", fmt.Sprintf("the kernel's log: %d OOM %s of the agent, last %s", mem.OOMKills, verb(mem.OOMKills, "kill", "kills"), day(mem.OOMLast))})
		}
		f.Summary += "."
		if mem.Total > 0 {
			f.Evidence = append(f.Evidence, Evidence{"", fmt.Sprintf("memory: %d of %d MB available", mem.Available/megabytes, mem.Total/megabytes)})
		}
		f.Action.Do, f.Action.Command = "Find what uses the memory, or take a larger instance; the agent's unit may set OOMScoreAdjust.", "sudo journalctl -k -g oom"
	}
	return []Finding{f}
}

func unitEvidence(u fact.AgentUnit) Evidence {
	text := fmt.Sprintf("unit %s: load %s, active %s (%s), unit file %s, result %s, restarts %d",
		plain(u.Name, 60), u.Load, u.Active, u.Sub, u.UnitFile, u.Result, u.Restarts)
	if u.ExitSignal != 0 {
		text += fmt.Sprintf(", signal %d", u.ExitSignal)
	}
	return Evidence{"", text}
}

func noFiles(v *View) []Finding {
	for _, p := range refs(v.Set.Agent.Procs, procOrder) {
		if p.FileLimit == 0 || p.Files < p.FileLimit-p.FileLimit/50 {
			continue
		}
		f := on("AG-27", SevWarning, fmt.Sprintf("The agent's %s process %d has %d of %d files open: it cannot open more.", orWord(plain(p.Role, 12), "own"), p.PID, p.Files, p.FileLimit),
			Evidence{"", fmt.Sprintf("process %d: %d descriptors, limit %d", p.PID, p.Files, p.FileLimit)})
		f.Action.Do, f.Action.Command = "Raise LimitNOFILE in a drop-in of its unit, and look what it holds open.", command("sudo", "systemctl", "edit", v.unit())
		return []Finding{f}
	}
	return nil
}

// sound tells whether every file system that the agent writes to was seen and
// nothing is wrong with it.
func (v *View) sound() bool {
	ms := v.Set.Agent.Ground.Mounts
	return len(ms) > 0 && len(full(v))+len(readOnly(v)) == 0 && !slices.ContainsFunc(ms, func(m fact.Mount) bool { return m.Status != fact.OK })
}
