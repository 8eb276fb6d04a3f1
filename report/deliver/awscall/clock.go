package awscall

import (
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

// Clock tells the time of AWS. An instance whose clock is wrong still has to
// deliver the report that says so: signatures, certificates and the stamps of
// events all go by this clock.
type Clock struct {
	ahead  atomic.Int64 // our clock minus the world's, ns
	learnt atomic.Int64 // what of that came out of a refusal
}

// NewClock returns a clock for an instance whose own is ahead by so much, as
// fact.Set.ClockOffset says; 0 where that is not known.
func NewClock(ahead time.Duration) *Clock {
	c := &Clock{}
	c.ahead.Store(int64(ahead))
	return c
}

// Now is the time of AWS as far as it is known.
func (c *Clock) Now() time.Time { return time.Now().Add(-time.Duration(c.ahead.Load())) }

// noticeable is how far the clock may be off before it is worth telling.
const noticeable = 5 * time.Second

// learn takes the time from the Date of an answer that refused our time. It
// tells whether that changed anything: when not, our time was not the reason.
func (c *Clock) learn(h http.Header) bool {
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil || date.Year() < 2020 {
		return false
	}
	off := c.Now().Sub(date)
	if off.Abs() < noticeable {
		return false
	}
	c.ahead.Add(int64(off))
	c.learnt.Add(int64(off))
	return true
}

// Learnt is how much further ahead our clock turned out to be when AWS refused
// the time of a signature.
func (c *Clock) Learnt() time.Duration { return time.Duration(c.learnt.Load()) }

// Note says in words that the clock was corrected; empty when it was not.
func (c *Clock) Note() string {
	ahead := time.Duration(c.ahead.Load())
	if ahead.Abs() < noticeable {
		return ""
	}
	word := "ahead"
	if ahead < 0 {
		word = "behind"
	}
	by := ahead.Abs().Round(time.Second).String()
	if days := ahead.Abs() / (24 * time.Hour); days >= 2 {
		by = strconv.Itoa(int(days)) + " days"
	}
	return "the clock of this instance is " + by + " " + word + "; sent with the time of AWS"
}
