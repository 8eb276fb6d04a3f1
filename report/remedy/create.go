package remedy

import (
	"cmp"
	"strings"
)

// empty tells that nothing is to be created.
func (p *plan) empty() bool { return len(p.services) == 0 && len(p.gateways) == 0 }

// comments are what stands at the head of the documents.
func (p *plan) comments() []string {
	out := []string{"Run it in the account that owns " + cmp.Or(p.vpc, "the VPC") + "."}
	if len(p.services) == 0 {
		return out
	}
	group := "the security group of the instances"
	if len(p.groups) > 0 {
		group = strings.Join(p.groups, " and ")
	}
	return append(out,
		"Ingress: every address of the VPC, because private DNS sends all of its instances to these endpoints.",
		"Strict variant, a pair of security groups: "+group+" as the source (SourceSecurityGroupId, referenced_security_group_id, --source-group) in place of the blocks. Warning: instances of this VPC without that group then lose these services, also those that reach them through a NAT today.",
		"SubnetIds: this instance's subnet only; add one for each other Availability Zone.")
}

// logicalID is a resource name made of letters and digits: "ecr.api" becomes
// EcrApiEndpoint.
func logicalID(id string) string {
	var b strings.Builder
	up := true
	for _, r := range id {
		alnum := (r >= 'a' && r <= 'z') || (r >= 'A' && r <= 'Z') || (r >= '0' && r <= '9')
		switch {
		case !alnum:
			up = true
		case up:
			b.WriteString(strings.ToUpper(string(r)))
			up = false
		default:
			b.WriteRune(r)
		}
	}
	return b.String() + "Endpoint"
}
