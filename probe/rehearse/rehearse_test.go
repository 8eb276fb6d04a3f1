package rehearse

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/object"
	"vpcdoctor/probe/probetest"
	"vpcdoctor/probe/signed"
)

const node = "i-0123456789abcdef0"

// trusting finds every certificate good: what is not, is a matter of package
// signed.
type trusting struct{}

func (trusting) System([]*x509.Certificate, time.Time) fact.Verified {
	return fact.Verified{Status: fact.OK}
}

func (trusting) Name(*x509.Certificate, string) fact.Verified { return fact.Verified{Status: fact.OK} }

// stage is an instance whose agent is about to start a session.
type stage struct {
	set     fact.Set
	o       Options
	dark    []string // hosts that nothing answers for
	reached []string // hosts that were looked at in the course of the rehearsal
	api     *probetest.API
}

func newStage(t *testing.T, o probetest.APIOptions) *stage {
	t.Helper()
	s := &stage{api: probetest.NewAPI(o)}
	return s.serve(t, s.api)
}

func (s *stage) serve(t *testing.T, h http.Handler) *stage {
	leaf := probetest.NewCA("root").Leaf(probetest.LeafOptions{Names: []string{"localhost"}})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = (&probetest.TLSServer{Certificate: leaf, Handler: h}).Serve(l) }()
	t.Cleanup(func() { l.Close(); <-done })

	s.set = fact.Set{
		Place: fact.Place{Region: "us-east-1", IMDSRegion: "us-east-1", DNSSuffix: "amazonaws.com", Partition: "aws"},
		IMDS: fact.IMDS{InstanceID: node, AccountID: "111122223333", Role: fact.Role{
			Outcome: fact.Outcome{Status: fact.OK}, State: fact.RolePresent, Name: "ssm-instance", Code: "Success",
		}},
		Agent: fact.Agent{
			Access: fact.Outcome{Status: fact.OK}, ProcsRun: fact.Outcome{Status: fact.OK}, Version: "3.3.987.0",
			Procs: []fact.AgentProc{{PID: 1}}, Identity: fact.AgentIdentity{Type: "EC2", Source: "EC2"},
		},
	}
	s.o.Root = t.TempDir()
	s.o.Reach = func(_ context.Context, ts []fact.Target) { s.reach(ts) }
	k := probetest.ProfileKeys
	_, s.o.Client = signed.Read(t.Context(), &s.set, signed.Options{
		Rehearse: true, Trust: trusting{},
		Open: func(ctx context.Context, _ fact.Target) (*tls.Conn, netip.AddrPort, string, fact.Outcome) {
			c, err := (&tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}}).DialContext(ctx, "tcp", l.Addr().String())
			if err != nil {
				return nil, netip.AddrPort{}, "", fact.Outcome{Status: fact.Failed, Class: fact.Refused}
			}
			return c.(*tls.Conn), netip.MustParseAddrPort(l.Addr().String()), "", fact.Outcome{Status: fact.OK}
		},
		RoleCredentials: func(context.Context) ([]byte, fact.IMDSGet) {
			return fmt.Appendf(nil, `{"Code":"Success","AccessKeyId":%q,"SecretAccessKey":%q,"Token":%q}`, k.ID, k.Secret, k.Token),
				fact.IMDSGet{Outcome: fact.Outcome{Status: fact.OK}}
		},
	})
	if s.o.Client == nil {
		t.Fatal("no client")
	}
	s.reach([]fact.Target{{ID: "ssm", Host: "ssm.us-east-1.amazonaws.com", Agent: true, Need: fact.NeedRequired}})
	s.reached = nil
	return s
}

