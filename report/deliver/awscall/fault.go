package awscall

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strconv"
	"strings"

	"vpcdoctor/probe/classify"
	"vpcdoctor/probe/denial"
	"vpcdoctor/probe/fact"
)

// Kind is what went wrong with a call, as far as it decides what to do.
type Kind string

// Kinds of faults.
const (
	Denied      Kind = "denied"
	Missing     Kind = "missing" // the thing named does not exist
	Throttled   Kind = "throttled"
	ServerFault Kind = "server"      // a status of 5xx
	Skewed      Kind = "clock"       // our time was refused
	BadKeys     Kind = "keys"        // AWS does not know or no longer accepts them
	NoKeys      Kind = "no keys"     // there are none to sign with
	NotAWS      Kind = "not AWS"     // somebody answers in its place
	Invalid     Kind = "invalid"     // AWS understood and refuses
	NoName      Kind = "no name"     // the host name does not resolve
	ByProxy     Kind = "proxy"       // which does not connect
	Unreachable Kind = "unreachable" // refused, reset, no route
	NoAnswer    Kind = "no answer"   // silence
	Untrusted   Kind = "untrusted"   // its certificate
	BadAnswer   Kind = "bad answer"  // cut off, endless, not what was to come
	Ended       Kind = "ended"       // our own time was over
)

// Fault is a call that failed.
type Fault struct {
	Kind Kind
	Host string // that was called

	Status   int    // of the answer; 0: there was none
	Code     string // of AWS; has the form of one
	Layer    string // of a denial: "identity-based policy"; empty: not told
	explicit bool   // it denies, where others only do not allow
	header   http.Header
	message  string // of AWS; names ARNs of the account, so it is not repeated
	cause    error
}

// Is tells whether an error is a fault of a kind.
func Is(err error, k Kind) bool {
	f := faultOf(err)
	return f != nil && f.Kind == k
}

func faultOf(err error) *Fault {
	var f *Fault
	if errors.As(err, &f) {
		return f
	}
	return nil
}

// Unwrap is what came instead of an answer.
func (f *Fault) Unwrap() error { return f.cause }

// layers in the words of IAM.
var layers = map[fact.PolicyLayer]string{
	fact.LayerIdentity: "identity-based policy", fact.LayerResource: "resource-based policy", fact.LayerEndpoint: "VPC endpoint policy",
	fact.LayerSCP: "service control policy", fact.LayerRCP: "resource control policy",
	fact.LayerBoundary: "permissions boundary", fact.LayerSession: "session policy",
}

// kinds of the codes that several services share (General Reference, "Common
// errors", and the API references of logs, monitoring, ssm and s3, read 2026-11).
var kinds = map[string]Kind{
	"AccessDenied": Denied, "AccessDeniedException": Denied, "UnauthorizedOperation": Denied, "AuthorizationError": Denied, "OptInRequired": Denied,
	"ResourceNotFoundException": Missing, "NoSuchBucket": Missing,
	"Throttling": Throttled, "ThrottlingException": Throttled, "ThrottledException": Throttled, "RequestThrottled": Throttled,
	"TooManyRequestsException": Throttled, "RequestLimitExceeded": Throttled, "SlowDown": Throttled, "BandwidthLimitExceeded": Throttled,
	"ServiceUnavailable": ServerFault, "ServiceUnavailableException": ServerFault, "InternalFailure": ServerFault, "InternalServerError": ServerFault, "InternalError": ServerFault,
	"RequestTimeTooSkewed": Skewed, "RequestExpired": Skewed, "RequestInTheFuture": Skewed,
	"UnrecognizedClientException": BadKeys, "InvalidClientTokenId": BadKeys, "InvalidAccessKeyId": BadKeys, "InvalidToken": BadKeys, "ExpiredToken": BadKeys,
	"ExpiredTokenException": BadKeys, "InvalidSignatureException": BadKeys, "SignatureDoesNotMatch": BadKeys, "MissingAuthenticationToken": BadKeys,
	"MissingAuthenticationTokenException": BadKeys, "IncompleteSignatureException": BadKeys, "IncompleteSignature": BadKeys,
}

// Refused is the fault of an answer with a status that is no success.
func Refused(host string, status int, h http.Header, code, message string) *Fault {
	f := &Fault{Host: host, Status: status, Code: denial.Code(code), header: h, message: message}
	kind, known := kinds[f.Code]
	switch {
	case denial.Skewed(f.Code, message):
		f.Kind = Skewed
	case known:
		f.Kind = kind
	case status == http.StatusTooManyRequests:
		f.Kind = Throttled
	case status >= 500:
		f.Kind = ServerFault
	case !fromAWS(h):
		f.Kind = NotAWS
	default:
		f.Kind = Invalid
	}
	if d := denial.Parse(message); d != nil && f.Kind != Skewed {
		f.Kind, f.Layer, f.explicit = Denied, layers[d.Layer], d.Explicit
	}
	return f
}

// fromAWS tells whether an answer has one of the headers in which AWS names a
// request.
func fromAWS(h http.Header) bool {
	for _, name := range []string{"X-Amzn-Requestid", "X-Amz-Request-Id", "X-Amzn-Request-Id"} {
		if h.Get(name) != "" {
			return true
		}
	}
	return false
}

