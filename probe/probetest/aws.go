package probetest

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// AWSMode is how what answers on an endpoint's port behaves.
type AWSMode string

// Behaviours of an answerer.
const (
	AWSFine       AWSMode = ""
	AWSError      AWSMode = "5xx"          // a front end in trouble: 503 with a request id
	AWSNoID       AWSMode = "no-id"        // 404 without any request id
	AWSBlockPage  AWSMode = "block-page"   // an inspection device's HTML page, 403
	AWSPortal     AWSMode = "portal"       // 302 to a captive portal
	AWSProxyPage  AWSMode = "proxy-page"   // a forward proxy's own error page
	AWSEndless    AWSMode = "endless"      // a body that never ends
	AWSHugeHeader AWSMode = "huge-headers" // 64 kB of headers
	AWSSilent     AWSMode = "silent"       // never answers
)

// AWSOptions describes AWS front ends.
type AWSOptions struct {
	Mode   AWSMode
	Hosts  map[string]AWSMode // by Host header; wins over Mode
	Offset time.Duration      // added to the Date header: the world's clock minus ours
	Portal string             // where AWSPortal redirects; empty: https://portal.corp.example/login
}

// AWSHandler answers an unsigned GET / as AWS front ends do, told apart by the
// Host header: S3, DynamoDB, API Gateway, query services, and JSON services,
// which SSM is one of. Sources: SSM User Guide, "Troubleshooting managed node
// availability" (UnknownOperationException is the healthy answer), and answers
// quoted in public issues (field guide C.2).
func AWSHandler(o AWSOptions) http.Handler {
	var count atomic.Int64
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := strings.ToLower(r.Host)
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		mode, ok := o.Hosts[host]
		if !ok {
			mode = o.Mode
		}
		w.Header().Set("Date", time.Now().Add(o.Offset).UTC().Format(http.TimeFormat))
		id := fmt.Sprintf("00000000-0000-4000-8000-%012d", count.Add(1))
		if mode == AWSFine {
			frontEnd(w, host, id)
			return
		}
		misbehave(w, r, mode, o, id)
	})
}

// raw sets a header in the case in which the service sends it.
func raw(w http.ResponseWriter, name, value string) {
	w.Header()[name] = []string{value}
}

func answer(w http.ResponseWriter, status int, contentType, body string) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body)) // the client may be gone
}

// queryServices speak the query protocol and name a missing token.
var queryServices = map[string]bool{
	"sts": true, "ec2": true, "monitoring": true, "autoscaling": true,
	"cloudformation": true, "elasticloadbalancing": true, "sns": true, "sqs": true,
}

func frontEnd(w http.ResponseWriter, host, id string) {
	service, _, _ := strings.Cut(host, ".")
	switch {
	case service == "s3" || strings.HasPrefix(service, "s3-") || strings.Contains(host, ".s3.") || strings.Contains(host, ".s3-"):
		w.Header().Set("Server", "AmazonS3")
		raw(w, "x-amz-request-id", strings.ToUpper(strings.ReplaceAll(id, "-", ""))[16:])
		raw(w, "x-amz-id-2", "aG9zdCBpZCBvZiBhIGZha2UgUzM=")
		answer(w, http.StatusForbidden, "application/xml", "<Error><Code>AccessDenied</Code></Error>")
	case strings.Contains(host, ".execute-api."):
		raw(w, "x-amzn-RequestId", id)
		raw(w, "x-amz-apigw-id", "YmFzZTY0PQ==")
		raw(w, "x-amzn-ErrorType", "ForbiddenException")
		answer(w, http.StatusForbidden, "application/json", `{"message":"Forbidden"}`)
	case service == "dynamodb":
		w.Header().Set("Server", "Server")
		raw(w, "x-amzn-RequestId", id)
		raw(w, "x-amz-crc32", "3128867991")
		answer(w, http.StatusNotFound, "application/x-amz-json-1.0", "<UnknownOperationException/>")
	case queryServices[service]:
		raw(w, "x-amzn-RequestId", id)
		answer(w, http.StatusForbidden, "text/xml", "<ErrorResponse><Error><Code>MissingAuthenticationToken</Code></Error></ErrorResponse>")
	default:
		raw(w, "x-amzn-RequestId", id)
		answer(w, http.StatusNotFound, "application/x-amz-json-1.1", "<UnknownOperationException/>")
	}
}

func misbehave(w http.ResponseWriter, r *http.Request, mode AWSMode, o AWSOptions, id string) {
	switch mode {
	case AWSError:
		raw(w, "x-amzn-RequestId", id)
		answer(w, http.StatusServiceUnavailable, "text/plain", "Service Unavailable")
	case AWSBlockPage:
		w.Header().Set("Server", "Inspection-Gateway")
		answer(w, http.StatusForbidden, "text/html", "<html><body>This page is blocked by your organisation.</body></html>")
	case AWSPortal:
		portal := o.Portal
		if portal == "" {
			portal = "https://portal.corp.example/login?token=1234"
		}
		w.Header().Set("Location", portal)
		answer(w, http.StatusFound, "text/html", "<html>Sign in</html>")
	case AWSProxyPage:
		w.Header().Set("Server", "squid/6.6")
		raw(w, "X-Squid-Error", "ERR_ACCESS_DENIED 0")
		w.Header().Set("Via", "1.1 proxy.corp.example (squid/6.6)")
		answer(w, http.StatusForbidden, "text/html", "<html>Access Denied</html>")
	case AWSEndless:
		raw(w, "x-amzn-RequestId", id)
		w.WriteHeader(http.StatusNotFound)
		for line := []byte(strings.Repeat("x", 1024)); r.Context().Err() == nil; {
			if _, err := w.Write(line); err != nil {
				return
			}
		}
	case AWSHugeHeader:
		raw(w, "x-amzn-RequestId", id)
		for i := range 64 {
			w.Header().Set(fmt.Sprintf("X-Filler-%d", i), strings.Repeat("x", 1024))
		}
		answer(w, http.StatusNotFound, "text/plain", "")
	case AWSSilent:
		<-r.Context().Done()
	default: // AWSNoID
		answer(w, http.StatusNotFound, "text/plain", "not found")
	}
}
