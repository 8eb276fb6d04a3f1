package hostname

import (
	"strings"
	"testing"
)

func TestEndpoint(t *testing.T) {
	for in, want := range map[string]string{
		"ssm.us-east-1.amazonaws.com":                 "ssm.us-east-1.amazonaws.com",
		"https://SSM.cn-north-1.amazonaws.com.cn/":    "ssm.cn-north-1.amazonaws.com.cn",
		"wss://user:secret@gw.corp.example:8443/x?y#": "gw.corp.example:8443",
		"monitoring.us-east-1.amazonaws.com.":         "monitoring.us-east-1.amazonaws.com",
		"http://[fd00::5]:8080/":                      "[fd00::5]:8080",
		"[fd00::5]":                                   "[fd00::5]",
		"":                                            "",
		"host:0":                                      "",
		"host:70000":                                  "",
		"-bad.example":                                "",
		"under_score.example":                         "",
		"a b.example":                                 "",
		"[fe80::1%eth0]":                              "",
		"\x1b[31mred.example":                         "",
		strings.Repeat("a", 64) + ".example":          "",
		"a.b":                                         "a.b",
		"https://A.b:8443/p":                          "a.b:8443",
		"10.0.0.9":                                    "10.0.0.9",
		"https://[FD00::9]/":                          "[fd00::9]",
		"[fd00::9]:8443":                              "[fd00::9]:8443",
		"http://u:p@a.b":                              "a.b",
		"fd00::9":                                     "",
		"[fd00::9":                                    "",
		"[fd00::9%eth0]":                              "",
		"[::]:0":                                      "",
		"a.b:0":                                       "",
		"-a.b":                                        "",
		"a..b":                                        "",
		"a_b":                                         "",
		"https://":                                    "",
		"a.b\x1b[2J":                                  "",
		strings.Repeat("a", 64):                       "",
	} {
		got, ok := Endpoint(in)
		if got != want || ok != (want != "") {
			t.Errorf("Endpoint(%q) = %q, %v; want %q", in, got, ok, want)
		}
	}
}

func FuzzEndpoint(f *testing.F) {
	for _, s := range []string{"https://a.b:1/", "[::1]:2", "a..b", "x@y@z", "[", "::"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		host, ok := Endpoint(s)
		if !ok {
			if host != "" {
				t.Errorf("refused %q and still gave %q", s, host)
			}
			return
		}
		if strings.ContainsAny(host, " /@\x1b\n") || len(host) > 260 {
			t.Errorf("Endpoint(%q) = %q", s, host)
		}
		if again, ok := Endpoint(host); !ok || again != host {
			t.Errorf("not stable: %q -> %q -> %q", s, host, again)
		}
	})
}
