package agentlog

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
	"time"

	"vpcdoctor/probe/fact"
)

const (
	// messageLimit is how much of a message of one or several lines is looked
	// at: the reason stands in the first few hundred bytes.
	messageLimit = 4 << 10
	// eventLimit and timesLimit are what fact.AgentLog promises.
	eventLimit = 64
	timesLimit = 8
)

// collection puts the messages of all sources together. A start of the agent
// makes everything before it history.
type collection struct {
	source string
	before time.Time // zero, or only what is older counts, and as history

	open    bool // a message is being put together
	current line
	text    []byte

	start, last time.Time
	starts      int
	version     string
	node        string // that the lines since the start name
	lines       int
	header      bool // the start's first line was seen, its version was not
	worker      bool // the worker was started since the start

	now, past map[kind]*tally
}

// kind is what the lines of one event have in common.
type kind struct {
	source string
	stem   fact.LogStem
	reason fact.LogReason
}

// tally is an event that still grows. What its last line says is read out at
// the end, once.
type tally struct {
	fact.LogEvent
	stem *stem
	text []byte // of its last line
}

func newCollection() *collection {
	return &collection{now: map[kind]*tally{}, past: map[kind]*tally{}}
}

// enter begins another source. With a time only what is older counts.
func (c *collection) enter(source string, before time.Time) { c.source, c.before = source, before }

// begin takes the first line of a message.
func (c *collection) begin(l line) {
	c.flush()
	c.open = true
	c.text = append(c.text[:0], l.message[:min(len(l.message), messageLimit)]...)
	c.current = line{time: l.time, level: l.level}
	if c.source != mainLog && c.source != journal {
		return
	}
	c.last = later(c.last, l.time)
	c.lines++
}

// more takes another line of the message.
func (c *collection) more(text []byte) {
	if !c.open || len(text) == 0 {
		return
	}
	if room := messageLimit - len(c.text) - 1; room > 0 {
		c.text = append(append(c.text, '\n'), text[:min(len(text), room)]...)
	}
}

// flush ends the message that is being put together.
func (c *collection) flush() {
	if !c.open {
		return
	}
	c.open = false
	t := c.current.time
	if !c.before.IsZero() && !t.Before(c.before) {
		return
	}
	tags, body := cutTags(c.text)
	if c.source == mainLog || c.source == journal {
		c.process(body, t)
		if n := nodeOf(c.text); n != "" {
			c.node = n
		}
	}
	s, why := find(tags, body, c.current.level)
	if s == nil || !c.counts(s, body) {
		return
	}
	k := kind{c.source, s.stem, why}
	e, ok := c.now[k]
	if !ok {
		e = &tally{LogEvent: fact.LogEvent{Stem: s.stem, Reason: why, Source: c.source, First: t, Last: t}}
		c.now[k] = e
	}
	e.stem, e.Level = s, c.current.level
	e.text = append(e.text[:0], c.text...)
	e.add(1, t, t, t)
}

// add counts lines. Two processes write into one file, so lines of the same
// moment may change places.
func (e *tally) add(count int, first, last time.Time, times ...time.Time) {
	e.Count += count
	e.First, e.Last = earlier(e.First, first), later(e.Last, last)
	e.Times = append(e.Times, times...)
	if n := len(e.Times) - timesLimit; n > 0 {
		e.Times = slices.Delete(e.Times, 0, n)
	}
}

// process follows the agent's processes: its starts and its version.
func (c *collection) process(body []byte, t time.Time) {
	switch v, ok := startVersion(body); {
	case string(body) == proxyHeader:
		c.restart(t)
		c.header = true
	case ok && c.header: // the same start
		c.header = false
		c.version = v
	case ok:
		c.restart(t)
		c.version = v
	}
}

