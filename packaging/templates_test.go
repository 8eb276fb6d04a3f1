package packaging_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
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

// Every template parses; what it refers to exists in it.
func TestCloudFormation(t *testing.T) {
	for _, path := range []string{"cloudformation/endpoints.yaml", "cloudformation/endpoint-service.yaml", "ssm/association.yaml"} {
		text := read(t, path)
		var doc struct {
			Parameters map[string]struct {
				AllowedPattern string `yaml:"AllowedPattern"`
				Default        any    `yaml:"Default"`
			} `yaml:"Parameters"`
			Resources map[string]any `yaml:"Resources"`
		}
		if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		for _, m := range regexp.MustCompile(`!Ref "?([A-Za-z0-9:]+)"?|\$\{([A-Za-z0-9:]+)\}|!GetAtt (\w+)`).FindAllStringSubmatch(text, -1) {
			name := m[1] + m[2] + m[3]
			_, param := doc.Parameters[name]
			_, resource := doc.Resources[name]
			if !param && !resource && !strings.HasPrefix(name, "AWS::") {
				t.Errorf("%s: nothing is called %s", path, name)
			}
		}
		for name, p := range doc.Parameters {
			pattern, err := regexp.Compile(p.AllowedPattern)
			if err != nil {
				t.Errorf("%s %s: %v", path, name, err)
				continue
			}
			if text, ok := p.Default.(string); ok && !pattern.MatchString(text) {
				t.Errorf("%s %s: the default %q is not allowed", path, name, text)
			}
		}
	}
}

// Policies name their actions one by one and grant nothing that writes or
// decrypts.
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
