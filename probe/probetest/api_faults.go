package probetest

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// APIMode is how a call fails that would have worked.
type APIMode string

// Modes.
const (
	APIThrottle  APIMode = "throttle"  // ThrottlingException
	API5xx       APIMode = "5xx"       // 503 of the front end
	APITruncated APIMode = "truncated" // the call is carried out, its answer is cut off
	APIEndless   APIMode = "endless"   // an answer that never ends
	APISilent    APIMode = "silent"    // the request is read and never answered
	APIReset     APIMode = "reset"     // the connection is reset instead of an answer
	APIPage      APIMode = "page"      // 200 and a web page, of something that is not AWS
	APIEmpty     APIMode = "empty"     // 200 without a request id or a body, of something that is not AWS
)

// APIFault is a script for calls of one kind.
type APIFault struct {
	Action string // "logs:PutLogEvents", "logs:*"
	Mode   APIMode
	Times  int // how many calls fail so; 0: all
}

// faulty is the mode in which a call is to fail; empty: none. It counts.
func (a *API) faulty(action string) APIMode {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := range a.faults {
		f := &a.faults[i]
		if f.Times < 0 || !wildcardMatch(f.Action, action) {
			continue
		}
		if f.Times > 0 {
			if f.Times--; f.Times == 0 {
				f.Times = -1 // spent
			}
		}
		return f.Mode
	}
	return ""
}

// overQuota counts a call against its quota, a bucket that holds as many tokens
// as come in a second (API Gateway and EC2 document theirs so; the Logs quotas
// page gives rates only, read 2026-11).
func (a *API) overQuota(action string) bool {
	rate, ok := a.o.Quotas[action]
	if !ok {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	b, known := a.buckets[action]
	now := a.o.Now()
	if !known {
		b = &quotaBucket{tokens: rate, at: now}
		a.buckets[action] = b
	}
	b.tokens = min(rate, b.tokens+rate*now.Sub(b.at).Seconds())
	b.at = now
	if b.tokens < 1 {
		return true
	}
	b.tokens--
	return false
}

type quotaBucket struct {
	tokens float64
	at     time.Time
}

// misanswer answers a call in the manner of a fault. out is the answer that it
// would have had.
func (c *call) misanswer(w http.ResponseWriter, mode APIMode, out reply) {
	switch mode {
	case API5xx:
		raw(w, "x-amzn-RequestId", c.api.ids.next())
		answer(w, http.StatusServiceUnavailable, "text/plain", "Service Unavailable")
	case APIPage:
		answer(w, http.StatusOK, "text/html", "<html><body>Your connection is inspected.</body></html>")
	case APIEmpty:
		w.WriteHeader(http.StatusOK)
	case APITruncated:
		w.Header().Set("Content-Length", strconv.Itoa(len(out.body)+100))
		c.write(w, out)
		panic(http.ErrAbortHandler) // closes the connection
	case APIEndless:
		raw(w, "x-amzn-RequestId", c.api.ids.next())
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.WriteHeader(http.StatusOK)
		for line := []byte(strings.Repeat(" ", 1024)); c.r.Context().Err() == nil; {
			if _, err := w.Write(line); err != nil {
				return
			}
		}
	case APISilent:
		<-c.r.Context().Done()
	case APIReset:
		panic(http.ErrAbortHandler)
	}
}
