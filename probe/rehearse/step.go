package rehearse

import (
	"bytes"
	"cmp"
	"errors"
	"strings"

	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/host/sysfile"
)

// elsewhere is the outcome of a step whose halves are facts of their own.
const elsewhere = "see its call and the path to its host"

// step is the fact of a thing, after the calls.
func (r *rehearsal) step(t *thing) fact.Step {
	s := fact.Step{Outcome: fact.Skip(elsewhere), Kind: t.kind, Resource: t.resource}
	call := func(operation string) {
		s.Call = fact.Call{Service: service(t.kind), Operation: operation, Resource: t.resource}.Key()
	}
	switch {
	case t.kind == fact.StepRunAs:
		s.Outcome = r.user(t.resource)
	case t.kind == fact.StepPatch:
		s.Outcome, s.Host, s.Region = t.object.Outcome, t.object.Host, t.object.Region
		if s.Host == "" { // S3 was not reached, so that no bucket was listed
			s.Host = target("s3", r.set.Place.Region, "", r.set, r.o.Catalog).Host
		}
	case t.why != "":
		s.Outcome = fact.Skip(t.why)
	case t.key != nil:
		call("DescribeKey")
		s.Host, s.Region = t.key.host, cmp.Or(regionOf(t.key.ARN), regionOf(t.resource))
		if st := t.key.State; st != "" && st != "Enabled" {
			s.Outcome = fact.Outcome{Status: fact.Failed, Class: fact.Invalid, Detail: "the key is in state " + st}
		}
	case t.group != nil:
		call("DescribeLogGroups")
		s.Host = t.group.host
		switch {
		case t.group.Exists:
			s.Encrypted = map[bool]string{true: "yes", false: "no"}[t.group.Encrypted]
		case t.group.asked:
			s.Outcome = fact.Outcome{Status: fact.Failed, Class: fact.NotFound, Detail: "the log group does not exist"}
		}
	case t.bucket != nil:
		call("GetBucketEncryption")
		s.Host, s.Region, s.Encrypted = t.bucket.host, t.bucket.Region, t.bucket.Encrypted
	default:
		s.Outcome = fact.Skip("the Region is not known")
	}
	return s
}

const maxPasswd = 1 << 20

// user looks for the OS user of sessions. The agent asks with id, which also
// knows users that come over the network, so only a user found in the file, or
// missing where there is no other source, is certain.
func (r *rehearsal) user(name string) fact.Outcome {
	if name == "" {
		return fact.Skip("the user is named by the tag SSMSessionRunAs of whoever starts the session")
	}
	b, err := r.files().Read("/etc/passwd", maxPasswd)
	if err != nil && !errors.Is(err, sysfile.ErrTooLarge) {
		return fact.Skip("/etc/passwd cannot be read")
	}
	for line := range bytes.Lines(b) {
		if user, _, ok := bytes.Cut(line, []byte{':'}); ok && string(user) == name {
			return fact.Outcome{Status: fact.OK}
		}
	}
	if other := r.otherUsers(); other != "" || err != nil {
		return fact.Skip("not in /etc/passwd; others may come from " + cmp.Or(other, "the rest of that file"))
	}
	return fact.Outcome{Status: fact.Failed, Class: fact.NotFound, Detail: "no such user in /etc/passwd"}
}

// otherUsers names the first source of users besides the file (nsswitch.conf).
// systemd and compat know none that a session could run as.
func (r *rehearsal) otherUsers() string {
	b, err := r.files().Read("/etc/nsswitch.conf", maxPasswd)
	if err != nil {
		return ""
	}
	for line := range bytes.Lines(b) {
		text, _, _ := strings.Cut(string(line), "#")
		sources, ok := strings.CutPrefix(strings.TrimSpace(text), "passwd:")
		if !ok {
			continue
		}
		for _, s := range strings.Fields(sources) {
			switch s {
			case "files", "compat", "systemd":
			default:
				return clean(s)
			}
		}
	}
	return ""
}
