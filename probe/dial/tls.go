package dial

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"net"
	"net/netip"
	"strings"

	"vpcdoctor/probe/classify"
	"vpcdoctor/probe/fact"
)

// Bounds of what is kept of a chain. Public chains have 2 to 4 certificates and
// AWS front ends up to some 60 names, of which the first tell whose they are.
const (
	maxChain = 8
	maxNames = 16
	maxName  = 253 // longest DNS name
	maxDN    = 200
	maxFirst = 120 // bytes kept of a peer that does not speak TLS
)

// TLS makes a handshake for host on a connection that was just opened to addr.
// The connection is nil unless the handshake completed, and c is closed then.
// Whether the certificate is the right one is told by the fact's Name, System
// and Reference; none of them fails the handshake.
//
// The ClientHello is Go's own: TLS 1.2 and later like the SSM Agent's, SNI host
// (none for an IP address), no session resumption, so that every handshake
// shows a full chain. For a tunnel addr is the proxy's and the caller sets
// the fact's Proxy.
func (p *Prober) TLS(ctx context.Context, c net.Conn, addr netip.AddrPort, host string) (*tls.Conn, fact.Handshake) {
	f := fact.Handshake{Addr: addr, Host: host}
	if o, done := spent(ctx); done {
		c.Close()
		f.Outcome = o
		return nil, f
	}
	var (
		state tls.ConnectionState
		first = &firstBytes{Conn: c}
		t     = tls.Client(first, p.config(host, &state))
	)
	a := p.attempt(ctx, or(p.TLSTimeout, DefaultTLSTimeout))
	defer a.cancel()
	err := t.HandshakeContext(a.ctx)
	f.Outcome = a.outcome(err)
	first.stop = true
	if err != nil {
		c.Close()
		describe(&f, err, first.head)
	} else {
		state = t.ConnectionState()
		f.Version, f.ALPN = tls.VersionName(state.Version), classify.Clean(state.NegotiatedProtocol, 32)
		if state.CurveID != 0 {
			f.Group = state.CurveID.String()
		}
	}
	p.verify(&f, state.PeerCertificates, host)
	if err != nil {
		return nil, f
	}
	return t, f
}

// config fills state as soon as the peer has shown its certificate, so that the
// chain is known even when the handshake fails after it (a server that asks for
// a client certificate, for one).
func (p *Prober) config(host string, state *tls.ConnectionState) *tls.Config {
	protocols := p.Protocols
	if protocols == nil {
		protocols = []string{"http/1.1"}
	}
	return &tls.Config{
		ServerName:             strings.TrimSuffix(host, "."),
		InsecureSkipVerify:     true, // verified afterwards, name and chain apart
		MinVersion:             tls.VersionTLS12,
		NextProtos:             protocols,
		SessionTicketsDisabled: true,
		VerifyConnection: func(s tls.ConnectionState) error {
			*state = s
			return nil
		},
	}
}

// describe adds what only TLS knows about a failure.
func describe(f *fact.Handshake, err error, head []byte) {
	f.Alert, _ = classify.Alert(err)
	switch f.Class {
	case fact.NotTLS:
		if i := bytes.IndexAny(head, "\r\n"); i > 0 {
			head = head[:i] // the first line says enough
		}
		f.FirstText = classify.Clean(string(head), maxFirst)
	case fact.OtherFailure:
		f.Class = fact.TLSProtocol // crypto/tls has no type for these
	}
}

// verify records the chain and judges it, at our own clock's time.
func (p *Prober) verify(f *fact.Handshake, chain []*x509.Certificate, host string) {
	if len(chain) == 0 {
		return
	}
	chain = chain[:min(len(chain), maxChain)]
	for _, c := range chain {
		f.Chain = append(f.Chain, reduce(c))
	}
	if p.Trust == nil {
		return
	}
	at := p.now()
	f.Name = p.Trust.Name(chain[0], strings.TrimSuffix(host, "."))
	f.System = p.Trust.System(chain, at)
	f.Reference = p.Trust.Reference(chain, at)
}

// reduce keeps of a certificate what a reader needs, bounded and printable.
func reduce(c *x509.Certificate) fact.Cert {
	sum := sha256.Sum256(c.Raw)
	r := fact.Cert{
		Subject:    classify.Clean(c.Subject.String(), maxDN),
		Issuer:     classify.Clean(c.Issuer.String(), maxDN),
		NotBefore:  c.NotBefore.UTC(),
		NotAfter:   c.NotAfter.UTC(),
		SHA256:     hex.EncodeToString(sum[:]),
		SelfSigned: bytes.Equal(c.RawSubject, c.RawIssuer) && c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil,
	}
	for _, n := range c.DNSNames[:min(len(c.DNSNames), maxNames)] {
		r.Names = append(r.Names, classify.Clean(n, maxName))
	}
	r.MoreNames = len(c.DNSNames) - len(r.Names)
	return r
}

// firstBytes remembers the beginning of what the peer sends, because crypto/tls
// reads ahead and keeps only five bytes of an answer that is not TLS.
type firstBytes struct {
	net.Conn
	head []byte
	stop bool // set by the reading goroutine's owner once the handshake is over
}

func (f *firstBytes) Read(b []byte) (int, error) {
	n, err := f.Conn.Read(b)
	if room := maxFirst - len(f.head); !f.stop && n > 0 && room > 0 {
		f.head = append(f.head, b[:min(n, room)]...)
	}
	return n, err
}
