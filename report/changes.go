package report

import "time"

// Changes is what differs from the run before, as the history of the state
// directory knows it (check --since-last).
type Changes struct {
	First    bool       `json:"first,omitempty"`          // no earlier run asked the same: nothing to compare with
	RunID    string     `json:"run_id,omitempty"`         // of the run compared with
	Time     time.Time  `json:"time,omitzero"`            // of it, corrected where its clock was found wrong
	List     []Change   `json:"list"`                     // empty: nothing changed
	Standing []Standing `json:"standing,omitempty"`       // causes that stay
	Flapping []Flap     `json:"flapping,omitempty"`       // what keeps changing
	Healthy  time.Time  `json:"last_healthy,omitzero"`    // last run before this one that found nothing broken
	Same     time.Time  `json:"unchanged_since,omitzero"` // first of the runs that are like this one
	Runs     int        `json:"runs,omitempty"`           // as many of them, this one included
}

// Change is one thing that is not as it was.
type Change struct {
	What string `json:"what"` // "verdict", "SG-02", "ssm"
	From string `json:"from"`
	To   string `json:"to"`
}

// Standing is a cause that earlier runs found too.
type Standing struct {
	Code  string    `json:"code"`
	Since time.Time `json:"since"`
	Runs  int       `json:"runs"`           // in a row, this one included
	More  bool      `json:"more,omitempty"` // the history that was read does not reach its start
}

// Flap is something that changes to and fro.
type Flap struct {
	What    string `json:"what"`
	Changes int    `json:"changes"`
	Runs    int    `json:"runs"` // among as many runs
}

// Quiet tells whether nothing changed since the run before.
func (c *Changes) Quiet() bool { return c != nil && !c.First && len(c.List) == 0 }
