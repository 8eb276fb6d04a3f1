package deliver

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"
)

// scripted is a sink that does what a test says.
type scripted struct {
	name  string
	keeps bool
	do    func(ctx context.Context, parcels []Parcel, settle Settle) error
}

func (s scripted) Name() string { return s.name }
func (s scripted) Keeps() bool  { return s.keeps }
func (s scripted) Deliver(ctx context.Context, parcels []Parcel, settle Settle) (string, error) {
	return "there", s.do(ctx, parcels, settle)
}

// shelf is a backlog in memory.
type shelf struct {
	mu      sync.Mutex
	waiting []Parcel
	settled []string
	err     error
}

func (s *shelf) Waiting(string) ([]Parcel, error) { return s.waiting, s.err }
func (s *shelf) Settle(sink, runID string, f Fate) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settled = append(s.settled, sink+" "+runID+" "+string(f))
	return nil
}

func takesAll(_ context.Context, parcels []Parcel, settle Settle) error {
	for _, p := range parcels {
		settle(p.RunID, Delivered)
	}
	return nil
}

func TestOneSinkDoesNotTouchAnother(t *testing.T) {
	sinks := []Sink{
		scripted{"hangs", true, func(ctx context.Context, _ []Parcel, _ Settle) error { <-ctx.Done(); return ctx.Err() }},
		scripted{"panics", false, func(context.Context, []Parcel, Settle) error { panic("broken") }},
		scripted{"refuses", true, func(context.Context, []Parcel, Settle) error { return errors.New("denied") }},
		scripted{"silent", false, func(context.Context, []Parcel, Settle) error { return nil }},
		scripted{"rejects", true, func(_ context.Context, p []Parcel, settle Settle) error { settle(p[0].RunID, Rejected); return nil }},
		scripted{"works", true, takesAll},
	}
	start := time.Now()
	out := All(t.Context(), sinks, Parcel{RunID: "r1"}, &shelf{}, 50*time.Millisecond)
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
	left := map[string]int{"hangs": 1, "refuses": 1}
	for i, o := range out {
		if o.Sink != sinks[i].Name() {
			t.Errorf("outcome %d is of %s, want %s", i, o.Sink, sinks[i].Name())
		}
		if o.Arrived() != (o.Sink == "works") {
			t.Errorf("%s: %v", o.Sink, o.Err)
		}
		if o.Left != left[o.Sink] {
			t.Errorf("%s: %d left, want %d", o.Sink, o.Left, left[o.Sink])
		}
	}
}

func TestBacklogGoesFirst(t *testing.T) {
	b := &shelf{waiting: []Parcel{{RunID: "r1"}, {RunID: "r3"}, {RunID: "r2"}}}
	var order []string
	sink := scripted{"logs", true, func(_ context.Context, parcels []Parcel, settle Settle) error {
		for _, p := range parcels {
			order = append(order, p.RunID)
		}
		settle("r1", Expired)
		settle("r3", Delivered)
		settle("r3", Delivered) // told twice, counted once
		return errors.New("cut off")
	}}
	// r3 is the run at hand, and stands in the backlog already.
	o := All(t.Context(), []Sink{sink}, Parcel{RunID: "r3"}, b, time.Second)[0]
	if want := []string{"r1", "r2", "r3"}; !slices.Equal(order, want) {
		t.Errorf("sent %v, want %v", order, want)
	}
	if want := []string{"logs r1 expired", "logs r3 delivered"}; !slices.Equal(b.settled, want) {
		t.Errorf("settled %v, want %v", b.settled, want)
	}
	if o.Left != 1 || o.Arrived() || o.Fates[Expired] != 1 || o.Fates[Delivered] != 1 {
		t.Errorf("outcome %+v", o)
	}
}

func TestUnreadableBacklogKeepsNothingBack(t *testing.T) {
	b := &shelf{err: errors.New("disk is gone")}
	o := All(t.Context(), []Sink{scripted{"logs", true, takesAll}}, Parcel{RunID: "r9"}, b, time.Second)[0]
	if o.Fates[Delivered] != 1 {
		t.Errorf("not sent: %+v", o)
	}
	if o.Err == nil {
		t.Error("the backlog's error was swallowed")
	}
}