// restart makes everything until now history.
func (c *collection) restart(t time.Time) {
	for k, e := range c.now {
		if e.Source != c.source {
			continue
		}
		delete(c.now, k)
		if old, ok := c.past[k]; ok {
			e.add(old.Count, old.First, old.Last)
			e.Times = append(old.Times, e.Times...)
			e.add(0, e.First, e.Last)
		}
		c.past[k] = e
	}
	c.start, c.version, c.node, c.lines = t, "", "", 1
	c.starts++
	c.header, c.worker = false, false
}

// proxyHeader is the first line of an agent's process since 3.0, written
// before it has an identity; an agent that cannot get one never writes its
// version.
const proxyHeader = "Proxy environment variables:"

// startVersion reads "amazon-ssm-agent - v3.3.987.0", and the line of 2.x.
func startVersion(body []byte) (string, bool) {
	body = bytes.TrimPrefix(body, []byte("Starting Agent: "))
	v, ok := bytes.CutPrefix(body, []byte("amazon-ssm-agent - v"))
	if !ok || len(v) > 32 || len(bytes.Trim(v, "0123456789.")) > 0 {
		return "", false
	}
	return string(v), true
}

// counts tells whether a line that has a stem is an event.
func (c *collection) counts(s *stem, body []byte) bool {
	switch s.stem {
	case fact.LogProxyVariables:
		return len(bytes.TrimSpace(body[len(s.text):])) > 0
	case fact.LogWorkerStart:
		c.worker = true
	case fact.LogWorkerExit:
		// The agent says "is not running" before the worker's first start too.
		return c.worker || s.errors
	}
	return true
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// events are the events of all sources, what matters now before history where
// there are too many. node is our own, when it is known.
func (c *collection) events(node string) []fact.LogEvent {
	var out []fact.LogEvent
	since := map[string]bool{}
	for _, e := range c.now {
		describe(&e.LogEvent, e.stem, string(e.text))
		e.Old = c.history(&e.LogEvent, node)
		since[e.Key()] = since[e.Key()] || !e.Old
		out = append(out, e.LogEvent)
	}
	for _, e := range c.past {
		describe(&e.LogEvent, e.stem, string(e.text))
		e.Old = true
		out = append(out, e.LogEvent)
	}
	out = slices.DeleteFunc(out, func(e fact.LogEvent) bool { return e.Old && since[e.Key()] })
	if len(out) > eventLimit {
		slices.SortStableFunc(out, func(a, b fact.LogEvent) int {
			if a.Old != b.Old {
				if a.Old {
					return 1
				}
				return -1
			}
			return cmp.Or(b.Last.Compare(a.Last), strings.Compare(a.Key(), b.Key()))
		})
		out = out[:eventLimit]
	}
	sortByTime(out)
	return out
}

// history tells whether an event since the last start line is history
// nevertheless: of another instance, or from errors.log, which has no start
// lines, and older than the start or than everything else that we know.
func (c *collection) history(e *fact.LogEvent, node string) bool {
	named := cmp.Or(e.Node, c.node)
	switch {
	case otherInstance(named, node):
		return true
	case e.Source == errorLog:
		return c.start.IsZero() || e.Last.Before(c.start)
	case e.Source == sleepLog:
		return !c.start.IsZero() && e.Last.Before(c.start)
	}
	return false
}

// otherInstance tells two EC2 instances apart. A hybrid activation's mi- on
// this very instance is no other instance.
func otherInstance(named, ours string) bool {
	return named != ours && strings.HasPrefix(named, "i-") && strings.HasPrefix(ours, "i-")
}

// cutTags takes "[amazon-ssm-agent] [Registrar] " and the like off the front of
// a message, and the name that one part of the agent puts there without
// brackets.
func cutTags(m []byte) (tags, body []byte) {
	body = m
	for len(body) > 0 && body[0] == '[' {
		_, rest, ok := bytes.Cut(body, []byte("] "))
		if !ok {
			break
		}
		body = rest
	}
	tags = m[:len(m)-len(body)]
	return tags, bytes.TrimSpace(bytes.TrimPrefix(body, []byte("EC2RoleProvider ")))
}
