// Package inventory leaves the verdict where the SSM Agent picks up custom
// inventory: a file in the agent's own directory, which the agent uploads with
// its next inventory run. A node that comes back from an outage tells by itself
// what was wrong, in Systems Manager's Inventory and in what is synchronised
// from it, with no permission of ours.
//
// In goes a report, out comes one JSON file as the agent's gatherer wants it
// (agent/plugins/inventory/gatherers/custom of amazon-ssm-agent, read 2026-11):
// strings only, at most 50 of them, of at most 4,096 bytes.
//
// It never makes a directory of the agent: where the node has none, there is no
// agent, and nothing is written.
package inventory

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"vpcdoctor/probe/fact"
	"vpcdoctor/report"
	"vpcdoctor/report/deliver"
	"vpcdoctor/report/deliver/events"
)

// Dir is the agent's state directory. The snap has the same: its confinement is
// classic.
const Dir = "/var/lib/amazon/ssm"

// fileName in the folder of custom inventory. Only *.json is read there.
const fileName = "vpcdoctor.json"

// Options of the sink.
type Options struct {
	Dir string // of the agent; empty: Dir
}

// New returns the sink "inventory". It keeps nothing for later: the file holds
// the last verdict, and the agent is the one that waits for a way out.
func New(o Options) deliver.Sink { return sink{cmp.Or(o.Dir, Dir)} }

type sink struct{ dir string }

func (sink) Name() string { return "inventory" }

func (sink) Keeps() bool { return false }

func (s sink) Deliver(_ context.Context, parcels []deliver.Parcel, settle deliver.Settle) (string, error) {
	return deliver.Latest(parcels, settle, func(_ deliver.Parcel, r *report.Report) (string, error) {
		node, err := nodeOf(r)
		if err != nil {
			return "", err
		}
		b, err := Item(r)
		if err != nil {
			return "", err
		}
		return path.Join(s.dir, node, folder, fileName), s.write(node, b)
	})
}

// nodeOf is the id under which the agent keeps its state: of a hybrid
// registration, which the agent prefers, of its own record, of the instance.
func nodeOf(r *report.Report) (string, error) {
	id := fact.AgentIdentity{}
	instance := r.Context.InstanceID
	if r.Facts != nil {
		id, instance = r.Facts.Agent.Identity, cmp.Or(r.Facts.IMDS.InstanceID, instance)
	}
	node := cmp.Or(id.Hybrid, id.InstanceID, instance)
	if node == "" {
		return "", errors.New("the id of the node is not known, and with it where the agent keeps its inventory")
	}
	if len(node) > 64 || strings.Trim(node, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return "", fmt.Errorf("%.64q is no id of a node", node)
	}
	return node, nil
}

// folder of custom inventory below that of the node. The agent makes it when it
// starts.
const folder = "inventory/custom"

// write puts the file into place: written beside it, flushed, renamed. Every
// step is taken below the agent's directory, whatever links are in there.
func (s sink) write(node string, b []byte) error {
	root, err := os.OpenRoot(s.dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("no SSM Agent here: %s does not exist", s.dir)
	case err != nil:
		return fmt.Errorf("inventory: %w", err)
	}
	defer func() { _ = root.Close() }()
	dir, err := root.OpenRoot(path.Join(node, folder))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("the SSM Agent has made no %s: has it ever run as %s?", path.Join(s.dir, node, folder), node)
	case err != nil:
		return fmt.Errorf("inventory: %w", err)
	}
	defer func() { _ = dir.Close() }()
	const tmp = "." + fileName + ".new" // not *.json: the agent does not read half a file
	if err := dir.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("inventory: %w", err)
	}
	f, err := dir.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("inventory: %w", err)
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = dir.Rename(tmp, fileName)
	}
	if err != nil {
		_ = dir.Remove(tmp)
		return fmt.Errorf("inventory: %w", err)
	}
	return nil
}

// Item is the file for a report: the same attributes that PutInventory gets, so
// that a fleet has one table whichever way its nodes tell.
func Item(r *report.Report) ([]byte, error) {
	b, err := json.MarshalIndent(struct {
		SchemaVersion string
		TypeName      string
		Content       map[string]string
	}{"1.0", events.InventoryType, events.Inventory(r, events.Options{Time: r.At()})}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("inventory: %w", err)
	}
	return append(b, '\n'), nil
}
