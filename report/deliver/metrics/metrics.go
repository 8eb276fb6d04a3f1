// Package metrics takes the metrics of a run to CloudWatch by PutMetricData, for
// those who can reach monitoring and keep no log events (--metrics put). What is
// sent is what the events of report/deliver/events carry.
//
// In go parcels; out come values of the namespace VPCDoctor, stamped with the
// time of the run, at most 1,000 in one call (CloudWatch API Reference,
// PutMetricData, read 2026-11). A metric that did not arrive is not kept: the
// report is, by the other sinks.
package metrics

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"time"

	"vpcdoctor/report"
	"vpcdoctor/report/deliver"
	"vpcdoctor/report/deliver/awscall"
	"vpcdoctor/report/deliver/events"
)

// most is how many values one call may have.
const most = 1000

// Sink puts metrics.
type Sink struct{ call awscall.Caller }

// New returns the sink.
func New(c awscall.Caller) (*Sink, error) {
	if c.Place.Region == "" {
		return nil, errors.New("the Region for metrics is not known: give --region")
	}
	return &Sink{c}, nil
}

// Name is how outcomes call it.
func (s *Sink) Name() string { return "metrics" }

// Keeps tells that a value which did not arrive is lost.
func (s *Sink) Keeps() bool { return false }

// Deliver sends the values of the run at hand.
func (s *Sink) Deliver(ctx context.Context, parcels []deliver.Parcel, settle deliver.Settle) (string, error) {
	where := "namespace " + events.Namespace + " in " + s.call.Place.Region
	return deliver.Latest(parcels, settle, func(p deliver.Parcel, r *report.Report) (string, error) {
		at := p.Time
		if now := s.call.Clock.Now(); at.After(now) {
			at = now
		}
		for values := events.Metrics(r); len(values) > 0; values = values[min(most, len(values)):] {
			err := s.call.Do(ctx, awscall.QueryCall("monitoring", form(values[:min(most, len(values))], at)))
			if err != nil {
				return where, awscall.Explain("cloudwatch:PutMetricData", "namespace "+events.Namespace, err)
			}
		}
		return where, nil
	})
}

// form is the body of PutMetricData in the query protocol, which CloudWatch
// speaks in every partition.
func form(values []events.Metric, at time.Time) url.Values {
	f := url.Values{"Action": {"PutMetricData"}, "Version": {"2010-08-01"}, "Namespace": {events.Namespace}}
	stamp := at.UTC().Format(time.RFC3339)
	for i, m := range values {
		p := "MetricData.member." + strconv.Itoa(i+1) + "."
		f.Set(p+"MetricName", m.Name)
		f.Set(p+"Unit", m.Unit)
		f.Set(p+"Value", strconv.FormatFloat(m.Value, 'f', -1, 64))
		f.Set(p+"Timestamp", stamp)
		for j, d := range [][2]string{{"VpcId", m.VPC}, {"Service", m.Service}} {
			f.Set(p+"Dimensions.member."+strconv.Itoa(j+1)+".Name", d[0])
			f.Set(p+"Dimensions.member."+strconv.Itoa(j+1)+".Value", d[1])
		}
	}
	return f
}

var _ deliver.Sink = (*Sink)(nil)
