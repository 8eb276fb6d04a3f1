package imds

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strings"
	"sync"
	"time"

	"vpcdoctor/probe/fact"
)

// Every value is checked for its form before it becomes a fact: something else
// may answer in the place of the metadata service. What does not fit is dropped,
// and its exchange is recorded as Malformed, without the text that came.

// maxList bounds every list. The largest real ones: 50 addresses of an
// interface, 50 CIDRs of a VPC (both after a quota rise), 16 security groups,
// 64 interfaces of a p5 instance (VPC and EC2 User Guides, quotas, 2026-11).
const maxList = 64

// maxValue bounds a single value; the longest is a profile's ARN.
const maxValue = 1024

// form makes a pattern, compiled when it is first asked for: most verbs of the
// program read no metadata, and long repeats take milliseconds to compile.
func form(pattern string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })
}

// Identifiers have 8 or 17 hexadecimal digits; in between is tolerated.
func idForm(prefix string) func() *regexp.Regexp { return form(`^` + prefix + `-[0-9a-f]{8,17}$`) }

// malformed is the error of a value that has not the form of what it should be.
func malformed(what string) error { return formError{fact.Malformed, "not " + what} }

// matching makes a parser of a form for values of at most so many bytes. what
// names it in the error, with article.
func matching(form func() *regexp.Regexp, most int, what string) func(string) (string, error) {
	return func(s string) (string, error) {
		if len(s) > most || !form().MatchString(s) {
			return "", malformed(what)
		}
		return s, nil
	}
}

// Parsers of single values.
var (
	parseRegion    = matching(form(`^[a-z]{2,6}(-[a-z]{2,12}){1,3}-[0-9]{1,2}$`), maxValue, "a Region name")            // us-gov-west-1, eusc-de-east-1
	parseZone      = matching(form(`^[a-z]{2,6}(-[a-z0-9]{1,12}){2,8}$`), maxValue, "an availability zone")             // us-east-1a, us-west-2-lax-1a
	parseZoneID    = matching(form(`^[a-z][a-z0-9]{1,11}(-[a-z0-9]{1,12}){1,5}$`), maxValue, "an availability zone id") // cnnw1-az1, usw2-lax1-az1
	parsePartition = matching(form(`^aws(-[a-z]{1,8}){0,3}$`), maxValue, "a partition")                                 // aws-cn
	parseDomain    = matching(form(`^[a-z0-9]([a-z0-9-]{0,40})(\.[a-z0-9][a-z0-9-]*){1,5}$`), maxValue, "a DNS suffix") // amazonaws.com.cn
	parseAccount   = matching(form(`^[0-9]{12}$`), maxValue, "an account id")
	parseInstance  = matching(idForm("i"), maxValue, "an instance id")
	parseInterface = matching(idForm("eni"), maxValue, "an interface id")
	parseSubnet    = matching(idForm("subnet"), maxValue, "a subnet id")
	parseVPC       = matching(idForm("vpc"), maxValue, "a VPC id")
	parseGroup     = matching(idForm("sg"), maxValue, "a security group id")
	parseRole      = matching(form(`^[A-Za-z0-9_+=,.@-]+$`), 64, "a role name") // IAM User Guide, "IAM and AWS STS quotas"
	parseToken     = matching(form(`^[!-~]+$`), 512, "a token")                 // base64 of 56 bytes in practice; opaque
	parseCode      = matching(form(`^[A-Za-z]+$`), 64, "a code")
	parseProfile   = matching(form(`^arn:aws[a-z-]{0,20}:iam::[0-9]{12}:instance-profile/[!-~]+$`), 700, "an instance profile's ARN")
)

// parsePublicIPv4 is a global IPv4 address, kept as its text.
func parsePublicIPv4(s string) (string, error) {
	a, err := parseIPv4(s)
	if err != nil || !a.IsGlobalUnicast() {
		return "", malformed("a public IPv4 address")
	}
	return a.String(), nil
}

func parseIPv4(s string) (netip.Addr, error) {
	if a, err := netip.ParseAddr(s); err == nil && a.Is4() {
		return a, nil
	}
	return netip.Addr{}, malformed("an IPv4 address")
}

func parseIPv6(s string) (netip.Addr, error) {
	if a, err := netip.ParseAddr(s); err == nil && a.Is6() && !a.Is4In6() && a.Zone() == "" {
		return a, nil
	}
	return netip.Addr{}, malformed("an IPv6 address")
}

