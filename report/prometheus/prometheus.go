// Package prometheus says a report in Prometheus's text format, for the
// textfile collector of node_exporter (exposition format 0.0.4, read 2026-11).
//
// In goes a report, out come gauges. Names and labels are stable. No series is
// written twice, because the collector drops the whole file for that; nothing
// has a time stamp, because it refuses those. What was not checked has
// vpcdoctor_endpoint_checked 0 and no vpcdoctor_endpoint_up: it is neither up
// nor down. Account ids, addresses and roles are in no label. The package is
// pure.
package prometheus

import (
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"vpcdoctor/probe/fact"
	"vpcdoctor/report"
	"vpcdoctor/report/diagnose"
)

// Bounds of a file that somebody else may have written.
const (
	maxRows  = 2000
	maxLabel = 256
)

// Write writes all metrics.
func Write(w io.Writer, r *report.Report) error {
	p := page{}
	about(&p, r)
	findings(&p, r.Verdict)
	endpoints(&p, r.Verdict.Rows)
	_, err := io.WriteString(w, p.b.String())
	return err
}

func about(p *page, r *report.Report) {
	c := r.Context
	p.gauge("vpcdoctor_info", "Always 1; its labels say where and by what the report was made.")
	p.add(1, "version", r.Tool.Version, "instance_id", c.InstanceID, "region", c.Region, "az", c.AZ, "vpc_id", c.VPCID, "subnet_id", c.SubnetID)
	if !c.Time.IsZero() {
		p.gauge("vpcdoctor_run_timestamp_seconds", "Start of the run in seconds since 1970, by the clock of the instance.")
		p.add(float64(c.Time.UnixMilli()) / 1000)
	}
	if t, ok := r.Took(); ok {
		p.gauge("vpcdoctor_run_duration_seconds", "How long the run took.")
		p.add(t.Seconds())
	}
	if f := r.Facts; f != nil {
		if o, ok := f.ClockOffset(); ok {
			p.gauge("vpcdoctor_clock_offset_seconds", "Clock of the instance minus that of the world.")
			p.add(o.By.Seconds())
		}
	}
	p.gauge("vpcdoctor_interrupted", "1 when a signal ended the run: its verdict does not count.")
	p.add(one(c.Interrupted))
	p.gauge("vpcdoctor_status", "The verdict: 1 for the status that it has.")
	for _, s := range []diagnose.Status{diagnose.Healthy, diagnose.Degraded, diagnose.Broken, diagnose.Inconclusive} {
		p.add(one(r.Verdict.Status == s), "status", string(s))
	}
}

func findings(p *page, v diagnose.Verdict) {
	type series struct{ code, severity, confidence string }
	n := map[series]int{}
	var order []series
	by := map[diagnose.Severity]int{}
	for _, c := range v.Causes {
		if c.Accepted {
			continue
		}
		by[c.Severity]++
		s := series{clean(string(c.Code)), clean(string(c.Severity)), clean(string(c.Confidence))}
		if n[s]++; n[s] == 1 {
			order = append(order, s)
		}
	}
	p.gauge("vpcdoctor_findings", "Findings of a severity, accepted ones not counted.")
	for _, s := range []diagnose.Severity{diagnose.SevError, diagnose.SevWarning, diagnose.SevInfo} {
		p.add(float64(by[s]), "severity", string(s))
	}
	p.gauge("vpcdoctor_finding", "Findings with this code, accepted ones not counted.")
	for _, s := range order[:min(len(order), maxRows)] {
		p.add(float64(n[s]), "code", s.code, "severity", s.severity, "confidence", s.confidence)
	}
	unseen := 0
	for _, x := range v.NotChecked {
		if x.Required {
			unseen++
		}
	}
	p.gauge("vpcdoctor_required_not_checked", "Things that a full verdict needs and that were not looked at.")
	p.add(float64(unseen))
}

