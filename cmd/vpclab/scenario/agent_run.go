package scenario

import (
	"time"

	"vpcdoctor/cmd/vpclab/world"
)

func agentScenarios() []Scenario {
	var out []Scenario
	for _, more := range [][]Scenario{agentRuns(), agentSleepers(), agentGround(), agentChannels(), agentLogs(), agentProxies()} {
		out = append(out, more...)
	}
	return out
}

// agentRuns: does it run, and as what?
func agentRuns() []Scenario {
	return []Scenario{{
		Name: "agent-failed", Kind: Fault, Want: broken("AG-02"), NearOf: "agent-stopped",
		Story: "the agent's unit failed at the last boot and stays down",
		Change: func(w *world.World, _ *Seed) {
			stopAgent(w, "loaded", "failed", "failed", "enabled")
			u := &w.Host.Agent.Units[0]
			u.Result, u.ExitCode, u.Restart = "exit-code", 203, "no"
		},
	}, {
		Name: "agent-disabled", Kind: Fault, Want: degraded("AG-02"), NearOf: "agent-stopped",
		Story:  "the agent runs, and its unit is disabled",
		Change: func(w *world.World, _ *Seed) { w.Host.Agent.Units[0].UnitFile = "disabled" },
	}, {
		Name: "agent-restarted-often", Kind: Healthy, Want: noFault, NearOf: "agent-crash-loop",
		Story:  "the agent was restarted 41 times before its cause was mended, and is up for three hours",
		Change: func(w *world.World, _ *Seed) { w.Host.Agent.Units[0].Restarts = 41 },
	}, {
		Name: "agent-loop-metadata", Kind: Fault, Want: broken("IM-01").with("AG-02"), NearOf: "agent-loop-mended",
		Story:  "the metadata service is disabled, and the agent exits at every start",
		Change: func(w *world.World, _ *Seed) { w.IMDS.Mode = world.IMDSDisabled; agentLoops(w) },
	}, {
		Name: "agent-loop-mended", Kind: Fault, Want: broken("AG-02").never("IM-01"),
		Story:  "the agent exits at every start for want of metadata, which was enabled a moment ago",
		Change: func(w *world.World, _ *Seed) { agentLoops(w) },
	}, {
		Name: "agent-both-run", Kind: Fault, Want: degraded("AG-03"), NearOf: "agent-twice",
		Story: "the snap and the package run side by side",
		Change: func(w *world.World, _ *Seed) {
			a := &w.Host.Agent
			a.Installs = []world.Install{{Kind: "deb", Version: agentVersion}, {Kind: "snap", Version: agentVersion}}
			a.Units = append(a.Units, snapUnit())
			a.Twice = true
		},
	}, {
		Name: "agent-snap", Kind: Healthy, Want: noFault, NearOf: "agent-both-run",
		Story: "the snap runs alone, as on Ubuntu's images",
		Change: func(w *world.World, _ *Seed) {
			w.Host.Agent.Installs = []world.Install{{Kind: "snap", Version: agentVersion}}
			w.Host.Agent.Units = []world.Unit{snapUnit()}
		},
	}, {
		Name: "agent-worker-crashes", Kind: Fault, Want: broken("AG-20"), NearOf: "agent-no-worker",
		Story: "the worker ends again and again, minutes after its start",
		Change: func(w *world.World, _ *Seed) {
			l := newAgentLog(w).healthy()
			for _, ago := range []time.Duration{16 * time.Minute, 15 * time.Minute, 2 * time.Minute} {
				l.at(ago, "INFO "+provider+"Worker ssm-agent-worker is not running, starting worker process").
					at(ago, "INFO "+provider+"Worker ssm-agent-worker (pid:93) started")
			}
			w.Host.Agent.Worker = false
			w.Host.Agent.Log = l.files()
		},
	}, {
		Name: "agent-log-absent", Kind: Healthy, Want: noFault, NearOf: "healthy",
		Story:  "the agent is connected, and its log was removed",
		Change: func(w *world.World, _ *Seed) { w.Host.Agent.Log = map[string]string{} },
	}}
}

func snapUnit() world.Unit {
	return world.Unit{Name: world.SnapUnit, Load: "loaded", Active: "active", Sub: "running", UnitFile: "enabled", Result: "success"}
}

