package resolve

import (
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"vpcdoctor/probe/fact"
)

// world is a file system of a test: path to content. A value that starts with
// "-> " is a symbolic link.
type world map[string]string

func (w world) options(names ...string) ConfigOptions {
	files := fstest.MapFS{}
	for p, text := range w {
		if !strings.HasPrefix(text, "-> ") {
			files[strings.TrimPrefix(p, "/")] = &fstest.MapFile{Data: []byte(text)}
		}
	}
	return ConfigOptions{
		Names: names,
		ReadFile: func(p string) ([]byte, error) {
			if target, ok := strings.CutPrefix(w[p], "-> "); ok {
				p = filepath.Join("/etc", target)
			}
			return files.ReadFile(strings.TrimPrefix(p, "/"))
		},
		Readlink: func(p string) (string, error) {
			if target, ok := strings.CutPrefix(w[p], "-> "); ok {
				return target, nil
			}
			return "", &fs.PathError{Op: "readlink", Path: p, Err: syscall.EINVAL}
		},
		ReadDir: func(p string) ([]fs.DirEntry, error) { return files.ReadDir(strings.TrimPrefix(p, "/")) },
		Now:     func() time.Time { return time.Unix(1, 0) },
	}
}

func servers(list ...string) []netip.AddrPort {
	var out []netip.AddrPort
	for _, s := range list {
		out = append(out, netip.AddrPortFrom(netip.MustParseAddr(s), 53))
	}
	return out
}

func addrs(list ...string) []netip.Addr {
	var out []netip.Addr
	for _, s := range list {
		out = append(out, netip.MustParseAddr(s))
	}
	return out
}

var compare = cmp.Options{
	cmpopts.EquateEmpty(), cmpopts.EquateComparable(netip.Addr{}, netip.AddrPort{}),
	cmp.AllowUnexported(resolvConfig{}),
}

