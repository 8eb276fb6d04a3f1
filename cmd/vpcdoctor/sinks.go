package main

import (
	"context"
	"errors"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"

	"vpcdoctor/probe"
	"vpcdoctor/probe/fact"
	"vpcdoctor/report"
	"vpcdoctor/report/deliver"
	"vpcdoctor/report/deliver/awscall"
	"vpcdoctor/report/deliver/cloudwatch"
	"vpcdoctor/report/deliver/console"
)

// sinks are what --to names beside stdout and file, for the place that a run
// found itself in. What cannot be made is a sink that says why, so that the
// others do their work.
func (c *checker) sinks(set *fact.Set) []deliver.Sink {
	var out []deliver.Sink
	var shared *awsCaller
	caller := func() *awsCaller {
		if shared == nil {
			shared = c.awsCaller(set)
		}
		return shared
	}
	for _, to := range c.s.to {
		var s deliver.Sink
		switch to {
		case toCloudWatch:
			s = caller().cloudWatch(c.s)
		case toConsole:
			s = console.New(console.Options{Path: c.s.console, Full: c.s.consoleFull})
		default:
			continue
		}
		if c.s.redact {
			s = hiding{s}
		}
		out = append(out, s)
	}
	return out
}

// awsCaller is what all deliveries to AWS share: one clock, one client with its
// connections, one source of credentials.
type awsCaller struct {
	place      awscall.Place
	instanceID string
	clock      *awscall.Clock
	keys       aws.CredentialsProvider
	http       *http.Client
}

// awsCaller goes by the environment of our own process: it is our own traffic.
func (c *checker) awsCaller(set *fact.Set) *awsCaller {
	var ahead fact.Offset
	if o, ok := set.ClockOffset(); ok {
		ahead = o
	}
	clock := awscall.NewClock(ahead.By)
	var keys aws.CredentialsProvider = c.env.Keys
	if c.s.credentials == "env" {
		keys = awscall.Environment(c.app.getenv)
	}
	return &awsCaller{
		place: awscall.Place{
			Region: set.Place.Region, Suffix: set.Place.DNSSuffix, DualStackSuffix: set.Place.DualStackSuffix,
			FIPS: c.options.FIPS, DualStack: c.options.DualStack,
		},
		instanceID: set.IMDS.InstanceID, clock: clock, keys: keys,
		http: awscall.NewHTTPClient(awscall.HTTPOptions{
			UserAgent: probe.UserAgent(version), Clock: clock, Verify: c.options.Trust, Proxy: http.ProxyFromEnvironment,
		}),
	}
}

var errNoRegion = errors.New("the Region is not known: the metadata service did not tell it, and --region is not given")

func (a *awsCaller) cloudWatch(s *settings) deliver.Sink {
	if a.place.Region == "" {
		return unmade{toCloudWatch, errNoRegion}
	}
	sink, err := cloudwatch.New(cloudwatch.Options{
		Group: s.logGroup, Stream: s.logStream, Shards: s.logShards, InstanceID: a.instanceID,
		CreateGroup: s.createLogGroup, Metrics: s.metrics == "emf",
		Place: a.place, Endpoint: s.logsEndpoint, Credentials: a.keys, HTTP: a.http, Clock: a.clock,
	})
	if err != nil {
		return unmade{toCloudWatch, err}
	}
	return sink
}

// unmade is a sink that could not be made. What waits for it goes on waiting.
type unmade struct {
	name string
	why  error
}

func (u unmade) Name() string { return u.name }

func (u unmade) Keeps() bool { return true }

func (u unmade) Deliver(context.Context, []deliver.Parcel, deliver.Settle) (string, error) {
	return "", u.why
}

// hiding gives a sink the reports for sharing (--redact).
type hiding struct{ deliver.Sink }

func (h hiding) Deliver(ctx context.Context, parcels []deliver.Parcel, settle deliver.Settle) (string, error) {
	made := make([]deliver.Parcel, len(parcels))
	for i, p := range parcels {
		made[i] = p
		made[i].Load = func() (*report.Report, error) {
			r, err := p.Load()
			if err != nil {
				return nil, err
			}
			return redacted(r, true)
		}
	}
	return h.Sink.Deliver(ctx, made, settle)
}
