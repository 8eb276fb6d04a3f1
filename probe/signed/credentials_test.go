package signed

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/probetest"
)

// account knows the keys of every source, so that the log of calls tells which
// of them signed.
func account() *probetest.API {
	role := probetest.APIRole{Name: "r", Policies: []*probetest.Policy{probetest.MustPolicy(probetest.ManagedInstanceCore)}}
	var known []probetest.APICredential
	for source, k := range map[string]probetest.APIKeys{
		"instance profile": probetest.ProfileKeys, "default host management": probetest.ManagedKeys,
		"hybrid activation": probetest.HybridKeys, "shared file": probetest.IdentityKeys,
	} {
		known = append(known, probetest.APICredential{Keys: k, Source: source, Role: role, Session: node})
	}
	return probetest.NewAPI(probetest.APIOptions{Credentials: known})
}

func TestWhichCredentials(t *testing.T) {
	managed, hybrid, shared := probetest.ManagedKeys.File(), probetest.HybridKeys.File(), probetest.IdentityKeys.File()
	expires := now.Add(time.Hour).UTC()
	no := false
	for name, x := range map[string]struct {
		change func(*world)
		files  map[string]string
		want   fact.CredentialSource // that signed; empty: nothing was signed
		listed int
	}{
		"instance profile": {want: fact.FromProfile, listed: 2},
		"instance profile, a file of Default Host Management left over": {
			files: map[string]string{dhmcFile: managed}, want: fact.FromProfile, listed: 2,
		},
		"Default Host Management": {
			change: func(w *world) { w.set.Agent.Identity.Source, w.set.Agent.Identity.ShareFile = "SSM", dhmcFile },
			files:  map[string]string{dhmcFile: managed}, want: fact.FromDHMC, listed: 2,
		},
		"Default Host Management without a profile, its record not readable": {
			change: func(w *world) {
				w.set.Agent.Identity = fact.AgentIdentity{}
				w.set.IMDS.Role = fact.Role{Outcome: fact.Outcome{Status: fact.OK}, State: fact.RoleAbsent}
			},
			files: map[string]string{dhmcFile: managed}, want: fact.FromDHMC, listed: 2,
		},
		"the record names Default Host Management, the file is gone": {
			change: func(w *world) { w.set.Agent.Identity.Source = "SSM" }, listed: 2,
		},
		"shared file": {
			change: func(w *world) {
				w.set.Agent.Identity.ShareFile, w.set.Agent.Identity.ShareProfile = "/opt/creds", "agent"
			},
			files: map[string]string{"/opt/creds": hybrid + strings.Replace(shared, "default", "agent", 1)}, want: fact.FromShared, listed: 3,
		},
		"hybrid": {
			change: func(w *world) {
				w.set.Agent.Identity = fact.AgentIdentity{Type: "OnPrem", Hybrid: "mi-0123456789abcdef0", HybridIn: "us-east-1"}
			},
			files: map[string]string{hybridFile: hybrid}, want: fact.FromHybrid, listed: 1,
		},
		"hybrid, in a file of its own": {
			change: func(w *world) {
				w.set.Agent.Identity = fact.AgentIdentity{Hybrid: "mi-0123456789abcdef0", HybridIn: "us-east-1"}
				w.set.Agent.Identity.ShareFile, w.set.Agent.Config.Profile = "/etc/aws", "p"
			},
			files: map[string]string{"/etc/aws": strings.Replace(hybrid, "default", "p", 1)}, want: fact.FromHybrid, listed: 1,
		},
		"hybrid, not shared": {
			change: func(w *world) {
				w.set.Agent.Identity = fact.AgentIdentity{Type: "OnPrem", Hybrid: "mi-0123456789abcdef0", HybridIn: "us-east-1"}
				w.set.Agent.Config.ShareCreds = &no
			},
			files: map[string]string{hybridFile: hybrid}, listed: 1,
		},
		"nothing anywhere": {
			change: func(w *world) { w.set.Agent.Identity = fact.AgentIdentity{}; w.set.IMDS.Role = fact.Role{} }, listed: 2,
		},
		"a file that is none":        {change: ofShared, files: map[string]string{"/opt/creds": "\x00\x01"}, listed: 3},
		"a file without the profile": {change: ofShared, files: map[string]string{"/opt/creds": "[other]\n" + shared[10:]}, listed: 3},
		"a file that is too large":   {change: ofShared, files: map[string]string{"/opt/creds": shared + strings.Repeat("#", maxFile)}, listed: 3},
		"a directory":                {change: ofShared, files: map[string]string{"/opt/creds/x": shared}, listed: 3},
		"a relative path":            {change: func(w *world) { w.set.Agent.Identity.ShareFile = "creds" }, files: map[string]string{"/creds": shared}, listed: 3},
	} {
		t.Run(name, func(t *testing.T) {
			api := account()
			w := newWorld(t, api)
			if x.change != nil {
				x.change(w)
			}
			w.set.Agent.Identity.Expires = expires
			for path, text := range x.files {
				w.file(t, path, text)
			}
			s, c := Read(t.Context(), &w.set, w.o)
			quiet(t, s, c)
			if len(s.Credentials) != x.listed {
				t.Errorf("%+v", s.Credentials)
			}
			use := selected(s.Credentials)
			if x.want == "" {
				if c != nil || s.Skipped != "no credentials" || len(api.Calls()) != 0 || use.Status == fact.OK {
					t.Errorf("%+v, %+v", s, api.Calls())
				}
				return
			}
			if use.Source != x.want || use.Status != fact.OK || use.Expires.IsZero() || use.Source != fact.FromProfile && !use.Expires.Equal(expires) {
				t.Errorf("%+v", use)
			}
			got := find(t, s.Calls, "ListInstanceAssociations")
			if got.Status != fact.OK || got.Source != x.want || api.Calls()[0].Credential != string(x.want) {
				t.Errorf("%+v, %+v", got, api.Calls())
			}
		})
	}
}

