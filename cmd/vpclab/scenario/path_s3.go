package scenario

import "vpcdoctor/cmd/vpclab/world"

// s3Args ask for the profile that needs S3.
var s3Args = []string{"--profile", "ssm"}

// waysToS3 are the ways in which an instance gets to S3, and what a policy on
// the way does.
func waysToS3() []Scenario {
	return append(policiesOfS3(), []Scenario{{
		Name: "s3-interface", Kind: Healthy, Want: noFault, Args: s3Args, NearOf: "s3-route-missing",
		Story: "S3 by an interface endpoint with private DNS, no gateway endpoint",
		Change: func(w *world.World, s *Seed) {
			dropGatewayRoute(w)
			e := AddEndpoint(w, s, "s3", taken(w))
			e.Hosts = append(e.Hosts, "*."+e.Hosts[0])
		},
	}, {
		Name: "s3-nat", Kind: Healthy, Want: noFault, Args: s3Args, NearOf: "s3-route-missing",
		Story:  "S3 by a NAT gateway, no gateway endpoint",
		Change: func(w *world.World, _ *Seed) { dropGatewayRoute(w); addNAT(w) },
	}, {
		Name: "s3-list-only", Kind: Healthy, Want: noFault, Args: s3Args, NearOf: "s3-egress-missing",
		Story:  "egress to the endpoints' group and the S3 prefix list, and no NAT",
		Change: func(w *world.World, _ *Seed) { strictEgress(w, true) },
	}, {
		Name: "s3-interface-closed", Kind: Fault, Want: broken("SG-02"), Args: s3Args, NearOf: "s3-interface",
		Story: "S3 by an interface endpoint whose security group does not admit the instance",
		Change: func(w *world.World, s *Seed) {
			dropGatewayRoute(w)
			e := AddEndpoint(w, s, "s3", taken(w))
			e.Hosts, e.Groups = append(e.Hosts, "*."+e.Hosts[0]), []string{defaultGroup(w, s)}
		},
	}, {
		Name: "s3-nat-failed", Kind: Fault, Want: broken("GW-01", "RT-09", "RT-01"), Args: s3Args, NearOf: "s3-nat",
		Story:  "S3 by a NAT gateway that has failed, no gateway endpoint",
		Change: func(w *world.World, _ *Seed) { dropGatewayRoute(w); addNAT(w).Failed = true },
	}}...)
}

// policiesOfS3 are refusals of public objects that look the same, by the policy
// of an endpoint or by S3 itself. They have a Region in which several public
// objects are known.
func policiesOfS3() []Scenario {
	const region = "eu-west-1"
	closed := func(w *world.World, _ *Seed) {
		for i := range w.VPC.Endpoints {
			if e := &w.VPC.Endpoints[i]; e.Gateway {
				e.Denies = []string{"*"}
			}
		}
	}
	nat := func(w *world.World, _ *Seed) { addNAT(w) }
	return []Scenario{{
		Name: "s3-policy", Kind: Fault, Region: region, Want: degraded("GW-05"), Args: s3Args, NearOf: "s3-list-only",
		Story:  "the policy of the S3 gateway endpoint leaves out the buckets of AWS; there is no NAT",
		Change: closed,
	}, {
		Name: "s3-policy-nat", Kind: Fault, Region: region, Want: degraded("GW-05"), Args: s3Args, NearOf: "s3-nat-refused",
		Story:  "the same beside a NAT gateway, which S3 does not go by",
		Change: both(closed, nat),
	}, {
		Name: "s3-nat-refused", Kind: Healthy, Region: region, Want: noFault.never("GW-05"), Args: s3Args, NearOf: "s3-policy-nat",
		Story: "S3 by a NAT gateway, where no policy is; S3 itself refuses the objects",
		Change: func(w *world.World, _ *Seed) {
			dropGatewayRoute(w)
			addNAT(w)
			w.Internet.Denies = []string{"*"}
		},
	}, {
		Name: "s3-policy-interface", Kind: Fault, Region: region, Want: degraded("GW-05"), Args: s3Args, NearOf: "s3-interface",
		Story: "S3 by an interface endpoint whose policy leaves out the buckets of AWS",
		Change: func(w *world.World, s *Seed) {
			dropGatewayRoute(w)
			e := AddEndpoint(w, s, "s3", taken(w))
			e.Hosts, e.Denies = append(e.Hosts, "*."+e.Hosts[0]), []string{"*"}
		},
	}, {
		Name: "s3-one-moved", Kind: Healthy, Region: region, Want: Want{Status: "healthy", Codes: []string{"GW-05"}}, Args: s3Args, NearOf: "s3-policy",
		Story: "S3 by the gateway endpoint; one public object of AWS has moved and is refused",
		Change: func(w *world.World, _ *Seed) {
			w.Internet.Denies = []string{"amazon-ssm-" + w.Region}
		},
	}}
}
