package agent

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vpcdoctor/probe/fact"
)

const dpkgStanza = "Package: adduser\nStatus: install ok installed\nVersion: 3.1\n\n" +
	"Package: amazon-ssm-agent\nStatus: %s\nPriority: optional\nVersion: 3.3.987.0-1\nConffiles:\n /etc/x abc\n\n" +
	"Package: zlib1g\nStatus: install ok installed\nVersion: 9\n"

// Parts of fake systems.
var (
	core   = process(812, "/usr/bin/amazon-ssm-agent", "PATH=/bin\x00")
	worker = process(830, "/usr/bin/ssm-agent-worker", "PATH=/bin\x00")
	deb    = tree{
		"/usr/bin/amazon-ssm-agent": "elf",
		dpkgList:                    "/.\n/usr/bin/amazon-ssm-agent\n",
		dpkgStatus:                  fmt.Sprintf(dpkgStanza, "install ok installed"),
	}
	rpm  = tree{"/usr/bin/amazon-ssm-agent": "elf", "/usr/bin/rpm": "elf"}
	snap = tree{
		"/snap/amazon-ssm-agent/current":                   "-> 7993",
		"/snap/amazon-ssm-agent/7993/amazon-ssm-agent":     "elf",
		"/snap/amazon-ssm-agent/7993/meta/snap.yaml":       "name: amazon-ssm-agent\nversion: '3.3.1611.0'\nsummary: |\n  version: 9\n",
		"/snap/amazon-ssm-agent/7993/configuration/ignore": "",
	}
)

func TestInstallLayouts(t *testing.T) {
	for _, c := range []struct {
		name     string
		tree     tree
		commands map[string]string
		want     []fact.AgentInstall
		version  string
		from     string
		ran      []string
	}{
		{name: "absent", tree: system()},
		{
			name: "deb", tree: system(deb),
			want:    []fact.AgentInstall{{Kind: "deb", Path: binaryPath, Version: "3.3.987.0"}},
			version: "3.3.987.0", from: "package",
		},
		{
			name: "deb on a host that has the rpm command too", tree: system(deb, rpm),
			want:    []fact.AgentInstall{{Kind: "deb", Path: binaryPath, Version: "3.3.987.0"}},
			version: "3.3.987.0", from: "package",
		},
		{
			name: "deb removed, not purged", tree: system(tree{dpkgList: "/etc/x\n", dpkgStatus: fmt.Sprintf(dpkgStanza, "deinstall ok config-files")}),
		},
		{
			name: "deb removed, binary put back by hand", tree: system(deb, tree{dpkgStatus: fmt.Sprintf(dpkgStanza, "deinstall ok config-files")}),
			commands: map[string]string{binaryPath + " -version": "SSM Agent version: 3.2.582.0\n"},
			want:     []fact.AgentInstall{{Kind: "binary", Path: binaryPath, Version: "3.2.582.0"}},
			version:  "3.2.582.0", from: "binary", ran: []string{binaryPath + " -version"},
		},
		{
			name: "rpm", tree: system(rpm),
			commands: map[string]string{"rpm -q": "3.3.40.0\n3.2.1.0\n"},
			want:     []fact.AgentInstall{{Kind: "rpm", Path: binaryPath, Version: "3.3.40.0"}},
			version:  "3.3.40.0", from: "package", ran: []string{"rpm -q --qf %{VERSION}\n amazon-ssm-agent"},
		},
		{
			name: "binary by hand where rpm does not know it", tree: system(rpm),
			commands: map[string]string{"rpm -q": "fails: exit status 1", binaryPath: "noise\nSSM Agent version: 3.1.0.0\x1b[2J\n"},
			want:     []fact.AgentInstall{{Kind: "binary", Path: binaryPath, Version: "3.1.0.0"}},
			version:  "3.1.0.0", from: "binary",
			ran: []string{"rpm -q --qf %{VERSION}\n amazon-ssm-agent", binaryPath + " -version"},
		},
		{
			name: "snap", tree: system(snap),
			want:    []fact.AgentInstall{{Kind: "snap", Path: snapBinary, Version: "3.3.1611.0"}},
			version: "3.3.1611.0", from: "snap",
		},
		{
			name: "snap and deb, the snap runs", tree: system(deb, snap, process(812, "/snap/amazon-ssm-agent/7993/amazon-ssm-agent", "")),
			want: []fact.AgentInstall{
				{Kind: "deb", Path: binaryPath, Version: "3.3.987.0"},
				{Kind: "snap", Path: snapBinary, Version: "3.3.1611.0"},
			},
			version: "3.3.1611.0", from: "snap",
		},
		{
			name: "snap and deb, the deb runs", tree: system(deb, snap, core),
			want: []fact.AgentInstall{
				{Kind: "deb", Path: binaryPath, Version: "3.3.987.0"},
				{Kind: "snap", Path: snapBinary, Version: "3.3.1611.0"},
			},
			version: "3.3.987.0", from: "package",
		},
		{
			name: "runs from a directory of its own", tree: system(process(812, "/opt/ssm/amazon-ssm-agent", "")),
			want: []fact.AgentInstall{{Kind: "binary", Path: "/opt/ssm/amazon-ssm-agent"}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			delete(c.tree, "/run/systemd/system/multi-usr") // no systemctl call here
			cmds := &commands{answers: c.commands}
			a, _ := read(t, c.tree, cmds)
			if d := cmp.Diff(c.want, a.Installs); d != "" {
				t.Errorf("installs (-want +got):\n%s", d)
			}
			if a.Version != c.version || a.VersionFrom != c.from {
				t.Errorf("version %q from %q, want %q from %q", a.Version, a.VersionFrom, c.version, c.from)
			}
			if !slices.Equal(cmds.ran, c.ran) {
				t.Errorf("ran %q, want %q", cmds.ran, c.ran)
			}
			if a.Access.Status != fact.OK {
				t.Errorf("access for root: %+v", a.Access)
			}
		})
	}
}

