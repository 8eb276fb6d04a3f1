package catalog

import (
	"strings"
	"testing"
)

func TestCatalogCDK(t *testing.T) {
	c := Embedded()
	have := map[string]*entry{}
	for e := range c.all {
		have[e.kind()+" "+e.ServiceName["*"]] = e
	}
	for _, f := range table(t, "cdk-names.tsv", 3) {
		if have[f[0]+" "+f[1]] == nil {
			t.Errorf("%s %s is missing", f[0], f[1])
		}
	}
	prefixes := map[string]string{} // Region and service to the prefix
	for _, f := range table(t, "cdk-prefix.tsv", 3) {
		for s := range strings.FieldsSeq(f[2]) {
			prefixes[f[0]+" "+s] = f[1]
			want := f[1] + "." + f[0] + "." + s
			if s == "transcribe" && strings.HasPrefix(f[0], "cn-") {
				want += ".cn"
			}
			e := have["Interface com.amazonaws.{region}."+s]
			if e == nil {
				t.Errorf("%s is missing", want)
			} else if x := c.expand(e, f[0]); x.service != want || !x.offered() {
				t.Errorf("%s: %s (%s)", want, x.service, x.tier)
			}
		}
	}
	if len(prefixes) != 174 {
		t.Errorf("%d prefixes, want 174", len(prefixes))
	}
	// And the reverse: what has the plain prefix in China is not in the map.
	for _, r := range regionsIn(c, "@aws-cn") {
		for _, x := range c.offeredIn(r) {
			if x.tier != Listed || x.entry.kind() != "Interface" || strings.HasPrefix(x.service, "aws.") {
				continue
			}
			tail := strings.TrimSuffix(shortID(x.service, r), ".cn")
			if strings.HasPrefix(x.service, "cn.com.") != (prefixes[r+" "+tail] != "") {
				t.Errorf("prefix of %s", x.service)
			}
		}
	}
}

// TestCatalogAWSList: every name of AWS's documentation is there, but for one
// that the same page spells in two ways (freetier).
func TestCatalogAWSList(t *testing.T) {
	have := map[string]bool{}
	for e := range Embedded().all {
		have[e.ServiceName["*"]] = true
	}
	for _, f := range table(t, "aws-list-2026.tsv", 1) {
		if !have[f[0]] && f[0] != "com.amazonaws.{region}.freetier" {
			t.Errorf("%s is missing", f[0])
		}
	}
	for _, f := range table(t, "cn-names-documented.tsv", 3) {
		if !have[f[1]] {
			t.Errorf("%s is missing", f[1])
		}
	}
}

// TestCatalogAgentHosts: hosts that AWS's own agents use are among ours.
func TestCatalogAgentHosts(t *testing.T) {
	c := Embedded()
	for _, f := range table(t, "agent-hosts.tsv", 3) {
		for i, r := range regionsIn(c, f[1]) {
			if i%5 != 0 && strings.HasPrefix(f[1], "@aws ") {
				continue // a sample of the 46 Regions
			}
			host := inRegion(c, f[2], r)
			host = strings.Replace(host, "*.", "123456789012.", 1)
			if _, ok := c.byHost(host, r); !ok {
				t.Errorf("%s uses %s, no service covers it", f[0], host)
			}
		}
	}
}
