package denial

import (
	"strings"
	"testing"

	"vpcdoctor/probe/fact"
)

func TestParse(t *testing.T) {
	const (
		who = "arn:aws:sts::123456789012:assumed-role/Web/i-0123456789abcdef0"
		on  = "arn:aws:ssm:eu-west-1:123456789012:*"
		act = "ssm:UpdateInstanceInformation"
	)
	sentence := "User: " + who + " is not authorized to perform: " + act + " on resource: " + on
	full := fact.Denial{Action: act, Resource: on, Principal: who}
	with := func(l fact.PolicyLayer, explicit bool) fact.Denial {
		d := full
		d.Layer, d.Explicit = l, explicit
		return d
	}
	for _, c := range []struct {
		name, message string
		want          fact.Denial
	}{
		{"identity", sentence + " because no identity-based policy allows the " + act + " action", with(fact.LayerIdentity, false)},
		{"endpoint", sentence + " because no VPC endpoint policy allows the " + act + " action", with(fact.LayerEndpoint, false)},
		{"SCP", sentence + " because no service control policy allows the " + act + " action", with(fact.LayerSCP, false)},
		{"RCP", sentence + " because no resource control policy allows the " + act + " action", with(fact.LayerRCP, false)},
		{"boundary", sentence + " because no permissions boundary allows the " + act + " action", with(fact.LayerBoundary, false)},
		{"session", sentence + " because no session policy allows the " + act + " action", with(fact.LayerSession, false)},
		{"resource", sentence + " because no resource-based policy allows the " + act + " action", with(fact.LayerResource, false)},
		{"explicit identity", sentence + " with an explicit deny in an identity-based policy", with(fact.LayerIdentity, true)},
		{"explicit endpoint", sentence + " with an explicit deny in a VPC endpoint policy", with(fact.LayerEndpoint, true)},
		{"explicit SCP", sentence + " with an explicit deny in a service control policy", with(fact.LayerSCP, true)},
		{"explicit RCP", sentence + " with an explicit deny in a resource control policy", with(fact.LayerRCP, true)},
		{"explicit boundary", sentence + " with an explicit deny in a permissions boundary", with(fact.LayerBoundary, true)},
		{"explicit session", sentence + " with an explicit deny in a session policy", with(fact.LayerSession, true)},
		{"explicit resource", sentence + " with an explicit deny in a resource-based policy", with(fact.LayerResource, true)},
		{"the policy's ARN behind it", sentence + " with an explicit deny in a service control policy: arn:aws:organizations::1:policy/o-1/x", with(fact.LayerSCP, true)},
		{"capital SCP", sentence + " due to an explicit deny in a Service Control Policy", with(fact.LayerSCP, true)},
		{"no layer", sentence, full},
		{"explicit, no layer", sentence + " with an explicit deny", with(fact.LayerUnknown, true)},
		{"an unknown layer", sentence + " because no lunar policy allows it", full},
		{"XML around it", "<AccessDeniedException><Message>" + sentence + "</Message></AccessDeniedException>", full},
		{"code before it", "AccessDeniedException: " + sentence + " because no session policy allows it\n\tstatus code: 400, request id: x", with(fact.LayerSession, false)},
		{"an upper-case request", strings.ToUpper(sentence), fact.Denial{}},
		{"quoted resource", "User: " + who + " is not authorized to perform: s3:GetObject on resource: \"arn:aws:s3:::b/k\" because no identity-based policy allows the s3:GetObject action",
			fact.Denial{Layer: fact.LayerIdentity, Action: "s3:GetObject", Resource: "arn:aws:s3:::b/k", Principal: who}},
		{"no resource", "User: " + who + " is not authorized to perform: ecr:GetAuthorizationToken because no identity-based policy allows it",
			fact.Denial{Layer: fact.LayerIdentity, Action: "ecr:GetAuthorizationToken", Principal: who}},
		{"another account's key", "User: " + who + " is not authorized to perform: kms:DescribeKey on this resource because the resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access",
			fact.Denial{Action: "kms:DescribeKey", Principal: who}},
		{"any resource", "User: " + who + " is not authorized to perform: ecr:GetAuthorizationToken on resource: * because no VPC endpoint policy allows it",
			fact.Denial{Layer: fact.LayerEndpoint, Action: "ecr:GetAuthorizationToken", Resource: "*", Principal: who}},
		{"no user", "User: anonymous is not authorized to perform: " + act + " on resource: nowhere", fact.Denial{Action: act}},
		{"China", "User: arn:aws-cn:sts::1:assumed-role/W/i-1 is not authorized to perform: kms:Decrypt on resource: arn:aws-cn:kms:cn-north-1:1:key/a because no resource-based policy allows the kms:Decrypt action",
			fact.Denial{Layer: fact.LayerResource, Action: "kms:Decrypt", Resource: "arn:aws-cn:kms:cn-north-1:1:key/a", Principal: "arn:aws-cn:sts::1:assumed-role/W/i-1"}},
		{"only the reason", "Access denied with an explicit deny in a VPC endpoint policy", fact.Denial{Layer: fact.LayerEndpoint, Explicit: true}},
		{"nothing", "Access Denied", fact.Denial{}},
		{"empty", "", fact.Denial{}},
		{"no action", "You are not authorized to perform this operation.", fact.Denial{}},
		{"a hostile action", "User: " + who + " is not authorized to perform: ssm:\x1b[2J on resource: x", fact.Denial{}},
	} {
		got := Parse(c.message)
		if got == nil {
			got = &fact.Denial{}
		}
		if *got != c.want {
			t.Errorf("%s:\n got %+v\nwant %+v", c.name, *got, c.want)
		}
	}
	if Parse("Access Denied") != nil {
		t.Error("a message that tells nothing is a denial")
	}
	if d := Parse(sentence + strings.Repeat("x", 1<<20)); d == nil || len(d.Resource) > arnLimit {
		t.Errorf("an endless message: %+v", d)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("User: arn:aws:iam::1:user/x is not authorized to perform: s3:GetObject on resource: arn:aws:s3:::b/k because no session policy allows it")
	f.Add("\x1b]0;x\a explicit deny in a VPC endpoint policy")
	f.Fuzz(func(t *testing.T, m string) {
		d := Parse(m)
		if d == nil {
			return
		}
		for _, s := range []string{d.Action, d.Resource, d.Principal} {
			if len(s) > arnLimit || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) {
				t.Errorf("%q", s)
			}
		}
	})
}
