package diagnose

import (
	"slices"
	"strings"
	"testing"
	"time"

	"vpcdoctor/probe/fact"
)

// rehearsed adds one step whose host works.
func (w world) rehearsed(kind, resource, service string, p fact.Preferences) *fact.Step {
	p.Outcome, p.Source = ok(ms), "document"
	w.Rehearsal.Outcome, w.Rehearsal.Preferences = ok(ms), p
	if service != "" && !slices.ContainsFunc(w.Targets, func(t fact.Target) bool { return t.ID == service }) {
		w.target(service, fact.NeedOptional, "10.192.10.40", "10.192.20.40").Origin = "rehearsal"
	}
	s := fact.Step{Outcome: fact.Skip("see its host and its call"), Kind: kind, Resource: resource}
	if service != "" {
		s.Host = host(service)
	}
	w.Rehearsal.Steps = append(w.Rehearsal.Steps, s)
	return &w.Rehearsal.Steps[len(w.Rehearsal.Steps)-1]
}

// tried adds the call of the last step.
func (w world) tried(service, operation, code string, d *fact.Denial) *fact.Call {
	s := &w.Rehearsal.Steps[len(w.Rehearsal.Steps)-1]
	c := w.call(service, operation, code, d)
	c.Purpose, c.Resource, c.Host = "session", s.Resource, s.Host
	s.Call = c.Key()
	return c
}

const key1 = "arn:aws-cn:kms:cn-northwest-1:111122223333:key/11111111-2222-3333-4444-555555555555"

var (
	kmsPrefs  = fact.Preferences{KMSKey: key1}
	s3Prefs   = fact.Preferences{Bucket: "audit", BucketEnc: true}
	logsPrefs = fact.Preferences{LogGroup: "/ssm/sessions"}
)

// silentHost makes the host that a step brought along silent.
func (w world) silentHost() { w.silent("10.192.10.40", "10.192.20.40") }

var sessionFirings = []firing{
	{code: "SM-02", sev: SevError,
		make: func(w world) {
			w.rehearsed(fact.StepKMS, key1, "kms", kmsPrefs)
			w.silent("10.192.10.13", "10.192.20.13")
		},
		miss: func(w world) { w.answer(host("kms"), "10.192.10.13", "10.192.20.13") }},
	{code: "SM-02", sev: SevWarning, // by the log alone
		make: func(w world) { w.logs(fact.LogDataKey, fact.ReasonTimeout, nil) },
		miss: func(w world) { w.rehearsed(fact.StepKMS, key1, "kms", kmsPrefs) }},
	{code: "SM-03", sev: SevInfo, // DescribeKey alone proves nothing
		make: func(w world) {
			w.rehearsed(fact.StepKMS, key1, "kms", kmsPrefs)
			w.tried("kms", "DescribeKey", "AccessDeniedException", &fact.Denial{Layer: fact.LayerIdentity, Action: "kms:DescribeKey", Resource: key1})
		},
		miss: func(w world) { w.Set.Signed.Calls[0].Code, w.Set.Signed.Calls[0].Denial = "", nil }},
	{code: "SM-03", sev: SevError,
		make: func(w world) {
			w.rehearsed(fact.StepKMS, key1, "kms", kmsPrefs)
			w.tried("kms", "DescribeKey", "NotFoundException", nil)
		},
		miss: func(w world) { w.Set.Signed.Calls[0].Code = "KMSInternalException" }},
	{code: "SM-03", sev: SevError,
		make: func(w world) {
			w.rehearsed(fact.StepKMS, key1, "kms", kmsPrefs).Outcome = failed(fact.Invalid, 0)
		},
		miss: func(w world) { w.Rehearsal.Steps[0].Outcome = ok(0) }},
	{code: "SM-04", sev: SevWarning, // gone
		make: func(w world) {
			w.rehearsed(fact.StepS3, "audit", "s3", fact.Preferences{Bucket: "audit"})
			w.tried("s3", "HeadBucket", "x", nil).HTTPStatus = 404
		},
		miss: func(w world) { w.Set.Signed.Calls[0].HTTPStatus = 403 }},
	{code: "SM-04", sev: SevError, // not encrypted, and demanded
		make: func(w world) { w.rehearsed(fact.StepS3, "audit", "s3", s3Prefs).Encrypted = "no" },
		miss: func(w world) { w.Rehearsal.Preferences.BucketEnc = false }},
	{code: "SM-04", sev: SevError, // the agent's own call is refused
		make: func(w world) {
			w.rehearsed(fact.StepS3, "audit", "s3", s3Prefs)
			w.tried("s3", "GetBucketEncryption", "AccessDenied", &fact.Denial{Layer: fact.LayerEndpoint})
		},
		miss: func(w world) { w.Rehearsal.Preferences.BucketEnc = false }}, // then the agent does not ask: info
	{code: "SM-04", sev: SevWarning, // unreachable, encryption not demanded
		make: func(w world) {
			w.rehearsed(fact.StepS3, "audit", "s3", fact.Preferences{Bucket: "audit"})
			w.silentHost()
		},
		miss: func(w world) { w.Rehearsal.Outcome = fact.Skip("not asked for") }},
	{code: "SM-05", sev: SevWarning,
		make: func(w world) {
			w.rehearsed(fact.StepLogs, "/ssm/sessions", "logs", logsPrefs)
			w.silentHost()
		},
		miss: func(w world) { w.answer(host("logs"), "10.192.10.40", "10.192.20.40") }},
	{code: "SM-06", sev: SevWarning,
		make: func(w world) {
			w.rehearsed(fact.StepLogs, "/ssm/sessions", "logs", logsPrefs)
			w.tried("logs", "DescribeLogGroups", "ResourceNotFoundException", nil)
		},
		miss: func(w world) { w.Set.Signed.Calls[0].Code = "" }},
	{code: "SM-06", sev: SevError,
		make: func(w world) {
			w.rehearsed(fact.StepLogs, "/ssm/sessions", "logs", fact.Preferences{LogGroup: "/ssm/sessions", LogEnc: true}).Encrypted = "no"
		},
		miss: func(w world) { w.Rehearsal.Steps[0].Encrypted = "yes" }},
	{code: "SM-07", sev: SevWarning,
		make: func(w world) { w.logs(fact.LogChannelLost, fact.ReasonAbnormalClose, nil).Count = 9 },
		miss: func(w world) { w.Agent.Log.Events[0].Count = 2 }},
	{code: "SM-08", sev: SevError,
		make: func(w world) {
			w.rehearsed(fact.StepRunAs, "deploy", "", fact.Preferences{RunAs: true, RunAsUser: "deploy"}).Outcome = failed(fact.NotFound, 0)
		},
		miss: func(w world) { w.Rehearsal.Steps[0].Outcome = ok(0) }},
	{code: "SM-10", sev: SevWarning,
		make: func(w world) { w.logs(fact.LogNoPlugin, "", nil) },
		miss: func(w world) { w.Agent.Log.Events[0].Old = true }},
	{code: "SM-12", sev: SevError,
		make: func(w world) { w.rehearsed(fact.StepKMS, key1, "kms", kmsPrefs).Region = "cn-north-1" },
		miss: func(w world) { w.Rehearsal.Steps[0].Region = region }},
	{code: "SM-12", sev: SevInfo, // the other Region answers
		make: func(w world) { w.rehearsed(fact.StepS3, "audit", "s3", s3Prefs).Region = "cn-north-1" },
		miss: func(w world) { w.Rehearsal.Steps[0].Region = "" }},
	{code: "RC-01", sev: SevWarning,
		make: func(w world) {
			w.rehearsed(fact.StepOutputS3, "run-output", "s3", fact.Preferences{})
			w.silentHost()
		},
		miss: func(w world) { w.answer(host("s3"), "10.192.10.40", "10.192.20.40") }},
	{code: "RC-03", sev: SevWarning,
		make: func(w world) {
			w.rehearsed(fact.StepPatch, "patch-baseline-snapshot-cn-northwest-1", "s3", fact.Preferences{})
			w.silentHost()
		},
		miss: func(w world) { w.Rehearsal.Steps[0].Kind = "other" }},
}

