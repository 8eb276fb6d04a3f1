//go:build linux

package lab

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"vpcdoctor/cmd/vpclab/world"
	"vpcdoctor/probe/probetest"
)

// Where the agent's programs lie.
const (
	packageDir = "/usr/bin"
	snapRev    = "7993"
	snapDir    = "/snap/amazon-ssm-agent/" + snapRev
)

// instancePrograms are the paths at which this program stands on the
// instance, in the place of programs that exist there.
func instancePrograms(w *world.World) []string {
	out := []string{"/usr/bin/systemctl"}
	for _, i := range w.Host.Agent.Installs {
		dir := packageDir
		if i.Kind == "snap" {
			dir = snapDir
		}
		if i.Kind == "rpm" {
			out = append(out, "/usr/bin/rpm")
		}
		out = append(out, dir+"/amazon-ssm-agent", dir+"/ssm-agent-worker")
	}
	return out
}

// agentFiles are the marks that installations leave, and the agent's own
// files.
func agentFiles(w *world.World, f map[string]string) {
	a := w.Host.Agent
	for _, i := range a.Installs {
		switch i.Kind {
		case "deb":
			f["/var/lib/dpkg/info/amazon-ssm-agent.list"] = "/usr/bin/amazon-ssm-agent\n"
			f["/var/lib/dpkg/status"] = "Package: amazon-ssm-agent\nStatus: install ok installed\nVersion: " + i.Version + "-1\n\n"
		case "rpm":
			f[rpmFile] = i.Version + "\n"
		case "snap":
			f["/snap/amazon-ssm-agent/current"] = linkMark + snapRev
			f[snapDir+"/meta/snap.yaml"] = "name: amazon-ssm-agent\nversion: " + i.Version + "\n"
		}
	}
	if a.Config != "" {
		f["/etc/amazon/ssm/amazon-ssm-agent.json"] = a.Config
	}
	if !a.Identity.Absent && len(a.Installs) > 0 {
		f["/var/lib/amazon/ssm/runtimeconfig/identity_config.json"] = identity(w, time.Now().UTC())
	}
	if a.Hybrid != "" {
		f[vaultDir+"/Store/RegistrationKey"] = a.Hybrid
	}
	credentialFiles(w, f)
	now := time.Now()
	for name, text := range a.Log {
		if !filepath.IsAbs(name) {
			name = "/var/log/amazon/ssm/" + name
		}
		f[name] = logText(text, now)
	}
}

const vaultDir = "/var/lib/amazon/ssm/Vault"

// credentialFiles are the files with keys, and the vault of an EC2
// registration. Only the agent's own user can read them.
func credentialFiles(w *world.World, f map[string]string) {
	a := w.Host.Agent
	if a.Identity.Source == "SSM" && !a.Identity.Absent {
		f[managedFile] = probetest.ManagedKeys.File()
	}
	if a.HybridKeys {
		f["/root/.aws/credentials"] = probetest.HybridKeys.File()
		f[vaultDir+"/Manifest"] = `{"RegistrationKey":"` + vaultDir + `/Store/RegistrationKey"}`
	}
	if a.Registered != "" {
		f[vaultDir+"/EC2Manifest"] = `{"EC2RegistrationKey":"` + vaultDir + `/Store/EC2RegistrationKey"}`
		f[vaultDir+"/Store/EC2RegistrationKey"] = fmt.Sprintf(
			`{"instanceID":%q,"region":%q,"instanceType":"","availabilityZone":"","publicKey":"","privateKey":"bm90IGEga2V5","privateKeyType":"Rsa","privateKeyCreatedDate":"2026-01-01 00:00:00.000000000 +0000 UTC"}`, a.Registered, w.Region)
	}
}

// managedFile is where the agent keeps the keys of Default Host Management.
const managedFile = "/var/lib/amazon/ssm/credentials"

// logMark is a time in a log of a scenario: "{-20m}", "{@-20m}".
var logMark = regexp.MustCompile(`\{@?-[0-9a-z.]+\}`)

// logText puts times into a log, as the agent writes them: in local time.
func logText(text string, now time.Time) string {
	return logMark.ReplaceAllStringFunc(text, func(mark string) string {
		d, err := time.ParseDuration(strings.Trim(mark, "{@}"))
		if err != nil {
			return mark
		}
		if mark[1] == '@' {
			return strconv.FormatInt(now.Add(d).Unix(), 10)
		}
		return now.Add(d).Format("2006-01-02 15:04:05.0000")
	})
}

