package agent

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/host/proxyenv"
)

func TestProxyScopes(t *testing.T) {
	scope := func(kind, path, source, https, no string) proxyenv.Scope {
		return proxyenv.Scope{ProxyScope: fact.ProxyScope{
			Scope: kind, Path: path, ProxySetting: fact.ProxySetting{HTTPS: https, No: no, Source: source},
		}, NoGo: no, NoCurl: no}
	}
	const (
		managerFile = "/etc/systemd/system.conf.d/proxy.conf"
		pkgDrop     = unitDir + packageUnit + ".d/proxy.conf"
		snapDrop    = unitDir + snapUnit + ".d/proxy.conf"
		fragment    = "/lib/systemd/system/" + packageUnit
	)
	drop := "[Service]\nEnvironment=https_proxy=http://u:s3cret@drop:1\n"
	credentials := func(s proxyenv.Scope) proxyenv.Scope { s.Credentials = true; return s }
	for _, c := range []struct {
		name string
		tree tree
		want []proxyenv.Scope
	}{
		{"nothing", system(deb), nil},
		{"a drop-in of the package's unit", system(deb, tree{fragment: "[Service]\n", pkgDrop: drop}),
			[]proxyenv.Scope{credentials(scope("unit", pkgDrop, "unit "+packageUnit, "http://drop:1", ""))}},
		{"a drop-in of the other unit", system(deb, tree{fragment: "[Service]\n", snapDrop: drop}),
			[]proxyenv.Scope{credentials(scope("unit", snapDrop, "unit "+snapUnit, "http://drop:1", ""))}},
		{"of all units: not the one that is absent", system(deb, tree{fragment: "[Service]\n", "/etc/systemd/system/service.d/a.conf": "[Service]\nEnvironment=https_proxy=http://all:1\n"}),
			[]proxyenv.Scope{scope("unit", "/etc/systemd/system/service.d/a.conf", "unit "+packageUnit, "http://all:1", "")}},
		{"the manager's, which no unit repeats", system(deb, tree{fragment: "[Service]\n", managerFile: "[Manager]\nDefaultEnvironment=https_proxy=http://m:1 no_proxy=a\n"}),
			[]proxyenv.Scope{scope("manager", managerFile, "file "+managerFile, "http://m:1", "a")}},
		{"the manager's with the unit's over it", system(deb, tree{fragment: "[Service]\n", managerFile: "[Manager]\nDefaultEnvironment=https_proxy=http://m:1 no_proxy=a\n",
			pkgDrop: "[Service]\nEnvironment=https_proxy=http://drop:1\n"}),
			[]proxyenv.Scope{
				scope("manager", managerFile, "file "+managerFile, "http://m:1", "a"),
				scope("unit", pkgDrop, "unit "+packageUnit, "http://drop:1", "a"),
			}},
		{"a snap reads /etc/environment", system(snap, tree{
			"/etc/systemd/system/" + snapUnit: "[Service]\nEnvironmentFile=-/etc/environment\n", "/etc/environment": "https_proxy=http://env:1\n"}),
			[]proxyenv.Scope{scope("unit", "/etc/environment", "unit "+snapUnit, "http://env:1", "")}},
	} {
		got := ProxyScopes(Options{Root: c.tree.write(t)})
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
		if b, err := json.Marshal(got); err != nil || strings.Contains(string(b), "s3cret") {
			t.Errorf("%s: %s, %v", c.name, b, err)
		}
	}
}
