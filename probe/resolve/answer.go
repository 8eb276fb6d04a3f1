package resolve

import (
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/miekg/dns"

	"vpcdoctor/probe/classify"
	"vpcdoctor/probe/fact"
)

const (
	maxAddrs = 32 // kept of one answer; S3 sends 8, a large load balancer 8 to 16
	// maxChain bounds the CNAMEs that are followed: real chains have one to
	// four, resolvers give up at 8 to 16.
	maxChain     = 16
	maxEDE       = 8
	maxExtraText = 120
)

// readAnswer fills l from a message whose head and question fit: response
// code, addresses at the end of the CNAME chain, TTL, SOA, extended errors.
// What does not parse or does not belong to the question is Malformed.
func readAnswer(l *fact.Lookup, b []byte, query *dns.Msg) {
	m := new(dns.Msg)
	announced := int(binary.BigEndian.Uint16(b[6:]))
	err := m.Unpack(b)
	l.Truncated = m.Truncated
	l.RCode = rcodeText(m.Rcode)
	// What a truncated datagram leaves out is no fault: TCP brings the rest.
	partial := m.Truncated && l.Transport == "udp"
	switch {
	case err != nil && partial:
		return
	case err != nil:
		fail(l, fact.Malformed, "the answer does not parse: "+err.Error())
		return
	case len(m.Answer) != announced && !partial:
		fail(l, fact.Malformed, "the answer ends early")
		return
	}
	readExtendedErrors(l, m)
	readSOA(l, m)
	if words := readChain(l, m, query.Question[0]); words != "" && !partial {
		fail(l, fact.Malformed, words)
		return
	}
	if c := classOf(m.Rcode, len(l.Addrs)); c != fact.ClassNone && !(partial && c == fact.NoData) {
		fail(l, c, l.Detail)
	}
}

// fail makes an attempt that was answered a failed one.
func fail(l *fact.Lookup, c fact.Class, words string) {
	l.Status, l.Class = fact.Failed, c
	l.Detail = classify.Clean(words, 2*maxExtraText)
	if c == fact.Malformed {
		l.Addrs, l.More, l.TTL = nil, 0, 0
	}
}

// classOf is the class of a response code. NOERROR without an address is
// NODATA, which for AAAA is the normal case.
func classOf(rcode, addrs int) fact.Class {
	switch rcode {
	case dns.RcodeSuccess:
		if addrs == 0 {
			return fact.NoData
		}
		return fact.ClassNone
	case dns.RcodeNameError:
		return fact.NXDomain
	case dns.RcodeServerFailure:
		return fact.ServFail
	case dns.RcodeRefused:
		return fact.DNSRefused
	}
	return fact.DNSOther
}

func rcodeText(rcode int) string {
	if s, ok := dns.RcodeToString[rcode]; ok {
		return s
	}
	return "RCODE" + strconv.Itoa(rcode)
}

// readExtendedErrors takes the info codes of RFC 8914; the first one's text
// goes into Detail, where "DNSSEC Bogus" or "Blocked" says what SERVFAIL hides.
func readExtendedErrors(l *fact.Lookup, m *dns.Msg) {
	opt := m.IsEdns0()
	if opt == nil {
		return
	}
	for _, o := range opt.Option {
		e, ok := o.(*dns.EDNS0_EDE)
		if !ok || len(l.EDE) == maxEDE {
			continue
		}
		l.EDE = append(l.EDE, int(e.InfoCode))
		if l.Detail == "" && e.ExtraText != "" {
			l.Detail = classify.Clean(e.ExtraText, maxExtraText)
		}
	}
}

func readSOA(l *fact.Lookup, m *dns.Msg) {
	for _, rr := range m.Ns {
		if soa, ok := rr.(*dns.SOA); ok {
			l.SOA = "." // of the root zone, which has no name without its dot
			if n := cleanName(soa.Hdr.Name); n != "" {
				l.SOA = n
			}
			return
		}
	}
}

// readChain follows the CNAMEs of the answer from the question's name to the
// addresses. It returns words when the answer cannot be one to the question.
func readChain(l *fact.Lookup, m *dns.Msg, q dns.Question) (wrong string) {
	cnames := map[string]*dns.CNAME{}
	others := 0 // records that are neither part of a chain nor signatures
	for _, rr := range m.Answer {
		switch rr := rr.(type) {
		case *dns.CNAME:
			if owner := strings.ToLower(rr.Hdr.Name); cnames[owner] == nil {
				cnames[owner] = rr
			}
		case *dns.DNAME, *dns.RRSIG:
		default:
			others++
		}
	}
	ttl := ^uint32(0)
	end := strings.ToLower(q.Name)
	for c := cnames[end]; c != nil; c = cnames[end] {
		if len(l.CNAMEs) == maxChain {
			return "the CNAME chain loops or is longer than " + strconv.Itoa(maxChain)
		}
		if !printable(c.Target) {
			return "a CNAME target is not a host name"
		}
		end = strings.ToLower(c.Target)
		ttl = min(ttl, c.Hdr.Ttl)
		l.CNAMEs = append(l.CNAMEs, cleanName(c.Target))
	}
	for _, rr := range m.Answer {
		a, ok := address(rr, q.Qtype)
		if ok && rr.Header().Class == dns.ClassINET && strings.EqualFold(rr.Header().Name, end) {
			l.Addrs = append(l.Addrs, a)
			ttl = min(ttl, rr.Header().Ttl)
		}
	}
	if len(l.Addrs) == 0 && others > 0 {
		return "the answer holds only records of another name or type"
	}
	keepAddrs(l)
	if len(l.Addrs) > 0 || len(l.CNAMEs) > 0 {
		l.TTL = ttl
	}
	return ""
}

// keepAddrs sorts the addresses and bounds them.
func keepAddrs(l *fact.Lookup) {
	slices.SortFunc(l.Addrs, netip.Addr.Compare)
	l.Addrs = slices.Compact(l.Addrs)
	if n := len(l.Addrs); n > maxAddrs {
		l.More = n - maxAddrs
		l.Addrs = slices.Clip(l.Addrs[:maxAddrs])
	}
}

// address is the address of an A or AAAA record of the type asked.
func address(rr dns.RR, qtype uint16) (netip.Addr, bool) {
	var ip net.IP
	switch rr := rr.(type) {
	case *dns.A:
		ip = rr.A.To4()
	case *dns.AAAA:
		ip = rr.AAAA.To16()
	}
	a, ok := netip.AddrFromSlice(ip)
	return a, ok && rr.Header().Rrtype == qtype
}

// printable tells whether a name in presentation form is free of escapes, which
// stand for bytes that no host name has: control characters, quotes, spaces.
func printable(name string) bool { return !strings.ContainsRune(name, '\\') }

// equalNames compares two absolute names without regard to case.
func equalNames(a, b string) bool { return strings.EqualFold(a, b) }
