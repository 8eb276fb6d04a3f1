package packaging_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"vpcdoctor/probe/catalog"
)

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Service names in the templates are those of the catalogue in every
// partition: some names have a "cn." before them in China and these have not.
func TestEndpointServiceNames(t *testing.T) {
	cf := regexp.MustCompile(`(?m)^ +ServiceName: !Sub (com\.amazonaws\.\$\{AWS::Region\}\.(\w+))$`)
	found := cf.FindAllStringSubmatch(read(t, "cloudformation/endpoints.yaml"), -1)
	if len(found) != 5 {
		t.Fatalf("%d services in the template, want 5", len(found))
	}
	tf := read(t, "terraform/main.tf")
	for _, region := range []string{"us-east-1", "cn-north-1", "cn-northwest-1", "us-gov-west-1"} {
		for _, m := range found {
			id := m[2]
			if id == "s3" {
				id = "s3-gateway"
			}
			s, ok := catalog.Embedded().Service(id, region)
			if got := strings.ReplaceAll(m[1], "${AWS::Region}", region); !ok || got != s.ServiceName {
				t.Errorf("%s %s: template %q, catalogue %q", region, id, got, s.ServiceName)
			}
			if !strings.Contains(tf, `"`+m[2]+`"`) && !strings.Contains(tf, "."+m[2]+`"`) {
				t.Errorf("Terraform has no %s", m[2])
			}
		}
	}
}

// properties says of each resource type in our templates what CloudFormation
// demands and what else it knows (AWS CloudFormation template reference, read
// 2026-11; only what we could come to use).
var properties = map[string]struct{ required, optional []string }{
	"AWS::EC2::SecurityGroup": {[]string{"GroupDescription"}, []string{"GroupName", "VpcId", "SecurityGroupIngress", "SecurityGroupEgress", "Tags"}},
	"AWS::EC2::VPCEndpoint": {
		[]string{"ServiceName", "VpcId"},
		[]string{"VpcEndpointType", "SubnetIds", "SecurityGroupIds", "PrivateDnsEnabled", "RouteTableIds", "PolicyDocument", "IpAddressType", "DnsOptions", "Tags"},
	},
	"AWS::EC2::VPCEndpointService":            {nil, []string{"NetworkLoadBalancerArns", "GatewayLoadBalancerArns", "AcceptanceRequired", "SupportedIpAddressTypes", "Tags"}},
	"AWS::EC2::VPCEndpointServicePermissions": {[]string{"ServiceId"}, []string{"AllowedPrincipals"}},
	"AWS::SSM::Association": {
		[]string{"Name"},
		[]string{"AssociationName", "Parameters", "Targets", "ScheduleExpression", "ScheduleOffset", "ApplyOnlyAtCronInterval", "MaxConcurrency", "MaxErrors", "ComplianceSeverity", "OutputLocation", "DocumentVersion"},
	},
	"AWS::IAM::ManagedPolicy":    {[]string{"PolicyDocument"}, []string{"Description", "ManagedPolicyName", "Path", "Roles"}},
	"AWS::Logs::LogGroup":        {nil, []string{"LogGroupName", "RetentionInDays", "KmsKeyId", "LogGroupClass", "FieldIndexPolicies", "DeletionProtectionEnabled", "Tags"}},
	"AWS::Logs::LogStream":       {[]string{"LogGroupName"}, []string{"LogStreamName"}},
	"AWS::Logs::MetricFilter":    {[]string{"FilterPattern", "LogGroupName", "MetricTransformations"}, []string{"FilterName"}},
	"AWS::Logs::QueryDefinition": {[]string{"Name", "QueryString"}, []string{"LogGroupNames", "QueryLanguage"}},
	"AWS::CloudWatch::Dashboard": {[]string{"DashboardBody"}, []string{"DashboardName"}},
	"AWS::CloudWatch::Alarm": {
		[]string{"ComparisonOperator", "EvaluationPeriods"},
		[]string{
			"ActionsEnabled", "AlarmActions", "AlarmDescription", "AlarmName", "DatapointsToAlarm", "Dimensions", "InsufficientDataActions",
			"MetricName", "Metrics", "Namespace", "OKActions", "Period", "Statistic", "Tags", "Threshold", "TreatMissingData", "Unit",
		},
	},
}

