package diagnose

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"vpcdoctor/probe/fact"
)

// The agent's log is a witness, not a judge. What it tells of is over or not,
// and only the probes of today know: an event that fits a cause they found
// becomes a line of its evidence; one about a path that works now is history;
// one about a path that they could not try stands alone, and is likely at
// best. Silence of the log means nothing.

// clue says which causes an event of the log fits, the leading one first.
// Empty fields fit everything; class is that of the address in the text.
type clue struct {
	stem   fact.LogStem
	reason fact.LogReason
	class  fact.AddrClass
	codes  []Code
}

// clues maps the stems and reasons of probe/agentlog to codes (field guide
// C.9, ssm-agent.md part 5). The first that fits decides, so what is specific
// stands before what is general.
var clues = []clue{
	// The agent's own ground.
	{stem: fact.LogConfig, codes: []Code{"AG-22"}},
	{stem: fact.LogFingerprint, codes: []Code{"AG-07"}},
	{stem: fact.LogNotExisting, codes: []Code{"AG-08", "AG-07"}},
	{stem: fact.LogIdentityOnPrem, codes: []Code{"AG-08"}},
	{stem: fact.LogVault, codes: []Code{"AG-14", "AG-09", "AG-11"}},
	{stem: fact.LogNoSpace, codes: []Code{"AG-09", "AG-10"}},
	{stem: fact.LogNoPlugin, codes: []Code{"SM-10", "AG-09", "AG-10", "AG-11"}},
	{reason: fact.ReasonNoSpace, codes: []Code{"AG-09", "AG-10"}},
	{stem: fact.LogReadOnly, codes: []Code{"AG-11"}},
	{stem: fact.LogNoPermission, codes: []Code{"AG-12", "AG-13"}},
	{stem: fact.LogWorkerExit, codes: []Code{"AG-15", "AG-20", "AG-09", "AG-10", "AG-27"}},
	{stem: fact.LogSharedFile, codes: []Code{"AG-09", "AG-11", "AG-13"}},

	// Sessions and the output of commands.
	{stem: fact.LogDataKey, codes: []Code{"SM-03", "SM-02"}},
	{stem: fact.LogSessionS3, codes: []Code{"SM-04"}},
	{stem: fact.LogSessionLogs, codes: []Code{"SM-05", "SM-06"}},
	{stem: fact.LogRunAs, codes: []Code{"SM-08"}},
	{stem: fact.LogUpload, codes: []Code{"RC-01"}},

	// Metadata and credentials.
	{stem: fact.LogIMDSToken, reason: fact.ReasonHTTPStatus, codes: []Code{"IM-06", "PX-02"}},
	{stem: fact.LogIMDSToken, reason: fact.ReasonForbidden, codes: []Code{"IM-01", "IM-06", "PX-02"}},
	{stem: fact.LogIMDSToken, reason: fact.ReasonRefused, codes: []Code{"IM-04", "IM-05"}},
	{stem: fact.LogIMDSToken, codes: []Code{"IM-13", "IM-03", "IM-04", "IM-05", "IM-06", "IM-08", "PX-02"}},
	{stem: fact.LogNoIdentity, codes: []Code{"IM-13", "IM-01", "IM-03", "IM-04", "IM-05", "IM-06", "PX-02", "AG-16"}},
	{stem: fact.LogIdentityRole, codes: []Code{"IM-13", "IM-08", "IM-15"}},
	{reason: fact.ReasonForbidden, codes: []Code{"IM-01", "IM-06", "PX-02"}},
	{reason: fact.ReasonNoRole, codes: []Code{"IA-01", "IA-04", "IA-07"}},
	{reason: fact.ReasonAssumeRole, codes: []Code{"IA-05"}},
	{reason: fact.ReasonNotConfigured, codes: []Code{"IA-07"}},
	{stem: fact.LogNotRegistered, codes: []Code{"IA-07", "IA-08"}},
	{reason: fact.ReasonSignatureOld, codes: []Code{"IA-16", "TL-03", "OS-12", "AG-16"}},
	{reason: fact.ReasonSignatureNew, codes: []Code{"IA-16", "TL-03", "OS-12", "AG-16"}},
	{reason: fact.ReasonExpiredToken, codes: []Code{"IA-06", "IA-16"}},
	{reason: fact.ReasonBadToken, codes: []Code{"IA-15", "IA-06", "AG-17"}},
	{reason: fact.ReasonThrottled, codes: []Code{"IA-18"}},
	{stem: fact.LogControlToken, reason: fact.ReasonDenied, codes: []Code{"IA-03", "EP-08", "IA-09", "IA-11"}},
	{reason: fact.ReasonDenied, codes: []Code{"IA-02", "EP-08", "IA-07", "IA-09", "IA-11"}},

	// The proxy.
	{stem: fact.LogProxyTLS, codes: []Code{"PX-06"}},
	{reason: fact.ReasonProxyConnect, codes: []Code{"PX-07", "PX-06"}},
	{reason: fact.ReasonProxyStatus, codes: []Code{"PX-05", "PX-04"}},

	// The channel.
	{stem: fact.LogDialWebsocket, reason: fact.ReasonHTTPStatus, codes: []Code{"FW-08", "PX-05", "IA-03"}},
	{reason: fact.ReasonAbnormalClose, codes: []Code{"FW-06", "SM-07", "PX-05"}},

	// Names.
	{reason: fact.ReasonNoSuchHost, codes: []Code{"DN-31", "DN-05", "DN-08", "DN-11", "DN-22", "DN-15", "DN-16", "CN-01", "CN-05", "EP-02", "DN-18", "DN-19", "DN-20", "AG-16"}},
	{reason: fact.ReasonDNSTimeout, codes: []Code{"DN-07", "DN-04", "DN-16", "DN-21", "DN-29", "OS-01", "AG-16"}},
	{reason: fact.ReasonDNSServer, codes: []Code{"DN-05", "DN-09", "DN-17", "DN-08", "DN-16", "DN-22"}},

	// Connects, by where the address is.
	{reason: fact.ReasonDialTimeout, class: fact.OwnVPC, codes: []Code{"SG-02", "SG-01", "SG-03", "SG-05", "SG-06", "SG-07", "SG-08", "FW-09", "DN-10", "RT-08", "DN-15", "DN-05", "DN-19", "OS-01", "OS-02", "OS-03"}},
	{reason: fact.ReasonDialTimeout, class: fact.OtherPrivate, codes: []Code{"RT-04", "RT-03", "RT-05", "SG-01", "SG-06", "SG-07", "FW-01", "FW-09", "DN-10", "RT-08", "DN-15", "DN-05", "DN-19", "OS-01", "OS-02", "OS-03"}},
	{reason: fact.ReasonDialTimeout, class: fact.PublicAWS, codes: []Code{"DN-02", "EP-01", "RT-01", "RT-09", "RT-11", "RT-14", "FW-01", "SG-01", "SG-06", "DN-01", "DN-08", "PX-01", "PX-09", "DN-10", "RT-08", "DN-15", "DN-05", "DN-19", "OS-01", "OS-02", "OS-03"}},
	{reason: fact.ReasonDialTimeout, codes: []Code{"EP-16", "DN-02", "SG-01", "SG-02", "RT-04", "V6-01", "V6-03", "DN-10", "RT-08", "DN-15", "DN-05", "DN-19", "OS-01", "OS-02", "OS-03"}},
	{reason: fact.ReasonTimeout, codes: []Code{"EP-16", "EP-01", "DN-02", "SG-01", "SG-02", "SG-06", "SG-07", "RT-04", "RT-08", "TL-07", "TL-14", "FW-02", "FW-03"}},
	{reason: fact.ReasonRefused, codes: []Code{"RT-08", "OS-01", "RT-06", "DN-10", "DN-15", "DN-22", "EP-16"}},
	{reason: fact.ReasonReset, codes: []Code{"FW-02", "FW-05", "RT-08", "TL-05", "OS-01", "EP-16"}},
	{reason: fact.ReasonUnreachable, codes: []Code{"RT-02", "OS-01", "RT-06", "RT-08", "V6-02", "AG-16"}},

	// TLS.
	{reason: fact.ReasonUnknownCA, codes: []Code{"TL-01", "TL-02", "FW-04"}},
	{reason: fact.ReasonCertName, codes: []Code{"TL-04", "FW-04", "DN-15", "DN-05"}},
	{reason: fact.ReasonCertTime, codes: []Code{"TL-03", "TL-13", "AG-16"}},
	{reason: fact.ReasonTLSTimeout, codes: []Code{"TL-07", "TL-14", "FW-02", "FW-03", "FW-07", "OS-07"}},
	{reason: fact.ReasonNotTLS, codes: []Code{"TL-08", "PX-06"}},

	// What remains is told by its stem alone.
	{stem: fact.LogUpdate, codes: []Code{"AG-19"}},
	{stem: fact.LogChannelLost, codes: []Code{"AG-21", "FW-06"}},
	{stem: fact.LogSkipFallback, codes: []Code{"IA-08"}},
}

