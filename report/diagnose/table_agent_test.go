package diagnose

import (
	"net/netip"
	"time"

	"vpcdoctor/probe/fact"
)

// The run of the tests is at 12:00 UTC; the agent began an hour before.

// before is a time before the run.
func before(d time.Duration) time.Time { return start.Add(-d) }

// wrote adds an event of the agent's present start, told once, so long ago.
func (w world) wrote(stem fact.LogStem, reason fact.LogReason, ago time.Duration, change func(*fact.LogEvent)) {
	l := &w.Agent.Log
	if l.Status == "" {
		l.Outcome, l.Start, l.Starts, l.NodeID, l.Last = ok(ms), before(time.Hour), 1, "i-0abc", before(time.Minute)
	}
	e := fact.LogEvent{Stem: stem, Reason: reason, Source: "amazon-ssm-agent.log", Level: "ERROR", Count: 1, First: before(ago), Last: before(ago), Times: []time.Time{before(ago)}}
	if change != nil {
		change(&e)
	}
	l.Events = append(l.Events, e)
}

func waits5(w time.Duration) func(*fact.LogEvent) {
	return func(e *fact.LogEvent) { e.Wait = fact.Duration(w) }
}

// sockets lists the agent's sockets; none means that it has none.
func (w world) sockets(ss ...fact.Socket) {
	w.Agent.Channel.Outcome, w.Agent.Channel.Sockets = ok(ms), ss
}

func established(to string, hosts ...string) fact.Socket {
	return fact.Socket{PID: 720, Role: "worker", State: "ESTABLISHED", Local: netip.MustParseAddrPort("10.192.10.50:40000"), Remote: at443(to), Hosts: hosts, LastRecv: fact.Duration(20 * time.Second)}
}

// asleep lets the agent wait for credentials since so long ago.
func (w world) asleep(wait, ago time.Duration) {
	w.wrote(fact.LogSleep, "", ago, waits5(wait))
	w.Agent.Procs = w.Agent.Procs[:1]
	w.Agent.Identity.Retrieved = before(24 * time.Hour)
	w.sockets()
}

func mount(dir string) fact.Mount {
	return fact.Mount{Outcome: ok(ms), Dir: dir, Point: "/var", Type: "xfs", Bytes: 8 << 30, FreeBytes: 2 << 30, Inodes: 1e6, FreeInodes: 9e5}
}

func (w world) mounted(change func(*fact.Mount)) {
	m := mount("/var/lib/amazon/ssm")
	change(&m)
	w.Agent.Ground.Mounts = []fact.Mount{m}
}

func (w world) upgrade(u fact.Upgrade) {
	u.Host, u.Addr = host("ssmmessages"), at443("10.192.10.12")
	w.Agent.Channel.Outcome, w.Agent.Channel.Upgrades = ok(ms), []fact.Upgrade{u}
}

func (w world) proxyScope(s fact.ProxyScope) { w.Agent.Scopes = append(w.Agent.Scopes, s) }

func series(t0 time.Time, gap time.Duration, n int) []time.Time {
	var out []time.Time
	for i := range n {
		out = append(out, t0.Add(-time.Duration(n-1-i)*gap))
	}
	return out
}