// template is a CloudFormation template, as far as we hold it to something.
type template struct {
	Parameters map[string]struct {
		Type           string      `yaml:"Type"`
		AllowedPattern string      `yaml:"AllowedPattern"`
		AllowedValues  []yaml.Node `yaml:"AllowedValues"`
		Default        yaml.Node   `yaml:"Default"`
		MinValue       *float64    `yaml:"MinValue"`
	} `yaml:"Parameters"`
	Conditions map[string]yaml.Node `yaml:"Conditions"`
	Resources  map[string]resource  `yaml:"Resources"`
	Outputs    map[string]yaml.Node `yaml:"Outputs"`
}

type resource struct {
	Type       string               `yaml:"Type"`
	Condition  string               `yaml:"Condition"`
	Properties map[string]yaml.Node `yaml:"Properties"`
}

func readTemplate(t *testing.T, path string) template {
	t.Helper()
	var doc template
	if err := yaml.Unmarshal([]byte(read(t, path)), &doc); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return doc
}

func templates(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("cloud*/*.yaml")
	if err != nil || len(files) < 3 {
		t.Fatalf("%v, %v", files, err)
	}
	return append(files, "ssm/association.yaml")
}

// Every template parses; what it refers to exists in it, what it sets exists in
// CloudFormation, and what people can set is held to a form.
func TestCloudFormation(t *testing.T) {
	for _, path := range templates(t) {
		text, doc := read(t, path), readTemplate(t, path)
		if len(text) > 51_200 || len(doc.Resources) > 500 {
			t.Errorf("%s: %d bytes, %d resources: more than deploys without a bucket, or at all", path, len(text), len(doc.Resources))
		}
		for _, m := range regexp.MustCompile(`!Ref "?([A-Za-z0-9:]+)"?|\$\{([A-Za-z0-9:]+)(?:\.Arn)?\}|!GetAtt (\w+)|!If \[(\w+),`).FindAllStringSubmatch(text, -1) {
			name := m[1] + m[2] + m[3] + m[4]
			_, param := doc.Parameters[name]
			_, resource := doc.Resources[name]
			_, condition := doc.Conditions[name]
			if !param && !resource && !condition && !strings.HasPrefix(name, "AWS::") {
				t.Errorf("%s: nothing is called %s", path, name)
			}
		}
		for name, r := range doc.Resources {
			known, ok := properties[r.Type]
			if !ok {
				t.Errorf("%s %s: type %q", path, name, r.Type)
			}
			for _, p := range known.required {
				if _, ok := r.Properties[p]; !ok {
					t.Errorf("%s %s: no %s", path, name, p)
				}
			}
			for p := range r.Properties {
				if !slices.Contains(known.required, p) && !slices.Contains(known.optional, p) {
					t.Errorf("%s %s: %s does not know %s", path, name, r.Type, p)
				}
			}
			if _, ok := doc.Conditions[r.Condition]; r.Condition != "" && !ok {
				t.Errorf("%s %s: no condition %s", path, name, r.Condition)
			}
		}
		for name, p := range doc.Parameters {
			if !strings.Contains(text, "!Ref "+name) && !strings.Contains(text, "${"+name+"}") {
				t.Errorf("%s %s: nobody uses it", path, name)
			}
			pattern, err := regexp.Compile(p.AllowedPattern)
			if err != nil {
				t.Errorf("%s %s: %v", path, name, err)
				continue
			}
			if p.AllowedPattern == "" && p.AllowedValues == nil && p.MinValue == nil && !strings.Contains(p.Type, "AWS::") {
				t.Errorf("%s %s: takes anything", path, name)
			}
			if !p.Default.IsZero() && p.Type == "String" && !pattern.MatchString(p.Default.Value) {
				t.Errorf("%s %s: the default %q is not allowed", path, name, p.Default.Value)
			}
			if !p.Default.IsZero() && p.AllowedValues != nil && !slices.ContainsFunc(p.AllowedValues, func(n yaml.Node) bool { return n.Value == p.Default.Value }) {
				t.Errorf("%s %s: the default %q is not among the values", path, name, p.Default.Value)
			}
		}
		for _, m := range regexp.MustCompile(`arn:(\S*)`).FindAllString(text, -1) {
			if strings.HasPrefix(m, "arn:aws:") && !strings.Contains(m, "111122223333") {
				t.Errorf("%s: %s is of one partition only", path, m)
			}
		}
	}
}

