package catalog

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestServices(t *testing.T) {
	c := Embedded()
	ages := map[string]string{Observed: "2023-09", Documented: "2026", Inferred: "2026-08"}
	for _, region := range append(c.Regions(), "us-east-9") {
		rows := c.Services(region)
		// ISO Regions have the fewest, about 80.
		if len(rows) < 50 {
			t.Errorf("%s: %d services", region, len(rows))
		}
		for _, s := range rows {
			if s.ID == "" || s.Title == "" || s.ServiceName == "" || s.Confidence == "" || len(s.Ports) == 0 || s.Age == "" {
				t.Errorf("%s: incomplete row %+v", region, s)
			}
			if strings.ContainsAny(s.ServiceName+strings.Join(s.Hosts, ""), "{}") {
				t.Errorf("%s: unexpanded row %+v", region, s)
			}
			if want, ok := ages[s.Availability]; ok && s.Age != want {
				t.Errorf("%s: %s is %s, age %s", region, s.ID, s.Availability, s.Age)
			}
		}
	}
	if rows := c.Services("narnia-1"); rows != nil {
		t.Errorf("%d services of a Region that cannot exist", len(rows))
	}
	if s, ok := c.Service("polly", "cn-north-1"); !ok || s.Availability != "" || s.Age != "" {
		t.Errorf("a service that the Region lacks: %+v", s)
	}
	if _, ok := c.Service("nonsense", "us-east-1"); ok {
		t.Error("a service that does not exist has a row")
	}
}

func TestProfiles(t *testing.T) {
	c := Embedded()
	var ids []string
	for _, p := range c.Profiles() {
		ids = append(ids, p.ID)
		if p.Title == "" || p.Source == "" || len(p.Members()) == 0 {
			t.Errorf("incomplete profile %+v", p)
		}
	}
	want := []string{
		"ssm", "session-manager", "patch-manager", "cloudwatch-agent", "ecr-pull", "ecs-ec2", "ecs-fargate", "eks-node",
		"codedeploy", "secrets", "assume-role", "kinesis-producer", "s3-access", "cfn-bootstrap",
	}
	if !slices.Equal(ids, want) {
		t.Errorf("profiles %v", ids)
	}
	p, _ := c.Profile("session-manager")
	if !slices.Equal(p.Required, []string{"ssm", "ssmmessages"}) {
		t.Errorf("Session Manager requires %v", p.Required)
	}
}

func TestDescribeCommand(t *testing.T) {
	if got := DescribeCommand("cn-north-1"); got != "aws ec2 describe-vpc-endpoint-services --region cn-north-1 --output json" {
		t.Error(got)
	}
}

func TestDate(t *testing.T) {
	if _, err := time.Parse(time.DateOnly, Embedded().Date()); err != nil {
		t.Error(err)
	}
}

func TestPartitionOf(t *testing.T) {
	for region, want := range map[string]string{
		"us-east-1": "aws amazonaws.com api.aws", "cn-north-1": "aws-cn amazonaws.com.cn api.amazonwebservices.com.cn",
		"us-gov-east-1": "aws-us-gov amazonaws.com api.aws", "eusc-de-east-1": "aws-eusc amazonaws.eu api.amazonwebservices.eu",
		"us-iso-west-1": "aws-iso c2s.ic.gov api.aws.ic.gov", "us-isob-west-1": "aws-iso-b sc2s.sgov.gov api.aws.scloud",
		"eu-isoe-west-1": "aws-iso-e cloud.adc-e.uk api.cloud-aws.adc-e.uk", "us-isof-east-1": "aws-iso-f csp.hci.ic.gov api.aws.hci.ic.gov",
		"us-south-7": "aws amazonaws.com api.aws", "cn-east-3": "aws-cn amazonaws.com.cn api.amazonwebservices.com.cn",
	} {
		p, ok := Embedded().PartitionOf(region)
		if got := fmt.Sprint(p.ID, " ", p.DNSSuffix, " ", p.DualStackSuffix); !ok || got != want {
			t.Errorf("%s: %s, want %s", region, got, want)
		}
	}
	for _, region := range []string{"", "us", "us-east", "xx-east-1", "us-east-1\n", "us-" + strings.Repeat("e", 1<<16) + "-1"} {
		if p, ok := Embedded().PartitionOf(region); ok {
			t.Errorf("%.40q is in %s", region, p.ID)
		}
	}
}

// TestConcurrentUse runs under the race detector: entries are decoded on
// demand by whoever asks first.
func TestConcurrentUse(t *testing.T) {
	d, err := parse(embedded)
	if err != nil {
		t.Fatal(err)
	}
	c := &Catalog{doc: d}
	var wg sync.WaitGroup
	for _, region := range []string{"us-east-1", "cn-north-1", "us-gov-west-1", "us-east-9"} {
		wg.Go(func() {
			if ts, _, err := c.Targets(Selection{Region: region, All: true}); err != nil || len(ts) == 0 {
				t.Errorf("%s: %d targets, %v", region, len(ts), err)
			}
		})
	}
	wg.Wait()
}

func TestParseRejectsDamage(t *testing.T) {
	for _, text := range []string{
		"", "{}", servicesMark, "{" + servicesMark + "nonsense\n],\"profiles\":[]}",
		strings.Replace(embedded, `"partitions":[`, `"partitions":{`, 1), strings.Replace(embedded, `{"id":"access-analyzer"`, `{"xd":"access-analyzer"`, 1),
	} {
		if _, err := parse(text); err == nil {
			t.Errorf("%.40q accepted", text)
		}
	}
}
