package fleet

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"flag"
	"fmt"
	"net/http"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"vpcdoctor/report"
	"vpcdoctor/report/corpus"
	"vpcdoctor/report/deliver"
	"vpcdoctor/report/deliver/awscall"
	"vpcdoctor/report/deliver/awscall/awstest"
	"vpcdoctor/report/deliver/cloudwatch"
	"vpcdoctor/report/diagnose"
)

var instances = flag.Int("instances", 1_000, "how many instances the fleet has")

// TestMain makes the fleet a small one for -short.
func TestMain(m *testing.M) {
	flag.Parse()
	if testing.Short() {
		*instances = 200
	}
	os.Exit(m.Run())
}

const (
	shards  = 64               // of packaging/cloudwatch
	period  = time.Hour        // between two runs of an instance
	each    = 20 * time.Second // the default of --delivery-timeout
	illEach = 33               // one instance of so many is broken
)

// runID has the form of fact.Run.ID; the day is the number of the run.
const runID = "20261130T%06dZ-%08x"

// instance is one machine: what it keeps between runs, and what its runs report.
type instance struct {
	number  int
	id      string
	like    *report.Report
	mu      sync.Mutex
	waiting []deliver.Parcel
	calls   int // of all its deliveries
	most    int // of one
}

// Waiting and Settle make of an instance the deliver.Backlog that its state
// directory is.
func (i *instance) Waiting(string) ([]deliver.Parcel, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.waiting), nil
}

// Settle takes a parcel out of what waits.
func (i *instance) Settle(_, id string, _ deliver.Fate) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.waiting = slices.DeleteFunc(i.waiting, func(p deliver.Parcel) bool { return p.RunID == id })
	return nil
}

// counted counts the calls of one delivery.
type counted struct {
	next  http.RoundTripper
	calls int
}

func (c *counted) RoundTrip(r *http.Request) (*http.Response, error) {
	c.calls++
	return c.next.RoundTrip(r)
}

// run is one run of vpcdoctor, from where it has a report.
func (i *instance) run(ctx context.Context, f *fleet, n int) error {
	now := time.Now()
	p := deliver.Parcel{RunID: fmt.Sprintf(runID, n, i.number), Time: now}
	p.Load = func() (*report.Report, error) {
		r := *i.like
		r.Context.RunID, r.Context.InstanceID, r.Context.Time = p.RunID, i.id, now
		return &r, nil
	}
	i.keep(p) // as every run, before anything is sent
	c := &counted{next: f.service}
	clock := awscall.NewClock(0)
	sink, err := cloudwatch.New(cloudwatch.Options{
		Group: "/vpcdoctor", Shards: f.shards, InstanceID: i.id, Metrics: true, Place: awscall.Place{Region: "us-east-1"},
		Credentials: awstest.Keys(), HTTP: &http.Client{Transport: c}, Clock: clock,
	})
	if err != nil {
		return err
	}
	deliver.All(ctx, []deliver.Sink{sink}, p, i, each)
	i.mu.Lock()
	defer i.mu.Unlock()
	i.calls += c.calls
	i.most = max(i.most, c.calls)
	return nil
}

func (i *instance) keep(p deliver.Parcel) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.waiting = append(i.waiting, p)
}

// fleet is all of them.
type fleet struct {
	service   http.RoundTripper
	region    *region // what came
	shards    int
	instances []*instance
	runs      int
	wg        sync.WaitGroup
}

func newFleet(t *testing.T, size, shards int, r *region) *fleet {
	f := &fleet{service: r, region: r, shards: shards}
	healthy, broken := recorded(t, "session-defaults"), recorded(t, "endpoint-sg-one")
	for n := range size {
		i := &instance{number: n, like: healthy}
		sum := sha256.Sum256(fmt.Appendf(nil, "instance %d", n))
		i.id = fmt.Sprintf("i-0%x", sum[:8])
		if n%illEach == illEach-1 {
			i.like = broken
		}
		f.instances = append(f.instances, i)
	}
	return f
}

// recorded is the report on facts that the lab has recorded.
func recorded(t *testing.T, name string) *report.Report {
	t.Helper()
	s, err := corpus.Set("../../../testdata/scenarios", name)
	if err != nil {
		t.Fatal(err)
	}
	return report.New(s, diagnose.Run(s, diagnose.Options{}), report.Tool{Name: "vpcdoctor", Version: "0.1.0"})
}

// placeIn is an instance's place in a jitter window, found as --jitter finds it.
func placeIn(window time.Duration, id string) time.Duration {
	if window == 0 {
		return 0
	}
	sum := sha256.Sum256([]byte(id))
	return time.Duration(binary.BigEndian.Uint64(sum[:]) % uint64(window))
}

// once has every instance run once, spread over a window that begins now, and
// returns when the last one has begun.
func (f *fleet) once(t *testing.T, window time.Duration) {
	begin := time.Now()
	order := slices.Clone(f.instances)
	slices.SortFunc(order, func(a, b *instance) int { return int(placeIn(window, a.id) - placeIn(window, b.id)) })
	n := f.runs
	f.runs++
	for _, i := range order {
		time.Sleep(time.Until(begin.Add(placeIn(window, i.id))))
		f.wg.Go(func() {
			if err := i.run(t.Context(), f, n); err != nil {
				t.Error(err)
			}
		})
	}
}

// left is how many reports wait on instances.
func (f *fleet) left() (n int) {
	for _, i := range f.instances {
		i.mu.Lock()
		n += len(i.waiting)
		i.mu.Unlock()
	}
	return n
}

