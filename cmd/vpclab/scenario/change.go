package scenario

import (
	"net/netip"
	"slices"

	"vpcdoctor/cmd/vpclab/world"
)

var (
	anywhere   = netip.MustParsePrefix("0.0.0.0/0")
	anywhereV6 = netip.MustParsePrefix("::/0")
)

// required are the two services of the default profile that must work.
var required = []string{"ssm", "ssmmessages"}

// dropEndpoints removes interface endpoints; without names all of them.
func dropEndpoints(w *world.World, services ...string) {
	w.VPC.Endpoints = slices.DeleteFunc(w.VPC.Endpoints, func(e world.Endpoint) bool {
		return !e.Gateway && (len(services) == 0 || slices.Contains(services, e.Service))
	})
}

// eachEndpoint changes every interface endpoint.
func eachEndpoint(w *world.World, change func(*world.Endpoint)) {
	for i := range w.VPC.Endpoints {
		if e := &w.VPC.Endpoints[i]; !e.Gateway {
			change(e)
		}
	}
}

// addNAT puts a NAT gateway into the public subnet and a default route to it
// into the private table.
func addNAT(w *world.World) *world.NAT {
	w.VPC.NATs = append(w.VPC.NATs, world.NAT{ID: "nat-1", Subnet: w.VPC.Subnets[2].ID})
	addRoute(w, world.Route{Dst: anywhere, Target: "nat-1"})
	return &w.VPC.NATs[0]
}

// addRoute adds a route to the private table.
func addRoute(w *world.World, r world.Route) {
	t := w.VPC.Table(privateTable)
	t.Routes = append(t.Routes, r)
}

// dropGatewayRoute takes the S3 gateway endpoint out of the private table.
func dropGatewayRoute(w *world.World) {
	t := w.VPC.Table(privateTable)
	t.Routes = slices.DeleteFunc(t.Routes, func(r world.Route) bool { return r.PrefixList != "" })
}

// instanceGroup and endpointGroup are the two groups of the base world.
func instanceGroup(w *world.World) *world.SecurityGroup { return &w.VPC.SecurityGroups[0] }
func endpointGroup(w *world.World) *world.SecurityGroup { return &w.VPC.SecurityGroups[1] }

// strictEgress leaves the instance's group what AWS's guide asks for: 443 to
// the endpoints' group, and to the S3 prefix list.
func strictEgress(w *world.World, s3 bool) {
	g := instanceGroup(w)
	g.Egress = []world.Rule{{Proto: "tcp", From: 443, To: 443, Group: endpointGroup(w).ID}}
	if s3 {
		g.Egress = append(g.Egress, world.Rule{Proto: "tcp", From: 443, To: 443, PrefixList: w.PrefixLists[0].ID})
	}
}

// defaultGroup adds the VPC's default group, which admits only itself.
func defaultGroup(w *world.World, s *Seed) string {
	id := s.ID("sg")
	w.VPC.SecurityGroups = append(w.VPC.SecurityGroups, world.SecurityGroup{
		ID: id, Name: "default",
		Ingress: []world.Rule{{Proto: "-1", Group: id}},
		Egress:  []world.Rule{{Proto: "-1", CIDR: anywhere}},
	})
	return id
}

// ownNACL gives a subnet a NACL of its own.
func ownNACL(w *world.World, s *Seed, subnet int, ingress, egress []world.Entry) {
	id := s.ID("acl")
	w.VPC.NACLs = append(w.VPC.NACLs, world.NACL{ID: id, Ingress: ingress, Egress: egress})
	w.VPC.Subnets[subnet].NACL = id
}

func allowAll() []world.Entry {
	return []world.Entry{{Number: 100, Allow: true, Proto: "-1", CIDR: anywhere}}
}

func deny(number int, from, to uint16) world.Entry {
	return world.Entry{Number: number, Proto: "tcp", From: from, To: to, CIDR: anywhere}
}

// addServer puts another machine into the private subnet of the other AZ.
func addServer(w *world.World, s *Seed, name string, ports ...uint16) netip.Addr {
	a := s.Addr(w.VPC.Subnets[1].CIDR, taken(w))
	w.VPC.Servers = append(w.VPC.Servers, world.Server{Name: name, Subnet: w.VPC.Subnets[1].ID, Addr: a, Ports: ports})
	return a
}

