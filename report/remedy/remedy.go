package remedy

import (
	"vpcdoctor/probe/fact"
	"vpcdoctor/report/diagnose"
)

// Formats of a template's body.
const (
	CloudFormation = "cloudformation" // YAML
	CLI            = "aws-cli"        // POSIX shell
	Policy         = "policy"         // one statement of an IAM or endpoint policy, JSON
	SQL            = "sql"            // a question to CloudTrail
)

// Template is one text that would repair what the verdict names. It is only
// ever printed.
type Template struct {
	Title  string   // "CloudFormation: endpoints for ssmmessages"
	Format string   // CloudFormation | CLI | Policy | SQL
	File   string   // name to save it under
	Body   string   // lines of at most 80 columns (but for an ARN that is longer), ASCII, newline at the end
	Notes  []string // who else is affected, what to decide before use
}

// For returns the templates for a verdict: endpoints that are missing, and
// statements that policies lack.
func For(s *fact.Set, v diagnose.Verdict) []Template {
	if s == nil || v.Status == diagnose.Healthy {
		return nil
	}
	return append(endpoints(s, v), statements(v)...)
}

// endpoints has nothing when no endpoint is missing, and when the names of
// sibling services resolve to addresses outside the VPC. Then endpoints are
// kept centrally, and the fix is the hub's zone, profile or resolver rule; an
// endpoint here would split the set-up.
func endpoints(s *fact.Set, v diagnose.Verdict) []Template {
	p := planFor(s, v)
	if len(p.services) == 0 && len(p.gateways) == 0 {
		return nil
	}
	notes := p.notes()
	return []Template{
		{
			Title:  "CloudFormation: " + p.title(),
			Format: CloudFormation,
			File:   "vpcdoctor-endpoints.yaml",
			Body:   p.cloudFormation(),
			Notes:  notes,
		},
		{
			Title:  "The same with the AWS CLI",
			Format: CLI,
			File:   "vpcdoctor-endpoints.sh",
			Body:   p.cli(),
		},
	}
}
