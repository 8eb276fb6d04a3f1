package scenario

import (
	"time"

	"vpcdoctor/cmd/vpclab/world"
)

const (
	stateDir = "/var/lib/amazon/ssm"
	vaultDir = stateDir + "/Vault"
)

// agentGround: what the agent stands on.
func agentGround() []Scenario {
	return []Scenario{{
		Name: "agent-disk-full", Kind: Fault, Want: broken("AG-09"),
		Story:  "the file system of the agent's state is full",
		Change: func(w *world.World, _ *Seed) { mount(w, world.HostMount{Dir: stateDir, Full: true}) },
	}, {
		Name: "agent-inodes-gone", Kind: Fault, Want: broken("AG-09"), NearOf: "agent-disk-full",
		Story: "the file system of the agent's state has space and no inode left",
		Change: func(w *world.World, _ *Seed) {
			mount(w, world.HostMount{Dir: stateDir, Bytes: 64 << 20, NoInodes: true})
		},
	}, {
		Name: "agent-disk-roomy", Kind: Healthy, Want: noFault, NearOf: "agent-disk-full",
		Story:  "the agent's state has a small file system of its own",
		Change: func(w *world.World, _ *Seed) { mount(w, world.HostMount{Dir: stateDir, Bytes: 64 << 20}) },
	}, {
		Name: "agent-disk-full-loop", Kind: Fault, Want: broken("AG-09").never("AG-10"), NearOf: "agent-disk-full",
		Story: "the disk is full, and the agent ends at every start",
		Change: func(w *world.World, _ *Seed) {
			mount(w, world.HostMount{Dir: stateDir, Full: true})
			endsWith(w, "failed to write runtime config 'identity_config.json': write "+stateDir+"/runtimeconfig/identity_config.json: no space left on device")
		},
	}, {
		Name: "other-disk-full", Kind: Healthy, Want: noFault, NearOf: "agent-disk-full",
		Story:  "a file system that the agent never writes to is full",
		Change: func(w *world.World, _ *Seed) { mount(w, world.HostMount{Dir: "/mnt/data", Full: true}) },
	}, {
		Name: "agent-watchers-gone", Kind: Fault, Want: degraded("AG-10"),
		Story:  "root's inotify instances are used up",
		Change: func(w *world.World, _ *Seed) { watchers(w, 8, 9) },
	}, {
		Name: "agent-watchers-left", Kind: Healthy, Want: noFault, NearOf: "agent-watchers-gone",
		Story:  "there are many more inotify instances than root uses",
		Change: func(w *world.World, _ *Seed) { watchers(w, 64, 9) },
	}, {
		Name: "agent-read-only", Kind: Fault, Want: broken("AG-11"), NearOf: "agent-disk-full",
		Story: "the file system of the agent's state was remounted read-only after an error",
		Change: func(w *world.World, _ *Seed) {
			mount(w, world.HostMount{Dir: stateDir, Bytes: 64 << 20, ReadOnly: true})
			endsWith(w, "failed to create IPC folder, mkdir "+stateDir+"/ipc/: read-only file system")
		},
	}, {
		Name: "other-read-only", Kind: Healthy, Want: noFault, NearOf: "agent-read-only",
		Story:  "a file system that the agent never writes to is read-only",
		Change: func(w *world.World, _ *Seed) { mount(w, world.HostMount{Dir: "/mnt/data", ReadOnly: true}) },
	}, {
		Name: "agent-noexec", Kind: Fault, Want: degraded("AG-12"), NearOf: "agent-disk-roomy",
		Story:  "the agent's state is mounted noexec",
		Change: func(w *world.World, _ *Seed) { mount(w, world.HostMount{Dir: stateDir, Bytes: 64 << 20, NoExec: true}) },
	}, {
		Name: "logs-noexec", Kind: Healthy, Want: noFault, NearOf: "agent-noexec",
		Story: "the logs are mounted noexec, as hardening guides say",
		Change: func(w *world.World, _ *Seed) {
			mount(w, world.HostMount{Dir: "/var/log", Bytes: 64 << 20, NoExec: true})
		},
	}, {
		Name: "agent-selinux", Kind: Fault, Want: degraded("AG-13"),
		Story:  "SELinux denied the agent a file a moment ago",
		Change: func(w *world.World, _ *Seed) { selinux(w, "1", "amazon-ssm-agen", 0, 4*time.Minute) },
	}, {
		Name: "agent-selinux-permissive", Kind: Healthy, Want: noFault, NearOf: "agent-selinux",
		Story:  "SELinux would have denied the agent a file, and is permissive",
		Change: func(w *world.World, _ *Seed) { selinux(w, "0", "amazon-ssm-agen", 1, 4*time.Minute) },
	}, {
		Name: "other-selinux", Kind: Healthy, Want: noFault, NearOf: "agent-selinux",
		Story:  "SELinux denied another program a file",
		Change: func(w *world.World, _ *Seed) { selinux(w, "1", "httpd", 0, 4*time.Minute) },
	}, {
		Name: "agent-vault-damaged", Kind: Fault, Want: degraded("AG-14"),
		Story: "the agent's vault was cut off by a power failure",
		Change: func(w *world.World, _ *Seed) {
			w.Host.Files = map[string]string{vaultDir + "/Manifest": `{"RegistrationKey":"/var/l`}
		},
	}, {
		Name: "agent-vault-fine", Kind: Healthy, Want: noFault, NearOf: "agent-vault-damaged",
		Story:  "the agent is registered with a vault, as for Default Host Management",
		Change: func(w *world.World, _ *Seed) { w.Host.Agent.Registered = w.Instance.ID },
	}, {
		Name: "agent-no-memory", Kind: Fault, Want: broken("AG-15"),
		Story: "the kernel ended the agent to free memory",
		Change: func(w *world.World, _ *Seed) {
			stopAgent(w, "loaded", "failed", "failed", "enabled")
			u := &w.Host.Agent.Units[0]
			u.Result, u.Signal, u.Restarts = "oom-kill", 9, 2
		},
	}, {
		Name: "agent-crashes", Kind: Fault, Want: broken("AG-15"), NearOf: "agent-no-memory",
		Story: "the agent crashes again and again with a segmentation fault",
		Change: func(w *world.World, _ *Seed) {
			stopAgent(w, "loaded", "activating", "auto-restart", "enabled")
			u := &w.Host.Agent.Units[0]
			u.Result, u.Signal, u.Restarts = "core-dump", 11, 17
		},
	}, {
		Name: "agent-killed", Kind: Fault, Want: broken("AG-02").never("AG-15"), NearOf: "agent-crashes",
		Story: "somebody ended the agent with SIGTERM",
		Change: func(w *world.World, _ *Seed) {
			stopAgent(w, "loaded", "inactive", "dead", "enabled")
			w.Host.Agent.Units[0].Signal = 15
		},
	}}
}

