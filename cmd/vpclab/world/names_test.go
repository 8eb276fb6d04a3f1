package world_test

import (
	"net/netip"
	"slices"
	"testing"

	"vpcdoctor/cmd/vpclab/scenario"
	"vpcdoctor/cmd/vpclab/world"
	"vpcdoctor/probe/catalog"
)

func TestAsk(t *testing.T) {
	ssm := func(w *world.World) string { return "ssm." + w.Region + "." + w.Suffix }
	fixed := netip.MustParseAddr("10.9.9.9")
	tests := []struct {
		name   string
		change func(*world.World)
		ask    func(*world.World) string
		v6     bool
		rcode  string
		addrs  func(*world.World) []netip.Addr // nil: none
		soa    func(*world.World) string       // nil: not compared
		silent bool
	}{
		{name: "private DNS", ask: ssm, rcode: "NOERROR", addrs: func(w *world.World) []netip.Addr { return w.VPC.Endpoint("ssm").Addrs() }},
		{name: "no AAAA", ask: ssm, v6: true, rcode: "NOERROR"},
		{name: "private DNS off", ask: ssm, rcode: "NOERROR", addrs: func(w *world.World) []netip.Addr { return w.PublicAddrs(ssm(w)) },
			change: func(w *world.World) { w.VPC.Endpoint("ssm").PrivateDNS = false }},
		{name: "host names off", ask: ssm, rcode: "NOERROR", addrs: func(w *world.World) []netip.Addr { return w.PublicAddrs(ssm(w)) },
			change: func(w *world.World) { w.VPC.DNSHostnames = false }},
		{name: "endpoint's own name", rcode: "NOERROR",
			ask:   func(w *world.World) string { return w.EndpointName(w.VPC.Endpoint("ssm")) },
			addrs: func(w *world.World) []netip.Addr { return w.VPC.Endpoint("ssm").Addrs() }},
		{name: "zone", ask: ssm, rcode: "NOERROR", addrs: func(*world.World) []netip.Addr { return []netip.Addr{fixed} },
			change: func(w *world.World) {
				w.VPC.Endpoint("ssm").PrivateDNS = false
				w.Resolver.Zones = []world.Zone{{Apex: ssm(w), Records: []world.Record{{Name: ssm(w), Addrs: []netip.Addr{fixed}}}}}
			}},
		{name: "parent zone hides a name", rcode: "NXDOMAIN", ask: func(w *world.World) string { return "sts." + w.Region + "." + w.Suffix },
			soa:    func(w *world.World) string { return w.Region + "." + w.Suffix },
			change: func(w *world.World) { w.Resolver.Zones = []world.Zone{{Apex: w.Region + "." + w.Suffix}} }},
		{name: "parent zone does not hide an endpoint", ask: ssm, rcode: "NOERROR",
			addrs:  func(w *world.World) []netip.Addr { return w.VPC.Endpoint("ssm").Addrs() },
			change: func(w *world.World) { w.Resolver.Zones = []world.Zone{{Apex: w.Region + "." + w.Suffix}} }},
		{name: "firewall", ask: ssm, rcode: "NXDOMAIN", soa: func(*world.World) string { return "" },
			change: func(w *world.World) {
				w.Resolver.Firewall = []world.FirewallRule{{Names: []string{"*." + w.Suffix}, Action: "nxdomain"}}
			}},
		{name: "rule for the exact name", ask: ssm, rcode: "SERVFAIL",
			change: func(w *world.World) {
				w.DNSServers = []world.DNSServer{{Addr: fixed, Mode: world.DNSServFail}}
				w.Resolver.Rules = []world.ForwardRule{{Domain: ssm(w), To: fixed}}
			}},
		{name: "random label", ask: func(w *world.World) string { return "vpcdoctor-abc123." + w.Region + "." + w.Suffix }, rcode: "NXDOMAIN"},
		{name: "random bucket", rcode: "NOERROR",
			ask: func(w *world.World) string { return "vpcdoctor-abc123.s3." + w.Region + "." + w.Suffix },
			addrs: func(w *world.World) []netip.Addr {
				return w.PublicAddrs("vpcdoctor-abc123.s3." + w.Region + "." + w.Suffix)
			}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := base(t, tt.change)
			a := w.Ask(world.ResolverAddr, tt.ask(w), tt.v6)
			var want []netip.Addr
			if tt.addrs != nil {
				want = tt.addrs(w)
			}
			if a.RCode != tt.rcode || a.Silent != tt.silent || !slices.Equal(a.Addrs, want) {
				t.Errorf("got %+v, want %s %v", a, tt.rcode, want)
			}
			if tt.soa != nil && a.SOA != tt.soa(w) {
				t.Errorf("SOA %q, want %q", a.SOA, tt.soa(w))
			}
		})
	}
}

// Public addresses must be what the product takes for AWS's, in every Region
// the lab can be in.
func TestPublicAddressesAreAWS(t *testing.T) {
	for _, region := range world.KnownRegions() {
		s := scenario.Scenario{Name: "x", Region: region}
		w := s.World(1)
		for _, service := range []string{"ssm", "s3", "dynamodb"} {
			name := service + "." + region + "." + w.Suffix
			a := w.PublicAddrs(name)
			if len(a) != 1 {
				t.Errorf("%s: addresses %v", name, a)
				continue
			}
			if r, _, ok := catalog.Ranges().Lookup(a[0]); !ok || r != region {
				t.Errorf("%s: %s is in Region %q, want %s", name, a[0], r, region)
			}
			if _, kind, _ := catalog.Ranges().Lookup(a[0]); service == "s3" && kind != "S3" {
				t.Errorf("%s: %s is of %q", name, a[0], kind)
			}
			if got := w.PublicAddrs(name); got[0] != a[0] {
				t.Errorf("%s: %s, then %s", name, a[0], got[0])
			}
		}
	}
}
