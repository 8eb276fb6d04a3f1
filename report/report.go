package report

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"vpcdoctor/probe/fact"
	"vpcdoctor/report/diagnose"
)

// SchemaVersion is the version of the report as JSON. It rises when a reader of
// the older form would misread the newer one; new optional fields do not count.
const SchemaVersion = 1

// Report is the whole document. Its JSON form is described by schema.json.
type Report struct {
	Schema  int              `json:"schema"` // SchemaVersion of the writer; first, so that a reader can decide early
	Tool    Tool             `json:"tool"`
	Context Context          `json:"context"`
	Verdict diagnose.Verdict `json:"verdict"`
	Changes *Changes         `json:"changes,omitempty"` // since the run before, when that was asked for
	Facts   *fact.Set        `json:"facts"`
}

// Tool is the build that made the verdict. The build that gathered the facts
// is in Facts.Run and may be another one when a file is replayed.
type Tool struct {
	Name    string `json:"name"` // "vpcdoctor"
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
	Go      string `json:"go,omitempty"` // "go1.26.8"
	OS      string `json:"os,omitempty"`
	Arch    string `json:"arch,omitempty"`
}

// Context is where and when the facts were gathered: the second line of the
// text. Everything in it is copied from the facts; empty means not known.
type Context struct {
	RunID       string         `json:"run_id,omitempty"` // of the run that gathered the facts
	InstanceID  string         `json:"instance_id,omitempty"`
	AccountID   string         `json:"account_id,omitempty"`
	SubnetID    string         `json:"subnet_id,omitempty"` // of the primary interface
	VPCID       string         `json:"vpc_id,omitempty"`
	Region      string         `json:"region,omitempty"`
	AZ          string         `json:"az,omitempty"`
	Time        time.Time      `json:"time,omitzero"` // start of the run, UTC, clock of the instance
	UID         int            `json:"uid"`           // -1 where the system has none
	How         string         `json:"how,omitempty"` // tty | run-command | systemd | cloud-init | pipe
	Interrupted bool           `json:"interrupted,omitempty"`
	Environment []fact.EnvSeen `json:"environment,omitempty"` // variables that were seen, values free of secrets
}

// New puts a report together. The facts are kept by reference; nil is read as
// an empty set.
func New(s *fact.Set, v diagnose.Verdict, tool Tool) *Report {
	if s == nil {
		s = &fact.Set{Schema: fact.SchemaVersion}
	}
	return &Report{
		Schema:  SchemaVersion,
		Tool:    tool,
		Context: contextOf(s),
		Verdict: filled(v),
		Facts:   s,
	}
}

func contextOf(s *fact.Set) Context {
	eni := s.IMDS.Primary()
	id := s.IMDS.InstanceID
	if id == "" {
		id = s.Agent.Identity.InstanceID // the agent's own record serves when IMDS does not
	}
	return Context{
		RunID:       s.Run.ID,
		InstanceID:  id,
		AccountID:   s.IMDS.AccountID,
		SubnetID:    eni.SubnetID,
		VPCID:       eni.VPCID,
		Region:      s.Place.Region,
		AZ:          s.IMDS.AZ,
		Time:        s.Start,
		UID:         s.Run.UID,
		How:         s.Run.Context,
		Interrupted: s.Run.Interrupted,
		Environment: s.Run.Environment,
	}
}

// filled returns v with empty instead of nil slices, so that the JSON form
// always has arrays. Findings are copied before they are changed: the caller
// keeps its verdict as it is.
func filled(v diagnose.Verdict) diagnose.Verdict {
	v.Causes = findings(v.Causes)
	v.Effects = findings(v.Effects)
	if v.Innocent == nil {
		v.Innocent = []diagnose.Innocent{}
	}
	if v.NotChecked == nil {
		v.NotChecked = []diagnose.NotChecked{}
	}
	if v.Rows == nil {
		v.Rows = []diagnose.Row{}
	}
	return v
}

func findings(in []diagnose.Finding) []diagnose.Finding {
	out := make([]diagnose.Finding, len(in))
	copy(out, in)
	for i := range out {
		if out[i].Evidence == nil {
			out[i].Evidence = []diagnose.Evidence{}
		}
	}
	return out
}

// Took is how long the run was; false when the report does not tell.
func (r *Report) Took() (time.Duration, bool) {
	f := r.Facts
	if f == nil || f.Start.IsZero() || !f.End.After(f.Start) {
		return 0, false
	}
	return f.End.Sub(f.Start), true
}

// WriteJSON writes the report as indented JSON with a newline at its end.
// Durations are numbers of milliseconds in fields that end in _ms.
func (r *Report) WriteJSON(w io.Writer) error { return writeJSON(w, r) }

// WriteFacts writes the facts alone, in the form that Read takes.
func WriteFacts(w io.Writer, s *fact.Set) error { return writeJSON(w, s) }

func writeJSON(w io.Writer, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding report: %w", err)
	}
	if _, err := w.Write(append(b, '\n')); err != nil {
		return fmt.Errorf("writing report: %w", err)
	}
	return nil
}