// reach adds targets that work, or fail where they are dark.
func (s *stage) reach(ts []fact.Target) {
	ok := fact.Verified{Status: fact.OK}
	for _, x := range ts {
		s.reached = append(s.reached, x.Host)
		if slices.ContainsFunc(s.set.Targets, func(y fact.Target) bool { return y.Host == x.Host }) {
			continue
		}
		s.set.Targets = append(s.set.Targets, x)
		h := fact.Handshake{Outcome: fact.Outcome{Status: fact.OK}, Host: x.Host, Addr: netip.MustParseAddrPort("10.0.1.10:443"), Name: ok, System: ok}
		if slices.Contains(s.dark, x.Host) {
			h = fact.Handshake{Outcome: fact.Outcome{Status: fact.Failed, Class: fact.Timeout}, Host: x.Host, Addr: h.Addr}
		}
		s.set.Handshakes = append(s.set.Handshakes, h)
	}
}

func (s *stage) file(t *testing.T, path, text string) {
	t.Helper()
	path = filepath.Join(s.o.Root, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func stepOf(t *testing.T, r fact.Rehearsal, kind string) fact.Step {
	t.Helper()
	for _, s := range r.Steps {
		if s.Kind == kind {
			return s
		}
	}
	t.Fatalf("no step %s in %+v", kind, r.Steps)
	return fact.Step{}
}

// callOf is the call that a step names.
func callOf(t *testing.T, calls []fact.Call, key string) fact.Call {
	t.Helper()
	for _, c := range calls {
		if c.Key() == key {
			return c
		}
	}
	t.Fatalf("no %s in %+v", key, calls)
	return fact.Call{}
}

const (
	keyID  = "1111aaaa-22bb-33cc-44dd-555555eeeeee"
	keyARN = "arn:aws:kms:us-east-1:111122223333:key/" + keyID
)

// document is a Session document with these inputs.
func document(inputs string) map[string]string {
	return map[string]string{Document: `{"schemaVersion":"1.0","description":"","sessionType":"Standard_Stream","inputs":{` + inputs + `}}`}
}

// everything is preferences that use all there is.
const everything = `"s3BucketName":"session-logs","s3KeyPrefix":"p","s3EncryptionEnabled":true,"cloudWatchLogGroupName":"/ssm/sessions",
	"cloudWatchEncryptionEnabled":true,"cloudWatchStreamingEnabled":true,"kmsKeyId":"` + keyARN + `","runAsEnabled":true,"runAsDefaultUser":"ops",
	"idleSessionTimeout":"20","maxSessionDuration":"60","shellProfile":{"windows":"","linux":"exec secret-program"}`

// allowed are the permissions that such a session needs, and those of the calls.
const allowed = `{"Statement":[{"Effect":"Allow","Resource":"*","Action":["ssm:GetDocument","kms:*","s3:*","logs:*"]}]}`

func role(text string) []probetest.APICredential {
	return []probetest.APICredential{{
		Keys: probetest.ProfileKeys, Session: node,
		Role: probetest.APIRole{Name: "ssm-instance", Policies: []*probetest.Policy{probetest.MustPolicy(text)}},
	}}
}

// account has what everything names.
func account() probetest.APIOptions {
	return probetest.APIOptions{
		Documents: document(everything), Credentials: role(allowed),
		Buckets:   map[string]probetest.APIBucket{"session-logs": {SSE: "aws:kms"}, "far": {Region: "eu-west-1"}, "plain": {SSE: "none"}},
		Keys:      []probetest.APIKey{{ID: keyID, Aliases: []string{"alias/session"}}},
		LogGroups: map[string]probetest.APILogGroup{"/ssm/sessions": {KMSKey: keyARN}, "/ssm/sessions-old": {}},
	}
}

func TestHealthyRehearsal(t *testing.T) {
	s := newStage(t, account())
	s.file(t, "/etc/passwd", "root:x:0:0::/root:/bin/sh\nops:x:1000:1000::/home/ops:/bin/sh\n")
	s.set.Objects = object.Table(s.set.Place)
	r, calls := Run(t.Context(), &s.set, s.o)
	want := fact.Preferences{
		Outcome: fact.Outcome{Status: fact.OK}, Source: "document", Document: Document,
		Bucket: "session-logs", Prefix: "p", BucketEnc: true, LogGroup: "/ssm/sessions", LogEnc: true, Stream: true,
		KMSKey: keyARN, RunAs: true, RunAsUser: "ops", IdleMin: 20, MaxMin: 60, Shell: true,
	}
	if r.Status != fact.OK || r.Preferences != want {
		t.Errorf("%+v", r.Preferences)
	}
	k := stepOf(t, r, fact.StepKMS)
	if k.Status != fact.NotRun || k.Region != "us-east-1" || k.Host != "kms.us-east-1.amazonaws.com" || callOf(t, calls, k.Call).Status != fact.OK {
		t.Errorf("%+v", k)
	}
	b := stepOf(t, r, fact.StepS3)
	if b.Status != fact.NotRun || b.Region != "us-east-1" || b.Encrypted != "yes" || b.Host != "session-logs.s3.us-east-1.amazonaws.com" || callOf(t, calls, b.Call).Status != fact.OK {
		t.Errorf("%+v", b)
	}
	g := stepOf(t, r, fact.StepLogs)
	if g.Status != fact.NotRun || g.Encrypted != "yes" || g.Host != "logs.us-east-1.amazonaws.com" || callOf(t, calls, g.Call).Purpose != "session log group" {
		t.Errorf("%+v", g)
	}
	if u := stepOf(t, r, fact.StepRunAs); u.Status != fact.OK || u.Resource != "ops" {
		t.Errorf("%+v", u)
	}
	if p := stepOf(t, r, fact.StepPatch); p.Host != "s3.us-east-1.amazonaws.com" || p.Skipped != object.ListedOnly {
		t.Errorf("%+v", p)
	}
	if len(calls) != 5 || len(s.api.Calls()) != 5 {
		t.Errorf("%d calls, the API saw %+v", len(calls), s.api.Calls())
	}
	for _, c := range s.api.Calls() {
		if c.Principal == "" || c.Status/100 != 2 {
			t.Errorf("%+v", c)
		}
	}
	told, err := json.Marshal([]any{r, calls, s.set})
	if err != nil || strings.Contains(string(told), "secret-program") {
		t.Errorf("the shell profile is in the facts (%v)", err)
	}
	for _, secret := range probetest.APISecrets {
		if strings.Contains(string(told)+fmt.Sprintf("%+v %#v", s.o, s.o), secret) {
			t.Errorf("%q is in the facts", secret)
		}
	}
	for host, need := range map[string]fact.Need{
		"kms.us-east-1.amazonaws.com": fact.NeedRequired, "logs.us-east-1.amazonaws.com": fact.NeedRequired,
		"session-logs.s3.us-east-1.amazonaws.com": fact.NeedRequired, "s3.us-east-1.amazonaws.com": fact.NeedOptional,
	} {
		i := slices.IndexFunc(s.set.Targets, func(x fact.Target) bool { return x.Host == host })
		if i < 0 || s.set.Targets[i].Need != need || !s.set.Targets[i].Agent || s.set.Targets[i].Ports[0].Number != 443 {
			t.Errorf("%s: %+v", host, s.set.Targets)
		}
	}
}

func TestRehearsal(t *testing.T) {
	inputs := func(text string) func(*probetest.APIOptions) {
		return func(o *probetest.APIOptions) { o.Documents = document(text) }
	}
	for name, x := range map[string]struct {
		account func(*probetest.APIOptions)
		stage   func(*testing.T, *stage)
		prefs   fact.Preferences // Outcome and Source count
		check   func(t *testing.T, s *stage, r fact.Rehearsal, calls []fact.Call)
	}{
		"no document: the defaults": {
			account: func(o *probetest.APIOptions) { o.Documents = nil },
			prefs:   fact.Preferences{Outcome: fact.Outcome{Status: fact.OK}, Source: "defaults"},
			check: func(t *testing.T, _ *stage, r fact.Rehearsal, calls []fact.Call) {
				if len(r.Steps) != 0 || len(calls) != 1 {
					t.Errorf("%+v", r)
				}
			},
		},
		"not permitted": {
			account: func(o *probetest.APIOptions) {
				o.Credentials = role(`{"Statement":[{"Effect":"Allow","Resource":"*","Action":"kms:*"}]}`)
			},
			prefs: fact.Preferences{Outcome: fact.Skip("ssm:GetDocument was answered with AccessDeniedException")},
			check: func(t *testing.T, _ *stage, _ fact.Rehearsal, calls []fact.Call) {
				if calls[0].Denial == nil || calls[0].Denial.Action != "ssm:GetDocument" {
					t.Errorf("%+v", calls[0])
				}
			},
		},
		"given by flags": {
			stage: func(_ *testing.T, s *stage) { s.o.Given = Given{KMSKey: "alias/session", Bucket: "plain"} },
			prefs: fact.Preferences{Outcome: fact.Outcome{Status: fact.OK}, Source: "flags"},
			check: func(t *testing.T, s *stage, r fact.Rehearsal, _ []fact.Call) {
				if k := stepOf(t, r, fact.StepKMS); k.Region != "us-east-1" || k.Resource != "alias/session" {
					t.Errorf("%+v", k)
				}
				if b := stepOf(t, r, fact.StepS3); b.Encrypted != "no" {
					t.Errorf("%+v", b)
				}
				for _, c := range s.api.Calls() {
					if c.Operation == "GetDocument" {
						t.Error("the document was read")
					}
				}
			},
		},
		"a document for port forwarding": {
			account: func(o *probetest.APIOptions) { o.Documents = map[string]string{Document: `{"sessionType":"Port"}`} },
			prefs:   fact.Preferences{Outcome: fact.Outcome{Status: fact.Failed, Class: fact.Malformed, Detail: "the document is not for shell sessions"}},
		},
		"a key of another Region": {
			account: inputs(`"kmsKeyId":"arn:aws:kms:eu-west-1:111122223333:key/` + keyID + `"`),
			check: func(t *testing.T, _ *stage, r fact.Rehearsal, calls []fact.Call) {
				k := stepOf(t, r, fact.StepKMS)
				if k.Region != "eu-west-1" || k.Host != "kms.us-east-1.amazonaws.com" || callOf(t, calls, k.Call).Code != "NotFoundException" {
					t.Errorf("%+v", k)
				}
			},
		},
		"a disabled key": {
			account: func(o *probetest.APIOptions) { o.Keys[0].State = "Disabled" },
			check: func(t *testing.T, _ *stage, r fact.Rehearsal, _ []fact.Call) {
				if k := stepOf(t, r, fact.StepKMS); k.Status != fact.Failed || k.Class != fact.Invalid || k.Detail != "the key is in state Disabled" {
					t.Errorf("%+v", k)
				}
			},
		},
		"kms is dark": {
			stage: func(_ *testing.T, s *stage) { s.dark = []string{"kms.us-east-1.amazonaws.com"} },
			check: func(t *testing.T, _ *stage, r fact.Rehearsal, calls []fact.Call) {
				if c := callOf(t, calls, stepOf(t, r, fact.StepKMS).Call); c.Status != fact.NotRun || c.Skipped != "no working path to kms.us-east-1.amazonaws.com" {
					t.Errorf("%+v", c)
				}
			},
		},
		"kms denied": {
			account: func(o *probetest.APIOptions) {
				o.Credentials = role(`{"Statement":[{"Effect":"Allow","Resource":"*","Action":["ssm:GetDocument","s3:*","logs:*"]}]}`)
			},
			check: func(t *testing.T, _ *stage, r fact.Rehearsal, calls []fact.Call) {
				c := callOf(t, calls, stepOf(t, r, fact.StepKMS).Call)
				if c.Status != fact.Failed || c.Denial == nil || c.Denial.Action != "kms:DescribeKey" {
					t.Errorf("%+v", c)
				}
			},
		},
		"a bucket of another Region": {
			account: inputs(`"s3BucketName":"far","s3EncryptionEnabled":false`),
			check: func(t *testing.T, s *stage, r fact.Rehearsal, calls []fact.Call) {
				b := stepOf(t, r, fact.StepS3)
				if b.Region != "eu-west-1" || b.Host != "far.s3.eu-west-1.amazonaws.com" || b.Encrypted != "yes" {
					t.Errorf("%+v", b)
				}
				if c := callOf(t, calls, b.Call); c.Region != "eu-west-1" || c.Host != b.Host || c.Status != fact.OK {
					t.Errorf("%+v", c)
				}
				if want := []string{"far.s3.us-east-1.amazonaws.com", "far.s3.eu-west-1.amazonaws.com"}; !slices.Equal(s.reached, want) {
					t.Errorf("reached %q", s.reached)
				}
			},
		},
		"a bucket of another Region, which is dark": {
			account: inputs(`"s3BucketName":"far"`),
			stage:   func(_ *testing.T, s *stage) { s.dark = []string{"far.s3.eu-west-1.amazonaws.com"} },
			check: func(t *testing.T, _ *stage, r fact.Rehearsal, calls []fact.Call) {
				b := stepOf(t, r, fact.StepS3)
				if c := callOf(t, calls, b.Call); b.Encrypted != "" || c.Status != fact.NotRun {
					t.Errorf("%+v, %+v", b, c)
				}
			},
		},
		"a bucket that does not exist": {
			account: inputs(`"s3BucketName":"nobody-has-this"`),
			check: func(t *testing.T, _ *stage, r fact.Rehearsal, calls []fact.Call) {
				if c := callOf(t, calls, stepOf(t, r, fact.StepS3).Call); c.Code != "NoSuchBucket" {
					t.Errorf("%+v", c)
				}
			},
		},
		"a bucket with dots": {
			account: func(o *probetest.APIOptions) {
				o.Documents, o.Buckets["my.logs"] = document(`"s3BucketName":"my.logs"`), probetest.APIBucket{}
			},
			check: func(t *testing.T, _ *stage, r fact.Rehearsal, calls []fact.Call) {
				b := stepOf(t, r, fact.StepS3)
				if b.Host != "s3.us-east-1.amazonaws.com" || callOf(t, calls, b.Call).Status != fact.OK {
					t.Errorf("%+v, %+v", b, calls)
				}
			},
		},
		"a name that is no bucket's": {
			account: inputs(`"s3BucketName":"a/../b\r\nX: y","kmsKeyId":"{{ key }}"`),
			check: func(t *testing.T, s *stage, r fact.Rehearsal, calls []fact.Call) {
				b, k := stepOf(t, r, fact.StepS3), stepOf(t, r, fact.StepKMS)
				if b.Skipped != "not the name of a bucket" || k.Skipped != "the name is a parameter that each session sets" || len(calls) != 1 || len(s.reached) != 0 {
					t.Errorf("%+v, %+v, %+v", b, k, s.reached)
				}
			},
		},
		"no such log group": {
			account: inputs(`"cloudWatchLogGroupName":"/ssm/sess"`),
			check: func(t *testing.T, _ *stage, r fact.Rehearsal, _ []fact.Call) {
				if g := stepOf(t, r, fact.StepLogs); g.Status != fact.Failed || g.Class != fact.NotFound || g.Encrypted != "" {
					t.Errorf("%+v", g)
				}
			},
		},
		"a log group without a key": {
			account: inputs(`"cloudWatchLogGroupName":"/ssm/sessions-old","cloudWatchEncryptionEnabled":true`),
			check: func(t *testing.T, _ *stage, r fact.Rehearsal, _ []fact.Call) {
				if g := stepOf(t, r, fact.StepLogs); g.Status != fact.NotRun || g.Encrypted != "no" {
					t.Errorf("%+v", g)
				}
			},
		},
		"Run Command writes where sessions do": {
			stage: func(_ *testing.T, s *stage) {
				s.o.Given = Given{OutputBucket: "session-logs", OutputLogGroup: "/ssm/sessions"}
			},
			check: func(t *testing.T, s *stage, r fact.Rehearsal, calls []fact.Call) {
				b, g := stepOf(t, r, fact.StepOutputS3), stepOf(t, r, fact.StepOutputLog)
				if b.Encrypted != "yes" || g.Encrypted != "yes" || callOf(t, calls, b.Call).Status != fact.OK || len(calls) != 5 {
					t.Errorf("%+v, %+v, %d calls", b, g, len(calls))
				}
			},
		},
		"endpoints of the agent's config file": {
			stage: func(_ *testing.T, s *stage) {
				s.set.Agent.Config.Overrides = []fact.Override{{Service: "kms", Key: "Kms.Endpoint", Host: "kms.corp.example:8443"}, {Service: "s3", Key: "S3.Endpoint", Host: "s3.corp.example"}}
			},
			check: func(t *testing.T, s *stage, r fact.Rehearsal, _ []fact.Call) {
				if want := []string{"kms.corp.example", "session-logs.s3.corp.example", "logs.us-east-1.amazonaws.com"}; !slices.Equal(s.reached, want) {
					t.Errorf("reached %q", s.reached)
				}
				i := slices.IndexFunc(s.set.Targets, func(x fact.Target) bool { return x.Host == "kms.corp.example" })
				if x := s.set.Targets[i]; x.Ports[0].Number != 8443 || x.Origin != "agent config" {
					t.Errorf("%+v", x)
				}
			},
		},
		"a profile has kms as optional": {
			stage: func(_ *testing.T, s *stage) {
				s.reach([]fact.Target{{ID: "kms", Host: "kms.us-east-1.amazonaws.com", Agent: true, Need: fact.NeedOptional, Ports: []fact.Port{{Number: 443, TLS: true}}}})
			},
			check: func(t *testing.T, s *stage, _ fact.Rehearsal, _ []fact.Call) {
				for _, x := range s.set.Targets {
					if x.ID == "kms" && x.Need != fact.NeedRequired {
						t.Errorf("%+v", x)
					}
				}
			},
		},
		"nothing may be called": {
			stage: func(_ *testing.T, s *stage) {
				s.o.Client, s.o.NoCalls, s.o.Given = nil, "--no-signed", Given{KMSKey: keyARN, Bucket: "session-logs", LogGroup: "/x"}
			},
			check: func(t *testing.T, s *stage, r fact.Rehearsal, calls []fact.Call) {
				for _, c := range calls {
					if c.Status != fact.NotRun || c.Skipped != "--no-signed" {
						t.Errorf("%+v", c)
					}
				}
				if len(s.reached) != 3 || len(r.Steps) != 3 || len(s.api.Calls()) != 0 || stepOf(t, r, fact.StepLogs).Status != fact.NotRun {
					t.Errorf("%q, %+v", s.reached, r.Steps)
				}
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := account()
			if x.account != nil {
				x.account(&o)
			}
			s := newStage(t, o)
			if x.stage != nil {
				x.stage(t, s)
			}
			r, calls := Run(t.Context(), &s.set, s.o)
			if x.prefs.Status != "" && (r.Preferences.Outcome != x.prefs.Outcome || r.Preferences.Source != x.prefs.Source) {
				t.Errorf("%+v", r.Preferences)
			}
			if x.check != nil {
				x.check(t, s, r, calls)
			}
		})
	}
}

func TestLocationWhereHeadDoesNotTell(t *testing.T) {
	s := &stage{api: probetest.NewAPI(account())}
	s.serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead { // as China answers
			w.Header().Set("x-amz-request-id", "a")
			w.WriteHeader(http.StatusForbidden)
			return
		}
		s.api.ServeHTTP(w, r)
	}))
	s.o.Given.Bucket = "session-logs"
	r, calls := Run(t.Context(), &s.set, s.o)
	if b := stepOf(t, r, fact.StepS3); b.Region != "us-east-1" || b.Encrypted != "yes" {
		t.Errorf("%+v", b)
	}
	if c := callOf(t, calls, "call:s3:HeadBucket:session-logs"); c.Code != "Forbidden" || c.Status != fact.Failed {
		t.Errorf("%+v", c)
	}
}

