package agentlog

import "time"

// clockZone turns the wall times of one source into UTC. Two things make that
// more than a subtraction: an hour that exists twice when daylight saving
// ends, and one that does not exist when it begins.
type clockZone struct {
	loc *time.Location
	now time.Time

	// Between these wall times one offset holds and is certain.
	from, until, offset int64

	previous time.Time // of the line before: a log runs forward
}

// margin keeps the certain period away from its ends: no zone moves its clock
// by more than a few hours at once.
const margin = 4 * 3600

func newZone(loc *time.Location, now time.Time) *clockZone { return &clockZone{loc: loc, now: now} }

// restart begins another source.
func (z *clockZone) restart() { z.previous = time.Time{} }

func (z *clockZone) utc(w wallTime) time.Time {
	if w.seconds < z.from || w.seconds >= z.until {
		z.period(w)
	}
	offset := z.offset
	if w.seconds < z.from || w.seconds >= z.until {
		offset = z.choose(w)
	}
	t := time.Unix(w.seconds-offset, int64(w.nanos)).UTC()
	z.previous = t
	return t
}

// period finds the period around a wall time in which its offset holds.
func (z *clockZone) period(w wallTime) {
	t := time.Unix(w.seconds, 0).In(z.loc)
	_, offset := t.Zone()
	t = time.Unix(w.seconds-int64(offset), 0).In(z.loc)
	_, offset = t.Zone()
	start, end := t.ZoneBounds()
	z.offset = int64(offset)
	z.from, z.until = -1<<62, 1<<62
	if !start.IsZero() {
		z.from = start.Unix() + z.offset + margin
	}
	if !end.IsZero() {
		z.until = end.Unix() + z.offset - margin
	}
}

// choose finds the offset of a wall time near a change of the clock. Where two
// are possible it takes the first one that keeps the log running forward.
func (z *clockZone) choose(w wallTime) int64 {
	around := func(seconds int64) int64 {
		_, o := time.Unix(seconds, 0).In(z.loc).Zone()
		return int64(o)
	}
	before, after := around(w.seconds-86400), around(w.seconds+86400)
	fits := func(o int64) bool { return around(w.seconds-o) == o }
	switch {
	case before == after, fits(before) && !fits(after):
		return before
	case !fits(before) && fits(after):
		return after
	case !fits(before): // a time that the clock skipped: it was not set yet
		return before
	}
	// Twice: with the larger offset the earlier instant.
	early, late := max(before, after), min(before, after)
	t := time.Unix(w.seconds-early, int64(w.nanos))
	if !z.previous.IsZero() && t.Before(z.previous.Add(-time.Second)) && !time.Unix(w.seconds-late, 0).After(z.now.Add(time.Minute)) {
		return late
	}
	return early
}
