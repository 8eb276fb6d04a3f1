package compare

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"

	"vpcdoctor/probe/fact"
	"vpcdoctor/report"
	"vpcdoctor/report/corpus"
	"vpcdoctor/report/diagnose"
)

// scenarios is where the corpus is.
const scenarios = "../testdata/scenarios"

// recorded reads recorded facts; every call gives a set of its own.
func recorded(t testing.TB, name string) *fact.Set {
	t.Helper()
	s, err := corpus.Set(scenarios, name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func judged(s *fact.Set) *report.Report {
	return report.New(s, diagnose.Run(s, diagnose.Options{}), report.Tool{})
}

// base is a run in which everything but the connection of the agent is well.
const base = "dual-stack"

// each change of one fact is found, and at the stage where it happened.
func TestFirstDifference(t *testing.T) {
	failed := func(c fact.Class) fact.Outcome { return fact.Outcome{Status: fact.Failed, Class: c} }
	ssm := func(s *fact.Set) string {
		for _, x := range s.Targets {
			if x.ID == "ssm" {
				return x.Host
			}
		}
		t.Fatal("no target ssm")
		return ""
	}
	for name, c := range map[string]struct {
		change func(*fact.Set)
		stage  Stage
		what   string
		b      string
	}{
		"IPv6":   {func(s *fact.Set) { s.Host.IPv6Off = true }, Ground, "IPv6", "off"},
		"proxy":  {func(s *fact.Set) { s.Host.Proxy.HTTPS = "http://p:3128" }, Ground, "proxy of the shell", "https_proxy=http://p:3128"},
		"token":  {func(s *fact.Set) { s.IMDS.Token.Outcome = failed(fact.Timeout) }, IMDS, "session token", "failed: timeout"},
		"role":   {func(s *fact.Set) { s.IMDS.Role.State = fact.RoleAbsent }, IMDS, "instance role", "absent"},
		"server": {func(s *fact.Set) { s.Resolver.Servers = []netip.AddrPort{netip.MustParseAddrPort("10.9.9.9:53")} }, Resolver, "servers", "10.9.9.9"},
		"hosts file": {func(s *fact.Set) {
			s.Resolver.Hosts = []fact.HostsLine{{Line: 3, Addr: netip.MustParseAddr("10.0.0.9"), Name: ssm(s)}}
		}, Resolver, "hosts file, names needed here", ""},
		"name": {func(s *fact.Set) {
			for i := range s.Answers {
				if s.Answers[i].Name == ssm(s) {
					s.Answers[i] = fact.Answer{Name: ssm(s), Status: fact.Failed, Class: fact.NXDomain}
				}
			}
		}, DNS, "ssm", "failed: nxdomain"},
		"route": {func(s *fact.Set) {
			s.Host.Routes = append(s.Host.Routes, fact.Route{Dst: netip.MustParsePrefix("10.3.0.0/16"), Kind: "blackhole"})
		}, Routes, "routes that refuse", "blackhole 10.3.0.0/16"},
		"tcp": {func(s *fact.Set) {
			a, _ := s.AnswerOf(ssm(s))
			for i := range s.Dials {
				for _, x := range a.Addrs {
					if s.Dials[i].Addr.Addr() == x {
						s.Dials[i].Outcome = failed(fact.Timeout)
					}
				}
			}
		}, TCP, "ssm", "FAIL timeout"},
		"tls": {func(s *fact.Set) {
			for i := range s.Handshakes {
				if s.Handshakes[i].Host == ssm(s) {
					s.Handshakes[i].System = fact.Verified{Status: fact.Failed, Class: fact.CertUntrusted}
				}
			}
		}, TLS, "ssm", "FAIL cert_untrusted"},
		"version": {func(s *fact.Set) { s.Agent.Version = "3.3.2000.0" }, Agent, "version", "3.3.2000.0"},
		"denial": {func(s *fact.Set) {
			if len(s.Signed.Calls) == 0 {
				t.Fatal("no call in the recorded facts")
			}
			c := &s.Signed.Calls[0]
			c.Outcome, c.Code, c.Denial = failed(fact.HTTPStatus), "AccessDeniedException", &fact.Denial{Layer: fact.LayerSCP}
		}, Credentials, "", "AccessDeniedException by the service control policy"},
	} {
		a, b := recorded(t, base), recorded(t, base)
		c.change(b)
		got := Reports(judged(a), judged(b))
		switch {
		case got.Same || got.First == nil:
			t.Errorf("%s: no difference", name)
		case got.First.Stage != c.stage || !strings.HasPrefix(got.First.What, c.what) || c.b != "" && got.First.B != c.b:
			t.Errorf("%s: first is %+v", name, *got.First)
		}
		if back := Reports(judged(b), judged(a)); back.First == nil || back.First.A != got.First.B || len(back.Differs) != len(got.Differs) {
			t.Errorf("%s: the other way round it is %+v", name, back.First)
		}
	}
}

// Times, ids, own addresses and what AWS rotates are no news.
func TestNoNews(t *testing.T) {
	a, b := recorded(t, base), recorded(t, base)
	b.Start, b.End = b.Start.Add(time.Minute), b.End.Add(time.Minute)
	b.IMDS.InstanceID, b.IMDS.AccountID, b.Agent.Identity.InstanceID = "i-0b0b0b0b0b0b0b0b0", "999988887777", "i-0b0b0b0b0b0b0b0b0"
	b.IMDS.ENIs[0].InterfaceID, b.IMDS.ENIs[0].MAC, b.IMDS.ENIs[0].LocalIPv4s = "eni-1", "02:00:00:00:00:99", nil
	for i := range b.Dials {
		b.Dials[i].Took += fact.Duration(time.Millisecond)
	}
	for i, x := range b.Addresses {
		if x.Class != fact.PublicAWS {
			continue
		}
		next := x.Addr.Next()
		b.Addresses[i].Addr = next
		for j := range b.Answers {
			for k := range b.Answers[j].Addrs {
				if b.Answers[j].Addrs[k] == x.Addr {
					b.Answers[j].Addrs[k] = next
				}
			}
		}
		for j := range b.Dials {
			if d := &b.Dials[j]; d.Addr.Addr() == x.Addr {
				d.Addr = netip.AddrPortFrom(next, d.Addr.Port())
			}
		}
		for j := range b.Handshakes {
			if h := &b.Handshakes[j]; h.Addr.Addr() == x.Addr {
				h.Addr = netip.AddrPortFrom(next, h.Addr.Port())
			}
		}
		for j := range b.Requests {
			if q := &b.Requests[j]; q.Addr.Addr() == x.Addr {
				q.Addr = netip.AddrPortFrom(next, q.Addr.Port())
			}
		}
	}
	got := Reports(judged(a), judged(b))
	if !got.Same {
		t.Errorf("differs: %+v", got.Differs)
	}
	if len(got.Place) == 0 || got.Alike < 40 {
		t.Errorf("place %v, %d alike", got.Place, got.Alike)
	}
}

// What one run did not look at is no difference.
func TestOnlyOne(t *testing.T) {
	a, b := recorded(t, base), recorded(t, base)
	b.Agent = fact.Agent{Access: fact.Skip("needs root")}
	b.Signed = fact.Signed{Outcome: fact.Skip("needs root")}
	got := Reports(judged(a), judged(b))
	if len(got.OnlyOne) < 5 {
		t.Errorf("only %v", got.OnlyOne)
	}
	for _, d := range got.Differs {
		if d.Stage != Verdict {
			t.Errorf("%+v is a difference", d)
		}
	}
}

// Every pair of the corpus compares without an order of its own: the same
// report is the same, and every text fits its page.
func TestCorpus(t *testing.T) {
	names, err := corpus.Names(scenarios)
	if err != nil || len(names) < 20 {
		t.Fatalf("%d files, %v", len(names), err)
	}
	good := judged(recorded(t, base))
	for _, name := range names {
		r := judged(recorded(t, name))
		if self := Reports(r, judged(recorded(t, name))); !self.Same || len(self.OnlyOne) > 0 || len(self.Place) > 0 {
			t.Errorf("%s differs from itself: %+v", name, self.Differs)
		}
		got := Reports(good, r)
		var b strings.Builder
		if err := got.Write(&b); err != nil {
			t.Fatal(err)
		}
		for l := range strings.Lines(b.String()) {
			if l = strings.TrimSuffix(l, "\n"); len(l) > width || strings.TrimRight(l, " ") != l {
				t.Errorf("%s: %q", name, l)
			}
		}
		if r.Verdict.Status == diagnose.Broken && (got.Same || got.First.Stage == Verdict) {
			t.Errorf("%s: no fact beside the verdict differs from a run that works", name)
		}
	}
}

func FuzzText(f *testing.F) {
	f.Add("a\x1b[2Jb", "c")
	f.Add(strings.Repeat("x", 300), "é\u202e")
	f.Fuzz(func(t *testing.T, a, b string) {
		var w strings.Builder
		r := Result{A: Side{Instance: a, Headline: b}, Differs: []Difference{{DNS, a, b, a}}}
		r.First = &r.Differs[0]
		if err := r.Write(&w); err != nil {
			t.Fatal(err)
		}
		for l := range strings.Lines(w.String()) {
			for _, c := range strings.TrimSuffix(l, "\n") {
				if c < ' ' || c > '~' {
					t.Fatalf("%q", l)
				}
			}
			if len(l) > width+1 {
				t.Fatalf("%d columns", len(l))
			}
		}
	})
}

// The JSON form has arrays, never null.
func TestJSON(t *testing.T) {
	b, err := json.Marshal(Reports(&report.Report{}, &report.Report{}))
	if err != nil || strings.Contains(string(b), "null") {
		t.Errorf("%s, %v", b, err)
	}
}
