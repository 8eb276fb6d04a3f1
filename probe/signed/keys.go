package signed

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// keys sign calls. They have no text and no JSON form.
type keys struct{ id, secret, token string }

// Format keeps the content out of every verb of package fmt.
func (*keys) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte("[secrets]")) }

// MarshalJSON keeps the content out of JSON.
func (*keys) MarshalJSON() ([]byte, error) { return []byte("{}"), nil }

func (k *keys) forSigner() aws.Credentials {
	return aws.Credentials{AccessKeyID: k.id, SecretAccessKey: k.secret, SessionToken: k.token}
}

// Bounds of keys. An access key id has 16 to 128 characters (IAM API
// Reference, AccessKey, read 2026-11); session tokens have no documented limit
// and are below 4 kB in practice.
const (
	minKeyID  = 16
	maxKeyID  = 128
	maxSecret = 256
	maxToken  = 8 << 10
)

// valid tells whether the keys may go into a header: the file or answer they
// come from could hold anything.
func (k *keys) valid() bool {
	return len(k.id) >= minKeyID && plain(k.id, maxKeyID) && k.secret != "" && plain(k.secret, maxSecret) && plain(k.token, maxToken)
}

// plain tells whether s is printable ASCII without spaces and not too long.
func plain(s string, limit int) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return len(s) <= limit
}
