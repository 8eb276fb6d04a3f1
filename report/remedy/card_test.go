package remedy

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"go.yaml.in/yaml/v3"

	"vpcdoctor/probe/fact"
	"vpcdoctor/report/corpus"
	"vpcdoctor/report/diagnose"
)

// terraformTable is what the AWS provider demands of the resources that we
// emit, and what else it knows (documentation of the provider, version 6, read
// 2026-11; only the arguments we could come to use).
var terraformTable = map[string]want{
	"aws_security_group":                          {nil, []string{"name", "name_prefix", "description", "vpc_id", "tags"}},
	"aws_vpc_security_group_ingress_rule":         {[]string{"security_group_id", "ip_protocol"}, []string{"from_port", "to_port", "cidr_ipv4", "cidr_ipv6", "referenced_security_group_id", "prefix_list_id"}},
	"aws_vpc_security_group_egress_rule":          {[]string{"security_group_id", "ip_protocol"}, []string{"from_port", "to_port", "cidr_ipv4", "cidr_ipv6", "referenced_security_group_id", "prefix_list_id"}},
	"aws_vpc_endpoint":                            {[]string{"vpc_id"}, []string{"service_name", "vpc_endpoint_type", "subnet_ids", "security_group_ids", "private_dns_enabled", "route_table_ids", "policy"}},
	"aws_vpc_endpoint_security_group_association": {[]string{"vpc_endpoint_id", "security_group_id"}, []string{"replace_default_association"}},
	"aws_network_acl_rule":                        {[]string{"network_acl_id", "rule_number", "protocol", "rule_action"}, []string{"egress", "cidr_block", "ipv6_cidr_block", "from_port", "to_port"}},
	"aws_vpc_dhcp_options":                        {nil, []string{"domain_name", "domain_name_servers", "ntp_servers"}},
	"aws_vpc_dhcp_options_association":            {[]string{"vpc_id", "dhcp_options_id"}, nil},
	"aws_route53_resolver_rule":                   {[]string{"domain_name", "rule_type"}, []string{"name", "resolver_endpoint_id"}},
	"aws_route53_resolver_rule_association":       {[]string{"resolver_rule_id", "vpc_id"}, []string{"name"}},
	"aws_route53_zone_association":                {[]string{"zone_id", "vpc_id"}, []string{"vpc_region"}},
	"aws_route53_record":                          {[]string{"zone_id", "name", "type"}, []string{"alias", "ttl", "records", "allow_overwrite"}},
	"aws_route":                                   {[]string{"route_table_id"}, []string{"destination_cidr_block", "destination_ipv6_cidr_block", "transit_gateway_id", "nat_gateway_id", "egress_only_gateway_id"}},
	"aws_vpc_block_public_access_exclusion":       {[]string{"internet_gateway_exclusion_mode"}, []string{"subnet_id", "vpc_id"}},
	"aws_eip":                                     {nil, []string{"domain", "instance"}},
	"aws_iam_role_policy":                         {[]string{"role", "policy"}, []string{"name"}},
	"aws_iam_role":                                {[]string{"assume_role_policy"}, []string{"name", "name_prefix"}},
	"aws_iam_role_policy_attachment":              {[]string{"role", "policy_arn"}, nil},
	"aws_iam_instance_profile":                    {nil, []string{"name", "name_prefix", "role"}},
	"aws_ssm_service_setting":                     {[]string{"setting_id", "setting_value"}, nil},
	"aws_vpc_endpoint_service_allowed_principal":  {[]string{"vpc_endpoint_service_id", "principal_arn"}, nil},
	"aws_vpc_endpoint_connection_accepter":        {[]string{"vpc_endpoint_service_id", "vpc_endpoint_id"}, nil},
	"aws_cloudwatch_log_group":                    {nil, []string{"name", "retention_in_days", "kms_key_id"}},
}

// blocks that resources may have, with what is required inside.
var blockTable = map[string][]string{"alias": {"name", "zone_id", "evaluate_target_health"}}

