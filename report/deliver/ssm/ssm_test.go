package ssm

import (
	"context"
	"strings"
	"testing"
	"time"

	"vpcdoctor/probe/probetest"
	"vpcdoctor/report"
	"vpcdoctor/report/deliver"
	"vpcdoctor/report/deliver/awscall/awstest"
	"vpcdoctor/report/diagnose"
)

func TestTellsTheNewestRun(t *testing.T) {
	api := awstest.Account(awstest.Shipped(t), nil)
	c := awstest.Caller(t, awstest.Front(t, api))
	inventory, err := NewInventory(awstest.Instance, c)
	if err != nil {
		t.Fatal(err)
	}
	compliance, err := NewCompliance(awstest.Instance, c)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*Sink{inventory, compliance} {
		fates := awstest.Fates{}
		where, err := s.Deliver(t.Context(), []deliver.Parcel{awstest.Parcel("r1", time.Now(), 2), awstest.Parcel("r2", time.Now(), 2)}, fates.Note)
		if err != nil || fates["r2"] != deliver.Delivered || len(fates) != 1 || where != "Custom:VpcDoctor of "+awstest.Instance+" in us-east-1" {
			t.Fatalf("%s: %v, %v", where, fates, err)
		}
	}
	got := api.Records()
	if len(got) != 2 || got[0].Type != "Custom:VpcDoctor" || got[0].Content[0]["RunId"] != "r2" || got[0].Content[0]["Code"] != "SG-02" {
		t.Fatalf("%+v", got)
	}
	if got[1].Operation != "PutComplianceItems" || got[1].Status != "NON_COMPLIANT" || got[1].Content[0]["Status"] != "broken" {
		t.Errorf("%+v", got[1])
	}
}

// TestCompliance: what was not checked is never a pass.
func TestCompliance(t *testing.T) {
	for status, want := range map[diagnose.Status]string{
		diagnose.Healthy: "COMPLIANT", diagnose.Degraded: "COMPLIANT", diagnose.Broken: "NON_COMPLIANT", diagnose.Inconclusive: "NON_COMPLIANT",
	} {
		api := awstest.Account(probetest.ManagedInstanceCore, nil)
		s, err := NewCompliance(awstest.Instance, awstest.Caller(t, awstest.Front(t, api)))
		if err != nil {
			t.Fatal(err)
		}
		r := awstest.Report("r1", 0, "")
		r.Verdict.Status, r.Verdict.Headline = status, strings.Repeat("\xff<", 4000)
		p := deliver.Parcel{RunID: "r1", Time: time.Now(), Load: func() (*report.Report, error) { return r, nil }}
		if _, err := s.Deliver(t.Context(), []deliver.Parcel{p}, awstest.Fates{}.Note); err != nil {
			t.Fatal(err)
		}
		if got := api.Records(); len(got) != 1 || got[0].Status != want {
			t.Errorf("%s: %+v", status, got)
		}
	}
}

func TestTrouble(t *testing.T) {
	for name, tt := range map[string]struct{ policy, node, says string }{
		"denied":           {probetest.MinimalInstance, awstest.Instance, "ssm:PutInventory on " + awstest.Instance + " is denied: no identity-based policy allows it (AccessDeniedException): allow it in"},
		"somebody else":    {probetest.ManagedInstanceCore, "i-00000000000000001", "HTTP 400 InvalidInstanceId"},
		"without any role": {"", awstest.Instance, "denied"},
	} {
		s, err := NewInventory(tt.node, awstest.Caller(t, awstest.Front(t, awstest.Account(tt.policy, nil))))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		fates := awstest.Fates{}
		if _, err := s.Deliver(ctx, []deliver.Parcel{awstest.Parcel("r1", time.Now(), 1)}, fates.Note); err == nil || !strings.Contains(err.Error(), tt.says) || len(fates) > 0 {
			t.Errorf("%s: %v, %v", name, fates, err)
		}
	}
	if _, err := NewInventory("", awstest.Caller(t, awstest.Front(t, awstest.Account("", nil)))); err == nil {
		t.Error("a node without an id is taken")
	}
}
