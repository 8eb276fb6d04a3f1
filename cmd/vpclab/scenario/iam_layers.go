package scenario

import (
	"slices"
	"time"

	"vpcdoctor/cmd/vpclab/world"
)

// iamScenarios are the situations in which AWS refuses the agent, or a path is
// so narrow that it might.
func iamScenarios() []Scenario {
	return slices.Concat(deniedByRole(), deniedByEndpoint(), deniedAbove(), perimeters(), credentialFaults(), managementFaults())
}

// agentCalls are the calls by which a refusal of Systems Manager shows: the
// agent's first one, and ours that stands in for it.
var agentCalls = []string{updateInformation, "ssm:ListInstanceAssociations"}

// only is a role with one policy.
func only(p world.Policy) []world.Policy { return []world.Policy{p} }

// deniedByRole are the faults of the role's own policies.
func deniedByRole() []Scenario {
	// What somebody writes who knows only the partition "aws".
	foreign := world.Statements(world.Statement{Effect: "Allow", Action: []string{"ssm:*", "ssmmessages:*", "ec2messages:*"},
		Resource: []string{"arn:aws:ssm:*:*:*", "arn:aws:ssmmessages:*:*:*", "arn:aws:ec2:*:*:instance/*"}})
	partition := func(name, region, story string) Scenario {
		return Scenario{
			Name: name, Kind: Fault, Region: region, Want: broken("IA-02").with("IA-17"), NearOf: "role-own-partition", Story: story,
			Change: func(w *world.World, _ *Seed) {
				w.IAM.Role = only(foreign)
				agentRefused(w, w.Instance.Role, noIdentityPolicy)
			},
		}
	}
	return []Scenario{{
		Name: "role-without-ssm", Kind: Fault, Want: broken("IA-02"),
		Story: "the role has the application's permissions and none of Systems Manager",
		Change: func(w *world.World, _ *Seed) {
			w.IAM.Role = only(world.Allow("s3:GetObject", "logs:*"))
			agentRefused(w, w.Instance.Role, noIdentityPolicy)
		},
	}, {
		Name: "role-repaired", Kind: Fault, Want: broken("AG-04"), NearOf: "role-without-ssm",
		Story: "the role got its permissions after the agent had been refused; the agent still sleeps",
		Change: func(w *world.World, _ *Seed) {
			agentRefused(w, w.Instance.Role, noIdentityPolicy)
		},
	}, {
		Name: "role-terse", Kind: Fault, Want: broken("IA-02").with("EP-08", "IA-09"), NearOf: "role-without-ssm",
		Story: "AWS refuses the agent and does not say which policy denies",
		Change: func(w *world.World, _ *Seed) {
			w.IAM.Role, w.IAM.Terse = only(world.Allow("s3:GetObject")), []string{"ssm:*"}
			agentRefused(w, w.Instance.Role, "")
		},
	}, {
		Name: "role-minimal", Kind: Healthy, Want: noFault.with("IA-02"), NearOf: "role-without-ssm",
		Story: "the role has only what Session Manager needs, and the agent is connected",
		Change: func(w *world.World, _ *Seed) {
			w.IAM.Role = only(world.MinimalInstance)
		},
	}, {
		Name: "role-core", Kind: Healthy, Want: noFault.never("IA-02", "IA-03"),
		Story: "the role has AmazonSSMManagedInstanceCore, and the agent is connected",
	}, {
		Name: "role-delivers", Kind: Healthy, Want: noFault.never("IA-02", "IA-03"), NearOf: "role-core",
		Story: "the role may also write reports to CloudWatch Logs: try --to cloudwatch",
		Change: func(w *world.World, _ *Seed) {
			w.IAM.Role = []world.Policy{world.ManagedInstanceCore, world.Delivery}
		},
	}, {
		Name: "role-default-policy", Kind: Healthy, Want: noFault.never("IA-02", "IA-03"),
		Story: "the role has AmazonSSMManagedEC2InstanceDefaultPolicy, and the agent is connected",
		Change: func(w *world.World, _ *Seed) {
			w.IAM.Role = only(world.ManagedInstanceDefault)
		},
	}, {
		Name: "role-without-channel", Kind: Fault, Want: broken("IA-03"),
		Story: "the role has an old policy without the ssmmessages actions: Run Command works, sessions do not",
		Change: func(w *world.World, _ *Seed) {
			w.IAM.Role = only(world.Allow("ssm:*", "ec2messages:*"))
			channelRefused(w, w.Instance.Role, noIdentityPolicy)
		},
	}, {
		Name: "role-with-channel", Kind: Healthy, Want: noFault.with("IA-03"), NearOf: "role-without-channel",
		Story: "the role got the ssmmessages actions, and the agent has connected since",
		Change: func(w *world.World, _ *Seed) {
			l := channelRefused(w, w.Instance.Role, noIdentityPolicy)
			w.Host.Agent.Connected, w.Host.Agent.Log = true, l.opens(2*time.Minute).files()
		},
	}, {
		Name: "channel-denied-agent-down", Kind: Fault, Args: []string{"--agent-channel"}, Want: broken("AG-02").with("IA-03"),
		Story: "the agent is stopped, and its role would not be given a control channel",
		Change: func(w *world.World, _ *Seed) {
			stopAgent(w, "loaded", "inactive", "dead", "disabled")
			w.IAM.Role = only(world.Allow("ssm:*", "ec2messages:*"))
		},
	}, {
		Name: "channel-granted-agent-down", Kind: Fault, Args: []string{"--agent-channel"}, Want: broken("AG-02").never("IA-03", "IA-02"), NearOf: "channel-denied-agent-down",
		Story:  "the agent is stopped, and its role would be given a control channel",
		Change: func(w *world.World, _ *Seed) { stopAgent(w, "loaded", "inactive", "dead", "disabled") },
	}, {
		Name: "role-deny", Kind: Fault, Want: broken("IA-19").never("IA-11", "IA-12"), NearOf: "perimeter-public",
		Story: "a policy of the role denies Systems Manager, and the path is private",
		Change: func(w *world.World, _ *Seed) {
			w.IAM.Role = only(world.Deny(agentCalls...))
			agentRefused(w, w.Instance.Role, identityDeny)
		},
	},
		partition("role-other-partition", "cn-northwest-1", "a policy of the role says arn:aws: in China"),
		partition("role-other-partition-gov", "us-gov-west-1", "a policy of the role says arn:aws: in GovCloud"),
		{
			Name: "role-own-partition", Kind: Healthy, Region: "cn-northwest-1", Want: noFault.never("IA-02", "IA-17"), NearOf: "role-other-partition",
			Story: "the policies of the role say arn:aws-cn: in China",
			Change: func(w *world.World, _ *Seed) {
				w.IAM.Role = only(world.Statements(world.Statement{Effect: "Allow", Action: []string{"ssm:*", "ssmmessages:*", "ec2messages:*"},
					Resource: []string{"arn:aws-cn:ssm:*:*:*", "arn:aws-cn:ssmmessages:*:*:*", "arn:aws-cn:ec2:*:*:instance/*"}}))
			},
		}}
}

