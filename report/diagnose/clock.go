package diagnose

import (
	"fmt"
	"slices"
	"time"

	"vpcdoctor/probe/fact"
)

// offset is our clock minus the world's, as the majority of the sources says.
// It is not known when nothing was measured or the sources contradict each
// other.
func (v *View) offset() (fact.Offset, bool) { return v.clock, v.clockKnown }

// offsetEvidence cites up to two of the sources that agree, the time service
// before the Date headers.
func (v *View) offsetEvidence() []Evidence {
	off, ok := v.offset()
	if !ok {
		return nil
	}
	var out []Evidence
	for _, t := range refs(v.Set.AllTimes(), fact.TimeSample.Key) {
		if slices.Contains(off.Keys, t.Key()) && t.Source != fact.TimeAdjtimex && len(out) < 1 {
			out = append(out, Evidence{t.Key(), fmt.Sprintf("%s: our clock is %s", sourceWords(*t), aheadBehind(t.Offset.Std()))})
		}
	}
	for _, r := range refs(v.Set.Requests, fact.Request.Key) {
		if r.Status == fact.OK && r.HasOffset && slices.Contains(off.Keys, r.Key()) && len(out) < 2 {
			out = append(out, Evidence{r.Key(), fmt.Sprintf("Date of %s: our clock is %s", r.Host, aheadBehind(r.Offset.Std()))})
			break
		}
	}
	return out
}

func sourceWords(t fact.TimeSample) string {
	switch t.Source {
	case fact.TimeSNTP:
		return "Amazon Time Sync Service " + t.Server.Addr().String()
	case fact.TimeIMDSDate:
		return "Date of the metadata service"
	case fact.TimeDate:
		return "Date of " + t.Server.Addr().String()
	}
	return plain(t.Source, 20)
}

// aheadBehind says how far off a clock is, in the largest units that matter.
func aheadBehind(d time.Duration) string {
	word := "ahead"
	if d < 0 {
		word = "behind"
	}
	d = d.Abs().Round(time.Second)
	for _, u := range []struct {
		of   time.Duration
		name string
	}{{24 * time.Hour, "days"}, {time.Hour, "hours"}, {time.Minute, "minutes"}} {
		if d >= 2*u.of {
			return fmt.Sprintf("%d %s %s", int(d.Round(u.of)/u.of), u.name, word)
		}
	}
	return fmt.Sprintf("%d s %s", int(d/time.Second), word)
}

// besideAWS is "11 minutes behind" or "2 hours ahead of".
func besideAWS(d time.Duration) string {
	if d < 0 {
		return aheadBehind(d)
	}
	return aheadBehind(d) + " of"
}

// witnesses are the kinds of sources that agree about our clock, in words.
func witnesses(o fact.Offset) string {
	var out []string
	for _, s := range o.Sources {
		switch s {
		case fact.TimeSNTP:
			out = append(out, "the Amazon Time Sync Service")
		case fact.TimeDate:
			out = append(out, "the Date headers of AWS")
		case fact.TimeIMDSDate:
			out = append(out, "the metadata service")
		case fact.TimeAdjtimex:
			out = append(out, "the kernel")
		}
	}
	return list(out, 4)
}

var timeSync = Action{
	Do:      "Repair time synchronisation with the Amazon Time Sync Service, 169.254.169.123.",
	Command: "chronyc sources", Where: "instance", Verify: "chronyc tracking shows a small offset",
}

