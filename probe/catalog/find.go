package catalog

import (
	"maps"
	"slices"
	"strings"
)

// find is what a word for a service means: one or more groups of ids. The
// members of a group stand for each other (the two S3 endpoints).
type find struct {
	groups [][]string
	host   string // a concrete host that was given, under a wildcard or beside the main names
	note   string
}

// byWord finds services by the word people use, by id or by short name. The
// last attempt ignores hyphens and dots.
func (c *Catalog) byWord(word string) (find, bool) {
	w := normal(word)
	if targets, ok := words[w]; ok {
		f := find{}
		for _, t := range targets {
			f.groups = append(f.groups, c.byID(t))
		}
		if _, shadowed := c.doc.index[w]; shadowed && !slices.Contains(targets, w) {
			f.note = w + " is read as " + strings.Join(targets, " and ") +
				"; the endpoint service named " + w + " is meant by its full service name"
		}
		return f, true
	}
	if ids := c.byID(w); ids != nil {
		return find{groups: [][]string{ids}}, true
	}
	plain := squeezed(w)
	for _, known := range c.vocabulary() {
		if known != w && squeezed(known) == plain {
			return c.byWord(known)
		}
	}
	return find{}, false
}

// byID returns the ids that an id or a short service name stands for.
func (c *Catalog) byID(w string) []string {
	if _, ok := c.doc.index[w]; ok {
		return []string{w}
	}
	if ids := c.doc.short[w]; ids != nil {
		return ids
	}
	if c.extraByID[w] != nil {
		return []string{w}
	}
	return nil
}

// vocabulary is every word that byWord knows, words before ids.
func (c *Catalog) vocabulary() []string {
	out := slices.Sorted(maps.Keys(words))
	out = append(out, c.doc.ids...)
	out = append(out, slices.Sorted(maps.Keys(c.doc.short))...)
	for _, e := range c.extra {
		out = append(out, e.ID)
	}
	return out
}

// byFullName finds services by endpoint service name in one Region. A service
// name can have an entry of each type.
func (c *Catalog) byFullName(name, region string) (find, bool) {
	var ids []string
	for e := range c.mentioning(name, region, false) {
		if sameService(c.expand(e, region).service, name) {
			ids = append(ids, e.ID)
		}
	}
	return find{groups: [][]string{ids}}, ids != nil
}

// sameService compares a service name of the catalogue with one that was
// given; {cell} stands for any one label or part of it.
func sameService(known, given string) bool {
	before, after, cell := strings.Cut(known, "{cell}")
	if !cell {
		return known == given
	}
	return len(given) > len(known)-len("{cell}") && strings.HasPrefix(given, before) && strings.HasSuffix(given, after)
}

// byHost finds the service whose private names cover a host. An exact name
// wins over a wildcard, a longer wildcard over a shorter one.
func (c *Catalog) byHost(host, region string) (find, bool) {
	var best find
	var ids []string
	length := 0
	for e := range c.mentioning(host, region, true) {
		x := c.expand(e, region)
		fixed := slices.Concat(x.names, x.probes, x.notCovered)
		switch {
		case host == x.public || slices.Contains(fixed, host):
			if length <= len(host) {
				ids, length, best.host = nil, len(host)+1, ""
			}
			ids = append(ids, e.ID)
		case slices.Contains(x.dual, host):
			if length < len(host) {
				ids, length, best.host = []string{e.ID}, len(host), host
			}
		default:
			for _, n := range x.names {
				if covered(host, []string{n}) && len(n)-2 > length {
					ids, length, best.host = []string{e.ID}, len(n)-2, host
				}
			}
		}
	}
	best.groups = [][]string{ids}
	return best, ids != nil
}