// deniedByEndpoint are policies of the endpoint.
func deniedByEndpoint() []Scenario {
	ssm := func(w *world.World, p world.Policy) { w.VPC.Endpoint("ssm").Policy = p }
	return []Scenario{{
		Name: "endpoint-policy-forgets", Kind: Fault, Want: broken("EP-08"),
		Story: "the policy of the endpoint for ssm allows the application's parameters and nothing else",
		Change: func(w *world.World, _ *Seed) {
			ssm(w, world.Allow("ssm:GetParameter", "ssm:GetParameters"))
			agentRefused(w, w.Instance.Role, noEndpointPolicy)
		},
	}, {
		Name: "endpoint-policy-denies", Kind: Fault, Want: broken("EP-08"), NearOf: "endpoint-policy-forgets",
		Story: "the policy of the endpoint for ssm denies what managed instances report",
		Change: func(w *world.World, _ *Seed) {
			ssm(w, world.Deny(agentCalls...))
			agentRefused(w, w.Instance.Role, endpointDeny)
		},
	}, {
		Name: "endpoint-policy-fits", Kind: Healthy, Want: noFault.with("EP-08"), NearOf: "endpoint-policy-forgets",
		Story: "the policy of the endpoint for ssm allows what this agent needs for sessions, and nothing else",
		Change: func(w *world.World, _ *Seed) {
			ssm(w, world.Allow(updateInformation))
		},
	}, {
		Name: "endpoint-policy-channel", Kind: Fault, Want: broken("EP-08").never("IA-03"), NearOf: "role-without-channel",
		Story: "the policy of the endpoint for ssmmessages allows only data channels",
		Change: func(w *world.World, _ *Seed) {
			w.VPC.Endpoint("ssmmessages").Policy = world.Allow("ssmmessages:OpenDataChannel", "ssmmessages:CreateDataChannel")
			channelRefused(w, w.Instance.Role, noEndpointPolicy)
		},
	}, {
		Name: "endpoint-policy-account", Kind: Healthy, Want: noFault.never("EP-08"), NearOf: "endpoint-policy-other-account",
		Story: "the endpoints' policies admit this account only",
		Change: func(w *world.World, _ *Seed) {
			ofAccount(w, w.Account)
		},
	}, {
		Name: "endpoint-policy-other-account", Kind: Fault, Want: broken("EP-08"),
		Story: "the endpoints' policies admit another account only",
		Change: func(w *world.World, s *Seed) {
			ofAccount(w, s.Digits(12))
			agentRefused(w, w.Instance.Role, noEndpointPolicy)
		},
	}}
}

