package catalog

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The tests named TestCatalog… hold the embedded catalogue to its evidence:
// structure, the two lists of the China article, every observed and documented
// row, and the names and ports that the CDK knows. `make catalog` runs them.

// table reads a tab-separated file of testdata, comments left out.
func table(t testing.TB, name string, fields int) [][]string {
	t.Helper()
	var out [][]string
	for _, line := range lines(t, name) {
		f := strings.Split(line, "\t")
		if len(f) != fields {
			t.Fatalf("%s: %d fields in %q, want %d", name, len(f), line, fields)
		}
		out = append(out, f)
	}
	if len(out) == 0 {
		t.Fatalf("%s is empty", name)
	}
	return out
}

func lines(t testing.TB, name string) []string {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\r\n")
		if strings.TrimSpace(line) != "" && !strings.HasPrefix(line, "#") {
			out = append(out, line)
		}
	}
	return out
}

// inRegion fills a template as the catalogue would.
func inRegion(c *Catalog, template, region string) string {
	return filler{region, c.doc.partition(region)}.fill(template)
}

// filled fills a space-separated list, sorted; "-" is none.
func filled(c *Catalog, templates, region string) []string {
	var out []string
	for _, f := range strings.Fields(templates) {
		if f != "-" {
			out = append(out, inRegion(c, f, region))
		}
	}
	slices.Sort(out)
	return out
}

// regionsIn evaluates a Region expression to a list.
func regionsIn(c *Catalog, expr string) []string {
	var out []string
	for _, r := range c.Regions() {
		if c.doc.inRegions(strings.Fields(expr), r) {
			out = append(out, r)
		}
	}
	return out
}

// interfaces indexes the interface entries by the general service name.
func interfaces(c *Catalog) map[string]*entry {
	out := map[string]*entry{}
	for e := range c.all {
		if e.kind() == "Interface" {
			out[e.ServiceName["*"]] = e
		}
	}
	return out
}

func TestCatalogStructure(t *testing.T) {
	c := Embedded()
	if len(c.doc.ids) != 514 || len(c.doc.Partitions) != 8 || len(c.doc.Use) != 14 {
		t.Errorf("%d services, %d partitions, %d profiles; want 514, 8, 14",
			len(c.doc.ids), len(c.doc.Partitions), len(c.doc.Use))
	}
	seen := map[string]bool{}
	for i, id := range c.doc.ids {
		e := c.doc.at(i)
		if e.ID != id || seen[id] {
			t.Errorf("line %d: id %q read as %q, or twice", i, id, e.ID)
		}
		seen[id] = true
		checkEntry(t, c, e)
	}
	for _, p := range c.Profiles() {
		for _, id := range p.Members() {
			if !seen[id] {
				t.Errorf("profile %s: unknown id %s", p.ID, id)
			}
		}
	}
}

