package scenario

import (
	"net/netip"

	"vpcdoctor/cmd/vpclab/world"
)

func endpointFaults() []Scenario { return append(missingEndpoints(), customServices()...) }

func missingEndpoints() []Scenario {
	return []Scenario{{
		Name: "no-endpoints", Kind: Fault, Want: broken("DN-02").with("RT-01"),
		Story:  "neither endpoints nor NAT",
		Change: func(w *world.World, _ *Seed) { dropEndpoints(w); dropGatewayRoute(w) },
	}, {
		Name: "private-dns-off", Kind: Fault, Want: broken("DN-02", "DN-01").with("DN-01"),
		Story: "the endpoints exist, their private DNS is off",
		Change: func(w *world.World, _ *Seed) {
			eachEndpoint(w, func(e *world.Endpoint) { e.PrivateDNS = false })
		},
	}, {
		Name: "dns-hostnames-off", Kind: Fault, Want: broken("DN-02", "DN-03").with("DN-03"), NearOf: "private-dns-off",
		Story:  "enableDnsHostnames is false: private DNS has no effect",
		Change: func(w *world.World, _ *Seed) { w.VPC.DNSHostnames = false },
	}, {
		Name: "ssmmessages-missing", Kind: Fault, Want: broken("EP-01"),
		Story:  "there is no endpoint for ssmmessages, and no NAT",
		Change: func(w *world.World, _ *Seed) { dropEndpoints(w, "ssmmessages") },
	}, {
		Name: "ssm-missing", Kind: Fault, Want: broken("DN-02"), NearOf: "ssmmessages-missing",
		Story:  "there is no endpoint for ssm, and no NAT",
		Change: func(w *world.World, _ *Seed) { dropEndpoints(w, "ssm") },
	}, {
		Name: "only-ssm", Kind: Fault, Want: broken("EP-01"), NearOf: "optional-missing",
		Story:  "the article's half-way point: an endpoint for ssm only",
		Change: func(w *world.World, _ *Seed) { dropEndpoints(w, "ssmmessages", "ec2messages", "logs", "kms") },
	}, {
		Name: "ec2messages-missing", Kind: Healthy, Want: noFault, NearOf: "ec2messages-missing-old",
		Story:  "no endpoint for the retired ec2messages; the agent is current",
		Change: func(w *world.World, _ *Seed) { dropEndpoints(w, "ec2messages") },
	}, {
		Name: "ec2messages-missing-old", Kind: Fault, Want: broken("AG-05"), NearOf: "agent-old",
		Story: "no endpoint for ec2messages, and an agent that knows no other channel",
		Change: func(w *world.World, _ *Seed) {
			dropEndpoints(w, "ec2messages")
			w.Host.Agent.Installs[0].Version = "3.0.1390.0"
		},
	}, {
		Name: "mixed-paths", Kind: Fault, Want: degraded("EP-15"), NearOf: "ssmmessages-missing",
		Story: "ssm is private, ssmmessages goes out by NAT",
		Change: func(w *world.World, _ *Seed) {
			dropEndpoints(w, "ssmmessages")
			addNAT(w)
		},
	}, {
		Name: "require-private", Kind: Fault, Want: broken("EP-14"), Args: []string{"--require-private"}, NearOf: "nat-only",
		Story:  "compliance demands private paths; everything goes out by NAT",
		Change: func(w *world.World, _ *Seed) { dropEndpoints(w); addNAT(w) },
	}, {
		Name: "expect-private", Kind: Fault, Want: degraded("EP-14"), Args: []string{"--expect", "private"}, NearOf: "require-private",
		Story:  "private paths are expected; everything works by NAT",
		Change: func(w *world.World, _ *Seed) { dropEndpoints(w); addNAT(w) },
	}, {
		Name: "endpoint-failed", Kind: Fault, Want: broken("DN-02", "EP-01"), NearOf: "endpoint-sg-one",
		Story: "the endpoint of a required service is in the state failed",
		Change: func(w *world.World, s *Seed) {
			w.VPC.Endpoint(Pick(s, required)).State = "failed"
		},
	}, {
		Name: "ipv6-egress-missing", Kind: Fault, Want: degraded("V6-05").never("V6-01"), NearOf: "dual-stack",
		Story: "endpoints have IPv6 addresses, the security group lets only IPv4 out",
		Change: func(w *world.World, _ *Seed) {
			dualStack(w)
			g := instanceGroup(w)
			g.Egress = g.Egress[:1]
		},
	}, {
		Name: "wrong-address", Kind: Fault, Want: broken("RT-08", "EP-16", "TL-04"),
		Story: "a private zone names a live machine that does not listen on 443",
		Change: func(w *world.World, s *Seed) {
			name := Pick(s, required)
			dropEndpoints(w, name)
			addZone(w, Host(w, name), addServer(w, s, "web", 80))
		},
	}}
}

func customServices() []Scenario {
	return []Scenario{{
		Name: "custom-closed", Kind: Fault, Want: broken("PL-06"), Args: customArgs,
		Story:  "the provider's load balancer has no healthy target: connections are refused",
		Change: func(w *world.World, s *Seed) { addCustom(w, s).Server.Closed = true },
	}, {
		Name: "custom-certificate", Kind: Fault, Want: broken("PL-04"), Args: customArgs, NearOf: "custom-service",
		Story:  "the custom service's certificate is for another name",
		Change: func(w *world.World, s *Seed) { addCustom(w, s).Server.CertNames = []string{"billing.provider.example"} },
	}, {
		Name: "custom-pending", Kind: Fault, Want: broken("SG-02", "EP-03").with("EP-03"), Args: customArgs,
		Story:  "the provider has not accepted the connection yet",
		Change: func(w *world.World, s *Seed) { addCustom(w, s).State = "pendingAcceptance" },
	}, {
		Name: "custom-name-missing", Kind: Fault, Want: broken("PL-03", "DN-31").with("PL-03"), Args: customArgs,
		Story: "nobody made a name for the custom service",
		Change: func(w *world.World, s *Seed) {
			addCustom(w, s)
			w.Resolver.Zones = nil
		},
	}, {
		Name: "custom-one-az", Kind: Fault, Want: broken("PL-05").with("RT-08"), Args: customArgs,
		Story: "one of the custom service's addresses belongs to a machine that refuses",
		Change: func(w *world.World, s *Seed) {
			e := addCustom(w, s)
			a := addServer(w, s, "old target", 80)
			w.Resolver.Zones[0].Records[0].Addrs = []netip.Addr{e.Interfaces[0].Addr, a}
		},
	}}
}
