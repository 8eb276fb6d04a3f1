package diagnose

import (
	"cmp"
	"slices"

	"vpcdoctor/probe/fact"
)

// A handshake that got no usable answer is repeated with one thing changed at
// a time, and what the repetitions show decides (field guide C.4, measured).

// bit is how one handshake ended, as far as the table reads it.
type bit string

const (
	bitUnknown bit = ""       // not run, or cut by our own budget: no evidence
	bitOK      bit = "ok"     // the handshake completed, whatever the certificate
	bitStall   bit = "stall"  // silence
	bitCut     bit = "cut"    // a reset or a close
	bitAlert   bit = "alert"  // the peer, or who stands in for it, said no
	bitOther   bit = "other"  // anything else: no TLS at all
	bitSame    bit = "same"   // in the table: as the base attempt
	bitAny     bit = "any"    // in the table: says nothing here
	bitBroken  bit = "broken" // in the table: known, and not ok
)

func bitOf(o fact.Outcome) bit {
	if !o.Ran() {
		return bitUnknown
	}
	if o.Status == fact.OK {
		return bitOK
	}
	switch o.Class {
	case fact.Timeout:
		return bitStall
	case fact.Reset, fact.EOF:
		return bitCut
	case fact.TLSAlert:
		return bitAlert
	}
	return bitOther
}

// side says which way large packets are lost.
type side string

const (
	fromUs    side = "from us"
	towardsUs side = "towards us"
)

// row is one line of the table. The handshakes offer the same but: noPQ a
// small greeting, small segments for the large one, neutral another AWS name
// at the same address, tls12 an older version.
type row struct {
	base                        []bit
	noPQ, small, neutral, tls12 bit
	code                        Code
	conf                        Confidence
	side                        side
}

// table is C.4, the first line that fits decides. A line without a confidence
// of proved leaves its neighbours as alternatives.
var table = []row{
	{base: []bit{bitStall}, noPQ: bitOK, small: bitStall, neutral: bitBroken, tls12: bitAny, code: "FW-03", conf: Proved},
	{base: []bit{bitStall}, noPQ: bitOK, small: bitStall, neutral: bitUnknown, tls12: bitAny, code: "FW-03", conf: Proved},
	{base: []bit{bitStall}, noPQ: bitOK, small: bitOK, neutral: bitBroken, tls12: bitAny, code: "TL-07", conf: Proved, side: fromUs},
	{base: []bit{bitStall}, noPQ: bitOK, small: bitOK, neutral: bitUnknown, tls12: bitAny, code: "TL-07", conf: Proved, side: fromUs},
	// The large greeting for another name may pass or not: what is lost is the answer.
	{base: []bit{bitStall}, noPQ: bitStall, small: bitOK, neutral: bitBroken, tls12: bitAny, code: "TL-07", conf: Proved, side: towardsUs},
	{base: []bit{bitStall}, noPQ: bitStall, small: bitOK, neutral: bitUnknown, tls12: bitAny, code: "TL-07", conf: Proved, side: towardsUs},
	// The same greeting passes to the same address with another name in it.
	{base: []bit{bitStall, bitCut}, noPQ: bitSame, small: bitSame, neutral: bitOK, tls12: bitAny, code: "FW-02", conf: Proved},
	{base: []bit{bitStall, bitCut}, noPQ: bitUnknown, small: bitUnknown, neutral: bitOK, tls12: bitAny, code: "FW-02", conf: Likely},
	{base: []bit{bitAlert}, noPQ: bitAny, small: bitAny, neutral: bitOK, tls12: bitBroken, code: "FW-02", conf: Likely},
	{base: []bit{bitAlert}, noPQ: bitBroken, small: bitAny, neutral: bitOK, tls12: bitUnknown, code: "FW-02", conf: Likely},
	// Who resets or refuses a large greeting only is a device that cannot read it.
	{base: []bit{bitCut}, noPQ: bitOK, small: bitCut, neutral: bitBroken, tls12: bitAny, code: "FW-03", conf: Likely},
	{base: []bit{bitCut}, noPQ: bitCut, small: bitCut, neutral: bitCut, tls12: bitAny, code: "FW-05", conf: Likely},
	{base: []bit{bitAlert}, noPQ: bitAny, small: bitAny, neutral: bitAny, tls12: bitOK, code: "FW-05", conf: Likely},
	{base: []bit{bitAlert}, noPQ: bitOK, small: bitAny, neutral: bitAny, tls12: bitAny, code: "FW-05", conf: Likely},
	{base: []bit{bitStall}, noPQ: bitStall, small: bitStall, neutral: bitStall, tls12: bitAny, code: "TL-14", conf: Likely},
}

