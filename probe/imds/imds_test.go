package imds

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/probetest"
)

// compare shows addresses and prefixes as text in differences.
var compare = cmp.Options{
	cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
	cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
	cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b }),
}

var roleEnd = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)

// instance is a usual instance in a private subnet of the article's VPC.
func instance() probetest.IMDSInstance {
	return probetest.IMDSInstance{
		InstanceID: "i-0123456789abcdef0", AccountID: "123456789012",
		Region: "cn-northwest-1", AZ: "cn-northwest-1a", AZID: "cnnw1-az1",
		Partition: "aws-cn", DNSSuffix: "amazonaws.com.cn",
		Role: "ssm+role", Expires: roleEnd,
		ENIs: []probetest.IMDSENI{{
			MAC: "02:00:00:00:00:01", InterfaceID: "eni-00000000000000001",
			SubnetID: "subnet-00000000000000001", SubnetCIDR: netip.MustParsePrefix("10.192.10.0/24"),
			VPCID: "vpc-00000000000000001", VPCCIDRs: prefixes("10.192.0.0/16", "100.64.0.0/16"),
			LocalIPv4s:       []netip.Addr{netip.MustParseAddr("10.192.10.5")},
			SecurityGroupIDs: []string{"sg-00000000000000001", "sg-00000000000000002"},
		}},
	}
}

func prefixes(text ...string) (out []netip.Prefix) {
	for _, t := range text {
		out = append(out, netip.MustParsePrefix(t))
	}
	return out
}

// dualStack gives the primary interface its IPv6 values.
func dualStack(i probetest.IMDSInstance) probetest.IMDSInstance {
	e := &i.ENIs[0]
	e.IPv6s = []netip.Addr{netip.MustParseAddr("2406:da70:1::5")}
	e.SubnetIPv6CIDRs = prefixes("2406:da70:1::/64")
	e.VPCIPv6CIDRs = prefixes("2406:da70:1::/56")
	return i
}

// serve starts m on loopback and returns its endpoint.
func serve(t *testing.T, m *probetest.IMDS) string {
	t.Helper()
	s := httptest.NewUnstartedServer(m)
	s.Config = m.Server()
	s.Start()
	t.Cleanup(s.Close)
	return s.URL
}

// ask is Open and Close.
func ask(ctx context.Context, o Options) fact.IMDS {
	m, s := Open(ctx, o)
	s.Close()
	return m
}

func read(t *testing.T, m *probetest.IMDS) fact.IMDS {
	t.Helper()
	return ask(t.Context(), Options{Endpoint: serve(t, m), UserAgent: "vpcdoctor/test (+diagnostic)"})
}

// find returns the fact of a GET below /latest/meta-data/.
func find(t *testing.T, m fact.IMDS, path string) fact.IMDSGet {
	t.Helper()
	for _, g := range m.Gets {
		if g.Path == "GET /latest/meta-data/"+path || g.Path == "GET "+path {
			return g
		}
	}
	t.Fatalf("no GET of %s in %v", path, m.Gets)
	return fact.IMDSGet{}
}

