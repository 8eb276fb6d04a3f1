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
