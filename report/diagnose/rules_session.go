package diagnose

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"vpcdoctor/probe/fact"
)

// A session that starts can still be unusable: its preferences make the agent
// call KMS, S3 and CloudWatch Logs on the way. These rules say what the user
// will feel, from the rehearsal of those calls or from the agent's log.
//
// What the agent does (source, agent/session/plugins/shell and
// agent/session/datachannel, release 3.3, read 2026-11): it decrypts the data
// key in its own Region, in the handshake; it checks that bucket and log group
// are encrypted before the shell starts, if that is demanded; it uploads to S3
// when the session ends.
func sessionRules() []Rule {
	return []Rule{
		foreseen("SM-02"), foreseen("SM-03"), foreseen("SM-04"), foreseen("SM-05"), foreseen("SM-06"),
		{Code: "SM-07", Eval: resets},
		foreseen("SM-08"),
		{Code: "SM-10", Eval: noPlugin},
		foreseen("SM-12"), foreseen("RC-01"), foreseen("RC-03"),
	}
}

// trial is one step of the rehearsal with what its two halves showed.
type trial struct {
	fact.Step
	path  *Path
	net   CheckStatus
	why   string       // of net, in words
	calls []*fact.Call // about its resource
}

func stepOrder(s fact.Step) string { return s.Kind + " " + s.Resource + " " + s.Host }

// trials are the steps of the rehearsal.
func (v *View) trials() []trial {
	var out []trial
	if v.Set.Rehearsal.Status != fact.OK {
		return nil
	}
	for _, s := range refs(v.Set.Rehearsal.Steps, stepOrder) {
		t := trial{Step: *s}
		t.path, t.net, t.why = v.wayOfHost(s.Host)
		for _, c := range refs(v.Set.Signed.Calls, fact.Call.Key) {
			if c.Key() != s.Call && (c.Resource != s.Resource || c.Purpose == "" || s.Resource == "") {
				continue
			}
			t.calls = append(t.calls, c)
			if c.Ran() && c.Status == fact.Failed && c.Class != fact.HTTPStatus && t.net == NotCheckedStatus {
				t.net, t.why = Fail, outcomeWords("call", c.Outcome, "")
			}
		}
		out = append(out, t)
	}
	return out
}

// wayOfHost is the agent's way to a host: through its proxy where it uses one.
// A host that several targets share fares alike in all of them.
func (v *View) wayOfHost(host string) (p *Path, st CheckStatus, why string) {
	st = NotCheckedStatus
	for _, x := range v.Paths {
		if x.T.Host != host || host == "" {
			continue
		}
		p, st = x, x.Status
		if !x.Counts {
			for _, t := range v.Tuns {
				if t.Key == x.Key {
					return p, t.Status, tunEvidence(t).Text
				}
			}
		}
		if st == Fail {
			return p, st, v.failureWords(x)
		}
	}
	return p, st, ""
}

// failureWords says how a path fails.
func (v *View) failureWords(p *Path) string {
	if p.DNS == Fail {
		return v.nameEvidence(p).Text
	}
	for _, pp := range p.ports() {
		if pp.status() == Fail {
			return portEvidence(pp).Text
		}
	}
	return p.T.Host + " fails"
}

// trouble is what is wrong with one step, as the user will feel it. The zero
// one is none.
type trouble struct {
	code      Code
	sev       Severity
	conf      Confidence
	text      string
	ev        []Evidence
	do        string
	statement string
	by        Code // of the path behind it
}

