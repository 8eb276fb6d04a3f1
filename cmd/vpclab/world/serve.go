package world

import (
	"net/netip"
	"slices"
	"strings"
)

// ServiceKind is what kind of server answers behind an address and port.
type ServiceKind string

// Kinds of servers.
const (
	Nothing  ServiceKind = ""      // nobody listens
	FrontEnd ServiceKind = "aws"   // TLS service with a ServerBehavior
	Metadata ServiceKind = "imds"  // plain HTTP
	ProxyKnd ServiceKind = "proxy" // HTTP proxy
	WebTLS   ServiceKind = "web"   // TLS server that is no AWS front end
	RawTCP   ServiceKind = "tcp"   // accepts and says nothing
)

// Service is who answers behind an address and port.
type Service struct {
	Kind      ServiceKind
	Name      string   // name to present when the client sends no SNI
	Hosts     []string // names (or patterns) it is entitled to
	Behavior  ServerBehavior
	Intercept bool     // a middlebox re-signs what it says
	Denies    []string // S3 buckets that the endpoint on the way refuses
	Proxy     *Proxy
	Private   bool
	Endpoint  *Endpoint // that the connection came through; nil: none
	VPC       string    // of that endpoint
}

// Serve tells who answers a connection to an address and port.
func (w *World) Serve(dst netip.AddrPort, sni string) Service {
	a := translated(dst.Addr().Unmap())
	dst = netip.AddrPortFrom(a, dst.Port())
	if a == MetadataAddr || a == MetadataAddrV6 {
		if dst.Port() == 80 {
			return Service{Kind: Metadata}
		}
		return Service{}
	}
	for i := range w.Proxies {
		if p := &w.Proxies[i]; p.Addr == a && p.Port == dst.Port() {
			return Service{Kind: ProxyKnd, Proxy: p, Private: true}
		}
	}
	for _, v := range w.networks() {
		if s, ok := w.serveIn(v, dst); ok {
			s.Intercept = w.intercepted(dst, sni)
			return s
		}
	}
	if w.known(a) || dst.Port() != 443 {
		return Service{}
	}
	if sni == "" {
		sni = w.faultyHostAt(a)
	}
	s := Service{Kind: FrontEnd, Name: "ec2." + w.Region + "." + w.Suffix, Intercept: w.intercepted(dst, sni), Denies: w.Internet.Denies}
	if e := w.gateway(a); e != nil {
		s.Denies, s.Endpoint, s.VPC = slices.Concat(s.Denies, e.Denies), e, w.VPC.ID
	}
	if slices.Contains(w.PublicAddrs(sni), a) {
		s.Name, s.Hosts = sni, []string{sni}
		if under(sni, "s3."+w.Region+"."+w.Suffix) {
			s.Name, s.Hosts = "s3."+w.Region+"."+w.Suffix, []string{"s3." + w.Region + "." + w.Suffix, "*.s3." + w.Region + "." + w.Suffix}
		}
		s.Behavior = w.Internet.Servers[sni]
		if s.Behavior.Closed {
			return Service{}
		}
	}
	return s
}

// faultyHostAt finds the public host with a behaviour of its own that has an
// address, so that it shows before any name was said.
func (w *World) faultyHostAt(a netip.Addr) string {
	for h := range w.Internet.Servers {
		if slices.Contains(w.PublicAddrs(h), a) {
			return h
		}
	}
	return ""
}

func (w *World) serveIn(v *VPC, dst netip.AddrPort) (Service, bool) {
	for i := range v.Endpoints {
		e := &v.Endpoints[i]
		for _, n := range e.Interfaces {
			if n.Addr != dst.Addr() && (!n.IPv6.IsValid() || n.IPv6 != dst.Addr()) {
				continue
			}
			if dst.Port() != e.ServicePort() || e.Server.Closed {
				return Service{Private: true}, true
			}
			if e.Server.Mute {
				return Service{Kind: RawTCP, Private: true}, true
			}
			hosts := append(slices.Clone(e.Hosts), "*."+vpceDomain(w.EndpointName(e)))
			return Service{Kind: FrontEnd, Name: first(e.Hosts), Hosts: hosts, Behavior: e.Server, Denies: e.Denies, Private: true, Endpoint: e, VPC: v.ID}, true
		}
	}
	for _, s := range v.Servers {
		if s.Addr != dst.Addr() {
			continue
		}
		if !slices.Contains(s.Ports, dst.Port()) {
			return Service{Private: true}, true
		}
		if len(s.TLS) > 0 {
			return Service{Kind: WebTLS, Name: s.TLS[0], Hosts: s.TLS, Private: true,
				Behavior: ServerBehavior{NotAWS: true, CertNames: s.TLS}}, true
		}
		return Service{Kind: RawTCP, Private: true}, true
	}
	return Service{}, false
}

// gateway is the gateway endpoint on the way to a public address, if any.
func (w *World) gateway(a netip.Addr) *Endpoint {
	s := w.VPC.Subnet(w.Instance.Subnet)
	if s == nil {
		return nil
	}
	r, ok := w.route(&w.VPC, s, a)
	for i := range w.VPC.Endpoints {
		if e := &w.VPC.Endpoints[i]; ok && e.Gateway && e.ID == r.Target {
			return e
		}
	}
	return nil
}

func (w *World) intercepted(dst netip.AddrPort, sni string) bool {
	for _, m := range w.Middleboxes {
		if m.Intercept && w.Matches(m.On, dst) && (m.Names == nil || MatchName(m.Names, sni)) {
			return true
		}
	}
	return false
}

// Ports lists every TCP port that something in this world listens on, except
// DNS, which has its own servers.
func (w *World) Ports() []uint16 {
	ports := []uint16{80, 443}
	add := func(p uint16) {
		if p != 53 && !slices.Contains(ports, p) {
			ports = append(ports, p)
		}
	}
	for _, v := range w.networks() {
		for i := range v.Endpoints {
			add(v.Endpoints[i].ServicePort())
		}
		for _, s := range v.Servers {
			for _, p := range s.Ports {
				add(p)
			}
		}
	}
	for _, p := range w.Proxies {
		add(p.Port)
	}
	return ports
}

// vpceDomain is the part of an endpoint's name that its certificate covers.
func vpceDomain(name string) string {
	_, rest, _ := strings.Cut(name, ".")
	return rest
}

func first(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return names[0]
}
