package scenario

import (
	"net/netip"

	"vpcdoctor/cmd/vpclab/world"
)

// Stage is one step of the experiment that an AWS China blog article walks
// through: an instance loses its way to the Internet and gets Session Manager
// back by interface endpoints ("VPC to managed services", part two).
type Stage struct {
	Name  string
	Story string
	World *world.World
	Want  Want
}

// endpointServices are the article's three.
var endpointServices = []string{"ssm", "ssmmessages", "ec2messages"}

// Article rebuilds the experiment with the article's own names and addresses:
// cn-northwest-1, VPC 10.192.0.0/16, subnet 10.192.10.0/24, the security
// groups ec2-ssm-sg and endpoint-sg, a role with
// AmazonSSMManagedEC2InstanceDefaultPolicy.
func Article() []Stage {
	return []Stage{
		{
			Name:  "a",
			Story: "TEST-EC2 in the public subnet: the route table has an Internet route, the instance a public address.",
			World: articleWorld(nil, true),
			Want:  Want{Status: "healthy", Codes: []string{"EP-14"}},
		},
		{
			Name:  "b",
			Story: "The Internet route is removed and ec2-ssm-sg is attached. There is no endpoint yet.",
			World: articleWorld(nil, false),
			Want:  Want{Status: "broken", Codes: []string{"DN-02"}, Exit: 1},
		},
		{
			Name:  "c",
			Story: "An endpoint for ssm is made, and only that one.",
			World: articleWorld(endpointServices[:1], false),
			Want:  Want{Status: "broken", Codes: []string{"EP-01"}, Exit: 1},
		},
		{
			Name:  "d",
			Story: "The endpoints for ssmmessages and ec2messages are there too.",
			World: articleWorld(endpointServices, false),
			Want:  Want{Status: "healthy"},
		},
	}
}

// articleWorld is the article's VPC with endpoints for some services. In the
// public stage the instance still has a group that lets everything out: the
// article attaches ec2-ssm-sg as it starts the experiment.
func articleWorld(services []string, public bool) *world.World {
	s := NewSeed("article", 1)
	s.Region = "cn-northwest-1"
	w := &world.World{Region: s.Region, Account: "123456789012"}
	place(w)
	w.AZs = []world.AZ{{Name: "cn-northwest-1a", ID: "cnnw1-az1"}}
	all := netip.MustParsePrefix("0.0.0.0/0")
	subnet := netip.MustParsePrefix("10.192.10.0/24")
	v := &w.VPC
	*v = world.VPC{
		ID: "vpc-0a1b2c3d4e5f60192", CIDRs: []netip.Prefix{netip.MustParsePrefix("10.192.0.0/16")},
		DNSSupport: true, DNSHostnames: true,
		Subnets: []world.Subnet{{
			ID: "subnet-0a1b2c3d4e5f61010", CIDR: subnet, AZ: "cn-northwest-1a", RouteTable: "rtb-test-public-routes", NACL: "acl-default",
		}},
		RouteTables: []world.RouteTable{{ID: "rtb-test-public-routes"}},
		NACLs: []world.NACL{{
			ID:      "acl-default",
			Ingress: []world.Entry{{Number: 100, Allow: true, Proto: "-1", CIDR: all}},
			Egress:  []world.Entry{{Number: 100, Allow: true, Proto: "-1", CIDR: all}},
		}},
		SecurityGroups: []world.SecurityGroup{
			{ID: "sg-0ec2000000000055a", Name: "ec2-ssm-sg", Egress: []world.Rule{{Proto: "tcp", From: 443, To: 443, Group: "sg-0e0d000000000443a"}}},
			{ID: "sg-0e0d000000000443a", Name: "endpoint-sg", Ingress: []world.Rule{{Proto: "tcp", From: 443, To: 443, Group: "sg-0ec2000000000055a"}}},
			{ID: "sg-0defa000000000001", Name: "default", Egress: []world.Rule{{Proto: "-1", CIDR: all}}},
		},
	}
	w.Instance = world.Instance{
		ID: "i-0123456789abcdef0", Subnet: v.Subnets[0].ID, Addr: netip.MustParseAddr("10.192.10.20"), MAC: "06:0a:c0:0a:00:14",
		ENI: "eni-0a1b2c3d4e5f60020", Groups: []string{v.SecurityGroups[0].ID}, Profile: "ec2-instance-profile-TEST", Role: "SSMECRole",
	}
	if public {
		w.Instance.PublicIP = w.ServicePrefixes("ec2")[0].Addr().Next()
		w.Instance.Groups = []string{v.SecurityGroups[2].ID}
		v.RouteTables[0].Routes = []world.Route{{Dst: all, Target: "igw-test"}}
	}
	used := map[netip.Addr]bool{w.Instance.Addr: true}
	for _, service := range services {
		v.Endpoints = append(v.Endpoints, world.Endpoint{
			ID: s.ID("vpce"), Service: service, PrivateDNS: true, Hosts: []string{Host(w, service)},
			Groups:     []string{v.SecurityGroups[1].ID},
			Interfaces: []world.EndpointENI{{Subnet: v.Subnets[0].ID, Addr: s.Addr(subnet, used)}},
		})
	}
	baseHost(w)
	return w
}
