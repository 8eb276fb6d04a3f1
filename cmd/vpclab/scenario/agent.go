package scenario

import (
	"time"

	"vpcdoctor/cmd/vpclab/world"
)

func agentFaults() []Scenario {
	return []Scenario{{
		Name: "agent-absent", Kind: Fault, Want: broken("AG-01"),
		Story:  "the SSM Agent is not installed",
		Change: func(w *world.World, _ *Seed) { w.Host.Agent = world.Agent{} },
	}, {
		Name: "agent-stopped", Kind: Fault, Want: broken("AG-02"), NearOf: "agent-masked",
		Story:  "the agent's unit is stopped and disabled",
		Change: func(w *world.World, _ *Seed) { stopAgent(w, "loaded", "inactive", "dead", "disabled") },
	}, {
		Name: "agent-masked", Kind: Fault, Want: broken("AG-02"),
		Story:  "the agent's unit is masked",
		Change: func(w *world.World, _ *Seed) { stopAgent(w, "masked", "inactive", "dead", "masked") },
	}, {
		Name: "agent-crash-loop", Kind: Fault, Want: broken("AG-02"),
		Story: "the agent exits at once and systemd restarts it every 90 seconds",
		Change: func(w *world.World, _ *Seed) {
			stopAgent(w, "loaded", "activating", "auto-restart", "enabled")
			u := &w.Host.Agent.Units[0]
			u.Restarts, u.Result, u.ExitCode = 41, "exit-code", 1
		},
	}, {
		Name: "agent-config-broken", Kind: Fault, Want: broken("AG-22"),
		Story: "a comma is missing in amazon-ssm-agent.json",
		Change: func(w *world.World, _ *Seed) {
			w.Host.Agent.Config = "{\n  \"Profile\": { \"ShareCreds\": true }\n  \"Mds\": { \"CommandWorkersLimit\": 5 }\n}\n"
			stopAgent(w, "loaded", "activating", "auto-restart", "enabled")
		},
	}, {
		Name: "agent-config-fine", Kind: Healthy, Want: noFault, NearOf: "agent-config-broken",
		Story: "an amazon-ssm-agent.json that changes nothing about the network",
		Change: func(w *world.World, _ *Seed) {
			w.Host.Agent.Config = "{\n  \"Profile\": { \"ShareCreds\": true },\n  \"Mds\": { \"CommandWorkersLimit\": 5 }\n}\n"
		},
	}, {
		Name: "agent-old", Kind: Fault, Want: broken("AG-05"), NearOf: "agent-aged",
		Story:  "the agent is a release of 2021",
		Change: func(w *world.World, _ *Seed) { w.Host.Agent.Installs[0].Version = "3.0.1390.0" },
	}, {
		Name: "agent-aged", Kind: Fault, Want: degraded("AG-05"),
		Story:  "the agent is a release of 2023: it still leans on ec2messages",
		Change: func(w *world.World, _ *Seed) { w.Host.Agent.Installs[0].Version = "3.2.2086.0" },
	}, {
		Name: "agent-new-enough", Kind: Healthy, Want: noFault, NearOf: "agent-aged",
		Story:  "the agent is the first release that does without ec2messages",
		Change: func(w *world.World, _ *Seed) { w.Host.Agent.Installs[0].Version = "3.3.40.0" },
	}, {
		Name: "agent-twice", Kind: Fault, Want: degraded("AG-03"),
		Story: "the snap and the package are both installed",
		Change: func(w *world.World, _ *Seed) {
			a := &w.Host.Agent
			a.Installs = []world.Install{{Kind: "deb", Version: agentVersion}, {Kind: "snap", Version: agentVersion}}
			snap := a.Units[0]
			snap.Name = world.SnapUnit
			a.Units = append(a.Units, snap)
		},
	}, {
		Name: "agent-no-worker", Kind: Fault, Want: broken("AG-20"),
		Story:  "the core process runs without its worker, and nothing else is wrong",
		Change: func(w *world.World, _ *Seed) { w.Host.Agent.Worker = false },
	}, {
		Name: "agent-other-instance", Kind: Fault, Want: degraded("AG-07"),
		Story: "the image was made of a registered instance: the agent's record names that one",
		Change: func(w *world.World, s *Seed) {
			w.Host.Agent.Identity.InstanceID = s.ID("i")
		},
	}, {
		Name: "agent-hybrid", Kind: Fault, Want: broken("AG-08"),
		Story: "a hybrid activation is left on the disk, and its node was deregistered",
		Change: func(w *world.World, s *Seed) {
			node := leaveActivation(w, s)
			w.Host.Agent.Worker = false
			w.Host.Agent.Log = newAgentLog(w).starts(3*time.Hour).deregistered(3*time.Hour, node).files()
		},
	}, {
		Name: "agent-hybrid-works", Kind: Fault, Want: broken("AG-08"), NearOf: "agent-hybrid",
		Story: "a hybrid activation is left on the disk, and the agent is connected as that node",
		Change: func(w *world.World, s *Seed) {
			leaveActivation(w, s)
			w.Host.Agent.Log = newAgentLog(w).healthy().files()
		},
	}, {
		Name: "agent-hybrid-unused", Kind: Healthy, Want: noFault, NearOf: "agent-hybrid-works",
		Story: "a hybrid activation is left on the disk, and the config file puts EC2 first",
		Change: func(w *world.World, s *Seed) {
			leaveActivation(w, s)
			w.Host.Agent.Config = `{"Identity":{"ConsumptionOrder":["EC2","OnPrem"]}}`
			w.Host.Agent.Log = newAgentLog(w).healthy().files()
		},
	}, {
		Name: "agent-other-region", Kind: Fault, Want: degraded("AG-17"),
		Story: "the agent's config names another Region of the partition",
		Change: func(w *world.World, _ *Seed) {
			w.Host.Agent.Config = `{"Agent":{"Region":"` + siblingRegion(w.Region) + `"}}`
		},
	}, {
		Name: "agent-wrong-override", Kind: Fault, Want: broken("DN-28", "DN-31", "PL-03", "CN-01", "AG-06"), NearOf: "agent-overrides",
		Story: "the agent's config names an endpoint that was deleted",
		Change: func(w *world.World, s *Seed) {
			w.Host.Agent.Config = `{"Ssm":{"Endpoint":"` + s.ID("vpce") + "-ab12cd34.ssm." + w.Region + "." + w.VPCESuffix + `"}}`
		},
	}, {
		Name: "wrong-suffix", Kind: Fault, Want: broken("CN-01"), Region: "cn-north-1",
		Story: "the agent's config carries the global partition's suffix into China",
		Change: func(w *world.World, _ *Seed) {
			w.Host.Agent.Config = `{"Ssm":{"Endpoint":"ssm.cn-north-1.amazonaws.com"},"Mgs":{"Endpoint":"ssmmessages.cn-north-1.amazonaws.com"}}`
		},
	}}
}

// leaveActivation leaves the vault of a hybrid activation behind and returns
// its node id.
func leaveActivation(w *world.World, s *Seed) string {
	node := s.ID("mi")
	w.Host.Agent.Hybrid = `{"instanceID":"` + node + `","region":"` + w.Region + `","privateKey":"bm90IGEga2V5"}`
	return node
}

// stopAgent ends the agent's processes and sets what systemctl shows.
func stopAgent(w *world.World, load, active, sub, unitFile string) {
	a := &w.Host.Agent
	a.Running, a.Worker = false, false
	u := &a.Units[0]
	u.Load, u.Active, u.Sub, u.UnitFile = load, active, sub, unitFile
}

func siblingRegion(region string) string {
	switch region {
	case "cn-north-1":
		return "cn-northwest-1"
	case "cn-northwest-1":
		return "cn-north-1"
	case "us-gov-west-1":
		return "us-gov-east-1"
	case "us-gov-east-1":
		return "us-gov-west-1"
	case "eu-west-1":
		return "eu-central-1"
	}
	return "eu-west-1"
}
