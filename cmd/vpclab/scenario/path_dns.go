package scenario

import (
	"net/netip"

	"vpcdoctor/cmd/vpclab/world"
)

// dnsLayers are wrong answers to the same name with the same symptom, the
// address of nobody in the other subnet, told by one layer each.
func dnsLayers() []Scenario {
	// stale is a record of a required name with an address that nobody has.
	stale := func(w *world.World, s *Seed) world.Record {
		return world.Record{Name: Host(w, Pick(s, required)), Addrs: []netip.Addr{freeAddr(w, s, 1)}, TTL: 3600}
	}
	return []Scenario{{
		Name: "stub-stale", Kind: Fault, Want: broken("DN-18").never("DN-15"), NearOf: "server-stale",
		Story: "the stub on the instance still gives the address of a deleted endpoint",
		Change: func(w *world.World, s *Seed) {
			w.Host.Stub = world.Stub{Configured: true, Running: true, Records: []world.Record{stale(w, s)}}
		},
	}, {
		Name: "stub-cache-stale", Kind: Fault, Want: broken("DN-19").never("DN-18"), NearOf: "stub-stale",
		Story: "the cache of the stub on the instance still holds the address of a deleted endpoint",
		Change: func(w *world.World, s *Seed) {
			w.Host.Stub = world.Stub{Configured: true, Running: true, Cached: true, Records: []world.Record{stale(w, s)}}
		},
	}, {
		Name: "stub-cache-right", Kind: Healthy, Want: noFault, NearOf: "stub-cache-stale",
		Story: "the cache of the stub on the instance holds the right address",
		Change: func(w *world.World, s *Seed) {
			e := w.VPC.Endpoint(Pick(s, required))
			w.Host.Stub = world.Stub{Configured: true, Running: true, Cached: true,
				Records: []world.Record{{Name: e.Hosts[0], Addrs: e.Addrs(), TTL: 3600}}}
		},
	}, {
		Name: "stub-cache-public", Kind: Fault, Want: broken("DN-23").with("DN-18"), NearOf: "stub-cache-right",
		Story: "the endpoint is new, and the cache of the stub still holds the public address from before",
		Change: func(w *world.World, s *Seed) {
			name := Host(w, Pick(s, required))
			w.Host.Stub = world.Stub{Configured: true, Running: true, Cached: true,
				Records: []world.Record{{Name: name, Addrs: w.PublicAddrs(name), TTL: 300}}}
		},
	}, {
		Name: "stub-record-public", Kind: Fault, Want: broken("DN-05").never("DN-23"), NearOf: "stub-cache-public",
		Story: "the configuration of the stub on the instance gives a public address, which never counts down",
		Change: func(w *world.World, s *Seed) {
			name := Host(w, Pick(s, required))
			w.Host.Stub = world.Stub{Configured: true, Running: true,
				Records: []world.Record{{Name: name, Addrs: w.PublicAddrs(name), TTL: 300}}}
		},
	}, {
		Name: "search-wildcard", Kind: Fault, Want: broken("DN-20"), NearOf: "search-harmless",
		Story:  "resolv.conf has ndots:5, and the company's search domain answers for every name below it",
		Change: searchList("*.corp.example", "ndots:5"),
	}, {
		Name: "search-late", Kind: Healthy, Want: noFault, NearOf: "search-wildcard",
		Story:  "the same search domain with the usual ndots: names with dots are asked as they are first",
		Change: searchList("*.corp.example"),
	}, {
		Name: "search-harmless", Kind: Healthy, Want: noFault, NearOf: "search-wildcard",
		Story:  "resolv.conf has ndots:5, and the company's search domain knows its own names only",
		Change: searchList("intranet.corp.example", "ndots:5"),
	}, {
		Name: "server-stale", Kind: Fault, Want: broken("DN-05").never("DN-15"), NearOf: "custom-dns-forwards",
		Story: "a record on the company's DNS server still names a deleted endpoint",
		Change: func(w *world.World, s *Seed) {
			addDNS(w, s, world.DNSForward)
			w.DNSServers[0].Records = []world.Record{stale(w, s)}
		},
	}, {
		Name: "hosts-stale-stub", Kind: Fault, Want: broken("DN-15"), NearOf: "stub-stale",
		Story: "the hosts file beside a working stub still names a deleted endpoint",
		Change: func(w *world.World, s *Seed) {
			w.Host.Stub = world.Stub{Configured: true, Running: true}
			r := stale(w, s)
			w.Host.HostsLines = []string{r.Addrs[0].String() + " " + r.Name}
		},
	}, {
		Name: "hosts-right", Kind: Healthy, Want: noFault, NearOf: "hosts-stale-stub",
		Story: "the hosts file names a required endpoint, with the address it has",
		Change: func(w *world.World, s *Seed) {
			w.Host.Stub = world.Stub{Configured: true, Running: true}
			e := w.VPC.Endpoint(Pick(s, required))
			w.Host.HostsLines = []string{e.Interfaces[0].Addr.String() + " " + e.Hosts[0]}
		},
	}}
}

