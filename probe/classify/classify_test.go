package classify

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"vpcdoctor/probe/fact"
)

func TestErrorOfConstructedErrors(t *testing.T) {
	connect := func(e syscall.Errno) error {
		return &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", e)}
	}
	for _, c := range []struct {
		name  string
		err   error
		class fact.Class
		errno string
	}{
		{"nil", nil, fact.ClassNone, ""},
		{"refused", connect(syscall.ECONNREFUSED), fact.Refused, "ECONNREFUSED"},
		{"reset", connect(syscall.ECONNRESET), fact.Reset, "ECONNRESET"},
		{"no route to network", connect(syscall.ENETUNREACH), fact.NetUnreachable, "ENETUNREACH"},
		{"no neighbour", connect(syscall.EHOSTUNREACH), fact.HostUnreachable, "EHOSTUNREACH"},
		{"packet filter", connect(syscall.EPERM), fact.NotPermitted, "EPERM"},
		{"prohibit route", connect(syscall.EACCES), fact.NotPermitted, "EACCES"},
		{"no source port", connect(syscall.EADDRNOTAVAIL), fact.NoAddress, "EADDRNOTAVAIL"},
		{"no descriptor", connect(syscall.EMFILE), fact.NoDescriptors, "EMFILE"},
		{"blackhole route", connect(syscall.EINVAL), fact.Invalid, "EINVAL"},
		{"kernel gave up", connect(syscall.ETIMEDOUT), fact.Timeout, "ETIMEDOUT"},
		{"no IPv6", connect(syscall.EAFNOSUPPORT), fact.Unsupported, "EAFNOSUPPORT"},
		{"unlisted errno", connect(syscall.EXDEV), fact.OtherFailure, "EXDEV"},
		{"wrapped twice", fmt.Errorf("a: %w", fmt.Errorf("b: %w", connect(syscall.EPIPE))), fact.Reset, "EPIPE"},
		{"file absent", &fs.PathError{Op: "open", Path: "/x", Err: syscall.ENOENT}, fact.NotFound, "ENOENT"},
		{"file closed to us", &fs.PathError{Op: "open", Path: "/x", Err: syscall.EACCES}, fact.PermissionDenied, "EACCES"},
		{"end of stream", io.EOF, fact.EOF, ""},
		{"short read", fmt.Errorf("reading: %w", io.ErrUnexpectedEOF), fact.EOF, ""},
		{"deadline", os.ErrDeadlineExceeded, fact.Timeout, ""},
		{"context deadline", context.DeadlineExceeded, fact.Timeout, ""},
		{"cancelled", context.Canceled, fact.Cancelled, ""},
		{"cancelled under a socket error", errors.Join(context.Canceled, connect(syscall.ECONNRESET)), fact.Cancelled, "ECONNRESET"},
		{"closed by us", net.ErrClosed, fact.Cancelled, ""},
		{"alert", tls.AlertError(40), fact.TLSAlert, ""},
		{"plain text", tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake", Conn: &net.TCPConn{}}, fact.NotTLS, ""},
		{"bad record", tls.RecordHeaderError{Msg: "oversized record"}, fact.TLSProtocol, ""},
		{"name", x509.HostnameError{Certificate: &x509.Certificate{}, Host: "a"}, fact.CertName, ""},
		{"untrusted", &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, fact.CertUntrusted, ""},
		{"expired", x509.CertificateInvalidError{Reason: x509.Expired}, fact.CertTime, ""},
		{"not a CA", x509.CertificateInvalidError{Reason: x509.NotAuthorizedToSign}, fact.CertOther, ""},
		{"no such host", &net.DNSError{IsNotFound: true}, fact.NXDomain, ""},
		{"resolver silent", &net.DNSError{IsTimeout: true}, fact.Timeout, ""},
		{"resolver failed", &net.DNSError{Err: "server misbehaving"}, fact.DNSOther, ""},
		{"anything", errors.New("odd"), fact.OtherFailure, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			class, errno := Error(c.err)
			if class != c.class || errno != c.errno {
				t.Errorf("Error(%v) = %q, %q; want %q, %q", c.err, class, errno, c.class, c.errno)
			}
		})
	}
}

