package diagnose

import (
	"maps"
	"slices"
	"testing"
	"time"

	"vpcdoctor/probe/fact"
)

// vary repeats the first handshake of a name: each word is variant=how.
func (w world) vary(name string, how map[fact.Variant]fact.Outcome) {
	for _, h := range w.Handshakes {
		if h.Host != name {
			continue
		}
		for _, v := range slices.Sorted(maps.Keys(how)) {
			o := how[v]
			x := fact.Handshake{Outcome: o, Addr: h.Addr, Host: name, Variant: v}
			if o.Status == fact.OK {
				g := good(h.Addr, name)
				x.Chain, x.Name, x.System, x.Reference = g.Chain, g.Name, g.System, g.Reference
			}
			if v == fact.NeutralSNI {
				x.SNI = host("sts")
			}
			w.Variants = append(w.Variants, x)
		}
		return
	}
}

func (w world) variant(name string, v fact.Variant) *fact.Handshake {
	for i := range w.Variants {
		if w.Variants[i].Host == name && w.Variants[i].Variant == v {
			return &w.Variants[i]
		}
	}
	panic("no variant")
}

var (
	stall  = failed(fact.Timeout, 5*time.Second)
	reset  = failed(fact.Reset, ms)
	notRun = fact.Skip("the connection tracking table is 90 % full")
)

// stalls makes TLS of ssm end like base, and its repetitions as given.
func (w world) stalls(base, noPQ, small, neutral fact.Outcome) {
	w.shake(host("ssm"), func(h *fact.Handshake) {
		h.Outcome = base
		h.TCP = &fact.TCPInfo{State: "ESTABLISHED", BytesAcked: 1, Unacked: 1, TotalRetrans: 5, SndMSS: 8949, PMTU: 9001}
	})
	w.vary(host("ssm"), map[fact.Variant]fact.Outcome{fact.NoPQ: noPQ, fact.SmallMSS: small, fact.NeutralSNI: neutral})
}

func (w world) withoutFirst(code fact.Variant, o fact.Outcome) {
	w.variant(host("ssm"), code).Outcome = o
}

var diffFirings = []firing{
	{code: "FW-03", sev: SevError,
		make: func(w world) { w.stalls(stall, ok(ms), stall, stall) },
		miss: func(w world) { w.withoutFirst(fact.SmallMSS, ok(ms)) }}, // TL-07
	{code: "TL-07", sev: SevError,
		make: func(w world) { w.stalls(stall, ok(ms), ok(ms), stall) },
		miss: func(w world) { w.withoutFirst(fact.SmallMSS, stall) }}, // FW-03
	{code: "TL-07", sev: SevError,
		make: func(w world) { w.stalls(stall, stall, ok(ms), stall) },
		miss: func(w world) { w.withoutFirst(fact.SmallMSS, stall) }}, // TL-14
	{code: "FW-02", sev: SevError,
		make: func(w world) { w.stalls(stall, stall, stall, ok(ms)) },
		miss: func(w world) { w.withoutFirst(fact.NeutralSNI, stall) }}, // TL-14
	{code: "FW-02", sev: SevError,
		make: func(w world) { w.stalls(reset, reset, reset, ok(ms)) },
		miss: func(w world) { w.withoutFirst(fact.NeutralSNI, reset) }}, // FW-05
	{code: "FW-05", sev: SevError,
		make: func(w world) { w.stalls(reset, reset, reset, reset) },
		miss: func(w world) { w.withoutFirst(fact.NeutralSNI, ok(ms)) }}, // FW-02
	{code: "TL-14", sev: SevError,
		make: func(w world) { w.stalls(stall, stall, stall, stall) },
		miss: func(w world) { w.withoutFirst(fact.NeutralSNI, notRun) }}, // TL-07, open
	{code: "FW-04", sev: SevError,
		make: func(w world) {
			w.intercepted()
			w.vary(host("ssm"), map[fact.Variant]fact.Outcome{fact.NeutralSNI: ok(ms)})
		},
		miss: func(w world) { // the other name is re-signed as well: TL-01
			n := w.variant(host("ssm"), fact.NeutralSNI)
			n.System, n.Reference = fact.Verified{Status: fact.Failed, Class: fact.CertUntrusted}, fact.Verified{Status: fact.Failed, Class: fact.CertUntrusted}
		}},
	{code: "TL-13", sev: SevError, // no clock but the server's, which does not help the certificate
		make: func(w world) { w.ownDates(fact.Failed) },
		miss: func(w world) { // by the server's Date it is good: TL-03
			w.shakeOnly(host("ssm"), func(h *fact.Handshake) { h.SystemThen.Status = fact.OK })
		}},
	{code: "OS-12", sev: SevInfo,
		make: func(w world) {
			w.Requests = nil
			w.Host.Clock = fact.Clock{Outcome: ok(0), Unsynchronised: true, MaxError: fact.Duration(16 * time.Second)}
		},
		miss: func(w world) { w.Times = []fact.TimeSample{{Outcome: ok(ms), Source: fact.TimeSNTP}} }},
}

func (w world) intercepted() {
	w.badCert(host("ssm"), fact.CertUntrusted, fact.CertUntrusted)
	w.shakeOnly(host("ssm"), func(h *fact.Handshake) { h.Chain[0].Issuer, h.Chain[0].SHA256 = "CN=Corp CA", "cc" })
}

