package probetest

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// TLSFault is how a TLS port misbehaves. Each is a different fact at the client
// and a different cause.
type TLSFault string

// Faults of a TLS port.
const (
	TLSFine    TLSFault = ""
	StallOpen  TLSFault = "stall-open"  // accepts TCP, never answers
	StallHello TLSFault = "stall-hello" // reads the ClientHello, never answers
	ResetHello TLSFault = "reset-hello" // RST after the ClientHello
	CloseHello TLSFault = "close-hello" // FIN after the ClientHello
	AlertHello TLSFault = "alert-hello" // fatal handshake_failure (40)
	PlainHTTP  TLSFault = "plain-http"  // speaks HTTP without TLS
)

// TLSServer is a TLS port with an HTTP handler behind it, or one of the faults
// in front of it. It listens nowhere by itself. Fields are set before the first
// connection; Hellos may be called at any time.
type TLSServer struct {
	Certificate tls.Certificate
	// CertificateFor chooses by SNI; nil: Certificate for all.
	CertificateFor func(sni string) *tls.Certificate
	Handler        http.Handler // nil: the connection is closed after the handshake
	Fault          TLSFault
	BySNI          map[string]TLSFault // lower case; wins over Fault
	// ByHello chooses by the whole ClientHello and wins over BySNI; nil: not asked.
	ByHello    func(TLSHello) TLSFault
	MaxVersion uint16 // tls.VersionTLS11 and so on; 0: the newest
	ClientAuth bool   // demands a client certificate

	mu     sync.Mutex
	hellos []string
}

// TLSHello is what a device on the way can see of a ClientHello.
type TLSHello struct {
	SNI         string // lower case; "" without one
	Bytes       int    // of the record, with its header
	PostQuantum bool   // offers a hybrid ML-KEM group
	TLS13       bool
	Conn        net.Conn // not read from since
}

// Hellos are the SNI names seen so far, "" for a ClientHello without one.
func (s *TLSServer) Hellos() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.hellos...)
}

// Serve serves every connection of l until l is closed, and ends the open ones
// then.
func (s *TLSServer) Serve(l net.Listener) error {
	ready := &connListener{addr: l.Addr(), conns: make(chan net.Conn), done: make(chan struct{})}
	var open connSet
	defer open.closeAll()
	if s.Handler != nil {
		h := &http.Server{Handler: s.Handler, ReadHeaderTimeout: 10 * time.Second}
		go h.Serve(ready) //nolint:errcheck // ends with ErrServerClosed when the listener goes
		defer h.Close()
	}
	defer close(ready.done)
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		open.add(c)
		go func() {
			if t := s.handshake(c); t == nil || s.Handler == nil || !ready.hand(t) {
				c.Close()
			}
		}()
	}
}

// errFault ends a handshake that a fault has already answered.
var errFault = errors.New("connection ended by a fault")

// handshake makes the handshake or acts the fault; nil when there is nothing to
// go on with.
func (s *TLSServer) handshake(c net.Conn) *tls.Conn {
	switch s.Fault {
	case StallOpen:
		_, _ = io.Copy(io.Discard, c) // until the client gives up
		return nil
	case PlainHTTP:
		_, _ = c.Read(make([]byte, 4096))
		_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		return nil
	}
	config := &tls.Config{
		Certificates: []tls.Certificate{s.Certificate},
		MinVersion:   tls.VersionTLS10, // a fake may be older than the client allows
		MaxVersion:   s.MaxVersion,
		NextProtos:   []string{"http/1.1"},
	}
	if s.ClientAuth {
		config.ClientAuth = tls.RequireAnyClientCert
	}
	if s.CertificateFor != nil {
		config.GetCertificate = func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
			return s.CertificateFor(strings.ToLower(h.ServerName)), nil
		}
		config.Certificates = nil
	}
	counted := &countedConn{Conn: c}
	config.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		return nil, s.hello(TLSHello{
			SNI: strings.ToLower(h.ServerName), Bytes: counted.read, PostQuantum: postQuantum(h),
			TLS13: slices.Contains(h.SupportedVersions, tls.VersionTLS13), Conn: c,
		})
	}
	t := tls.Server(counted, config)
	if t.Handshake() != nil {
		return nil
	}
	return t
}

// countedConn counts what was read. A client sends nothing after its ClientHello
// before it is answered, so at that point the count is the hello's size.
type countedConn struct {
	net.Conn
	read int
}

func (c *countedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.read += n
	return n, err
}

func postQuantum(h *tls.ClientHelloInfo) bool {
	return slices.ContainsFunc(h.SupportedCurves, func(id tls.CurveID) bool {
		return id == tls.X25519MLKEM768 || id == tls.SecP256r1MLKEM768 || id == tls.SecP384r1MLKEM1024
	})
}

// fault is what to do about a hello.
func (s *TLSServer) fault(h TLSHello) TLSFault {
	if s.ByHello != nil {
		return s.ByHello(h)
	}
	if fault, ok := s.BySNI[h.SNI]; ok {
		return fault
	}
	return s.Fault
}

// hello runs after the ClientHello was read and before anything is answered.
func (s *TLSServer) hello(h TLSHello) error {
	s.mu.Lock()
	s.hellos = append(s.hellos, h.SNI)
	s.mu.Unlock()
	switch s.fault(h) {
	case TLSFine:
		return nil
	case StallHello, StallOpen:
		_, _ = io.Copy(io.Discard, h.Conn)
	case AlertHello:
		_, _ = h.Conn.Write([]byte{21, 3, 3, 0, 2, 2, 40}) // alert record, TLS 1.2, fatal, handshake_failure
	case PlainHTTP:
		_, _ = io.WriteString(h.Conn, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
	case ResetHello:
		resetOnClose(h.Conn)
	}
	h.Conn.Close()
	return errFault
}

// resetOnClose makes Close send RST instead of FIN.
func resetOnClose(c net.Conn) {
	if t, ok := c.(interface{ SetLinger(sec int) error }); ok {
		_ = t.SetLinger(0) // a connection without linger closes politely, and the test says so
	}
}

// connListener hands connections whose handshake is done to an http.Server.
type connListener struct {
	addr  net.Addr
	conns chan net.Conn
	done  chan struct{}
}

func (l *connListener) hand(c net.Conn) bool {
	select {
	case l.conns <- c:
		return true
	case <-l.done:
		return false
	}
}

func (l *connListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *connListener) Close() error   { return nil }
func (l *connListener) Addr() net.Addr { return l.addr }

// connSet closes what is open when a server ends.
type connSet struct {
	mu    sync.Mutex
	conns []net.Conn
}

func (s *connSet) add(c net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns = append(s.conns, c)
}

func (s *connSet) closeAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		c.Close()
	}
}
