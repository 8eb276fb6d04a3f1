// Package fact is the data that a run of vpcdoctor gathers: what was seen, by
// which probe, when, and what was not looked at and why. It is the contract
// between the probes, which fill it, and report/diagnose, which reads it.
//
// A fact never judges. "The answer is public" is a fact; "private DNS is off"
// is a conclusion and has no place here. A fact never holds a secret: keys,
// tokens, proxy user names and passwords are dropped where they are read.
//
// The package is a leaf: it imports nothing of this module, does no I/O and
// never looks at the clock. Zero values mean "not known"; what was deliberately
// not looked at has Status NotRun and says why.
package fact

import "time"

// SchemaVersion is the version of the facts as JSON. It rises when a reader of
// the older form would misread the newer one; new optional fields do not count.
const SchemaVersion = 1

// Set is everything one run gathered. It marshals to JSON and back without
// loss, so that a stored set gives the same verdict as the run that made it.
type Set struct {
	Schema int       `json:"schema"` // SchemaVersion of the writer
	Start  time.Time `json:"start"`  // UTC, local clock of the instance
	End    time.Time `json:"end"`    // UTC; zero when the run was cut before its end

	Run      Run      `json:"run"`
	Host     Host     `json:"host"`
	IMDS     IMDS     `json:"imds"`
	Place    Place    `json:"place"`
	Resolver Resolver `json:"resolver"`
	Trust    Trust    `json:"trust"`
	Agent    Agent    `json:"agent"`

	Targets    []Target    `json:"targets,omitempty"`    // what was to be reached, in the plan's order
	Lookups    []Lookup    `json:"lookups,omitempty"`    // one per DNS question and server
	Answers    []Answer    `json:"answers,omitempty"`    // what a program on this host gets for a name, one per name
	Addresses  []Address   `json:"addresses,omitempty"`  // each distinct address seen in an answer
	Dials      []Dial      `json:"dials,omitempty"`      // one per TCP connect
	Handshakes []Handshake `json:"handshakes,omitempty"` // one per TLS handshake
	Variants   []Handshake `json:"variants,omitempty"`   // handshakes repeated with one thing changed, after one that failed
	Requests   []Request   `json:"requests,omitempty"`   // one per HTTP request
	Tunnels    []Tunnel    `json:"tunnels,omitempty"`    // one per CONNECT through a proxy

	Controls []Control `json:"controls,omitempty"` // one per comparison dial, on trouble only
	Traces   []Trace   `json:"traces,omitempty"`   // one per TCP traceroute, on trouble only

	DNS     DNSDiff      `json:"dns,omitzero"`      // what tells the layers of name resolution apart
	Times   []TimeSample `json:"times,omitempty"`   // comparisons of the clock, beyond the Date of Requests
	Objects []Object     `json:"objects,omitempty"` // AWS-owned buckets and their public objects

	Signed    Signed     `json:"signed,omitzero"`    // calls with the agent's credentials
	Rehearsal Rehearsal  `json:"rehearsal,omitzero"` // --rehearse
	Software  []Software `json:"software,omitempty"` // --auto: programs found that call AWS
	Idle      []Idle     `json:"idle,omitempty"`     // --idle

	Absent []Absent `json:"absent,omitempty"` // services asked for that this Region does not have

	Cut []Cut `json:"cut,omitempty"` // what the run left out, and why
}

// Run is how the program was called, as far as it decides what the facts mean.
// It is stored with the facts so that a replay judges by the same rules.
type Run struct {
	ID          string    `json:"id,omitempty"`           // of this run: start in UTC, then random, "20261130T091512Z-3fa9c1d2"
	Version     string    `json:"version"`                // of vpcdoctor
	Commit      string    `json:"commit,omitempty"`       // source revision of the build
	UID         int       `json:"uid"`                    // effective user id; -1 where the system has none
	Context     string    `json:"context,omitempty"`      // tty | run-command | systemd | cloud-init | pipe
	Profiles    []string  `json:"profiles,omitempty"`     // profile ids
	Services    []string  `json:"services,omitempty"`     // services named one by one
	All         bool      `json:"all,omitempty"`          // every service of the Region
	Expect      string    `json:"expect"`                 // auto | private | any
	Private     bool      `json:"private,omitempty"`      // --require-private: no public address was dialled
	NeedAgent   bool      `json:"need_agent,omitempty"`   // --require-agent: unchecked agent internals are inconclusive
	Auto        bool      `json:"auto,omitempty"`         // --auto: the profiles were derived from what is installed
	Rehearse    bool      `json:"rehearse,omitempty"`     // --rehearse
	NoSigned    bool      `json:"no_signed,omitempty"`    // --no-signed
	Ignored     []string  `json:"ignored,omitempty"`      // --ignore: codes that were accepted
	Budget      Duration  `json:"budget_ms"`              // of the whole run
	Interrupted bool      `json:"interrupted,omitempty"`  // ended by a signal
	Environment []EnvSeen `json:"environment,omitempty"`  // environment variables that were honoured
	Packets     Packets   `json:"packets,omitzero"`       // what the run itself sent
	RangesDate  time.Time `json:"ranges_date,omitzero"`   // creation date of the embedded AWS range list
	CatalogDate string    `json:"catalog_date,omitempty"` // date of the endpoint catalogue, and of --catalog when given
}

// EnvSeen is one environment variable that changed what the run did. Value is
// free of secrets: user name and password of a proxy URL are removed.
type EnvSeen struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	Used  string `json:"used,omitempty"` // what it changed, in words; empty: seen, no effect
}

// Packets counts what this run sent.
type Packets struct {
	IMDSPuts int `json:"imds_puts"`
	IMDSGets int `json:"imds_gets"`
	DNS      int `json:"dns"`
	Connects int `json:"connects"`
	Requests int `json:"requests"`
	Signed   int `json:"signed,omitempty"` // signed calls, which are not in Requests
}

// Cut is something the run left out. It is never silent: the report lists it.
type Cut struct {
	What string `json:"what"`          // "dial 52.94.1.1:443", "IMDS network/interfaces/macs/…"
	Why  string `json:"why"`           // "budget", "IMDS budget", "public address, --all"
	Key  string `json:"key,omitempty"` // of the target concerned, when it is one
}

// Absent is a service that the user named and that no source places in this
// Region, so that there was no host to ask.
type Absent struct {
	Name  string   `json:"name"`            // as the user wrote it
	ID    string   `json:"id"`              // catalogue id
	Known []string `json:"known,omitempty"` // Regions where it is known, those of this partition first, at most 8
}

// Place is where the instance believes it is, and who said so.
type Place struct {
	Region          string `json:"region,omitempty"`            // "cn-northwest-1"; empty: not known
	Source          string `json:"source,omitempty"`            // imds | flag | agent config | agent registration | resolv.conf | environment
	Partition       string `json:"partition,omitempty"`         // "aws-cn"
	DNSSuffix       string `json:"dns_suffix,omitempty"`        // "amazonaws.com.cn"
	DualStackSuffix string `json:"dual_stack_suffix,omitempty"` // "api.amazonwebservices.com.cn"
	SuffixSource    string `json:"suffix_source,omitempty"`     // imds | catalogue
	IMDSRegion      string `json:"imds_region,omitempty"`       // what IMDS said, also when a flag overrides it
	Known           bool   `json:"known"`                       // the catalogue lists this Region
}
