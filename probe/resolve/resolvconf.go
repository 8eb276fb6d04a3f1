package resolve

import (
	"net/netip"
	"strconv"
	"strings"

	"vpcdoctor/probe/classify"
)

const (
	maxServers   = 3  // MAXNS of glibc; Go's resolver has the same limit
	maxSearch    = 32 // glibc has had no limit since 2.26; a DHCP option can hold about this many
	maxUpstreams = 8  // nameserver lines of a stub's own file, which has no limit of three
	maxNDots     = 15 // RES_MAXNDOTS
	maxOption    = 1 << 16
	maxZone      = 15 // IFNAMSIZ less its NUL
)

// resolvConfig is what a resolv.conf says, with the defaults of resolv.conf(5).
type resolvConfig struct {
	servers    []netip.AddrPort
	search     []string
	ndots      int
	timeoutSec int
	attempts   int
	rotate     bool
	useTCP     bool
}

// parseResolvConf reads a resolv.conf as glibc and Go do: unknown lines and
// addresses that are none are passed over, the last of search and domain wins,
// options add up, and nameservers after the third do not exist.
func parseResolvConf(data []byte) resolvConfig {
	c := resolvConfig{ndots: 1, timeoutSec: 5, attempts: 2}
	for line := range strings.Lines(string(data)) {
		f := confFields(line)
		if len(f) < 2 {
			continue
		}
		switch f[0] {
		case "nameserver":
			if s, ok := parseServer(f[1]); ok && len(c.servers) < maxServers {
				c.servers = append(c.servers, s)
			}
		case "domain":
			c.search = searchList(f[1:2])
		case "search":
			c.search = searchList(f[1:])
		case "options":
			for _, o := range f[1:] {
				c.option(o)
			}
		}
	}
	return c
}

// confFields splits a line of a resolver file. Comments start a line; glibc
// and Go know none behind a value. A file written on Windows has CRs.
func confFields(line string) []string {
	if line != "" && (line[0] == ';' || line[0] == '#') {
		return nil
	}
	return strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' || r == '\r' || r == '\n' })
}

func (c *resolvConfig) option(o string) {
	name, value, _ := strings.Cut(o, ":")
	switch name {
	case "ndots":
		c.ndots = min(optionNumber(value, 0), maxNDots)
	case "timeout":
		c.timeoutSec = optionNumber(value, 1)
	case "attempts":
		c.attempts = optionNumber(value, 1)
	case "rotate":
		c.rotate = true
	case "use-vc", "usevc", "tcp":
		c.useTCP = true
	}
}

// optionNumber reads the digits that start s; least is the smallest value the
// resolvers accept and what they take for nonsense.
func optionNumber(s string, least int) int {
	end := 0
	for end < len(s) && s[end] >= '0' && s[end] <= '9' {
		end++
	}
	n, err := strconv.Atoi(s[:end])
	if err != nil && end > 0 {
		n = maxOption // more digits than an int holds
	}
	return min(max(n, least), maxOption)
}

// parseServer reads the address of a nameserver line. The port is always 53:
// resolv.conf has no way to say another.
func parseServer(s string) (netip.AddrPort, bool) {
	a, ok := parseAddr(s)
	return netip.AddrPortFrom(a, dnsPort), ok
}

// parseAddr reads an address with an optional zone. A zone is free text to
// netip; only one that can be an interface's name is taken.
func parseAddr(s string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(s)
	if err != nil || len(a.Zone()) > maxZone || a.Zone() != classify.Clean(a.Zone(), maxZone) {
		return netip.Addr{}, false
	}
	return a.Unmap(), true
}

func searchList(names []string) []string {
	var out []string
	for _, n := range names {
		n = cleanName(n)
		if n != "" && len(out) < maxSearch {
			out = append(out, n)
		}
	}
	return out
}

// cleanName is a host name as facts hold it: lower case, no trailing dot,
// printable, no longer than a domain name can be.
func cleanName(s string) string {
	return classify.Clean(strings.ToLower(strings.TrimSuffix(s, ".")), maxText)
}

// VPCServers is where the VPC's own resolver answers: the link-local address,
// the same in every VPC, and the base of the primary IPv4 CIDR plus two
// (docs.aws.amazon.com/vpc/latest/userguide/AmazonDNS-concepts.html, 2026-11).
// The first IPv4 block is taken as the primary one, the order IMDS lists them.
func VPCServers(vpcCIDRs []netip.Prefix) []netip.AddrPort {
	out := []netip.AddrPort{netip.AddrPortFrom(netip.AddrFrom4([4]byte{169, 254, 169, 253}), dnsPort)}
	for _, p := range vpcCIDRs {
		// A VPC block is /16 to /28; in anything smaller than /30 plus two
		// would be somebody else's address.
		if !p.IsValid() || !p.Addr().Is4() || p.Bits() > 30 {
			continue
		}
		return append(out, netip.AddrPortFrom(p.Masked().Addr().Next().Next(), dnsPort))
	}
	return out
}

// VPCServers6 is where the VPC's own resolver answers over IPv6, on Nitro
// instances with an IPv6 address (VPC User Guide, "Amazon DNS server", read
// 2026-11). On a host without IPv6 it is nobody, so the caller asks it only
// where the host has a global IPv6 address.
func VPCServers6() []netip.AddrPort {
	a := netip.AddrFrom16([16]byte{0: 0xfd, 2: 0x0e, 3: 0xc2, 14: 0x02, 15: 0x53}) // fd00:ec2::253
	return []netip.AddrPort{netip.AddrPortFrom(a, dnsPort)}
}
