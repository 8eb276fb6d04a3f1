package remedy

import (
	"cmp"
	"strings"

	"vpcdoctor/probe/fact"
	"vpcdoctor/report/diagnose"
)

// Formats of a template's body.
const (
	CloudFormation = "cloudformation" // YAML
	Terraform      = "terraform"      // HCL
	CLI            = "aws-cli"        // POSIX shell, for an operator's machine
	Shell          = "shell"          // POSIX shell, for the instance
	Policy         = "policy"         // one statement of an IAM or endpoint policy, JSON
	SQL            = "sql"            // a question to CloudTrail
)

// Template is one text that would repair what the verdict names. It is only
// ever printed.
type Template struct {
	Title  string   // "CloudFormation: endpoints for ssmmessages"
	Format string   // CloudFormation | Terraform | CLI | Shell | Policy | SQL
	File   string   // name to save it under
	Body   string   // lines of at most 80 columns (but for an ARN or a value that is longer), ASCII, newline at the end
	Notes  []string // who else is affected, what to decide before use
}

// For returns the templates that a report shows by itself: endpoints that are
// missing, and statements that policies lack. Everything else is on the cards.
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
	if p.empty() {
		return nil
	}
	x := about(s, &v, &diagnose.Finding{})
	c := Card{draft: x.draft}
	c.missing(x, p)
	return []Template{
		{
			Title:  "CloudFormation: " + p.title(),
			Format: CloudFormation,
			File:   "vpcdoctor-endpoints.yaml",
			Body:   c.body(CloudFormation),
			Notes:  p.notes(),
		},
		{
			Title:  "The same with the AWS CLI",
			Format: CLI,
			File:   "vpcdoctor-endpoints.sh",
			Body:   c.body(CLI),
		},
	}
}

// Document puts the repairs of all cards into one document of a format
// (CloudFormation, Terraform or CLI). Comments at its head name the causes
// that it leaves out, and why. It is empty when it would repair nothing.
func Document(cards []Card, format string) string {
	all := draft{values: map[string]string{}, ask: map[string]bool{}, partition: "aws"}
	var body, left []string
	seen := map[string]bool{}
	covered := 0
	for i := range cards {
		c := &cards[i]
		all.partition = c.draft.partition
		if !c.serves(format) {
			why := cmp.Or(c.Without, c.note)
			left = append(left, "Not in here: "+string(c.Code)+", "+c.Title+". "+why)
			if format == CLI {
				for _, p := range c.Parts {
					if p.Format == Shell {
						left = append(left, "On the instance, see: vpcdoctor fix FILE --code "+string(c.Code))
					}
				}
			}
			continue
		}
		covered++
		all.comments = append(all.comments, string(c.Code)+": "+c.Title+". Do it "+c.Who+". "+c.Effect)
		all.merge(c)
		body = append(body, c.section(seen))
	}
	if covered == 0 {
		return ""
	}
	all.comments = append(all.comments, left...)
	if format != CLI {
		return (&Card{draft: all}).body(format)
	}
	y := &lines{}
	y.line(0, "#!/bin/sh")
	for _, c := range all.comments {
		y.comment(c)
	}
	y.line(0, "set -eu")
	return y.b.String() + strings.Join(body, "")
}

// section is a card's part of the CLI document, without stanzas that stand
// there already with the same values: a group is made once.
func (c *Card) section(seen map[string]bool) string {
	var mine []string
	for _, st := range c.stanzas {
		key := c.draft.shell([]string{st})
		if seen[key] && (strings.Contains(st, "create-") || strings.Contains(st, "authorize-")) {
			continue
		}
		seen[key] = true
		mine = append(mine, st)
	}
	return "\n# " + string(c.Code) + "\n" + c.draft.shell(mine)
}
