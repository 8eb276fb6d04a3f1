package catalog

import (
	"slices"
	"strings"

	"vpcdoctor/probe/fact"
)

// publicTemplates are the hosts of services whose endpoint has no private name:
// programs reach them by the public name, through a route or by the endpoint's
// own vpce name. Sources: the public hosts of AWS's SSM parameters and of
// botocore's endpoint rules (2026-08). IoT data is missing on purpose: its
// host belongs to the account.
var publicTemplates = map[string]string{
	"s3-gateway":         "s3.{region}.{dnsSuffix}",
	"dynamodb-gateway":   "dynamodb.{region}.{dnsSuffix}",
	"dynamodb-interface": "dynamodb.{region}.{dnsSuffix}",
	"dynamodb-fips":      "dynamodb-fips.{region}.{dnsSuffix}",
	"dynamodb-streams":   "streams.dynamodb.{region}.{dnsSuffix}",
	"s3express-gateway":  "s3express-control.{region}.{dnsSuffix}",
}

// probeHost is one host to ask, and how much it matters beside the others of
// its service.
type probeHost struct {
	name     string
	wildcard bool
	weight   fact.Need // the most it can matter
}

// hosts are the hosts that stand for a service, as templates that may still
// hold {any} and {accountId}: exact names first, then one probe per wildcard,
// then the apex of a wildcard, which need not exist.
func (x expansion) hosts() []probeHost {
	if x.public != "" {
		return []probeHost{{x.public, false, fact.NeedRequired}}
	}
	if x.entry.ID == "s3-interface" && len(x.probes) > 0 {
		return s3Hosts(x.probes)
	}
	var fixed, wild, apex []probeHost
	for _, n := range x.names {
		if !strings.HasPrefix(n, "*.") {
			fixed = append(fixed, probeHost{n, false, fact.NeedRequired})
		}
	}
	for _, p := range x.probes {
		switch {
		case slices.Contains(x.names, p):
		case strings.HasPrefix(p, "{"):
			weight := fact.NeedRequired
			if len(fixed)+len(wild) > 0 {
				weight = fact.NeedRecommended
			}
			wild = append(wild, probeHost{p, true, weight})
		default:
			apex = append(apex, probeHost{p, false, fact.NeedOptional})
		}
	}
	return slices.Concat(fixed, wild, apex)
}

// s3Hosts puts the regional name and a bucket-style name first: nearly all
// traffic uses these. Access points and S3 Control have zones of their own.
func s3Hosts(probes []string) []probeHost {
	var first, bucket, rest []probeHost
	for _, p := range probes {
		switch {
		case !strings.HasPrefix(p, "{"):
			first = append(first, probeHost{p, false, fact.NeedRequired})
		case strings.HasPrefix(p, "{any}.s3."):
			bucket = append(bucket, probeHost{p, true, fact.NeedRequired})
		default:
			rest = append(rest, probeHost{p, true, fact.NeedOptional})
		}
	}
	return slices.Concat(first, bucket, rest)
}

// fillHost replaces {any} and {accountId}. It is false for a host that needs
// an account id when there is none.
func (s Selection) fillHost(host string) (string, bool) {
	if strings.IndexByte(host, '{') < 0 {
		return host, true
	}
	if strings.Contains(host, "{accountId}") && !isAccount(s.AccountID) {
		return "", false
	}
	label := s.Label
	if !isLabel(label) {
		label = defaultLabel
	}
	return strings.NewReplacer("{any}", label, "{accountId}", s.AccountID).Replace(host), true
}

// defaultLabel stands for {any} when the caller gives none.
const defaultLabel = "vpcdoctor"

func isAccount(id string) bool {
	return len(id) == 12 && strings.Trim(id, "0123456789") == ""
}

// isLabel tells whether s can be one label of a host name. 40 leaves room for
// the account id that some templates append (a label holds 63 bytes).
func isLabel(s string) bool {
	return s != "" && len(s) <= 40 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == "" &&
		s[0] != '-' && s[len(s)-1] != '-'
}
