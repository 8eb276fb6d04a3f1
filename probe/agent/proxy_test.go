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
