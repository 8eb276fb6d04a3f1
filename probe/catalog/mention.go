package catalog

import (
	"iter"
	"strings"
)

// mentioning yields the entries that may expand to a service or host name in
// the Region. It searches the catalogue's text for the templates that the name
// could come from, so that one name does not cost the decoding of 514 entries.
// It may yield too many entries, never too few.
func (c *Catalog) mentioning(name, region string, host bool) iter.Seq[*entry] {
	forms := c.templates(name, region, host)
	return func(yield func(*entry) bool) {
		for i, line := range c.doc.lines {
			_, public := publicTemplates[c.doc.ids[i]]
			_, changed := c.over[regionID{region, c.doc.ids[i]}] // by --catalog: not in the text
			if (changed || host && public || mentions(line, forms)) && !yield(c.doc.at(i)) {
				return
			}
		}
		for _, e := range c.extra {
			if !yield(e) {
				return
			}
		}
	}
}

func mentions(line string, forms []string) bool {
	for _, f := range forms {
		if strings.Contains(line, f) {
			return true
		}
	}
	return false
}

// templates are the quoted forms that a name can have in the catalogue: with
// and without its Region and suffix replaced, and for a host below each
// wildcard.
func (c *Catalog) templates(name, region string, host bool) []string {
	names := []string{name}
	if host {
		for rest := name; ; {
			_, after, ok := strings.Cut(rest, ".")
			if !ok {
				break
			}
			names, rest = append(names, "*."+after), after
		}
	}
	p := c.doc.partition(region)
	var out []string
	for _, n := range names {
		for _, s := range []struct{ suffix, variable string }{{p.DNSSuffix, varSuffix}, {p.DualStackSuffix, varDual}} {
			if before, ok := strings.CutSuffix(n, "."+s.suffix); ok {
				out = append(out, before+"."+s.variable)
			}
		}
		out = append(out, n)
	}
	for _, n := range out {
		if strings.Contains(n, region) {
			out = append(out, strings.ReplaceAll(n, region, varRegion))
		}
	}
	for i, n := range out {
		out[i] = `"` + n + `"`
	}
	if !host {
		out = append(out, "{cell}")
	}
	return out
}
