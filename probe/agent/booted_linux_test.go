package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vpcdoctor/probe/fact"
)

// This file boots the machine's own systemd as the first process of fresh
// namespaces, on a root that shares nothing with the machine but a view of
// /usr, and reads there what the other tests read from made-up answers. The
// test binary plays all parts: it sets the stage and becomes systemd, it is
// the agent that systemd starts, and it is the test inside.
const (
	bootEnv   = "VPCDOCTOR_TEST_BOOT"   // the new root's directory: set the stage there
	bootedEnv = "VPCDOCTOR_TEST_BOOTED" // set for the test inside
	modeFile  = "/run/stand-in"         // what the stand-in agent does: "run", or the status to exit with

	bootLimit = 90 * time.Second // a second on a quiet machine; the race detector on a busy one takes half a minute
)

func TestMain(m *testing.M) {
	switch filepath.Base(os.Args[0]) {
	case coreName, workerName:
		standIn()
	}
	if dir := os.Getenv(bootEnv); dir != "" {
		fmt.Fprintln(os.Stderr, boot(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// standIn is the agent as far as a service manager and a process table see it.
func standIn() {
	if len(os.Args) > 1 {
		fmt.Println("SSM Agent version: 3.3.987.0")
		os.Exit(0)
	}
	b, err := os.ReadFile(modeFile)
	if err != nil {
		os.Exit(111)
	}
	mode := strings.TrimSpace(string(b))
	if status, err := strconv.Atoi(mode); err == nil {
		os.Exit(status)
	}
	if filepath.Base(os.Args[0]) == coreName {
		runtime.LockOSThread() // the worker dies with the thread that started it
		worker := exec.Command("/usr/bin/" + workerName)
		worker.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if err := worker.Start(); err != nil {
			os.Exit(112)
		}
	}
	for { // an empty select is a deadlock to a runtime without cgo
		time.Sleep(time.Hour)
	}
}

// boot lays out a root in dir and becomes its systemd. It returns only when
// something failed.
func boot(dir string) error {
	runtime.LockOSThread() // the cgroup namespace is that of a thread
	if err := unix.Unshare(unix.CLONE_NEWCGROUP); err != nil {
		return fmt.Errorf("a cgroup namespace: %w", err)
	}
	root := dir + "/root"
	s := stage{}
	s.mount("none", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
	s.mount("tmpfs", root, "tmpfs", 0, "mode=755")
	for _, d := range []string{"usr", "etc/systemd/system", "var", "run", "tmp", "dev/shm", "proc", "sys", "root", "result", ".upper/bin", ".upper/lib/systemd/system", ".work"} {
		s.dir(root + "/" + d)
	}
	s.copy(os.Args[0], root+"/probe.test")
	s.copy(os.Args[0], root+"/.upper/bin/"+coreName)
	s.copy(os.Args[0], root+"/.upper/bin/"+workerName)
	for name, text := range stageFiles {
		s.write(root+name, text)
	}
	if _, err := os.Stat("/etc/ld.so.cache"); err == nil {
		s.copy("/etc/ld.so.cache", root+"/etc/ld.so.cache")
	}
	s.mount("overlay", root+"/usr", "overlay", 0, "lowerdir=/usr,upperdir="+root+"/.upper,workdir="+root+"/.work")
	for _, d := range []string{"/bin", "/sbin", "/lib", "/lib64", "/lib32"} {
		if target, err := os.Readlink(d); err == nil {
			s.link(target, root+d)
		} else if _, err := os.Stat(d); err == nil {
			s.dir(root + d)
			s.mount(d, root+d, "", unix.MS_BIND|unix.MS_REC, "")
		}
	}
	s.mount(dir+"/result", root+"/result", "", unix.MS_BIND, "")
	for _, d := range []string{"null", "zero", "full", "random", "urandom"} {
		s.write(root+"/dev/"+d, "")
		s.mount("/dev/"+d, root+"/dev/"+d, "", unix.MS_BIND, "")
	}
	s.mount("tmpfs", root+"/run", "tmpfs", 0, "mode=755")
	s.write(root+modeFile, "run")
	// The machine's kernel settings and devices are not ours to change.
	s.mount("proc", root+"/proc", "proc", 0, "")
	s.mount(root+"/proc/sys", root+"/proc/sys", "", unix.MS_BIND, "")
	s.mount("none", root+"/proc/sys", "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, "")
	s.mount("sysfs", root+"/sys", "sysfs", unix.MS_RDONLY, "")
	s.mount("cgroup2", root+"/sys/fs/cgroup", "cgroup2", 0, "")
	s.try("entering the root", func() error {
		return errors.Join(os.Chdir(root), unix.Mount(".", "/", "", unix.MS_MOVE, ""), unix.Chroot("."), os.Chdir("/"))
	})
	if s.err != nil {
		return s.err
	}
	return unix.Exec(systemdPath(), []string{"systemd", "--system", "--log-target=null", "--show-status=0"},
		[]string{"container=vpcdoctor-test", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"})
}

// stageFiles are the files of the new root beyond those of /usr.
var stageFiles = map[string]string{
	"/etc/passwd":                        "root:x:0:0:root:/root:/bin/sh\n",
	"/etc/group":                         "root:x:0:\n",
	"/etc/machine-id":                    "0123456789abcdef0123456789abcdef\n",
	"/etc/os-release":                    "ID=stage\n",
	"/etc/systemd/system/default.target": "[Unit]\nRequires=basic.target\nAfter=basic.target\nWants=probe.service " + packageUnit + "\n",
	"/etc/systemd/system/probe.service": "[Service]\nType=oneshot\nEnvironment=" + bootedEnv + "=1 GOTRACEBACK=all HOME=/root\n" +
		"ExecStart=/bin/sh -c '/probe.test -test.v -test.run \"^TestBooted$\" >/result/log 2>&1; echo $? >/result/status.new; mv /result/status.new /result/status'\n",
	// As the agent's packages have it.
	"/.upper/lib/systemd/system/" + packageUnit: "[Unit]\nDescription=amazon-ssm-agent\nAfter=network-online.target\n\n" +
		"[Service]\nType=simple\nWorkingDirectory=/usr/bin/\nExecStart=/usr/bin/amazon-ssm-agent\nKillMode=process\n" +
		"Restart=always\nRestartPreventExitStatus=194\nRestartSec=90\n\n[Install]\nWantedBy=multi-user.target\n",
}

// stage runs steps until one fails.
type stage struct{ err error }

func (s *stage) try(what string, step func() error) {
	if s.err != nil {
		return
	}
	if err := step(); err != nil {
		s.err = fmt.Errorf("%s: %w", what, err)
	}
}

func (s *stage) mount(source, target, kind string, flags uintptr, data string) {
	s.try("mounting "+target, func() error { return unix.Mount(source, target, kind, flags, data) })
}

func (s *stage) dir(path string) { s.try("making", func() error { return os.MkdirAll(path, 0o755) }) }

func (s *stage) write(path, text string) {
	s.try("writing", func() error { return os.WriteFile(path, []byte(text), 0o644) })
}

func (s *stage) link(target, path string) {
	s.try("linking", func() error { return os.Symlink(target, path) })
}

func (s *stage) copy(from, to string) {
	s.try("copying", func() error {
		b, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		return os.WriteFile(to, b, 0o755)
	})
}

func systemdPath() string {
	for _, p := range []string{"/usr/lib/systemd/systemd", "/lib/systemd/systemd"} {
		if info, err := os.Stat(p); err == nil && info.Mode().IsRegular() {
			return p
		}
	}
	return ""
}

// cgroup2 is where the machine has the unified hierarchy.
func cgroup2(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range parseMountinfo(string(b)) {
		if m.kind == "cgroup2" && !m.readOnly {
			return m.point
		}
	}
	return ""
}

// TestBooted runs itself under a systemd that was really booted.
func TestBooted(t *testing.T) {
	if os.Getenv(bootedEnv) != "" {
		testInside(t)
		return
	}
	refuse := t.Skip
	if os.Getenv("CI") == "true" {
		refuse = t.Fatal
	}
	group := cgroup2(t)
	switch {
	case os.Geteuid() != 0:
		refuse("booting systemd in a namespace needs root")
	case systemdPath() == "":
		refuse("systemd is not installed")
	case group == "":
		refuse("no unified control group hierarchy is mounted here")
	}
	group = filepath.Join(group, fmt.Sprintf("vpcdoctor-test-%d", os.Getpid()))
	if err := os.Mkdir(group, 0o755); err != nil {
		refuse("making a control group: ", err)
	}
	t.Cleanup(func() { removeGroup(t, group) })
	fd, err := unix.Open(group, unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)

	dir := t.TempDir()
	for _, d := range []string{"root", "result"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	runtime.LockOSThread() // the system inside dies with the thread that started it
	defer runtime.UnlockOSThread()
	ctx, cancel := context.WithTimeout(t.Context(), bootLimit)
	defer cancel()
	var said strings.Builder
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = []string{bootEnv + "=" + dir}
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.WaitDelay = time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC,
		Pdeathsig:  syscall.SIGKILL, UseCgroupFD: true, CgroupFD: fd,
	}
	if err := cmd.Start(); err != nil {
		refuse("no namespaces here: ", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	result := filepath.Join(dir, "result")
	status := ""
	for status == "" {
		select {
		case err := <-ended:
			log, _ := os.ReadFile(result + "/log")
			t.Fatalf("the system inside ended: %v\n%s\n%s", err, said.String(), log)
		case <-time.After(20 * time.Millisecond):
			b, _ := os.ReadFile(result + "/status")
			status = strings.TrimSpace(string(b))
		}
	}
	cancel() // systemd, and with it every process of its namespace
	<-ended
	log, err := os.ReadFile(result + "/log")
	if status != "0" || err != nil || !strings.Contains(string(log), "--- PASS: TestBooted") {
		t.Errorf("inside: status %s, %v\n%s", status, err, log)
	}
}

// removeGroup removes a control group whose processes are gone or going.
func removeGroup(t *testing.T, dir string) {
	var err error
	for range 100 {
		var dirs []string
		_ = filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				dirs = append(dirs, p)
			}
			return nil
		})
		for i := len(dirs) - 1; i >= 0; i-- {
			err = os.Remove(dirs[i])
		}
		if len(dirs) == 0 || err == nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("removing the control group: %v", err)
}

// inside is the test below systemd.
type inside struct{ *testing.T }

func (t inside) systemctl(args ...string) {
	t.Helper()
	if out, err := exec.Command("systemctl", args...).CombinedOutput(); err != nil {
		t.Fatalf("systemctl %q: %v\n%s", args, err, out)
	}
}

func (t inside) write(path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// read reads until the package's unit is in a state and, when it is to run,
// has its worker.
func (t inside) read(active, sub string) (fact.Agent, fact.AgentUnit) {
	t.Helper()
	var a fact.Agent
	for range 100 {
		a, _ = Read(t.Context(), Options{})
		if a.UnitsRun.Status != fact.OK || len(a.Units) != 2 {
			t.Fatalf("units %+v, run %+v", a.Units, a.UnitsRun)
		}
		if u := a.Units[0]; u.Active == active && u.Sub == sub && (sub != "running" || len(a.Procs) == 2) {
			return a, u
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("the unit is not %s (%s): %+v, processes %+v", active, sub, a.Units, a.Procs)
	return a, fact.AgentUnit{}
}

// testInside walks one real unit through its states.
func testInside(t *testing.T) {
	in := inside{t}
	const fragment, dropIn = "/lib/systemd/system/" + packageUnit, unitDir + packageUnit + ".d/proxy.conf"

	in.read("active", "running")
	start := time.Now()
	a, u := in.read("active", "running")
	t.Logf("Read took %v", time.Since(start))
	if u.Load != "loaded" || u.UnitFile != "disabled" || u.Result != "success" || u.Restarts != 0 || u.ExitCode != 0 || u.ExitSignal != 0 ||
		u.Restart != "always" || u.RestartAfter.Std() != 90*time.Second || u.Reload || u.User != "" || len(u.DropIns) != 0 ||
		!strings.HasSuffix(u.Fragment, fragment) || u.Since.IsZero() || u.ActiveFor <= 0 || u.ActiveFor.Std() > bootLimit {
		t.Errorf("running: %+v", u)
	}
	if s := a.Units[1]; s.Name != snapUnit || s.Load != "not-found" || s.Active != "inactive" || s.RestartAfter < 0 || s.Fragment != "" {
		t.Errorf("no snap: %+v", s)
	}
	coreP, workerP := a.Procs[0], a.Procs[1]
	if coreP.PID != u.MainPID || coreP.Role != "core" || coreP.Exe != binaryPath || coreP.Deleted || coreP.OtherNetNS || coreP.Files < 3 || coreP.FileLimit < 256 ||
		coreP.State == "" || workerP.Role != "worker" || time.Since(coreP.Start).Abs() > time.Minute {
		t.Errorf("processes: %+v", a.Procs)
	}
	if a.Version != "3.3.987.0" || a.ProxyRun.Status != fact.OK || a.Proxy.Set() || len(a.Leftovers) != 0 || a.Access.Status != fact.OK {
		t.Errorf("version %q, proxy %+v %+v, access %+v", a.Version, a.Proxy, a.ProxyRun, a.Access)
	}
	for _, m := range a.Ground.Mounts {
		if m.Status != fact.OK || m.Point != "/" || m.Type != "tmpfs" || m.ReadOnly || m.NoExec || m.FreeBytes == 0 {
			t.Errorf("mount: %+v", m)
		}
	}
	if i := a.Ground.Inotify; i.Status != fact.OK || i.MaxInstances == 0 || i.UsedInstances == 0 || i.UsedWatches == 0 || i.Detail != "" { // systemd's own
		t.Errorf("inotify: %+v", i)
	}
	if m := a.Ground.Memory; m.Status != fact.OK || m.Total == 0 || m.Available == 0 || m.OOMKills != 0 {
		t.Errorf("memory: %+v", m)
	}

	// A drop-in that the manager has not read yet, then one that is in force:
	// another proxy, another network, another view of the file system.
	in.systemctl("enable", packageUnit)
	in.write(fragment, stageFiles["/.upper/lib/systemd/system/"+packageUnit]) // the same, and newer
	in.write("/etc/default/ssm", "http_proxy=http://u:hunter2@file.corp:3128\n")
	in.write(dropIn, "[Service]\nEnvironment=\"https_proxy=http://u:a%%40b@p.corp:3128\" no_proxy=169.254.169.254 http_proxy=http://hidden:1\n"+
		"EnvironmentFile=/etc/default/ssm\nPrivateNetwork=yes\nReadOnlyPaths=/var\nLimitNOFILE=333\n")
	if _, u := in.read("active", "running"); !u.Reload || u.UnitFile != "enabled" || len(u.DropIns) != 0 {
		t.Errorf("not reloaded: %+v", u)
	}
	in.systemctl("daemon-reload")
	in.systemctl("restart", packageUnit)
	a, u = in.read("active", "running")
	if u.Reload || len(u.DropIns) != 1 || u.DropIns[0] != dropIn {
		t.Errorf("drop-in: %+v", u)
	}
	inForce := a.Proxy
	if inForce.HTTPS != "http://p.corp:3128" || inForce.HTTP != "http://file.corp:3128" || inForce.No != "169.254.169.254" || !inForce.Credentials ||
		inForce.Source != fmt.Sprintf("process %d", u.MainPID) || strings.Contains(asJSON(t, a), "hunter2") {
		t.Errorf("proxy in force: %+v", inForce)
	}
	if p := a.Procs[0]; !p.OtherNetNS || p.FileLimit != 333 {
		t.Errorf("process: %+v", p)
	}
	for _, m := range a.Ground.Mounts {
		if m.ReadOnly != strings.HasPrefix(m.Dir, "/var") {
			t.Errorf("mount as the agent sees it: %+v", m)
		}
	}

	// An update below the running agent.
	if err := os.Rename("/usr/bin/"+workerName, "/usr/bin/"+coreName); err != nil {
		t.Fatal(err)
	}
	if a, _ := in.read("active", "running"); !a.Procs[0].Deleted || a.Procs[0].Role != "core" || a.Procs[0].Exe != binaryPath {
		t.Errorf("replaced: %+v", a.Procs)
	}

	// Stopped: what it would be started with is what it was started with.
	in.systemctl("stop", packageUnit)
	a, u = in.read("inactive", "dead")
	a.Proxy.Source, inForce.Source = "", ""
	if a.Proxy != inForce || a.ProxyRun.Status != fact.OK || u.MainPID != 0 || u.Since.IsZero() {
		t.Errorf("stopped: %+v, proxy %+v", u, a.Proxy)
	}
	if err := os.RemoveAll(filepath.Dir(dropIn)); err != nil {
		t.Fatal(err)
	}
	in.systemctl("daemon-reload")

	// The agent without an identity: it ends with status 0, and sleeps 90 s.
	in.write(modeFile, "0")
	in.systemctl("start", packageUnit)
	if _, u := in.read("activating", "auto-restart"); u.Result != "success" || u.ExitCode != 0 || u.MainPID != 0 || u.Since.IsZero() {
		t.Errorf("restarting: %+v", u)
	}
	// An agent that asked for a reboot is not started again.
	in.write(modeFile, "194")
	in.systemctl("restart", packageUnit)
	if _, u := in.read("failed", "failed"); u.Result != "exit-code" || u.ExitCode != 194 || u.ExitSignal != 0 {
		t.Errorf("failed: %+v", u)
	}
	// One that crashes at once, until systemd gives up.
	in.write(dropIn, "[Service]\nRestartSec=50ms\n")
	in.write(modeFile, "7")
	in.systemctl("daemon-reload")
	in.systemctl("reset-failed", packageUnit)
	in.systemctl("start", packageUnit)
	if _, u := in.read("failed", "failed"); u.Restarts < 2 || u.ExitCode != 7 || u.RestartAfter.Std() != 50*time.Millisecond {
		t.Errorf("crash loop: %+v", u)
	}

	// Killed, as for want of memory. The worker was renamed away: core alone.
	if err := os.Remove(dropIn); err != nil {
		t.Fatal(err)
	}
	in.write(modeFile, "run")
	if err := os.Link("/usr/bin/"+coreName, "/usr/bin/"+workerName); err != nil {
		t.Fatal(err)
	}
	in.systemctl("daemon-reload")
	in.systemctl("reset-failed", packageUnit)
	in.systemctl("start", packageUnit)
	_, u = in.read("active", "running")
	if err := syscall.Kill(u.MainPID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if _, u := in.read("activating", "auto-restart"); u.Result != "signal" || u.ExitSignal != 9 || u.ExitCode != 0 {
		t.Errorf("killed: %+v", u)
	}

	// Masked; beside it a snap's unit whose program is gone.
	in.write(unitDir+snapUnit, "[Service]\nExecStart=/snap/amazon-ssm-agent/current/amazon-ssm-agent\nUser=root\n")
	in.systemctl("stop", packageUnit)
	in.systemctl("mask", packageUnit)
	in.systemctl("daemon-reload")
	_ = exec.Command("systemctl", "start", snapUnit).Run() // fails, or says that it will
	a, u = in.read("inactive", "dead")
	if u.Load != "masked" || u.UnitFile != "masked" {
		t.Errorf("masked: %+v", u)
	}
	if s := a.Units[1]; s.Load != "loaded" || s.Active != "failed" || s.Result != "exit-code" || s.ExitCode != 203 || s.User != "root" || s.UnitFile != "static" || s.Fragment != unitDir+snapUnit {
		t.Errorf("snap: %+v", s)
	}
	if len(a.Procs) != 0 {
		t.Errorf("processes: %+v", a.Procs)
	}
}
