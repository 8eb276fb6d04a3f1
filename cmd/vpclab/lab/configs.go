//go:build linux

package lab

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"vpcdoctor/cmd/vpclab/world"
	"vpcdoctor/probe/probetest"
)

// forwarder is the command line of dnsmasq or unbound at a server's address,
// asking the VPC's resolver.
func forwarder(d world.DNSServer) ([]string, error) {
	if d.Program == world.Unbound {
		return unbound(d)
	}
	args := []string{
		"--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--pid-file=", "--user=root",
		"--log-facility=-", "--listen-address=" + d.Addr.String(), "--bind-interfaces", "--server=" + world.ResolverAddr.String(),
	}
	if d.Rebind {
		args = append(args, "--stop-dns-rebind")
	}
	return args, nil
}

func unbound(d world.DNSServer) ([]string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "server:\n  interface: %s\n  access-control: 0.0.0.0/0 allow\n  do-daemonize: no\n", d.Addr)
	fmt.Fprintf(&b, "  username: \"\"\n  chroot: \"\"\n  directory: %q\n  pidfile: \"\"\n  use-syslog: no\n", programsDir)
	// Without a validator, as where DNSSEC is off: the lab signs nothing.
	b.WriteString("  module-config: \"iterator\"\n  num-threads: 1\n")
	if d.Rebind {
		for _, p := range []string{"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"} {
			fmt.Fprintf(&b, "  private-address: %s\n", p)
		}
	}
	fmt.Fprintf(&b, "remote-control:\n  control-enable: no\nforward-zone:\n  name: \".\"\n  forward-addr: %s\n", world.ResolverAddr)
	conf, err := programFile("unbound.conf", b.String())
	return []string{"-d", "-c", conf}, err
}

// nginx is a front end with a certificate of the lab's AWS CA for some names.
func nginx(p *pki, hosts []string) ([]string, error) {
	leaf := p.issuing.Leaf(probetest.LeafOptions{Names: hosts})
	key, err := x509.MarshalPKCS8PrivateKey(leaf.PrivateKey)
	if err != nil {
		return nil, fmt.Errorf("writing the key: %w", err)
	}
	var chain strings.Builder
	for _, der := range leaf.Certificate {
		_ = pem.Encode(&chain, &pem.Block{Type: "CERTIFICATE", Bytes: der}) // a Builder takes everything
	}
	if _, err := programFile("nginx.pem", chain.String()); err != nil {
		return nil, err
	}
	if _, err := programFile("nginx.key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}))); err != nil {
		return nil, err
	}
	var b strings.Builder
	b.WriteString("daemon off;\nmaster_process off;\nuser root;\nerror_log stderr;\npid nginx.pid;\nevents {}\nhttp {\n  access_log off;\n")
	for _, dir := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		fmt.Fprintf(&b, "  %s_temp_path %s_temp;\n", dir, dir)
	}
	fmt.Fprintf(&b, "  server {\n    listen %s ssl;\n    ssl_certificate %s/nginx.pem;\n    ssl_certificate_key %s/nginx.key;\n",
		relayed[world.Nginx], programsDir, programsDir)
	b.WriteString("    location / {\n      add_header x-amzn-RequestId $request_id always;\n      return 404;\n    }\n  }\n}\n")
	conf, err := programFile("nginx.conf", b.String())
	return []string{"-p", programsDir, "-e", "stderr", "-c", conf}, err
}

// squid is a proxy for everybody and every host. Its own resolver is the
// VPC's.
func squid() ([]string, error) {
	// It gives up root's rights and must still write here.
	if err := os.Chmod(programsDir, 0o777); err != nil {
		return nil, fmt.Errorf("opening the directory: %w", err)
	}
	conf, err := programFile("squid.conf", fmt.Sprintf("http_port %s\nhttp_access allow all\ncache deny all\ncache_effective_user nobody\n"+
		"dns_nameservers %s\npid_filename none\naccess_log none\ncache_log %s/squid.cache.log\ncoredump_dir %s\nshutdown_lifetime 0 seconds\nvisible_hostname proxy\n",
		relayed[world.Squid], world.ResolverAddr, programsDir, programsDir))
	return []string{"-N", "-d", "1", "-f", conf}, err
}

func programFile(name, content string) (string, error) {
	path := filepath.Join(programsDir, name)
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		return "", fmt.Errorf("writing %s: %w", name, err)
	}
	return path, nil
}
