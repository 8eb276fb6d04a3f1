//go:build linux

package main

import (
	"encoding/base64"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"vpcdoctor/cmd/vpclab/world"
	"vpcdoctor/probe/probetest"
)

func init() { roles["every output"] = everyOutput }

// outDir is where the role puts everything that a run says, and nothing else.
const outDir = "said"

// everyOutput runs vpcdoctor with every kind of output, and judges the facts
// again. Its arguments are further ones of check.
func everyOutput(args []string) (any, error) {
	if err := os.MkdirAll(outDir, 0o755); err != nil {
		return nil, err
	}
	in := func(name string) string { return filepath.Join(outDir, name) }
	check := func(more ...string) []string {
		return slices.Concat([]string{"check", "--log-level", "debug"}, more, args)
	}
	for i, run := range [][]string{
		check("--facts", in("facts.json"), "--state-dir", in("state"), "--output-file", in("report.txt")),
		check("-o", "json", "--state-dir", in("state"), "--output-file", in("report.json")),
		{"diagnose", in("facts.json")},
		{"diagnose", "-o", "json", in("facts.json")},
		{"diagnose", in("report.json")},
	} {
		cmd := exec.Command("./vpcdoctor", run...)
		var err error
		if cmd.Stdout, err = os.Create(in(fmt.Sprintf("stdout-%d", i))); err != nil {
			return nil, err
		}
		if cmd.Stderr, err = os.Create(in(fmt.Sprintf("stderr-%d", i))); err != nil {
			return nil, err
		}
		_ = cmd.Run() // the verdict is not what this is about; that there is one is
	}
	return "done", nil
}

// planted are the secrets of the test itself, by where they lie.
type planted map[string]string

// as is a secret that is found nowhere else.
func (p planted) as(where string) string {
	p[where] = fmt.Sprintf("Hunter%02dx%s", len(p), strings.Repeat("Zq", 6))
	return p[where]
}

// proxyURL is a proxy with a password.
func (p planted) proxyURL(where, at string) string {
	return "http://robot:" + p.as(where) + "@" + at
}

// plantEverywhere puts secrets into every place that a run reads.
func plantEverywhere(w *world.World, p planted) {
	h, a := &w.Host, &w.Host.Agent
	at := "proxy.corp.example:3128"
	a.Env = map[string]string{
		"https_proxy": p.proxyURL("the agent's environment", at), "http_proxy": p.proxyURL("the agent's http_proxy", at),
		"no_proxy": "169.254.169.254,." + w.Suffix, "AWS_SECRET_ACCESS_KEY": p.as("keys in the agent's environment"),
	}
	unit := "/etc/systemd/system/" + world.PackageUnit
	a.Units[0].Environment = []string{"https_proxy=" + p.proxyURL("the unit's environment", at)}
	a.Units[0].DropIns, a.Units[0].Fragment = []string{unit + ".d/proxy.conf"}, unit
	h.Env = map[string]string{
		"https_proxy": p.proxyURL("the shell's environment", at), "no_proxy": "169.254.169.254,." + w.Suffix,
		"AWS_ACCESS_KEY_ID": p.as("key id of the shell"), "AWS_SECRET_ACCESS_KEY": p.as("key of the shell"), "AWS_SESSION_TOKEN": p.as("token of the shell"),
	}
	h.Files = map[string]string{
		unit:                       "[Service]\nExecStart=/usr/bin/amazon-ssm-agent\nEnvironment=https_proxy=" + p.proxyURL("unit file", at) + "\n",
		unit + ".d/proxy.conf":     "[Service]\nEnvironment=\"https_proxy=" + p.proxyURL("drop-in", at) + "\"\nEnvironmentFile=/etc/default/agent\n",
		"/etc/default/agent":       "https_proxy=" + p.proxyURL("environment file", at) + "\n",
		"/etc/environment":         "https_proxy=" + p.proxyURL("/etc/environment", at) + "\n",
		"/etc/profile.d/proxy.sh":  "export https_proxy=" + p.proxyURL("/etc/profile.d", at) + "\nexport TOKEN=" + p.as("another variable") + "\n",
		"/etc/systemd/system.conf": "[Manager]\nDefaultEnvironment=\"https_proxy=" + p.proxyURL("the manager's environment", at) + "\"\n",
		"/root/.aws/config":        "[default]\nregion = " + w.Region + "\naws_secret_access_key = " + p.as("root's AWS config") + "\n",
		"/var/lib/amazon/ssm/Vault/Store/Fingerprint2": p.as("an unknown file of the vault"),
	}
	a.Registered = w.Instance.ID
	wrong := "RequestError: send request failed\n\tcaused by: Post \"https://robot:" + p.as("a URL in the log") + "@ssm." + w.Region + "." + w.Suffix + "/?X-Amz-Security-Token=" + p.as("a query in the log") + "\": dial tcp: lookup " + p.as("a name in the log") + ".example: no such host"
	start := a.Log["amazon-ssm-agent.log"]
	a.Log = map[string]string{
		"amazon-ssm-agent.log": start +
			"{-20m} INFO https_proxy: " + p.proxyURL("the log's proxy line", at) + "\n" +
			"{-19m} ERROR [ssm-agent-worker] [MessageService] [MGSInteractor] Failed to get controlchannel token, error: CreateControlChannel failed with error: " + wrong + "\n" +
			"{-18m} ERROR [ssm-agent-worker] TokenValue:" + p.as("a token in the log") + " Failed to dial websocket, status: 403 Forbidden, err: " + p.as("an error in the log") + "\n" +
			"{-17m} ERROR [CredentialRefresher] Retrieve credentials produced error: AccessDeniedException: User: " + p.as("a user in the log") + " is not authorized to perform: ssm:UpdateInstanceInformation on resource: " + p.as("a resource in the log") + "\n" +
			"{-16m} ERROR [amazon-ssm-agent-updater] Failed to download manifest: https://bucket/x?X-Amz-Signature=" + p.as("a signed URL in the log") + "\n",
		"errors.log":               "{-25m} ERROR Failed to write credentials to disk: " + p.as("errors.log") + "\n",
		"hibernate.log":            "{-25m} ERROR Health ping failed with error - " + p.as("hibernate.log") + "\n",
		"/var/log/audit/audit.log": "type=AVC msg=audit({@-5m}.123:845): avc:  denied  { write } for  pid=8 comm=\"amazon-ssm-agen\" name=\"" + p.as("the audit log") + "\" tclass=dir permissive=0\n",
	}
}

