package agent

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vpcdoctor/probe/fact"
)

func TestIdentity(t *testing.T) {
	ok := fact.Outcome{Status: fact.OK}
	ec2 := `{"SchemaVersion":"1.4","InstanceId":"i-0abc","IdentityType":"EC2","ShareFile":"","CredentialSource":"EC2",` +
		`"CredentialsRetrievedAt":"2026-11-21T11:50:00Z","CredentialsExpiresAt":"2026-11-21T13:50:00+01:00"}`
	for _, c := range []struct {
		name string
		tree tree
		want fact.AgentIdentity
	}{
		{"instance profile", tree{identityPath: ec2}, fact.AgentIdentity{
			Outcome: ok, InstanceID: "i-0abc", Type: "EC2", Source: "EC2",
			Retrieved: now.Add(-10 * time.Minute), Expires: now.Add(50 * time.Minute),
		}},
		{"credentials in a shared file", tree{identityPath: `{"InstanceId":"i-0abc","IdentityType":"EC2","ShareFile":"/var/lib/amazon/ssm/credentials","ShareProfile":"p","CredentialSource":"SSM"}`},
			fact.AgentIdentity{
				Outcome: ok, InstanceID: "i-0abc", Type: "EC2", Source: "SSM",
				ShareFile: "/var/lib/amazon/ssm/credentials", ShareProfile: "p",
			}},
		{"EC2's registration, of the instance the image was taken from", tree{
			stateDir + "Vault/Store/EC2RegistrationKey": `{"instanceID":"i-0aaa","region":"us-east-1","privateKey":"PRIVATE"}`,
			stateDir + "i-0aaa/x":                       "",
			stateDir + "i-0bbb/x":                       "",
			stateDir + "mi-0c/x":                        "",
			stateDir + "i-0file":                        "",
			stateDir + "ipc/x":                          "",
		}, fact.AgentIdentity{
			Outcome: absent, Registered: "i-0aaa", RegisteredIn: "us-east-1", RuntimeIDs: []string{"i-0aaa", "i-0bbb", "mi-0c"},
		}},
		{"never had credentials", tree{identityPath: `{"InstanceId":"i-0abc","IdentityType":"EC2","CredentialSource":"None","CredentialsRetrievedAt":"0001-01-01T00:00:00Z","CredentialsExpiresAt":"0001-01-01T00:00:00Z"}`},
			fact.AgentIdentity{Outcome: ok, InstanceID: "i-0abc", Type: "EC2", Source: "None"}},
		{"hybrid activation on an EC2 instance", tree{
			identityPath: ec2,
			vaultKeyPath: `{"instanceID":"mi-0123456789abcdef0","region":"eu-west-1","instanceType":"","privateKey":"PRIVATE+KEY","privateKeyType":"Rsa"}`,
		}, fact.AgentIdentity{
			Outcome: ok, InstanceID: "i-0abc", Type: "EC2", Source: "EC2",
			Retrieved: now.Add(-10 * time.Minute), Expires: now.Add(50 * time.Minute),
			Hybrid: "mi-0123456789abcdef0", HybridIn: "eu-west-1",
		}},
		{"a registration file without a vault is a leftover", tree{registrationPath: `{"ManagedInstanceID":"mi-0a","Region":"eu-west-1"}`},
			fact.AgentIdentity{Outcome: absent}},
		{"a registration file beside a cleared vault is a leftover", tree{
			vaultKeyPath:     `{"instanceID":"","region":"","privateKey":""}`,
			registrationPath: `{"ManagedInstanceID":"mi-0a","Region":"eu-west-1"}`,
		}, fact.AgentIdentity{Outcome: absent}},
		{"the registration file beside a broken vault", tree{vaultKeyPath: `{`, registrationPath: `{"ManagedInstanceID":"mi-0a","Region":"eu-west-1"}`},
			fact.AgentIdentity{Outcome: absent, Hybrid: "mi-0a", HybridIn: "eu-west-1"}},
		{"a cleared registration", tree{vaultKeyPath: `{"instanceID":"","region":"","privateKey":""}`}, fact.AgentIdentity{Outcome: absent}},
		{"EC2's own registration is not hybrid", tree{vaultKeyPath: `{"instanceID":"i-0abc","region":"us-east-1","privateKey":"x"}`}, fact.AgentIdentity{Outcome: absent}},
		{"trash", tree{identityPath: "\x00\x01", vaultKeyPath: "PRIVATE"}, fact.AgentIdentity{
			Outcome: fact.Outcome{Status: fact.Failed, Class: fact.Malformed, Detail: `invalid character '\x00' looking for beginning of value`},
		}},
		{"a time that is none", tree{identityPath: `{"CredentialsExpiresAt":"soon"}`}, fact.AgentIdentity{
			Outcome: fact.Outcome{Status: fact.Failed, Class: fact.Malformed, Detail: `parsing time "soon" as "2006-01-02T15:04:05Z07:00": cannot parse "soon" as "2006"`},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, _ := read(t, system(c.tree), nil)
			if c.want.Class == fact.NotFound { // its text holds the temporary directory
				a.Identity.Detail = ""
			}
			a.Identity.Vault = nil // TestVault
			if d := cmp.Diff(c.want, a.Identity); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			if strings.Contains(asJSON(t, a), "PRIVATE") {
				t.Error("the private key is in the facts")
			}
		})
	}
}

