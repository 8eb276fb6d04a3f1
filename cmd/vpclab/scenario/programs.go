package scenario

import "vpcdoctor/cmd/vpclab/world"

// Programs are worlds in which a real program plays a part that the lab's own
// fakes play elsewhere, so that both are known to look the same. They need the
// program installed and are not part of All.
func Programs() []Scenario {
	server := func(program world.Program, rebind bool) func(*world.World, *Seed) {
		return func(w *world.World, s *Seed) {
			addDNS(w, s, world.DNSForward)
			w.DNSServers[0].Program, w.DNSServers[0].Rebind = program, rebind
		}
	}
	return []Scenario{{
		Name: "dnsmasq", Kind: Healthy, Want: noFault, Program: world.Dnsmasq, NearOf: "dnsmasq-rebind",
		Story:  "the company's DNS server is dnsmasq and forwards",
		Change: server(world.Dnsmasq, false),
	}, {
		Name: "dnsmasq-rebind", Kind: Fault, Want: broken("DN-05", "DN-09", "DN-22"), Program: world.Dnsmasq, NearOf: "dns-rebind",
		Story:  "the company's DNS server is dnsmasq with stop-dns-rebind",
		Change: server(world.Dnsmasq, true),
	}, {
		Name: "unbound", Kind: Healthy, Want: noFault, Program: world.Unbound, NearOf: "unbound-private",
		Story:  "the company's DNS server is unbound and forwards",
		Change: server(world.Unbound, false),
	}, {
		Name: "unbound-private", Kind: Fault, Want: broken("DN-05", "DN-09", "DN-22"), Program: world.Unbound, NearOf: "dns-rebind",
		Story:  "the company's DNS server is unbound with private-address",
		Change: server(world.Unbound, true),
	}, {
		Name: "nginx", Kind: Healthy, Want: noFault, Program: world.Nginx, NearOf: "http-on-443",
		Story: "nginx is the TLS endpoint of every service",
		Change: func(w *world.World, _ *Seed) {
			eachEndpoint(w, func(e *world.Endpoint) { e.Server.Program = world.Nginx })
		},
	}, {
		Name: "squid", Kind: Healthy, Want: noFault, Program: world.Squid, NearOf: "all-by-proxy",
		Story:  "the agent's proxy is squid",
		Change: func(w *world.World, s *Seed) { viaProxy(w, s, world.Proxy{Program: world.Squid}) },
	}}
}
