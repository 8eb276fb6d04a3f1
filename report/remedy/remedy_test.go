package remedy

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"vpcdoctor/probe/fact"
	"vpcdoctor/report/diagnose"
)

// want is one row of the property table: what CloudFormation demands of a
// resource type we emit, and what else it knows (AWS CloudFormation template
// reference, read 2026-11; only the properties we could come to use).
type want struct{ required, optional []string }

var propertyTable = map[string]want{
	"AWS::EC2::SecurityGroup":        {[]string{"GroupDescription"}, []string{"GroupName", "VpcId", "SecurityGroupIngress", "SecurityGroupEgress", "Tags"}},
	"AWS::EC2::SecurityGroupIngress": {[]string{"IpProtocol", "GroupId"}, []string{"FromPort", "ToPort", "CidrIp", "CidrIpv6", "SourceSecurityGroupId", "SourcePrefixListId", "Description"}},
	"AWS::EC2::SecurityGroupEgress":  {[]string{"IpProtocol", "GroupId"}, []string{"FromPort", "ToPort", "CidrIp", "CidrIpv6", "DestinationPrefixListId", "DestinationSecurityGroupId", "Description"}},
	"AWS::EC2::VPCEndpoint": {
		required: []string{"ServiceName", "VpcId"},
		optional: []string{"VpcEndpointType", "SubnetIds", "SecurityGroupIds", "PrivateDnsEnabled", "RouteTableIds", "PolicyDocument", "IpAddressType", "DnsOptions", "Tags"},
	},
	"AWS::EC2::NetworkAclEntry":                     {[]string{"NetworkAclId", "Protocol", "RuleAction", "RuleNumber"}, []string{"CidrBlock", "Ipv6CidrBlock", "Egress", "PortRange"}},
	"AWS::EC2::DHCPOptions":                         {nil, []string{"DomainName", "DomainNameServers", "NtpServers", "Tags"}},
	"AWS::EC2::VPCDHCPOptionsAssociation":           {[]string{"DhcpOptionsId", "VpcId"}, nil},
	"AWS::EC2::Route":                               {[]string{"RouteTableId"}, []string{"DestinationCidrBlock", "DestinationIpv6CidrBlock", "TransitGatewayId", "NatGatewayId", "EgressOnlyInternetGatewayId"}},
	"AWS::EC2::VPCBlockPublicAccessExclusion":       {[]string{"InternetGatewayExclusionMode"}, []string{"SubnetId", "VpcId", "Tags"}},
	"AWS::EC2::EIP":                                 {nil, []string{"Domain", "InstanceId", "Tags"}},
	"AWS::Route53Resolver::ResolverRule":            {[]string{"DomainName", "RuleType"}, []string{"Name", "ResolverEndpointId", "TargetIps"}},
	"AWS::Route53Resolver::ResolverRuleAssociation": {[]string{"ResolverRuleId", "VPCId"}, []string{"Name"}},
	"AWS::Route53Profiles::ProfileAssociation":      {[]string{"Name", "ProfileId", "ResourceId"}, []string{"Tags"}},
	"AWS::Route53::RecordSet":                       {[]string{"Name", "Type"}, []string{"HostedZoneId", "AliasTarget", "TTL", "ResourceRecords"}},
	"AWS::IAM::RolePolicy":                          {[]string{"PolicyName", "RoleName"}, []string{"PolicyDocument"}},
	"AWS::IAM::Role":                                {[]string{"AssumeRolePolicyDocument"}, []string{"ManagedPolicyArns", "RoleName", "Policies"}},
	"AWS::IAM::InstanceProfile":                     {[]string{"Roles"}, []string{"InstanceProfileName", "Path"}},
	"AWS::Logs::LogGroup":                           {nil, []string{"LogGroupName", "RetentionInDays", "KmsKeyId"}},
}

// attributes that !GetAtt may ask for.
var attributeTable = map[string][]string{
	"AWS::EC2::SecurityGroup": {"GroupId", "VpcId"}, "AWS::Route53Resolver::ResolverRule": {"ResolverRuleId", "Arn"},
}