var agentFirings = []firing{
	{code: "AG-02", sev: SevError, // 14 restarts, up for 8 s
		make: func(w world) {
			u := &w.Agent.Units[0]
			u.Restarts, u.Restart, u.RestartAfter, u.ActiveFor = 14, "always", fact.Duration(90*time.Second), fact.Duration(8*time.Second)
			w.wrote(fact.LogNoIdentity, "", 2*time.Minute, nil)
			w.Agent.Log.Starts = 14
		},
		miss: func(w world) { w.Agent.Units[0].ActiveFor = fact.Duration(time.Hour) }}, // it has recovered since
	{code: "AG-02", sev: SevError,
		make: func(w world) {
			u := &w.Agent.Units[0]
			u.Active, u.Sub, u.Restarts = "activating", "auto-restart", 1
			w.Agent.Procs = nil
		},
		miss: func(w world) { w.Agent.Units[0].Active, w.Agent.Units[0].Sub = "active", "running" }},
	{code: "AG-02", sev: SevError,
		make: func(w world) { w.Agent.Units[0].Active, w.Agent.Units[0].UnitFile = "inactive", "masked" },
		miss: func(w world) { w.Agent.Units[0].Active, w.Agent.Units[0].UnitFile = "active", "enabled" }},
	{code: "AG-03", sev: SevWarning, // both run
		make: func(w world) {
			w.Agent.Procs[0].Exe = "/usr/bin/amazon-ssm-agent"
			w.Agent.Procs = append(w.Agent.Procs, fact.AgentProc{PID: 800, Role: "core", Exe: "/snap/amazon-ssm-agent/9/amazon-ssm-agent", Start: before(time.Hour)})
		},
		miss: func(w world) { w.Agent.Procs[2].Exe = w.Agent.Procs[0].Exe }},
	{code: "AG-04", sev: SevError, // network gone for a while, back now
		make: func(w world) { w.asleep(30*time.Minute, 10*time.Minute) },
		miss: func(w world) { w.sockets(established("10.192.10.12", host("ssmmessages"))) }},
	{code: "AG-04", sev: SevError, // hibernating worker
		make: func(w world) { w.wrote(fact.LogHibernate, "", 50*time.Minute, nil); w.sockets() },
		miss: func(w world) { w.wrote(fact.LogConnected, "", 40*time.Minute, nil) }},
	{code: "AG-04", sev: SevError, // the channel's back-off
		make: func(w world) {
			w.sockets()
			w.wrote(fact.LogControlToken, fact.ReasonTimeout, 5*time.Minute, func(e *fact.LogEvent) {
				e.Count, e.Times = 3, []time.Time{before(40 * time.Minute), before(25 * time.Minute), before(5 * time.Minute)}
			})
		},
		miss: func(w world) { w.Agent.Log.Events[0].Old = true }},
	{code: "AG-04", sev: SevWarning, // nothing is known of its sockets, and a worker runs
		make: func(w world) {
			w.wrote(fact.LogSleep, "", time.Minute, waits5(5*time.Minute))
		},
		miss: func(w world) { w.wrote(fact.LogReady, "", 30*time.Second, nil) }},
	{code: "AG-07", sev: SevError,
		make: func(w world) { w.sockets(); w.wrote(fact.LogFingerprint, "", time.Hour, nil) },
		miss: func(w world) { w.Agent.Log.Events[0].Old = true }},
	{code: "AG-07", sev: SevWarning,
		make: func(w world) {
			w.Agent.Identity.Registered, w.Agent.Identity.Source, w.Agent.Identity.RuntimeIDs = "i-0image", "SSM", []string{"i-0image", "i-0abc"}
		},
		miss: func(w world) { w.Agent.Identity.Registered = "i-0abc" }}, // an old directory alone is no fault
	{code: "AG-08", sev: SevError, // by log and record, with no vault to see
		make: func(w world) {
			w.Agent.Identity.Type, w.Agent.Identity.InstanceID = "OnPrem", "mi-01"
			w.wrote(fact.LogNotExisting, "", time.Minute, func(e *fact.LogEvent) { e.Node = "mi-01" })
			w.sockets()
		},
		miss: func(w world) { w.Agent.Identity.Type, w.Agent.Identity.InstanceID = "EC2", "i-0abc" }},
	{code: "AG-08", sev: SevError, // the config file puts EC2 first
		make: func(w world) {
			w.Agent.Identity.Hybrid = "mi-01"
			w.Agent.Config.Order = []string{"OnPrem", "EC2"}
		},
		miss: func(w world) { w.Agent.Config.Order = []string{"EC2", "OnPrem"} }},
	{code: "AG-16", sev: SevError,
		make: func(w world) {
			w.asleep(10*time.Minute, 5*time.Minute)
			w.wrote(fact.LogRegister, fact.ReasonUnreachable, 59*time.Minute+50*time.Second, nil)
		},
		miss: func(w world) { w.Agent.Log.Events[1].First = before(50 * time.Minute) }},
	{code: "AG-17", sev: SevWarning,
		make: func(w world) { w.Agent.Identity.Registered, w.Agent.Identity.RegisteredIn = "i-0abc", "us-east-1" },
		miss: func(w world) { w.Agent.Identity.RegisteredIn = region }},
	{code: "AG-19", sev: SevWarning,
		make: func(w world) { w.wrote(fact.LogUpdate, fact.ReasonDialTimeout, time.Hour, nil) },
		miss: func(w world) { w.s3("52.82.1.5"); w.Agent.Log.Events[0].Addr = at443("52.82.1.5") }}, // the way is free now
	{code: "AG-20", sev: SevError, // the worker is a zombie
		make: func(w world) { w.Agent.Procs[1].State = "Z" },
		miss: func(w world) { w.Agent.Procs[1].State = "S" }},
	{code: "AG-24", sev: SevInfo, make: func(w world) { w.Agent.Procs[0].Deleted = true }, miss: func(w world) { w.Agent.Procs[0].Deleted = false }},
}

