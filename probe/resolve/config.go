package resolve

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"time"

	"vpcdoctor/probe/classify"
	"vpcdoctor/probe/fact"
)

const (
	resolvConf   = "/etc/resolv.conf"
	nsswitchConf = "/etc/nsswitch.conf"
	hostsFile    = "/etc/hosts"

	// confLimit is far above any real resolv.conf or nsswitch.conf: a file
	// beyond it is not configuration.
	confLimit = 64 << 10
	// hostsLimit leaves room for ad-blocking hosts files of 20,000 lines.
	hostsLimit = 1 << 20
)

// ConfigOptions says where Config reads from. Nil functions read the real
// files, and only regular ones.
type ConfigOptions struct {
	ReadFile func(string) ([]byte, error)
	Readlink func(string) (string, error)
	ReadDir  func(string) ([]fs.DirEntry, error)
	Names    []string         // lines of the hosts file are kept for these
	Now      func() time.Time // nil: time.Now
}

// Config is the host's name resolution as its files describe it. It sends
// nothing. A missing or unreadable resolv.conf is in Conf; what libc then does
// (ask 127.0.0.1) is in Servers with Defaulted.
func Config(o ConfigOptions) fact.Resolver {
	o = o.withDefaults()
	r := fact.Resolver{ConfPath: resolvConf}
	if target, err := o.Readlink(resolvConf); err == nil {
		r.ConfTarget = classify.Clean(target, maxText)
	}
	data, outcome := o.readConf(r.ConfTarget)
	r.Conf = outcome
	c := parseResolvConf(data)
	r.Servers, r.Search = c.servers, c.search
	r.NDots, r.TimeoutSec, r.Attempts = c.ndots, c.timeoutSec, c.attempts
	r.Rotate, r.UseTCP = c.rotate, c.useTCP
	if len(r.Servers) == 0 {
		r.Defaulted = true
		r.Servers = []netip.AddrPort{defaultServer}
	}
	r.HostsOrder = parseNSSwitch(o.read(nsswitchConf, confLimit))
	if len(o.Names) > 0 {
		r.Hosts = parseHosts(o.read(hostsFile, hostsLimit), o.Names)
	}
	if !r.Defaulted {
		r.Stub, r.Upstreams = o.stub(r.Servers)
	}
	r.LeaseServer = o.leaseServers()
	return r
}

// defaultServer is what glibc and Go ask when no nameserver is configured
// (resolv.conf(5): "the name server on the local machine").
var defaultServer = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), dnsPort)

const (
	dnsPort = 53
	maxText = 253 // the longest domain name; enough for any path we quote
)

func (o ConfigOptions) withDefaults() ConfigOptions {
	if o.ReadFile == nil {
		o.ReadFile = readRegular
	}
	if o.Readlink == nil {
		o.Readlink = os.Readlink
	}
	if o.ReadDir == nil {
		o.ReadDir = os.ReadDir
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// readConf reads resolv.conf and tells apart a file that is absent from a
// symbolic link that leads nowhere: the second is a service that did not start.
func (o ConfigOptions) readConf(target string) ([]byte, fact.Outcome) {
	start := o.Now()
	data, err := o.ReadFile(resolvConf)
	out := classify.Outcome(err, start, o.Now().Sub(start))
	switch {
	case err == nil:
		if len(data) > confLimit {
			data = data[:confLimit]
			out.Detail = fmt.Sprintf("only the first %d kB are read", confLimit>>10)
		}
		return data, out
	case errors.Is(err, fs.ErrNotExist):
		out.Class, out.Detail = fact.NotFound, "no such file"
		if target != "" {
			out.Detail = "symbolic link to " + target + ", which does not exist"
		}
	case errors.Is(err, fs.ErrPermission):
		out.Class, out.Detail = fact.PermissionDenied, "not readable by this user"
	}
	return nil, out
}

// read is the start of a file, or nothing: the files it is used for are
// optional, and their absence is normal.
func (o ConfigOptions) read(path string, limit int) []byte {
	data, err := o.ReadFile(path)
	if err != nil {
		return nil
	}
	return data[:min(len(data), limit)]
}

// readRegular reads at most hostsLimit+1 bytes of a regular file. Opening a
// FIFO or a device where a file was expected could block for ever.
func readRegular(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("reading %s: not a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, hostsLimit+1))
}
