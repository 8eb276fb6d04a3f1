package toaws

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/probetest"
	"vpcdoctor/probe/trust"
	"vpcdoctor/report/deliver"
	"vpcdoctor/report/deliver/awscall/awstest"
)

func TestCheck(t *testing.T) {
	good := Options{To: []string{"stdout", "cloudwatch", "file"}, LogGroup: "/vpcdoctor"}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	for says, o := range map[string]Options{
		`metrics "csv"`:                      {Metrics: "csv"},
		`log group ""`:                       {To: []string{"cloudwatch"}},
		`log group "a b"`:                    {To: []string{"cloudwatch"}, LogGroup: "a b"},
		`log group "aws/x"`:                  {To: []string{"cloudwatch"}, LogGroup: "aws/x"},
		`log stream "a:b"`:                   {To: []string{"cloudwatch"}, LogGroup: "/g", LogStream: "a:b"},
		`-1 shared streams`:                  {To: []string{"cloudwatch"}, LogGroup: "/g", LogShards: -1},
		`want one of the two`:                {To: []string{"cloudwatch"}, LogGroup: "/g", LogShards: 2, LogStream: "s"},
		`endpoint "http://h"`:                {To: []string{"cloudwatch"}, LogGroup: "/g", LogsEndpoint: "http://h"},
		`bucket "reports": want s3://BUCKET`: {To: []string{"s3"}, S3: "reports"},
		`owner "me"`:                         {To: []string{"s3"}, S3: "s3://reports/x", S3Owner: "me"},
	} {
		if err := o.Check(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%+v: %v, want %s", o, err, says)
		}
	}
	two := Options{To: []string{"cloudwatch", "s3"}}
	if err := two.Check(); err == nil || !strings.Contains(err.Error(), "log group") || !strings.Contains(err.Error(), "bucket") {
		t.Errorf("only one of two mistakes is told: %v", err)
	}
}

func TestSinksByWord(t *testing.T) {
	r := awstest.Report("r1", 1, "h")
	for _, tt := range []struct {
		to      []string
		metrics string
		want    []string
	}{
		{nil, "emf", nil},
		{[]string{"journal", "compliance", "cloudwatch"}, "", []string{"compliance", "cloudwatch"}},
		{Words, "put", append(slices.Clone(Words), "metrics")},
	} {
		sinks, err := Options{To: tt.to, Metrics: tt.metrics, LogGroup: "/g", S3: "s3://reports"}.Sinks(r)
		var got []string
		for _, s := range sinks {
			got = append(got, s.Name())
		}
		if err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%v %s: %v, %v", tt.to, tt.metrics, got, err)
		}
	}
}

// TestPlace: the instance's own Region wins over one that was asked about, and
// a hybrid node has its own name at Systems Manager.
func TestPlace(t *testing.T) {
	r := awstest.Report("r1", 0, "")
	r.Facts.Place = fact.Place{Region: "us-west-2", IMDSRegion: "us-east-1"}
	r.Context.Region = "us-west-2"
	c := Options{}.caller(r)
	if c.Place.Region != "us-east-1" {
		t.Errorf("delivers to %s", c.Place.Region)
	}
	r.Facts.Agent.Identity.InstanceID = "mi-0123456789abcdef0"
	if got := node(r); got != "mi-0123456789abcdef0" {
		t.Errorf("node %s", got)
	}
	r.Facts.IMDS.Time = fact.TimeSample{Outcome: fact.Outcome{Status: fact.OK}, Source: fact.TimeIMDSDate, Offset: fact.Duration(time.Hour)}
	if ahead := time.Since(Options{}.caller(r).Clock.Now()); (ahead - time.Hour).Abs() > time.Minute {
		t.Errorf("the clock is taken to be %v ahead", ahead)
	}
}

// TestByProxy: delivery takes the proxy of the shell, names itself to it, and
// says so when the proxy refuses.
func TestByProxy(t *testing.T) {
	api := awstest.Account(awstest.Shipped(t), func(o *probetest.APIOptions) {
		o.LogGroups = map[string]probetest.APILogGroup{"/vpcdoctor": {}}
	})
	front := awstest.Front(t, api)
	bundle := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(bundle, front.CA.PEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	store, _, err := trust.Load(trust.Options{CABundle: bundle})
	if err != nil {
		t.Fatal(err)
	}
	status, agents := 200, make(chan string, 8)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		agents <- r.UserAgent()
		if r.Method != http.MethodConnect || status != 200 {
			w.WriteHeader(status)
			return
		}
		client, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer client.Close()
		server, err := front.Dial(r.Context(), "tcp", r.Host)
		if err != nil {
			return
		}
		_, _ = client.Write([]byte("HTTP/1.1 200 OK\r\n\r\n"))
		go func() { copyAll(server, client); server.Close() }()
		copyAll(client, server)
	}))
	defer proxy.Close()
	vars := map[string]string{"HTTPS_PROXY": proxy.URL, "NO_PROXY": "example.com"}
	o := Options{
		To: []string{"cloudwatch"}, LogGroup: "/vpcdoctor", UserAgent: awstest.UserAgent, Verify: store, Credentials: awstest.Keys(),
		Getenv: func(k string) string { return vars[k] },
	}
	send := func(limit time.Duration) deliver.Outcome {
		sinks, err := o.Sinks(awstest.Report("r1", 1, "h"))
		if err != nil {
			t.Fatal(err)
		}
		return deliver.All(context.Background(), sinks, awstest.Parcel("r1", time.Now(), 1), nil, limit)[0]
	}
	if out := send(30 * time.Second); out.Err != nil || len(api.LogEvents()) != 2 {
		t.Errorf("%v, %d events", out.Err, len(api.LogEvents()))
	}
	if got := <-agents; got != awstest.UserAgent {
		t.Errorf("the proxy is told %q", got)
	}
	status = http.StatusForbidden
	if out := send(30 * time.Second); out.Err == nil || out.Err.Error() != "the proxy of this shell does not connect to logs.us-east-1.amazonaws.com (HTTP 403): HTTPS_PROXY and NO_PROXY of this shell decide" {
		t.Errorf("%v", out.Err)
	}
	proxy.Close()
	if out := send(3 * time.Second); out.Err == nil || !strings.Contains(out.Err.Error(), "no connection to the proxy of this shell (refused)") {
		t.Errorf("%v", out.Err)
	}
}

func copyAll(to, from net.Conn) {
	b := make([]byte, 32<<10)
	for {
		n, err := from.Read(b)
		if n > 0 {
			if _, err := to.Write(b[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
