package catalog

import (
	_ "embed"
	"encoding/binary"
	"net/netip"
	"sort"
	"strings"
	"sync"
	"time"
)

// ranges.bin is AWS's ip-ranges.json in a form that is searched as it lies:
//
//	"AWSR1"  creation date as 8-byte Unix seconds
//	n        1 byte, then n Region names, each with its length before it
//	groups   until the end, prefixes of one family and length:
//	         family (4 or 6), bits, 2-byte count,
//	         the prefixes sorted, each (bits+7)/8 bytes,
//	         one tag each: Region number * 4 + service number
//
// Numbers are big endian. Whole bytes only, no compression: the file is 40 kB
// and a lookup needs neither time nor memory before it starts. It is made from
// testdata/aws-ip-ranges.tsv by `go test ./probe/catalog -run Ranges -update`.
//
//go:embed ranges.bin
var rangesBin string

const rangesMagic = "AWSR1"

// rangeServices are the services that AWS's list tells apart and that matter
// here, by their number in a tag. AMAZON holds the other two.
var rangeServices = []string{"AMAZON", "S3", "DYNAMODB"}

// globalRegion is the Region name of ranges that belong to none.
const globalRegion = "GLOBAL"

// RangeList is AWS's list of its public addresses.
type RangeList struct {
	Date time.Time // when AWS made the list, UTC

	regions []string
	groups  []rangeGroup // longest prefixes first
}

// rangeGroup is the prefixes of one family and length.
type rangeGroup struct {
	v6    bool
	bits  int
	width int    // bytes per prefix
	keys  string // sorted
	tags  string
}

var loadRanges = sync.OnceValue(func() *RangeList {
	r, ok := parseRanges(rangesBin)
	if !ok {
		panic("catalog: embedded range list is malformed") // a test guards it
	}
	return r
})

// Ranges returns the embedded list.
func Ranges() *RangeList { return loadRanges() }

// parseRanges splits the text; it copies none of it.
func parseRanges(text string) (*RangeList, bool) {
	rest, ok := strings.CutPrefix(text, rangesMagic)
	if !ok || len(rest) < 9 {
		return nil, false
	}
	r := &RangeList{Date: time.Unix(int64(binary.BigEndian.Uint64([]byte(rest[:8]))), 0).UTC()}
	n, rest := int(rest[8]), rest[9:]
	for range n {
		if len(rest) == 0 || len(rest) < 1+int(rest[0]) {
			return nil, false
		}
		r.regions = append(r.regions, rest[1:1+int(rest[0])])
		rest = rest[1+int(rest[0]):]
	}
	for len(rest) > 0 {
		if len(rest) < 4 {
			return nil, false
		}
		g := rangeGroup{v6: rest[0] == 6, bits: int(rest[1]), width: (int(rest[1]) + 7) / 8}
		count := int(rest[2])<<8 | int(rest[3])
		rest = rest[4:]
		if g.width == 0 || len(rest) < count*(g.width+1) {
			return nil, false
		}
		g.keys, rest = rest[:count*g.width], rest[count*g.width:]
		g.tags, rest = rest[:count], rest[count:]
		r.groups = append(r.groups, g)
	}
	return r, true
}

// Lookup tells to which Region and service of AWS a public address belongs.
// Ranges overlap: the row of a single service wins over AMAZON, a Region over
// GLOBAL, and then the longest prefix. The service is AMAZON, S3 or DYNAMODB.
func (r *RangeList) Lookup(a netip.Addr) (region, service string, ok bool) {
	a = a.Unmap().WithZone("")
	if !a.IsValid() {
		return "", "", false
	}
	best := -1
	for _, g := range r.groups {
		if g.v6 != a.Is6() {
			continue
		}
		p, err := a.Prefix(g.bits)
		if err != nil {
			continue // bits beyond the family: not in a file that we made
		}
		key := string(p.Addr().AsSlice()[:g.width])
		for i := g.first(key); i < len(g.tags) && g.key(i) == key; i++ {
			reg, svc := r.name(g.tags[i])
			score := 0
			if svc != rangeServices[0] {
				score += 2
			}
			if reg != globalRegion {
				score++
			}
			if score > best {
				region, service, best = reg, svc, score
			}
		}
	}
	return region, service, best >= 0
}

// Prefixes lists the ranges of one Region and service, IPv4 before IPv6 and
// longest first: a stock of real public addresses for simulations.
func (r *RangeList) Prefixes(region, service string) []netip.Prefix {
	var out []netip.Prefix
	for _, g := range r.groups {
		for i := range g.tags {
			if reg, svc := r.name(g.tags[i]); reg == region && svc == service {
				out = append(out, g.prefix(i))
			}
		}
	}
	return out
}

// prefix is the range at a position.
func (g rangeGroup) prefix(i int) netip.Prefix {
	b := make([]byte, 4, 16)
	if g.v6 {
		b = b[:16]
	}
	copy(b, g.key(i))
	a, _ := netip.AddrFromSlice(b)
	return netip.PrefixFrom(a, g.bits)
}

// name splits a tag.
func (r *RangeList) name(tag byte) (region, service string) {
	reg, svc := int(tag>>2), int(tag&3)
	if reg >= len(r.regions) || svc >= len(rangeServices) {
		return globalRegion, rangeServices[0]
	}
	return r.regions[reg], rangeServices[svc]
}

// key is the prefix at a position.
func (g rangeGroup) key(i int) string { return g.keys[i*g.width : (i+1)*g.width] }

// first is the position of the first prefix that is not below key.
func (g rangeGroup) first(key string) int {
	return sort.Search(len(g.tags), func(i int) bool { return g.key(i) >= key })
}