var groundFirings = []firing{
	{code: "AG-09", sev: SevError,
		make: func(w world) { w.mounted(func(m *fact.Mount) { m.FreeBytes = 0 }) },
		miss: func(w world) { w.Agent.Ground.Mounts[0].Outcome = fact.Skip("needs root") }},
	{code: "AG-09", sev: SevError,
		make: func(w world) { w.mounted(func(m *fact.Mount) { m.FreeInodes = 0 }) },
		miss: func(w world) { w.Agent.Ground.Mounts[0].Inodes = 0 }}, // btrfs counts none
	{code: "AG-09", sev: SevWarning,
		make: func(w world) { w.mounted(func(m *fact.Mount) { m.FreeBytes = 20 << 20 }) },
		miss: func(w world) { w.Agent.Ground.Mounts[0].FreeBytes = 64 << 20 }},
	{code: "AG-10", sev: SevError,
		make: func(w world) {
			w.Agent.Ground.Inotify = fact.Inotify{Outcome: ok(ms), MaxInstances: 128, UsedInstances: 128, MaxWatches: 8192, UsedWatches: 400}
		},
		miss: func(w world) { w.Agent.Ground.Inotify.UsedInstances = 127 }},
	{code: "AG-10", sev: SevWarning, // it holds its own
		make: func(w world) {
			w.Agent.Ground.Inotify = fact.Inotify{Outcome: ok(ms), MaxInstances: 128, UsedInstances: 12, MaxWatches: 8192, UsedWatches: 8192}
			w.sockets(established("10.192.10.12", host("ssmmessages")))
		},
		miss: func(w world) { w.Agent.Ground.Inotify.MaxWatches = 16384 }},
	{code: "AG-11", sev: SevError,
		make: func(w world) { w.mounted(func(m *fact.Mount) { m.ReadOnly = true }) },
		miss: func(w world) { w.Agent.Ground.Mounts[0].ReadOnly = false }},
	{code: "AG-11", sev: SevWarning,
		make: func(w world) { w.mounted(func(m *fact.Mount) { m.ReadOnly, m.Dir = true, "/tmp" }) },
		miss: func(w world) { w.Agent.Ground.Mounts[0].Status = fact.Failed }},
	{code: "AG-12", sev: SevWarning,
		make: func(w world) { w.mounted(func(m *fact.Mount) { m.NoExec = true }) },
		miss: func(w world) { w.Agent.Ground.Mounts[0].Dir = "/tmp" }}, // common, and harmless
	{code: "AG-13", sev: SevWarning,
		make: func(w world) {
			w.Agent.Ground.MAC = fact.MAC{Outcome: ok(ms), SELinux: "enforcing", Denials: 4, Last: before(5 * time.Minute), What: "avc: write to file"}
		},
		miss: func(w world) { w.Agent.Ground.MAC.SELinux = "permissive" }},
	{code: "AG-14", sev: SevError,
		make: func(w world) {
			w.Agent.Identity.Vault = []fact.StateFile{{Outcome: failed(fact.Malformed, ms), Path: "/var/lib/amazon/ssm/Vault/Manifest", Bytes: 17}}
		},
		miss: func(w world) { w.Agent.Identity.Vault[0].Outcome = failed(fact.PermissionDenied, ms) }},
	{code: "AG-15", sev: SevError,
		make: func(w world) {
			u := &w.Agent.Units[0]
			u.Active, u.Result = "failed", "oom-kill"
			w.Agent.Procs = nil
			w.Agent.Ground.Memory = fact.Memory{Outcome: ok(ms), Total: 1 << 29, Available: 1 << 23, OOMKills: 3, OOMLast: before(20 * time.Minute)}
		},
		miss: func(w world) {
			w.Agent.Units[0].Result, w.Agent.Ground.Memory.OOMLast = "exit-code", before(72*time.Hour)
		}},
	{code: "AG-15", sev: SevWarning, // it came back
		make: func(w world) { w.Agent.Units[0].ExitSignal = 11 },
		miss: func(w world) { w.Agent.Units[0].ExitSignal = 15 }}, // somebody stopped it
	{code: "AG-27", sev: SevWarning,
		make: func(w world) { w.Agent.Procs[1].Files, w.Agent.Procs[1].FileLimit = 1020, 1024 },
		miss: func(w world) { w.Agent.Procs[1].Files = 900 }},
}