// searchList puts corp.example on the search list. The company's zone has one
// record, which names its web server.
func searchList(name string, options ...string) func(*world.World, *Seed) {
	return func(w *world.World, s *Seed) {
		web := addServer(w, s, "web", 80)
		w.VPC.DHCP.Domain = "corp.example"
		w.Host.ResolvOpts = options
		w.Resolver.Zones = append(w.Resolver.Zones, world.Zone{Apex: "corp.example", Records: []world.Record{{Name: name, Addrs: []netip.Addr{web}}}})
	}
}

// dnsServers are DNS servers with manners of their own.
func dnsServers() []Scenario {
	// with adds one DNS server of the company's that forwards, and changes it.
	with := func(change func(d *world.DNSServer)) func(*world.World, *Seed) {
		return func(w *world.World, s *Seed) {
			addDNS(w, s, world.DNSForward)
			change(&w.DNSServers[0])
		}
	}
	return []Scenario{{
		Name: "resolver-limit", Kind: Fault, Want: broken("DN-21").never("OS-01", "DN-04"), NearOf: "resolver-busy",
		Story: "the instance asks more of the VPC resolver than it answers in a second, which hits the questions for one required name",
		Change: func(w *world.World, s *Seed) {
			w.Resolver.Drops = []string{Host(w, Pick(s, required))}
		},
	}, {
		Name: "resolver-busy", Kind: Healthy, Want: noFault, NearOf: "resolver-limit",
		Story:  "the instance asks much of the VPC resolver, and stays within what it answers",
		Change: func(w *world.World, _ *Seed) { w.Resolver.DropAbove = 60 },
	}, {
		Name: "dns-tcp-silent", Kind: Fault, Want: broken("DN-26"), NearOf: "dns-by-tcp",
		Story: "the company's DNS server truncates its answers, and its security group admits no TCP",
		Change: func(w *world.World, s *Seed) {
			with(func(d *world.DNSServer) { d.Truncates = true })(w, s)
			id := s.ID("sg")
			w.VPC.SecurityGroups = append(w.VPC.SecurityGroups, world.SecurityGroup{ID: id, Name: "dns",
				Ingress: []world.Rule{{Proto: "udp", From: 53, To: 53, CIDR: w.VPC.CIDRs[0]}}})
			w.VPC.Servers[0].Groups = []string{id}
		},
	}, {
		Name: "dns-no-aaaa", Kind: Healthy, Want: noFault, NearOf: "custom-dns-forwards",
		Story:  "the company's DNS server says NXDOMAIN to every question for AAAA",
		Change: with(func(d *world.DNSServer) { d.NoAAAA = true }),
	}, {
		Name: "dns-rebind", Kind: Fault, Want: broken("DN-05", "DN-09", "DN-22"), NearOf: "custom-dns-forwards",
		Story:  "the company's DNS server holds private addresses back, against rebinding",
		Change: with(func(d *world.DNSServer) { d.Rebind = true }),
	}}
}