// parseCIDR4 is an IPv4 block. One larger than /8 cannot be a VPC's or a
// subnet's (they are /16 to /28) and would make public addresses look private.
func parseCIDR4(s string) (netip.Prefix, error) {
	if p, err := netip.ParsePrefix(s); err == nil && p.Addr().Is4() && p.Bits() >= 8 {
		return p.Masked(), nil
	}
	return netip.Prefix{}, malformed("an IPv4 block")
}

// parseCIDR6 is an IPv6 block of at most a /32; a VPC has /44 to /60.
func parseCIDR6(s string) (netip.Prefix, error) {
	if p, err := netip.ParsePrefix(s); err == nil && p.Addr().Is6() && !p.Addr().Is4In6() && p.Bits() >= 32 {
		return p.Masked(), nil
	}
	return netip.Prefix{}, malformed("an IPv6 block")
}

// parseMAC is an Ethernet address in the form of the service: lower case,
// colons. Directory entries end with a slash.
func parseMAC(s string) (string, error) {
	hw, err := net.ParseMAC(strings.TrimSuffix(s, "/"))
	if err != nil || len(hw) != 6 {
		return "", malformed("a MAC address")
	}
	return hw.String(), nil
}

// parseDevice is a device number.
func parseDevice(s string) (int, error) {
	n := 0
	for _, r := range s {
		if r < '0' || r > '9' {
			return 0, malformed("a device number")
		}
		n = n*10 + int(r-'0')
		if n > 255 {
			return 0, malformed("a device number")
		}
	}
	if s == "" {
		return 0, malformed("a device number")
	}
	return n, nil
}

// parseName is an entry of a directory.
var parseName = matching(form(`^[a-z0-9-]{1,64}/?$`), maxValue, "a directory entry")

// text is a body as a value: the service sends none with surrounding space,
// other implementations end with a newline.
func text(body []byte) string { return string(bytes.TrimSpace(body)) }

// one takes a single value into dst.
func one[T any](dst *T, parse func(string) (T, error)) func([]byte) error {
	return func(body []byte) error {
		v, err := parse(text(body))
		if err == nil {
			*dst = v
		}
		return err
	}
}

// list takes lines into dst: those that fit, at most maxList. An empty body is
// an empty list.
func list[T any](dst *[]T, parse func(string) (T, error)) func([]byte) error {
	return func(body []byte) error {
		good, err := parseList(text(body), parse)
		*dst = good
		return err
	}
}

func parseList[T any](s string, parse func(string) (T, error)) (good []T, err error) {
	lines, bad := 0, 0
	var first error
	for line := range strings.SplitSeq(s, "\n") {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		if lines == maxList {
			return good, formError{fact.TooLarge, fmt.Sprintf("more than %d lines", maxList)}
		}
		lines++
		v, err := parse(line)
		if err != nil {
			bad++
			if first == nil {
				first = err
			}
			continue
		}
		good = append(good, v)
	}
	if bad > 0 {
		return good, formError{fact.Malformed, fmt.Sprintf("%d of %d lines: %v", bad, lines, first)}
	}
	return good, nil
}

// profile is what is taken from iam/info.
type profile struct{ code, arn string }

func parseProfileInfo(body []byte) (profile, error) {
	var doc struct{ Code, InstanceProfileArn string }
	if json.Unmarshal(body, &doc) != nil {
		return profile{}, malformed("JSON")
	}
	code, err := parseCode(doc.Code)
	if err != nil {
		return profile{}, err
	}
	arn, err := parseProfile(doc.InstanceProfileArn)
	if err != nil && doc.InstanceProfileArn != "" {
		return profile{code: code}, err
	}
	return profile{code, arn}, nil
}

// grant is what is taken from a credentials document: whether there are
// credentials and until when. The struct has no field for anything else, so
// nothing else of the document leaves the buffer that the client wipes.
type grant struct {
	code    string
	expires time.Time
}

func parseGrant(body []byte) (grant, error) {
	var doc struct{ Code, Expiration string }
	if json.Unmarshal(body, &doc) != nil {
		return grant{}, malformed("JSON")
	}
	code, err := parseCode(doc.Code)
	if err != nil {
		return grant{}, err
	}
	if doc.Expiration == "" {
		return grant{code: code}, nil // as in documents that say why there are no credentials
	}
	t, err := time.Parse(time.RFC3339, doc.Expiration)
	t = t.UTC()
	if err != nil || t.Year() < 1 || t.Year() > 9999 { // a zone can move the year out of what JSON can carry
		return grant{code: code}, malformed("a time")
	}
	return grant{code, t}, nil
}
