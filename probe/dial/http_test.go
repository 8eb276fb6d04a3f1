package dial

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/probetest"
)

func dump(t *testing.T, v any) string {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// get makes one request to a handler behind TLS.
func get(t *testing.T, p *Prober, h http.Handler, name string) fact.Request {
	t.Helper()
	leaf := probetest.NewCA("r").Leaf(probetest.LeafOptions{Names: []string{host}})
	addr := serve(t, (&probetest.TLSServer{Certificate: leaf, Handler: h}).Serve)
	c, f := p.TLS(t.Context(), connect(t, p, addr), addr, host)
	if c == nil {
		t.Fatalf("%+v", f)
	}
	defer c.Close()
	return p.HTTP(t.Context(), c, addr, name)
}

func TestFrontEndsAreRecognised(t *testing.T) {
	p := &Prober{}
	h := probetest.AWSHandler(probetest.AWSOptions{})
	for name, want := range map[string]struct {
		status int
		header string
		server string
	}{
		host: {404, "x-amzn-requestid", ""},
		"ssmmessages.cn-north-1.amazonaws.com.cn":  {404, "x-amzn-requestid", ""},
		"sts.us-east-1.amazonaws.com":              {403, "x-amzn-requestid", ""},
		"s3.us-east-1.amazonaws.com":               {403, "x-amz-request-id", "AmazonS3"},
		"bucket.s3.us-east-1.amazonaws.com":        {403, "x-amz-request-id", "AmazonS3"},
		"dynamodb.us-east-1.amazonaws.com":         {404, "x-amzn-requestid", "Server"},
		"x.execute-api.us-east-1.amazonaws.com":    {403, "x-amzn-requestid", ""},
		"logs.us-gov-west-1.amazonaws.com":         {404, "x-amzn-requestid", ""},
		"vpce-0a1.ssm.us-east-1.vpce.amazonaws.cn": {404, "x-amzn-requestid", ""},
	} {
		f := get(t, p, h, name)
		if f.Status != fact.OK || f.HTTPStatus != want.status || f.IDHeader != want.header || f.RequestID == "" || f.Server != want.server || f.Host != name {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

func TestRequestOnTheWire(t *testing.T) {
	var got http.Request
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { got = *r })
	f := get(t, &Prober{UserAgent: "vpcdoctor/1 (+diagnostic)"}, h, host)
	if f.Method != "GET" || f.Path != "/" || f.HTTPStatus != 200 {
		t.Errorf("%+v", f)
	}
	if got.Host != host || got.UserAgent() != "vpcdoctor/1 (+diagnostic)" || got.URL.Path != "/" || !got.Close || got.Header.Get("Authorization") != "" {
		t.Errorf("%+v", got)
	}
}

func TestClockOffset(t *testing.T) {
	h := probetest.AWSHandler(probetest.AWSOptions{Offset: 10 * time.Minute}) // the world is ahead of us
	f := get(t, &Prober{}, h, host)
	off := f.Offset.Std()
	if !f.HasOffset || off > -10*time.Minute+2*time.Second || off < -10*time.Minute-2*time.Second {
		t.Errorf("offset %v", off)
	}
	// Our own clock is an hour ahead.
	p := &Prober{Now: func() time.Time { return time.Now().Add(time.Hour) }}
	f = get(t, p, probetest.AWSHandler(probetest.AWSOptions{}), host)
	if off := f.Offset.Std(); off < time.Hour-2*time.Second || off > time.Hour+2*time.Second {
		t.Errorf("offset %v", off)
	}
}

func TestOddAnswerers(t *testing.T) {
	for _, c := range []struct {
		mode   probetest.AWSMode
		class  fact.Class
		status int
		id     bool
		check  func(fact.Request) bool
	}{
		{mode: probetest.AWSError, status: 503, id: true},
		{mode: probetest.AWSNoID, status: 404},
		{mode: probetest.AWSBlockPage, status: 403, check: func(f fact.Request) bool {
			return f.Server == "Inspection-Gateway" && f.Type == "text/html" && f.Body > 0
		}},
		{mode: probetest.AWSPortal, status: 302, check: func(f fact.Request) bool {
			return f.Location == "https://portal.corp.example/login" // without its token
		}},
		{mode: probetest.AWSProxyPage, status: 403, check: func(f fact.Request) bool {
			return strings.Contains(f.Via, "squid") && f.Server == "squid/6.6"
		}},
		{mode: probetest.AWSEndless, status: 404, id: true, check: func(f fact.Request) bool { return f.Body == maxBody }},
		{mode: probetest.AWSHugeHeader, class: fact.TooLarge},
		{mode: probetest.AWSSilent, class: fact.Timeout},
	} {
		t.Run(string(c.mode), func(t *testing.T) {
			p := &Prober{HTTPTimeout: 2 * time.Second}
			if c.class == fact.Timeout {
				p.HTTPTimeout = 100 * time.Millisecond
			}
			f := get(t, p, probetest.AWSHandler(probetest.AWSOptions{Mode: c.mode}), host)
			status := fact.OK
			if c.class != "" {
				status = fact.Failed
			}
			if f.Status != status || f.Class != c.class || f.HTTPStatus != c.status || (f.RequestID != "") != c.id || f.CutByBudget {
				t.Errorf("%+v", f)
			}
			if c.check != nil && !c.check(f) {
				t.Errorf("%+v", f)
			}
		})
	}
}

// rawHTTP serves the same bytes to every connection after its TLS handshake.
func rawHTTP(t *testing.T, text string) fact.Request {
	t.Helper()
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		_, _ = io.WriteString(c, text)
		c.Close()
	})
	return get(t, &Prober{HTTPTimeout: 2 * time.Second}, h, host)
}

func TestMalformedAnswers(t *testing.T) {
	for text, want := range map[string]fact.Class{
		"":                                         fact.EOF,
		"HTTP/1.1 200 OK\r\nX":                     fact.HTTPMalformed,
		"SSH-2.0-OpenSSH_9.6\r\n\r\n":              fact.HTTPMalformed,
		"HTTP/1.1 abc\r\n\r\n":                     fact.HTTPMalformed,
		"HTTP/1.1 200 OK\r\nbad line\r\n\r\n":      fact.HTTPMalformed,
		strings.Repeat("x", maxHeader+1):           fact.TooLarge,
		"HTTP/1.1 200 OK\r\n\r\n":                  fact.ClassNone,
		"HTTP/1.0 404 Not\x1b[31m Found\r\n\n":     fact.ClassNone,
		"HTTP/1.1 200 OK\r\nServer: caf\xe9\r\n\n": fact.ClassNone,
		"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 404 Not Found\r\n\r\n":                          fact.ClassNone,
		strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 6):                                     fact.HTTPMalformed,
		"HTTP/1.1 200 OK\r\nServer: \x1b[31m\r\nDate: never\r\nx-amzn-RequestId: a\x00b\r\n\r\n":  fact.HTTPMalformed,
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzzzz\r\n":                           fact.ClassNone,
		"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\nLocation: http://u:p%zz@h/?s\r\n\r\nabc": fact.ClassNone,
	} {
		f := rawHTTP(t, text)
		if f.Class != want {
			t.Errorf("%.60q: %+v, want %q", text, f, want)
		}
		noControl(t, f)
	}
}

