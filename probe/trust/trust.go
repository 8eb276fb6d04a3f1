// Package trust holds the two sets of root certificates that a chain is judged
// against, and verifies chains against each of them.
//
// In go the system's certificate files, the embedded public web roots, and PEM
// files that the user names; out come two verifications per chain, apart from
// each other and apart from the check of the host name, so that an intercepting
// proxy, a stripped certificate store, a wrong clock and a wrong server can be
// told from one another. The system set is what Go programs on this host (the
// SSM Agent among them) trust. The reference set is what a stock installation
// would trust.
//
// The package never dials, never changes a file, and never mixes the sets: that
// a chain is valid in one and not in the other is the finding.
package trust

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"sync"
	"syscall"

	"vpcdoctor/probe/classify"
	"vpcdoctor/probe/fact"
)

// Options says where certificates come from. The zero value reads this system.
type Options struct {
	// CABundle is a PEM file whose certificates count as the system's for this
	// run (--ca-bundle, AWS_CA_BUNDLE).
	CABundle string
	// Reference are PEM files added to the reference set (reference_roots in the
	// configuration file).
	Reference []string
	// Getenv looks up SSL_CERT_FILE and SSL_CERT_DIR. Nil: os.Getenv.
	Getenv func(string) string
	// ReadFile reads a whole file. Nil: from disk, at most 8 MB.
	ReadFile func(string) ([]byte, error)
	// ReadDir lists a directory. Nil: os.ReadDir.
	ReadDir func(string) ([]fs.DirEntry, error)
}

// maxFile bounds a certificate file. The largest stock bundle is below 0.5 MB
// (RHEL 9, 2026-11); 8 MB leaves room for any local addition.
const maxFile = 8 << 20

// maxRoots bounds a set; stock stores hold about 150 roots.
const maxRoots = 4096

// Store verifies certificate chains. It is safe for use by several goroutines.
type Store struct {
	system    *set
	reference *set
	systemErr error // why the system's roots are not known; nil when they are

	mu    sync.Mutex
	cache map[cacheKey]*cached
}

// Load reads both sets and says what it read. The error is not nil only when a
// file that the user named (CABundle, Reference) cannot be used; the system's
// own store being absent or unreadable is a fact.
func Load(o Options) (*Store, fact.Trust, error) {
	o = o.withDefaults()
	s := &Store{reference: embedded(), cache: map[cacheKey]*cached{}}
	var f fact.Trust
	for _, path := range o.Reference {
		if err := s.reference.addFile(o.ReadFile, path); err != nil {
			return nil, f, fmt.Errorf("reading reference roots: %w", err)
		}
		f.Added = append(f.Added, path)
	}
	sys := readSystem(o)
	s.system, s.systemErr = sys.roots, sys.err
	if o.CABundle != "" {
		if err := s.system.addFile(o.ReadFile, o.CABundle); err != nil {
			return nil, f, fmt.Errorf("reading CA bundle: %w", err)
		}
		sys.from = append(sys.from, o.CABundle)
		s.systemErr = nil // the user told which roots count
	}
	if s.systemErr != nil {
		f.Error = classify.Clean(s.systemErr.Error(), maxDetail)
	}
	f.SystemRoots, f.SystemFrom = s.system.len(), sys.from
	f.ReferenceRoots = s.reference.len()
	f.LocallyAdded = locallyAdded(s.system, s.reference, localDirs(o))
	f.MissingAmazon = missingAmazon(s.system)
	return s, f, nil
}

func (o Options) withDefaults() Options {
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	if o.ReadFile == nil {
		o.ReadFile = readFile
	}
	if o.ReadDir == nil {
		o.ReadDir = os.ReadDir
	}
	return o
}

// readFile opens without blocking: a named pipe that nobody writes to, in the
// place of a certificate file, reads as empty. A pipe with a writer, such as a
// shell's <(...), is read to its end.
func readFile(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(b) > maxFile {
		err = &fs.PathError{Op: "read", Path: path, Err: errors.New("larger than 8 MB")}
	}
	return b, err
}

// systemKnown is whether certificate files tell what programs here trust. On
// macOS and Windows the operating system verifies through its own service.
const systemKnown = runtime.GOOS != "darwin" && runtime.GOOS != "windows"

// set is a list of root certificates, kept as DER and indexed by subject. A
// certificate is parsed only when a chain names it as issuer: a run needs two
// or three of some 260, and parsing all of them takes about 2.5 ms and 1.3 MB
// (BenchmarkParseAll), several times that on the smallest instances.
type set struct {
	bySubject map[string][]root
	sums      map[[sha256.Size]byte]bool
	order     []root // as read
}

type root struct {
	der        []byte
	sum        [sha256.Size]byte
	constraint func([]*x509.Certificate) error // of the bundle; nil: none
}

func newSet() *set {
	return &set{bySubject: map[string][]root{}, sums: map[[sha256.Size]byte]bool{}}
}

func (s *set) len() int { return len(s.order) }

// add takes one certificate and reports whether der looks like one. Doubles are
// kept once.
func (s *set) add(der []byte, constraint func([]*x509.Certificate) error) bool {
	subject, ok := subjectOf(der)
	if !ok {
		return false
	}
	r := root{der: der, sum: sha256.Sum256(der), constraint: constraint}
	if s.sums[r.sum] || len(s.order) >= maxRoots {
		return true
	}
	s.sums[r.sum] = true
	s.order = append(s.order, r)
	s.bySubject[string(subject)] = append(s.bySubject[string(subject)], r)
	return true
}

// addPEM adds every certificate of a PEM text and returns how many it saw.
func (s *set) addPEM(text []byte) (n int) {
	for len(text) > 0 {
		var b *pem.Block
		if b, text = pem.Decode(text); b == nil {
			return n
		}
		if b.Type == "CERTIFICATE" && s.add(b.Bytes, nil) {
			n++
		}
	}
	return n
}

// addFile adds a file that the user named, so a file without a certificate that
// Go can read is an error.
func (s *set) addFile(read func(string) ([]byte, error), path string) error {
	text, err := read(path)
	if err != nil {
		return err
	}
	fresh := newSet()
	if fresh.addPEM(text) == 0 {
		return fmt.Errorf("%s: no PEM certificate in it", path)
	}
	for _, r := range fresh.order {
		if _, err := x509.ParseCertificate(r.der); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		s.add(r.der, nil)
	}
	return nil
}

// issuersOf are the roots of s that a chain names as issuer, or that are in the
// chain themselves: all that a verification of this chain can ever use.
func (s *set) issuersOf(chain []*x509.Certificate) *x509.CertPool {
	pool, seen := x509.NewCertPool(), map[string]bool{}
	for _, c := range chain {
		for _, name := range []string{string(c.RawIssuer), string(c.RawSubject)} {
			if seen[name] {
				continue
			}
			seen[name] = true
			for _, r := range s.bySubject[name] {
				if parsed, err := x509.ParseCertificate(r.der); err == nil {
					pool.AddCertWithConstraint(parsed, r.constraint)
				}
			}
		}
	}
	return pool
}
