package fact

import (
	"encoding/json"
	"math"
	"time"
)

// Status of one attempt.
type Status string

// The three states of an attempt. NotRun is never a pass and never evidence.
const (
	OK     Status = "ok"
	Failed Status = "failed"
	NotRun Status = "not_run"
)

// Class is the closed vocabulary of failures. Probes classify where the error
// arises, by type and errno, never by its text.
type Class string

// Failure classes. Each names what was observed, not what caused it.
const (
	ClassNone        Class = ""
	Timeout          Class = "timeout"        // nothing came back in time
	Refused          Class = "refused"        // ECONNREFUSED
	Reset            Class = "reset"          // ECONNRESET, EPIPE
	NetUnreachable   Class = "net_unreach"    // ENETUNREACH
	HostUnreachable  Class = "host_unreach"   // EHOSTUNREACH
	NotPermitted     Class = "not_permitted"  // EPERM or EACCES from the local kernel
	NoAddress        Class = "no_address"     // EADDRNOTAVAIL: source ports or address exhausted
	NoDescriptors    Class = "no_descriptors" // EMFILE, ENFILE
	Invalid          Class = "invalid"        // EINVAL: a blackhole route answers so
	EOF              Class = "eof"            // the peer closed without an answer
	NotTLS           Class = "not_tls"        // the peer does not speak TLS on this port
	TLSAlert         Class = "tls_alert"      // the peer sent a fatal alert
	TLSProtocol      Class = "tls_protocol"   // malformed or unusable handshake
	CertName         Class = "cert_name"      // certificate is for another name
	CertUntrusted    Class = "cert_untrusted" // chain ends in no root of the set
	CertTime         Class = "cert_time"      // outside notBefore..notAfter
	CertOther        Class = "cert_other"     // any other reason the chain is not valid
	NXDomain         Class = "nxdomain"
	NoData           Class = "nodata" // NOERROR without the record type asked
	ServFail         Class = "servfail"
	DNSRefused       Class = "dns_refused" // rcode REFUSED
	DNSOther         Class = "dns_other"   // any other rcode
	Unresolved       Class = "unresolved"  // the system's resolver functions had no address and gave no reason
	Malformed        Class = "malformed"   // an answer that does not parse or does not fit the question
	TooLarge         Class = "too_large"   // more than we are willing to read
	HTTPStatus       Class = "http_status" // an HTTP answer with a status that means failure here
	HTTPMalformed    Class = "http_malformed"
	Unsupported      Class = "unsupported"
	NotFound         Class = "not_found"     // a file or program is absent
	PermissionDenied Class = "no_permission" // a file is not readable by this user
	Cancelled        Class = "cancelled"     // a signal ended the run
	OtherFailure     Class = "other"         // unclassified; Detail has the words
)

// Outcome is how one attempt ended. It is embedded in every fact that is an
// attempt, so that all of them can be read the same way.
type Outcome struct {
	Status      Status    `json:"status"`
	Class       Class     `json:"class,omitempty"`         // set when Status is Failed
	Detail      string    `json:"detail,omitempty"`        // bounded, printable, free of secrets
	Start       time.Time `json:"start,omitzero"`          // UTC; zero when it never started
	Took        Duration  `json:"took_ms,omitzero"`        // wall time of the attempt
	CutByBudget bool      `json:"cut_by_budget,omitempty"` // our own deadline ended it: says nothing about the network
	Skipped     string    `json:"skipped,omitempty"`       // why it did not run, when Status is NotRun
}

// Ran tells whether the attempt was made and its result means something.
func (o Outcome) Ran() bool { return o.Status == OK || (o.Status == Failed && !o.CutByBudget) }

// Skip is the outcome of an attempt that was not made.
func Skip(why string) Outcome { return Outcome{Status: NotRun, Skipped: why} }

// Duration is a time.Duration that JSON carries as a number of milliseconds,
// without loss, so that a replay judges what the run judged. Fields of this
// type end in _ms on the wire.
type Duration time.Duration

// MarshalJSON writes milliseconds, six decimals at most.
func (d Duration) MarshalJSON() ([]byte, error) {
	return json.Marshal(float64(d) / 1e6)
}

// UnmarshalJSON reads milliseconds.
func (d *Duration) UnmarshalJSON(b []byte) error {
	var ms float64
	if err := json.Unmarshal(b, &ms); err != nil {
		return err
	}
	*d = Duration(math.Round(ms * 1e6))
	return nil
}

// Std is d as a time.Duration.
func (d Duration) Std() time.Duration { return time.Duration(d) }
