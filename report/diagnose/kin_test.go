package diagnose

import (
	"slices"
	"strings"
	"testing"
	"time"

	"vpcdoctor/probe/fact"
)

// lead makes the first fault of the table that has this code.
func (w world) lead(code Code) {
	all := allFirings()
	all[slices.IndexFunc(all, func(f firing) bool { return f.code == code })].make(w)
}

// kinCase is a condition under which a cause stands behind another, and what
// takes it away.
type kinCase struct {
	code, behind Code
	make, miss   func(w world)
}

func kinCases() []kinCase {
	lead := func(c Code) func(world) { return func(w world) { w.lead(c) } }
	global := func(w world) { w.Place.Partition = "aws" }
	deaf := func(w world) { w.hub(); w.silent(w.all("10.50.")...) }
	github := func(w world) { w.byHand("gh", "github.com", "52.82.1.44").Type = "Custom" }
	return []kinCase{
		{"OS-10", "DN-10", lead("DN-10"), func(w world) { w.silent("10.192.10.200") }},
		{"CN-02", "DN-02", lead("DN-02"), global},
		{"CN-03", "IA-02", lead("IA-02"), global},
		{"CN-04", "IA-05", lead("IA-05"), global},
		{"CN-06", "AG-19", lead("AG-19"), global},
		{"CN-07", "PL-03", github, global},
		{"RC-02", "PL-03", github, func(w world) { w.drop("ssm"); w.drop("ssmmessages") }}, // no agent, no documents
		{"RT-05", "RT-04", deaf, world.hub},
		{"SG-05", "RT-04", deaf, world.hub},
		{"RT-07", "SG-01", func(w world) {
			w.lead("SG-01")
			w.IMDS.ENIs = append(w.IMDS.ENIs, fact.ENI{MAC: "02:00:00:00:00:02"})
			w.Host.Interfaces = append(w.Host.Interfaces, fact.Interface{Name: "eth1", MAC: "02:00:00:00:00:02"})
		}, func(w world) { w.Host.Interfaces = w.Host.Interfaces[:2] }},
		{"RT-12", "RT-08", func(w world) {
			w.hub()
			w.resolves(host("ssm"), "10.50.1.11", "10.50.2.11")
			w.silent("10.50.2.11")
		}, func(w world) { w.resolves(host("ssm"), "10.192.10.11", "10.192.20.11"); w.silent("10.192.20.11") }},
		{"RT-15", "SG-01", func(w world) { w.lead("SG-01"); w.IMDS.AZ = region + "-lax-1a" }, func(w world) { w.IMDS.AZ = region + "a" }},
		{"DN-27", "GW-01", lead("GW-01"), func(w world) { w.t("s3-gateway").ID = "dynamodb-gateway" }},
		{"GW-10", "GW-01", lead("GW-01"), func(w world) { w.answer(host("s3-gateway"), "52.82.1.5") }},
		{"GW-12", "GW-05", func(w world) { w.lead("GW-05"); w.Host.Proxy.HTTPS = "http://p:3128" }, func(w world) { w.Host.Proxy.HTTPS = "" }},
		{"GW-13", "V6-01", func(w world) {
			w.ipv6()
			w.s3("52.82.1.5")
			w.resolves(host("s3-gateway"), "52.82.1.5", "2600:1f18::50")
			w.silent("2600:1f18::50")
		}, func(w world) { w.t("s3-gateway").Type, w.t("s3-gateway").ID = "Interface", "x" }},
		{"EP-11", "RT-01", func(w world) {
			w.lead("RT-01")
			w.retarget(w.t("rds"), "rds.cn-north-1."+suffix, "52.82.1.20")
			w.silent("52.82.1.20")
		}, func(w world) { w.retarget(w.t("rds"), host("rds"), "52.82.1.20"); w.silent("52.82.1.20") }},
		{"PL-01", "SG-02", func(w world) { w.custom("10.192.10.60"); w.silent("10.192.10.60") }, func(w world) { w.t("billing").Type = "Interface" }},
		{"PL-10", "TL-08", func(w world) {
			w.custom("10.192.10.60")
			w.shake("billing.example.internal", func(h *fact.Handshake) { h.Outcome = failed(fact.NotTLS, ms) })
		}, func(w world) { w.t("billing").Type = "Interface" }},
		{"PL-08", "FW-06", func(w world) { w.hush("ssmmessages", 351*time.Second) }, func(w world) { w.hush("ssmmessages", 10*time.Second) }},
		{"V6-04", "V6-01", lead("V6-01"), func(w world) { w.resolves(host("ssm"), "52.82.1.9", "2600:1f18::11"); w.silent("2600:1f18::11") }},
		{"V6-07", "DN-29", func(w world) { w.lead("DN-29"); w.Host.IPv6Off = true }, func(w world) { w.Host.IPv6Off = false }},
		{"PX-11", "PX-01", func(w world) { w.lead("PX-01"); w.Host.OS = "windows" }, func(w world) { w.Host.OS = "linux" }},
	}
}

func behind(v Verdict, lead, code Code) bool {
	f := find(v, lead)
	return f != nil && slices.ContainsFunc(f.Alternatives, func(a Alternative) bool { return a.Code == code })
}

// A condition decides: with the fact the cause stands behind the finding,
// without it not.
func TestKin(t *testing.T) {
	have := map[Code]bool{}
	for _, c := range kinCases() {
		t.Run(string(c.code)+" behind "+string(c.behind), func(t *testing.T) {
			w := healthy()
			c.make(w)
			v := Run(w.Set, Options{})
			invariants(t, w.Set, v)
			if !behind(v, c.behind, c.code) {
				t.Fatalf("not there: %s", outline(v))
			}
			c.miss(w)
			v = Run(w.Set, Options{})
			invariants(t, w.Set, v)
			if behind(v, c.behind, c.code) {
				t.Errorf("still there: %s", outline(v))
			}
		})
		have[c.code] = true
	}
	for _, k := range kindred {
		if k.when != nil && !have[k.code] {
			t.Errorf("%s has a condition and no case", k.code)
		}
	}
}

// Without a condition the cause comes and goes with what it stands behind; so
// that must be a finding of some fault in the table.
func TestKinStandBehindFindings(t *testing.T) {
	leads := map[Code]bool{}
	for _, f := range allFirings() {
		leads[f.code] = true
		w := healthy()
		f.make(w)
		v := Run(w.Set, Options{})
		for _, k := range kindred {
			if k.when == nil && strings.Contains(k.behind, string(f.code)) && find(v, f.code).Code == f.code && !behind(v, f.code, k.code) {
				t.Errorf("%s does not name %s", f.code, k.code)
			}
		}
	}
	for _, k := range kindred {
		if d, ok := Explain(k.code); !ok || !d.Visible || k.decide == "" {
			t.Errorf("%s: no page, or nothing that decides", k.code)
		}
		for _, c := range strings.Fields(k.behind) {
			if c := Code(c); !leads[c] || c == k.code {
				t.Errorf("%s stands behind %s, which never leads", k.code, c)
			}
		}
	}
}
