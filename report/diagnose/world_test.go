package diagnose

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"vpcdoctor/probe/fact"
)

// The tests build facts by changing one healthy instance: cn-northwest-1, VPC
// 10.192.0.0/16, our subnet 10.192.10.0/24, endpoints there and in
// 10.192.20.0/24.

const (
	region = "cn-northwest-1"
	suffix = "amazonaws.com.cn"
)

var (
	start   = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	vpcDNS  = netip.MustParseAddrPort("169.254.169.253:53")
	vpcPlus = netip.MustParseAddrPort("10.192.0.2:53")
)

type world struct{ *fact.Set }

func host(id string) string { return id + "." + region + "." + suffix }

func ok(took time.Duration) fact.Outcome {
	return fact.Outcome{Status: fact.OK, Start: start, Took: fact.Duration(took)}
}

func failed(c fact.Class, took time.Duration) fact.Outcome {
	return fact.Outcome{Status: fact.Failed, Class: c, Start: start, Took: fact.Duration(took)}
}

// healthy is the base: everything works by private endpoints.
func healthy() world {
	get := func(p string, status int) fact.IMDSGet {
		return fact.IMDSGet{Outcome: ok(time.Millisecond), Path: p, HTTPStatus: status}
	}
	s := &fact.Set{Schema: fact.SchemaVersion, Start: start, End: start.Add(time.Second)}
	s.Run = fact.Run{Version: "0.1.0", UID: 0, Context: "tty", Profiles: []string{"session-manager"}, Expect: "auto"}
	s.Place = fact.Place{Region: region, Source: "imds", Partition: "aws-cn", DNSSuffix: suffix, DualStackSuffix: "api.amazonwebservices.com.cn", SuffixSource: "imds", IMDSRegion: region, Known: true}
	s.Host = fact.Host{OS: "linux", Arch: "amd64", EC2: "yes", Vendor: "Amazon EC2"}
	s.Host.Interfaces = []fact.Interface{
		{Name: "lo", Addrs: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/8")}},
		{Name: "eth0", MTU: 9001, MAC: "02:00:00:00:00:01", Addrs: []netip.Prefix{netip.MustParsePrefix("10.192.10.50/24")}},
	}
	s.Host.Routes = []fact.Route{{Dst: netip.MustParsePrefix("0.0.0.0/0"), Gateway: netip.MustParseAddr("10.192.10.1"), Iface: "eth0"}}
	s.Host.Before, s.Host.After = fact.Counters{At: start}, fact.Counters{At: start.Add(time.Second)}
	s.IMDS = fact.IMDS{
		Token: get("PUT /latest/api/token", 200), V1: fact.IMDSGet{Outcome: failed(fact.HTTPStatus, time.Millisecond), Path: "GET /latest/", HTTPStatus: 401},
		Gets: []fact.IMDSGet{get("instance-id", 200)}, Version: 2, Server: "EC2ws", Puts: 1, GetCount: 2,
		InstanceID: "i-0abc", AccountID: "111122223333", Region: region, AZ: region + "a", Partition: "aws-cn", DNSSuffix: suffix, PublicIPv4Absent: true,
		ENIs: []fact.ENI{{MAC: "02:00:00:00:00:01", Primary: true, InterfaceID: "eni-01", SubnetID: "subnet-01", SubnetCIDR: netip.MustParsePrefix("10.192.10.0/24"),
			VPCID: "vpc-01", VPCCIDRs: []netip.Prefix{netip.MustParsePrefix("10.192.0.0/16")}, SecurityGroupIDs: []string{"sg-01"}}},
		Role: fact.Role{Outcome: ok(time.Millisecond), State: fact.RolePresent, Name: "role-1", Code: "Success", Expires: start.Add(6 * time.Hour)},
	}
	s.Resolver = fact.Resolver{ConfPath: "/etc/resolv.conf", Conf: ok(0), Servers: []netip.AddrPort{vpcPlus}, HostsOrder: []string{"files", "dns"}, VPC: []netip.AddrPort{vpcDNS, vpcPlus}}
	s.Trust = fact.Trust{SystemRoots: 140, ReferenceRoots: 150}
	s.Agent = fact.Agent{
		Access: ok(0), UnitsRun: ok(0), ProcsRun: ok(0), ProxyRun: ok(0), Version: "3.3.987.0", VersionFrom: "package",
		Installs: []fact.AgentInstall{{Kind: "rpm", Path: "/usr/bin/amazon-ssm-agent", Version: "3.3.987.0"}},
		Units:    []fact.AgentUnit{{Name: "amazon-ssm-agent.service", Load: "loaded", Active: "active", Sub: "running", UnitFile: "enabled", MainPID: 700}},
		Procs:    []fact.AgentProc{{PID: 700, Role: "core", Start: start.Add(-time.Hour)}, {PID: 720, Role: "worker", Start: start.Add(-time.Hour)}},
		Config:   fact.AgentConfig{Outcome: ok(0)},
		Identity: fact.AgentIdentity{Outcome: ok(0), InstanceID: "i-0abc", Type: "EC2", Source: "EC2", Retrieved: start.Add(-time.Hour), Expires: start.Add(time.Hour)},
	}
	w := world{s}
	w.target("ssm", fact.NeedRequired, "10.192.10.11", "10.192.20.11")
	w.target("ssmmessages", fact.NeedRequired, "10.192.10.12", "10.192.20.12")
	w.target("kms", fact.NeedOptional, "10.192.10.13", "10.192.20.13")
	return w
}

// target adds a target whose name has these addresses, all of which work.
func (w world) target(id string, need fact.Need, addrs ...string) *fact.Target {
	t := fact.Target{
		ID: id, Host: host(id), Type: "Interface", Service: "com.amazonaws." + region + "." + id, Need: need,
		Ports: []fact.Port{{Number: 443, TLS: true, HTTP: true}}, PrivateDNS: "yes", Confidence: "exact", Availability: "listed", Origin: "catalogue",
		Agent: id == "ssm" || id == "ssmmessages" || id == "ec2messages",
	}
	w.Targets = append(w.Targets, t)
	w.resolves(t.Host, addrs...)
	return &w.Targets[len(w.Targets)-1]
}

func (w world) t(id string) *fact.Target {
	for i := range w.Targets {
		if w.Targets[i].ID == id {
			return &w.Targets[i]
		}
	}
	panic("no target " + id)
}

func addrs(in []string) []netip.Addr {
	var out []netip.Addr
	for _, a := range in {
		out = append(out, netip.MustParseAddr(a))
	}
	return out
}

func classify(a netip.Addr) fact.AddrClass {
	switch {
	case netip.MustParsePrefix("10.192.0.0/16").Contains(a):
		return fact.OwnVPC
	case a.IsLoopback():
		return fact.Loopback
	case a.IsUnspecified():
		return fact.Unspecified
	case netip.MustParsePrefix("64:ff9b::/96").Contains(a):
		return fact.NAT64
	case a.IsPrivate():
		return fact.OtherPrivate
	}
	return fact.PublicAWS
}

// resolves sets what a name resolves to, at both kinds of server, and makes
// every address work.
func (w world) resolves(name string, as ...string) {
	w.lookup(name, fact.ViaConfigured, vpcPlus, fact.Outcome{}, as...)
	w.lookup(name, fact.ViaVPC, vpcDNS, fact.Outcome{}, as...)
	w.answer(name, as...)
}

// answer sets what programs get, without touching the lookups.
func (w world) answer(name string, as ...string) {
	w.Answers = slices.DeleteFunc(w.Answers, func(a fact.Answer) bool { return a.Name == name })
	w.Answers = append(w.Answers, fact.Answer{Name: name, Status: fact.OK, Addrs: addrs(as), Source: "dns", Server: vpcPlus})
	for _, a := range addrs(as) {
		w.address(a)
		at := netip.AddrPortFrom(a, 443)
		w.dialed(at, ok(time.Millisecond), "")
		w.shaken(at, name, good(at, name))
		w.Requests = append(w.Requests, fact.Request{Outcome: ok(time.Millisecond), Addr: at, Host: name, Method: "GET", Path: "/", HTTPStatus: 404, RequestID: "req-1", HasOffset: true})
	}
}

func (w world) address(a netip.Addr) {
	if !slices.ContainsFunc(w.Addresses, func(x fact.Address) bool { return x.Addr == a }) {
		w.Addresses = append(w.Addresses, fact.Address{Addr: a, Class: classify(a), OnLink: netip.MustParsePrefix("10.192.10.0/24").Contains(a)})
	}
}

// lookup replaces the questions for a name by one group of servers.
func (w world) lookup(name, via string, server netip.AddrPort, bad fact.Outcome, as ...string) *fact.Lookup {
	w.Lookups = slices.DeleteFunc(w.Lookups, func(l fact.Lookup) bool { return l.Name == name && l.Via == via })
	l := fact.Lookup{Outcome: ok(time.Millisecond), Name: name, Type: "A", Server: server, Via: via, Transport: "udp", Attempt: 1, RCode: "NOERROR", Addrs: addrs(as), TTL: 60}
	if len(as) == 0 {
		l.Outcome, l.RCode, l.TTL = bad, "", 0
	}
	for _, a := range l.Addrs {
		w.address(a)
	}
	w.Lookups = append(w.Lookups, l)
	return &w.Lookups[len(w.Lookups)-1]
}

// unresolved makes a name fail at both kinds of server.
func (w world) unresolved(name string, conf, vpc fact.Outcome) {
	w.lookup(name, fact.ViaConfigured, vpcPlus, conf)
	if vpc.Status != "" {
		w.lookup(name, fact.ViaVPC, vpcDNS, vpc)
	}
	w.noAnswer(name, conf.Class)
}

func (w world) noAnswer(name string, c fact.Class) {
	w.Answers = slices.DeleteFunc(w.Answers, func(a fact.Answer) bool { return a.Name == name })
	w.Answers = append(w.Answers, fact.Answer{Name: name, Status: fact.Failed, Class: c})
}

func (w world) dialed(at netip.AddrPort, o fact.Outcome, errno string) {
	w.Dials = slices.DeleteFunc(w.Dials, func(d fact.Dial) bool { return d.Addr == at })
	w.Dials = append(w.Dials, fact.Dial{Outcome: o, Addr: at, Errno: errno})
}

func (w world) shaken(at netip.AddrPort, name string, h fact.Handshake) {
	w.Handshakes = slices.DeleteFunc(w.Handshakes, func(x fact.Handshake) bool { return x.Addr == at && x.Host == name })
	w.Handshakes = append(w.Handshakes, h)
}

func good(at netip.AddrPort, name string) fact.Handshake {
	v := fact.Verified{Status: fact.OK, Root: "Amazon Root CA 1"}
	return fact.Handshake{Outcome: ok(time.Millisecond), Addr: at, Host: name, Version: "TLS1.3", Name: fact.Verified{Status: fact.OK}, System: v, Reference: v,
		Chain: []fact.Cert{{Subject: name, Issuer: "Amazon RSA 2048 M01", Names: []string{name}, NotBefore: start.AddDate(0, -1, 0), NotAfter: start.AddDate(0, 6, 0), SHA256: "ab"}}}
}

// breaks makes the connects to these addresses fail, with what follows gone.
func (w world) breaks(o fact.Outcome, errno string, as ...string) {
	for _, a := range addrs(as) {
		at := netip.AddrPortFrom(a, 443)
		w.dialed(at, o, errno)
		w.Handshakes = slices.DeleteFunc(w.Handshakes, func(h fact.Handshake) bool { return h.Addr == at })
		w.Requests = slices.DeleteFunc(w.Requests, func(r fact.Request) bool { return r.Addr == at })
	}
}

func (w world) silent(as ...string) { w.breaks(failed(fact.Timeout, 3500*time.Millisecond), "", as...) }

// shake changes every handshake of a name.
func (w world) shake(name string, change func(*fact.Handshake)) {
	for i := range w.Handshakes {
		if w.Handshakes[i].Host == name {
			change(&w.Handshakes[i])
		}
	}
	w.Requests = slices.DeleteFunc(w.Requests, func(r fact.Request) bool { return r.Host == name })
}

// shakeOnly changes every handshake of a name and leaves what follows.
func (w world) shakeOnly(name string, change func(*fact.Handshake)) {
	for i := range w.Handshakes {
		if w.Handshakes[i].Host == name {
			change(&w.Handshakes[i])
		}
	}
}

// all lists every address of the hosts.
func (w world) all(prefix string) []string {
	var out []string
	for _, a := range w.Addresses {
		if strings.HasPrefix(a.Addr.String(), prefix) {
			out = append(out, a.Addr.String())
		}
	}
	return out
}

// drop removes a target.
func (w world) drop(id string) {
	w.Targets = slices.DeleteFunc(w.Targets, func(t fact.Target) bool { return t.ID == id })
}
