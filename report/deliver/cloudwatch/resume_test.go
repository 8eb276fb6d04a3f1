package cloudwatch

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"vpcdoctor/probe/probetest"
	"vpcdoctor/report/deliver"
	"vpcdoctor/report/deliver/awscall/awstest"
)

// TestResume: a delivery that is cut off between two batches settles what is
// complete, and the next one sends the rest of what there was to know: by run_id
// and seq every event is there.
func TestResume(t *testing.T) {
	api := account(t, func(o *probetest.APIOptions) {
		o.LogGroups[group] = probetest.APILogGroup{Streams: []string{awstest.Instance}}
		o.Faults = []probetest.APIFault{{Action: "logs:PutLogEvents", Times: 1}, {Action: "logs:PutLogEvents", Mode: probetest.APIEmpty, Times: 1}}
	})
	f := awstest.Front(t, api)
	parcels := []deliver.Parcel{awstest.Parcel("small", time.Now().Add(-time.Minute), 3), awstest.Parcel("large", time.Now(), 3000)}
	fates := awstest.Fates{}
	if _, err := sinkTo(t, f, nil).Deliver(t.Context(), parcels, fates.Note); err == nil || fates["small"] != deliver.Delivered || len(fates) != 1 {
		t.Fatalf("after the first: %v, %v", fates, err)
	}
	if _, err := sinkTo(t, f, nil).Deliver(t.Context(), parcels[1:], fates.Note); err != nil || fates["large"] != deliver.Delivered {
		t.Fatalf("after the second: %v, %v", fates, err)
	}
	seen := map[string]map[int]bool{"small": {}, "large": {}}
	for _, e := range api.LogEvents() {
		var m struct {
			RunID string `json:"run_id"`
			Seq   int
		}
		if err := json.Unmarshal([]byte(e.Message), &m); err != nil {
			t.Fatal(err)
		}
		seen[m.RunID][m.Seq] = true
	}
	if len(seen["small"]) != 4 || len(seen["large"]) != 3001 {
		t.Errorf("%d and %d events", len(seen["small"]), len(seen["large"]))
	}
}

// TestTooNew: what AWS takes to be from the future waits, and is told.
func TestTooNew(t *testing.T) {
	// A fake whose clock jumps back after it has accepted the signature: the one
	// way in which a stamp of ours can be too new.
	calls := 0
	api := account(t, func(o *probetest.APIOptions) {
		o.LogGroups[group] = probetest.APILogGroup{Streams: []string{awstest.Instance}}
		o.Now = func() time.Time {
			if calls++; calls > 3 { // the front end, the log, the signature
				return time.Now().Add(-3 * time.Hour)
			}
			return time.Now()
		}
	})
	fates := awstest.Fates{}
	_, err := sinkTo(t, awstest.Front(t, api), nil).Deliver(t.Context(), []deliver.Parcel{awstest.Parcel("r1", time.Now(), 1)}, fates.Note)
	if err == nil || !strings.Contains(err.Error(), "from the future") || len(fates) != 0 || len(api.LogEvents()) != 0 {
		t.Errorf("%v, %v, %d events", fates, err, len(api.LogEvents()))
	}
}
