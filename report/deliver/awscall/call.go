package awscall

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"vpcdoctor/probe/denial"
)

// Caller makes signed calls. All its fields are needed but Endpoint.
type Caller struct {
	Place       Place
	Endpoint    string // https://HOST[:PORT] instead of the usual one
	Credentials aws.CredentialsProvider
	HTTP        *http.Client
	Clock       *Clock
}

// Request is one call.
type Request struct {
	Service string // signing name: "s3"
	Host    string // empty: the service's of the Place
	Method  string // empty: POST
	Path    string // as it stands on the wire; empty: /
	Header  map[string]string
	Body    []byte
}

// JSONCall is a call of a service that speaks JSON 1.1.
func JSONCall(service, target string, body []byte) Request {
	return Request{Service: service, Body: body, Header: map[string]string{
		"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target,
	}}
}

// QueryCall is a call of a service that speaks the query protocol.
func QueryCall(service string, form url.Values) Request {
	return Request{Service: service, Body: []byte(form.Encode()), Header: map[string]string{
		"Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
	}}
}

// Do makes a call, and again while that may help and ctx leaves time. Its error
// is a Fault.
func (c Caller) Do(ctx context.Context, r Request) error {
	host := cmp.Or(r.Host, c.Place.Host(r.Service))
	if c.Endpoint != "" {
		u, err := ParseEndpoint(c.Endpoint)
		if err != nil {
			return err
		}
		host = u.Host
	}
	return Retry(ctx, c.Clock, func(ctx context.Context) error { return c.once(ctx, host, r) })
}

func (c Caller) once(ctx context.Context, host string, r Request) error {
	keys, err := Keys(c.Credentials).Retrieve(ctx)
	if err != nil {
		return Broken(host, err)
	}
	req, err := c.sign(ctx, host, r, keys)
	if err != nil {
		return fmt.Errorf("building a request to %s: %w", host, err)
	}
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return Broken(host, err)
	}
	defer func() { _ = resp.Body.Close() }() // nothing was written that could be lost
	body, err := io.ReadAll(resp.Body)       // bounded by the client
	switch {
	case resp.StatusCode/100 != 2:
		code, message := denial.Body(body)
		return Refused(host, resp.StatusCode, resp.Header, code, message)
	case err != nil:
		return Broken(host, err)
	case !fromAWS(resp.Header):
		return &Fault{Kind: NotAWS, Host: host, Status: resp.StatusCode}
	}
	return nil
}

func (c Caller) sign(ctx context.Context, host string, r Request, keys aws.Credentials) (*http.Request, error) {
	method, path := r.Method, r.Path
	if method == "" {
		method = http.MethodPost
	}
	if path == "" {
		path = "/"
	}
	req, err := http.NewRequestWithContext(ctx, method, "https://"+host+path, bytes.NewReader(r.Body))
	if err != nil {
		return nil, err
	}
	for name, value := range r.Header {
		req.Header.Set(name, value)
	}
	sum := sha256.Sum256(r.Body)
	hash := hex.EncodeToString(sum[:])
	s3 := r.Service == "s3"
	if s3 { // which wants the hash as a header and the path as it stands
		req.Header.Set("X-Amz-Content-Sha256", hash)
	}
	return req, v4.NewSigner().SignHTTP(ctx, keys, req, hash, r.Service, c.Place.Region, c.Clock.Now(), func(o *v4.SignerOptions) {
		o.DisableURIPathEscaping = s3
	})
}

// Explain adds to an error what to do about it: where a denied action has to be
// allowed, or what is generally wrong. what is the thing that was called for.
func Explain(action, what string, err error) error {
	f := faultOf(err)
	switch {
	case f == nil:
		return err
	case f.Kind == Denied:
		return fmt.Errorf("%s on %s is %w: %s", action, what, err, f.Allow(action))
	case f.Kind == Throttled:
		return fmt.Errorf("%w: the account's quota of %s is used up; --jitter spreads the fleet", err, action)
	}
	advice := f.Advice()
	if f.Kind == NoAnswer || f.Kind == Unreachable || f.Kind == NoName {
		service, _, _ := strings.Cut(action, ":")
		advice = "vpcdoctor check --service " + service + " says why"
	}
	if advice != "" {
		return fmt.Errorf("%w: %s", err, advice)
	}
	return err
}
