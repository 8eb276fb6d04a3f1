package rehearse

import (
	"slices"
	"strings"

	"vpcdoctor/probe/fact"
)

// thing is one thing that the agent does, with what it is done to.
type thing struct {
	kind, purpose string
	resource      string
	need          fact.Need // of its host
	why           string    // it cannot be rehearsed; empty: it can
	object        fact.Object

	// Filled in on the way.
	bucket *bucket
	key    *key
	group  *group
}

// wanted lists what preferences and options make the agent do. How much each
// matters follows from what the agent does when it fails (agent source,
// agent/session/shell/shell.go, release 3.3): without the key or a demanded
// encryption the session ends, without the sink of a log it goes on.
func wanted(p fact.Preferences, g Given, set *fact.Set) []*thing {
	var out []*thing
	add := func(kind, purpose, resource string, must bool) {
		if resource == "" {
			return
		}
		t := &thing{kind: kind, purpose: purpose, resource: resource, need: fact.NeedRecommended}
		if must {
			t.need = fact.NeedRequired
		}
		t.why = unusable(kind, resource)
		out = append(out, t)
	}
	if p.Status == fact.OK {
		add(fact.StepKMS, "session key", p.KMSKey, true)
		add(fact.StepS3, "session log bucket", p.Bucket, p.BucketEnc)
		add(fact.StepLogs, "session log group", p.LogGroup, p.LogEnc)
		if p.RunAs {
			out = append(out, &thing{kind: fact.StepRunAs, resource: p.RunAsUser})
		}
	}
	add(fact.StepOutputS3, "Run Command output bucket", clean(g.OutputBucket), false)
	add(fact.StepOutputLog, "Run Command output log group", clean(g.OutputLogGroup), false)
	patched := false
	for _, o := range set.Objects {
		if strings.HasPrefix(o.ID, "patch-") || o.ID == "ssm-modules" {
			patched = true
			out = append(out, &thing{kind: fact.StepPatch, resource: o.Bucket, need: fact.NeedOptional, object: o})
		}
	}
	if !patched && slices.Contains(set.Run.Profiles, "patch-manager") {
		out = append(out, &thing{kind: fact.StepPatch, need: fact.NeedOptional, object: fact.Object{Outcome: fact.Skip("S3 was not reached")}})
	}
	return out
}

// unusable tells why a name cannot go into a host name or a call.
func unusable(kind, s string) string {
	switch {
	case strings.Contains(s, "{{"):
		return "the name is a parameter that each session sets"
	case kind == fact.StepS3 || kind == fact.StepOutputS3:
		if len(s) < 3 || len(s) > 63 || !only(s, ".-_") {
			return "not the name of a bucket"
		}
	case kind == fact.StepKMS:
		if !only(s, "-_/:") {
			return "not the id, alias or ARN of a key"
		}
	case !only(s, "-_/.#"):
		return "not the name of a log group"
	}
	return ""
}

// only tells whether s has letters, digits and those others alone.
func only(s, others string) bool {
	for _, c := range []byte(s) {
		ok := '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || strings.IndexByte(others, c) >= 0
		if !ok {
			return false
		}
	}
	return true
}
