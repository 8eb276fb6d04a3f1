package watch

import "time"

// Pause is how long to wait after a look at which nothing had turned for quiet
// looks: 0 right after a turn. What has just changed is likely to change again
// soon, as when a host boots or somebody works on it; what has not changed for
// ten minutes is looked at twice a minute. A look costs the metadata service
// and the resolver some 50 packets, so that even the shortest pause uses a small
// part of what a second allows.
func Pause(quiet int) time.Duration {
	const long = 40 // looks, some ten minutes
	steps := []time.Duration{2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second}
	switch {
	case quiet < len(steps):
		return steps[max(quiet, 0)]
	case quiet < long:
		return steps[len(steps)-1]
	}
	return 30 * time.Second
}
