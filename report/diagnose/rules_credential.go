package diagnose

import (
	"fmt"
	"slices"
	"strings"

	"vpcdoctor/probe/fact"
)

// credentialRules are about whose credentials are used and whether AWS knows
// them, whatever they are allowed.
func credentialRules() []Rule {
	return []Rule{
		{Code: "IA-08", Eval: noFallback, Explains: []Code{"AG-20"}},
		{Code: "IA-13", Eval: otherCredentials},
		{Code: "IA-15", Eval: unknownKey, Explains: []Code{"AG-20"}},
		{Code: "IA-18", Eval: tooOften},
	}
}

// lines are the events of the agent's log that fit.
func (v *View) lines(is func(*fact.LogEvent) bool) []*fact.LogEvent {
	var out []*fact.LogEvent
	for _, e := range v.tale {
		if is(e) {
			out = append(out, e)
		}
	}
	return out
}

func (v *View) linesFor(reasons ...fact.LogReason) []*fact.LogEvent {
	return v.lines(func(e *fact.LogEvent) bool { return slices.Contains(reasons, e.Reason) })
}

func callEvidence(c *fact.Call) Evidence {
	text := fmt.Sprintf("signed %s %s to %s: %s", plain(c.Service, 20), plain(c.Operation, 40), plain(c.Host, 80), orWord(plain(c.Code, 60), "answered"))
	if c.RequestID != "" {
		text += ", request id " + plain(c.RequestID, 40)
	}
	return Evidence{c.Key(), text}
}

// errorsOf collects what calls and log say of one error: evidence, and whether
// a call of this run has met it.
func (v *View) errorsOf(is func(*fact.Call) bool, reasons ...fact.LogReason) (ev []Evidence, now bool) {
	for _, c := range refs(v.Set.Signed.Calls, fact.Call.Key) {
		if c.Ran() && is(c) && len(ev) < 2 {
			ev, now = append(ev, callEvidence(c)), true
		}
	}
	for _, e := range v.linesFor(reasons...) {
		if len(ev) < 3 {
			ev = append(ev, v.tellsOf(*e)...)
		}
	}
	return ev, now
}

// urgent is the severity of an error that keeps the agent out: one that only
// the log tells of is history when the agent is connected, or when AWS takes
// its credentials now.
func (v *View) urgent(now bool) Severity {
	up, _ := v.connected()
	switch {
	case up && now:
		return SevWarning
	case up, !now && v.accepted():
		return SevInfo
	}
	return SevError
}

// accepted tells whether AWS took the agent's credentials in this run: it knows
// who calls before it asks whether they may.
func (v *View) accepted() bool {
	return slices.ContainsFunc(v.Set.Signed.Calls, func(c fact.Call) bool {
		return c.Ran() && c.Remembered.IsZero() && (c.Status == fact.OK || denied(&c))
	})
}

func hasCode(c *fact.Call, names ...string) bool {
	return slices.Contains(names, strings.TrimSuffix(c.Code, "Exception"))
}

// refusedForTime is IA-16: what the clock's comparisons show, and what AWS said
// of the time in a signature. Where certificates fail by the clock, TL-03 says
// it already.
func refusedForTime(v *View) []Finding {
	fs := skew(v)
	ev, now := v.errorsOf(func(c *fact.Call) bool { return c.Skew }, fact.ReasonSignatureOld, fact.ReasonSignatureNew)
	if len(ev) == 0 || len(v.blames["TL-03"]) > 0 {
		return fs
	}
	if len(fs) > 0 {
		f := &fs[0]
		f.Evidence = append(f.Evidence, ev...)
		if off, _ := v.offset(); off.By.Abs() > clockFail || now {
			f.Severity = SevError
		}
		return fs
	}
	f := Finding{Code: "IA-16", Severity: v.urgent(now), Confidence: Likely, Evidence: append(v.offsetEvidence(), ev...), Action: timeSync,
		Summary: "AWS refuses signatures of this host for their time: its clock is off by more than five minutes."}
	if _, known := v.offset(); known {
		// The clock agrees now: it was put right since, by hand or by a service.
		if f.Confidence = Possible; f.Severity == SevError {
			f.Severity = SevWarning
		}
		f.Summary = "AWS refused signatures of this host for their time; its clock is right now."
		f.Action.Do = "Find out why the clock was wrong." + v.wake()
	}
	return []Finding{f}
}

// unknownKey is IA-15: AWS does not know the key. A Region that the account
// has not enabled says so of every key.
func unknownKey(v *View) []Finding {
	ev, now := v.errorsOf(func(c *fact.Call) bool {
		return hasCode(c, "UnrecognizedClient", "InvalidClientTokenId", "InvalidAccessKeyId", "AuthFailure", "OptInRequired")
	}, fact.ReasonBadToken)
	if len(ev) == 0 {
		return nil
	}
	f := Finding{Code: "IA-15", Severity: v.urgent(now), Confidence: Likely, Evidence: ev,
		Action: Action{Do: "Check that the account has the Region enabled, and that the role still exists.", Where: "operator",
			Command: command("aws", "account", "get-region-opt-status", "--region-name", orWord(v.region(), "REGION"))},
		Alternatives: []Alternative{alt("IA-13", "aws sts get-caller-identity on the instance shows whose credentials they are")}}
	r := orWord(v.region(), "this Region")
	if f.Severity == SevInfo && !now {
		f.Confidence = Possible
		f.Summary = fmt.Sprintf("AWS did not know the credentials in %s; that is history, it takes them now.", r)
		f.Action = Action{Do: "Nothing, unless it comes again." + v.wake(), Where: "operator"}
		return []Finding{f}
	}
	if v.partition() == "aws" && !slices.Contains(alwaysOn, v.region()) {
		f.Summary = fmt.Sprintf("AWS does not know the credentials in %s, a Region that an account has to enable.", r)
		return []Finding{f}
	}
	f.Confidence = Possible
	f.Summary = fmt.Sprintf("AWS does not know the credentials in %s: they were deleted, or are of another partition.", r)
	f.Action.Command = v.attach()
	return []Finding{f}
}

