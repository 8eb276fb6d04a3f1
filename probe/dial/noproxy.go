package dial

import (
	"net"
	"net/netip"
	"strconv"
	"strings"

	"vpcdoctor/probe/classify"
	"vpcdoctor/probe/fact"
)

// NoProxy tells whether a no_proxy value exempts host:port, by the rules of Go
// programs (package httpproxy of golang.org/x/net), which the SSM Agent is one
// of. Loopback names are always exempt. The tests hold it against that package,
// which the binary does without: its tables of international names are 250 kB.
// Here such a name in the list matches nothing.
func NoProxy(host string, port uint16, noProxy string) bool {
	var ip net.IP
	if a, err := netip.ParseAddr(host); err == nil {
		ip = net.IP(a.AsSlice())
	}
	if host == "localhost" || ip.IsLoopback() {
		return true
	}
	host = strings.ToLower(strings.TrimSpace(host))
	for entry := range strings.SplitSeq(noProxy, ",") {
		entry = strings.ToLower(strings.TrimSpace(entry))
		if entry == "*" {
			return true
		}
		if _, block, err := net.ParseCIDR(entry); err == nil {
			if ip != nil && block.Contains(ip) {
				return true
			}
			continue
		}
		name, only, err := net.SplitHostPort(entry)
		if err != nil {
			name, only = entry, ""
		}
		if name != "" && (only == "" || only == strconv.Itoa(int(port))) && goEntry(name, host, ip) {
			return true
		}
	}
	return false
}

// goEntry tells whether one entry of a list, without its port, covers a host:
// an address itself; a name itself and every name under it; a name with a dot
// or "*." before it only what is under it.
func goEntry(entry, host string, ip net.IP) bool {
	if a := net.ParseIP(entry); a != nil || ip != nil {
		return a != nil && ip != nil && a.Equal(ip)
	}
	if strings.HasPrefix(entry, "*.") {
		entry = entry[1:]
	}
	if entry[0] == '.' {
		return strings.HasSuffix(host, entry)
	}
	return host == entry || strings.HasSuffix(host, "."+entry)
}

// CurlNoProxy tells whether a no_proxy value exempts host by the rules of curl,
// on which package managers and scripts rely (lib/proxy.c and tests/unit/
// unit1614.c of curl, 2026-08). Where they differ from Go's:
//
//   - "*" counts only as the whole value, and "*.amazonaws.com" matches nothing;
//   - a port in an entry is part of the name, so the entry matches nothing;
//   - a leading dot is optional: ".example.com" matches example.com too;
//   - an address may be a range ("169.254.0.0/16", since 7.86);
//   - a list ends at the first entry that no comma follows. Before 8.9 a blank
//     parted entries as well (docs/DEPRECATE.md of curl): what such a list does
//     depends on the version, and here it is the new one;
//   - loopback names are not exempt by themselves.
func CurlNoProxy(host, noProxy string) bool {
	if noProxy == "*" {
		return host != ""
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	match := func(entry string) bool { return curlRange(entry, addr) }
	if err != nil {
		host = strings.TrimSuffix(host, ".")
		match = func(entry string) bool { return host != "" && curlDomain(entry, host) }
	}
	const blanks = " \t"
	for rest := noProxy; ; {
		rest = strings.TrimLeft(rest, blanks)
		end := strings.IndexAny(rest+",", blanks+",")
		if end > 0 && match(rest[:end]) {
			return true
		}
		rest = strings.TrimLeft(rest[end:], blanks)
		if !strings.HasPrefix(rest, ",") {
			return false
		}
		rest = strings.TrimLeft(rest, ",")
	}
}

// curlDomain tells whether an entry is host or a domain that host is in.
func curlDomain(entry, host string) bool {
	entry = strings.TrimPrefix(strings.TrimSuffix(entry, "."), ".")
	parent := len(host) - len(entry) // what is left of host before the entry
	switch {
	case parent < 0 || entry == "":
		return false
	case parent > 0 && host[parent-1] != '.':
		return false
	}
	return strings.EqualFold(entry, host[parent:])
}

// curlRange tells whether an entry is addr or a range that addr is in. A range
// of no bits counts as the address itself.
func curlRange(entry string, addr netip.Addr) bool {
	network, length, _ := strings.Cut(entry, "/")
	a, err := netip.ParseAddr(network)
	if err != nil || a.Zone() != "" || a.BitLen() != addr.BitLen() {
		return false
	}
	bits := a.BitLen()
	if length != "" {
		n, err := strconv.ParseUint(length, 10, 8)
		if err != nil {
			return false
		}
		if n > 0 {
			bits = int(n)
		}
	} else if strings.Contains(entry, "/") {
		return false
	}
	one, err := a.Prefix(bits)
	other, _ := addr.Prefix(bits)
	return err == nil && one == other
}

// maxExempt bounds the hosts of one fact: an agent has five, the profiles of a
// busy host some ten more.
const maxExempt = 16

// Exempt evaluates a place's no_proxy for hosts, on port 443. Go programs and
// curl may read different spellings of the variable (Go the upper-case one
// first, curl the lower-case one), hence two values.
func Exempt(hosts []string, forGo, forCurl string) []fact.ExemptHost {
	if forGo == "" && forCurl == "" {
		return nil
	}
	var out []fact.ExemptHost
	for _, h := range hosts[:min(len(hosts), maxExempt)] {
		out = append(out, fact.ExemptHost{
			Host: classify.Clean(h, maxName), Go: NoProxy(h, 443, forGo), Curl: CurlNoProxy(h, forCurl),
		})
	}
	return out
}
