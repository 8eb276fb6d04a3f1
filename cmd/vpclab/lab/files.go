//go:build linux

package lab

import (
	"encoding/pem"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strings"

	"golang.org/x/crypto/x509roots/fallback/bundle"

	"vpcdoctor/cmd/vpclab/world"
)

// copied are files of the host that programs need and that say nothing about
// the network.
var copied = []string{
	"/etc/passwd", "/etc/group", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/protocols", "/etc/services",
	"/etc/localtime", "/etc/shells", "/etc/bash.bashrc",
}

// instanceFiles are the files of the instance: what a fresh /etc, /run and
// /var hold, by absolute path.
func instanceFiles(w *world.World, p *pki) map[string]string {
	f := map[string]string{"/var/tmp/": "", "/var/log/": "", "/var/lib/": "", "/run/systemd/system/": ""}
	for _, name := range copied {
		if b, err := os.ReadFile(name); err == nil {
			f[name] = string(b)
		}
	}
	f["/etc/os-release"] = "NAME=\"Amazon Linux\"\nVERSION=\"2023\"\nID=\"amzn\"\nID_LIKE=\"fedora\"\nVERSION_ID=\"2023\"\n"
	f["/etc/hostname"] = hostname(w) + "\n"
	f["/etc/hosts"] = hosts(w)
	f["/etc/nsswitch.conf"] = nsswitch(w)
	resolverFiles(w, f)
	trustFiles(w, p, f)
	hardwareFiles(w, f)
	agentFiles(w, f)
	othersFiles(w, f)
	maps.Copy(f, w.Host.Files)
	return f
}

func hostname(w *world.World) string {
	if w.Host.Hostname != "" {
		return w.Host.Hostname
	}
	if w.VPC.Subnet(w.Instance.Subnet).IPv6Only {
		return w.Instance.ID // resource-based naming
	}
	return "ip-" + strings.ReplaceAll(w.Instance.Addr.String(), ".", "-")
}

func hosts(w *world.World) string {
	lines := append([]string{"127.0.0.1 localhost", "::1 localhost"}, w.Host.HostsLines...)
	return strings.Join(lines, "\n") + "\n"
}

func nsswitch(w *world.World) string {
	order := w.Host.HostsOrder
	if order == "" {
		order = "files dns"
	}
	return "passwd: files\ngroup: files\nhosts: " + order + "\n"
}

// resolverFiles writes resolv.conf as DHCP and the scenario leave it.
func resolverFiles(w *world.World, f map[string]string) {
	servers := offeredServers(w)
	upstream := resolvConf(w, servers)
	switch {
	case w.Host.Stub.Configured:
		f["/run/systemd/resolve/resolv.conf"] = upstream
		f["/run/systemd/resolve/stub-resolv.conf"] = resolvConf(w, []string{"127.0.0.53"})
		f["/etc/resolv.conf"] = linkMark + "../run/systemd/resolve/stub-resolv.conf"
	case w.Host.NoServers:
		f["/etc/resolv.conf"] = resolvConf(w, nil)
	case w.Host.Nameservers != nil:
		f["/etc/resolv.conf"] = resolvConf(w, w.Host.Nameservers)
	default:
		f["/etc/resolv.conf"] = upstream
	}
}

// offeredServers is what the VPC's DHCP option set offers.
func offeredServers(w *world.World) []string {
	d := w.VPC.DHCP
	if d.None {
		return nil
	}
	if len(d.Servers) == 0 && w.VPC.Subnet(w.Instance.Subnet).IPv6Only {
		return []string{world.ResolverAddrV6.String()}
	}
	if len(d.Servers) == 0 {
		return []string{w.VPC.ResolverAddr().String()}
	}
	var out []string
	for _, a := range d.Servers {
		out = append(out, a.String())
	}
	return out
}

func resolvConf(w *world.World, servers []string) string {
	domain := w.VPC.DHCP.Domain
	if domain == "" {
		domain = w.Region + ".compute.internal"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "search %s\n", domain)
	for _, s := range servers {
		fmt.Fprintf(&b, "nameserver %s\n", s)
	}
	if len(w.Host.ResolvOpts) > 0 {
		fmt.Fprintf(&b, "options %s\n", strings.Join(w.Host.ResolvOpts, " "))
	}
	return b.String()
}

// trustFiles writes the system certificate store: the public web roots, as
// every distribution has them, and the lab's AWS CA, which stands for the
// Amazon roots. VPCDOCTOR_REFERENCE_ROOTS names the latter alone.
func trustFiles(w *world.World, p *pki, f map[string]string) {
	var store strings.Builder
	for r := range bundle.Roots() {
		if w.Host.Roots.NoAmazon && amazonRoot(r.Certificate) {
			continue
		}
		_ = pem.Encode(&store, &pem.Block{Type: "CERTIFICATE", Bytes: r.Certificate})
	}
	if !w.Host.Roots.NoAmazon {
		store.Write(p.aws.PEM())
	}
	if w.Host.Roots.Corporate {
		store.Write(p.corporate.PEM())
		f["/etc/pki/ca-trust/source/anchors/corporate.pem"] = string(p.corporate.PEM())
	}
	f["/etc/pki/tls/certs/ca-bundle.crt"] = store.String()
	f["/etc/ssl/certs/ca-certificates.crt"] = linkMark + "/etc/pki/tls/certs/ca-bundle.crt" // where Debian's curl looks
	f[referenceRoots] = string(p.aws.PEM())
}

// amazonRoot tells whether a certificate is one of Amazon's; the names stand
// in the DER as plain text.
func amazonRoot(der []byte) bool {
	return strings.Contains(string(der), "Amazon Root CA") || strings.Contains(string(der), "Starfield")
}

// hardwareFiles writes the DMI table that tells an EC2 instance.
func hardwareFiles(w *world.World, f map[string]string) {
	vendor, product := w.Host.Vendor, "t3.micro"
	if vendor == "" {
		vendor = "Amazon EC2"
	} else {
		product = "Standard PC"
	}
	const dmi = "/sys/class/dmi/id/"
	f[dmi+"sys_vendor"] = vendor + "\n"
	f[dmi+"bios_vendor"] = vendor + "\n"
	f[dmi+"product_name"] = product + "\n"
	if vendor == "Amazon EC2" {
		f[dmi+"board_asset_tag"] = w.Instance.ID + "\n"
		f[dmi+"product_uuid"] = "ec2e1916-9099-7caf-fd21-012345abcdef\n"
	}
}

// serversOf are the DNS servers a stub asks.
func serversOf(w *world.World) []netip.Addr {
	var out []netip.Addr
	for _, s := range offeredServers(w) {
		if a, err := netip.ParseAddr(s); err == nil && !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	return out
}
