//go:build linux

package lab

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"reflect"
	"sync"
	"time"

	"vpcdoctor/cmd/vpclab/world"
	"vpcdoctor/probe/probetest"
)

// serve starts the world's servers. One listener per port takes the
// connections to every address; the address that was dialled tells who
// answers.
func serve(now *live, p *pki, calls io.Writer) (*servers, error) {
	w := now.Load()
	s := &servers{pki: p, calls: calls}
	if err := s.become(w); err != nil {
		return nil, err
	}
	if err := serveDNS(now); err != nil {
		return nil, err
	}
	if err := serveTime(w); err != nil {
		return nil, err
	}
	var err error
	if s.relays, err = startPrograms(w, p); err != nil {
		return nil, err
	}
	for _, port := range w.Ports() {
		l, err := net.Listen("tcp", fmt.Sprintf(":%d", port))
		if err != nil {
			return nil, fmt.Errorf("listening on port %d: %w", port, err)
		}
		go s.accept(l)
	}
	return s, nil
}

// servers are the world's servers by the address they are dialled at.
type servers struct {
	pki    *pki
	calls  io.Writer
	relays map[world.Program]netip.AddrPort // where the programs listen that stand in for servers

	mu  sync.Mutex
	now *sites
}

// sites are the servers of a world as it is for a time. They are made when the
// first connection comes.
type sites struct {
	*servers
	w   *world.World
	api *probetest.API
	at  map[netip.AddrPort]feed
}

// become has connections answered as another world says. Those that are open
// stay with their servers.
func (s *servers) become(w *world.World) error {
	api, err := newAPI(w, s.calls)
	if err != nil {
		return err
	}
	if err := checkPolicies(w); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	next := &sites{servers: s, w: w, api: api, at: map[netip.AddrPort]feed{}}
	if s.now != nil && reflect.DeepEqual(metadataOf(s.now.w), metadataOf(w)) {
		for at, f := range s.now.at {
			if s.now.w.Serve(at, "").Kind == world.Metadata {
				next.at[at] = f // it knows the tokens that it gave out
			}
		}
	}
	s.now = next
	return nil
}

// metadataOf is what decides how the metadata service answers.
func metadataOf(w *world.World) any { return []any{w.IMDS, w.Instance, w.Clock} }

func (s *servers) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		local := c.LocalAddr().(*net.TCPAddr).AddrPort()
		local = netip.AddrPortFrom(local.Addr().Unmap(), local.Port())
		h, f := s.find(local)
		if d := h.w.Serve(local, "").Behavior.CloseIdle; d > 0 {
			c = closeIdle(c, d)
		}
		f <- c
	}
}

func (s *servers) find(local netip.AddrPort) (*sites, feed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, ok := s.now.at[local]
	if !ok {
		f = make(feed, 64)
		s.now.at[local] = f
		go s.now.serveAt(local, f)
	}
	return s.now, f
}

// serveAt serves everything that comes to one address. The servers end with
// the process; what they return then is not a result.
func (s *sites) serveAt(local netip.AddrPort, f feed) {
	svc := s.w.Serve(local, "")
	if to, ok := s.relays[programOf(svc)]; ok {
		for c := range f {
			go relay(c, to)
		}
		return
	}
	switch svc.Kind {
	case world.Metadata:
		_ = metadata(s.w).Server().Serve(f)
	case world.FrontEnd, world.WebTLS:
		_ = s.tlsServer(local, svc).Serve(f)
	case world.ProxyKnd:
		_ = s.proxy(svc.Proxy).Serve(f)
	default:
		for c := range f {
			go func() { _, _ = io.Copy(io.Discard, c); c.Close() }()
		}
	}
}

// tlsServer is the server of one address of a TLS service.
func (s *sites) tlsServer(local netip.AddrPort, svc world.Service) *probetest.TLSServer {
	offset := s.w.Clock + s.w.DateLie
	mode := awsMode(svc.Behavior)
	front := probetest.AWSHandler(probetest.AWSOptions{Mode: mode, Offset: offset})
	if mode == probetest.AWSFine {
		from := source(svc)
		from.Front = front
		front = s.api.Via(from)
	}
	if svc.Behavior.NoUpgrade {
		front = withoutUpgrades(front)
	}
	return &probetest.TLSServer{
		CertificateFor: func(sni string) *tls.Certificate { return s.pki.certificate(s.w.Serve(local, sni), sni) },
		Handler:        buckets{front, svc, offset},
		Fault:          tlsFault(svc.Behavior),
	}
}

// withoutUpgrades answers websocket upgrades as a device would that inspects
// the path and does not know them.
func withoutUpgrades(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") == "" {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Server", "gateway")
		w.Header().Set("Via", "1.1 gateway")
		http.Error(w, "Forbidden", http.StatusForbidden)
	})
}

