package software

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"vpcdoctor/probe/catalog"
	"vpcdoctor/probe/fact"
)

// root lays files below a new root directory. A value that starts with "->" is
// the target of a link.
func root(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if to, ok := strings.CutPrefix(text, "->"); ok {
			if err := os.Symlink(to, path); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const (
	cwBinary = "/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent"
	kinesis  = "/usr/bin/start-aws-kinesis-agent"
)

func TestFind(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  []fact.Software
	}{
		"nothing": {files: map[string]string{"/etc/passwd": ""}},
		"agent and patching": {
			files: map[string]string{"/usr/bin/amazon-ssm-agent": "", "/var/log/amazon/ssm/patch-baseline-operations/x": ""},
			want: []fact.Software{
				{ID: "ssm-agent", Path: "/usr/bin/amazon-ssm-agent", Profiles: []string{"session-manager"}},
				{ID: "patch-manager", Path: "/var/log/amazon/ssm/patch-baseline-operations", Profiles: []string{"patch-manager"}},
			},
		},
		"cloudwatch without a configuration": {
			files: map[string]string{cwBinary: ""},
			want:  []fact.Software{{ID: "cloudwatch-agent", Path: cwBinary, Profiles: []string{"cloudwatch-agent"}}},
		},
		"cloudwatch with logs only": {
			files: map[string]string{cwBinary: "", cloudWatchFile: `{"agent":{"region":"cn-north-1"},"logs":{"logs_collected":{}}}`},
			want: []fact.Software{{ID: "cloudwatch-agent", Path: cwBinary, Config: cloudWatchFile,
				Services: []string{"logs"}, Region: "cn-north-1"}},
		},
		"cloudwatch in fragments": {
			files: map[string]string{cwBinary: "",
				cloudWatchD + "/file_logs.json": `{"logs":{"endpoint_override":"https://vpce-1.logs.us-east-1.vpce.amazonaws.com"}}`,
				cloudWatchD + "/ssm_metrics":    `{"metrics":{"append_dimensions":{"AutoScalingGroupName":"${aws:AutoScalingGroupName}"},"credentials":{"role_arn":"arn:aws:iam::1:role/x"}},"traces":{}}`},
			want: []fact.Software{{ID: "cloudwatch-agent", Path: cwBinary, Config: cloudWatchD + "/ssm_metrics",
				Services: []string{"logs", "monitoring", "ec2", "xray", "sts"},
				Override: []fact.Override{{Service: "logs", Key: "logs.endpoint_override", Host: "vpce-1.logs.us-east-1.vpce.amazonaws.com"}}}},
		},
		"cloudwatch to Prometheus": {
			files: map[string]string{cwBinary: "", cloudWatchFile: `{"metrics":{"metrics_destinations":{"amp":{"workspace_id":"ws-1"}}}}`},
			want: []fact.Software{{ID: "cloudwatch-agent", Path: cwBinary, Config: cloudWatchFile,
				Services: []string{"aps-workspaces"}}},
		},
		"cloudwatch with a broken file": {
			files: map[string]string{cwBinary: "", cloudWatchFile: `{"logs":`},
			want: []fact.Software{{Outcome: fact.Outcome{Status: fact.Failed, Class: fact.Malformed}, ID: "cloudwatch-agent",
				Path: cwBinary, Config: cloudWatchFile, Profiles: []string{"cloudwatch-agent"}}},
		},
		"ecs with a backend of its own": {
			files: map[string]string{"/etc/ecs/ecs.config": "# cluster\nECS_CLUSTER=blue\nECS_BACKEND_HOST=https://ecs.corp.example\nECS_ENGINE_AUTH_DATA={\"secret\":\"s3cr3t\"}\n"},
			want: []fact.Software{{ID: "ecs-agent", Path: "/etc/ecs/ecs.config", Config: "/etc/ecs/ecs.config", Profiles: []string{"ecs-ec2"},
				Override: []fact.Override{{Service: "ecs", Key: "ECS_BACKEND_HOST", Host: "ecs.corp.example"}}}},
		},
		"kinesis agent to Firehose": {
			files: map[string]string{kinesis: "", "/etc/aws-kinesis/agent.json": `{"firehose.endpoint":"firehose.us-east-1.amazonaws.com","flows":[{"deliveryStream":"a"}]}`},
			want: []fact.Software{{ID: "kinesis-agent", Path: kinesis, Config: "/etc/aws-kinesis/agent.json", Services: []string{"kinesis-firehose"},
				Override: []fact.Override{{Service: "kinesis-firehose", Key: "firehose.endpoint", Host: "firehose.us-east-1.amazonaws.com"}}}},
		},
		"a running node": {
			files: map[string]string{"/etc/eks/bootstrap.sh": "", "/proc/77/exe": "->/usr/bin/kubelet", "/proc/self/exe": "->/usr/bin/kubelet"},
			want:  []fact.Software{{ID: "eks-node", Path: "/etc/eks/bootstrap.sh", Profiles: []string{"eks-node"}, Running: true}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := Find(t.Context(), Options{Root: root(t, c.files)})
			for i := range got {
				got[i].Detail = ""
			}
			for i := range c.want {
				if c.want[i].Status == "" {
					c.want[i].Status = fact.OK
				}
			}
			if text(t, got) != text(t, c.want) {
				t.Errorf("got  %s\nwant %s", text(t, got), text(t, c.want))
			}
		})
	}
}

func text(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(b), `[]`, "null")
}

