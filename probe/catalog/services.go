package catalog

// Service is one endpoint service in one Region, as `vpcdoctor services` shows
// it.
type Service struct {
	ID           string   `json:"id"`                     // catalogue id, "s3-gateway"
	Title        string   `json:"title"`                  // what people call it
	ServiceName  string   `json:"service_name"`           // "com.amazonaws.cn-north-1.s3"
	Type         string   `json:"type"`                   // Interface | Gateway | GatewayLoadBalancer
	Hosts        []string `json:"hosts,omitempty"`        // private names, wildcards included; the public name where there is none
	Extra        []string `json:"extra_hosts,omitempty"`  // dual-stack and FIPS names that only some endpoints carry
	NotCovered   []string `json:"not_covered,omitempty"`  // hosts that SDKs call although no private name covers them
	Ports        []uint16 `json:"ports"`                  // the service listens on; not all are probed
	PrivateDNS   string   `json:"private_dns"`            // yes | no | unknown
	Confidence   string   `json:"confidence"`             // of Hosts: exact | derived | unknown
	Availability string   `json:"availability,omitempty"` // observed | listed | documented | inferred | absent; empty: no source
	Age          string   `json:"age,omitempty"`          // of that evidence, "2023-09"
	Zones        []string `json:"zones,omitempty"`        // Availability Zones, where --catalog tells
	Note         string   `json:"note,omitempty"`
}

// Services lists the endpoint services that a source places in the Region, in
// the catalogue's order. It is empty for a Region that no partition knows.
func (c *Catalog) Services(region string) []Service {
	var out []Service
	for _, x := range c.offeredIn(region) {
		out = append(out, c.row(x))
	}
	return out
}

// Service returns one row by catalogue id, whether the Region has it or not.
func (c *Catalog) Service(id, region string) (Service, bool) {
	e := c.entry(id)
	if e == nil || c.doc.partition(region) == nil {
		return Service{}, false
	}
	return c.row(c.expand(e, region)), true
}

func (c *Catalog) row(x expansion) Service {
	s := Service{
		ID: x.entry.ID, Title: title(x.entry.ID), ServiceName: x.service, Type: x.entry.kind(),
		Hosts: x.names, Extra: x.dual, NotCovered: x.notCovered, Ports: x.ports,
		PrivateDNS: x.privateDNS, Confidence: x.confidence, Availability: x.tier,
		Age: c.age(x), Zones: x.zones, Note: x.fullNote(),
	}
	if x.public != "" {
		s.Hosts = []string{x.public}
	}
	return s
}

// offeredIn expands every service of the Region. In a Region that the
// catalogue does not list, what at least half of its partition's Regions have
// is taken as a candidate.
func (c *Catalog) offeredIn(region string) []expansion {
	p := c.doc.partition(region)
	if p == nil {
		return nil
	}
	listed := c.doc.listed(region)
	var out []expansion
	for e := range c.all {
		x := c.expand(e, region)
		if !listed && x.tier == "" {
			n := 0
			for _, r := range p.Regions {
				if t := c.doc.tier(e, p.ID, r); t != "" && t != Absent {
					n++
				}
			}
			if 2*n >= len(p.Regions) {
				x.tier, x.confidence = Inferred, Derived
			}
		}
		if x.offered() {
			out = append(out, x)
		}
	}
	return out
}

// age is the month or year of the evidence behind a row.
func (c *Catalog) age(x expansion) string {
	switch {
	case x.fromFile:
		return "--catalog"
	case x.tier == Observed:
		return "2023-09" // raw DescribeVpcEndpointServices answers, source V
	case x.tier == Listed && c.doc.partition(x.region).ID == "aws-cn":
		return "2023-08" // the two lists of the China blog post, source S
	case x.tier == Inferred:
		return "2026-08" // public endpoints, sources P and R
	case x.tier == "":
		return ""
	}
	return "2026" // AWS documentation and CDK, without a month
}

// DescribeCommand is the AWS CLI command that lists the Region's real endpoint
// services, in the form that --catalog takes.
func DescribeCommand(region string) string {
	return "aws ec2 describe-vpc-endpoint-services --region " + region + " --output json"
}
