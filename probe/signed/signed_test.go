package signed

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/probetest"
)

// policies gives the role of the instance profile these policies.
func policies(texts ...string) []probetest.APICredential {
	var ps []*probetest.Policy
	for _, text := range texts {
		ps = append(ps, probetest.MustPolicy(text))
	}
	return []probetest.APICredential{{
		Keys: probetest.ProfileKeys, Source: "instance profile", Session: node,
		Role: probetest.APIRole{Name: "ssm-instance", Policies: ps},
	}}
}

// minimal is the smallest role that works with Session Manager.
const minimal = `{"Statement":[{"Effect":"Allow","Resource":"*","Action":["ssm:UpdateInstanceInformation","ssmmessages:*"]}]}`

func TestHealthy(t *testing.T) {
	api := probetest.NewAPI(probetest.APIOptions{})
	w := newWorld(t, api)
	s, c := Read(t.Context(), &w.set, w.o)
	if s.Status != fact.OK || c == nil {
		t.Fatalf("%+v", s)
	}
	list := find(t, s.Calls, "ListInstanceAssociations")
	if list.Status != fact.OK || list.Code != "" || list.RequestID == "" || list.HTTPStatus != 200 || list.Date.IsZero() ||
		list.Region != "us-east-1" || list.Source != fact.FromProfile || !list.Addr.IsValid() || list.Host != "ssm."+zone {
		t.Errorf("%+v", list)
	}
	who := find(t, s.Calls, "GetCallerIdentity")
	if want := "arn:aws:sts::111122223333:assumed-role/ssm-instance/" + node; who.Status != fact.OK || who.Identity != want {
		t.Errorf("%+v, want %s", who, want)
	}
	if c := find(t, s.Calls, "GetEndpoint"); c.Status != fact.NotRun || c.Skipped != "this agent does not depend on it" {
		t.Errorf("%+v", c)
	}
	if c := find(t, s.Calls, "CreateControlChannel"); c.Status != fact.NotRun || c.Skipped != "only with --agent-channel" {
		t.Errorf("%+v", c)
	}
	var signed []string
	for _, c := range api.Calls() {
		if c.Principal == "" || c.UserAgent != "vpcdoctor/test (+diagnostic)" {
			t.Errorf("the API saw %+v", c)
		}
		signed = append(signed, c.Operation)
	}
	if len(signed) != 2 || w.asked.Load() != 1 || w.opened.Load() != 2 {
		t.Errorf("calls %q, %d connections, keys asked for %d times", signed, w.opened.Load(), w.asked.Load())
	}
	quiet(t, s, c, *c)
}

func TestOldAgentAndAgentChannel(t *testing.T) {
	api := probetest.NewAPI(probetest.APIOptions{})
	w := newWorld(t, api)
	w.set.Agent.Version, w.set.Agent.Procs = "3.2.2222.0", nil
	w.o.AgentChannel = true
	s, _ := Read(t.Context(), &w.set, w.o)
	if len(s.Calls) > 6 {
		t.Errorf("%d calls", len(s.Calls))
	}
	for _, c := range s.Calls {
		if c.Status != fact.OK {
			t.Errorf("%+v", c)
		}
	}
	if c := find(t, s.Calls, "CreateControlChannel"); c.HTTPStatus != 201 {
		t.Errorf("%+v", c)
	}
	for _, c := range api.Calls() {
		switch c.Operation {
		case "UpdateInstanceInformation", "GetMessages", "OpenControlChannel", "RegisterManagedInstance":
			t.Errorf("%s was called", c.Operation)
		}
	}
}

