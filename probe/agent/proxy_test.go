package agent

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"vpcdoctor/probe/fact"
)

// environ builds an environment block.
func environ(vars ...string) string { return strings.Join(vars, "\x00") + "\x00" }

func TestProxyOfTheRunningAgent(t *testing.T) {
	for _, c := range []struct {
		name, environ string
		want          fact.ProxySetting
	}{
		{"none", environ("PATH=/bin", "LANG=C"), fact.ProxySetting{}},
		{"lower case", environ("PATH=/bin", "https_proxy=http://p.corp:3128", "no_proxy=169.254.169.254"),
			fact.ProxySetting{HTTPS: "http://p.corp:3128", No: "169.254.169.254", Source: "process 812"}},
		{"upper case", environ("HTTPS_PROXY=http://p.corp:3128", "NO_PROXY=.internal"),
			fact.ProxySetting{HTTPS: "http://p.corp:3128", No: ".internal", Source: "process 812"}},
		{"an equals sign in the password", environ("https_proxy=http://u:s3=pa55@p.corp:3128"),
			fact.ProxySetting{HTTPS: "http://p.corp:3128", Credentials: true, Source: "process 812"}},
		{"the first of two counts", environ("https_proxy=http://a:1", "https_proxy=http://b:2"),
			fact.ProxySetting{HTTPS: "http://a:1", Source: "process 812"}},
		{"a value that was cut off does not count", environ("PATH=/bin") + "https_proxy=http://p.cor",
			fact.ProxySetting{}},
		{"malformed", environ("https_proxy=http://p corp"),
			fact.ProxySetting{Malformed: "https_proxy", Source: "process 812"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, _ := read(t, system(process(812, "/usr/bin/amazon-ssm-agent", c.environ), worker), nil)
			if a.Proxy != c.want || a.ProxyRun.Status != fact.OK {
				t.Errorf("got  %+v, %+v\nwant %+v", a.Proxy, a.ProxyRun, c.want)
			}
		})
	}
}

func TestProxyPasswordStaysInMemory(t *testing.T) {
	block := environ("https_proxy=http://peter:s3=pa55@p.corp:3128", "HTTP_PROXY=http://peter:s3/pa55@p.corp:3128", "AWS_SECRET=s3=pa55")
	a, s := read(t, system(process(812, "/usr/bin/amazon-ssm-agent", block)), nil)
	if pw, _ := s.HTTPSProxy.User.Password(); pw != "s3=pa55" {
		t.Errorf("the tunnel would send password %q", pw)
	}
	told := asJSON(t, a) + asJSON(t, s) + fmt.Sprintf("%v %+v %#v %s", s, s, s, s)
	for _, secret := range []string{"pa55", "peter", "AWS_SECRET"} {
		if strings.Contains(told, secret) {
			t.Errorf("%q is in facts or text: %s", secret, told)
		}
	}
	if !a.Proxy.Credentials || a.Proxy.Malformed != "HTTP_PROXY" {
		t.Errorf("proxy %+v", a.Proxy)
	}
}

func TestEnvironmentTooLarge(t *testing.T) {
	block := environ("https_proxy=http://p.corp:3128", "X="+strings.Repeat("x", maxEnviron))
	a, _ := read(t, system(process(812, "/usr/bin/amazon-ssm-agent", block)), nil)
	if a.Proxy.HTTPS == "" || a.ProxyRun.Detail == "" {
		t.Errorf("proxy %+v, run %+v", a.Proxy, a.ProxyRun)
	}
}

