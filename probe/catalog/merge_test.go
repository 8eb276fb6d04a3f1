package catalog

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// describeUSEast1 has the form of a real answer, cut to what matters: a
// service with more names than the catalogue knows, one without private DNS,
// both S3 rows, an unknown one, and a customer's own.
const describeUSEast1 = `{
  "ServiceNames": ["com.amazonaws.us-east-1.sqs", "com.amazonaws.us-east-1.ssm", "com.amazonaws.us-east-1.brandnew", "com.amazonaws.us-east-1.nameonly"],
  "ServiceDetails": [
    {"ServiceName": "com.amazonaws.us-east-1.sqs", "ServiceId": "vpce-svc-1", "ServiceType": [{"ServiceType": "Interface"}],
     "AvailabilityZones": ["us-east-1a", "us-east-1b"], "Owner": "amazon", "BaseEndpointDnsNames": ["sqs.us-east-1.vpce.amazonaws.com"],
     "PrivateDnsName": "sqs.us-east-1.amazonaws.com", "PrivateDnsNames": [{"PrivateDnsName": "sqs.us-east-1.amazonaws.com"}, {"PrivateDnsName": "SQS.us-east-1.api.aws."}],
     "VpcEndpointPolicySupported": true, "AcceptanceRequired": false, "ManagesVpcEndpoints": false, "Tags": []},
    {"ServiceName": "com.amazonaws.us-east-1.ssm", "ServiceType": [{"ServiceType": "Interface"}], "AvailabilityZones": ["us-east-1a"]},
    {"ServiceName": "com.amazonaws.us-east-1.s3", "ServiceType": [{"ServiceType": "Gateway"}]},
    {"ServiceName": "com.amazonaws.us-east-1.s3", "ServiceType": [{"ServiceType": "Interface"}],
     "PrivateDnsNames": [{"PrivateDnsName": "*.s3.us-east-1.amazonaws.com"}, {"PrivateDnsName": "*.s3-control.us-east-1.amazonaws.com"}]},
    {"ServiceName": "com.amazonaws.us-east-1.kms-fips", "ServiceType": [{"ServiceType": "Interface"}], "PrivateDnsName": "kms-fips.us-east-1.amazonaws.com"},
    {"ServiceName": "com.amazonaws.us-east-1.brandnew", "ServiceType": [{"ServiceType": "Interface"}], "PrivateDnsNames": [{"PrivateDnsName": "*.brandnew.us-east-1.on.aws"}]},
    {"ServiceName": "com.amazonaws.vpce.us-east-1.vpce-svc-0a1b2c", "ServiceType": [{"ServiceType": "Interface"}], "Owner": "111122223333", "PrivateDnsName": "billing.corp.example"},
    {"ServiceName": "com.amazonaws.vpce.us-east-1.vpce-svc-0ffff", "ServiceType": [{"ServiceType": "GatewayLoadBalancer"}]},
    {"ServiceName": "com.amazonaws.iam", "ServiceType": [{"ServiceType": "Interface"}], "PrivateDnsName": "iam.amazonaws.com"}
  ]
}`

