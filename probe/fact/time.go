package fact

import (
	"cmp"
	"net/netip"
	"slices"
	"time"
)

// Sources of a time sample.
const (
	TimeSNTP     = "sntp"      // the Amazon Time Sync Service, asked once
	TimeDate     = "date"      // Date header of an HTTPS answer
	TimeIMDSDate = "imds_date" // Date header of a metadata answer
	TimeAdjtimex = "adjtimex"  // the kernel holds its clock for synchronised: a belief, not a measurement
)

// TimeSample is one comparison of our clock with another one. It is OK when
// Offset means something.
type TimeSample struct {
	Outcome
	Source  string         `json:"source"`
	Server  netip.AddrPort `json:"server,omitzero"`
	Offset  Duration       `json:"offset_ms"`         // our clock minus theirs: positive, ours is fast
	RTT     Duration       `json:"rtt_ms,omitzero"`   // on the way; the offset is right to half of it
	Stratum int            `json:"stratum,omitempty"` // 1 to 15; the Time Sync Service is 1 to 4
	Kiss    string         `json:"kiss,omitempty"`    // "RATE", "DENY": the code of a kiss-o'-death (RFC 5905 7.4)
	Unsync  bool           `json:"unsync,omitempty"`  // the server says that it has no time itself
}

// Key names the sample: "time:sntp/169.254.169.123:123".
func (t TimeSample) Key() string {
	if !t.Server.IsValid() {
		return "time:" + t.Source
	}
	return "time:" + t.Source + "/" + t.Server.String()
}

const (
	// sameTime is how far apart two samples of one clock may be: a Date header
	// is cut to the second and its offset is right to one second either way.
	sameTime = 2 * time.Second
	// trustedError is the largest error that the kernel may admit to for its
	// clock to count as a voice; adjtimex says 16 s when nothing disciplines it.
	trustedError = time.Second
)

// Offset is how far our clock is from the world's, as its majority says.
type Offset struct {
	By       time.Duration // our clock minus the world's
	Sources  []string      // kinds that agree, sorted
	Agreeing int           // samples that agree
	Against  int           // samples that say something else
	Keys     []string      // of the facts that agree, for evidence
}

// ClockOffset is the offset that most kinds of source agree on within 2 s:
// kinds and not samples, because one lying proxy can put its Date on every
// answer. Samples decide between as many kinds; what was measured wins over
// the kernel's belief. ok is false when nothing was measured or two camps are
// equally strong.
func (s *Set) ClockOffset() (o Offset, ok bool) {
	voices := s.voices()
	slices.SortStableFunc(voices, func(a, b voice) int { return cmp.Compare(a.offset, b.offset) })
	var best camp
	tied, end := false, 0
	for i := range voices {
		// A camp that ends where the one before it ends is part of it and weaker.
		last := end
		for end < len(voices) && voices[end].offset-voices[i].offset <= sameTime {
			end++
		}
		if end == last {
			continue
		}
		c := campFrom(voices[i:end])
		switch d := c.compare(best); {
		case d > 0:
			best, tied = c, false
		case d == 0 && c.members[0].offset-best.members[len(best.members)-1].offset > sameTime:
			tied = true
		}
	}
	if best.measured == 0 || tied {
		return Offset{}, false
	}
	o = Offset{By: best.middle(), Sources: best.kinds, Agreeing: len(best.members), Against: len(voices) - len(best.members)}
	for _, v := range best.members {
		o.Keys = append(o.Keys, v.key)
	}
	slices.Sort(o.Keys)
	o.Keys = slices.Compact(o.Keys)
	return o, true
}

// voice is one opinion about our clock.
type voice struct {
	kind   string
	offset time.Duration
	key    string
}

// AllTimes returns the samples of the run, the metadata service's as the last.
func (s *Set) AllTimes() []TimeSample {
	if s.IMDS.Time.Source == "" {
		return s.Times
	}
	return append(slices.Clip(s.Times), s.IMDS.Time)
}

func (s *Set) voices() []voice {
	var out []voice
	for _, t := range s.AllTimes() {
		if t.Status == OK && !t.Unsync {
			out = append(out, voice{t.Source, t.Offset.Std(), t.Key()})
		}
	}
	for _, r := range s.Requests {
		if r.Status == OK && r.HasOffset {
			out = append(out, voice{TimeDate, r.Offset.Std(), r.Key()})
		}
	}
	if c := s.Host.Clock; c.Status == OK && !c.Unsynchronised && c.MaxError.Std() < trustedError {
		out = append(out, voice{TimeAdjtimex, 0, "time:" + TimeAdjtimex})
	}
	return out
}

// camp is a run of voices that agree.
type camp struct {
	members  []voice
	kinds    []string
	measured int // members that are not the kernel's belief
}

// campFrom is the camp of voices that are no further apart than sameTime.
func campFrom(sorted []voice) camp {
	var c camp
	for _, v := range sorted {
		c.members = append(c.members, v)
		c.kinds = append(c.kinds, v.kind)
		if v.kind != TimeAdjtimex {
			c.measured++
		}
	}
	slices.Sort(c.kinds)
	c.kinds = slices.Compact(c.kinds)
	return c
}

// compare orders camps by strength: kinds, then measured members, then
// whether the time service is among them, whose only business is time.
func (c camp) compare(d camp) int {
	return cmp.Or(
		cmp.Compare(min(c.measured, 1), min(d.measured, 1)),
		cmp.Compare(len(c.kinds), len(d.kinds)),
		cmp.Compare(c.sntp(), d.sntp()),
		cmp.Compare(c.measured, d.measured),
	)
}

func (c camp) sntp() int {
	if slices.Contains(c.kinds, TimeSNTP) {
		return 1
	}
	return 0
}

// middle is the time service's word if it is there, being exact to a
// millisecond; else the median.
func (c camp) middle() time.Duration {
	for _, v := range c.members {
		if v.kind == TimeSNTP {
			return v.offset
		}
	}
	var measured []time.Duration
	for _, v := range c.members {
		if v.kind != TimeAdjtimex {
			measured = append(measured, v.offset)
		}
	}
	if len(measured) == 0 {
		return 0
	}
	return measured[len(measured)/2]
}