func TestProxyOfTheUnit(t *testing.T) {
	drop := func(unit, name, text string) tree { return tree{unitDir + unit + ".d/" + name: text} }
	for _, c := range []struct {
		name string
		tree tree
		want fact.ProxySetting
	}{
		{"no drop-in", system(deb), fact.ProxySetting{}},
		{"quoted, two on a line", system(deb, drop(packageUnit, "a.conf", "[Service]\nEnvironment=\"http_proxy=http://p:1\" 'https_proxy=http://p:2'\nEnvironment=no_proxy=a,b\n")),
			fact.ProxySetting{HTTP: "http://p:1", HTTPS: "http://p:2", No: "a,b", Source: "file " + unitDir + packageUnit + ".d/a.conf"}},
		{"later file wins, empty takes back", system(deb,
			drop(packageUnit, "10.conf", "[Service]\nEnvironment=https_proxy=http://p:1 no_proxy=x\n"),
			drop(packageUnit, "20.conf", "[Service]\nEnvironment=\nEnvironment=https_proxy=http://p:2\n")),
			fact.ProxySetting{HTTPS: "http://p:2", Source: "file " + unitDir + packageUnit + ".d/20.conf"}},
		{"another section, a comment, another suffix", system(deb,
			drop(packageUnit, "a.conf", "[Unit]\nEnvironment=https_proxy=http://p:1\n[Service]\n#Environment=https_proxy=http://p:2\n"),
			drop(packageUnit, "b.conf.bak", "[Service]\nEnvironment=https_proxy=http://p:3\n")),
			fact.ProxySetting{}},
		{"snap: only its own unit counts", system(snap,
			drop(packageUnit, "a.conf", "[Service]\nEnvironment=https_proxy=http://wrong:1\n"),
			drop(snapUnit, "a.conf", "[Service]\nEnvironment=https_proxy=http://right:1\n")),
			fact.ProxySetting{HTTPS: "http://right:1", Source: "file " + unitDir + snapUnit + ".d/a.conf"}},
		{"environment files: over the unit's own, in order, one absent", system(deb,
			drop(packageUnit, "a.conf", "[Service]\nEnvironmentFile=-/etc/none\nEnvironmentFile=/etc/default/%p\nEnvironmentFile=/etc/env.d/*.env\nEnvironment=https_proxy=http://p:1 no_proxy=x\n"),
			tree{
				"/etc/default/amazon-ssm-agent": "# https_proxy=http://c:1\nAWS_SECRET_ACCESS_KEY=s3cr3t\n https_proxy = \"http://p:2\" \nhttp_proxy='http://p:3'\n",
				"/etc/env.d/10.env":             "http_proxy=http://p:4\n", "/etc/env.d/20.env": "http_proxy=http://p\\:5", "/etc/env.d/30.txt": "http_proxy=http://p:6\n",
			}), fact.ProxySetting{HTTPS: "http://p:2", HTTP: "http://p:5", No: "x", Source: "file /etc/default/amazon-ssm-agent"}},
		{"environment files taken back", system(deb,
			drop(packageUnit, "a.conf", "[Service]\nEnvironmentFile=/etc/e\n"), drop(packageUnit, "b.conf", "[Service]\nEnvironmentFile=\n"),
			tree{"/etc/e": "https_proxy=http://p:2\n"}), fact.ProxySetting{}},
		{"the manager's environment, and over it the unit's", system(deb,
			tree{
				"/etc/systemd/system.conf":                 "[Manager]\nDefaultEnvironment=https_proxy=http://m:1 http_proxy=http://m:2 no_proxy=y\n",
				"/usr/lib/systemd/system.conf":             "[Manager]\nDefaultEnvironment=all_proxy=http://hidden:1\n",
				"/run/systemd/system.conf.d/z.conf":        "[Manager]\nDefaultEnvironment=http_proxy=http://m:3\n[Service]\nEnvironment=no_proxy=z\n",
				"/lib/systemd/system/" + packageUnit:       "[Service]\nEnvironment=https_proxy=http://u:1\n",
				"/usr/lib/systemd/system/service.d/a.conf": "[Service]\nUnsetEnvironment=no_proxy\n",
			}), fact.ProxySetting{HTTPS: "http://u:1", HTTP: "http://m:3", Source: "file /lib/systemd/system/" + packageUnit}},
		{"drop-ins of every directory by name; one of /etc masks its namesake", system(deb, tree{
			"/usr/lib/systemd/system/" + packageUnit + ".d/10.conf":        "[Service]\nEnvironment=https_proxy=http://masked:1\n",
			"/etc/systemd/system/" + packageUnit + ".d/10.conf":            "-> /dev/null",
			"/run/systemd/system/" + packageUnit + ".d/20.conf":            "[Service]\nEnvironment=http_proxy=http://p:20 no_proxy=20\n",
			"/etc/systemd/system/amazon-ssm-.service.d/30.conf":            "[Service]\nEnvironment=no_proxy=30\n",
			"/etc/systemd/system/amazon-.service.d/15.conf":                "[Service]\nEnvironment=http_proxy=http://p:15\n",
			"/etc/systemd/system/" + packageUnit + ".wants/40.conf":        "[Service]\nEnvironment=no_proxy=40\n",
			"/etc/systemd/system/amazon-ssm-agent-other.service.d/50.conf": "[Service]\nEnvironment=no_proxy=50\n",
		}), fact.ProxySetting{HTTP: "http://p:20", No: "30", Source: "file /run/systemd/system/" + packageUnit + ".d/20.conf"}},
		{"password with an escaped percent sign", system(deb, drop(packageUnit, "a.conf", "[Service]\r\nEnvironment=\"https_proxy=http://u:a%%40b@p:1\"\r\n")),
			fact.ProxySetting{HTTPS: "http://p:1", Credentials: true, Source: "file " + unitDir + packageUnit + ".d/a.conf"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, s := read(t, c.tree, nil)
			if a.Proxy != c.want {
				t.Errorf("got  %+v\nwant %+v", a.Proxy, c.want)
			}
			if want := map[bool]fact.Status{true: fact.OK, false: fact.NotRun}[c.want.Set()]; a.ProxyRun.Status != want {
				t.Errorf("proxy_run %+v", a.ProxyRun)
			}
			if c.want.Credentials {
				if pw, _ := s.HTTPSProxy.User.Password(); pw != "a@b" {
					t.Errorf("password %q", pw)
				}
			}
		})
	}
}

