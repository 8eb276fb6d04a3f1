package cloudwatch

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"net/http"
	"runtime"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"vpcdoctor/report"
	"vpcdoctor/report/deliver"
	"vpcdoctor/report/deliver/awscall"
	"vpcdoctor/report/deliver/events"
)

// MaxShards is how many shared streams can be chosen from.
const MaxShards = 1000

// Options is where reports go and how.
type Options struct {
	Group       string // log group
	Stream      string // its stream; empty: by Shards
	Shards      int    // shared streams shard-00, shard-01, ...; 0: a stream of its own, named by InstanceID
	InstanceID  string
	CreateGroup bool // make the group when there is none
	Metrics     bool // in the embedded metric format; the group must be of the class STANDARD

	// As in awscall.Caller.
	Place       awscall.Place
	Endpoint    string
	Credentials aws.CredentialsProvider
	HTTP        *http.Client
	Clock       *awscall.Clock
}

// Sink is the word "cloudwatch" of --to.
type Sink struct {
	o      Options
	stream string
	host   string
	client *cloudwatchlogs.Client
}

// New checks the options. Nothing is sent, and no credentials are asked for,
// before there is something to deliver.
func New(o Options) (*Sink, error) {
	s := &Sink{o: o, stream: streamOf(o), host: o.Place.Host("logs")}
	if err := checkNames(o, s.stream); err != nil {
		return nil, err
	}
	base := (*string)(nil)
	if o.Endpoint != "" {
		u, err := awscall.ParseEndpoint(o.Endpoint)
		if err != nil {
			return nil, err
		}
		s.host, base = u.Host, aws.String(u.String())
	}
	options := cloudwatchlogs.Options{
		Region: o.Place.Region, Credentials: awscall.Keys(o.Credentials), HTTPClient: o.HTTP, BaseEndpoint: base,
		Retryer:                    aws.NopRetryer{},           // awscall.Retry knows the deadline
		HTTPSignerV4:               awscall.NewSigner(o.Clock), // and the clock corrects itself there
		DisableClockSkewCorrection: true,
	}
	if base == nil {
		options.EndpointOptions.UseFIPSEndpoint = state(o.Place.FIPS)
		options.EndpointOptions.UseDualStackEndpoint = stateDual(o.Place.DualStack)
	}
	s.client = cloudwatchlogs.New(options)
	return s, nil
}

func state(on bool) aws.FIPSEndpointState {
	if on {
		return aws.FIPSEndpointStateEnabled
	}
	return aws.FIPSEndpointStateDisabled
}

func stateDual(on bool) aws.DualStackEndpointState {
	if on {
		return aws.DualStackEndpointStateEnabled
	}
	return aws.DualStackEndpointStateDisabled
}

// streamOf is the stream that an instance writes to: always the same one, so
// that a fleet makes each stream once, or none at all with shared ones.
func streamOf(o Options) string {
	switch {
	case o.Stream != "":
		return o.Stream
	case o.Shards > 0:
		return Shard(o.InstanceID, o.Shards)
	case o.InstanceID == "":
		return "unknown-instance"
	}
	return o.InstanceID
}

// Shard is the shared stream of an instance: shard-NN, by the FNV-1a hash of its
// id.
func Shard(instanceID string, shards int) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(instanceID)) // never fails
	return fmt.Sprintf("shard-%02d", h.Sum32()%uint32(shards))
}

// checkNames holds names against the API's own rules, so that a wrong one is a
// usage error and not a failed delivery.
func checkNames(o Options, stream string) error {
	const most = 512
	switch {
	case o.Place.Region == "":
		return errors.New("the Region of the log group is not known: give --region")
	case o.Shards < 0 || o.Shards > MaxShards:
		return fmt.Errorf("%d shared streams: want 1 to %d", o.Shards, MaxShards)
	case o.Shards > 0 && o.Stream != "":
		return errors.New("a stream by name and shared streams: want one of the two")
	case o.Group == "" || len(o.Group) > most || strings.HasPrefix(o.Group, "aws/") || strings.Trim(o.Group, groupCharacters) != "":
		return fmt.Errorf("log group %q: want 1 to 512 of A-Z a-z 0-9 _ - / . #, not beginning with aws/", o.Group)
	case len(stream) > most || strings.ContainsAny(stream, ":*"):
		return fmt.Errorf("log stream %q: want at most 512 characters without : and *", stream)
	}
	return nil
}

const groupCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-/.#"

// Name is the word of --to.
func (s *Sink) Name() string { return "cloudwatch" }

// Keeps tells that what could not be sent is worth keeping.
func (s *Sink) Keeps() bool { return true }

// Deliver sends parcels in as few batches as the API allows, one parcel in
// memory at a time.
func (s *Sink) Deliver(ctx context.Context, parcels []deliver.Parcel, settle deliver.Settle) (string, error) {
	d := &delivery{sink: s, settle: settle}
	err := d.all(ctx, parcels)
	s.o.HTTP.CloseIdleConnections()
	where := "log group " + s.o.Group + ", stream " + s.stream + " in " + s.o.Place.Region
	if note := s.o.Clock.Note(); note != "" {
		where += "; " + note
	}
	return where, err
}

// delivery is one call of Deliver.
type delivery struct {
	sink   *Sink
	settle deliver.Settle
	batch  batch
	tooNew int // parcels that AWS takes to be from the future
}

func (d *delivery) all(ctx context.Context, parcels []deliver.Parcel) error {
	var lost []error
	for i, p := range parcels {
		r, err := p.Read()
		if err != nil {
			lost = append(lost, err)
			continue
		}
		if err := d.one(ctx, p, r, i == len(parcels)-1); err != nil {
			return errors.Join(append(lost, err)...)
		}
	}
	if err := d.flush(ctx); err != nil {
		lost = append(lost, err)
	}
	if d.tooNew > 0 {
		lost = append(lost, fmt.Errorf("AWS takes %d reports to be from the future and keeps none of them: the clock of this instance was wrong; they wait", d.tooNew))
	}
	return errors.Join(lost...)
}

// one puts the events of a parcel into batches and sends those that are full.
func (d *delivery) one(ctx context.Context, p deliver.Parcel, r *report.Report, atHand bool) error {
	t := &track{runID: p.RunID, at: p.Time, atHand: atHand}
	for line := range events.Of(r, events.Options{Time: p.Time, Metrics: d.sink.o.Metrics}) {
		if !d.batch.fits(p.Time, len(line)) {
			if err := d.flush(ctx); err != nil {
				return err
			}
		}
		d.batch.add(t, line)
	}
	t.whole = true
	return nil
}

// flush sends the batch and settles the parcels that end with it.
func (d *delivery) flush(ctx context.Context) error {
	if d.batch.empty() {
		return nil
	}
	// A full batch costs 8 MB on its way through the SDK. Without this the heap
	// would grow by as much as it has before that is given back (TestMemory).
	if d.batch.bytes > maxBytes/2 {
		runtime.GC()
		defer runtime.GC()
	}
	out, err := d.sink.put(ctx, &d.batch)
	if err != nil {
		return err
	}
	for _, t := range d.batch.accepted(out) {
		switch {
		case t.tooOld:
			d.settle(t.runID, deliver.Expired)
		case t.tooNew:
			d.tooNew++
		default:
			d.settle(t.runID, deliver.Delivered)
		}
	}
	d.batch.reset()
	return nil
}

// stampOf is when CloudWatch is told that a run was: by the clock as it is now
// known, and never in the future.
func (s *Sink) stampOf(t *track) int64 {
	at := t.at
	if t.atHand {
		at = at.Add(-s.o.Clock.Learnt())
	}
	if now := s.o.Clock.Now(); at.After(now) {
		at = now
	}
	return max(0, at.UnixMilli()) // below, AWS would refuse the whole batch; 0 it finds too old
}

var _ deliver.Sink = (*Sink)(nil)

// day is the longest span of the valid events of a batch.
const day = 24 * time.Hour
