package signed

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"vpcdoctor/probe/classify"
	"vpcdoctor/probe/denial"
	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/host/sysfile"
)

// Files of credentials (agent source, agent/appconfig/constants_unix.go and
// agent/sharedCredentials, release 3.3, read 2026-11).
const (
	dhmcFile    = "/var/lib/amazon/ssm/credentials"
	hybridFile  = "/root/.aws/credentials"
	profilePath = "/latest/meta-data/iam/security-credentials/{role}" // shown without the role's name
	maxFile     = 64 << 10
)

const noKeysWanted = "nothing to sign"

// onPrem tells whether the agent is a hybrid node. Its own record counts; a
// node that never had credentials has none, and then a hybrid registration
// beats EC2 (ssm-agent.md 4.2).
func onPrem(id fact.AgentIdentity) bool {
	return id.Type == "OnPrem" || id.Type == "" && id.Hybrid != ""
}

// sources lists where the agent takes credentials from, in its order, and marks
// the one it uses now, as far as that is known without reading them.
//
// Workers of an EC2 node take the shared file when their record names one, else
// the instance profile; the core writes that file only when Systems Manager
// gave the credentials (agent source, ec2_role_provider.go, release 3.3).
func sources(set *fact.Set) []fact.Credential {
	id, config := set.Agent.Identity, set.Agent.Config
	file := func(s fact.CredentialSource, path string) fact.Credential {
		return fact.Credential{
			Outcome: fact.Skip(noKeysWanted), Source: s,
			Path: path, Profile: cmp.Or(id.ShareProfile, "default"),
		}
	}
	if onPrem(id) {
		c := file(fact.FromHybrid, cmp.Or(id.ShareFile, hybridFile))
		c.Profile = cmp.Or(id.ShareProfile, config.Profile, "default")
		c.Selected = true
		if config.ShareCreds != nil && !*config.ShareCreds {
			c.Outcome = fact.Skip("the agent keeps them in memory (Profile.ShareCreds is false)")
			c.Path = ""
		}
		return []fact.Credential{c}
	}
	var out []fact.Credential
	if id.ShareFile != "" && id.ShareFile != dhmcFile {
		out = append(out, file(fact.FromShared, id.ShareFile))
	}
	if id.Type == "" || id.Type == "EC2" {
		out = append(out, ofRole(set.IMDS.Role), file(fact.FromDHMC, dhmcFile))
	}
	want := fact.CredentialSource("")
	switch {
	case id.ShareFile != "":
		want = map[bool]fact.CredentialSource{true: fact.FromDHMC, false: fact.FromShared}[id.ShareFile == dhmcFile]
	case id.Source == "EC2":
		want = fact.FromProfile
	case id.Source == "SSM":
		want = fact.FromDHMC
	}
	for i := range out {
		out[i].Selected = out[i].Source == want
	}
	return out
}

// ofRole is what the metadata service told about the instance profile.
func ofRole(r fact.Role) fact.Credential {
	c := fact.Credential{
		Outcome: fact.Outcome{Status: fact.Failed}, Source: fact.FromProfile, Path: profilePath,
		Role: r.Name, Code: r.Code, Expires: r.Expires,
	}
	switch r.State {
	case fact.RolePresent:
		c.Outcome = r.Outcome
	case fact.RoleAbsent:
		c.Class, c.Detail = fact.NotFound, "no instance profile"
	case fact.RoleEmpty:
		c.Class, c.Detail = fact.NotFound, "an instance profile without a role"
	case fact.RoleError:
		c.Class, c.Detail = fact.OtherFailure, "the metadata service has no credentials of the role"
	default:
		c.Outcome = r.Outcome
		if c.Status == "" {
			c.Outcome = fact.Skip("the metadata service was not asked")
		}
	}
	return c
}

// selected is the credential that calls are signed with, or a zero one.
func selected(list []fact.Credential) fact.Credential {
	if i := slices.IndexFunc(list, func(c fact.Credential) bool { return c.Selected }); i >= 0 {
		return list[i]
	}
	return fact.Credential{}
}