func TestAWritableBinaryIsNotRun(t *testing.T) {
	cmds := &commands{answers: map[string]string{binaryPath: "SSM Agent version: 1.0.0.0\n"}}
	root := system(tree{binaryPath: "elf"}).write(t)
	chmod(t, root+binaryPath, 0o777)
	a, _ := Read(t.Context(), Options{Root: root, Command: cmds.run})
	if a.Version != "" || slices.ContainsFunc(cmds.ran, func(s string) bool { return strings.HasPrefix(s, binaryPath) }) {
		t.Errorf("version %q, ran %q", a.Version, cmds.ran)
	}
}

func TestProcesses(t *testing.T) {
	start := time.Unix(1795262400+42, 0).UTC()
	both := []fact.AgentProc{
		{PID: 812, Role: "core", Exe: "/usr/bin/amazon-ssm-agent", Start: start, State: "S"},
		{PID: 830, Role: "worker", Exe: "/usr/bin/ssm-agent-worker", Start: start, State: "S"},
	}
	for _, c := range []struct {
		name string
		tree tree
		want []fact.AgentProc
	}{
		{"none", system(), nil},
		{"core and worker", system(core, worker), both},
		{"core without worker", system(core), both[:1]},
		{"worker without core", system(worker), both[1:]},
		{"binaries replaced by an update", system(
			process(812, "/usr/bin/amazon-ssm-agent (deleted)", ""), process(830, "/usr/bin/ssm-agent-worker (deleted)", ""),
		), []fact.AgentProc{
			{PID: 812, Role: "core", Exe: "/usr/bin/amazon-ssm-agent", Start: start, State: "S", Deleted: true},
			{PID: 830, Role: "worker", Exe: "/usr/bin/ssm-agent-worker", Start: start, State: "S", Deleted: true},
		}},
		{"another network namespace, files, limit, a hang in the kernel", system(core, tree{
			"/proc/self/ns/net": "-> net:[4026531840]",
			"/proc/812/ns/net":  "-> net:[4026532188]",
			"/proc/812/fd/0":    "-> /dev/null",
			"/proc/812/fd/7":    "-> socket:[33]",
			"/proc/812/limits":  "Limit  Soft Limit  Hard Limit  Units\nMax processes  96365  96365  processes\nMax open files            1024                 524288               files     \n",
			"/proc/812/stat":    "812 (x) D 1 1\n", // no start time in it
		}), []fact.AgentProc{
			{PID: 812, Role: "core", Exe: "/usr/bin/amazon-ssm-agent", State: "D", OtherNetNS: true, Files: 2, FileLimit: 1024},
		}},
		{"our own network namespace", system(core, tree{
			"/proc/self/ns/net": "-> net:[4026531840]", "/proc/812/ns/net": "-> net:[4026531840]",
		}), both[:1]},
		{"gone while we look: only the link was there", system(tree{"/proc/812/exe": "-> /usr/bin/amazon-ssm-agent"}), []fact.AgentProc{
			{PID: 812, Role: "core", Exe: "/usr/bin/amazon-ssm-agent", UID: -1},
		}},
		{"a version call of somebody", system(process(9, "/usr/bin/amazon-ssm-agent", "", "-version")), nil},
		{"a script named like the agent", system(process(9, "/bin/bash", "", "/home/u/amazon-ssm-agent")), nil},
		{"an agent that ECS Exec put into a container", system(process(812, "/managed-agents/execute-command/amazon-ssm-agent", ""), tree{
			"/proc/812/status": "Name:\tx\nUid:\t0\t0\t0\t0\nNSpid:\t812\t7\n",
		}), nil},
		{"an agent in our own PID namespace", system(core, tree{"/proc/812/status": "Uid:\t0\t0\t0\t0\nNSpid:\t812\n"}), both[:1]},
		{"a user's program of that name", system(process(812, "/tmp/amazon-ssm-agent", "https_proxy=http://evil:1\x00"), tree{
			"/proc/812/status": "Uid:\t1000\t1000\t1000\t1000\n",
		}), nil},
		{"the session worker is neither", system(process(9, "/usr/bin/ssm-session-worker", "")), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, _ := read(t, c.tree, nil)
			if d := cmp.Diff(c.want, a.Procs); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			if a.ProcsRun.Status != fact.OK {
				t.Errorf("procs_run %+v", a.ProcsRun)
			}
		})
	}
}

