package probetest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Limits of CloudWatch Logs (API Reference, PutLogEvents, CreateLogStream and
// CreateLogGroup, and the quotas page, read 2026-11). They are written down here
// once more, so that the fake and the sender cannot share a mistake.
const (
	logsBatchBytes   = 1048576
	logsEventBytes   = 1048576 // of the message
	logsOverhead     = 26
	logsBatchEvents  = 10000
	logsSpan         = 24 * time.Hour
	logsOldest       = 14 * 24 * time.Hour
	logsNewest       = 2 * time.Hour
	logsNameLength   = 512
	logClassStandard = "STANDARD"
)

// APILogEvent is an event that CloudWatch Logs has accepted.
type APILogEvent struct {
	Group, Stream string
	Time          time.Time // its stamp
	Ingested      time.Time
	Message       string
}

// logStore is what the account's log groups hold.
type logStore struct {
	groups map[string]*logGroup
	events []APILogEvent
}

type logGroup struct {
	class     string
	retention time.Duration // 0: never expires
	streams   map[string]bool
}

func newLogStore(from map[string]APILogGroup) logStore {
	s := logStore{groups: map[string]*logGroup{}}
	for name, g := range from {
		held := &logGroup{class: g.Class, retention: time.Duration(g.RetentionDays) * 24 * time.Hour, streams: map[string]bool{}}
		if held.class == "" {
			held.class = logClassStandard
		}
		for _, stream := range g.Streams {
			held.streams[stream] = true
		}
		s.groups[name] = held
	}
	return s
}

// LogEvents are the events that were accepted so far, in the order of arrival.
func (a *API) LogEvents() []APILogEvent {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.logs.events)
}

// LogStreams are the streams of a group, sorted; ok is false when there is no
// such group.
func (a *API) LogStreams(group string) (names []string, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	g, ok := a.logs.groups[group]
	if !ok {
		return nil, false
	}
	for name := range g.streams {
		names = append(names, name)
	}
	slices.Sort(names)
	return names, true
}

// putLogEvents is the body of PutLogEvents.
type putLogEvents struct {
	LogGroupName, LogStreamName string
	LogEvents                   []struct {
		Timestamp int64
		Message   string
	}
}

func (c *call) putLogEvents() reply {
	var in putLogEvents
	if err := json.Unmarshal(c.body, &in); err != nil {
		return c.fail("SerializationException", err.Error())
	}
	if wrong := wrongBatch(in); wrong != "" {
		return c.fail("InvalidParameterException", wrong)
	}
	a := c.api
	a.mu.Lock()
	defer a.mu.Unlock()
	g, ok := a.logs.groups[in.LogGroupName]
	switch {
	case !ok:
		return c.fail("ResourceNotFoundException", "The specified log group does not exist.")
	case !g.streams[in.LogStreamName]:
		return c.fail("ResourceNotFoundException", "The specified log stream does not exist.")
	case g.class == "DELIVERY":
		return c.fail("InvalidOperationException", "PutLogEvents is not supported for log groups of this class.")
	}
	now := a.o.Now()
	tooOld, expired, tooNew := 0, 0, len(in.LogEvents)
	for i, e := range in.LogEvents {
		switch age := now.Sub(time.UnixMilli(e.Timestamp)); {
		case age > logsOldest:
			tooOld = i + 1
		case g.retention > 0 && age > g.retention:
			expired = i + 1
		case -age > logsNewest:
			tooNew = min(tooNew, i)
		}
	}
	rejected := object{}
	if tooOld > 0 {
		rejected["tooOldLogEventEndIndex"] = tooOld
	}
	if expired > 0 {
		rejected["expiredLogEventEndIndex"] = expired
	}
	if tooNew < len(in.LogEvents) {
		rejected["tooNewLogEventStartIndex"] = tooNew
	}
	c.log.Delivered = &APIDelivery{To: in.LogGroupName + ":" + in.LogStreamName, Events: len(in.LogEvents)}
	for _, e := range in.LogEvents[min(max(tooOld, expired), tooNew):tooNew] {
		stamp := time.UnixMilli(e.Timestamp).UTC()
		a.logs.events = append(a.logs.events, APILogEvent{in.LogGroupName, in.LogStreamName, stamp, now.UTC(), e.Message})
		c.log.Delivered.Messages = append(c.log.Delivered.Messages, e.Message)
		if g.class == logClassStandard {
			a.embedded(e.Message)
		}
	}
	c.log.Delivered.Accepted = len(c.log.Delivered.Messages)
	out := object{"nextSequenceToken": "49590302514361528372946350537832000000000000000000000000"}
	if len(rejected) > 0 {
		out["rejectedLogEventsInfo"] = rejected
	}
	return jsonReply(out)
}

