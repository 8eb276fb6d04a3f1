package main

import (
	"vpcdoctor/probe/fact"
	"vpcdoctor/report"
	"vpcdoctor/report/deliver"
	"vpcdoctor/report/history"
	"vpcdoctor/report/state"
)

// memory is the state directory of a run: what runs before it left, and a place
// for what it leaves. A directory that cannot be used is told at once, and the
// run goes on without: on a full disk a verdict is worth more.
type memory struct {
	dir   *state.Dir // nil: none, or it cannot be used
	known bool       // the history could be read
	past  []history.Entry
	more  bool // it goes further back than past
}

// remember opens the state directory. It is called when the first question is
// about to be asked: the jitter before may take an hour, and another run may
// leave its report meanwhile.
func (c *checker) remember() {
	if c.timer() {
		c.options.Changed = changed(c.s.stateDir, c.ignore)
	}
	if c.s.stateDir == "" {
		return
	}
	dir, err := state.Open(c.s.stateDir, state.Options{})
	if err != nil {
		c.app.complain(err)
		c.recall(state.Look(c.s.stateDir))
	} else {
		c.memory.dir = dir
		c.recall(dir, nil)
	}
	if c.options.Changed == nil || len(c.memory.past) > 0 && err == nil {
		return
	}
	// A timer's run signs when it is the first. Where none can leave word, each
	// would be.
	if err != nil || dir.Room() != nil {
		c.options.Changed = func(*fact.Set) bool { return false }
	}
}

// recall reads the end of the history, as far as it can be read.
func (c *checker) recall(dir *state.Dir, err error) {
	if err != nil {
		return // told already, by the attempt to write there
	}
	c.memory.past, c.memory.more, err = dir.Recent()
	if c.memory.known = err == nil; err != nil {
		c.app.complain(err)
	}
	if dir != c.memory.dir {
		_ = dir.Close()
	}
}

// land keeps the report before anything is delivered, with what changed since
// the run before where that was asked for. Sinks that keep get their parcel.
func (c *checker) land(r *report.Report, sinks []deliver.Sink) deliver.Backlog {
	if c.s.stateDir == "" {
		return nil
	}
	entry := history.Of(r) // judges the facts without signed calls: once is enough
	if c.memory.known && (c.s.sinceLast || c.timer()) {
		r.Changes = history.Since(c.memory.past, entry, c.memory.more)
	}
	if c.memory.dir == nil {
		return nil
	}
	var keeping []string
	for _, s := range sinks {
		if s.Keeps() {
			keeping = append(keeping, s.Name())
		}
	}
	if err := c.memory.dir.Land(r, entry, keeping); err != nil {
		c.app.complain(err)
	}
	return c.memory.dir
}

// forget closes the state directory and tells what happened in it.
func (c *checker) forget() {
	if c.memory.dir == nil {
		return
	}
	if err := c.memory.dir.Close(); err != nil {
		c.app.complain(err)
	}
	for _, n := range c.memory.dir.Notes() {
		c.app.note(n)
	}
	c.memory.dir = nil
}

// timer tells a run of a systemd unit, of which nobody reads a page an hour.
func (c *checker) timer() bool { return c.options.Context == "systemd" }

// briefly tells whether one line says all that is new.
func (c *checker) briefly(r *report.Report) bool {
	return c.timer() && c.s.output == "text" && !c.s.summaryJSON && r.Changes.Quiet()
}
