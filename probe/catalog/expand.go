package catalog

import (
	"cmp"
	"slices"
	"strings"
)

// Availability of a service in a Region, strongest evidence first.
const (
	Observed   = "observed"   // in a DescribeVpcEndpointServices answer with its DNS names
	Listed     = "listed"     // its name was seen for that Region
	Documented = "documented" // AWS text names it without a full list of Regions
	Inferred   = "inferred"   // it has a public endpoint there: a candidate, not a proof
	Absent     = "absent"     // AWS text says that there is none
)

var tiers = []string{Observed, Listed, Documented, Inferred, Absent}

// Confidence in the host names of a service in a Region.
const (
	Exact   = "exact"   // seen or documented for that Region
	Derived = "derived" // formed by the rule that holds elsewhere
	Unknown = "unknown" // no source states them
)

// Values of privateDns.
const (
	dnsYes     = "yes"
	dnsNo      = "no"
	dnsUnknown = "unknown"
)

// defaultPorts is the catalogue's default, an HTTPS API.
var defaultPorts = []uint16{443}

// expansion is one entry in one Region, with every variable but {any} and
// {accountId} replaced.
type expansion struct {
	entry        *entry
	region       string
	service      string // endpoint service name
	tier         string // "" when no source places it in this Region
	privateDNS   string
	names        []string // of the endpoint's private zone, wildcards included
	dual         []string
	dualObserved bool
	confidence   string
	probes       []string
	ports        []uint16
	public       string   // host of a service whose endpoint has no private name
	notCovered   []string // hosts that SDKs call although the private names do not cover them
	note         string
	zones        []string // where --catalog tells
	fromFile     bool     // --catalog decides this row
}

// overlay is what Merge learnt of one entry in one Region.
type overlay struct {
	service    string
	tier       string
	privateDNS string // "": the file does not tell, the entry stays as it is
	names      []string
	zones      []string
}

// kind is the type of the endpoint: Interface, Gateway or GatewayLoadBalancer.
func (e *entry) kind() string { return e.Type[0] }

// offered tells whether a source places the service in the Region.
func (x expansion) offered() bool { return x.tier != "" && x.tier != Absent }

// expand resolves one entry for one Region, whatever its availability there.
// The rules are those of the catalogue's verifier; where several apply, the
// last one wins: entry, documented template, override by Region, --catalog.
func (c *Catalog) expand(e *entry, region string) expansion {
	d := c.doc
	p := d.partition(region)
	if p == nil {
		p = &Partition{}
	}
	x := expansion{
		entry: e, region: region, privateDNS: e.PrivateDNS, confidence: confidenceIn(e, p.ID),
		ports: e.Ports, note: e.Note, tier: d.tier(e, p.ID, region),
	}
	if len(x.ports) == 0 {
		x.ports = defaultPorts
	}
	if demoted(e, p.ID, x.tier) || x.tier == "" && e.PrivateDNS == dnsYes && !d.listed(region) {
		x.confidence = Derived
	}
	name, ok := e.ServiceName[p.ID]
	if !ok {
		name = e.ServiceName["*"]
	}
	t := hostTemplates{e.Names, e.Dual, e.ProbeHosts, nil}
	for _, o := range e.Overrides {
		if d.inRegions(o.Regions, region) {
			t.override(o)
			x.confidence, x.note = cmp.Or(o.Confidence, x.confidence), cmp.Or(o.Note, x.note)
		}
	}
	if x.privateDNS == dnsUnknown {
		x.confidence = Unknown
	}
	f := filler{region, p}
	x.service = f.fill(name)
	x.names, x.dual, x.probes = f.list(t.names), f.list(t.dual.Names), f.list(t.probes)
	x.notCovered = f.list(t.notCovered)
	x.dualObserved = d.inRegions(t.dual.Observed, region)
	if public, ok := publicTemplates[e.ID]; ok && x.privateDNS != dnsYes {
		x.public = f.fill(public)
	}
	if o, ok := c.over[regionID{region, e.ID}]; ok {
		x.apply(o)
	}
	return x
}

// hostTemplates are the host names of an entry before their variables are
// replaced.
type hostTemplates struct {
	names      []string
	dual       dualNames
	probes     []string
	notCovered []string
}

