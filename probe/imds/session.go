package imds

import (
	"bytes"
	"context"
	"net/http"

	"vpcdoctor/probe/fact"
)

// Session is the way back to a service that Open has asked: its token and what
// is left of its budget. It holds them behind a pointer, so that no form of
// printing shows them. One goroutine at a time may use it.
type Session struct {
	in  *session // nil: nothing was asked
	end context.CancelFunc
}

// SkippedRole is why RoleCredentials did not ask; the Skipped of its fact.
const SkippedRole = "IMDS serves no credentials of a role"

// RoleCredentials asks for the credentials document of the instance profile's
// role, with the token of Open, as one more GET of the run's 25; one is kept back for it. The document is JSON with AccessKeyId,
// SecretAccessKey, Token and Expiration, its Code is "Success", and it belongs
// to the caller alone, who wipes it. It is nil when the fact is not OK. The
// fact is not among those that Open returned and counts as one GET when it ran.
//
// Source of the document's form: EC2 User Guide, "Retrieve security
// credentials from instance metadata" (read 2026-11).
func (s *Session) RoleCredentials(ctx context.Context) ([]byte, fact.IMDSGet) {
	if s.in == nil || s.in.m.Role.State != fact.RolePresent {
		return nil, fact.IMDSGet{Outcome: fact.Skip(SkippedRole), Path: http.MethodGet + " " + credentialsShown}
	}
	s.in.c.budget.keep(0)
	var doc []byte
	g := s.in.c.do(ctx, credentialsOf(s.in.m.Role.Name, func(body []byte) error {
		switch p, err := parseGrant(body); {
		case err != nil:
			return err
		case p.code != "Success":
			return formError{fact.Malformed, "credentials are no longer served: " + p.code}
		}
		doc = bytes.Clone(body)
		return nil
	}))
	return doc, g
}

// Close ends the session and its connections.
func (s *Session) Close() {
	if s.in != nil {
		s.end()
		s.in.c.close()
	}
}