func TestUsualInstance(t *testing.T) {
	fake := probetest.NewIMDS(instance())
	got := read(t, fake)
	if got.Token.Status != fact.OK || got.Token.HTTPStatus != 200 || got.Version != 2 {
		t.Errorf("token: %+v, version %d", got.Token, got.Version)
	}
	if got.V1.HTTPStatus != 401 || got.V1.Status != fact.Failed || got.V1.Class != fact.HTTPStatus || got.V1.HTML {
		t.Errorf("GET without token: %+v", got.V1)
	}
	want := fact.IMDS{
		InstanceID: "i-0123456789abcdef0", AccountID: "123456789012",
		Region: "cn-northwest-1", AZ: "cn-northwest-1a", AZID: "cnnw1-az1",
		Partition: "aws-cn", DNSSuffix: "amazonaws.com.cn", PublicIPv4Absent: true,
		Server: "EC2ws",
		ENIs: []fact.ENI{{
			MAC: "02:00:00:00:00:01", Primary: true, InterfaceID: "eni-00000000000000001",
			SubnetID: "subnet-00000000000000001", SubnetCIDR: netip.MustParsePrefix("10.192.10.0/24"),
			VPCID: "vpc-00000000000000001", VPCCIDRs: prefixes("10.192.0.0/16", "100.64.0.0/16"),
			LocalIPv4s:       []netip.Addr{netip.MustParseAddr("10.192.10.5")},
			SecurityGroupIDs: []string{"sg-00000000000000001", "sg-00000000000000002"},
		}},
		Role: fact.Role{
			State: fact.RolePresent, Name: "ssm+role", Code: "Success", Expires: roleEnd,
			ProfileARN: "arn:aws-cn:iam::123456789012:instance-profile/ssm+role",
		},
	}
	values := got
	values.Token, values.V1, values.Gets, values.Role.Outcome, values.Time = fact.IMDSGet{}, fact.IMDSGet{}, nil, fact.Outcome{}, fact.TimeSample{}
	want.Endpoint, want.Version, want.Puts, want.GetCount = got.Endpoint, 2, 1, got.GetCount
	if d := cmp.Diff(want, values, compare); d != "" {
		t.Error(d)
	}
	if got.Role.Status != fact.OK {
		t.Errorf("role: %+v", got.Role.Outcome)
	}
	for _, g := range got.Gets {
		if g.Status != fact.OK && !strings.HasSuffix(g.Path, "/public-ipv4") {
			t.Errorf("%s: %+v", g.Path, g.Outcome)
		}
		if strings.Contains(g.Path, "ssm+role") {
			t.Errorf("the path of a fact names the role: %s", g.Path)
		}
	}
	if n := got.GetCount; n < 18 || n > 22 {
		t.Errorf("%d GETs for a usual instance", n)
	}
	t.Logf("%d GETs", got.GetCount)
}

func TestDualStackAndPublic(t *testing.T) {
	i := dualStack(instance())
	i.PublicIPv4 = netip.MustParseAddr("52.82.1.2")
	got := read(t, probetest.NewIMDS(i))
	e := got.Primary()
	if got.PublicIPv4 != "52.82.1.2" || got.PublicIPv4Absent {
		t.Errorf("public address %q, absent %v", got.PublicIPv4, got.PublicIPv4Absent)
	}
	if d := cmp.Diff(prefixes("2406:da70:1::/56"), e.VPCIPv6CIDRs, compare); d != "" {
		t.Error(d)
	}
	if len(e.IPv6s) != 1 || len(e.SubnetIPv6CIDRs) != 1 {
		t.Errorf("IPv6 of the interface: %+v", e)
	}
}