func checkEntry(t *testing.T, c *Catalog, e *entry) {
	t.Helper()
	if len(e.Type) != 1 || !slices.Contains([]string{"Interface", "Gateway", "GatewayLoadBalancer"}, e.kind()) {
		t.Fatalf("%s: type %v", e.ID, e.Type)
	}
	if e.ServiceName["*"] == "" || !slices.Contains([]string{dnsYes, dnsNo, dnsUnknown}, e.PrivateDNS) {
		t.Errorf("%s: service name %v, private DNS %q", e.ID, e.ServiceName, e.PrivateDNS)
	}
	if (e.PrivateDNS == dnsYes) != (len(e.Names) > 0) {
		t.Errorf("%s: private DNS %s with names %v", e.ID, e.PrivateDNS, e.Names)
	}
	if e.kind() == "Gateway" && e.PrivateDNS != dnsNo {
		t.Errorf("%s: a gateway with private DNS", e.ID)
	}
	wild := slices.ContainsFunc(e.Names, func(n string) bool { return strings.HasPrefix(n, "*") })
	if wild && len(e.ProbeHosts) == 0 {
		t.Errorf("%s: wildcard without probe hosts", e.ID)
	}
	for _, n := range e.Names {
		if len(e.ProbeHosts) > 0 && !strings.HasPrefix(n, "*") && !slices.Contains(e.ProbeHosts, n) {
			t.Errorf("%s: %s is not among the probe hosts", e.ID, n)
		}
	}
	for _, s := range e.Source {
		if c.doc.Sources[s] == "" {
			t.Errorf("%s: unknown source %s", e.ID, s)
		}
	}
	for partition, av := range e.Availability {
		count := map[string]int{}
		for tier, expr := range av {
			if !slices.Contains(tiers, tier) {
				t.Errorf("%s: tier %q", e.ID, tier)
			}
			for _, r := range regionsIn(c, strings.Join(expr, " ")) {
				count[r]++
				if c.doc.partition(r).ID != partition {
					t.Errorf("%s: %s is not in %s", e.ID, r, partition)
				}
			}
		}
		for r, n := range count {
			if n > 1 {
				t.Errorf("%s: %s in %d tiers", e.ID, r, n)
			}
		}
	}
}

func TestCatalogPartitions(t *testing.T) {
	c := Embedded()
	for _, r := range c.Regions() {
		var owners []string
		for _, p := range c.doc.Partitions {
			if regexp.MustCompile(p.RegionRegex).MatchString(r) {
				owners = append(owners, p.ID)
			}
		}
		if p, ok := c.PartitionOf(r); !ok || len(owners) != 1 || owners[0] != p.ID {
			t.Errorf("%s: by list %s, by form %v", r, p.ID, owners)
		}
		if err := c.CheckRegion(r); err != nil {
			t.Error(err)
		}
	}
	if len(c.Regions()) != 46 {
		t.Errorf("%d Regions, want 46", len(c.Regions()))
	}
}

// label is one label of an expanded host; wildcards and variables included.
var label = regexp.MustCompile(`^(\*|\{any\}|\{accountId\}|\{any\}-\{accountId\}|[a-z0-9]([a-z0-9-]*[a-z0-9])?)$`)

func TestCatalogHostsAreNames(t *testing.T) {
	c := Embedded()
	pairs := 0
	for _, r := range c.Regions() {
		names := map[string]bool{}
		for _, x := range c.offeredIn(r) {
			pairs++
			key := x.service + " " + x.entry.kind()
			if names[key] {
				t.Errorf("%s: %s twice", r, key)
			}
			names[key] = true
			for _, h := range slices.Concat(x.names, x.dual, x.probes, x.notCovered) {
				for l := range strings.SplitSeq(h, ".") {
					if !label.MatchString(l) {
						t.Errorf("%s in %s: host %s", x.entry.ID, r, h)
					}
				}
			}
		}
	}
	if pairs != 9010 { // the catalogue's own count of Region and service
		t.Errorf("%d pairs of Region and service, want 9010", pairs)
	}
}

func TestCatalogObserved(t *testing.T) {
	c := Embedded()
	by := interfaces(c)
	seen := map[regionID]bool{}
	rows := 0
	for _, f := range table(t, "observed-2023-09.tsv", 3) {
		for _, r := range regionsIn(c, f[2]) {
			rows++
			e := by[f[0]]
			if e == nil {
				t.Errorf("%s is not in the catalogue", f[0])
				continue
			}
			x := c.expand(e, r)
			seen[regionID{r, e.ID}] = true
			if x.tier != Observed {
				t.Errorf("%s in %s: tier %q", f[0], r, x.tier)
			}
			got := slices.Clone(x.names)
			if x.dualObserved {
				got = append(got, x.dual...)
			}
			slices.Sort(got)
			// One row of AWS's own data lacks a dot; the catalogue has it.
			typo := e.ID == "appstream.streaming" && r == "eu-west-2"
			if want := filled(c, f[1], r); slices.Equal(got, want) == typo {
				t.Errorf("%s in %s: %v, observed %v", f[0], r, got, want)
			}
		}
	}
	if rows != 2801 {
		t.Errorf("%d observed rows, want 2801", rows)
	}
	for e := range c.all {
		for _, r := range regionsIn(c, strings.Join(e.Availability["aws"][Observed], " ")) {
			if !seen[regionID{r, e.ID}] {
				t.Errorf("%s in %s: observed, but not in the evidence", e.ID, r)
			}
		}
	}
}

