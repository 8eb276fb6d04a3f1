package signed

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
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/probetest"
)

const (
	zone = "us-east-1.amazonaws.com"
	node = "i-0123456789abcdef0"
)

// now is close to the real time: the certificates of the fakes are made today.
var now = time.Now().Truncate(time.Second)

// pool verifies as a system with one root does.
type pool struct {
	roots *x509.CertPool
}

func (p pool) System(chain []*x509.Certificate, at time.Time) fact.Verified {
	if _, err := chain[0].Verify(x509.VerifyOptions{Roots: p.roots, CurrentTime: at}); err != nil {
		return fact.Verified{Status: fact.Failed, Class: fact.CertUntrusted}
	}
	return fact.Verified{Status: fact.OK}
}

func (p pool) Name(leaf *x509.Certificate, host string) fact.Verified {
	if leaf.VerifyHostname(host) != nil {
		return fact.Verified{Status: fact.Failed, Class: fact.CertName}
	}
	return fact.Verified{Status: fact.OK}
}

// world is an instance on a network with AWS behind it.
type world struct {
	set    fact.Set
	o      Options
	opened atomic.Int32 // connections
	asked  atomic.Int32 // times the metadata service was asked for keys
}

// newWorld serves h under every AWS name of the Region.
func newWorld(t testing.TB, h http.Handler) *world {
	t.Helper()
	ca := probetest.NewCA("system root")
	leaf := ca.Leaf(probetest.LeafOptions{Names: []string{"*." + zone, "*.s3." + zone}})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = (&probetest.TLSServer{Certificate: leaf, Handler: h}).Serve(l) }()
	t.Cleanup(func() { l.Close(); <-done })
	addr := netip.MustParseAddrPort(l.Addr().String())

	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca.PEM())
	w := &world{}
	w.o = Options{
		UserAgent: "vpcdoctor/test (+diagnostic)", Root: t.TempDir(),
		Now: func() time.Time { return now }, Trust: pool{roots},
		Open: func(ctx context.Context, target fact.Target) (*tls.Conn, netip.AddrPort, string, fact.Outcome) {
			w.opened.Add(1)
			c, err := (&tls.Dialer{Config: &tls.Config{ServerName: target.ServerName(), InsecureSkipVerify: true}}).DialContext(ctx, "tcp", addr.String())
			if err != nil {
				return nil, addr, "", fact.Outcome{Status: fact.Failed, Class: fact.Reset}
			}
			return c.(*tls.Conn), addr, "", fact.Outcome{Status: fact.OK}
		},
		RoleCredentials: func(context.Context) ([]byte, fact.IMDSGet) {
			w.asked.Add(1)
			return roleDocument("Success", probetest.ProfileKeys), fact.IMDSGet{Outcome: fact.Outcome{Status: fact.OK}}
		},
	}
	w.set = fact.Set{
		Place: fact.Place{Region: "us-east-1", IMDSRegion: "us-east-1", DNSSuffix: "amazonaws.com", Partition: "aws"},
		IMDS: fact.IMDS{InstanceID: node, AccountID: "111122223333", Role: fact.Role{
			Outcome: fact.Outcome{Status: fact.OK}, State: fact.RolePresent, Name: "ssm-instance", Code: "Success",
		}},
		Agent: fact.Agent{
			Access: fact.Outcome{Status: fact.OK}, ProcsRun: fact.Outcome{Status: fact.OK}, Version: "3.3.987.0",
			Procs:    []fact.AgentProc{{PID: 812, Role: "core"}},
			Identity: fact.AgentIdentity{Type: "EC2", Source: "EC2", InstanceID: node},
		},
	}
	for _, id := range []string{"ssm", "ssmmessages", "ec2messages", "sts"} {
		w.reach(id, id != "sts")
	}
	return w
}

// reach adds a target with a working direct path.
func (w *world) reach(id string, agent bool) fact.Target {
	ok := fact.Verified{Status: fact.OK}
	target := fact.Target{ID: id, Host: id + "." + zone, Agent: agent, Ports: []fact.Port{{Number: 443, TLS: true, HTTP: true}}}
	w.set.Targets = append(w.set.Targets, target)
	w.set.Handshakes = append(w.set.Handshakes, fact.Handshake{
		Outcome: fact.Outcome{Status: fact.OK}, Host: target.Host, Addr: netip.MustParseAddrPort("10.0.1.10:443"), Name: ok, System: ok,
	})
	return target
}

// file lays a file into the instance.
func (w *world) file(t testing.TB, path, text string) {
	t.Helper()
	path = filepath.Join(w.o.Root, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func roleDocument(code string, k probetest.APIKeys) []byte {
	return fmt.Appendf(nil, `{"Code":%q,"LastUpdated":"2026-11-20T06:00:00Z","Type":"AWS-HMAC","AccessKeyId":%q,"SecretAccessKey":%q,"Token":%q,"Expiration":"2026-11-20T12:30:00Z"}`,
		code, k.ID, k.Secret, k.Token)
}

// find is the call of an operation.
func find(t testing.TB, calls []fact.Call, operation string) fact.Call {
	t.Helper()
	for _, c := range calls {
		if c.Operation == operation {
			return c
		}
	}
	t.Fatalf("no call %s in %+v", operation, calls)
	return fact.Call{}
}

// quiet fails the test if one of the values shows a planted secret in any form.
func quiet(t testing.TB, values ...any) {
	t.Helper()
	for _, v := range values {
		b, err := json.Marshal(v)
		if err != nil {
			b = []byte(err.Error())
		}
		told := string(b) + fmt.Sprintf("%v %+v %#v %s %q %x", v, v, v, v, v, v)
		for _, secret := range probetest.APISecrets {
			if strings.Contains(told, secret) || strings.Contains(told, fmt.Sprintf("%x", secret)) {
				t.Errorf("%q is in %.300s", secret, told)
			}
		}
	}
}
