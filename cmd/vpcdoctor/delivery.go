package main

import (
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"vpcdoctor/report/deliver/cloudwatch"
	"vpcdoctor/report/deliver/console"
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
	credentials         string
	console             string
	consoleFull         bool
}

// Words of --to. stdout and file are written by the run itself; the others are
// sinks, each of which has its limit of time.
const (
	toStdout     = "stdout"
	toFile       = "file"
	toCloudWatch = "cloudwatch"
	toConsole    = "console"
)

// destinations lists the words of --to.
var destinations = []string{toStdout, toFile, toCloudWatch, toConsole}

const defaultEach = 20 * time.Second

func (d *delivery) register(f *pflag.FlagSet) {
	f.StringSliceVar(&d.to, "to", []string{toStdout}, "where the report goes: "+strings.Join(destinations, ","))
	f.BoolVar(&d.require, "require-delivery", false, "exit 3 when the report arrived nowhere but on stdout")
	f.DurationVar(&d.each, "delivery-timeout", defaultEach, "of each destination")
	f.StringVar(&d.logGroup, "log-group", "/vpcdoctor", "CloudWatch log `GROUP`")
	f.StringVar(&d.logStream, "log-stream", "", "log `STREAM`; without it one named by the instance")
	f.IntVar(&d.logShards, "log-stream-shards", 0, "share `N` streams shard-00, shard-01, ... of the fleet, made before")
	f.BoolVar(&d.createLogGroup, "create-log-group", false, "make the log group when there is none")
	f.StringVar(&d.logsEndpoint, "logs-endpoint", "", "`URL` of CloudWatch Logs, when it is not the usual one")
	f.StringVar(&d.metrics, "metrics", "emf", "metrics in the log events (the group's class must be STANDARD): `emf|off`")
	f.StringVar(&d.console, "console", "", "serial console to write to: `PATH`, else the first of "+strings.Join(console.Paths(), ", "))
	f.BoolVar(&d.consoleFull, "console-full", false, "on the console, real ids and names: all who may ec2:GetConsoleOutput read them")
	f.StringVar(&d.credentials, "credentials", "imds", "of deliveries: of the role by IMDS, or of the environment: `imds|env`")
}

// check refuses what no flag parser can refuse. where names a flag as the user
// wrote it.
func (d *delivery) check(where func(flag string) string, outputFile string) error {
	for _, w := range d.to {
		if !slices.Contains(destinations, w) {
			return usagef("%s %q: want one or more of %s%s", where("to"), w, strings.Join(destinations, ", "), didYouMean(nearest(w, destinations)))
		}
	}
	for _, c := range []struct {
		flag, value string
		allowed     []string
	}{
		{"metrics", d.metrics, []string{"emf", "off"}},
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
	case d.logShards < 0 || d.logShards > cloudwatch.MaxShards:
		return usagef("%s %d: want at most %d", where("log-stream-shards"), d.logShards, cloudwatch.MaxShards)
	case d.logShards > 0 && d.logStream != "":
		return usagef("--log-stream contradicts --log-stream-shards")
	}
	return nil
}

// goes tells whether a destination was asked for.
func (d *delivery) goes(to string) bool { return slices.Contains(d.to, to) }

// services are the services that deliveries need and that a run therefore
// looks at like those of its profiles.
func (d *delivery) services() []string {
	if d.goes(toCloudWatch) {
		return []string{"logs"}
	}
	return nil
}
