//go:build linux

package lab

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"vpcdoctor/cmd/vpclab/world"
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
		f["/var/lib/amazon/ssm/Vault/Store/RegistrationKey"] = a.Hybrid
	}
}

// identity is the agent's own record, as it writes it. Credentials count as
// good for an hour; a zero time says that there never were any.
func identity(w *world.World, now time.Time) string {
	i := w.Host.Agent.Identity
	id := i.InstanceID
	if id == "" {
		id = w.Instance.ID
	}
	var retrieved, expires time.Time
	if !i.Never {
		retrieved = now.Add(-i.Age)
		expires = retrieved.Add(time.Hour)
	}
	return fmt.Sprintf(`{"SchemaVersion":"1.1","InstanceId":%q,"IdentityType":"EC2","ShareFile":"","ShareProfile":"","CredentialSource":%q,"CredentialsRetrievedAt":%q,"CredentialsExpiresAt":%q}`,
		id, i.Source, retrieved.Format(time.RFC3339), expires.Format(time.RFC3339))
}

// startAgent starts the agent's processes and writes what systemctl shows.
func startAgent(w *world.World) error {
	pid := 0
	if a := w.Host.Agent; a.Running && len(a.Installs) > 0 {
		dir := packageDir
		if a.Installs[0].Kind == "snap" {
			dir = snapDir
		}
		var err error
		if pid, err = startDaemon(filepath.Join(dir, "amazon-ssm-agent"), a.Env); err != nil {
			return err
		}
		if a.Worker {
			if _, err := startDaemon(filepath.Join(dir, "ssm-agent-worker"), a.Env); err != nil {
				return err
			}
		}
	}
	if err := os.WriteFile(unitsFile, []byte(unitText(w, pid, time.Now())), 0o644); err != nil {
		return fmt.Errorf("writing the units: %w", err)
	}
	return nil
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
func unitText(w *world.World, pid int, now time.Time) string {
	const form = "Mon 2006-01-02 15:04:05 UTC"
	since := now.Add(-instanceAge).UTC().Format(form)
	var b strings.Builder
	for _, u := range w.Host.Agent.Units {
		main, active, inactive := 0, "", since
		if u.Active == "active" {
			main, active, inactive = pid, since, ""
		}
		fmt.Fprintf(&b, "Id=%s\nLoadState=%s\nActiveState=%s\nSubState=%s\nUnitFileState=%s\nResult=%s\nNRestarts=%d\nMainPID=%d\nExecMainStatus=%d\nActiveEnterTimestamp=%s\nInactiveEnterTimestamp=%s\n\n",
			u.Name, u.Load, u.Active, u.Sub, u.UnitFile, u.Result, u.Restarts, main, u.ExitCode, active, inactive)
	}
	return b.String()
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
	var out []string
	for _, a := range args[1:] {
		if !strings.HasSuffix(a, ".service") {
			continue
		}
		block, ok := blocks[a]
		if !ok {
			block = fmt.Sprintf("Id=%s\nLoadState=not-found\nActiveState=inactive\nSubState=dead\nUnitFileState=\nResult=success\nNRestarts=0\nMainPID=0\nExecMainStatus=0\n", a)
		}
		out = append(out, block)
	}
	fmt.Print(strings.Join(out, "\n"))
	return 0
}
