package s3

import (
	"bytes"
	"compress/gzip"
	"context"
	"strings"
	"testing"
	"time"

	"vpcdoctor/probe/probetest"
	"vpcdoctor/report"
	"vpcdoctor/report/deliver"
	"vpcdoctor/report/deliver/awscall/awstest"
)

func account(t testing.TB, change func(*probetest.APIOptions)) *probetest.API {
	policy := strings.ReplaceAll(awstest.Shipped(t), ":::reports/", ":::*/") // for several buckets
	return awstest.Account(policy, func(o *probetest.APIOptions) {
		o.Buckets = map[string]probetest.APIBucket{"reports": {}, "with.dots": {}, "abroad": {Region: "eu-west-1"}, "theirs": {Account: "999999999999"}}
		if change != nil {
			change(o)
		}
	})
}

func TestPutsObjects(t *testing.T) {
	for bucket, host := range map[string]string{"reports": "reports.s3.us-east-1.amazonaws.com", "with.dots": "s3.us-east-1.amazonaws.com"} {
		api := account(t, nil)
		s, err := New(Options{Bucket: bucket, Prefix: "/fleet/prod/", Owner: "111122223333", InstanceID: awstest.Instance, Caller: awstest.Caller(t, awstest.Front(t, api))})
		if err != nil {
			t.Fatal(err)
		}
		fates := awstest.Fates{}
		where, err := s.Deliver(t.Context(), []deliver.Parcel{awstest.Parcel("r1", time.Now(), 2), awstest.Parcel("r2", time.Now(), 2)}, fates.Note)
		if err != nil || fates["r1"] != deliver.Delivered || fates["r2"] != deliver.Delivered {
			t.Fatalf("%v, %v", fates, err)
		}
		const key = "fleet/prod/us-east-1/" + awstest.Instance + "/r2.json.gz"
		got := api.Objects()
		if where != "s3://"+bucket+"/"+key || len(got) != 2 || got[1].Key != key || got[1].Bucket != bucket {
			t.Fatalf("%s: %d objects, the last %s", where, len(got), got[len(got)-1].Key)
		}
		z, err := gzip.NewReader(bytes.NewReader(got[1].Body))
		if err != nil {
			t.Fatal(err)
		}
		if r, err := report.Read(z); err != nil || r.Context.RunID != "r2" {
			t.Errorf("%v", err)
		}
		for _, c := range api.Calls() {
			if c.Host != host || c.UserAgent != awstest.UserAgent {
				t.Errorf("%+v", c)
			}
		}
	}
}

func TestTrouble(t *testing.T) {
	for name, tt := range map[string]struct {
		account func(*probetest.APIOptions)
		options Options
		says    string
	}{
		"no bucket":     {options: Options{Bucket: "nowhere"}, says: "bucket nowhere does not exist"},
		"denied":        {options: Options{Bucket: "reports", Prefix: "other"}, says: "s3:PutObject on s3://reports is denied: no identity-based policy allows it"},
		"abroad":        {options: Options{Bucket: "abroad"}, says: "bucket abroad is not in us-east-1, and a gateway endpoint reaches those of its own Region only"},
		"another owner": {options: Options{Bucket: "reports", Owner: "222222222222"}, says: "denied"},
		"slow down": {account: func(o *probetest.APIOptions) { o.Throttle = []string{"s3:*"} }, options: Options{Bucket: "reports"},
			says: "reports.s3.us-east-1.amazonaws.com throttles (HTTP 503 SlowDown)"},
		"endless": {account: func(o *probetest.APIOptions) {
			o.Faults = []probetest.APIFault{{Action: "s3:*", Mode: probetest.APIEndless}}
		}, options: Options{Bucket: "reports"}, says: "does not end"},
	} {
		t.Run(name, func(t *testing.T) {
			o := tt.options
			if o.Prefix == "" {
				o.Prefix = "fleet"
			}
			o.InstanceID, o.Caller = awstest.Instance, awstest.Caller(t, awstest.Front(t, account(t, tt.account)))
			s, err := New(o)
			if err != nil {
				t.Fatal(err)
			}
			limit := 30 * time.Second
			if name == "slow down" {
				limit = 4 * time.Second
			}
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			fates := awstest.Fates{}
			if _, err := s.Deliver(ctx, []deliver.Parcel{awstest.Parcel("r1", time.Now(), 1)}, fates.Note); err == nil || !strings.Contains(err.Error(), tt.says) || len(fates) > 0 {
				t.Errorf("%v, %v", fates, err)
			}
		})
	}
}

func TestNames(t *testing.T) {
	c := awstest.Caller(t, awstest.Front(t, account(t, nil)))
	for _, o := range []Options{
		{Bucket: "a"}, {Bucket: "A-b"}, {Bucket: "a..b"}, {Bucket: "-ab"}, {Bucket: "a/b"}, {Bucket: "good", Prefix: "a b"}, {Bucket: "good", Prefix: "a?b"}, {Bucket: "good", Owner: "12"},
	} {
		o.Caller = c
		if _, err := New(o); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
	s, err := New(Options{Bucket: "good", InstanceID: "../../x", Caller: c})
	if err != nil {
		t.Fatal(err)
	}
	if key := s.key(awstest.Report("r", 0, ""), "a/../b"); key != "us-east-1/unknown/unknown" {
		t.Errorf("hostile names give %s", key)
	}
}
