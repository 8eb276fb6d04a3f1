package probetest

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"testing"
)

// serveOn runs f on a loopback port and returns its address.
func serveOn(t *testing.T, f func(net.Listener) error) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = f(l) }()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().String()
}

// A metadata request that an incomplete no_proxy sends to the proxy comes back
// with the proxy's marks on it.
func TestProxyForwardsPlainRequests(t *testing.T) {
	origin := serveOn(t, (&http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "i-0123")
	})}).Serve)
	px := &Proxy{Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, origin)
	}}
	u := &url.URL{Scheme: "http", Host: serveOn(t, px.Serve)}
	client := http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(u), DisableKeepAlives: true}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://169.254.169.254/latest/meta-data/instance-id", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, _ := io.ReadAll(resp.Body); string(body) != "i-0123" || resp.Header.Get("Via") == "" {
		t.Errorf("%q, %v", body, resp.Header)
	}
	if seen := px.Seen(); len(seen) != 1 || seen[0].Target != "http://169.254.169.254/latest/meta-data/instance-id" {
		t.Errorf("%+v", seen)
	}
}

func TestProxyForwardRefusals(t *testing.T) {
	px := &Proxy{Hosts: map[string]int{"169.254.169.254": http.StatusForbidden}}
	u := &url.URL{Scheme: "http", Host: serveOn(t, px.Serve)}
	client := http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(u), DisableKeepAlives: true}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://169.254.169.254/", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("status %d", resp.StatusCode)
	}
}

func TestLeafVariants(t *testing.T) {
	root := NewCA("root")
	mid := root.Intermediate("mid").Intermediate("issuing")
	o := LeafOptions{Names: []string{"a.example", "10.0.0.1"}}
	if c := mid.Leaf(o); len(c.Certificate) != 3 || len(c.Leaf.IPAddresses) != 1 || c.Leaf.Subject.CommonName != "a.example" {
		t.Errorf("full chain: %d certificates, %v", len(c.Certificate), c.Leaf.Subject)
	}
	o.Bare = true
	if c := mid.Leaf(o); len(c.Certificate) != 1 {
		t.Errorf("bare: %d certificates", len(c.Certificate))
	}
	o = LeafOptions{Names: []string{"a.example"}, SelfSigned: true}
	if c := mid.Leaf(o); len(c.Certificate) != 1 || c.Leaf.Issuer.String() != c.Leaf.Subject.String() {
		t.Errorf("self-signed: %d certificates, issuer %v", len(c.Certificate), c.Leaf.Issuer)
	}
}
