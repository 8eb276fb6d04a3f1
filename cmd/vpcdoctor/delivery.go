package main

import (
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"vpcdoctor/report/deliver/console"
	"vpcdoctor/report/deliver/toaws"
)

// delivery is the part of the settings that says where reports go.
type delivery struct {
	to      []string
	require bool
	each    time.Duration

	logGroup, logStream string
	logShards           int
	createLogGroup      bool
	logsEndpoint        string
	metrics             string
	s3, s3Owner         string
	credentials         string
	console             string
	consoleFull         bool
}

// Words of --to. stdout and file are written by the run itself; the others are
// sinks, each of which has its limit of time.
const (
	toStdout    = "stdout"
	toFile      = "file"
	toConsole   = "console"
	toJournal   = "journal"
	toInventory = "inventory"
)

// destinations lists the words of --to.
func destinations() []string {
	return append([]string{toStdout, toFile, toConsole, toJournal, toInventory}, toaws.Words...)
}

const defaultEach = 20 * time.Second

func (d *delivery) register(f *pflag.FlagSet) {
	f.StringSliceVar(&d.to, "to", []string{toStdout}, "where the report goes: "+strings.Join(destinations(), ", "))
	f.BoolVar(&d.require, "require-delivery", false, "exit 3 when the report arrived nowhere but on stdout")
	f.DurationVar(&d.each, "delivery-timeout", defaultEach, "of each destination")
	f.StringVar(&d.logGroup, "log-group", "/vpcdoctor", "CloudWatch log `GROUP`")
	f.StringVar(&d.logStream, "log-stream", "", "log `STREAM`; without it one named by the instance")
	f.IntVar(&d.logShards, "log-stream-shards", 0, "share `N` streams shard-00, shard-01, ... of the fleet, made before")
	f.BoolVar(&d.createLogGroup, "create-log-group", false, "make the log group when there is none")
	f.StringVar(&d.logsEndpoint, "logs-endpoint", "", "`URL` of CloudWatch Logs, when it is not the usual one")
	f.StringVar(&d.metrics, "metrics", "emf", "metrics in the log events (the group's class must be STANDARD), by PutMetricData, or none: `emf|put|off`")
	f.StringVar(&d.s3, "s3", "", "with --to s3: `s3://BUCKET[/PREFIX]`")
	f.StringVar(&d.s3Owner, "s3-owner", "", "`ACCOUNT` that the bucket must belong to")
	f.StringVar(&d.console, "console", "", "serial console to write to: `PATH`, else the first of "+strings.Join(console.Paths(), ", "))
	f.BoolVar(&d.consoleFull, "console-full", false, "on the console, real names and the account too: all who may ec2:GetConsoleOutput read them")
	f.StringVar(&d.credentials, "credentials", "imds", "of deliveries: of the role by IMDS, or of the environment: `imds|env`")
}

// check refuses what no flag parser can refuse. where names a flag as the user
// wrote it.
func (d *delivery) check(where func(flag string) string, outputFile string) error {
	for _, w := range d.to {
		if all := destinations(); !slices.Contains(all, w) {
			return usagef("%s %q: want one or more of %s%s", where("to"), w, strings.Join(all, ", "), didYouMean(nearest(w, all)))
		}
	}
	for _, c := range []struct {
		flag, value string
		allowed     []string
	}{
		{"metrics", d.metrics, []string{toaws.MetricsEmbedded, toaws.MetricsPut, toaws.MetricsOff}},
		{"credentials", d.credentials, []string{"imds", "env"}},
	} {
		if !slices.Contains(c.allowed, c.value) {
			return usagef("%s %q: want one of %s", where(c.flag), c.value, strings.Join(c.allowed, ", "))
		}
	}
	switch {
	case d.goes(toFile) && outputFile == "":
		return usagef("%s file: --output-file says which", where("to"))
	case d.each <= 0 || d.each > 5*time.Minute:
		return usagef("%s %v: want more than 0 and at most 5m", where("delivery-timeout"), d.each)
	case d.logShards > 0 && d.logStream != "":
		return usagef("--log-stream contradicts --log-stream-shards")
	}
	if err := d.aws().Check(); err != nil {
		return usageError{err}
	}
	return nil
}

// aws is what the sinks that speak to AWS want of it.
func (d *delivery) aws() toaws.Options {
	return toaws.Options{
		To: d.to, Metrics: d.metrics, S3: d.s3, S3Owner: d.s3Owner,
		LogGroup: d.logGroup, LogStream: d.logStream, LogShards: d.logShards,
		CreateLogGroup: d.createLogGroup, LogsEndpoint: d.logsEndpoint,
	}
}

// goes tells whether a destination was asked for.
func (d *delivery) goes(to string) bool { return slices.Contains(d.to, to) }

// services are the services that deliveries need and that a run therefore
// looks at like those of its profiles.
func (d *delivery) services() []string {
	var out []string
	for _, need := range []struct {
		service string
		when    bool
	}{
		{"logs", d.goes("cloudwatch") && d.logsEndpoint == ""},
		{"s3", d.goes("s3")},
		{"monitoring", d.metrics == toaws.MetricsPut},
	} {
		if need.when {
			out = append(out, need.service)
		}
	}
	return out
}
