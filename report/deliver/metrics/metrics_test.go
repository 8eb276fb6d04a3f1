package metrics

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"vpcdoctor/report"
	"vpcdoctor/report/deliver"
	"vpcdoctor/report/deliver/awscall/awstest"
)

func TestPutsMetrics(t *testing.T) {
	api := awstest.Account(awstest.Shipped(t), nil)
	s, err := New(awstest.Caller(t, awstest.Front(t, api)))
	if err != nil {
		t.Fatal(err)
	}
	r := awstest.Report("r1", 600, "ssm.us-east-1.amazonaws.com")
	for i := range r.Verdict.Rows {
		r.Verdict.Rows[i].ID = fmt.Sprintf("service & co %d", i)
	}
	fates, at := awstest.Fates{}, time.Now().Add(-3*time.Hour)
	p := deliver.Parcel{RunID: "r1", Time: at, Load: func() (*report.Report, error) { return r, nil }}
	if where, err := s.Deliver(t.Context(), []deliver.Parcel{p}, fates.Note); err != nil || fates["r1"] != deliver.Delivered || where != "namespace VPCDoctor in us-east-1" {
		t.Fatalf("%s: %v, %v", where, fates, err)
	}
	got, _ := api.Metrics()
	if len(got) != 1200 || len(api.Calls()) != 2 { // Failed and DnsPrivate of each
		t.Fatalf("%d values in %d calls", len(got), len(api.Calls()))
	}
	for _, m := range got {
		if m.Namespace != "VPCDoctor" || len(m.Dimensions) != 2 || m.Dimensions["VpcId"] != "vpc-1" || !strings.HasPrefix(m.Dimensions["Service"], "service & co ") || m.Time.Sub(at).Abs() > time.Second || m.Value != 1 {
			t.Fatalf("%+v", m)
		}
	}
}

func TestDenied(t *testing.T) {
	s, err := New(awstest.Caller(t, awstest.Front(t, awstest.Account("", nil))))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	fates := awstest.Fates{}
	_, err = s.Deliver(ctx, []deliver.Parcel{awstest.Parcel("r1", time.Now(), 1)}, fates.Note)
	if err == nil || !strings.HasPrefix(err.Error(), "cloudwatch:PutMetricData on namespace VPCDoctor is denied: no identity-based policy allows it (AccessDenied)") || len(fates) > 0 {
		t.Errorf("%v, %v", fates, err)
	}
}
