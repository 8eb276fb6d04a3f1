package awscall

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"vpcdoctor/probe/classify"
	"vpcdoctor/probe/fact"
)

// Bounds of an exchange. What AWS answers to these calls has below 1 kB.
const (
	maxAnswer  = 64 << 10
	maxHeader  = 16 << 10
	dialTime   = 5 * time.Second
	helloTime  = 5 * time.Second
	idleTime   = 30 * time.Second
	maxAgent   = 200
	connsAlive = 2 // sinks that run side by side and talk to one host
)

// Verifier judges certificates; *trust.Store does, with the system's roots and
// those of --ca-bundle.
type Verifier interface {
	System(chain []*x509.Certificate, at time.Time) fact.Verified
	Name(leaf *x509.Certificate, host string) fact.Verified
}

// HTTPOptions is how connections to AWS are made.
type HTTPOptions struct {
	UserAgent string // of every request; probe.UserAgent
	Clock     *Clock // for certificates
	Verify    Verifier

	// Proxy chooses the proxy of a request, by the proxy variables of the shell:
	// delivery is our own traffic. Nil: none.
	Proxy func(*http.Request) (*url.URL, error)

	Dial func(ctx context.Context, network, addr string) (net.Conn, error) // nil: net.Dialer
}

// NewHTTPClient returns a client that sends our User-Agent, follows no redirect,
// trusts only what Verify verifies, and reads at most 64 kB of an answer.
func NewHTTPClient(o HTTPOptions) *http.Client {
	dial := o.Dial
	if dial == nil {
		dial = (&net.Dialer{Timeout: dialTime}).DialContext
	}
	t := &http.Transport{
		Proxy: o.Proxy, DialContext: dial, TLSClientConfig: verifying(o),
		TLSHandshakeTimeout: helloTime, IdleConnTimeout: idleTime, MaxIdleConnsPerHost: connsAlive,
		MaxResponseHeaderBytes: maxHeader,
		DisableCompression:     true, // a compressed body could grow past its bound
		ProxyConnectHeader:     http.Header{"User-Agent": {classify.Clean(o.UserAgent, maxAgent)}},
		OnProxyConnectResponse: func(_ context.Context, _ *url.URL, _ *http.Request, resp *http.Response) error {
			if resp.StatusCode/100 != 2 {
				return proxyError{resp.StatusCode}
			}
			return nil
		},
	}
	return &http.Client{
		Transport:     bounded{t, classify.Clean(o.UserAgent, maxAgent)},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// verifying is a TLS configuration that verifies with o.Verify and by o.Clock:
// a certificate is not expired because the clock of the instance says so.
func verifying(o HTTPOptions) *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		InsecureSkipVerify: true, // VerifyConnection does it
		VerifyConnection: func(s tls.ConnectionState) error {
			if len(s.PeerCertificates) == 0 {
				return certificateError{"it shows none"}
			}
			if v := o.Verify.Name(s.PeerCertificates[0], s.ServerName); v.Status != fact.OK {
				return certificateError{"it is for another name"}
			}
			if v := o.Verify.System(s.PeerCertificates, o.Clock.Now()); v.Status != fact.OK {
				if v.Class == fact.CertTime {
					return certificateError{"it is not valid at this time"}
				}
				return certificateError{"its issuer is not among the roots of this system"}
			}
			return nil
		},
	}
}

// proxyError is a proxy that does not connect.
type proxyError struct{ status int }

func (e proxyError) Error() string { return "the proxy answers HTTP " + strconv.Itoa(e.status) }

// certificateError is a certificate that was not accepted.
type certificateError struct{ why string }

func (e certificateError) Error() string { return "certificate not accepted: " + e.why }

var errTooLarge = errors.New("the answer is larger than 64 kB")

// bounded names us in every request and bounds every answer.
type bounded struct {
	next      http.RoundTripper
	userAgent string
}

// RoundTrip makes one exchange.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	named := r.WithContext(r.Context()) // a copy: a RoundTripper may not change the request
	named.Header = r.Header.Clone()
	named.Header.Set("User-Agent", b.userAgent) // the signature does not cover it
	resp, err := b.next.RoundTrip(named)
	if err != nil {
		return nil, err
	}
	resp.Body = &boundedBody{resp.Body, maxAnswer}
	return resp, nil
}

// CloseIdleConnections lets http.Client.CloseIdleConnections through.
func (b bounded) CloseIdleConnections() {
	if c, ok := b.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// boundedBody fails when there is more than it may read.
type boundedBody struct {
	io.ReadCloser
	left int
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		var one [1]byte
		if n, err := b.ReadCloser.Read(one[:]); n == 0 {
			return 0, err
		}
		return 0, errTooLarge
	}
	n, err := b.ReadCloser.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}