// foreseen is a rule over the steps of the rehearsal: the gravest leads. Where
// none was rehearsed, the agent's log may tell of a session that failed.
func foreseen(code Code) Rule {
	return Rule{Code: code, Eval: func(v *View) []Finding {
		f := Finding{Code: code, Action: Action{Where: "operator"}}
		var texts []string
		for _, t := range v.trials() {
			x := v.troubleOf(t)
			if x.code != code {
				continue
			}
			if f.Severity == "" || sevRank(x.sev) < sevRank(f.Severity) {
				f.Severity, f.Confidence, f.Action.Do, f.Action.Statement, f.CausedBy = x.sev, x.conf, x.do, x.statement, x.by
			}
			texts = append(texts, x.text)
			f.Subjects = append(f.Subjects, plain(cmp.Or(t.Resource, t.Host), 200))
			f.Evidence = append(f.Evidence, x.ev...)
		}
		if len(texts) == 0 {
			return v.sessionLog(code)
		}
		f.Summary = strings.Join(texts[:min(2, len(texts))], " ")
		for _, e := range v.sessionEvents(code) {
			f.Evidence = append(f.Evidence, v.tellsOf(*e)...)
		}
		return []Finding{f}
	}}
}

// demands tells whether a session is refused when the step fails.
func (v *View) demands(kind string) bool {
	p := v.Set.Rehearsal.Preferences
	return kind == fact.StepKMS || kind == fact.StepS3 && p.BucketEnc || kind == fact.StepLogs && p.LogEnc
}