// agentLoops is an agent that found no identity since it was installed: it
// ends, and the manager starts it again after 90 seconds.
func agentLoops(w *world.World) {
	stopAgent(w, "loaded", "activating", "auto-restart", "enabled")
	u := &w.Host.Agent.Units[0]
	u.Restarts, u.Result, u.ExitCode = 23, "exit-code", 1
	l := newAgentLog(w)
	for n := 23; n > 0; n-- {
		ago := time.Duration(n)*100*time.Second - time.Minute
		l.starts(ago).at(ago, "ERROR [EC2Identity] Failed to get instance info from IMDS. Err: failed to get identity instance id. Error: EC2MetadataError: failed to get IMDSv2 token and fallback to IMDSv1 is disabled\ncaused by: : \n\tstatus code: 403, request id: ").
			at(ago, "ERROR Agent failed to assume any identity").
			at(ago-9*time.Second, "ERROR Error occurred when starting amazon-ssm-agent: failed to get identity: failed to find agent identity")
	}
	w.Host.Agent.Log = l.files()
}

// agentSleepers: what failed is over or not, and the agent waits.
func agentSleepers() []Scenario {
	return []Scenario{{
		Name: "agent-sleeps", Kind: Fault, Want: broken("AG-04").never("AG-20"), NearOf: "agent-sleeps-still",
		Story:  "the role was refused 20 minutes ago, it has its policy now, and the agent sleeps for 27 minutes",
		Change: func(w *world.World, _ *Seed) { sleepsDenied(w) },
	}, {
		Name: "agent-sleeps-still", Kind: Fault, Want: broken("IA-02"),
		Story: "the role is refused, and the agent sleeps",
		Change: func(w *world.World, _ *Seed) {
			sleepsDenied(w)
			w.IAM.Role = []world.Policy{world.NoPermissions}
		},
	}, {
		Name: "agent-slept", Kind: Healthy, Want: noFault.never("AG-04"), NearOf: "agent-sleeps",
		Story: "the agent slept for 27 minutes, asked again, and is connected",
		Change: func(w *world.World, _ *Seed) {
			w.Host.Agent.Since = 40 * time.Minute
			w.Host.Agent.Identity.Age = 13 * time.Minute
			w.Host.Agent.Log = newAgentLog(w).begins(40*time.Minute).denied(40*time.Minute, 27*time.Minute).
				ready(13 * time.Minute).opens(13*time.Minute - 2*time.Second).files()
		},
	}, {
		Name: "agent-sleeps-network", Kind: Fault, Want: broken("AG-04").never("AG-20", "SG-02"), NearOf: "agent-sleeps-network-still",
		Story:  "the endpoint's security group was corrected, and the agent is in one of its waits",
		Change: func(w *world.World, _ *Seed) { sleepsUnreached(w) },
	}, {
		Name: "agent-sleeps-network-still", Kind: Fault, Want: broken("SG-02"),
		Story: "the endpoint's security group does not admit the instance, and the agent is in one of its waits",
		Change: func(w *world.World, s *Seed) {
			w.VPC.Endpoint("ssm").Groups = []string{defaultGroup(w, s)}
			sleepsUnreached(w)
		},
	}, {
		Name: "agent-sleeps-an-hour", Kind: Fault, Want: broken("AG-04").never("AG-20"), NearOf: "agent-sleeps-network",
		Story: "the agent was cut off for a day, has said nothing since its third try, and waits an hour each time",
		Change: func(w *world.World, _ *Seed) {
			w.Host.Agent.Since = 24 * time.Hour
			sleepsUnreached(w)
		},
	}, {
		Name: "agent-hibernates", Kind: Fault, Want: broken("AG-04"), NearOf: "agent-hibernates-still",
		Story:  "the endpoint's policy refused the agent when its worker started; it is open now, and the worker hibernates",
		Change: func(w *world.World, _ *Seed) { hibernates(w) },
	}, {
		Name: "agent-hibernates-still", Kind: Fault, Want: broken("EP-08"),
		Story: "the endpoint's policy refuses the agent, and its worker hibernates",
		Change: func(w *world.World, _ *Seed) {
			hibernates(w)
			w.VPC.Endpoint("ssm").Policy = world.Allow("ssm:GetDocument")
		},
	}, {
		Name: "agent-woke", Kind: Healthy, Want: noFault.never("AG-04"), NearOf: "agent-hibernates",
		Story: "the worker hibernated, a ping went through, and it is connected",
		Change: func(w *world.World, _ *Seed) {
			l := hibernates(w)
			w.Host.Agent.Connected = true
			w.Host.Agent.Log = l.opens(8 * time.Minute).files()
		},
	}, {
		Name: "agent-early", Kind: Fault, Want: broken("AG-16"), NearOf: "agent-early-still",
		Story:  "the agent started before the network was there, and sleeps for five minutes",
		Change: func(w *world.World, _ *Seed) { tooEarly(w) },
	}, {
		Name: "agent-early-still", Kind: Fault, Want: broken("RT-02").never("AG-16"),
		Story: "the agent started without a route, and there is none yet",
		Change: func(w *world.World, _ *Seed) {
			tooEarly(w)
			w.Host.NoDefaultRoute, w.Host.LinkLocalRoute = true, true
		},
	}}
}

