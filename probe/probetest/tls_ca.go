package probetest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/netip"
	"sync/atomic"
	"time"
)

// CA is a certificate authority of a test or of the lab: a root, or an
// intermediate under one. Keys are ECDSA P-256, which takes microseconds.
type CA struct {
	Cert   *x509.Certificate
	key    *ecdsa.PrivateKey
	parent *CA
}

// LeafOptions describes a server certificate. The zero value of every field but
// Names is what an honest server has.
type LeafOptions struct {
	Names      []string  // DNS names and IP addresses; the first is the common name too
	NotBefore  time.Time // zero: yesterday
	NotAfter   time.Time // zero: in a year
	Subject    pkix.Name // zero: the first name as common name. May hold hostile text
	SelfSigned bool      // signed by its own key, no CA in the chain
	Bare       bool      // the server sends the leaf without its intermediates
	ClientOnly bool      // the certificate is not meant for servers
}

// certSerial numbers certificates, because a CA must not issue a serial twice.
var certSerial atomic.Int64

// NewCA makes a root whose subject is CN=name. It was valid 10 years ago and
// will be in 10 years, so that leaves of any period fit below it.
func NewCA(name string) *CA { return newCA(pkix.Name{CommonName: name}, nil) }

// NewCASubject makes a root with any subject, for stand-ins of real roots.
func NewCASubject(subject pkix.Name) *CA { return newCA(subject, nil) }

// Intermediate makes a CA below c. Its leaves carry it in their chain.
func (c *CA) Intermediate(name string) *CA { return newCA(pkix.Name{CommonName: name}, c) }

func newCA(subject pkix.Name, parent *CA) *CA {
	key := newKey()
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(certSerial.Add(1)),
		Subject:               subject,
		NotBefore:             now.AddDate(-10, 0, 0),
		NotAfter:              now.AddDate(10, 0, 0),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	issuer, issuerKey := template, key
	if parent != nil {
		issuer, issuerKey = parent.Cert, parent.key
	}
	return &CA{Cert: sign(template, issuer, &key.PublicKey, issuerKey), key: key, parent: parent}
}

// PEM is the CA's own certificate.
func (c *CA) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Cert.Raw})
}

// Leaf issues a server certificate with its chain, without the root.
func (c *CA) Leaf(o LeafOptions) tls.Certificate {
	key := newKey()
	template := leafTemplate(o)
	issuer, issuerKey := c.Cert, c.key
	if o.SelfSigned {
		issuer, issuerKey = template, key
	}
	leaf := sign(template, issuer, &key.PublicKey, issuerKey)
	cert := tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}
	for ca := c; ca.parent != nil && !o.Bare && !o.SelfSigned; ca = ca.parent {
		cert.Certificate = append(cert.Certificate, ca.Cert.Raw)
	}
	return cert
}

func leafTemplate(o LeafOptions) *x509.Certificate {
	now := time.Now()
	if o.NotBefore.IsZero() {
		o.NotBefore = now.AddDate(0, 0, -1)
	}
	if o.NotAfter.IsZero() {
		o.NotAfter = now.AddDate(1, 0, 0)
	}
	t := &x509.Certificate{
		SerialNumber: big.NewInt(certSerial.Add(1)),
		Subject:      o.Subject,
		NotBefore:    o.NotBefore,
		NotAfter:     o.NotAfter,
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if o.ClientOnly {
		t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	}
	for _, n := range o.Names {
		if a, err := netip.ParseAddr(n); err == nil {
			t.IPAddresses = append(t.IPAddresses, a.AsSlice())
		} else {
			t.DNSNames = append(t.DNSNames, n)
		}
	}
	if t.Subject.String() == "" && len(o.Names) > 0 {
		t.Subject.CommonName = o.Names[0]
	}
	return t
}

func newKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(fmt.Sprintf("probetest: making a key: %v", err)) // no random numbers: nothing can be tested
	}
	return key
}

func sign(template, issuer *x509.Certificate, public *ecdsa.PublicKey, key *ecdsa.PrivateKey) *x509.Certificate {
	der, err := x509.CreateCertificate(rand.Reader, template, issuer, public, key)
	if err != nil {
		panic(fmt.Sprintf("probetest: signing %q: %v", template.Subject, err))
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		panic(fmt.Sprintf("probetest: parsing %q: %v", template.Subject, err))
	}
	return cert
}
