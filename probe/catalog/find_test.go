package catalog

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestServiceWords(t *testing.T) {
	tests := []struct {
		region, word string
		want         []string // id and host
	}{
		{"us-east-1", "ecr", []string{
			"required ecr.api api.ecr.us-east-1.amazonaws.com",
			"required ecr.dkr 111122223333.dkr.ecr.us-east-1.amazonaws.com",
			"one_of s3-gateway s3.us-east-1.amazonaws.com",
			"one_of s3-interface vpcdoctor-abcdef.s3.us-east-1.amazonaws.com",
			"optional s3-interface vpcdoctor-abcdef-111122223333.s3-accesspoint.us-east-1.amazonaws.com",
			"optional s3-interface 111122223333.s3-control.us-east-1.amazonaws.com",
		}},
		{"us-east-1", "kinesis", []string{
			"required kinesis-streams kinesis.us-east-1.amazonaws.com",
			"recommended kinesis-streams 111122223333.control-kinesis.us-east-1.amazonaws.com",
			"recommended kinesis-streams 111122223333.data-kinesis.us-east-1.amazonaws.com",
		}},
		{"us-east-1", "Step Functions", []string{"required states states.us-east-1.amazonaws.com"}},
		{"us-east-1", "EventBridge", []string{"required events events.us-east-1.amazonaws.com"}},
		{"us-east-1", "parameter_store", []string{"required ssm ssm.us-east-1.amazonaws.com"}},
		{"us-east-1", "aws-firehose", []string{"required kinesis-firehose firehose.us-east-1.amazonaws.com"}},
		{"us-east-1", "elastic-load-balancing", []string{"required elasticloadbalancing elasticloadbalancing.us-east-1.amazonaws.com"}},
		{"us-east-1", "api-gateway-control", []string{"required apigateway apigateway.us-east-1.amazonaws.com"}},
		{"us-east-1", "com.amazonaws.us-east-1.apigateway", []string{"required apigateway apigateway.us-east-1.amazonaws.com"}},
		{"us-east-1", "COM.amazonaws.us-east-1.ssm", []string{"required ssm ssm.us-east-1.amazonaws.com"}},
		{"us-east-1", "aws.api.us-east-1.kendra-ranking", []string{"required kendra-ranking kendra-ranking.us-east-1.api.aws"}},
		{"us-east-1", "ssm.us-east-1.amazonaws.com.", []string{"required ssm ssm.us-east-1.amazonaws.com"}},
		{"us-east-1", "lambda.us-east-1.api.aws", []string{"required lambda lambda.us-east-1.api.aws"}},
		{"us-east-1", "999988887777.dkr.ecr.us-east-1.amazonaws.com", []string{"required ecr.dkr 999988887777.dkr.ecr.us-east-1.amazonaws.com"}},
		{"us-east-1", "my.bucket.s3.us-east-1.amazonaws.com", []string{"required s3-interface my.bucket.s3.us-east-1.amazonaws.com"}},
		{"us-east-1", "dynamodb.us-east-1.amazonaws.com", []string{"one_of dynamodb-gateway dynamodb.us-east-1.amazonaws.com"}},
		{"cn-north-1", "dynamodb", []string{"required dynamodb-gateway dynamodb.cn-north-1.amazonaws.com.cn"}},
		{"cn-north-1", "com.amazonaws.cn-north-1.s3", []string{"required s3-gateway s3.cn-north-1.amazonaws.com.cn"}},
		{"cn-north-1", "rds.cn-north-1.amazonaws.com.cn", []string{
			"required rds rds-api.cn-north-1.amazonaws.com.cn", "optional rds rds.cn-north-1.amazonaws.com.cn",
		}},
		{"cn-north-1", "iam.cn-north-1.amazonaws.com.cn", []string{"required iam iam.cn-north-1.amazonaws.com.cn"}},
		{"cn-northwest-1", "transcribe", []string{"required transcribe cn.transcribe.cn-northwest-1.amazonaws.com.cn"}},
		{"cn-northwest-1", "account", []string{"required account account.cn-northwest-1.amazonaws.com.cn"}},
	}
	for _, tt := range tests {
		ts, _ := mustTargets(t, Selection{Region: tt.region, AccountID: testAccount, Label: testLabel, Services: []string{tt.word}})
		if d := cmp.Diff(tt.want, brief(ts)); d != "" {
			t.Errorf("%s in %s: %s", tt.word, tt.region, d)
		}
		if err := Embedded().CheckNames(nil, []string{tt.word}); err != nil {
			t.Errorf("without a Region: %v", err)
		}
	}
}

