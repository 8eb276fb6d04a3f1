package scenario

import (
	"time"

	"vpcdoctor/cmd/vpclab/world"
)

func tlsFaults() []Scenario {
	// one changes how the endpoint of one required service answers.
	one := func(change func(w *world.World, b *world.ServerBehavior)) func(*world.World, *Seed) {
		return func(w *world.World, s *Seed) { change(w, &w.VPC.Endpoint(Pick(s, required)).Server) }
	}
	// box puts a middlebox on every path.
	box := func(m world.Middlebox) func(*world.World, *Seed) {
		return func(w *world.World, _ *Seed) { w.Middleboxes = []world.Middlebox{m} }
	}
	return []Scenario{{
		Name: "tls-intercept", Kind: Fault, Want: broken("TL-01"),
		Story: "a firewall re-signs TLS with a CA that the instance does not know", Change: box(world.Middlebox{Name: "inspection", Intercept: true}),
	}, {
		Name: "store-lacks-root", Kind: Fault, Want: broken("TL-02"), NearOf: "tls-intercept",
		Story:  "hardening removed the Amazon roots from the system store",
		Change: func(w *world.World, _ *Seed) { w.Host.Roots.NoAmazon = true },
	}, {
		Name: "wrong-certificate", Kind: Fault, Want: broken("TL-04"),
		Story: "a private zone leads a required name to the endpoint of another service",
		Change: func(w *world.World, s *Seed) {
			name := Pick(s, required)
			dropEndpoints(w, name)
			addZone(w, Host(w, name), w.VPC.Endpoint("kms").Addrs()...)
		},
	}, {
		Name: "certificate-expired", Kind: Fault, Want: broken("TL-13"), NearOf: "clock-far-off",
		Story: "a required endpoint presents an expired certificate", Change: one(func(_ *world.World, b *world.ServerBehavior) { b.CertExpired = true }),
	}, {
		Name: "clock-far-off", Kind: Fault, Want: broken("TL-03"),
		Story:  "the instance's clock is two years behind: no certificate is valid yet",
		Change: func(w *world.World, _ *Seed) { w.Clock = 2 * 365 * 24 * time.Hour },
	}, {
		Name: "http-on-443", Kind: Fault, Want: broken("TL-08"),
		Story: "something that speaks plain HTTP answers on 443", Change: one(func(_ *world.World, b *world.ServerBehavior) { b.PlainHTTP = true }),
	}, {
		Name: "mtu-hole", Kind: Fault, Want: broken("TL-07"),
		Story: "packets larger than 1400 bytes vanish on the path, without ICMP", Change: box(world.Middlebox{Name: "tunnel", MaxPacket: 1400}),
	}, {
		Name: "jumbo-fits", Kind: Healthy, Want: noFault, NearOf: "mtu-hole",
		Story: "packets larger than 8500 bytes vanish, as on a transit gateway; none is sent", Change: box(world.Middlebox{Name: "transit gateway", MaxPacket: 8500}),
	}, {
		Name: "split-hello", Kind: Fault, Want: broken("FW-03"), NearOf: "mtu-1500",
		Story: "a firewall cannot put together a TLS greeting that takes two packets",
		Change: func(w *world.World, _ *Seed) {
			w.Host.MTU = 1500
			w.Middleboxes = []world.Middlebox{{Name: "old firewall", DropSplit: true}}
		},
	}, {
		Name: "mtu-1500", Kind: Healthy, Want: noFault, NearOf: "mtu-hole",
		Story:  "the interface has an MTU of 1500: the greeting takes two packets",
		Change: func(w *world.World, _ *Seed) { w.Host.MTU = 1500 },
	}, {
		Name: "sni-reset", Kind: Fault, Want: broken("FW-02"),
		Story: "a firewall resets connections to one required name",
		Change: func(w *world.World, s *Seed) {
			w.Middleboxes = []world.Middlebox{{Name: "domain filter", ResetSNI: []string{Host(w, Pick(s, required))}}}
		},
	}, {
		Name: "sni-drop", Kind: Fault, Want: broken("FW-02"), NearOf: "sni-reset",
		Story: "a firewall swallows the TLS greeting for one required name",
		Change: func(w *world.World, s *Seed) {
			w.Middleboxes = []world.Middlebox{{Name: "domain filter", DropSNI: []string{Host(w, Pick(s, required))}}}
		},
	}, {
		Name: "hello-closed", Kind: Fault, Want: broken("FW-05"),
		Story: "a required endpoint closes after the TLS greeting", Change: one(func(_ *world.World, b *world.ServerBehavior) { b.CloseHello = true }),
	}, {
		Name: "tls-refused", Kind: Fault, Want: broken("TL-05"),
		Story: "a required endpoint refuses our TLS parameters", Change: one(func(_ *world.World, b *world.ServerBehavior) { b.TLSAlert = true }),
	}, {
		Name: "aws-in-trouble", Kind: Fault, Want: degraded("SV-01"),
		Story: "a required service answers with server errors", Change: one(func(_ *world.World, b *world.ServerBehavior) { b.Error5xx = true }),
	}, {
		Name: "block-page", Kind: Fault, Want: Want{Status: "healthy", Codes: []string{"TL-12"}}, NearOf: "tls-intercept-trusted",
		Story: "an inspection device that the host trusts answers the unsigned request with its own page",
		Change: func(w *world.World, _ *Seed) {
			w.Middleboxes = []world.Middlebox{{Name: "inspection", Intercept: true}}
			w.Host.Roots.Corporate = true
			eachEndpoint(w, func(e *world.Endpoint) { e.Server.BlockPage = true })
		},
	}}
}