func TestParseResolvConf(t *testing.T) {
	base := resolvConfig{ndots: 1, timeoutSec: 5, attempts: 2}
	with := func(f func(c *resolvConfig)) resolvConfig { c := base; f(&c); return c }
	tests := []struct {
		name, text string
		want       resolvConfig
	}{
		{"empty", "", base},
		{"one", "nameserver 10.0.0.2\n", with(func(c *resolvConfig) { c.servers = servers("10.0.0.2") })},
		{"no newline at the end", "nameserver 10.0.0.2", with(func(c *resolvConfig) { c.servers = servers("10.0.0.2") })},
		{"the fourth does not exist", "nameserver 1.0.0.1\nnameserver 1.0.0.2\nnameserver 1.0.0.3\nnameserver 1.0.0.4\n",
			with(func(c *resolvConfig) { c.servers = servers("1.0.0.1", "1.0.0.2", "1.0.0.3") })},
		{"what is no address takes no place", "nameserver dns.corp\nnameserver\nnameserver 10.0.0.2 # trailing\n",
			with(func(c *resolvConfig) { c.servers = servers("10.0.0.2") })},
		{"IPv6 with and without zone", "nameserver fd00:ec2::253\nnameserver fe80::1%eth0\n",
			with(func(c *resolvConfig) { c.servers = servers("fd00:ec2::253", "fe80::1%eth0") })},
		{"a zone that is no interface", "nameserver fe80::1%\x1b[31m\nnameserver fe80::1%aaaaaaaaaaaaaaaaaaaaaaaa\n", base},
		{"CRLF and tabs", "nameserver\t10.0.0.2\r\nsearch a.example\tb.example\r\n",
			with(func(c *resolvConfig) { c.servers = servers("10.0.0.2"); c.search = []string{"a.example", "b.example"} })},
		{"comments start a line", "# nameserver 1.1.1.1\n;nameserver 1.1.1.1\nnameserver 10.0.0.2\n",
			with(func(c *resolvConfig) { c.servers = servers("10.0.0.2") })},
		{"the last of domain and search wins", "search a.example b.example\ndomain C.example.\n",
			with(func(c *resolvConfig) { c.search = []string{"c.example"} })},
		{"root in the search list", "search . a.example\n", with(func(c *resolvConfig) { c.search = []string{"a.example"} })},
		{"options add up", "options ndots:5 timeout:1\noptions attempts:3 rotate use-vc edns0 trust-ad\n",
			with(func(c *resolvConfig) { c.ndots, c.timeoutSec, c.attempts, c.rotate, c.useTCP = 5, 1, 3, true, true })},
		{"options out of range", "options ndots:99 timeout:0 attempts:-4\n",
			with(func(c *resolvConfig) { c.ndots, c.timeoutSec, c.attempts = 15, 1, 1 })},
		{"options beyond an int", "options timeout:99999999999999999999999\n",
			with(func(c *resolvConfig) { c.timeoutSec = maxOption })},
		{"a long line", "options " + strings.Repeat("x", 30_000) + " ndots:2\nnameserver 10.0.0.2\n",
			with(func(c *resolvConfig) { c.ndots = 2; c.servers = servers("10.0.0.2") })},
		{"mapped address", "nameserver ::ffff:10.0.0.2\n", with(func(c *resolvConfig) { c.servers = servers("10.0.0.2") })},
		{"control characters in a search name", "search a\x1b[31m.example\n",
			with(func(c *resolvConfig) { c.search = []string{"a?[31m.example"} })},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, parseResolvConf([]byte(tt.text)), compare); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestConfigOfAmazonLinux2023(t *testing.T) {
	w := world{
		"/etc/resolv.conf":                 "-> ../run/systemd/resolve/resolv.conf",
		"/run/systemd/resolve/resolv.conf": "# managed by systemd-resolved\nnameserver 10.192.0.2\nsearch cn-northwest-1.compute.internal\n",
		"/etc/nsswitch.conf":               "passwd: files\nhosts:      files myhostname resolve [!UNAVAIL=return] dns # c\n",
		"/etc/hosts":                       "127.0.0.1 localhost\n",
		"/run/systemd/netif/leases/2":      "ADDRESS=10.192.10.5\nDNS=10.192.0.2\nNTP=169.254.169.123\n",
	}
	got := Config(w.options("ssm.cn-northwest-1.amazonaws.com.cn"))
	want := fact.Resolver{
		ConfPath: "/etc/resolv.conf", ConfTarget: "../run/systemd/resolve/resolv.conf",
		Conf:    fact.Outcome{Status: fact.OK, Start: time.Unix(1, 0).UTC()},
		Servers: servers("10.192.0.2"), Search: []string{"cn-northwest-1.compute.internal"},
		NDots: 1, TimeoutSec: 5, Attempts: 2,
		HostsOrder:  []string{"files", "myhostname", "resolve", "[!UNAVAIL=return]", "dns"},
		LeaseServer: addrs("10.192.0.2"),
	}
	if diff := cmp.Diff(want, got, compare); diff != "" {
		t.Error(diff)
	}
}

func TestConfigWithoutAFile(t *testing.T) {
	denied := world{}.options()
	denied.ReadFile = func(p string) ([]byte, error) {
		return nil, &fs.PathError{Op: "open", Path: p, Err: syscall.EACCES}
	}
	broken := world{}.options()
	broken.ReadFile = func(string) ([]byte, error) { return nil, errors.New("reading: not a regular file") }
	tests := []struct {
		name    string
		o       ConfigOptions
		class   fact.Class
		detail  string
		target  string
		healthy bool
	}{
		{"absent", world{}.options(), fact.NotFound, "no such file", "", false},
		{"dangling link", world{"/etc/resolv.conf": "-> ../run/x"}.options(), fact.NotFound, "symbolic link to ../run/x, which does not exist", "../run/x", false},
		{"not readable", denied, fact.PermissionDenied, "not readable by this user", "", false},
		{"not a file", broken, fact.OtherFailure, "reading: not a regular file", "", false},
		{"no nameserver line", world{"/etc/resolv.conf": "search example\n"}.options(), "", "", "", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := Config(tt.o)
			if !r.Defaulted || len(r.Servers) != 1 || r.Servers[0].String() != "127.0.0.1:53" {
				t.Errorf("servers %v, defaulted %v; want 127.0.0.1:53 by default", r.Servers, r.Defaulted)
			}
			if r.Conf.Class != tt.class || r.Conf.Detail != tt.detail || r.ConfTarget != tt.target {
				t.Errorf("conf %+v, target %q", r.Conf, r.ConfTarget)
			}
			if (r.Conf.Status == fact.OK) != tt.healthy {
				t.Errorf("status %s", r.Conf.Status)
			}
			if r.Stub != "" {
				t.Errorf("stub %q for the default server", r.Stub)
			}
		})
	}
}

