package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"vpcdoctor/probe/fact"
	"vpcdoctor/report"
	"vpcdoctor/report/diagnose"
	"vpcdoctor/report/state"
)

func TestChanged(t *testing.T) {
	fine := &fact.Set{
		Schema: fact.SchemaVersion, Start: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC), Run: fact.Run{Expect: "auto"},
		Place: fact.Place{Region: "us-east-1", Source: "flag", Partition: "aws", DNSSuffix: "amazonaws.com", Known: true},
	}
	called := *fine
	called.End = called.Start.Add(2 * time.Second) // as in every stored run; the one at hand goes on
	called.Signed = fact.Signed{Outcome: fact.Outcome{Status: fact.OK}, Calls: []fact.Call{{
		Outcome: fact.Outcome{Status: fact.Failed, Class: fact.HTTPStatus}, Service: "ssm", Operation: "ListInstanceAssociations",
		Code: "AccessDeniedException", HTTPStatus: 400, Denial: &fact.Denial{Layer: fact.LayerEndpoint, Action: "ssm:ListInstanceAssociations"},
	}}}
	broken := *fine
	broken.Agent.Config = fact.AgentConfig{Outcome: fact.Outcome{Status: fact.Failed, Class: fact.Malformed}, Path: "/etc/amazon/ssm/amazon-ssm-agent.json", Present: true, ErrorAt: "line 1, column 2"}

	dir := t.TempDir()
	store := func(s *fact.Set) {
		t.Helper()
		f, err := os.Create(filepath.Join(dir, state.LastReport))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = f.Close() }()
		if err := report.New(s, diagnose.Run(s, diagnose.Options{}), report.Tool{}).WriteJSON(f); err != nil {
			t.Fatal(err)
		}
	}
	if !changed(dir, nil)(fine) {
		t.Error("the first run has nothing to compare with, and must count as changed")
	}
	if changed("", nil)(&broken) {
		t.Error("without a state directory nothing may count as changed")
	}
	store(&called)
	if changed(dir, nil)(fine) {
		t.Error("what only signed calls showed counts as a change")
	}
	if !changed(dir, nil)(&broken) {
		t.Error("a new cause does not count as a change")
	}
	store(&broken)
	if changed(dir, nil)(&broken) || !changed(dir, nil)(fine) {
		t.Error("the same cause counts as a change, or its end does not")
	}
}
