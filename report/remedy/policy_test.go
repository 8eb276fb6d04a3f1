package remedy

import (
	"slices"
	"strings"
	"testing"

	"vpcdoctor/probe/fact"
	"vpcdoctor/report/diagnose"
)

// A statement becomes a text to copy; what needs no act has none.
func TestStatements(t *testing.T) {
	f := diagnose.Finding{Code: "EP-08", Severity: diagnose.SevError, Action: diagnose.Action{
		Do: "Allow it in the endpoint's policy.", Statement: "{\n  \"Effect\": \"Allow\",\n  \"Principal\": \"*\"\n}", Query: "SELECT 1"}}
	v := diagnose.Verdict{Status: diagnose.Broken, Causes: []diagnose.Finding{f}}
	got := For(&fact.Set{}, v)
	if len(got) != 2 || got[0].Format != Policy || got[1].Format != SQL || got[0].File != "vpcdoctor-EP-08.json" {
		t.Fatalf("%+v", got)
	}
	for _, x := range got {
		if !strings.HasSuffix(x.Body, "\n") || x.Title == "" {
			t.Errorf("%+v", x)
		}
	}
	// An endpoint's policy is everybody's in the VPC: the card says so.
	whole := func(s string) bool { return strings.Contains(s, "whole VPC") }
	if !slices.ContainsFunc(got[0].Notes, whole) {
		t.Errorf("%q", got[0].Notes)
	}
	v.Causes[0].Action.Statement, v.Causes[0].Action.Query = "{}", ""
	if got := For(&fact.Set{}, v); len(got) != 1 || slices.ContainsFunc(got[0].Notes, whole) {
		t.Errorf("%+v", got)
	}
	for _, change := range []func(*diagnose.Finding){
		func(f *diagnose.Finding) { f.Severity = diagnose.SevInfo },
		func(f *diagnose.Finding) { f.Accepted = true },
		func(f *diagnose.Finding) { f.Action.Statement = "" },
	} {
		x := v.Causes[0]
		change(&x)
		if got := For(&fact.Set{}, diagnose.Verdict{Status: diagnose.Broken, Causes: []diagnose.Finding{x}}); len(got) != 0 {
			t.Errorf("%+v", got)
		}
	}
}
