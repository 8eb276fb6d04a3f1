package resolve

import (
	"net/netip"
	"path"
	"slices"
	"strings"
)

// Where DHCP clients keep what they were offered: systemd-networkd (Amazon
// Linux 2023, Ubuntu), dhclient on Red Hat (Amazon Linux 2) and on Debian, and
// NetworkManager's dhclient.
const networkdLeases = "/run/systemd/netif/leases"

var dhclientLeases = []string{"/var/lib/dhclient", "/var/lib/dhcp", "/var/lib/NetworkManager"}

const (
	maxLeaseFiles   = 16 // an instance has at most 15 ENIs
	maxLeaseServers = 8
	// leaseLimit is the end of a dhclient file that is read. It appends one
	// block of about 1 kB at every renewal; only the last one counts.
	leaseLimit = 64 << 10
)

// leaseServers is the name servers that DHCP offered, as lease files tell.
// Interfaces are not told apart: the question they answer is whether a
// resolver came from DHCP at all.
func (o ConfigOptions) leaseServers() []netip.Addr {
	var out []netip.Addr
	add := func(addrs []netip.Addr) {
		for _, a := range addrs {
			if !slices.Contains(out, a) && len(out) < maxLeaseServers {
				out = append(out, a)
			}
		}
	}
	for _, f := range o.leaseFiles(networkdLeases, func(string) bool { return true }) {
		add(parseNetworkdLease(f))
	}
	isLease := func(name string) bool {
		return strings.HasPrefix(name, "dhclient") && (strings.HasSuffix(name, ".lease") || strings.HasSuffix(name, ".leases"))
	}
	for _, dir := range dhclientLeases {
		for _, f := range o.leaseFiles(dir, isLease) {
			add(parseDhclientLease(f))
		}
	}
	return out
}

// leaseFiles is the end of each lease file of a directory, by name.
func (o ConfigOptions) leaseFiles(dir string, match func(name string) bool) [][]byte {
	entries, err := o.ReadDir(dir)
	if err != nil {
		return nil
	}
	var out [][]byte
	for _, e := range entries {
		if e.IsDir() || !match(e.Name()) {
			continue
		}
		data := o.read(path.Join(dir, e.Name()), hostsLimit)
		out = append(out, data[max(0, len(data)-leaseLimit):])
		if len(out) == maxLeaseFiles {
			break
		}
	}
	return out
}

// parseNetworkdLease reads the "DNS=" line of a lease of systemd-networkd.
func parseNetworkdLease(data []byte) []netip.Addr {
	for line := range strings.Lines(string(data)) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), "DNS="); ok {
			return addrList(strings.Fields(value))
		}
	}
	return nil
}

// parseDhclientLease reads the last block of a dhclient lease file. A last
// block without the option means that DHCP no longer offers servers.
func parseDhclientLease(data []byte) []netip.Addr {
	var out []netip.Addr
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "lease") && strings.HasSuffix(line, "{") {
			out = nil
			continue
		}
		for _, option := range []string{"option domain-name-servers ", "option dhcp6.name-servers "} {
			if value, ok := strings.CutPrefix(line, option); ok {
				value = strings.TrimSuffix(value, ";")
				out = append(out, addrList(strings.Split(value, ","))...)
			}
		}
	}
	return out[:min(len(out), maxLeaseServers)]
}

func addrList(words []string) []netip.Addr {
	var out []netip.Addr
	for _, w := range words {
		if a, ok := parseAddr(strings.TrimSpace(w)); ok && len(out) < maxLeaseServers {
			out = append(out, a)
		}
	}
	return out
}
