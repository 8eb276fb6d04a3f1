package object

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"vpcdoctor/probe/fact"
)

const (
	patient = 20 * time.Second
	short   = 80 * time.Millisecond
)

var (
	virginia = fact.Place{Region: "us-east-1", Partition: "aws", DNSSuffix: "amazonaws.com"}
	beijing  = fact.Place{Region: "cn-north-1", Partition: "aws-cn", DNSSuffix: "amazonaws.com.cn"}
)

func TestTable(t *testing.T) {
	for _, tt := range []struct {
		name  string
		place fact.Place
		asked string // URLs without scheme
		has   []string
		lacks []string
	}{
		{"Virginia", virginia,
			"s3.us-east-1.amazonaws.com/amazon-ssm-us-east-1/latest/VERSION " +
				"s3.us-east-1.amazonaws.com/al2023-repos-us-east-1-de612dc2/core/mirrors/latest/x86_64/mirror.list " +
				"s3.us-east-1.amazonaws.com/amazonlinux-2-repos-us-east-1/2/core/latest/x86_64/mirror.list",
			[]string{"prod-us-east-1-starport-layer-bucket", "us-east-1-birdwatcher-prod", "aws-patch-manager-us-east-1-1970c647d", "patch-baseline-snapshot-us-east-1"},
			[]string{"aws-ssm-distributor-file-us-east-1"}},
		{"Beijing", beijing,
			"s3.cn-north-1.amazonaws.com.cn/amazon-ssm-cn-north-1/latest/VERSION " +
				"s3.cn-north-1.amazonaws.com.cn/amazonlinux-2-repos-cn-north-1/2/core/latest/x86_64/mirror.list",
			[]string{"al2023-repos-cn-north-1-de612dc2"}, []string{"aws-patch-manager-"}},
		{"Cape Town", fact.Place{Region: "af-south-1", Partition: "aws", DNSSuffix: "amazonaws.com"}, "",
			[]string{"patch-baseline-snapshot-af-south-1-tbxdb5b9", "aws-ssm-distributor-file-af-south-1"}, nil},
		{"GovCloud", fact.Place{Region: "us-gov-west-1", Partition: "aws-us-gov", DNSSuffix: "amazonaws.com"},
			"s3.us-gov-west-1.amazonaws.com/amazon-ssm-us-gov-west-1/latest/VERSION", nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var asked, buckets []string
			ids := map[string]bool{}
			for _, o := range Table(tt.place) {
				buckets = append(buckets, o.Bucket)
				switch {
				case o.Status != fact.NotRun || o.Skipped == "" || o.ID == "" || o.Purpose == "" || ids[o.ID]:
					t.Errorf("%+v", o)
				case o.Path != "" && o.Skipped != NotAsked, o.Path == "" && o.Skipped != ListedOnly:
					t.Errorf("%+v", o)
				case strings.ContainsAny(o.Bucket+o.Path, "{}"):
					t.Errorf("%+v", o)
				}
				ids[o.ID] = true
				if o.Path != "" {
					asked = append(asked, o.Host+o.Path)
					if _, err := (Asker{}).request(o); err != nil {
						t.Errorf("%s: %v", o.Path, err)
					}
				}
			}
			if got := strings.Join(asked, " "); tt.asked != "" && got != tt.asked {
				t.Errorf("asked %s", got)
			}
			all := strings.Join(buckets, " ")
			for _, b := range tt.has {
				if !strings.Contains(all, b) {
					t.Errorf("%s is missing", b)
				}
			}
			for _, b := range tt.lacks {
				if strings.Contains(all, b) {
					t.Errorf("%s is there", b)
				}
			}
		})
	}
	for _, p := range []fact.Place{{}, {Region: "us-iso-east-1", Partition: "aws-iso", DNSSuffix: "c2s.ic.gov"}, {Region: "us-east-1", Partition: "aws"}} {
		if got := Table(p); got != nil {
			t.Errorf("%+v: %d objects", p, len(got))
		}
	}
}

func TestNamedBucketsFitTheirRegion(t *testing.T) {
	for _, r := range rows {
		for region, b := range r.named {
			if !strings.Contains(b, region) {
				t.Errorf("%s of %s", b, region)
			}
		}
	}
}

// connect opens a TLS connection to a test server. Its certificate is not what
// is tested.
func connect(t *testing.T, addr string) *tls.Conn {
	t.Helper()
	d := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // a test server on the loopback address
	c, err := d.DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c.(*tls.Conn)
}

func version() fact.Object { return Table(virginia)[0] }

