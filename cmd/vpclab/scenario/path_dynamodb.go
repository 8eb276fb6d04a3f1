package scenario

import "vpcdoctor/cmd/vpclab/world"

// dynamoArgs ask for DynamoDB.
var dynamoArgs = []string{"--service", "dynamodb"}

// waysToDynamoDB are the ways in which an instance gets to DynamoDB. Its
// interface endpoint has no private DNS (Developer Guide, "AWS PrivateLink for
// DynamoDB", read 2026-11); who wants the Region's name to lead there has a
// private zone.
func waysToDynamoDB() []Scenario {
	return []Scenario{{
		Name: "dynamodb-gateway", Kind: Healthy, Want: noFault, Args: dynamoArgs, NearOf: "dynamodb-none",
		Story:  "DynamoDB by its gateway endpoint, and no NAT",
		Change: func(w *world.World, s *Seed) { addTableGateway(w, s) },
	}, {
		Name: "dynamodb-gateway-closed", Kind: Fault, Want: broken("GW-01").with("GW-02"), Args: dynamoArgs, NearOf: "dynamodb-gateway",
		Story: "the same, and egress only to the endpoints' group and the prefix list of S3",
		Change: func(w *world.World, s *Seed) {
			addTableGateway(w, s)
			strictEgress(w, true)
		},
	}, {
		Name: "dynamodb-interface", Kind: Healthy, Want: noFault, Args: dynamoArgs, NearOf: "dynamodb-interface-closed",
		Story:  "DynamoDB by an interface endpoint, to which a private zone leads its name",
		Change: func(w *world.World, s *Seed) { addTableInterface(w, s) },
	}, {
		Name: "dynamodb-interface-closed", Kind: Fault, Want: broken("SG-02"), Args: dynamoArgs, NearOf: "dynamodb-interface",
		Story: "the same, and the endpoint's security group does not admit the instance",
		Change: func(w *world.World, s *Seed) {
			addTableInterface(w, s).Groups = []string{defaultGroup(w, s)}
		},
	}, {
		Name: "dynamodb-nat", Kind: Healthy, Want: noFault, Args: dynamoArgs, NearOf: "dynamodb-none",
		Story:  "DynamoDB by a NAT gateway, no endpoint",
		Change: func(w *world.World, _ *Seed) { addNAT(w) },
	}, {
		Name: "dynamodb-none", Kind: Fault, Want: broken("GW-01"), Args: dynamoArgs, NearOf: "dynamodb-gateway",
		Story: "no way to DynamoDB: the route table has S3's gateway endpoint only",
	}}
}

// addTableGateway adds the gateway endpoint of DynamoDB with its route.
func addTableGateway(w *world.World, s *Seed) {
	list := world.PrefixList{ID: s.ID("pl"), Name: "com.amazonaws." + w.Region + ".dynamodb", Prefixes: w.ServicePrefixes("dynamodb")}
	e := world.Endpoint{ID: s.ID("vpce"), Service: "dynamodb", Gateway: true, PrefixList: list.ID}
	w.PrefixLists = append(w.PrefixLists, list)
	w.VPC.Endpoints = append(w.VPC.Endpoints, e)
	addRoute(w, world.Route{PrefixList: list.ID, Target: e.ID})
}

// addTableInterface adds an interface endpoint of DynamoDB and the zone that
// leads its name there.
func addTableInterface(w *world.World, s *Seed) *world.Endpoint {
	e := AddEndpoint(w, s, "dynamodb", taken(w))
	e.PrivateDNS = false
	addZone(w, Host(w, "dynamodb"), e.Addrs()...)
	return e
}
