package catalog

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vpcdoctor/probe/fact"
)

const (
	testAccount = "111122223333"
	testLabel   = "vpcdoctor-abcdef"
)

// brief is a target in one line: need, id, host.
func brief(ts []fact.Target) []string {
	var out []string
	for _, t := range ts {
		out = append(out, string(t.Need)+" "+t.ID+" "+t.Host)
	}
	return out
}

// targetOf returns the only target with this host.
func targetOf(t *testing.T, ts []fact.Target, host string) fact.Target {
	t.Helper()
	i := slices.IndexFunc(ts, func(x fact.Target) bool { return x.Host == host })
	if i < 0 {
		t.Fatalf("no target %s in %v", host, brief(ts))
	}
	return ts[i]
}

func mustTargets(t *testing.T, s Selection) ([]fact.Target, []string) {
	t.Helper()
	ts, notes, err := Embedded().Targets(s)
	if err != nil {
		t.Fatal(err)
	}
	return ts, notes
}

func TestTargetsOfProfiles(t *testing.T) {
	tests := []struct {
		region   string
		profiles []string
		want     []string
	}{
		{"us-east-1", []string{"session-manager"}, []string{
			"required ssm ssm.us-east-1.amazonaws.com",
			"required ssmmessages ssmmessages.us-east-1.amazonaws.com",
			"optional kms kms.us-east-1.amazonaws.com",
			"optional logs logs.us-east-1.amazonaws.com",
			"optional s3-gateway s3.us-east-1.amazonaws.com",
			"optional ec2messages ec2messages.us-east-1.amazonaws.com",
		}},
		{"cn-northwest-1", []string{"ecr-pull"}, []string{
			"required ecr.api api.ecr.cn-northwest-1.amazonaws.com.cn",
			"required ecr.dkr 111122223333.dkr.ecr.cn-northwest-1.amazonaws.com.cn",
			"one_of s3-gateway s3.cn-northwest-1.amazonaws.com.cn",
			"one_of s3-interface vpcdoctor-abcdef.s3.cn-northwest-1.amazonaws.com.cn",
		}},
		// ssm is optional in the first profile and required in the second.
		{"us-gov-west-1", []string{"cloudwatch-agent", "session-manager"}, []string{
			"required monitoring monitoring.us-gov-west-1.amazonaws.com",
			"required logs logs.us-gov-west-1.amazonaws.com",
			"required ssm ssm.us-gov-west-1.amazonaws.com",
			"required ssmmessages ssmmessages.us-gov-west-1.amazonaws.com",
			"optional ec2 ec2.us-gov-west-1.amazonaws.com",
			"optional xray xray.us-gov-west-1.amazonaws.com",
			"optional sts sts.us-gov-west-1.amazonaws.com",
			"optional kms kms.us-gov-west-1.amazonaws.com",
			"optional s3-gateway s3.us-gov-west-1.amazonaws.com",
			"optional ec2messages ec2messages.us-gov-west-1.amazonaws.com",
		}},
		{"us-iso-east-1", []string{"assume-role"}, []string{"required sts sts.us-iso-east-1.c2s.ic.gov"}},
		{"us-isob-east-1", []string{"assume-role"}, []string{"required sts sts.us-isob-east-1.sc2s.sgov.gov"}},
		{"eu-isoe-west-1", []string{"assume-role"}, []string{"required sts sts.eu-isoe-west-1.cloud.adc-e.uk"}},
		{"us-isof-south-1", []string{"assume-role"}, []string{"required sts sts.us-isof-south-1.csp.hci.ic.gov"}},
		{"eusc-de-east-1", []string{"assume-role"}, []string{"required sts sts.eusc-de-east-1.amazonaws.eu"}},
	}
	for _, tt := range tests {
		ts, notes := mustTargets(t, Selection{Region: tt.region, AccountID: testAccount, Label: testLabel, Profiles: tt.profiles})
		if d := cmp.Diff(tt.want, brief(ts)); d != "" || len(notes) != 0 {
			t.Errorf("%s in %s: %s notes %q", tt.profiles, tt.region, d, notes)
		}
	}
}

