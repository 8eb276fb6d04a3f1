package agent

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/host/sysfile"
)

// spaces is a root whose file systems are made up: by path, and all others of
// one size. A file system that hangs waits for its channel.
type spaces struct {
	sysfile.Root
	by   map[string]sysfile.Space
	hang map[string]chan struct{}
}

func (s spaces) Space(name string) (sysfile.Space, error) {
	if c, ok := s.hang[name]; ok {
		<-c
	}
	if sp, ok := s.by[name]; ok {
		return sp, nil
	}
	if _, err := s.Stat(name); err != nil {
		return sysfile.Space{}, err
	}
	return sysfile.Space{Bytes: 1000, Free: 500, Inodes: 100, FreeInodes: 50}, nil
}

func mountsOf(t *testing.T, tr tree, s spaces) []fact.Mount {
	t.Helper()
	s.Root = sysfile.Root(tr.write(t))
	a, _ := Read(t.Context(), Options{Command: (&commands{}).run, Now: func() time.Time { return now }, files: s})
	return a.Ground.Mounts
}

const (
	rootLine = "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard\n"
	dirs     = "/var/lib/amazon/ssm/x|/var/log/amazon/ssm/x|/tmp/x|/etc/amazon/ssm/x"
)

func table(lines ...string) tree {
	t := tree{"/proc/self/mountinfo": rootLine + strings.Join(lines, "")}
	for d := range strings.SplitSeq(dirs, "|") {
		t[d] = ""
	}
	return t
}

func TestMounts(t *testing.T) {
	type seen struct {
		point, kind    string
		readOnly, exec bool
	}
	plain := seen{"/", "ext4", false, true}
	for _, c := range []struct {
		name string
		tree tree
		want [5]seen // of the directories in order
	}{
		{"one file system", table(), [5]seen{plain, plain, plain, plain, plain}},
		{"read-only root, by the superblock", tree{"/proc/self/mountinfo": "27 1 254:0 / / rw,relatime - ext4 /dev/vda ro,errors=remount-ro\n"},
			[5]seen{{"/", "ext4", true, true}, {"/", "ext4", true, true}, {"/", "ext4", true, true}, {"/", "ext4", true, true}, {"/", "ext4", true, true}}},
		{"noexec by the mount, a neighbour with a longer name", table(
			"30 27 0:5 / /tmp rw,noexec,nosuid shared:4 - tmpfs tmpfs rw\n", "31 27 0:6 / /var/lib/amazon2 ro - xfs /dev/b ro\n", "32 27 0:7 / /var rw - xfs /dev/c rw,noexec2\n"),
			[5]seen{{"/var", "xfs", false, true}, {"/var", "xfs", false, true}, {"/tmp", "tmpfs", false, false}, plain, {"/var", "xfs", false, true}}},
		{"the later mount covers the earlier one", table(
			"30 27 0:5 / /tmp ro - tmpfs a ro\n", "31 27 0:6 / /tmp rw - xfs /dev/b rw\n"),
			[5]seen{plain, plain, {"/tmp", "xfs", false, true}, plain, plain}},
		{"a state directory that is a link to another disk, with a blank in its name", table(
			`30 27 0:5 / /big\040disk ro - xfs /dev/b rw` + "\n"), // the link is laid below
			[5]seen{{"/big disk", "xfs", true, true}, plain, plain, plain, plain}},
		{"lines that are none", table("x\n", "30 27 0:5 / tmp ro - t a ro\n", "1 2 3 - -\n", "- - -\n"), [5]seen{plain, plain, plain, plain, plain}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if strings.Contains(c.name, "link") {
				delete(c.tree, "/var/lib/amazon/ssm/x")
				c.tree["/var/lib/amazon"] = "-> ../../big disk"
				c.tree["/big disk/ssm/x"] = ""
			}
			got := mountsOf(t, system(c.tree), spaces{})
			for i, m := range got {
				s := seen{m.Point, m.Type, m.ReadOnly, !m.NoExec}
				if s != c.want[i] || m.Dir != written[i] || m.Status != fact.OK || m.FreeBytes != 500 || m.FreeInodes != 50 {
					t.Errorf("%s: %+v, want %+v", written[i], m, c.want[i])
				}
			}
			if len(got) != len(written) {
				t.Errorf("%d mounts", len(got))
			}
		})
	}
}

