package probetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Policy is a policy document, as far as the fake understands it: Effect,
// Action, NotAction, Resource, NotResource, Principal, Condition. What it does
// not understand is an error when the document is read, never a silent allow.
//
// Source: IAM User Guide, "IAM JSON policy elements" and "Policy evaluation
// logic", read 2026-11.
type Policy struct{ statements []statement }

type statement struct {
	Effect      string
	Action      oneOrMany
	NotAction   oneOrMany
	Resource    oneOrMany
	NotResource oneOrMany
	Principal   *principals
	Condition   map[string]map[string]oneOrMany
}

// oneOrMany is a string or a list of strings.
type oneOrMany []string

// UnmarshalJSON takes both forms.
func (o *oneOrMany) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*o = oneOrMany{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(o))
}

// principals are who a statement is about; all is Principal "*".
type principals struct {
	all bool
	aws oneOrMany
}

// UnmarshalJSON takes "*" and {"AWS": …, "Service": …}.
func (p *principals) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		p.all = one == "*"
		return nil
	}
	var byKind map[string]oneOrMany
	if err := json.Unmarshal(b, &byKind); err != nil {
		return err
	}
	p.aws = byKind["AWS"]
	p.all = slices.Contains(p.aws, "*")
	return nil
}

// AllowAll is the policy that AWS gives endpoints and accounts by default.
var AllowAll = MustPolicy(`{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}`)

var errPolicy = errors.New("not a policy document")

// ParsePolicy reads a policy document.
func ParsePolicy(text string) (*Policy, error) {
	var doc struct {
		Version   string
		ID        string `json:"Id"`
		Statement json.RawMessage
	}
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		return nil, fmt.Errorf("reading a policy: %w", err)
	}
	p := &Policy{}
	if err := json.Unmarshal(doc.Statement, &p.statements); err != nil {
		p.statements = make([]statement, 1)
		if err := json.Unmarshal(doc.Statement, &p.statements[0]); err != nil {
			return nil, fmt.Errorf("reading a policy's statements: %w", err)
		}
	}
	for i, s := range p.statements {
		if err := s.check(); err != nil {
			return nil, fmt.Errorf("statement %d: %w", i+1, err)
		}
	}
	return p, nil
}

// MustPolicy is ParsePolicy for documents in code.
func MustPolicy(text string) *Policy {
	p, err := ParsePolicy(text)
	if err != nil {
		panic(err)
	}
	return p
}

func (s statement) check() error {
	if s.Effect != "Allow" && s.Effect != "Deny" {
		return fmt.Errorf("%w: Effect %q", errPolicy, s.Effect)
	}
	if len(s.Action) == 0 && len(s.NotAction) == 0 {
		return fmt.Errorf("%w: no Action", errPolicy)
	}
	for op, keys := range s.Condition {
		if _, ok := operators[strings.TrimSuffix(op, "IfExists")]; !ok {
			return fmt.Errorf("%w: the condition operator %q is not known here", errPolicy, op)
		}
		for k := range keys {
			if !slices.Contains(conditionKeys, strings.ToLower(k)) {
				return fmt.Errorf("%w: the condition key %q is not known here", errPolicy, k)
			}
		}
	}
	return nil
}

// conditionKeys are the keys that a request has or can lack, lower case.
var conditionKeys = []string{
	"aws:sourcevpce", "aws:sourcevpc", "aws:sourceip", "aws:principalarn", "aws:principalaccount", "aws:principalorgid",
	"aws:resourceaccount", "aws:requestedregion", "aws:ec2instancesourcevpc", "aws:ec2instancesourceprivateipv4",
	"ssm:sourceinstancearn", "ec2:sourceinstancearn", "cloudwatch:namespace",
}

// operator is a condition operator. A negated one holds when the key is
// missing.
type operator struct {
	match   func(pattern, value string) bool
	negated bool
}