func (v *View) troubleOf(t trial) trouble {
	what := stepName(t.Step)
	x := trouble{sev: SevWarning, conf: Likely}
	if v.demands(t.Kind) {
		x.sev = SevError
	}
	codes := stepCodes[t.Kind]
	refused := t.refused()
	switch {
	case t.Kind == fact.StepRunAs:
		if t.Status != fact.Failed || t.Class != fact.NotFound {
			return trouble{}
		}
		x.code, x.sev = "SM-08", SevError // likely: a tag of the role may name another user
		x.text = fmt.Sprintf("Sessions run as the user %s, which this host does not have: they end at once with 'failed to start pty'.", plain(t.Resource, 64))
		x.ev = []Evidence{{"", "user database of this host: no " + plain(t.Resource, 64)}}
		x.do = "Create the user, or correct the RunAs user in the preferences or in the role's tag SSMSessionRunAs."
	case t.Region != "" && v.region() != "" && t.Region != v.region() && t.Kind == fact.StepKMS:
		x.code = "SM-12"
		x.text = fmt.Sprintf("%s is in %s. The agent asks KMS in %s, which does not know it: %s", what, plain(t.Region, 30), v.region(), v.feels(t.Kind))
		x.ev = []Evidence{{"", "Region of the key: " + plain(t.Region, 30)}}
		x.do = "Name a key of " + v.region() + " in the preferences, or a multi-Region key with a replica here."
	case t.Region != "" && v.region() != "" && t.Region != v.region() && t.bucket() && t.net != Pass:
		x.code = "SM-12"
		x.text = fmt.Sprintf("%s is in %s, where endpoints of this VPC do not lead, and it is not reached: %s", what, plain(t.Region, 30), v.feels(t.Kind))
		x.ev = []Evidence{{"", "Region of the bucket: " + plain(t.Region, 30)}}
		if t.why != "" {
			x.ev = append(x.ev, Evidence{"", t.why})
		}
		x.do = "Use a bucket in " + v.region() + "."
	case t.net == Fail:
		x.code = codes[0]
		x.text = fmt.Sprintf("%s is unreachable (%s): %s", what, plain(cmp.Or(t.Host, "no host known"), 120), v.feels(t.Kind))
		x.ev = []Evidence{{"", t.why}}
		x.do = "Repair the path to " + plain(cmp.Or(t.Host, "it"), 120) + ", or take it out of the preferences."
		if t.path != nil {
			x.by = v.blameOf(t.path.Key)
		}
	case t.Encrypted == "no" && v.demands(t.Kind):
		x.code, x.conf = codes[1], Proved
		x.text = fmt.Sprintf("%s is not encrypted as the preferences demand: the agent refuses every session.", what)
		x.ev = []Evidence{{"", what + ": no encryption that the agent accepts"}}
		x.do = "Encrypt it (AES256 or aws:kms; a log group with a KMS key), or do not demand it in the preferences."
	case t.Kind == fact.StepKMS && t.Status == fact.Failed && t.Class == fact.Invalid:
		x.code, x.conf = codes[1], Proved
		x.text = what + " is not enabled: " + v.feels(t.Kind)
		x.ev = []Evidence{{"", cmp.Or(plain(t.Detail, 120), "KMS says that the key is not enabled")}}
		x.do = "Enable the key, or name another in the preferences."
	case refused != nil && t.Kind == fact.StepKMS:
		x.code, x.sev, x.conf = codes[1], SevInfo, Possible
		x.text = fmt.Sprintf("%s: kms:DescribeKey is denied. Sessions need kms:Decrypt, which cannot be tried without harm.", what)
	case refused != nil:
		x.code = codes[1]
		x.text = fmt.Sprintf("%s: AWS refuses %s.", what, plain(refused.Service+":"+refused.Operation, 60))
		if v.demands(t.Kind) {
			x.text += " The agent makes the same call, so it refuses every session."
		} else if t.Kind != fact.StepPatch {
			x.sev, x.conf = SevInfo, Possible // the agent need not make this call
		}
	case t.missing() != "":
		x.code = codes[1]
		x.text = fmt.Sprintf("%s does not exist (%s).", what, t.missing())
		x.ev = []Evidence{{"", what + ": " + t.missing()}}
		x.do = "Create it, or correct the preferences."
		if t.Kind == fact.StepOutputS3 || t.Kind == fact.StepOutputLog {
			x.do = "Create it, or correct the name in the command."
		}
	case t.Region != "" && v.region() != "" && t.Region != v.region() && t.bucket():
		x.code, x.sev = "SM-12", SevInfo
		x.text = fmt.Sprintf("%s is in %s: its traffic leaves the Region, where endpoints of this VPC do not lead.", what, plain(t.Region, 30))
		x.ev = []Evidence{{"", "Region of the bucket: " + plain(t.Region, 30)}}
		x.do = "Use a bucket in " + v.region() + "."
	default:
		return trouble{}
	}
	if refused != nil && x.code == codes[1] && len(x.ev) == 0 {
		r := v.fromCall(refused)
		x.ev = []Evidence{{r.key, r.text}}
		if t.Kind == fact.StepKMS || t.Kind == fact.StepLogs || t.Kind == fact.StepOutputLog {
			x.ev = append(x.ev, v.wayEvidence(r)...) // an address of S3 says nothing of the way
		}
		x.do = "Allow it for the agent's role."
		if l := r.denial.Layer; l != fact.LayerUnknown {
			x.do = fmt.Sprintf("Allow it in the %s.", l)
		}
		if !r.denial.Explicit {
			x.statement = v.stepGrant(t, r).String()
		}
	}
	return x
}

// stepCodes are the codes of a step that is unreachable, and of one that
// answers and does not serve.
var stepCodes = map[string][2]Code{
	fact.StepKMS: {"SM-02", "SM-03"}, fact.StepS3: {"SM-04", "SM-04"}, fact.StepLogs: {"SM-05", "SM-06"}, fact.StepRunAs: {"SM-08", "SM-08"},
	fact.StepOutputS3: {"RC-01", "RC-01"}, fact.StepOutputLog: {"RC-01", "RC-01"}, fact.StepPatch: {"RC-03", "RC-03"},
}

func (t trial) bucket() bool {
	return t.Kind == fact.StepS3 || t.Kind == fact.StepOutputS3
}

// refused is the denied call of a step. HeadBucket is ours alone: the agent
// asks for the encryption.
func (t trial) refused() *fact.Call {
	for _, c := range t.calls {
		if denied(c) && c.Operation != "HeadBucket" && c.Operation != "GetBucketLocation" {
			return c
		}
	}
	return nil
}

