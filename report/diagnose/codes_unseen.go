package diagnose

// unseen is a cause of which nothing shows on the instance: no rule can find
// it. Its page says which call decides.
type unseen struct {
	code                      Code
	strength                  Strength
	title, symptom, call, fix string
}

var unseenDocs = []unseen{
	{"GW-09", Documented, "A new gateway route has cut open connections",
		"Connections to S3 or DynamoDB broke once, when the route was made; new ones work.",
		"aws cloudtrail lookup-events --lookup-attributes AttributeKey=EventName,AttributeValue=ModifyVpcEndpoint",
		"Repeat the transfer. Nothing is left to repair."},
	{"GW-14", Documented, "A gateway endpoint carries TCP and ping only",
		"UDP or QUIC to S3 or DynamoDB is dropped; TCP works.",
		"aws ec2 start-network-insights-analysis (VPCE_GATEWAY_PROTOCOL_RESTRICTION)",
		"Use TCP. vpcdoctor sends nothing else."},
	{"PL-02", Documented, "The provider does not allow our account",
		"The endpoint for the custom service could not be created, so nothing can be reached.",
		"aws ec2 describe-vpc-endpoint-service-permissions --service-id ID (as the provider)",
		"The provider adds our account or role to the allowed principals."},
	{"PL-11", Source, "A custom service in China has another name prefix",
		"create-vpc-endpoint answers InvalidServiceName, so no endpoint exists.",
		"aws ec2 describe-vpc-endpoint-services --service-names cn.com.amazonaws.vpce.REGION.vpce-svc-ID",
		"Take the name that the provider's Region lists, with the prefix cn."},
	{"TL-11", Inferred, "Strict clients cannot ask for revoked certificates",
		"Java or Windows programs wait long and fail; others work.",
		"openssl x509 -noout -ocsp_uri -in CERTIFICATE, then curl that address",
		"Allow the OCSP and CRL hosts, or let the client go on without an answer."},
	{"AG-18", Inferred, "The console shows another Region, or hides the node",
		"The node is missing in the console; all checks here pass.",
		"aws ssm describe-instance-information --region REGION --filters Key=InstanceIds,Values=INSTANCE",
		"Choose the instance's Region and account; allow ssm:DescribeInstanceInformation to the user."},
	{"SM-11", Inferred, "The operator's own network blocks the session",
		"start-session fails on one desk; all checks on the instance pass.",
		"aws ssm get-connection-status --target INSTANCE, then vpcdoctor check on the operator's machine",
		"Let the operator's network reach ssmmessages with websockets; update the session plugin."},
}

// doc is the page of a cause that cannot be seen.
func (u unseen) doc() Doc {
	d := page{u.code, SevInfo, u.strength, u.title, u.symptom,
		"Nothing on the instance shows it. The call that decides: " + u.call + ".", u.fix,
		"None: no run of vpcdoctor prints it."}.doc()
	d.Visible, d.Call = false, u.call
	return d
}