func TestMountFullAndAbsent(t *testing.T) {
	tr := system(tree{"/proc/self/mountinfo": rootLine, "/var/lib/x": "", "/tmp/x": ""})
	got := mountsOf(t, tr, spaces{by: map[string]sysfile.Space{
		"/var/lib": {Bytes: 10, Free: 0, Inodes: 5, FreeInodes: 0, ReadOnly: true, NoExec: true}, // the nearest that exists
	}})
	want := fact.Mount{
		Outcome: fact.Outcome{Status: fact.OK}, Dir: "/var/lib/amazon/ssm", Point: "/", Type: "ext4",
		ReadOnly: true, NoExec: true, Bytes: 10, Inodes: 5,
	}
	if d := cmp.Diff(want, got[0]); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// TestMountOfTheAgentsOwnView: a unit with ReadOnlyPaths= or PrivateTmp= shows
// the agent other mounts than ours.
func TestMountOfTheAgentsOwnView(t *testing.T) {
	view := system(core, table(), tree{
		"/proc/self/ns/mnt": "-> mnt:[1]", "/proc/812/ns/mnt": "-> mnt:[2]",
		"/proc/812/mountinfo":   rootLine + "30 27 0:5 / /var ro - ext4 /dev/vda rw\n",
		"/proc/812/root/var/x":  "",
		"/proc/812/root/tmp":    "-> /var", // absolute, and meant below its own root
		"/proc/812/root/etc/zz": "",
	})
	got := mountsOf(t, view, spaces{})
	for i, readOnly := range []bool{true, true, true, false, true} {
		if got[i].ReadOnly != readOnly || got[i].Status != fact.OK {
			t.Errorf("%+v, want read-only %v", got[i], readOnly)
		}
	}
	view["/proc/812/ns/mnt"] = "-> mnt:[1]"
	if got := mountsOf(t, view, spaces{}); got[0].ReadOnly {
		t.Errorf("the same view as ours: %+v", got[0])
	}
}

// TestMountOfAStoppedAgent: in a unit with ProtectSystem=strict all is
// read-only to us, and nothing to the agent that process 1 would start.
func TestMountOfAStoppedAgent(t *testing.T) {
	view := system(tree{
		"/proc/self/mountinfo": "27 1 0:5 / / ro - ext4 /dev/vda rw\n",
		"/proc/self/ns/mnt":    "-> mnt:[9]", "/proc/1/ns/mnt": "-> mnt:[1]",
		"/proc/1/mountinfo":  "27 1 0:5 / / rw - ext4 /dev/vda rw\n",
		"/proc/1/root/var/x": "", "/proc/1/root/tmp/x": "", "/proc/1/root/etc/x": "",
	})
	for _, m := range mountsOf(t, view, spaces{}) {
		if m.ReadOnly || m.Status != fact.OK {
			t.Errorf("%+v", m)
		}
	}
	view["/proc/1/ns/mnt"] = "-> mnt:[9]" // no sandbox: what we see counts
	if got := mountsOf(t, view, spaces{}); !got[0].ReadOnly {
		t.Errorf("%+v", got[0])
	}
}

func TestMountThatHangs(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	start := time.Now()
	got := mountsOf(t, system(table()), spaces{hang: map[string]chan struct{}{"/var/log/amazon/ssm": release}})
	if took := time.Since(start); took > statTime+2*time.Second {
		t.Errorf("took %v", took)
	}
	for i, m := range got {
		if hangs := i == 1; (m.Class == fact.Timeout && m.CutByBudget) != hangs || (m.Status == fact.OK) == hangs {
			t.Errorf("%+v", m)
		}
	}
}

func TestLinksThatNeverEnd(t *testing.T) {
	tr := system(table(), tree{"/loop": "-> loop", "/var/log/amazon": "-> ../../loop"})
	delete(tr, "/var/log/amazon/ssm/x")
	got := mountsOf(t, tr, spaces{})
	if got[1].Status != fact.Failed || got[0].Status != fact.OK {
		t.Errorf("%+v", got)
	}
}

var limits = tree{"/proc/sys/fs/inotify/max_user_instances": "128\n", "/proc/sys/fs/inotify/max_user_watches": "8192\n"}

func TestInotify(t *testing.T) {
	watch := "inotify wd:2 ino:1 sdev:800001 mask:fc6 ignored_mask:0 fhandle-bytes:8\n"
	holder := tree{
		"/proc/812/fd/3": "-> anon_inode:inotify", "/proc/812/fdinfo/3": "pos:\t0\nflags:\t00\n" + watch + watch,
		"/proc/812/fd/4": "-> anon_inode:[eventpoll]", "/proc/812/fdinfo/4": watch,
		"/proc/812/fd/5": "-> anon_inode:inotify", // closed before we read it
		"/proc/830/fd/9": "-> anon_inode:inotify", "/proc/830/fdinfo/9": watch,
	}
	root := system(core, worker, limits, holder).write(t)
	a, _ := Read(t.Context(), Options{Root: root, Command: (&commands{}).run})
	got := a.Ground.Inotify
	if !rootOwned(t, root) {
		t.Skip("the tests' files are not root's")
	}
	if got.Status != fact.OK || got.MaxInstances != 128 || got.MaxWatches != 8192 || got.UsedInstances != 3 || got.UsedWatches != 3 || got.Detail != "" {
		t.Errorf("%+v", got)
	}

	a, _ = readUser(t, system(core, limits, holder), &commands{})
	if got := a.Ground.Inotify; got.Skipped != needsRoot || got.MaxInstances != 128 || got.UsedInstances != 0 {
		t.Errorf("without root: %+v", got)
	}
	a, _ = read(t, system(core), nil)
	if got := a.Ground.Inotify; got.Class != fact.NotFound {
		t.Errorf("a kernel without inotify: %+v", got)
	}
}

func TestInotifyIsBounded(t *testing.T) {
	r := newReader(Options{Root: system(core, limits).write(t)})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got := r.inotify(ctx); got.Status != fact.OK || got.Detail != "counted in the first 0 processes only" {
		t.Errorf("%+v", got)
	}
}

// kmsg is a kernel log: one message a second from boot.
func kmsg(lines ...string) tree {
	var b strings.Builder
	for i, l := range lines {
		if strings.Contains(l, ";") {
			b.WriteString(l + "\n")
			continue
		}
		fmt.Fprintf(&b, "6,%d,%d,-;%s\n SUBSYSTEM=x\n", i, (i+1)*1e6, l)
	}
	return tree{"/dev/kmsg": b.String()}
}

func TestMemory(t *testing.T) {
	boot := time.Unix(1795262400, 0).UTC()
	const text = "MemTotal:        1015104 kB\nMemFree:          1 kB\nMemAvailable:     51200 kB\n"
	for _, c := range []struct {
		name string
		log  tree
		want fact.Memory
	}{
		{"no kernel log", nil, fact.Memory{}},
		{"nobody killed", kmsg("Linux version 6.1"), fact.Memory{}},
		{"the worker, twice, by host and by control group", kmsg("x",
			"Out of memory: Killed process 812 (ssm-agent-worke) total-vm:1kB, anon-rss:2kB",
			"Memory cgroup out of memory: Killed process 830 (ssm-agent-worke) total-vm:1kB"),
			fact.Memory{OOMKills: 2, OOMLast: boot.Add(3 * time.Second)}},
		{"with the user id", kmsg("Killed process 7, UID 0, (amazon-ssm-agen) total-vm:1kB"), fact.Memory{OOMKills: 1, OOMLast: boot.Add(time.Second)}},
		{"before its program was started", kmsg("Killed process 7 ((sm-agent)) total-vm:1kB"), fact.Memory{OOMKills: 1, OOMLast: boot.Add(time.Second)}},
		{"another program", kmsg("Killed process 7 (java) total-vm:1kB", "Killed process 8 (agent) total-vm:1kB", "Killed process 9 ((agent)) total-vm:1kB"), fact.Memory{}},
		{"what a program wrote there", kmsg("14,1,1,-;Killed process 7 (amazon-ssm-agen) total-vm:1kB"), fact.Memory{}},
		{"trash", kmsg(";;;", "6,1,99999999999999999999,-;Killed process 7 (amazon-ssm-agen)", "6,1;Killed process (amazon-ssm-agen)"), fact.Memory{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, _ := read(t, system(tree{"/proc/meminfo": text}, c.log), nil)
			c.want.Outcome = fact.Outcome{Status: fact.OK}
			c.want.Total, c.want.Available = 1015104<<10, 51200<<10
			if d := cmp.Diff(c.want, a.Ground.Memory); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
	t.Run("without root the kills are not known", func(t *testing.T) {
		a, _ := readUser(t, system(tree{"/proc/meminfo": text}, kmsg("x")), &commands{})
		if m := a.Ground.Memory; m.Status != fact.OK || m.Total == 0 || m.Detail != "kernel log not read: needs root" {
			t.Errorf("%+v", m)
		}
	})
}

// What hides the kernel's log from root is a sandbox only where that took the
// capability away.
func TestSandboxed(t *testing.T) {
	const unit, all = "0000000000081004", "000001ffffffffff" // the shipped unit's; root's
	for _, c := range []struct {
		caps string
		uid  int
		log  string
		err  error
		want bool
	}{
		{unit, 0, "", fs.ErrPermission, true},
		{unit, 0, "", syscall.ENXIO, true}, // a device that is none
		{unit, 0, "", nil, true},           // an empty file
		{unit, 0, "6,1,1,-;x\n", nil, false},
		{unit, 0, "", fs.ErrNotExist, false},
		{unit, 1000, "", fs.ErrPermission, false},
		{all, 0, "", fs.ErrPermission, false},
		{all, 0, "", nil, false},
		{"nonsense", 0, "", fs.ErrPermission, false},
	} {
		dir := t.TempDir()
		if err := os.MkdirAll(filepath.Join(dir, "proc/self"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "proc/self/status"), []byte("Name:\tx\nCapEff:\t"+c.caps+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		r := &reader{files: sysfile.Root(dir), uid: c.uid}
		if got := r.sandboxed([]byte(c.log), c.err); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

func TestMAC(t *testing.T) {
	const (
		avc   = `type=AVC msg=audit(1795262400.250:11): avc:  denied  { write } for  pid=812 comm="amazon-ssm-agen" name="x" dev="nvme0n1p1" ino=5 scontext=a:b:c:s0 tcontext=d:e:f:s0 tclass=file permissive=0`
		armor = `type=AVC msg=audit(1795262401.000:12): apparmor="DENIED" operation="open" profile="snap.amazon-ssm-agent.x" name="/etc/x" pid=9 comm="ssm-agent-worke" requested_mask="r"`
		fan   = `type=FANOTIFY msg=audit(1795262402.000:13): resp=2 fan_type=1 fan_info=4 subj_trust=2 obj_trust=0`
		call  = `type=SYSCALL msg=audit(1795262402.000:13): arch=c000003e syscall=59 success=no exit=-1 comm="ssm-document-wo" exe="/usr/bin/ssm-document-worker"` + "\x1dARCH=x86_64"
	)
	at := time.Unix(1795262400, 0).UTC()
	on := tree{"/sys/fs/selinux/enforce": "1"}
	audit := func(lines ...string) tree { return tree{auditLog: strings.Join(lines, "\n") + "\n"} }
	ok := fact.Outcome{Status: fact.OK}
	for _, c := range []struct {
		name string
		tree tree
		want fact.MAC
	}{
		{"nothing to read", nil, fact.MAC{Outcome: fact.Skip("no audit log and no kernel log to read")}},
		{"quiet", audit("type=LOGIN msg=audit(1.0:1): pid=1"), fact.MAC{Outcome: ok}},
		{"quiet kernel log, no audit daemon", kmsg("audit: type=2000 audit(1.000:1): state=initialized"), fact.MAC{Outcome: ok}},
		{"SELinux", system(on, audit(avc)), fact.MAC{Outcome: ok, SELinux: "enforcing", Denials: 1, Last: at.Add(250 * time.Millisecond), What: "avc: write to file"}},
		{"SELinux permissive: it is let pass", system(tree{"/sys/fs/selinux/enforce": "0\n"}, audit(strings.Replace(avc, "permissive=0", "permissive=1", 1))),
			fact.MAC{Outcome: ok, SELinux: "permissive"}},
		{"SELinux off", system(tree{"/etc/selinux/config": "SELINUX=disabled\n"}, audit()), fact.MAC{Outcome: ok, SELinux: "disabled"}},
		{"another program's denial", audit(strings.Replace(avc, "amazon-ssm-agen", "httpd", 1)), fact.MAC{Outcome: ok}},
		{"systemd, about to start it", audit(strings.Replace(avc, "amazon-ssm-agen", "(sm-agent)", 1)),
			fact.MAC{Outcome: ok, Denials: 1, Last: at.Add(250 * time.Millisecond), What: "avc: write to file"}},
		{"one event in both logs", system(kmsg("audit: "+strings.Replace(strings.Replace(avc, "AVC msg=", "1400 ", 1), "type=AVC", "type=1400", 1)), audit(avc)),
			fact.MAC{Outcome: ok, Denials: 1, Last: at.Add(250 * time.Millisecond), What: "avc: write to file"}},
		{"AppArmor, and the mode of the running agent's profile", system(core, audit(avc, armor), tree{
			"/sys/module/apparmor/parameters/enabled": "Y\n", "/proc/812/attr/current": "snap.amazon-ssm-agent.x (enforce)\n",
		}), fact.MAC{Outcome: ok, AppArmor: "enforce", Denials: 2, Last: at.Add(time.Second), What: "apparmor: open"}},
		{"AppArmor, the agent unconfined", system(core, audit(), tree{
			"/sys/module/apparmor/parameters/enabled": "Y\n", "/proc/812/attr/apparmor/current": "unconfined\n",
		}), fact.MAC{Outcome: ok}},
		{"AppArmor, the agent stopped", system(audit(), tree{
			"/sys/module/apparmor/parameters/enabled": "Y\n",
			"/sys/kernel/security/apparmor/profiles":  "/usr/bin/man (enforce)\nsnap.amazon-ssm-agent.amazon-ssm-agent (complain)\n",
		}), fact.MAC{Outcome: ok, AppArmor: "complain"}},
		{"SELinux's own context is no profile", system(on, core, audit(), tree{"/proc/812/attr/current": "system_u:system_r:x (enforce)"}),
			fact.MAC{Outcome: ok, SELinux: "enforcing"}},
		{"fapolicyd", audit(fan, call), fact.MAC{Outcome: ok, Denials: 1, Last: at.Add(2 * time.Second), What: "fapolicyd: deny"}},
		{"fapolicyd, lines the other way round", audit(call, fan), fact.MAC{Outcome: ok, Denials: 1, Last: at.Add(2 * time.Second), What: "fapolicyd: deny"}},
		{"fapolicyd let it pass", audit(strings.Replace(fan, "resp=2", "resp=1", 1), call), fact.MAC{Outcome: ok}},
		{"fapolicyd denied another event", audit(strings.Replace(fan, ":13", ":14", 1), call), fact.MAC{Outcome: ok}},
		{"words that are none", audit(strings.Replace(strings.Replace(avc, "{ write }", "{ \x1b[2J }", 1), "tclass=file", "tclass=F!", 1)),
			fact.MAC{Outcome: ok, Denials: 1, Last: at.Add(250 * time.Millisecond), What: "avc: to"}},
		{"cut, binary", audit(avc[30:], "\x00\xff", "type=AVC msg=audit(x", strings.Repeat("audit(", 1000)), fact.MAC{Outcome: ok}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, _ := read(t, system(c.tree), nil)
			if d := cmp.Diff(c.want, a.Ground.MAC); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
	t.Run("only the end of a long log", func(t *testing.T) {
		long := audit(avc, strings.Repeat("x", maxAudit), armor)
		a, _ := read(t, system(long), nil)
		if m := a.Ground.MAC; m.Denials != 1 || m.What != "apparmor: open" {
			t.Errorf("%+v", m)
		}
	})
	t.Run("without root", func(t *testing.T) {
		a, _ := readUser(t, system(on, audit(avc)), &commands{})
		if m := a.Ground.MAC; m.Skipped != needsRoot || m.SELinux != "enforcing" || m.Denials != 0 {
			t.Errorf("%+v", m)
		}
	})
	t.Run("a directory in the log's place", func(t *testing.T) {
		a, _ := read(t, system(tree{auditLog + "/x": ""}), nil)
		if m := a.Ground.MAC; m.Status != fact.Failed || m.Class != fact.Malformed {
			t.Errorf("%+v", m)
		}
	})
}

func TestLeftovers(t *testing.T) {
	a, _ := read(t, system(tree{"/etc/init.d/amazon-ssm-agent": "", "/etc/init/amazon-ssm-agent.override": "manual", "/etc/init/other.conf": ""}), nil)
	if want := []string{"/etc/init/amazon-ssm-agent.override", "/etc/init.d/amazon-ssm-agent"}; !slices.Equal(a.Leftovers, want) {
		t.Errorf("%q, want %q", a.Leftovers, want)
	}
}

// TestWithoutRootTheHostIsNotTheAgent: what of the ground is closed does not
// say that the agent's own files are.
func TestWithoutRootTheHostIsNotTheAgent(t *testing.T) {
	a, _ := Read(t.Context(), Options{UID: 1000, Command: (&commands{}).run, files: denied{
		Root: sysfile.Root(system(limits).write(t)), prefixes: []string{"/var/log/audit/", "/dev/kmsg"},
	}})
	if a.Access.Status != fact.OK || a.Ground.MAC.Skipped != needsRoot || a.Ground.Inotify.Skipped != needsRoot {
		t.Errorf("access %+v, ground %+v", a.Access, a.Ground)
	}
}

// gone is a system whose processes end while they are looked at.
type gone struct{ sysfile.Root }

func (g gone) Read(name string, limit int) ([]byte, error) {
	if strings.HasPrefix(name, "/proc/8") {
		return nil, &fs.PathError{Op: "read", Path: name, Err: fs.ErrNotExist}
	}
	return g.Root.Read(name, limit)
}

func (g gone) ReadInto(name string, buf []byte) (int, error) {
	if strings.HasPrefix(name, "/proc/8") {
		return 0, &fs.PathError{Op: "read", Path: name, Err: fs.ErrNotExist}
	}
	return g.Root.ReadInto(name, buf)
}

func TestProcessesThatVanish(t *testing.T) {
	a, _ := Read(t.Context(), Options{
		Command: (&commands{}).run,
		files:   gone{sysfile.Root(system(core, worker, limits, tree{"/proc/812/fd/3": "-> anon_inode:inotify"}).write(t))},
	})
	if a.ProcsRun.Status != fact.OK || a.ProxyRun.Class != fact.NotFound || a.Ground.Inotify.Status != fact.OK {
		t.Errorf("procs %+v, proxy %+v, inotify %+v", a.ProcsRun, a.ProxyRun, a.Ground.Inotify)
	}
}
