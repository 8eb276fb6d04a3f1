package rehearse

import (
	"cmp"
	"net"
	"slices"
	"strconv"
	"strings"

	"vpcdoctor/probe/catalog"
	"vpcdoctor/probe/fact"
)

// service is the signing name of what a step calls.
func service(kind string) string {
	switch kind {
	case fact.StepKMS:
		return "kms"
	case fact.StepLogs, fact.StepOutputLog:
		return "logs"
	case fact.StepS3, fact.StepOutputS3, fact.StepPatch:
		return "s3"
	}
	return ""
}

// targets lists the hosts that the agent calls for these things, each once,
// with the strongest need. It is a pure function of the facts.
func targets(things []*thing, set *fact.Set, cat *catalog.Catalog) []fact.Target {
	var out []fact.Target
	for _, t := range things {
		name := service(t.kind)
		if name == "" || t.why != "" || set.Place.Region == "" {
			continue
		}
		bucket := t.resource
		if name != "s3" || t.kind == fact.StepPatch {
			bucket = ""
		}
		x := target(name, set.Place.Region, bucket, set, cat)
		x.Need = t.need
		if i := slices.IndexFunc(out, func(o fact.Target) bool { return o.Host == x.Host }); i < 0 {
			out = append(out, x)
		} else if rank(x.Need) < rank(out[i].Need) {
			out[i].Need = x.Need
		}
	}
	return out
}

// target is where the agent sends a call to a service of a Region, and for S3
// about a bucket: to the endpoint of its config file, else SERVICE.REGION and
// the domain of its config file or the Region's. A key of KMS and a log group
// are always asked for in the instance's own Region, also when an ARN names
// another (agent source, agent/sdkutil/awsconfig.go, release 3.3).
func target(name, region, bucket string, set *fact.Set, cat *catalog.Catalog) fact.Target {
	t := catalogued(name, region, cat)
	config := set.Agent.Config
	host, port := name+"."+region+"."+cmp.Or(config.Domain, set.Place.DNSSuffix), uint16(443)
	origin := "session preferences"
	for _, o := range config.Overrides {
		if o.Service == name {
			host, port, origin = o.Host, 443, "agent config"
			if h, p, err := net.SplitHostPort(o.Host); err == nil {
				if n, err := strconv.ParseUint(p, 10, 16); err == nil && n > 0 {
					host, port = h, uint16(n)
				}
			}
		}
	}
	if bucket != "" && inHost(bucket) {
		host = bucket + "." + host
	}
	if t.Host != host {
		t.Host, t.Origin = host, origin
		t.Ports = []fact.Port{{Number: port, TLS: true, HTTP: true}}
		t.Group = ""
		if bucket != "" {
			t.Title = "S3 bucket " + bucket
		}
	}
	t.Agent = true
	return t
}

// catalogued is what the catalogue says about a service's own host.
func catalogued(name, region string, cat *catalog.Catalog) fact.Target {
	ts, _, err := cat.Targets(catalog.Selection{Region: region, Services: []string{name}})
	if err != nil || len(ts) == 0 {
		return fact.Target{
			ID: name, Title: name, Type: "Interface", PrivateDNS: "unknown", Confidence: "unknown",
			PublicOK: name == "s3",
		}
	}
	return ts[0] // of S3 the gateway's
}

// inHost tells whether the agent puts a bucket into the host name: when it is
// a DNS label. With dots no certificate would fit, so those and old names stay
// in the path (AWS SDK for Go, service/s3/host_style_bucket.go).
func inHost(bucket string) bool {
	if len(bucket) < 3 || len(bucket) > 63 || strings.Trim(bucket, "-") != bucket {
		return false
	}
	for _, c := range []byte(bucket) {
		if c != '-' && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// bucketPath is the path of a call about a bucket.
func bucketPath(bucket string) string {
	if inHost(bucket) {
		return "/"
	}
	return "/" + bucket
}