// cfn-lint knows more of CloudFormation than our table, and which Regions lack
// what. It is no part of the project; where it is installed it has its say.
func TestTemplatesLint(t *testing.T) {
	lint, err := exec.LookPath("cfn-lint")
	if err != nil {
		t.Skip("no cfn-lint; install it with pip to hold the templates against CloudFormation's own schemas")
	}
	args := append([]string{"--regions", "us-east-1", "cn-north-1", "us-gov-west-1", "--"}, templates(t)...)
	if out, err := exec.CommandContext(t.Context(), lint, args...).CombinedOutput(); err != nil {
		t.Errorf("cfn-lint: %v\n%s", err, out)
	}
}

// Policies name their actions one by one; nothing decrypts, and what writes is
// delivery's.
func TestPolicies(t *testing.T) {
	files, err := filepath.Glob("iam/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("%v, %v", files, err)
	}
	explained := read(t, "iam/README.md")
	for _, path := range files {
		var p struct {
			Version   string
			Statement []struct {
				Sid, Effect, Resource string
				Action                any
			}
		}
		if err := json.Unmarshal([]byte(read(t, path)), &p); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if p.Version != "2012-10-17" {
			t.Errorf("%s: version %q", path, p.Version)
		}
		for _, s := range p.Statement {
			actions, list := s.Action.([]any)
			if !list {
				actions = []any{s.Action}
			}
			for _, a := range actions {
				action, _ := a.(string)
				_, verb, ok := strings.Cut(action, ":")
				if !ok || strings.ContainsAny(action, "*?") || s.Effect != "Allow" || s.Resource == "" {
					t.Errorf("%s %s: %q on %q", path, s.Sid, action, s.Resource)
				}
				if !strings.Contains(explained, verb+"`") {
					t.Errorf("README.md does not say what %s buys", action)
				}
			}
		}
	}
}

// Each line of the sandbox is explained, and the two services share it.
func TestUnitIsExplained(t *testing.T) {
	explained := read(t, "../systemd/README.md")
	sandboxes := map[string]string{}
	for _, name := range []string{"vpcdoctor.service", "vpcdoctor-boot.service"} {
		_, service, _ := strings.Cut(read(t, "../systemd/"+name), "[Service]\n")
		service, _, _ = strings.Cut(service, "\n[Install]\n")
		for line := range strings.Lines(service) {
			key, _, ok := strings.Cut(line, "=")
			if ok && !strings.HasPrefix(line, "#") && !strings.Contains(explained, "`"+key) {
				t.Errorf("README.md does not explain %s of %s", key, name)
			}
		}
		for _, key := range []string{"TimeoutStartSec=", "SuccessExitStatus=1 3\n", "Type=oneshot\n"} {
			if !strings.Contains(service, key) {
				t.Errorf("%s has no %s", name, key)
			}
		}
		_, sandbox, ok := strings.Cut(service, "NoNewPrivileges=yes\n")
		if !ok {
			t.Fatalf("%s has no sandbox", name)
		}
		sandboxes[name] = strings.TrimSpace(sandbox)
	}
	if sandboxes["vpcdoctor.service"] != sandboxes["vpcdoctor-boot.service"] {
		t.Error("the services have different sandboxes")
	}
}

// The boot unit delays the SSM Agent, whoever packed that, and never beyond a
// minute.
func TestBootUnit(t *testing.T) {
	unit := read(t, "../systemd/vpcdoctor-boot.service")
	var limit time.Duration
	for _, key := range []string{"TimeoutStartSec", "TimeoutStopSec"} {
		m := regexp.MustCompile(`(?m)^` + key + `=(\w+)$`).FindStringSubmatch(unit)
		if m == nil {
			t.Fatalf("no %s", key)
		}
		d, err := time.ParseDuration(m[1])
		if err != nil {
			t.Fatal(err)
		}
		limit += d
	}
	if limit > time.Minute {
		t.Errorf("the agent waits up to %v", limit)
	}
	for _, agent := range []string{"amazon-ssm-agent.service", "snap.amazon-ssm-agent.amazon-ssm-agent.service"} {
		if !regexp.MustCompile(`(?m)^Before=(.* )?` + regexp.QuoteMeta(agent) + `( .*)?$`).MatchString(unit) {
			t.Errorf("not ordered before %s", agent)
		}
	}
	if m := regexp.MustCompile(`(?m)^(Required|Bind|Part|Upheld|Requisite)\w*=.*$`).FindString(unit); m != "" {
		t.Errorf("more than an order: %s", m)
	}
}
