package awscall

import (
	"cmp"
	"fmt"
	"net/url"
	"strings"
)

// Place is where AWS is called.
type Place struct {
	Region          string
	Suffix          string // "amazonaws.com.cn"; empty: that of the partition aws
	DualStackSuffix string // "api.amazonwebservices.com.cn"; empty: "api.aws"
	FIPS, DualStack bool   // AWS_USE_FIPS_ENDPOINT, AWS_USE_DUALSTACK_ENDPOINT of our own environment
}

// Host is the host name of a service: NAME[-fips].REGION.SUFFIX. S3 has its
// dual-stack names under the plain suffix (Amazon S3 User Guide, "Using Amazon
// S3 dual-stack endpoints", read 2026-11). In GovCloud the plain names of logs,
// monitoring and ssm are the FIPS ones (General Reference, "Service endpoints",
// and the SDK's rules, read 2026-11).
func (p Place) Host(service string) string {
	name, suffix := service, cmp.Or(p.Suffix, "amazonaws.com")
	plain := !p.DualStack && service != "s3" && strings.HasPrefix(p.Region, "us-gov-")
	if p.FIPS && !plain {
		name += "-fips"
	}
	switch {
	case p.DualStack && service == "s3":
		name += ".dualstack"
	case p.DualStack:
		suffix = cmp.Or(p.DualStackSuffix, "api.aws")
	}
	return name + "." + p.Region + "." + suffix
}

// ParseEndpoint checks the URL of a custom endpoint: https://HOST[:PORT], of a
// VPC endpoint for example.
func ParseEndpoint(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || strings.Trim(u.Path, "/") != "" {
		return nil, fmt.Errorf("endpoint %q: want https://HOST or https://HOST:PORT", s)
	}
	u.Path = ""
	return u, nil
}