func TestWithoutRoot(t *testing.T) {
	state := tree{identityPath: `{"InstanceId":"i-0abc"}`, vaultKeyPath: `{"instanceID":"mi-0123"}`}
	t.Run("running", func(t *testing.T) {
		a, s := readUser(t, system(deb, core, worker, state), &commands{})
		if len(a.Procs) != 2 || a.Procs[0].Role != "core" || a.Procs[1].Role != "worker" {
			t.Errorf("processes by command line: %+v", a.Procs)
		}
		for name, o := range map[string]fact.Outcome{"access": a.Access, "proxy": a.ProxyRun, "identity": a.Identity.Outcome} {
			if o.Status != fact.NotRun || o.Skipped != needsRoot {
				t.Errorf("%s is %+v, want not_run, needs root", name, o)
			}
		}
		if len(a.Installs) != 1 || a.Identity.Hybrid != "" || s.HTTPSProxy != nil {
			t.Errorf("installs %+v, hybrid %q, secrets %v", a.Installs, a.Identity.Hybrid, s)
		}
	})
	t.Run("running, proxy in a drop-in that everybody may read", func(t *testing.T) {
		a, s := readUser(t, system(deb, core, tree{
			unitDir + packageUnit + ".d/proxy.conf": "[Service]\nEnvironment=https_proxy=http://p.corp:3128\n",
		}), &commands{})
		if a.ProxyRun.Skipped != needsRoot || a.Proxy.HTTPS != "http://p.corp:3128" || s.HTTPSProxy == nil {
			t.Errorf("proxy %+v, run %+v", a.Proxy, a.ProxyRun)
		}
		if !strings.HasPrefix(a.Proxy.Source, "file /etc/systemd/system/") {
			t.Errorf("source %q", a.Proxy.Source)
		}
	})
	t.Run("stopped: that it does not run is known", func(t *testing.T) {
		a, _ := readUser(t, system(deb, state), &commands{})
		if a.ProcsRun.Status != fact.OK || a.ProxyRun.Skipped != "the agent is not running" || a.Access.Skipped != needsRoot {
			t.Errorf("procs %+v, proxy %+v, access %+v", a.ProcsRun, a.ProxyRun, a.Access)
		}
	})
	t.Run("not installed: nothing is closed, so that absence is known", func(t *testing.T) {
		a, _ := Read(t.Context(), Options{UID: 1000, Root: system().write(t), Command: (&commands{}).run})
		if a.Access.Status != fact.OK || len(a.Installs) != 0 || a.Identity.Class != fact.NotFound {
			t.Errorf("access %+v, installs %+v, identity %+v", a.Access, a.Installs, a.Identity)
		}
	})
	t.Run("hidepid", func(t *testing.T) {
		tr := system(deb)
		delete(tr, "/proc/1/stat")
		a, _ := readUser(t, tr, &commands{})
		if a.ProcsRun.Skipped != needsRoot || a.ProxyRun.Skipped != needsRoot || a.Access.Skipped != needsRoot {
			t.Errorf("procs %+v, proxy %+v, access %+v", a.ProcsRun, a.ProxyRun, a.Access)
		}
	})
}

// TestBounded holds the promise of at most three commands, and that control
// characters from anywhere on the host stay out of the facts.
func TestBounded(t *testing.T) {
	bad := "\x1b[31m\x00\u202e\n"
	cmds := &commands{answers: map[string]string{
		"systemctl": "Id=x" + bad + "ActiveState=a\x07" + bad,
		"rpm":       "fails: exit status 1" + bad,
		binaryPath:  "SSM Agent version: 3.3" + bad,
	}}
	a, _ := read(t, system(rpm, process(812, "/opt/\x1b[2J/amazon-ssm-agent", "no_proxy=a"+bad+"\x00"), tree{
		configPath:   `{"Agent":{"Region":"a\u001b[2J"},"Mgs":{"Endpoint":"\u0007"}}`,
		identityPath: `{"InstanceId":"i-\u001b[2J","IdentityType":"\u0000"}`,
	}), cmds)
	if len(cmds.ran) != 3 {
		t.Errorf("ran %q, want three commands", cmds.ran)
	}
	j := asJSON(t, a)
	for _, s := range []string{`\u001b`, `\u0007`, `\u0000`, "\u202e"} {
		if strings.Contains(j, s) {
			t.Errorf("facts hold %s: %s", s, j)
		}
	}
	if !strings.Contains(j, "?[31m") {
		t.Error("no part of the hostile text arrived: the test proves nothing")
	}
}
