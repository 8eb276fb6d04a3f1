package imds

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/probetest"
)

func TestRoleCredentials(t *testing.T) {
	fake := probetest.NewIMDS(instance())
	m, s := Open(t.Context(), Options{Endpoint: serve(t, fake)})
	defer s.Close()
	before := fake.Counts()
	body, g := s.RoleCredentials(t.Context())
	if g.Status != fact.OK || g.Path != "GET /latest/meta-data/iam/security-credentials/{role}" {
		t.Errorf("%+v", g)
	}
	for _, secret := range probetest.IMDSSecrets {
		if !bytes.Contains(body, []byte(secret)) {
			t.Errorf("the document lacks a part of the credentials")
		}
		if s := asJSON(t, m) + asJSON(t, g); strings.Contains(s, secret) {
			t.Errorf("a secret is in the facts")
		}
	}
	after := fake.Counts()
	if after.Puts != 1 || after.Gets != before.Gets+1 || after.Conns != before.Conns+1 {
		t.Errorf("before %+v, after %+v", before, after)
	}
	for range maxConns { // the buffers are ours: the document must not stay in them
		if i := slices.IndexFunc((<-s.in.c.slots).body, func(b byte) bool { return b != 0 }); i >= 0 {
			t.Fatalf("byte %d of a buffer is left", i)
		}
	}
}

// TestSessionCannotBePrinted looks for the token and the keys in every form in
// which a session could be printed by mistake.
func TestSessionCannotBePrinted(t *testing.T) {
	fake := probetest.NewIMDS(instance())
	_, s := Open(t.Context(), Options{Endpoint: serve(t, fake)})
	defer s.Close()
	if _, g := s.RoleCredentials(t.Context()); g.Status != fact.OK {
		t.Fatal(g)
	}
	token := s.in.c.heldToken()
	if len(token) < 20 {
		t.Fatal("no token to look for")
	}
	shown := fmt.Sprintf("%v %+v %#v %v %+v %#v", s, s, s, *s, *s, *s)
	for _, secret := range append(probetest.IMDSSecrets, token) {
		if strings.Contains(shown, secret) || strings.Contains(shown, fmt.Sprintf("%x", secret)) {
			t.Errorf("shown: %s", shown)
		}
	}
}

// TestSessionOutlivesTheRun: the keys can be had after the run has ended, and
// the token is asked for accordingly.
func TestSessionOutlivesTheRun(t *testing.T) {
	for life, want := range map[time.Duration]string{0: "60", 10 * time.Second: "70", 361 * time.Second: "421", 100 * time.Hour: "21600"} {
		fake := probetest.NewIMDS(instance())
		asked := make(chan string, 1)
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPut {
				asked <- r.Header.Get("X-Aws-Ec2-Metadata-Token-Ttl-Seconds")
			}
			fake.ServeHTTP(w, r)
		}))
		defer server.Close()
		ctx, cancel := context.WithCancel(t.Context())
		_, s := Open(ctx, Options{Endpoint: server.URL, Life: life})
		cancel()
		if got := <-asked; got != want {
			t.Errorf("%v: a token for %s s, want %s", life, got, want)
		}
		if body, g := s.RoleCredentials(t.Context()); body == nil {
			t.Errorf("%v: %+v", life, g)
		}
		s.Close()
	}
}

func TestRoleCredentialsWithinTheBudget(t *testing.T) {
	fake := probetest.NewIMDS(sixInterfaces()) // wants more than 25 GETs by itself
	m, s := Open(t.Context(), Options{Endpoint: serve(t, fake)})
	defer s.Close()
	if m.GetCount != maxGets-1 {
		t.Fatalf("%d GETs: none is kept back", m.GetCount)
	}
	if body, g := s.RoleCredentials(t.Context()); g.Status != fact.OK || body == nil {
		t.Errorf("%+v", g)
	}
	if body, g := s.RoleCredentials(t.Context()); g.Skipped != SkippedCount || body != nil {
		t.Errorf("a 26th GET: %+v", g)
	}
	if c := fake.Counts(); c.Puts != 1 || c.Gets != maxGets {
		t.Errorf("%+v", c)
	}
}

func TestNoRoleCredentials(t *testing.T) {
	noRole := instance()
	noRole.Role = ""
	for name, tc := range map[string]struct {
		i    probetest.IMDSInstance
		mode probetest.IMDSMode
		o    Options
	}{
		"no profile":     {i: noRole},
		"no trust":       {i: instance(), mode: probetest.IMDSMode{RoleCode: "AssumeRoleUnauthorizedAccess"}},
		"disabled":       {i: instance(), mode: probetest.IMDSMode{Disabled: true}},
		"not to be used": {i: instance(), o: Options{Disabled: "true"}},
		"no endpoint":    {i: instance(), o: Options{Endpoint: "ftp://x"}},
	} {
		fake := probetest.NewIMDS(tc.i)
		fake.Mode = tc.mode
		if tc.o.Endpoint == "" {
			tc.o.Endpoint = serve(t, fake)
		}
		_, s := Open(t.Context(), tc.o)
		asked := fake.Counts().Gets
		if body, g := s.RoleCredentials(t.Context()); body != nil || g.Status != fact.NotRun || g.Skipped != SkippedRole {
			t.Errorf("%s: %+v", name, g)
		}
		if fake.Counts().Gets != asked {
			t.Errorf("%s: asked", name)
		}
		s.Close()
	}
}