// ofAccount lets only principals of an account through the endpoints.
func ofAccount(w *world.World, account string) {
	eachEndpoint(w, func(e *world.Endpoint) {
		e.Policy = world.Statements(world.Statement{Effect: "Allow", Action: []string{"*"},
			Condition: map[string]map[string][]string{"StringEquals": {"aws:PrincipalAccount": {account}}}})
	})
}

// deniedAbove are the layers above and around the role's policies.
func deniedAbove() []Scenario {
	// A Region guard as organisations write it.
	guard := func(region string) world.Policy {
		return world.Statements(world.Statement{Effect: "Allow", Action: []string{"*"}},
			world.Statement{Effect: "Deny", Action: []string{"*"}, Condition: map[string]map[string][]string{"StringNotEquals": {"aws:RequestedRegion": {region}}}})
	}
	return []Scenario{{
		Name: "scp-region", Kind: Fault, Want: broken("IA-09"),
		Story: "a service control policy denies every Region but another one",
		Change: func(w *world.World, _ *Seed) {
			w.IAM.SCPs = only(guard(siblingRegion(w.Region)))
			agentRefused(w, w.Instance.Role, scpDeny)
		},
	}, {
		Name: "scp-this-region", Kind: Healthy, Want: noFault.never("IA-09"), NearOf: "scp-region",
		Story: "a service control policy denies every Region but this one",
		Change: func(w *world.World, _ *Seed) {
			w.IAM.SCPs = only(guard(w.Region))
		},
	}, {
		Name: "scp-list", Kind: Fault, Want: broken("IA-09"), NearOf: "scp-region",
		Story: "the organization allows a list of services, without Systems Manager",
		Change: func(w *world.World, _ *Seed) {
			w.IAM.SCPs = only(world.Allow("ec2:*", "s3:*", "logs:*"))
			agentRefused(w, w.Instance.Role, noSCP)
		},
	}, {
		Name: "rcp-denies", Kind: Fault, Want: broken("IA-10"), NearOf: "scp-region",
		Story: "a resource control policy denies Systems Manager",
		Change: func(w *world.World, _ *Seed) {
			w.IAM.RCPs = only(world.Deny("ssm:*"))
			agentRefused(w, w.Instance.Role, rcpDeny)
		},
	}, {
		Name: "boundary", Kind: Fault, Want: broken("IA-10"),
		Story: "the role's permissions boundary leaves Systems Manager out",
		Change: func(w *world.World, _ *Seed) {
			w.IAM.Boundary = world.Allow("s3:*", "ec2:*")
			agentRefused(w, w.Instance.Role, noBoundary)
		},
	}, {
		Name: "boundary-fits", Kind: Healthy, Want: noFault.never("IA-10"), NearOf: "boundary",
		Story: "the role's permissions boundary includes Systems Manager",
		Change: func(w *world.World, _ *Seed) {
			w.IAM.Boundary = world.Allow("s3:*", "ec2:*", "ssm:*", "ssmmessages:*", "ec2messages:*")
		},
	}, {
		Name: "session-policy", Kind: Fault, Want: broken("IA-10"), NearOf: "boundary",
		Story: "the credentials carry a session policy without Systems Manager",
		Change: func(w *world.World, _ *Seed) {
			w.IAM.Session = world.Allow("s3:*")
			agentRefused(w, w.Instance.Role, noSessionPolicy)
		},
	}}
}

