package trust

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/x509roots/fallback/bundle"

	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/probetest"
)

// onlyThese makes a system store of the given PEM texts and nothing else.
func onlyThese(t *testing.T, texts ...[]byte) func(string) string {
	t.Helper()
	if !systemKnown {
		t.Skip("this system does not keep its roots in files")
	}
	file := filepath.Join(t.TempDir(), "bundle.pem")
	if err := os.WriteFile(file, bytes.Join(texts, nil), 0o600); err != nil {
		t.Fatal(err)
	}
	return func(name string) string {
		switch name {
		case "SSL_CERT_FILE":
			return file
		case "SSL_CERT_DIR":
			return filepath.Join(filepath.Dir(file), "none")
		}
		return ""
	}
}

func write(t *testing.T, text []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "extra.pem")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func chainOf(t *testing.T, c tls.Certificate) (chain []*x509.Certificate) {
	t.Helper()
	for _, der := range c.Certificate {
		p, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		chain = append(chain, p)
	}
	return chain
}

func pemOf(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func load(t *testing.T, o Options) (*Store, fact.Trust) {
	t.Helper()
	s, f, err := Load(o)
	if err != nil {
		t.Fatal(err)
	}
	return s, f
}

// Fingerprints as published: Starfield in the CCADB and in Debian's package,
// the EU root in the CCADB inclusion case 00002242.
func TestEmbedded(t *testing.T) {
	ref := embedded()
	for name, want := range map[string]string{
		"Starfield Class 2":           "1465fa205397b876faa6f0a9958e5590e40fcc7faa4fb7c2c8677521fb5fb658",
		"Amazon ECDSA 256 Root EU M1": "9ead32c9285fe68ba2c5b0fe427d149b103fdfa1d0958d77c3da0ff246e853d3",
	} {
		sum, err := hex.DecodeString(want)
		if err != nil || !ref.sums[[32]byte(sum)] {
			t.Errorf("%s is not in the reference set", name)
		}
	}
	for _, a := range amazonRoots {
		if len(a.sha256) != 64 {
			t.Errorf("%s: fingerprint of %d digits", a.name, len(a.sha256))
		}
	}
	if missing := missingAmazon(ref); missing != nil {
		t.Errorf("the reference set lacks %q", missing)
	}
	for _, r := range ref.order {
		if _, err := x509.ParseCertificate(r.der); err != nil {
			t.Errorf("reference root %s: %v", hex.EncodeToString(r.sum[:]), err)
		}
	}
}

func TestBundleConstraintsAreKept(t *testing.T) {
	want := map[[32]byte]bool{}
	for r := range bundle.Roots() {
		want[sha256.Sum256(r.Certificate)] = r.Constraint != nil
	}
	for _, r := range embedded().order {
		if has, ok := want[r.sum]; ok && has != (r.constraint != nil) {
			t.Errorf("%s: constraint lost", subjectText(r.der))
		}
	}
}

func TestVerdictsOfTheTwoSets(t *testing.T) {
	aws, corp := probetest.NewCA("Stand-in AWS Root"), probetest.NewCA("Corp Inspection CA")
	issuing := aws.Intermediate("Stand-in AWS Issuing 1")
	now := time.Now()
	leaf := func(ca *probetest.CA, o probetest.LeafOptions) tls.Certificate {
		o.Names = []string{"ssm.us-east-1.amazonaws.com"}
		return ca.Leaf(o)
	}
	for _, c := range []struct {
		name              string
		system            [][]byte // PEM of the system store
		cert              tls.Certificate
		sysWant, refWant  fact.Class // ClassNone: OK
		sysRoot, refRoot  string
		sysDetailContains string
	}{
		{name: "healthy", system: [][]byte{aws.PEM()}, cert: leaf(issuing, probetest.LeafOptions{}),
			sysRoot: "CN=Stand-in AWS Root", refRoot: "CN=Stand-in AWS Root"},
		{name: "intercepted by an unknown CA", system: [][]byte{aws.PEM()}, cert: leaf(corp, probetest.LeafOptions{}),
			sysWant: fact.CertUntrusted, refWant: fact.CertUntrusted},
		{name: "intercepted by a locally trusted CA", system: [][]byte{aws.PEM(), corp.PEM()}, cert: leaf(corp, probetest.LeafOptions{}),
			refWant: fact.CertUntrusted, sysRoot: "CN=Corp Inspection CA"},
		{name: "store without the Amazon roots", system: [][]byte{corp.PEM()}, cert: leaf(issuing, probetest.LeafOptions{}),
			sysWant: fact.CertUntrusted, refRoot: "CN=Stand-in AWS Root"},
		{name: "intermediate not sent", system: [][]byte{aws.PEM()}, cert: leaf(issuing, probetest.LeafOptions{Bare: true}),
			sysWant: fact.CertUntrusted, refWant: fact.CertUntrusted},
		{name: "self-signed", system: [][]byte{aws.PEM()}, cert: leaf(aws, probetest.LeafOptions{SelfSigned: true}),
			sysWant: fact.CertUntrusted, refWant: fact.CertUntrusted},
		{name: "expired and nothing else", system: [][]byte{aws.PEM()},
			cert:    leaf(issuing, probetest.LeafOptions{NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(0, 0, -1)}),
			sysWant: fact.CertTime, refWant: fact.CertTime, sysRoot: "CN=Stand-in AWS Root", refRoot: "CN=Stand-in AWS Root",
			sysDetailContains: "certificate expired"},
		{name: "not yet valid", system: [][]byte{aws.PEM()},
			cert:    leaf(issuing, probetest.LeafOptions{NotBefore: now.AddDate(0, 0, 2), NotAfter: now.AddDate(1, 0, 0)}),
			sysWant: fact.CertTime, refWant: fact.CertTime, sysRoot: "CN=Stand-in AWS Root", refRoot: "CN=Stand-in AWS Root",
			sysDetailContains: "valid from"},
		{name: "issued for clients", system: [][]byte{aws.PEM()}, cert: leaf(issuing, probetest.LeafOptions{ClientOnly: true}),
			sysWant: fact.CertOther, refWant: fact.CertOther},
		{name: "expired and of an unknown CA", system: [][]byte{aws.PEM()},
			cert:    leaf(corp, probetest.LeafOptions{NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(0, 0, -1)}),
			sysWant: fact.CertUntrusted, refWant: fact.CertUntrusted},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, f := load(t, Options{Getenv: onlyThese(t, c.system...), Reference: []string{write(t, aws.PEM())}})
			if f.SystemRoots != len(c.system) {
				t.Errorf("%d system roots, want %d", f.SystemRoots, len(c.system))
			}
			chain := chainOf(t, c.cert)
			check(t, "system", s.System(chain, now), c.sysWant, c.sysRoot)
			check(t, "reference", s.Reference(chain, now), c.refWant, c.refRoot)
			if d := s.System(chain, now).Detail; !strings.Contains(d, c.sysDetailContains) {
				t.Errorf("detail %q", d)
			}
		})
	}
}