// missing is what AWS called the absence of a resource.
func (t trial) missing() string {
	for _, c := range t.calls {
		if hasCode(c, "NoSuchBucket", "ResourceNotFound", "NotFound") || c.Operation == "HeadBucket" && c.HTTPStatus == 404 {
			return cmp.Or(plain(c.Code, 40), "HTTP 404")
		}
	}
	if t.Status == fact.Failed && t.Class == fact.NotFound {
		return "not found"
	}
	return ""
}

func stepName(s fact.Step) string {
	kind := map[string]string{
		fact.StepKMS: "The session key", fact.StepS3: "The session log bucket", fact.StepLogs: "The session log group",
		fact.StepOutputS3: "The output bucket of Run Command", fact.StepOutputLog: "The output log group of Run Command", fact.StepPatch: "The bucket of Patch Manager",
	}[s.Kind]
	return strings.TrimSpace(cmp.Or(kind, "The step "+plain(s.Kind, 20)) + " " + plain(s.Resource, 120))
}

// feels is the prediction, the end of a sentence.
func (v *View) feels(kind string) string {
	switch {
	case kind == fact.StepKMS:
		return "a session opens and ends without a prompt, 'Fetching data key failed'."
	case kind == fact.StepS3 && v.demands(kind):
		return "every session is refused, because the agent cannot see that the bucket is encrypted."
	case kind == fact.StepS3:
		return "sessions work, their end hangs and their logs are lost."
	case kind == fact.StepLogs && v.demands(kind):
		return "every session is refused after minutes of blank screen."
	case kind == fact.StepLogs:
		return "a blank prompt for 2 to 3 minutes, then the session works and its log is lost."
	case kind == fact.StepPatch:
		return "patch operations fail when they fetch the baseline."
	}
	return "commands end late or as 'Delivery timed out', and their output is missing."
}

// stepGrant is the statement for a step of the rehearsal.
func (v *View) stepGrant(t trial, r refusal) grant {
	g := grant{resource: "*", account: policySafe(v.Set.IMDS.AccountID, ""), actions: []string{policySafe(r.denial.Action, policySafe(r.service+":"+r.operation, "*"))}}
	switch r.denial.Layer {
	case fact.LayerEndpoint, fact.LayerRCP, fact.LayerResource:
		g.names = true
	}
	name := policySafe(t.Resource, "")
	switch {
	case t.bucket() && name != "":
		g.resource = "arn:" + v.partition() + ":s3:::" + name
		if r.operation == "GetBucketEncryption" {
			g.actions = []string{"s3:GetEncryptionConfiguration"} // the permission's name
		}
	case t.Kind == fact.StepKMS:
		g.actions = []string{"kms:Decrypt"}
		if strings.HasPrefix(name, "arn:") && strings.Contains(name, ":key/") {
			g.resource = name
		}
	case name != "" && v.region() != "" && g.account != "":
		g.actions = []string{"logs:DescribeLogGroups"}
		g.resource = "arn:" + v.partition() + ":logs:" + policySafe(v.region(), "*") + ":" + g.account + ":log-group:*"
	}
	return g
}

// sessionCode is the code that a line of the log belongs to, by whether the
// network was the reason.
func sessionCode(e *fact.LogEvent) Code {
	net := false
	switch e.Reason {
	case fact.ReasonDialTimeout, fact.ReasonRefused, fact.ReasonReset, fact.ReasonUnreachable, fact.ReasonNoSuchHost, fact.ReasonDNSTimeout,
		fact.ReasonDNSServer, fact.ReasonTLSTimeout, fact.ReasonTimeout, fact.ReasonUnknownCA, fact.ReasonCertName, fact.ReasonCertTime:
		net = true
	}
	kind := map[fact.LogStem]string{
		fact.LogDataKey: fact.StepKMS, fact.LogSessionS3: fact.StepS3, fact.LogSessionLogs: fact.StepLogs,
		fact.LogRunAs: fact.StepRunAs, fact.LogUpload: fact.StepOutputS3,
	}[e.Stem]
	c := stepCodes[kind]
	if net {
		return c[0]
	}
	return c[1]
}