// lookup finds what a service argument means in a Region. With an empty Region
// it tells only whether the argument can mean anything at all.
func (c *Catalog) lookup(arg, region string) (find, error) {
	if f, ok := c.byWord(arg); ok {
		return f, nil
	}
	name := strings.ToLower(strings.Trim(arg, " \t."))
	if strings.Contains(name, ".") && isHostPattern(name) {
		for _, r := range c.regionsFor(name, region) {
			f, ok := c.byFullName(name, r)
			if !ok {
				f, ok = c.byHost(name, r)
			}
			if !ok || strings.HasPrefix(f.host, "*") { // a pattern of one's own is no host
				continue
			}
			if region != "" && r != region {
				return find{}, &NotInRegionError{Name: arg, ID: f.groups[0][0], Region: region, Known: []string{r},
					Note: "the name given is one of " + r}
			}
			return f, nil
		}
	}
	return find{}, c.unknownService(arg)
}

// regionsFor are the Regions whose names a dotted name may be: the one asked
// about, those that the name itself contains, and for a name without any the
// first of each partition.
func (c *Catalog) regionsFor(name, region string) []string {
	var out []string
	if region != "" {
		out = append(out, region)
	}
	for label := range strings.SplitSeq(name, ".") {
		if c.doc.listed(label) && !slices.Contains(out, label) {
			out = append(out, label)
		}
	}
	if len(out) == 0 {
		for _, p := range c.doc.Partitions {
			out = append(out, p.Regions[0])
		}
	}
	return out
}

func (c *Catalog) unknownService(arg string) error {
	e := &UnknownError{Kind: "service", Name: arg, Near: near(normal(arg), c.vocabulary())}
	switch {
	case strings.Contains(arg, "vpce-svc-"):
		e.Hint = "a customer's own endpoint service is probed with --endpoint NAME=HOST:PORT"
	case strings.Contains(arg, "."):
		e.Hint = "any other host is probed with --endpoint NAME=HOST:PORT"
	default:
		if p, ok := c.Profile(normal(arg)); ok {
			e.Hint = "it is a profile: --profile " + p.ID
		}
	}
	return e
}

// profile returns a profile or says what may have been meant.
func (c *Catalog) profile(id string) (Profile, error) {
	if p, ok := c.Profile(id); ok {
		return p, nil
	}
	var ids []string
	for _, p := range c.doc.Use {
		ids = append(ids, p.ID)
	}
	e := &UnknownError{Kind: "profile", Name: id, Near: near(normal(id), ids)}
	if _, ok := c.byWord(id); ok {
		e.Hint = "it is a service: --service " + normal(id)
	}
	return Profile{}, e
}

// CheckNames tells whether all profiles and services named can mean something
// in some Region, for a command line that is read before the Region is known.
// The error is an *UnknownError.
func (c *Catalog) CheckNames(profiles, services []string) error {
	for _, id := range profiles {
		if _, err := c.profile(id); err != nil {
			return err
		}
	}
	for _, arg := range services {
		if _, err := c.lookup(arg, ""); err != nil {
			return err
		}
	}
	return nil
}

// CheckRegion tells whether a Region that a user typed can exist: it is listed,
// or has the form of its partition and a point of the compass in it, as all
// Regions have. The error is an *UnknownError.
func (c *Catalog) CheckRegion(region string) error {
	if c.doc.listed(region) {
		return nil
	}
	if c.doc.partition(region) != nil {
		labels := strings.Split(region, "-")
		if slices.Contains(directions, labels[len(labels)-2]) {
			return nil
		}
	}
	return c.unknownRegion(region)
}

var directions = []string{
	"central", "east", "north", "northeast", "northwest", "south", "southeast", "southwest", "west",
}

func (c *Catalog) unknownRegion(region string) *UnknownError {
	return &UnknownError{Kind: "region", Name: region, Near: near(strings.ToLower(region), c.Regions())}
}

// knownIn lists the Regions where a source places the service, the partition
// of the given Region first.
func (c *Catalog) knownIn(e *entry, region string) []string {
	var here, elsewhere []string
	own := c.doc.partition(region)
	for i := range c.doc.Partitions {
		p := &c.doc.Partitions[i]
		for _, r := range p.Regions {
			if !c.expand(e, r).offered() {
				continue
			}
			if p == own {
				here = append(here, r)
			} else {
				elsewhere = append(elsewhere, r)
			}
		}
	}
	return append(here, elsewhere...)
}