// ownDates: certificates outside their validity, no source of time but the
// Date of the server itself, at which the chain was verified again.
func (w world) ownDates(then fact.Status) {
	w.badCert(host("ssm"), fact.CertTime, fact.CertTime)
	w.Requests = nil
	w.shakeOnly(host("ssm"), func(h *fact.Handshake) {
		h.Then = start
		h.SystemThen = fact.Verified{Status: then, Class: fact.CertTime}
		h.ReferenceThen = h.SystemThen
		h.ReferenceThen.Status = fact.Failed
	})
}

// The table of C.4, row by row, with what is proved and what stays open.
func TestVariants(t *testing.T) {
	alert := failed(fact.TLSAlert, ms)
	for _, tt := range []struct {
		name                       string
		base, noPQ, small, neutral fact.Outcome
		code                       Code
		conf                       Confidence
	}{
		{"split greeting", stall, ok(ms), stall, stall, "FW-03", Proved},
		{"split greeting, name not tried", stall, ok(ms), stall, notRun, "FW-03", Proved},
		{"hole from us", stall, ok(ms), ok(ms), stall, "TL-07", Proved},
		{"hole towards us", stall, stall, ok(ms), stall, "TL-07", Proved},
		{"name, silent", stall, stall, stall, ok(ms), "FW-02", Proved},
		{"name, reset", reset, reset, reset, ok(ms), "FW-02", Proved},
		{"name, others not tried", stall, notRun, notRun, ok(ms), "FW-02", Likely},
		{"all reset", reset, reset, reset, reset, "FW-05", Likely},
		{"all silent", stall, stall, stall, stall, "TL-14", Likely},
		{"nothing tried", stall, notRun, notRun, notRun, "TL-07", Possible},
		{"sizes not tried", stall, ok(ms), notRun, stall, "TL-07", Possible},
		{"it has passed", stall, ok(ms), ok(ms), ok(ms), "TL-07", Possible},
		{"reset of a large greeting", reset, ok(ms), reset, reset, "FW-03", Likely},
		{"all refused", alert, alert, notRun, alert, "FW-05", Possible},
		{"key share refused", alert, ok(ms), notRun, alert, "FW-05", Likely},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := healthy()
			w.stalls(tt.base, tt.noPQ, tt.small, tt.neutral)
			v := Run(w.Set, Options{})
			invariants(t, w.Set, v)
			f := v.Causes[0]
			if f.Code != tt.code || f.Confidence != tt.conf {
				t.Errorf("%s %s: %s", f.Code, f.Confidence, outline(v))
			}
			if f.Confidence == Possible && len(f.Alternatives) == 0 {
				t.Errorf("alternatives of a %s finding: %+v", f.Confidence, f.Alternatives)
			}
		})
	}
}

// What the repetitions of one name show holds for names that were not repeated
// and ended alike, unless they contradict each other.
func TestVariantsStandForOthers(t *testing.T) {
	silence := func(w world, id string) {
		w.shake(host(id), func(h *fact.Handshake) { h.Outcome = stall })
	}
	w := healthy()
	silence(w, "ssmmessages")
	w.stalls(stall, ok(ms), ok(ms), stall)
	v := Run(w.Set, Options{})
	if f := v.Causes[0]; f.Code != "TL-07" || f.Confidence != Proved || len(f.Subjects) != 2 {
		t.Errorf("%s", outline(v))
	}
	silence(w, "kms")
	w.vary(host("kms"), map[fact.Variant]fact.Outcome{fact.NoPQ: stall, fact.SmallMSS: stall, fact.NeutralSNI: ok(ms)})
	v = Run(w.Set, Options{})
	if f := v.Causes[0]; f.Code != "TL-07" || len(f.Subjects) != 2 {
		t.Errorf("%s", outline(v))
	}
	r := newView(w.Set).rulingFor(fact.Handshake{Outcome: stall, Host: host("ssmmessages")})
	if r.holds() {
		t.Errorf("contradiction decides as %s", r.code)
	}
}

// A clock is called wrong for sure only when somebody besides the server says
// so.
func TestClockProof(t *testing.T) {
	const year = 365 * 24 * time.Hour
	make := func() world {
		w := healthy()
		for _, id := range []string{"ssm", "ssmmessages", "kms"} {
			w.badCert(host(id), fact.CertTime, fact.CertTime)
			w.dates(host(id), year-30*24*time.Hour, year+30*24*time.Hour)
			w.shakeOnly(host(id), func(h *fact.Handshake) { h.Then, h.SystemThen.Status = start.Add(year), fact.OK })
		}
		w.Requests = []fact.Request{{Outcome: ok(ms), Addr: at443("10.192.10.11"), Host: host("ssm"), HTTPStatus: 404, HasOffset: true, Offset: fact.Duration(-year)}}
		return w
	}
	sntp := fact.TimeSample{Outcome: ok(ms), Source: fact.TimeSNTP, Offset: fact.Duration(-year)}
	for _, tt := range []struct {
		name  string
		times []fact.TimeSample
		code  Code
		conf  Confidence
	}{
		{"the server alone", nil, "TL-03", Likely},
		{"the time service agrees", []fact.TimeSample{sntp}, "TL-03", Proved},
		{"the time service says that we are right", []fact.TimeSample{{Outcome: ok(ms), Source: fact.TimeSNTP}}, "TL-13", Likely},
	} {
		w := make()
		w.Times = tt.times
		v := Run(w.Set, Options{})
		invariants(t, w.Set, v)
		if f := v.Causes[0]; f.Code != tt.code || f.Confidence != tt.conf {
			t.Errorf("%s: %s %s", tt.name, f.Confidence, outline(v))
		}
	}
}
