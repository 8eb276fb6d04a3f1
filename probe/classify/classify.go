// Package classify turns Go errors into the closed vocabulary of failures
// (fact.Class) that facts use, and makes foreign text safe to keep.
//
// In goes the error of one attempt at the place where it arose; out comes its
// class, the kernel's errno by name, and an outcome whose words are bounded and
// printable. Classes are found by type and errno, never by the text of an
// error, which changes between Go releases and systems. The package never does
// I/O, never looks at the clock and never judges what a failure means.
package classify

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/url"
	"os"
	"reflect"
	"syscall"
	"time"

	"vpcdoctor/probe/fact"
)

// maxDetail bounds the words of an outcome: enough for two addresses and a
// cause, short enough that a table of 400 failures stays small.
const maxDetail = 200

// Outcome is the outcome of an attempt that started at start and took took: OK
// when err is nil, Failed with its class otherwise. Whether our own budget cut
// the attempt short is for the caller to add.
func Outcome(err error, start time.Time, took time.Duration) fact.Outcome {
	o := fact.Outcome{Status: fact.OK, Start: start.UTC(), Took: fact.Duration(took)}
	if err == nil {
		return o
	}
	o.Status = fact.Failed
	o.Class, _ = Error(err)
	o.Detail = detail(err)
	return o
}

// NotBegun is the outcome of an attempt that was not made because of err: the
// run had ended before it, or its question cannot be sent.
func NotBegun(err error) fact.Outcome {
	switch {
	case errors.Is(err, context.Canceled):
		return fact.Skip("interrupted")
	case errors.Is(err, context.DeadlineExceeded):
		return fact.Skip("budget")
	}
	return fact.Skip(Clean(err.Error(), maxDetail))
}

// Error is the class of err and the name of the kernel's errno ("ECONNREFUSED"),
// which is empty when no errno is involved. A nil error has ClassNone.
//
// Cancellation is looked for first, because a cancelled attempt often carries
// the error of the socket that was closed under it; then the errno, which is
// the most exact word there is; then what TLS and x509 say; timeouts and the
// end of a stream last, because they are what remains when nobody spoke.
func Error(err error) (c fact.Class, errno string) {
	if err == nil {
		return fact.ClassNone, ""
	}
	var e syscall.Errno
	if errors.As(err, &e) {
		errno = errnoName(e)
	}
	switch {
	case errors.Is(err, context.Canceled):
		return fact.Cancelled, errno
	case errno != "":
		return ofErrno(err, e), errno
	}
	for _, f := range []func(error) fact.Class{ofTLS, ofX509, ofDNS, ofStream} {
		if c := f(err); c != fact.ClassNone {
			return c, ""
		}
	}
	return fact.OtherFailure, ""
}

// Alert is the number of the fatal TLS alert that the peer sent, if err is one.
// crypto/tls reports it as a net.OpError with Op "remote error" around an
// unexported number; tls.AlertError is used with QUIC only (Go 1.26).
func Alert(err error) (number int, ok bool) {
	var a tls.AlertError
	if errors.As(err, &a) {
		return int(a), true
	}
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "remote error" {
		return 0, false
	}
	if v := reflect.ValueOf(op.Err); v.IsValid() && v.Kind() == reflect.Uint8 {
		return int(v.Uint()), true
	}
	return 0, false
}

// ofErrno classifies an errno. Permission errors of a file and of a socket are
// different facts: the first is about this user, the second about the kernel's
// firewall or routes.
func ofErrno(err error, e syscall.Errno) fact.Class {
	var file *fs.PathError
	if errors.As(err, &file) {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return fact.NotFound
		case errors.Is(err, fs.ErrPermission):
			return fact.PermissionDenied
		}
	}
	if c, ok := errnoClass[e]; ok {
		return c
	}
	if e.Timeout() {
		return fact.Timeout
	}
	return fact.OtherFailure
}

func ofTLS(err error) fact.Class {
	var header tls.RecordHeaderError
	if errors.As(err, &header) {
		if header.Conn == nil { // a bad record later on, or from a peer that began well
			return fact.TLSProtocol
		}
		return fact.NotTLS
	}
	if _, ok := Alert(err); ok {
		return fact.TLSAlert
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "local error" { // crypto/tls sent an alert itself
		return fact.TLSProtocol
	}
	return fact.ClassNone
}

func ofX509(err error) fact.Class {
	var (
		name    x509.HostnameError
		unknown x509.UnknownAuthorityError
		invalid x509.CertificateInvalidError
		roots   x509.SystemRootsError
		crit    x509.UnhandledCriticalExtension
		weak    x509.InsecureAlgorithmError
	)
	switch {
	case errors.As(err, &name):
		return fact.CertName
	case errors.As(err, &unknown):
		return fact.CertUntrusted
	case errors.As(err, &invalid):
		if invalid.Reason == x509.Expired { // also "not yet valid"
			return fact.CertTime
		}
		return fact.CertOther
	case errors.As(err, &roots), errors.As(err, &crit), errors.As(err, &weak):
		return fact.CertOther
	}
	return fact.ClassNone
}

func ofDNS(err error) fact.Class {
	var d *net.DNSError
	switch {
	case !errors.As(err, &d):
		return fact.ClassNone
	case d.IsNotFound:
		return fact.NXDomain
	case d.IsTimeout:
		return fact.Timeout
	}
	return fact.DNSOther
}

func ofStream(err error) fact.Class {
	var t net.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return fact.Timeout
	case errors.As(err, &t) && t.Timeout():
		return fact.Timeout
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fact.EOF
	case errors.Is(err, net.ErrClosed), errors.Is(err, io.ErrClosedPipe):
		return fact.Cancelled // only our own side closes a connection this way
	case errors.Is(err, fs.ErrNotExist):
		return fact.NotFound
	case errors.Is(err, fs.ErrPermission):
		return fact.PermissionDenied
	}
	return fact.ClassNone
}

// detail is the text of err without URLs: a proxy's URL may carry a password,
// and url.Parse quotes its whole input in the error.
func detail(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		if u.Op == "parse" {
			return "malformed URL"
		}
		err = u.Err
	}
	return Clean(err.Error(), maxDetail)
}