// TestSecretsStayWhereTheyAre: what lies on an instance to be kept, in places
// that a run looks at, turns up in nothing that it says.
func TestSecretsStayWhereTheyAre(t *testing.T) {
	needLab(t)
	tests := map[string]struct {
		change func(w *world.World, p planted)
		args   []string
		shows  []string // that the places were read
	}{
		"instance profile": {
			change: func(*world.World, planted) {},
			args:   []string{"--rehearse"},
			shows:  []string{`"stem": "control_token"`, "proxy.corp.example:3128", `"scope": "unit"`, `"scope": "profile"`},
		},
		"default host management": {
			change: func(w *world.World, _ planted) {
				w.Instance.Profile, w.Instance.Role = "", ""
				w.Host.Agent.Identity.Source = "SSM"
			},
			shows: []string{"/var/lib/amazon/ssm/credentials"},
		},
		"hybrid": {
			change: func(w *world.World, p planted) {
				w.Host.Agent.HybridKeys = true
				w.Host.Agent.Hybrid = `{"instanceID":"mi-0123456789abcdef0","region":"` + w.Region + `","privateKey":"` + p.as("the registration's key") + `"}`
			},
			shows: []string{"mi-0123456789abcdef0"},
		},
		"damaged files": {
			change: func(w *world.World, p planted) {
				w.Host.Agent.Config = "{\"Ssm\":{\"Endpoint\":\"" + p.as("a broken config") + "\"}\n{" + p.as("where the config breaks")
				w.Host.Agent.Hybrid = `{"instanceID":"mi-0123456789abcdef0","privateKey":"` + p.as("a broken registration")
				w.Host.Agent.HybridKeys = true
				w.Host.Files["/root/.aws/credentials"] = "[default\naws_secret_access_key " + p.as("a broken credentials file") + "\n"
			},
			shows: []string{`"error_at"`},
		},
		"agent down": {
			change: func(w *world.World, _ planted) {
				a := &w.Host.Agent
				a.Running, a.Worker = false, false
				a.Units[0].Active, a.Units[0].Sub = "inactive", "dead"
			},
			args:  []string{"--agent-channel"},
			shows: []string{"CreateControlChannel"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, secrets := worldOf(t, "healthy"), planted{}
			plantEverywhere(w, secrets)
			tt.change(w, secrets)
			c := captureAs(t, "every output", w, tt.args...)
			said := saidIn(t, filepath.Join(c.dir, outDir))
			for _, s := range tt.shows {
				if !strings.Contains(said["facts.json"], s) && !strings.Contains(said["report.json"], s) {
					t.Errorf("the run did not get to %q: %s", s, firstLine(said["stdout-0"]))
				}
			}
			for file, text := range said {
				for where, s := range forbidden(secrets) {
					if strings.Contains(text, s) {
						t.Errorf("%s shows %s: …%s…", file, where, around(text, s))
					}
				}
			}
		})
	}
}

// saidIn are the files below a directory. Every kind of output must be there.
func saidIn(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		out[name] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []string{"facts.json", "report.txt", "report.json", "state/last-report.json", "stdout-0", "stdout-1", "stdout-2", "stdout-3", "stdout-4", "stderr-0"} {
		if len(out[f]) < 100 {
			t.Errorf("%s has %d bytes: %s", f, len(out[f]), out["stderr-0"])
		}
	}
	return out
}

// forbidden are all texts that must not be shown, by what they are.
func forbidden(p planted) map[string]string {
	out := map[string]string{"a token of the channel": "probetest-channel-", "a private key": "bm90IGEga2V5"}
	for i, s := range probetest.APISecrets {
		out[fmt.Sprintf("part %d of the instance's keys", i)] = s
	}
	maps.Copy(out, p)
	for where, s := range maps.Clone(out) {
		out[where+", in base64"] = strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(s)), "=")
		out[where+", as a password in base64"] = strings.TrimRight(base64.StdEncoding.EncodeToString([]byte("robot:"+s)), "=")
		if e := url.QueryEscape(s); e != s {
			out[where+", in a URL"] = e
		}
	}
	return out
}

// around is a secret in its text, for the one who has to find where it leaks.
func around(text, s string) string {
	i := strings.Index(text, s)
	return strings.ReplaceAll(text[max(0, i-80):min(len(text), i+len(s)+20)], "\n", " ")
}
