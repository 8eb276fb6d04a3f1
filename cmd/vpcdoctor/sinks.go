package main

import (
	"context"
	"slices"

	"vpcdoctor/probe"
	"vpcdoctor/report"
	"vpcdoctor/report/deliver"
	"vpcdoctor/report/deliver/awscall"
	"vpcdoctor/report/deliver/console"
	"vpcdoctor/report/deliver/inventory"
	"vpcdoctor/report/deliver/journal"
	"vpcdoctor/report/deliver/toaws"
)

// sinks are what --to names beside stdout and file, for the place that a run
// found itself in. One that cannot be made is told and keeps none back.
func (c *checker) sinks(r *report.Report) []deliver.Sink {
	out, err := c.toAWS().Sinks(r)
	if err != nil {
		c.app.complain(err)
	}
	if c.s.goes(toConsole) && c.consoleDue(r) {
		out = append(out, console.New(console.Options{Path: c.s.console, Full: c.s.consoleFull}))
	}
	if c.s.goes(toJournal) {
		out = append(out, journal.New(journal.Options{}))
	}
	if c.s.goes(toInventory) {
		out = append(out, inventory.New(inventory.Options{}))
	}
	if c.s.redact {
		for i := range out {
			out[i] = hiding{out[i]}
		}
	}
	return out
}

// toAWS goes by the environment of our own process: deliveries are our own
// traffic.
func (c *checker) toAWS() toaws.Options {
	o := c.s.delivery.aws()
	o.FIPS, o.DualStack, o.Getenv = c.options.FIPS, c.options.DualStack, c.app.getenv
	o.UserAgent, o.Verify, o.Credentials = probe.UserAgent(version), c.options.Trust, c.env.Keys
	if c.s.credentials == "env" {
		o.Credentials = awscall.Environment(c.app.getenv)
	}
	return o
}

// hiding gives a sink the reports for sharing (--redact).
type hiding struct{ deliver.Sink }

// Deliver makes names up as reports are read: what waits in the state directory
// is whole.
func (h hiding) Deliver(ctx context.Context, parcels []deliver.Parcel, settle deliver.Settle) (string, error) {
	made := slices.Clone(parcels)
	for i, p := range parcels {
		made[i].Load = func() (*report.Report, error) {
			r, err := p.Load()
			if err != nil {
				return nil, err
			}
			return redacted(r, true)
		}
	}
	return h.Sink.Deliver(ctx, made, settle)
}
