package probe

import (
	"strings"
	"testing"

	"vpcdoctor/probe/fact"
)

func TestParseEndpoint(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want Endpoint
		err  string
	}{
		{in: "billing=vpce-0a1.example.internal:8443", want: Endpoint{Name: "billing", Host: "vpce-0a1.example.internal", Port: 8443}},
		{in: "a=b.example", want: Endpoint{Name: "a", Host: "b.example", Port: 443}},
		{in: "a=b.example.", want: Endpoint{Name: "a", Host: "b.example", Port: 443}},
		{in: "a=10.0.0.9", want: Endpoint{Name: "a", Host: "10.0.0.9", Port: 443}},
		{in: "a=10.0.0.9:9000", want: Endpoint{Name: "a", Host: "10.0.0.9", Port: 9000}},
		{in: "a=fd00::9", want: Endpoint{Name: "a", Host: "fd00::9", Port: 443}},
		{in: "a=[fd00::9]:9000", want: Endpoint{Name: "a", Host: "fd00::9", Port: 9000}},
		{in: "a=b,cidr=10.8.0.0/16,azs=3,tls-name=pay.example.", want: Endpoint{Name: "a", Host: "b", Port: 443, CIDR: "10.8.0.0/16", AZs: 3, TLSName: "pay.example"}},
		{in: "a=[fd00::9]:9000,plain,cidr=fd00::/8", want: Endpoint{Name: "a", Host: "fd00::9", Port: 9000, Plain: true, CIDR: "fd00::/8"}},
		{in: "a=b,", want: Endpoint{Name: "a", Host: "b", Port: 443}},
		{in: "a=b,,plain", err: `"": want cidr=`},
		{in: "a=b,plain=no", err: `"plain=no": want cidr=`},
		{in: "a=b,zones=3", err: `"zones=3": want cidr=`},
		{in: "a=b,cidr=", err: `"cidr=": want cidr=`},
		{in: "a=b,cidr=10.8.0.0", err: "not a block"},
		{in: "a=b,azs=-1", err: "azs is a number"},
		{in: "a=b,azs=200", err: "azs 200"},
		{in: "a=b,tls-name=x y", err: "not a host name"},
		{in: "a=b,tls-name=x,plain", err: "exclude each other"},
		{in: "a,cidr=10.8.0.0/16", err: "want name=host"},
		{in: "billing", err: "want name=host"},
		{in: "=host", err: "want name=host"},
		{in: "a=", err: "want name=host"},
		{in: "a=b:https", err: "not a number"},
		{in: "a=b:70000", err: "not a number"},
		{in: "a=b:0", err: "port 0"},
		{in: "mail=b:25", err: "port 25"},
		{in: "a=b..c", err: "not a host name"},
		{in: "a=b\x1b[31m", err: "not a host name"},
		{in: "two words=b", err: "letters, digits and hyphens"},
	} {
		got, err := ParseEndpoint(tt.in)
		switch {
		case tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)):
			t.Errorf("ParseEndpoint(%q) = %v, want error with %q", tt.in, err, tt.err)
		case tt.err == "" && (err != nil || got != tt.want):
			t.Errorf("ParseEndpoint(%q) = %+v, %v; want %+v", tt.in, got, err, tt.want)
		}
	}
}

func TestEndpointTargetIsRequired(t *testing.T) {
	e := Endpoint{Name: "billing", Host: "Billing.Example", Port: 9000, Plain: true}
	got := e.Target()
	if got.Need != fact.NeedRequired || got.Host != "billing.example" || got.Ports[0].TLS {
		t.Errorf("Target() = %+v: want required, lower-case host, no TLS", got)
	}
}

func FuzzParseEndpoint(f *testing.F) {
	for _, s := range []string{"a=b:1", "a=[::1]:2", "=", "a==b", "a=b:c:d", "a=b,cidr=::/0,azs=2,tls-name=c,plain"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e, err := ParseEndpoint(s)
		if err == nil && (e.Name == "" || e.Host == "" || e.Port == 0 || e.Port == 25) {
			t.Errorf("ParseEndpoint(%q) accepted %+v", s, e)
		}
	})
}
