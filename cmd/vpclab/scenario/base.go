package scenario

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"vpcdoctor/cmd/vpclab/world"
)

// Names within the base world, the same under every seed, so that scenarios
// can speak of them. Ids come from the seed.
const (
	privateTable = "rtb-private"
	publicTable  = "rtb-public"
)

// agentVersion is a current release of the SSM Agent's 3.3 line; every rule
// about old versions is far below it.
const agentVersion = "3.3.3050.0"

// Base is the healthy world: a VPC with a private subnet in each of two AZs
// and a public one, interface endpoints for ssm, ssmmessages, ec2messages,
// logs and kms in both private subnets with private DNS, an S3 gateway
// endpoint, no NAT, an instance with a role, and a running agent.
func Base(s *Seed) *world.World {
	w := &world.World{Region: s.Region, Account: s.Digits(12)}
	place(w)
	blocks := []string{
		fmt.Sprintf("10.%d.0.0/16", 1+s.Int(250)), fmt.Sprintf("172.%d.0.0/16", 20+s.Int(11)), "192.168.0.0/16",
	}
	BuildVPC(w, s, netip.MustParsePrefix(Pick(s, blocks)))
	baseHost(w)
	return w
}

// place fills in what follows from the Region.
func place(w *world.World) {
	w.Partition, w.Suffix, w.DualStackSuffix = "aws", "amazonaws.com", "api.aws"
	switch {
	case strings.HasPrefix(w.Region, "cn-"):
		w.Partition, w.Suffix, w.DualStackSuffix = "aws-cn", "amazonaws.com.cn", "api.amazonwebservices.com.cn"
	case strings.HasPrefix(w.Region, "us-gov-"):
		w.Partition = "aws-us-gov"
	}
	w.VPCESuffix = "vpce." + w.Suffix
}

// BuildVPC fills in the VPC with a /16 and what is in it.
func BuildVPC(w *world.World, s *Seed, block netip.Prefix) {
	azs := []string{"a", "b"}
	if s.Int(2) == 1 {
		azs = []string{"c", "a"}
	}
	short := shortRegion(w.Region)
	w.AZs = nil
	for i, l := range azs {
		w.AZs = append(w.AZs, world.AZ{Name: w.Region + l, ID: fmt.Sprintf("%s-az%d", short, 1+(i+s.Int(2)*2))})
	}
	third := s.Int(60) * 4
	v := &w.VPC
	*v = world.VPC{ID: s.ID("vpc"), CIDRs: []netip.Prefix{block}, DNSSupport: true, DNSHostnames: true}
	acl := s.ID("acl")
	for i, table := range []string{privateTable, privateTable, publicTable} {
		v.Subnets = append(v.Subnets, world.Subnet{
			ID: s.ID("subnet"), CIDR: slash24(block, third+i), AZ: w.AZs[i%2].Name, RouteTable: table, NACL: acl,
		})
	}
	all := netip.MustParsePrefix("0.0.0.0/0")
	allow := []world.Entry{{Number: 100, Allow: true, Proto: "-1", CIDR: all}}
	v.NACLs = []world.NACL{{ID: acl, Ingress: allow, Egress: allow}}
	v.RouteTables = []world.RouteTable{{ID: privateTable}, {ID: publicTable, Routes: []world.Route{{Dst: all, Target: "igw-1"}}}}
	instanceSG, endpointSG := s.ID("sg"), s.ID("sg")
	v.SecurityGroups = []world.SecurityGroup{
		{ID: instanceSG, Name: "ec2-ssm-sg", Egress: []world.Rule{{Proto: "-1", CIDR: all}}},
		{ID: endpointSG, Name: "endpoint-sg", Ingress: []world.Rule{{Proto: "tcp", From: 443, To: 443, Group: instanceSG}}},
	}
	w.Instance = world.Instance{
		ID: s.ID("i"), Subnet: v.Subnets[0].ID, MAC: fmt.Sprintf("06:%02x:%02x:%02x:%02x:%02x", s.Int(256), s.Int(256), s.Int(256), s.Int(256), s.Int(256)),
		ENI: s.ID("eni"), Groups: []string{instanceSG}, Profile: "ssm-instance", Role: "ssm-instance",
	}
	taken := map[netip.Addr]bool{}
	w.Instance.Addr = s.Addr(v.Subnets[0].CIDR, taken)
	for _, service := range []string{"ssm", "ssmmessages", "ec2messages", "logs", "kms"} {
		AddEndpoint(w, s, service, taken)
	}
	list := world.PrefixList{ID: s.ID("pl"), Name: "com.amazonaws." + w.Region + ".s3", Prefixes: w.ServicePrefixes("s3")}
	w.PrefixLists = []world.PrefixList{list}
	gateway := world.Endpoint{ID: s.ID("vpce"), Service: "s3", Gateway: true, PrefixList: list.ID}
	v.Endpoints = append(v.Endpoints, gateway)
	v.RouteTables[0].Routes = []world.Route{{PrefixList: list.ID, Target: gateway.ID}}
}

// AddEndpoint adds an interface endpoint with private DNS in both private
// subnets.
func AddEndpoint(w *world.World, s *Seed, service string, taken map[netip.Addr]bool) *world.Endpoint {
	v := &w.VPC
	e := world.Endpoint{ID: s.ID("vpce"), Service: service, PrivateDNS: true, Hosts: []string{Host(w, service)}, Groups: []string{v.SecurityGroups[1].ID}}
	for _, sub := range v.Subnets[:2] {
		e.Interfaces = append(e.Interfaces, world.EndpointENI{Subnet: sub.ID, Addr: s.Addr(sub.CIDR, taken)})
	}
	v.Endpoints = append(v.Endpoints, e)
	return &v.Endpoints[len(v.Endpoints)-1]
}

// Host is the public name of a service in the world's Region.
func Host(w *world.World, service string) string {
	return service + "." + w.Region + "." + w.Suffix
}

func baseHost(w *world.World) {
	w.Host.Agent = world.Agent{
		Installs: []world.Install{{Kind: "rpm", Version: agentVersion}},
		Units: []world.Unit{{Name: world.PackageUnit, Load: "loaded", Active: "active", Sub: "running",
			UnitFile: "enabled", Result: "success"}},
		Running: true, Worker: true, Connected: true,
		Identity: world.Identity{Source: "EC2", Age: 20 * time.Minute},
	}
}

func slash24(block netip.Prefix, third int) netip.Prefix {
	b := block.Addr().As4()
	b[2] = byte(third)
	b[3] = 0
	return netip.PrefixFrom(netip.AddrFrom4(b), 24)
}

// shortRegion is the form of a Region in AZ ids: "use1", "cnnw1", "usgw1".
func shortRegion(region string) string {
	r := strings.NewReplacer("northwest", "nw", "northeast", "ne", "southeast", "se", "north", "n", "west", "w",
		"east", "e", "central", "c", "south", "s", "gov", "g", "-", "")
	return r.Replace(region)
}

// taken lists the addresses that are in use in the VPC.
func taken(w *world.World) map[netip.Addr]bool {
	t := map[netip.Addr]bool{w.Instance.Addr: true}
	for i := range w.VPC.Endpoints {
		for _, a := range w.VPC.Endpoints[i].Addrs() {
			t[a] = true
		}
	}
	for _, m := range w.VPC.Servers {
		t[m.Addr] = true
	}
	return t
}
