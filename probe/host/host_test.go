package host

import (
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/host/sysfile"
)

// tree is a fake root: file content by path; "-> " starts a symbolic link.
type tree map[string]string

func (t tree) write(tb testing.TB) string {
	tb.Helper()
	root := tb.TempDir()
	for name, content := range t {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			tb.Fatal(err)
		}
		var err error
		if target, ok := strings.CutPrefix(content, "-> "); ok {
			err = os.Symlink(target, path)
		} else {
			err = os.WriteFile(path, []byte(content), 0o644)
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
	return root
}

// environment looks a variable up in a list of pairs.
func environment(kv ...string) func(string) string {
	return func(name string) string {
		for i := 0; i+1 < len(kv); i += 2 {
			if kv[i] == name {
				return kv[i+1]
			}
		}
		return ""
	}
}

func TestHardware(t *testing.T) {
	for _, c := range []struct {
		name string
		tree tree
		want string
	}{
		{"Nitro", tree{dmi + "sys_vendor": "Amazon EC2\n", dmi + "product_name": "m7g.large\n"}, "yes"},
		{"instance id alone", tree{dmi + "sys_vendor": "Someone\n", dmi + "board_asset_tag": "i-0abc\n"}, "yes"},
		{"Xen", tree{dmi + "sys_vendor": "Xen\n", "/sys/hypervisor/uuid": "EC2E1916-9099\n"}, "yes"},
		{"Xen with a little-endian UUID", tree{dmi + "sys_vendor": "Xen\n", dmi + "bios_version": "4.11.amazon\n", "/sys/hypervisor/uuid": "16192ec2\n"}, "yes"},
		{"Xen of somebody else", tree{dmi + "sys_vendor": "Xen\n", "/sys/hypervisor/uuid": "11112222\n"}, "no"},
		{"Xen without a UUID", tree{dmi + "sys_vendor": "Xen\n"}, ""},
		{"another cloud", tree{dmi + "sys_vendor": "QEMU\n", dmi + "board_asset_tag": "\n"}, "no"},
		{"no tables", tree{}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, _, got := hardware(sysfile.Root(c.tree.write(t))); got != c.want {
				t.Errorf("EC2 %q, want %q", got, c.want)
			}
		})
	}
}

func TestContainer(t *testing.T) {
	const host = "0::/system.slice/docker.service\n"
	for _, c := range []struct {
		name string
		tree tree
		env  []string
		want string
	}{
		{"a host", tree{"/proc/self/cgroup": "0::/user.slice/user-0.slice\n"}, nil, ""},
		{"a host's own docker service", tree{"/proc/self/cgroup": host}, nil, ""},
		{"docker by its mark", tree{"/.dockerenv": ""}, nil, "docker"},
		{"docker by its group", tree{"/proc/self/cgroup": "5:devices:/docker/0123\n"}, nil, "docker"},
		{"podman", tree{"/run/.containerenv": ""}, nil, "podman"},
		{"a pod that docker runs", tree{"/.dockerenv": "", "/proc/self/cgroup": "0::/kubepods.slice/x\n"}, nil, "kubernetes"},
		{"a pod by its environment", tree{}, []string{"KUBERNETES_SERVICE_HOST", "10.0.0.1"}, "kubernetes"},
		{"an ECS task", tree{"/.dockerenv": ""}, []string{"ECS_CONTAINER_METADATA_URI_V4", "http://169.254.170.2/"}, "ecs"},
		{"named by systemd", tree{"/run/systemd/container": "systemd-nspawn\n"}, nil, "systemd-nspawn"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := container(sysfile.Root(c.tree.write(t)), environment(c.env...)); got != c.want {
				t.Errorf("container %q, want %q", got, c.want)
			}
		})
	}
}

func TestOtherNetNS(t *testing.T) {
	for _, c := range []struct {
		name string
		tree tree
		want bool
	}{
		{"same", tree{"/proc/1/ns/net": "-> net:[1]", "/proc/self/ns/net": "-> net:[1]"}, false},
		{"other", tree{"/proc/1/ns/net": "-> net:[1]", "/proc/self/ns/net": "-> net:[2]"}, true},
		{"PID 1 not readable", tree{"/proc/self/ns/net": "-> net:[2]"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := otherNetNS(sysfile.Root(c.tree.write(t))); got != c.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestRead(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("reads Linux files")
	}
	root := tree{
		dmi + "sys_vendor":                             "Amazon EC2\n",
		dmi + "product_name":                           "t3.micro\x1b[2J\n",
		"/proc/self/net/route":                         routeTable,
		"/proc/self/net/netstat":                       netstatText,
		"/proc/self/net/snmp":                          snmpText,
		"/proc/sys/net/ipv6/conf/all/disable_ipv6":     "1\n",
		"/proc/sys/net/netfilter/nf_conntrack_count":   "900\n",
		"/proc/sys/net/netfilter/nf_conntrack_max":     "1000\n",
		"/proc/sys/net/netfilter/nf_conntrack_buckets": "1\n",
	}.write(t)
	h := Read(t.Context(), Options{Root: root, Getenv: environment("https_proxy", "http://u:pa55@p:1")})
	if h.EC2 != "yes" || h.Product != "t3.micro?[2J" || !h.IPv6Off || len(h.Routes) != 3 {
		t.Errorf("%+v", h)
	}
	if h.Before.ConntrackCount != 900 || h.Before.ConntrackMax != 1000 || !h.After.At.IsZero() {
		t.Errorf("counters %+v, %+v", h.Before, h.After)
	}
	if want := (fact.ProxySetting{HTTPS: "http://p:1", Source: "environment", Credentials: true}); h.Proxy != want {
		t.Errorf("proxy %+v", h.Proxy)
	}
	if h.Clock.Status == fact.NotRun {
		t.Errorf("clock %+v", h.Clock)
	}
	for _, i := range h.Interfaces {
		if i.Name == "lo" && len(i.Addrs) > 0 && i.Addrs[0] == netip.MustParsePrefix("127.0.0.1/8") {
			return
		}
	}
	t.Errorf("no loopback interface with its address: %+v", h.Interfaces)
}
