// Package toaws makes the sinks that speak to AWS out of plain options: one
// client, one clock and one provider of credentials for all of them.
//
// In go the words of --to and the report of the run at hand, which knows where
// the instance is and how wrong its clock is; out come sinks. Nothing is sent
// here.
package toaws

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"vpcdoctor/probe/dial"
	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/host/proxyenv"
	"vpcdoctor/report"
	"vpcdoctor/report/deliver"
	"vpcdoctor/report/deliver/awscall"
	"vpcdoctor/report/deliver/cloudwatch"
	"vpcdoctor/report/deliver/metrics"
	"vpcdoctor/report/deliver/s3"
	"vpcdoctor/report/deliver/ssm"
)

// Words of --to that are sinks of this package.
var Words = []string{"cloudwatch", "s3", "inventory-api", "compliance"}

// How metrics go out (--metrics).
const (
	MetricsEmbedded = "emf" // in the log events of the sink cloudwatch
	MetricsPut      = "put" // by PutMetricData
	MetricsOff      = "off"
)

// Options are what the user said, and what only main has.
type Options struct {
	To      []string // words of others are passed over
	Metrics string   // emf | put | off; empty: emf

	LogGroup       string // --log-group
	LogStream      string // --log-stream
	LogShards      int    // --log-stream-shards
	CreateLogGroup bool   // --create-log-group
	LogsEndpoint   string // --logs-endpoint, https://HOST[:PORT]
	S3             string // --s3, s3://BUCKET[/PREFIX]
	S3Owner        string // --s3-owner

	FIPS, DualStack bool // AWS_USE_FIPS_ENDPOINT, AWS_USE_DUALSTACK_ENDPOINT
	Getenv          func(string) string
	UserAgent       string
	Verify          awscall.Verifier
	Credentials     aws.CredentialsProvider
}

// Check finds what is wrong with the options before a run begins.
func (o Options) Check() error {
	somewhere := &report.Report{Context: report.Context{Region: "us-east-1", InstanceID: "i-0"}, Facts: &fact.Set{}}
	_, err := o.Sinks(somewhere)
	return err
}

// Sinks are those of the words and of the metrics, for the report at hand.
func (o Options) Sinks(r *report.Report) ([]deliver.Sink, error) {
	if !slices.Contains([]string{"", MetricsEmbedded, MetricsPut, MetricsOff}, o.Metrics) {
		return nil, fmt.Errorf("metrics %q: want one of emf, put, off", o.Metrics)
	}
	c := o.caller(r)
	var out []deliver.Sink
	var wrong []error
	add := func(s deliver.Sink, err error) {
		if err != nil {
			wrong = append(wrong, err)
			return
		}
		out = append(out, s)
	}
	for _, word := range o.To {
		switch word {
		case "cloudwatch":
			add(o.cloudwatch(c, r.Context.InstanceID))
		case "s3":
			add(o.s3(c, r.Context.InstanceID))
		case "inventory-api":
			add(ssm.NewInventory(node(r), c))
		case "compliance":
			add(ssm.NewCompliance(node(r), c))
		}
	}
	if o.Metrics == MetricsPut {
		add(metrics.New(c))
	}
	return out, errors.Join(wrong...)
}

func (o Options) cloudwatch(c awscall.Caller, instance string) (deliver.Sink, error) {
	return cloudwatch.New(cloudwatch.Options{
		Group: o.LogGroup, Stream: o.LogStream, Shards: o.LogShards, InstanceID: instance, CreateGroup: o.CreateLogGroup,
		Metrics: o.Metrics == "" || o.Metrics == MetricsEmbedded,
		Place:   c.Place, Endpoint: o.LogsEndpoint, Credentials: c.Credentials, HTTP: c.HTTP, Clock: c.Clock,
	})
}

func (o Options) s3(c awscall.Caller, instance string) (deliver.Sink, error) {
	rest, ok := strings.CutPrefix(o.S3, "s3://")
	if !ok {
		return nil, fmt.Errorf("bucket %q: want s3://BUCKET or s3://BUCKET/PREFIX", o.S3)
	}
	bucket, prefix, _ := strings.Cut(rest, "/")
	return s3.New(s3.Options{Bucket: bucket, Prefix: prefix, Owner: o.S3Owner, InstanceID: instance, Caller: c})
}

// node is the id under which Systems Manager knows the machine: a hybrid node
// has another one than its instance.
func node(r *report.Report) string {
	if id := r.Facts.Agent.Identity.InstanceID; id != "" {
		return id
	}
	return r.Context.InstanceID
}

func (o Options) caller(r *report.Report) awscall.Caller {
	p := r.Facts.Place
	place := awscall.Place{Region: p.IMDSRegion, Suffix: p.DNSSuffix, DualStackSuffix: p.DualStackSuffix, FIPS: o.FIPS, DualStack: o.DualStack}
	if place.Region == "" { // what the instance itself says wins: its logs are at home
		place.Region = r.Context.Region
	}
	ahead, _ := r.Facts.ClockOffset()
	clock := awscall.NewClock(ahead.By)
	return awscall.Caller{
		Place: place, Credentials: o.Credentials, Clock: clock,
		HTTP: awscall.NewHTTPClient(awscall.HTTPOptions{UserAgent: o.UserAgent, Clock: clock, Verify: o.Verify, Proxy: o.proxy()}),
	}
}

// proxy chooses by the proxy variables of our environment, read as Go programs
// read them; nil when there are none.
func (o Options) proxy() func(*http.Request) (*url.URL, error) {
	if o.Getenv == nil {
		return nil
	}
	p := proxyenv.Read(o.Getenv, "environment")
	if p.HTTPS == nil {
		return nil
	}
	return func(r *http.Request) (*url.URL, error) {
		if dial.NoProxy(r.URL.Hostname(), 443, p.NoProxy) {
			return nil, nil
		}
		return p.HTTPS, nil
	}
}