func TestRoleCredentialsAreNoLongerServed(t *testing.T) {
	fake := probetest.NewIMDS(instance())
	_, s := Open(t.Context(), Options{Endpoint: serve(t, fake)})
	defer s.Close()
	fake.Mode = probetest.IMDSMode{RoleCode: "AssumeRoleUnauthorizedAccess"}
	if body, g := s.RoleCredentials(t.Context()); body != nil || g.Class != fact.Malformed || !strings.Contains(g.Detail, "AssumeRole") {
		t.Errorf("%+v", g)
	}
	s.Close()
	if body, g := s.RoleCredentials(t.Context()); body != nil || g.Status == fact.OK {
		t.Errorf("after Close: %+v", g)
	}
}

// families is a dialler on a host that has a route to the addresses in it.
type families struct {
	to     map[string]string // address → where it is served
	dialed []string
}

func (f *families) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if to, ok := f.to[addr]; ok {
		return (&net.Dialer{}).DialContext(ctx, network, to)
	}
	f.dialed = append(f.dialed, addr)
	return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ENETUNREACH}
}

// TestIPv6Endpoint: the IPv6 address is asked where, and only where, the kernel
// has no way to the IPv4 one.
func TestIPv6Endpoint(t *testing.T) {
	const v4, v6 = "169.254.169.254:80", "[fd00:ec2::254]:80"
	disabled := probetest.IMDSMode{Disabled: true}
	for name, tc := range map[string]struct {
		v4, v6   *probetest.IMDSMode // nil: no route
		endpoint string
		version  int
		noIPv4   bool
		puts     int
	}{
		"both":              {v4: &probetest.IMDSMode{}, v6: &probetest.IMDSMode{}, endpoint: "http://169.254.169.254", version: 2, puts: 1},
		"IPv4 is disabled":  {v4: &disabled, v6: &probetest.IMDSMode{}, endpoint: "http://169.254.169.254", puts: 1},
		"IPv6 only":         {v6: &probetest.IMDSMode{}, endpoint: "http://[fd00:ec2::254]", version: 2, noIPv4: true, puts: 1},
		"IPv6 and disabled": {v6: &disabled, endpoint: "http://[fd00:ec2::254]", noIPv4: true, puts: 1},
		"neither":           {endpoint: "http://169.254.169.254", puts: 1},
	} {
		t.Run(name, func(t *testing.T) {
			f := families{to: map[string]string{}}
			var fakes []*probetest.IMDS
			for addr, mode := range map[string]*probetest.IMDSMode{v4: tc.v4, v6: tc.v6} {
				if mode != nil {
					fake := probetest.NewIMDS(dualStack(instance()))
					fake.Mode = *mode
					fakes = append(fakes, fake)
					f.to[addr] = strings.TrimPrefix(serve(t, fake), "http://")
				}
			}
			var once serial
			m, s := Open(t.Context(), Options{Dial: once.wrap(f.dial)})
			defer s.Close()
			if m.Endpoint != tc.endpoint || m.Version != tc.version || m.NoIPv4 != tc.noIPv4 || m.Puts != tc.puts {
				t.Errorf("%s, version %d, no IPv4 %t, %d PUTs", m.Endpoint, m.Version, m.NoIPv4, m.Puts)
			}
			puts, gets := 0, 0
			for _, fake := range fakes {
				puts, gets = puts+fake.Counts().Puts, gets+fake.Counts().Gets
			}
			if puts > maxPuts || gets > maxGets {
				t.Errorf("%d PUTs, %d GETs", puts, gets)
			}
			if tc.v4 != nil && len(f.dialed) > 0 {
				t.Errorf("dialled %v with IPv4 there", f.dialed)
			}
			if tc.version == 2 {
				if body, g := s.RoleCredentials(t.Context()); body == nil {
					t.Errorf("%+v", g)
				}
			}
			if tc.v4 == nil && tc.v6 == nil && m.Token.Class != fact.NetUnreachable {
				t.Errorf("%+v", m.Token)
			}
		})
	}
}

// serial lets one dial run at a time.
type serial struct{ turn chan struct{} }

type dialer = func(context.Context, string, string) (net.Conn, error)

func (s *serial) wrap(d dialer) dialer {
	s.turn = make(chan struct{}, 1)
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		s.turn <- struct{}{}
		defer func() { <-s.turn }()
		return d(ctx, network, addr)
	}
}

// TestNamedEndpointIsNotReplaced: who names an endpoint gets that one.
func TestNamedEndpointIsNotReplaced(t *testing.T) {
	var dialed []string
	var once serial
	m := ask(t.Context(), Options{Endpoint: "http://169.254.169.254", Dial: once.wrap(func(_ context.Context, _, addr string) (net.Conn, error) {
		dialed = append(dialed, addr)
		return nil, &net.OpError{Op: "dial", Err: syscall.ENETUNREACH}
	})})
	if slices.ContainsFunc(dialed, func(a string) bool { return a != "169.254.169.254:80" }) || m.NoIPv4 {
		t.Errorf("%v", dialed)
	}
}

func TestDateOfTheService(t *testing.T) {
	for _, off := range []time.Duration{0, 11 * time.Minute, -48 * time.Hour} {
		fake := probetest.NewIMDS(instance())
		fake.Mode.Clock = off
		got := read(t, fake).Time
		if d := got.Offset.Std() + off; got.Status != fact.OK || got.Source != fact.TimeIMDSDate || d < 0 || d > 1500*time.Millisecond {
			t.Errorf("world %v ahead: %+v", off, got)
		}
	}
	portal := probetest.NewIMDS(instance())
	portal.Mode.HTML = true
	if got := read(t, portal).Time; got.Source != "" {
		t.Errorf("the clock of a captive portal: %+v", got)
	}
}
