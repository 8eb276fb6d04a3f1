package scenario

import (
	"net/netip"

	"vpcdoctor/cmd/vpclab/world"
)

func hostFaults() []Scenario {
	return []Scenario{{
		Name: "no-default-route", Kind: Fault, Want: broken("RT-02"),
		Story: "DHCP lost the default route; the metadata service is still on link",
		Change: func(w *world.World, _ *Seed) {
			w.Host.NoDefaultRoute, w.Host.LinkLocalRoute = true, true
		},
	}, {
		Name: "host-blackhole", Kind: Fault, Want: broken("RT-02", "OS-01"),
		Story: "somebody added a blackhole route for the endpoints' subnet on the host",
		Change: func(w *world.World, _ *Seed) {
			eachEndpoint(w, func(e *world.Endpoint) { e.Interfaces = e.Interfaces[1:] })
			w.Host.Routes = []world.HostRoute{{Dst: w.VPC.Subnets[1].CIDR, Kind: "blackhole"}}
		},
	}, {
		Name: "host-prohibit", Kind: Fault, Want: broken("RT-02", "OS-01"),
		Story: "a prohibit route on the host",
		Change: func(w *world.World, _ *Seed) {
			eachEndpoint(w, func(e *world.Endpoint) { e.Interfaces = e.Interfaces[1:] })
			w.Host.Routes = []world.HostRoute{{Dst: w.VPC.Subnets[1].CIDR, Kind: "prohibit"}}
		},
	}, {
		Name: "host-unreachable", Kind: Fault, Want: broken("RT-02", "OS-01"),
		Story: "an unreachable route on the host",
		Change: func(w *world.World, _ *Seed) {
			eachEndpoint(w, func(e *world.Endpoint) { e.Interfaces = e.Interfaces[1:] })
			w.Host.Routes = []world.HostRoute{{Dst: w.VPC.Subnets[1].CIDR, Kind: "unreachable"}}
		},
	}, {
		Name: "docker-overlap", Kind: Fault, Want: broken("RT-06"),
		Story: "docker's default network is the VPC's: endpoints in the other subnet end at the bridge",
		Change: func(w *world.World, s *Seed) {
			rebuild(w, s, "172.17.0.0/16")
			eachEndpoint(w, func(e *world.Endpoint) { e.Interfaces = e.Interfaces[1:] })
			w.Host.Links = []world.HostLink{{Name: "docker0", Addr: netip.MustParsePrefix("172.17.0.1/16")}}
			// What systemd-networkd and dhclient leave beside docker's wider route.
			w.Host.Routes = []world.HostRoute{{Dst: netip.PrefixFrom(w.VPC.ResolverAddr(), 32), Kind: "unicast", Via: w.VPC.Subnets[0].CIDR.Addr().Next()}}
		},
	}, {
		Name: "local-drop", Kind: Fault, Want: broken("OS-01"), NearOf: "egress-closed",
		Story: "the host's own firewall drops 443",
		Change: func(w *world.World, _ *Seed) {
			w.Host.Firewall = []world.LocalRule{{Proto: "tcp", Port: 443, Action: "drop"}}
		},
	}, {
		Name: "local-reject", Kind: Fault, Want: broken("OS-01"), NearOf: "local-drop",
		Story: "the host's own firewall rejects 443 with a reset",
		Change: func(w *world.World, _ *Seed) {
			w.Host.Firewall = []world.LocalRule{{Proto: "tcp", Port: 443, Action: "reject-reset"}}
		},
	}, {
		Name: "local-reject-admin", Kind: Fault, Want: broken("OS-01"), NearOf: "local-reject",
		Story: "the host's own firewall rejects 443 as prohibited",
		Change: func(w *world.World, _ *Seed) {
			w.Host.Firewall = []world.LocalRule{{Proto: "tcp", Port: 443, Action: "reject-admin"}}
		},
	}, {
		Name: "local-drop-dns", Kind: Fault, Want: broken("OS-01", "DN-04").with("OS-01"), NearOf: "dns-support-off",
		Story: "the host's own firewall drops DNS over UDP and TCP",
		Change: func(w *world.World, _ *Seed) {
			w.Host.Firewall = []world.LocalRule{{Proto: "udp", Port: 53, Action: "drop"}, {Proto: "tcp", Port: 53, Action: "drop"}}
		},
	}}
}