// identity is the agent's own record, as it writes it. Credentials count as
// good for an hour; a zero time says that there never were any.
func identity(w *world.World, now time.Time) string {
	i := w.Host.Agent.Identity
	id := i.InstanceID
	if id == "" {
		id = w.Instance.ID
	}
	share := "" // the instance profile's keys are never written
	if i.Source == "SSM" {
		share = managedFile
	}
	var retrieved, expires time.Time
	if !i.Never {
		retrieved = now.Add(-i.Age)
		expires = retrieved.Add(time.Hour)
	}
	return fmt.Sprintf(`{"SchemaVersion":"1.1","InstanceId":%q,"IdentityType":"EC2","ShareFile":%q,"ShareProfile":"","CredentialSource":%q,"CredentialsRetrievedAt":%q,"CredentialsExpiresAt":%q}`,
		id, share, i.Source, retrieved.Format(time.RFC3339), expires.Format(time.RFC3339))
}

// agentAge is how long the agent's processes are said to run.
func agentAge(w *world.World) time.Duration { return cmp.Or(w.Host.Agent.Since, instanceAge) }

// startAgent starts the agent's processes and writes what systemctl shows.
func startAgent(w *world.World) error {
	a := w.Host.Agent
	var pids []int // one per installation that runs
	for i, install := range a.Installs {
		if !a.Running || i > 0 && !a.Twice {
			break
		}
		dir := packageDir
		if install.Kind == "snap" {
			dir = snapDir
		}
		pid, err := startDaemon(filepath.Join(dir, "amazon-ssm-agent"), coreEnv(a))
		if err != nil {
			return err
		}
		pids = append(pids, pid)
		if a.Watchers > 0 && !appears(watchersFile, settleTime) {
			return errors.New("the agent did not get its inotify instances")
		}
		if a.Worker {
			if err := startWorker(w, filepath.Join(dir, "ssm-agent-worker")); err != nil {
				return err
			}
		}
	}
	if err := os.WriteFile(unitsFile, []byte(unitText(w, pids, time.Now())), 0o644); err != nil {
		return fmt.Errorf("writing the units: %w", err)
	}
	return nil
}

// watchersEnv tells the core how many inotify instances to hold; watchersFile
// appears when it does.
const (
	watchersEnv  = "VPCLAB_WATCHERS"
	watchersFile = "/run/vpclab/watchers"
)

// holdWatchers opens inotify instances for as long as the process lives.
func holdWatchers(n int) {
	for range n {
		if _, err := unix.InotifyInit1(unix.IN_CLOEXEC); err != nil {
			return // the file then does not appear
		}
	}
	if n > 0 {
		_ = os.WriteFile(watchersFile, nil, 0o644)
	}
}

func coreEnv(a world.Agent) map[string]string {
	if a.Watchers == 0 {
		return a.Env
	}
	env := map[string]string{watchersEnv: strconv.Itoa(a.Watchers)}
	maps.Copy(env, a.Env)
	return env
}

// startDaemon starts one process of the agent; it lives until the instance
// ends.
func startDaemon(path string, env map[string]string) (int, error) {
	cmd := &exec.Cmd{
		Path: path, Args: []string{path}, Dir: "/",
		Env: []string{"PATH=/usr/sbin:/usr/bin", "GOMAXPROCS=1"},
	}
	for _, k := range slices.Sorted(maps.Keys(env)) {
		cmd.Env = append(cmd.Env, k+"="+env[k])
	}
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("starting %s: %w", path, err)
	}
	return cmd.Process.Pid, nil
}

// unitText is the output of systemctl show for every unit of the scenario,
// one block each.
func unitText(w *world.World, pids []int, now time.Time) string {
	const form = "Mon 2006-01-02 15:04:05 UTC"
	since := now.Add(-agentAge(w)).UTC().Format(form)
	var b strings.Builder
	for i, u := range w.Host.Agent.Units {
		main, active, inactive := 0, "", since
		if u.Active == "active" {
			active, inactive = since, ""
			if len(pids) > 0 {
				main = pids[min(i, len(pids)-1)]
			}
		}
		code, status := 0, u.ExitCode // CLD_EXITED and CLD_KILLED of waitid(2)
		switch {
		case u.Signal != 0:
			code, status = 2, u.Signal
		case u.Active != "active":
			code = 1
		}
		after := cmp.Or(u.RestartAfter, 90*time.Second)
		fmt.Fprintf(&b, "Id=%s\nLoadState=%s\nActiveState=%s\nSubState=%s\nUnitFileState=%s\nResult=%s\nNRestarts=%d\nMainPID=%d\nExecMainStatus=%d\nActiveEnterTimestamp=%s\nInactiveEnterTimestamp=%s\n",
			u.Name, u.Load, u.Active, u.Sub, u.UnitFile, u.Result, u.Restarts, main, status, active, inactive)
		fmt.Fprintf(&b, "ExecMainCode=%d\nFragmentPath=%s\nDropInPaths=%s\nRestart=%s\nRestartUSec=%s\nNeedDaemonReload=%s\nUser=%s\nEnvironment=%s\n\n",
			code, fragment(u), strings.Join(u.DropIns, " "), cmp.Or(u.Restart, "always"), unitSpan(after), yesNo(u.NeedReload), u.User, strings.Join(u.Environment, " "))
	}
	return b.String()
}

