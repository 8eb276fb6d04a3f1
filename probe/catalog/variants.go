package catalog

import (
	"strings"

	"vpcdoctor/probe/fact"
)

// addVariants adds FIPS and dual-stack names of a chosen service. They matter
// only because something on the instance uses them, and only some endpoints
// carry them: a missing one is at most a warning.
func (b *builder) addVariants(x expansion, a ask) {
	if !b.sel.FIPS && !b.sel.DualStack || a.host != "" {
		return
	}
	if rank(a.need) < rank(fact.NeedRecommended) {
		a.need, a.group = fact.NeedRecommended, ""
	}
	b.addDual(x, a)
	if e := b.c.entry(fipsID(x.entry.ID)); b.sel.FIPS && e != nil {
		if f := b.c.expand(e, b.sel.Region); f.offered() {
			for _, h := range f.hosts() {
				if name, ok := b.sel.fillHost(h.name); ok && !h.wildcard {
					b.put(f.target(name, a))
				}
			}
			b.addDual(f, a)
		}
	}
}

// addDual adds the additional names of a service that fit the selection.
func (b *builder) addDual(x expansion, a ask) {
	for _, h := range x.dual {
		fips := strings.Contains(h, "-fips.")
		dual := strings.HasSuffix(h, "."+b.c.doc.partition(x.region).DualStackSuffix)
		if fips && !b.sel.FIPS || dual && !b.sel.DualStack {
			continue
		}
		t := x.target(h, a)
		t.PublicOK = t.PublicOK || !x.dualObserved
		b.put(t)
	}
}

// fipsID is the id that the FIPS form of a service has, if there is one:
// "ssm-fips", "ecr-fips.api".
func fipsID(id string) string {
	first, rest, dotted := strings.Cut(id, ".")
	switch {
	case strings.HasSuffix(id, "-fips"):
		return ""
	case !dotted:
		return id + "-fips"
	case first == "ecr" || strings.HasPrefix(first, "iot"):
		return first + "-fips." + rest
	}
	return id + "-fips"
}
