package probetest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

func imdsInstance() IMDSInstance {
	return IMDSInstance{
		InstanceID: "i-0123456789abcdef0", AccountID: "123456789012", Region: "us-east-1", AZ: "us-east-1a", AZID: "use1-az1",
		Partition: "aws", DNSSuffix: "amazonaws.com", Role: "node", Expires: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC),
		ENIs: []IMDSENI{{
			MAC: "02:00:00:00:00:01", InterfaceID: "eni-00000000000000001", SubnetID: "subnet-00000000000000001",
			SubnetCIDR: netip.MustParsePrefix("10.0.1.0/24"), VPCID: "vpc-00000000000000001",
			VPCCIDRs:   []netip.Prefix{netip.MustParsePrefix("10.0.0.0/16"), netip.MustParsePrefix("10.1.0.0/16")},
			LocalIPv4s: []netip.Addr{netip.MustParseAddr("10.0.1.5")}, SecurityGroupIDs: []string{"sg-00000000000000001"},
		}},
	}
}

// imdsClient is a running fake and a client for it.
type imdsClient struct {
	t   *testing.T
	url string
}

func startIMDS(t *testing.T, m *IMDS) imdsClient {
	t.Helper()
	s := httptest.NewUnstartedServer(m)
	s.Config = m.Server()
	s.Start()
	t.Cleanup(s.Close)
	return imdsClient{t, s.URL}
}