// TestTargetsOfEveryProfile: every profile gives targets in every Region,
// without an error, required ones first, each host once and usable.
func TestTargetsOfEveryProfile(t *testing.T) {
	c := Embedded()
	for _, region := range append(c.Regions(), "us-east-9", "cn-south-1") {
		for _, p := range c.Profiles() {
			s := Selection{Region: region, AccountID: testAccount, Label: testLabel, Profiles: []string{p.ID}}
			ts, _ := mustTargets(t, s)
			if len(ts) == 0 {
				t.Errorf("%s in %s: nothing to probe", p.ID, region)
			}
			for _, id := range p.Required {
				if !slices.ContainsFunc(ts, func(x fact.Target) bool { return x.ID == id && x.Need == fact.NeedRequired }) {
					t.Errorf("%s in %s: no required target of %s", p.ID, region, id)
				}
			}
			checkTargets(t, p.ID+" in "+region, ts)
		}
	}
}

func checkTargets(t *testing.T, what string, ts []fact.Target) {
	t.Helper()
	hosts := map[string]bool{}
	last := 0
	for _, x := range ts {
		if hosts[x.Host] || !isHostPattern(x.Host) || strings.ContainsAny(x.Host, "*{}") {
			t.Errorf("%s: host %q twice or unusable", what, x.Host)
		}
		hosts[x.Host] = true
		if r := rank(x.Need); r < last {
			t.Errorf("%s: %s %s stands after a weaker need", what, x.Need, x.Host)
		} else {
			last = r
		}
		if (x.Need == fact.NeedOneOf) != (x.Group != "") {
			t.Errorf("%s: %s has need %s and group %q", what, x.Host, x.Need, x.Group)
		}
		if len(x.Ports) > maxPorts || x.Service == "" || x.Origin == "" {
			t.Errorf("%s: %+v", what, x)
		}
	}
}

func TestTargetsOfAll(t *testing.T) {
	c := Embedded()
	for _, region := range c.Regions() {
		s := Selection{Region: region, AccountID: testAccount, Label: testLabel, Profiles: []string{"session-manager"}, All: true}
		ts, notes := mustTargets(t, s)
		checkTargets(t, region, ts)
		made := 0
		for _, x := range ts {
			if strings.Contains(x.Host, testLabel) {
				made++
			}
			for _, p := range x.Ports {
				if p.Number != 443 {
					t.Errorf("%s: port %d of %s without being named", region, p.Number, x.ID)
				}
			}
		}
		if made > maxLabels {
			t.Errorf("%s: %d made-up names", region, made)
		}
		// Every service of the Region has a target or a note, or there is
		// no host of it to probe, or another row has its host.
		for _, x := range c.offeredIn(region) {
			id := x.entry.ID
			if len(x.hosts()) == 0 ||
				slices.ContainsFunc(ts, func(y fact.Target) bool { return y.ID == id || slices.Contains(x.names, y.Host) || y.Host == x.public }) ||
				slices.ContainsFunc(notes, func(n string) bool { return strings.HasPrefix(n, id+":") }) {
				continue
			}
			if id != "s3-interface" { // its regional name stands in the gateway's row
				t.Errorf("%s: %s was dropped without a word", region, id)
			}
		}
	}
	ts, _ := mustTargets(t, Selection{Region: "us-east-1", AccountID: testAccount, All: true})
	if len(ts) < 400 || len(ts) > 440 {
		t.Errorf("%d targets of us-east-1, want about 400", len(ts))
	}
}

func TestTargetsAreStable(t *testing.T) {
	s := Selection{
		Region: "us-east-1", AccountID: testAccount, Label: testLabel, All: true, FIPS: true, DualStack: true,
		Profiles: []string{"ssm", "ecs-ec2"}, Services: []string{"s3", "cloudwatch"},
	}
	first, notes := mustTargets(t, s)
	for range 3 {
		again, n := mustTargets(t, s)
		if cmp.Diff(first, again) != "" || cmp.Diff(notes, n) != "" {
			t.Fatal("two runs differ")
		}
	}
}