// addDNS adds a DNS server in the VPC and offers it by DHCP.
func addDNS(w *world.World, s *Seed, mode world.DNSMode) netip.Addr {
	a := addServer(w, s, "dns", 53)
	w.DNSServers = append(w.DNSServers, world.DNSServer{Addr: a, Mode: mode})
	w.VPC.DHCP.Servers = append(w.VPC.DHCP.Servers, a)
	return a
}

// addZone associates a private hosted zone with one record set at its apex.
func addZone(w *world.World, name string, addrs ...netip.Addr) {
	w.Resolver.Zones = append(w.Resolver.Zones, world.Zone{Apex: name, Records: []world.Record{{Name: name, Addrs: addrs}}})
}

// freeAddr is an address in a subnet that no interface has.
func freeAddr(w *world.World, s *Seed, subnet int) netip.Addr {
	return s.Addr(w.VPC.Subnets[subnet].CIDR, taken(w))
}

// moveToHub turns the interface endpoints into central ones: they live in
// another VPC behind a transit gateway, their private DNS is off, and private
// zones that are associated with our VPC name them.
func moveToHub(w *world.World, s *Seed) *world.VPC {
	block := netip.MustParsePrefix("100.127.0.0/16")
	group := s.ID("sg")
	hub := world.VPC{
		ID: s.ID("vpc"), CIDRs: []netip.Prefix{block}, DNSSupport: true, DNSHostnames: true,
		RouteTables: []world.RouteTable{{ID: "rtb-hub", Routes: []world.Route{{Dst: w.VPC.CIDRs[0], Target: "tgw-1"}}}},
		SecurityGroups: []world.SecurityGroup{{ID: group, Name: "hub-endpoints",
			Ingress: []world.Rule{{Proto: "tcp", From: 443, To: 443, CIDR: w.VPC.CIDRs[0]}}}},
	}
	for i := range 2 {
		hub.Subnets = append(hub.Subnets, world.Subnet{ID: s.ID("subnet"), CIDR: slash24(block, 10+i), AZ: w.AZs[i].Name, RouteTable: "rtb-hub"})
	}
	used := map[netip.Addr]bool{}
	for _, e := range w.VPC.Endpoints {
		if e.Gateway {
			continue
		}
		e.PrivateDNS, e.Groups, e.Interfaces = false, []string{group}, nil
		for _, sub := range hub.Subnets {
			e.Interfaces = append(e.Interfaces, world.EndpointENI{Subnet: sub.ID, Addr: s.Addr(sub.CIDR, used)})
		}
		hub.Endpoints = append(hub.Endpoints, e)
		addZone(w, e.Hosts[0], e.Addrs()...)
	}
	dropEndpoints(w)
	w.Networks = append(w.Networks, hub)
	w.Links = append(w.Links, world.Link{ID: "tgw-1", Network: hub.ID})
	addRoute(w, world.Route{Dst: netip.MustParsePrefix("100.64.0.0/10"), Target: "tgw-1"})
	return &w.Networks[len(w.Networks)-1]
}

// addProxy adds an HTTP proxy in the VPC and returns its URL.
func addProxy(w *world.World, s *Seed, p world.Proxy) string {
	p.Addr, p.Port = addServer(w, s, "proxy", 3128), 3128
	w.Proxies = append(w.Proxies, p)
	return "http://" + p.Addr.String() + ":3128"
}

// viaProxy makes the agent use a proxy for everything but the metadata
// service, with names that resolve publicly and no other way out.
func viaProxy(w *world.World, s *Seed, p world.Proxy) string {
	dropEndpoints(w)
	url := addProxy(w, s, p)
	w.Host.Agent.Env = map[string]string{"https_proxy": url, "http_proxy": url, "no_proxy": "169.254.169.254"}
	return url
}

// addCustom adds an endpoint of somebody else's service, named by a private
// zone, on port 8443.
func addCustom(w *world.World, s *Seed) *world.Endpoint {
	e := AddEndpoint(w, s, "vpce-svc-"+s.ID("x")[2:], taken(w))
	e.PrivateDNS, e.Port, e.Hosts = false, 8443, []string{customHost}
	e.Server.NotAWS, e.Server.PublicCA = true, true
	g := endpointGroup(w)
	g.Ingress = append(g.Ingress, world.Rule{Proto: "tcp", From: 8443, To: 8443, CIDR: w.VPC.CIDRs[0]})
	addZone(w, customHost, e.Addrs()...)
	return e
}

// customHost is the name of the custom service in every scenario that has one.
const customHost = "billing.internal.example"

// customArgs ask for it.
var customArgs = []string{"--endpoint", "billing=" + customHost + ":8443"}
