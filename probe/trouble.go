package probe

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"vpcdoctor/probe/dial"
	"vpcdoctor/probe/fact"
)

// Bounds of the differential stage. It compares, it does not scan.
const (
	maxVaried = 4 // addresses whose handshake is repeated in variants
	maxSwept  = 2 // addresses that are dialled from other source ports
	maxRouted = 8 // destinations whose route is asked of the kernel
)

// trouble is what is worth a second look after the first pass: a plan of
// probes that can change the verdict, and nothing else. It is a pure function
// of the facts. A healthy instance has none.
type trouble struct {
	Variants []variation
	Sweeps   []netip.AddrPort
	Routes   []netip.Addr
	Resolver netip.AddrPort // TCP to the VPC resolver, which no SG and no NACL filters; zero: not needed
	Abroad   string         // host of another Region of the partition, for a public path as such; empty: not needed
	Firewall netip.AddrPort // address to dial while the local firewall's counters are watched; zero: not needed
}

// variation is one repeated handshake.
type variation struct {
	Addr    netip.AddrPort
	Host    string
	Variant fact.Variant
	Neutral string // the AWS name that NeutralSNI sends
}

// empty tells whether there is nothing to do.
func (t trouble) empty() bool {
	return len(t.Variants)+len(t.Sweeps)+len(t.Routes) == 0 && t.Abroad == "" && !t.Resolver.IsValid() && !t.Firewall.IsValid()
}

// findTrouble plans the differential stage.
func findTrouble(s *fact.Set, regions []string, controls bool) trouble {
	var t trouble
	t.Variants = variations(s)
	failed := failedDials(s)
	for _, d := range failed {
		if len(t.Routes) < maxRouted {
			t.Routes = append(t.Routes, d.Addr.Addr())
		}
		if !t.Firewall.IsValid() && maybeLocal(d) {
			t.Firewall = d.Addr
		}
	}
	if a := metadataLost(s); a.IsValid() && !t.Firewall.IsValid() {
		t.Firewall = a
	}
	if !controls || len(failed) == 0 {
		return t
	}
	t.Sweeps = sweeps(s, failed)
	silent := slices.ContainsFunc(failed, func(d fact.Dial) bool { return d.Class == fact.Timeout })
	if silent && len(s.Resolver.VPC) > 0 && !anyDialWorked(s) {
		t.Resolver = s.Resolver.VPC[0]
	}
	if publicSilent(s, failed) && !s.Run.Private {
		t.Abroad = abroad("ec2", s.Place, regions)
	}
	return t
}

// metadataLost is the address of the metadata service where a connect to it
// came to nothing on an EC2 instance: no group or NACL filters it, so a rule of
// this host is the first suspect. Zero: it answered, or it was not asked at its
// own address.
func metadataLost(s *fact.Set) netip.AddrPort {
	m := &s.IMDS
	if m.Token.Status != fact.Failed || m.Token.Connected || m.Token.HTTPStatus != 0 || s.Host.EC2 == "no" {
		return netip.AddrPort{}
	}
	switch m.Endpoint {
	case "http://169.254.169.254":
		return netip.MustParseAddrPort("169.254.169.254:80")
	case "http://[fd00:ec2::254]":
		return netip.MustParseAddrPort("[fd00:ec2::254]:80")
	}
	return netip.AddrPort{}
}

// variations are the handshakes to repeat: at most one address of a host and
// port, for all addresses of an endpoint are the same service.
func variations(s *fact.Set) []variation {
	var out []variation
	seen := map[string]bool{}
	varied := 0
	for _, h := range s.Handshakes {
		kinds := dial.Variants(h)
		if len(kinds) == 0 || seen[h.Host] || varied == maxVaried {
			continue
		}
		seen[h.Host] = true
		varied++
		for _, k := range kinds {
			out = append(out, variation{Addr: h.Addr, Host: h.Host, Variant: k, Neutral: neutralName(s, h.Host)})
		}
	}
	return out
}

// neutralName is another AWS name of this Region, best one whose own handshake
// worked: then a device on the path is known to let it through.
func neutralName(s *fact.Set, host string) string {
	for _, h := range s.Handshakes {
		if h.Status == fact.OK && h.Host != host && strings.HasSuffix(h.Host, "."+s.Place.DNSSuffix) {
			return h.Host
		}
	}
	for _, service := range []string{"sts", "ec2"} {
		if n := service + "." + s.Place.Region + "." + s.Place.DNSSuffix; n != host && s.Place.Region != "" {
			return n
		}
	}
	return ""
}