// clueOf finds the clue of an event; nil for what means nothing by itself.
func (v *View) clueOf(e *fact.LogEvent) *clue {
	class := fact.AddrClass("")
	if e.Addr.IsValid() {
		class = v.classOf(e.Addr.Addr()).Class
	}
	for i := range clues {
		c := &clues[i]
		if (c.stem == "" || c.stem == e.Stem) && (c.reason == "" || c.reason == e.Reason) && (c.class == "" || c.class == class) {
			return c
		}
	}
	return nil
}

// thisStart are the events of the log that belong to this start of the agent, in a
// fixed order. What lies after the run is of a clock that was wrong.
func (v *View) thisStart() []*fact.LogEvent {
	var out []*fact.LogEvent
	for _, e := range refs(v.Set.Agent.Log.Events, eventOrder) {
		if !e.Old && !e.Last.IsZero() && !e.Last.After(v.Set.Start.Add(time.Minute)) {
			out = append(out, e)
		}
	}
	return out
}

func eventOrder(e fact.LogEvent) string {
	return e.Key() + e.Last.UTC().Format(time.RFC3339Nano) + e.Source
}

// logged is the last event of a stem; zero when there is none.
func (v *View) logged(stem fact.LogStem) fact.LogEvent {
	var last fact.LogEvent
	for _, e := range v.tale {
		if e.Stem == stem && e.Last.After(last.Last) {
			last = *e
		}
	}
	return last
}

