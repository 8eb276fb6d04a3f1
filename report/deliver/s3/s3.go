// Package s3 puts whole reports into a bucket. The path to S3 is often another
// one than that to everything else: a gateway endpoint is a route, and needs
// neither private DNS nor a security group.
//
// In go parcels; out comes one object for each, PREFIX/REGION/INSTANCE/RUN.json.gz.
// A run that is sent twice overwrites itself. How the object is encrypted is the
// bucket's to say. Source: Amazon S3 API Reference, PutObject (read 2026-11).
package s3

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"vpcdoctor/report"
	"vpcdoctor/report/deliver"
	"vpcdoctor/report/deliver/awscall"
)

// Options is where objects go.
type Options struct {
	Bucket     string
	Prefix     string // without a slash at its end; empty: none
	Owner      string // account that must own the bucket; empty: not checked
	InstanceID string

	awscall.Caller // its Place is where the bucket is
}

// Sink puts objects.
type Sink struct{ o Options }

// New checks the options.
func New(o Options) (*Sink, error) {
	o.Prefix = strings.Trim(o.Prefix, "/")
	switch {
	case o.Place.Region == "":
		return nil, errors.New("the Region of the bucket is not known: give --region")
	case !bucketName(o.Bucket):
		return nil, fmt.Errorf("bucket %q: want 3 to 63 of a-z 0-9 . -", o.Bucket)
	case len(o.Prefix) > 512 || !plain(o.Prefix, "/"):
		return nil, fmt.Errorf("prefix %q: want at most 512 of A-Z a-z 0-9 . _ - /", o.Prefix)
	case o.Owner != "" && (len(o.Owner) != 12 || strings.Trim(o.Owner, "0123456789") != ""):
		return nil, fmt.Errorf("owner %q of the bucket: want an account id of 12 digits", o.Owner)
	}
	return &Sink{o}, nil
}

// bucketName holds a name against the rules of S3 (Amazon S3 User Guide, "Bucket
// naming rules", read 2026-11).
func bucketName(s string) bool {
	const ends = "abcdefghijklmnopqrstuvwxyz0123456789"
	return len(s) >= 3 && len(s) <= 63 && strings.Trim(s, ends+".-") == "" &&
		strings.IndexByte(ends, s[0]) >= 0 && strings.IndexByte(ends, s[len(s)-1]) >= 0 && !strings.Contains(s, "..")
}

// plain tells whether a text needs no escaping in a URL: then nothing that
// signs, forwards or lists it can read it differently.
func plain(s, further string) bool {
	for _, c := range []byte(s) {
		ok := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("._-"+further, c) >= 0
		if !ok {
			return false
		}
	}
	return true
}

// Name is the word of --to.
func (s *Sink) Name() string { return "s3" }

// Keeps tells that what could not be put is worth keeping.
func (s *Sink) Keeps() bool { return true }

// Deliver puts one object for each parcel.
func (s *Sink) Deliver(ctx context.Context, parcels []deliver.Parcel, settle deliver.Settle) (string, error) {
	where := "s3://" + s.o.Bucket
	var lost []error
	for _, p := range parcels {
		r, err := p.Read()
		if err != nil {
			lost = append(lost, err)
			continue
		}
		key := s.key(r, p.RunID)
		where = "s3://" + s.o.Bucket + "/" + key
		if err := s.put(ctx, key, r); err != nil {
			return where, errors.Join(append(lost, s.explain(err))...)
		}
		settle(p.RunID, deliver.Delivered)
	}
	return where, errors.Join(lost...)
}

func (s *Sink) key(r *report.Report, runID string) string {
	parts := []string{s.o.Prefix, cmp.Or(r.Context.Region, s.o.Place.Region), cmp.Or(s.o.InstanceID, "unknown-instance"), runID + ".json.gz"}
	for i, p := range parts[1:] {
		if !plain(p, "") { // what is stored of an earlier run could hold anything
			parts[i+1] = "unknown"
		}
	}
	return strings.TrimPrefix(strings.Join(parts, "/"), "/")
}

func (s *Sink) put(ctx context.Context, key string, r *report.Report) error {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if err := errors.Join(r.WriteJSON(z), z.Close()); err != nil {
		return err
	}
	host, path := s.o.Place.Host("s3"), "/"+key
	if strings.Contains(s.o.Bucket, ".") || s.o.Endpoint != "" { // a certificate covers one label
		path = "/" + s.o.Bucket + path
	} else {
		host = s.o.Bucket + "." + host
	}
	header := map[string]string{"Content-Type": "application/gzip"}
	if s.o.Owner != "" {
		header["X-Amz-Expected-Bucket-Owner"] = s.o.Owner
	}
	return s.o.Do(ctx, awscall.Request{Service: "s3", Host: host, Method: http.MethodPut, Path: path, Header: header, Body: b.Bytes()})
}

// explain adds to a fault what to do about it here.
func (s *Sink) explain(err error) error {
	var f *awscall.Fault
	switch {
	case awscall.Is(err, awscall.Missing):
		return fmt.Errorf("bucket %s does not exist: %w", s.o.Bucket, err)
	case errors.As(err, &f) && (f.Status == http.StatusMovedPermanently || f.Status == http.StatusTemporaryRedirect || f.Code == "AuthorizationHeaderMalformed"):
		return fmt.Errorf("bucket %s is not in %s, and a gateway endpoint reaches those of its own Region only: %w", s.o.Bucket, s.o.Place.Region, err)
	}
	return awscall.Explain("s3:PutObject", "s3://"+s.o.Bucket, err)
}

var _ deliver.Sink = (*Sink)(nil)