// alwaysOn are the Regions that every account has (AWS Account Management
// Guide, "Enable or disable AWS Regions in your account", read 2026-11).
var alwaysOn = []string{"ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1", "ap-southeast-2",
	"ca-central-1", "eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1",
	"us-east-1", "us-east-2", "us-west-1", "us-west-2"}

// fewThrottled is what retries hide; more is a pattern.
const fewThrottled = 3

func tooMany(c *fact.Call) bool {
	return c.HTTPStatus == 429 || hasCode(c, "Throttling", "RequestLimitExceeded", "TooManyRequests", "SlowDown")
}

func tooOften(v *View) []Finding {
	ev, _ := v.errorsOf(tooMany, fact.ReasonThrottled)
	if len(ev) == 0 {
		return nil
	}
	f := Finding{Code: "IA-18", Severity: SevInfo, Confidence: Likely, Evidence: ev,
		Summary: "AWS throttles calls of this account in this Region.",
		Action:  Action{Do: "Find who calls that often (CloudTrail, by ThrottlingException); the agent backs off by itself.", Where: "operator"}}
	n := 0
	for _, e := range v.linesFor(fact.ReasonThrottled) {
		n += e.Count
	}
	if up, known := v.connected(); n > fewThrottled && known && !up {
		f.Severity = SevWarning
	}
	return []Finding{f}
}

// managedFile is where the agent keeps what Default Host Management gave it.
const managedFile = "/var/lib/amazon/ssm/credentials"

// otherCredentials is IA-13: the calls are not made as the instance's role.
func otherCredentials(v *View) []Finding {
	role := v.Set.IMDS.Role
	if role.State != fact.RolePresent || role.Name == "" {
		return nil
	}
	f := Finding{Code: "IA-13", Severity: SevWarning, Confidence: Likely, Evidence: roleEvidence(v), Action: Action{Where: "instance"}}
	who := ""
	for _, c := range v.credentials() {
		if c.Selected && c.Source == fact.FromShared && c.Path != managedFile && c.Role != role.Name {
			who = orWord(plain(c.Path, 120), "a shared file")
			f.Evidence = append(f.Evidence, Evidence{"", fmt.Sprintf("the agent uses the shared credentials file %s, profile %s", who, orWord(plain(c.Profile, 40), "default"))})
			f.Action.Command = command("ls", "-l", c.Path)
			break
		}
	}
	for _, c := range refs(v.Set.Signed.Calls, fact.Call.Key) {
		if c.Identity == "" || c.Source == fact.FromDHMC || c.Source == fact.FromHybrid || roleOf(c.Identity) == role.Name {
			continue
		}
		who = orWord(who, "other credentials")
		f.Evidence = append(f.Evidence, Evidence{c.Key(), "GetCallerIdentity: " + plain(c.Identity, 160)})
		break
	}
	if who == "" {
		return nil
	}
	f.Summary = fmt.Sprintf("The agent's calls are made with %s, not with the instance's role %s: changes of that role have no effect.", who, plain(role.Name, 64))
	f.Action.Do = "Remove the credentials, or their profile in the agent's config file, if the role is meant." + v.wake()
	if up, _ := v.connected(); up {
		f.Severity = SevInfo // it works; somebody may want it so
	}
	return []Finding{f}
}

// noFallback is IA-08: the role failed for a reason that is no denial, so the
// agent did not try Default Host Management (ssm-agent.md 4.3). The reason is
// the cause; a path that fails has its own code.
func noFallback(v *View) []Finding {
	es := v.lines(func(e *fact.LogEvent) bool { return e.Stem == fact.LogSkipFallback })
	if up, _ := v.connected(); len(es) == 0 || up || !v.managed() {
		return nil
	}
	e := es[0]
	f := Finding{Code: "IA-08", Severity: SevWarning, Confidence: Likely, Evidence: v.tellsOf(*e),
		Summary: fmt.Sprintf("The agent could not use the instance's role (%s) and does not try Default Host Management after such an error.", orWord(plain(string(e.Reason), 30), "no reason given")),
		Action:  Action{Do: "Repair the path to ssm first, then look at the role." + v.wake(), Command: "sudo tail -n 50 /var/log/amazon/ssm/amazon-ssm-agent.log", Where: "instance"}}
	if p := v.agentPath("ssm"); p != nil && p.Status == Fail {
		f.CausedBy = v.blameOf(p.Key)
	} else if p != nil && p.Status == Pass {
		f.Summary += " The path works now."
	}
	v.history(&f)
	return []Finding{f}
}

// blameOf is the code that the failure of a target was put down to.
func (v *View) blameOf(key string) Code {
	var out Code
	for code, bs := range v.blames {
		if (out == "" || code < out) && slices.ContainsFunc(bs, func(b blame) bool { return b.target().Key() == key }) {
			out = code
		}
	}
	return out
}
