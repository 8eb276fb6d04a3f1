package catalog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Limits of a --catalog file. A Region has about 500 endpoint services of
// 1 kB each; 16 MB holds all Regions of a partition in one file.
const (
	maxCatalogFile  = 16 << 20
	maxServices     = 50_000
	maxPrivateNames = 32
	maxFileRegions  = 64 // more than AWS has
)

// described is one endpoint service as DescribeVpcEndpointServices shows it.
// Every field but the name may be missing; the plain list of names has none.
type described struct {
	ServiceName  string
	ServiceType  []struct{ ServiceType string }
	Zones        []string `json:"AvailabilityZones"`
	BaseNames    []string `json:"BaseEndpointDnsNames"`
	PrivateName  string   `json:"PrivateDnsName"`
	PrivateNames []struct {
		PrivateDnsName string
	} `json:"PrivateDnsNames"`
	ServiceRegion string

	nameOnly bool // from ServiceNames: nothing but the name is known
}

// readDescribed reads the answer of describe-vpc-endpoint-services: the whole
// object, or what --query ServiceDetails or ServiceNames leaves of it.
func readDescribed(text []byte) ([]described, error) {
	if len(text) > maxCatalogFile {
		return nil, fmt.Errorf("%d bytes, at most %d are read", len(text), maxCatalogFile)
	}
	var answer struct {
		ServiceDetails []described
		ServiceNames   []string
	}
	text = bytes.TrimPrefix(text, []byte("\ufeff")) // what some shells put before redirected output
	body := bytes.TrimLeft(text, " \t\r\n")
	var err error
	switch {
	case len(body) == 0:
		return nil, errors.New("the file is empty")
	case body[0] != '[':
		err = json.Unmarshal(text, &answer)
	case startsWithString(body):
		err = json.Unmarshal(text, &answer.ServiceNames)
	default:
		err = json.Unmarshal(text, &answer.ServiceDetails)
	}
	if err != nil {
		return nil, atLine(text, err)
	}
	out := answer.ServiceDetails
	have := map[string]bool{}
	for _, d := range out {
		have[d.ServiceName] = true
	}
	for _, n := range answer.ServiceNames {
		if !have[n] {
			out = append(out, described{ServiceName: n, nameOnly: true})
			have[n] = true
		}
	}
	switch {
	case len(out) == 0:
		return nil, errors.New(`neither "ServiceDetails" nor "ServiceNames" holds a service: it must be the output of ` + DescribeCommand("REGION"))
	case len(out) > maxServices:
		return nil, fmt.Errorf("%d services, at most %d are read", len(out), maxServices)
	}
	for i := range out {
		if err := out[i].check(); err != nil {
			return nil, fmt.Errorf("service %d: %w", i+1, err)
		}
	}
	return out, nil
}

// startsWithString tells an array of strings from an array of objects.
func startsWithString(array []byte) bool {
	inner := bytes.TrimLeft(array[1:], " \t\r\n")
	return len(inner) > 0 && inner[0] == '"'
}

// atLine adds line and column to an error of encoding/json.
func atLine(text []byte, err error) error {
	offset := int64(-1)
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		offset = syntax.Offset
	case errors.As(err, &kind):
		offset = kind.Offset
		err = fmt.Errorf("%s must not be a %s", orField(kind.Field), kind.Value)
	}
	if offset < 0 || offset > int64(len(text)) {
		return err
	}
	before := text[:offset]
	line := bytes.Count(before, []byte("\n")) + 1
	column := len(before) - bytes.LastIndexByte(before, '\n') - 1
	return fmt.Errorf("line %d, column %d (byte %d): %w", line, max(column, 1), offset, err)
}

func orField(field string) string {
	if field == "" {
		return "the whole"
	}
	return field
}

// check refuses what cannot be names, so that nothing of a damaged or hostile
// file reaches a resolver or a terminal.
func (d *described) check() error {
	d.ServiceName = strings.ToLower(d.ServiceName)
	if !isServiceName(d.ServiceName) {
		return fmt.Errorf("ServiceName %q is not the name of an endpoint service", cut(d.ServiceName))
	}
	for i, t := range d.ServiceType {
		if !slices.Contains([]string{"Interface", "Gateway", "GatewayLoadBalancer"}, t.ServiceType) {
			return fmt.Errorf("%s: ServiceType[%d] is %q", d.ServiceName, i, cut(t.ServiceType))
		}
	}
	if n := len(d.PrivateNames); n > maxPrivateNames {
		return fmt.Errorf("%s: %d private DNS names, at most %d are read", d.ServiceName, n, maxPrivateNames)
	}
	for _, n := range d.privateNames() {
		if !isHostPattern(n) {
			return fmt.Errorf("%s: %q is not a DNS name", d.ServiceName, cut(n))
		}
	}
	for _, z := range d.Zones {
		if !isLabel(z) {
			return fmt.Errorf("%s: %q is not an Availability Zone", d.ServiceName, cut(z))
		}
	}
	return nil
}

// privateNames are the names of the private zone, in lower case, each once.
func (d *described) privateNames() []string {
	var out []string
	add := func(n string) {
		n = strings.ToLower(strings.TrimSuffix(n, "."))
		if n != "" && !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	add(d.PrivateName)
	for _, n := range d.PrivateNames {
		add(n.PrivateDnsName)
	}
	return out
}

// isServiceName accepts what AWS's service names consist of: at least two
// labels of letters, digits and hyphens.
func isServiceName(s string) bool {
	return strings.Contains(s, ".") && isHostPattern(s) && !strings.HasPrefix(s, "*")
}

// isHostPattern accepts a DNS name of the usual characters, with an optional
// wildcard as its first label (RFC 1035 lengths; the underscore occurs in
// customers' private names).
func isHostPattern(s string) bool {
	rest, _ := strings.CutPrefix(s, "*.")
	if rest == "" || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(rest, ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return true
}
