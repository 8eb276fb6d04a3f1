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
	"time"

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
// The ClientHello is Go's own: TLS 1.2 and later like the SSM Agent's, with a
// post-quantum key share first, SNI host (none for an IP address), no session
// resumption, so that every handshake shows a full chain. For a tunnel addr is
// the proxy's and the caller sets the fact's Proxy.
func (p *Prober) TLS(ctx context.Context, c net.Conn, addr netip.AddrPort, host string) (*tls.Conn, fact.Handshake) {
	f := fact.Handshake{Addr: addr, Host: host}
	t := p.handshake(ctx, c, &f, p.config(host), or(p.TLSTimeout, DefaultTLSTimeout))
	return t, f
}

// handshake makes one handshake on c and fills f, whose certificate is verified
// against f.SNI, or f.Host when that is empty.
func (p *Prober) handshake(ctx context.Context, c net.Conn, f *fact.Handshake, config *tls.Config, limit time.Duration) *tls.Conn {
	if err := ctx.Err(); err != nil {
		c.Close()
		f.Outcome = classify.NotBegun(err)
		return nil
	}
	// The chain is kept as soon as the peer has shown it, so that it is known even
	// when the handshake fails later (a server that asks for a client certificate).
	var state tls.ConnectionState
	config.VerifyConnection = func(s tls.ConnectionState) error {
		state = s
		return nil
	}
	w := &watched{Conn: c}
	t := tls.Client(w, config)
	a := p.attempt(ctx, limit)
	defer a.cancel()
	err := t.HandshakeContext(a.ctx)
	f.Outcome = a.outcome(err)
	if err != nil {
		_ = w.Close() // what matters is its last look, and the failed handshake is told
		describe(f, err, w)
	} else {
		w.done = true
		state = t.ConnectionState()
		f.Version, f.ALPN = tls.VersionName(state.Version), classify.Clean(state.NegotiatedProtocol, 32)
		if state.CurveID != 0 {
			f.Group = state.CurveID.String()
		}
	}
	p.verify(f, state.PeerCertificates)
	if err != nil {
		return nil
	}
	return t
}

// config is the base ClientHello.
func (p *Prober) config(host string) *tls.Config {
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
	}
}

// describe adds what only TLS knows about a failure.
func describe(f *fact.Handshake, err error, w *watched) {
	f.Alert, _ = classify.Alert(err)
	switch f.Class {
	case fact.Timeout, fact.Reset, fact.EOF:
		f.TCP = w.last
	case fact.NotTLS:
		head := w.head
		if i := bytes.IndexAny(head, "\r\n"); i > 0 {
			head = head[:i] // the first line says enough
		}
		f.FirstText = classify.Clean(string(head), maxFirst)
	case fact.OtherFailure:
		f.Class = fact.TLSProtocol // crypto/tls has no type for these
	}
}

// verify records the chain and judges it, at our own clock's time.
func (p *Prober) verify(f *fact.Handshake, chain []*x509.Certificate) {
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
	name := f.Host
	if f.SNI != "" {
		name = f.SNI
	}
	at := p.now()
	f.Name = p.Trust.Name(chain[0], strings.TrimSuffix(name, "."))
	f.System = p.Trust.System(chain, at)
	f.Reference = p.Trust.Reference(chain, at)
}

// VerifyAt verifies a chain again at the time that its server gave (the Date of
// an HTTP answer on the same connection, which was read without trusting it),
// and fills Then, SystemThen and ReferenceThen. A chain that is valid then and
// not now is a matter of clocks. Without a time or a chain nothing changes.
//
// The raw chain is in conn.ConnectionState().PeerCertificates of the connection
// that TLS returned; a fact keeps only a digest of it.
func (p *Prober) VerifyAt(f *fact.Handshake, chain []*x509.Certificate, at time.Time) {
	if p.Trust == nil || len(chain) == 0 || at.IsZero() {
		return
	}
	chain = chain[:min(len(chain), maxChain)]
	f.Then = at.UTC()
	f.SystemThen = p.Trust.System(chain, at)
	f.ReferenceThen = p.Trust.Reference(chain, at)
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
