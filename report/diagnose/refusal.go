package diagnose

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"vpcdoctor/probe/fact"
)

// refusal is one call that AWS refused: ours, which stands in for the agent's,
// or the agent's own, which its log tells of.
type refusal struct {
	denial    fact.Denial
	service   string // "ssm"
	operation string // "ListInstanceAssociations"
	own       bool   // the agent's own call
	way       way
	to        netip.Addr // that the call went to, when known
	host      string
	key, id   string // of the fact; request id
	at        time.Time
	role      string
	text      string
}

// way is how a call reached AWS. Policies tell these ways apart.
type way string

// Ways to AWS.
const (
	wayUnknown  way = ""
	wayPublic   way = "by a public address"
	wayEndpoint way = "by an endpoint of this VPC"
	wayCentral  way = "by a private address outside this VPC"
	wayProxy    way = "through a proxy"
)

// wayTo is the way of a call to an address.
func (v *View) wayTo(a netip.Addr, proxy string) way {
	switch {
	case proxy != "":
		return wayProxy
	case !a.IsValid():
		return wayUnknown
	}
	return wayOfClass(string(v.classOf(a).Class))
}

func wayOfClass(class string) way {
	switch fact.AddrClass(class) {
	case fact.OwnVPC:
		return wayEndpoint
	case fact.OtherPrivate:
		return wayCentral
	case fact.PublicAWS, fact.NAT64:
		return wayPublic
	}
	return wayUnknown // what is not classed is not judged
}

// agentPath is the agent's target of a signing name.
func (v *View) agentPath(service string) *Path {
	for _, p := range v.Paths {
		if p.T.ID == service && p.T.Agent {
			return p
		}
	}
	return nil
}

// refusals are the denials that concern the agent's permissions, those of its
// own calls first.
func (v *View) refusals() []refusal {
	var out []refusal
	for _, e := range v.tale {
		if r, ok := v.fromLog(e); ok {
			out = append(out, r)
		}
	}
	for _, c := range refs(v.Set.Signed.Calls, fact.Call.Key) {
		if c.Purpose == "" && c.Resource == "" && denied(c) {
			out = append(out, v.fromCall(c))
		}
	}
	return out
}

// denied tells a refusal by policy from the other errors of AWS. The code is
// no guide by itself: services spell it in many ways (field guide C.6).
func denied(c *fact.Call) bool {
	if c.Denial != nil {
		return true
	}
	switch strings.TrimSuffix(c.Code, "Exception") {
	case "AccessDenied", "UnauthorizedOperation", "AuthorizationError", "NotAuthorized", "AllAccessDisabled", "Forbidden":
		return true
	}
	return false
}

func (v *View) fromCall(c *fact.Call) refusal {
	r := refusal{service: c.Service, operation: c.Operation, host: c.Host, key: c.Key(), id: c.RequestID, at: c.Date, to: c.Addr.Addr(), way: v.wayTo(c.Addr.Addr(), c.Proxy)}
	if c.Denial != nil {
		r.denial = *c.Denial
	}
	if r.at.IsZero() {
		r.at = c.Start
	}
	r.text = fmt.Sprintf("signed %s %s to %s: %s", plain(c.Service, 20), plain(c.Operation, 40), plain(c.Host, 80), orWord(plain(c.Code, 60), "denied"))
	if !c.Remembered.IsZero() {
		r.at = c.Remembered
		r.text += ", remembered from " + day(c.Remembered)
	} else if c.RequestID != "" {
		r.text += ", request id " + plain(c.RequestID, 40)
	}
	r.role = v.refusedRole(r.denial, c.Source)
	return r
}

// fromLog reads the agent's own refusals of the calls without which it does
// not work. Denials of what a session or an inventory needs are other matters.
func (v *View) fromLog(e *fact.LogEvent) (refusal, bool) {
	if e.Reason != fact.ReasonDenied {
		return refusal{}, false
	}
	r := refusal{service: "ssm", operation: e.Operation, own: true, host: e.Host, key: e.Key(), at: e.Last}
	switch e.Stem {
	case fact.LogProfileRole, fact.LogHibernate:
		r.operation = cmp.Or(r.operation, "UpdateInstanceInformation")
	case fact.LogManagedRole:
		r.operation = cmp.Or(r.operation, "RequestManagedInstanceRoleToken")
	case fact.LogRegister:
		// Fails without harm where a profile serves (ssm-agent.md 4.3).
		if v.Set.IMDS.Role.State != fact.RoleAbsent {
			return r, false
		}
		r.operation = cmp.Or(r.operation, "RegisterManagedInstance")
	case fact.LogControlToken:
		r.service, r.operation = "ssmmessages", "CreateControlChannel"
	case fact.LogDialWebsocket:
		r.service, r.operation = "ssmmessages", "OpenControlChannel"
	case fact.LogAPICall:
		if e.Operation != "UpdateInstanceInformation" {
			return r, false
		}
	default:
		return r, false
	}
	source := fact.FromProfile
	if e.Stem == fact.LogManagedRole || e.Stem == fact.LogRegister {
		source = fact.FromDHMC
	}
	if e.Denial != nil {
		r.denial = *e.Denial
	}
	if p := v.agentPath(r.service); p != nil {
		r.host, r.way = p.T.Host, wayOfClass(p.Class)
		if len(p.Answer.Addrs) > 0 {
			r.to = p.Answer.Addrs[0]
		}
		if !p.Counts {
			r.way = wayProxy
		}
	}
	r.role = v.refusedRole(r.denial, source)
	r.text = v.tellsOf(*e)[0].Text
	return r, true
}

