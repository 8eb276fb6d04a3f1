// Package fleet tries the delivery of a whole fleet: many instances, the code of
// report/deliver and report/deliver/cloudwatch as it runs on each of them, and
// one Region of CloudWatch Logs with its published quotas. Time is simulated, so
// that hours of 100,000 instances pass in minutes.
//
// It has no code but its tests. In go recorded facts and the number of
// instances; out come assertions (nothing lost, nothing twice, no quota exceeded
// with a wide enough jitter window) and figures: make bench-fleet.
package fleet