func mustMerge(t *testing.T, text string) *Catalog {
	t.Helper()
	c, err := Embedded().Merge([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestMerge(t *testing.T) {
	before, _ := mustTargets(t, Selection{Region: "us-east-1", Label: testLabel, AccountID: testAccount, All: true})
	c := mustMerge(t, describeUSEast1)
	get := func(id string) Service {
		t.Helper()
		s, ok := c.Service(id, "us-east-1")
		if !ok {
			t.Fatalf("no service %s", id)
		}
		return s
	}
	sqs := get("sqs")
	if d := cmp.Diff([]string{"sqs.us-east-1.amazonaws.com", "sqs.us-east-1.api.aws"}, sqs.Hosts); d != "" {
		t.Error(d)
	}
	if sqs.Confidence != Exact || sqs.Availability != Observed || sqs.Age != "--catalog" || len(sqs.Zones) != 2 {
		t.Errorf("%+v", sqs)
	}
	if ssm := get("ssm"); ssm.PrivateDNS != dnsNo || len(ssm.Hosts) != 0 {
		t.Errorf("the file says that ssm has no private name: %+v", ssm)
	}
	if s3 := get("s3-interface"); len(s3.Hosts) != 2 || s3.Type != "Interface" || get("s3-gateway").Availability != Observed {
		t.Errorf("%+v", s3)
	}
	if n := get("nameonly"); n.Availability != Listed || n.PrivateDNS != dnsUnknown || n.Confidence != Unknown {
		t.Errorf("%+v", n)
	}
	if n := get("iam"); n.Availability != Observed || n.Confidence != Exact {
		t.Errorf("a global name belongs to the file's Region: %+v", n)
	}
	if kms := get("kms"); kms.Age != "2023-09" {
		t.Errorf("what the file does not name must stay: %+v", kms)
	}
	if s, _ := c.Service("sqs", "us-west-2"); s.Age != "2023-09" || len(s.Zones) != 0 {
		t.Errorf("another Region changed: %+v", s)
	}
	if c.Date() == Embedded().Date() {
		t.Error("the date does not tell of the file")
	}
	after, _ := mustTargets(t, Selection{Region: "us-east-1", Label: testLabel, AccountID: testAccount, All: true})
	if cmp.Diff(before, after) != "" {
		t.Error("the embedded catalogue changed")
	}
}

func TestMergeTargets(t *testing.T) {
	c := mustMerge(t, describeUSEast1)
	tests := []struct {
		service string
		want    []string
	}{
		{"sqs", []string{"required sqs sqs.us-east-1.amazonaws.com", "required sqs sqs.us-east-1.api.aws"}},
		{"s3-interface", []string{
			"required s3-interface s3.us-east-1.amazonaws.com", "required s3-interface vpcdoctor-abcdef.s3.us-east-1.amazonaws.com",
			"optional s3-interface 111122223333.s3-control.us-east-1.amazonaws.com",
		}},
		{"brandnew", []string{"required brandnew vpcdoctor-abcdef.brandnew.us-east-1.on.aws"}},
		{"com.amazonaws.us-east-1.brandnew", []string{"required brandnew vpcdoctor-abcdef.brandnew.us-east-1.on.aws"}},
		{"vpce-svc-0a1b2c", []string{"required vpce-svc-0a1b2c billing.corp.example"}},
		{"billing.corp.example", []string{"required vpce-svc-0a1b2c billing.corp.example"}},
		{"sqs.us-east-1.api.aws", []string{"required sqs sqs.us-east-1.amazonaws.com", "required sqs sqs.us-east-1.api.aws"}},
		{"vpce-svc-0ffff", nil},
		{"nameonly", nil},
	}
	for _, tt := range tests {
		ts, notes, err := c.Targets(Selection{Region: "us-east-1", AccountID: testAccount, Label: testLabel, Services: []string{tt.service}})
		if d := cmp.Diff(tt.want, brief(ts)); d != "" || err != nil {
			t.Errorf("%s: %v %s", tt.service, err, d)
		}
		if (len(ts) == 0) != (len(notes) > 0) {
			t.Errorf("%s: notes %q", tt.service, notes)
		}
		for _, x := range ts {
			if x.Confidence != Exact {
				t.Errorf("%s: confidence %s", x.Host, x.Confidence)
			}
		}
	}
	all, _, err := c.Targets(Selection{Region: "us-east-1", AccountID: testAccount, Label: testLabel, All: true})
	if err != nil || !slices.ContainsFunc(brief(all), func(s string) bool { return strings.HasSuffix(s, " billing.corp.example") }) {
		t.Errorf("--all lacks a service of the file: %v", err)
	}
}

// TestMergeChina: there the file can settle what the catalogue only derives.
func TestMergeChina(t *testing.T) {
	c := mustMerge(t, `{"ServiceDetails":[
		{"ServiceName":"com.amazonaws.cn-north-1.s3","ServiceType":[{"ServiceType":"Gateway"}]},
		{"ServiceName":"cn.com.amazonaws.cn-north-1.s3","ServiceType":[{"ServiceType":"Interface"}],"PrivateDnsNames":[{"PrivateDnsName":"*.s3.cn-north-1.amazonaws.com.cn"}]},
		{"ServiceName":"cn.com.amazonaws.cn-north-1.rds","ServiceType":[{"ServiceType":"Interface"}],"PrivateDnsName":"rds.cn-north-1.amazonaws.com.cn"},
		{"ServiceName":"cn.com.amazonaws.cn-north-1.polly","ServiceType":[{"ServiceType":"Interface"}],"PrivateDnsName":"polly.cn-north-1.amazonaws.com.cn"}]}`)
	ts, _, err := c.Targets(Selection{Region: "cn-north-1", Label: testLabel, Services: []string{"rds", "polly"}})
	want := []string{"required rds rds.cn-north-1.amazonaws.com.cn", "required polly polly.cn-north-1.amazonaws.com.cn"}
	if d := cmp.Diff(want, brief(ts)); d != "" || err != nil {
		t.Errorf("%v %s", err, d)
	}
	if s, _ := c.Service("s3-interface", "cn-north-1"); s.ServiceName != "cn.com.amazonaws.cn-north-1.s3" || s.Confidence != Exact {
		t.Errorf("%+v", s)
	}
	if s, _ := c.Service("rds", "cn-northwest-1"); s.Hosts[0] != "rds-api.cn-northwest-1.amazonaws.com.cn" {
		t.Errorf("%+v", s)
	}
}

func TestMergeForms(t *testing.T) {
	for _, text := range []string{
		`["com.amazonaws.us-east-1.sqs","com.amazonaws.us-east-1.zig"]`,
		`{"ServiceNames":["com.amazonaws.us-east-1.sqs","com.amazonaws.us-east-1.zig"]}`,
		"\ufeff" + `[{"ServiceName":"com.amazonaws.us-east-1.zig"}]`,
		`[{"ServiceName":"com.amazonaws.us-east-1.zig","ServiceType":[]},{"ServiceName":"com.amazonaws.us-west-2.zig"}]`,
	} {
		c := mustMerge(t, text)
		if s, ok := c.Service("zig", "us-east-1"); !ok || s.ServiceName != "com.amazonaws.us-east-1.zig" {
			t.Errorf("%s: %+v", text, s)
		}
		// Merging twice adds nothing twice.
		again, err := c.Merge([]byte(text))
		if err != nil || len(again.extra) != len(c.extra) {
			t.Errorf("%s: %d services, then %d, %v", text, len(c.extra), len(again.extra), err)
		}
	}
}

// TestMergeTwoRegions: one new service in two Regions is one entry.
func TestMergeTwoRegions(t *testing.T) {
	c := mustMerge(t, `[{"ServiceName":"com.amazonaws.us-east-1.zig","PrivateDnsName":"zig.us-east-1.amazonaws.com"},
		{"ServiceName":"com.amazonaws.us-west-2.zig","PrivateDnsName":"zag.us-west-2.amazonaws.com"}]`)
	for region, want := range map[string]string{"us-east-1": "zig.us-east-1.amazonaws.com", "us-west-2": "zag.us-west-2.amazonaws.com"} {
		if s, _ := c.Service("zig", region); len(s.Hosts) != 1 || s.Hosts[0] != want || s.ServiceName != "com.amazonaws."+region+".zig" {
			t.Errorf("%s: %+v", region, s)
		}
	}
	_, _, err := c.Targets(Selection{Region: "eu-west-1", Services: []string{"zig"}})
	if len(c.extra) != 1 || err == nil {
		t.Errorf("%d entries; in a third Region: %v", len(c.extra), err)
	}
}

func TestMergeErrors(t *testing.T) {
	many := make([]string, 0, maxFileRegions+1)
	for i := range maxFileRegions + 1 {
		many = append(many, "com.amazonaws.us-x"+strings.Repeat("y", i%20)+"-"+strings.Repeat("1", 1+i/20)+".sqs")
	}
	tooMany, _ := json.Marshal(many)
	tests := []struct{ text, want string }{
		{"", "empty"},
		{"  \n ", "empty"},
		{"{}", "describe-vpc-endpoint-services"},
		{"[]", "describe-vpc-endpoint-services"},
		{"<html>", "line 1, column 1"},
		{"{\n  \"ServiceDetails\": [\n    {\"ServiceName\": }\n]}", "line 3, column 21"},
		{"{\n \"ServiceDetails\": {}}", "line 2"},
		{`{"ServiceDetails":[{"ServiceName":7}]}`, "ServiceName must not be a number"},
		{`{"ServiceDetails":[{"ServiceName":"a\u001b[2Jb.c"}]}`, "not the name of an endpoint service"},
		{`["sqs"]`, `service 1: ServiceName "sqs"`},
		{`["com.amazonaws.iam"]`, "no service name contains a Region"},
		{`[{"ServiceName":"com.amazonaws.us-east-1.sqs","ServiceType":[{"ServiceType":"Tunnel"}]}]`, "ServiceType[0]"},
		{`[{"ServiceName":"com.amazonaws.us-east-1.sqs","PrivateDnsName":"a b"}]`, "not a DNS name"},
		{`[{"ServiceName":"com.amazonaws.us-east-1.sqs","PrivateDnsName":"a.*.b"}]`, "not a DNS name"},
		{`[{"ServiceName":"com.amazonaws.us-east-1.sqs","AvailabilityZones":["us east"]}]`, "not an Availability Zone"},
		{`{"ServiceDetails":[`, "line 1"},
		{string(tooMany), "more than 64 Regions"},
		{strings.Repeat(" ", maxCatalogFile+1), "at most"},
	}
	for _, tt := range tests {
		c, err := Embedded().Merge([]byte(tt.text))
		if c != nil || err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%.60q: %v, want %q", tt.text, err, tt.want)
		} else if strings.ContainsAny(err.Error(), "\x1b\n") || len(err.Error()) > 400 {
			t.Errorf("unfit message %q", err)
		}
	}
}

// FuzzMerge: no file makes the program panic, and what it lets in is fit to
// be asked for.
func FuzzMerge(f *testing.F) {
	f.Add([]byte(describeUSEast1))
	f.Add([]byte(`["com.amazonaws.us-east-1.sqs"]`))
	f.Add([]byte(`[{"ServiceName":"us-east-1.us-east-1","ServiceType":[{"ServiceType":"Gateway"},{"ServiceType":"Interface"}]}]`))
	f.Add([]byte(`{"ServiceDetails":[{"ServiceName":"{region}.us-east-1.x"}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := Embedded().Merge(text)
		if err != nil {
			return
		}
		for id := range c.over {
			ts, _, err := c.Targets(Selection{Region: id.region, AccountID: testAccount, Label: testLabel, Services: []string{id.id}})
			if err == nil {
				checkTargets(t, id.id, ts)
			}
			break // one entry is enough, the map's order varies
		}
	})
}