func TestHead(t *testing.T) {
	var seen []string
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Method+" "+r.Host+r.URL.Path+" "+r.UserAgent()+" "+r.Header.Get("Authorization"))
		w.Header().Set("Server", "AmazonS3")
		w.Header().Set("x-amz-request-id", "ABC123")
		w.Header().Set("x-amz-bucket-region", "us-east-1")
		if strings.HasSuffix(r.URL.Path, "mirror.list") {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		w.Header().Set("Content-Length", "10")
	}))
	defer s.Close()
	c := connect(t, s.Listener.Addr().String())
	a := Asker{UserAgent: "vpcdoctor/1 (+diagnostic)", Timeout: patient, KeepAlive: true}
	got := a.Head(t.Context(), c, version())
	if got.Status != fact.OK || got.HTTPStatus != 200 || got.RequestID != "ABC123" || got.Region != "us-east-1" || got.Bytes != 10 || got.Skipped != "" {
		t.Errorf("%+v", got)
	}
	if got.Server != "AmazonS3" || got.Addr.String() != s.Listener.Addr().String() {
		t.Errorf("server %q at %v", got.Server, got.Addr)
	}
	// The same connection serves the next one; a refusal is an answer.
	second := Table(virginia)[len(Table(virginia))-1]
	if got := a.Head(t.Context(), c, second); got.Status != fact.OK || got.HTTPStatus != 403 {
		t.Errorf("%+v", got)
	}
	listed := a.Head(t.Context(), c, Table(virginia)[1])
	if listed.Status != fact.NotRun || len(seen) != 2 {
		t.Errorf("a bucket without a public object was asked: %+v, %q", listed, seen)
	}
	if want := "HEAD s3.us-east-1.amazonaws.com/amazon-ssm-us-east-1/latest/VERSION vpcdoctor/1 (+diagnostic) "; seen[0] != want {
		t.Errorf("sent %q", seen[0])
	}
}

// scripted is a TLS server that reads a request's head and does what f does.
func scripted(t *testing.T, f func(c net.Conn)) string {
	t.Helper()
	s := httptest.NewUnstartedServer(nil)
	s.StartTLS()
	config := s.TLS.Clone()
	s.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		raw, err := l.Accept()
		if err != nil {
			return
		}
		defer raw.Close()
		c := tls.Server(raw, config)
		if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
			f(c)
		}
	}()
	return l.Addr().String()
}

func TestHeadOfHostileServers(t *testing.T) {
	hold := make(chan struct{})
	t.Cleanup(func() { close(hold) })
	say := func(s string) func(net.Conn) { return func(c net.Conn) { _, _ = io.WriteString(c, s) } }
	for _, tt := range []struct {
		name    string
		f       func(net.Conn)
		timeout time.Duration
		class   fact.Class
	}{
		{"silence", func(net.Conn) { <-hold }, short, fact.Timeout},
		{"closes", func(net.Conn) {}, patient, fact.EOF},
		{"no HTTP", say("SSH-2.0-OpenSSH_9.6\r\n\r\n"), patient, fact.HTTPMalformed},
		{"half a head", say("HTTP/1.1 200 OK\r\nServer: Ama"), patient, fact.HTTPMalformed},
		{"only interim", say("HTTP/1.1 100 Continue\r\n\r\n"), patient, fact.HTTPMalformed},
		{"endless head", func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n")
			for range 2000 {
				if _, err := io.WriteString(c, "X: "+strings.Repeat("y", 60)+"\r\n"); err != nil {
					return
				}
			}
		}, patient, fact.TooLarge},
		{"a body nobody asked for", say("HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775807\r\n\r\nbody"), patient, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := connect(t, scripted(t, tt.f))
			got := Asker{Timeout: tt.timeout}.Head(t.Context(), c, version())
			if got.Class != tt.class || got.CutByBudget {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestHeadKeepsToTheRun(t *testing.T) {
	hold := make(chan struct{})
	t.Cleanup(func() { close(hold) })
	c := connect(t, scripted(t, func(net.Conn) { <-hold }))
	ctx, cancel := context.WithTimeout(t.Context(), short)
	defer cancel()
	if got := (Asker{Timeout: patient}).Head(ctx, c, version()); got.Class != fact.Timeout || !got.CutByBudget {
		t.Errorf("%+v", got)
	}
	<-ctx.Done()
	if got := (Asker{}).Head(ctx, c, version()); got.Status != fact.NotRun || got.Skipped != "budget" {
		t.Errorf("%+v", got)
	}
	bad := version()
	bad.Addr, bad.Host = netip.AddrPort{}, "s3\r\nX: y"
	if got := (Asker{}).Head(t.Context(), c, bad); got.Class != fact.Malformed {
		t.Errorf("%+v", got)
	}
}

func FuzzReadHead(f *testing.F) {
	f.Add("HTTP/1.1 403 Forbidden\r\nx-amz-request-id: A\r\nServer: AmazonS3\r\nContent-Length: 3\r\n\r\n")
	f.Add("HTTP/1.1 100 \r\n\r\nHTTP/1.0 200\r\nTransfer-Encoding: chunked\r\n\r\n")
	f.Fuzz(func(t *testing.T, s string) {
		resp, err := readHead(strings.NewReader(s))
		if err != nil {
			return
		}
		var o fact.Object
		fill(&o, resp)
		for _, v := range []string{o.RequestID, o.Server, o.Via, o.Region} {
			if len(v) > maxValue+3 || strings.ContainsFunc(v, func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Fatalf("%q", v)
			}
		}
		if o.Bytes < 0 {
			t.Fatal(o.Bytes)
		}
	})
}