// perimeters are denials by where a call comes from: an error of IAM whose
// cause is the network.
func perimeters() []Scenario {
	ownVPC := func(w *world.World) { w.IAM.Role = only(world.OnlyFrom("aws:SourceVpc", w.VPC.ID)) }
	return []Scenario{{
		Name: "perimeter-public", Kind: Fault, Want: broken("IA-11").with("IA-19"), NearOf: "perimeter-private",
		Story: "the role denies what does not come from this VPC, and ssm is reached through the NAT gateway",
		Change: func(w *world.World, _ *Seed) {
			dropEndpoints(w)
			addNAT(w)
			ownVPC(w)
			agentRefused(w, w.Instance.Role, identityDeny)
		},
	}, {
		Name: "perimeter-private", Kind: Healthy, Want: noFault.never("IA-11", "IA-12", "IA-19"), NearOf: "perimeter-public",
		Story: "the role denies what does not come from this VPC, and all goes through its endpoints",
		Change: func(w *world.World, _ *Seed) {
			ownVPC(w)
		},
	}, {
		Name: "perimeter-scp", Kind: Fault, Want: broken("IA-09").with("IA-11"), NearOf: "perimeter-public",
		Story: "a service control policy denies what does not come from this VPC, and ssm is reached through the NAT gateway",
		Change: func(w *world.World, _ *Seed) {
			dropEndpoints(w)
			addNAT(w)
			w.IAM.SCPs = only(world.OnlyFrom("aws:SourceVpc", w.VPC.ID))
			agentRefused(w, w.Instance.Role, scpDeny)
		},
	}, {
		Name: "perimeter-proxy", Kind: Fault, Want: broken("IA-12"),
		Story: "the role denies what does not come through this VPC's endpoint, and the agent takes the proxy past it",
		Change: func(w *world.World, s *Seed) {
			url := addProxy(w, s, world.Proxy{})
			w.Host.Agent.Env = map[string]string{"https_proxy": url, "no_proxy": "169.254.169.254"}
			w.IAM.Role = only(world.OnlyFrom("aws:SourceVpce", endpointIDs(w)...))
			agentRefused(w, w.Instance.Role, identityDeny)
		},
	}, {
		Name: "perimeter-no-proxy", Kind: Healthy, Want: noFault.never("IA-12", "IA-19"), NearOf: "perimeter-proxy",
		Story: "the role denies what does not come through this VPC's endpoint, and no_proxy leaves AWS out",
		Change: func(w *world.World, s *Seed) {
			url := addProxy(w, s, world.Proxy{})
			w.Host.Agent.Env = map[string]string{"https_proxy": url, "no_proxy": "169.254.169.254," + w.Suffix}
			w.IAM.Role = only(world.OnlyFrom("aws:SourceVpce", endpointIDs(w)...))
		},
	}, {
		Name: "perimeter-hub", Kind: Fault, Want: broken("IA-12"),
		Story: "the role denies what does not come from this VPC, and the endpoints are in the hub's",
		Change: func(w *world.World, s *Seed) {
			moveToHub(w, s)
			ownVPC(w)
			agentRefused(w, w.Instance.Role, identityDeny)
		},
	}, {
		Name: "perimeter-of-hub", Kind: Healthy, Want: noFault.never("IA-12", "IA-19"), NearOf: "perimeter-hub",
		Story: "the role denies what does not come from the hub's VPC, where the endpoints are",
		Change: func(w *world.World, s *Seed) {
			hub := moveToHub(w, s)
			w.IAM.Role = only(world.OnlyFrom("aws:SourceVpc", hub.ID))
		},
	}}
}

// endpointIDs are the ids of the VPC's interface endpoints.
func endpointIDs(w *world.World) []string {
	var out []string
	eachEndpoint(w, func(e *world.Endpoint) { out = append(out, e.ID) })
	return out
}
