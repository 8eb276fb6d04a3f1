package world

import (
	"hash/fnv"
	"net/netip"
	"strings"
)

// ranges are one block of each Region's published ranges per kind, enough to
// give every public name a believable address. Source: AWS ip-ranges.json,
// createDate 2026-08-22.
type ranges struct{ amazon, s3, dynamodb, v6 string }

var regionRanges = map[string]ranges{
	"us-east-1":      {"44.192.0.0/11", "52.216.0.0/15", "52.119.224.0/20", "2600:1f18::/33"},
	"us-west-2":      {"44.224.0.0/11", "52.92.128.0/17", "35.71.64.0/22", "2600:1f14::/34"},
	"eu-central-1":   {"3.64.0.0/12", "16.12.24.0/21", "35.71.105.0/24", "2a05:d014::/35"},
	"eu-west-1":      {"34.240.0.0/12", "52.92.0.0/17", "52.119.240.0/21", "2a05:d018::/35"},
	"ap-northeast-1": {"13.192.0.0/13", "52.219.0.0/20", "13.248.69.0/24", "2406:da14::/35"},
	"ap-southeast-1": {"13.212.0.0/14", "16.12.48.0/21", "35.71.118.0/24", "2406:da18::/35"},
	"sa-east-1":      {"18.228.0.0/14", "3.5.232.0/22", "35.71.106.0/24", "2600:1f1e::/36"},
	"cn-north-1":     {"52.80.0.0/15", "54.222.112.0/20", "54.222.57.0/24", "2400:7fc0:8000::/36"},
	"cn-northwest-1": {"43.192.0.0/16", "52.82.164.0/22", "43.193.64.0/24", "2404:c2c0:8000::/36"},
	"us-gov-west-1":  {"56.136.0.0/14", "108.175.48.0/22", "35.71.116.0/24", "2600:1f12::/36"},
	"us-gov-east-1":  {"16.66.0.0/15", "108.175.52.0/22", "35.71.115.0/24", "2600:1f15::/36"},
}

// KnownRegions lists the Regions whose public ranges the lab knows.
func KnownRegions() []string {
	return []string{
		"us-east-1", "us-west-2", "eu-central-1", "eu-west-1", "ap-northeast-1", "ap-southeast-1", "sa-east-1",
		"cn-north-1", "cn-northwest-1", "us-gov-west-1", "us-gov-east-1",
	}
}

// ServicePrefixes is the content of the managed prefix list of a gateway
// service, "s3" or "dynamodb".
func (w *World) ServicePrefixes(service string) []netip.Prefix {
	r := regionRanges[w.Region]
	if service == "dynamodb" {
		return []netip.Prefix{netip.MustParsePrefix(r.dynamodb)}
	}
	return []netip.Prefix{netip.MustParsePrefix(r.s3)}
}

// publicAnswer is the public DNS.
func (w *World) publicAnswer(name string, v6 bool) Answer {
	if addrs, ok := w.endpointName(name); ok {
		return found(addrs, v6, 60, "")
	}
	addrs := w.PublicAddrs(name)
	if len(addrs) == 0 {
		return Answer{RCode: "NXDOMAIN", SOA: w.publicZone(name), TTL: 900}
	}
	return found(addrs, v6, 60, w.publicZone(name))
}

// publicZone is the public DNS zone that a name would stand in.
func (w *World) publicZone(name string) string {
	switch {
	case under(name, w.VPCESuffix):
		return w.Region + "." + w.VPCESuffix
	case under(name, w.Suffix):
		return w.Suffix
	case under(name, w.DualStackSuffix):
		return w.DualStackSuffix
	}
	return "."
}

// PublicAddrs are the public addresses of an AWS host name. They are a
// function of the name: the same in every run. Dual-stack names have an IPv6
// address too. Names outside AWS, random probe labels and names that the
// world declares absent have none.
func (w *World) PublicAddrs(name string) []netip.Addr {
	for _, a := range w.Internet.Absent {
		if under(name, a) {
			return nil
		}
	}
	dual := under(name, w.DualStackSuffix) || strings.Contains(name, ".dualstack.")
	if (!under(name, w.Suffix) && !dual) || strings.Contains(name, ".vpce.") {
		return nil
	}
	if label, _, _ := strings.Cut(name, "."); name == w.Suffix || name == w.Region+"."+w.Suffix ||
		strings.HasPrefix(label, "vpcdoctor-") && !wildcard(name) {
		return nil
	}
	r := regionRanges[w.Region]
	for _, label := range strings.Split(name, ".") {
		if other, ok := regionRanges[label]; ok {
			r = other
		}
	}
	block := r.amazon
	switch {
	case under(name, "s3."+w.Region+"."+w.Suffix) || strings.Contains(name, ".s3."):
		block = r.s3
	case under(name, "dynamodb."+w.Region+"."+w.Suffix):
		block = r.dynamodb
	}
	out := []netip.Addr{pick(block, name)}
	if dual {
		out = append(out, pick(r.v6, name))
	}
	return out
}

// wildcard tells whether the public DNS answers for any label at a name's
// place: buckets, registries, API ids.
func wildcard(name string) bool {
	return strings.Contains(name, ".s3.") || strings.Contains(name, ".dkr.ecr.") || strings.Contains(name, ".execute-api.")
}

// pick chooses one address of a block by the hash of a name.
func pick(block, name string) netip.Addr {
	p := netip.MustParsePrefix(block)
	h := fnv.New64a()
	h.Write([]byte(name))
	v := h.Sum64()
	b := p.Addr().AsSlice()
	for i := len(b) - 1; i >= 0 && i >= len(b)-8; i-- {
		keep := 8
		if left := p.Bits() - i*8; left <= 0 {
			keep = 0
		} else if left < 8 {
			keep = left
		}
		mask := byte(0xff) >> keep
		b[i] = b[i]&^mask | byte(v)&mask
		v >>= 8
	}
	if last := len(b) - 1; b[last] == 0 || b[last] == 255 {
		b[last] ^= 0x55 // never the first or last address of a /24: some stacks treat them as special
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}
