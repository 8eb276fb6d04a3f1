package scenario

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/netip"
	"strings"
)

// Seed is the source of everything about a world that must not matter: where
// it is, what its addresses and ids are, which service is hit.
type Seed struct {
	N      uint64
	Region string
	rand   *rand.Rand
}

// families are the partitions' Regions. Three consecutive seeds visit all
// three, so that every scenario runs in China and GovCloud too.
var families = [][]string{
	{"us-east-1", "eu-central-1", "ap-northeast-1", "us-west-2", "eu-west-1", "ap-southeast-1", "sa-east-1"},
	{"cn-north-1", "cn-northwest-1"},
	{"us-gov-west-1", "us-gov-east-1"},
}

// NewSeed returns the seed of a scenario with a number.
func NewSeed(name string, n uint64) *Seed {
	h := fnv.New64a()
	h.Write([]byte(name))
	s := &Seed{N: n, rand: rand.New(rand.NewPCG(h.Sum64(), n))}
	s.Region = Pick(s, families[(h.Sum64()+n)%uint64(len(families))])
	return s
}

// Pick chooses one of several.
func Pick[T any](s *Seed, from []T) T { return from[s.rand.IntN(len(from))] }

// Int is a number from 0 to n-1.
func (s *Seed) Int(n int) int { return s.rand.IntN(n) }

// ID makes an AWS resource id: "vpce-0a1b2c3d4e5f60718".
func (s *Seed) ID(kind string) string {
	return fmt.Sprintf("%s-0%016x", kind, s.rand.Uint64())
}

// Digits makes a number with n digits, the first not zero.
func (s *Seed) Digits(n int) string {
	var b strings.Builder
	b.WriteByte(byte('1' + s.rand.IntN(9)))
	for range n - 1 {
		b.WriteByte(byte('0' + s.rand.IntN(10)))
	}
	return b.String()
}

// Addr picks an address of a block that has none of the low addresses AWS
// reserves and was not picked before.
func (s *Seed) Addr(block netip.Prefix, taken map[netip.Addr]bool) netip.Addr {
	size := 1 << (32 - block.Bits())
	for {
		b := block.Masked().Addr().As4()
		n := 10 + s.rand.IntN(min(size, 250)-12)
		v := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
		v += uint32(n)
		a := netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)})
		if !taken[a] {
			taken[a] = true
			return a
		}
	}
}
