package world

import (
	"net/netip"
	"strings"
	"time"
)

// Answer is what a DNS server says to one question.
type Answer struct {
	Silent bool
	RCode  string // NOERROR | NXDOMAIN | SERVFAIL | REFUSED
	Addrs  []netip.Addr
	SOA    string // owner of the SOA in the authority section of a negative answer
	TTL    uint32
	Delay  time.Duration
	// Truncated says that nothing fits a datagram: the asker must use TCP.
	Truncated bool
}

func found(addrs []netip.Addr, v6 bool, ttl uint32, soa string) Answer {
	a := Answer{RCode: "NOERROR", TTL: ttl, SOA: soa}
	for _, x := range addrs {
		if x.Is6() == v6 {
			a.Addrs = append(a.Addrs, x)
		}
	}
	return a
}

// Ask is the answer of the DNS server at an address to a question of type A,
// or AAAA with v6 set. Names are lower case without a trailing dot.
func (w *World) Ask(server netip.Addr, name string, v6 bool) Answer {
	if server == ResolverAddr || server == ResolverAddrV6 || server == w.VPC.ResolverAddr() {
		if MatchName(w.Resolver.Drops, name) {
			return Answer{Silent: true}
		}
		a := w.vpcAnswer(name, v6)
		if w.dns64() {
			a = synthesise(a, v6, NAT64, func() Answer { return w.vpcAnswer(name, false) })
		}
		a.Delay += w.Resolver.Delay
		return a
	}
	for _, s := range w.DNSServers {
		if s.Addr == server {
			a := s.meddle(w.serverAnswer(s, name, v6), v6, func() Answer { return w.serverAnswer(s, name, false) })
			a.Delay += s.Delay
			a.Truncated = a.Truncated || s.Truncates
			return a
		}
	}
	return Answer{Silent: true}
}

func (w *World) serverAnswer(s DNSServer, name string, v6 bool) Answer {
	if addrs, ttl, ok := record(s.Records, name); ok {
		return found(addrs, v6, ttl, "")
	}
	switch s.Mode {
	case DNSPublic:
		return w.publicAnswer(name, v6)
	case DNSSilent:
		return Answer{Silent: true}
	case DNSRefuse:
		return Answer{RCode: "REFUSED"}
	case DNSServFail:
		return Answer{RCode: "SERVFAIL"}
	case DNSNXDomain:
		return Answer{RCode: "NXDOMAIN", SOA: "."}
	default:
		return w.vpcAnswer(name, v6)
	}
}

// vpcAnswer is the VPC's resolver: DNS Firewall first, then the longest of
// private zones, endpoint names and resolver rules, then the public DNS.
func (w *World) vpcAnswer(name string, v6 bool) Answer {
	for _, r := range w.Resolver.Firewall {
		if MatchName(r.Names, name) {
			switch r.Action {
			case "override":
				return found([]netip.Addr{r.Override}, v6, 60, "")
			case "nodata":
				return Answer{RCode: "NOERROR"}
			default:
				return Answer{RCode: "NXDOMAIN"}
			}
		}
	}
	if addrs, ok := w.endpointName(name); ok {
		return found(addrs, v6, 60, "")
	}
	best, apply := -1, func() Answer { return w.publicAnswer(name, v6) }
	for _, z := range w.Resolver.Zones {
		if under(name, z.Apex) && len(z.Apex) > best {
			best, apply = len(z.Apex), func() Answer { return z.answer(name, v6) }
		}
	}
	for _, r := range w.Resolver.Rules {
		if under(name, r.Domain) && len(r.Domain) > best {
			best, apply = len(r.Domain), func() Answer { return w.Ask(r.To, name, v6) }
		}
	}
	if w.VPC.DNSHostnames {
		if e, ok := w.privateName(name); ok && len(name) > best {
			addrs := e.Addrs()
			if e.IPv6DNS {
				for _, i := range e.Interfaces {
					if i.IPv6.IsValid() {
						addrs = append(addrs, i.IPv6)
					}
				}
			}
			return found(addrs, v6, 60, name)
		}
	}
	return apply()
}

func (z Zone) answer(name string, v6 bool) Answer {
	if addrs, ttl, ok := record(z.Records, name); ok {
		return found(addrs, v6, ttl, z.Apex)
	}
	if name == z.Apex {
		return Answer{RCode: "NOERROR", SOA: z.Apex, TTL: 900}
	}
	return Answer{RCode: "NXDOMAIN", SOA: z.Apex, TTL: 900}
}

// privateName finds the endpoint whose private DNS took the name over.
func (w *World) privateName(name string) (*Endpoint, bool) {
	for i := range w.VPC.Endpoints {
		e := &w.VPC.Endpoints[i]
		if !e.Gateway && e.PrivateDNS && e.Available() && MatchName(e.Hosts, name) {
			return e, true
		}
	}
	return nil, false
}

// endpointName answers for the endpoints' own names,
// vpce-0a1b-x.ssm.us-east-1.vpce.amazonaws.com. They are public DNS names
// with private addresses and resolve everywhere.
func (w *World) endpointName(name string) ([]netip.Addr, bool) {
	for _, v := range w.networks() {
		for i := range v.Endpoints {
			e := &v.Endpoints[i]
			if !e.Gateway && w.EndpointName(e) == name {
				return e.Addrs(), true
			}
			for _, n := range e.Interfaces {
				if s := v.Subnet(n.Subnet); !e.Gateway && s != nil && w.ZonalName(e, s.AZ) == name {
					return []netip.Addr{n.Addr}, true
				}
			}
		}
	}
	return nil, false
}

// EndpointName is the regional DNS name of an interface endpoint.
func (w *World) EndpointName(e *Endpoint) string {
	tail := e.ID[len(e.ID)-8:]
	labels := strings.Split(e.Service, ".")
	return e.ID + "-" + tail + "." + labels[len(labels)-1] + "." + w.Region + "." + w.VPCESuffix
}

// ZonalName is the DNS name of an endpoint's interface in one AZ.
func (w *World) ZonalName(e *Endpoint, az string) string {
	label, rest, _ := strings.Cut(w.EndpointName(e), ".")
	return label + "-" + az + "." + rest
}

func (w *World) networks() []*VPC {
	out := []*VPC{&w.VPC}
	for i := range w.Networks {
		out = append(out, &w.Networks[i])
	}
	return out
}

func record(rs []Record, name string) ([]netip.Addr, uint32, bool) {
	for _, r := range rs {
		if MatchName([]string{r.Name}, name) {
			ttl := r.TTL
			if ttl == 0 {
				ttl = 300
			}
			return r.Addrs, ttl, true
		}
	}
	return nil, 0, false
}

func under(name, domain string) bool {
	return domain == "." || name == domain || strings.HasSuffix(name, "."+domain)
}

// dnsOverTCP tells whether a DNS server takes TCP at an address.
func (w *World) dnsOverTCP(a netip.Addr) bool {
	if w.LinkLocal(a) {
		return true
	}
	for _, s := range w.DNSServers {
		if s.Addr == a {
			return !s.NoTCP
		}
	}
	return false
}

// DNSAddrs lists every address that a DNS server of this world answers at.
func (w *World) DNSAddrs() []netip.Addr {
	out := []netip.Addr{ResolverAddr, w.VPC.ResolverAddr()}
	if w.Instance.IPv6.IsValid() {
		out = append(out, ResolverAddrV6)
	}
	for _, s := range w.DNSServers {
		out = append(out, s.Addr)
	}
	return out
}
