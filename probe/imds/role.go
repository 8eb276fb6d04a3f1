package imds

import (
	"context"
	"net/http"

	"vpcdoctor/probe/fact"
)

const (
	credentials      = "iam/security-credentials/"
	credentialsShown = metaData + credentials + "{role}"
)

// role follows the instance profile to the state of its credentials. Each step
// needs the one before: without a profile there is nothing more to ask.
//
// Role's own Outcome is OK when the state is known, whatever it is; otherwise
// it is that of the exchange which left it open.
func (s *session) role(ctx context.Context) {
	r := &s.m.Role
	var p profile
	info := s.get(ctx, want{"iam/info", func(body []byte) (err error) {
		p, err = parseProfileInfo(body)
		r.ProfileARN = p.arn
		return err
	}})
	if info.HTTPStatus == http.StatusNotFound {
		settle(r, fact.RoleAbsent, info)
		return
	}
	var names []string
	roles := s.get(ctx, want{credentials, list(&names, parseRole)})
	switch {
	case len(names) > 0:
		r.Name = names[0]
		s.granted(ctx, r)
	case p.code != "" && p.code != "Success": // InstanceProfileNotFound and the like
		r.Code = p.code
		settle(r, fact.RoleError, info)
	case roles.HTTPStatus == http.StatusNotFound && info.Status == fact.OK, roles.Status == fact.OK:
		settle(r, fact.RoleEmpty, roles)
	case roles.HTTPStatus == http.StatusNotFound:
		settle(r, fact.RoleAbsent, roles)
	default:
		r.Outcome = roles.Outcome
	}
}

// granted reads whether the role's credentials are served. The answer holds
// keys: parseGrant leaves them in the buffer, which the client then wipes. The
// fact's path does not name the role, so that evidence can be shown anywhere.
func (s *session) granted(ctx context.Context, r *fact.Role) {
	got := s.exchange(ctx, credentialsOf(r.Name, func(body []byte) error {
		g, err := parseGrant(body)
		r.Code, r.Expires = g.code, g.expires
		return err
	}))
	switch {
	case r.Code == "Success":
		settle(r, fact.RolePresent, got)
		s.c.budget.keep(1) // for RoleCredentials
	case r.Code != "":
		settle(r, fact.RoleError, got)
	case got.HTTPStatus != 0:
		r.State, r.Outcome = fact.RoleError, got.Outcome // served, but not as credentials
	default:
		r.Outcome = got.Outcome
	}
}

// credentialsOf is the request for the credentials of a role.
func credentialsOf(role string, take func(body []byte) error) request {
	return request{method: http.MethodGet, path: metaData + credentials + role, shown: credentialsShown, take: take}
}

// settle sets a state that is known from the exchange g.
func settle(r *fact.Role, state fact.RoleState, g fact.IMDSGet) {
	r.State = state
	r.Outcome = fact.Outcome{Status: fact.OK, Start: g.Start, Took: g.Took}
}