func check(t *testing.T, set string, v fact.Verified, class fact.Class, root string) {
	t.Helper()
	status := fact.OK
	if class != fact.ClassNone {
		status = fact.Failed
	}
	if v.Status != status || v.Class != class || v.Root != root {
		t.Errorf("%s: %+v; want %s %q, root %q", set, v, status, class, root)
	}
}

func TestLoadFacts(t *testing.T) {
	corp := probetest.NewCASubject(pkix.Name{CommonName: "Corp \x1b[31mCA", Organization: []string{"Example"}})
	amazon := []byte{}
	for _, a := range amazonRoots[1:] { // all but Amazon Root CA 1
		for _, r := range embedded().order {
			if hex.EncodeToString(r.sum[:]) == a.sha256 {
				amazon = append(amazon, pemOf(r.der)...)
			}
		}
	}
	_, f := load(t, Options{Getenv: onlyThese(t, amazon, corp.PEM(), corp.PEM(), []byte("junk"))})
	if want := []string{"Amazon Root CA 1"}; !slices.Equal(f.MissingAmazon, want) {
		t.Errorf("missing %q, want %q", f.MissingAmazon, want)
	}
	if want := []string{"CN=Corp ?[31mCA,O=Example"}; !slices.Equal(f.LocallyAdded, want) {
		t.Errorf("locally added %q, want %q", f.LocallyAdded, want)
	}
	if f.SystemRoots != 5 || len(f.SystemFrom) != 1 || f.ReferenceRoots < 100 || f.Error != "" {
		t.Errorf("%+v", f)
	}
}