// checkTerraform parses a body, wants it in the format of "terraform fmt", and
// follows every reference.
func checkTerraform(t *testing.T, body string) {
	t.Helper()
	checkLines(t, body)
	if got := string(hclwrite.Format([]byte(body))); got != body {
		t.Errorf("not as terraform fmt writes it:\n%s\nwant:\n%s", body, got)
	}
	file, diags := hclsyntax.ParseConfig([]byte(body), "fix.tf", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatalf("%v\n%s", diags, body)
	}
	root := file.Body.(*hclsyntax.Body)
	names := map[string]bool{"each.value": true}
	for _, b := range root.Blocks {
		switch b.Type {
		case "variable":
			names["var."+b.Labels[0]] = true
		case "resource":
			if name := b.Labels[0] + "." + b.Labels[1]; names[name] {
				t.Errorf("%s twice", name)
			} else {
				names[name] = true
			}
		}
	}
	used := map[string]bool{}
	resources := 0
	for _, b := range root.Blocks {
		hclsyntax.VisitAll(b.Body, func(n hclsyntax.Node) hcl.Diagnostics {
			e, ok := n.(*hclsyntax.ScopeTraversalExpr)
			if !ok || len(e.Traversal) < 2 {
				return nil // the type of a variable
			}
			name := e.Traversal.RootName() + "." + e.Traversal[1].(hcl.TraverseAttr).Name
			if used[name] = true; !names[name] {
				t.Errorf("%s leads nowhere", name)
			}
			return nil
		})
		if b.Type != "resource" {
			if !slices.Contains([]string{"terraform", "provider", "variable"}, b.Type) {
				t.Errorf("block %q", b.Type)
			}
			continue
		}
		resources++
		w, ok := terraformTable[b.Labels[0]]
		if !ok {
			t.Errorf("resource type %s", b.Labels[0])
		}
		for _, a := range w.required {
			if b.Body.Attributes[a] == nil {
				t.Errorf("%s lacks %s", b.Labels[0], a)
			}
		}
		for a := range b.Body.Attributes {
			if !slices.Contains(slices.Concat(w.required, w.optional, []string{"count", "for_each"}), a) {
				t.Errorf("%s has %s", b.Labels[0], a)
			}
		}
		for _, in := range b.Body.Blocks {
			if !slices.Contains(w.optional, in.Type) {
				t.Errorf("%s has a block %s", b.Labels[0], in.Type)
			}
			for _, a := range blockTable[in.Type] {
				if in.Body.Attributes[a] == nil {
					t.Errorf("%s: %s lacks %s", b.Labels[0], in.Type, a)
				}
			}
		}
	}
	if resources == 0 {
		t.Errorf("no resource in:\n%s", body)
	}
	for name := range names {
		if strings.HasPrefix(name, "var.") && !used[name] {
			t.Errorf("%s is not used", name)
		}
	}
}