func fragment(u world.Unit) string {
	switch {
	case u.Fragment != "":
		return u.Fragment
	case u.Load == "masked":
		return "/etc/systemd/system/" + u.Name
	case u.Load != "loaded":
		return ""
	case u.Name == world.SnapUnit:
		return "/etc/systemd/system/" + u.Name
	}
	return "/usr/lib/systemd/system/" + u.Name
}

// unitSpan is a time span as systemctl prints it: "1min 30s", "100ms".
func unitSpan(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%dms", d.Milliseconds())
	}
	var parts []string
	for _, u := range []struct {
		name string
		unit time.Duration
	}{{"h", time.Hour}, {"min", time.Minute}, {"s", time.Second}} {
		if n := d / u.unit; n > 0 {
			parts = append(parts, fmt.Sprint(int(n))+u.name)
			d -= n * u.unit
		}
	}
	return strings.Join(parts, " ")
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// agentProcess is one of the agent's processes: it tells its version or waits
// to be ended, as a daemon without work would.
func agentProcess(name string, args []string) int {
	if len(args) > 0 && strings.TrimLeft(args[0], "-") == "version" {
		b, err := os.ReadFile(rpmFile)
		if err != nil {
			b = []byte("3.3.987.0\n")
		}
		fmt.Printf("SSM Agent version: %s", b)
		return 0
	}
	runtime.GOMAXPROCS(1)
	if strings.HasSuffix(name, "ssm-agent-worker") {
		go holdPeer()
	}
	n, _ := strconv.Atoi(os.Getenv(watchersEnv)) // unset: none
	holdWatchers(n)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	signal.Ignore(syscall.SIGINT) // the terminal's Ctrl-C is for the command
	<-signals
	return 0
}

// fakeTool answers for systemctl and rpm from the scenario's files.
func fakeTool(name string, args []string) int {
	if name == "rpm" {
		b, err := os.ReadFile(rpmFile)
		if err != nil || len(args) == 0 || args[len(args)-1] != "amazon-ssm-agent" {
			fmt.Println("package is not installed")
			return 1
		}
		fmt.Print(string(b))
		return 0
	}
	if len(args) == 0 || args[0] != "show" {
		fmt.Fprintln(os.Stderr, "systemctl of the lab: only show")
		return 1
	}
	b, err := os.ReadFile(unitsFile)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	blocks := map[string]string{}
	for block := range strings.SplitSeq(string(b), "\n\n") {
		if id, _, ok := strings.Cut(strings.TrimPrefix(block, "Id="), "\n"); ok {
			blocks[id] = block + "\n"
		}
	}
	var out, properties []string
	for i, a := range args[1:] {
		if args[i] == "-p" {
			properties = append(properties, strings.Split(a, ",")...)
		}
		if !strings.HasSuffix(a, ".service") {
			continue
		}
		block, ok := blocks[a]
		if !ok {
			block = fmt.Sprintf(unknownUnit, a)
		}
		out = append(out, chosen(block, properties))
	}
	fmt.Print(strings.Join(out, "\n"))
	return 0
}

// unknownUnit is what systemctl shows of a unit that does not exist.
const unknownUnit = "Id=%s\nLoadState=not-found\nActiveState=inactive\nSubState=dead\nUnitFileState=\nResult=success\nNRestarts=0\nMainPID=0\n" +
	"ExecMainStatus=0\nExecMainCode=0\nFragmentPath=\nDropInPaths=\nRestart=no\nRestartUSec=100ms\nNeedDaemonReload=no\nUser=\nEnvironment=\n"

// chosen keeps the lines of a block whose property was asked for; no properties:
// all.
func chosen(block string, properties []string) string {
	if len(properties) == 0 {
		return block
	}
	var b strings.Builder
	for l := range strings.Lines(block) {
		if name, _, _ := strings.Cut(l, "="); slices.Contains(properties, name) {
			b.WriteString(l)
		}
	}
	return b.String()
}
