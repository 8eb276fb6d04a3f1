package scenario

import (
	"fmt"
	"time"

	"vpcdoctor/cmd/vpclab/world"
)

// credentialFaults are about whose keys are used and whether AWS takes them,
// whatever they are allowed.
func credentialFaults() []Scenario {
	return []Scenario{{
		Name: "role-swapped", Kind: Fault, Want: broken("IA-14").never("IA-02", "IA-03"),
		Story: "the profile got another role while the agent was running; AWS refuses the old one, whose keys the agent keeps",
		Change: func(w *world.World, _ *Seed) {
			channelRefused(w, "web", noIdentityPolicy)
			w.Instance.Role = "ssm-instance-2"
		},
	}, {
		Name: "role-swapped-asleep", Kind: Fault, Want: broken("AG-04").with("IA-14"), NearOf: "role-swapped",
		Story: "the profile got another role after AWS had refused the old one; the agent sleeps",
		Change: func(w *world.World, _ *Seed) {
			agentRefused(w, "web", noIdentityPolicy)
			w.Instance.Role = "ssm-instance-2"
		},
	}, {
		Name: "role-not-swapped", Kind: Fault, Want: broken("IA-03").never("IA-14"), NearOf: "role-swapped",
		Story: "AWS refuses the agent as the role that the profile still has",
		Change: func(w *world.World, _ *Seed) {
			w.Instance.Role = "ssm-instance-2"
			w.IAM.Role = only(world.Allow("ssm:*"))
			channelRefused(w, w.Instance.Role, noIdentityPolicy)
		},
	}, {
		Name: "region-off", Kind: Fault, Want: broken("IA-15"),
		Story: "AWS knows nobody's keys in this Region: the account has not enabled it",
		Change: func(w *world.World, _ *Seed) {
			w.IAM.OptedOut = true
			agentSkips(w, unknownToken)
		},
	}, {
		Name: "region-on", Kind: Fault, Want: broken("AG-04").with("IA-15"), NearOf: "region-off",
		Story: "AWS did not know the keys some minutes ago, and does now",
		Change: func(w *world.World, _ *Seed) {
			agentSkips(w, unknownToken)
		},
	}, {
		Name: "clock-refused", Kind: Fault, Want: broken("IA-16"), NearOf: "clock-corrected",
		Story: "the clock is eleven minutes behind, AWS refuses every signature, and the agent's log says so",
		Change: func(w *world.World, _ *Seed) {
			w.Clock = 11 * time.Minute
			agentSkips(w, skewed)
		},
	}, {
		Name: "clock-corrected", Kind: Fault, Want: broken("AG-16").with("IA-16").never("TL-03"), NearOf: "clock-refused",
		Story:  "the clock was wrong when the agent started and is right now; the agent sleeps",
		Change: func(w *world.World, _ *Seed) { agentSkips(w, skewed) },
	}, {
		Name: "throttled", Kind: Fault, Want: broken("AG-04").with("IA-18"), NearOf: "throttled-connected",
		Story: "AWS throttles Systems Manager in this account, and the agent cannot start",
		Change: func(w *world.World, _ *Seed) {
			w.IAM.Throttle = []string{"ssm:*"}
			agentSkips(w, "ThrottlingException: Rate exceeded"+failedCall)
		},
	}, {
		Name: "throttled-connected", Kind: Healthy, Want: noFault.with("IA-18"), NearOf: "throttled",
		Story: "AWS throttles one of our calls; the agent is connected",
		Change: func(w *world.World, _ *Seed) {
			w.IAM.Throttle = []string{"ssm:ListInstanceAssociations"}
		},
	}, {
		Name: "keys-of-others", Kind: Healthy, Want: noFault.with("IA-13"), NearOf: "keys-of-others-refused",
		Story: "the agent uses a credentials file of root instead of the instance's role, and is connected",
		Change: func(w *world.World, _ *Seed) {
			w.IAM.Others = only(world.ManagedInstanceCore)
		},
	}, {
		Name: "keys-of-others-refused", Kind: Fault, Want: broken("IA-02").with("IA-13").never("IA-14"), NearOf: "keys-of-others",
		Story: "the agent uses a credentials file of root instead of the instance's role; whose keys they are may not call Systems Manager",
		Change: func(w *world.World, _ *Seed) {
			w.IAM.Others = only(world.Allow("s3:*"))
			agentRefused(w, world.OthersRole, noIdentityPolicy)
			w.Host.Agent.Identity = world.Identity{Source: "EC2", Age: 3 * time.Hour}
		},
	}}
}