// optionTable is what the AWS CLI demands of the operations that we print, and
// what else it knows (AWS CLI reference, read 2026-11; only the options we
// could come to use).
var optionTable = map[string]want{
	"ec2 describe-vpcs":                                       {nil, []string{"--vpc-ids"}},
	"ec2 describe-vpc-endpoints":                              {nil, []string{"--filters", "--vpc-endpoint-ids"}},
	"ec2 describe-network-acls":                               {nil, []string{"--filters"}},
	"ec2 describe-route-tables":                               {nil, []string{"--filters"}},
	"ec2 describe-managed-prefix-lists":                       {nil, []string{"--filters"}},
	"ec2 create-security-group":                               {[]string{"--group-name", "--description"}, []string{"--vpc-id"}},
	"ec2 authorize-security-group-ingress":                    {[]string{"--group-id"}, []string{"--protocol", "--port", "--cidr", "--ip-permissions"}},
	"ec2 authorize-security-group-egress":                     {[]string{"--group-id"}, []string{"--protocol", "--port", "--cidr", "--ip-permissions"}},
	"ec2 create-vpc-endpoint":                                 {[]string{"--vpc-id", "--service-name"}, []string{"--vpc-endpoint-type", "--private-dns-enabled", "--subnet-ids", "--security-group-ids", "--route-table-ids"}},
	"ec2 modify-vpc-endpoint":                                 {[]string{"--vpc-endpoint-id"}, []string{"--private-dns-enabled", "--add-subnet-ids", "--add-security-group-ids"}},
	"ec2 create-network-acl-entry":                            {[]string{"--network-acl-id", "--rule-number", "--protocol", "--rule-action"}, []string{"--egress", "--ingress", "--port-range", "--cidr-block", "--ipv6-cidr-block"}},
	"ec2 create-dhcp-options":                                 {[]string{"--dhcp-configurations"}, nil},
	"ec2 associate-dhcp-options":                              {[]string{"--dhcp-options-id", "--vpc-id"}, nil},
	"ec2 create-route":                                        {[]string{"--route-table-id"}, []string{"--destination-cidr-block", "--destination-ipv6-cidr-block", "--transit-gateway-id", "--nat-gateway-id", "--egress-only-internet-gateway-id"}},
	"ec2 create-vpc-block-public-access-exclusion":            {[]string{"--internet-gateway-exclusion-mode"}, []string{"--subnet-id", "--vpc-id"}},
	"ec2 allocate-address":                                    {nil, []string{"--domain"}},
	"ec2 associate-address":                                   {nil, []string{"--instance-id", "--allocation-id"}},
	"ec2 modify-vpc-attribute":                                {[]string{"--vpc-id"}, []string{"--enable-dns-hostnames", "--enable-dns-support"}},
	"ec2 modify-instance-metadata-options":                    {[]string{"--instance-id"}, []string{"--http-endpoint", "--http-tokens", "--http-put-response-hop-limit", "--http-protocol-ipv6"}},
	"ec2 associate-iam-instance-profile":                      {[]string{"--iam-instance-profile", "--instance-id"}, nil},
	"ec2 modify-vpc-endpoint-service-permissions":             {[]string{"--service-id"}, []string{"--add-allowed-principals"}},
	"ec2 accept-vpc-endpoint-connections":                     {[]string{"--service-id", "--vpc-endpoint-ids"}, nil},
	"ec2 modify-vpc-endpoint-service-configuration":           {[]string{"--service-id"}, []string{"--private-dns-name"}},
	"ec2 start-vpc-endpoint-service-private-dns-verification": {[]string{"--service-id"}, nil},
	"elbv2 modify-load-balancer-attributes":                   {[]string{"--load-balancer-arn", "--attributes"}, nil},
	"elbv2 set-security-groups":                               {[]string{"--load-balancer-arn", "--security-groups"}, []string{"--enforce-security-group-inbound-rules-on-private-link-traffic"}},
	"route53resolver create-resolver-rule":                    {[]string{"--creator-request-id", "--rule-type"}, []string{"--domain-name", "--name"}},
	"route53resolver associate-resolver-rule":                 {[]string{"--resolver-rule-id", "--vpc-id"}, nil},
	"route53 create-vpc-association-authorization":            {[]string{"--hosted-zone-id", "--vpc"}, nil},
	"route53 associate-vpc-with-hosted-zone":                  {[]string{"--hosted-zone-id", "--vpc"}, nil},
	"route53 change-resource-record-sets":                     {[]string{"--hosted-zone-id", "--change-batch"}, nil},
	"iam put-role-policy":                                     {[]string{"--role-name", "--policy-name", "--policy-document"}, nil},
	"iam create-role":                                         {[]string{"--role-name", "--assume-role-policy-document"}, nil},
	"iam get-role":                                            {[]string{"--role-name"}, nil},
	"iam update-assume-role-policy":                           {[]string{"--role-name", "--policy-document"}, nil},
	"iam attach-role-policy":                                  {[]string{"--role-name", "--policy-arn"}, nil},
	"iam create-instance-profile":                             {[]string{"--instance-profile-name"}, nil},
	"iam add-role-to-instance-profile":                        {[]string{"--instance-profile-name", "--role-name"}, nil},
	"ssm update-service-setting":                              {[]string{"--setting-id", "--setting-value"}, nil},
	"logs create-log-group":                                   {[]string{"--log-group-name"}, nil},
}

// checkShell lets a shell parse the lines, without running them, and checks
// the AWS CLI calls in them.
func checkShell(t *testing.T, body string) {
	t.Helper()
	checkLines(t, body)
	if sh, err := exec.LookPath("sh"); err == nil {
		cmd := exec.CommandContext(t.Context(), sh, "-n")
		cmd.Stdin = strings.NewReader(body)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v: %s\n%s", err, out, body)
		}
	}
	for _, words := range shellCommands(body) {
		if len(words) < 3 || words[0] != "aws" {
			continue
		}
		name := words[1] + " " + words[2]
		w, ok := optionTable[name]
		if !ok {
			t.Errorf("aws %s is not in the table", name)
		}
		for _, o := range w.required {
			if !slices.Contains(words, o) {
				t.Errorf("aws %s lacks %s:\n%s", name, o, body)
			}
		}
		for _, o := range words[3:] {
			if strings.HasPrefix(o, "--") && !slices.Contains(slices.Concat(w.required, w.optional, []string{"--query", "--output"}), o) {
				t.Errorf("aws %s has no %s", name, o)
			}
		}
	}
}