// refusedRole is the role that a policy would have to allow: the one that the
// denial names, else the one behind the credentials.
func (v *View) refusedRole(d fact.Denial, source fact.CredentialSource) string {
	if r := roleOf(d.Principal); r != "" {
		return r
	}
	for _, c := range v.credentials() {
		if c.Role != "" && (c.Source == source || source == "" && c.Selected) {
			return plain(c.Role, 64)
		}
	}
	if source == fact.FromProfile || source == "" {
		return plain(v.Set.IMDS.Role.Name, 64)
	}
	return ""
}

func (v *View) credentials() []fact.Credential {
	return sorted(v.Set.Signed.Credentials, func(c fact.Credential) string { return string(c.Source) + c.Path + c.Profile })
}

// roleOf is the name in the ARN of a role or of its session.
func roleOf(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 || parts[0] != "arn" {
		return ""
	}
	path := strings.Split(plain(parts[5], 200), "/")
	switch {
	case path[0] == "assumed-role" && len(path) > 1:
		return path[1]
	case path[0] == "role" && len(path) > 1:
		return path[len(path)-1]
	}
	return ""
}

// layerCode puts a refusal down to the first layer that denied, and joins the
// words of the denial with the way that the call took: an identity policy that
// denies by where a call comes from has a fault of the network behind it.
func (v *View) layerCode(r refusal) Code {
	d := r.denial
	if r.own && v.otherRole(r) {
		return "IA-14"
	}
	switch d.Layer {
	case fact.LayerEndpoint:
		return "EP-08"
	case fact.LayerSCP:
		return "IA-09"
	case fact.LayerRCP, fact.LayerBoundary, fact.LayerSession:
		return "IA-10"
	case fact.LayerResource:
		return "IA-20"
	}
	switch {
	case d.Explicit && d.Layer == fact.LayerIdentity && r.way == wayPublic:
		return "IA-11"
	case d.Explicit && d.Layer == fact.LayerIdentity && (r.way == wayProxy || r.way == wayCentral):
		return "IA-12"
	case d.Explicit:
		return "IA-19"
	case d.Layer == fact.LayerIdentity && v.foreignARN(d.Resource):
		return "IA-17"
	case r.service == "ssmmessages":
		return "IA-03"
	}
	return "IA-02"
}

// otherRole: the agent was refused as a role that the profile no longer has,
// and that is not one of other credentials that it uses.
func (v *View) otherRole(r refusal) bool {
	now := v.Set.IMDS.Role
	named := roleOf(r.denial.Principal)
	managed := r.asManaged() || v.Set.Agent.Identity.Source == "SSM" ||
		slices.ContainsFunc(v.Set.Signed.Credentials, func(c fact.Credential) bool { return c.Selected && c.Source == fact.FromShared })
	return now.State == fact.RolePresent && now.Name != "" && named != "" && named != now.Name && !managed
}

// asManaged tells whether the call was made on the way to the credentials of
// Default Host Management.
func (r refusal) asManaged() bool {
	return r.operation == "RequestManagedInstanceRoleToken" || r.operation == "RegisterManagedInstance"
}

// foreignARN tells whether an ARN is of another partition than ours.
func (v *View) foreignARN(arn string) bool {
	rest, ok := strings.CutPrefix(arn, "arn:")
	p, _, more := strings.Cut(rest, ":")
	return ok && more && p != "" && p != v.partition()
}

// partition is ours, for ARNs.
func (v *View) partition() string {
	return cmp.Or(policySafe(v.Set.Place.Partition, ""), policySafe(v.Set.IMDS.Partition, ""), "aws")
}

// connected tells whether the agent is connected to Systems Manager now: by
// its sockets, else by what its log told last.
func (v *View) connected() (up, known bool) {
	if v.link.known {
		return v.link.up, true
	}
	if a := &v.Set.Agent; a.ProcsRun.Status == fact.OK && !v.hasWorker() {
		return false, true // only the worker connects
	}
	opened := v.logged(fact.LogConnected).Last
	lost := v.lostSince(opened)
	return !lost && !opened.IsZero(), lost || !opened.IsZero()
}

func (r refusal) addr() string {
	if !r.to.IsValid() {
		return ""
	}
	return r.to.String()
}
