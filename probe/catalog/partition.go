package catalog

import (
	"regexp"
	"slices"
	"strings"
)

// Partition is one of AWS's separate worlds: its Regions share DNS suffixes,
// and credentials and endpoint services of one mean nothing in another.
type Partition struct {
	ID              string   `json:"id"`                    // "aws-cn"
	DNSSuffix       string   `json:"dnsSuffix"`             // "amazonaws.com.cn"
	DualStackSuffix string   `json:"dualStackDnsSuffix"`    // "api.amazonwebservices.com.cn"
	VPCESuffix      string   `json:"vpceDnsSuffix"`         // of endpoint-specific names, "vpce.amazonaws.com.cn"
	Regions         []string `json:"regions"`               // that the catalogue lists
	CustomPrefixes  []string `json:"customServicePrefixes"` // of customers' own endpoint services; {region} is a variable
	RegionRegex     string   `json:"regionRegex"`           // form of its Region ids, for Regions newer than the list
}

// Regions returns every Region the catalogue lists, by partition.
func (c *Catalog) Regions() []string {
	var out []string
	for _, p := range c.doc.Partitions {
		out = append(out, p.Regions...)
	}
	return out
}

// PartitionOf returns the partition of a Region: by the list, else by the form
// of the name, so that a Region younger than this program still works. It is
// false for a name that no partition would use.
func (c *Catalog) PartitionOf(region string) (Partition, bool) {
	p := c.doc.partition(region)
	if p == nil {
		return Partition{}, false
	}
	return *p, true
}

func (d *document) partition(region string) *Partition {
	for i, p := range d.Partitions {
		if slices.Contains(p.Regions, region) {
			return &d.Partitions[i]
		}
	}
	// 32 is twice the longest Region id there is: nothing longer reaches the
	// expressions, whose \w would let any length through. Every id has two
	// hyphens.
	if len(region) > 32 || strings.Count(region, "-") < 2 {
		return nil
	}
	for i, form := range d.forms() {
		if form.MatchString(region) {
			return &d.Partitions[i]
		}
	}
	return nil
}

// compileForms compiles the patterns of Region ids. Most runs never need them.
func (d *document) compileForms() []*regexp.Regexp {
	var out []*regexp.Regexp
	for _, p := range d.Partitions {
		out = append(out, regexp.MustCompile(p.RegionRegex)) // a test compiles all
	}
	return out
}

// listed tells whether the catalogue lists the Region, rather than inferring
// its partition from the form of its name.
func (d *document) listed(region string) bool {
	for _, p := range d.Partitions {
		if slices.Contains(p.Regions, region) {
			return true
		}
	}
	return false
}

// RegionOfSearchDomain returns the Region that a DNS search domain set by EC2's
// default DHCP options names, or "". The Amazon-provided domain is
// ec2.internal in us-east-1 and REGION.compute.internal elsewhere (VPC User
// Guide, "DHCP option sets", read 2026-11).
func RegionOfSearchDomain(domain string) string {
	domain = strings.ToLower(strings.TrimSuffix(domain, "."))
	if domain == "ec2.internal" {
		return "us-east-1"
	}
	region, ok := strings.CutSuffix(domain, ".compute.internal")
	if !ok || Embedded().doc.partition(region) == nil {
		return ""
	}
	return region
}

// inRegions evaluates a Region expression: ids, @sets (a partition id or a
// named set) and !exceptions, which win wherever they stand.
func (d *document) inRegions(expr []string, region string) bool {
	in := false
	for _, x := range expr {
		switch {
		case x == region:
			in = true
		case strings.HasPrefix(x, "!"):
			if x[1:] == region {
				return false
			}
		case strings.HasPrefix(x, "@"):
			in = in || d.inSet(x[1:], region)
		}
	}
	return in
}

func (d *document) inSet(name, region string) bool {
	for _, p := range d.Partitions {
		if p.ID == name {
			return slices.Contains(p.Regions, region)
		}
	}
	return slices.Contains(d.RegionSets[name], region)
}