// noCredentials is an agent whose core has none and so has no worker.
func noCredentials(w *world.World) {
	a := &w.Host.Agent
	a.Worker, a.Connected, a.Identity = false, false, world.Identity{Never: true}
}

// sleepsDenied: AWS refused both roles 20 minutes ago.
func sleepsDenied(w *world.World) {
	noCredentials(w)
	w.Host.Agent.Since = 20 * time.Minute
	w.Host.Agent.Log = newAgentLog(w).begins(20*time.Minute).denied(20*time.Minute, 27*time.Minute+8*time.Second).files()
}

// sleepsUnreached: ssm did not answer since the start. The agent says so three
// times and then no more, and waits up to 60 minutes.
func sleepsUnreached(w *world.World) {
	noCredentials(w)
	a := &w.Host.Agent
	if a.Since == 0 {
		a.Since = 45 * time.Minute
	}
	l := newAgentLog(w).begins(a.Since)
	why, ago := l.timedOut("ssm"), a.Since
	for _, wait := range []time.Duration{5 * time.Minute, 9*time.Minute + 12*time.Second, 9*time.Minute + 51*time.Second} {
		ago -= 2 * time.Minute
		l.unreachable(ago, wait, why)
		ago -= wait
	}
	a.Log = l.files()
}

// hibernates: the worker's first call was refused 12 minutes ago.
func hibernates(w *world.World) *agentLog {
	a := &w.Host.Agent
	a.Since, a.Connected, a.Identity.Age = 12*time.Minute, false, 12*time.Minute
	l := newAgentLog(w)
	why := "AccessDeniedException: User: arn:" + w.Partition + ":sts::" + w.Account + ":assumed-role/" + w.Instance.Role + "/" + w.Instance.ID +
		" is not authorized to perform: ssm:UpdateInstanceInformation on resource: arn:" + w.Partition + ":ec2:" + w.Region + ":" + w.Account + ":instance/" + w.Instance.ID +
		" because no VPC endpoint policy allows the ssm:UpdateInstanceInformation action\n\tstatus code: 400, request id: 00000000-0000-4000-8000-000000000001"
	l.begins(12*time.Minute).ready(12*time.Minute).at(12*time.Minute-2*time.Second, "INFO "+worker+"Entering SSM Agent hibernate - %s", why).
		drowse(12*time.Minute-2*time.Second, "INFO Agent is in hibernate mode. Reducing logging. Logging will be reduced to one log per backoff period").
		drowse(7*time.Minute-2*time.Second, "INFO Backing off health check to every 600 seconds for 1800 seconds.").
		drowse(7*time.Minute-2*time.Second, "ERROR Health ping failed with error - %s", why)
	a.Log = l.files()
	return l
}

// tooEarly: the first call met no route, 15 seconds after the start.
func tooEarly(w *world.World) {
	noCredentials(w)
	w.Host.Agent.Since = 4 * time.Minute
	l := newAgentLog(w).begins(4 * time.Minute)
	why := "dial tcp " + w.VPC.Endpoint("ssm").Interfaces[0].Addr.String() + ":443: connect: network is unreachable"
	w.Host.Agent.Log = l.unreachable(4*time.Minute-15*time.Second, 5*time.Minute, why).files()
}
