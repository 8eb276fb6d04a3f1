package rehearse

import (
	"cmp"
	"context"
	"encoding/json"
	"strconv"
	"strings"

	"vpcdoctor/probe/classify"
	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/signed"
)

// Document is the name under which the preferences of a Region are kept.
const Document = "SSM-SessionManagerRunShell"

const maxText = 512 // of one value: a log group's name has 512 characters at most

// preferences takes what the user gave, else reads the document. A document
// that does not exist means the defaults: nobody ever changed them.
func (r *rehearsal) preferences(ctx context.Context) fact.Preferences {
	if g := r.o.Given; g.KMSKey != "" || g.Bucket != "" || g.LogGroup != "" {
		return fact.Preferences{
			Outcome: fact.Outcome{Status: fact.OK}, Source: "flags",
			KMSKey: clean(g.KMSKey), Bucket: clean(g.Bucket), LogGroup: clean(g.LogGroup),
		}
	}
	var p fact.Preferences
	read := signed.GetDocument(Document, func(content string) { p = parse(content) })
	read.Purpose = "session preferences"
	c := r.do(ctx, []*signed.Planned{
		signed.Aim(r.set, "ssm", cmp.Or(r.set.Agent.Config.Region, r.set.Place.Region), read),
	})[0]
	switch {
	case c.Status == fact.OK:
	case c.Code == "InvalidDocument":
		p = fact.Preferences{Outcome: fact.Outcome{Status: fact.OK}, Source: "defaults"}
	case c.Status == fact.NotRun:
		p.Outcome = fact.Skip(c.Skipped)
	case c.Code != "":
		p.Outcome = fact.Skip("ssm:GetDocument was answered with " + c.Code)
	default:
		p.Outcome = c.Outcome
	}
	p.Document = Document
	return p
}

// parse reads the content of a Session document (Systems Manager User Guide,
// "Session document schema", read 2026-11). Numbers and booleans also come as
// strings.
func parse(content string) fact.Preferences {
	var d struct {
		SessionType string `json:"sessionType"`
		Inputs      struct {
			Bucket    value `json:"s3BucketName"`
			Prefix    value `json:"s3KeyPrefix"`
			BucketEnc value `json:"s3EncryptionEnabled"`
			LogGroup  value `json:"cloudWatchLogGroupName"`
			LogEnc    value `json:"cloudWatchEncryptionEnabled"`
			Stream    value `json:"cloudWatchStreamingEnabled"`
			KMSKey    value `json:"kmsKeyId"`
			RunAs     value `json:"runAsEnabled"`
			RunAsUser value `json:"runAsDefaultUser"`
			Idle      value `json:"idleSessionTimeout"`
			Max       value `json:"maxSessionDuration"`
			Shell     struct {
				Linux value `json:"linux"`
			} `json:"shellProfile"`
		} `json:"inputs"`
	}
	if err := json.Unmarshal([]byte(content), &d); err != nil {
		return malformed("the document is not JSON of the schema")
	}
	if d.SessionType != "Standard_Stream" {
		return malformed("the document is not for shell sessions")
	}
	in := d.Inputs
	return fact.Preferences{
		Outcome: fact.Outcome{Status: fact.OK}, Source: "document",
		Bucket: string(in.Bucket), Prefix: string(in.Prefix), BucketEnc: in.BucketEnc == "true",
		LogGroup: string(in.LogGroup), LogEnc: in.LogEnc == "true", Stream: in.Stream == "true",
		KMSKey: string(in.KMSKey), RunAs: in.RunAs == "true", RunAsUser: string(in.RunAsUser),
		IdleMin: in.Idle.minutes(), MaxMin: in.Max.minutes(), Shell: in.Shell.Linux != "",
	}
}

func malformed(detail string) fact.Preferences {
	return fact.Preferences{Outcome: fact.Outcome{Status: fact.Failed, Class: fact.Malformed, Detail: detail}}
}

// value is a string, a number or a boolean as text.
type value string

// UnmarshalJSON takes all three forms and nothing else.
func (v *value) UnmarshalJSON(b []byte) error {
	var s string
	switch {
	case string(b) == "null":
	case len(b) > 0 && b[0] == '"':
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
	case strings.ContainsAny(string(b[:1]), "{["):
		return &json.UnmarshalTypeError{Value: "object or array"}
	default:
		s = string(b)
	}
	*v = value(clean(s))
	return nil
}

func (v value) minutes() int {
	n, err := strconv.Atoi(string(v))
	if err != nil || n < 0 || n > 10_000 {
		return 0
	}
	return n
}

func clean(s string) string { return classify.Clean(strings.TrimSpace(s), maxText) }
