package scenario

import (
	"net/netip"

	"vpcdoctor/cmd/vpclab/world"
)

func broken(codes ...string) Want { return Want{Status: "broken", Codes: codes, Exit: 1} }

func degraded(codes ...string) Want { return Want{Status: "degraded", Codes: codes} }

// with adds codes that must show up as cause or alternative.
func (w Want) with(codes ...string) Want {
	w.Also = codes
	return w
}

// never adds codes that must not be among the causes.
func (w Want) never(codes ...string) Want {
	w.Never = codes
	return w
}

func dnsFaults() []Scenario { return append(wrongAnswers(), noAnswers()...) }

func wrongAnswers() []Scenario {
	return []Scenario{{
		Name: "custom-dns-public", Kind: Fault, Want: broken("DN-05"),
		Story:  "the company's DNS server resolves AWS names by itself and gets public addresses",
		Change: func(w *world.World, s *Seed) { addDNS(w, s, world.DNSPublic) },
	}, {
		Name: "custom-dns-public-nat", Kind: Fault, Want: degraded("DN-05"), NearOf: "custom-dns-public",
		Story:  "the same, and a NAT hides it: traffic leaves the VPC",
		Change: func(w *world.World, s *Seed) { addDNS(w, s, world.DNSPublic); addNAT(w) },
	}, {
		Name: "baked-public-dns", Kind: Fault, Want: degraded("DN-08"),
		Story: "8.8.8.8 is baked into resolv.conf; a NAT makes it work by public addresses",
		Change: func(w *world.World, _ *Seed) {
			a := netip.MustParseAddr("8.8.8.8")
			w.DNSServers = []world.DNSServer{{Addr: a, Mode: world.DNSPublic}}
			w.Host.Nameservers = []string{a.String()}
			addNAT(w)
		},
	}, {
		Name: "hosts-stale", Kind: Fault, Want: broken("DN-15"),
		Story: "the hosts file pins a name to an address that no endpoint has any more",
		Change: func(w *world.World, s *Seed) {
			w.Host.HostsLines = []string{"# pinned during the outage", freeAddr(w, s, 1).String() + " " + Host(w, Pick(s, required))}
		},
	}, {
		Name: "stale-zone", Kind: Fault, Want: broken("DN-10"),
		Story: "a private zone still names an interface that is gone, in our own subnet",
		Change: func(w *world.World, s *Seed) {
			name := Pick(s, required)
			dropEndpoints(w, name)
			addZone(w, Host(w, name), freeAddr(w, s, 0))
		},
	}, {
		Name: "stale-zone-elsewhere", Kind: Fault, Want: broken("SG-02").with("DN-10"), NearOf: "stale-zone",
		Story: "the same in another subnet: from here it looks like a closed security group",
		Change: func(w *world.World, s *Seed) {
			name := Pick(s, required)
			dropEndpoints(w, name)
			addZone(w, Host(w, name), freeAddr(w, s, 1))
		},
	}, {
		Name: "parent-zone", Kind: Fault, Want: broken("DN-11"),
		Story: "a private zone for the Region's domain knows one service and hides the others",
		Change: func(w *world.World, _ *Seed) {
			e := w.VPC.Endpoint("ssm")
			zone := world.Zone{Apex: w.Region + "." + w.Suffix, Records: []world.Record{{Name: Host(w, "ssm"), Addrs: e.Addrs()}}}
			eachEndpoint(w, func(e *world.Endpoint) { e.PrivateDNS = false })
			w.Resolver.Zones = []world.Zone{zone}
		},
	}, {
		Name: "dns-firewall-sinkhole", Kind: Fault, Want: broken("DN-22"),
		Story: "DNS Firewall answers a required name with 0.0.0.0",
		Change: func(w *world.World, s *Seed) {
			w.Resolver.Firewall = []world.FirewallRule{{Names: []string{Host(w, Pick(s, required))}, Action: "override", Override: netip.IPv4Unspecified()}}
		},
	}, {
		Name: "dns-firewall-nxdomain", Kind: Fault, Want: broken("DN-22", "DN-31").with("DN-22"), NearOf: "parent-zone",
		Story: "DNS Firewall answers a required name with NXDOMAIN",
		Change: func(w *world.World, s *Seed) {
			w.Resolver.Firewall = []world.FirewallRule{{Names: []string{Host(w, Pick(s, required))}, Action: "nxdomain"}}
		},
	}, {
		Name: "dns-firewall-nodata", Kind: Fault, Want: broken("DN-22"), NearOf: "dns-firewall-nxdomain",
		Story: "DNS Firewall answers a required name with an empty answer",
		Change: func(w *world.World, s *Seed) {
			w.Resolver.Firewall = []world.FirewallRule{{Names: []string{Host(w, Pick(s, required))}, Action: "nodata"}}
		},
	}, {
		Name: "hub-zone-missing", Kind: Fault, Want: broken("DN-13"),
		Story: "central endpoints; the zone of one service is not associated with our VPC",
		Change: func(w *world.World, s *Seed) {
			moveToHub(w, s)
			w.Resolver.Zones = append(w.Resolver.Zones[:1:1], w.Resolver.Zones[2:]...) // the second is ssmmessages
		},
	}}
}

