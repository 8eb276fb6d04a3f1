// Package diagnose turns facts into a verdict: which of the known causes the
// facts show, how sure that is, what follows from it, and what was proved
// innocent. It is a pure function of the facts: no clock, no network, no
// files. The same facts in another order give the same verdict.
package diagnose

// Status is the verdict on the whole run.
type Status string

// Verdicts, from best to worst for the reader's decision.
const (
	Healthy      Status = "healthy"      // every required check ran and passed
	Degraded     Status = "degraded"     // warnings only
	Broken       Status = "broken"       // at least one error
	Inconclusive Status = "inconclusive" // too little could be checked to say either
)

// Severity of a finding.
type Severity string

// Severities.
const (
	SevError   Severity = "error"   // something required does not work, or soon will not
	SevWarning Severity = "warning" // works, but not as intended or not for long
	SevInfo    Severity = "info"    // worth knowing
)

// Confidence in a finding.
type Confidence string

// Confidences, strongest first.
const (
	Proved   Confidence = "proved"   // a differential test or an API fact decides it
	Likely   Confidence = "likely"   // the facts fit this cause and no other named one better
	Possible Confidence = "possible" // the facts allow it; see Alternatives
)

// Code is the stable id of a cause, the field guide's: "SG-02", "DN-05".
// Retired codes are never reused.
type Code string

// Verdict is what the facts show. Slices are never nil in the JSON form.
type Verdict struct {
	Status     Status       `json:"status"`
	Headline   string       `json:"headline"`         // one sentence, real names, no more than its evidence
	Causes     []Finding    `json:"causes"`           // in the order in which to act: errors, warnings, info
	Effects    []Finding    `json:"effects"`          // explained by a cause; CausedBy names it
	Innocent   []Innocent   `json:"innocent"`         // what was proved not to be at fault
	NotChecked []NotChecked `json:"not_checked"`      // what was not looked at, and why
	Decide     string       `json:"decide,omitempty"` // inconclusive: the one observation that would decide
	Rows       []Row        `json:"rows"`             // one per target host: how far its path was seen to work
	Checks     []Item       `json:"checks,omitempty"` // credentials, permissions and steps of a rehearsal
}

// Finding is one cause, or one effect of a cause.
type Finding struct {
	Code         Code          `json:"code"`
	Severity     Severity      `json:"severity"`
	Confidence   Confidence    `json:"confidence"`
	Title        string        `json:"title"`                  // at most 60 characters, states the fault
	Summary      string        `json:"summary"`                // one to three sentences with the real names
	Subjects     []string      `json:"subjects,omitempty"`     // target keys, addresses, files it is about
	Evidence     []Evidence    `json:"evidence"`               // three to six lines
	Alternatives []Alternative `json:"alternatives,omitempty"` // other causes the same facts allow, best first
	Action       Action        `json:"action"`
	CausedBy     Code          `json:"caused_by,omitempty"` // effects only
	Accepted     bool          `json:"accepted,omitempty"`  // --ignore: shown, without effect on verdict and exit code
}

// Evidence is one observation that supports a finding. Ref is the key of the
// fact (fact.Lookup.Key and so on), or empty for a fact without one.
type Evidence struct {
	Ref  string `json:"ref,omitempty"`
	Text string `json:"text"`
}

// Alternative is another cause that the same facts allow, with the one
// observation that would tell.
type Alternative struct {
	Code   Code   `json:"code"`
	Title  string `json:"title"`
	Decide string `json:"decide"`
}

// Action is what to do: one imperative sentence, and where possible one
// command that does or shows it. Commands are never run by vpcdoctor.
type Action struct {
	Do      string `json:"do"`
	Command string `json:"command,omitempty"` // one line, ready to paste, real names filled in
	Where   string `json:"where,omitempty"`   // instance | operator: where the command is run
	Verify  string `json:"verify,omitempty"`  // command or observation that shows it worked

	// Statement is the smallest policy statement that is missing: JSON on
	// several lines, to be put into the policy that Do names.
	Statement string `json:"statement,omitempty"`
	// Query finds the same event in AWS's own logs: SQL over CloudTrail.
	Query string `json:"query,omitempty"`
}

// Innocent is something that was proved to work.
type Innocent struct {
	What string `json:"what"` // "DNS of ssm.us-east-1.amazonaws.com"
	Why  string `json:"why"`
	Ref  string `json:"ref,omitempty"`
}

// NotChecked is something the run did not look at.
type NotChecked struct {
	What     string `json:"what"`
	Why      string `json:"why"`
	Required bool   `json:"required,omitempty"` // the verdict cannot be healthy without it
}

// CheckStatus is the state of one check in a row.
type CheckStatus string

// Check states. NotCheckedStatus is never shown as pass.
const (
	Pass             CheckStatus = "pass"
	Fail             CheckStatus = "fail"
	NotCheckedStatus CheckStatus = "not_checked"
)

// Row sums up one target host (and path: direct or by proxy) for the table
// endpoint, DNS, address class, TCP, TLS, AWS.
type Row struct {
	Key    string      `json:"key"` // fact.Target.Key
	ID     string      `json:"id"`
	Host   string      `json:"host"`
	Need   string      `json:"need"`
	Path   string      `json:"path"`          // direct | proxy
	Status CheckStatus `json:"status"`        // of the whole row, as the verdict counts it
	Class  string      `json:"class"`         // address class of the answer, "mixed" when several
	Way    string      `json:"way,omitempty"` // to S3 or DynamoDB, when that was reached: interface endpoint | gateway endpoint | NAT or internet gateway | undecided
	Addrs  int         `json:"addrs"`         // addresses in the answer
	DNS    Check       `json:"dns"`
	TCP    Check       `json:"tcp"`
	TLS    Check       `json:"tls"`
	AWS    Check       `json:"aws"` // an AWS front end was recognised
}

// Check is one cell: its state, how many of how many addresses passed, and a
// short word for the cell ("2/2", "timeout", "nxdomain", "-").
type Check struct {
	Status CheckStatus `json:"status"`
	Word   string      `json:"word"`
	MS     float64     `json:"ms,omitempty"` // slowest passing attempt, milliseconds
}
