package probetest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// APIMetric is a value that CloudWatch has taken, by PutMetricData or out of a
// log event.
type APIMetric struct {
	Namespace, Name, Unit string
	Dimensions            map[string]string
	Value                 float64
	Time                  time.Time
	Embedded              bool // came in a log event
}

// Metrics are the values so far, in the order of arrival, and what was wrong
// with log events that were meant to hold some.
func (a *API) Metrics() (values []APIMetric, wrong []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.metrics), slices.Clone(a.wrongMetrics)
}

// Limits of metrics (CloudWatch User Guide, "Embedded metric format
// specification"; API Reference, PutMetricData and MetricDatum, read 2026-11).
const (
	metricDimensions = 30
	metricNames      = 100
	metricsPerCall   = 1000
	metricNameLength = 255
	dimensionLength  = 1024
)

var metricUnits = []string{"Seconds", "Milliseconds", "Microseconds", "Bytes", "Kilobytes", "Count", "Percent", "None", ""}

// embedded takes the metrics out of a log event. The caller holds a.mu.
func (a *API) embedded(message string) {
	values, err := embeddedMetrics(message)
	if err != nil {
		a.wrongMetrics = append(a.wrongMetrics, err.Error())
		return
	}
	a.metrics = append(a.metrics, values...)
}

// embeddedMetrics reads a log event in the embedded metric format. An event
// without the member _aws has none.
func embeddedMetrics(message string) ([]APIMetric, error) {
	var root map[string]any
	_ = json.Unmarshal([]byte(message), &root) // what is no object is no error either: a line of text
	if root["_aws"] == nil {
		return nil, nil
	}
	var meta struct {
		AWS struct {
			Timestamp         *int64
			CloudWatchMetrics []struct {
				Namespace  string
				Dimensions [][]string
				Metrics    []struct{ Name, Unit string }
			}
		} `json:"_aws"`
	}
	if err := json.Unmarshal([]byte(message), &meta); err != nil || meta.AWS.Timestamp == nil {
		return nil, fmt.Errorf("the member _aws has not the form of the specification: %.200s", message)
	}
	var out []APIMetric
	for _, d := range meta.AWS.CloudWatchMetrics {
		if d.Namespace == "" || len(d.Dimensions) == 0 || len(d.Metrics) > metricNames {
			return nil, fmt.Errorf("a directive without namespace or dimensions, or with too many metrics: %.200s", message)
		}
		for _, set := range d.Dimensions {
			dims := map[string]string{}
			for _, name := range set {
				v, ok := root[name].(string)
				if !ok || v == "" || len(v) > dimensionLength {
					return nil, fmt.Errorf("dimension %s is no string of 1 to 1024 characters: %.200s", name, message)
				}
				dims[name] = v
			}
			if len(dims) > metricDimensions {
				return nil, fmt.Errorf("%d dimensions", len(dims))
			}
			for _, m := range d.Metrics {
				v, ok := root[m.Name].(float64)
				if !ok || !slices.Contains(metricUnits, m.Unit) {
					return nil, fmt.Errorf("metric %s (%s) has no number or no known unit: %.200s", m.Name, m.Unit, message)
				}
				out = append(out, APIMetric{d.Namespace, m.Name, m.Unit, dims, v, time.UnixMilli(*meta.AWS.Timestamp).UTC(), true})
			}
		}
	}
	return out, nil
}

// putMetricData reads the query protocol's flattened lists.
func (c *call) putMetricData() reply {
	form, err := url.ParseQuery(string(c.body))
	namespace := form.Get("Namespace")
	if err != nil || namespace == "" || strings.HasPrefix(namespace, "AWS/") {
		return c.fail("InvalidParameterValue", "The value for parameter Namespace is invalid.")
	}
	var taken []APIMetric
	for i := 1; ; i++ {
		at := "MetricData.member." + strconv.Itoa(i) + "."
		if !form.Has(at + "MetricName") {
			break
		}
		m := APIMetric{Namespace: namespace, Name: form.Get(at + "MetricName"), Unit: form.Get(at + "Unit"), Dimensions: map[string]string{}, Time: c.api.o.Now()}
		for j := 1; form.Has(at + "Dimensions.member." + strconv.Itoa(j) + ".Name"); j++ {
			dim := at + "Dimensions.member." + strconv.Itoa(j) + "."
			m.Dimensions[form.Get(dim+"Name")] = form.Get(dim + "Value")
		}
		if m.Value, err = strconv.ParseFloat(form.Get(at+"Value"), 64); err != nil || m.Name == "" || len(m.Name) > metricNameLength || !slices.Contains(metricUnits, m.Unit) {
			return c.fail("InvalidParameterValue", "The value for parameter "+at+"Value is invalid.")
		}
		for name, v := range m.Dimensions {
			if name == "" || v == "" || len(v) > dimensionLength {
				return c.fail("InvalidParameterValue", "The value for parameter "+at+"Dimensions is invalid.")
			}
		}
		if stamp := form.Get(at + "Timestamp"); stamp != "" {
			if m.Time, err = time.Parse(time.RFC3339, stamp); err != nil {
				return c.fail("InvalidParameterValue", "The value for parameter "+at+"Timestamp is invalid.")
			}
		}
		if age := c.api.o.Now().Sub(m.Time); age > logsOldest || age < -logsNewest {
			return c.fail("InvalidParameterValue", "The parameter "+at+"Timestamp must specify a time no more than two weeks in the past or two hours in the future.")
		}
		taken = append(taken, m)
	}
	if len(taken) == 0 || len(taken) > metricsPerCall {
		return c.fail("InvalidParameterValue", "The collection MetricData must have a size from 1 to 1000.")
	}
	c.api.mu.Lock()
	defer c.api.mu.Unlock()
	c.api.metrics = append(c.api.metrics, taken...)
	c.log.Delivered = &APIDelivery{To: namespace, Events: len(taken), Accepted: len(taken)}
	return reply{status: http.StatusOK, kind: "text/xml", body: `<PutMetricDataResponse xmlns="http://monitoring.amazonaws.com/doc/2010-08-01/"><ResponseMetadata><RequestId>` +
		requestID(0) + `</RequestId></ResponseMetadata></PutMetricDataResponse>`}
}