// failedDials are the connects that failed by themselves, required names'
// first, as they stand in the set.
func failedDials(s *fact.Set) []fact.Dial {
	var out []fact.Dial
	for _, d := range s.Dials {
		if d.Status == fact.Failed && !d.CutByBudget && d.Class != fact.Cancelled {
			out = append(out, d)
		}
	}
	return out
}

func anyDialWorked(s *fact.Set) bool {
	return slices.ContainsFunc(s.Dials, func(d fact.Dial) bool { return d.Status == fact.OK })
}

// maybeLocal tells whether a failure can have been made on this host: silence,
// or a refusal that could be a local reject.
func maybeLocal(d fact.Dial) bool {
	switch d.Class {
	case fact.Timeout, fact.Refused, fact.Reset, fact.NetUnreachable, fact.HostUnreachable, fact.NotPermitted:
		return true
	}
	return false
}

// sweeps are silent private addresses outside our subnet, where a NACL on the
// way back can depend on the source port (SG-07). The same name's address
// inside our subnet tells first: no NACL stands between neighbours, so when it
// is silent too, none is at fault. Where the name has no such address, one that
// answers in the same place acquits the NACL.
func sweeps(s *fact.Set, failed []fact.Dial) []netip.AddrPort {
	var out []netip.AddrPort
	allSilent := onLinkSilent(s)
	for _, d := range failed {
		if len(out) == maxSwept {
			break
		}
		x := s.AddressOf(d.Addr.Addr())
		if d.Class != fact.Timeout || x.OnLink || x.Class != fact.OwnVPC && x.Class != fact.OtherPrivate {
			continue
		}
		switch neighbour(s, d.Addr) {
		case fact.OK:
			out = append(out, d.Addr)
		case fact.NotRun:
			if !allSilent && !answersIn(s, d.Addr.Addr()) {
				out = append(out, d.Addr)
			}
		case fact.Failed:
		}
	}
	return out
}

// neighbour is how the on-link address of the same name fared: the connect to
// it, or NotRun when the name has none.
func neighbour(s *fact.Set, silent netip.AddrPort) fact.Status {
	status := fact.NotRun
	for _, a := range s.Answers {
		if !slices.Contains(a.Addrs, silent.Addr()) {
			continue
		}
		for _, d := range s.Dials {
			if d.Addr.Port() != silent.Port() || !slices.Contains(a.Addrs, d.Addr.Addr()) || !s.AddressOf(d.Addr.Addr()).OnLink {
				continue
			}
			if d.Status == fact.OK {
				return fact.OK
			}
			status = d.Status
		}
	}
	return status
}

// answersIn tells whether anything in the /24 of an address answered. Subnets
// are rarely smaller; IMDS tells the blocks of our own subnet only.
func answersIn(s *fact.Set, a netip.Addr) bool {
	const bits = 24
	p, err := a.Prefix(bits)
	if err != nil || !a.Is4() {
		return false
	}
	return slices.ContainsFunc(s.Dials, func(d fact.Dial) bool { return d.Status == fact.OK && p.Contains(d.Addr.Addr()) })
}

// onLinkSilent tells whether our own subnet was dialled and nothing answered.
func onLinkSilent(s *fact.Set) bool {
	silent := false
	for _, d := range s.Dials {
		if !s.AddressOf(d.Addr.Addr()).OnLink {
			continue
		}
		if d.Status == fact.OK {
			return false
		}
		silent = silent || d.Class == fact.Timeout
	}
	return silent
}

func isPublic(s *fact.Set, a netip.Addr) bool {
	c := s.AddressOf(a).Class
	return c == fact.PublicAWS || c == fact.Unclassified
}

// publicSilent tells whether a public address stayed silent and none answered.
func publicSilent(s *fact.Set, failed []fact.Dial) bool {
	public := func(a netip.Addr) bool { return isPublic(s, a) }
	for _, d := range s.Dials {
		if d.Status == fact.OK && public(d.Addr.Addr()) {
			return false
		}
	}
	return slices.ContainsFunc(failed, func(d fact.Dial) bool { return d.Class == fact.Timeout && public(d.Addr.Addr()) })
}

// abroad is a service's host in another Region of the same partition: no
// endpoint of this VPC carries it, so it shows whether there is a public path
// at all, and which way that goes.
func abroad(service string, p fact.Place, regions []string) string {
	for _, r := range slices.SortedFunc(slices.Values(regions), cmp.Compare[string]) {
		if r != p.Region && p.DNSSuffix != "" {
			return service + "." + r + "." + p.DNSSuffix
		}
	}
	return ""
}