// children of properties that are mappings.
var childTable = map[string][]string{"PortRange": {"From", "To"}, "AliasTarget": {"DNSName", "HostedZoneId", "EvaluateTargetHealth"}}

// parameterTypes that CloudFormation knows; there is none for route tables.
var parameterTypes = []string{"String", "CommaDelimitedList", "AWS::EC2::VPC::Id", "List<AWS::EC2::Subnet::Id>", "AWS::EC2::Subnet::Id", "AWS::EC2::SecurityGroup::Id", "AWS::EC2::Instance::Id"}

type world struct{ region, partition string }

func set(w world, targets ...fact.Target) *fact.Set {
	return &fact.Set{
		Place: fact.Place{Region: w.region, Partition: w.partition},
		IMDS: fact.IMDS{ENIs: []fact.ENI{
			{
				Primary: true, VPCID: "vpc-0123456789abcdef0", SubnetID: "subnet-0123456789abcdef0",
				VPCCIDRs:         []netip.Prefix{netip.MustParsePrefix("10.192.0.0/16"), netip.MustParsePrefix("100.64.0.0/16")},
				VPCIPv6CIDRs:     []netip.Prefix{netip.MustParsePrefix("2406:da12:345:6700::/56")},
				SecurityGroupIDs: []string{"sg-0123456789abcdef0", "sg-0123456789abcdef1"},
			},
			{VPCID: "vpc-0fedcba9876543210", VPCCIDRs: []netip.Prefix{netip.MustParsePrefix("172.31.0.0/16")}},
		}},
		Targets: targets,
	}
}

func iface(id, service string) fact.Target {
	return fact.Target{
		ID: id, Service: service, Type: "Interface", Host: id + ".example.amazonaws.com", Need: fact.NeedRequired, PrivateDNS: "yes",
		Availability: "listed", Origin: "catalogue", Ports: []fact.Port{{Number: 443, TLS: true}},
	}
}

// broken is a verdict that names all targets; classes are those of their rows.
func broken(code diagnose.Code, s *fact.Set, classes ...fact.AddrClass) diagnose.Verdict {
	f := diagnose.Finding{Code: code, Severity: diagnose.SevError}
	v := diagnose.Verdict{Status: diagnose.Broken}
	for i, t := range s.Targets {
		class := fact.PublicAWS
		status := diagnose.Fail
		if i < len(classes) {
			class = classes[i]
		}
		if class == fact.OwnVPC || class == fact.OtherPrivate {
			status = diagnose.Pass
		} else {
			f.Subjects = append(f.Subjects, t.Key())
		}
		v.Rows = append(v.Rows, diagnose.Row{Key: t.Key(), ID: t.ID, Host: t.Host, Path: "direct", Status: status, Class: string(class)})
	}
	v.Causes = []diagnose.Finding{f}
	return v
}

var ningxia = world{"cn-northwest-1", "aws-cn"}

func ssmTrio(w world) []fact.Target {
	p := "com.amazonaws." + w.region + "."
	legacy := iface("ec2messages", p+"ec2messages")
	legacy.Need = fact.NeedOptional
	return []fact.Target{iface("ssm", p+"ssm"), iface("ssmmessages", p+"ssmmessages"), legacy}
}

