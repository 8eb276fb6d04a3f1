package scenario

import (
	"fmt"
	"net/netip"
	"strings"

	"vpcdoctor/cmd/vpclab/world"
)

// customArgsPlain ask for the custom service without TLS.
var customArgsPlain = []string{"--config", customConfig}

// customPaths are custom services beyond plain success and failure.
func customPaths() []Scenario {
	return []Scenario{{
		Name: "custom-az-silent", Kind: Fault, Want: broken("PL-05").with("RT-08"), Args: customArgs, NearOf: "custom-one-az",
		Story: "one of the custom service's addresses belongs to nobody any more",
		Change: func(w *world.World, s *Seed) {
			e := addCustom(w, s)
			w.Resolver.Zones[0].Records[0].Addrs = []netip.Addr{e.Interfaces[0].Addr, freeAddr(w, s, 1)}
		},
	}, {
		Name: "custom-az-missing", Kind: Fault, Want: degraded("PL-05"), Args: customArgsPlain, NearOf: "custom-az-expected",
		Story:  "the custom service works in two AZs, and its configuration expects three",
		Change: func(w *world.World, s *Seed) { expectAZs(w, s, 3) },
	}, {
		Name: "custom-az-expected", Kind: Healthy, Want: noFault, Args: customArgsPlain, NearOf: "custom-az-missing",
		Story:  "the custom service has as many addresses as its configuration expects",
		Change: func(w *world.World, s *Seed) { expectAZs(w, s, 2) },
	}, {
		Name: "custom-elsewhere", Kind: Fault, Want: degraded("PL-03"), Args: customArgsPlain, NearOf: "custom-az-expected",
		Story:  "the custom service works at addresses outside the block in which its configuration expects it",
		Change: func(w *world.World, s *Seed) { plainCustom(w, s, "    cidr: 192.0.2.0/24\n") },
	}, {
		Name: "custom-zonal", Kind: Healthy, Want: noFault, Args: customArgsPlain, NearOf: "custom-zonal-gone",
		Story:  "the custom service is called by the zonal name of its endpoint",
		Change: func(w *world.World, s *Seed) { zonal(w, s, 1) },
	}, {
		Name: "custom-zonal-gone", Kind: Fault, Want: broken("DN-28"), Args: customArgsPlain, NearOf: "custom-zonal",
		Story: "the same, and the endpoint has left that AZ",
		Change: func(w *world.World, s *Seed) {
			e := zonal(w, s, 1)
			e.Interfaces = e.Interfaces[:1]
		},
	}, {
		Name: "custom-reset", Kind: Fault, Want: broken("PL-06"), Args: customArgs, NearOf: "custom-closed",
		Story:  "the provider's load balancer takes connections and resets them at the first byte: it has no healthy target",
		Change: func(w *world.World, s *Seed) { addCustom(w, s).Server.ResetHello = true },
	}, {
		Name: "custom-silent", Kind: Fault, Want: broken("TL-14", "TL-07", "PL-06"), Args: customArgs, NearOf: "custom-reset",
		Story:  "the provider's load balancer takes connections and never says a word: its target hangs",
		Change: func(w *world.World, s *Seed) { addCustom(w, s).Server.SilentTLS = true },
	}, {
		Name: "custom-plain", Kind: Healthy, Want: noFault, Args: customArgsPlain, NearOf: "custom-plain-closed",
		Story:  "the custom service speaks plain TCP",
		Change: func(w *world.World, s *Seed) { plainCustom(w, s) },
	}, {
		Name: "custom-plain-closed", Kind: Fault, Want: broken("PL-06"), Args: customArgsPlain, NearOf: "custom-plain",
		Story:  "the custom service speaks plain TCP, and its targets are dead",
		Change: func(w *world.World, s *Seed) { plainCustom(w, s).Server.Closed = true },
	}, {
		Name: "custom-not-tls", Kind: Fault, Want: broken("TL-14"), Args: customArgs, NearOf: "custom-plain",
		Story:  "the custom service speaks plain TCP and is asked for TLS",
		Change: func(w *world.World, s *Seed) { plainCustom(w, s) },
	}}
}

// customConfig is the configuration file of the scenarios that need one.
const customConfig = "/etc/vpcdoctor/lab.yaml"

// plainCustom adds a custom service that takes connections and says nothing,
// and the configuration that calls it plain.
func plainCustom(w *world.World, s *Seed, more ...string) *world.Endpoint {
	e := addCustom(w, s)
	e.Server.Mute = true
	configure(w, customHost, more...)
	return e
}

// configure writes the configuration of the custom service under a name, with
// further lines.
func configure(w *world.World, host string, more ...string) {
	w.Host.Files = map[string]string{customConfig: "endpoints:\n  - name: billing\n    host: " + host + "\n    port: 8443\n    plain: true\n" + strings.Join(more, "")}
}

// expectAZs adds a custom service in two AZs that is expected in n.
func expectAZs(w *world.World, s *Seed, n int) {
	plainCustom(w, s, fmt.Sprintf("    azs: %d\n", n))
}

// zonal adds a custom service that is called by the name of its endpoint in one
// AZ.
func zonal(w *world.World, s *Seed, az int) *world.Endpoint {
	e := plainCustom(w, s)
	configure(w, w.ZonalName(e, w.AZs[az].Name))
	return e
}
