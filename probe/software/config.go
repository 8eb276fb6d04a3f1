package software

import (
	"encoding/json"
	"errors"
	"io/fs"
	"slices"
	"strings"

	"vpcdoctor/probe/classify"
	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/host/sysfile"
	"vpcdoctor/probe/hostname"
)

// fail notes that a configuration file could not be used.
func (s software) fail(class fact.Class, err error) {
	s.Outcome = fact.Outcome{Status: fact.Failed, Class: class, Detail: classify.Clean(err.Error(), 128)}
}

// software is a fact that is being filled.
type software struct{ *fact.Software }

func classOf(err error) fact.Class {
	switch {
	case errors.Is(err, sysfile.ErrTooLarge):
		return fact.TooLarge
	case errors.Is(err, fs.ErrPermission):
		return fact.PermissionDenied
	case errors.Is(err, sysfile.ErrNotRegular):
		return fact.Malformed
	}
	return fact.OtherFailure
}

// need adds services of the catalogue.
func (s software) need(ids ...string) {
	for _, id := range ids {
		if !slices.Contains(s.Services, id) {
			s.Services = append(s.Services, id)
		}
	}
}

// dials notes an endpoint that the configuration names in the place of a
// service's usual one. What is no host name is left out.
func (s software) dials(service, key, value string) {
	if host, ok := hostname.Endpoint(value); ok {
		s.Override = append(s.Override, fact.Override{Service: service, Key: key, Host: host})
	}
}

// region notes the Region that the configuration names.
func (s software) region(value string) {
	if r, ok := hostname.Label(value); ok {
		s.Region = r
	}
}

// cloudWatchDir holds the files of the CloudWatch agent: one written by hand,
// and what amazon-cloudwatch-agent-ctl fetched, in a directory (CloudWatch
// User Guide, "Manually create or edit the CloudWatch agent configuration
// file", read 2026-11).
const (
	cloudWatchDir  = "/opt/aws/amazon-cloudwatch-agent/etc/"
	cloudWatchFile = cloudWatchDir + "amazon-cloudwatch-agent.json"
	cloudWatchD    = cloudWatchDir + "amazon-cloudwatch-agent.d"
	maxFragments   = 16
)

// cloudWatchConfig is the part of the file that decides what is dialled. A
// section that is there counts, whatever it holds.
type cloudWatchConfig struct {
	Agent struct {
		Region      string `json:"region"`
		Credentials role   `json:"credentials"`
	} `json:"agent"`
	Metrics *struct {
		Endpoint     string                     `json:"endpoint_override"`
		Credentials  role                       `json:"credentials"`
		Dimensions   map[string]json.RawMessage `json:"append_dimensions"`
		Destinations map[string]json.RawMessage `json:"metrics_destinations"`
	} `json:"metrics"`
	Logs *struct {
		Endpoint    string `json:"endpoint_override"`
		Credentials role   `json:"credentials"`
	} `json:"logs"`
	Traces *struct {
		Endpoint    string `json:"endpoint_override"`
		Credentials role   `json:"credentials"`
	} `json:"traces"`
}

type role struct {
	ARN string `json:"role_arn"`
}

// cloudWatchAgent reads what the agent was told to send. Without a readable
// configuration the catalogue's profile stands for it.
func cloudWatchAgent(r reader, f *fact.Software) {
	s := software{f}
	files := []string{cloudWatchFile}
	names, _ := r.Names(cloudWatchD, maxFragments) // absent: none were fetched
	for _, n := range names {
		// A name that ends in .tmp is waiting to be translated.
		files = append(files, cloudWatchD+"/"+strings.TrimSuffix(n, ".tmp"))
	}
	read := false
	for _, path := range files {
		b, ok := r.config(path, s)
		if !ok {
			continue
		}
		var c cloudWatchConfig
		if err := json.Unmarshal(b, &c); err != nil {
			s.fail(fact.Malformed, err)
			continue
		}
		read = true
		c.apply(s)
	}
	if !read || len(s.Services) == 0 {
		s.Profiles = []string{"cloudwatch-agent"}
	}
}

