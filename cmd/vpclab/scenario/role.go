package scenario

import (
	"time"

	"vpcdoctor/cmd/vpclab/world"
)

func roleFaults() []Scenario {
	return []Scenario{{
		Name: "role-trust", Kind: Fault, Want: broken("IA-05"),
		Story:  "the role's trust policy does not let EC2 assume it",
		Change: func(w *world.World, _ *Seed) { w.Instance.RoleCode = "AssumeRoleUnauthorizedAccess" },
	}, {
		Name: "profile-empty", Kind: Fault, Want: broken("IA-04"), NearOf: "role-trust",
		Story: "an instance profile without a role",
		Change: func(w *world.World, _ *Seed) {
			w.Instance.Role = ""
			w.Host.Agent.Identity = world.Identity{Never: true}
		},
	}, {
		Name: "role-expired", Kind: Fault, Want: broken("IA-06"),
		Story:  "the metadata service hands out credentials that have expired",
		Change: func(w *world.World, _ *Seed) { w.Instance.Expired = true },
	}, {
		Name: "host-management-off", Kind: Fault, Want: broken("IA-01", "IA-07").with("IA-07"),
		Story: "no instance profile, and the agent never got credentials otherwise",
		Change: func(w *world.World, _ *Seed) {
			w.Instance.Profile, w.Instance.Role = "", ""
			w.Host.Agent.Identity = world.Identity{Never: true}
			w.Host.Agent.Worker = false
		},
	}, {
		Name: "clock-skew", Kind: Fault, Want: broken("IA-16", "TL-03"),
		Story:  "the instance's clock is eleven minutes behind",
		Change: func(w *world.World, _ *Seed) { w.Clock = 11 * time.Minute },
	}, {
		Name: "clock-drifting", Kind: Healthy, Want: noFault.with("IA-16"), NearOf: "clock-skew",
		Story:  "the instance's clock is two minutes behind: AWS still accepts its signatures",
		Change: func(w *world.World, _ *Seed) { w.Clock = 2 * time.Minute },
	}, {
		Name: "clock-a-little", Kind: Healthy, Want: noFault, NearOf: "clock-skew",
		Story:  "the instance's clock is five seconds behind",
		Change: func(w *world.World, _ *Seed) { w.Clock = 5 * time.Second },
	}}
}
