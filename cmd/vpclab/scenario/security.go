package scenario

import "vpcdoctor/cmd/vpclab/world"

func securityFaults() []Scenario {
	return []Scenario{{
		Name: "endpoint-sg-one", Kind: Fault, Want: broken("SG-02"),
		Story: "the security group of one required endpoint does not admit the instance",
		Change: func(w *world.World, s *Seed) {
			w.VPC.Endpoint(Pick(s, required)).Groups = []string{defaultGroup(w, s)}
		},
	}, {
		Name: "endpoint-sg-optional", Kind: Healthy, Want: noFault, NearOf: "endpoint-sg-one",
		Story: "the same at an endpoint that nothing here requires",
		Change: func(w *world.World, s *Seed) {
			w.VPC.Endpoint("kms").Groups = []string{defaultGroup(w, s)}
		},
	}, {
		Name: "endpoint-sg-all", Kind: Fault, Want: broken("SG-02").with("SG-03", "SG-01"),
		Story: "all endpoints were made with the VPC's default security group",
		Change: func(w *world.World, s *Seed) {
			id := defaultGroup(w, s)
			eachEndpoint(w, func(e *world.Endpoint) { e.Groups = []string{id} })
		},
	}, {
		Name: "egress-closed", Kind: Fault, Want: broken("SG-01"),
		Story: "the instance's security group lets only 80 out",
		Change: func(w *world.World, _ *Seed) {
			instanceGroup(w).Egress = []world.Rule{{Proto: "tcp", From: 80, To: 80, CIDR: anywhere}}
		},
	}, {
		Name: "nacl-out", Kind: Fault, Want: broken("SG-06"),
		Story: "the NACL of our subnet denies 443 out; the endpoint interface in our own subnet works",
		Change: func(w *world.World, s *Seed) {
			ownNACL(w, s, 0, allowAll(), append([]world.Entry{deny(90, 443, 443)}, allowAll()...))
		},
	}, {
		Name: "nacl-ephemeral", Kind: Fault, Want: broken("SG-06"), NearOf: "nacl-out",
		Story: "the NACL of our subnet admits 443 and forgets the answers' ports",
		Change: func(w *world.World, s *Seed) {
			ownNACL(w, s, 0, []world.Entry{{Number: 100, Allow: true, Proto: "tcp", From: 443, To: 443, CIDR: anywhere}}, allowAll())
		},
	}, {
		Name: "nacl-other-az", Kind: Fault, Want: broken("SG-08", "SG-06").with("SG-08"),
		Story: "the NACL of the endpoints' subnet in the other AZ denies 443",
		Change: func(w *world.World, s *Seed) {
			ownNACL(w, s, 1, append([]world.Entry{deny(90, 443, 443)}, allowAll()...), allowAll())
		},
	}, {
		Name: "nacl-third-subnet", Kind: Fault, Want: broken("SG-08"), NearOf: "nacl-other-az",
		Story: "endpoints in two subnets, neither ours; the NACL of one of them denies 443",
		Change: func(w *world.World, s *Seed) {
			w.Instance.Subnet = w.VPC.Subnets[2].ID
			w.VPC.Subnets[2].RouteTable = privateTable
			w.Instance.Addr = s.Addr(w.VPC.Subnets[2].CIDR, taken(w))
			ownNACL(w, s, 1, append([]world.Entry{deny(90, 443, 443)}, allowAll()...), allowAll())
		},
	}, {
		Name: "second-cidr-not-admitted", Kind: Fault, Want: broken("SG-02").with("SG-03", "SG-05"), NearOf: "secondary-cidr",
		Story: "the endpoints' group admits the VPC's second CIDR only; we are in the first",
		Change: func(w *world.World, s *Seed) {
			secondCIDR(w, s, false)
			endpointGroup(w).Ingress = []world.Rule{{Proto: "tcp", From: 443, To: 443, CIDR: w.VPC.CIDRs[1]}}
		},
	}, {
		Name: "hub-sg-one", Kind: Fault, Want: broken("SG-02").with("SG-05"), NearOf: "hub-endpoints",
		Story: "central endpoints; the group of one does not admit our VPC's CIDR",
		Change: func(w *world.World, s *Seed) {
			hub := moveToHub(w, s)
			id := s.ID("sg")
			hub.SecurityGroups = append(hub.SecurityGroups, world.SecurityGroup{ID: id, Name: "closed"})
			hub.Endpoint(Pick(s, required)).Groups = []string{id}
		},
	}, {
		Name: "asymmetric-az", Kind: Fault, Want: broken("SG-06", "SG-08", "RT-08", "EP-16"),
		Story: "a firewall between the AZs drops every answer from the other AZ",
		Change: func(w *world.World, _ *Seed) {
			w.Middleboxes = []world.Middlebox{{Name: "asymmetric firewall", DropAnswer: true,
				On: world.Match{Prefixes: append(w.VPC.CIDRs[:0:0], w.VPC.Subnets[1].CIDR)}}}
		},
	}}
}