// override replaces what an override by Region states.
func (t *hostTemplates) override(o override) {
	if o.Names != nil {
		t.names = o.Names
	}
	if o.Dual != nil {
		t.dual = *o.Dual
	}
	if o.ProbeHosts != nil {
		t.probes = o.ProbeHosts
	}
	t.notCovered = o.NotCovered
}

// confidenceIn is the confidence that an entry states for a partition.
func confidenceIn(e *entry, partition string) string {
	for _, k := range []string{partition, "*"} {
		if v, ok := e.Confidence[k]; ok {
			return v
		}
	}
	return Derived
}

// demoted tells that an entry's "exact" rests on samples from other Regions
// only. Text of AWS (a source A-…) holds for all Regions; A-XR is about China.
func demoted(e *entry, partition, tier string) bool {
	if partition != "aws" || tier == "" || tier == Absent || tier == Observed || e.Confidence["aws"] != Exact {
		return false
	}
	if _, sampled := e.Availability["aws"][Observed]; !sampled {
		return false
	}
	return !slices.ContainsFunc(e.Source, func(s string) bool { return strings.HasPrefix(s, "A-") && s != "A-XR" })
}

// tier is the strongest evidence for the service in the Region.
func (d *document) tier(e *entry, partition, region string) string {
	av := e.Availability[partition]
	for _, t := range tiers {
		if d.inRegions(av[t], region) {
			return t
		}
	}
	return ""
}

// apply lets what the Region itself answered replace what the catalogue says.
func (x *expansion) apply(o overlay) {
	x.service, x.tier, x.zones, x.fromFile = o.service, o.tier, o.zones, true
	if o.privateDNS == "" {
		return
	}
	x.privateDNS, x.confidence = o.privateDNS, Exact
	if o.privateDNS == dnsYes {
		x.public = ""
	}
	x.names, x.dual = splitDual(o.names, x.dual)
	x.dualObserved = len(x.dual) > 0
	known := x.probes
	x.probes = nil
	for _, n := range x.names {
		for _, p := range probesFor(n, known) {
			if !slices.Contains(x.probes, p) {
				x.probes = append(x.probes, p)
			}
		}
	}
	x.notCovered = slices.DeleteFunc(slices.Clone(x.notCovered), func(h string) bool { return covered(h, x.names) })
}

// splitDual separates the names that the catalogue holds for additional ones.
func splitDual(names, dual []string) (main, extra []string) {
	for _, n := range names {
		if slices.Contains(dual, n) {
			extra = append(extra, n)
		} else {
			main = append(main, n)
		}
	}
	if len(main) == 0 {
		return extra, nil
	}
	return main, extra
}

// probesFor are the hosts to ask for one private name: for a wildcard the
// known probe hosts under it and at its apex, else any label.
func probesFor(name string, known []string) []string {
	if !strings.HasPrefix(name, "*.") {
		return []string{name}
	}
	var out []string
	for _, k := range known {
		if covered(k, []string{name}) || k == name[2:] {
			out = append(out, k)
		}
	}
	if len(out) == 0 {
		out = []string{"{any}" + name[1:]}
	}
	return out
}

// covered tells whether one of the names, wildcards included, answers for the
// host. A DNS wildcard stands for one label or more (RFC 4592).
func covered(host string, names []string) bool {
	for _, n := range names {
		if n == host {
			return true
		}
		if strings.HasPrefix(n, "*.") && len(host) > len(n)-1 && strings.HasSuffix(host, n[1:]) {
			return true
		}
	}
	return false
}

// filler replaces the variables of a template. A strings.Replacer would be
// built anew for each entry, at four times the cost.
type filler struct {
	region    string
	partition *Partition
}

func (f filler) fill(t string) string {
	if strings.IndexByte(t, '{') < 0 {
		return t
	}
	t = strings.ReplaceAll(t, varRegion, f.region)
	t = strings.ReplaceAll(t, varSuffix, f.partition.DNSSuffix)
	return strings.ReplaceAll(t, varDual, f.partition.DualStackSuffix)
}

func (f filler) list(templates []string) []string {
	if len(templates) == 0 {
		return nil
	}
	out := make([]string, len(templates))
	for i, t := range templates {
		out[i] = f.fill(t)
	}
	return out
}

// Variables of the catalogue's templates. Two more stay in the expanded names
// until a Selection fills them: {any} and {accountId}.
const (
	varRegion = "{region}"
	varSuffix = "{dnsSuffix}"
	varDual   = "{dualStackDnsSuffix}"
)
