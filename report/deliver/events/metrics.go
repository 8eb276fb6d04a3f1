package events

import (
	"cmp"

	"vpcdoctor/probe/fact"
	"vpcdoctor/report"
	"vpcdoctor/report/diagnose"
)

// Namespace of the metrics.
const Namespace = "VPCDoctor"

// RunService is the Service dimension of metrics of the run as a whole.
const RunService = "run"

// UnknownVPC is the VpcId dimension where the metadata service did not tell.
const UnknownVPC = "unknown"

// metrics are the members of the embedded metric format, which stand beside the
// keys of the event (CloudWatch User Guide, "Embedded metric format
// specification", read 2026-11). There is no dimension of the instance: one
// metric costs as much for a VPC of 10,000 instances as for one of 10.
type metrics struct {
	AWS           emf      `json:"_aws"`
	VPC           string   `json:"VpcId"`
	Name          string   `json:"Service"`
	Failed        *float64 `json:"Failed,omitempty"`
	DNSPrivate    *float64 `json:"DnsPrivate,omitempty"`
	ConnectMs     *float64 `json:"ConnectMs,omitempty"`
	TLSMs         *float64 `json:"TlsMs,omitempty"`
	ClockOffsetMs *float64 `json:"ClockOffsetMs,omitempty"`
	RunMs         *float64 `json:"RunMs,omitempty"`
}

type emf struct {
	Timestamp int64       `json:"Timestamp"` // ms
	Metrics   []directive `json:"CloudWatchMetrics"`
}

type directive struct {
	Namespace  string       `json:"Namespace"`
	Dimensions [][]string   `json:"Dimensions"`
	Metrics    []definition `json:"Metrics"`
}

type definition struct {
	Name string `json:"Name"`
	Unit string `json:"Unit"`
}

// Metric is one value for CloudWatch.
type Metric struct {
	VPC, Service string // dimensions VpcId and Service
	Name, Unit   string
	Value        float64
}

// Metrics are the values of a report, for PutMetricData: the same that its
// events carry.
func Metrics(r *report.Report) []Metric {
	w := writer{r: r, o: Options{Metrics: true}, common: commonOf(r, Options{})}
	var out []Metric
	add := func(m *metrics) {
		if m != nil {
			out = append(out, m.values()...)
		}
	}
	add(w.summary().metrics)
	for _, row := range r.Verdict.Rows {
		add(w.row(row).metrics)
	}
	return out
}

// measured tells whether a row has metrics. Of a run over every service of the
// Region only the required ones have: each name is a metric of its own, and is
// paid for.
func (w *writer) measured(r diagnose.Row) bool {
	return r.Required() || w.r.Facts == nil || !w.r.Facts.Run.All
}

func (w *writer) ofRun(e Summary) *metrics {
	m := w.newMetrics(RunService)
	m.ClockOffsetMs, m.RunMs = e.ClockOffsetMS, e.RunMS
	return m.defined()
}

func (w *writer) ofRow(e Check) *metrics {
	m := w.newMetrics(e.Service)
	if e.Status != string(diagnose.NotCheckedStatus) { // which is neither
		m.Failed = oneIf(e.Status == string(diagnose.Fail))
	}
	if e.Class != "" && e.Path == "direct" {
		m.DNSPrivate = oneIf(e.Class == string(fact.OwnVPC))
	}
	m.ConnectMs, m.TLSMs = e.ConnectMS, e.TLSMS
	return m.defined()
}

func (w *writer) newMetrics(service string) *metrics {
	return &metrics{
		VPC: cmp.Or(w.common.VPCID, UnknownVPC), Name: cmp.Or(service, "unnamed"),
		AWS: emf{Timestamp: w.o.Time.UnixMilli()},
	}
}

func oneIf(on bool) *float64 {
	v := 0.0
	if on {
		v = 1
	}
	return &v
}

// values are the metrics that have a value.
func (m *metrics) values() []Metric {
	var out []Metric
	for _, v := range []struct {
		name, unit string
		value      *float64
	}{
		{"Failed", "Count", m.Failed}, {"DnsPrivate", "Count", m.DNSPrivate},
		{"ConnectMs", "Milliseconds", m.ConnectMs}, {"TlsMs", "Milliseconds", m.TLSMs},
		{"ClockOffsetMs", "Milliseconds", m.ClockOffsetMs}, {"RunMs", "Milliseconds", m.RunMs},
	} {
		if v.value != nil {
			out = append(out, Metric{m.VPC, m.Name, v.name, v.unit, *v.value})
		}
	}
	return out
}

// defined declares the metrics that have a value; nil without any.
func (m *metrics) defined() *metrics {
	d := directive{Namespace: Namespace, Dimensions: [][]string{{"VpcId", "Service"}}}
	for _, v := range m.values() {
		d.Metrics = append(d.Metrics, definition{v.Name, v.Unit})
	}
	if len(d.Metrics) == 0 {
		return nil
	}
	m.AWS.Metrics = []directive{d}
	return m
}