func tlsFault(b world.ServerBehavior) probetest.TLSFault {
	switch {
	case b.PlainHTTP:
		return probetest.PlainHTTP
	case b.SilentTLS:
		return probetest.StallHello
	case b.ResetHello:
		return probetest.ResetHello
	case b.CloseHello:
		return probetest.CloseHello
	case b.TLSAlert:
		return probetest.AlertHello
	}
	return probetest.TLSFine
}

func awsMode(b world.ServerBehavior) probetest.AWSMode {
	switch {
	case b.Endless:
		return probetest.AWSEndless
	case b.Error5xx:
		return probetest.AWSError
	case b.BlockPage:
		return probetest.AWSBlockPage
	case b.NotAWS:
		return probetest.AWSNoID
	}
	return probetest.AWSFine
}

// proxy is an HTTP proxy somewhere outside the instance. It has its own name
// resolution: the public one.
func (s *sites) proxy(p *world.Proxy) *probetest.Proxy {
	out := &probetest.Proxy{Status: p.Status, Hosts: map[string]int{}, Dial: s.dialOut}
	if p.Silent {
		out.Mode = probetest.ProxySilent
	}
	if p.Auth {
		out.User, out.Password = "agent", "correct-horse"
	}
	for _, h := range p.Deny {
		out.Hosts[h] = http.StatusForbidden
	}
	if p.TLS {
		name := p.Name
		out.TLS = s.pki.corporateLeaf(name)
	}
	return out
}

var errNoWay = errors.New("the proxy finds no way to this host")

// dialOut is how a proxy reaches a public host: by the public DNS, and to the
// lab's own servers, which have every address.
func (s *sites) dialOut(ctx context.Context, network, addr string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("reading the address: %w", err)
	}
	addrs := s.w.PublicAddrs(host)
	if len(addrs) == 0 {
		return nil, errNoWay
	}
	d := net.Dialer{Timeout: 5 * time.Second}
	return d.DialContext(ctx, network, net.JoinHostPort(addrs[0].String(), port))
}

// metadata is the instance's metadata service.
func metadata(w *world.World) *probetest.IMDS {
	i := w.Instance
	subnet := w.VPC.Subnet(i.Subnet)
	eni := probetest.IMDSENI{
		MAC: i.MAC, InterfaceID: i.ENI, SubnetID: i.Subnet,
		VPCID: w.VPC.ID, VPCCIDRs: w.VPC.CIDRs, SecurityGroupIDs: i.Groups,
	}
	if !subnet.IPv6Only {
		eni.SubnetCIDR, eni.LocalIPv4s = subnet.CIDR, []netip.Addr{i.Addr}
	}
	if i.IPv6.IsValid() {
		eni.IPv6s = []netip.Addr{i.IPv6}
		eni.SubnetIPv6CIDRs = []netip.Prefix{subnet.IPv6}
		eni.VPCIPv6CIDRs = w.VPC.IPv6
	}
	d := probetest.IMDSInstance{
		InstanceID: i.ID, AccountID: w.Account, Region: w.Region, AZ: subnet.AZ, AZID: w.AZID(subnet.AZ),
		Partition: w.Partition, DNSSuffix: w.Suffix, PublicIPv4: i.PublicIP, ENIs: []probetest.IMDSENI{eni},
		Role: i.Role, Profile: i.Profile,
	}
	mode := imdsMode(w.IMDS)
	mode.Clock = w.Clock
	if i.Profile != "" && i.Role == "" {
		d.Role = i.Profile // the profile is listed, its list of roles is empty
		mode.RoleEmpty = true
	}
	mode.RoleCode = i.RoleCode
	if i.Expired {
		d.Expires = time.Now().Add(-2 * time.Hour)
	}
	m := probetest.NewIMDS(d)
	m.Mode = mode
	return m
}

func imdsMode(m world.IMDS) probetest.IMDSMode {
	out := probetest.IMDSMode{Delay: m.Delay}
	switch m.Mode {
	case world.IMDSOptional:
		out.TokensOptional = true
	case world.IMDSDisabled:
		out.Disabled = true
	case world.IMDSV1Only:
		out.V1Only = true
	case world.IMDSHopLimit:
		out.TokenSilent = true
	case world.IMDSHTML:
		out.ProxyDeny = true
	case world.IMDSHuge:
		out.Huge = true
	}
	return out
}

// impatient is a connection that its server closes when the client is silent
// for too long.
type impatient struct {
	net.Conn
	patience time.Duration
	end      *time.Timer
}

func closeIdle(c net.Conn, d time.Duration) net.Conn {
	return &impatient{c, d, time.AfterFunc(d, func() { c.Close() })}
}

func (c *impatient) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.end.Reset(c.patience)
	return n, err
}

// feed is a listener that is given its connections.
type feed chan net.Conn

// Accept waits for the next connection.
func (f feed) Accept() (net.Conn, error) {
	c, ok := <-f
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

// Close does nothing: a feed lives as long as the lab.
func (f feed) Close() error { return nil }

// Addr is of no use to anybody.
func (f feed) Addr() net.Addr { return &net.TCPAddr{} }