func noAnswers() []Scenario {
	return []Scenario{{
		Name: "custom-dns-dead", Kind: Fault, Want: broken("DN-07"),
		Story:  "the DNS servers of the DHCP option set are gone",
		Change: func(w *world.World, s *Seed) { addDNS(w, s, world.DNSSilent); addDNS(w, s, world.DNSSilent) },
	}, {
		Name: "first-dns-dead", Kind: Fault, Want: degraded("DN-07"), NearOf: "custom-dns-dead",
		Story: "the first DNS server is dead, the second is the VPC resolver: every lookup stalls",
		Change: func(w *world.World, s *Seed) {
			addDNS(w, s, world.DNSSilent)
			w.VPC.DHCP.Servers = append(w.VPC.DHCP.Servers, w.VPC.ResolverAddr())
		},
	}, {
		Name: "ipv6-dns", Kind: Fault, Want: broken("DN-29"),
		Story:  "resolv.conf has only the IPv6 address of the VPC resolver; the host has no IPv6",
		Change: func(w *world.World, _ *Seed) { w.Host.Nameservers = []string{world.ResolverAddrV6.String()} },
	}, {
		Name: "ipv6-dns-first", Kind: Fault, Want: degraded("DN-29"), NearOf: "ipv6-dns",
		Story: "the same with the IPv4 address behind it, which answers",
		Change: func(w *world.World, _ *Seed) {
			w.Host.Nameservers = []string{world.ResolverAddrV6.String(), w.VPC.ResolverAddr().String()}
		},
	}, {
		Name: "custom-dns-refuses", Kind: Fault, Want: broken("DN-05"),
		Story:  "the company's DNS server refuses to recurse for us",
		Change: func(w *world.World, s *Seed) { addDNS(w, s, world.DNSRefuse) },
	}, {
		Name: "dns-tcp-refused", Kind: Fault, Want: broken("DN-26"),
		Story: "the company's DNS server truncates its answers and takes no TCP",
		Change: func(w *world.World, s *Seed) {
			addDNS(w, s, world.DNSForward)
			w.DNSServers[0].Truncates, w.DNSServers[0].NoTCP = true, true
		},
	}, {
		Name: "dns-by-tcp", Kind: Healthy, Want: noFault, NearOf: "dns-tcp-refused",
		Story: "the company's DNS server truncates its answers and gives them over TCP",
		Change: func(w *world.World, s *Seed) {
			addDNS(w, s, world.DNSForward)
			w.DNSServers[0].Truncates = true
		},
	}, {
		Name: "dns-support-off", Kind: Fault, Want: broken("DN-04"),
		Story:  "enableDnsSupport is false",
		Change: func(w *world.World, _ *Seed) { w.VPC.DNSSupport = false },
	}, {
		Name: "no-dns-servers", Kind: Fault, Want: broken("DN-06"),
		Story:  "the DHCP option set names no DNS server",
		Change: func(w *world.World, _ *Seed) { w.VPC.DHCP.None = true },
	}, {
		Name: "stub-down", Kind: Fault, Want: broken("DN-16"),
		Story:  "resolv.conf points to systemd-resolved, which is not running",
		Change: func(w *world.World, _ *Seed) { w.Host.Stub = world.Stub{Configured: true} },
	}, {
		Name: "nsswitch-without-dns", Kind: Fault, Want: broken("DN-16"),
		Story:  "nsswitch.conf asks files only",
		Change: func(w *world.World, _ *Seed) { w.Host.HostsOrder = "files" },
	}, {
		Name: "stub-dnssec", Kind: Fault, Want: broken("DN-17"), NearOf: "stub-resolver",
		Story: "the stub rejects every answer, as with DNSSEC=yes",
		Change: func(w *world.World, _ *Seed) {
			w.Host.Stub = world.Stub{Configured: true, Running: true, ServFail: true}
		},
	}, {
		Name: "resolver-rule", Kind: Fault, Want: broken("DN-09", "DN-31").with("DN-09"),
		Story: "a resolver rule sends a required name on-premises, where nobody can answer",
		Change: func(w *world.World, s *Seed) {
			a := netip.MustParseAddr("10.255.255.53")
			w.DNSServers = []world.DNSServer{{Addr: a, Mode: world.DNSServFail}}
			w.Resolver.Rules = []world.ForwardRule{{Domain: Host(w, Pick(s, required)), To: a}}
		},
	}, {
		Name: "name-absent", Kind: Fault, Want: broken("DN-31"), NearOf: "parent-zone",
		Story: "the endpoint is gone, and the public DNS does not know the name either",
		Change: func(w *world.World, s *Seed) {
			name := Pick(s, required)
			dropEndpoints(w, name)
			w.Internet.Absent = []string{Host(w, name)}
		},
	}}
}
