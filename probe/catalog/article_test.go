package catalog

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"vpcdoctor/probe/fact"
)

// TestCatalogArticleLists: each of the 149 service names that the article
// prints is listed with the right type, and no other name is.
func TestCatalogArticleLists(t *testing.T) {
	c := Embedded()
	total := 0
	for _, region := range []string{"cn-north-1", "cn-northwest-1"} {
		want := lines(t, "article-"+region+".txt")
		total += len(want)
		var got []string
		for _, s := range c.Services(region) {
			if s.Availability != Listed {
				continue
			}
			got = append(got, s.ServiceName)
			gateway := s.ServiceName == "com.amazonaws."+region+".s3" || s.ServiceName == "com.amazonaws."+region+".dynamodb"
			if (s.Type == "Gateway") != gateway {
				t.Errorf("%s has type %s", s.ServiceName, s.Type)
			}
			if s.Age != "2023-08" {
				t.Errorf("%s: age %q", s.ServiceName, s.Age)
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s: listed %v\nwant %v", region, got, want)
		}
	}
	if total != 149 {
		t.Errorf("%d names in the article, want 149", total)
	}
}

// TestCatalogArticleNames: each of the 149 names, given to --service, leads to
// exactly the hosts that the coverage table states, on the right ports.
func TestCatalogArticleNames(t *testing.T) {
	c := Embedded()
	rows := table(t, "article-coverage.tsv", 8)
	if len(rows) != 149 {
		t.Fatalf("%d rows, want 149", len(rows))
	}
	for _, f := range rows {
		service, kind, privateDNS, confidence, names, ports, sdk := f[0], f[1], f[2], f[3], f[4], f[6], f[7]
		region := "cn-north-1"
		if strings.Contains(service, "cn-northwest-1") {
			region = "cn-northwest-1"
		}
		targets, notes, err := c.Targets(Selection{
			Region: region, AccountID: "111122223333", Label: "vpcdoctor-abcdef", Services: []string{service},
		})
		if err != nil {
			t.Errorf("%s: %v", service, err)
			continue
		}
		want := strings.Fields(names)
		switch {
		case kind == "Gateway":
			want = []string{strings.TrimPrefix(service, "com.amazonaws."+region+".") + "." + region + ".amazonaws.com.cn"}
		case names == "-":
			// IoT data: the host belongs to the account, a note says so.
			if len(targets) != 0 || len(notes) != 1 || !strings.Contains(notes[0], "iot.data") {
				t.Errorf("%s: targets %v, notes %q", service, targets, notes)
			}
			continue
		}
		if sdk != "-" {
			want = append(want, sdk)
		}
		checkArticleHosts(t, service, targets, want)
		for _, x := range targets {
			if x.Service != service || x.Type != kind || x.PrivateDNS != privateDNS || x.Confidence != confidence || x.Availability != Listed {
				t.Errorf("%s: target %+v", service, x)
			}
			if (x.Origin == "sdk") != (x.Host == sdk) || x.Host == sdk && !x.PublicOK {
				t.Errorf("%s: SDK host %s, want %s, target %+v", service, x.Host, sdk, x)
			}
			for _, p := range x.Ports {
				if !slices.Contains(strings.Split(ports, ","), strconv.Itoa(int(p.Number))) {
					t.Errorf("%s: port %d, want one of %s", service, p.Number, ports)
				}
			}
		}
	}
}

// checkArticleHosts: each target is one of the names, stands under one of
// them, or is the apex of one, and no name is left out.
func checkArticleHosts(t *testing.T, service string, targets []fact.Target, names []string) {
	t.Helper()
	probed := map[string]bool{}
	for _, x := range targets {
		known := false
		for _, n := range names {
			if covered(x.Host, []string{n}) || n == "*."+x.Host {
				known, probed[n] = true, true
			}
		}
		if !known {
			t.Errorf("%s: host %s is none of %v", service, x.Host, names)
		}
	}
	for _, n := range names {
		if !probed[n] {
			t.Errorf("%s: nothing probes %s", service, n)
		}
	}
}

// useCases are the bullet list of the article: what people there want to reach
// from a private subnet, in words they would type, and the hosts this means in
// us-east-1. {r} is the Region and {d} its DNS suffix elsewhere.
var useCases = []struct {
	story string
	words []string
	hosts []string
}{
	{"S3", []string{"s3", "Amazon S3"}, []string{"s3.{r}.{d}", "vpcdoctor-abcdef.s3.{r}.{d}"}},
	{"DynamoDB", []string{"dynamodb", "Amazon DynamoDB"}, []string{"dynamodb.{r}.{d}"}},
	{"SQS and SNS", []string{"sqs", "sns"}, []string{"sqs.{r}.{d}", "sns.{r}.{d}"}},
	{"Lambda", []string{"lambda", "AWS Lambda"}, []string{"lambda.{r}.{d}"}},
	{"Secrets Manager", []string{"secretsmanager", "secrets-manager", "Secrets Manager"}, []string{"secretsmanager.{r}.{d}"}},
	{"KMS", []string{"kms", "key-management-service", "Amazon Key Manager"}, []string{"kms.{r}.{d}"}},
	{"CloudWatch", []string{"cloudwatch", "Cloud Watch"}, []string{"monitoring.{r}.{d}", "logs.{r}.{d}"}},
	{"Glue", []string{"glue", "AWS Glue"}, []string{"glue.{r}.{d}"}},
	{"API Gateway", []string{"apigateway", "api-gateway", "API Gateway", "execute-api"},
		[]string{"vpcdoctor-abcdef.execute-api.{r}.{d}", "execute-api.{r}.{d}"}},
	{"Systems Manager and Session Manager", []string{"systems-manager", "session-manager", "AWS Systems Manager"},
		[]string{"ssm.{r}.{d}", "ssmmessages.{r}.{d}"}},
	{"SageMaker notebook", []string{"sagemaker-notebook", "SageMaker Notebook", "notebook"}, []string{"vpcdoctor-abcdef.notebook.{r}.{sm}"}},
}

func TestArticleUseCases(t *testing.T) {
	if len(useCases) != 11 {
		t.Fatalf("%d use cases, the article lists 11", len(useCases))
	}
	places := []struct{ region, suffix, sagemaker string }{
		{"cn-north-1", "amazonaws.com.cn", "sagemaker.com.cn"},
		{"cn-northwest-1", "amazonaws.com.cn", "sagemaker.com.cn"},
		{"us-east-1", "amazonaws.com", "sagemaker.aws"},
	}
	for _, p := range places {
		f := strings.NewReplacer("{r}", p.region, "{d}", p.suffix, "{sm}", p.sagemaker)
		for _, u := range useCases {
			found := map[string]bool{}
			for _, w := range u.words {
				targets, _, err := Embedded().Targets(Selection{
					Region: p.region, AccountID: "111122223333", Label: "vpcdoctor-abcdef", Services: []string{w},
				})
				if err != nil {
					t.Errorf("%s, %s: %v", p.region, w, err)
				}
				for _, x := range targets {
					found[x.Host] = true
				}
				// Words that stand for the whole story lead to all of it.
				for _, h := range u.hosts {
					if u.story != "SQS and SNS" && !slices.ContainsFunc(targets, func(x fact.Target) bool { return x.Host == f.Replace(h) }) {
						t.Errorf("%s: %q does not lead to %s", p.region, w, f.Replace(h))
					}
				}
			}
			for _, h := range u.hosts {
				if !found[f.Replace(h)] {
					t.Errorf("%s, %s: nothing leads to %s", p.region, u.story, f.Replace(h))
				}
			}
		}
	}
}
