package dial

import (
	"slices"
	"testing"

	"vpcdoctor/probe/fact"
)

func failed(c fact.Class) fact.Handshake {
	return fact.Handshake{Outcome: fact.Outcome{Status: fact.Failed, Class: c}}
}

func alerted(n int) fact.Handshake {
	h := failed(fact.TLSAlert)
	h.Alert = n
	return h
}

// verified is a handshake that completed, by the classes of its verifications.
func verified(name, system, reference fact.Class) fact.Handshake {
	v := func(c fact.Class) fact.Verified {
		if c == fact.ClassNone {
			return fact.Verified{Status: fact.OK}
		}
		return fact.Verified{Status: fact.Failed, Class: c}
	}
	return fact.Handshake{Outcome: fact.Outcome{Status: fact.OK}, Name: v(name), System: v(system), Reference: v(reference)}
}

func with(h fact.Handshake, change func(*fact.Handshake)) fact.Handshake {
	change(&h)
	return h
}

// The rows of field-guide C.4 and what is near them.
func TestVariants(t *testing.T) {
	const (
		none      = fact.ClassNone
		untrusted = fact.CertUntrusted
	)
	size := []fact.Variant{fact.NoPQ, fact.SmallMSS, fact.NeutralSNI}
	rule := []fact.Variant{fact.NeutralSNI, fact.NoPQ, fact.SmallMSS}
	offer := []fact.Variant{fact.TLS12, fact.NoPQ, fact.NeutralSNI}
	neutral := []fact.Variant{fact.NeutralSNI}
	for _, c := range []struct {
		name string
		base fact.Handshake
		want []fact.Variant
	}{
		{"ok", verified(none, none, none), nil},
		{"stall", failed(fact.Timeout), size},
		{"reset", failed(fact.Reset), rule},
		{"empty reply", failed(fact.EOF), rule},
		{"stall of our own making", with(failed(fact.Timeout), func(h *fact.Handshake) { h.CutByBudget = true }), nil},
		{"not run", fact.Handshake{Outcome: fact.Skip("budget")}, nil},
		{"a variant has none itself", with(failed(fact.Timeout), func(h *fact.Handshake) { h.Variant = fact.NoPQ }), nil},
		{"through a proxy", with(failed(fact.Timeout), func(h *fact.Handshake) { h.Proxy = "proxy:3128" }), nil},
		{"not TLS", failed(fact.NotTLS), nil},
		{"broken TLS", failed(fact.TLSProtocol), nil},
		{"interrupted", failed(fact.Cancelled), nil},

		{"handshake_failure", alerted(40), offer},
		{"protocol_version", alerted(70), offer},
		{"insufficient_security", alerted(71), offer},
		{"decode_error", alerted(50), offer},
		{"illegal_parameter", alerted(47), offer},
		{"unrecognized_name", alerted(112), []fact.Variant{fact.NeutralSNI, fact.NoSNI}},
		{"access_denied", alerted(49), []fact.Variant{fact.NeutralSNI, fact.NoPQ}},
		{"internal_error", alerted(80), []fact.Variant{fact.NeutralSNI, fact.NoPQ}},
		{"bad_certificate", alerted(42), nil},
		{"unknown_ca", alerted(48), nil},
		{"certificate_required", alerted(116), nil},

		{"re-signed", verified(none, untrusted, untrusted), neutral},
		{"re-signed, wrong name", verified(fact.CertName, untrusted, untrusted), neutral},
		{"re-signed, trusted here", verified(none, none, untrusted), nil},
		{"block page for another name", verified(fact.CertName, none, none), neutral},
		{"system store lacks the root", verified(none, untrusted, none), nil},
		{"clock", verified(none, fact.CertTime, fact.CertTime), nil},
		{"re-signed, system roots not known", with(verified(none, none, untrusted), func(h *fact.Handshake) { h.System = fact.Verified{Status: fact.NotRun} }), neutral},
		{"unknown issuer, no reference", with(verified(none, untrusted, none), func(h *fact.Handshake) { h.Reference = fact.Verified{} }), neutral},
		{"nothing verified", fact.Handshake{Outcome: fact.Outcome{Status: fact.OK}}, nil},
	} {
		got := Variants(c.base)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// Whatever the base was: bounded, no double, and never a variant that is unknown.
func TestVariantsAreBounded(t *testing.T) {
	bases := []fact.Handshake{}
	for n := range 256 {
		bases = append(bases, alerted(n))
	}
	for _, c := range []fact.Class{fact.Timeout, fact.Refused, fact.Reset, fact.EOF, fact.NotTLS, fact.TLSProtocol, fact.OtherFailure, fact.Cancelled, ""} {
		bases = append(bases, failed(c), verified(c, c, c))
	}
	p := &Prober{}
	for _, b := range bases {
		got := Variants(b)
		if len(got) > MaxVariants || len(slices.Compact(slices.Sorted(slices.Values(got)))) != len(got) {
			t.Errorf("%+v: %v", b, got)
		}
		for _, v := range got {
			if _, _, why := p.vary(v, host, "sts.us-east-1.amazonaws.com"); why != "" && mssSupported {
				t.Errorf("%s: %s", v, why)
			}
		}
	}
}