func TestTargetsPorts(t *testing.T) {
	tests := []struct{ region, service, host, named, plain string }{
		{"us-east-1", "cassandra", "cassandra.us-east-1.amazonaws.com", "9142/tls 443/tls", "443/tls"},
		{"us-east-1", "email-smtp", "email-smtp.us-east-1.amazonaws.com", "465/tls", ""},
		{"us-east-1", "storagegateway", "storagegateway.us-east-1.amazonaws.com", "443/tls 1026/tcp 1027/tcp 1028/tcp", "443/tls"},
		{"us-east-1", "transcribestreaming", "transcribestreaming.us-east-1.amazonaws.com", "443/tls 8443/tls", "443/tls"},
		{"us-east-1", "transfer.server", "vpcdoctor-abcdef.server.transfer.us-east-1.amazonaws.com", "22/tcp", ""},
		{"us-east-1", "sqs", "sqs.us-east-1.amazonaws.com", "443/tls", "443/tls"},
	}
	for _, tt := range tests {
		ts, _ := mustTargets(t, Selection{Region: tt.region, Label: testLabel, Services: []string{tt.service}})
		x := targetOf(t, ts, tt.host)
		if got := portText(x.Ports); got != tt.named {
			t.Errorf("%s named: %s, want %s", tt.service, got, tt.named)
		}
		for _, p := range x.Ports {
			if p.HTTP != (p.Number == 443) {
				t.Errorf("%s: HTTP on port %d: %v", tt.service, p.Number, p.HTTP)
			}
		}
		e := Embedded().entry(tt.service)
		if got := portText(portsOf(e.Ports, false)); e.Ports != nil && got != tt.plain {
			t.Errorf("%s not named: %s, want %s", tt.service, got, tt.plain)
		}
		// Naming it besides --all must not lose the extra ports.
		both, _ := mustTargets(t, Selection{Region: tt.region, Label: testLabel, Services: []string{tt.service}, All: true})
		if got := portText(targetOf(t, both, tt.host).Ports); got != tt.named {
			t.Errorf("%s named with --all: %s, want %s", tt.service, got, tt.named)
		}
	}
}

func portText(ports []fact.Port) string {
	var out []string
	for _, p := range ports {
		out = append(out, p.String())
	}
	return strings.Join(out, " ")
}

func TestTargetsPublicOK(t *testing.T) {
	tests := []struct {
		region, service, host string
		want                  bool
	}{
		{"us-east-1", "ssm", "ssm.us-east-1.amazonaws.com", false},
		{"cn-north-1", "ssm", "ssm.cn-north-1.amazonaws.com.cn", false},
		{"us-gov-west-1", "ssm", "ssm.us-gov-west-1.amazonaws.com", true}, // inferred
		{"us-east-1", "s3", "s3.us-east-1.amazonaws.com", true},
		{"us-east-1", "s3-interface", "vpcdoctor-abcdef.s3.us-east-1.amazonaws.com", true},
		{"us-east-1", "dynamodb", "dynamodb.us-east-1.amazonaws.com", true},
		{"us-east-1", "dynamodb-streams", "streams.dynamodb.us-east-1.amazonaws.com", true},
		{"us-east-1", "storagegateway", "storagegateway.us-east-1.amazonaws.com", true},
		{"cn-north-1", "rds", "rds-api.cn-north-1.amazonaws.com.cn", false},
		{"cn-north-1", "rds", "rds.cn-north-1.amazonaws.com.cn", true},
		{"cn-north-1", "fsx", "fsx.cn-north-1.amazonaws.com.cn", true},
		{"us-east-1", "rds", "rds.us-east-1.amazonaws.com", false},
	}
	for _, tt := range tests {
		ts, _ := mustTargets(t, Selection{Region: tt.region, Label: testLabel, AccountID: testAccount, Services: []string{tt.service}})
		if got := targetOf(t, ts, tt.host).PublicOK; got != tt.want {
			t.Errorf("%s: public answer right: %v, want %v", tt.host, got, tt.want)
		}
	}
}

