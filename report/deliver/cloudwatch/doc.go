// Package cloudwatch takes reports to CloudWatch Logs: one event for the run
// and one for each check (report/deliver/events), in one stream of a group that
// somebody has made for them.
//
// In go parcels, credentials and an HTTP client; out come settled parcels. A
// parcel is settled as soon as the last of its events was accepted, never
// before. A run that ends between two batches of one parcel sends the whole of
// it again later: run_id and seq of an event are the same each time, so that a
// query can tell (dedup run_id, seq).
//
// The package makes no log group unless it is told to, changes no retention and
// lists nothing: PutLogEvents comes first, and a stream is made only when that
// answers that there is none. It never sends an event with a stamp in the
// future.
//
// Limits, and the order of calls: CloudWatch Logs API Reference, PutLogEvents,
// and CloudWatch Logs quotas (read 2026-11). Metrics in the embedded format come
// out of groups of the class STANDARD only; no answer of PutLogEvents tells the
// class, and to ask for it would take one more permission, so it is not asked.
package cloudwatch
