package cloudwatch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"vpcdoctor/probe/probetest"
	"vpcdoctor/probe/trust"
	"vpcdoctor/report"
	"vpcdoctor/report/deliver"
	"vpcdoctor/report/deliver/awscall"
	"vpcdoctor/report/deliver/awscall/awstest"
)

const group = "/vpcdoctor"

// account is the fake with a log group and the role that delivers.
func account(t testing.TB, change func(*probetest.APIOptions)) *probetest.API {
	return awstest.Account(awstest.Shipped(t), func(o *probetest.APIOptions) {
		o.LogGroups = map[string]probetest.APILogGroup{group: {}}
		if change != nil {
			change(o)
		}
	})
}

// dialing is a client whose every connection fails so.
func dialing(err error) *http.Client {
	return awscall.NewHTTPClient(awscall.HTTPOptions{Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: err}
	}})
}

func sinkTo(t *testing.T, f *probetest.APIFront, change func(*Options)) *Sink {
	t.Helper()
	c := awstest.Caller(t, f)
	o := Options{Group: group, InstanceID: awstest.Instance, Place: c.Place, Credentials: c.Credentials, HTTP: c.HTTP, Clock: c.Clock}
	if change != nil {
		change(&o)
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestDelivers(t *testing.T) {
	api := account(t, nil)
	f := awstest.Front(t, api)
	fates := awstest.Fates{}
	where, err := sinkTo(t, f, func(o *Options) { o.Metrics = true }).Deliver(t.Context(), []deliver.Parcel{awstest.Parcel("r1", time.Now(), 3)}, fates.Note)
	if err != nil || fates["r1"] != deliver.Delivered {
		t.Fatalf("%v, %v", fates, err)
	}
	if want := "log group /vpcdoctor, stream " + awstest.Instance + " in us-east-1"; where != want {
		t.Errorf("where: %q", where)
	}
	var ops []string
	for _, c := range api.Calls() {
		ops = append(ops, c.Operation)
		if c.UserAgent != awstest.UserAgent {
			t.Errorf("%s by %q", c.Operation, c.UserAgent)
		}
	}
	if want := []string{"PutLogEvents", "CreateLogStream", "PutLogEvents"}; !slices.Equal(ops, want) {
		t.Errorf("calls %v, want %v", ops, want)
	}
	got := api.LogEvents()
	if len(got) != 4 || got[0].Stream != awstest.Instance {
		t.Fatalf("%d events: %+v", len(got), got)
	}
	for i, e := range got {
		var m map[string]any
		if err := json.Unmarshal([]byte(e.Message), &m); err != nil || m["run_id"] != "r1" || m["seq"] != float64(i) || m["events"] != 4.0 {
			t.Errorf("event %d: %s", i, e.Message)
		}
	}
	values, wrong := api.Metrics()
	if len(values) == 0 || len(wrong) > 0 {
		t.Errorf("metrics %v, wrong %v", values, wrong)
	}
	for _, m := range values {
		if m.Dimensions["VpcId"] != "vpc-1" || len(m.Dimensions) != 2 || m.Namespace != "VPCDoctor" {
			t.Errorf("metric %+v", m)
		}
	}
	if f.Dialed() != 1 {
		t.Errorf("%d connections", f.Dialed())
	}
}

// TestLargeReport is a report of more than 5 MB: many events, none lost, each
// batch within the limits that the fake enforces.
func TestLargeReport(t *testing.T) {
	api := account(t, nil)
	large := awstest.Report("r1", 8000, strings.Repeat("h", 200)+".example")
	var size counting
	if err := large.WriteJSON(&size); err != nil {
		t.Fatal(err)
	}
	if size < 5<<20 {
		t.Fatalf("the report has only %d bytes", size)
	}
	fates := awstest.Fates{}
	s := sinkTo(t, awstest.Front(t, api), func(o *Options) { o.Metrics = true })
	start := time.Now()
	_, err := s.Deliver(t.Context(), []deliver.Parcel{{RunID: "r1", Time: time.Now(), Load: func() (*report.Report, error) { return large, nil }}}, fates.Note)
	if err != nil || fates["r1"] != deliver.Delivered {
		t.Fatalf("%v, %v", fates, err)
	}
	took := time.Since(start)
	puts, bytes := 0, 0
	for _, c := range api.Calls() {
		if c.Delivered != nil {
			puts++
			for _, m := range c.Delivered.Messages {
				bytes += len(m) + overhead
			}
		}
	}
	seen := map[float64]bool{}
	for _, e := range api.LogEvents() {
		var m struct{ Seq, Events float64 }
		if json.Unmarshal([]byte(e.Message), &m) != nil || m.Events != 8001 || seen[m.Seq] {
			t.Fatalf("event %v of %v twice or without its number", m.Seq, m.Events)
		}
		seen[m.Seq] = true
	}
	if len(seen) != 8001 || puts != (bytes+maxBytes-1)/maxBytes {
		t.Errorf("%d events of %d bytes in %d batches", len(seen), bytes, puts)
	}
	t.Logf("a report of %.1f MB: %d events, %.1f MB, %d batches in %v", float64(size)/1e6, len(seen), float64(bytes)/1e6, puts, took.Round(time.Millisecond))
}

type counting int

func (c *counting) Write(b []byte) (int, error) { *c += counting(len(b)); return len(b), nil }

func TestBacklog(t *testing.T) {
	now := time.Now()
	api := account(t, nil)
	fates := awstest.Fates{}
	broken := deliver.Parcel{RunID: "torn", Time: now.Add(-90 * time.Minute), Load: func() (*report.Report, error) { return nil, errors.New("unexpected end") }}
	_, err := sinkTo(t, awstest.Front(t, api), nil).Deliver(t.Context(), []deliver.Parcel{
		awstest.Parcel("old", now.AddDate(0, 0, -15), 2), awstest.Parcel("b", now.Add(-30*time.Hour), 2), awstest.Parcel("c", now.Add(-7*time.Hour), 2), broken,
		awstest.Parcel("d", now.Add(-time.Hour), 2), awstest.Parcel("e", now, 2),
	}, fates.Note)
	if err == nil || !strings.Contains(err.Error(), "report torn cannot be read: unexpected end") {
		t.Errorf("error: %v", err)
	}
	want := awstest.Fates{"old": deliver.Expired, "b": deliver.Delivered, "c": deliver.Delivered, "d": deliver.Delivered, "e": deliver.Delivered}
	if fmt.Sprint(fates) != fmt.Sprint(want) {
		t.Errorf("fates %v, want %v", fates, want)
	}
	var sizes []int // of the batches
	for _, c := range api.Calls() {
		if c.Delivered != nil {
			sizes = append(sizes, c.Delivered.Events)
		}
	}
	if want := []int{3, 6, 6}; !slices.Equal(sizes, want) { // old alone; b and c within 24 h; d and e
		t.Errorf("batches of %v events, want %v", sizes, want)
	}
}

// TestShared holds the names of shared streams and that none is made.
func TestShared(t *testing.T) {
	streams := make([]string, 64)
	for i := range streams {
		streams[i] = fmt.Sprintf("shard-%02d", i)
	}
	api := account(t, func(o *probetest.APIOptions) {
		o.LogGroups[group] = probetest.APILogGroup{Streams: streams}
		o.Credentials[0].Role.Policies = []*probetest.Policy{probetest.MustPolicy(
			`{"Statement":[{"Effect":"Allow","Action":"logs:PutLogEvents","Resource":"arn:aws:logs:*:*:log-group:/vpcdoctor:log-stream:shard-*"}]}`)}
	})
	fates := awstest.Fates{}
	_, err := sinkTo(t, awstest.Front(t, api), func(o *Options) { o.Shards = 64 }).Deliver(t.Context(), []deliver.Parcel{awstest.Parcel("r1", time.Now(), 1)}, fates.Note)
	if err != nil || fates["r1"] != deliver.Delivered || len(api.Calls()) != 1 {
		t.Errorf("%v, %v, %d calls", fates, err, len(api.Calls()))
	}
	used := map[string]bool{}
	for i := range 5000 {
		used[Shard(fmt.Sprintf("i-%017x", i*7919), 64)] = true
	}
	if len(used) != 64 {
		t.Errorf("5000 instances use %d of 64 streams", len(used))
	}
}

func TestGroupIsMadeWhenWanted(t *testing.T) {
	api := account(t, func(o *probetest.APIOptions) {
		o.LogGroups = nil
		o.Credentials[0].Role.Policies = []*probetest.Policy{probetest.AllowAll}
	})
	fates := awstest.Fates{}
	_, err := sinkTo(t, awstest.Front(t, api), func(o *Options) { o.CreateGroup = true }).Deliver(t.Context(), []deliver.Parcel{awstest.Parcel("r1", time.Now(), 1)}, fates.Note)
	if err != nil || fates["r1"] != deliver.Delivered {
		t.Errorf("%v, %v", fates, err)
	}
}

// TestTrouble is everything that can be wrong between here and the log group.
func TestTrouble(t *testing.T) {
	fault := func(mode probetest.APIMode, times int) func(*probetest.APIOptions) {
		return func(o *probetest.APIOptions) {
			o.Faults = []probetest.APIFault{{Action: "logs:PutLogEvents", Mode: mode, Times: times}}
			o.LogGroups[group] = probetest.APILogGroup{Streams: []string{awstest.Instance}}
		}
	}
	tests := []struct {
		name    string
		account func(*probetest.APIOptions)
		options func(*Options, *probetest.APIFront)
		tls     probetest.TLSFault
		limit   time.Duration
		says    string // empty: delivered
	}{
		{name: "group missing", account: func(o *probetest.APIOptions) { o.LogGroups = nil },
			says: "log group /vpcdoctor does not exist in us-east-1: aws logs create-log-group --region us-east-1 --log-group-name /vpcdoctor, or --create-log-group"},
		{name: "denied", account: func(o *probetest.APIOptions) { o.Credentials[0].Role.Policies = nil },
			says: "logs:PutLogEvents on log group /vpcdoctor is denied: no identity-based policy allows it (AccessDeniedException): allow it in the policy of the instance's role (packaging/iam)"},
		{name: "stream may not be made", account: func(o *probetest.APIOptions) {
			o.Credentials[0].Role.Policies = []*probetest.Policy{probetest.MustPolicy(`{"Statement":[{"Effect":"Allow","Action":"logs:PutLogEvents","Resource":"*"}]}`)}
		}, says: "allow logs:CreateLogStream, or once: aws logs create-log-stream --region us-east-1 --log-group-name /vpcdoctor --log-stream-name " + awstest.Instance},
		{name: "throttled", account: fault(probetest.APIThrottle, 0), limit: 4 * time.Second, says: "the account's quota of logs:PutLogEvents is used up"},
		{name: "throttled, then fine", account: fault(probetest.APIThrottle, 1)},
		{name: "5xx", account: fault(probetest.API5xx, 0), limit: 4 * time.Second, says: "logs.us-east-1.amazonaws.com is in trouble (HTTP 503)"},
		{name: "5xx, then fine", account: fault(probetest.API5xx, 1)},
		{name: "truncated, then fine", account: fault(probetest.APITruncated, 1)},
		{name: "truncated", account: fault(probetest.APITruncated, 0), limit: 4 * time.Second, says: "is cut off, or none that AWS gives"},
		{name: "endless", account: fault(probetest.APIEndless, 0), says: "the answer of logs.us-east-1.amazonaws.com does not end"},
		{name: "reset", account: fault(probetest.APIReset, 0), limit: 4 * time.Second, says: "logs.us-east-1.amazonaws.com"},
		{name: "half open", account: fault(probetest.APISilent, 0), limit: 3 * time.Second, says: "no answer from logs.us-east-1.amazonaws.com:443 in time"},
		{name: "a web page with 200", account: fault(probetest.APIPage, 0), limit: 3 * time.Second, says: "is cut off, or none that AWS gives"},
		{name: "an empty 200 of somebody else", account: fault(probetest.APIEmpty, 0), says: "something other than AWS answers for logs.us-east-1.amazonaws.com (HTTP 200): look for a proxy"},
		{name: "TLS silent", tls: probetest.StallHello, limit: 3 * time.Second, says: "no answer from logs.us-east-1.amazonaws.com:443 in time"},
		{name: "TLS reset", tls: probetest.ResetHello, limit: 3 * time.Second, says: "no connection to logs.us-east-1.amazonaws.com:443 (reset)"},
		{name: "wrong CA", options: func(o *Options, f *probetest.APIFront) {
			other, _, err := trust.Load(trust.Options{})
			if err != nil {
				panic(err)
			}
			o.HTTP = awscall.NewHTTPClient(awscall.HTTPOptions{Clock: o.Clock, Verify: other, Dial: f.Dial})
		}, says: "the certificate of logs.us-east-1.amazonaws.com is not accepted: its issuer is not among the roots of this system: --ca-bundle FILE adds a root"},
		{name: "refused", options: func(o *Options, f *probetest.APIFront) { o.HTTP = dialing(syscall.ECONNREFUSED) }, limit: 3 * time.Second, says: "no connection to logs.us-east-1.amazonaws.com:443 (refused)"},
		{name: "no name", options: func(o *Options, f *probetest.APIFront) {
			o.HTTP = dialing(&net.DNSError{Err: "no such host", Name: "logs.us-east-1.amazonaws.com", IsNotFound: true})
		}, says: "the name logs.us-east-1.amazonaws.com does not resolve"},
		{name: "no role", options: func(o *Options, f *probetest.APIFront) {
			o.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{}, errors.New("the instance has no role")
			})
		}, says: "no credentials: the instance has no role"},
		{name: "unknown keys", account: func(o *probetest.APIOptions) { o.OptedOut = true }, says: "does not accept the credentials (UnrecognizedClientException)"},
		{name: "expired keys", account: func(o *probetest.APIOptions) { o.Credentials[0].Expires = time.Now().Add(-time.Hour) }, says: "does not accept the credentials (ExpiredTokenException)"},
		{name: "another class", account: func(o *probetest.APIOptions) {
			o.LogGroups[group] = probetest.APILogGroup{Class: "DELIVERY", Streams: []string{awstest.Instance}}
		}, says: "logs.us-east-1.amazonaws.com answers HTTP 400 InvalidOperationException"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			api := account(t, tt.account)
			f := awstest.Front(t, api)
			f.Server.Fault = tt.tls
			s := sinkTo(t, f, func(o *Options) {
				if tt.options != nil {
					tt.options(o, f)
				}
			})
			if tt.limit == 0 {
				tt.limit = 30 * time.Second
			}
			ctx, cancel := context.WithTimeout(t.Context(), tt.limit)
			defer cancel()
			fates, start := awstest.Fates{}, time.Now()
			_, err := s.Deliver(ctx, []deliver.Parcel{awstest.Parcel("r1", time.Now(), 2)}, fates.Note)
			if took := time.Since(start); took > tt.limit+2*time.Second {
				t.Errorf("took %v of %v", took, tt.limit)
			}
			if tt.says == "" {
				if err != nil || fates["r1"] != deliver.Delivered {
					t.Errorf("%v, %v", fates, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.says) || len(fates) != 0 {
				t.Errorf("fates %v\n got %v\nwant %s", fates, err, tt.says)
			}
			if err != nil {
				for _, secret := range append(probetest.APISecrets, "111122223333") {
					if strings.Contains(err.Error(), secret) {
						t.Errorf("the error holds %s: %v", secret, err)
					}
				}
			}
		})
	}
}

// TestWrongClock: signatures are refused, certificates look expired, stamps are
// from another time, and still the report arrives under the right time.
func TestWrongClock(t *testing.T) {
	for _, tt := range []struct {
		name  string
		ahead time.Duration // of this instance
		known time.Duration // of that, to the run
	}{
		{"40 minutes behind, not known", -40 * time.Minute, 0},
		{"40 minutes ahead, not known", 40 * time.Minute, 0},
		{"200 days behind, not known", -200 * 24 * time.Hour, 0},
		{"3 years ahead, known", 3 * 365 * 24 * time.Hour, 3 * 365 * 24 * time.Hour},
		{"3 years behind, known", -3 * 365 * 24 * time.Hour, -3 * 365 * 24 * time.Hour},
	} {
		t.Run(tt.name, func(t *testing.T) {
			now := time.Now().Add(-tt.ahead) // AWS and its certificates have the right time, we have not
			api := account(t, func(o *probetest.APIOptions) { o.Now = func() time.Time { return time.Now().Add(-tt.ahead) } })
			f := awstest.Front(t, api)
			f.Leaf.NotBefore, f.Leaf.NotAfter = now.AddDate(0, 0, -1), now.AddDate(0, 0, 1)
			if tt.known == 0 { // no TLS client gets beyond that
				f.Leaf.NotBefore, f.Leaf.NotAfter = time.Time{}, time.Time{}
			}
			fates := awstest.Fates{}
			where, err := sinkTo(t, f, func(o *Options) {
				c := awstest.CallerAt(t, f, awscall.NewClock(tt.known))
				o.HTTP, o.Clock = c.HTTP, c.Clock
			}).Deliver(t.Context(),
				[]deliver.Parcel{awstest.Parcel("r1", time.Now().Add(-tt.known), 1)}, fates.Note)
			if err != nil || fates["r1"] != deliver.Delivered {
				t.Fatalf("%v, %v", fates, err)
			}
			if !strings.Contains(where, "the clock of this instance is ") {
				t.Errorf("not told: %s", where)
			}
			for _, e := range api.LogEvents() {
				if off := e.Time.Sub(now); off.Abs() > 5*time.Second {
					t.Errorf("stamped %v, AWS has %v", e.Time, now)
				}
			}
		})
	}
}

// TestAbsurdTimes: a stored report with an impossible time costs no other one.
func TestAbsurdTimes(t *testing.T) {
	api := account(t, nil)
	fates := awstest.Fates{}
	_, err := sinkTo(t, awstest.Front(t, api), nil).Deliver(t.Context(), []deliver.Parcel{
		awstest.Parcel("zero", time.Time{}, 1), awstest.Parcel("late", time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), 1), awstest.Parcel("good", time.Now(), 1),
	}, fates.Note)
	want := awstest.Fates{"zero": deliver.Expired, "late": deliver.Delivered, "good": deliver.Delivered}
	if err != nil || fmt.Sprint(fates) != fmt.Sprint(want) {
		t.Errorf("%v, %v", fates, err)
	}
}

func TestStampsAreNeverInTheFuture(t *testing.T) {
	api := account(t, nil)
	fates := awstest.Fates{}
	_, err := sinkTo(t, awstest.Front(t, api), nil).Deliver(t.Context(), []deliver.Parcel{awstest.Parcel("r1", time.Now().Add(5*time.Hour), 1), awstest.Parcel("r2", time.Now(), 1)}, fates.Note)
	if err != nil || len(fates) != 2 {
		t.Fatalf("%v, %v", fates, err)
	}
	for _, e := range api.LogEvents() {
		if e.Time.After(time.Now()) {
			t.Errorf("stamped %v", e.Time)
		}
	}
}
