package proxyenv

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"vpcdoctor/probe/fact"
)

func env(kv ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(kv); i += 2 {
			if kv[i] == name {
				return kv[i+1]
			}
		}
		return ""
	}
}

func TestRead(t *testing.T) {
	for _, c := range []struct {
		name string
		env  []string
		want fact.ProxySetting
	}{
		{"nothing set", nil, fact.ProxySetting{}},
		{"plain", []string{"https_proxy", "http://proxy.corp:3128", "no_proxy", "169.254.169.254,.internal"},
			fact.ProxySetting{HTTPS: "http://proxy.corp:3128", No: "169.254.169.254,.internal", Source: "x"}},
		{"upper case wins, as in Go", []string{"https_proxy", "http://lower:1", "HTTPS_PROXY", "http://upper:2"},
			fact.ProxySetting{HTTPS: "http://upper:2", Source: "x"}},
		{"an empty upper-case variable does not hide the lower-case one", []string{"HTTPS_PROXY", "", "https_proxy", "http://lower:1"},
			fact.ProxySetting{HTTPS: "http://lower:1", Source: "x"}},
		{"no scheme", []string{"HTTPS_PROXY", "proxy.corp:3128", "HTTP_PROXY", "10.0.0.9"},
			fact.ProxySetting{HTTPS: "http://proxy.corp:3128", HTTP: "http://10.0.0.9:80", Source: "x"}},
		{"default ports", []string{"HTTPS_PROXY", "https://proxy.corp", "all_proxy", "socks5://s"},
			fact.ProxySetting{HTTPS: "https://proxy.corp:443", All: "socks5://s:1080", Source: "x"}},
		{"an IPv6 literal", []string{"HTTPS_PROXY", "http://[fd00::9]:3128"},
			fact.ProxySetting{HTTPS: "http://[fd00::9]:3128", Source: "x"}},
		{"credentials are dropped", []string{"HTTPS_PROXY", "http://user:s3cret@proxy.corp:3128/path?q=s3cret"},
			fact.ProxySetting{HTTPS: "http://proxy.corp:3128", Credentials: true, Source: "x"}},
		{"an unescaped slash in a password", []string{"HTTPS_PROXY", "http://user:12/s3cret@proxy.corp:3128"},
			fact.ProxySetting{Malformed: "HTTPS_PROXY", Credentials: true, Source: "x"}},
		{"an unescaped number sign in a password", []string{"HTTPS_PROXY", "http://user:s3cret#x@proxy.corp:3128"},
			fact.ProxySetting{Malformed: "HTTPS_PROXY", Credentials: true, Source: "x"}},
		{"not a URL", []string{"http_proxy", "http://proxy corp:3128"},
			fact.ProxySetting{Malformed: "http_proxy", Source: "x"}},
		{"a port out of range", []string{"https_proxy", "http://proxy.corp:99999"},
			fact.ProxySetting{Malformed: "https_proxy", Source: "x"}},
		{"a URL pasted into no_proxy", []string{"no_proxy", "a.b,http://user:s3cret@proxy.corp:3128,c"},
			fact.ProxySetting{No: "a.b,proxy.corp:3128,c", Source: "x"}},
		{"control characters", []string{"no_proxy", "a\x1b[31m,b"},
			fact.ProxySetting{No: "a?[31m,b", Source: "x"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Read(env(c.env...), "x").Setting
			if got != c.want {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
			if b, _ := json.Marshal(got); strings.Contains(string(b), "s3cret") {
				t.Errorf("the fact holds a password: %s", b)
			}
		})
	}
}

func TestReadKeepsCredentialsForTheTunnel(t *testing.T) {
	p := Read(env("HTTPS_PROXY", "http://user:p%40ss=1@proxy.corp:3128", "no_proxy", "a"), "x")
	if pw, _ := p.HTTPS.User.Password(); pw != "p@ss=1" || p.HTTPS.Host != "proxy.corp:3128" {
		t.Errorf("proxy URL is %v", p.HTTPS.Redacted())
	}
	if p.NoProxy != "a" || p.HTTP != nil {
		t.Errorf("NoProxy %q, HTTP %v", p.NoProxy, p.HTTP)
	}
}

// TestReadAgreesWithNetHTTP holds the choice between the two spellings against
// what the standard library does in this very Go version.
func TestReadAgreesWithNetHTTP(t *testing.T) {
	vars := map[string]string{"HTTPS_PROXY": "http://upper.corp:1", "https_proxy": "http://lower.corp:2", "NO_PROXY": "", "no_proxy": "", "REQUEST_METHOD": ""}
	for k, v := range vars {
		t.Setenv(k, v)
	}
	u, err := http.ProxyFromEnvironment(&http.Request{URL: &url.URL{Scheme: "https", Host: "ssm.us-east-1.amazonaws.com"}})
	if err != nil || u == nil {
		t.Fatalf("net/http finds no proxy: %v, %v", u, err)
	}
	if got := Read(func(n string) string { return vars[n] }, "x").HTTPS; got.Host != u.Host {
		t.Errorf("net/http takes %s, we take %s", u.Host, got.Host)
	}
}

func FuzzRead(f *testing.F) {
	f.Add("http://user:pass@proxy:3128", "a,b")
	f.Add("proxy:3128", "u:p@h")
	f.Add("http://[::1%25eth0]:1/@", "*")
	f.Add("a:b/c@d:1", "")
	f.Fuzz(func(t *testing.T, server, no string) {
		p := Read(env("HTTPS_PROXY", server, "no_proxy", no), "x")
		for _, s := range []string{p.Setting.HTTPS, p.Setting.No} {
			if strings.Contains(s, "@") {
				t.Errorf("%q holds user information", s)
			}
			for _, r := range s {
				if r < 0x20 || r > 0x7e {
					t.Errorf("%q is not printable", s)
				}
			}
		}
		if p.HTTPS != nil && p.Setting.HTTPS == "" {
			t.Error("a proxy without its fact")
		}
	})
}