// do sends one request with that header ("Name: value"; empty: none).
func (c imdsClient) do(method, path, header string) (*http.Response, string) {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.url+path, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	if name, value, ok := strings.Cut(header, ": "); ok {
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return resp, string(body)
}

const imdsTTL = "X-aws-ec2-metadata-token-ttl-seconds: "

func TestIMDSTokens(t *testing.T) {
	m := NewIMDS(imdsInstance())
	c := startIMDS(t, m)
	const path = "/latest/meta-data/instance-id"
	if resp, _ := c.do("GET", path, ""); resp.StatusCode != 401 || resp.Header.Get("Server") != "EC2ws" {
		t.Errorf("without a token: %v", resp.Status)
	}
	for _, ttl := range []string{"", imdsTTL + "0", imdsTTL + "21601", imdsTTL + "x"} {
		if resp, _ := c.do("PUT", "/latest/api/token", ttl); resp.StatusCode != 400 {
			t.Errorf("token with %q: %v", ttl, resp.Status)
		}
	}
	resp, token := c.do("PUT", "/latest/api/token", imdsTTL+"60")
	if resp.StatusCode != 200 || resp.Header.Get("X-Aws-Ec2-Metadata-Token-Ttl-Seconds") != "60" || len(token) != 56 {
		t.Errorf("token %q: %v %v", token, resp.Status, resp.Header)
	}
	held := "X-aws-ec2-metadata-token: " + token
	if resp, body := c.do("GET", path, held); body != "i-0123456789abcdef0" || resp.Header.Get("Content-Type") != "text/plain" || resp.ContentLength != int64(len(body)) {
		t.Errorf("with the token: %v %q", resp.Header, body)
	}
	if resp, _ := c.do("GET", path, held+"x"); resp.StatusCode != 401 {
		t.Errorf("with a wrong token: %v", resp.Status)
	}
	if resp, _ := c.do("POST", path, held); resp.StatusCode != 405 {
		t.Errorf("POST: %v", resp.Status)
	}
	if got := m.Counts(); got.Puts != 5 || got.Gets != 4 || got.MaxConns < 1 {
		t.Errorf("%+v", got)
	}
	if log := m.Log(); len(log) != 9 || log[0] != "GET "+path {
		t.Errorf("%q", log)
	}
}

func TestIMDSTree(t *testing.T) {
	m := NewIMDS(imdsInstance())
	m.Mode.TokensOptional = true
	c := startIMDS(t, m)
	for path, want := range map[string]string{
		"meta-data/network/interfaces/macs/":                                       "02:00:00:00:00:01/",
		"meta-data/network/interfaces/macs/02:00:00:00:00:01/vpc-ipv4-cidr-blocks": "10.0.0.0/16\n10.1.0.0/16",
		"meta-data/iam/":                      "info\nsecurity-credentials/",
		"meta-data/iam/security-credentials/": "node",
		"meta-data/placement":                 "availability-zone\navailability-zone-id\nregion",
		"meta-data/services/":                 "domain\npartition",
		"meta-data/mac":                       "02:00:00:00:00:01",
		"dynamic/":                            "instance-identity/",
		"":                                    "dynamic/\nmeta-data/",
	} {
		if resp, body := c.do("GET", "/latest/"+path, ""); resp.StatusCode != 200 || body != want {
			t.Errorf("%s: %v %q, want %q", path, resp.Status, body, want)
		}
	}
	for _, path := range []string{"meta-data/public-ipv4", "meta-data/network/interfaces/macs/02:00:00:00:00:01/ipv6s", "user-data", "meta-data/inst"} {
		resp, body := c.do("GET", "/latest/"+path, "")
		if resp.StatusCode != 404 || !strings.HasPrefix(body, "<?xml") || !strings.Contains(body, "404 - Not Found") {
			t.Errorf("%s: %v %q", path, resp.Status, body)
		}
	}
	var doc map[string]any
	if _, body := c.do("GET", "/latest/dynamic/instance-identity/document", ""); json.Unmarshal([]byte(body), &doc) != nil || doc["accountId"] != "123456789012" {
		t.Errorf("identity document: %v", doc)
	}
	var keys map[string]string
	_, body := c.do("GET", "/latest/meta-data/iam/security-credentials/node", "")
	if json.Unmarshal([]byte(body), &keys) != nil || keys["Expiration"] != "2030-01-01T00:00:00Z" ||
		!slices.Equal([]string{keys["AccessKeyId"], keys["SecretAccessKey"], keys["Token"]}, IMDSSecrets) {
		t.Errorf("credentials: %v", keys)
	}
}

func TestIMDSModes(t *testing.T) {
	const role = "/latest/meta-data/iam/security-credentials/"
	for _, tc := range []struct {
		name, method, path string
		mode               IMDSMode
		status             int
		has                string
	}{
		{"disabled", "GET", "/latest/meta-data/", IMDSMode{Disabled: true}, 403, "403 - Forbidden"},
		{"disabled token", "PUT", "/latest/api/token", IMDSMode{Disabled: true}, 403, ""},
		{"version 1 token", "PUT", "/latest/api/token", IMDSMode{V1Only: true}, 404, ""},
		{"version 1", "GET", "/latest/meta-data/instance-id", IMDSMode{V1Only: true}, 200, "i-0"},
		{"page", "GET", "/latest/meta-data/", IMDSMode{HTML: true}, 200, "<!DOCTYPE html>"},
		{"denied by a proxy", "GET", "/latest/meta-data/", IMDSMode{ProxyDeny: true}, 403, "ERROR"},
		{"empty profile", "GET", role, IMDSMode{V1Only: true, RoleEmpty: true}, 200, ""},
		{"refused role", "GET", role + "node", IMDSMode{V1Only: true, RoleCode: "AssumeRoleUnauthorizedAccess"}, 200, "AssumeRoleUnauthorizedAccess"},
		{"role without credentials", "GET", role + "node", IMDSMode{V1Only: true, NoIAMRole: true}, 404, ""},
		{"no document", "GET", "/latest/dynamic/instance-identity/document", IMDSMode{V1Only: true, NoDocument: true}, 404, ""},
		{"own body", "GET", "/x", IMDSMode{V1Only: true, Bodies: map[string]string{"/x": "y"}}, 200, "y"},
		{"own status", "GET", "/x", IMDSMode{V1Only: true, Statuses: map[string]int{"/x": 503}}, 503, "503"},
		{"huge", "GET", "/latest/meta-data/", IMDSMode{V1Only: true, Huge: true}, 200, "0123456789abcde"},
	} {
		m := NewIMDS(imdsInstance())
		m.Mode = tc.mode
		if resp, body := startIMDS(t, m).do(tc.method, tc.path, imdsTTL+"60"); resp.StatusCode != tc.status || !strings.Contains(body, tc.has) {
			t.Errorf("%s: %v %.100q", tc.name, resp.Status, body)
		}
	}
}