func TestConfigCutsAHugeFile(t *testing.T) {
	w := world{"/etc/resolv.conf": "nameserver 10.0.0.2\n" + strings.Repeat("# x\n", confLimit) + "nameserver 10.0.0.3\n"}
	r := Config(w.options())
	if len(r.Servers) != 1 || r.Conf.Detail == "" {
		t.Errorf("servers %v, detail %q", r.Servers, r.Conf.Detail)
	}
}

func TestStub(t *testing.T) {
	tests := []struct {
		name      string
		w         world
		stub      string
		upstreams []netip.AddrPort
	}{
		{"asked directly", world{"/etc/resolv.conf": "nameserver 10.0.0.2\n"}, "", nil},
		{"systemd-resolved", world{"/etc/resolv.conf": "nameserver 127.0.0.53\n",
			"/run/systemd/resolve/resolv.conf": "nameserver 10.0.0.2\nnameserver fe80::1%ens5\n"},
			"systemd-resolved", servers("10.0.0.2", "fe80::1%ens5")},
		{"systemd-resolved, bypass listener", world{"/etc/resolv.conf": "nameserver 127.0.0.54\n"}, "systemd-resolved", nil},
		{"dnsmasq as AWS documents it", world{"/etc/resolv.conf": "nameserver 127.0.0.1\n",
			"/etc/dnsmasq.conf":   "listen-address=127.0.0.1\n#server=1.1.1.1\nresolv-file=/etc/resolv.dnsmasq\n",
			"/etc/resolv.dnsmasq": "nameserver 169.254.169.253\n"}, "dnsmasq", servers("169.254.169.253")},
		{"dnsmasq with servers", world{"/etc/resolv.conf": "nameserver 127.0.0.1\n", "/run/dnsmasq.pid": "7",
			"/etc/dnsmasq.conf": "server=/corp.example/10.9.9.9\nserver=10.0.0.2@eth0 # vpc\nserver=10.0.0.3#5353\n"}, "dnsmasq",
			[]netip.AddrPort{netip.MustParseAddrPort("10.0.0.2:53"), netip.MustParseAddrPort("10.0.0.3:5353")}},
		{"dnsmasq of NetworkManager", world{"/etc/resolv.conf": "nameserver 127.0.1.1\n", "/run/NetworkManager/dnsmasq.pid": "7",
			"/run/NetworkManager/no-stub-resolv.conf": "nameserver 10.0.0.2\n"}, "dnsmasq", servers("10.0.0.2")},
		{"something else on ::1", world{"/etc/resolv.conf": "nameserver ::1\n"}, "other", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := Config(tt.w.options())
			if r.Stub != tt.stub {
				t.Errorf("stub %q, want %q", r.Stub, tt.stub)
			}
			if diff := cmp.Diff(tt.upstreams, r.Upstreams, compare); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestLeaseServers(t *testing.T) {
	w := world{
		"/etc/resolv.conf":            "nameserver 8.8.8.8\n",
		"/run/systemd/netif/leases/2": "DNS=10.0.0.2 fd00:ec2::253\n",
		"/var/lib/dhclient/dhclient--eth0.lease": "lease {\n  option domain-name-servers 10.9.9.9;\n}\n" +
			"lease {\n  interface \"eth0\";\n  option domain-name-servers 10.0.0.2, 10.0.0.3;\n}\n",
		"/var/lib/dhcp/dhclient6.eth0.leases": "lease6 {\n    option dhcp6.name-servers fd00::1;\n}\n",
		"/var/lib/dhclient/other.txt":         "option domain-name-servers 10.8.8.8;\n",
	}
	want := addrs("10.0.0.2", "fd00:ec2::253", "10.0.0.3", "fd00::1")
	if diff := cmp.Diff(want, Config(w.options()).LeaseServer, compare); diff != "" {
		t.Error(diff)
	}
	if got := parseDhclientLease([]byte("lease {\n option domain-name-servers 10.0.0.2;\n}\nlease {\n}\n")); len(got) != 0 {
		t.Errorf("a last lease without servers gave %v", got)
	}
}

func TestParseHosts(t *testing.T) {
	text := "127.0.0.1 localhost\n" +
		"10.0.1.5\tssm.us-east-1.amazonaws.com  # was the old endpoint\r\n" +
		"# 10.0.1.6 ssm.us-east-1.amazonaws.com\n" +
		"10.0.1.7 alias.example SSM.us-east-1.AMAZONAWS.com. ssm.us-east-1.amazonaws.com\n" +
		"not-an-address ssm.us-east-1.amazonaws.com\n" +
		"fd00::5 ec2messages.us-east-1.amazonaws.com\n" +
		"10.0.1.8 xssm.us-east-1.amazonaws.com\n"
	want := []fact.HostsLine{
		{Line: 2, Addr: netip.MustParseAddr("10.0.1.5"), Name: "ssm.us-east-1.amazonaws.com"},
		{Line: 4, Addr: netip.MustParseAddr("10.0.1.7"), Name: "ssm.us-east-1.amazonaws.com"},
		{Line: 6, Addr: netip.MustParseAddr("fd00::5"), Name: "ec2messages.us-east-1.amazonaws.com"},
	}
	got := parseHosts([]byte(text), []string{"ssm.us-east-1.amazonaws.com.", "EC2messages.us-east-1.amazonaws.com"})
	if diff := cmp.Diff(want, got, compare); diff != "" {
		t.Error(diff)
	}
	if got := parseHosts([]byte(strings.Repeat("10.0.0.1 a\n", 10_000)), []string{"a"}); len(got) != maxHostsLines {
		t.Errorf("%d lines kept", len(got))
	}
}

func TestLookupOrder(t *testing.T) {
	tests := []struct {
		line string
		want order
	}{
		{"", filesThenDNS},
		{"hosts: files dns", filesThenDNS},
		{"hosts: files mdns4_minimal [NOTFOUND=return] dns myhostname", filesThenDNS},
		{"hosts: files resolve [!UNAVAIL=return] dns", filesThenDNS},
		{"hosts: mymachines resolve [!UNAVAIL=return] files myhostname dns", filesThenDNS},
		{"hosts: resolve files", dnsThenFiles},
		{"hosts: dns files", dnsThenFiles},
		{"hosts: dns", dnsOnly},
		{"hosts: files", filesOnly},
		{"hosts: files dns\nhosts: files\n", filesOnly},
		{"hosts:\tfiles[NOTFOUND=continue]dns", filesThenDNS},
		{"#hosts: files\n networks: files\n", filesThenDNS},
	}
	for _, tt := range tests {
		if got := lookupOrder(parseNSSwitch([]byte(tt.line))); got != tt.want {
			t.Errorf("%q: %d, want %d", tt.line, got, tt.want)
		}
	}
}

func TestVPCServers(t *testing.T) {
	tests := []struct {
		cidrs string
		want  []netip.AddrPort
	}{
		{"", servers("169.254.169.253")},
		{"10.192.0.0/16 100.64.0.0/16", servers("169.254.169.253", "10.192.0.2")},
		{"2600:1f13::/56 172.31.16.0/20", servers("169.254.169.253", "172.31.16.2")},
		{"10.0.5.9/16", servers("169.254.169.253", "10.0.0.2")},
		{"10.0.0.1/32", servers("169.254.169.253")},
	}
	for _, tt := range tests {
		var in []netip.Prefix
		for _, s := range strings.Fields(tt.cidrs) {
			in = append(in, netip.MustParsePrefix(s))
		}
		if diff := cmp.Diff(tt.want, VPCServers(in), compare); diff != "" {
			t.Errorf("%q: %s", tt.cidrs, diff)
		}
	}
	if got := VPCServers([]netip.Prefix{{}}); len(got) != 1 {
		t.Errorf("an invalid prefix gave %v", got)
	}
}

func TestReadRegular(t *testing.T) {
	dir := t.TempDir()
	if _, err := readRegular(dir); err == nil {
		t.Error("a directory was read")
	}
	if _, err := readRegular(filepath.Join(dir, "absent")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("absent: %v", err)
	}
	big := filepath.Join(dir, "big")
	if err := os.WriteFile(big, make([]byte, 2*hostsLimit), 0o600); err != nil {
		t.Fatal(err)
	}
	if data, err := readRegular(big); err != nil || len(data) != hostsLimit+1 {
		t.Errorf("%d bytes, %v", len(data), err)
	}
}