// tellsOf is an event as a line of evidence.
func (v *View) tellsOf(e fact.LogEvent) []Evidence {
	if e.Last.IsZero() {
		return nil
	}
	text := "the agent's log: " + stemWords(e)
	switch {
	case e.Addr.IsValid():
		text += " to " + e.Addr.String()
	case e.Host != "":
		text += " for " + e.Host
	}
	if e.Server.IsValid() {
		text += " at " + e.Server.Addr().String()
	}
	if e.Status != 0 {
		text += fmt.Sprintf(", HTTP %d", e.Status)
	}
	if e.Code != "" {
		text += ", " + e.Code
	}
	if e.Wait > 0 {
		text += ", " + e.Wait.Std().Round(time.Second).String()
	}
	if e.Count > 1 {
		text += fmt.Sprintf(", %d times since %s", e.Count, day(e.First))
	}
	return []Evidence{{e.Key(), text + ", last " + day(e.Last)}}
}

// stemWords are the words of the fact, made readable: they are ours, and
// anything else is cleaned when the finding is completed.
func stemWords(e fact.LogEvent) string {
	words := []byte(string(e.Stem))
	if e.Reason != "" && e.Reason != fact.ReasonOther && string(e.Reason) != string(e.Stem) {
		words = append(append(words, ": "...), e.Reason...)
	}
	for i, b := range words {
		if b == '_' {
			words[i] = ' '
		}
	}
	return string(words)
}

// corroborate adds the event that fits a finding best as a line of evidence.
// It never raises a confidence.
func (v *View) corroborate(f *Finding) {
	if f.Severity == SevInfo || len(f.Evidence) >= maxEvidence || slices.ContainsFunc(f.Evidence, func(e Evidence) bool { return len(e.Ref) > 4 && e.Ref[:4] == "log:" }) {
		return
	}
	var best *fact.LogEvent
	for _, e := range v.tale {
		c := v.clueOf(e)
		if c == nil || !slices.Contains(c.codes, f.Code) || !v.concerns(e, f.Code) {
			continue
		}
		if best == nil || e.Last.After(best.Last) {
			best = e
		}
	}
	if best != nil {
		f.Evidence = append(f.Evidence, v.tellsOf(*best)...)
	}
}

// concerns tells whether an event is about what the code was blamed for. One
// without a name or an address may be.
func (v *View) concerns(e *fact.LogEvent, code Code) bool {
	bs := v.blames[code]
	if len(bs) == 0 || !e.Addr.IsValid() && e.Host == "" {
		return true
	}
	return slices.ContainsFunc(bs, func(b blame) bool {
		if e.Addr.IsValid() {
			return b.port != nil && b.port.At.Addr().Unmap() == e.Addr.Addr().Unmap() || b.tun != nil
		}
		return b.target().Host == e.Host
	})
}

// path is the row that an event is about: of its host, or of its address, or
// of the service that its stem belongs to.
func (v *View) pathOf(e *fact.LogEvent) *Path {
	id := ""
	switch e.Stem {
	case fact.LogRegister, fact.LogProfileRole, fact.LogManagedRole, fact.LogSkipFallback, fact.LogHealthPing, fact.LogHibernate:
		id = "ssm"
	case fact.LogControlToken, fact.LogDialWebsocket, fact.LogChannelLost:
		id = "ssmmessages"
	case fact.LogUpdate, fact.LogUpload:
		return nil
	}
	for _, p := range v.Paths {
		if e.Host != "" && p.T.Host == e.Host {
			return p
		}
	}
	for _, p := range v.Paths {
		if e.Addr.IsValid() && slices.ContainsFunc(p.Answer.Addrs, func(a netip.Addr) bool { return a.Unmap() == e.Addr.Addr().Unmap() }) || e.Host == "" && p.T.Agent && p.T.ID == id {
			return p
		}
	}
	return nil
}

