package fleet

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Quotas of an account in a Region, calls a second (CloudWatch Logs User Guide,
// "CloudWatch Logs quotas", read 2026-11).
const (
	putQuota    = 5_000 // PutLogEvents
	createQuota = 50    // CreateLogStream
)

// Rules of PutLogEvents (API Reference, read 2026-11).
const (
	batchBytes  = 1_048_576
	batchEvents = 10_000
	eventExtra  = 26
	oldest      = 14 * 24 * time.Hour
	newest      = 2 * time.Hour
)

// bucket is a quota: so many calls a second, and as many at once after a quiet
// second.
type bucket struct {
	rate, left float64
	last       time.Time
	throttled  int
}

func newBucket(rate float64, now time.Time) bucket { return bucket{rate: rate, left: rate, last: now} }

func (b *bucket) take(now time.Time) bool {
	b.left = min(b.rate, b.left+b.rate*now.Sub(b.last).Seconds())
	b.last = now
	if b.left < 1 {
		b.throttled++
		return false
	}
	b.left--
	return true
}

// region is CloudWatch Logs as a fleet sees it: an http.RoundTripper that keeps
// to the quotas and the rules, and remembers which event came how often.
type region struct {
	mu          sync.Mutex
	put, create bucket
	streams     map[string]bool
	down        func(now time.Time) bool // the endpoint does not answer
	unanswered  atomic.Int64
	got         map[run]*receipt
	events      int       // that came
	twice       int       // of them, again
	last        time.Time // something came
	foul        []string  // what no client may do
}

// run is a run of an instance, whose events are counted together.
type run struct{ instance, run int }

type receipt struct {
	seqs uint64 // that came
	of   int    // so many are in the run
}

func (r receipt) whole() bool { return r.of > 0 && r.seqs == 1<<r.of-1 }

func newRegion(put, create float64, streams ...string) *region {
	now := time.Now()
	r := &region{put: newBucket(put, now), create: newBucket(create, now), streams: map[string]bool{}, got: map[run]*receipt{}}
	for _, s := range streams {
		r.streams[s] = true
	}
	return r
}

// RoundTrip answers a call, at once: what decides here are seconds.
func (r *region) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	if r.down != nil && r.down(time.Now()) {
		return nil, r.dead(req.Context())
	}
	status, answer := r.answer(req, body)
	b, err := json.Marshal(answer)
	if err != nil {
		return nil, err
	}
	h := http.Header{"Content-Type": {"application/x-amz-json-1.1"}, "X-Amzn-Requestid": {"7e1f7a8c-1d1c-4c6f-9d0a-3f6c1b2a4d5e"}, "Date": {time.Now().UTC().Format(http.TimeFormat)}}
	return &http.Response{
		Status: strconv.Itoa(status) + " " + http.StatusText(status), StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: h, Body: io.NopCloser(bytes.NewReader(b)), ContentLength: int64(len(b)), Request: req,
	}, nil
}

// dead is an endpoint that is gone: silent for most, closed for others.
func (r *region) dead(ctx context.Context) error {
	if r.unanswered.Add(1)%20 != 0 {
		<-ctx.Done()
		return ctx.Err()
	}
	return &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
}

type refusal struct {
	Type    string `json:"__type"`
	Message string `json:"message"`
}

func (r *region) answer(req *http.Request, body []byte) (int, any) {
	if !strings.HasPrefix(req.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ") {
		r.blame("a call without a signature")
	}
	switch _, operation, _ := strings.Cut(req.Header.Get("X-Amz-Target"), "."); operation {
	case "PutLogEvents":
		return r.within(&r.put, func() (int, any) { return r.putLogEvents(body) })
	case "CreateLogStream":
		return r.within(&r.create, func() (int, any) { return r.createLogStream(body) })
	default:
		r.blame("a call of %q", operation)
		return http.StatusBadRequest, refusal{"UnknownOperationException", ""}
	}
}

// within carries a call out when its quota allows it.
func (r *region) within(quota *bucket, call func() (int, any)) (int, any) {
	r.mu.Lock()
	ok := quota.take(time.Now())
	r.mu.Unlock()
	if !ok {
		return http.StatusBadRequest, refusal{"ThrottlingException", "Rate exceeded"}
	}
	return call()
}

// blame notes what no client may do.
func (r *region) blame(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.foul) < 20 {
		r.foul = append(r.foul, fmt.Sprintf(format, args...))
	}
}

func (r *region) createLogStream(body []byte) (int, any) {
	var in struct{ LogStreamName string }
	if err := json.Unmarshal(body, &in); err != nil {
		r.blame("%v", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.streams[in.LogStreamName] {
		return http.StatusBadRequest, refusal{"ResourceAlreadyExistsException", "The specified log stream already exists"}
	}
	r.streams[in.LogStreamName] = true
	return http.StatusOK, struct{}{}
}

func (r *region) putLogEvents(body []byte) (int, any) {
	var in struct {
		LogStreamName string
		LogEvents     []struct {
			Message   string
			Timestamp int64
		}
	}
	if err := json.Unmarshal(body, &in); err != nil || len(in.LogEvents) == 0 {
		r.blame("%d events, %v", len(in.LogEvents), err)
		return http.StatusBadRequest, refusal{"SerializationException", ""}
	}
	size, stamps, seen := 0, []int64{}, []sighting{}
	for _, e := range in.LogEvents {
		size += len(e.Message) + eventExtra
		stamps = append(stamps, e.Timestamp)
		s, err := sight(e.Message)
		if err != nil {
			r.blame("%v", err)
		}
		seen = append(seen, s)
	}
	now, first, last := time.Now(), time.UnixMilli(stamps[0]), time.UnixMilli(stamps[len(stamps)-1])
	if size > batchBytes || len(stamps) > batchEvents || !slices.IsSorted(stamps) || last.Sub(first) > 24*time.Hour {
		r.blame("a batch of %d bytes, %d events, from %v to %v", size, len(stamps), first, last)
	}
	if now.Sub(first) > oldest || last.Sub(now) > newest {
		r.blame("events from %v to %v at %v", first, last, now)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.streams[in.LogStreamName] {
		return http.StatusBadRequest, refusal{"ResourceNotFoundException", "The specified log stream does not exist."}
	}
	for _, s := range seen {
		r.note(s)
	}
	r.last = now
	return http.StatusOK, map[string]string{"nextSequenceToken": "1"}
}

// sighting is an event that came.
type sighting struct {
	run, instance, seq, of int
}

// sight finds out which event of which run a message is. That stands in its
// first keys; to read the rest of it would take longer than to send it.
func sight(message string) (s sighting, err error) {
	_, id, _ := strings.Cut(message, `"run_id":"`)
	_, err = fmt.Sscanf(id, runID+`","seq":%d,"events":%d,`, &s.run, &s.instance, &s.seq, &s.of)
	if err != nil || s.of < 1 || s.of > 63 || s.seq < 0 || s.seq >= s.of {
		return sighting{}, fmt.Errorf("which run is %.300q: %w", message, err)
	}
	return s, nil
}

// note counts an event.
func (r *region) note(s sighting) {
	at := run{s.instance, s.run}
	got := r.got[at]
	if got == nil {
		got = &receipt{of: s.of}
		r.got[at] = got
	}
	r.events++
	if got.seqs&(1<<s.seq) != 0 {
		r.twice++
	}
	got.seqs |= 1 << s.seq
}
