package dial

import (
	"fmt"
	"net"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"vpcdoctor/probe/fact"
)

// exemptions are lists on which Go and curl may differ. Host is what is asked
// for; old is curl's answer before 8.9 where that is another.
var exemptions = []struct {
	list, host string
	goes, curl bool
	old        bool
}{
	{"", host, false, false, false},
	{"*", host, true, true, true},
	{"*", "169.254.169.254", true, true, true},
	{" *", host, true, false, false},
	{"a,*", host, true, false, false},
	{"*.amazonaws.com", host, true, false, false},
	{".amazonaws.com", host, true, true, true},
	{"amazonaws.com", host, true, true, true},
	{"AmazonAWS.com", strings.ToUpper(host), true, true, true},
	{".us-east-1.amazonaws.com", "us-east-1.amazonaws.com", false, true, true},
	{"us-east-1.amazonaws.com", "xus-east-1.amazonaws.com", false, false, false},
	{"com", host, true, true, true},
	{host, host, true, true, true},
	{host + ".", host, false, true, true},
	{host, host + ".", false, true, true},
	{host + ":443", host, true, false, false},
	{host + ":80", host, false, false, false},
	{"http://" + host, host, false, false, false},
	{"a, " + host, host, true, true, true},
	{"a ," + host, host, true, true, true},
	{"a,,, " + host, host, true, true, true},
	{"a " + host, host, false, false, true},
	{host + " a", host, false, true, true},
	{"a;" + host, host, false, false, false},
	{"a\t,\t" + host, host, true, true, true},
	{"169.254.169.254", "169.254.169.254", true, true, true},
	{"169.254.0.0/16", "169.254.169.254", true, true, true},
	{"169.254.0.0/16", "169.253.169.254", false, false, false},
	{"169.254.169.0/31", "169.254.169.254", false, false, false},
	{"169.254.169.254/33", "169.254.169.254", false, false, false},
	{"169.254.169.254/", "169.254.169.254", false, false, true},
	{"0.0.0.0/0", "169.254.169.254", true, false, false},
	{"169.254.", "169.254.169.254", false, false, false},
	{".169.254", "169.254.169.254", false, false, false},
	{"169.254.*", "169.254.169.254", false, false, false},
	{"10.0.0.0/8", host, false, false, false},
	{"fd00:ec2::/32", "fd00:ec2::254", true, true, true},
	{"fd00:ec2::254", "fd00:ec2::254", true, true, true},
	{"[fd00:ec2::254]", "fd00:ec2::254", false, false, false},
	{"fd00:ec3::/32", "fd00:ec2::254", false, false, false},
	{"10.0.0.0/8", "fd00:ec2::254", false, false, false},
	{".", host, false, false, false},
	{",", host, false, false, false},
	{strings.Repeat("a", 5000) + "," + host, host, true, true, true},
}

func TestNoProxyRules(t *testing.T) {
	for _, c := range exemptions {
		if got := NoProxy(c.host, 443, c.list); got != c.goes {
			t.Errorf("Go: no_proxy %.60q exempts %s: %v", c.list, c.host, got)
		}
		if got := CurlNoProxy(c.host, c.list); got != c.curl {
			t.Errorf("curl: no_proxy %.60q exempts %s: %v", c.list, c.host, got)
		}
	}
	if !NoProxy("localhost", 443, "a") || CurlNoProxy("localhost", "a") || !CurlNoProxy("[fd00:ec2::254]", "fd00:ec2::254") || CurlNoProxy("", "*") {
		t.Error("loopback is exempt in Go only; brackets are no part of a host")
	}
}

// TestNoProxyAgainstCurl lets the real curl judge the same table, on loopback:
// the proxy and every host are ports on which nothing listens.
func TestNoProxyAgainstCurl(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("curl is not installed")
	}
	out, err := exec.Command(curl, "--version").Output()
	var major, minor int
	if n, _ := fmt.Sscanf(string(out), "curl %d.%d", &major, &minor); err != nil || n != 2 {
		t.Skipf("curl does not tell its version: %v", err)
	}
	if major < 7 || major == 7 && minor < 87 {
		t.Skipf("curl %d.%d is older than its rules of today", major, minor)
	}
	isNew := major > 8 || major == 8 && minor >= 9
	proxy := unused(t, "127.0.0.1:0")
	asked := 0
	for _, c := range exemptions {
		if strings.Contains(c.host, ":") {
			continue // 7.86 to 8.x compare the last bits of an IPv6 range the wrong way round
		}
		want := c.curl
		if !isNew {
			want = c.old
		}
		cmd := exec.Command(curl, "-q", "-s", "-S", "-m", "5", "--connect-to", "::127.0.0.2:9", "http://"+c.host+":9/")
		cmd.Env = []string{"http_proxy=http://" + proxy, "no_proxy=" + c.list}
		text, err := cmd.CombinedOutput()
		if err == nil {
			t.Fatalf("curl got an answer from a closed port: %s", text)
		}
		// The complaint names the port that it tried.
		direct := !strings.Contains(string(text), strings.TrimPrefix(proxy, "127.0.0.1:"))
		if direct != want {
			t.Errorf("curl %d.%d: no_proxy %.60q, %s: direct %v; it said %q", major, minor, c.list, c.host, direct, text)
		}
		asked++
	}
	if asked < 30 {
		t.Errorf("only %d lists were tried", asked)
	}
}

// unused is a loopback address on which nothing listens.
func unused(t *testing.T, at string) string {
	t.Helper()
	l, err := net.Listen("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestExempt(t *testing.T) {
	if got := Exempt([]string{host}, "", ""); got != nil {
		t.Errorf("nothing set: %+v", got)
	}
	got := Exempt([]string{host, "169.254.169.254"}, "*.amazonaws.com", "169.254.0.0/16")
	want := []fact.ExemptHost{{Host: host, Go: true}, {Host: "169.254.169.254", Curl: true}}
	if !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
	if n := len(Exempt(make([]string, 99), "a", "a")); n != maxExempt {
		t.Errorf("%d hosts", n)
	}
}

func FuzzCurlNoProxy(f *testing.F) {
	for _, c := range exemptions {
		f.Add(c.host, c.list)
	}
	f.Fuzz(func(t *testing.T, host, list string) {
		if !CurlNoProxy(host, list) {
			return
		}
		if list == "" || host == "" {
			t.Errorf("%q exempts %q", list, host)
		}
		if list != "*" && !CurlNoProxy(host, list+",more.example") {
			t.Errorf("%q exempts %q only while nothing follows", list, host)
		}
	})
}