func TestAdministratorsRootsComeFirst(t *testing.T) {
	var all [][]byte
	for i := range 20 {
		all = append(all, probetest.NewCA("A dropped public root "+string(rune('a'+i))).PEM())
	}
	corp := probetest.NewCA("Z corp")
	all = append(all, corp.PEM())
	env := onlyThese(t, all...)
	s, _ := load(t, Options{Getenv: env})
	admin := newSet()
	admin.addPEM(corp.PEM())
	got := locallyAdded(s.system, s.reference, admin)
	if len(got) != maxLocal || got[0] != "CN=Z corp" {
		t.Errorf("%d names, first %q", len(got), got[0])
	}
}

func TestCABundleCountsAsSystem(t *testing.T) {
	ca := probetest.NewCA("Own CA")
	chain := chainOf(t, ca.Leaf(probetest.LeafOptions{Names: []string{"a.example"}}))
	path := write(t, ca.PEM())
	s, f := load(t, Options{Getenv: onlyThese(t), CABundle: path})
	check(t, "system", s.System(chain, time.Now()), fact.ClassNone, "CN=Own CA")
	check(t, "reference", s.Reference(chain, time.Now()), fact.CertUntrusted, "")
	if !slices.Contains(f.SystemFrom, path) {
		t.Errorf("from %q", f.SystemFrom)
	}
}