var operators = map[string]operator{
	"StringEquals":              {match: func(p, v string) bool { return p == v }},
	"StringNotEquals":           {match: func(p, v string) bool { return p == v }, negated: true},
	"StringEqualsIgnoreCase":    {match: strings.EqualFold},
	"StringNotEqualsIgnoreCase": {match: strings.EqualFold, negated: true},
	"StringLike":                {match: wildcardMatch},
	"StringNotLike":             {match: wildcardMatch, negated: true},
	"ArnEquals":                 {match: arnMatch},
	"ArnLike":                   {match: arnMatch},
	"ArnNotEquals":              {match: arnMatch, negated: true},
	"ArnNotLike":                {match: arnMatch, negated: true},
	"Null":                      {}, // looks at the key, not at its value
}

// request is what policies are asked about.
type request struct {
	action   string // "ssm:GetDocument"
	resource string // ARN
	context  map[string]string
}

// grant is what one policy says about a request.
type grant int

const (
	grantNone    grant = iota
	grantAccount       // allowed to the account, which leaves it to identity-based policies
	grantAllow
	grantDeny
)

// decide is the answer of a set of policies to a request: a deny wins.
func decide(policies []*Policy, q request) grant {
	out := grantNone
	for _, p := range policies {
		for _, s := range p.statements {
			who := s.concerns(q)
			switch {
			case who == grantNone || !s.covers(q):
			case s.Effect == "Deny":
				return grantDeny
			default:
				out = max(out, who)
			}
		}
	}
	return out
}

// concerns tells whether the statement is about the caller: grantAllow when it
// is meant itself (or by "*"), grantAccount when its account is.
func (s statement) concerns(q request) grant {
	if s.Principal == nil || s.Principal.all {
		return grantAllow
	}
	arn, account := q.context["aws:principalarn"], q.context["aws:principalaccount"]
	out := grantNone
	for _, p := range s.Principal.aws {
		switch {
		case p == arn || p == q.context["session"]:
			return grantAllow
		case p == account, strings.HasSuffix(p, "::"+account+":root"):
			out = grantAccount
		}
	}
	return out
}

func (s statement) covers(q request) bool {
	action := func(pattern string) bool {
		return wildcardMatch(strings.ToLower(pattern), strings.ToLower(q.action))
	}
	resource := func(pattern string) bool { return wildcardMatch(pattern, q.resource) }
	switch {
	case len(s.Action) > 0 && !slices.ContainsFunc(s.Action, action),
		slices.ContainsFunc(s.NotAction, action),
		len(s.Resource) > 0 && !slices.ContainsFunc(s.Resource, resource),
		slices.ContainsFunc(s.NotResource, resource):
		return false
	}
	for op, keys := range s.Condition {
		for key, patterns := range keys {
			if !holds(op, strings.ToLower(key), patterns, q.context) {
				return false
			}
		}
	}
	return true
}

// holds evaluates one condition.
func holds(op, key string, patterns []string, context map[string]string) bool {
	value, there := context[key]
	name, ifExists := strings.CutSuffix(op, "IfExists")
	o := operators[name]
	switch {
	case name == "Null":
		return slices.Contains(patterns, fmt.Sprint(!there))
	case !there:
		return o.negated || ifExists
	}
	matched := slices.ContainsFunc(patterns, func(p string) bool { return o.match(p, value) })
	return matched != o.negated
}

// arnMatch compares ARNs part by part; "*" does not cross a colon.
func arnMatch(pattern, value string) bool {
	p, v := strings.SplitN(pattern, ":", 6), strings.SplitN(value, ":", 6)
	if len(p) != 6 || len(v) != 6 {
		return pattern == "*"
	}
	for i := range p {
		if !wildcardMatch(p[i], v[i]) {
			return false
		}
	}
	return true
}

// wildcardMatch matches a pattern with * and ? against the whole of a text, in
// time that grows with their product at most.
func wildcardMatch(pattern, text string) bool {
	p, t, star, mark := 0, 0, -1, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p++
			t++
		case star >= 0:
			mark++
			p, t = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