func TestCatalogDocumented(t *testing.T) {
	c := Embedded()
	by := interfaces(c)
	rows := 0
	for _, f := range table(t, "documented.tsv", 6) {
		regions := []string{f[1]}
		if f[1] == "*" {
			regions = []string{"us-east-1"}
		} else if !c.doc.listed(f[1]) {
			regions = regionsIn(c, "@"+f[1])
		}
		for _, r := range regions {
			rows++
			x := c.expand(by[f[2]], r)
			if f[3] == "none" {
				if x.privateDNS != dnsNo {
					t.Errorf("%s: private DNS %s, documented none", f[2], x.privateDNS)
				}
				continue
			}
			if !containsAll(x.names, filled(c, f[4], r)) || !containsAll(x.dual, filled(c, f[5], r)) || x.confidence != Exact {
				t.Errorf("%s in %s: %v and %v (%s), %s documents %s and %s", f[2], r, x.names, x.dual, x.confidence, f[0], f[4], f[5])
			}
		}
	}
	if rows != 29 {
		t.Errorf("%d documented rows, want 29", rows)
	}
}

func containsAll(have, want []string) bool {
	return !slices.ContainsFunc(want, func(w string) bool { return !slices.Contains(have, w) })
}

// TestCatalogDemotion holds the rule "a source A-… speaks for all Regions" to
// the list of documents.
func TestCatalogDemotion(t *testing.T) {
	c := Embedded()
	documented := map[string]bool{}
	for _, f := range table(t, "documented.tsv", 6) {
		documented[f[2]] = documented[f[2]] || f[1] == "*"
	}
	for e := range c.all {
		if e.kind() != "Interface" || e.Confidence["aws"] != Exact || e.Availability["aws"][Observed] == nil {
			continue
		}
		if got := !demoted(e, "aws", Inferred); got != documented[e.ServiceName["*"]] {
			t.Errorf("%s: exact in Regions without a sample: %v, documented everywhere: %v", e.ID, got, !got)
		}
	}
}

// TestCatalogCoverage: how many pairs of Region and service each partition
// has, and how well their names are known, is as the reviewed catalogue counts
// them. A change here is a change of the data or of the rules.
func TestCatalogCoverage(t *testing.T) {
	type count struct{ pairs, exact, derived, none, unknown int }
	want := map[string]count{
		"aws":        {7608, 3030, 4385, 193, 0},
		"aws-cn":     {163, 9, 148, 6, 0},
		"aws-us-gov": {437, 0, 425, 12, 0},
		"aws-eusc":   {126, 0, 122, 4, 0},
		"iso":        {676, 0, 644, 28, 4},
	}
	got := map[string]count{}
	c := Embedded()
	for _, r := range c.Regions() {
		partition := c.doc.partition(r).ID
		if strings.HasPrefix(partition, "aws-iso") {
			partition = "iso"
		}
		n := got[partition]
		for _, x := range c.offeredIn(r) {
			n.pairs++
			switch {
			case x.privateDNS == dnsNo:
				n.none++
			case x.confidence == Exact:
				n.exact++
			case x.confidence == Derived:
				n.derived++
			default:
				n.unknown++
			}
		}
		got[partition] = n
	}
	for p, w := range want {
		if got[p] != w {
			t.Errorf("%s: %+v, want %+v", p, got[p], w)
		}
	}
}