func (r row) fits(base bit, vs map[fact.Variant]fact.Handshake) bool {
	if !slices.Contains(r.base, base) {
		return false
	}
	is := func(want bit, v fact.Variant) bool {
		got := bitUnknown
		if h, ok := vs[v]; ok {
			got = bitOf(h.Outcome)
		}
		switch want {
		case bitAny:
			return true
		case bitSame:
			return got == base
		case bitBroken:
			return got != bitOK && got != bitUnknown
		}
		return got == want
	}
	return is(r.noPQ, fact.NoPQ) && is(r.small, fact.SmallMSS) && is(r.neutral, fact.NeutralSNI) && is(r.tls12, fact.TLS12)
}

// ruling is what the repetitions of one handshake show.
type ruling struct {
	row
	base fact.Handshake
	vs   []fact.Handshake // by variant
}

// holds tells whether the table had a line for it.
func (r ruling) holds() bool { return r.code != "" }

func (r ruling) variant(v fact.Variant) (fact.Handshake, bool) {
	for _, h := range r.vs {
		if h.Variant == v {
			return h, h.Ran()
		}
	}
	return fact.Handshake{}, false
}

func (r ruling) bit(v fact.Variant) bit {
	h, ok := r.variant(v)
	if !ok {
		return bitUnknown
	}
	return bitOf(h.Outcome)
}

// both tells whether large packets are lost in both directions: the greeting
// of the base attempt was not acknowledged either.
func (r ruling) both() bool {
	t := r.base.TCP
	return r.side == towardsUs && t != nil && t.BytesAcked == 1 && t.Unacked > 0
}

// judge reads every set of repetitions, by host.
func (v *View) judge() map[string]ruling {
	sets := map[addrHost]map[fact.Variant]fact.Handshake{}
	for _, h := range refs(v.Set.Variants, fact.Handshake.Key) {
		k := at(h.Addr, h.Host, "")
		if sets[k] == nil {
			sets[k] = map[fact.Variant]fact.Handshake{}
		}
		if old, ok := sets[k][h.Variant]; !ok || !old.Ran() {
			sets[k][h.Variant] = *h
		}
	}
	keys := make([]addrHost, 0, len(sets))
	for k := range sets {
		keys = append(keys, k)
	}
	slices.SortStableFunc(keys, func(a, b addrHost) int { return cmp.Or(cmp.Compare(a.host, b.host), a.at.Compare(b.at)) })
	out := map[string]ruling{}
	for _, k := range keys {
		base := v.ix.shakes[k]
		if base == nil || out[k.host].holds() {
			continue
		}
		out[k.host] = rule(*base, sets[k])
	}
	return out
}

func rule(base fact.Handshake, vs map[fact.Variant]fact.Handshake) ruling {
	r := ruling{base: base}
	for _, h := range vs {
		r.vs = append(r.vs, h)
	}
	slices.SortStableFunc(r.vs, func(a, b fact.Handshake) int { return cmp.Compare(a.Variant, b.Variant) })
	for _, line := range table {
		if line.fits(bitOf(base.Outcome), vs) {
			r.row = line
			break
		}
	}
	return r
}

// rulingFor is what the repetitions say about a handshake: those of its own
// host, or what those of all others that ended alike agree on, for they share
// the path.
func (v *View) rulingFor(h fact.Handshake) ruling {
	if r, ok := v.rulings[h.Host]; ok {
		if bitOf(r.base.Outcome) == bitOf(h.Outcome) {
			return r
		}
		return ruling{}
	}
	var common ruling
	for _, host := range sortedKeys(v.rulings) {
		r := v.rulings[host]
		switch {
		case bitOf(r.base.Outcome) != bitOf(h.Outcome):
		case !r.holds() || common.holds() && (common.code != r.code || common.side != r.side):
			return ruling{}
		default:
			common = r
		}
	}
	return common
}

// unsteady tells whether every repetition of a silent handshake worked, the
// large greeting for another name among them: the silence has passed.
func (r ruling) unsteady() bool {
	return r.bit(fact.NeutralSNI) == bitOK && (r.bit(fact.NoPQ) == bitOK || r.bit(fact.SmallMSS) == bitOK)
}
