package resolve

import (
	"net/netip"
	"path"
	"strconv"
	"strings"
)

// Names of local stubs in fact.Resolver.Stub.
const (
	stubResolved = "systemd-resolved"
	stubDnsmasq  = "dnsmasq"
	stubOther    = "other"
)

const (
	// resolvedUpstreams lists the servers systemd-resolved forwards to,
	// whatever /etc/resolv.conf says (systemd-resolved.service(8)).
	resolvedUpstreams = "/run/systemd/resolve/resolv.conf"
	dnsmasqConf       = "/etc/dnsmasq.conf"
	// nmUpstreams is what NetworkManager passes on to its own dnsmasq.
	nmUpstreams = "/run/NetworkManager/no-stub-resolv.conf"
)

// dnsmasqRuns are files that exist while a dnsmasq serves this host: pid files
// of the Debian and Red Hat packages and of NetworkManager's instance.
var dnsmasqRuns = []string{"/run/dnsmasq/dnsmasq.pid", "/run/dnsmasq.pid", "/run/NetworkManager/dnsmasq.pid"}

// resolvedStub are the two listeners of systemd-resolved; .54 is the one that
// bypasses its local zones (since v247).
var resolvedStub = []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 53}), netip.AddrFrom4([4]byte{127, 0, 0, 54})}

// stub names the local forwarder that the configured servers lead to, and the
// servers behind it where a file tells. No loopback server: no stub.
func (o ConfigOptions) stub(servers []netip.AddrPort) (name string, upstreams []netip.AddrPort) {
	for _, s := range servers {
		a := s.Addr()
		if a == resolvedStub[0] || a == resolvedStub[1] {
			return stubResolved, o.upstreamsOf(resolvedUpstreams)
		}
		if a.IsLoopback() {
			name = stubOther
		}
	}
	if name == "" {
		return "", nil
	}
	if conf := o.read(dnsmasqConf, confLimit); o.dnsmasqRuns() || len(dnsmasqLines(conf)) > 0 {
		return stubDnsmasq, o.dnsmasqUpstreams(conf)
	}
	return stubOther, nil
}

func (o ConfigOptions) dnsmasqRuns() bool {
	for _, p := range dnsmasqRuns {
		if len(o.read(p, confLimit)) > 0 {
			return true
		}
	}
	return false
}

// upstreamsOf is the nameserver lines of a file in resolv.conf's format.
func (o ConfigOptions) upstreamsOf(file string) []netip.AddrPort {
	return parseUpstreams(o.read(file, confLimit))
}

func parseUpstreams(data []byte) []netip.AddrPort {
	var out []netip.AddrPort
	for line := range strings.Lines(string(data)) {
		f := confFields(line)
		if len(f) < 2 || f[0] != "nameserver" {
			continue
		}
		if s, ok := parseServer(f[1]); ok && len(out) < maxUpstreams {
			out = append(out, s)
		}
	}
	return out
}

// dnsmasqUpstreams is where dnsmasq forwards to: its server= lines, else the
// file its resolv-file= line names (the set-up AWS documents), else what
// NetworkManager gives it. Lines for single domains are left out: which of
// them a name takes is dnsmasq's business.
func (o ConfigOptions) dnsmasqUpstreams(conf []byte) []netip.AddrPort {
	var out []netip.AddrPort
	file := ""
	for _, l := range dnsmasqLines(conf) {
		switch l[0] {
		case "server":
			if s, ok := parseDnsmasqServer(l[1]); ok && len(out) < maxUpstreams {
				out = append(out, s)
			}
		case "resolv-file":
			// An absolute path only: a relative one means dnsmasq's own directory.
			if path.IsAbs(l[1]) {
				file = l[1]
			}
		}
	}
	if len(out) == 0 && file != "" {
		out = o.upstreamsOf(file)
	}
	if len(out) == 0 {
		out = o.upstreamsOf(nmUpstreams)
	}
	return out
}

// dnsmasqLines is the key=value lines of a dnsmasq.conf. A '#' begins a comment
// only where a word could begin: in "10.0.0.2#5353" it precedes the port.
func dnsmasqLines(conf []byte) [][2]string {
	var out [][2]string
	for line := range strings.Lines(string(conf)) {
		line = strings.TrimSpace(line)
		if i := strings.IndexAny(line, " \t"); i >= 0 && strings.HasPrefix(strings.TrimSpace(line[i:]), "#") {
			line = line[:i]
		}
		key, value, ok := strings.Cut(line, "=")
		if ok && !strings.HasPrefix(line, "#") {
			out = append(out, [2]string{strings.TrimSpace(key), strings.TrimSpace(value)})
		}
	}
	return out
}

// parseDnsmasqServer reads "10.0.0.2", "10.0.0.2#5353" and "10.0.0.2@eth0".
func parseDnsmasqServer(s string) (netip.AddrPort, bool) {
	s, _, _ = strings.Cut(s, "@")
	addr, port, _ := strings.Cut(s, "#")
	server, ok := parseServer(addr)
	if n, err := strconv.ParseUint(port, 10, 16); err == nil && n > 0 {
		server = netip.AddrPortFrom(server.Addr(), uint16(n))
	}
	return server, ok
}
