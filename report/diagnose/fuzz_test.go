package diagnose

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"vpcdoctor/probe/fact"
)

func FuzzRun(f *testing.F) {
	for _, x := range allFirings() {
		w := healthy()
		x.make(w)
		b, _ := json.Marshal(w.Set)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var s fact.Set
		if json.Unmarshal(b, &s) != nil {
			return
		}
		v := Run(&s, Options{})
		invariants(t, &s, v)
		noPanic(t, v)
		if again := Run(&s, Options{}); !reflect.DeepEqual(v, again) {
			t.Error("the same facts give another verdict")
		}
	})
}

// FuzzMixture applies several faults at once and then damages single facts.
// JSON as such hardly ever decodes after a byte changes; this reaches the rules.
func FuzzMixture(f *testing.F) {
	for i := range uint64(200) {
		f.Add(i, i*7919)
	}
	f.Fuzz(func(t *testing.T, a, b uint64) {
		rng := rand.New(rand.NewPCG(a, b))
		w := mixture(rng)
		v := Run(w.Set, Options{})
		invariants(t, w.Set, v)
		noPanic(t, v)
		shuffle(rng, w.Targets)
		shuffle(rng, w.Lookups)
		shuffle(rng, w.Dials)
		shuffle(rng, w.Handshakes)
		shuffle(rng, w.Requests)
		shuffle(rng, w.Answers)
		shuffle(rng, w.Set.Signed.Calls)
		shuffle(rng, w.Rehearsal.Steps)
		shuffle(rng, w.Agent.Log.Events)
		shuffle(rng, w.Set.Software)
		if again := Run(w.Set, Options{}); !reflect.DeepEqual(v, again) {
			t.Errorf("the order decides\n%s\n%s", outline(v), outline(again))
		}
	})
}

// noPanic: a rule that panics becomes a finding, which must not hide it here.
func noPanic(t *testing.T, v Verdict) {
	t.Helper()
	if f := find(v, "SELF-01"); f != nil {
		t.Errorf("%s: %v", f.Summary, f.Evidence)
	}
}

// mixture is a healthy world with up to four faults and some damaged facts.
// A fault that needs what another took away is left out.
func mixture(rng *rand.Rand) world {
	w := healthy()
	all, kins := allFirings(), kinCases()
	for range rng.IntN(5) {
		func() {
			defer func() { _ = recover() }()
			if rng.IntN(4) == 0 {
				kins[rng.IntN(len(kins))].make(w)
				return
			}
			x := all[rng.IntN(len(all))]
			x.make(w)
			if rng.IntN(4) == 0 {
				x.miss(w)
			}
		}()
	}
	classes := []fact.Class{"", fact.Timeout, fact.Refused, fact.Reset, fact.NetUnreachable, fact.HostUnreachable, fact.NotPermitted, fact.NoAddress, fact.Invalid,
		fact.EOF, fact.NotTLS, fact.TLSAlert, fact.CertTime, fact.CertUntrusted, fact.NXDomain, fact.NoData, fact.ServFail, fact.OtherFailure, "\x00?"}
	damage := func(o *fact.Outcome) {
		switch rng.IntN(4) {
		case 0:
			*o = fact.Outcome{}
		case 1:
			o.CutByBudget = !o.CutByBudget
		default:
			o.Status, o.Class = fact.Failed, classes[rng.IntN(len(classes))]
		}
	}
	for range rng.IntN(6) {
		switch n := rng.IntN(11); {
		case n == 0 && len(w.Dials) > 0:
			damage(&w.Dials[rng.IntN(len(w.Dials))].Outcome)
		case n == 1 && len(w.Handshakes) > 0:
			damage(&w.Handshakes[rng.IntN(len(w.Handshakes))].Outcome)
		case n == 2 && len(w.Lookups) > 0:
			damage(&w.Lookups[rng.IntN(len(w.Lookups))].Outcome)
		case n == 3 && len(w.Answers) > 0:
			a := &w.Answers[rng.IntN(len(w.Answers))]
			a.Status, a.Addrs = fact.Failed, nil
		case n == 4:
			damage(&w.IMDS.Token.Outcome)
		case n == 5:
			w.IMDS.ENIs = nil
		case n == 6 && len(w.Targets) > 0:
			t := &w.Targets[rng.IntN(len(w.Targets))]
			t.Need = []fact.Need{fact.NeedRequired, fact.NeedOneOf, fact.NeedRecommended, fact.NeedOptional, "x"}[rng.IntN(5)]
			t.Agent = rng.IntN(2) == 0
		case n == 7 && len(w.Targets) > 0:
			t := &w.Targets[rng.IntN(len(w.Targets))]
			t.Ports = slices.Clone([]fact.Port{{Number: 443, TLS: true}, {Number: 80}, {Number: 443}}[:rng.IntN(4)])
			t.Type = []string{"Interface", "Gateway", "Custom", ""}[rng.IntN(4)]
		case n == 8:
			w.Place.Partition = []string{"aws", "aws-cn", "aws-us-gov", "aws-iso", ""}[rng.IntN(5)]
			w.Place.DNSSuffix = []string{"amazonaws.com", "amazonaws.com.cn", "c2s.ic.gov", ""}[rng.IntN(4)]
		case n == 9:
			w.IMDS.Server, w.IMDS.AZ = []string{"EC2ws", "kube2iam", ""}[rng.IntN(3)], region+[]string{"", "a", "-lax-1a"}[rng.IntN(3)]
		case n == 10 && len(w.Addresses) > 0:
			a := &w.Addresses[rng.IntN(len(w.Addresses))]
			a.Class, a.Region = []fact.AddrClass{fact.OwnVPC, fact.PublicAWS, fact.NAT64, fact.Loopback, "x"}[rng.IntN(5)], []string{"", region, "us-east-1"}[rng.IntN(3)]
		}
	}
	return w
}

// The budget: 1,000 targets in at most 20 ms.
func BenchmarkRun(b *testing.B) {
	w := healthy()
	for i := range 1000 {
		id := "svc" + string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + string(rune('a'+i/676))
		n := i % 200
		w.target(id, fact.NeedOptional, "10.192.10."+itoa(n+20), "10.192.20."+itoa(n+20))
	}
	b.ResetTimer()
	for b.Loop() {
		Run(w.Set, Options{})
	}
}

func itoa(n int) string {
	b, _ := json.Marshal(n)
	return string(b)
}