// today tells how the way that an event is about fares now.
func (v *View) today(e *fact.LogEvent) CheckStatus {
	p := v.pathOf(e)
	if p == nil {
		return NotCheckedStatus
	}
	if p.Counts {
		return p.Status
	}
	for _, t := range v.Tuns {
		if t.Key == p.Key {
			return t.Status
		}
	}
	return NotCheckedStatus
}

// recent is how old an event may be to stand alone: the agent's longest
// wait is an hour and a half-hour attempt may follow.
const recent = 90 * time.Minute

// network are the reasons that a path explains, and so a path acquits.
func network(r fact.LogReason) bool {
	switch r {
	case fact.ReasonDialTimeout, fact.ReasonRefused, fact.ReasonReset, fact.ReasonUnreachable, fact.ReasonNoSuchHost, fact.ReasonDNSTimeout, fact.ReasonDNSServer,
		fact.ReasonUnknownCA, fact.ReasonCertName, fact.ReasonCertTime, fact.ReasonTLSTimeout, fact.ReasonNotTLS, fact.ReasonTimeout, fact.ReasonProxyStatus, fact.ReasonProxyConnect:
		return true
	}
	return false
}

// fromLog makes the rules for what the log alone tells: one per leading code.
func fromLog() []Rule {
	var out []Rule
	for _, c := range clues {
		lead := c.codes[0]
		if !network(c.reason) || slices.ContainsFunc(out, func(r Rule) bool { return r.Code == lead }) {
			continue
		}
		out = append(out, Rule{Code: lead, Eval: func(v *View) []Finding { return v.logOnly(lead) }, Explains: asleepCodes})
	}
	return out
}

// lone are the last failures that the log tells of ways of the agent that this
// run did not try, one per way.
func (v *View) lone() map[string]*fact.LogEvent {
	out := map[string]*fact.LogEvent{}
	if v.link.up || !v.managed() {
		return out
	}
	for _, e := range v.tale {
		p := v.pathOf(e)
		if p == nil || !network(e.Reason) || v.Set.Start.Sub(e.Last) > recent || needRank(p.T.Need) > 1 || v.today(e) != NotCheckedStatus || v.overSince(e) {
			continue
		}
		if old := out[p.Key]; old == nil || e.Last.After(old.Last) {
			out[p.Key] = e
		}
	}
	return out
}

// logOnly: the agent fails, its log says how, and this run did not try that
// way itself.
func (v *View) logOnly(lead Code) []Finding {
	if len(v.blames[lead]) > 0 {
		return nil
	}
	f := Finding{Code: lead, Severity: SevError, Confidence: Likely, Action: Action{Where: "instance", Command: "vpcdoctor check",
		Do: "Run a check that may try the way itself, or compare the agent's log."}}
	var hosts []string
	lone := v.lone()
	for _, key := range sortedKeys(lone) {
		e := lone[key]
		c := v.clueOf(e)
		if c == nil || c.codes[0] != lead {
			continue
		}
		f.Subjects, hosts = append(f.Subjects, key), append(hosts, v.byKey[key].T.Host)
		f.Evidence = append(f.Evidence, v.tellsOf(*e)...)
		for _, x := range c.codes[1:] {
			if _, ok := docOf[x]; ok && len(f.Alternatives) < 3 && !slices.ContainsFunc(f.Alternatives, func(a Alternative) bool { return a.Code == x }) {
				f.Alternatives = append(f.Alternatives, alt(x, "a check that may try "+v.byKey[key].T.Host))
			}
		}
		f.Summary = fmt.Sprintf("The agent's log says that %s failed at %s (%s). This run did not try that way itself.", list(hosts, 3), hour(e.Last, v.Set.Start), stemWords(*e))
	}
	if len(hosts) == 0 {
		return nil
	}
	if len(f.Alternatives) > 1 {
		f.Confidence = Possible // one line of a log does not choose among so many
	}
	return []Finding{f}
}

// overSince: the log itself tells of a success after the event.
func (v *View) overSince(e *fact.LogEvent) bool {
	return v.logged(fact.LogConnected).Last.After(e.Last) || v.pathOf(e).T.ID == "ssm" && v.logged(fact.LogReady).Last.After(e.Last)
}

// past lists what the log complains of and works today.
func (v *View) past(add func(what, why, ref string)) {
	n := 0
	for _, e := range v.tale {
		if !network(e.Reason) || v.today(e) != Pass || n == 2 {
			continue
		}
		n++
		add("what the agent's log complains of: "+stemWords(*e)+", "+v.pathOf(e).T.Host, "last told at "+day(e.Last)+"; the same way works now", e.Key())
	}
}
