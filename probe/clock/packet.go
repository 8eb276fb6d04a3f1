package clock

import (
	"encoding/binary"
	"time"

	"vpcdoctor/probe/classify"
	"vpcdoctor/probe/fact"
)

// The packet of RFC 5905 section 7.3, as far as a client of RFC 4330 uses it.
const (
	size = 48

	modeClient = 3
	modeServer = 4
	version    = 4
	alarm      = 3  // leap indicator: the clock is not synchronised
	unsynced   = 16 // stratum with the same meaning

	atStratum   = 1
	atReference = 12 // the code of a kiss-o'-death
	atOriginate = 24 // our cookie comes back here
	atReceive   = 32
	atTransmit  = 40
)

// request is a client packet that tells nothing about us: all zero, but for
// the mode and a random number where our time would stand, which only the one
// who got it can repeat.
func request(cookie uint64) []byte {
	b := make([]byte, size)
	b[0] = version<<3 | modeClient
	binary.BigEndian.PutUint64(b[atTransmit:], cookie)
	return b
}

// reply is a server's answer.
type reply struct {
	leap, stratum     int
	kiss              string // set when stratum is 0
	receive, transmit uint64 // NTP timestamps, by the server's clock
}

// parse reads an answer to the question with that cookie. Anything else is
// not ok: another mode, another cookie, too short.
func parse(b []byte, cookie uint64) (reply, bool) {
	if len(b) < size || b[0]&7 != modeServer || binary.BigEndian.Uint64(b[atOriginate:]) != cookie {
		return reply{}, false
	}
	r := reply{
		leap: int(b[0] >> 6), stratum: int(b[atStratum]),
		receive: binary.BigEndian.Uint64(b[atReceive:]), transmit: binary.BigEndian.Uint64(b[atTransmit:]),
	}
	if r.stratum == 0 {
		r.kiss = kissCode(b[atReference : atReference+4])
	}
	return r, true
}

// kissCode is the four letters of a refusal, "DENY", "RATE", "RSTR"; "?" when
// they are none.
func kissCode(b []byte) string {
	for _, c := range b {
		if (c < 'A' || c > 'Z') && c != 0 {
			return "?"
		}
	}
	n := 0
	for n < len(b) && b[n] != 0 {
		n++
	}
	if n == 0 {
		return "?"
	}
	return classify.Clean(string(b[:n]), 4)
}

const (
	// era is from 1900, where NTP begins, to 1970.
	era = 2208988800
	// half is the bit by which the two eras in living memory are told apart: set
	// from 1968 to 2036, clear from then to 2104 (RFC 4330 section 3).
	half = 1 << 31
)

// wallTime turns an NTP timestamp into a time.
func wallTime(t uint64) time.Time {
	seconds := int64(t >> 32)
	if seconds < half {
		seconds += 1 << 32
	}
	nanos := int64((t & 0xffffffff) * 1e9 >> 32)
	return time.Unix(seconds-era, nanos).UTC()
}

// compare fills s from an answer that came elapsed after sent, by our clock.
func compare(s *fact.TimeSample, r reply, sent time.Time, elapsed time.Duration) {
	s.Stratum = r.stratum
	switch {
	case r.stratum == 0:
		s.Kiss = r.kiss
		fail(s, fact.OtherFailure, "kiss-o'-death "+r.kiss)
		return
	case r.leap == alarm, r.stratum >= unsynced:
		s.Unsync = true
		fail(s, fact.OtherFailure, "the server is not synchronised")
		return
	case r.transmit == 0, r.receive == 0:
		fail(s, fact.Malformed, "the answer holds no time")
		return
	}
	in, out := wallTime(r.receive), wallTime(r.transmit)
	held := out.Sub(in) // the server's own time between request and answer
	if held < 0 || held > elapsed {
		fail(s, fact.Malformed, "the server's times do not fit the round trip")
		return
	}
	// Both legs of the way are taken to be as long.
	theirs := in.Add(held / 2)
	s.Offset = fact.Duration(sent.Add(elapsed / 2).Sub(theirs))
	s.RTT = fact.Duration(elapsed - held)
}

func fail(s *fact.TimeSample, c fact.Class, words string) {
	s.Status, s.Class, s.Detail = fact.Failed, c, words
}
