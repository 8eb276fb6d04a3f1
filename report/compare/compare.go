package compare

import (
	"vpcdoctor/report"
	"vpcdoctor/report/diagnose"
)

// Stage is a part of the path.
type Stage string

// The stages in the order of the path.
const (
	Ground      Stage = "host"
	IMDS        Stage = "imds"
	Resolver    Stage = "resolver"
	DNS         Stage = "dns"
	Routes      Stage = "routes"
	TCP         Stage = "tcp"
	TLS         Stage = "tls"
	HTTP        Stage = "http"
	Agent       Stage = "agent"
	Credentials Stage = "credentials"
	Verdict     Stage = "verdict"
	Place       Stage = "place" // where an instance is: listed apart
)

var order = []Stage{Ground, IMDS, Resolver, DNS, Routes, TCP, TLS, HTTP, Agent, Credentials, Verdict}

// Side is one of the two runs.
type Side struct {
	Instance string          `json:"instance,omitempty"`
	Region   string          `json:"region,omitempty"`
	Time     string          `json:"time,omitempty"` // UTC
	Status   diagnose.Status `json:"status"`
	Headline string          `json:"headline"`
}

// Difference is one fact that is not the same.
type Difference struct {
	Stage Stage  `json:"stage"`
	What  string `json:"what"`
	A     string `json:"a"`
	B     string `json:"b"`
}

// Result is what Reports found. Slices are never nil.
type Result struct {
	Same    bool         `json:"same"` // no difference that counts
	A       Side         `json:"a"`
	B       Side         `json:"b"`
	First   *Difference  `json:"first,omitempty"` // of Differs
	Differs []Difference `json:"differs"`         // in path order
	Place   []Difference `json:"place"`           // where the instances are
	OnlyOne []Difference `json:"only_one"`        // what one of the runs did not look at
	Alike   int          `json:"alike"`           // facts that are the same
}

// notSeen is the value of what a run did not look at.
const notSeen = "not checked"

// Reports compares two runs. Both have a verdict.
func Reports(a, b *report.Report) Result {
	out := Result{A: sideOf(a), B: sideOf(b), Differs: []Difference{}, Place: []Difference{}, OnlyOne: []Difference{}}
	w := worlds{
		near:   sameVPC(a, b),
		region: a.Context.Region == b.Context.Region,
	}
	left, right := project(a, w), project(b, w)
	for _, stage := range append(order, Place) {
		for _, what := range names(left[stage], right[stage]) {
			d := Difference{stage, what, left[stage].of(what), right[stage].of(what)}
			switch {
			case d.A == d.B:
				out.Alike++
			case stage == Place:
				out.Place = append(out.Place, d)
			case d.A == notSeen || d.B == notSeen:
				out.OnlyOne = append(out.OnlyOne, d)
			default:
				out.Differs = append(out.Differs, d)
			}
		}
	}
	out.Same = len(out.Differs) == 0
	if !out.Same {
		out.First = &out.Differs[0]
	}
	return out
}

func sideOf(r *report.Report) Side {
	s := Side{Instance: r.Context.InstanceID, Region: r.Context.Region, Status: r.Verdict.Status, Headline: r.Verdict.Headline}
	if !r.Context.Time.IsZero() {
		s.Time = r.Context.Time.UTC().Format("2006-01-02 15:04:05 UTC")
	}
	return s
}

// sameVPC tells whether the private addresses of the two runs mean the same.
func sameVPC(a, b *report.Report) bool {
	return a.Context.VPCID != "" && a.Context.VPCID == b.Context.VPCID
}

// worlds is what the two runs share.
type worlds struct {
	near   bool // the same VPC
	region bool // the same Region
}

// column is what one run says about a stage, in its own order.
type column struct {
	names  []string
	values map[string]string
}

// add puts a value down; of several with one name the first stands.
func (c *column) add(what, value string) {
	if c.values == nil {
		c.values = map[string]string{}
	}
	if _, twice := c.values[what]; twice {
		return
	}
	c.names = append(c.names, what)
	c.values[what] = value
}

func (c *column) of(what string) string {
	if c == nil {
		return notSeen
	}
	if v, ok := c.values[what]; ok {
		return v
	}
	return notSeen
}

// names are the names of both columns: those of the first, then what only the
// second has.
func names(a, b *column) []string {
	var out []string
	if a != nil {
		out = append(out, a.names...)
	}
	if b != nil {
		for _, n := range b.names {
			if a == nil || a.of(n) == notSeen && a.values[n] == "" {
				out = append(out, n)
			}
		}
	}
	return out
}
