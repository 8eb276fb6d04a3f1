package redact

import (
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vpcdoctor/probe/fact"
	"vpcdoctor/report"
	"vpcdoctor/report/corpus"
	"vpcdoctor/report/diagnose"
)

// recorded is every recorded set of facts: of the lab, and of REDACT_FACTS, a
// folder of further reports or facts files.
func recorded(t testing.TB, use func(*corpus.File) bool) map[string]*fact.Set {
	t.Helper()
	out := map[string]*fact.Set{}
	files, err := corpus.All("../testdata/scenarios")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, f := range files {
		if !use(f) {
			continue
		}
		if out[f.Name], err = f.Set(); err != nil {
			t.Fatal(err)
		}
	}
	if dir := os.Getenv("REDACT_FACTS"); dir != "" {
		more, _ := filepath.Glob(filepath.Join(dir, "*.json"))
		for _, file := range more {
			f, err := os.Open(file)
			if err != nil {
				t.Fatal(err)
			}
			r, err := report.Read(f)
			f.Close()
			if err != nil {
				t.Fatal(file, err)
			}
			out[filepath.Base(file)] = r.Facts
		}
	}
	return out
}

// asTree is a value as JSON gives it to a reader.
func asTree(t testing.TB, v any) any {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var out any
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func asText(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestSameVerdict: the verdict on redacted facts is the verdict on the real
// ones with the names mapped, word for word. What diagnose sorts as text may
// come in another order ("10.0.0.9" is after "10.0.0.10"), and of several equal
// facts another one may be quoted. Even then all but the quotation and the
// order of words is the same.
func TestSameVerdict(t *testing.T) {
	all := recorded(t, func(*corpus.File) bool { return true })
	exact := 0
	for name, s := range all {
		before := asText(t, s)
		out, m, err := mapped(s, false)
		if err != nil {
			t.Fatal(err)
		}
		if asText(t, s) != before {
			t.Fatalf("%s: the facts given were changed", name)
		}
		want := walk(asTree(t, diagnose.Run(s, diagnose.Options{})), "", "", func(_, key, v string) string {
			if key == "way" {
				return v // one of four words, and a host may be named gateway
			}
			return m.text(derived(m, v))
		})
		got := asTree(t, diagnose.Run(out, diagnose.Options{}))
		if cmp.Equal(want, got) {
			exact++
			continue
		}
		want, got = unquote(want, ""), unquote(got, "")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
	t.Logf("%d of %d verdicts are the same word for word", exact, len(all))
	if exact*10 < len(all)*8 {
		t.Errorf("only %d of %d verdicts are the same word for word", exact, len(all))
	}
}

// derived maps the blocks that a sentence computes from addresses, which are
// not in the facts.
func derived(m *mapping, v string) string {
	return regexp.MustCompile(`[0-9.]+/24`).ReplaceAllStringFunc(v, func(s string) string {
		p, err := netip.ParsePrefix(s)
		if err != nil || m.v4.to[p.Addr()].IsValid() {
			return s
		}
		for a := range m.v4.to {
			if p.Contains(a) {
				to, _ := m.v4.to[a].Prefix(24)
				return to.String()
			}
		}
		return s
	})
}

// unquote takes out of a verdict which fact a line quotes, and the order of
// words.
func unquote(v any, key string) any {
	switch x := v.(type) {
	case string:
		words := strings.FieldsFunc(x, func(r rune) bool { return r == ' ' || r == ',' })
		slices.Sort(words)
		return strings.Join(words, " ")
	case []any:
		for i := range x {
			x[i] = unquote(x[i], key)
		}
	case map[string]any:
		if key == "evidence" || key == "innocent" {
			if ref, ok := x["ref"].(string); ok {
				x["ref"], _, _ = strings.Cut(ref, ":")
			}
			if key == "evidence" {
				delete(x, "text")
			}
		}
		for k, e := range x {
			x[k] = unquote(e, k)
		}
	}
	return v
}

// TestNothingOfTheCorpusIsLeft: no id, account, role, hostname or MAC of a
// recorded run is in its redacted form.
func TestNothingOfTheCorpusIsLeft(t *testing.T) {
	ids := regexp.MustCompile(`\b(?:[a-z]+-)+[0-9a-f]{17}\b|\b[0-9]{12}\b|\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b`)
	for name, s := range recorded(t, func(f *corpus.File) bool { return f.Origin == corpus.Lab }) {
		out, m, err := mapped(s, false)
		if err != nil {
			t.Fatal(err)
		}
		text := asText(t, out)
		secrets := ids.FindAllString(asText(t, s), -1)
		secrets = append(secrets, s.IMDS.Role.Name, s.Host.Hostname)
		for _, x := range s.Targets {
			if x.Type == "Custom" {
				secrets = append(secrets, x.Host, x.ID)
			}
		}
		n := 0
		for _, x := range secrets {
			if x == "" || m.public[x] || ours().MatchString(x) || x == "localhost" || x == "ssm" || strings.HasPrefix(x, "0000000000") { // the lab's request ids
				continue
			}
			n++
			if strings.Contains(text, x) {
				t.Errorf("%s: %q is left", name, x)
			}
		}
		if n < 3 {
			t.Errorf("%s: only %d things looked for", name, n)
		}
	}
}

// planted is a set with something secret in every field where a customer's
// name can stand. Every one of them has "zq" in it, or is in the list.
func planted() (*fact.Set, []string) {
	at := netip.MustParseAddr
	ap := netip.MustParseAddrPort
	px := netip.MustParsePrefix
	ok := fact.Outcome{Status: fact.OK, Start: time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)}
	s := &fact.Set{
		Schema: 1, Start: ok.Start,
		Run: fact.Run{Version: "1", Services: []string{"zqcustom"}, Environment: []fact.EnvSeen{
			{Name: "AWS_PROFILE", Value: "zqprofile"}, {Name: "AWS_CA_BUNDLE", Value: "/etc/pki/zqcorp.pem"}, {Name: "HTTPS_PROXY", Value: "http://zqproxy.zqcorp.internal:3128"},
		}},
		Host: fact.Host{
			Hostname:   "zqhost.zqcorp.internal",
			Interfaces: []fact.Interface{{Name: "eth0", MAC: "06:aa:bb:cc:dd:ee", Addrs: []netip.Prefix{px("10.77.31.9/24"), px("fe80::4aa:bbff:fecc:ddee/64"), px("2600:1f16:abc:de00::7/64")}}},
			Routes:     []fact.Route{{Dst: px("10.77.99.0/24"), Gateway: at("10.77.31.1")}},
			Proxy:      fact.ProxySetting{HTTPS: "http://zqproxy:3128", No: ".zqcorp.internal,10.77.0.0/16,169.254.169.254"},
			Firewall:   &fact.Firewall{Outcome: ok, Rules: []fact.FirewallRule{{Text: `ip daddr 10.77.31.40 drop comment "zq ticket 7"`}}},
		},
		IMDS: fact.IMDS{
			InstanceID: "i-0abcdefabcdef1234", AccountID: "210987654321", Region: "eu-west-1", AZ: "eu-west-1a", PublicIPv4: "52.210.44.55",
			Gets: []fact.IMDSGet{{Outcome: ok, Path: "GET /latest/meta-data/network/interfaces/macs/06:aa:bb:cc:dd:ee/vpc-id"}},
			ENIs: []fact.ENI{{
				MAC: "06:aa:bb:cc:dd:ee", Primary: true, InterfaceID: "eni-0abcdefabcdef9999", SubnetID: "subnet-0abcdefabcdef1111", VPCID: "vpc-0abcdefabcdef2222",
				SubnetCIDR: px("10.77.31.0/24"), VPCCIDRs: []netip.Prefix{px("10.77.0.0/16")}, LocalIPv4s: []netip.Addr{at("10.77.31.9")}, SecurityGroupIDs: []string{"sg-0abcdefabcdef3333"},
			}},
			Role: fact.Role{Outcome: ok, State: fact.RolePresent, Name: "zqrole", ProfileARN: "arn:aws:iam::210987654321:instance-profile/team/zq-profile"},
		},
		Place: fact.Place{Region: "eu-west-1", Partition: "aws", DNSSuffix: "amazonaws.com"},
		Resolver: fact.Resolver{
			Servers: []netip.AddrPort{ap("10.77.0.2:53")}, VPC: []netip.AddrPort{ap("169.254.169.253:53"), ap("10.77.0.2:53")},
			Search: []string{"eu-west-1.compute.internal", "ad.zqcorp.internal"}, Hosts: []fact.HostsLine{{Line: 2, Addr: at("10.77.31.40"), Name: "zqdb.zqcorp.internal"}},
		},
		Trust: fact.Trust{Added: []string{"/etc/zqroots/a.pem"}, LocallyAdded: []string{"CN=ZQ Inspection CA,O=zq Ltd,C=DE"}},
		Agent: fact.Agent{
			Access: ok, Config: fact.AgentConfig{Outcome: ok, Present: true, Overrides: []fact.Override{{Service: "ssm", Key: "Ssm.Endpoint", Host: "vpce-0abcdefabcdef7777-zq5tail2.ssm.eu-west-1.vpce.amazonaws.com"}}, Profile: "zqshare"},
			Units:    []fact.AgentUnit{{Name: "amazon-ssm-agent.service", User: "zquser", DropIns: []string{"/etc/systemd/system/amazon-ssm-agent.service.d/zq-proxy.conf"}}},
			Identity: fact.AgentIdentity{InstanceID: "i-0abcdefabcdef1234", Hybrid: "mi-0abcdefabcdef8888", ShareFile: "/home/zqadmin/.aws/credentials"},
			Log: fact.AgentLog{Outcome: ok, NodeID: "i-0abcdefabcdef1234", Events: []fact.LogEvent{{Stem: fact.LogAPICall, Source: "errors.log", Host: "zqbucket.s3.eu-west-1.amazonaws.com",
				Denial: &fact.Denial{Action: "ssm:X", Resource: "arn:aws:ssm:eu-west-1:210987654321:document/zqdocument", Principal: "arn:aws:sts::210987654321:assumed-role/zqrole/i-0abcdefabcdef1234"}}}},
			Scopes: []fact.ProxyScope{{Scope: "profile", Path: "/etc/profile.d/zqproxy.sh", ProxySetting: fact.ProxySetting{HTTPS: "http://10.77.31.40:3128"}}},
		},
		Targets: []fact.Target{
			{ID: "ssm", Host: "ssm.eu-west-1.amazonaws.com", Origin: "catalogue", Type: "Interface"},
			{ID: "zqcustom", Title: "zqcustom", Service: "com.amazonaws.vpce.eu-west-1.vpce-svc-0abcdefabcdef6666", Host: "zqdb.zqcorp.internal", TLSName: "alt.zqcorp.internal", CIDR: "10.77.31.0/24", Origin: "flag", Type: "Custom"},
		},
		Lookups: []fact.Lookup{{Outcome: fact.Outcome{Status: fact.Failed, Class: fact.NXDomain, Detail: "lookup zqdb.zqcorp.internal on 10.77.0.2:53: no such host"}, Name: "zqdb.zqcorp.internal", Type: "A",
			Server: ap("10.77.0.2:53"), Via: fact.ViaConfigured, CNAMEs: []string{"zqcname.partner-zq.example"}, SOA: "zqcorp.internal"}},
		Answers:   []fact.Answer{{Name: "zqdb.zqcorp.internal", Status: fact.OK, Addrs: []netip.Addr{at("10.77.31.40")}}},
		Addresses: []fact.Address{{Addr: at("10.77.31.40"), Class: fact.OwnVPC, Subnet: "subnet-0abcdefabcdef1111"}},
		Dials:     []fact.Dial{{Outcome: ok, Addr: ap("10.77.31.40:443"), Local: ap("10.77.31.9:40000"), Proxy: "zqproxy.zqcorp.internal:3128"}},
		Handshakes: []fact.Handshake{{Outcome: ok, Addr: ap("10.77.31.40:443"), Host: "zqdb.zqcorp.internal", Chain: []fact.Cert{{
			Subject: "CN=zqdb.zqcorp.internal", Issuer: "CN=ZQ Inspection CA,O=zq Ltd,C=DE", Names: []string{"*.zqcorp.internal"}, SHA256: strings.Repeat("ab12", 16)}},
			Name:   fact.Verified{Status: fact.Failed, Detail: "x509: certificate is valid for zqother.zqpartner.local, not this"},
			System: fact.Verified{Status: fact.OK, Root: "CN=ZQ Inspection CA,O=zq Ltd,C=DE"}}},
		Requests: []fact.Request{{Outcome: ok, Addr: ap("10.77.31.40:443"), Host: "zqdb.zqcorp.internal", RequestID: "zqrequest0001", Via: "1.1 zqcache (squid/5.7)", Location: "https://sso.zqcorp.internal/login/zqpath?a=zqtoken"}},
		Tunnels:  []fact.Tunnel{{Outcome: ok, Proxy: "zqproxy.zqcorp.internal:3128", Host: "ssm.eu-west-1.amazonaws.com"}},
		Signed: fact.Signed{Outcome: ok, Calls: []fact.Call{{Outcome: ok, Service: "sts", Operation: "GetCallerIdentity", Host: "sts.eu-west-1.amazonaws.com",
			Identity: "arn:aws:sts::210987654321:assumed-role/zqrole/i-0abcdefabcdef1234", Resource: "/zq/session-logs", RequestID: "6f1cdd8a-0b0b-4c4c-8d8d-210987654399"}}},
		Rehearsal: fact.Rehearsal{Outcome: ok, Preferences: fact.Preferences{Outcome: ok, Bucket: "zqbucket", Prefix: "zq/prefix", LogGroup: "/aws/ssm/zqgroup", KMSKey: "alias/zqkey", RunAsUser: `ZQDOMAIN\zqjoe`}},
		Software:  []fact.Software{{Outcome: ok, ID: "cloudwatch-agent", Config: "/opt/zqapp/config.json", Override: []fact.Override{{Host: "zqendpoint.zqcorp.internal"}}}},
		Cut:       []fact.Cut{{What: "dial 52.210.44.55:443", Why: "budget", Key: "zqcustom/zqdb.zqcorp.internal"}},
	}
	return s, []string{
		"0abcdefabcdef", "210987654321", "10.77.", "2600:1f16:abc", "4aa:bbff", "06:aa:bb", "52.210.44.55", "partner-", "ticket", "ab12ab12", "210987654399", "inspection ca",
	}
}

func TestNothingPlantedIsLeft(t *testing.T) {
	s, more := planted()
	before := strings.ToLower(asText(t, s))
	for _, x := range more {
		if !strings.Contains(before, x) {
			t.Errorf("%q was not planted", x)
		}
	}
	out, err := Facts(s)
	if err != nil {
		t.Fatal(err)
	}
	after := strings.ToLower(asText(t, out))
	for _, x := range append(more, "zq") {
		if i := strings.Index(after, x); i >= 0 {
			t.Errorf("%q is left: ...%s...", x, after[max(0, i-60):min(len(after), i+40)])
		}
	}
	// What has to stay: the story.
	for _, x := range []string{"ssm.eu-west-1.amazonaws.com", "sts.eu-west-1.amazonaws.com", "eu-west-1.compute.internal", "169.254.169.254", "169.254.169.253:53",
		".s3.eu-west-1.amazonaws.com", ".ssm.eu-west-1.vpce.amazonaws.com", "arn:aws:sts::000000000001:assumed-role/", "/etc/systemd/system/amazon-ssm-agent.service.d/", "squid/5.7", "com.amazonaws.vpce.eu-west-1.vpce-svc-"} {
		if !strings.Contains(after, x) {
			t.Errorf("%q is gone", x)
		}
	}
	// And the relations.
	eni := out.IMDS.Primary()
	if !eni.VPCCIDRs[0].Contains(eni.SubnetCIDR.Addr()) || eni.VPCCIDRs[0].Bits() != 16 || eni.SubnetCIDR.Bits() != 24 || !eni.SubnetCIDR.Contains(eni.LocalIPv4s[0]) {
		t.Errorf("prefixes lost: %v %v %v", eni.VPCCIDRs, eni.SubnetCIDR, eni.LocalIPv4s)
	}
	if two := eni.VPCCIDRs[0].Addr().Next().Next(); out.Resolver.Servers[0].Addr() != two {
		t.Errorf("the VPC resolver is %v, want %v", out.Resolver.Servers[0], two)
	}
	if out.Host.Routes[0].Gateway != eni.SubnetCIDR.Addr().Next() {
		t.Errorf("the router is %v in %v", out.Host.Routes[0].Gateway, eni.SubnetCIDR)
	}
	if out.Lookups[0].Name != out.Targets[1].Host || out.Handshakes[0].Chain[0].Subject != "CN="+out.Targets[1].Host || !strings.Contains(out.Lookups[0].Detail, out.Targets[1].Host) {
		t.Errorf("one host, several substitutes: %q %q %q", out.Targets[1].Host, out.Handshakes[0].Chain[0].Subject, out.Lookups[0].Detail)
	}
	if out.Handshakes[0].Chain[0].Issuer != out.Trust.LocallyAdded[0] {
		t.Errorf("issuer %q, root %q", out.Handshakes[0].Chain[0].Issuer, out.Trust.LocallyAdded[0])
	}
	if !strings.HasSuffix(out.Agent.Log.Events[0].Denial.Principal, out.IMDS.Role.Name+"/"+out.IMDS.InstanceID) {
		t.Errorf("principal %q, role %q", out.Agent.Log.Events[0].Denial.Principal, out.IMDS.Role.Name)
	}
	if reflect.DeepEqual(s, out) {
		t.Error("nothing changed")
	}
	again, err := Facts(s)
	if err != nil || asText(t, again) != asText(t, out) {
		t.Errorf("a second run gives another result: %v", err)
	}
}

// Addresses keep class, shared prefixes and order, and stay apart.
func checkSpace(t *testing.T, in []netip.Addr, blocks []netip.Prefix) {
	t.Helper()
	m := newMapping(&fact.Set{})
	for _, a := range in {
		m.addr(a, "")
	}
	for _, p := range blocks {
		m.scan(p.String(), m.learn)
	}
	m.solve()
	to := func(a netip.Addr) netip.Addr { return netip.MustParseAddr(m.text(a.String())) }
	same := 0
	for _, a := range in {
		x := to(a)
		if x == a {
			same++
		}
		if a.IsPrivate() != x.IsPrivate() || a.IsLoopback() != x.IsLoopback() || a.IsLinkLocalUnicast() != x.IsLinkLocalUnicast() || a.IsMulticast() != x.IsMulticast() || a.Is4() != x.Is4() {
			t.Errorf("%v of another class became %v", a, x)
		}
		for _, p := range []string{"10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16", "fd00:ec2::/32", "fd00::/8"} {
			if px := netip.MustParsePrefix(p); px.Contains(a) != px.Contains(x) {
				t.Errorf("%v became %v, over the border of %v", a, x, p)
			}
		}
		for _, p := range blocks {
			if mp := netip.MustParsePrefix(m.text(p.String())); p.Contains(a) != mp.Contains(x) {
				t.Errorf("%v in %v: %t; %v in %v: %t", a, p, p.Contains(a), x, mp, mp.Contains(x))
			}
		}
		for _, b := range in {
			y := to(b)
			if a.Compare(b) != x.Compare(y) || shared(a, b) != shared(x, y) {
				t.Errorf("%v and %v became %v and %v", a, b, x, y)
			}
		}
	}
	t.Logf("%d addresses, %d stay", len(in), same)
}

func shared(a, b netip.Addr) int {
	if a.BitLen() != b.BitLen() {
		return -1
	}
	for n := a.BitLen(); ; n-- {
		p, err := a.Prefix(n)
		if err != nil || p.Contains(b) {
			return n
		}
	}
}

func TestAddresses(t *testing.T) {
	var in []netip.Addr
	for _, s := range strings.Fields(`10.0.0.2 10.0.1.5 10.0.1.6 10.0.200.1 10.1.0.2 172.16.0.1 172.17.0.1 172.31.255.254 192.168.0.1 100.64.3.4 52.94.1.1
		52.94.1.2 8.8.8.8 223.1.2.3 169.254.169.254 127.0.0.53 224.0.0.251 fd00:ec2::254 fd12:3456::1 2600:1f16::5 2600:1f16::9 fe80::1 ::1 ff02::1`) {
		in = append(in, netip.MustParseAddr(s))
	}
	var blocks []netip.Prefix
	for _, s := range []string{"10.0.0.0/16", "10.0.1.0/24", "10.1.0.0/16", "172.17.0.0/16", "fd12:3456::/56", "0.0.0.0/0", "10.0.0.0/24"} {
		blocks = append(blocks, netip.MustParsePrefix(s))
	}
	checkSpace(t, in, blocks)
}

func FuzzAddresses(f *testing.F) {
	f.Add([]byte{10, 0, 0, 2, 10, 0, 1, 5, 52, 94, 1, 1, 192, 168, 0, 1}, uint8(16))
	f.Fuzz(func(t *testing.T, b []byte, bits uint8) {
		var in []netip.Addr
		for c := range slices.Chunk(b[:min(len(b), 64)], 4) {
			if len(c) == 4 {
				in = append(in, netip.AddrFrom4([4]byte(c)))
			}
		}
		slices.SortFunc(in, netip.Addr.Compare)
		in = slices.Compact(in)
		var blocks []netip.Prefix
		if len(in) > 0 {
			if p, err := in[0].Prefix(int(bits % 33)); err == nil && p.Bits() >= 8 && p.Bits() <= 28 {
				blocks = append(blocks, p)
			}
		}
		checkSpace(t, in, blocks)
	})
}

// Hostile facts: no panic, and the result still decodes.
func FuzzFacts(f *testing.F) {
	s, _ := planted()
	b, _ := json.Marshal(s)
	f.Add(b)
	f.Add([]byte(`{"schema":1,"start":"2026-11-20T00:00:00Z","lookups":[{"name":"a..b","detail":"::::: 1.2.3.4.5 [::1]:x arn:aws:::: i- ..."}],"requests":[{"via":",,","location":"://"}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var s fact.Set
		if json.Unmarshal(b, &s) != nil {
			return
		}
		if _, err := json.Marshal(&s); err != nil {
			return // a year beyond 9999
		}
		if _, err := Facts(&s); err != nil {
			t.Fatal(err)
		}
	})
}

func BenchmarkFacts(b *testing.B) {
	s, _ := planted()
	for b.Loop() {
		if _, err := Facts(s); err != nil {
			b.Fatal(err)
		}
	}
}

// Names keeps what a fix needs, and nothing that tells of the customer.
func TestNames(t *testing.T) {
	roles := 0
	for file, s := range recorded(t, func(f *corpus.File) bool { return f.Origin == corpus.Lab }) {
		s.Agent.Proxy.HTTPS = "http://egress.acme.example:3128"
		got, err := Names(s)
		if err != nil {
			t.Fatal(file, err)
		}
		text := asText(t, got)
		for _, secret := range []string{s.IMDS.AccountID, s.IMDS.Role.Name, "acme", "egress"} {
			if secret != "" && strings.Contains(text, secret) {
				t.Errorf("%s: %s is still there", file, secret)
			}
		}
		if s.IMDS.Role.Name != "" {
			roles++
		}
		if got.IMDS.InstanceID != s.IMDS.InstanceID || !reflect.DeepEqual(got.IMDS.Primary().SecurityGroupIDs, s.IMDS.Primary().SecurityGroupIDs) ||
			!reflect.DeepEqual(got.IMDS.Primary().VPCCIDRs, s.IMDS.Primary().VPCCIDRs) {
			t.Errorf("%s: an id or an address has changed: %+v", file, got.IMDS)
		}
		before, after := diagnose.Run(s, diagnose.Options{}), diagnose.Run(got, diagnose.Options{})
		if codes(before) != codes(after) {
			t.Errorf("%s: %s became %s", file, codes(before), codes(after))
		}
	}
	if roles == 0 {
		t.Error("no role in the facts: nothing was tested")
	}
}

func codes(v diagnose.Verdict) string {
	out := []string{string(v.Status)}
	for _, c := range v.Causes {
		out = append(out, string(c.Code))
	}
	return strings.Join(out, " ")
}