// shellCommands splits a script into its commands and words, quotes removed. It
// knows what the scripts use: quotes, comments, continued lines, lists and
// $( ) as the value of a variable.
func shellCommands(body string) [][]string {
	var out [][]string
	var words []string
	word, open := "", false
	var quote byte
	flush := func() {
		if open {
			words, word, open = append(words, strings.TrimSuffix(word, ")")), "", false
		}
	}
	end := func() {
		if flush(); len(words) > 0 {
			for len(words) > 0 && (words[0] == "do" || words[0] == "done" || strings.Contains(words[0], "=") && len(words) == 1) {
				words = words[1:]
			}
			if len(words) > 0 {
				if _, inner, ok := strings.Cut(words[0], "=$("); ok {
					words[0] = inner
				}
				out = append(out, words)
			}
			words = nil
		}
	}
	for i := 0; i < len(body); i++ {
		c := body[i]
		switch {
		case quote == '\'' && c != '\'', quote == '"' && c != '"' && c != '\\':
			word += string(c)
		case quote != 0 && c == quote:
			quote = 0
		case c == '\\':
			i++
			if body[i] != '\n' {
				word, open = word+string(body[i]), true
			}
		case c == '\'' || c == '"':
			quote, open = c, true
		case c == '#' && !open:
			for i+1 < len(body) && body[i+1] != '\n' {
				i++
			}
		case c == '\n' || c == ';' || c == '|' || c == '&':
			end()
		case c == ' ':
			flush()
		default:
			word, open = word+string(c), true
		}
	}
	end()
	return out
}

// places are partitions with names of their own.
var places = []world{
	{"us-east-1", "aws"}, {"cn-north-1", "aws-cn"}, {"us-gov-west-1", "aws-us-gov"}, {"us-iso-east-1", "aws-iso"}, {"", ""},
}

const statement = "{\n  \"Effect\": \"Allow\",\n  \"Action\": [\n    \"ssm:UpdateInstanceInformation\"\n  ],\n  \"Resource\": \"*\"\n}"

// whole is a set with a value for everything that a card can use.
func whole(w world) *fact.Set {
	s := set(w, ssmTrio(w)...)
	s.Place.DNSSuffix = "amazonaws.com"
	s.IMDS.InstanceID, s.IMDS.AccountID = "i-0123456789abcdef0", "123456789012"
	s.IMDS.Role = fact.Role{Name: "NodeRole", ProfileARN: "arn:aws:iam::123456789012:instance-profile/path/NodeProfile"}
	s.Rehearsal.Preferences.LogGroup = "/sessions"
	s.Agent.Units = []fact.AgentUnit{{Name: "snap.amazon-ssm-agent.amazon-ssm-agent.service", Load: "loaded", Active: "active"}}
	s3 := fact.Target{ID: "s3-gateway", Service: "com.amazonaws." + w.region + ".s3", Type: "Gateway", Host: "s3.example.amazonaws.com", Need: fact.NeedOneOf, Group: "s3", Origin: "catalogue"}
	own := fact.Target{ID: "billing", Service: "com.amazonaws.vpce." + w.region + ".vpce-svc-0123456789abcdef0", Type: "Custom", Host: "billing.example.com", Origin: "config"}
	s.Targets = append(s.Targets, s3, own)
	return s
}

