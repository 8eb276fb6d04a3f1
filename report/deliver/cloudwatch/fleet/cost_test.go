package fleet

import (
	"testing"
	"time"

	"vpcdoctor/report/deliver/events"
)

// Prices of us-east-1 (Amazon CloudWatch pricing, as quoted for 2026-06, read
// 2026-11); other Regions and China differ. A GB is taken as 10^9 bytes.
const (
	perGB      = 0.50 // taken in, class STANDARD
	perGBMonth = 0.03 // kept
	perMetric  = 0.30 // custom, a month, of the first 10,000
	perAlarm   = 0.10 // a metric and month
)

const month = 730 // hours

// bytesOf is what one run is billed for, and how many metrics it has.
func bytesOf(t *testing.T, name string, metrics bool) (bytes, lines int) {
	t.Helper()
	for line := range events.Of(recorded(t, name), events.Options{Time: time.Unix(1_796_000_000, 0), Metrics: metrics}) {
		bytes += len(line) + eventExtra
		lines++
	}
	return bytes, lines
}

// A run costs what its events weigh: the budget is 16 kB for the default
// profile, so that an instance costs less than a cent a day by the hour.
func TestFleetCost(t *testing.T) {
	for _, c := range []struct {
		name    string
		metrics bool
	}{{"session-defaults", true}, {"session-defaults", false}, {"endpoint-sg-one", true}, {"endpoint-sg-one", false}} {
		n, lines := bytesOf(t, c.name, c.metrics)
		gb := float64(n) * month / 1e9
		t.Logf("%-18s metrics %-5t %2d events, %5d bytes a run; by the hour %5.1f MB and $%.4f a month and instance", c.name, c.metrics, lines, n, gb*1000, gb*(perGB+perGBMonth))
		if n > 16_000 {
			t.Errorf("%s, metrics %t: %d bytes a run", c.name, c.metrics, n)
		}
	}
	n, _ := bytesOf(t, "session-defaults", true)
	r := recorded(t, "session-defaults")
	embedded := float64(len(events.Metrics(r))) * perMetric
	filters := float64(2+len(r.Verdict.Rows))*perMetric + 6*perAlarm // Reports, Broken, Failed by service; five alarms, one of two metrics
	t.Logf("a month: $%.2f for the alarms and their metrics, $%.2f for each VPC's metrics (none with --metrics off), and:", filters, embedded)
	for _, size := range []int{100, 1_000, 10_000, 100_000} {
		hourly, daily := float64(n)*float64(size)*month/1e9, float64(n)*float64(size)*month/24/1e9
		t.Logf("%6d instances: by the hour %6.1f GB, $%.2f; by the day %5.1f GB, $%.2f", size, hourly, hourly*(perGB+perGBMonth), daily, daily*(perGB+perGBMonth))
	}
}