func TestHostNeverBreaksTheHeader(t *testing.T) {
	f := get(t, &Prober{}, http.NotFoundHandler(), "a\r\nX-Evil: 1")
	if f.Class != fact.Malformed || f.HTTPStatus != 0 {
		t.Errorf("%+v", f)
	}
}

func FuzzReadResponse(f *testing.F) {
	f.Add([]byte("HTTP/1.1 404 Not Found\r\nx-amzn-RequestId: a\r\nDate: Fri, 20 Nov 2026 08:00:00 GMT\r\n\r\nbody"))
	f.Add([]byte("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"))
	f.Add([]byte("HTTP/1.1 302 Found\r\nLocation: http://u:p@h/?q#f\r\n\r\n"))
	f.Fuzz(func(t *testing.T, wire []byte) {
		near, far := net.Pipe()
		go func() { // the peer: takes the request, answers the bytes, ends
			defer far.Close()
			_, _ = far.Read(make([]byte, 1024))
			_, _ = far.Write(wire)
		}()
		var r fact.Request
		p := &Prober{}
		a := p.attempt(t.Context(), time.Second)
		defer a.cancel()
		p.exchange(&r, near, a, host)
		near.Close()
		if r.Status != fact.OK && r.Status != fact.Failed {
			t.Errorf("status %q", r.Status)
		}
		if r.Body > maxBody || len(r.RequestID) > maxValue || len(r.Location) > maxValue {
			t.Errorf("unbounded: %+v", r)
		}
		noControl(t, r)
	})
}