// peer runs a loopback server that handles one connection with f and returns
// the client's end.
func peer(t *testing.T, f func(net.Conn)) net.Conn {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		if c, err := l.Accept(); err == nil {
			defer c.Close()
			f(c)
		}
	}()
	var d net.Dialer
	c, err := d.DialContext(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// hello makes a TLS handshake on c and returns its error.
func hello(t *testing.T, c net.Conn) error {
	t.Helper()
	return tls.Client(c, &tls.Config{ServerName: "a.example", MinVersion: tls.VersionTLS12}).HandshakeContext(t.Context())
}

func drain(c net.Conn) { c.Read(make([]byte, 4096)) }

// The shapes that Go really gives, made on loopback.
func TestErrorOfRealErrors(t *testing.T) {
	for _, c := range []struct {
		name  string
		err   func(t *testing.T) error
		class fact.Class
		errno string
	}{
		{"connect to a closed port", func(t *testing.T) error {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			l.Close()
			var d net.Dialer
			_, err = d.DialContext(t.Context(), "tcp", l.Addr().String())
			return err
		}, fact.Refused, "ECONNREFUSED"},
		{"reset after ClientHello", func(t *testing.T) error {
			return hello(t, peer(t, func(c net.Conn) { drain(c); c.(*net.TCPConn).SetLinger(0) }))
		}, fact.Reset, "ECONNRESET"},
		{"close after ClientHello", func(t *testing.T) error {
			return hello(t, peer(t, drain))
		}, fact.EOF, ""},
		{"HTTP on the TLS port", func(t *testing.T) error {
			return hello(t, peer(t, func(c net.Conn) { drain(c); io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n") }))
		}, fact.NotTLS, ""},
		{"handshake_failure alert", func(t *testing.T) error {
			return hello(t, peer(t, func(c net.Conn) { drain(c); c.Write([]byte{21, 3, 3, 0, 2, 2, 40}) }))
		}, fact.TLSAlert, ""},
		{"silence until the deadline", func(t *testing.T) error {
			c := peer(t, func(c net.Conn) { io.Copy(io.Discard, c) })
			c.SetDeadline(time.Now().Add(20 * time.Millisecond))
			return hello(t, c)
		}, fact.Timeout, ""},
		{"context ends in the handshake", func(t *testing.T) error {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			defer cancel()
			return tls.Client(peer(t, func(c net.Conn) { io.Copy(io.Discard, c) }), &tls.Config{ServerName: "a"}).HandshakeContext(ctx)
		}, fact.Timeout, ""},
		{"cancelled dial", func(t *testing.T) error {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			var d net.Dialer
			_, err := d.DialContext(ctx, "tcp", "127.0.0.1:9")
			return err
		}, fact.Cancelled, ""},
		{"read on a closed connection", func(t *testing.T) error {
			c := peer(t, func(net.Conn) {})
			c.Close()
			_, err := c.Read(make([]byte, 1))
			return err
		}, fact.Cancelled, ""},
		{"absent file", func(t *testing.T) error {
			_, err := os.Open(filepath.Join(t.TempDir(), "none"))
			return err
		}, fact.NotFound, "ENOENT"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := c.err(t)
			if err == nil {
				t.Fatal("no error was made")
			}
			class, errno := Error(err)
			if class != c.class || errno != c.errno {
				t.Errorf("Error(%T: %v) = %q, %q; want %q, %q", err, err, class, errno, c.class, c.errno)
			}
		})
	}
}

func TestAlertNumber(t *testing.T) {
	err := hello(t, peer(t, func(c net.Conn) { drain(c); c.Write([]byte{21, 3, 3, 0, 2, 2, 70}) }))
	if n, ok := Alert(err); !ok || n != 70 {
		t.Errorf("Alert(%v) = %d, %v; want 70, protocol_version", err, n, ok)
	}
	if n, ok := Alert(io.EOF); ok {
		t.Errorf("Alert(EOF) = %d", n)
	}
}

func TestOutcome(t *testing.T) {
	start := time.Date(2026, 11, 20, 8, 0, 0, 0, time.FixedZone("", 3600))
	o := Outcome(nil, start, 1500*time.Microsecond)
	if o.Status != fact.OK || o.Class != "" || !o.Start.Equal(start) || o.Start.Location() != time.UTC || o.Took.Std() != 1500*time.Microsecond {
		t.Errorf("success: %+v", o)
	}
	o = Outcome(fmt.Errorf("%s\n\x1b[31m%w", strings.Repeat("x", 300), io.EOF), start, 0)
	if o.Status != fact.Failed || o.Class != fact.EOF || len(o.Detail) != maxDetail || strings.ContainsAny(o.Detail, "\n\x1b") {
		t.Errorf("failure: %+v", o)
	}
}

func TestOutcomeKeepsProxyPasswordsOut(t *testing.T) {
	const secret = "hunter2"
	_, parse := url.Parse(strings.Join([]string{"http://user:", secret, "@[::1/:bad"}, ""))
	if parse == nil {
		t.Fatal("URL parsed")
	}
	for _, err := range []error{parse, &url.Error{Op: "Get", URL: "http://user:" + secret + "@proxy/", Err: io.EOF}} {
		if o := Outcome(err, time.Time{}, 0); strings.Contains(o.Detail, secret) || o.Detail == "" {
			t.Errorf("detail %q", o.Detail)
		}
	}
}

func TestClean(t *testing.T) {
	for _, c := range []struct {
		in   string
		max  int
		want string
	}{
		{"", 0, ""},
		{"plain", 5, "plain"},
		{"plain text", 8, "plain..."},
		{"a\x00b\x1bc\nd\x7f", 20, "a?b?c?d?"},
		{"é", 4, "??"},
		{"abcdef", 3, "abc"},
		{"abcdef", 0, ""},
		{"abcdef", -1, ""},
	} {
		if got := Clean(c.in, c.max); got != c.want {
			t.Errorf("Clean(%q, %d) = %q, want %q", c.in, c.max, got, c.want)
		}
	}
}

func FuzzClean(f *testing.F) {
	f.Add("CN=a\x00b", 4)
	f.Fuzz(func(t *testing.T, s string, limit int) {
		got := Clean(s, limit)
		if len(got) > max(limit, 0) {
			t.Errorf("%d bytes, limit %d", len(got), limit)
		}
		for _, c := range []byte(got) {
			if c < ' ' || c > '~' {
				t.Errorf("byte %#x in %q", c, got)
			}
		}
	})
}

func TestNotBegun(t *testing.T) {
	for err, want := range map[error]string{
		context.Canceled: "interrupted",
		fmt.Errorf("waiting: %w", context.DeadlineExceeded): "budget",
		errors.New("too\x1bmany"):                           "too?many",
	} {
		if got := NotBegun(err); got.Status != fact.NotRun || got.Skipped != want {
			t.Errorf("%v: %+v", err, got)
		}
	}
}
