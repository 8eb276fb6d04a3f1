package scenario

import (
	"net/netip"
	"time"

	"vpcdoctor/cmd/vpclab/world"
)

func routeFaults() []Scenario {
	return []Scenario{{
		Name: "s3-route-missing", Kind: Fault, Want: broken("GW-01").with("GW-02"), Args: []string{"--profile", "ssm"},
		Story:  "the S3 gateway endpoint is not associated with our subnet's route table",
		Change: func(w *world.World, _ *Seed) { dropGatewayRoute(w) },
	}, {
		Name: "s3-egress-missing", Kind: Fault, Want: broken("GW-01", "GW-02").with("GW-02"), Args: []string{"--profile", "ssm"},
		Story:  "the security group's egress lacks the S3 prefix list",
		Change: func(w *world.World, _ *Seed) { strictEgress(w, false) },
	}, {
		Name: "s3-route-optional", Kind: Healthy, Want: noFault, NearOf: "s3-route-missing",
		Story:  "no way to S3, and the default profile does not need it",
		Change: func(w *world.World, _ *Seed) { dropGatewayRoute(w) },
	}, {
		Name: "s3-nacl-ranges", Kind: Fault, Want: broken("GW-03", "GW-01").with("GW-03"), Args: []string{"--profile", "ssm", "--service", "sts"},
		Story: "the NACL admits public addresses except those of S3; other services go by NAT",
		Change: func(w *world.World, s *Seed) {
			addNAT(w)
			out := allowAll()
			for i, p := range w.ServicePrefixes("s3") {
				out = append(out, world.Entry{Number: 10 + i, Proto: "tcp", From: 443, To: 443, CIDR: p})
			}
			ownNACL(w, s, 0, allowAll(), out)
		},
	}, {
		Name: "hub-no-route", Kind: Fault, Want: broken("RT-04"), NearOf: "hub-endpoints",
		Story: "central endpoints; our route table has no transit gateway route",
		Change: func(w *world.World, s *Seed) {
			moveToHub(w, s)
			t := w.VPC.Table(privateTable)
			t.Routes = t.Routes[:len(t.Routes)-1]
		},
	}, {
		Name: "hub-no-return", Kind: Fault, Want: broken("RT-04", "RT-05").with("RT-05"), NearOf: "hub-no-route",
		Story: "central endpoints; the hub has no route back to us",
		Change: func(w *world.World, s *Seed) {
			moveToHub(w, s).RouteTables[0].Routes = nil
		},
	}, {
		Name: "hub-one-az", Kind: Fault, Want: broken("RT-08", "RT-05", "SG-08", "EP-16"),
		Story: "central endpoints; one subnet of the hub has no route back to us",
		Change: func(w *world.World, s *Seed) {
			hub := moveToHub(w, s)
			hub.RouteTables = append(hub.RouteTables, world.RouteTable{ID: "rtb-empty"})
			hub.Subnets[1].RouteTable = "rtb-empty"
		},
	}, {
		Name: "nat-failed", Kind: Fault, Want: broken("DN-02", "RT-09").with("RT-01"), NearOf: "nat-only",
		Story:  "no endpoints, and the NAT gateway has failed",
		Change: func(w *world.World, _ *Seed) { dropEndpoints(w); addNAT(w).Failed = true },
	}, {
		Name: "nat-private", Kind: Fault, Want: broken("DN-02", "RT-09").with("RT-01"), NearOf: "nat-only",
		Story:  "no endpoints, and the NAT gateway sits in a subnet without an Internet gateway",
		Change: func(w *world.World, _ *Seed) { dropEndpoints(w); addNAT(w).Subnet = w.VPC.Subnets[1].ID },
	}, {
		Name: "route-blackhole", Kind: Fault, Want: broken("DN-02", "RT-01"), NearOf: "nat-only",
		Story: "no endpoints, and the default route's NAT was deleted",
		Change: func(w *world.World, _ *Seed) {
			dropEndpoints(w)
			addRoute(w, world.Route{Dst: anywhere, Target: "nat-gone", Blackhole: true})
		},
	}, {
		Name: "igw-no-public-ip", Kind: Fault, Want: broken("DN-02", "RT-14").with("RT-14"),
		Story:  "no endpoints; a public subnet, but the instance has no public address",
		Change: func(w *world.World, s *Seed) { publicSubnet(w, s, false) },
	}, {
		Name: "specific-route", Kind: Fault, Want: broken("SG-06", "SG-08", "RT-03").with("RT-03"),
		Story: "a route more specific than local leads the other subnet's traffic into a dead firewall",
		Change: func(w *world.World, _ *Seed) {
			addRoute(w, world.Route{Dst: w.VPC.Subnets[1].CIDR, Target: "eni-gone", Blackhole: true})
		},
	}, {
		Name: "public-all-reset", Kind: Fault, Want: broken("EP-16", "FW-01", "FW-02"),
		Story: "no endpoints; the company's firewall answers every connect with a reset",
		Change: func(w *world.World, _ *Seed) {
			dropEndpoints(w)
			addNAT(w)
			w.Middleboxes = []world.Middlebox{{Name: "firewall", AlwaysRST: true, Latency: 4 * time.Millisecond, On: world.Match{Public: true}}}
		},
	}, {
		Name: "packet-loss", Kind: Healthy, Want: Want{Status: "healthy"},
		Story: "two packets in a hundred are lost on every path",
		Change: func(w *world.World, _ *Seed) {
			w.Middleboxes = []world.Middlebox{{Name: "lossy link", Loss: 0.02, On: world.Match{Prefixes: []netip.Prefix{w.VPC.CIDRs[0]}}}}
		},
	}}
}