// retrieve reads the files of the list, and the metadata service when keys are
// wanted and the profile is the one in use. Where the agent's record names no
// source, the first that works is selected.
func (o Options) retrieve(ctx context.Context, list []fact.Credential, set *fact.Set, wanted bool) *keys {
	known := selected(list).Selected
	var use *keys
	for i := range list {
		c := &list[i]
		var k *keys
		switch {
		case c.Source != fact.FromProfile && c.Path != "":
			k = o.ofFile(c)
		case c.Source == fact.FromProfile && c.Status == fact.OK && wanted && (c.Selected || !known && use == nil):
			k = o.ofIMDS(ctx, c)
		}
		if !known && c.Status == fact.OK {
			known, c.Selected = true, true
		}
		if c.Selected {
			use = k
			if c.Source != fact.FromProfile { // the file does not tell, the agent's record does
				c.Expires = set.Agent.Identity.Expires
			}
		}
	}
	if !wanted {
		return nil
	}
	return use
}

// ofFile reads a shared credentials file. What is not needed of it is wiped
// with the buffer.
func (o Options) ofFile(c *fact.Credential) *keys {
	start := o.Now()
	if !strings.HasPrefix(c.Path, "/") {
		c.Outcome = fact.Outcome{Status: fact.Failed, Class: fact.Invalid, Detail: "not an absolute path"}
		return nil
	}
	buf := make([]byte, maxFile)
	defer clear(buf)
	n, err := sysfile.Root(o.Root).ReadInto(c.Path, buf)
	c.Outcome = classify.Outcome(err, start, o.Now().Sub(start))
	switch {
	case errors.Is(err, sysfile.ErrTooLarge):
		c.Class = fact.TooLarge
	case errors.Is(err, sysfile.ErrNotRegular):
		c.Class = fact.Malformed
	}
	if err != nil {
		return nil
	}
	k, ok := parseINI(buf[:n], c.Profile)
	if !ok {
		c.Status, c.Class, c.Detail = fact.Failed, fact.Malformed, "no usable keys under this profile"
		return nil
	}
	return k
}

// ofIMDS takes the role's keys from the metadata service.
func (o Options) ofIMDS(ctx context.Context, c *fact.Credential) *keys {
	if o.RoleCredentials == nil {
		c.Outcome = fact.Skip("the metadata service is not asked for credentials")
		return nil
	}
	body, get := o.RoleCredentials(ctx)
	defer clear(body)
	c.Outcome = get.Outcome
	if get.Status != fact.OK {
		return nil
	}
	k, d := parseDocument(body)
	c.Code, c.Updated, c.Expires = d.code, d.updated, d.expires
	if k == nil {
		c.Status, c.Class, c.Detail = fact.Failed, fact.Malformed, "not a document of credentials"
		if d.code != "" && d.code != "Success" {
			c.Class, c.Detail = fact.OtherFailure, "the metadata service has no credentials of the role"
		}
	}
	return k
}

// document is what of the metadata service's answer may be shown.
type document struct {
	code             string
	updated, expires time.Time
}

// parseDocument reads the answer to iam/security-credentials/ROLE (EC2 User
// Guide, "Retrieve security credentials from instance metadata", read 2026-11).
func parseDocument(b []byte) (*keys, document) {
	var f struct {
		Code            string
		LastUpdated     time.Time
		Expiration      time.Time
		AccessKeyID     string `json:"AccessKeyId"`
		SecretAccessKey string
		Token           string
	}
	if json.Unmarshal(b, &f) != nil {
		return nil, document{}
	}
	d := document{code: denial.Code(f.Code), updated: sane(f.LastUpdated), expires: sane(f.Expiration)}
	k := &keys{id: f.AccessKeyID, secret: f.SecretAccessKey, token: f.Token}
	if f.Code != "Success" || !k.valid() {
		return nil, d
	}
	return k, d
}

// OfDocument reads the credentials of a role out of the metadata service's
// document; false when it is none.
func OfDocument(b []byte) (aws.Credentials, bool) {
	k, d := parseDocument(b)
	if k == nil {
		return aws.Credentials{}, false
	}
	c := k.forSigner()
	c.Source, c.Expires, c.CanExpire = "instance role", d.expires, !d.expires.IsZero()
	return c, true
}

// sane is t in UTC, or zero when it lies outside the years that JSON can hold.
func sane(t time.Time) time.Time {
	t = t.UTC()
	if y := t.Year(); y <= 1 || y > 9999 {
		return time.Time{}
	}
	return t
}
