package agent

import (
	"encoding/json"
	"errors"
	"io/fs"
	"strings"
	"time"

	"vpcdoctor/probe/classify"
	"vpcdoctor/probe/fact"
)

// The agent's state, readable by root only.
const (
	stateDir         = "/var/lib/amazon/ssm/"
	identityPath     = stateDir + "runtimeconfig/identity_config.json" // written by agents after 3.1.282.0
	vaultKeyPath     = stateDir + "Vault/Store/RegistrationKey"        // hybrid activation; EC2's own is EC2RegistrationKey
	registrationPath = stateDir + "registration"                       // id and Region of a hybrid activation
)

// maxState bounds these files. A RegistrationKey holds an RSA key, 3 kB.
const maxState = 64 << 10

// identity reads the agent's record of who it is. Its Outcome is that of
// identity_config.json; a hybrid registration is looked for in any case,
// because the agent prefers it to EC2.
func (r *reader) identity() fact.AgentIdentity {
	var id fact.AgentIdentity
	b, err := r.Read(identityPath, maxState)
	if err != nil {
		id.Outcome = r.outcome(err)
	} else {
		parseIdentity(b, &id)
	}
	id.Hybrid, id.HybridIn = r.hybrid()
	return id
}

// parseIdentity fills id from identity_config.json. Times stay zero when the
// agent wrote year 1: it never had working credentials.
func parseIdentity(b []byte, id *fact.AgentIdentity) {
	var f struct {
		InstanceId             string
		IdentityType           string
		CredentialSource       string
		CredentialsRetrievedAt time.Time
		CredentialsExpiresAt   time.Time
	}
	if err := json.Unmarshal(b, &f); err != nil {
		// A time that does not parse has an error of its own type.
		id.Outcome = fact.Outcome{Status: fact.Failed, Class: fact.Malformed, Detail: classify.Clean(err.Error(), maxText)}
		return
	}
	id.Outcome = fact.Outcome{Status: fact.OK}
	id.InstanceID = classify.Clean(f.InstanceId, 64) // "i-" or "mi-" and 17 digits
	id.Type = classify.Clean(f.IdentityType, 32)
	id.Source = classify.Clean(f.CredentialSource, 32)
	id.Retrieved, id.Expires = sane(f.CredentialsRetrievedAt), sane(f.CredentialsExpiresAt)
}

// sane is t in UTC, or zero when it lies outside the years that JSON can hold.
func sane(t time.Time) time.Time {
	t = t.UTC()
	if y := t.Year(); y <= 1 || y > 9999 {
		return time.Time{}
	}
	return t
}

// hybrid finds a hybrid registration: in the vault, which is what the agent
// uses, else in the plain file beside it. Of the vault's file only the id and
// the Region are decoded; the private key in it is wiped with the buffer.
func (r *reader) hybrid() (id, region string) {
	buf := make([]byte, maxState)
	defer clear(buf)
	for _, path := range []string{vaultKeyPath, registrationPath} {
		n, err := r.ReadInto(path, buf)
		if err == nil {
			if id, region := parseRegistration(buf[:n]); id != "" {
				return id, region
			}
		} else if !errors.Is(err, fs.ErrNotExist) {
			r.outcome(err) // notes a missing permission
		}
	}
	return "", ""
}

// parseRegistration takes the managed node id and its Region out of either
// file; both empty unless the id is one ("mi-…"). A cleared registration keeps
// its file with empty values.
func parseRegistration(b []byte) (id, region string) {
	var f struct {
		InstanceID        string `json:"instanceID"`
		ManagedInstanceID string
		Region            string
	}
	if json.Unmarshal(b, &f) != nil {
		return "", ""
	}
	id = f.InstanceID
	if id == "" {
		id = f.ManagedInstanceID
	}
	id, ok := label(id)
	if !ok || !strings.HasPrefix(id, "mi-") {
		return "", ""
	}
	region, _ = label(f.Region)
	return id, region
}
