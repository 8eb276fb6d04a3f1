package imds

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/probetest"
)

// sixInterfaces is an instance with five further interfaces, one of them in
// another VPC.
func sixInterfaces() probetest.IMDSInstance {
	i := instance()
	for n := range 5 {
		e := i.ENIs[0]
		e.MAC = fmt.Sprintf("02:00:00:00:01:%02x", n)
		e.SubnetCIDR = netip.MustParsePrefix(fmt.Sprintf("10.192.%d.0/24", 20+n))
		i.ENIs = append(i.ENIs, e)
	}
	other := &i.ENIs[3]
	other.VPCID, other.VPCCIDRs, other.SubnetCIDR = "vpc-00000000000000002", prefixes("172.30.0.0/16"), netip.MustParsePrefix("172.30.1.0/24")
	// The primary does not sort first: only "mac" tells it.
	i.ENIs[0].MAC = "06:00:00:00:00:01"
	return i
}

// TestBudget counts at the service what is sent in every kind of instance and
// state: 1 PUT, 25 GETs and 4 connections are never passed.
func TestBudget(t *testing.T) {
	many := sixInterfaces()
	for n := range 60 {
		e := many.ENIs[1]
		e.MAC = fmt.Sprintf("02:00:00:00:02:%02x", n)
		many.ENIs = append(many.ENIs, e)
	}
	noRole := instance()
	noRole.Role = ""
	for name, i := range map[string]probetest.IMDSInstance{
		"usual": instance(), "dual stack": dualStack(instance()), "six interfaces": sixInterfaces(),
		"six interfaces, dual stack": dualStack(sixInterfaces()), "66 interfaces": many, "no role": noRole, "nothing": {},
	} {
		for state, mode := range map[string]probetest.IMDSMode{
			"v2": {}, "optional": {TokensOptional: true}, "v1": {V1Only: true}, "huge": {Huge: true}, "endless": {Endless: true},
			"no document": {NoDocument: true}, "no listing": {Statuses: map[string]int{"/latest/meta-data/network/interfaces/macs/06:00:00:00:00:01/": 500}},
			"no mac": {Statuses: map[string]int{"/latest/meta-data/mac": 404}},
		} {
			t.Run(name+"/"+state, func(t *testing.T) {
				fake := probetest.NewIMDS(i)
				fake.Mode = mode
				var conns connCount
				got := ask(t.Context(), Options{Endpoint: serve(t, fake), Dial: conns.dial})
				c := fake.Counts()
				if c.Puts > 1 || c.Gets > 25 || conns.most > 4 {
					t.Errorf("sent %+v over %d connections at once", c, conns.most)
				}
				broken := mode.Huge || mode.Endless || slices.ContainsFunc(got.Gets, func(g fact.IMDSGet) bool { return g.Class == fact.Timeout })
				if !broken && c.Conns > 4 {
					t.Errorf("%d connections opened: they are not kept", c.Conns)
				}
				// One that was given up may not have arrived.
				if c.Puts > got.Puts || c.Gets > got.GetCount || !broken && c.Gets != got.GetCount {
					t.Errorf("sent %+v, recorded %d PUTs and %d GETs", c, got.Puts, got.GetCount)
				}
			})
		}
	}
}

// connCount counts the connections of the client that are open at once. The
// service learns of a closed one only when it next writes.
type connCount struct {
	mu         sync.Mutex
	open, most int
}

func (c *connCount) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open++
	c.most = max(c.most, c.open)
	return &countedConn{Conn: conn, count: c}, nil
}

type countedConn struct {
	net.Conn
	count *connCount
	once  sync.Once
}

func (c *countedConn) Close() error {
	c.once.Do(func() {
		c.count.mu.Lock()
		defer c.count.mu.Unlock()
		c.count.open--
	})
	return c.Conn.Close()
}

