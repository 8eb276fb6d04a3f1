package trust

import (
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"vpcdoctor/probe/classify"
)

// systemFiles and systemDirs are where Go looks on Linux (crypto/x509
// root_linux.go, Go 1.26): the first file that can be read, then every file of
// every directory. The SSM Agent is a Go program and trusts exactly these.
var (
	systemFiles = []string{
		"/etc/ssl/certs/ca-certificates.crt",                // Debian, Ubuntu
		"/etc/pki/tls/certs/ca-bundle.crt",                  // Amazon Linux, Fedora, RHEL
		"/etc/ssl/ca-bundle.pem",                            // SUSE
		"/etc/pki/tls/cacert.pem",                           // OpenELEC
		"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // RHEL 7 and later
		"/etc/ssl/cert.pem",                                 // Alpine
	}
	systemDirs = []string{"/etc/ssl/certs", "/etc/pki/tls/certs"}
	// adminDirs are where an administrator puts own roots before
	// update-ca-certificates or update-ca-trust merges them.
	adminDirs = []string{
		"/usr/local/share/ca-certificates",
		"/etc/pki/ca-trust/source/anchors",
		"/etc/pki/trust/anchors",
	}
)

// maxDirFiles bounds one directory; Debian's has about 430 entries.
const maxDirFiles = 2000

// system is what was read of the system's store.
type system struct {
	roots *set
	from  []string // files and directories that held certificates
	err   error    // why the store is not known; an absent store is known: it is empty
}

func readSystem(o Options) system {
	s := system{roots: newSet()}
	if !systemKnown {
		s.err = errors.New("this operating system does not keep its roots in files")
		return s
	}
	files, dirs := systemFiles, systemDirs
	if f := o.Getenv("SSL_CERT_FILE"); f != "" {
		files = []string{f}
	}
	if d := o.Getenv("SSL_CERT_DIR"); d != "" {
		dirs = strings.Split(d, ":")
	}
	var first error
	note := func(err error) {
		if first == nil && !errors.Is(err, fs.ErrNotExist) {
			first = err
		}
	}
	bundle := ""
	for _, f := range files {
		text, err := o.ReadFile(f)
		if err != nil {
			note(err)
			continue
		}
		bundle = f
		if s.roots.addPEM(text) > 0 {
			s.from = append(s.from, f)
		}
		break
	}
	for _, d := range dirs {
		n, err := addDir(o, s.roots, d, bundle)
		note(err)
		if n > 0 {
			s.from = append(s.from, d)
		}
	}
	if s.roots.len() == 0 {
		s.err = first
	}
	return s
}

// addDir adds the certificates of a directory, without the bundle that was read
// already and without symbolic links inside the directory, as Go does: they are
// OpenSSL's hash names for the same files.
func addDir(o Options, s *set, dir, bundle string) (n int, err error) {
	entries, err := o.ReadDir(dir)
	if err != nil {
		return 0, err
	}
	for _, e := range entries[:min(len(entries), maxDirFiles)] {
		path := filepath.Join(dir, e.Name())
		if path == bundle || e.IsDir() || linkWithin(e, path) {
			continue
		}
		if text, err := o.ReadFile(path); err == nil {
			n += s.addPEM(text)
		}
	}
	return n, nil
}

func linkWithin(e fs.DirEntry, path string) bool {
	if e.Type()&fs.ModeSymlink == 0 {
		return false
	}
	target, err := os.Readlink(path)
	return err == nil && !strings.Contains(target, "/")
}

// localDirs are the certificates in the administrator's own directories.
func localDirs(o Options) *set {
	s := newSet()
	if systemKnown {
		for _, d := range adminDirs {
			// A directory that is absent or closed to us only costs the order of a list.
			_, _ = addDir(o, s, d, "")
		}
	}
	return s
}

// maxLocal is how many locally added roots are named.
const maxLocal = 16

// locallyAdded names the roots of the system that the reference set does not
// have. Those in an administrator's directory come first: the rest may be roots
// that an older distribution still ships and the reference program has dropped.
func locallyAdded(system, reference, admin *set) []string {
	var sure, rest []string
	for _, r := range system.order {
		if reference.sums[r.sum] {
			continue
		}
		if admin.sums[r.sum] {
			sure = append(sure, subjectText(r.der))
		} else if len(rest) < maxLocal {
			rest = append(rest, subjectText(r.der))
		}
		if len(sure) == maxLocal {
			break
		}
	}
	slices.Sort(sure)
	slices.Sort(rest)
	all := append(sure, rest...)
	return all[:min(len(all), maxLocal)]
}

// maxSubject bounds a subject: X.520 allows 64 characters per attribute, and
// four attributes tell who it is.
const maxSubject = 200

func subjectText(der []byte) string {
	c, err := x509.ParseCertificate(der)
	if err != nil {
		sum := sha256.Sum256(der)
		return classify.Clean("unreadable certificate "+hexPrefix(sum), maxSubject)
	}
	return classify.Clean(c.Subject.String(), maxSubject)
}