// TestEveryCard makes the card of every code in every partition, with all facts
// and with none, and checks every body.
func TestEveryCard(t *testing.T) {
	formats := map[string]int{}
	for _, w := range places {
		for _, bare := range []bool{false, true} {
			s := whole(w)
			if bare {
				s.IMDS, s.Agent, s.Rehearsal = fact.IMDS{}, fact.Agent{}, fact.Rehearsal{}
			}
			for _, d := range diagnose.Codes() {
				v := broken(d.Code, s)
				v.Causes[0].Action = diagnose.Action{Statement: statement, Query: "SELECT 1"}
				cards := Cards(s, v, d.Code)
				if len(cards) != 1 {
					t.Fatalf("%s: %d cards", d.Code, len(cards))
				}
				c := cards[0]
				for field, text := range map[string]string{"title": c.Title, "who": c.Who, "do": c.Do, "effect": c.Effect, "retest": c.Retest, "analyzer": c.Analyzer} {
					if text == "" || strings.ContainsAny(text, "{}%") || nonASCII.MatchString(text) {
						t.Errorf("%s: %s is %q", d.Code, field, text)
					}
				}
				if c.Without == "" && !c.serves(CloudFormation) && c.note == "" && len(c.Parts) == 0 {
					t.Errorf("%s: no format and no reason", d.Code)
				}
				for _, p := range c.Parts {
					formats[p.Format]++
					checkPart(t, p)
				}
				for format, check := range map[string]func(*testing.T, string){CloudFormation: checkTemplate, Terraform: checkTerraform, CLI: checkShell} {
					if doc := Document(cards, format); doc != "" {
						check(t, doc)
					} else if c.serves(format) {
						t.Errorf("%s: no document as %s", d.Code, format)
					}
				}
				if t.Failed() {
					t.Fatalf("%s in %q, without facts %t", d.Code, w.region, bare)
				}
			}
		}
	}
	for _, f := range []string{CloudFormation, Terraform, CLI, Shell, Policy, SQL} {
		if formats[f] == 0 {
			t.Errorf("no card has %s", f)
		}
	}
}

func checkPart(t *testing.T, p Template) {
	t.Helper()
	switch p.Format {
	case CloudFormation:
		checkTemplate(t, p.Body)
	case Terraform:
		checkTerraform(t, p.Body)
	case CLI, Shell:
		checkShell(t, p.Body)
	case Policy:
		if !json.Valid([]byte(p.Body)) {
			t.Errorf("no JSON: %s", p.Body)
		}
	}
}

// TestCardFillsIn: the instance's own values are where they belong.
func TestCardFillsIn(t *testing.T) {
	cn := places[1]
	for code, has := range map[diagnose.Code]map[string]string{
		"SG-02": {CLI: "--protocol tcp --port 443 --cidr 100.64.0.0/16", CloudFormation: "CidrIpv6: '2406:da12:345:6700::/56'", Terraform: `cidr_ipv4         = "10.192.0.0/16"`},
		"SG-06": {CLI: "--ipv6-cidr-block 2406:da12:345:6700::/56", CloudFormation: "RuleNumber: 43", Terraform: "rule_number     = 43"},
		"GW-02": {CLI: "GATEWAY_SERVICE_NAME='com.amazonaws.cn-north-1.s3'"},
		"GW-03": {CLI: "--cidr-block 0.0.0.0/0"},
		"DN-09": {CloudFormation: "Default: cn-north-1.amazonaws.com"},
		"IA-01": {CLI: "arn:aws-cn:iam::aws:policy/AmazonSSMManagedInstanceCore", CloudFormation: "ec2.amazonaws.com.cn", Terraform: "arn:aws-cn:iam"},
		"IA-03": {CloudFormation: "# Deploy it with --capabilities CAPABILITY_IAM."},
		"IA-02": {CloudFormation: "\"ssm:UpdateInstanceInformation\"", Terraform: "policy = <<-EOT", CLI: "ROLE_NAME='NodeRole'"},
		"IA-04": {CLI: "INSTANCE_PROFILE_NAME='NodeProfile'"},
		"EP-03": {CLI: "ENDPOINT_SERVICE_ID='vpce-svc-0123456789abcdef0'", Terraform: "arn:aws-cn:iam::123456789012:root"},
		"AG-02": {Shell: "UNIT='snap.amazon-ssm-agent.amazon-ssm-agent'"},
		"EP-08": {SQL: "SELECT 1", Policy: "Allow"},
		"DN-02": {CLI: "com.amazonaws.cn-north-1.ssmmessages", CloudFormation: "Default: 'true'", Terraform: "create_ec2messages ? 1 : 0"},
	} {
		s := whole(cn)
		v := broken(code, s)
		v.Causes[0].Action = diagnose.Action{Statement: statement, Query: "SELECT 1"}
		c := Cards(s, v, code)[0]
		for format, want := range has {
			i := slices.IndexFunc(c.Parts, func(p Template) bool { return p.Format == format })
			if i < 0 || !strings.Contains(c.Parts[i].Body, want) {
				t.Errorf("%s: no %q in %s:\n%+v", code, want, format, c.Parts)
			}
		}
	}
}

