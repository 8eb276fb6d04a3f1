package diagnose

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"vpcdoctor/probe/fact"
)

// grant is the smallest statement that lets a refused call pass.
type grant struct {
	actions  []string
	resource string // ARN or "*"
	account  string // of the callers, for a policy that has to name them; empty: the statement names nobody
	names    bool   // the policy has to name its callers: that of an endpoint, a bucket, a key
}

// String is the statement as JSON, one member a line. It holds nothing but
// characters that need no escape there.
func (g grant) String() string {
	var b strings.Builder
	b.WriteString("{\n  \"Effect\": \"Allow\",\n")
	if g.names {
		b.WriteString("  \"Principal\": \"*\",\n")
	}
	b.WriteString("  \"Action\": [")
	for i, a := range g.actions {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "\n    \"%s\"", a)
	}
	apart := " "
	if len(g.resource) > 80-len(`  "Resource": "",`) { // a page has 80 columns
		apart = "\n    "
	}
	fmt.Fprintf(&b, "\n  ],\n  \"Resource\":%s\"%s\"", apart, g.resource)
	if g.names && g.account != "" {
		fmt.Fprintf(&b, ",\n  \"Condition\": {\"StringEquals\": {\n    \"aws:PrincipalAccount\": \"%s\"\n  }}", g.account)
	}
	b.WriteString("\n}")
	return b.String()
}

// policySafe keeps what may stand in a policy unescaped, else gives otherwise.
func policySafe(s, otherwise string) string {
	if s == "" || len(s) > 300 || strings.ContainsFunc(s, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("._:/*@+=,-", r))
	}) {
		return otherwise
	}
	return s
}

// The four actions of the channel; like those of ec2messages they take no
// resource (Service Authorization Reference, "Amazon Message Gateway Service",
// "Amazon Message Delivery Service", read 2026-11).
var channelActions = []string{
	"ssmmessages:CreateControlChannel", "ssmmessages:OpenControlChannel",
	"ssmmessages:CreateDataChannel", "ssmmessages:OpenDataChannel",
}

// grantFor is the statement for a refusal of the agent's permissions. What the
// agent cannot do without is in it, also when only a stand-in was refused.
func (v *View) grantFor(r refusal) grant {
	g := grant{resource: "*", account: policySafe(v.Set.IMDS.AccountID, "")}
	switch r.denial.Layer {
	case fact.LayerEndpoint, fact.LayerRCP, fact.LayerResource:
		g.names = true
	}
	if r.service == "ssmmessages" {
		g.actions = channelActions
		return g
	}
	action := policySafe(r.denial.Action, policySafe(r.service+":"+r.operation, ""))
	switch r.operation {
	case "RequestManagedInstanceRoleToken", "RegisterManagedInstance":
		g.actions = []string{"ssm:RegisterManagedInstance", "ssm:RequestManagedInstanceRoleToken", "ssm:UpdateInstanceInformation"}
		return g
	}
	if r.service == "ssm" && action != "ssm:UpdateInstanceInformation" {
		g.actions = append(g.actions, "ssm:UpdateInstanceInformation")
	}
	if action != "" {
		g.actions = append(g.actions, action)
	}
	if r.service == "ec2messages" {
		return g // takes no resource, though its denials name one
	}
	g.resource = v.nodeARN()
	if arn := policySafe(r.denial.Resource, ""); arn != "" && !v.foreignARN(arn) {
		g.resource = arn
	}
	return g
}

// nodeARN is this node as a resource of Systems Manager's actions, in the form
// of their denials (aws/amazon-ssm-agent issue 374, widdix/aws-cf-templates
// issue 348).
func (v *View) nodeARN() string {
	id, account, region := policySafe(v.Set.IMDS.InstanceID, ""), policySafe(v.Set.IMDS.AccountID, ""), policySafe(v.region(), "")
	if id == "" || account == "" || region == "" {
		return "*"
	}
	return "arn:" + v.partition() + ":ec2:" + region + ":" + account + ":instance/" + id
}

// vpceSources are the services of ours whose refusals by an endpoint policy
// CloudTrail can log (CloudTrail User Guide, "Logging network activity events",
// valid values of eventSource, read 2026-11; ssm is a valid value there, and not
// in each edition of the list in words). ssmmessages, ec2messages and logs are
// in none: no trail knows of their refusals.
var vpceSources = []string{"ssm", "kms", "s3"}

// vpceQuery finds a refusal in CloudTrail's network activity events, for Athena
// and CloudTrail Lake. It is empty for a service that has none.
func vpceQuery(service, id string, at time.Time) string {
	if !slices.Contains(vpceSources, service) {
		return ""
	}
	which := "requestID = '" + policySafe(id, "") + "'"
	if policySafe(id, "") == "" {
		which = "eventSource = '" + service + ".amazonaws.com'"
	}
	return "/* " + day(at) + ". Needs network activity events of " + service + ".amazonaws.com,\n" +
		"   which are off by default. CLOUDTRAIL_TABLE: an Athena table, or the id of an\n" +
		"   event data store. */\n" +
		"SELECT eventTime, vpcEndpointId, eventSource, eventName, errorMessage\nFROM CLOUDTRAIL_TABLE\n" +
		"WHERE eventCategory = 'NetworkActivity'\n  AND errorCode = 'VpceAccessDenied'\n  AND " + which
}
