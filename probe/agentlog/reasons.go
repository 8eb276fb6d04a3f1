package agentlog

import (
	"strings"

	"vpcdoctor/probe/fact"
)

// reasons by a text of the Go library, the SDK or AWS. The most telling comes
// first: an error that went through five hands holds the words of all of them.
var reasons = []struct {
	text   string
	also   string // must stand somewhere too, when set
	reason fact.LogReason
}{
	{"instance management role is not configured", "", fact.ReasonNotConfigured},
	{"Signature expired", "", fact.ReasonSignatureOld},
	{"Signature not yet current", "", fact.ReasonSignatureNew},
	{"ExpiredToken", "", fact.ReasonExpiredToken},
	{"UnrecognizedClientException", "", fact.ReasonBadToken},
	{"InvalidClientTokenId", "", fact.ReasonBadToken},
	{"AssumeRoleUnauthorizedAccess", "", fact.ReasonAssumeRole},
	{"Throttling", "", fact.ReasonThrottled},
	{"RequestLimitExceeded", "", fact.ReasonThrottled},
	{"Rate exceeded", "", fact.ReasonThrottled},
	{"AccessDenied", "", fact.ReasonDenied},
	{"not authorized to perform", "", fact.ReasonDenied},
	{"first record does not look like a TLS handshake", "", fact.ReasonNotTLS},
	{"server gave HTTP response to HTTPS client", "", fact.ReasonNotTLS},
	{"proxyconnect tcp", "", fact.ReasonProxyConnect},
	{"no such host", "", fact.ReasonNoSuchHost},
	{"server misbehaving", "", fact.ReasonDNSServer},
	{"lookup ", "i/o timeout", fact.ReasonDNSTimeout},
	{"signed by unknown authority", "", fact.ReasonUnknownCA},
	{"certificate is valid for", "", fact.ReasonCertName},
	{"certificate is not valid for any names", "", fact.ReasonCertName},
	{"certificate has expired or is not yet valid", "", fact.ReasonCertTime},
	{"TLS handshake timeout", "", fact.ReasonTLSTimeout},
	{"dial tcp ", "i/o timeout", fact.ReasonDialTimeout},
	{"dial tcp ", "connection timed out", fact.ReasonDialTimeout},
	{"connection refused", "", fact.ReasonRefused},
	{"connection reset by peer", "", fact.ReasonReset},
	{"broken pipe", "", fact.ReasonReset},
	{"network is unreachable", "", fact.ReasonUnreachable},
	{"no route to host", "", fact.ReasonUnreachable},
	{"connect: invalid argument", "", fact.ReasonUnreachable},  // a blackhole route
	{"connect: permission denied", "", fact.ReasonUnreachable}, // a prohibit route
	{"close 1006", "", fact.ReasonAbnormalClose},
	{"no space left on device", "", fact.ReasonNoSpace},
	{"encryption is not set up", "", fact.ReasonUnencrypted},
	{"is not encrypted", "", fact.ReasonUnencrypted},
	{"unable to validate its existence", "", fact.ReasonOther}, // "or": the agent does not know which
	{"does not exist", "", fact.ReasonNotFound},
	{"NotFoundException", "", fact.ReasonNotFound},
	{"NoSuchBucket", "", fact.ReasonNotFound},
	{"EC2MetadataError", "status code: 403", fact.ReasonForbidden},
	{"bad handshake", "", fact.ReasonHTTPStatus},
	{"deadline exceeded", "", fact.ReasonTimeout},
	{"Client.Timeout", "", fact.ReasonTimeout},
	{"i/o timeout", "", fact.ReasonTimeout},
	{"no EC2 instance role found", "", fact.ReasonNoRole}, // last: its cause may be quoted
}

// reason finds why.
func reason(m string) fact.LogReason {
	for _, r := range reasons {
		if strings.Contains(m, r.text) && strings.Contains(m, r.also) {
			return r.reason
		}
	}
	switch {
	case proxyStatus(m) != 0:
		return fact.ReasonProxyStatus
	case httpStatus(m) != 0:
		return fact.ReasonHTTPStatus
	}
	return fact.ReasonOther
}

// refusals are the words with which Go's client ends when the proxy does not
// open a tunnel: the text of the status alone.
var refusals = []struct {
	text   string
	status int
}{
	{"Proxy Authentication Required", 407},
	{"Forbidden", 403},
	{"Bad Gateway", 502},
	{"Service Unavailable", 503},
	{"Gateway Timeout", 504},
}

// proxyStatus is the status behind `"https://host/": Forbidden`, or behind
// "Failed to dial websocket: Forbidden".
func proxyStatus(m string) int {
	at := strings.LastIndex(m, `": `)
	var rest string
	switch {
	case at >= 0 && strings.Contains(m[:at], `"https://`):
		rest = m[at+len(`": `):]
	default:
		_, rest, _ = strings.Cut(m, "Failed to dial websocket: ")
	}
	for _, r := range refusals {
		if after, ok := strings.CutPrefix(rest, r.text); ok && (after == "" || after[0] == '\n') {
			return r.status
		}
	}
	return 0
}

// httpStatus is a status of HTTP that is an error: "status code: 403",
// "status: 403 Forbidden".
func httpStatus(m string) int {
	for _, before := range []string{"status code: ", "status: ", "Status code "} {
		for rest := m; ; {
			var ok bool
			if _, rest, ok = strings.Cut(rest, before); !ok {
				break
			}
			if n := leadingInt(rest, 3); n >= 400 && n <= 599 {
				return n
			}
		}
	}
	return 0
}
