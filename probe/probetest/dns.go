package probetest

import (
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// defaultTTL is what Route 53 gives to the names of interface endpoints.
const defaultTTL = 60

// Resolver is a name server of a few lines: names and their addresses, and the
// ways in which it is to fail. It implements dns.Handler, listens nowhere by
// itself, and counts what it was asked. Fields are set before the first
// question; the methods may be called at any time.
//
// Names are lower case without a trailing dot; a first label "*" stands for
// one or more labels. An exact name wins over a wildcard, a longer wildcard
// over a shorter one.
type Resolver struct {
	Zones  map[string][]netip.Addr // addresses of both families
	CNAMEs map[string]string       // followed within Zones, as a recursive server does

	Names   map[string]DNSBehaviour // how single names misbehave
	Default DNSBehaviour            // for every name without an entry in Names

	TTL       uint32 // of every record; 0: 60 s
	SOA       string // owner of the SOA of negative answers; "": the name without its first label
	DropAbove int    // questions in any one second that are answered; the rest is dropped. 0: all
	// CachedAt makes it a cache: the TTL counts down from TTL since then, and
	// begins again when it is used up. Zero: an authority, whose TTL stands still.
	CachedAt time.Time
	TCPOff   bool        // closes TCP connections without an answer, and ListenDNS does not listen on TCP
	Forward  dns.Handler // answers names that Zones and CNAMEs lack; nil: NXDOMAIN

	mu    sync.Mutex
	asked []DNSAsked
}

// DNSBehaviour is how a Resolver treats a name. The zero value answers as the
// zones say. Of several that exclude each other the first in this order acts:
// Silent, Raw, Garbage, Refuse, ServFail, RCode, NXDomain, NoData, Sinkhole.
// NoAAAA, DNS64 and Rebind change what the zones answer; Delay, Spoof, Truncate
// and EDE add to any that answers.
type DNSBehaviour struct {
	Silent   bool                                        // never answers
	Raw      func(q *dns.Msg, transport string) [][]byte // these messages, as they are
	Garbage  bool                                        // 40 bytes that are no DNS message
	Refuse   bool
	ServFail bool
	RCode    int // any other response code
	NXDomain bool
	NoData   bool
	Sinkhole netip.Addr // this address for every name of its family

	NoAAAA bool         // NXDOMAIN for AAAA, although A exists: a broken load balancer or filter
	DNS64  netip.Prefix // AAAA made of the A records under this /96, where there is no AAAA
	Rebind bool         // rebind protection: NODATA instead of private addresses

	SOA string // owner of the SOA, for this name

	Delay    time.Duration // before the answer
	Spoof    bool          // first an answer with a wrong id, then one to another question, then the right one
	Truncate bool          // over UDP only the TC bit; over TCP the whole answer
	EDE      []uint16      // RFC 8914 info codes
	EDEText  string        // extra text of each
}

// DNSAsked is one question that reached a Resolver.
type DNSAsked struct {
	At        time.Time
	Name      string // lower case, no trailing dot
	Type      string
	Transport string // udp | tcp
	EDNS      bool
	Dropped   bool // by DropAbove
}

// ServeDNS answers one question.
func (r *Resolver) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	if len(q.Question) != 1 {
		return
	}
	transport := w.RemoteAddr().Network()
	name := strings.ToLower(strings.TrimSuffix(q.Question[0].Name, "."))
	if r.note(name, q, transport) {
		return
	}
	if transport == "tcp" && r.TCPOff {
		w.Close()
		return
	}
	b, ok := dnsLookup(r.Names, name)
	if !ok {
		b = r.Default
	}
	time.Sleep(b.Delay)
	switch {
	case b.Silent:
		return
	case b.Raw != nil:
		dnsWrite(w, b.Raw(q, transport)...)
		return
	case b.Garbage:
		dnsWrite(w, []byte(strings.Repeat("garbage.", 5)))
		return
	}
	if b.answersByZone() && r.Forward != nil && !r.has(name) {
		r.Forward.ServeDNS(w, q)
		return
	}
	m := r.answer(name, q, b)
	if b.Spoof {
		r.spoof(w, m)
	}
	switch {
	case transport != "udp":
	case b.Truncate:
		m.Truncated, m.Answer, m.Ns = true, nil, nil
	default:
		m.Truncate(datagramSize(q))
	}
	dnsSend(w, m)
}

// datagramSize is what the client takes over UDP.
func datagramSize(q *dns.Msg) int {
	if opt := q.IsEdns0(); opt != nil {
		return max(int(opt.UDPSize()), dns.MinMsgSize)
	}
	return dns.MinMsgSize
}

