package remedy

import (
	"net/netip"
	"slices"
	"strings"

	"vpcdoctor/probe/fact"
	"vpcdoctor/report/diagnose"
)

// missing are the codes that say that an endpoint is not there.
//
// DN-01 (private DNS off) is not among them: the endpoint exists, and a second
// one with private DNS would be refused as a conflict.
var missing = map[diagnose.Code]bool{
	"EP-01": true, // one required endpoint missing, siblings present
	"EP-02": true, // ec2messages missing with an old agent
	"EP-06": true, // endpoint made in another VPC or Region
	"EP-14": true, // public path where a private one is required
	"EP-15": true, // some names private, others public
	"DN-02": true, // no endpoint in this VPC
	"GW-01": true, // gateway endpoint not in this subnet's route table
	"RT-01": true, // nothing public answers and no private endpoint serves
}

// plan is what a template will hold, before it has a form.
type plan struct {
	region, vpc, subnet string // empty: not known
	groups              []string
	cidrs               []netip.Prefix // of the instance's own VPC
	ports               []uint16
	services            []service
	ec2messages         string // service name; empty: left out
	ec2messagesOn       bool
	gateways            []service // S3 and DynamoDB
	absent              []string  // ids without an endpoint service here
	optional            []string  // ids that a profile names as optional
	inferred            []string
}

// service is one interface endpoint to be created.
type service struct {
	id   string // logical name's root, "ssmmessages"
	name string // "com.amazonaws.cn-north-1.ssm"
	host string // the name that private DNS will capture
}

func planFor(s *fact.Set, v diagnose.Verdict) plan {
	p := plan{region: pick(serviceName, s.Place.Region)}
	eni := s.IMDS.Primary()
	p.vpc, p.subnet = pick(vpcID, eni.VPCID), pick(subnetID, eni.SubnetID)
	for _, g := range eni.SecurityGroupIDs {
		if pick(groupID, g) != "" {
			p.groups = append(p.groups, g)
		}
	}
	p.cidrs = vpcBlocks(s, eni.VPCID)

	subjects := missingSubjects(v)
	rows := worstRows(v.Rows)
	if len(subjects) == 0 || centralised(s, v.Rows) {
		return p
	}
	byGateway := map[string]bool{} // groups that a gateway endpoint can serve, which costs nothing
	for _, t := range s.Targets {
		byGateway[t.Group] = byGateway[t.Group] || (t.Group != "" && t.Type == "Gateway")
	}
	for _, t := range s.Targets {
		named := subjects[t.Key()] || subjects[t.Host] || subjects[t.ID]
		if named && (t.Type == "Gateway" || !byGateway[t.Group]) {
			p.add(t, rows[t.Key()])
		}
	}
	p.addEC2Messages(s, rows)
	if len(p.ports) == 0 {
		p.ports = []uint16{443}
	}
	slices.Sort(p.ports)
	p.ports = slices.Compact(p.ports)
	return p
}

// missingSubjects are the subjects of the causes that say that an endpoint is
// missing. Effects and accepted findings need no repair of their own; an info
// line (a working public path) asks for none.
func missingSubjects(v diagnose.Verdict) map[string]bool {
	out := map[string]bool{}
	for _, f := range v.Causes {
		codes := []diagnose.Code{f.Code}
		for _, a := range f.Alternatives {
			codes = append(codes, a.Code)
		}
		if !f.Counts() || !slices.ContainsFunc(codes, func(c diagnose.Code) bool { return missing[c] }) {
			continue
		}
		for _, x := range f.Subjects {
			out[x] = true
		}
	}
	return out
}

// add takes a target into the plan when an endpoint would make it private.
func (p *plan) add(t fact.Target, row diagnose.Row) {
	if t.Origin != "catalogue" || row.Status == diagnose.NotCheckedStatus || pick(serviceName, t.Service) == "" || row.Class == string(fact.OwnVPC) {
		return
	}
	if t.Availability == "absent" {
		p.absent = append(p.absent, t.ID)
		return
	}
	if t.Need == fact.NeedOptional && len(t.Profiles) > 0 && t.ID != "ec2messages" {
		if pick(catalogueID, t.ID) != "" {
			p.optional = append(p.optional, t.ID) // an endpoint costs money by the hour
		}
		return
	}
	if t.Type == "Gateway" {
		if _, last := cutLast(t.Service); row.Status == diagnose.Fail {
			p.gateways = append(p.gateways, service{id: last, name: t.Service, host: t.Host})
		}
		return
	}
	legacy := t.ID == "ec2messages" // has its own parameter
	x := service{id: pick(catalogueID, t.ID), name: t.Service, host: t.Host}
	if x.id == "" {
		_, x.id = cutLast(t.Service)
	}
	known := slices.ContainsFunc(p.services, func(y service) bool {
		return y.name == x.name || logicalID(y.id) == logicalID(x.id)
	})
	if t.Type != "Interface" || t.PrivateDNS == "no" || legacy || known {
		return
	}
	if t.Availability == "inferred" {
		p.inferred = append(p.inferred, t.Service)
	}
	p.services = append(p.services, x)
	for _, port := range t.Ports {
		p.ports = append(p.ports, port.Number)
	}
}

// addEC2Messages offers the third endpoint of the usual trio. Agents from
// 3.3.40.0 do without it and AWS retires it in the commercial Regions; for
// China nothing of that is confirmed, so there it is on.
func (p *plan) addEC2Messages(s *fact.Set, rows map[string]diagnose.Row) {
	for _, x := range p.services {
		base, last := cutLast(x.name)
		if last != "ssm" && last != "ssmmessages" {
			continue
		}
		for _, t := range s.Targets {
			if t.ID == "ec2messages" && (rows[t.Key()].Class == string(fact.OwnVPC) || t.Availability == "absent") {
				return // there already, or not offered
			}
		}
		p.ec2messages = base + ".ec2messages"
		p.ec2messagesOn = s.Place.Partition == "aws-cn"
		return
	}
}

// centralised tells whether a sibling service resolves to a private address
// outside this VPC: the sign of endpoints that another VPC keeps for all.
func centralised(s *fact.Set, rows []diagnose.Row) bool {
	aws := map[string]bool{}
	for _, t := range s.Targets {
		if t.Origin == "catalogue" {
			aws[t.Key()] = true
		}
	}
	return slices.ContainsFunc(rows, func(r diagnose.Row) bool {
		return r.Path != "proxy" && r.Class == string(fact.OtherPrivate) && aws[r.Key]
	})
}

// worstRows is one row per target: the failing path when there are two.
func worstRows(rows []diagnose.Row) map[string]diagnose.Row {
	out := map[string]diagnose.Row{}
	for _, r := range rows {
		if old, ok := out[r.Key]; !ok || old.Status != diagnose.Fail {
			out[r.Key] = r
		}
	}
	return out
}

// vpcBlocks are the blocks of the VPC of the primary interface. Blocks of
// other VPCs that the instance has an interface in do not belong in its rules.
func vpcBlocks(s *fact.Set, vpc string) []netip.Prefix {
	var out []netip.Prefix
	for _, e := range s.IMDS.ENIs {
		if e.VPCID != vpc {
			continue
		}
		for _, c := range slices.Concat(e.VPCCIDRs, e.VPCIPv6CIDRs) {
			if c.IsValid() && !slices.Contains(out, c) {
				out = append(out, c)
			}
		}
	}
	return out
}

// cutLast splits a service name at its last dot.
func cutLast(s string) (base, last string) {
	i := strings.LastIndexByte(s, '.')
	return s[:max(i, 0)], s[i+1:]
}