func TestDenials(t *testing.T) {
	allow := probetest.MustPolicy(`{"Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"}]}`)
	for _, x := range []struct {
		name     string
		api      probetest.APIOptions
		endpoint *probetest.Policy
		layer    fact.PolicyLayer
		explicit bool
	}{
		{name: "minimal role", api: probetest.APIOptions{Credentials: policies(minimal)}, layer: fact.LayerIdentity},
		{name: "endpoint policy", endpoint: allow, layer: fact.LayerEndpoint},
		{
			name:  "service control policy",
			api:   probetest.APIOptions{SCPs: []*probetest.Policy{probetest.AllowAll, probetest.MustPolicy(`{"Statement":[{"Effect":"Deny","Action":"ssm:*","Resource":"*"}]}`)}},
			layer: fact.LayerSCP, explicit: true,
		},
		{name: "no words", api: probetest.APIOptions{Credentials: policies(minimal), Terse: []string{"ssm:*"}}},
	} {
		t.Run(x.name, func(t *testing.T) {
			w := newWorld(t, probetest.NewAPI(x.api).Via(probetest.APISource{Endpoint: "vpce-0a1b2c3d", Policy: x.endpoint}))
			s, _ := Read(t.Context(), &w.set, w.o)
			c := find(t, s.Calls, "ListInstanceAssociations")
			if c.Status != fact.Failed || c.Class != fact.HTTPStatus || c.Code != "AccessDeniedException" || c.RequestID == "" || c.Skew {
				t.Fatalf("%+v", c)
			}
			if d := c.Denial; d == nil || d.Layer != x.layer || d.Explicit != x.explicit || d.Action != "ssm:ListInstanceAssociations" {
				t.Errorf("%+v", d)
			}
			if strings.Contains(c.Detail, "not authorized") {
				t.Errorf("the message was kept: %q", c.Detail)
			}
			quiet(t, s)
		})
	}
}

// TestTheFakeRefuses shows that the API's word is worth something: it takes no
// request whose signature, token or time is wrong.
func TestTheFakeRefuses(t *testing.T) {
	good := probetest.ProfileKeys
	for _, x := range []struct {
		name string
		keys probetest.APIKeys
		skew time.Duration
		code string
	}{
		{"right", good, 0, ""},
		{"another secret", probetest.APIKeys{ID: good.ID, Secret: good.Secret + "x", Token: good.Token}, 0, "InvalidSignatureException"},
		{"another token", probetest.APIKeys{ID: good.ID, Secret: good.Secret, Token: "x"}, 0, "UnrecognizedClientException"},
		{"another id", probetest.APIKeys{ID: "ASIANOBODYKNOWSTHIS", Secret: good.Secret, Token: good.Token}, 0, "UnrecognizedClientException"},
		{"our clock is behind", good, 10 * time.Minute, "InvalidSignatureException"},
		{"our clock is ahead", good, -10 * time.Minute, "InvalidSignatureException"},
		{"a little off", good, 4 * time.Minute, ""},
	} {
		t.Run(x.name, func(t *testing.T) {
			w := newWorld(t, probetest.NewAPI(probetest.APIOptions{Now: func() time.Time { return now.Add(x.skew) }}))
			w.o.RoleCredentials = func(context.Context) ([]byte, fact.IMDSGet) {
				return roleDocument("Success", x.keys), fact.IMDSGet{Outcome: fact.Outcome{Status: fact.OK}}
			}
			s, _ := Read(t.Context(), &w.set, w.o)
			c := find(t, s.Calls, "ListInstanceAssociations")
			if c.Code != x.code || c.Skew != (x.code != "" && x.skew != 0) {
				t.Errorf("%+v, want %q", c, x.code)
			}
			if d := c.Date.Sub(now.Add(x.skew)); d < -time.Second || d > time.Second {
				t.Errorf("Date %v", c.Date)
			}
		})
	}
}