// TestCentralCard: where a hub keeps the endpoints, the fix is there.
func TestCentralCard(t *testing.T) {
	s := whole(places[0])
	v := broken("EP-01", s, fact.OtherPrivate, fact.PublicAWS)
	c := Cards(s, v, "")[0]
	if !strings.Contains(c.Who, "hub") || strings.Contains(fmt.Sprint(c.Parts), "create-vpc-endpoint ") || !strings.Contains(fmt.Sprint(c.Parts), "associate-vpc-with-hosted-zone") {
		t.Errorf("got %+v", c)
	}
	// The security group of the hub's endpoint is not to be found from here.
	v.Causes[0].Code, v.Causes[0].Subjects = "SG-05", []string{s.Targets[0].Key()}
	c = Cards(s, v, "")[0]
	if !strings.Contains(c.Who, "hub") || strings.Contains(c.Parts[0].Body, "describe-vpc-endpoints") || !strings.Contains(c.Parts[0].Body, ":?not set}") {
		t.Errorf("got %+v", c)
	}
}

// TestWhichCards: information and accepted findings have none, unless asked
// for; an alternative has one when asked for.
func TestWhichCards(t *testing.T) {
	s := whole(places[0])
	v := broken("SG-02", s)
	v.Causes[0].Alternatives = []diagnose.Alternative{{Code: "EP-03", Title: "pending"}}
	info, accepted := v.Causes[0], v.Causes[0]
	info.Code, info.Severity, info.Alternatives = "EP-04", diagnose.SevInfo, nil
	accepted.Code, accepted.Accepted = "DN-05", true
	v.Causes = append(v.Causes, info, accepted)
	for only, want := range map[diagnose.Code]string{"": "SG-02", "SG-02": "SG-02", "EP-03": "EP-03", "EP-04": "EP-04", "DN-05": "", "TL-01": ""} {
		var got []string
		for _, c := range Cards(s, v, only) {
			got = append(got, string(c.Code))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %q, want %q", only, got, want)
		}
	}
	if Cards(nil, v, "") != nil {
		t.Error("cards without facts")
	}
}

// TestDocument: one document for several causes, each thing once, and what is
// left out is named.
func TestDocument(t *testing.T) {
	s := whole(places[0])
	v := broken("EP-01", s)
	for _, code := range []diagnose.Code{"DN-02", "SG-02", "SG-06", "IA-02", "IA-03", "DN-03", "AG-02", "DN-14", "SG-05"} {
		f := v.Causes[0]
		f.Code, f.Action = code, diagnose.Action{Statement: strings.Replace(statement, "ssm:Update", strings.ToLower(string(code[:2]))+":Update", 1)}
		if code == "IA-03" {
			f.Action.Statement = strings.Replace(statement, "ssm:UpdateInstanceInformation", "ssmmessages:OpenDataChannel", 1)
		}
		v.Causes = append(v.Causes, f)
	}
	cards := Cards(s, v, "")
	yaml, tf, sh := Document(cards, CloudFormation), Document(cards, Terraform), Document(cards, CLI)
	checkTemplate(t, yaml)
	checkTerraform(t, tf)
	checkShell(t, sh)
	for _, c := range []struct {
		body, what string
		n          int
	}{
		{yaml, "\n  SsmEndpoint:", 1}, {yaml, "\n  EndpointSecurityGroup:", 1}, {yaml, "\n  AgentPolicyN2:", 1}, {yaml, "Not in here: DN-03", 1}, {yaml, "Not in here: AG-02", 1},
		{tf, `"aws_vpc_endpoint" "ssmmessages_endpoint"`, 1}, {sh, "aws ec2 create-security-group", 1}, {sh, "--enable-dns-hostnames", 1}, {sh, "set -eu", 1}, {sh, "On the instance, see", 1},
	} {
		if got := strings.Count(c.body, c.what); got != c.n {
			t.Errorf("%q is there %d times, want %d:\n%s", c.what, got, c.n, c.body)
		}
	}
	if got := Document(Cards(s, broken("AG-02", s), ""), CloudFormation); got != "" {
		t.Errorf("a document without resources:\n%s", got)
	}
	if got := Document(nil, Terraform); got != "" {
		t.Errorf("a document of nothing:\n%s", got)
	}
}