// TestServiceNamesRoundTrip: service names and private names lead back to their
// own entry. Everything in China, a sample elsewhere: each look-up searches the
// catalogue's text.
func TestServiceNamesRoundTrip(t *testing.T) {
	c := Embedded()
	for _, region := range []string{"us-east-1", "cn-north-1", "us-gov-west-1", "eusc-de-east-1", "us-iso-east-1"} {
		for i, x := range c.offeredIn(region) {
			if i%8 != 0 && region != "cn-north-1" {
				continue
			}
			f, ok := c.byFullName(x.service, region)
			if !ok || !slices.Contains(f.groups[0], x.entry.ID) {
				t.Errorf("%s leads to %v, not to %s", x.service, f.groups, x.entry.ID)
			}
			for _, h := range slices.Concat(x.names, x.dual) {
				h = strings.Replace(h, "*", "some-name", 1)
				if f, ok := c.byHost(h, region); !ok || !slices.Contains(f.groups[0], x.entry.ID) {
					// Two services can share a name; then the other one answers.
					other := ok && covered(h, slices.Concat(c.expand(c.entry(f.groups[0][0]), region).names, c.expand(c.entry(f.groups[0][0]), region).dual))
					if !other {
						t.Errorf("%s leads to %v, not to %s", h, f.groups, x.entry.ID)
					}
				}
			}
		}
	}
}

// TestWordsMeanServices: the table of words holds no id that is gone, and none
// of its keys is written in a form that normal would change.
func TestWordsMeanServices(t *testing.T) {
	for w, ids := range words {
		if normal(w) != w {
			t.Errorf("nobody reaches the word %q", w)
		}
		for _, id := range ids {
			if Embedded().byID(id) == nil {
				t.Errorf("%s: no service %s", w, id)
			}
		}
	}
	for id := range titles {
		if Embedded().entry(id) == nil {
			t.Errorf("title of %s, which does not exist", id)
		}
	}
	for id := range publicTemplates {
		if Embedded().entry(id) == nil {
			t.Errorf("public host of %s, which does not exist", id)
		}
	}
}

func TestShadowedWordIsSaid(t *testing.T) {
	_, notes := mustTargets(t, Selection{Region: "us-east-1", Label: testLabel, Services: []string{"apigateway"}})
	if len(notes) != 1 || !strings.Contains(notes[0], "execute-api") {
		t.Errorf("notes %q", notes)
	}
}

func TestUnknownNames(t *testing.T) {
	tests := []struct {
		s          Selection
		kind, near string
		hint       string
	}{
		{Selection{Region: "us-east-1", Services: []string{"ssmm"}}, "service", "ssm", ""},
		{Selection{Region: "us-east-1", Services: []string{"cloudwach"}}, "service", "cloudwatch", ""},
		{Selection{Region: "us-east-1", Services: []string{"lamdba"}}, "service", "lambda", ""},
		{Selection{Region: "us-east-1", Services: []string{"sq"}}, "service", "sqs", ""}, // beside five of the same distance
		{Selection{Region: "us-east-1", Services: []string{"ecr-pull"}}, "service", "", "--profile ecr-pull"},
		{Selection{Region: "us-east-1", Services: []string{"zzzzzzzz"}}, "service", "", ""},
		{Selection{Region: "us-east-1", Services: []string{""}}, "service", "", ""},
		{Selection{Region: "us-east-1", Services: []string{"api.example.com"}}, "service", "", "--endpoint"},
		{Selection{Region: "us-east-1", Services: []string{"com.amazonaws.vpce.us-east-1.vpce-svc-0a1"}}, "service", "", "--endpoint"},
		{Selection{Region: "us-east-1", Profiles: []string{"sesion-manager"}}, "profile", "session-manager", ""},
		{Selection{Region: "us-east-1", Profiles: []string{"lambda"}}, "profile", "", "--service lambda"},
		{Selection{Region: "narnia-1"}, "region", "", ""},
		{Selection{Region: ""}, "region", "", ""},
	}
	for _, tt := range tests {
		_, _, err := Embedded().Targets(tt.s)
		var u *UnknownError
		if !errors.As(err, &u) || u.Kind != tt.kind || tt.near != "" && !slices.Contains(u.Near, tt.near) || len(u.Near) > 3 ||
			!strings.Contains(u.Hint, tt.hint) {
			t.Errorf("%+v: error %v", tt.s, err)
		}
		if tt.kind != "region" {
			if err := Embedded().CheckNames(tt.s.Profiles, tt.s.Services); !errors.As(err, &u) {
				t.Errorf("%+v: CheckNames says %v", tt.s, err)
			}
		}
	}
}

