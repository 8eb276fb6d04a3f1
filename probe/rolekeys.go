package probe

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/imds"
	"vpcdoctor/probe/signed"
)

// RoleKeys are the credentials of the instance profile's role, as the metadata
// service hands them out to a run and within its budget of GETs. They are asked
// for when somebody needs them and not before; signed calls and delivery use one
// and the same document. It is an aws.CredentialsProvider.
//
// In [Env] they outlive the run, until Close wipes them. They have no text form.
type RoleKeys struct {
	mu       sync.Mutex
	metadata *imds.Session // nil: no run has opened it
	role     fact.Role
	now      func() time.Time
	ahead    time.Duration // our clock minus the world's
	document []byte
	got      fact.IMDSGet // how the document came
	asked    []fact.IMDSGet
}

var _ aws.CredentialsProvider = (*RoleKeys)(nil)

// Format keeps the content out of every verb of package fmt.
func (*RoleKeys) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte("[secrets]")) }

// MarshalJSON keeps the content out of JSON.
func (*RoleKeys) MarshalJSON() ([]byte, error) { return []byte("{}"), nil }

// open takes over the session of a run, and ends that of the one before it.
func (k *RoleKeys) open(s *imds.Session, role fact.Role, now func() time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.wipe()
	k.metadata, k.role, k.now, k.ahead, k.asked = s, role, now, 0, nil
}

// Close wipes the keys and ends the session with the metadata service.
func (k *RoleKeys) Close() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.wipe()
}

func (k *RoleKeys) wipe() {
	clear(k.document)
	k.document = nil
	if k.metadata != nil {
		k.metadata.Close()
		k.metadata = nil
	}
}

// correct tells how wrong the clock is, for the end of the keys.
func (k *RoleKeys) correct(ahead time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ahead = ahead
}

// ask gives the document, which the caller wipes, and how it came.
func (k *RoleKeys) ask(ctx context.Context) ([]byte, fact.IMDSGet) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return bytes.Clone(k.fetch(ctx)), k.got
}

// fetch gives the document that is held, or asks for one.
func (k *RoleKeys) fetch(ctx context.Context) []byte {
	if k.document != nil {
		return k.document
	}
	if k.metadata == nil {
		k.got = fact.IMDSGet{Outcome: fact.Skip("the session with the metadata service has ended")}
		return nil
	}
	k.document, k.got = k.metadata.RoleCredentials(ctx)
	k.asked = append(k.asked, k.got)
	return k.document
}

// tell adds what was asked to the facts.
func (k *RoleKeys) tell(s *fact.Set) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, get := range k.asked {
		s.IMDS.Gets = append(s.IMDS.Gets, get)
		if get.Status != fact.NotRun {
			s.IMDS.GetCount++
			s.Run.Packets.IMDSGets++
		}
	}
}

// soon is how long keys must still be good to be used again.
const soon = 30 * time.Second

// Retrieve gives the keys. The error says in the words of people why there are
// none. Keys that have run out meanwhile are asked for anew, as far as the
// budget goes; whether AWS accepts what the metadata service served is its own
// to say.
func (k *RoleKeys) Retrieve(ctx context.Context) (aws.Credentials, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.metadata == nil {
		return aws.Credentials{}, errors.New("the metadata service was not asked")
	}
	if err := withoutRole(k.role); err != nil {
		return aws.Credentials{}, err
	}
	held := k.document != nil
	c, ok := signed.OfDocument(k.fetch(ctx))
	if held && (!ok || !c.Expires.IsZero() && c.Expires.Before(k.now().Add(soon-k.ahead))) {
		clear(k.document)
		k.document = nil
		c, ok = signed.OfDocument(k.fetch(ctx))
	}
	switch g := k.got; {
	case ok:
		return c, nil
	case g.Status == fact.OK:
		return aws.Credentials{}, errors.New("what the metadata service serves as the role's keys is not a document of credentials")
	case g.Skipped == imds.SkippedCount:
		return aws.Credentials{}, errors.New("the run has used up its GETs to the metadata service")
	default:
		return aws.Credentials{}, fmt.Errorf("the metadata service did not hand out the role's keys: %s", cmp.Or(g.Skipped, g.Detail, string(g.Class)))
	}
}

// withoutRole is why there are no keys; nil when there should be some.
func withoutRole(r fact.Role) error {
	switch r.State {
	case fact.RolePresent:
		return nil
	case fact.RoleAbsent:
		return errors.New("the instance has no role: attach an instance profile")
	case fact.RoleEmpty:
		return errors.New("the instance profile holds no role: put one into it")
	case fact.RoleError:
		return fmt.Errorf("the metadata service has no credentials of the role (%s): look at its trust policy", cmp.Or(r.Code, r.Detail, "no code"))
	}
	return fmt.Errorf("the metadata service did not tell of a role (%s)", cmp.Or(r.Skipped, r.Detail, string(r.Class), "not asked"))
}
