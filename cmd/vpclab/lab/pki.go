//go:build linux

package lab

import (
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"vpcdoctor/cmd/vpclab/world"
	"vpcdoctor/probe/probetest"
)

// pki holds the lab's certificate authorities and the certificates they have
// issued so far.
type pki struct {
	w         *world.World
	aws       *probetest.CA // stands for the Amazon roots
	issuing   *probetest.CA // its intermediate, as AWS has one
	corporate *probetest.CA // of intercepting firewalls and the company's own servers
	unknown   *probetest.CA // nobody's

	mu     sync.Mutex
	issued map[string]*tls.Certificate
}

func newPKI(w *world.World) *pki {
	root := probetest.NewCA("vpclab stand-in for Amazon Root CA 1")
	return &pki{
		w: w, issued: map[string]*tls.Certificate{},
		aws:       root,
		issuing:   root.Intermediate("vpclab stand-in for Amazon RSA 2048 M01"),
		corporate: probetest.NewCA("Example Corp Inspection CA"),
		unknown:   probetest.NewCA("Unknown Appliance CA"),
	}
}

// certificate is what a service presents to a client that asked for a name.
func (p *pki) certificate(s world.Service, sni string) *tls.Certificate {
	names := s.Behavior.CertNames
	switch {
	case len(names) > 0:
	case s.Intercept && sni != "":
		names = []string{sni} // a firewall makes one for whatever was asked
	case sni != "" && world.MatchName(s.Hosts, sni):
		names = []string{sni}
	default:
		names = []string{s.Name}
	}
	ca, label := p.issuing, "aws"
	switch {
	case s.Intercept, s.Behavior.NotAWS && !s.Behavior.PublicCA:
		ca, label = p.corporate, "corporate"
	case s.Behavior.OtherCA:
		ca, label = p.unknown, "unknown"
	}
	// The world's clock may differ from ours: certificates follow the world's.
	now := time.Now().Add(p.w.Clock)
	o := probetest.LeafOptions{Names: names, NotBefore: now.AddDate(0, -3, 0), NotAfter: now.AddDate(0, 10, 0)}
	switch {
	case s.Behavior.CertExpired:
		o.NotAfter = now.AddDate(0, 0, -3)
	case s.Behavior.CertFuture:
		o.NotBefore = now.AddDate(0, 0, 3)
	}
	key := fmt.Sprint(label, s.Behavior.CertExpired, s.Behavior.CertFuture, strings.Join(slices.Sorted(slices.Values(names)), ","))
	return p.issue(key, ca, o)
}

// corporateLeaf is a certificate of one of the company's own servers.
func (p *pki) corporateLeaf(name string) *tls.Certificate {
	return p.issue("server"+name, p.corporate, probetest.LeafOptions{Names: []string{name}})
}

func (p *pki) issue(key string, ca *probetest.CA, o probetest.LeafOptions) *tls.Certificate {
	p.mu.Lock()
	defer p.mu.Unlock()
	c, ok := p.issued[key]
	if !ok {
		leaf := ca.Leaf(o)
		c = &leaf
		p.issued[key] = c
	}
	return c
}
