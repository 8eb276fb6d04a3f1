package fact

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const ssm = "ssm.us-east-1.amazonaws.com"

var (
	vpcServer  = netip.MustParseAddrPort("169.254.169.253:53")
	plusTwo    = netip.MustParseAddrPort("10.0.0.2:53")
	corpServer = netip.MustParseAddrPort("10.9.0.53:53")
	stubServer = netip.MustParseAddrPort("127.0.0.53:53")
)

// said is a lookup of the test name that was answered: with addresses, or with
// the class that comes in their place.
func said(via string, server netip.AddrPort, answer string) Lookup {
	l := Lookup{Outcome: Outcome{Status: OK}, Name: ssm, Type: "A", Server: server, Via: via, Transport: "udp", Attempt: 1, RCode: "NOERROR"}
	if via == ViaOS {
		l.Transport, l.RCode = TransportGetent, ""
	}
	for _, w := range strings.Fields(answer) {
		if a, err := netip.ParseAddr(w); err == nil {
			l.Addrs = append(l.Addrs, a)
			continue
		}
		l.Status, l.Class = Failed, Class(w)
		if l.Class == Timeout {
			l.RCode = ""
		}
	}
	return l
}

func text(ds []Departure) string {
	var out []string
	for _, d := range ds {
		out = append(out, string(d.Inner.Layer)+">"+string(d.Outer.Layer)+" "+d.Outer.Key)
	}
	return strings.Join(out, "; ")
}

func TestDepartures(t *testing.T) {
	vpc := said(ViaVPC, vpcServer, "10.0.1.5 10.0.2.5")
	configured := func(answer string) Lookup { return said(ViaConfigured, corpServer, answer) }
	const at = "lookup:" + ssm + "/A@"
	tests := []struct {
		name    string
		lookups []Lookup
		more    []Lookup
		hosts   string
		want    string
	}{
		{"all agree", []Lookup{configured("10.0.1.5"), vpc}, []Lookup{said(ViaOS, netip.AddrPort{}, "10.0.1.5")}, "10.0.1.5", ""},
		{"custom DNS does not forward", []Lookup{configured("52.94.1.1"), vpc}, nil, "", "vpc>configured " + at + "10.9.0.53:53/udp"},
		{"hosts file", []Lookup{configured("10.0.1.5"), vpc}, []Lookup{said(ViaOS, netip.AddrPort{}, "10.7.7.7")}, "10.7.7.7",
			"configured>os " + at + "os/getent"},
		{"hosts file alone", []Lookup{vpc}, nil, "10.7.7.7", "vpc>hosts answer:" + ssm},
		{"stub and not its upstream", []Lookup{said(ViaConfigured, stubServer, "servfail"), vpc}, []Lookup{said(ViaUpstream, corpServer, "10.0.1.5")}, "",
			"upstream>stub " + at + "127.0.0.53:53/udp"},
		{"upstream, the stub passes it on", []Lookup{said(ViaConfigured, stubServer, "nxdomain"), vpc}, []Lookup{said(ViaUpstream, corpServer, "nxdomain")}, "",
			"vpc>upstream " + at + "10.9.0.53:53/udp"},
		{"a dead server among two", []Lookup{configured("timeout"), said(ViaConfigured, plusTwo, "10.0.1.5"), vpc}, []Lookup{said(ViaOS, netip.AddrPort{}, "10.0.1.5")}, "",
			"vpc>configured " + at + "10.9.0.53:53/udp"},
		{"silent VPC resolver is no yardstick", []Lookup{configured("52.94.1.1"), said(ViaVPC, vpcServer, "timeout")}, nil, "", ""},
		{"the system gives no reason", []Lookup{configured("servfail"), said(ViaVPC, vpcServer, "servfail")}, []Lookup{said(ViaOS, netip.AddrPort{}, "unresolved")}, "", ""},
		{"the system fails alone", []Lookup{configured("10.0.1.5"), vpc}, []Lookup{said(ViaOS, netip.AddrPort{}, "unresolved")}, "", "configured>os " + at + "os/getent"},
		{"nodata is not nxdomain", []Lookup{configured("nodata"), said(ViaVPC, vpcServer, "nxdomain")}, nil, "", "vpc>configured " + at + "10.9.0.53:53/udp"},
		{"public addresses rotate", []Lookup{configured("52.94.1.1"), said(ViaVPC, vpcServer, "52.94.2.2")}, nil, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := &Set{Lookups: tt.lookups, DNS: DNSDiff{Lookups: tt.more}}
			if tt.hosts != "" {
				s.Resolver.Hosts = []HostsLine{{Line: 7, Addr: netip.MustParseAddr(tt.hosts), Name: ssm}, {Line: 8, Addr: netip.MustParseAddr("::1"), Name: ssm}}
			}
			for _, a := range []string{"52.94.1.1", "52.94.2.2"} {
				s.Addresses = append(s.Addresses, Address{Addr: netip.MustParseAddr(a), Class: PublicAWS, Service: "AMAZON"})
			}
			if got := text(s.Views(ssm, "A").Departures(s.SameAnswer)); got != tt.want {
				t.Errorf("departures %q\nwant       %q", got, tt.want)
			}
		})
	}
}

