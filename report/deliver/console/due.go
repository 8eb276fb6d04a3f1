package console

import "time"

// daily is how often a verdict that does not change is written again, so that
// it is among the last 64 kB. A little less than a day: a timer is not to skip
// every other day because it is some seconds early.
const daily = 24*time.Hour - 10*time.Minute

// Due tells a timer's run whether to write: when its state is another one than
// that last written, and once a day. A state is a word that is the same as long
// as nobody has to look again, such as status and codes. A last time of zero
// means never; one that lies ahead means that the clock was set back.
func Due(now, last time.Time, state, lastState string) bool {
	age := now.Sub(last)
	return last.IsZero() || state != lastState || age < 0 || age >= daily
}
