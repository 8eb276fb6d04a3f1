package scenario

import (
	"net/netip"

	"vpcdoctor/cmd/vpclab/world"
)

// ipv6Paths are worlds with IPv6: beside IPv4, alone, and translated.
func ipv6Paths() []Scenario {
	dns64 := func(w *world.World, _ *Seed) {
		dualStack(w)
		eachEndpoint(w, func(e *world.Endpoint) { e.IPv6DNS = false })
		dropEndpoints(w)
		addNAT(w)
		w.VPC.Subnets[0].DNS64 = true
	}
	route := func(w *world.World, _ *Seed) { addRoute(w, world.Route{Dst: world.NAT64, Target: "nat-1"}) }
	return append(ipv6Only(), []Scenario{{
		Name: "dns64", Kind: Healthy, Want: noFault, NearOf: "dns64-no-route",
		Story:  "no endpoints; the subnet has DNS64 and a NAT64 route to the NAT gateway",
		Change: both(dns64, route),
	}, {
		Name: "dns64-no-route", Kind: Fault, Want: degraded("V6-03", "V6-01"), NearOf: "dns64",
		Story:  "no endpoints; the subnet has DNS64, and its route table no NAT64 route",
		Change: dns64,
	}, {
		Name: "ipv6-group-v4", Kind: Fault, Want: degraded("V6-05").never("V6-01"), NearOf: "dual-stack",
		Story: "dual-stack endpoints whose group admits the IPv4 block of the VPC, and not its IPv6 block",
		Change: func(w *world.World, _ *Seed) {
			dualStack(w)
			endpointGroup(w).Ingress = []world.Rule{{Proto: "tcp", From: 443, To: 443, CIDR: w.VPC.CIDRs[0]}}
		},
	}, {
		Name: "ipv6-group-both", Kind: Healthy, Want: noFault, NearOf: "ipv6-group-v4",
		Story: "dual-stack endpoints whose group admits both blocks of the VPC",
		Change: func(w *world.World, _ *Seed) {
			dualStack(w)
			endpointGroup(w).Ingress = []world.Rule{
				{Proto: "tcp", From: 443, To: 443, CIDR: w.VPC.CIDRs[0]}, {Proto: "tcp", From: 443, To: 443, CIDR: w.VPC.IPv6[0]},
			}
		},
	}, {
		Name: "ipv6-route-missing", Kind: Fault, Want: degraded("V6-01").never("V6-05"), NearOf: "ipv6-group-v4",
		Story:  "no endpoints; the agent uses the dual-stack names, whose IPv6 addresses no route leads to",
		Change: publicDualStack,
	}, {
		Name: "ipv6-route", Kind: Healthy, Want: noFault, NearOf: "ipv6-route-missing",
		Story: "the same with a route to the egress-only internet gateway",
		Change: both(publicDualStack, func(w *world.World, _ *Seed) {
			addRoute(w, world.Route{Dst: anywhereV6, Target: "igw-egress-only"})
		}),
	}}...)
}

// publicDualStack leaves an instance with both families and an agent that uses
// the dual-stack names, which are public, and a way out for IPv4.
func publicDualStack(w *world.World, _ *Seed) {
	dualStack(w)
	dropEndpoints(w)
	addNAT(w)
	w.Host.Agent.Config = dualStackAgent
}

// dualStackAgent is the agent's configuration for the dual-stack names.
const dualStackAgent = `{"Agent":{"UseDualStackEndpoint":true}}`

