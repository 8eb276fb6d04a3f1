package cloudwatch

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

// TestAcceptedTakesAnyIndex: the indexes of rejected events come from outside.
func TestAcceptedTakesAnyIndex(t *testing.T) {
	for _, tt := range []struct {
		info     types.RejectedLogEventsInfo
		old, new bool
	}{
		{types.RejectedLogEventsInfo{}, false, false},
		{types.RejectedLogEventsInfo{TooOldLogEventEndIndex: aws.Int32(-5), ExpiredLogEventEndIndex: aws.Int32(0)}, false, false},
		{types.RejectedLogEventsInfo{TooOldLogEventEndIndex: aws.Int32(1 << 30)}, true, false},
		{types.RejectedLogEventsInfo{ExpiredLogEventEndIndex: aws.Int32(1)}, true, false},
		{types.RejectedLogEventsInfo{TooNewLogEventStartIndex: aws.Int32(-1)}, false, true},
		{types.RejectedLogEventsInfo{TooNewLogEventStartIndex: aws.Int32(1)}, false, true},
		{types.RejectedLogEventsInfo{TooNewLogEventStartIndex: aws.Int32(99)}, false, false},
	} {
		var b batch
		track := &track{runID: "r", at: time.Now()}
		b.add(track, []byte("a"))
		b.add(track, []byte("b"))
		track.whole = true
		if done := b.accepted(&tt.info); len(done) != 1 || track.tooOld != tt.old || track.tooNew != tt.new {
			t.Errorf("%+v: %d done, %+v", tt.info, len(done), track)
		}
	}
}

// TestFits is the edge of each limit.
func TestFits(t *testing.T) {
	at := time.Now()
	full := func(n, length int) *batch {
		b := &batch{}
		for range n {
			b.add(&track{at: at}, make([]byte, length))
		}
		return b
	}
	for name, tt := range map[string]struct {
		b      *batch
		at     time.Time
		length int
		want   bool
	}{
		"the largest event in an empty batch": {&batch{}, at, maxBytes - overhead, true},
		"to the last byte":                    {full(1, 1000), at, maxBytes - 1000 - 2*overhead, true},
		"a byte more":                         {full(1, 1000), at, maxBytes - 1000 - 2*overhead + 1, false},
		"the 10,000th":                        {full(maxCount-1, 1), at, 1, true},
		"the 10,001st":                        {full(maxCount, 1), at, 1, false},
		"just within a day":                   {full(1, 1), at.Add(day - 1), 1, true},
		"a day":                               {full(1, 1), at.Add(day), 1, false},
		"backwards":                           {full(1, 1), at.Add(-1), 1, false},
	} {
		if got := tt.b.fits(tt.at, tt.length); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
