package probetest

import "time"

// APIKeys are the three parts of temporary credentials. They are made up, and
// they must turn up nowhere.
type APIKeys struct{ ID, Secret, Token string }

// Keys of every source of credentials that an instance can have.
var (
	// ProfileKeys are those of the instance profile's role, which IMDS serves.
	ProfileKeys = APIKeys{"ASIAPROBETESTEXAMPLE", "probetest/secret/access/key/EXAMPLE", "probetest-session-token-EXAMPLE=="}
	// IdentityKeys are those of the instance itself (aws:ec2-instance), which
	// IMDS serves under identity-credentials.
	IdentityKeys = APIKeys{"ASIAPROBEIDENTITYKEY", "probetest/identity/key/EXAMPLE", "probetest-identity-token-EXAMPLE=="}
	// ManagedKeys are those of Default Host Management's role.
	ManagedKeys = APIKeys{"ASIAPROBEMANAGEDKEYS", "probetest/managed/role/EXAMPLE", "probetest-managed-token-EXAMPLE=="}
	// HybridKeys are those of a hybrid activation's role.
	HybridKeys = APIKeys{"ASIAPROBEHYBRIDKEYSS", "probetest/hybrid/role/EXAMPLE", "probetest-hybrid-token-EXAMPLE=="}
)

// APISecrets are all parts of all keys above, for tests that grep output.
var APISecrets = func() []string {
	var out []string
	for _, k := range []APIKeys{ProfileKeys, IdentityKeys, ManagedKeys, HybridKeys} {
		out = append(out, k.ID, k.Secret, k.Token)
	}
	return out
}()

// File is the shared credentials file with these keys as the profile
// "default": what the agent writes for Default Host Management and hybrid
// activations.
func (k APIKeys) File() string {
	return "[default]\naws_access_key_id     = " + k.ID + "\naws_secret_access_key = " + k.Secret +
		"\naws_session_token     = " + k.Token + "\n"
}

// APIRole is a role that calls are made as. Nothing is allowed unless one of
// its policies allows it.
type APIRole struct {
	Name     string
	Policies []*Policy // identity-based
	Boundary *Policy   // nil: none
	Session  *Policy   // nil: none
}

// APICredential is one set of keys that the API knows.
type APICredential struct {
	Keys    APIKeys
	Source  string // in words, for the log of calls: "instance profile"
	Role    APIRole
	Session string    // last part of the principal's ARN: the instance id
	Expires time.Time // zero: never
}