func TestFurtherInterfaces(t *testing.T) {
	five := sixInterfaces() // one GET is kept for the credentials, so the sixth interface would be cut
	five.ENIs = five.ENIs[:5]
	got := read(t, probetest.NewIMDS(five))
	if len(got.ENIs) != 5 || !got.ENIs[0].Primary || got.ENIs[0].MAC != "06:00:00:00:00:01" || got.ENIs[0].VPCID == "" {
		t.Fatalf("%+v", got.ENIs)
	}
	subnets := 0
	for _, e := range got.ENIs[1:] {
		if e.Primary || e.Device != -1 {
			t.Errorf("%+v", e)
		}
		if e.SubnetCIDR.IsValid() {
			subnets++
		}
	}
	if subnets != 4 || got.GetCount != 24 {
		t.Errorf("%d subnets after %d GETs", subnets, got.GetCount)
	}
	cut := find(t, got, macs+"02:00:00:00:01:02/vpc-ipv4-cidr-blocks") // of the other VPC
	if cut.Status != fact.NotRun || cut.Skipped != SkippedCount {
		t.Errorf("what the budget cut is not told: %+v", cut)
	}

	two := sixInterfaces()
	two.ENIs = []probetest.IMDSENI{two.ENIs[0], two.ENIs[3]}
	got = read(t, probetest.NewIMDS(two))
	if len(got.VPCCIDRs()) != 3 || got.VPCCIDRs()[2] != netip.MustParsePrefix("172.30.0.0/16") {
		t.Errorf("blocks of both VPCs: %v", got.VPCCIDRs())
	}

	v6only := sixInterfaces()
	v6only.ENIs = v6only.ENIs[:2]
	v6only.ENIs[1].SubnetCIDR = netip.Prefix{}
	v6only.ENIs[1].VPCIPv6CIDRs, v6only.ENIs[1].SubnetIPv6CIDRs = prefixes("2600:1f00:1::/56"), prefixes("2600:1f00:1::/64")
	got = read(t, probetest.NewIMDS(v6only))
	if e := got.ENIs[1]; len(e.SubnetIPv6CIDRs) != 1 || len(e.VPCIPv6CIDRs) != 1 {
		t.Errorf("interface in an IPv6-only subnet: %+v", e)
	}
}

func TestPrimaryWithoutMac(t *testing.T) {
	fake := probetest.NewIMDS(sixInterfaces())
	fake.Mode.Statuses = map[string]int{"/latest/meta-data/mac": 404}
	got := read(t, fake)
	if e := got.ENIs[0]; e.Primary || e.Device != 1 || e.VPCID == "" {
		t.Errorf("the first listed is told by its device number: %+v", e)
	}
}