func ofShared(w *world) { w.set.Agent.Identity.ShareFile = "/opt/creds" }

func TestRoleDocument(t *testing.T) {
	body := roleDocument("Success", probetest.ProfileKeys)
	w := newWorld(t, probetest.NewAPI(probetest.APIOptions{}))
	w.o.RoleCredentials = func(context.Context) ([]byte, fact.IMDSGet) {
		return body, fact.IMDSGet{Outcome: fact.Outcome{Status: fact.OK}}
	}
	s, _ := Read(t.Context(), &w.set, w.o)
	c := s.Credentials[0]
	if c.Updated.IsZero() || c.Expires.IsZero() || c.Code != "Success" || !c.Selected {
		t.Errorf("%+v", c)
	}
	if len(bytes.Trim(body, "\x00")) != 0 {
		t.Error("the body was not wiped")
	}
}

func TestINI(t *testing.T) {
	const id, secret = "ASIAEXAMPLEEXAMPLE00", "s/e+c=r=t"
	for text, want := range map[string]bool{
		"[default]\naws_access_key_id=" + id + "\naws_secret_access_key=" + secret:                                                                  true,
		"# c\n; c\r\n [ default ] \r\n\tAWS_ACCESS_KEY_ID = " + id + "\r\naws_secret_access_key = " + secret + "\r\nregion = x":                     true,
		"[default]\naws_access_key_id=AAAAAAAAAAAAAAAAAAAA\n[x]\n[default]\naws_access_key_id=" + id + "\naws_secret_access_key=" + secret + "\n\n": true,
		"aws_access_key_id=" + id + "\naws_secret_access_key=" + secret:                                                                             false,
		"[default\naws_access_key_id=" + id + "\naws_secret_access_key=" + secret:                                                                   false,
		"[profile default]\naws_access_key_id=" + id + "\naws_secret_access_key=" + secret:                                                          false,
		"[default]\naws_access_key_id=" + id:                                                                                                        false,
		"[default]\naws_access_key_id=" + id + "\naws_secret_access_key=a b":                                                                        false,
		"[default]\naws_access_key_id=" + id + "\naws_secret_access_key=" + secret + "\naws_session_token=a\x1bb":                                   false,
		"[default]\naws_access_key_id=short\naws_secret_access_key=" + secret:                                                                       false,
		"": false,
	} {
		k, ok := parseINI([]byte(text), "default")
		if ok != want || ok && (k.id != id || k.secret != secret || k.token != "") {
			t.Errorf("%q: %v", text, ok)
		}
	}
}

func TestKeysHaveNoText(t *testing.T) {
	p := probetest.ProfileKeys
	k := &keys{p.ID, p.Secret, p.Token}
	quiet(t, k)
	if b, err := json.Marshal(k); err != nil || string(b) != "{}" {
		t.Errorf("%s, %v", b, err)
	}
	if s := fmt.Sprintf("%d %08b %t %U", k, k, k, k); strings.Contains(s, p.Secret) {
		t.Error(s)
	}
}

func FuzzINI(f *testing.F) {
	f.Add([]byte(probetest.ManagedKeys.File()), "default")
	f.Add([]byte("[default]\n=\n[]\n[\n"), "")
	f.Fuzz(func(t *testing.T, b []byte, profile string) {
		if k, ok := parseINI(b, profile); ok && !k.valid() || !ok && k != nil {
			t.Errorf("%v", ok)
		}
	})
}

func FuzzRoleDocument(f *testing.F) {
	f.Add(roleDocument("Success", probetest.ProfileKeys))
	f.Add([]byte(`{"Code":"AssumeRoleUnauthorizedAccess","Message":"EC2 cannot assume the role"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		k, d := parseDocument(b)
		if k != nil && !k.valid() {
			t.Error("unusable keys")
		}
		if _, err := json.Marshal(fact.Credential{Code: d.code, Updated: d.updated, Expires: d.expires}); err != nil {
			t.Error(err)
		}
	})
}
