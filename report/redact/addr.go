package redact

import (
	"cmp"
	"net/netip"
	"slices"
)

// block is a prefix whose bits stay as they are.
type block struct {
	p     netip.Prefix
	whole bool // and everything inside it
}

// blocks are the classes of addresses, and what is the same everywhere.
var blocks = func() []block {
	var out []block
	for _, s := range []string{"10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16", "fc00::/8", "fd00::/8", "2000::/3", "fe80::/64"} {
		out = append(out, block{p: netip.MustParsePrefix(s)})
	}
	for _, s := range []string{"0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3", "::/8", "fd00:ec2::/32", "ff00::/8"} {
		out = append(out, block{netip.MustParsePrefix(s), true})
	}
	return out
}()

var nat64 = netip.MustParsePrefix("64:ff9b::/96")

// fixed tells whether an address is the same for every customer.
func fixed(a netip.Addr) bool {
	return slices.ContainsFunc(blocks, func(b block) bool { return b.whole && b.p.Contains(a) })
}

// space maps addresses of one family. It is a walk down the tree of all known
// addresses: a bit that tells two of them apart stays, one that tells nothing
// apart is made up. So shared prefixes and order survive, and two addresses
// never become one.
type space struct {
	items map[netip.Addr]*item
	to    map[netip.Addr]netip.Addr
}

// item is one known address, or a block that ends at depth.
type item struct {
	bits  [16]byte // from the top of the family's width
	depth int      // bits that exist
	lo    int      // bits before it stay
	hi    int      // bits from it on stay
	out   [16]byte
}

// add makes an address known.
func (s *space) add(a netip.Addr) { s.item(a) }

func (s *space) item(a netip.Addr) *item {
	if s.items == nil {
		s.items = map[netip.Addr]*item{}
	}
	x, ok := s.items[a]
	if !ok {
		x = &item{bits: left(a), depth: a.BitLen(), hi: a.BitLen()}
		s.items[a] = x
	}
	return x
}

// addBlock makes a prefix known: its first four addresses have meanings of
// their own (network, router, resolver, reserved) and stay the first four.
func (s *space) addBlock(p netip.Prefix) {
	p = p.Masked()
	if p.Bits() < 8 || p.Bits() > p.Addr().BitLen()-4 {
		return
	}
	a := p.Addr()
	for range 4 {
		x := s.item(a)
		x.hi = min(x.hi, p.Bits())
		a = a.Next()
	}
}

// left is an address with its bits at the start of the array.
func left(a netip.Addr) (out [16]byte) {
	copy(out[:], a.AsSlice())
	return out
}

// solve chooses the substitutes once everything is known.
func (s *space) solve(width int) {
	s.to = map[netip.Addr]netip.Addr{}
	var all []*item
	for _, x := range s.items {
		all = append(all, x)
	}
	for _, b := range blocks {
		if b.p.Addr().BitLen() == width {
			all = append(all, &item{bits: left(b.p.Addr()), depth: b.p.Bits(), lo: b.p.Bits(), hi: width})
		}
	}
	slices.SortFunc(all, func(a, b *item) int { return cmp.Or(slices.Compare(a.bits[:], b.bits[:]), a.depth-b.depth) })
	descend(all, 0, width, [16]byte{})
	for a, x := range s.items {
		out, _ := netip.AddrFromSlice(x.out[:width/8])
		s.to[a] = out
	}
}

func bit(b [16]byte, i int) byte { return b[i/8] >> (7 - i%8) & 1 }

// descend settles the bit at depth for items that agree on all bits before it.
func descend(items []*item, depth, width int, prefix [16]byte) {
	items = slices.DeleteFunc(items, func(x *item) bool {
		if x.depth <= depth {
			x.out = prefix
			return true
		}
		return false
	})
	if len(items) == 0 {
		return
	}
	var zero, one []*item
	keep := false
	for _, x := range items {
		if bit(x.bits, depth) == 0 {
			zero = append(zero, x)
		} else {
			one = append(one, x)
		}
		keep = keep || depth < x.lo || depth >= x.hi
	}
	for real, group := range [2][]*item{zero, one} {
		if len(group) == 0 {
			continue
		}
		b := byte(real)
		if !keep && len(group) == len(items) {
			b = made(prefix, depth)
		}
		next := prefix
		next[depth/8] |= b << (7 - depth%8)
		descend(group, depth+1, width, next)
	}
}

// made is a bit that looks like any other. It depends on nothing but the bits
// that were made up before it.
func made(prefix [16]byte, depth int) byte {
	h := uint32(2166136261)
	for _, c := range append(prefix[:], byte(depth)) {
		h = (h ^ uint32(c)) * 16777619
	}
	h ^= h >> 15
	return byte(h>>7) & 1
}