// ipv6Only are instances in a subnet without IPv4.
func ipv6Only() []Scenario {
	lease := func(w *world.World, _ *Seed) { w.Instance.Addr = netip.MustParseAddr("169.254.77.9") }
	v4Names := func(w *world.World, _ *Seed) { eachEndpoint(w, func(e *world.Endpoint) { e.IPv6DNS = false }) }
	translated := func(w *world.World, s *Seed) {
		onlyIPv6(w, s)
		dropEndpoints(w)
		addNAT(w)
		w.VPC.Subnet(w.Instance.Subnet).DNS64 = true
		w.Host.Agent.Config = ""
	}
	route := func(w *world.World, _ *Seed) { addRoute(w, world.Route{Dst: world.NAT64, Target: "nat-1"}) }
	return []Scenario{{
		Name: "ipv6-only", Kind: Healthy, Want: noFault, NearOf: "ipv6-only-v4-names",
		Story:  "an IPv6-only subnet, dual-stack endpoints, and an agent that uses the dual-stack names",
		Change: onlyIPv6,
	}, {
		Name: "ipv6-only-lease", Kind: Healthy, Want: noFault, NearOf: "ipv6-only",
		Story:  "the same, and DHCP leased an IPv4 link-local address, by which the metadata service is reached",
		Change: both(onlyIPv6, lease),
	}, {
		Name: "ipv6-only-v4-names", Kind: Fault, Want: broken("V6-02"), NearOf: "ipv6-only",
		Story: "an IPv6-only subnet, and endpoints and agent with the names that have IPv4 addresses only",
		Change: func(w *world.World, s *Seed) {
			onlyIPv6(w, s)
			v4Names(w, s)
			w.Host.Agent.Config = ""
		},
	}, {
		Name: "ipv6-only-v4-names-lease", Kind: Fault, Want: broken("V6-02"), NearOf: "ipv6-only-lease",
		Story: "the same with an IPv4 link-local address, which leads nowhere beyond the link",
		Change: func(w *world.World, s *Seed) {
			onlyIPv6(w, s)
			lease(w, s)
			v4Names(w, s)
			w.Host.Agent.Config = ""
		},
	}, {
		Name: "ipv6-only-no-imds", Kind: Fault, Want: broken("IM-09"), NearOf: "ipv6-only",
		Story:  "an IPv6-only subnet, and the metadata service's IPv6 endpoint is not enabled",
		Change: both(onlyIPv6, func(w *world.World, _ *Seed) { w.IMDS.NoIPv6 = true }),
	}, {
		Name: "ipv6-only-group", Kind: Fault, Want: broken("SG-02", "SG-01"), NearOf: "ipv6-only",
		Story: "an IPv6-only subnet, and endpoints whose group admits the IPv4 block of the VPC only",
		Change: func(w *world.World, s *Seed) {
			onlyIPv6(w, s)
			endpointGroup(w).Ingress = []world.Rule{{Proto: "tcp", From: 443, To: 443, CIDR: w.VPC.CIDRs[0]}}
		},
	}, {
		Name: "ipv6-only-nat64", Kind: Healthy, Want: noFault, NearOf: "ipv6-only-nat64-missing",
		Story:  "an IPv6-only subnet without endpoints: DNS64, and a NAT64 route to the NAT gateway",
		Change: both(translated, route),
	}, {
		Name: "ipv6-only-nat64-missing", Kind: Fault, Want: broken("V6-03"), NearOf: "ipv6-only-nat64",
		Story:  "an IPv6-only subnet without endpoints: DNS64, and no NAT64 route",
		Change: translated,
	}}
}

// onlyIPv6 moves the instance into a private subnet without IPv4 in the first
// AZ. The endpoints stay where they are, and have the dual-stack names too.
func onlyIPv6(w *world.World, s *Seed) {
	v := &w.VPC
	first := v.Subnets[0]
	v.Subnets = append(v.Subnets, world.Subnet{
		ID: s.ID("subnet"), CIDR: slash24(v.CIDRs[0], 250), IPv6Only: true, AZ: first.AZ, RouteTable: first.RouteTable, NACL: first.NACL,
	})
	w.Instance.Subnet, w.Instance.Addr = v.Subnets[len(v.Subnets)-1].ID, netip.Addr{}
	dualStack(w)
	eachEndpoint(w, func(e *world.Endpoint) {
		e.Hosts = append(e.Hosts, e.Service+"."+w.Region+"."+w.DualStackSuffix)
	})
	w.Host.Agent.Config = dualStackAgent
}