// autoScalingName is a dimension that the agent takes from the instance's tags:
// it sends no metric before EC2 answered DescribeTags. For the ids of volumes,
// DescribeVolumes, it does not wait (amazon-cloudwatch-agent source,
// plugins/processors/ec2tagger, read 2026-11).
const autoScalingName = "AutoScalingGroupName"

func (c *cloudWatchConfig) apply(s software) {
	s.region(c.Agent.Region)
	roles := []role{c.Agent.Credentials}
	if m := c.Metrics; m != nil {
		_, cloudWatch := m.Destinations["cloudwatch"]
		_, prometheus := m.Destinations["amp"]
		if cloudWatch || !prometheus {
			s.need("monitoring")
		}
		if prometheus {
			s.need("aps-workspaces")
		}
		if _, ok := m.Dimensions[autoScalingName]; ok {
			s.need("ec2")
		}
		s.dials("monitoring", "metrics.endpoint_override", m.Endpoint)
		roles = append(roles, m.Credentials)
	}
	if l := c.Logs; l != nil {
		s.need("logs")
		s.dials("logs", "logs.endpoint_override", l.Endpoint)
		roles = append(roles, l.Credentials)
	}
	if t := c.Traces; t != nil {
		s.need("xray")
		s.dials("xray", "traces.endpoint_override", t.Endpoint)
		roles = append(roles, t.Credentials)
	}
	if slices.ContainsFunc(roles, func(r role) bool { return r.ARN != "" }) {
		s.need("sts")
	}
}

// ecsAgent reads ecs.config: one NAME=VALUE a line.
func ecsAgent(r reader, f *fact.Software) {
	s := software{f}
	b, ok := r.config("/etc/ecs/ecs.config", s)
	if !ok {
		return
	}
	for l := range strings.Lines(string(b)) {
		name, value, ok := strings.Cut(strings.TrimSpace(l), "=")
		if !ok {
			continue
		}
		value = strings.Trim(value, `"'`)
		switch name {
		case "ECS_BACKEND_HOST":
			s.dials("ecs", name, value)
		case "AWS_DEFAULT_REGION":
			s.region(value)
		}
	}
}

// kinesisConfig is the part of /etc/aws-kinesis/agent.json that decides what
// is dialled (Data Firehose Developer Guide, "Specify agent configuration
// settings", read 2026-11).
type kinesisConfig struct {
	Kinesis  string `json:"kinesis.endpoint"`
	Firehose string `json:"firehose.endpoint"`
	Metrics  string `json:"cloudwatch.endpoint"`
	Flows    []struct {
		Stream   string `json:"kinesisStream"`
		Delivery string `json:"deliveryStream"`
	} `json:"flows"`
}

func kinesisAgent(r reader, f *fact.Software) {
	s := software{f}
	b, ok := r.config("/etc/aws-kinesis/agent.json", s)
	if !ok {
		return
	}
	var c kinesisConfig
	if err := json.Unmarshal(b, &c); err != nil {
		s.fail(fact.Malformed, err)
		return
	}
	s.dials("kinesis-streams", "kinesis.endpoint", c.Kinesis)
	s.dials("kinesis-firehose", "firehose.endpoint", c.Firehose)
	s.dials("monitoring", "cloudwatch.endpoint", c.Metrics)
	for _, flow := range c.Flows {
		switch {
		case flow.Delivery != "":
			s.need("kinesis-firehose")
		case flow.Stream != "":
			s.need("kinesis-streams")
		}
	}
	if len(s.Services) > 0 {
		// The flows say more than the profile. Metrics, which are sent to
		// CloudWatch by default, are none of them: data flows without.
		s.Profiles = nil
	}
}
