package scenario

import "vpcdoctor/cmd/vpclab/world"

// ipv6Paths are subnets whose resolver makes IPv6 addresses of IPv4 ones.
func ipv6Paths() []Scenario {
	dns64 := func(w *world.World, _ *Seed) {
		dualStack(w)
		eachEndpoint(w, func(e *world.Endpoint) { e.IPv6DNS = false })
		dropEndpoints(w)
		addNAT(w)
		w.VPC.Subnets[0].DNS64 = true
	}
	route := func(w *world.World, _ *Seed) { addRoute(w, world.Route{Dst: world.NAT64, Target: "nat-1"}) }
	return []Scenario{{
		Name: "dns64", Kind: Healthy, Want: noFault, NearOf: "dns64-no-route",
		Story:  "no endpoints; the subnet has DNS64 and a NAT64 route to the NAT gateway",
		Change: both(dns64, route),
	}, {
		Name: "dns64-no-route", Kind: Fault, Want: degraded("V6-03", "V6-01"), NearOf: "dns64",
		Story:  "no endpoints; the subnet has DNS64, and its route table no NAT64 route",
		Change: dns64,
	}}
}
