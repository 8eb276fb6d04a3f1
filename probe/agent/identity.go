package agent

import (
	"cmp"
	"encoding/json"
	"errors"
	"io/fs"
	"strings"
	"time"

	"vpcdoctor/probe/classify"
	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/hostname"
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
	id.Registered, id.RegisteredIn = r.registered()
	id.Vault = r.vault()
	id.RuntimeIDs = r.runtimeIDs()
	return id
}

// parseIdentity fills id from identity_config.json. Times stay zero when the
// agent wrote year 1: it never had working credentials.
func parseIdentity(b []byte, id *fact.AgentIdentity) {
	var f struct {
		InstanceID             string `json:"InstanceId"`
		IdentityType           string
		CredentialSource       string
		ShareFile              string
		ShareProfile           string
		CredentialsRetrievedAt time.Time
		CredentialsExpiresAt   time.Time
	}
	if err := json.Unmarshal(b, &f); err != nil {
		// A time that does not parse has an error of its own type.
		id.Outcome = fact.Outcome{Status: fact.Failed, Class: fact.Malformed, Detail: classify.Clean(err.Error(), maxText)}
		return
	}
	id.Outcome = fact.Outcome{Status: fact.OK}
	id.InstanceID = classify.Clean(f.InstanceID, 64) // "i-" or "mi-" and 17 digits
	id.Type = classify.Clean(f.IdentityType, 32)
	id.Source = classify.Clean(f.CredentialSource, 32)
	id.ShareFile = classify.Clean(f.ShareFile, maxPathText)
	id.ShareProfile = classify.Clean(f.ShareProfile, 64)
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

// hybrid finds the hybrid registration that the agent uses, which is the one
// in its vault. The plain file beside it survives "-register -clear" and counts
// only when the vault's file is there but cannot be understood. Of either only
// the id and the Region are decoded; the private key in the vault's file is
// wiped with the buffer.
func (r *reader) hybrid() (id, region string) {
	buf := make([]byte, maxState)
	defer clear(buf)
	n, err := r.ReadInto(vaultKeyPath, buf)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", ""
	case err != nil:
		r.outcome(err) // notes a missing permission
	default:
		id, region, ok := parseRegistration(buf[:n], "mi-")
		if ok {
			return id, region
		}
	}
	if n, err = r.ReadInto(registrationPath, buf); err != nil {
		return "", ""
	}
	id, region, _ = parseRegistration(buf[:n], "mi-")
	return id, region
}

// parseRegistration takes the node id and its Region out of a registration;
// both empty unless the id is of the kind, "mi-" or "i-". A cleared
// registration keeps its file with empty values. ok tells whether the file is
// JSON.
func parseRegistration(b []byte, kind string) (id, region string, ok bool) {
	var f struct {
		InstanceID        string `json:"instanceID"`
		ManagedInstanceID string
		Region            string
	}
	if json.Unmarshal(b, &f) != nil {
		return "", "", false
	}
	id, valid := hostname.Label(cmp.Or(f.InstanceID, f.ManagedInstanceID))
	if !valid || !strings.HasPrefix(id, kind) || len(id) > 32 {
		return "", "", true
	}
	region, _ = hostname.Label(f.Region)
	return id, region, true
}