// check holds what arrived against what was sent: every event of every run once.
func (f *fleet) check(t *testing.T, wholeRuns int) {
	t.Helper()
	r := f.region
	if len(r.foul) > 0 {
		t.Errorf("against the rules: %q", r.foul)
	}
	whole := 0
	for at, got := range r.got {
		if got.whole() {
			whole++
		} else {
			t.Errorf("run %d of instance %d: events %b of %d", at.run, at.instance, got.seqs, got.of)
		}
	}
	if whole != wholeRuns || r.twice != 0 {
		t.Errorf("%d reports arrived, want %d; %d events twice", whole, wholeRuns, r.twice)
	}
	if left := f.left(); whole+left != f.runs*len(f.instances) {
		t.Errorf("%d arrived, %d wait, of %d: some are lost", whole, left, f.runs*len(f.instances))
	}
}

// calls are those of the whole fleet, and the most that one delivery made.
func (f *fleet) calls() (all, most int) {
	for _, i := range f.instances {
		i.mu.Lock()
		all, most = all+i.calls, max(most, i.most)
		i.mu.Unlock()
	}
	return all, most
}

// tell prints a line of the figures.
func (f *fleet) tell(t *testing.T, since time.Time, what string) {
	t.Helper()
	r := f.region
	r.mu.Lock()
	defer r.mu.Unlock()
	calls, most := f.calls()
	last := "none in"
	if !r.last.IsZero() {
		last = "last in after " + r.last.Sub(since).Round(time.Second/10).String()
	}
	t.Logf("%-34s %7d runs, %7d calls, at most %2d a run, %6d throttled; %s, %d wait", what, f.runs*len(f.instances), calls, most, r.put.throttled+r.create.throttled, last, f.left())
}

// With shared streams and a window of a minute, nobody is throttled.
func TestFleetSharedStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, *instances, shards, newRegion(putQuota, createQuota, sharedStreams()...))
		start := time.Now()
		f.once(t, time.Minute)
		f.wg.Wait()
		f.check(t, len(f.instances))
		if calls, most := f.calls(); calls != len(f.instances) || most != 1 || f.region.put.throttled != 0 {
			t.Errorf("%d calls, at most %d, %d throttled", calls, most, f.region.put.throttled)
		}
		f.tell(t, start, "shared streams, 60 s")
	})
}

// With a stream for each instance the first run needs a window of N/50 x 1.2.
func TestFleetOwnStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, *instances, 0, newRegion(putQuota, createQuota))
		window := time.Duration(float64(len(f.instances)) / createQuota * 1.2 * float64(time.Second))
		start := time.Now()
		f.once(t, window)
		f.wg.Wait()
		f.check(t, len(f.instances))
		if _, most := f.calls(); most != 3 || f.region.put.throttled+f.region.create.throttled != 0 {
			t.Errorf("at most %d calls, %d and %d throttled", most, f.region.put.throttled, f.region.create.throttled)
		}
		f.tell(t, start, fmt.Sprintf("own streams, first run, %v", window))
	})
}

// Without jitter the fleet is a herd, and a part of it gets nowhere within its
// time. What it could not deliver goes out with the next run, which is spread. A
// fleet of fewer meets a quota that is as much smaller; one of more than 20,000
// is tried in that way too, for it would wait in 13 GB of memory here.
func TestFleetHerd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		size := min(*instances, 20_000)
		r := newRegion(putQuota*float64(size)/100_000, createQuota, sharedStreams()...)
		f := newFleet(t, size, shards, r)
		start := time.Now()
		f.once(t, 0)
		f.wg.Wait()
		f.tell(t, start, "shared streams, no jitter")
		if wait := f.left(); wait == 0 || wait > len(f.instances)/2 {
			t.Errorf("%d wait: not much of a herd, or too much of one", wait)
		}
		time.Sleep(time.Until(start.Add(period)))
		r.put = newBucket(putQuota, time.Now())
		f.once(t, time.Minute)
		f.wg.Wait()
		f.tell(t, start, "the next hour, 60 s")
		f.check(t, 2*len(f.instances))
		if _, most := f.calls(); f.left() != 0 || r.put.throttled != 0 || most > mostCalls {
			t.Errorf("%d wait, %d throttled, at most %d calls", f.left(), r.put.throttled, most)
		}
	})
}

// mostCalls bounds what a delivery may send on trouble, by the ceilings of its
// pauses within 20 s: 1, 2, 4, 8, 16 s, of which it waits half on average.
const mostCalls = 16

// The endpoint is gone for an hour. Every instance runs by the hour, each at a
// minute of its own; what the hour has cut off arrives once, with the next run.
func TestFleetOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegion(putQuota, createQuota, sharedStreams()...)
		f := newFleet(t, *instances, shards, r)
		start := time.Now()
		r.down = func(now time.Time) bool { return now.Sub(start) < period }
		f.once(t, period)
		time.Sleep(time.Until(start.Add(period)))
		f.tell(t, start, "an hour without the endpoint")
		if wait := f.left(); wait != len(f.instances) {
			t.Errorf("%d wait: something came although nothing could", wait)
		}
		f.once(t, period)
		f.wg.Wait()
		f.check(t, 2*len(f.instances))
		if _, most := f.calls(); f.left() != 0 || r.put.throttled != 0 || most > mostCalls {
			t.Errorf("%d wait, %d throttled, at most %d calls", f.left(), r.put.throttled, most)
		}
		f.tell(t, start, "the next hour")
	})
}

func sharedStreams() (all []string) {
	for n := range shards {
		all = append(all, fmt.Sprintf("shard-%02d", n))
	}
	return all
}