func (b DNSBehaviour) answersByZone() bool {
	return !b.Refuse && !b.ServFail && b.RCode == 0 && !b.NXDomain && !b.NoData && !b.Sinkhole.IsValid()
}

// has tells whether the resolver itself knows the name.
func (r *Resolver) has(name string) bool {
	_, zone := dnsLookup(r.Zones, name)
	_, alias := dnsLookup(r.CNAMEs, name)
	return zone || alias
}

// answer builds the whole answer to q under behaviour b.
func (r *Resolver) answer(name string, q *dns.Msg, b DNSBehaviour) *dns.Msg {
	m := new(dns.Msg)
	m.SetReply(q)
	m.RecursionAvailable = true
	if q.IsEdns0() != nil {
		m.SetEdns0(1232, false)
		for _, code := range b.EDE {
			m.IsEdns0().Option = append(m.IsEdns0().Option, &dns.EDNS0_EDE{InfoCode: code, ExtraText: b.EDEText})
		}
	}
	switch {
	case b.Refuse:
		m.Rcode = dns.RcodeRefused
	case b.ServFail:
		m.Rcode = dns.RcodeServerFailure
	case b.RCode != 0:
		m.Rcode = b.RCode
	case b.NXDomain:
		m.Rcode = dns.RcodeNameError
	case b.NoData:
	case b.Sinkhole.IsValid():
		r.addAddrs(m, name, q.Question[0].Qtype, []netip.Addr{b.Sinkhole})
	default:
		r.resolve(m, name, q.Question[0].Qtype)
		b.meddle(r, m, name)
	}
	if len(m.Answer) == 0 && (m.Rcode == dns.RcodeSuccess || m.Rcode == dns.RcodeNameError) {
		m.Ns = []dns.RR{r.soa(name, b)}
	}
	return m
}

// resolve adds the CNAMEs and addresses of a name. Sixteen steps are more than
// any zone here needs; a loop of CNAMEs is answered as it stands.
func (r *Resolver) resolve(m *dns.Msg, name string, qtype uint16) {
	for range 16 {
		target, ok := dnsLookup(r.CNAMEs, name)
		if !ok {
			break
		}
		m.Answer = append(m.Answer, &dns.CNAME{Hdr: r.header(name, dns.TypeCNAME), Target: dns.Fqdn(target)})
		name = target
	}
	addrs, ok := dnsLookup(r.Zones, name)
	if !ok && len(m.Answer) == 0 {
		m.Rcode = dns.RcodeNameError
	}
	r.addAddrs(m, name, qtype, addrs)
}

func (r *Resolver) addAddrs(m *dns.Msg, name string, qtype uint16, addrs []netip.Addr) {
	for _, a := range addrs {
		switch {
		case a.Is4() && qtype == dns.TypeA:
			m.Answer = append(m.Answer, &dns.A{Hdr: r.header(name, qtype), A: a.AsSlice()})
		case a.Is6() && qtype == dns.TypeAAAA:
			m.Answer = append(m.Answer, &dns.AAAA{Hdr: r.header(name, qtype), AAAA: a.AsSlice()})
		}
	}
}

func (r *Resolver) header(name string, rrtype uint16) dns.RR_Header {
	return dns.RR_Header{Name: dns.Fqdn(name), Rrtype: rrtype, Class: dns.ClassINET, Ttl: r.ttl(time.Now())}
}

func (r *Resolver) soa(name string, b DNSBehaviour) dns.RR {
	_, owner, _ := strings.Cut(name, ".")
	if r.SOA != "" {
		owner = r.SOA
	}
	if b.SOA != "" {
		owner = b.SOA
	}
	return &dns.SOA{
		Hdr: r.header(owner, dns.TypeSOA),
		Ns:  "ns-1.awsdns-00.com.", Mbox: "awsdns-hostmaster.amazon.com.",
		Serial: 1, Refresh: 7200, Retry: 900, Expire: 1209600, Minttl: 60,
	}
}

// dnsLookup finds a name or the longest wildcard above it.
func dnsLookup[V any](m map[string]V, name string) (v V, ok bool) {
	if v, ok = m[name]; ok {
		return v, true
	}
	for rest := name; ; {
		_, parent, found := strings.Cut(rest, ".")
		if !found {
			return v, false
		}
		if v, ok = m["*."+parent]; ok {
			return v, true
		}
		rest = parent
	}
}