func TestUnitWords(t *testing.T) {
	for in, want := range map[string][]string{
		`a b`:                 {"a", "b"},
		`"a b" 'c "d"'`:       {"a b", `c "d"`},
		`A="b c"d`:            {"A=b cd"},
		`a\x41\s\"\q\\`:       {`aA "\q\`},
		`"" x`:                {"", "x"},
		`"never closed word`:  {"never closed word"},
		`trailing\`:           {`trailing\`},
		"\t  ":                nil,
		`no\x00zero bytes\x4`: {`no\x00zero`, `bytes\x4`},
	} {
		if got := unitWords(in); !slices.Equal(got, want) {
			t.Errorf("unitWords(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestSecretsJSON(t *testing.T) {
	if b, err := json.Marshal(Secrets{NoProxy: "x"}); err != nil || string(b) != "{}" {
		t.Errorf("%s, %v", b, err)
	}
}

func TestEnvironmentFileTrouble(t *testing.T) {
	drop := tree{unitDir + packageUnit + ".d/a.conf": "[Service]\nEnvironmentFile=/etc/e\n"}
	for name, c := range map[string]struct {
		tree tree
		want fact.Class
	}{
		"absent":    {nil, fact.NotFound}, // systemd does not start the unit then
		"huge":      {tree{"/etc/e": strings.Repeat("x", maxUnitFile+1)}, fact.TooLarge},
		"directory": {tree{"/etc/e/x": ""}, fact.Malformed},
	} {
		a, _ := read(t, system(deb, drop, c.tree), nil)
		if a.ProxyRun.Status != fact.Failed || a.ProxyRun.Class != c.want {
			t.Errorf("%s: %+v", name, a.ProxyRun)
		}
	}
	a, _ := read(t, system(deb, drop, tree{"/etc/e": "\x00\xff=\nhttps_proxy\nAWS_SECRET=hunter2\nhttp_proxy=http://u:hunter2@p:1"}), nil)
	if j := asJSON(t, a); strings.Contains(j, "hunter2") || a.Proxy.HTTP != "http://p:1" || !a.Proxy.Credentials {
		t.Errorf("%s", j)
	}
}

func TestEnvValue(t *testing.T) {
	for in, want := range map[string]string{
		`a b`:        "a b",
		`"a b"c`:     "a bc",
		`'a\b'`:      `a\b`,
		`"a\$b\c\""`: `a$b\c"`,
		`a\ b\\`:     `a b\`,
		`"never`:     "never",
		`\`:          `\`,
	} {
		if got := envValue(in); got != want {
			t.Errorf("envValue(%q) = %q, want %q", in, got, want)
		}
	}
}
