package trust

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"vpcdoctor/probe/classify"
	"vpcdoctor/probe/fact"
)

// maxDetail bounds the words of a verification.
const maxDetail = 240

// cacheKey is one verification: which set, which chain, which minute. The whole
// chain counts, not the leaf alone, because a server that leaves out an
// intermediate fails with a leaf that passes elsewhere.
type cacheKey struct {
	reference bool
	chain     [sha256.Size]byte
	minute    int64
}

type cached struct {
	once sync.Once
	v    fact.Verified
}

// System verifies a chain (leaf first) against the roots that Go programs on
// this host trust, at the given time, whatever host it is for. NotRun when the
// system's roots are not known; a nil Store
// verifies nothing.
func (s *Store) System(chain []*x509.Certificate, at time.Time) fact.Verified {
	if s == nil {
		return fact.Verified{}
	}
	if s.systemErr != nil {
		return fact.Verified{Status: fact.NotRun, Detail: classify.Clean(s.systemErr.Error(), maxDetail)}
	}
	return s.verify(s.system, chain, at, false)
}

// Reference verifies a chain against the reference roots, as System does.
func (s *Store) Reference(chain []*x509.Certificate, at time.Time) fact.Verified {
	if s == nil {
		return fact.Verified{}
	}
	return s.verify(s.reference, chain, at, true)
}

// Name checks a leaf certificate against the host that was asked for, and
// nothing else about it. Go checks the name before the chain and would report
// only the name of an unknown interceptor, so the two are never done together.
func Name(leaf *x509.Certificate, host string) fact.Verified {
	if leaf == nil {
		return fact.Verified{}
	}
	err := leaf.VerifyHostname(host)
	if err == nil {
		return fact.Verified{Status: fact.OK}
	}
	const show = 3
	names := leaf.DNSNames
	for _, ip := range leaf.IPAddresses {
		names = append(names[:len(names):len(names)], ip.String())
	}
	text := "certificate names no host"
	if len(names) > 0 {
		text = "certificate is for " + strings.Join(names[:min(len(names), show)], ", ")
	}
	if len(names) > show {
		text += fmt.Sprintf(" and %d more", len(names)-show)
	}
	return fact.Verified{Status: fact.Failed, Class: fact.CertName, Detail: classify.Clean(text, maxDetail)}
}

// Name is the function of that name, so that a Store is all a prober needs.
func (s *Store) Name(leaf *x509.Certificate, host string) fact.Verified { return Name(leaf, host) }

// verify remembers results: with 32 connections in flight most handshakes of a
// run show one of a few chains, and a verification costs more than the rest of
// the handshake's bookkeeping.
func (s *Store) verify(roots *set, chain []*x509.Certificate, at time.Time, reference bool) fact.Verified {
	if len(chain) == 0 {
		return fact.Verified{}
	}
	key := cacheKey{reference: reference, chain: sum(chain), minute: at.Unix() / 60}
	s.mu.Lock()
	c := s.cache[key]
	if c == nil {
		c = &cached{}
		s.cache[key] = c
	}
	s.mu.Unlock()
	c.once.Do(func() { c.v = judge(roots, chain, at) })
	return c.v
}

func sum(chain []*x509.Certificate) (out [sha256.Size]byte) {
	h := sha256.New()
	for _, c := range chain {
		h.Write(c.Raw)
	}
	h.Sum(out[:0])
	return out
}

// judge verifies once, and when that fails once more at a time at which the
// whole chain claims to be valid: if that passes, time is the only fault. Go
// reports an expired leaf before it looks for a root, and an expired
// intermediate as an unknown authority, so one verification cannot tell.
func judge(roots *set, chain []*x509.Certificate, at time.Time) fact.Verified {
	pool := roots.issuersOf(chain)
	root, err := chainTo(pool, chain, at)
	if err == nil {
		return fact.Verified{Status: fact.OK, Root: root}
	}
	inside, again := chainTo(pool, chain, within(chain))
	if again == nil {
		return fact.Verified{Status: fact.Failed, Class: fact.CertTime, Detail: period(chain, at), Root: inside}
	}
	class, _ := classify.Error(again)
	if class == fact.CertTime || class == fact.OtherFailure {
		class = fact.CertOther // no time at all suits this chain
	}
	return fact.Verified{Status: fact.Failed, Class: class, Detail: classify.Clean(again.Error(), maxDetail)}
}

// chainTo builds a chain to a root of the pool and returns the root's subject.
func chainTo(pool *x509.CertPool, chain []*x509.Certificate, at time.Time) (root string, err error) {
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	chains, err := chain[0].Verify(x509.VerifyOptions{
		Roots:         pool,
		Intermediates: between,
		CurrentTime:   at,
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	switch {
	case err != nil:
		return "", err
	case len(chains) == 0 || len(chains[0]) == 0:
		return "", errors.New("no chain was built")
	}
	last := chains[0][len(chains[0])-1]
	return classify.Clean(last.Subject.String(), maxSubject), nil
}

// within is a time inside the validity of every certificate of the chain, or of
// the leaf when they have none in common.
func within(chain []*x509.Certificate) time.Time {
	from, to := chain[0].NotBefore, chain[0].NotAfter
	for _, c := range chain[1:] {
		if c.NotBefore.After(from) {
			from = c.NotBefore
		}
		if c.NotAfter.Before(to) {
			to = c.NotAfter
		}
	}
	if to.Before(from) {
		from, to = chain[0].NotBefore, chain[0].NotAfter
	}
	return from.Add(to.Sub(from) / 2)
}

// period says which certificate of the chain is outside its validity.
func period(chain []*x509.Certificate, at time.Time) string {
	const day = "2006-01-02 15:04 MST"
	for i, c := range chain {
		who := "certificate"
		if i > 0 {
			who = "intermediate"
		}
		switch {
		case at.Before(c.NotBefore):
			return who + " is valid from " + c.NotBefore.UTC().Format(day)
		case at.After(c.NotAfter):
			return who + " expired " + c.NotAfter.UTC().Format(day)
		}
	}
	return "a root is outside its validity"
}

func hexPrefix(sum [sha256.Size]byte) string { return hex.EncodeToString(sum[:8]) }
