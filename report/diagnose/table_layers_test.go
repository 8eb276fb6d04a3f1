package diagnose

import (
	"net/netip"
	"testing"
	"time"

	"vpcdoctor/probe/fact"
)

var stubAt = netip.MustParseAddrPort("127.0.0.53:53")

// stub puts a stub before the servers; it has this address for ssm, which does
// not answer, and the VPC's resolver behind it has the right one.
func (w world) stub(a string) {
	w.Resolver.Servers, w.Resolver.Upstreams = []netip.AddrPort{stubAt}, []netip.AddrPort{vpcPlus}
	for _, t := range w.Targets {
		for i := range w.Lookups {
			if w.Lookups[i].Name == t.Host && w.Lookups[i].Via == fact.ViaConfigured {
				w.Lookups[i].Server = stubAt
			}
		}
	}
	w.lookup(host("ssm"), fact.ViaConfigured, stubAt, fact.Outcome{}, a)
	w.answer(host("ssm"), a)
	w.silent(a)
}

// counted asks the stub twice, 2 s apart, with these TTLs.
func (w world) counted(first, second uint32) {
	l := fact.Lookup{Outcome: ok(ms), Name: host("ssm"), Type: "A", Server: stubAt, Via: fact.ViaConfigured, Transport: "udp", Addrs: addrs([]string{"10.192.20.99"}), TTL: first}
	m := l
	m.Start, m.TTL = start.Add(2*time.Second), second
	w.DNS.Countdowns = []fact.Countdown{{Lookups: []fact.Lookup{l, m}}}
}

func (w world) system(name string, as ...string) {
	l := fact.Lookup{Outcome: ok(ms), Name: name, Type: "A", Via: fact.ViaOS, Transport: fact.TransportGetent, Attempt: 1, Addrs: addrs(as)}
	if len(as) == 0 {
		l.Outcome = failed(fact.Unresolved, ms)
	}
	w.DNS.Lookups = append(w.DNS.Lookups, l)
}

var layerFirings = []firing{
	{code: "DN-18", sev: SevError,
		make: func(w world) { w.stub("10.192.20.99"); w.counted(3600, 3600) },
		miss: func(w world) { w.counted(3600, 3598) }}, // DN-19
	{code: "DN-19", sev: SevError,
		make: func(w world) { w.stub("10.192.20.99"); w.counted(47, 45) },
		miss: func(w world) { w.lookup(host("ssm"), fact.ViaVPC, vpcDNS, fact.Outcome{}, "10.192.20.99") }}, // the VPC says so too: SG-02
	{code: "DN-19", sev: SevWarning, // the system's own cache
		make: func(w world) { w.system(host("ssm"), "10.192.20.99") },
		miss: func(w world) { w.DNS.Lookups[0].Addrs = addrs([]string{"10.192.10.11"}) }},
	{code: "DN-19", sev: SevWarning,
		make: func(w world) { w.system(host("ssm")) },
		miss: func(w world) { w.DNS.Lookups[0].Outcome = failed(fact.Timeout, 2*time.Second) }}, // slow, or a busy host: info
	{code: "DN-05", sev: SevError, // a server of one's own has another private address, which is dead
		make: func(w world) {
			w.customDNS("10.1.1.1:53", "10.192.20.99")
			w.silent("10.192.20.99")
		},
		miss: func(w world) {
			for _, t := range w.Targets {
				w.lookup(t.Host, fact.ViaVPC, vpcDNS, fact.Outcome{}, "10.192.20.99")
			}
		}},
	{code: "DN-23", sev: SevError, // the stub still has the public address of before
		make: func(w world) {
			w.stub("52.82.188.9")
			w.counted(47, 45)
		},
		miss: func(w world) { w.counted(60, 60) }}, // DN-05: a record of its own
	{code: "DN-20", sev: SevError,
		make: func(w world) {
			w.system(host("ssm"), "203.0.113.9")
			l := fact.Lookup{Outcome: ok(ms), Name: host("ssm") + ".corp.example", Type: "A", Server: vpcPlus, Via: fact.ViaSearch, Transport: "udp", Attempt: 1, Addrs: addrs([]string{"203.0.113.9"})}
			w.DNS.Searches = []fact.Search{{Name: host("ssm"), Domain: "corp.example", First: true, Lookup: l}}
		},
		miss: func(w world) { w.DNS.Lookups[0].Addrs = addrs([]string{"10.192.10.11"}) }},
	{code: "OS-01", sev: SevError, // UDP to the VPC resolver is dropped here, TCP is not
		make: func(w world) {
			for _, t := range w.Targets {
				w.unresolved(t.Host, failed(fact.Timeout, time.Second), failed(fact.Timeout, time.Second))
				w.DNS.Lookups = append(w.DNS.Lookups, fact.Lookup{Outcome: ok(ms), Name: t.Host, Type: "A", Server: vpcDNS, Via: fact.ViaVPC, Transport: "tcp", Attempt: 1, RCode: "NOERROR", Addrs: addrs([]string{"10.192.10.11"})})
			}
		},
		miss: func(w world) { w.DNS.Lookups = nil }}, // DN-04
	{code: "GW-05", sev: SevWarning,
		make: func(w world) { w.objects(403, 403) },
		miss: func(w world) { w.Objects[0].HTTPStatus = 200 }}, // info: one may have moved
	{code: "GW-05", sev: SevWarning, // another Region is behind routers, our own S3 is not: a gateway endpoint
		make: func(w world) {
			w.objects(403, 403)
			w.traces(0, 2)
		},
		miss: func(w world) { w.Traces = nil; w.traces(2, 2) }}, // by NAT, where no policy is
	{code: "GW-05", sev: SevInfo,
		make: func(w world) { w.objects(403, 200) },
		miss: func(w world) { w.Objects[0].RequestID = "" }}, // not S3 that says so
}