// TestOnlyVerified gives connections that the agent would refuse: nothing may
// be written on them.
func TestOnlyVerified(t *testing.T) {
	for name, spoil := range map[string]func(*world){
		"an unknown root":  func(w *world) { w.o.Trust = pool{x509.NewCertPool()} },
		"another name":     func(w *world) { w.set.Targets[0].TLSName = "example.com" },
		"nobody verifies":  func(w *world) { w.o.Trust = nil },
		"certificate time": func(w *world) { w.o.Now = func() time.Time { return now.AddDate(50, 0, 0) } },
	} {
		t.Run(name, func(t *testing.T) {
			heard := make(chan string, 8)
			w := newWorld(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { heard <- r.Header.Get("Authorization") }))
			spoil(w)
			w.set.Handshakes[0].Host = w.set.Targets[0].ServerName()
			w.set.Targets = w.set.Targets[:1]
			s, _ := Read(t.Context(), &w.set, w.o)
			c := find(t, s.Calls, "ListInstanceAssociations")
			if c.Status != fact.NotRun || c.Skipped == "" {
				t.Errorf("%+v", c)
			}
			select {
			case h := <-heard:
				t.Errorf("sent: %q", h)
			default:
			}
		})
	}
}

func TestNothingIsCalled(t *testing.T) {
	for name, x := range map[string]struct {
		change func(*world)
		why    string
	}{
		"--no-signed":    {func(w *world) { w.o.NoCalls = "--no-signed" }, "--no-signed"},
		"not root":       {func(w *world) { w.set.Agent.Access = fact.Skip("needs root") }, "needs root"},
		"another Region": {func(w *world) { w.set.Place.Region = "eu-west-1" }, "another Region than the agent's was asked for"},
		"no role": {func(w *world) {
			w.set.IMDS.Role = fact.Role{Outcome: fact.Outcome{Status: fact.OK}, State: fact.RoleAbsent}
		}, "no credentials"},
		"no role any more": {func(w *world) {
			w.o.RoleCredentials = func(context.Context) ([]byte, fact.IMDSGet) {
				return roleDocument("AssumeRoleUnauthorizedAccess", probetest.APIKeys{}), fact.IMDSGet{Outcome: fact.Outcome{Status: fact.OK}}
			}
		}, "no credentials"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, probetest.NewAPI(probetest.APIOptions{}))
			x.change(w)
			s, c := Read(t.Context(), &w.set, w.o)
			if s.Status != fact.NotRun || s.Skipped != x.why || c != nil || w.opened.Load() != 0 {
				t.Errorf("%+v, %d connections", s, w.opened.Load())
			}
			for _, c := range s.Calls {
				if c.Status != fact.NotRun || c.Skipped == "" {
					t.Errorf("%+v", c)
				}
			}
		})
	}
}

func TestNoKeysForNothing(t *testing.T) {
	w := newWorld(t, probetest.NewAPI(probetest.APIOptions{}))
	w.set.Handshakes = nil
	s, c := Read(t.Context(), &w.set, w.o)
	if w.asked.Load() != 0 || c != nil || s.Status != fact.OK {
		t.Errorf("keys asked for %d times, %+v", w.asked.Load(), s)
	}
	if x := s.Credentials[0]; x.Role != "ssm-instance" || !x.Selected || x.Status != fact.OK {
		t.Errorf("%+v", x)
	}
	w.o.Rehearse = true
	if _, c = Read(t.Context(), &w.set, w.o); w.asked.Load() != 1 || c == nil {
		t.Error("no client for the rehearsal")
	}
}

func TestDeniedIsRemembered(t *testing.T) {
	dir := t.TempDir()
	api := probetest.NewAPI(probetest.APIOptions{Credentials: policies(minimal)})
	w := newWorld(t, api)
	run := func(after time.Duration) fact.Call {
		w.o.Memory = NewMemory(dir)
		w.o.Now = func() time.Time { return now.Add(after) }
		s, _ := Read(t.Context(), &w.set, w.o)
		if err := w.o.Memory.Err(); err != nil {
			t.Fatal(err)
		}
		return find(t, s.Calls, "ListInstanceAssociations")
	}
	if c := run(0); c.Code != "AccessDeniedException" || !c.Remembered.IsZero() {
		t.Fatalf("%+v", c)
	}
	info, err := os.Stat(filepath.Join(dir, memoryFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info, err)
	}
	c := run(time.Minute)
	if c.Status != fact.NotRun || !c.Remembered.Equal(now) || c.Code != "AccessDeniedException" || c.Denial == nil || c.Denial.Layer != fact.LayerIdentity {
		t.Errorf("%+v", c)
	}
	denied := 0
	for _, c := range api.Calls() {
		if c.Operation == "ListInstanceAssociations" {
			denied++
		}
	}
	if denied != 1 {
		t.Errorf("asked %d times", denied)
	}
	w.set.IMDS.Role.Name = "another-role"
	if c := run(time.Minute); !c.Remembered.IsZero() {
		t.Errorf("another role's denial counts: %+v", c)
	}
}

