package catalog

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"vpcdoctor/probe/packed"
)

// services is endpoint-services.json, which people edit, compressed to a twelfth
// for the binary; a test holds the two together and writes it anew with -update.
//
//go:embed endpoint-services.json.gz
var services string

// dataDate is the date of the youngest source of the embedded catalogue.
const dataDate = "2026-08-22"

// Catalog is the endpoint services known, embedded ones and those that Merge
// added. It is safe for concurrent use and never changes once made.
type Catalog struct {
	doc    *document
	extra  []*entry // services that the embedded catalogue does not know
	over   map[regionID]overlay
	merged bool

	extraByID map[string]*entry
}

// regionID names one entry in one Region.
type regionID struct{ region, id string }

// document is the embedded file: its small sections decoded, its services left
// as text until one is asked for. A run with the default profile needs seven
// of 514, and decoding all takes longer than the rest of the start.
type document struct {
	Partitions []Partition         `json:"partitions"`
	RegionSets map[string][]string `json:"regionSets"`
	Use        []Profile           `json:"profiles"`
	Sources    map[string]string   `json:"sources"`

	ids   []string            // in the file's order
	lines []string            // the entry of each id, as JSON
	index map[string]int      // id to position
	short map[string][]string // short service name to ids, where they differ: "s3" to both S3 rows

	forms   func() []*regexp.Regexp // of Region ids, by partition
	mu      sync.Mutex
	entries []*entry // decoded so far, by position
}

// entry is one row of the catalogue: a service name with one type.
type entry struct {
	ID           string                         `json:"id"`
	Service      string                         `json:"service"`
	Type         []string                       `json:"type"`
	ServiceName  map[string]string              `json:"serviceName"`
	PrivateDNS   string                         `json:"privateDns"`
	Names        []string                       `json:"privateDnsNames"`
	Dual         dualNames                      `json:"dualStackDnsNames"`
	ProbeHosts   []string                       `json:"probeHosts"`
	Ports        []uint16                       `json:"ports"`
	Confidence   map[string]string              `json:"confidence"`
	Availability map[string]map[string][]string `json:"availability"`
	Overrides    []override                     `json:"overrides"`
	Note         string                         `json:"note"`
	Lifecycle    string                         `json:"lifecycle"`
	Source       []string                       `json:"source"`
}

// dualNames are names that only some Regions or newer endpoints carry.
type dualNames struct {
	Names    []string `json:"names"`
	Observed []string `json:"observed"`
}

// override replaces parts of an entry in some Regions. A nil field keeps what
// the entry says; an empty list replaces it.
type override struct {
	Regions    []string   `json:"regions"`
	Names      []string   `json:"privateDnsNames"`
	Dual       *dualNames `json:"dualStackDnsNames"`
	ProbeHosts []string   `json:"probeHosts"`
	Confidence string     `json:"confidence"`
	NotCovered []string   `json:"sdkHostsNotCovered"`
	Source     string     `json:"source"`
	Note       string     `json:"note"`
}

var load = sync.OnceValue(func() *Catalog {
	d, err := parse(packed.MustText("endpoint-services.json.gz", services))
	if err != nil {
		panic("catalog: embedded file: " + err.Error()) // a test guards it
	}
	return &Catalog{doc: d}
})

// Embedded is the catalogue this program was built with, parsed once.
func Embedded() *Catalog { return load() }

// Date is the date of the data, for the facts of a run: ISO 8601, followed by
// a remark when Merge added to it.
func (c *Catalog) Date() string {
	if c.merged {
		return dataDate + ", with --catalog"
	}
	return dataDate
}

// The services section is one entry per line between these two marks. The
// catalogue's own test holds it to that form.
const (
	servicesMark = "\"services\":[\n"
	servicesEnd  = "\n],"
	linePrefix   = `{"id":"`
	serviceMark  = `","service":"`
)

// parse splits the text and decodes all but the services.
func parse(text string) (*document, error) {
	head, rest, ok := strings.Cut(text, servicesMark)
	body, tail, ok2 := strings.Cut(rest, servicesEnd)
	if !ok || !ok2 {
		return nil, fmt.Errorf("no services section of one entry per line")
	}
	d := &document{}
	if err := json.Unmarshal([]byte(head+tail), d); err != nil {
		return nil, fmt.Errorf("reading partitions and profiles: %w", err)
	}
	d.forms = sync.OnceValue(d.compileForms)
	n := strings.Count(body, "\n") + 1
	d.ids, d.lines = make([]string, 0, n), make([]string, 0, n)
	d.index, d.short = make(map[string]int, n), map[string][]string{}
	for line := range strings.SplitSeq(body, "\n") {
		line = strings.TrimSuffix(line, ",")
		after, ok := strings.CutPrefix(line, linePrefix)
		id, after, ok2 := strings.Cut(after, serviceMark)
		service, _, ok3 := strings.Cut(after, `"`)
		if !ok || !ok2 || !ok3 {
			return nil, fmt.Errorf("entry %d does not start with its id and service", len(d.ids)+1)
		}
		if service != id {
			d.short[service] = append(d.short[service], id)
		}
		d.index[id] = len(d.ids)
		d.ids, d.lines = append(d.ids, id), append(d.lines, line)
	}
	d.entries = make([]*entry, len(d.ids))
	return d, nil
}

// at decodes the entry at a position, once.
func (d *document) at(i int) *entry {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.entries[i] == nil {
		e := &entry{}
		if err := json.Unmarshal([]byte(d.lines[i]), e); err != nil {
			panic("catalog: embedded entry " + d.ids[i] + ": " + err.Error()) // a test decodes all
		}
		d.entries[i] = e
	}
	return d.entries[i]
}

// entry returns the entry with this id, or nil.
func (c *Catalog) entry(id string) *entry {
	if i, ok := c.doc.index[id]; ok {
		return c.doc.at(i)
	}
	return c.extraByID[id]
}

// all yields every entry in the catalogue's order, merged ones last.
func (c *Catalog) all(yield func(*entry) bool) {
	for i := range c.doc.ids {
		if !yield(c.doc.at(i)) {
			return
		}
	}
	for _, e := range c.extra {
		if !yield(e) {
			return
		}
	}
}