func TestTemplates(t *testing.T) {
	s3 := fact.Target{ID: "s3-gateway", Service: "com.amazonaws.cn-northwest-1.s3", Type: "Gateway", Host: "s3.cn-northwest-1.amazonaws.com.cn", Need: fact.NeedOneOf, Group: "s3", Origin: "catalogue"}
	s3i := iface("s3-interface", "cn.com.amazonaws.cn-northwest-1.s3")
	s3i.Need, s3i.Group = fact.NeedOneOf, "s3"
	email := iface("email-smtp", "cn.com.amazonaws.cn-northwest-1.email-smtp")
	email.Ports = []fact.Port{{Number: 465, TLS: true}, {Number: 443, TLS: true}}
	for name, c := range map[string]struct {
		set    *fact.Set
		has    []string
		hasNot []string
	}{
		"china, all missing": {
			set: set(ningxia, append(ssmTrio(ningxia), s3, s3i, iface("sqs", "cn.com.amazonaws.cn-northwest-1.sqs"), iface("notebook", "aws.sagemaker.cn-northwest-1.notebook"))...),
			has: []string{
				"!Sub 'com.amazonaws.${AWS::Region}.ssm'", "!Sub 'com.amazonaws.${AWS::Region}.ssmmessages'", "!Sub 'cn.com.amazonaws.${AWS::Region}.sqs'",
				"!Sub 'aws.sagemaker.${AWS::Region}.notebook'", "!Sub 'com.amazonaws.${AWS::Region}.s3'", "Default: 'true'", "RouteTableIds: !Ref RouteTableIds",
				"CidrIp: '10.192.0.0/16'", "CidrIp: '100.64.0.0/16'", "CidrIpv6: '2406:da12:345:6700::/56'", "sg-0123456789abcdef0 and\n# sg-0123456789abcdef1 as the source (SourceSecurityGroupId",
				"Default: vpc-0123456789abcdef0", "Default: subnet-0123456789abcdef0",
			},
			hasNot: []string{"172.31.0.0", "cn.com.amazonaws.${AWS::Region}.s3"},
		},
		"commercial": {
			set: set(world{"us-east-1", "aws"}, ssmTrio(world{"us-east-1", "aws"})...),
			has: []string{"Default: 'false'", "!Sub 'com.amazonaws.${AWS::Region}.ssm'"},
		},
		"other ports": {
			set: set(ningxia, email), has: []string{"FromPort: 465", "FromPort: 443"}, hasNot: []string{"Ec2messages"},
		},
		"global service": {
			set: set(ningxia, iface("iam", "com.amazonaws.iam")), has: []string{"ServiceName: com.amazonaws.iam\n"},
		},
		"long name": {
			set: set(ningxia, iface("long", "com.amazonaws.cn-northwest-1.license-manager-linux-subscriptions-fips")), has: []string{"ServiceName: !Sub\n        'com"},
		},
		"region unknown": {
			set: set(world{}, iface("ssm", "com.amazonaws.us-east-1.ssm")), has: []string{"ServiceName: com.amazonaws.us-east-1.ssm\n"},
		},
		"IMDS silent": {
			set: &fact.Set{Place: fact.Place{Region: "us-east-1"}, Targets: ssmTrio(world{"us-east-1", "aws"})},
			has: []string{"CidrIp: !Ref VpcCidr", "VpcCidr:\n    Type: String"}, hasNot: []string{"Default: vpc", "Default: subnet"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := For(c.set, broken("DN-02", c.set))
			if len(got) != 2 {
				t.Fatalf("%d templates", len(got))
			}
			checkTemplate(t, got[0].Body)
			checkShell(t, got[1].Body)
			for _, x := range c.has {
				if !strings.Contains(got[0].Body, x) {
					t.Errorf("%q is missing:\n%s", x, got[0].Body)
				}
			}
			for _, x := range c.hasNot {
				if strings.Contains(got[0].Body+got[1].Body, x) {
					t.Errorf("%q does not belong there:\n%s", x, got[0].Body)
				}
			}
			if len(got[0].Notes) == 0 || !strings.Contains(got[0].Notes[0], "account that owns") {
				t.Errorf("notes: %q", got[0].Notes)
			}
		})
	}
}

// TestOnlyWhatIsMissing is step (c) of the article: ssm is there.
func TestOnlyWhatIsMissing(t *testing.T) {
	s := set(ningxia, ssmTrio(ningxia)...)
	got := For(s, broken("EP-01", s, fact.OwnVPC, fact.PublicAWS, fact.OwnVPC))
	if len(got) != 2 || got[0].Title != "CloudFormation: endpoints for ssmmessages" {
		t.Fatalf("got %+v", got)
	}
	if strings.Contains(got[0].Body, "ec2messages") || strings.Contains(got[0].Body, "SsmEndpoint") {
		t.Errorf("endpoints that exist are in:\n%s", got[0].Body)
	}
}