// Every profile and service that a program stands for is in the catalogue.
func TestNamesAreInTheCatalogue(t *testing.T) {
	c := catalog.Embedded()
	services := []string{"monitoring", "aps-workspaces", "ec2", "logs", "xray", "sts", "kinesis-streams", "kinesis-firehose", "ecs"}
	for _, p := range programs {
		services = append(services, p.services...)
		for _, id := range p.profiles {
			if _, ok := c.Profile(id); !ok {
				t.Errorf("%s: no profile %q", p.id, id)
			}
		}
	}
	if err := c.CheckNames([]string{"cloudwatch-agent"}, services); err != nil {
		t.Error(err)
	}
}

// No value of a configuration file that may be a secret enters a fact.
func TestSecretsStayOut(t *testing.T) {
	dir := root(t, map[string]string{
		cwBinary:              "",
		cloudWatchFile:        `{"logs":{"endpoint_override":"https://user:s3cr3t@logs.corp.example"},"s3cr3t":"s3cr3t"}`,
		"/etc/ecs/ecs.config": "ECS_ENGINE_AUTH_DATA=s3cr3t\nECS_BACKEND_HOST=https://a:s3cr3t@ecs.corp.example\n",
	})
	if got := text(t, Find(t.Context(), Options{Root: dir})); strings.Contains(got, "s3cr3t") {
		t.Error(got)
	}
}

func FuzzConfigs(f *testing.F) {
	f.Add(`{"metrics":{"append_dimensions":{}}}`, "ECS_BACKEND_HOST=x\n", `{"flows":[{}]}`)
	f.Add("{\"logs\":null}", "\x00=\x1b[2J", `[`)
	known := []string{"monitoring", "aps-workspaces", "ec2", "logs", "xray", "sts", "kinesis-streams", "kinesis-firehose"}
	f.Fuzz(func(t *testing.T, cloudWatch, ecs, flows string) {
		dir := root(t, map[string]string{
			cwBinary: "", kinesis: "", cloudWatchFile: "x" + cloudWatch, cloudWatchD + "/a": "x" + cloudWatch,
			"/etc/ecs/ecs.config": "x" + ecs, "/etc/aws-kinesis/agent.json": "x" + flows,
		})
		for name, b := range map[string]string{cloudWatchFile: cloudWatch, cloudWatchD + "/a": cloudWatch, "/etc/ecs/ecs.config": ecs, "/etc/aws-kinesis/agent.json": flows} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(b), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		for _, s := range Find(t.Context(), Options{Root: dir}) {
			for _, id := range s.Services {
				if !slices.Contains(known, id) {
					t.Errorf("service %q out of a file", id)
				}
			}
			for _, o := range s.Override {
				if strings.ContainsAny(o.Host, " \x1b@/") {
					t.Errorf("host %q", o.Host)
				}
			}
		}
	})
}
