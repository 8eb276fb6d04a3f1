package scenario

import (
	"time"

	"vpcdoctor/cmd/vpclab/world"
)

// packetSizes are TLS greetings that stall, for one reason each.
func packetSizes() []Scenario {
	smallMTU := func(w *world.World, _ *Seed) { w.Host.MTU = 1500 }
	return []Scenario{{
		Name: "mtu-hole-in", Kind: Fault, Want: broken("TL-07"), NearOf: "mtu-hole-out",
		Story:  "packets larger than 1200 bytes vanish on the way to us, without ICMP",
		Change: onEveryPath(world.Middlebox{Name: "tunnel", MaxIn: 1200}),
	}, {
		Name: "mtu-hole-out", Kind: Fault, Want: broken("TL-07"), NearOf: "mtu-hole-in",
		Story:  "packets larger than 1200 bytes vanish on the way from us, without ICMP",
		Change: onEveryPath(world.Middlebox{Name: "tunnel", MaxOut: 1200}),
	}, {
		Name: "mtu-hole-out-1500", Kind: Fault, Want: broken("TL-07"), NearOf: "split-hello",
		Story:  "the same behind an interface with an MTU of 1500: the greeting takes two packets, and the first is lost",
		Change: both(smallMTU, onEveryPath(world.Middlebox{Name: "tunnel", MaxOut: 1200})),
	}, {
		Name: "split-hello-whole", Kind: Healthy, Want: noFault, NearOf: "split-hello",
		Story:  "the old firewall again, and an interface that sends the greeting in one packet",
		Change: onEveryPath(world.Middlebox{Name: "old firewall", DropSplit: true}),
	}, {
		Name: "hello-swallowed", Kind: Fault, Want: broken("TL-14"), NearOf: "sni-drop",
		Story:  "a firewall takes connections and swallows every TLS greeting",
		Change: onEveryPath(world.Middlebox{Name: "firewall", DropSNI: []string{"*"}}),
	}, {
		Name: "hello-reset", Kind: Fault, Want: broken("FW-05"), NearOf: "sni-reset",
		Story:  "a firewall resets every connection at its TLS greeting",
		Change: onEveryPath(world.Middlebox{Name: "firewall", ResetSNI: []string{"*"}}),
	}}
}

// inspectedWay is a public path through a Gateway Load Balancer endpoint, whose
// appliances behave in that way.
func inspectedWay(m world.Middlebox) func(*world.World, *Seed) {
	return func(w *world.World, _ *Seed) {
		dropEndpoints(w)
		dropGatewayRoute(w)
		addNAT(w)
		m.Name, m.On = "inspection appliances", world.Match{Public: true}
		w.Middleboxes = []world.Middlebox{m}
	}
}

// appliances are the appliances behind a Gateway Load Balancer.
func appliances() []Scenario {
	return []Scenario{{
		Name: "gwlb-dead", Kind: Fault, Want: broken("DN-02").with("FW-01", "RT-01"), NearOf: "nat-failed",
		Story:  "the public path leads through a Gateway Load Balancer whose appliances are all unhealthy",
		Change: inspectedWay(world.Middlebox{DropPorts: [2]uint16{1, 65535}}),
	}, {
		Name: "gwlb-fine", Kind: Healthy, Want: noFault, NearOf: "gwlb-dead",
		Story:  "the same path with appliances that let everything through, two milliseconds later",
		Change: inspectedWay(world.Middlebox{Latency: 2 * time.Millisecond}),
	}, {
		Name: "gwlb-encapsulation", Kind: Fault, Want: broken("TL-07", "FW-07"), NearOf: "gwlb-fine",
		Story:  "the same path, whose encapsulation leaves room for packets of 1400 bytes only, without ICMP",
		Change: inspectedWay(world.Middlebox{MaxOut: 1400, MaxIn: 1400}),
	}}
}

// inspection is TLS that a firewall re-signs, for some names only.
func inspection() []Scenario {
	selective := func(w *world.World, s *Seed) {
		w.Middleboxes = []world.Middlebox{{Name: "inspection", Intercept: true, Names: []string{Host(w, Pick(s, required))}}}
	}
	return []Scenario{{
		Name: "tls-intercept-one", Kind: Fault, Want: broken("FW-04"), NearOf: "tls-intercept",
		Story:  "a firewall re-signs TLS of one required name with a CA that the instance does not know",
		Change: selective,
	}, {
		Name: "tls-intercept-one-trusted", Kind: Healthy, Want: Want{Status: "healthy", Codes: []string{"TL-12"}}, NearOf: "tls-intercept-one",
		Story:  "the same, and the administrator installed that CA",
		Change: both(selective, func(w *world.World, _ *Seed) { w.Host.Roots.Corporate = true }),
	}, {
		Name: "unknown-appliance", Kind: Fault, Want: broken("TL-01", "FW-04"), NearOf: "tls-intercept-one",
		Story: "one required name is answered by an appliance with a certificate of its own making",
		Change: func(w *world.World, s *Seed) {
			w.VPC.Endpoint(Pick(s, required)).Server.OtherCA = true
		},
	}}
}
