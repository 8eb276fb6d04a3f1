package probetest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The verifier of signatures is written from the specification alone, so that
// it and the signer under test cannot share a mistake. Source: IAM User Guide,
// "AWS Signature Version 4 for API requests", pages "Create a signed AWS API
// request" and "Troubleshoot Signature Version 4 signing", read 2026-11.

const (
	sigAlgorithm  = "AWS4-HMAC-SHA256"
	sigTerminator = "aws4_request"
	sigTime       = "20060102T150405Z"
)

// authorization is the content of a request's Authorization header.
type authorization struct {
	accessKey             string
	date, region, service string // of the scope
	terminator            string
	signedHeaders         []string
	signature             string
}

// parseAuthorization reads an Authorization header; ok is false when it is not
// a whole one of Signature Version 4.
func parseAuthorization(header string) (a authorization, ok bool) {
	rest, ok := strings.CutPrefix(header, sigAlgorithm)
	if !ok || len(header) > 4096 {
		return a, false
	}
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "Credential":
			// An access key has no slash, so the scope is the last four parts.
			scope := strings.Split(value, "/")
			if len(scope) != 5 {
				return authorization{}, false
			}
			a.accessKey, a.date, a.region, a.service, a.terminator = scope[0], scope[1], scope[2], scope[3], scope[4]
		case "SignedHeaders":
			a.signedHeaders = strings.Split(value, ";")
		case "Signature":
			a.signature = value
		}
	}
	return a, a.accessKey != "" && a.signature != "" && len(a.signedHeaders) > 0 && a.signedHeaders[0] != ""
}

// canonicalRequest is the request in the form that is signed. path is the path
// as the canonical form encodes it once more; query is the raw query.
func canonicalRequest(method, path, query, host string, h http.Header, signed []string, payloadHash string) string {
	var b strings.Builder
	b.WriteString(method + "\n" + path + "\n" + canonicalQuery(query) + "\n")
	for _, name := range signed {
		values := h.Values(name)
		if name == "host" {
			values = []string{host}
		}
		trimmed := make([]string, len(values))
		for i, v := range values {
			trimmed[i] = strings.Join(strings.Fields(v), " ")
		}
		b.WriteString(name + ":" + strings.Join(trimmed, ",") + "\n")
	}
	b.WriteString("\n" + strings.Join(signed, ";") + "\n" + payloadHash)
	return b.String()
}

// canonicalPath removes dot segments and empty ones, and encodes every byte
// that is not unreserved. Requests carry their path encoded already, so that
// for all services but S3 it ends up encoded twice.
func canonicalPath(path string) string {
	var out []string
	for s := range strings.SplitSeq(path, "/") {
		switch s {
		case "", ".":
		case "..":
			out = out[:max(0, len(out)-1)]
		default:
			out = append(out, s)
		}
	}
	clean := "/" + strings.Join(out, "/")
	if len(out) > 0 && strings.HasSuffix(path, "/") {
		clean += "/"
	}
	return uriEncode(clean, true)
}

// canonicalQuery decodes, encodes and sorts the parameters of a raw query.
func canonicalQuery(raw string) string {
	type pair struct{ name, value string }
	var pairs []pair
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		pairs = append(pairs, pair{uriEncode(uriDecode(name), false), uriEncode(uriDecode(value), false)})
	}
	slices.SortFunc(pairs, func(a, b pair) int {
		if c := strings.Compare(a.name, b.name); c != 0 {
			return c
		}
		return strings.Compare(a.value, b.value)
	})
	out := make([]string, len(pairs))
	for i, p := range pairs {
		out[i] = p.name + "=" + p.value
	}
	return strings.Join(out, "&")
}

func uriDecode(s string) string {
	d, err := url.PathUnescape(s)
	if err != nil {
		return s
	}
	return d
}

func uriEncode(s string, keepSlash bool) string {
	const upper = "0123456789ABCDEF"
	var b strings.Builder
	for _, c := range []byte(s) {
		switch {
		case c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', c >= '0' && c <= '9', strings.IndexByte("-._~", c) >= 0, c == '/' && keepSlash:
			b.WriteByte(c)
		default:
			b.Write([]byte{'%', upper[c>>4], upper[c&15]})
		}
	}
	return b.String()
}

// signatureOf is the signature of a canonical request.
func signatureOf(secret string, a authorization, date, canonical string) string {
	scope := strings.Join([]string{a.date, a.region, a.service, a.terminator}, "/")
	key := []byte("AWS4" + secret)
	for _, part := range []string{a.date, a.region, a.service, a.terminator} {
		key = hmacSHA256(key, part)
	}
	return hex.EncodeToString(hmacSHA256(key, sigAlgorithm+"\n"+date+"\n"+scope+"\n"+hashHex([]byte(canonical))))
}

func hmacSHA256(key []byte, text string) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(text))
	return m.Sum(nil)
}

func hashHex(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// verified tells whether a signature fits a request.
func verified(r *http.Request, body []byte, a authorization, secret string) bool {
	payload := hashHex(body)
	path := canonicalPath(r.URL.EscapedPath())
	if a.service == "s3" {
		path = uriEncode(r.URL.Path, true) // object keys are never normalised
		if r.Header.Get("X-Amz-Content-Sha256") == "UNSIGNED-PAYLOAD" {
			payload = "UNSIGNED-PAYLOAD"
		}
	}
	if path == "" {
		path = "/"
	}
	if claimed := r.Header.Get("X-Amz-Content-Sha256"); claimed != "" && claimed != payload {
		return false
	}
	h := r.Header.Clone()
	if r.ContentLength > 0 {
		h.Set("Content-Length", strconv.FormatInt(r.ContentLength, 10))
	}
	canonical := canonicalRequest(r.Method, path, r.URL.RawQuery, r.Host, h, a.signedHeaders, payload)
	return hmac.Equal([]byte(signatureOf(secret, a, r.Header.Get("X-Amz-Date"), canonical)), []byte(a.signature))
}

// unsignedHeader names a header that has to be signed and is not: host and
// everything that begins with x-amz-. The names must be sorted, too.
func unsignedHeader(r *http.Request, signed []string) string {
	if !slices.Contains(signed, "host") {
		return "host"
	}
	for name := range r.Header {
		if name = strings.ToLower(name); strings.HasPrefix(name, "x-amz-") && !slices.Contains(signed, name) {
			return name
		}
	}
	if !slices.IsSorted(signed) {
		return "SignedHeaders (not sorted)"
	}
	return ""
}

// staleSignature is what a service says about a signature whose time is too
// far from its own; empty when it is not. The words of both messages and the
// tolerances are those of public reports: 5 minutes of ssm (aws/aws-sdk-net issue
// 1506) and of most (aws/aws-sdk-js issue 1652), 15 of sts (aws/aws-cli issue
// 6676).
func staleSignature(signed, now time.Time, tolerance time.Duration) string {
	minutes := strconv.Itoa(int(tolerance/time.Minute)) + " min.)"
	at, is := signed.UTC().Format(sigTime), now.UTC().Format(sigTime)
	if limit := now.Add(-tolerance); signed.Before(limit) {
		return "Signature expired: " + at + " is now earlier than " + limit.UTC().Format(sigTime) + " (" + is + " - " + minutes
	}
	if limit := now.Add(tolerance); signed.After(limit) {
		return "Signature not yet current: " + at + " is still later than " + limit.UTC().Format(sigTime) + " (" + is + " + " + minutes
	}
	return ""
}
