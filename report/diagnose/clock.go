package diagnose

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"vpcdoctor/probe/fact"
)

// offset is our clock minus the time of AWS, the median over the Date headers
// of the run: one lying proxy does not move a median.
func (v *View) offset() (time.Duration, bool) {
	var ds []time.Duration
	for i := range v.Set.Requests {
		r := &v.Set.Requests[i] // a copy of each costs more than the sum
		if r.Status == fact.OK && r.HasOffset {
			ds = append(ds, r.Offset.Std())
		}
	}
	if len(ds) == 0 {
		return 0, false
	}
	slices.Sort(ds)
	return ds[len(ds)/2], true
}

func (v *View) offsetEvidence() []Evidence {
	off, ok := v.offset()
	if !ok {
		return nil
	}
	var first *fact.Request
	for i := range v.Set.Requests {
		r := &v.Set.Requests[i]
		if r.Status != fact.OK || !r.HasOffset || r.Offset.Std() != off {
			continue
		}
		if first == nil || cmp.Or(cmp.Compare(r.Host, first.Host), r.Addr.Compare(first.Addr)) < 0 {
			first = r
		}
	}
	if first == nil {
		return nil
	}
	return []Evidence{{first.Key(), fmt.Sprintf("Date of %s: our clock is %s", first.Host, aheadBehind(off))}}
}

func aheadBehind(d time.Duration) string {
	if d < 0 {
		return fmt.Sprintf("%s behind", d.Abs().Round(time.Second))
	}
	return fmt.Sprintf("%s ahead", d.Round(time.Second))
}

var timeSync = Action{
	Do:      "Repair time synchronisation with the Amazon Time Sync Service, 169.254.169.123.",
	Command: "chronyc sources", Where: "instance", Verify: "chronyc tracking shows a small offset",
}

// wrongClock: certificates look expired or not yet valid because of our clock,
// or as far as can be told because of it.
func wrongClock(v *View) []Finding {
	fs := blamed("TL-03", Likely, func(v *View, g group, f *Finding) {
		f.Summary = fmt.Sprintf("The certificates of %s are outside their validity by this host's clock.", g.names())
		if off, ok := v.offset(); ok {
			f.Summary = fmt.Sprintf("The clock of this host is %s of AWS, so the certificates of %s look invalid.", aheadBehind(off), g.names())
			f.Confidence = Proved
		} else {
			f.Alternatives = []Alternative{alt("TL-13", "compare date -u with a clock that is right: if they agree, the certificate is at fault")}
		}
		f.Evidence = append(v.offsetEvidence(), f.Evidence...)
		f.Action = timeSync
	}).Eval(v)
	return fs
}

// skew: TLS works, but signed calls will fail or soon will.
func skew(v *View) []Finding {
	off, ok := v.offset()
	if !ok || off.Abs() <= clockSeen || len(v.blames["TL-03"]) > 0 {
		return nil
	}
	f := Finding{
		Code: "IA-16", Severity: SevInfo, Confidence: Likely, Evidence: v.offsetEvidence(), Action: timeSync,
		Summary: fmt.Sprintf("The clock of this host is %s of AWS. Signed calls are rejected beyond five minutes.", aheadBehind(off)),
	}
	if off.Abs() > clockWarn {
		f.Severity = SevWarning
	}
	if off.Abs() > clockFail {
		f.Severity = SevError
		f.Summary = fmt.Sprintf("The clock of this host is %s of AWS. AWS rejects every signed call beyond five minutes.", aheadBehind(off))
	}
	if v.Set.Host.Clock.Unsynchronised {
		f.Evidence = append(f.Evidence, Evidence{"", "the kernel says that its clock is not synchronised"})
	}
	return []Finding{f}
}
