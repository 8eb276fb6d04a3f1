package diagnose

// Codes of routes, security groups, gateway and interface endpoints, custom
// services and IPv6.

var routeDocs = []page{
	{"RT-01", SevError, Documented, "The subnet has no route to public addresses"},
	{"RT-02", SevError, Inferred, "The host itself has no route to the address"},
	{"RT-03", SevError, Documented, "A more specific VPC route leads past the endpoints"},
	{"RT-04", SevError, Documented, "No path to endpoints outside this VPC"},
	{"RT-05", SevError, Inferred, "The hub has no route back to this VPC"},
	{"RT-06", SevError, Field, "A local network overlaps the endpoint's address"},
	{"RT-08", SevError, Inferred, "No working interface is behind this address"},
	{"RT-09", SevError, Documented, "The NAT gateway fails or is out of ports"},
	{"RT-11", SevError, Documented, "VPC Block Public Access stops the public path"},
	{"RT-14", SevError, Documented, "The instance has no public IPv4 address for its IGW"},
}

var groupDocs = []page{
	{"SG-01", SevError, Documented, "The instance's security group lets no 443 out"},
	{"SG-02", SevError, Documented, "The endpoint's security group does not admit 443 from us"},
	{"SG-03", SevError, Documented, "The endpoints have the VPC's default security group"},
	{"SG-05", SevError, Inferred, "A rule's CIDR does not cover our subnet"},
	{"SG-06", SevError, Documented, "The NACL of our subnet stops 443"},
	{"SG-07", SevError, Documented, "A NACL lets answers back only to some source ports"},
	{"SG-08", SevError, Documented, "The NACL of one endpoint subnet stops 443"},
	{"SG-11", SevError, Documented, "The provider's load balancer filters PrivateLink traffic"},
}

var gatewayDocs = []page{
	{"GW-01", SevError, Documented, "S3 or DynamoDB: no gateway route in this subnet"},
	{"GW-02", SevError, Documented, "The egress rule lacks the S3 or DynamoDB prefix list"},
	{"GW-03", SevError, Field, "The NACL does not admit the public ranges of S3 or DynamoDB"},
	{"GW-05", SevWarning, Documented, "The S3 endpoint policy leaves out buckets of AWS"},
}

var endpointDocs = []page{
	{"EP-01", SevError, Documented, "The ssmmessages endpoint is missing"},
	{"EP-02", SevInfo, Documented, "ec2messages is not reachable"},
	{"EP-03", SevError, Documented, "The endpoint is pending, rejected or failed"},
	{"EP-04", SevInfo, Documented, "The endpoints have an address in one AZ only"},
	{"EP-08", SevError, Documented, "The endpoint's policy denies the call"},
	{"EP-14", SevInfo, Documented, "Required names are reached by public addresses"},
	{"EP-15", SevWarning, Documented, "Some required names are private, others public"},
	{"EP-16", SevError, Inferred, "A required endpoint does not work, cause open"},
	{"EP-17", SevError, Source, "Services cannot be reached"},
}

var serviceDocs = []page{
	{"PL-03", SevError, Documented, "The private name of a custom service is not set up"},
	{"PL-04", SevError, Field, "The custom service's certificate is for another name"},
	{"PL-05", SevError, Documented, "A custom service is missing in one AZ"},
	{"PL-06", SevError, Documented, "The custom service has no healthy target or listener"},
}

var v6Docs = []page{
	{"V6-01", SevWarning, Inferred, "IPv6 addresses are offered, and IPv6 does not work"},
	{"V6-02", SevError, Field, "The host has no IPv4, the names have no IPv6"},
	{"V6-03", SevError, Documented, "NAT64 addresses do not answer"},
	{"V6-05", SevWarning, Inferred, "Groups or NACLs admit IPv4 only"},
}