func TestViews(t *testing.T) {
	late := said(ViaConfigured, corpServer, "10.0.1.5")
	late.Attempt = 2
	cut := said(ViaVPC, vpcServer, "timeout")
	cut.CutByBudget = true
	truncated := said(ViaVPC, plusTwo, "10.0.1.5")
	truncated.Truncated, truncated.Addrs = true, nil
	tcp := said(ViaVPC, plusTwo, "10.0.1.5 10.0.2.5")
	tcp.Transport = "tcp"
	other := said(ViaVPC, vpcServer, "10.1.1.1")
	other.Name = "other.example"
	s := &Set{
		Lookups:  []Lookup{said(ViaConfigured, corpServer, "timeout"), late, cut, tcp, truncated, other, said(ViaSearch, corpServer, "10.4.4.4")},
		Resolver: Resolver{Hosts: []HostsLine{{Line: 7, Addr: netip.MustParseAddr("10.7.7.7"), Name: ssm}}},
	}
	var got []string
	for _, v := range s.Views(strings.ToUpper(ssm)+".", "A") {
		got = append(got, string(v.Layer)+" "+v.Key[strings.LastIndexByte(v.Key, '/')+1:])
	}
	if diff := cmp.Diff([]string{"vpc tcp", "configured udp#2", "hosts answer:" + ssm}, got); diff != "" {
		t.Error(diff)
	}
	if h := s.Views(ssm, "A").Of(LayerHosts); len(h) != 1 || h[0].Line != 7 {
		t.Errorf("hosts %+v", h)
	}
	if h := s.Views(ssm, "AAAA"); len(h) != 0 {
		t.Errorf("AAAA %+v", h)
	}
}

func TestSameAnswer(t *testing.T) {
	s := &Set{Addresses: []Address{
		{Addr: netip.MustParseAddr("52.1.1.1"), Class: PublicAWS, Service: "S3"},
		{Addr: netip.MustParseAddr("52.1.1.2"), Class: PublicAWS, Service: "S3"},
		{Addr: netip.MustParseAddr("52.1.1.3"), Class: PublicAWS, Service: "AMAZON"},
		{Addr: netip.MustParseAddr("10.0.0.1"), Class: OwnVPC}, {Addr: netip.MustParseAddr("10.0.0.2"), Class: OwnVPC},
	}}
	list := func(words string) (out []netip.Addr) {
		for _, w := range strings.Fields(words) {
			out = append(out, netip.MustParseAddr(w))
		}
		return out
	}
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"10.0.0.1", "10.0.0.1 10.0.0.2", true},
		{"10.0.0.1", "10.0.0.2", false},
		{"52.1.1.1", "52.1.1.2", true},
		{"52.1.1.1", "52.1.1.3", false},
		{"52.1.1.1", "10.0.0.1", false},
		{"8.8.8.8", "9.9.9.9", false},
		{"", "", false},
		{"52.1.1.1", "", false},
	} {
		if got := s.SameAnswer(list(tt.a), list(tt.b)); got != tt.want {
			t.Errorf("%s and %s: %v", tt.a, tt.b, got)
		}
	}
}