func TestTargetsAgent(t *testing.T) {
	agents := func(s Selection) []string {
		ts, _ := mustTargets(t, s)
		var out []string
		for _, x := range ts {
			if x.Agent {
				out = append(out, x.Host)
			}
		}
		return out
	}
	want := []string{
		"ssm.us-east-1.amazonaws.com", "ssmmessages.us-east-1.amazonaws.com", "s3.us-east-1.amazonaws.com",
		"kms.us-east-1.amazonaws.com", "logs.us-east-1.amazonaws.com", "ec2messages.us-east-1.amazonaws.com",
	}
	if d := cmp.Diff(want, agents(Selection{Region: "us-east-1", Profiles: []string{"ssm"}})); d != "" {
		t.Error(d)
	}
	if got := agents(Selection{Region: "us-east-1", Profiles: []string{"secrets", "s3-access"}}); len(got) != 1 {
		t.Errorf("programs' own use of KMS and S3 is taken for the agent's: %v", got)
	}
	// The agent's S3 and the program's S3 are one host: the agent counts.
	if got := agents(Selection{Region: "us-east-1", Profiles: []string{"s3-access", "ssm"}}); len(got) != 6 {
		t.Errorf("%v", got)
	}
}

func TestTargetsWithoutAccount(t *testing.T) {
	for _, account := range []string{"", "12345", "11112222333x"} {
		ts, notes := mustTargets(t, Selection{Region: "us-east-1", AccountID: account, Services: []string{"ecr.dkr", "kinesis"}})
		if d := cmp.Diff([]string{"required kinesis-streams kinesis.us-east-1.amazonaws.com"}, brief(ts)); d != "" {
			t.Error(d)
		}
		if len(notes) != 1 || !strings.HasPrefix(notes[0], "ecr.dkr:") {
			t.Errorf("notes %q", notes)
		}
	}
}

func TestTargetsVariants(t *testing.T) {
	s := Selection{Region: "us-east-1", AccountID: testAccount, Services: []string{"kms", "lambda", "monitoring"}}
	hosts := func(fips, dual bool) []string {
		s.FIPS, s.DualStack = fips, dual
		ts, _ := mustTargets(t, s)
		var out []string
		for _, x := range ts[3:] {
			if x.Need != fact.NeedRecommended {
				t.Errorf("%s has need %s", x.Host, x.Need)
			}
			out = append(out, x.Host)
		}
		slices.Sort(out)
		return out
	}
	tests := []struct {
		fips, dual bool
		want       []string
	}{
		{false, false, nil},
		{true, false, []string{"kms-fips.us-east-1.amazonaws.com", "monitoring-fips.us-east-1.amazonaws.com"}},
		{false, true, []string{"lambda.us-east-1.api.aws", "monitoring.us-east-1.api.aws"}},
		{true, true, []string{
			"kms-fips.us-east-1.amazonaws.com", "lambda.us-east-1.api.aws", "monitoring-fips.us-east-1.amazonaws.com",
			"monitoring-fips.us-east-1.api.aws", "monitoring.us-east-1.api.aws",
		}},
	}
	for _, tt := range tests {
		if d := cmp.Diff(tt.want, hosts(tt.fips, tt.dual)); d != "" {
			t.Errorf("FIPS %v, dual-stack %v: %s", tt.fips, tt.dual, d)
		}
	}
}

func TestTargetsRetirement(t *testing.T) {
	for region, want := range map[string]string{"us-east-1": "2026-09-30", "cn-north-1": "", "us-gov-west-1": "", "us-iso-east-1": ""} {
		ts, _ := mustTargets(t, Selection{Region: region, Services: []string{"ec2messages"}})
		if ts[0].Retires != want || !strings.Contains(ts[0].Note, "2026-09-30") {
			t.Errorf("%s: retires %q, note %q", region, ts[0].Retires, ts[0].Note)
		}
	}
	ts, _ := mustTargets(t, Selection{Region: "mx-central-1", Services: []string{"ec2messages", "ssm"}})
	if !strings.Contains(ts[0].Note, "Not offered in mx-central-1") || ts[1].Retires != "" {
		t.Errorf("%+v", ts)
	}
}

func TestTargetsKeepTheRestOnError(t *testing.T) {
	ts, _, err := Embedded().Targets(Selection{Region: "cn-north-1", Services: []string{"polly", "sqs", "nonsense"}})
	var elsewhere *NotInRegionError
	var unknown *UnknownError
	if !errors.As(err, &elsewhere) || !errors.As(err, &unknown) || elsewhere.ID != "polly" || unknown.Name != "nonsense" {
		t.Errorf("error %v", err)
	}
	if d := cmp.Diff([]string{"required sqs sqs.cn-north-1.amazonaws.com.cn"}, brief(ts)); d != "" {
		t.Error(d)
	}
}
