package imds

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"

	"vpcdoctor/probe/fact"
)

const identityPath = "/latest/dynamic/instance-identity/document"

// identity is what is taken from the identity document.
type identity struct{ instance, account, region, zone string }

// identity reads the identity document through the AWS SDK's client, which is
// what most programs on the instance use. What the document did not give is
// asked by itself.
func (s *session) identity(ctx context.Context) identity {
	var g fact.IMDSGet
	doc, err := readIdentity(ctx, s.m.Endpoint, func(ctx context.Context) (int, []byte) {
		var body []byte
		g = s.c.do(ctx, request{method: http.MethodGet, path: identityPath, take: func(b []byte) error {
			body = bytes.Clone(b) // holds no secret
			return nil
		}})
		return g.HTTPStatus, body
	})
	if g.Path == "" { // the SDK gave up before it asked
		g = fact.IMDSGet{Path: http.MethodGet + " " + identityPath, Outcome: fact.Skip("the AWS SDK's client did not ask")}
	}
	var form formError
	if g.Status == fact.OK && errors.As(err, &form) {
		g.Status, g.Class, g.Detail = fact.Failed, form.class, form.text
	}
	s.record(g)
	s.mu.Lock()
	s.m.InstanceID, s.m.AccountID, s.m.AZ = doc.instance, doc.account, doc.zone
	s.mu.Unlock()
	if doc.instance == "" {
		s.get(ctx, want{"instance-id", one(&s.m.InstanceID, parseInstance)})
	}
	if doc.zone == "" {
		s.get(ctx, want{"placement/availability-zone", one(&s.m.AZ, parseZone)})
	}
	return doc
}

// readIdentity lets the SDK's client read the document that fetch returns with
// its HTTP status (0: no answer). The error is a formError and says what in the
// document has not the right form; the rest of it is returned nonetheless.
func readIdentity(ctx context.Context, endpoint string, fetch func(context.Context) (int, []byte)) (identity, error) {
	client := imds.New(imds.Options{
		Endpoint:                 endpoint,           // or the SDK would look at the environment
		ClientEnableState:        imds.ClientEnabled, // likewise
		HTTPClient:               sdkTransport(fetch),
		EnableFallback:           aws.FalseTernary, // falling back to version 1 would hide what we look for
		Retryer:                  aws.NopRetryer{}, // one attempt each
		DisableDefaultMaxBackoff: true,
		DisableDefaultTimeout:    true, // ctx has our own
	})
	out, err := client.GetInstanceIdentityDocument(ctx, nil)
	if err != nil {
		return identity{}, malformed("an identity document") // whose error may quote the answer
	}
	var id identity
	var errs [4]error
	id.instance, errs[0] = parseInstance(out.InstanceID)
	id.account, errs[1] = parseAccount(out.AccountID)
	id.region, errs[2] = parseRegion(out.Region)
	id.zone, errs[3] = parseZone(out.AvailabilityZone)
	for _, err := range errs {
		if err != nil {
			return id, err
		}
	}
	return id, nil
}

// sdkTransport stands between the SDK's client and the network. The client
// wants a token of its own, which would be a second PUT; it gets a placeholder
// without any traffic, and the true token is set on the wire by our client. So
// the SDK never holds it, and its request passes through the one budget.
type sdkTransport func(context.Context) (status int, body []byte)

// Do answers the SDK's client.
func (t sdkTransport) Do(r *http.Request) (*http.Response, error) {
	resp := &http.Response{
		StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Request: r,
	}
	if r.Method == http.MethodPut {
		resp.Header.Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", seconds(tokenLife))
		resp.Body = io.NopCloser(strings.NewReader("placeholder"))
		return resp, nil
	}
	if r.Method != http.MethodGet || r.URL.Path != identityPath {
		return nil, errors.New("not a request for the identity document")
	}
	status, body := t(r.Context())
	if status == 0 {
		return nil, errors.New("no answer")
	}
	resp.StatusCode, resp.Body = status, io.NopCloser(bytes.NewReader(body))
	return resp, nil
}