// TestOptionalLeftOut: a profile's optional services are named, not created;
// one that the user asked for by name is created.
func TestOptionalLeftOut(t *testing.T) {
	s := set(ningxia, ssmTrio(ningxia)...)
	for _, id := range []string{"kms", "logs"} {
		x := iface(id, "com.amazonaws.cn-northwest-1."+id)
		x.Need = fact.NeedOptional
		if id == "kms" {
			x.Profiles = []string{"session-manager"}
		}
		s.Targets = append(s.Targets, x)
	}
	got := For(s, broken("DN-02", s))
	if len(got) != 2 || strings.Contains(got[0].Body, "kms") || !strings.Contains(got[0].Body, "LogsEndpoint:") {
		t.Fatalf("got %+v", got)
	}
	if !strings.Contains(strings.Join(got[0].Notes, "\n"), "does not need them: kms.") {
		t.Errorf("notes: %q", got[0].Notes)
	}
}

func TestNoTemplate(t *testing.T) {
	us := world{"us-east-1", "aws"}
	s := set(us, ssmTrio(us)...)
	absent := set(us, iface("codecommit", "com.amazonaws.us-east-1.codecommit"))
	absent.Targets[0].Availability = "absent"
	own := set(us, iface("billing", "com.amazonaws.us-east-1.ssm"))
	own.Targets[0].Origin = "flag"
	accepted := broken("DN-02", s)
	accepted.Causes[0].Accepted = true
	info := broken("EP-14", s)
	info.Causes[0].Severity = diagnose.SevInfo
	for name, c := range map[string]struct {
		set     *fact.Set
		verdict diagnose.Verdict
	}{
		"healthy":          {s, diagnose.Verdict{Status: diagnose.Healthy}},
		"other cause":      {s, broken("SG-02", s)},
		"private dns off":  {s, broken("DN-01", s)},
		"centralised":      {s, broken("DN-02", s, fact.OtherPrivate, fact.PublicAWS)},
		"all private":      {s, broken("DN-02", s, fact.OwnVPC, fact.OwnVPC, fact.OwnVPC)},
		"no such service":  {absent, broken("DN-02", absent)},
		"own endpoint":     {own, broken("DN-02", own)},
		"accepted":         {s, accepted},
		"works publicly":   {s, info},
		"no facts":         {nil, diagnose.Verdict{Status: diagnose.Broken}},
		"nothing gathered": {&fact.Set{}, broken("DN-02", s)},
	} {
		if got := For(c.set, c.verdict); len(got) != 0 {
			t.Errorf("%s: got %q", name, got[0].Title)
		}
	}
}

// TestHostileFacts: values that are not what they claim to be stay out.
func TestHostileFacts(t *testing.T) {
	evil := "x'\n    Evil: !Sub '$(reboot)"
	s := set(world{evil, evil}, iface("ssm"+evil, "com.amazonaws.us-east-1.ssm"), iface("b", "com.amazonaws.us-east-1.x"+evil))
	e := &s.IMDS.ENIs[0]
	e.VPCID, e.SubnetID, e.SecurityGroupIDs = "vpc-0123456789abcdef0"+evil, evil, []string{evil}
	got := For(s, broken("DN-02", s))
	if len(got) != 2 {
		t.Fatalf("%d templates", len(got))
	}
	checkTemplate(t, got[0].Body)
	if all := got[0].Body + got[1].Body; strings.Contains(all, "Evil") || strings.Contains(all, "reboot") {
		t.Errorf("hostile values are in:\n%s", all)
	}
}

var nonASCII = regexp.MustCompile(`[^\n -~]`)