// absent is the outcome of a missing identity_config.json.
var absent = fact.Outcome{Status: fact.Failed, Class: fact.NotFound}

func TestVault(t *testing.T) {
	const dir = stateDir + "Vault/"
	ok := fact.Outcome{Status: fact.OK}
	trash := fact.Outcome{Status: fact.Failed, Class: fact.Malformed, Detail: "not JSON"}
	tr := system(tree{
		dir + "Manifest":                  `{"RegistrationKey":"/x"}`,
		dir + "EC2Manifest":               "\x00\x00",
		dir + "Store/RegistrationKey":     `{"instanceID":"i-0`, // cut off
		dir + "Store/EC2RegistrationKey":  "-> /nowhere",
		dir + "Store/InstanceFingerprint": "PRIVATE" + strings.Repeat("x", maxState),
	})
	a, _ := read(t, tr, nil)
	if n := len(a.Identity.Vault); n > 0 && a.Identity.Vault[n-1].Class == fact.TooLarge {
		a.Identity.Vault[n-1].Detail = "" // holds the temporary directory
	}
	want := []fact.StateFile{
		{Outcome: ok, Path: dir + "Manifest", Bytes: 24},
		{Outcome: trash, Path: dir + "EC2Manifest", Bytes: 2},
		{Outcome: trash, Path: dir + "Store/RegistrationKey", Bytes: 18},
		{Outcome: fact.Outcome{Status: fact.Failed, Class: fact.TooLarge}, Path: dir + "Store/InstanceFingerprint", Bytes: maxState + 7},
	}
	if d := cmp.Diff(want, a.Identity.Vault); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if strings.Contains(asJSON(t, a), "PRIVATE") {
		t.Error("what the vault holds is in the facts")
	}

	a, _ = readUser(t, tr, &commands{})
	for _, f := range a.Identity.Vault {
		if f.Skipped != needsRoot {
			t.Errorf("without root: %+v", f)
		}
	}
	if len(a.Identity.Vault) != len(vaultFiles) {
		t.Errorf("without root no file is known to be absent: %+v", a.Identity.Vault)
	}
}

func TestRuntimeIDsAreBounded(t *testing.T) {
	tr := system()
	for i := range 20 {
		tr[fmt.Sprintf(stateDir+"i-%02d/x", i)] = ""
	}
	if a, _ := read(t, tr, nil); len(a.Identity.RuntimeIDs) != maxRuntime {
		t.Errorf("%q", a.Identity.RuntimeIDs)
	}
}
