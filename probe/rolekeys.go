package probe

import (
	"context"

	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/imds"
)

// roleKeys asks the metadata service for the role's credentials, within the
// run's budget of GETs, and remembers for the facts that it did. One goroutine
// at a time uses it.
type roleKeys struct {
	metadata *imds.Session
	asked    []fact.IMDSGet
}

func (k *roleKeys) ask(ctx context.Context) ([]byte, fact.IMDSGet) {
	body, get := k.metadata.RoleCredentials(ctx)
	k.asked = append(k.asked, get)
	return body, get
}

// tell adds what was asked to the facts.
func (k *roleKeys) tell(s *fact.Set) {
	for _, get := range k.asked {
		s.IMDS.Gets = append(s.IMDS.Gets, get)
		if get.Status != fact.NotRun {
			s.IMDS.GetCount++
			s.Run.Packets.IMDSGets++
		}
	}
}