// A step that fails by a fault of the network that has a finding of the same
// weight follows from it; one that weighs more stands for itself.
func TestStepFollowsPath(t *testing.T) {
	w := healthy()
	w.rehearsed(fact.StepLogs, "/ssm/sessions", "logs", logsPrefs)
	w.silentHost()
	w.t("logs").Need = fact.NeedRecommended
	v := Run(w.Set, Options{})
	invariants(t, w.Set, v)
	if f := find(v, "SM-05"); f == nil || f.CausedBy == "" || !strings.Contains(f.Summary, "2 to 3 minutes") {
		t.Errorf("%s", outline(v))
	}
	w.Rehearsal.Preferences.LogEnc = true
	v = Run(w.Set, Options{})
	invariants(t, w.Set, v)
	if f := find(v, "SM-05"); f == nil || f.CausedBy != "" || v.Status != Broken {
		t.Errorf("%s", outline(v))
	}
}

// The statement for a bucket names the permission, which is not the call.
func TestStepStatement(t *testing.T) {
	w := healthy()
	w.rehearsed(fact.StepS3, "audit", "s3", s3Prefs)
	w.tried("s3", "GetBucketEncryption", "AccessDenied", nil)
	f := find(Run(w.Set, Options{}), "SM-04")
	if f == nil || !strings.Contains(f.Action.Statement, "s3:GetEncryptionConfiguration") || !strings.Contains(f.Action.Statement, "arn:aws-cn:s3:::audit") {
		t.Errorf("%+v", f)
	}
}

// Old lines about sessions mean nothing, nor do those of steps that work now.
func TestSessionLog(t *testing.T) {
	w := healthy()
	e := w.logs(fact.LogSessionLogs, fact.ReasonDialTimeout, nil)
	if f := find(Run(w.Set, Options{}), "SM-05"); f == nil || f.Confidence != Likely {
		t.Errorf("%+v", f)
	}
	e.Last = start.Add(-48 * time.Hour)
	if f := find(Run(w.Set, Options{}), "SM-05"); f != nil {
		t.Errorf("%+v", f)
	}
}
