package scenario

import (
	"fmt"
	"net/netip"
	"time"

	"vpcdoctor/cmd/vpclab/world"
)

// resolverLimit is what a VPC resolver answers per second and ENI (VPC User
// Guide, "DNS attributes for your VPC", read 2026-11).
const resolverLimit = 1024

// Region returns a healthy world in us-east-1 in which the given hosts have an
// interface endpoint with two addresses each, for measurements of --all. The
// resolver drops what a real one drops.
func Region(hosts []string) *world.World {
	s := NewSeed("load", 1)
	s.Region = "us-east-1"
	w := &world.World{Region: s.Region, Account: "123456789012"}
	place(w)
	BuildVPC(w, s, netip.MustParsePrefix("10.40.0.0/16"))
	baseHost(w)
	widen(w)
	addHosts(w, hosts)
	w.Resolver.DropAbove = resolverLimit
	return w
}

// Custom returns a healthy world with n custom endpoints of two addresses,
// reached over a path with the given round trip, and their host names.
func Custom(n int, roundTrip time.Duration) (*world.World, []string) {
	var hosts []string
	for i := range n {
		hosts = append(hosts, fmt.Sprintf("svc%d.load.example", i))
	}
	w := Region(hosts)
	w.Middleboxes = []world.Middlebox{{
		Name: "distance", Latency: roundTrip / 2,
		On: world.Match{Private: true, Ports: []uint16{443}},
	}}
	return w, hosts
}

// BlackHole drops everything beyond the link-local services.
func BlackHole(w *world.World) *world.World {
	for i := range w.VPC.SecurityGroups {
		w.VPC.SecurityGroups[i].Egress = nil
	}
	return w
}

// SilentIMDS drops what goes to the metadata service.
func SilentIMDS(w *world.World) *world.World {
	w.IMDS.Mode = world.IMDSSilent
	return w
}

// widen gives the two private subnets room for thousands of interfaces.
func widen(w *world.World) {
	w.VPC.Subnets[0].CIDR = netip.MustParsePrefix("10.40.0.0/18")
	w.VPC.Subnets[1].CIDR = netip.MustParsePrefix("10.40.64.0/18")
	w.VPC.Subnets[2].CIDR = netip.MustParsePrefix("10.40.128.0/24")
	w.Instance.Addr = netip.MustParseAddr("10.40.1.10")
	for i := range w.VPC.Endpoints {
		e := &w.VPC.Endpoints[i]
		for j := range e.Interfaces {
			e.Interfaces[j].Addr = netip.AddrFrom4([4]byte{10, 40, byte(1 + 64*j), byte(20 + i)})
		}
	}
}

// addHosts makes one endpoint per host that has none yet.
func addHosts(w *world.World, hosts []string) {
	v := &w.VPC
	have := map[string]bool{}
	for _, e := range v.Endpoints {
		for _, h := range e.Hosts {
			have[h] = true
		}
	}
	for i, h := range hosts {
		if have[h] {
			continue
		}
		e := world.Endpoint{ID: fmt.Sprintf("vpce-0%016x", i), Service: fmt.Sprintf("load-%d", i), PrivateDNS: true, Hosts: []string{h}, Groups: v.Endpoints[0].Groups}
		for j, sub := range v.Subnets[:2] {
			e.Interfaces = append(e.Interfaces, world.EndpointENI{
				Subnet: sub.ID, Addr: netip.AddrFrom4([4]byte{10, 40, byte(2 + 64*j + i/200), byte(10 + i%200)}),
			})
		}
		v.Endpoints = append(v.Endpoints, e)
	}
}
