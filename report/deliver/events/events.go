package events

import (
	"bytes"
	"encoding/json"
	"iter"
	"math"
	"slices"
	"strings"
	"time"

	"vpcdoctor/probe/classify"
	"vpcdoctor/report"
	"vpcdoctor/report/diagnose"
)

// Schema is the version of the events. It rises when a query written for the
// older form would misread the newer one.
const Schema = 1

// Bounds of values. With them the largest event has about 60 kB, far below the
// 1,048,550 bytes that CloudWatch Logs takes.
const (
	maxName = 256  // names and ids; a dimension's value may have 1,024
	maxText = 2048 // sentences
)

// Options is what is not in the report.
type Options struct {
	Time    time.Time // of the run, corrected where the clock of the instance was wrong
	Metrics bool      // add the members of the embedded metric format
}

// Common stands at the beginning of every event.
type Common struct {
	Schema     int    `json:"schema"`
	Kind       string `json:"kind"` // summary | check
	RunID      string `json:"run_id"`
	Seq        int    `json:"seq"`    // from 0
	Events     int    `json:"events"` // of the whole run
	Time       string `json:"time"`   // RFC 3339, the same for the whole run
	InstanceID string `json:"instance_id,omitempty"`
	AccountID  string `json:"account_id,omitempty"`
	Region     string `json:"region,omitempty"`
	AZ         string `json:"az,omitempty"`
	VPCID      string `json:"vpc_id,omitempty"`
	SubnetID   string `json:"subnet_id,omitempty"`
	Version    string `json:"version,omitempty"` // of vpcdoctor
}

// Summary is the first event of a run.
type Summary struct {
	Common
	Status        string   `json:"status"`             // healthy | degraded | broken | inconclusive
	Code          string   `json:"code,omitempty"`     // of the leading cause
	Severity      string   `json:"severity,omitempty"` // of the leading cause
	Confidence    string   `json:"confidence,omitempty"`
	Headline      string   `json:"headline,omitempty"`
	Action        string   `json:"action,omitempty"`
	Codes         string   `json:"codes,omitempty"` // of all errors and warnings that count: "SG-02,DN-05"
	Errors        int      `json:"errors"`
	Warnings      int      `json:"warnings"`
	NotChecked    int      `json:"not_checked"`
	How           string   `json:"how,omitempty"`
	RunMS         *float64 `json:"run_ms,omitempty"`
	ClockOffsetMS *float64 `json:"clock_offset_ms,omitempty"` // our clock minus the world's
	Interrupted   bool     `json:"interrupted,omitempty"`
	Truncated     string   `json:"truncated,omitempty"` // keys whose values were cut
	*metrics
}

// Check is the event of one endpoint, or of one further check.
type Check struct {
	Common
	Service   string   `json:"service"` // id of the endpoint, or what was checked
	Host      string   `json:"host,omitempty"`
	Need      string   `json:"need,omitempty"`  // required | one_of | recommended | optional
	Path      string   `json:"path,omitempty"`  // direct | proxy
	Status    string   `json:"status"`          // pass | fail | not_checked
	Class     string   `json:"class,omitempty"` // of the addresses: own_vpc, public_aws, ...
	Way       string   `json:"way,omitempty"`
	DNS       string   `json:"dns,omitempty"` // the words of the table: "2/2", "timeout"
	TCP       string   `json:"tcp,omitempty"`
	TLS       string   `json:"tls,omitempty"`
	AWS       string   `json:"aws,omitempty"`
	DNSMS     *float64 `json:"dns_ms,omitempty"` // of the slowest attempt that passed
	ConnectMS *float64 `json:"connect_ms,omitempty"`
	TLSMS     *float64 `json:"tls_ms,omitempty"`
	Code      string   `json:"code,omitempty"`   // of the cause that is about it
	Detail    string   `json:"detail,omitempty"` // why, of a further check
	Truncated string   `json:"truncated,omitempty"`
	*metrics
}

// Of is the events of a report, each as JSON on one line, without a newline at
// its end. The bytes are the receiver's.
func Of(r *report.Report, o Options) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		w := writer{r: r, o: o, common: commonOf(r, o)}
		if !yield(line(w.summary())) {
			return
		}
		for _, row := range r.Verdict.Rows {
			if !yield(line(w.row(row))) {
				return
			}
		}
		for _, item := range r.Verdict.Checks {
			if !yield(line(w.item(item))) {
				return
			}
		}
	}
}

func commonOf(r *report.Report, o Options) Common {
	c := r.Context
	var none cutter // ids that are too long are no ids; nobody misses their ends
	return Common{
		Schema: Schema, RunID: none.name("", c.RunID), Events: 1 + len(r.Verdict.Rows) + len(r.Verdict.Checks),
		Time:       o.Time.UTC().Format("2006-01-02T15:04:05.000Z07:00"),
		InstanceID: none.name("", c.InstanceID), AccountID: none.name("", c.AccountID), Region: none.name("", c.Region),
		AZ: none.name("", c.AZ), VPCID: none.name("", c.VPCID), SubnetID: none.name("", c.SubnetID),
		Version: none.name("", r.Tool.Version),
	}
}