// wrongBatch is what is wrong with a batch, whoever sends it.
func wrongBatch(in putLogEvents) string {
	n := len(in.LogEvents)
	if n < 1 || n > logsBatchEvents {
		return fmt.Sprintf("1 validation error detected: Value at 'logEvents' failed to satisfy constraint: Member must have length between 1 and %d", logsBatchEvents)
	}
	bytes := 0
	for i, e := range in.LogEvents {
		switch {
		case e.Message == "":
			return "1 validation error detected: Value '' at 'logEvents.member.message' failed to satisfy constraint: Member must have length greater than or equal to 1"
		case len(e.Message) > logsEventBytes:
			return fmt.Sprintf("Log event too large: %d bytes exceeds limit of %d", len(e.Message), logsEventBytes)
		case e.Timestamp < 0:
			return "1 validation error detected: Value at 'logEvents.member.timestamp' failed to satisfy constraint: Member must have value greater than or equal to 0"
		case i > 0 && e.Timestamp < in.LogEvents[i-1].Timestamp:
			return "Log events in a single PutLogEvents request must be in chronological order."
		}
		bytes += len(e.Message) + logsOverhead
	}
	switch {
	case bytes > logsBatchBytes:
		return fmt.Sprintf("Upload too large: %d bytes exceeds limit of %d", bytes, logsBatchBytes)
	case time.Duration(in.LogEvents[n-1].Timestamp-in.LogEvents[0].Timestamp)*time.Millisecond > logsSpan:
		return "The batch of log events in a single PutLogEvents request cannot span more than 24 hours."
	}
	return ""
}

func (c *call) createLogStream() reply {
	group, stream := c.field("logGroupName"), c.field("logStreamName")
	if stream == "" || len(stream) > logsNameLength || strings.ContainsAny(stream, ":*") {
		return c.fail("InvalidParameterException", "1 validation error detected: Value at 'logStreamName' failed to satisfy constraint: Member must satisfy regular expression pattern: [^:*]*")
	}
	c.api.mu.Lock()
	defer c.api.mu.Unlock()
	g, ok := c.api.logs.groups[group]
	switch {
	case !ok:
		return c.fail("ResourceNotFoundException", "The specified log group does not exist.")
	case g.streams[stream]:
		return c.fail("ResourceAlreadyExistsException", "The specified log stream already exists")
	}
	g.streams[stream] = true
	return jsonReply(object{})
}

func (c *call) createLogGroup() reply {
	const allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-/.#"
	group := c.field("logGroupName")
	if group == "" || len(group) > logsNameLength || strings.HasPrefix(group, "aws/") || strings.Trim(group, allowed) != "" {
		return c.fail("InvalidParameterException", `1 validation error detected: Value at 'logGroupName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\.\-_/#A-Za-z0-9]+`)
	}
	c.api.mu.Lock()
	defer c.api.mu.Unlock()
	if c.api.logs.groups[group] != nil {
		return c.fail("ResourceAlreadyExistsException", "The specified log group already exists")
	}
	c.api.logs.groups[group] = &logGroup{class: logClassStandard, streams: map[string]bool{}}
	return jsonReply(object{})
}