// TestSeveralEndpoints: one document repairs every endpoint and every record
// that its causes are about, and each cause has parameters of its own.
func TestSeveralEndpoints(t *testing.T) {
	s := whole(places[0])
	var ssm, other []string
	for _, x := range s.Targets {
		if strings.HasPrefix(x.ID, "ssm") {
			ssm = append(ssm, x.Key())
		} else if x.Type == "Interface" {
			other = append(other, x.Key())
		}
	}
	if len(ssm) < 2 || len(other) == 0 {
		t.Fatal(ssm, other)
	}
	of := func(code diagnose.Code, subjects []string) diagnose.Verdict {
		v := broken(code, s)
		v.Causes[0].Subjects = subjects
		return v
	}
	blocks := len(vpcBlocks(s, s.IMDS.Primary().VPCID))
	two := of("SG-02", ssm)
	two.Causes = append(two.Causes, of("DN-30", other).Causes...)
	for _, c := range []struct {
		v    diagnose.Verdict
		what map[string]map[string]int // by format: how often a text is there
	}{
		{of("SG-02", ssm), map[string]map[string]int{
			CloudFormation: {"Type: AWS::EC2::SecurityGroupIngress": 2 * blocks, "Condition: WithEndpointSecurityGroupId2": blocks, "Default: ''": 1},
			Terraform:      {"toset(var.endpoint_security_group_ids)": blocks},
			CLI:            {"authorize-security-group-ingress": blocks, "sort -u": 1},
		}},
		{two, map[string]map[string]int{
			CloudFormation: {"Type: AWS::EC2::SecurityGroupIngress": 3 * blocks, "GroupId: !Ref EndpointSecurityGroupIdN2": blocks},
			Terraform:      {"toset(var.endpoint_security_group_ids)": blocks, "toset(var.endpoint_security_group_ids_n2)": blocks},
			CLI:            {"authorize-security-group-ingress": 2 * blocks, "sort -u": 2},
		}},
		{of("DN-10", ssm), map[string]map[string]int{
			CloudFormation: {"AWS::Route53::RecordSet": 2, "Name: !Ref RecordName2": 1, "HostedZoneId: !Ref HostedZoneId2": 1},
			Terraform:      {`"aws_route53_record"`: 2, "name            = var.record_name2": 1},
			CLI:            {"change-resource-record-sets": 2, "Name=$RECORD_NAME2,": 1},
		}},
		{of("DN-11", ssm), map[string]map[string]int{CloudFormation: {"AWS::Route53::RecordSet": 2, "HostedZoneId: !Ref HostedZoneId\n": 2}}},
	} {
		cards := Cards(s, c.v, "")
		for format, what := range c.what {
			doc := Document(cards, format)
			checkPart(t, Template{Format: format, Body: doc})
			for text, n := range what {
				if got := strings.Count(doc, text); got != n {
					t.Errorf("%s: %q is there %d times, want %d:\n%s", c.v.Causes[0].Code, text, got, n, doc)
				}
			}
		}
	}
}

// TestRecorded makes every document of every scenario. What the same causes
// have given twice already is not checked a third time.
func TestRecorded(t *testing.T) {
	files, err := corpus.All("../testdata/scenarios")
	if err != nil || len(files) == 0 {
		t.Fatalf("no recorded facts (%v)", err)
	}
	seen := map[string]int{}
	for _, file := range files {
		s, err := file.Set()
		if err != nil {
			t.Fatal(err)
		}
		cards := Cards(s, diagnose.Run(s, diagnose.Options{}), "")
		codes := ""
		for _, c := range cards {
			codes += string(c.Code) + " "
			if seen[string(c.Code)]++; seen[string(c.Code)] > 2 {
				continue
			}
			for _, p := range c.Parts {
				checkPart(t, p)
			}
		}
		if seen[codes]++; seen[codes] > 2 {
			continue
		}
		for format, check := range map[string]func(*testing.T, string){CloudFormation: checkTemplate, Terraform: checkTerraform, CLI: checkShell} {
			if doc := Document(cards, format); doc != "" {
				check(t, doc)
			}
		}
		if t.Failed() {
			t.Fatal(file.Name)
		}
	}
}