// TestBrokenConnectionIsNotRetried lets the service take a second request on a
// kept connection and close it without a word: the transport would send it again.
func TestBrokenConnectionIsNotRetried(t *testing.T) {
	fake := probetest.NewIMDS(instance())
	var mu sync.Mutex
	asked := map[string]int{}
	onConn := map[string]int{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked[r.Method+" "+r.URL.Path]++
		onConn[r.RemoteAddr]++
		opening := r.Method == http.MethodPut || r.URL.Path == v1Path // without them nothing follows
		second := onConn[r.RemoteAddr] > 1 && !opening
		mu.Unlock()
		if second {
			panic(http.ErrAbortHandler)
		}
		fake.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	got := ask(t.Context(), Options{Endpoint: s.URL})
	mu.Lock()
	defer mu.Unlock()
	for path, n := range asked {
		if n > 1 {
			t.Errorf("%s was sent %d times", path, n)
		}
	}
	broken := 0
	for _, g := range got.Gets {
		if g.Class == fact.EOF {
			broken++
		}
	}
	if broken == 0 {
		t.Error("no broken exchange was recorded")
	}
}

// TestSecretsStayOut looks for the keys of the credentials documents, the token
// and what a hostile service puts into odd places in everything that comes out.
func TestSecretsStayOut(t *testing.T) {
	const role = "/latest/meta-data/iam/security-credentials/ssm+role"
	secretDoc := fmt.Sprintf(`{"AccessKeyId":%q,"SecretAccessKey":%q,"Token":%q`, probetest.IMDSSecrets[0], probetest.IMDSSecrets[1], probetest.IMDSSecrets[2])
	for name, mode := range map[string]probetest.IMDSMode{
		"served":               {},
		"version 1":            {V1Only: true},
		"cut off":              {Bodies: map[string]string{role: secretDoc}},
		"keys in Code":         {Bodies: map[string]string{role: secretDoc + `,"Code":"` + probetest.IMDSSecrets[1] + `"}`}},
		"keys in Expiration":   {Bodies: map[string]string{role: secretDoc + `,"Code":"Success","Expiration":"` + probetest.IMDSSecrets[2] + `"}`}},
		"keys as instance id":  {NoDocument: true, Bodies: map[string]string{"/latest/meta-data/instance-id": probetest.IMDSSecrets[1]}},
		"keys as document":     {Bodies: map[string]string{identityPath: secretDoc}},
		"keys as list":         {Bodies: map[string]string{"/latest/meta-data/iam/security-credentials/": "bad role\n" + probetest.IMDSSecrets[1]}},
		"keys everywhere else": {Bodies: map[string]string{"/latest/meta-data/placement/region": secretDoc + "}", "/latest/meta-data/iam/info": secretDoc + "}", "/latest/meta-data/mac": secretDoc}},
	} {
		t.Run(name, func(t *testing.T) {
			fake := probetest.NewIMDS(instance())
			fake.Mode = mode
			var token string
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if v := r.Header.Get("X-Aws-Ec2-Metadata-Token"); v != "" && r.URL.Path == identityPath {
					token = v
				}
				fake.ServeHTTP(w, r)
			}))
			t.Cleanup(s.Close)
			got := ask(t.Context(), Options{Endpoint: s.URL})
			out := asJSON(t, got) + fmt.Sprintf("%+v", got)
			if token == "" && mode.V1Only == false || token == "placeholder" {
				t.Errorf("the SDK's request carried the token %q", token)
			}
			for _, secret := range append([]string{token}, probetest.IMDSSecrets...) {
				if secret != "" && strings.Contains(out, secret) {
					t.Errorf("%q is in the facts:\n%s", secret, out)
				}
			}
		})
	}
}

// TestRawAnswers plays peers that speak no HTTP, or break off.
func TestRawAnswers(t *testing.T) {
	for name, tc := range map[string]struct {
		answer string
		class  fact.Class
	}{
		"not HTTP":            {"SSH-2.0-OpenSSH_9.9\r\n\r\n", fact.HTTPMalformed},
		"secret, not HTTP":    {probetest.IMDSSecrets[1] + "\r\n\r\n", fact.HTTPMalformed},
		"broken off":          {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", fact.EOF},
		"endless header":      {"HTTP/1.1 200 OK\r\n" + strings.Repeat("X-A: "+strings.Repeat("b", 1000)+"\r\n", 40), fact.HTTPMalformed},
		"bad chunk":           {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n" + probetest.IMDSSecrets[1], fact.HTTPMalformed},
		"control characters":  {"HTTP/1.1 200 OK\r\nServer: a\x1b[31mb\r\nContent-Length: 3\r\n\r\n\x00\x1b\x07", fact.HTTPMalformed},
		"control in the body": {"HTTP/1.1 200 OK\r\nServer: x\r\nConnection: close\r\nContent-Length: 3\r\n\r\n\x00\x1b\x07", fact.Malformed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = l.Close() })
			go func() {
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					go func() {
						defer func() { _ = c.Close() }()
						if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
							_, _ = c.Write([]byte(tc.answer))
						}
					}()
				}
			}()
			got := ask(t.Context(), Options{Endpoint: "http://" + l.Addr().String()})
			if got.Token.Class != tc.class {
				t.Errorf("%+v", got.Token)
			}
			if out := asJSON(t, got); strings.Contains(out, probetest.IMDSSecrets[1]) || strings.Contains(out, "\\u001b") || strings.Contains(out, "OpenSSH") {
				t.Errorf("text of the peer is in the facts: %s", out)
			}
		})
	}
}