// endpoints writes each metric for all rows, as the format wants it.
func endpoints(p *page, rows []diagnose.Row) {
	rows = distinct(rows)
	for _, m := range []struct {
		name, help string
		of         func(diagnose.Row) (float64, bool)
	}{
		{"vpcdoctor_endpoint_checked", "1 when the whole path to a name was tried.", func(r diagnose.Row) (float64, bool) {
			return one(r.Status == diagnose.Pass || r.Status == diagnose.Fail), true
		}},
		{"vpcdoctor_endpoint_up", "1 when the path to a name works, 0 when it does not; absent when it was not tried.", func(r diagnose.Row) (float64, bool) {
			return one(r.Status == diagnose.Pass), r.Status == diagnose.Pass || r.Status == diagnose.Fail
		}},
		{"vpcdoctor_endpoint_private", "1 when a name resolves to private addresses only.", func(r diagnose.Row) (float64, bool) {
			private := r.Class == string(fact.OwnVPC) || r.Class == string(fact.OtherPrivate)
			return one(private), r.DNS.Status == diagnose.Pass && r.Class != ""
		}},
		{"vpcdoctor_endpoint_dns_seconds", "Slowest answer for a name.", func(r diagnose.Row) (float64, bool) { return seconds(r.DNS) }},
		{"vpcdoctor_endpoint_connect_seconds", "Slowest TCP connect to a name that succeeded.", func(r diagnose.Row) (float64, bool) { return seconds(r.TCP) }},
		{"vpcdoctor_endpoint_tls_seconds", "Slowest TLS handshake with a name that succeeded.", func(r diagnose.Row) (float64, bool) { return seconds(r.TLS) }},
	} {
		p.gauge(m.name, m.help)
		for _, r := range rows {
			if v, ok := m.of(r); ok {
				p.add(v, "service", r.ID, "host", r.Host, "path", r.Path, "need", r.Need)
			}
		}
	}
}

// distinct are the rows with labels of their own.
func distinct(rows []diagnose.Row) []diagnose.Row {
	seen := map[string]bool{}
	var out []diagnose.Row
	for _, r := range rows {
		r.ID, r.Host, r.Path, r.Need = clean(r.ID), clean(r.Host), clean(r.Path), clean(r.Need)
		key := strings.Join([]string{r.ID, r.Host, r.Path, r.Need}, "\n") // which no label holds
		if !seen[key] && len(out) < maxRows {
			seen[key] = true
			out = append(out, r)
		}
	}
	return out
}

func seconds(c diagnose.Check) (float64, bool) {
	return c.MS / 1000, c.Status == diagnose.Pass && c.MS > 0 && c.MS < float64(time.Hour/time.Millisecond)
}

func one(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// page collects metrics. A metric without a series is not written.
type page struct {
	b          strings.Builder
	name, help string
}

// gauge begins a metric.
func (p *page) gauge(name, help string) { p.name, p.help = name, help }

// add writes one series of the metric; labels are pairs of name and value.
func (p *page) add(v float64, labels ...string) {
	if p.help != "" {
		p.b.WriteString("# HELP " + p.name + " " + p.help + "\n# TYPE " + p.name + " gauge\n")
		p.help = ""
	}
	p.b.WriteString(p.name)
	if len(labels) > 0 {
		var pairs []string
		for l := range slices.Chunk(labels, 2) {
			pairs = append(pairs, l[0]+`="`+escape.Replace(clean(l[1]))+`"`)
		}
		p.b.WriteString("{" + strings.Join(pairs, ",") + "}")
	}
	p.b.WriteString(" " + strconv.FormatFloat(math.Round(v*1e6)/1e6, 'f', -1, 64) + "\n")
}

var escape = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// clean is a label value in printable ASCII, bounded.
func clean(s string) string {
	b := []byte(s[:min(len(s), maxLabel)])
	for i, c := range b {
		if c < ' ' || c > '~' {
			b[i] = '?'
		}
	}
	return string(b)
}
