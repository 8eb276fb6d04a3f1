package cloudwatch

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

// Limits of one PutLogEvents (API Reference, read 2026-11).
const (
	maxBytes = 1_048_576 // messages, and overhead for each
	overhead = 26
	maxCount = 10_000
)

// track follows one parcel through batches.
type track struct {
	runID  string
	at     time.Time
	atHand bool // the run that has just ended
	open   int  // events that are in a batch and not accepted
	whole  bool // no more will come
	tooOld bool // some were rejected as too old
	tooNew bool
}

// batch is what the next PutLogEvents sends.
type batch struct {
	messages []string
	of       []*track // of each message
	bytes    int
	first    time.Time
	last     time.Time
}

func (b *batch) empty() bool { return len(b.messages) == 0 }

// fits tells whether an event of that time and length may come into the batch:
// size and number, the order of time, and less than 24 h from first to last.
func (b *batch) fits(at time.Time, length int) bool {
	return b.empty() || b.bytes+length+overhead <= maxBytes && len(b.messages) < maxCount && !at.Before(b.last) && at.Sub(b.first) < day
}

func (b *batch) add(t *track, line []byte) {
	if b.empty() {
		b.first = t.at
	}
	b.last = t.at
	b.messages, b.of = append(b.messages, string(line)), append(b.of, t)
	b.bytes += len(line) + overhead
	t.open++
}

// reset empties the batch and keeps its memory.
func (b *batch) reset() {
	clear(b.messages)
	clear(b.of)
	*b = batch{messages: b.messages[:0], of: b.of[:0]}
}

// events is the batch in the form of the API, each stamped by stamp. Stamps that
// a correction of the clock has put out of order follow the one before them.
func (b *batch) events(stamp func(*track) int64) []types.InputLogEvent {
	out := make([]types.InputLogEvent, len(b.messages))
	stamps := make([]int64, len(b.messages))
	for i := range b.messages {
		if i > 0 && b.of[i] == b.of[i-1] {
			stamps[i] = stamps[i-1]
		} else {
			stamps[i] = stamp(b.of[i])
		}
		if i > 0 {
			stamps[i] = max(stamps[i], stamps[i-1])
		}
		out[i] = types.InputLogEvent{Message: &b.messages[i], Timestamp: &stamps[i]}
	}
	return out
}

// accepted notes what AWS took and returns the parcels that are complete. The
// indexes come from outside.
func (b *batch) accepted(r *types.RejectedLogEventsInfo) []*track {
	n := len(b.messages)
	old, fresh := 0, n // rejected are those before old, and from fresh on
	if r != nil {
		for _, end := range []*int32{r.TooOldLogEventEndIndex, r.ExpiredLogEventEndIndex} { // both exclusive
			if end != nil {
				old = max(old, min(int(*end), n))
			}
		}
		if r.TooNewLogEventStartIndex != nil { // inclusive
			fresh = max(0, min(int(*r.TooNewLogEventStartIndex), n))
		}
	}
	var done []*track
	for i, t := range b.of {
		t.open--
		t.tooOld = t.tooOld || i < old
		t.tooNew = t.tooNew || i >= fresh
		if t.whole && t.open == 0 {
			done = append(done, t)
		}
	}
	return done
}
