package probetest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// loggedEvent is an event as PutLogEvents takes it.
type loggedEvent struct {
	Timestamp int64  `json:"timestamp"`
	Message   string `json:"message"`
}

// at is an event so far from noon.
func at(d time.Duration, message string) loggedEvent {
	return loggedEvent{noon.Add(d).UnixMilli(), message}
}

// logsAccount has a role that may do everything with a group that has a stream.
func logsAccount(change func(*APIOptions)) *API {
	o := APIOptions{
		Now: fixedClock, LogGroups: map[string]APILogGroup{"/g": {Streams: []string{"s"}}},
		Credentials: []APICredential{{Keys: ProfileKeys, Session: "i-1", Role: APIRole{Name: "web", Policies: []*Policy{AllowAll}}}},
	}
	if change != nil {
		change(&o)
	}
	return NewAPI(o)
}

func putEvents(t *testing.T, api *API, stream string, events ...loggedEvent) *httptest.ResponseRecorder {
	t.Helper()
	body, err := json.Marshal(map[string]any{"logGroupName": "/g", "logStreamName": stream, "logEvents": events})
	if err != nil {
		t.Fatal(err)
	}
	return do(api, jsonCall(t, ProfileKeys, "logs", "Logs_20140328.PutLogEvents", string(body)))
}

func TestBatchLimits(t *testing.T) {
	many := func(n int, message string) []loggedEvent { return slices.Repeat([]loggedEvent{at(0, message)}, n) }
	full := 1048576/1000 - 26 // of 1000 events
	tests := []struct {
		name   string
		events []loggedEvent
		says   string // empty: accepted
	}{
		{"one", many(1, "x"), ""}, {"none", nil, "length between 1 and 10000"},
		{"10,000", many(10000, "x"), ""}, {"10,001", many(10001, "x"), "length between 1 and 10000"},
		{"a full batch", many(1000, strings.Repeat("x", full)), ""}, {"one byte a message more", many(1000, strings.Repeat("x", full+1)), "Upload too large"},
		{"the largest event", many(1, strings.Repeat("x", 1048550)), ""}, {"a byte more", many(1, strings.Repeat("x", 1048551)), "Upload too large"},
		{"bytes, not characters", many(1, strings.Repeat("\u00e9", 524276)), "Upload too large"},
		{"empty message", many(1, ""), "greater than or equal to 1"},
		{"24 hours", []loggedEvent{at(-24*time.Hour, "a"), at(0, "b")}, ""}, {"more", []loggedEvent{at(-24*time.Hour-time.Millisecond, "a"), at(0, "b")}, "cannot span more than 24 hours"},
		{"backwards", []loggedEvent{at(0, "a"), at(-time.Millisecond, "b")}, "chronological"},
	}
	for _, tt := range tests {
		api := logsAccount(nil)
		w := putEvents(t, api, "s", tt.events...)
		if ok := w.Code == http.StatusOK; ok != (tt.says == "") || !strings.Contains(w.Body.String(), tt.says) {
			t.Errorf("%s: %d %s", tt.name, w.Code, w.Body)
		}
		if n := len(api.LogEvents()); tt.says == "" && n != len(tt.events) || tt.says != "" && n != 0 {
			t.Errorf("%s: %d events are kept", tt.name, n)
		}
	}
}

func TestRejectedEvents(t *testing.T) {
	tests := []struct {
		name      string
		retention int
		events    []loggedEvent
		want      string // of rejectedLogEventsInfo
		kept      int
	}{
		{"all good", 0, []loggedEvent{at(-time.Hour, "a"), at(time.Hour, "b")}, "null", 2},
		{"too old", 0, []loggedEvent{at(-337*time.Hour, "a"), at(-336*time.Hour, "b")}, `{"tooOldLogEventEndIndex":1}`, 1},
		{"too new", 0, []loggedEvent{at(0, "a"), at(121*time.Minute, "b"), at(122*time.Minute, "c")}, `{"tooNewLogEventStartIndex":1}`, 1},
		{"expired", 1, []loggedEvent{at(-25*time.Hour, "a"), at(-23*time.Hour, "b")}, `{"expiredLogEventEndIndex":1}`, 1},
		{"all too old", 0, []loggedEvent{at(-400*time.Hour, "a")}, `{"tooOldLogEventEndIndex":1}`, 0},
	}
	for _, tt := range tests {
		api := logsAccount(func(o *APIOptions) {
			o.LogGroups["/g"] = APILogGroup{Streams: []string{"s"}, RetentionDays: tt.retention}
		})
		w := putEvents(t, api, "s", tt.events...)
		var got struct{ RejectedLogEventsInfo json.RawMessage }
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != 200 {
			t.Fatalf("%s: %d %s", tt.name, w.Code, w.Body)
		}
		if got.RejectedLogEventsInfo == nil {
			got.RejectedLogEventsInfo = json.RawMessage("null")
		}
		if string(got.RejectedLogEventsInfo) != tt.want || len(api.LogEvents()) != tt.kept {
			t.Errorf("%s: %s, %d kept", tt.name, got.RejectedLogEventsInfo, len(api.LogEvents()))
		}
	}
}