// TestOpening covers the first two exchanges in every state of the service.
func TestOpening(t *testing.T) {
	type brief struct {
		status fact.Status
		class  fact.Class
		http   int
		html   bool
	}
	short := func(g fact.IMDSGet) brief { return brief{g.Status, g.Class, g.HTTPStatus, g.HTML} }
	ok, silent := brief{fact.OK, "", 200, false}, brief{fact.Failed, fact.Timeout, 0, false}
	refused := func(n int) brief { return brief{fact.Failed, fact.HTTPStatus, n, false} }
	for _, tc := range []struct {
		name      string
		mode      probetest.IMDSMode
		token, v1 brief
		version   int
		region    bool // values were read
		proxied   bool
		server    string
	}{
		{"tokens required", probetest.IMDSMode{}, ok, refused(401), 2, true, false, "EC2ws"},
		{"tokens optional", probetest.IMDSMode{TokensOptional: true}, ok, ok, 2, true, false, "EC2ws"},
		{"version 1 only", probetest.IMDSMode{V1Only: true}, refused(404), ok, 1, true, false, "EC2ws"},
		{"disabled", probetest.IMDSMode{Disabled: true}, refused(403), refused(403), 0, false, false, "EC2ws"},
		{"hop limit", probetest.IMDSMode{TokenSilent: true}, silent, refused(401), 0, false, false, "EC2ws"},
		{"hop limit, tokens optional", probetest.IMDSMode{TokenSilent: true, TokensOptional: true}, silent, ok, 1, true, false, "EC2ws"},
		{"silent after connect", probetest.IMDSMode{Silent: true}, silent, silent, 0, false, false, ""},
		{"hangs up", probetest.IMDSMode{HangUp: true}, brief{fact.Failed, fact.EOF, 0, false}, brief{fact.Failed, fact.EOF, 0, false}, 0, false, false, ""},
		{"web page", probetest.IMDSMode{HTML: true}, brief{fact.Failed, fact.Malformed, 200, true}, brief{fact.Failed, fact.Malformed, 200, true}, 0, false, false, ""},
		{"proxy denies", probetest.IMDSMode{ProxyDeny: true}, brief{fact.Failed, fact.HTTPStatus, 403, true}, brief{fact.Failed, fact.HTTPStatus, 403, true}, 0, false, true, "squid/6.10"},
		{"proxied", probetest.IMDSMode{Proxied: true}, ok, refused(401), 2, true, true, "EC2ws"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			fake := probetest.NewIMDS(instance())
			fake.Mode = tc.mode
			got := read(t, fake)
			if short(got.Token) != tc.token || short(got.V1) != tc.v1 {
				t.Errorf("token %+v\nv1 %+v", got.Token, got.V1)
			}
			if !got.Token.Connected || !got.V1.Connected {
				t.Error("the connection is not recorded")
			}
			if got.Version != tc.version || (got.Region != "") != tc.region {
				t.Errorf("version %d, Region %q", got.Version, got.Region)
			}
			if got.Proxied != tc.proxied || got.Server != tc.server {
				t.Errorf("proxied %v, server %q", got.Proxied, got.Server)
			}
			if tc.region && (got.InstanceID == "" || got.Role.State != fact.RolePresent || len(got.VPCCIDRs()) != 2) {
				t.Errorf("values are missing: %+v", got)
			}
			if !tc.region && (len(got.Gets) != 0 || got.Role.Status != fact.NotRun || got.GetCount != 1) {
				t.Errorf("went on without a way to read: %+v", got.Gets)
			}
			if c := fake.Counts(); c.Puts != 1 || c.Gets != got.GetCount || c.Gets > 25 {
				t.Errorf("sent %+v, recorded %d GETs", c, got.GetCount)
			}
		})
	}
}

