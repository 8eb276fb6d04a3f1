package fact

import "strconv"

// Need says how much a target matters to the verdict.
type Need string

// Needs, strongest first. The members of one Group with NeedOneOf stand for
// each other: one that works is enough.
const (
	NeedRequired    Need = "required"
	NeedOneOf       Need = "one_of"
	NeedRecommended Need = "recommended"
	NeedOptional    Need = "optional"
)

// Target is one host name that the run was asked to reach, and everything the
// catalogue says about it that a judgement needs.
type Target struct {
	ID           string   `json:"id"`                 // catalogue id or the user's own name: "ssm", "s3-gateway", "billing"
	Title        string   `json:"title,omitempty"`    // what people call it
	Service      string   `json:"service,omitempty"`  // endpoint service name, "com.amazonaws.cn-north-1.ssm"
	Type         string   `json:"type"`               // Interface | Gateway | Custom
	Host         string   `json:"host"`               // name asked, lower case, no trailing dot
	TLSName      string   `json:"tls_name,omitempty"` // SNI and certificate name, when not Host
	Ports        []Port   `json:"ports,omitempty"`    // in probe order, at most 4
	Need         Need     `json:"need"`
	Group        string   `json:"group,omitempty"`        // of a NeedOneOf
	Profiles     []string `json:"profiles,omitempty"`     // that asked for it; empty: named by itself
	PrivateDNS   string   `json:"private_dns,omitempty"`  // yes | no | unknown
	Confidence   string   `json:"confidence,omitempty"`   // of the name: exact | derived | unknown
	Availability string   `json:"availability,omitempty"` // observed | listed | documented | inferred | absent
	PublicOK     bool     `json:"public_ok,omitempty"`    // a public answer is right or proves nothing
	Wildcard     bool     `json:"wildcard,omitempty"`     // Host is a probe name under a wildcard
	Origin       string   `json:"origin"`                 // catalogue | agent config | flag | config | sdk
	Agent        bool     `json:"agent,omitempty"`        // the SSM Agent dials it: its config and proxy decide
	Instead      string   `json:"instead,omitempty"`      // the catalogue host that an agent override replaces
	Note         string   `json:"note,omitempty"`
	CIDR         string   `json:"cidr,omitempty"`    // expected block of a custom endpoint
	AZs          int      `json:"azs,omitempty"`     // expected number of addresses of a custom endpoint, one per zone; 0: any
	Retires      string   `json:"retires,omitempty"` // announced end of the service in this Region, ISO date; empty: none confirmed
}

// Port is one port of a target.
type Port struct {
	Number uint16 `json:"number"`
	TLS    bool   `json:"tls"`            // speak TLS after connecting
	HTTP   bool   `json:"http,omitempty"` // an HTTPS request means something here
}

// Key names the target in evidence and subjects: id and host.
func (t Target) Key() string { return t.ID + "/" + t.Host }

// ServerName is the name the certificate must be valid for.
func (t Target) ServerName() string {
	if t.TLSName != "" {
		return t.TLSName
	}
	return t.Host
}

// String is "443/tls" or "22/tcp".
func (p Port) String() string {
	if p.TLS {
		return strconv.Itoa(int(p.Number)) + "/tls"
	}
	return strconv.Itoa(int(p.Number)) + "/tcp"
}