// Broken is the fault of a call that got no answer, or none that can be used.
func Broken(host string, err error) *Fault {
	f := &Fault{Host: host, cause: err}
	var none NoKeysError
	var cert certificateError
	var proxy proxyError
	class, _ := classify.Error(err)
	switch {
	case errors.As(err, &none):
		f.Kind = NoKeys
	case errors.As(err, &cert):
		f.Kind = Untrusted
	case errors.As(err, &proxy):
		f.Kind, f.Status = ByProxy, proxy.status
	case errors.Is(err, errTooLarge):
		f.Kind = BadAnswer
	case class == fact.CertUntrusted, class == fact.CertName, class == fact.CertTime, class == fact.CertOther:
		f.Kind = Untrusted
	case class == fact.NXDomain, class == fact.NoData, class == fact.ServFail, class == fact.Unresolved, class == fact.DNSOther, class == fact.DNSRefused:
		f.Kind = NoName
	case errors.Is(err, context.Canceled):
		f.Kind = Ended
	case class == fact.Timeout, errors.Is(err, context.DeadlineExceeded):
		f.Kind = NoAnswer
	case class == fact.Refused, class == fact.Reset, class == fact.NetUnreachable, class == fact.HostUnreachable, class == fact.NotPermitted, class == fact.NoAddress:
		f.Kind = Unreachable
	default:
		f.Kind = BadAnswer
	}
	return f
}

// NoKeysError is a provider of credentials that had none. Its words are for
// people.
type NoKeysError struct{ Why error }

func (e NoKeysError) Error() string {
	if e.Why == nil {
		return "none were handed over"
	}
	return e.Why.Error()
}

// Unwrap is the reason.
func (e NoKeysError) Unwrap() error { return e.Why }

// Temporary tells whether the same call may work a little later.
func (f *Fault) Temporary() bool {
	switch f.Kind {
	case Throttled, ServerFault, Unreachable, NoAnswer:
		return true
	case BadAnswer:
		return !errors.Is(f.cause, errTooLarge) // who does not end will not next time
	case NoName:
		class, _ := classify.Error(f.cause)
		return class != fact.NXDomain && class != fact.NoData
	}
	return false
}

// Error says what happened, and where.
func (f *Fault) Error() string {
	host := classify.Clean(f.Host, 260)
	status := "HTTP " + strconv.Itoa(f.Status)
	if f.Code != "" {
		status += " " + f.Code
	}
	switch f.Kind {
	case Denied:
		switch {
		case f.Layer != "" && f.explicit:
			return "denied, explicitly in the " + f.Layer + " (" + f.Code + ")"
		case f.Layer != "":
			return "denied: no " + f.Layer + " allows it (" + f.Code + ")"
		}
		return "denied (" + f.Code + ")"
	case Throttled:
		return host + " throttles (" + status + ")"
	case ServerFault:
		return host + " is in trouble (" + status + ")"
	case Skewed:
		return host + " refuses the time of our signature (" + status + ")"
	case BadKeys:
		return host + " does not accept the credentials (" + f.Code + ")"
	case NoKeys:
		var none NoKeysError
		errors.As(f.cause, &none) // the SDK puts words of its own around it
		return "no credentials: " + classify.Clean(none.Error(), 300)
	case ByProxy:
		return "the proxy of this shell does not connect to " + host + " (" + status + ")"
	case NotAWS:
		return "something other than AWS answers for " + host + " (" + status + ")"
	case Missing, Invalid:
		return host + " answers " + status
	case NoName:
		return "the name " + host + " does not resolve"
	case Unreachable:
		var op *net.OpError
		if errors.As(f.cause, &op) && op.Op == "proxyconnect" {
			return "no connection to the proxy of this shell (" + word(f.cause) + ")"
		}
		return "no connection to " + host + ":443 (" + word(f.cause) + ")"
	case NoAnswer:
		return "no answer from " + host + ":443 in time"
	case Untrusted:
		var cert certificateError
		if errors.As(f.cause, &cert) {
			return "the certificate of " + host + " is not accepted: " + cert.why
		}
		return "the certificate of " + host + " is not accepted"
	case Ended:
		return "there was no time left"
	}
	if errors.Is(f.cause, errTooLarge) {
		return "the answer of " + host + " does not end"
	}
	return "the answer of " + host + " is cut off, or none that AWS gives"
}

// word is the class of a failure, in words.
func word(err error) string {
	class, _ := classify.Error(err)
	return strings.ReplaceAll(string(class), "_", " ")
}

// Allow says where a denied action has to be allowed.
func (f *Fault) Allow(action string) string {
	switch f.Layer {
	case "", "identity-based policy":
		return "allow it in the policy of the instance's role (packaging/iam)"
	}
	return "allow " + action + " in the " + f.Layer
}

// Advice is what to do about a fault that does not depend on the service; empty
// when there is nothing to say.
func (f *Fault) Advice() string {
	switch f.Kind {
	case Untrusted:
		return "--ca-bundle FILE adds a root"
	case BadKeys:
		return "they may have expired, or belong to another partition"
	case ByProxy:
		return "HTTPS_PROXY and NO_PROXY of this shell decide"
	case Skewed:
		return "set the clock: chronyc makestep"
	case NotAWS:
		return "look for a proxy or an inspecting device on the way"
	}
	return ""
}