// wrongClock: certificates look expired or not yet valid because of our clock,
// or as far as can be told because of it.
func wrongClock(v *View) []Finding {
	return blamed("TL-03", Likely, func(v *View, g group, f *Finding) {
		off, known := v.offset()
		then, dated := v.validAtDate(g)
		f.Action = timeSync
		switch {
		case known && off.By.Abs() >= clockSeen:
			f.Summary = fmt.Sprintf("The clock of this host is %s AWS, so the certificates of %s look invalid.", besideAWS(off.By), g.names())
			// Valid at the server's time, and a second kind of source says that ours
			// is off: a certificate that was wrong itself would not fit both.
			if dated && !slices.Equal(off.Sources, []string{fact.TimeDate}) {
				f.Confidence = Proved
			}
		default:
			f.Confidence = Likely
			f.Summary = fmt.Sprintf("The certificates of %s are outside their validity by this host's clock.", g.names())
			f.Alternatives = []Alternative{alt("TL-13", "compare date -u with a clock that is right: if they agree, the certificate is at fault")}
			if !dated {
				f.Confidence = Possible
			}
		}
		f.Evidence = append(v.offsetEvidence(), f.Evidence...)
		if dated {
			f.Evidence = append(f.Evidence, Evidence{then.Key(), "at the Date of the server, " + then.Then.UTC().Format("2006-01-02 15:04") + ", the chain is valid"})
		}
	}).Eval(v)
}

// validAtDate is a handshake of the group whose chain is valid at the server's
// Date.
func (v *View) validAtDate(g group) (fact.Handshake, bool) {
	for _, b := range g.bs {
		if b.port == nil {
			continue
		}
		if d, ok := v.dated(b.port.Shake); ok && validThen(d) {
			return d, true
		}
	}
	return fact.Handshake{}, false
}

// skew: TLS works, but signed calls will fail or soon will.
func skew(v *View) []Finding {
	off, ok := v.offset()
	if !ok || off.By.Abs() <= clockSeen || len(v.blames["TL-03"]) > 0 {
		return nil
	}
	f := Finding{
		Code: "IA-16", Severity: SevInfo, Confidence: Likely, Evidence: v.offsetEvidence(), Action: timeSync,
		Summary: fmt.Sprintf("The clock of this host is %s AWS. Signed calls are rejected beyond five minutes.", besideAWS(off.By)),
	}
	if off.By.Abs() > clockWarn {
		f.Severity = SevWarning
	}
	if off.By.Abs() > clockFail {
		f.Severity = SevError
		f.Summary = fmt.Sprintf("The clock of this host is %s AWS. AWS rejects every signed call beyond five minutes.", besideAWS(off.By))
	}
	if off.Against > 0 {
		f.Evidence = append(f.Evidence, Evidence{"", fmt.Sprintf("%d of %d comparisons agree, the others do not", off.Agreeing, off.Agreeing+off.Against)})
	}
	if slices.Equal(off.Sources, []string{fact.TimeDate}) {
		f.Alternatives = []Alternative{alt("OS-12", "a device on the path writes the Date headers: chronyc tracking shows a small offset")}
	}
	if v.Set.Host.Clock.Unsynchronised {
		f.Evidence = append(f.Evidence, Evidence{"", "the kernel says that its clock is not synchronised"})
	}
	return []Finding{f}
}

// freeClock is OS-12: nothing disciplines the clock, and nothing told by how
// much it is off. Alone that proves no error.
func freeClock(v *View) []Finding {
	c := v.Set.Host.Clock
	if _, known := v.offset(); known || c.Status != fact.OK || !c.Unsynchronised {
		return nil
	}
	f := Finding{
		Code: "OS-12", Severity: SevInfo, Confidence: Likely, Action: timeSync,
		Summary:  "The kernel holds the clock of this host for unsynchronised, and nothing that was reached told the time. How far off it is is not known.",
		Evidence: []Evidence{{"", fmt.Sprintf("adjtimex: unsynchronised, largest error %s", c.MaxError.Std())}},
	}
	for _, t := range refs(v.Set.AllTimes(), fact.TimeSample.Key) {
		if t.Ran() && t.Status == fact.Failed && len(f.Evidence) < 3 {
			f.Evidence = append(f.Evidence, Evidence{t.Key(), sourceWords(*t) + ": " + outcomeWords("request", t.Outcome, "")})
		}
	}
	return []Finding{f}
}