func mount(w *world.World, m world.HostMount) { w.Host.Mounts = append(w.Host.Mounts, m) }

// watchers has root use up a number of inotify instances of a limit.
func watchers(w *world.World, limit, used int) {
	w.Host.Sysctl = map[string]string{"fs/inotify/max_user_instances": map[int]string{8: "8", 64: "64"}[limit]}
	w.Host.Agent.Watchers = used
}

// endsWith is an agent that ends with an error at every start.
func endsWith(w *world.World, why string) {
	stopAgent(w, "loaded", "activating", "auto-restart", "enabled")
	u := &w.Host.Agent.Units[0]
	u.Restarts, u.Result, u.ExitCode = 12, "exit-code", 1
	l := newAgentLog(w)
	for n := 12; n > 0; n-- {
		ago := time.Duration(n)*90*time.Second - 30*time.Second
		l.starts(ago).at(ago, "INFO Agent will take identity from EC2").
			at(ago, "ERROR Error occurred when starting amazon-ssm-agent: %s", why)
	}
	w.Host.Agent.Log = l.files()
}

// selinux has a policy deny a program to open a file for writing.
func selinux(w *world.World, enforcing, program string, permissive int, ago time.Duration) {
	mount(w, world.HostMount{Dir: "/sys/fs"})
	w.Host.Files = map[string]string{"/sys/fs/selinux/enforce": enforcing}
	l := newAgentLog(w).healthy()
	files := l.files()
	files["/var/log/audit/audit.log"] = "type=AVC msg=audit({@-" + ago.String() + "}.123:845): avc:  denied  { write } for  pid=812 comm=\"" + program +
		"\" name=\"ssm\" dev=\"nvme0n1p1\" ino=131 scontext=system_u:system_r:init_t:s0 tcontext=unconfined_u:object_r:user_home_t:s0 tclass=dir permissive=" +
		map[int]string{0: "0", 1: "1"}[permissive] + "\n"
	w.Host.Agent.Log = files
}
