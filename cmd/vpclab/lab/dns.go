//go:build linux

package lab

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"vpcdoctor/cmd/vpclab/world"
	"vpcdoctor/probe/probetest"
)

// serveDNS starts every DNS server of the world, each on its own address over
// UDP and TCP. The VPC's resolver is one server with several addresses: its
// packet limit counts them together.
func serveDNS(now *live) error {
	w := now.Load()
	vpc := &probetest.Resolver{Forward: dnsHandler{now, world.ResolverAddr}, DropAbove: w.Resolver.DropAbove}
	for _, a := range w.DNSAddrs() {
		if playedAt(w, a) {
			continue
		}
		var h dns.Handler = dnsHandler{now, a}
		if w.LinkLocal(a) {
			h = vpc
		} else if n := limitAt(w, a); n > 0 {
			h = &probetest.Resolver{Forward: h, DropAbove: n}
		}
		if err := listenDNS(a, h); err != nil {
			return err
		}
	}
	return nil
}

// playedAt tells whether a real program is the DNS server at an address.
func playedAt(w *world.World, a netip.Addr) bool {
	return slices.ContainsFunc(w.DNSServers, func(s world.DNSServer) bool { return s.Addr == a && s.Program != world.NoProgram })
}

// limitAt is how many questions a second the server at an address answers.
func limitAt(w *world.World, a netip.Addr) int {
	for _, s := range w.DNSServers {
		if s.Addr == a {
			return s.DropAbove
		}
	}
	return 0
}

func listenDNS(a netip.Addr, h dns.Handler) error {
	at := netip.AddrPortFrom(a, 53)
	udp, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(at))
	if err != nil {
		return fmt.Errorf("listening for DNS: %w", err)
	}
	tcp, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(at))
	if err != nil {
		return fmt.Errorf("listening for DNS: %w", err)
	}
	for _, s := range []*dns.Server{{PacketConn: udp, Handler: h}, {Listener: tcp, Handler: h}} {
		go func() { _ = s.ActivateAndServe() }() // ends with the process
	}
	return nil
}

// dnsHandler answers as the world says for the server at one address.
type dnsHandler struct {
	now    *live
	server netip.Addr
}

// ServeDNS answers one question.
func (h dnsHandler) ServeDNS(rw dns.ResponseWriter, q *dns.Msg) {
	if len(q.Question) != 1 {
		return
	}
	name, v6 := asked(q)
	a := h.now.Load().Ask(h.server, name, v6)
	if a.Silent {
		return
	}
	if a.Delay > 0 {
		time.Sleep(a.Delay)
	}
	reply(rw, q, a)
}

// asked is the name of a question and whether it is for IPv6 addresses.
func asked(q *dns.Msg) (name string, v6 bool) {
	return strings.ToLower(strings.TrimSuffix(q.Question[0].Name, ".")), q.Question[0].Qtype == dns.TypeAAAA
}

// reply sends an answer to the one question of q.
func reply(rw dns.ResponseWriter, q *dns.Msg, a world.Answer) {
	qtype := q.Question[0].Qtype
	m := new(dns.Msg)
	m.SetReply(q)
	m.RecursionAvailable = true
	m.Rcode = dns.StringToRcode[a.RCode]
	if q.IsEdns0() != nil {
		m.SetEdns0(4096, false) // what the VPC resolver offers
	}
	hdr := dns.RR_Header{Name: q.Question[0].Name, Rrtype: qtype, Class: dns.ClassINET, Ttl: a.TTL}
	for _, addr := range a.Addrs {
		switch qtype {
		case dns.TypeA:
			m.Answer = append(m.Answer, &dns.A{Hdr: hdr, A: addr.AsSlice()})
		case dns.TypeAAAA:
			m.Answer = append(m.Answer, &dns.AAAA{Hdr: hdr, AAAA: addr.AsSlice()})
		}
	}
	if len(m.Answer) == 0 && a.SOA != "" {
		m.Ns = append(m.Ns, &dns.SOA{
			Hdr: dns.RR_Header{Name: dns.Fqdn(a.SOA), Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: max(a.TTL, 60)},
			Ns:  "ns-1536.awsdns-00.co.uk.", Mbox: "awsdns-hostmaster.amazon.com.",
			Serial: 1, Refresh: 7200, Retry: 900, Expire: 1209600, Minttl: 86400,
		})
	}
	if rw.RemoteAddr().Network() == "udp" {
		if m.Truncate(datagram(q)); a.Truncated {
			m.Truncated, m.Answer = true, nil
		}
	}
	_ = rw.WriteMsg(m) // a client that has gone is not our business
}

// datagram is how much the asker takes over UDP.
func datagram(q *dns.Msg) int {
	if opt := q.IsEdns0(); opt != nil {
		return max(int(opt.UDPSize()), dns.MinMsgSize)
	}
	return dns.MinMsgSize
}

// serveStub runs systemd-resolved's listener inside the instance: it answers
// from its own records, or passes questions on to the servers that DHCP offered.
func serveStub(w *world.World) error {
	servers := serversOf(w)
	started := time.Now()
	return listenDNS(netip.AddrFrom4([4]byte{127, 0, 0, 53}), dns.HandlerFunc(func(rw dns.ResponseWriter, q *dns.Msg) {
		if len(q.Question) != 1 {
			return
		}
		if a, ok := w.Host.Stub.Answer(asked(q)); ok {
			if w.Host.Stub.Cached {
				a.TTL -= min(a.TTL, uint32(time.Since(started).Seconds()))
			}
			reply(rw, q, a)
			return
		}
		c := &dns.Client{Timeout: 2 * time.Second}
		if w.Host.Stub.ServFail {
			servers = nil
		}
		for _, s := range servers {
			if m, _, err := c.Exchange(q, netip.AddrPortFrom(s, 53).String()); err == nil {
				_ = rw.WriteMsg(m)
				return
			}
		}
		m := new(dns.Msg)
		m.SetRcode(q, dns.RcodeServerFailure)
		_ = rw.WriteMsg(m)
	}))
}
