// Package ssm tells Systems Manager about a run: as an entry of inventory, and
// as compliance of the node. Both are calls that AmazonSSMManagedInstanceCore
// allows, over the path that the agent itself needs; they are made only when a
// user names their sink, and never to probe anything.
//
// In go parcels, of which only the last counts: both services keep the newest
// state. Source: Systems Manager API Reference, PutInventory and
// PutComplianceItems (read 2026-11).
package ssm

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"vpcdoctor/report"
	"vpcdoctor/report/deliver"
	"vpcdoctor/report/deliver/awscall"
	"vpcdoctor/report/deliver/events"
	"vpcdoctor/report/diagnose"
)

// Sink makes one call for the run at hand.
type Sink struct {
	name, operation string
	node            string
	call            awscall.Caller
	body            func(node string, r *report.Report, at time.Time) any
}

var errNode = errors.New("the id of this node is not known, so nothing can be told about it to Systems Manager")

// NewInventory returns the sink "inventory-api": an entry of the type
// Custom:VpcDoctor, which replaces the one before. node is the id under which
// Systems Manager knows this machine: i-... or mi-...
func NewInventory(node string, c awscall.Caller) (*Sink, error) {
	return newSink(&Sink{"inventory-api", "PutInventory", node, c, inventory})
}

// NewCompliance returns the sink "compliance": one item of the type
// Custom:VpcDoctor, COMPLIANT only where the run came to a verdict
// without an error.
func NewCompliance(node string, c awscall.Caller) (*Sink, error) {
	return newSink(&Sink{"compliance", "PutComplianceItems", node, c, compliance})
}

func newSink(s *Sink) (*Sink, error) {
	switch {
	case s.call.Place.Region == "":
		return nil, errors.New("the Region of Systems Manager is not known: give --region")
	case s.node == "":
		return nil, errNode
	}
	return s, nil
}

// Name is the word of --to.
func (s *Sink) Name() string { return s.name }

// Keeps tells that an earlier run is of no use later: only the newest counts.
func (s *Sink) Keeps() bool { return false }

// Deliver tells of the last parcel.
func (s *Sink) Deliver(ctx context.Context, parcels []deliver.Parcel, settle deliver.Settle) (string, error) {
	where := events.InventoryType + " of " + s.node + " in " + s.call.Place.Region
	return deliver.Latest(parcels, settle, func(p deliver.Parcel, r *report.Report) (string, error) {
		body, err := json.Marshal(s.body(s.node, r, p.Time))
		if err != nil {
			return where, err
		}
		if err := s.call.Do(ctx, awscall.JSONCall("ssm", "AmazonSSM."+s.operation, body)); err != nil {
			return where, awscall.Explain("ssm:"+s.operation, s.node, err)
		}
		return where, nil
	})
}

type object = map[string]any

func inventory(node string, r *report.Report, at time.Time) any {
	return object{"InstanceId": node, "Items": []object{{
		"TypeName": events.InventoryType, "SchemaVersion": "1.0", "CaptureTime": at.UTC().Format("2006-01-02T15:04:05Z"),
		"Content": []map[string]string{events.Inventory(r, events.Options{Time: at})},
	}}}
}

func compliance(node string, r *report.Report, at time.Time) any {
	e := events.Inventory(r, events.Options{Time: at})
	status, severity := "COMPLIANT", "INFORMATIONAL"
	switch r.Verdict.Status {
	case diagnose.Broken:
		status, severity = "NON_COMPLIANT", "HIGH"
	case diagnose.Inconclusive: // not checked is never a pass
		status, severity = "NON_COMPLIANT", "UNSPECIFIED"
	}
	details := map[string]string{}
	for _, k := range []string{"RunId", "Status", "Code", "Codes", "Action", "Version", "VpcId", "SubnetId"} {
		if e[k] != "" { // a value may not be empty here
			details[k] = e[k]
		}
	}
	title := e["Headline"]
	if len(title) > maxTitle {
		title = title[:maxTitle]
	}
	return object{
		"ResourceId": node, "ResourceType": "ManagedInstance", "ComplianceType": events.InventoryType,
		"ExecutionSummary": object{"ExecutionTime": at.Unix(), "ExecutionType": "vpcdoctor", "ExecutionId": e["RunId"]},
		"Items":            []object{{"Id": "endpoints", "Title": title, "Severity": severity, "Status": status, "Details": details}},
	}
}

// maxTitle is how long the title of a compliance item may be.
const maxTitle = 500

var _ deliver.Sink = (*Sink)(nil)
