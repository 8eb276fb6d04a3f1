package diagnose

import (
	"slices"
	"strings"
	"testing"
	"time"

	"vpcdoctor/probe/fact"
)

func itemOf(v Verdict, what string) Item {
	for _, i := range v.Checks {
		if strings.Contains(i.What, what) {
			return i
		}
	}
	return Item{}
}

// Pass, fail and not checked are never folded into each other.
func TestItems(t *testing.T) {
	for _, tt := range []struct {
		name string
		make func(w world)
		what string
		want CheckStatus
		why  string
	}{
		{"allowed", func(w world) { w.call("ssm", "ListInstanceAssociations", "", nil) }, "ssm:List", Pass, ""},
		{"denied", func(w world) { w.refusedStandIn(identityDenial()) }, "ssm:List", Fail, "AccessDenied"},
		{"validated first", func(w world) { w.call("ssm", "ListInstanceAssociations", "ValidationException", nil) }, "ssm:List", NotCheckedStatus, "before it decided"},
		{"remembered", func(w world) { w.refusedStandIn(identityDenial()).Remembered = start.Add(-time.Hour) }, "ssm:List", NotCheckedStatus, "denied at 2026-11-01 11:00"},
		{"no path", func(w world) {
			w.call("ssm", "ListInstanceAssociations", "", nil).Outcome = fact.Skip("no working path to x")
		}, "ssm:List", NotCheckedStatus, "no working path"},
		{"cut", func(w world) {
			c := w.call("ssm", "ListInstanceAssociations", "", nil)
			c.Outcome = failed(fact.Timeout, 0)
			c.CutByBudget = true
		}, "ssm:List", NotCheckedStatus, "budget"},
		{"turned off", func(w world) { w.Set.Signed.Outcome = fact.Skip("--no-signed") }, "permissions", NotCheckedStatus, "--no-signed"},
		{"credentials", func(w world) {
			w.Set.Signed.Credentials = []fact.Credential{{Outcome: ok(0), Source: fact.FromProfile, Role: "role-1", Expires: start.Add(time.Hour), Selected: true}}
		}, "role-1", Pass, ""},
		{"expired credentials", func(w world) {
			w.Set.Signed.Credentials = []fact.Credential{{Outcome: ok(0), Source: fact.FromProfile, Role: "role-1", Expires: start.Add(-time.Hour), Selected: true}}
		}, "role-1", Fail, "expired"},
		{"preferences not permitted", func(w world) {
			w.rehearsed(fact.StepKMS, key1, "kms", kmsPrefs)
			w.Rehearsal.Preferences = fact.Preferences{Outcome: fact.Skip("ssm:GetDocument is denied")}
		}, "preferences", NotCheckedStatus, "GetDocument"},
		{"no defaults needed", func(w world) {
			w.rehearsed(fact.StepKMS, key1, "kms", kmsPrefs)
			w.Rehearsal.Preferences = fact.Preferences{Outcome: ok(0), Source: "defaults"}
		}, "preferences (defaults)", Pass, ""},
		{"step", func(w world) { w.rehearsed(fact.StepKMS, key1, "kms", kmsPrefs) }, "session key", Pass, ""},
		{"step without its call", func(w world) {
			w.rehearsed(fact.StepS3, "audit", "s3", s3Prefs)
			w.tried("s3", "GetBucketEncryption", "", nil).Outcome = fact.Skip("--no-signed")
		}, "log bucket", NotCheckedStatus, "--no-signed"},
		{"step in trouble", func(w world) { w.rehearsed(fact.StepS3, "audit", "s3", s3Prefs).Encrypted = "no" }, "log bucket", Fail, "encrypted"},
		{"rehearsal not possible", func(w world) { w.Run.Rehearse = true; w.Rehearsal.Outcome = fact.Skip("needs root") }, "rehearsal", NotCheckedStatus, "root"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := healthy()
			tt.make(w)
			v := Run(w.Set, Options{})
			invariants(t, w.Set, v)
			i := itemOf(v, tt.what)
			if i.Status != tt.want || !strings.Contains(i.Why, tt.why) || tt.want == Pass && i.Why != "" {
				t.Errorf("%+v", v.Checks)
			}
			gap := slices.ContainsFunc(v.NotChecked, func(n NotChecked) bool { return strings.Contains(n.What, tt.what) })
			if gap != (tt.want == NotCheckedStatus) {
				t.Errorf("%v", v.NotChecked)
			}
		})
	}
}