// TestStreamsAndGroups: what does not exist is not made by writing to it.
func TestStreamsAndGroups(t *testing.T) {
	api := logsAccount(nil)
	call := func(operation, group, stream string) string {
		w := do(api, jsonCall(t, ProfileKeys, "logs", "Logs_20140328."+operation, fmt.Sprintf(`{"logGroupName":%q,"logStreamName":%q,"logEvents":[{"timestamp":%d,"message":"m"}]}`, group, stream, noon.UnixMilli())))
		var e struct {
			Type string `json:"__type"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		return e.Type
	}
	for _, step := range []struct{ operation, group, stream, want string }{
		{"PutLogEvents", "/g", "new", "ResourceNotFoundException"}, {"CreateLogStream", "/none", "new", "ResourceNotFoundException"},
		{"CreateLogStream", "/g", "a:b", "InvalidParameterException"}, {"CreateLogStream", "/g", "new", ""}, {"CreateLogStream", "/g", "new", "ResourceAlreadyExistsException"},
		{"PutLogEvents", "/g", "new", ""}, {"CreateLogGroup", "aws/x", "", "InvalidParameterException"}, {"CreateLogGroup", "/g", "", "ResourceAlreadyExistsException"},
		{"CreateLogGroup", "/none", "", ""}, {"PutLogEvents", "/none", "new", "ResourceNotFoundException"},
	} {
		if got := call(step.operation, step.group, step.stream); got != step.want {
			t.Errorf("%s %s %s: %q, want %q", step.operation, step.group, step.stream, got, step.want)
		}
	}
	if names, ok := api.LogStreams("/g"); !ok || !slices.Equal(names, []string{"new", "s"}) {
		t.Errorf("streams %v", names)
	}
}

func TestQuota(t *testing.T) {
	now := noon
	api := logsAccount(func(o *APIOptions) {
		o.Now, o.Quotas = func() time.Time { return now }, map[string]float64{"logs:PutLogEvents": 2}
	})
	for i, wait := range []time.Duration{0, 0, 0, 500 * time.Millisecond, 0} {
		now = now.Add(wait)
		body := fmt.Sprintf(`{"logGroupName":"/g","logStreamName":"s","logEvents":[{"timestamp":%d,"message":"m"}]}`, now.UnixMilli())
		w := do(api, signedRequest(t, ProfileKeys, "logs", "us-east-1", "POST", "https://logs.us-east-1.amazonaws.com/", body, now, "X-Amz-Target", "Logs_20140328.PutLogEvents"))
		if throttled := strings.Contains(w.Body.String(), "ThrottlingException"); throttled != (i == 2 || i == 4) {
			t.Errorf("call %d: %s", i, w.Body)
		}
	}
}

// TestEmbeddedMetrics holds the reader of the format against what is one.
func TestEmbeddedMetrics(t *testing.T) {
	const good = `{"_aws":{"Timestamp":1,"CloudWatchMetrics":[{"Namespace":"N","Dimensions":[["D"]],"Metrics":[{"Name":"M","Unit":"Count"}]}]},"D":"d","M":2}`
	for message, want := range map[string]int{
		good: 1, "no json": 0, `{"M":1}`: 0,
		strings.Replace(good, `"D":"d"`, `"D":7`, 1):                 -1, // a dimension is a string
		strings.Replace(good, `"M":2`, `"M":"2"`, 1):                 -1, // a target is a number
		strings.Replace(good, `"Timestamp":1,`, "", 1):               -1,
		strings.Replace(good, `"Count"`, `"Apples"`, 1):              -1,
		strings.Replace(good, `"N"`, `""`, 1):                        -1,
		strings.Replace(good, `"D":"d","M":2`, `"x":{}`, 1):          -1, // targets are members of the root
		strings.Replace(good, `[["D"]]`, `[["D"],[]]`, 1):            2,
		strings.Replace(good, `"Timestamp":1`, `"Timestamp":"a"`, 1): -1,
	} {
		got, err := embeddedMetrics(message)
		if (err != nil) != (want < 0) || err == nil && len(got) != want {
			t.Errorf("%s: %v, %v", message, got, err)
		}
	}
}

// TestFaultsEnd: a scripted fault hits so many calls and no more.
func TestFaultsEnd(t *testing.T) {
	api := logsAccount(func(o *APIOptions) {
		o.Faults = []APIFault{{Action: "logs:Put*", Mode: APIThrottle, Times: 2}, {Action: "logs:Put*", Mode: API5xx, Times: 1}}
	})
	var codes []int
	for range 5 {
		codes = append(codes, putEvents(t, api, "s", at(0, "m")).Code)
	}
	if want := []int{400, 400, 503, 200, 200}; !slices.Equal(codes, want) {
		t.Errorf("%v, want %v", codes, want)
	}
}