func TestCountdown(t *testing.T) {
	start := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	at := func(s float64, ttl uint32) Lookup {
		l := said(ViaConfigured, corpServer, "10.0.0.1")
		l.Start, l.TTL = start.Add(time.Duration(s*float64(time.Second))), ttl
		return l
	}
	failed := said(ViaConfigured, corpServer, "timeout")
	for _, tt := range []struct {
		name          string
		lookups       []Lookup
		cached, known bool
	}{
		{"counts down", []Lookup{at(0, 47), at(2, 45)}, true, true},
		{"rounded", []Lookup{at(0, 47), at(2.1, 44)}, true, true},
		{"stands still", []Lookup{at(0, 60), at(2, 60)}, false, true},
		{"another record", []Lookup{at(0, 300), at(2, 60)}, false, true},
		{"renewed", []Lookup{at(0, 1), at(2, 60)}, false, true},
		{"too soon", []Lookup{at(0, 60), at(0.5, 59)}, false, false},
		{"one answer", []Lookup{at(0, 60), failed}, false, false},
		{"none", nil, false, false},
	} {
		if cached, known := (Countdown{Lookups: tt.lookups}).Cached(); cached != tt.cached || known != tt.known {
			t.Errorf("%s: %v, %v", tt.name, cached, known)
		}
	}
}

func TestDiffFactsSurviveJSON(t *testing.T) {
	s := Set{
		DNS: DNSDiff{
			Lookups:    []Lookup{said(ViaOS, netip.AddrPort{}, "10.0.0.1")},
			Searches:   []Search{{Name: "a", Domain: "b", First: true, Lookup: said(ViaSearch, corpServer, "nxdomain")}},
			Wildcards:  []Wildcard{{Parent: "p", Lookup: said(ViaRandom, corpServer, "10.0.0.1")}},
			Countdowns: []Countdown{{Lookups: []Lookup{said(ViaConfigured, corpServer, "10.0.0.1")}}},
			Dropped:    []string{"x"},
		},
		Times:   []TimeSample{{Outcome: Outcome{Status: OK}, Source: TimeSNTP, Server: vpcServer, Offset: Duration(-90 * time.Second), RTT: Duration(time.Millisecond)}},
		Objects: []Object{{Outcome: Skip("x"), ID: "i", Bucket: "b", Host: "h", Path: "/b/k"}},
	}
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var back Set
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	same := cmp.Options{cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b }), cmp.Comparer(func(a, b netip.Addr) bool { return a == b }), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })}
	if diff := cmp.Diff(s.DNS, back.DNS, same); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(s.Times, back.Times, same); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(s.Objects, back.Objects, same); diff != "" {
		t.Error(diff)
	}
	if b, _ := json.Marshal(Set{}); strings.Contains(string(b), `"dns":`) {
		t.Error("an empty comparison is written")
	}
}

func TestKeys(t *testing.T) {
	for want, got := range map[string]string{
		"lookup:" + ssm + "/A@os/getent":        said(ViaOS, netip.AddrPort{}, "10.0.0.1").Key(),
		"lookup:" + ssm + "/A@10.0.0.2:53/udp":  said(ViaVPC, plusTwo, "10.0.0.1").Key(),
		"time:sntp/169.254.169.123:123":         TimeSample{Source: TimeSNTP, Server: netip.MustParseAddrPort("169.254.169.123:123")}.Key(),
		"time:imds_date":                        TimeSample{Source: TimeIMDSDate}.Key(),
		"object:amazon-ssm-x/latest/VERSION":    Object{Bucket: "amazon-ssm-x", Path: "/amazon-ssm-x/latest/VERSION"}.Key(),
		"object:aws-ssm-document-attachments-x": Object{Bucket: "aws-ssm-document-attachments-x"}.Key(),
	} {
		if got != want {
			t.Errorf("key %q, want %q", got, want)
		}
	}
}