func TestLocalErrors(t *testing.T) {
	for errno, want := range map[syscall.Errno]fact.Class{
		syscall.ECONNREFUSED: fact.Refused,
		syscall.EPERM:        fact.NotPermitted,
		syscall.ENETUNREACH:  fact.NetUnreachable,
		syscall.EHOSTUNREACH: fact.HostUnreachable,
	} {
		got := ask(t.Context(), Options{Dial: func(_ context.Context, network, addr string) (net.Conn, error) {
			if addr != "169.254.169.254:80" && errno != syscall.ENETUNREACH { // see TestIPv6Endpoint
				t.Errorf("dialled %s", addr)
			}
			return nil, &net.OpError{Op: "dial", Net: network, Err: errno}
		}})
		if got.Token.Class != want || got.V1.Class != want || got.Token.Connected {
			t.Errorf("%v: token %+v", errno, got.Token)
		}
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	begin := time.Now()
	got := ask(ctx, Options{Dial: func(dctx context.Context, _, _ string) (net.Conn, error) {
		cancel() // the user's Ctrl-C, while the SYN is out
		<-dctx.Done()
		return nil, dctx.Err()
	}})
	if got.Token.Ran() || time.Since(begin) > time.Second {
		t.Errorf("after %v: %+v", time.Since(begin), got.Token)
	}
}

func TestNotAsked(t *testing.T) {
	dial := func(context.Context, string, string) (net.Conn, error) {
		t.Error("something was sent")
		return nil, errors.New("closed")
	}
	got := ask(t.Context(), Options{Disabled: "True", Dial: dial})
	if got.Disabled != "AWS_EC2_METADATA_DISABLED" || got.Token.Status != fact.NotRun || got.V1.Status != fact.NotRun || got.Puts != 0 {
		t.Errorf("%+v", got)
	}
	for _, e := range []string{
		"https://169.254.169.254", "169.254.169.254", "http://", "http://user:hunter2@h", "http://h/path", "http://h?q", "http://h:0",
		"http://h:", "http://h:99999", "http://h#f", "http://a b", "http://h\r\nX: y", "http:h", "file:///etc/passwd", "http://" + strings.Repeat("a", 400), "http://[fe80::1%25x", "http://ümlaut",
	} {
		got := ask(t.Context(), Options{Endpoint: e, Dial: dial})
		if got.Token.Status != fact.Failed || got.Token.Class != fact.Invalid || got.Token.Detail == "" || got.V1.Status != fact.NotRun {
			t.Errorf("%q: %+v", e, got.Token)
		}
		if strings.Contains(asJSON(t, got), "hunter2") {
			t.Errorf("%q: the password is in the fact", e)
		}
	}
	for _, e := range []string{"http://[fd00:ec2::254]", "http://[::1]:1338/", "http://localhost:1338", "http://10.0.0.1"} {
		if _, err := parseEndpoint(e); err != nil {
			t.Errorf("%q: %v", e, err)
		}
	}
	if d := ask(t.Context(), Options{Disabled: "false", Endpoint: serve(t, probetest.NewIMDS(instance()))}).Disabled; d != "" {
		t.Errorf("disabled by %q", d)
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestProxyVariablesAreIgnored(t *testing.T) {
	t.Setenv("http_proxy", "http://127.0.0.1:1")
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	got := ask(t.Context(), Options{Endpoint: "http://imds.example", Dial: func(_ context.Context, _, addr string) (net.Conn, error) {
		if addr != "imds.example:80" {
			t.Errorf("dialled %s", addr)
		}
		return nil, syscall.ECONNREFUSED
	}})
	if got.Token.Class != fact.Refused {
		t.Errorf("%+v", got.Token)
	}
}

func TestEnvironmentDoesNotReachTheSDK(t *testing.T) {
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1")
	got := read(t, probetest.NewIMDS(instance()))
	if got.AccountID != "123456789012" {
		t.Errorf("identity document: %+v", find(t, got, identityPath))
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	followed := false
	mux := http.NewServeMux()
	mux.HandleFunc("/elsewhere", func(http.ResponseWriter, *http.Request) { followed = true })
	mux.Handle("/", http.RedirectHandler("/elsewhere", http.StatusFound))
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	got := ask(t.Context(), Options{Endpoint: s.URL})
	if followed || got.Token.HTTPStatus != 302 || got.Token.Class != fact.HTTPStatus {
		t.Errorf("followed %v, token %+v", followed, got.Token)
	}
}

func TestUserAgentOnEveryRequest(t *testing.T) {
	fake := probetest.NewIMDS(instance())
	var seen []string
	turn := make(chan struct{}, 1)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		turn <- struct{}{}
		seen = append(seen, r.UserAgent())
		if r.Method == http.MethodGet && (len(r.TransferEncoding) > 0 || r.ContentLength != 0) {
			t.Errorf("%s has a body", r.URL.Path)
		}
		<-turn
		fake.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	got := ask(t.Context(), Options{Endpoint: s.URL, UserAgent: "vpcdoctor/9 (+diagnostic)"})
	if agents := slices.Compact(seen); len(agents) != 1 || agents[0] != "vpcdoctor/9 (+diagnostic)" || got.AccountID == "" {
		t.Errorf("%q", agents)
	}
}