func TestCheckRegion(t *testing.T) {
	for region, want := range map[string]string{ // to the nearest; "ok": can exist
		"us-east-1": "ok", "us-east-9": "ok", "us-gov-south-1": "ok", "cn-south-1": "ok", "eusc-de-west-1": "ok",
		"us-esat-1": "us-east-1", "cn-nothwest-1": "cn-northwest-1", "uswest2": "", "useast-1": "us-east-1", "US-EAST-1": "us-east-1",
		"us-east-1a": "us-east-1", "": "",
	} {
		err := Embedded().CheckRegion(region)
		var u *UnknownError
		switch {
		case want == "ok":
			if err != nil {
				t.Error(err)
			}
		case !errors.As(err, &u) || want != "" && (len(u.Near) == 0 || u.Near[0] != want):
			t.Errorf("%q: %v, want %s", region, err, want)
		}
	}
}

func TestNotInRegion(t *testing.T) {
	tests := []struct {
		region, service string
		known           string
		text            string
	}{
		{"cn-north-1", "account", "cn-northwest-1", "exists only in Ningxia"},
		{"cn-north-1", "polly", "cn-northwest-1", "not offered as an endpoint in cn-north-1"},
		{"cn-northwest-1", "iotsitewise.api", "cn-north-1", "not offered"},
		{"us-gov-west-1", "codedeploy", "us-east-1", "not offered"},
		{"cn-north-1", "com.amazonaws.us-east-1.ssm", "us-east-1", "is one of us-east-1"},
		{"us-east-1", "ssm.cn-north-1.amazonaws.com.cn", "cn-north-1", "is one of cn-north-1"},
	}
	for _, tt := range tests {
		_, _, err := Embedded().Targets(Selection{Region: tt.region, Services: []string{tt.service}})
		var e *NotInRegionError
		var u *UnknownError
		if !errors.As(err, &e) || errors.As(err, &u) || !slices.Contains(e.Known, tt.known) || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s in %s: %v", tt.service, tt.region, err)
		}
		if len(err.Error()) > 400 {
			t.Errorf("message of %d bytes", len(err.Error()))
		}
	}
	// No source places this one anywhere: who names it is believed.
	ts, notes, err := Embedded().Targets(Selection{Region: "us-east-1", Services: []string{"timestream-influxdb-fips"}})
	if err != nil || len(ts) != 1 || len(notes) != 1 || !ts[0].PublicOK {
		t.Errorf("%v %q %v", ts, notes, err)
	}
}

func TestRegionOfSearchDomain(t *testing.T) {
	for domain, want := range map[string]string{
		"ec2.internal": "us-east-1", "EC2.internal.": "us-east-1", "cn-north-1.compute.internal": "cn-north-1",
		"eu-west-1.compute.internal": "eu-west-1", "us-gov-west-1.compute.internal.": "us-gov-west-1",
		"us-east-9.compute.internal": "us-east-9", "compute.internal": "", "corp.example.com": "", "": "",
		"nonsense.compute.internal": "", "a.b.compute.internal": "", "x.ec2.internal": "",
	} {
		if got := RegionOfSearchDomain(domain); got != want {
			t.Errorf("RegionOfSearchDomain(%q) = %q, want %q", domain, got, want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"ssm", "ssm", 0}, {"ssm", "ssmm", 1}, {"lamdba", "lambda", 1}, {"abc", "", 3}, {"kitten", "sitting", 3}} {
		if got := distance(tt.a, tt.b); got != tt.want || distance(tt.b, tt.a) != tt.want {
			t.Errorf("distance(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}

// FuzzTargets: whatever is typed gives targets with usable hosts or an error,
// never a panic.
func FuzzTargets(f *testing.F) {
	f.Add("us-east-1", "ssm", "session-manager", "111122223333", "vpcdoctor-abcdef")
	f.Add("cn-north-1", "com.amazonaws.cn-north-1.s3", "", "", "")
	f.Add("us-east-9", "*.s3.us-east-1.amazonaws.com", "ssm", "x", "a.b")
	f.Add("us-east-1", "a b.s3.us-east-1.amazonaws.com", "", "", "")
	f.Fuzz(func(t *testing.T, region, service, profile, account, label string) {
		ts, _, err := Embedded().Targets(Selection{
			Region: region, Services: []string{service}, Profiles: []string{profile}, AccountID: account, Label: label,
		})
		if err != nil && len(err.Error()) > 8192 {
			t.Errorf("error of %d bytes", len(err.Error()))
		}
		checkTargets(t, "fuzz", ts)
		_ = Embedded().CheckNames([]string{profile}, []string{service})
		_ = Embedded().CheckRegion(region)
		RegionOfSearchDomain(region)
	})
}
