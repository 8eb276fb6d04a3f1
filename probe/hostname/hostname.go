// Package hostname accepts the names of hosts that stand in other programs'
// configuration files, and refuses everything else, so that nothing a stranger
// wrote into a file is resolved or dialled as it stands.
package hostname

import (
	"net/netip"
	"strconv"
	"strings"
)

// Endpoint takes host[:port] out of an endpoint, with or without a scheme,
// path or user name.
func Endpoint(s string) (string, bool) {
	if _, rest, ok := strings.Cut(s, "://"); ok {
		s = rest
	}
	if i := strings.IndexAny(s, "/?#"); i >= 0 {
		s = s[:i]
	}
	s = strings.ToLower(s[strings.LastIndexByte(s, '@')+1:])
	if strings.HasPrefix(s, "[") {
		return literal6(s)
	}
	host, port, hasPort := strings.Cut(s, ":")
	host, ok := Domain(host)
	if !ok {
		return "", false
	}
	if !hasPort {
		return host, true
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", false
	}
	return host + ":" + port, true
}

// literal6 accepts an IPv6 address in brackets, with or without a port.
func literal6(s string) (string, bool) {
	if a, err := netip.ParseAddrPort(s); err == nil && a.Port() != 0 && a.Addr().Zone() == "" {
		return a.String(), true
	}
	a, err := netip.ParseAddr(strings.TrimSuffix(s[1:], "]"))
	if err != nil || !a.Is6() || a.Zone() != "" || !strings.HasSuffix(s, "]") {
		return "", false
	}
	return "[" + a.String() + "]", true
}

// Domain accepts a DNS name of letters, digits and hyphens (RFC 1123, 2.1) and
// returns it in lower case without the closing dot.
func Domain(s string) (string, bool) {
	s = strings.ToLower(strings.TrimSuffix(s, "."))
	if len(s) > 253 {
		return "", false
	}
	for l := range strings.SplitSeq(s, ".") {
		if _, ok := Label(l); !ok {
			return "", false
		}
	}
	return s, true
}

// Label accepts one label of a DNS name, as a Region is.
func Label(s string) (string, bool) {
	if s == "" || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' {
		return "", false
	}
	s = strings.ToLower(s)
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return "", false
		}
	}
	return s, true
}