// checkTemplate parses a body as YAML and checks it against our own table of
// the types that it emits, and that every reference leads somewhere.
func checkTemplate(t *testing.T, body string) {
	t.Helper()
	checkLines(t, body)
	var doc struct {
		Version    string                    `yaml:"AWSTemplateFormatVersion"`
		About      string                    `yaml:"Description"`
		Parameters map[string]map[string]any `yaml:"Parameters"`
		Conditions map[string]yaml.Node      `yaml:"Conditions"`
		Resources  map[string]struct {
			Type       string               `yaml:"Type"`
			Condition  string               `yaml:"Condition"`
			Properties map[string]yaml.Node `yaml:"Properties"`
		} `yaml:"Resources"`
	}
	dec := yaml.NewDecoder(strings.NewReader(body))
	dec.KnownFields(true)
	if err := dec.Decode(&doc); err != nil {
		t.Fatalf("%v\n%s", err, body)
	}
	if doc.Version != "2010-09-09" || len(doc.Resources) == 0 {
		t.Errorf("version %q, %d resources", doc.Version, len(doc.Resources))
	}
	for name, p := range doc.Parameters {
		if !slices.Contains(parameterTypes, p["Type"].(string)) {
			t.Errorf("parameter %s has type %v", name, p["Type"])
		}
	}
	used := map[string]bool{}
	for name, r := range doc.Resources {
		w, ok := propertyTable[r.Type]
		if !ok || !regexp.MustCompile(`^[A-Za-z0-9]{1,255}$`).MatchString(name) {
			t.Errorf("resource %q of type %q", name, r.Type)
		}
		if _, ok := doc.Conditions[r.Condition]; r.Condition != "" && !ok {
			t.Errorf("%s: no condition %s", name, r.Condition)
		}
		for _, p := range w.required {
			if _, ok := r.Properties[p]; !ok {
				t.Errorf("%s lacks %s", name, p)
			}
		}
		for p, node := range r.Properties {
			if !slices.Contains(w.required, p) && !slices.Contains(w.optional, p) {
				t.Errorf("%s has %s, which %s does not know", name, p, r.Type)
			}
			refs(&node, used)
			if kids := childTable[p]; kids != nil {
				for i := 0; i < len(node.Content); i += 2 {
					if !slices.Contains(kids, node.Content[i].Value) {
						t.Errorf("%s: %s has %s", name, p, node.Content[i].Value)
					}
				}
			}
		}
		kind := r.Properties["VpcEndpointType"].Value
		_, tables := r.Properties["RouteTableIds"]
		_, subnets := r.Properties["SubnetIds"]
		if r.Type == "AWS::EC2::VPCEndpoint" && (tables != (kind == "Gateway") || subnets != (kind == "Interface")) {
			t.Errorf("%s: type %q with route tables %t and subnets %t", name, kind, tables, subnets)
		}
	}
	for _, node := range doc.Conditions {
		refs(&node, used)
	}
	for ref := range used {
		if id, attribute, ok := strings.Cut(ref, "."); ok {
			if !slices.Contains(attributeTable[doc.Resources[id].Type], attribute) {
				t.Errorf("!GetAtt %s leads nowhere", ref)
			}
			continue
		}
		_, parameter := doc.Parameters[ref]
		_, resource := doc.Resources[ref]
		if !parameter && !resource {
			t.Errorf("!Ref %s leads nowhere", ref)
		}
	}
	for name := range doc.Parameters {
		if !used[name] {
			t.Errorf("parameter %s is not used", name)
		}
	}
}

func refs(n *yaml.Node, used map[string]bool) {
	if n.Tag == "!Ref" || n.Tag == "!GetAtt" {
		used[n.Value] = true
	}
	for _, c := range n.Content {
		refs(c, used)
	}
}

func checkLines(t *testing.T, body string) {
	t.Helper()
	for l := range strings.Lines(body) {
		if l = strings.TrimSuffix(l, "\n"); len(l) > 80 && !slices.ContainsFunc(strings.Fields(l), func(w string) bool { return len(w) >= 60 }) || l != strings.TrimRight(l, " ") || nonASCII.MatchString(l) {
			t.Errorf("%d columns, or spaces at the end, or not ASCII: %q", len(l), l)
		}
	}
}