var channelFirings = []firing{
	{code: "AG-21", sev: SevWarning,
		make: func(w world) {
			w.target("ec2messages", fact.NeedOptional, "10.192.10.14")
			w.wrote(fact.LogChannel, "", 50*time.Minute, func(e *fact.LogEvent) { e.Channel = "ssmmessages" })
			w.sockets()
		},
		miss: func(w world) { w.Agent.Log.Events[0].Channel = "ec2messages" }},
	{code: "AG-21", sev: SevWarning, // a connection that no name of today explains may be the channel
		make: func(w world) {
			w.target("ec2messages", fact.NeedOptional, "10.192.10.14")
			w.wrote(fact.LogChannel, "", 50*time.Minute, func(e *fact.LogEvent) { e.Channel = "ssmmessages" })
			w.sockets(established("10.192.10.11", host("ssm")))
		},
		miss: func(w world) { w.Agent.Channel.Sockets[0].Hosts = nil }},
	{code: "AG-23", sev: SevWarning, make: func(w world) { w.Agent.Procs[0].OtherNetNS = true }, miss: func(w world) { w.Host.OtherNetNS = true }},
	{code: "AG-25", sev: SevInfo,
		make: func(w world) {
			w.wrote(fact.LogConnected, "", 50*time.Minute, func(e *fact.LogEvent) { e.Addr = at443("52.82.1.2") })
			w.sockets(established("52.82.1.2"))
		},
		miss: func(w world) { w.Agent.Channel.Sockets[0].Hosts = []string{host("ssmmessages")} }},
	{code: "AG-25", sev: SevInfo,
		make: func(w world) {
			w.wrote(fact.LogConnected, "", 50*time.Minute, func(e *fact.LogEvent) { e.Addr = at443("52.82.1.2") })
			w.sockets(established("52.82.1.2"))
		},
		miss: func(w world) { w.answer(host("ssmmessages"), "52.82.1.9") }}, // public addresses come and go
	{code: "AG-26", sev: SevWarning,
		make: func(w world) {
			w.wrote(fact.LogChannel, "", 10*time.Minute, func(e *fact.LogEvent) { e.Channel = "ec2messages" })
			w.wrote(fact.LogControlToken, fact.ReasonOther, 10*time.Minute, nil)
		},
		miss: func(w world) { w.Agent.Version = "3.2.100.0" }},
	{code: "FW-06", sev: SevWarning,
		make: func(w world) {
			w.wrote(fact.LogChannelLost, fact.ReasonAbnormalClose, 3*time.Minute, func(e *fact.LogEvent) {
				e.Count, e.Times = 6, series(before(3*time.Minute), 355*time.Second, 6)
			})
		},
		miss: func(w world) { w.Agent.Log.Events[0].Times[2] = before(20 * time.Minute) }}, // no timer
	{code: "FW-06", sev: SevWarning, // the agent's pings come too late
		make: func(w world) { w.hush("ssmmessages", 10*time.Second) },
		miss: func(w world) { w.Idle[0].CutByBudget = true }},
	{code: "FW-06", sev: SevInfo, // they do not
		make: func(w world) { w.hush("ssmmessages", 360*time.Second) },
		miss: func(w world) { w.Idle[0].Outcome = fact.Skip("the peer closed the connection after 60s") }},
	{code: "FW-06", sev: SevWarning, // this agent's come every five minutes
		make: func(w world) { w.Agent.Version = "3.3.551.0"; w.hush("ssmmessages", 250*time.Second) },
		miss: func(w world) { w.Idle[0].Outcome = ok(ms) }},
	{code: "FW-08", sev: SevError,
		make: func(w world) {
			w.upgrade(fact.Upgrade{Outcome: ok(ms), HTTPStatus: 403, Via: "1.1 inspect-1"})
		},
		miss: func(w world) { w.Agent.Channel.Upgrades[0].RequestID = "req-2" }}, // AWS itself refuses the dummy
	{code: "FW-08", sev: SevError,
		make: func(w world) { w.upgrade(fact.Upgrade{Outcome: failed(fact.Reset, ms), Step: "request"}) },
		miss: func(w world) { w.Agent.Channel.Upgrades[0].Step = "tls" }}, // the path's own fault
	{code: "PX-05", sev: SevError,
		make: func(w world) {
			w.onlyProxied(ok(ms), nil)
			w.upgrade(fact.Upgrade{Outcome: ok(ms), HTTPStatus: 503, Server: "squid", Proxy: "10.192.10.99:3128"})
			w.Requests = append(w.Requests, fact.Request{Outcome: ok(ms), Host: host("ssmmessages"), Proxy: "10.192.10.99:3128", HTTPStatus: 404, RequestID: "req-3"})
		},
		miss: func(w world) {
			w.Agent.Channel.Upgrades[0].CutByBudget, w.Agent.Channel.Upgrades[0].Status = true, fact.Failed
		}},
	{code: "PX-01", sev: SevError, // a file of the system sets it, our own environment does not
		make: func(w world) {
			w.publicTrio()
			w.silent("52.82.1.1", "52.82.1.2")
			w.proxyScope(fact.ProxyScope{Scope: "profile", Path: "/etc/environment", ProxySetting: fact.ProxySetting{HTTPS: "http://proxy:3128"}})
		},
		miss: func(w world) { w.Agent.Scopes[0].Scope = "agent" }},
	{code: "PX-08", sev: SevWarning,
		make: func(w world) {
			w.proxyScope(fact.ProxyScope{Scope: "agent", ProxySetting: fact.ProxySetting{HTTPS: "http://proxy:3128", No: "localhost amazonaws.com.cn,"}, Exempt: []fact.ExemptHost{{Host: host("ssm"), Curl: true}}})
		},
		miss: func(w world) { w.Agent.Scopes[0].Exempt[0].Go = true }},
	{code: "PX-08", sev: SevInfo,
		make: func(w world) {
			w.proxyScope(fact.ProxyScope{Scope: "agent", ProxySetting: fact.ProxySetting{HTTPS: "http://proxy:3128", No: "*." + suffix}, Exempt: []fact.ExemptHost{{Host: host("ssm"), Go: true}}})
		},
		miss: func(w world) { w.Agent.Scopes[0].Scope = "profile" }},
	{code: "PX-09", sev: SevWarning,
		make: func(w world) {
			w.proxyScope(fact.ProxyScope{Scope: "unit", Path: "/etc/systemd/system/snap.amazon-ssm-agent.amazon-ssm-agent.service.d/p.conf", ProxySetting: fact.ProxySetting{HTTPS: "http://proxy:3128"}})
		},
		miss: func(w world) {
			w.Agent.Scopes[0].Path = "/etc/systemd/system/amazon-ssm-agent.service.d/p.conf"
		}},
	{code: "PX-09", sev: SevError,
		make: func(w world) {
			w.publicTrio()
			w.silent("52.82.1.1", "52.82.1.2")
			w.proxyScope(fact.ProxyScope{Scope: "unit", Path: "/etc/systemd/system/amazon-ssm-agent.service.d/p.conf", ProxySetting: fact.ProxySetting{HTTPS: "http://proxy:3128"}})
			w.Agent.Units[0].Name = "snap.amazon-ssm-agent.amazon-ssm-agent.service"
		},
		miss: func(w world) { w.Agent.Units[0].Name = "amazon-ssm-agent.service" }}, // PX-01: not reloaded
}

// hush adds a connection of --idle that was reset when it ended its silence.
func (w world) hush(id string, span time.Duration) {
	o := failed(fact.Reset, ms)
	o.Took = fact.Duration(span + time.Second)
	w.Idle = []fact.Idle{{Outcome: o, Host: host(id), Addr: at443("10.192.10.12"), For: fact.Duration(span)}}
}
