// Package deliver takes finished reports to where somebody will read them:
// files, CloudWatch Logs, the serial console and so on, each a [Sink].
//
// In go finished reports; out come bytes somewhere else and one [Outcome] for
// each sink. Nothing here changes a verdict, and no sink waits for another or
// takes another with it when it fails: the network that a report is about is
// often the one that it has to leave by.
//
// What a sink could not take waits in a [Backlog] and is tried again by a later
// run, oldest first.
package deliver

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"vpcdoctor/report"
)

// Parcel is one finished run on its way out.
type Parcel struct {
	RunID string    // fact.Run.ID: the same however often it is sent
	Time  time.Time // start of the run, corrected where the instance's clock was found wrong

	// Load reads the report. A parcel of the backlog stays on disk until then,
	// so that a long backlog needs no memory. A sink that cannot read one says so
	// and carries on with the others; a damaged one is set aside by the backlog.
	Load func() (*report.Report, error)
}

// Fate is how a sink is done with a parcel for good.
type Fate string

// Fates. A parcel without one is tried again by a later run.
const (
	Delivered Fate = "delivered"
	Expired   Fate = "expired"  // too old for the sink to ever take it
	Rejected  Fate = "rejected" // the sink looked at it and will never take it
)

// Settle is told the fate of a parcel as soon as it is known: a run may end at
// any moment, and what it has settled is not sent again.
type Settle func(runID string, f Fate)

// Sink takes reports somewhere.
type Sink interface {
	// Name is the word of --to: "cloudwatch".
	Name() string

	// Keeps tells whether what this sink cannot take now is worth keeping for a
	// later run.
	Keeps() bool

	// Deliver sends parcels, oldest first; the run at hand is the last one. It
	// returns when ctx ends, at the latest. Where names the place in the words of
	// people ("log group /vpcdoctor, stream i-0abc"), also when it fails.
	Deliver(ctx context.Context, parcels []Parcel, settle Settle) (where string, err error)
}

// Backlog keeps what sinks could not take.
type Backlog interface {
	// Waiting lists the parcels that a sink has not settled, oldest first.
	Waiting(sink string) ([]Parcel, error)

	// Settle takes a parcel out of what waits for a sink.
	Settle(sink, runID string, f Fate) error
}

// Outcome is what became of one sink.
type Outcome struct {
	Sink  string
	Where string // in the words of people; empty when it is not known
	Fates map[Fate]int
	Left  int   // parcels that wait for a later run
	Err   error // why not everything arrived; nil: all did
	Took  time.Duration
}

// Arrived tells whether the run at hand is where the sink takes it.
func (o Outcome) Arrived() bool { return o.Err == nil }

// All gives the parcel of the run at hand to every sink, side by side, each for
// as long as the limit says, and with it what waits in the backlog for that
// sink. The outcomes are in the order of the sinks. A backlog may be nil.
func All(ctx context.Context, sinks []Sink, p Parcel, b Backlog, each time.Duration) []Outcome {
	out := make([]Outcome, len(sinks))
	var wg sync.WaitGroup
	for i, s := range sinks {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, each)
			defer cancel()
			out[i] = one(ctx, s, p, b)
		})
	}
	wg.Wait()
	return out
}

// errUnsettled is the error of a sink that returned none and left the run at
// hand where it was.
var errUnsettled = errors.New("the sink ended without a word on this run")

func one(ctx context.Context, s Sink, p Parcel, b Backlog) (o Outcome) {
	start := time.Now()
	o = Outcome{Sink: s.Name(), Fates: map[Fate]int{}}
	defer func() {
		if r := recover(); r != nil {
			o.Err = fmt.Errorf("fault of vpcdoctor in sink %s: %v", s.Name(), r)
		}
		o.Took = time.Since(start)
	}()
	parcels := []Parcel{p}
	var kept error
	if b != nil && s.Keeps() {
		if waiting, err := b.Waiting(s.Name()); err != nil {
			kept = err // the run at hand goes out all the same
		} else {
			parcels = withLast(waiting, p)
		}
	}
	var mu sync.Mutex
	fates := map[string]Fate{}
	settle := func(runID string, f Fate) {
		mu.Lock()
		defer mu.Unlock()
		if _, done := fates[runID]; done {
			return
		}
		fates[runID] = f
		o.Fates[f]++
		if b != nil && s.Keeps() {
			kept = errors.Join(kept, b.Settle(s.Name(), runID, f))
		}
	}
	o.Where, o.Err = s.Deliver(ctx, parcels, settle)
	mu.Lock()
	defer mu.Unlock()
	switch fate, settled := fates[p.RunID]; {
	case o.Err != nil:
	case !settled:
		o.Err = errUnsettled
	case fate != Delivered:
		o.Err = fmt.Errorf("the report was %s", fate)
	default:
		o.Err = kept
	}
	if b != nil && s.Keeps() {
		o.Left = len(parcels) - len(fates)
	}
	return o
}

// withLast puts the run at hand behind what waits, once.
func withLast(waiting []Parcel, p Parcel) []Parcel {
	out := make([]Parcel, 0, len(waiting)+1)
	for _, w := range waiting {
		if w.RunID != p.RunID {
			out = append(out, w)
		}
	}
	return append(out, p)
}
