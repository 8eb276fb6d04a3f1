package dial

import (
	"net"
	"net/url"
	"strconv"
	"testing"
	"unicode/utf8"

	"golang.org/x/net/http/httpproxy"
)

// FuzzNoProxy holds NoProxy against the package whose rules it states.
func FuzzNoProxy(f *testing.F) {
	for _, s := range [][2]string{
		{"ssm.us-east-1.amazonaws.com", ".amazonaws.com"}, {"ssm.us-east-1.amazonaws.com", "*.amazonaws.com"},
		{"ssm.us-east-1.amazonaws.com", "amazonaws.com, 169.254.169.254"}, {"10.0.1.5", "10.0.0.0/8,fd00::/8"},
		{"169.254.169.254", "169.254.169.254:80,169.254.169.254:443"}, {"fd00:ec2::254", "[fd00:ec2::254]:443"},
		{"::ffff:10.0.0.1", "10.0.0.1"}, {"localhost", ""}, {"LOCALHOST", "localhost"}, {"a.b", "*"}, {"a.b.", "*."},
		{"a.b", ":443,a.b:80,a.b:443"}, {"127.0.0.9", ""}, {"a.b", " A.B "}, {"xa.b", "a.b"}, {"a.b", "a.b:x"},
	} {
		f.Add(s[0], uint16(443), s[1])
	}
	f.Fuzz(func(t *testing.T, host string, port uint16, list string) {
		for i := range len(host) {
			// What url.URL cannot carry is no host of ours either.
			if c := host[i]; c <= ' ' || c >= utf8.RuneSelf || c == '%' || c == '[' || c == ']' || c == '/' || c == '@' {
				t.Skip("not a host")
			}
		}
		for i := range len(list) {
			if list[i] >= utf8.RuneSelf {
				t.Skip("international names match nothing here")
			}
		}
		judge := (&httpproxy.Config{HTTPSProxy: "http://proxy.invalid:1", NoProxy: list}).ProxyFunc()
		u, err := judge(&url.URL{Scheme: "https", Host: net.JoinHostPort(host, strconv.Itoa(int(port)))})
		want := err == nil && u == nil
		if got := NoProxy(host, port, list); got != want {
			t.Errorf("NoProxy(%q, %d, %q) = %v, package httpproxy says %v", host, port, list, got, want)
		}
	})
}