// raw answers every connection with the same bytes and closes.
func raw(text string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		_, _ = io.WriteString(c, text)
		c.Close()
	})
}

func TestOddAnswers(t *testing.T) {
	for name, x := range map[string]struct {
		text  string
		class fact.Class
		code  string
	}{
		"nothing":            {"", fact.EOF, ""},
		"not HTTP":           {"SSH-2.0-OpenSSH_9.6\r\n\r\n", fact.HTTPMalformed, ""},
		"a huge head":        {"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", maxHead) + "\r\n\r\n", fact.TooLarge, ""},
		"a huge body":        {"HTTP/1.1 200 OK\r\n\r\n" + strings.Repeat("x", maxBody+1), fact.TooLarge, ""},
		"only interim":       {strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", maxInterim), fact.HTTPMalformed, ""},
		"cut short":          {"HTTP/1.1 400 Bad Request\r\nContent-Length: 99\r\n\r\n{", fact.EOF, ""},
		"a block page":       {"HTTP/1.1 403 Forbidden\r\nContent-Type: text/html\r\n\r\n<html><body>blocked</body></html>", fact.HTTPStatus, ""},
		"AWS without a body": {"HTTP/1.1 403 Forbidden\r\nx-amzn-RequestId: a\r\n\r\n", fact.HTTPStatus, "Forbidden"},
		"a redirect":         {"HTTP/1.1 302 Found\r\nLocation: https://portal.example/\r\n\r\n", fact.HTTPStatus, ""},
		"interim first":      {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n{}", fact.ClassNone, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, raw(x.text))
			w.o.Memory = NewMemory(t.TempDir())
			s, _ := Read(t.Context(), &w.set, w.o)
			c := find(t, s.Calls, "ListInstanceAssociations")
			if c.Class != x.class || c.Code != x.code || c.CutByBudget || strings.Contains(c.Detail, "blocked") {
				t.Errorf("%+v", c)
			}
			if got := len(w.o.Memory.list); got != map[bool]int{true: 2}[x.code == "Forbidden"] {
				t.Errorf("%d denials remembered", got)
			}
		})
	}
}

func TestSilenceEndsWithTheRun(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, bufio.NewReader(r.Body))
		<-r.Context().Done()
	}))
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	s, _ := Read(ctx, &w.set, w.o)
	if c := find(t, s.Calls, "ListInstanceAssociations"); c.Status != fact.Failed || c.Class != fact.Timeout || !c.CutByBudget {
		t.Errorf("%+v", c)
	}
}

func TestNoConnection(t *testing.T) {
	w := newWorld(t, http.NotFoundHandler())
	w.o.Open = func(context.Context, fact.Target) (*tls.Conn, netip.AddrPort, string, fact.Outcome) {
		return nil, netip.MustParseAddrPort("10.0.0.9:3128"), "proxy.corp:3128", fact.Outcome{Status: fact.Failed, Class: fact.Refused}
	}
	s, _ := Read(t.Context(), &w.set, w.o)
	c := find(t, s.Calls, "ListInstanceAssociations")
	if c.Status != fact.Failed || c.Class != fact.Refused || c.Proxy != "proxy.corp:3128" || c.HTTPStatus != 0 {
		t.Errorf("%+v", c)
	}
}