// writer writes the events of one report.
type writer struct {
	r      *report.Report
	o      Options
	common Common
	next   int
}

// head is what the next event begins with.
func (w *writer) head(kind string) Common {
	c := w.common
	c.Kind, c.Seq = kind, w.next
	w.next++
	return c
}

func (w *writer) summary() Summary {
	var cut cutter
	v := w.r.Verdict
	e := Summary{Common: w.head("summary"), Status: cut.name("status", string(v.Status)), NotChecked: len(v.NotChecked), Interrupted: w.r.Context.Interrupted}
	if lead, ok := v.Lead(); ok {
		e.Code, e.Severity, e.Confidence = cut.name("code", string(lead.Code)), cut.name("severity", string(lead.Severity)), cut.name("confidence", string(lead.Confidence))
		e.Action = cut.text("action", lead.Action.Do)
	}
	e.Headline, e.How = cut.text("headline", v.Headline), cut.name("how", w.r.Context.How)
	var codes []string
	for _, f := range v.Counting() {
		switch f.Severity {
		case diagnose.SevError:
			e.Errors++
		case diagnose.SevWarning:
			e.Warnings++
		default:
			continue
		}
		if code := string(f.Code); !slices.Contains(codes, code) {
			codes = append(codes, code)
		}
	}
	e.Codes = cut.text("codes", strings.Join(codes, ","))
	if s := w.r.Facts; s != nil {
		if !s.End.IsZero() {
			e.RunMS = number(s.End.Sub(s.Start))
		}
		if off, ok := s.ClockOffset(); ok {
			e.ClockOffsetMS = number(off.By)
		}
	}
	e.Truncated = cut.keys()
	if w.o.Metrics {
		e.metrics = w.ofRun(e)
	}
	return e
}

func (w *writer) row(r diagnose.Row) Check {
	var cut cutter
	e := Check{
		Common:  w.head("check"),
		Service: cut.name("service", r.ID), Host: cut.name("host", r.Host), Need: cut.name("need", r.Need), Path: cut.name("path", r.Path),
		Status: cut.name("status", string(r.Status)), Class: cut.name("class", r.Class), Way: cut.name("way", r.Way),
		DNS: cut.name("dns", r.DNS.Word), TCP: cut.name("tcp", r.TCP.Word), TLS: cut.name("tls", r.TLS.Word), AWS: cut.name("aws", r.AWS.Word),
		DNSMS: milliseconds(r.DNS), ConnectMS: milliseconds(r.TCP), TLSMS: milliseconds(r.TLS),
		Code: cut.name("code", w.cause(r.Status, r.Key, r.Host)),
	}
	e.Truncated = cut.keys()
	if w.o.Metrics && w.measured(r) {
		e.metrics = w.ofRow(e)
	}
	return e
}

func (w *writer) item(i diagnose.Item) Check {
	var cut cutter
	e := Check{
		Common:  w.head("check"),
		Service: cut.name("service", i.What), Status: cut.name("status", string(i.Status)), Detail: cut.text("detail", i.Why),
		Code: cut.name("code", w.cause(i.Status, i.Key)),
	}
	e.Truncated = cut.keys()
	return e
}

// cause is the code of the first cause that is about one of these subjects. A
// check that passed has none.
func (w *writer) cause(s diagnose.CheckStatus, subjects ...string) string {
	if s == diagnose.Pass {
		return ""
	}
	for _, f := range w.r.Verdict.Causes {
		if f.Accepted {
			continue
		}
		for _, s := range subjects {
			if s != "" && slices.Contains(f.Subjects, s) {
				return string(f.Code)
			}
		}
	}
	return ""
}

// milliseconds is the time of a check that passed somewhere, or nil.
func milliseconds(c diagnose.Check) *float64 {
	if !(c.MS > 0 && c.MS < 1e9) { // not a number, too, when the facts are made up
		return nil
	}
	return rounded(c.MS)
}

func number(d time.Duration) *float64 { return rounded(float64(d) / 1e6) }

// rounded is to the microsecond: more is noise, and is paid for.
func rounded(ms float64) *float64 {
	ms = math.Round(ms*1000) / 1000
	return &ms
}

// line is the JSON of an event. <, > and & stay as they are: they are not for
// a browser.
func line(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(err) // strings, finite numbers and booleans always marshal
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}

// cutter bounds the values of one event and remembers which it had to cut.
type cutter struct{ cut []string }

func (c *cutter) name(key, s string) string { return c.bound(key, s, maxName) }
func (c *cutter) text(key, s string) string { return c.bound(key, s, maxText) }

func (c *cutter) bound(key, s string, limit int) string {
	if len(s) > limit {
		c.cut = append(c.cut, key)
	}
	return classify.Clean(s, limit)
}

func (c *cutter) keys() string { return strings.Join(c.cut, ",") }