func TestLoadErrors(t *testing.T) {
	absent := filepath.Join(t.TempDir(), "none.pem")
	for name, o := range map[string]Options{
		"bundle absent":              {CABundle: absent},
		"bundle without certificate": {CABundle: write(t, []byte("hello"))},
		"reference absent":           {Reference: []string{absent}},
		"reference is damaged":       {Reference: []string{write(t, pemOf([]byte{0x30, 0x03, 1, 2, 3}))}},
	} {
		if s, _, err := Load(o); err == nil || s != nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestSystemStoreUnreadableIsAFact(t *testing.T) {
	if !systemKnown {
		t.Skip("no files to be unreadable")
	}
	denied := func(p string) ([]byte, error) {
		return nil, &fs.PathError{Op: "open", Path: p, Err: fs.ErrPermission}
	}
	s, f := load(t, Options{ReadFile: denied, ReadDir: func(string) ([]fs.DirEntry, error) { return nil, fs.ErrNotExist }})
	chain := chainOf(t, probetest.NewCA("x").Leaf(probetest.LeafOptions{Names: []string{"a"}}))
	if v := s.System(chain, time.Now()); v.Status != fact.NotRun || f.Error == "" {
		t.Errorf("%+v, %q", v, f.Error)
	}
	// An absent store is known to be empty: that is what programs here trust.
	s, f = load(t, Options{ReadFile: func(string) ([]byte, error) { return nil, fs.ErrNotExist },
		ReadDir: func(string) ([]fs.DirEntry, error) { return nil, fs.ErrNotExist }})
	if v := s.System(chain, time.Now()); v.Class != fact.CertUntrusted || f.Error != "" || len(f.MissingAmazon) != len(amazonRoots) {
		t.Errorf("%+v, %+v", v, f)
	}
}

func TestName(t *testing.T) {
	leaf := probetest.NewCA("x").Leaf(probetest.LeafOptions{
		Names: []string{"*.us-east-1.amazonaws.com", "b.example", "c.example", "d.example", "10.0.0.1"}}).Leaf
	for host, want := range map[string]fact.Status{
		"ssm.us-east-1.amazonaws.com": fact.OK,
		"SSM.us-east-1.amazonaws.com": fact.OK,
		"10.0.0.1":                    fact.OK,
		"ssm.eu-west-1.amazonaws.com": fact.Failed,
		"a.b.us-east-1.amazonaws.com": fact.Failed,
		"10.0.0.2":                    fact.Failed,
		"":                            fact.Failed,
	} {
		v := Name(leaf, host)
		if v.Status != want || (want == fact.Failed && (v.Class != fact.CertName || !strings.Contains(v.Detail, "and 2 more"))) {
			t.Errorf("%q: %+v, want %s", host, v, want)
		}
	}
	if v := Name(nil, "a"); v.Status != "" {
		t.Errorf("no leaf: %+v", v)
	}
}

func TestNilAndEmpty(t *testing.T) {
	var none *Store
	if v := none.System(nil, time.Now()); v.Status != "" {
		t.Errorf("%+v", v)
	}
	s, _ := load(t, Options{Getenv: onlyThese(t)})
	if v := s.Reference(nil, time.Now()); v.Status != "" {
		t.Errorf("%+v", v)
	}
}

// One verification per chain, set and minute, however many handshakes show it.
func TestVerifyIsCached(t *testing.T) {
	ca := probetest.NewCA("r")
	s, _ := load(t, Options{Getenv: onlyThese(t, ca.PEM())})
	leaf := ca.Leaf(probetest.LeafOptions{Names: []string{"a"}})
	at := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	for i := range 500 {
		s.System(chainOf(t, leaf), at.Add(time.Duration(i)*time.Millisecond))
	}
	if len(s.cache) != 1 {
		t.Errorf("%d entries for one chain", len(s.cache))
	}
	s.Reference(chainOf(t, leaf), at)
	s.System(chainOf(t, leaf), at.AddDate(2, 0, 0))
	if len(s.cache) != 3 {
		t.Errorf("%d entries, want one per set and time", len(s.cache))
	}
}

// What this system's own store gives is what Go makes of it.
func TestSystemMatchesGo(t *testing.T) {
	if !systemKnown {
		t.Skip("no files")
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		t.Skipf("Go cannot read this system's store: %v", err)
	}
	s, f := load(t, Options{})
	if f.SystemRoots == 0 {
		t.Skip("this system has no roots")
	}
	mine := x509.NewCertPool()
	for _, r := range s.system.order {
		if c, err := x509.ParseCertificate(r.der); err == nil {
			mine.AddCert(c)
		}
	}
	if !mine.Equal(pool) {
		t.Errorf("read %d roots, another set than Go's", f.SystemRoots)
	}
}

func FuzzSubjectOf(f *testing.F) {
	for _, r := range embedded().order[:8] {
		f.Add(r.der)
	}
	f.Add([]byte{0x30, 0x84, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, der []byte) {
		subject, ok := subjectOf(der)
		c, err := x509.ParseCertificate(der)
		if err == nil && (!ok || !bytes.Equal(subject, c.RawSubject)) {
			t.Errorf("subject %x (%v), Go reads %x", subject, ok, c.RawSubject)
		}
	})
}

func FuzzPEM(f *testing.F) {
	f.Add(starfieldClass2)
	f.Add([]byte("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		s := newSet()
		if n := s.addPEM(text); n < s.len() {
			t.Errorf("%d certificates of %d", s.len(), n)
		}
		locallyAdded(s, newSet(), newSet())
	})
}

func BenchmarkLoad(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := Load(Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkParseAll is what Load would cost if it parsed every root.
func BenchmarkParseAll(b *testing.B) {
	s := embedded()
	b.ReportAllocs()
	for b.Loop() {
		for _, r := range s.order {
			if _, err := x509.ParseCertificate(r.der); err != nil {
				b.Fatal(err)
			}
		}
	}
	runtime.KeepAlive(s)
}
