//go:build linux

package lab

import (
	"net/http"
	"strings"
	"time"

	"vpcdoctor/cmd/vpclab/world"
)

// buckets serves the public objects in AWS-owned S3 buckets, as far as the
// policy of the endpoint on the way lets them through; everything else is the
// front end's.
type buckets struct {
	front  http.Handler
	svc    world.Service
	offset time.Duration // added to the Date header
}

// ServeHTTP answers a request for an object.
func (b buckets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	bucket, key, ok := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if !ok || key == "" || !strings.HasPrefix(r.Host, "s3.") || b.svc.Behavior.NotAWS {
		b.front.ServeHTTP(w, r)
		return
	}
	h := w.Header()
	h.Set("Date", time.Now().Add(b.offset).UTC().Format(http.TimeFormat))
	h.Set("Server", "AmazonS3")
	h["x-amz-request-id"] = []string{"4VPCLAB0BUCKET00"}
	h.Set("Content-Length", "0")
	if world.MatchName(b.svc.Denies, bucket) {
		w.WriteHeader(http.StatusForbidden)
	}
}