// Errors of AWS and of the metadata service, as the agent writes them.
const (
	skewed       = "InvalidSignatureException: Signature expired: 20261122T021500Z is now earlier than 20261122T022500Z (20261122T023000Z - 5 min.)" + failedCall
	unknownToken = "UnrecognizedClientException: The security token included in the request is invalid." + failedCall
	noRole       = "EC2RoleRequestError: no EC2 instance role found\ncaused by: EC2MetadataError: failed to make EC2Metadata request\n\tstatus code: 404, request id: "
)

// managementFaults are about Default Host Management, and about its place
// behind the instance profile.
func managementFaults() []Scenario {
	none := func(w *world.World) { w.Instance.Profile, w.Instance.Role = "", "" }
	return []Scenario{{
		Name: "host-management-connected", Kind: Healthy, Want: noFault.never("IA-07"), NearOf: "host-management-not-configured",
		Story: "no instance profile; Default Host Management gives the agent its role, and it is connected",
		Change: func(w *world.World, _ *Seed) {
			none(w)
			w.Host.Agent.Identity.Source = "SSM"
		},
	}, {
		Name: "host-management-not-configured", Kind: Fault, Want: broken("IA-07").with("IA-01"), NearOf: "host-management-connected",
		Story: "no instance profile, and AWS tells the agent that Default Host Management is not configured",
		Change: func(w *world.World, _ *Seed) {
			none(w)
			l := agentSleeps(w)
			l.profileFails(noRole)
			l.managedFails("AccessDeniedException: Systems Manager's instance management role is not configured for account: " + w.Account + failedCall)
			w.Host.Agent.Log = l.files()
		},
	}, {
		Name: "host-management-denied", Kind: Fault, Want: broken("EP-08").with("IA-07"), NearOf: "host-management-connected",
		Story: "no instance profile; the policy of the endpoint for ssm denies the token of Default Host Management",
		Change: func(w *world.World, _ *Seed) {
			none(w)
			w.IAM.Managed = only(world.ManagedInstanceDefault)
			w.VPC.Endpoint("ssm").Policy = world.Deny(managedToken)
			l := agentSleeps(w)
			l.profileFails(noRole)
			l.managedFails(refusal(w, "aws:ec2-instance", managedToken, endpointDeny))
			w.Host.Agent.Log = l.files()
		},
	}, {
		Name: "host-management-stale", Kind: Fault, Want: broken("IA-06", "IA-07", "AG-04"), NearOf: "host-management-connected",
		Story: "no instance profile; the keys of Default Host Management expired two hours ago, and nothing renewed them",
		Change: func(w *world.World, _ *Seed) {
			none(w)
			a := &w.Host.Agent
			a.Identity, a.Since, a.Connected = world.Identity{Source: "SSM", Age: 3 * time.Hour}, 26*time.Hour, false
			w.IAM.Managed = only(world.ManagedInstanceDefault)
			a.Log = newAgentLog(w).begins(a.Since).ready(a.Since-time.Second).opens(a.Since-2*time.Second).
				at(2*time.Hour, "ERROR "+worker+"[HealthCheck] error when calling AWS APIs. error details - ExpiredTokenException: The security token included in the request is expired"+failedCall).files()
		},
	}, {
		Name: "fallback-skipped", Kind: Fault, Want: broken("SG-02", "EP-03").with("IA-08"),
		Story: "a profile without permissions; ssm was unreachable, so the agent does not try Default Host Management",
		Change: func(w *world.World, s *Seed) {
			w.IAM.Managed = only(world.ManagedInstanceDefault)
			w.VPC.Endpoint("ssm").Groups = []string{defaultGroup(w, s)}
			agentSkips(w, dialTimeout(w))
		},
	}, {
		Name: "fallback-skipped-then", Kind: Fault, Want: broken("AG-04").with("IA-08"), NearOf: "fallback-skipped",
		Story: "ssm was unreachable when the agent started and is reachable now; the agent sleeps and has not tried Default Host Management",
		Change: func(w *world.World, _ *Seed) {
			w.IAM.Managed = only(world.ManagedInstanceDefault)
			agentSkips(w, dialTimeout(w))
		},
	}}
}

// dialTimeout is an agent's failure to reach ssm.
func dialTimeout(w *world.World) string {
	return fmt.Sprintf("RequestError: send request failed\ncaused by: Post %q: %s", "https://"+Host(w, "ssm")+"/", newAgentLog(w).timedOut("ssm"))
}