// traces are those to the S3 that refused the objects and to another Region's,
// with that many routers on the way.
func (w world) traces(here, there int) {
	for i, n := range []int{here, there} {
		at := netip.MustParseAddrPort([]string{"52.82.188.1:443", "54.222.50.1:443"}[i])
		t := fact.Trace{Outcome: ok(ms), Addr: at, Reached: n + 1}
		for k := range n {
			t.Hops = append(t.Hops, fact.Hop{TTL: k + 1, From: netip.MustParseAddr("100.65.8.1"), ICMP: "time_exceeded"})
		}
		w.Traces = append(w.Traces, t)
		if i == 0 {
			for k := range w.Objects {
				w.Objects[k].Addr = at
			}
			w.Addresses = append(w.Addresses, fact.Address{Addr: at.Addr(), Class: fact.PublicAWS})
		}
	}
}

func (w world) objects(status ...int) {
	for i, s := range status {
		b := []string{"amazon-ssm-" + region, region + "-birdwatcher-prod"}[i]
		w.Objects = append(w.Objects, fact.Object{Outcome: ok(ms), ID: b, Purpose: "agent update", Bucket: b, Host: "s3." + region + "." + suffix, Path: "/" + b + "/latest/VERSION", HTTPStatus: s, RequestID: "R1"})
	}
}

// The hosts file is proved at fault when the system hands out its line.
func TestHostsProof(t *testing.T) {
	w := healthy()
	w.answer(host("ssm"), "10.192.20.99")
	w.Answers[len(w.Answers)-1].Source, w.Answers[len(w.Answers)-1].Line = "hosts", 3
	w.silent("10.192.20.99")
	if f := find(Run(w.Set, Options{}), "DN-15"); f == nil || f.Confidence != Likely {
		t.Errorf("%+v", f)
	}
	w.system(host("ssm"), "10.192.20.99")
	v := Run(w.Set, Options{})
	invariants(t, w.Set, v)
	if f := find(v, "DN-15"); f == nil || f.Confidence != Proved {
		t.Errorf("%s", outline(v))
	}
}