func TestRunAsUser(t *testing.T) {
	const passwd = "root:x:0:0::/root:/bin/sh\nops-old:x:1:1::/:/bin/sh\n"
	for name, x := range map[string]struct {
		user, passwd, nsswitch string
		want                   fact.Outcome
	}{
		"there":       {"root", passwd, "", fact.Outcome{Status: fact.OK}},
		"absent":      {"ops", passwd, "passwd: files systemd # sss\n", fact.Outcome{Status: fact.Failed, Class: fact.NotFound, Detail: "no such user in /etc/passwd"}},
		"perhaps":     {"ops", passwd, "group: files\n passwd:  files sss\n", fact.Skip("not in /etc/passwd; others may come from sss")},
		"by the tag":  {"", passwd, "", fact.Skip("the user is named by the tag SSMSessionRunAs of whoever starts the session")},
		"no file":     {"ops", "", "", fact.Skip("/etc/passwd cannot be read")},
		"a huge file": {"ops", passwd + strings.Repeat("#", maxPasswd), "", fact.Skip("not in /etc/passwd; others may come from the rest of that file")},
	} {
		t.Run(name, func(t *testing.T) {
			s := &stage{o: Options{Root: t.TempDir()}}
			if x.passwd != "" {
				s.file(t, "/etc/passwd", x.passwd)
			}
			if x.nsswitch != "" {
				s.file(t, "/etc/nsswitch.conf", x.nsswitch)
			}
			if got := (&rehearsal{o: s.o}).user(x.user); got != x.want {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestParse(t *testing.T) {
	for text, want := range map[string]fact.Preferences{
		`{"sessionType":"Standard_Stream"}`: {Outcome: fact.Outcome{Status: fact.OK}, Source: "document"},
		`{"sessionType":"Standard_Stream","inputs":{"idleSessionTimeout":20,"runAsEnabled":"true","kmsKeyId":null}}`: {Outcome: fact.Outcome{Status: fact.OK}, Source: "document", IdleMin: 20, RunAs: true},
		`{"sessionType":"Standard_Stream","inputs":{"idleSessionTimeout":"-1","s3BucketName":" \u001b[31m"}}`:        {Outcome: fact.Outcome{Status: fact.OK}, Source: "document", Bucket: "?[31m"},
		`{"sessionType":"Standard_Stream","inputs":{"s3BucketName":{"a":1}}}`:                                        malformed("the document is not JSON of the schema"),
		`schemaVersion: "1.0"`: malformed("the document is not JSON of the schema"),
		``:                     malformed("the document is not JSON of the schema"),
	} {
		if got := parse(text); got != want {
			t.Errorf("%s: %+v", text, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(document(everything)[Document])
	f.Add(`{"sessionType":"Standard_Stream","inputs":{"maxSessionDuration":1e9,"shellProfile":{"linux":7}}}`)
	f.Fuzz(func(t *testing.T, text string) {
		p := parse(text)
		if p.Status != fact.OK && p.Status != fact.Failed || len(p.Bucket) > maxText || strings.ContainsAny(p.KMSKey+p.LogGroup, "\x1b\n") {
			t.Errorf("%+v", p)
		}
		set := &fact.Set{Place: fact.Place{Region: "us-east-1", DNSSuffix: "amazonaws.com"}}
		for _, x := range wanted(p, Given{}, set) {
			if x.why == "" && x.kind == fact.StepS3 && strings.ContainsAny(x.resource, "/\r\n :") {
				t.Errorf("bucket %q", x.resource)
			}
		}
	})
}

// TestPatchWithoutBuckets: where S3 is not reached, no bucket is listed; the step
// still says which host patching waits for.
func TestPatchWithoutBuckets(t *testing.T) {
	for _, profile := range []string{"patch-manager", "session-manager"} {
		s := newStage(t, probetest.APIOptions{})
		s.set.Run.Profiles = []string{profile}
		r, _ := Run(t.Context(), &s.set, s.o)
		i := slices.IndexFunc(r.Steps, func(x fact.Step) bool { return x.Kind == fact.StepPatch })
		if (i >= 0) != (profile == "patch-manager") {
			t.Errorf("%s: %+v", profile, r.Steps)
		}
		if i >= 0 && (r.Steps[i].Host != "s3.us-east-1.amazonaws.com" || r.Steps[i].Status != fact.NotRun) {
			t.Errorf("%+v", r.Steps[i])
		}
	}
}
