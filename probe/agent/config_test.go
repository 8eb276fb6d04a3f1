package agent

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vpcdoctor/probe/fact"
)

func TestConfig(t *testing.T) {
	ok := fact.Outcome{Status: fact.OK}
	for _, c := range []struct {
		name, text string
		want       fact.AgentConfig
	}{
		{"defaults", `{"Ssm":{"Endpoint":""},"Mgs":{"Region":"","Endpoint":""},"Agent":{"Region":""}}`, fact.AgentConfig{Outcome: ok}},
		{"every override", `{
  "Ssm": {"Endpoint": "https://vpce-0a1-x.ssm.us-east-1.vpce.amazonaws.com"},
  "Mgs": {"Endpoint": "wss://VPCE-0b2.ssmmessages.us-east-1.vpce.amazonaws.com/v1/x?y", "Region": "us-east-2"},
  "Mds": {"Endpoint": "10.0.0.9:8443"},
  "S3": {"Endpoint": "bucket.vpce-0c3.s3.us-east-1.vpce.amazonaws.com."},
  "Kms": {"Endpoint": "u:pw@kms.internal:443/"},
  "Agent": {"Region": "us-west-2", "ServiceDomain": "example.internal.", "UseDualStackEndpoint": true}
}`, fact.AgentConfig{
			Outcome: ok, Region: "us-west-2", MGSRegion: "us-east-2", Domain: "example.internal", DualStack: true,
			Overrides: []fact.Override{
				{Service: "ssm", Key: "Ssm.Endpoint", Host: "vpce-0a1-x.ssm.us-east-1.vpce.amazonaws.com"},
				{Service: "ssmmessages", Key: "Mgs.Endpoint", Host: "vpce-0b2.ssmmessages.us-east-1.vpce.amazonaws.com"},
				{Service: "ec2messages", Key: "Mds.Endpoint", Host: "10.0.0.9:8443"},
				{Service: "s3", Key: "S3.Endpoint", Host: "bucket.vpce-0c3.s3.us-east-1.vpce.amazonaws.com"},
				{Service: "kms", Key: "Kms.Endpoint", Host: "kms.internal:443"},
			},
		}},
		{"letter case of keys, as the agent reads them", `{"mgs":{"endpoint":"a.b"},"agent":{"usedualstackendpoint":true}}`, fact.AgentConfig{
			Outcome: ok, DualStack: true, Overrides: []fact.Override{{Service: "ssmmessages", Key: "Mgs.Endpoint", Host: "a.b"}},
		}},
		{"identity and profile", `{"Identity":{"ConsumptionOrder":["EC2","Cus\u001btom"],"CustomIdentities":[{"InstanceID":"secret"},{}]},
			"Profile":{"ShareCreds":false,"ShareProfile":"p"},"Agent":{"ContainerMode":true}}`, fact.AgentConfig{
			Outcome: ok, Order: []string{"EC2", "Cus?tom"}, Custom: 2, Container: true, ShareCreds: new(bool), Profile: "p",
		}},
		{"a list of a hundred identities", `{"Identity":{"ConsumptionOrder":[` + strings.Repeat(`"EC2",`, 99) + `"EC2"]}}`, fact.AgentConfig{
			Outcome: ok, Order: slices.Repeat([]string{"EC2"}, maxOrder),
		}},
		{"not a host name", `{"Ssm":{"Endpoint":"https://a b/"},"Mgs":{"Endpoint":"x:99999"},"Agent":{"Region":"us east"}}`, fact.AgentConfig{
			Outcome: fact.Outcome{Status: fact.OK, Detail: "not usable as a name: Ssm.Endpoint, Mgs.Endpoint, Agent.Region"},
		}},
		{"a comma too many", "{\n  \"Ssm\": {\n    \"Endpoint\": \"a.b\",\n  }\n}\n", fact.AgentConfig{
			Outcome: fact.Outcome{Status: fact.Failed, Class: fact.Malformed, Detail: "invalid character '}' looking for beginning of object key string"},
			ErrorAt: "line 4, column 3",
		}},
		{"cut off", `{"Ssm":`, fact.AgentConfig{
			Outcome: fact.Outcome{Status: fact.Failed, Class: fact.Malformed, Detail: "unexpected end of JSON input"},
			ErrorAt: "line 1, column 7",
		}},
		{"a byte order mark", "\xef\xbb\xbf{}", fact.AgentConfig{
			Outcome: fact.Outcome{Status: fact.Failed, Class: fact.Malformed, Detail: "invalid character '??' looking for beginning of value"},
			ErrorAt: "line 1, column 1",
		}},
		{"wrong kind", `{"Ssm":{"Endpoint":5}}`, fact.AgentConfig{
			Outcome: fact.Outcome{Status: fact.Failed, Class: fact.Malformed, Detail: "json: cannot unmarshal number into Go struct field .Ssm.Endpoint of type string"},
			ErrorAt: "line 1, column 20",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, _ := read(t, system(tree{configPath: c.text}), nil)
			c.want.Path, c.want.Present = configPath, true
			if d := cmp.Diff(c.want, a.Config); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestConfigFile(t *testing.T) {
	t.Run("none is normal", func(t *testing.T) {
		a, _ := read(t, system(), nil)
		if a.Config.Status != fact.OK || a.Config.Present {
			t.Errorf("%+v", a.Config)
		}
	})
	t.Run("too large", func(t *testing.T) {
		a, _ := read(t, system(tree{configPath: strings.Repeat(" ", maxConfig+1)}), nil)
		if a.Config.Class != fact.TooLarge {
			t.Errorf("%+v", a.Config)
		}
	})
	t.Run("a directory in its place", func(t *testing.T) {
		a, _ := read(t, system(tree{configPath + "/x": ""}), nil)
		if a.Config.Status != fact.Failed || a.Config.Class != fact.Malformed {
			t.Errorf("%+v", a.Config)
		}
	})
	t.Run("not readable for this user", func(t *testing.T) {
		o := Options{UID: 1000, Command: (&commands{}).run}
		o.files = denied{Root: "", prefixes: []string{"/"}}
		a, _ := Read(t.Context(), o)
		if a.Config.Skipped != needsRoot || a.Config.Present {
			t.Errorf("%+v", a.Config)
		}
	})
	t.Run("beside a binary of its own directory", func(t *testing.T) {
		const beside = "/opt/ssm/configuration/amazon-ssm-agent.json"
		root := system(process(812, "/opt/ssm/amazon-ssm-agent", ""), tree{
			beside: `{"Agent":{"Region":"eu-west-1"}}`, configPath: `{"Agent":{"Region":"us-east-1"}}`,
		}).write(t)
		region := func() string {
			a, _ := Read(t.Context(), Options{Root: root, Command: (&commands{}).run})
			return a.Config.Region
		}
		if rootOwned(t, root+beside) && region() != "eu-west-1" {
			t.Errorf("Region %q: the file beside the binary was not read", region())
		}
		chmod(t, root+beside, 0o666)
		if got := region(); got != "us-east-1" {
			t.Errorf("Region %q: a file that others may write was read", got)
		}
	})
}
