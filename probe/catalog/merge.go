package catalog

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Merge returns a catalogue in which the output of
//
//	aws ec2 describe-vpc-endpoint-services
//
// decides for the Regions it speaks of: which services exist, their types,
// private names and Availability Zones. Services that the embedded catalogue
// lacks are added; those that the file lacks stay as they are, because the
// command may have been filtered. The receiver does not change.
func (c *Catalog) Merge(describeJSON []byte) (*Catalog, error) {
	rows, err := readDescribed(describeJSON)
	if err != nil {
		return nil, fmt.Errorf("reading endpoint services: %w", err)
	}
	m := &Catalog{
		doc: c.doc, extra: slices.Clone(c.extra), merged: true,
		extraByID: map[string]*entry{}, over: map[regionID]overlay{},
	}
	maps.Copy(m.extraByID, c.extraByID)
	maps.Copy(m.over, c.over)
	home, err := m.homeRegion(rows)
	if err != nil {
		return nil, fmt.Errorf("reading endpoint services: %w", err)
	}
	byName := map[string]map[string][]*entry{} // Region to service name to entries
	for i := range rows {
		d := &rows[i]
		region := m.regionOf(d)
		if region == "" {
			region = home
		}
		if byName[region] == nil {
			if len(byName) == maxFileRegions {
				return nil, fmt.Errorf("reading endpoint services: more than %d Regions", maxFileRegions)
			}
			byName[region] = m.serviceNames(region)
		}
		m.mergeOne(d, region, byName[region])
	}
	return m, nil
}

// serviceNames indexes all entries by what they are called in a Region.
func (c *Catalog) serviceNames(region string) map[string][]*entry {
	out := map[string][]*entry{}
	for e := range c.all {
		name := c.expand(e, region).service
		out[name] = append(out[name], e)
	}
	return out
}

// homeRegion is the Region that most rows speak of. Names of global services
// hold none and belong to it.
func (c *Catalog) homeRegion(rows []described) (string, error) {
	count := map[string]int{}
	best := ""
	for i := range rows {
		r := c.regionOf(&rows[i])
		if r == "" {
			continue
		}
		count[r]++
		if count[r] > count[best] {
			best = r
		}
	}
	if best == "" {
		return "", fmt.Errorf("no service name contains a Region")
	}
	return best, nil
}

// regionOf is the Region that a row names itself, or "".
func (c *Catalog) regionOf(d *described) string {
	for _, text := range append([]string{d.ServiceRegion, d.ServiceName}, d.BaseNames...) {
		for label := range strings.SplitSeq(strings.ToLower(text), ".") {
			if c.doc.partition(label) != nil {
				return label
			}
		}
	}
	return ""
}

// mergeOne takes one row over into the entries of the same name and type.
func (c *Catalog) mergeOne(d *described, region string, byName map[string][]*entry) {
	if d.nameOnly {
		known := byName[d.ServiceName]
		for _, e := range known {
			id := regionID{region, e.ID}
			if _, better := c.over[id]; !better {
				c.over[id] = overlay{service: d.ServiceName, tier: Listed}
			}
		}
		if known == nil {
			c.add(d, region, "Interface", byName)
		}
		return
	}
	kinds := []string{"Interface"} // all but three of AWS's services
	if len(d.ServiceType) > 0 {
		kinds = nil
		for _, t := range d.ServiceType {
			kinds = append(kinds, t.ServiceType)
		}
	}
	for _, kind := range kinds {
		i := slices.IndexFunc(byName[d.ServiceName], func(e *entry) bool { return e.kind() == kind })
		if i < 0 {
			c.add(d, region, kind, byName)
			continue
		}
		c.over[regionID{region, byName[d.ServiceName][i].ID}] = d.overlay()
	}
}

func (d *described) overlay() overlay {
	o := overlay{service: d.ServiceName, tier: Observed, privateDNS: dnsNo, names: d.privateNames(), zones: d.Zones}
	if len(o.names) > 0 {
		o.privateDNS = dnsYes
	}
	return o
}

// add makes an entry for a service that the catalogue does not know, or takes
// the one that an earlier Region of the file made.
func (c *Catalog) add(d *described, region, kind string, byName map[string][]*entry) {
	o := d.overlay()
	if d.nameOnly {
		o = overlay{service: d.ServiceName, tier: Listed}
	}
	template := strings.Replace(d.ServiceName, region, "{region}", 1)
	short := shortID(d.ServiceName, region)
	for _, id := range []string{short, short + "-" + strings.ToLower(kind), d.ServiceName + "-" + strings.ToLower(kind)} {
		e := c.entry(id)
		if e == nil {
			e = &entry{
				ID: id, Service: id, Type: []string{kind}, PrivateDNS: dnsUnknown,
				ServiceName: map[string]string{"*": template}, Confidence: map[string]string{"*": Unknown},
				Note: "known from --catalog only",
			}
			c.extra = append(c.extra, e)
			c.extraByID[id] = e
		} else if c.extraByID[id] == nil || e.kind() != kind || e.ServiceName["*"] != template {
			continue // the id is taken by something else
		}
		byName[d.ServiceName] = append(byName[d.ServiceName], e)
		c.over[regionID{region, id}] = o
		return
	}
}

// shortID is what follows the Region in a service name, or for a global one
// what follows the prefix: "com.amazonaws.us-east-1.foo.api" is "foo.api".
func shortID(name, region string) string {
	if _, after, ok := strings.Cut(name, "."+region+"."); ok {
		return after
	}
	return name[strings.LastIndex(name, ".")+1:]
}
