// Package events turns a report into flat log events: one summary of the run,
// then one for each endpoint and each further check.
//
// In goes a report; out comes, one at a time, the JSON of each event on one
// line. Keys are flat and few, because CloudWatch Logs Insights makes at most
// 200 fields of an event searchable (CloudWatch Logs User Guide, "Supported logs
// and discovered fields", read 2026-11). What stands in an event may come from a
// hostile network: every value is bounded and printable ASCII, and an event
// whose values were cut says which.
//
// With metrics on, the same events carry them in CloudWatch's embedded metric
// format, so that no second endpoint and no second permission is needed.
//
// The package does no I/O and never looks at the clock.
package events