// staleSession is how old a line about a session may be to mean something still.
const staleSession = 24 * time.Hour

func (v *View) sessionEvents(code Code) []*fact.LogEvent {
	return v.lines(func(e *fact.LogEvent) bool {
		return sessionCode(e) == code && code != "" && v.Set.Start.Sub(e.Last) < staleSession
	})
}

// sessionLog is what the log alone tells: a session failed, and how. Steps
// that were rehearsed without trouble acquit.
func (v *View) sessionLog(code Code) []Finding {
	es := v.sessionEvents(code)
	if len(es) == 0 || slices.ContainsFunc(v.trials(), func(t trial) bool { return slices.Contains(kindCodes(t.Kind), code) && t.net == Pass }) {
		return nil
	}
	e := es[0]
	f := Finding{Code: code, Severity: SevWarning, Confidence: Likely, Evidence: v.tellsOf(*e),
		Summary: fmt.Sprintf("The agent's log tells of a session or command that failed so at %s: %s.", day(e.Last), strings.ReplaceAll(plain(string(e.Stem)+", "+cmp.Or(string(e.Reason), "no reason given"), 60), "_", " ")),
		Action:  Action{Do: fixOf(code), Command: "vpcdoctor check --rehearse", Where: "instance"}}
	if e.Denial != nil && e.Denial.Layer != fact.LayerUnknown {
		f.Summary += fmt.Sprintf(" AWS names the %s.", e.Denial.Layer)
	}
	return []Finding{f}
}

func kindCodes(kind string) []Code {
	c := stepCodes[kind]
	return c[:]
}

// resets is SM-07: channels end by close 1006 again and again. At constant
// distances that is a device that forgets them.
func resets(v *View) []Finding {
	es := v.lines(func(e *fact.LogEvent) bool { return e.Reason == fact.ReasonAbnormalClose })
	if len(es) == 0 || es[0].Count < manyResets {
		return nil
	}
	return []Finding{{
		Code: "SM-07", Severity: SevWarning, Confidence: Possible, Evidence: v.tellsOf(*es[0]), CausedBy: "FW-06",
		Summary:      fmt.Sprintf("The agent's websocket was cut %d times without a close (1006) since %s: sessions end or freeze with it.", es[0].Count, day(es[0].First)),
		Alternatives: known(alt("FW-06", "vpcdoctor check --idle 5m: a connection that is silent that long does not survive"), alt("PX-05", "the proxy's limit for the length of a tunnel")),
		Action:       Action{Do: "Look for a firewall or proxy on the way to ssmmessages that ends idle connections.", Where: "operator"},
	}}
}

// manyResets is beyond what reconnects for maintenance cause in a day.
const manyResets = 4

// known leaves out alternatives whose code has no page.
func known(in ...Alternative) []Alternative {
	return slices.DeleteFunc(in, func(a Alternative) bool { return a.Title == "" })
}

func noPlugin(v *View) []Finding {
	es := v.lines(func(e *fact.LogEvent) bool { return e.Stem == fact.LogNoPlugin })
	if len(es) == 0 || v.Set.Start.Sub(es[0].Last) > staleSession {
		return nil
	}
	return []Finding{{
		Code: "SM-10", Severity: SevWarning, Confidence: Likely, Evidence: v.tellsOf(*es[0]),
		Summary:      "The agent's log says that a plugin is not found: sessions end with 'Plugin with name Standard_Stream is not found'.",
		Alternatives: known(alt("AG-09", "df shows a full file system"), alt("AG-10", "sysctl fs.inotify shows a limit that is used up")),
		Action:       Action{Do: "Find what kept the worker from loading its plugins: inotify limits, a full disk." + v.wake(), Command: "sysctl fs.inotify", Where: "instance"},
	}}
}