// TestWrongStatement: what is not a statement enters no document.
func TestWrongStatement(t *testing.T) {
	for _, bad := range []string{"", "x", "[1]", "{\"a\":", "{\"a\": \"\\u000a\"}", "{\"a\": \"it's\"}", "{\"a\": \"\x01\"}", "{\"a\": \"\u00e4\"}"} {
		if got := policy(bad); got != "" {
			t.Errorf("%q became %q", bad, got)
		}
	}
	if got := policy(statement); !json.Valid([]byte(got)) {
		t.Errorf("got %q", got)
	}
	s := whole(places[0])
	v := broken("IA-02", s)
	v.Causes[0].Action.Statement = "{\"Action\": \"x:${aws:username} %{if}\"}"
	c := Cards(s, v, "")[0]
	for _, p := range c.Parts {
		checkPart(t, p)
		if p.Format == Terraform && !strings.Contains(p.Body, "$${aws:username} %%{if}") {
			t.Errorf("a template of HCL is open:\n%s", p.Body)
		}
	}
}

// FuzzCards puts one string everywhere that facts have one: documents stay
// valid, and nothing of it becomes structure.
func FuzzCards(f *testing.F) {
	for _, seed := range []string{"ssm", "x'\n    Evil: !Sub '$(reboot)", "\"\n}\nresource \"evil\" \"x\" {", "${evil}", "`evil`", "vpc-0123456789abcdef0\nevil", "a.b", "*", "\\", "EOT\n", "{VpcId}", "%cidr", "vpce-svc-1"} {
		f.Add(seed, uint8(3))
	}
	codes := diagnose.Codes()
	f.Fuzz(func(t *testing.T, evil string, n uint8) {
		s := whole(world{evil, evil})
		s.Place.DNSSuffix, s.IMDS.InstanceID, s.IMDS.AccountID = evil, evil, evil
		s.IMDS.Role.Name, s.IMDS.Role.ProfileARN, s.Rehearsal.Preferences.LogGroup = evil, evil, evil
		s.Agent.Units[0].Name = evil
		e := &s.IMDS.ENIs[0]
		e.VPCID, e.SubnetID, e.SecurityGroupIDs = evil, evil, []string{evil}
		e.VPCCIDRs = append(e.VPCCIDRs, netip.Prefix{})
		for i := range s.Targets {
			s.Targets[i].Host, s.Targets[i].Service, s.Targets[i].Title = evil, evil, evil
		}
		v := broken(codes[int(n)%len(codes)].Code, s)
		x := &v.Causes[0]
		x.Title, x.Summary, x.Action = evil, evil, diagnose.Action{Do: evil, Statement: evil}
		cards := Cards(s, v, x.Code)
		for format, check := range map[string]func(*testing.T, string){CloudFormation: structureYAML, Terraform: structureHCL, CLI: structureShell} {
			if doc := Document(cards, format); doc != "" {
				check(t, doc)
			}
		}
	})
}

// The three checks of the fuzz test parse a document and look at what a value
// that breaks out would change; lines may be long there.

func structureYAML(t *testing.T, body string) {
	t.Helper()
	var doc map[string]map[string]map[string]any
	text := body[strings.Index(body, "\nResources:")+1:]
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatalf("%v\n%s", err, body)
	}
	for name, r := range doc["Resources"] {
		if kind, _ := r["Type"].(string); propertyTable[kind].required == nil && propertyTable[kind].optional == nil {
			t.Errorf("resource %s of type %q", name, kind)
		}
	}
	if len(doc) != 1 || yaml.Unmarshal([]byte(body), &map[string]any{}) != nil {
		t.Errorf("sections %v in\n%s", doc, body)
	}
}

func structureHCL(t *testing.T, body string) {
	t.Helper()
	file, diags := hclsyntax.ParseConfig([]byte(body), "fix.tf", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatalf("%v\n%s", diags, body)
	}
	for _, b := range file.Body.(*hclsyntax.Body).Blocks {
		if _, ok := terraformTable[strings.Join(b.Labels[:min(1, len(b.Labels))], "")]; b.Type == "resource" && !ok {
			t.Errorf("resource %v", b.Labels)
		}
	}
}

func structureShell(t *testing.T, body string) {
	t.Helper()
	allowed := []string{"aws", "set", "export", "for", "sleep", "done"}
	for _, words := range shellCommands(body) {
		if !slices.Contains(allowed, words[0]) && !strings.Contains(words[0], "=") {
			t.Errorf("command %q in\n%s", words, body)
		}
	}
}
