// Package packaging_test holds what is packaged to what it promises: documents
// and scripts are run as their callers run them, with stand-ins for the
// programs they call; templates are held against the catalogue.
package packaging_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// document is a Command document, as far as its script is concerned.
type document struct {
	SchemaVersion string `yaml:"schemaVersion"`
	Parameters    map[string]struct {
		Type              string
		Default           *string
		AllowedValues     []string `yaml:"allowedValues"`
		AllowedPattern    string   `yaml:"allowedPattern"`
		InterpolationType string   `yaml:"interpolationType"`
	}
	MainSteps []struct {
		Action string
		Name   string
		Inputs struct {
			TimeoutSeconds string   `yaml:"timeoutSeconds"`
			RunCommand     []string `yaml:"runCommand"`
		}
	} `yaml:"mainSteps"`
}

func readDocument(t *testing.T, name string) document {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("ssm", name))
	if err != nil {
		t.Fatal(err)
	}
	var d document
	if err := yaml.Unmarshal(b, &d); err != nil {
		t.Fatal(err)
	}
	if d.SchemaVersion != "2.2" {
		t.Fatalf("%s: schema %q", name, d.SchemaVersion)
	}
	return d
}

func (d document) script() string {
	for _, s := range d.MainSteps {
		if s.Action == "aws:runShellScript" {
			return strings.Join(s.Inputs.RunCommand, "\n")
		}
	}
	return ""
}

// spliced is the script as an agent without ENV_VAR interpolation writes it.
func (d document) spliced(values map[string]string) string {
	s := d.script()
	for name, p := range d.Parameters {
		v, given := values[name]
		if !given && p.Default != nil {
			v = *p.Default
		}
		s = strings.ReplaceAll(s, "{{ "+name+" }}", v)
	}
	return s
}

// hostile are values that would do something in a careless script.
func hostile(mark string) []string {
	return []string{
		"ssm;touch " + mark, "ssm\ntouch " + mark, "$(touch " + mark + ")", "`touch " + mark + "`",
		"a'; touch " + mark + "; '", `a"; touch ` + mark + `; "`, "a && touch " + mark, "a | touch " + mark,
		"--output-file=" + mark, "-o", "a b", "a\tb", "*", "~", "${HOME}", "a\\", "{{ Expect }}", "\x00", "ä",
		strings.Repeat("a", 1000),
	}
}

// Values that would do something are refused before a script exists, by
// patterns that match whole values: the agent looks for a match anywhere.
func TestDocumentPatterns(t *testing.T) {
	for _, name := range []string{"run-command.yaml", "bootstrap.yaml"} {
		d := readDocument(t, name)
		for param, p := range d.Parameters {
			if p.Type != "String" || p.AllowedPattern == "" {
				t.Errorf("%s %s: type %q, pattern %q", name, param, p.Type, p.AllowedPattern)
				continue
			}
			for _, alternative := range strings.Split(p.AllowedPattern, "$|^") {
				alternative = strings.TrimSuffix(strings.TrimPrefix(alternative, "^"), "$")
				if regexp.MustCompile(`\|`).MatchString(regexp.MustCompile(`\([^()]*(\([^()]*\)[^()]*)*\)`).ReplaceAllString(alternative, "")) {
					t.Errorf("%s %s: an alternative of %q is not anchored", name, param, p.AllowedPattern)
				}
			}
			if !strings.HasPrefix(p.AllowedPattern, "^") || !strings.HasSuffix(p.AllowedPattern, "$") {
				t.Errorf("%s %s: pattern %q is not anchored", name, param, p.AllowedPattern)
			}
			re := regexp.MustCompile(p.AllowedPattern)
			for _, v := range hostile("/tmp/x") {
				if re.MatchString(v) {
					t.Errorf("%s %s: pattern %q lets %q through", name, param, p.AllowedPattern, v)
				}
			}
			if p.Default != nil && !re.MatchString(*p.Default) {
				t.Errorf("%s %s: the default %q is not allowed", name, param, *p.Default)
			}
			for _, v := range p.AllowedValues {
				if !re.MatchString(v) {
					t.Errorf("%s %s: %q is allowed and is not", name, param, v)
				}
			}
			// What stands in the script has to arrive by the environment.
			if used := strings.Contains(d.script(), "{{ "+param+" }}"); used != (p.InterpolationType == "ENV_VAR") {
				t.Errorf("%s %s: in the script %v, interpolation %q", name, param, used, p.InterpolationType)
			}
		}
		for _, m := range regexp.MustCompile(`\{\{ (\w+) \}\}`).FindAllStringSubmatch(d.script(), -1) {
			if _, ok := d.Parameters[m[1]]; !ok {
				t.Errorf("%s: the script uses %s, which is no parameter", name, m[1])
			}
			if !strings.Contains(d.script(), "SSM_"+m[1]+"='{{ "+m[1]+" }}'") {
				t.Errorf("%s: %s is not quoted", name, m[1])
			}
		}
	}
	b := readDocument(t, "bootstrap.yaml")
	url := regexp.MustCompile(b.Parameters["SourceUrl"].AllowedPattern)
	for v, want := range map[string]bool{
		"https://my-bucket.s3.us-east-1.amazonaws.com/vpcdoctor_1.2.3_linux_amd64":     true,
		"https://my-bucket.s3.cn-north-1.amazonaws.com.cn/a/b/vpcdoctor_linux_arm64":   true,
		"https://my-bucket.s3.us-east-1.amazonaws.com.evil.example/vpcdoctor":          false,
		"http://my-bucket.s3.us-east-1.amazonaws.com/vpcdoctor":                        false,
		`https://my-bucket.s3.us-east-1.amazonaws.com/a", "x": "`:                      false,
		"https://my-bucket.s3.us-east-1.amazonaws.com/vpcdoctor\nhttps://evil.example": false,
	} {
		if url.MatchString(v) != want {
			t.Errorf("SourceUrl %q: allowed %v", v, !want)
		}
	}
}

// agent runs scripts as the SSM Agent does: a file given to "sh -c", as root,
// without a terminal and stdin, in the command's downloads directory.
type agent struct {
	dir  string // downloads
	bin  string // first in PATH
	args string // what the stand-in of vpcdoctor was called with, one line each
}

func newAgent(t *testing.T, code int) agent {
	t.Helper()
	dir := t.TempDir()
	a := agent{dir: filepath.Join(dir, "downloads"), bin: filepath.Join(dir, "bin"), args: filepath.Join(dir, "args")}
	for _, d := range []string{a.dir, a.bin} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if code >= 0 {
		a.install(t, filepath.Join(a.bin, "vpcdoctor"), code)
	}
	return a
}

// install writes a stand-in of vpcdoctor, which reads stdin to its end.
func (a agent) install(t *testing.T, path string, code int) []byte {
	t.Helper()
	text := fmt.Sprintf("#!/bin/sh\n[ \"$1\" != version ] || exit 0\ncat\nprintf '%%s\\n' \"$@\" >'%s'\necho 'SG-02 ERROR: verdict'\nexit %d\n", a.args, code)
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return []byte(text)
}

func (a agent) run(t *testing.T, script string, env ...string) (first string, code int) {
	t.Helper()
	path := filepath.Join(filepath.Dir(a.dir), "_script.sh")
	if err := os.WriteFile(path, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-c", path)
	cmd.Dir = a.dir
	cmd.Env = append([]string{"PATH=" + a.bin + ":/usr/sbin:/usr/bin:/sbin:/bin", "AWS_SSM_INSTANCE_ID=i-0123456789abcdef0"}, env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if err != nil && !errors.As(err, new(*exec.ExitError)) {
		t.Fatal(err)
	}
	first, _, _ = strings.Cut(out.String(), "\n")
	return first, cmd.ProcessState.ExitCode()
}

func (a agent) called(t *testing.T) []string {
	t.Helper()
	b, err := os.ReadFile(a.args)
	if err != nil {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
}

func TestRunCommandArguments(t *testing.T) {
	d := readDocument(t, "run-command.yaml")
	fixed := []string{"check", "--no-color", "--expect", "auto", "--fail-on", "never"}
	for name, c := range map[string]struct {
		values map[string]string
		want   []string
	}{
		"defaults": {nil, fixed},
		"all": {map[string]string{"Profiles": "ssm,ecr-pull", "Services": "logs,sqs", "LogGroup": "/vpcdoctor"},
			append(slices.Clone(fixed), "--profile", "ssm,ecr-pull", "--service", "logs,sqs",
				"--state-dir", "/var/lib/vpcdoctor", "--to", "stdout,cloudwatch", "--log-group", "/vpcdoctor", "--log-stream-shards", "64")},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAgent(t, 0)
			if first, code := a.run(t, d.spliced(c.values)); code != 0 || !strings.Contains(first, "verdict") {
				t.Errorf("spliced: %q, %d", first, code)
			}
			if got := a.called(t); !slices.Equal(got, c.want) {
				t.Errorf("spliced: called with %q, want %q", got, c.want)
			}
			a = newAgent(t, 0)
			a.run(t, d.script(), "SSM_Profiles="+c.values["Profiles"], "SSM_Services="+c.values["Services"], "SSM_LogGroup="+c.values["LogGroup"], "SSM_Expect=auto", "SSM_FailOn=never")
			if got := a.called(t); !slices.Equal(got, c.want) {
				t.Errorf("by environment: called with %q, want %q", got, c.want)
			}
		})
	}
}

// Even a value that no pattern stopped is one argument and does nothing.
func TestRunCommandHostileValues(t *testing.T) {
	d := readDocument(t, "run-command.yaml")
	for _, param := range []string{"Profiles", "Services", "Expect", "FailOn", "LogGroup"} {
		mark := filepath.Join(t.TempDir(), "mark")
		for _, v := range hostile(mark) {
			if strings.ContainsRune(v, 0) {
				continue // no environment can hold it
			}
			env := []string{"SSM_Profiles=ssm", "SSM_Services=logs", "SSM_Expect=auto", "SSM_FailOn=never", "SSM_LogGroup=/vpcdoctor", "SSM_" + param + "=" + v}
			a := newAgent(t, 0)
			a.run(t, d.script(), env...)
			if _, err := os.Stat(mark); err == nil {
				t.Fatalf("%s %q was executed", param, v)
			}
			if got := strings.Join(a.called(t), "\n"); !strings.Contains("\n"+got+"\n", "\n"+v+"\n") {
				t.Errorf("%s %q did not arrive as one argument: %q", param, v, got)
			}
			if left, _ := os.ReadDir(a.dir); len(left) != 0 {
				t.Errorf("%s %q left %v", param, v, left)
			}
		}
	}
}

// Exit codes: findings and inconclusive runs are successes by default, a run
// that did not happen never is.
func TestDocumentExitCodes(t *testing.T) {
	d := readDocument(t, "run-command.yaml")
	for _, c := range []struct {
		code   int
		failOn string
		want   int
	}{
		{0, "never", 0}, {3, "never", 0}, {2, "never", 2}, {4, "never", 4},
		{1, "error", 1}, {3, "error", 3}, {1, "warning", 1}, {0, "error", 0},
	} {
		a := newAgent(t, c.code)
		first, got := a.run(t, d.spliced(map[string]string{"FailOn": c.failOn}))
		if got != c.want || !strings.Contains(first, "verdict") {
			t.Errorf("vpcdoctor %d, FailOn %s: exit %d, want %d; first line %q", c.code, c.failOn, got, c.want, first)
		}
	}
	a := newAgent(t, -1)
	if first, code := a.run(t, d.spliced(nil)); code != 69 || !strings.Contains(first, "NOT RUN: it is not installed") {
		t.Errorf("not installed: %q, %d", first, code)
	}
}

func TestBootstrap(t *testing.T) {
	d := readDocument(t, "bootstrap.yaml")
	for name, c := range map[string]struct {
		code     int
		sum      string // instead of the right one
		download bool
		want     int
		first    string
	}{
		"runs":         {0, "", true, 0, "verdict"},
		"finding":      {1, "", true, 1, "verdict"},
		"inconclusive": {3, "", true, 0, "verdict"},
		"wrong sum":    {0, strings.Repeat("0", 64), true, 69, "NOT RUN: the file that arrived has the SHA-256"},
		"no download":  {0, strings.Repeat("0", 64), false, 69, "NOT RUN: the download left no file"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, mode := range []string{"spliced", "environment"} {
				a := newAgent(t, -1)
				digest := c.sum
				if c.download {
					dir := filepath.Join(a.dir, "vpcdoctor-bootstrap")
					if err := os.Mkdir(dir, 0o755); err != nil {
						t.Fatal(err)
					}
					text := a.install(t, filepath.Join(dir, "vpcdoctor_1.2.3_linux_amd64"), c.code)
					if digest == "" {
						s := sha256.Sum256(text)
						digest = hex.EncodeToString(s[:])
					}
				}
				before := temporary(t)
				var first string
				var code int
				if mode == "spliced" {
					first, code = a.run(t, d.spliced(map[string]string{"Sha256": digest}))
				} else {
					first, code = a.run(t, d.script(), "SSM_Sha256="+digest, "SSM_FailOn=never")
				}
				if code != c.want || !strings.Contains(first, c.first) {
					t.Errorf("%s: %q, exit %d, want %d", mode, first, code, c.want)
				}
				if ran := a.called(t) != nil; ran != (c.first == "verdict") {
					t.Errorf("%s: ran %v", mode, ran)
				}
				if left, _ := os.ReadDir(a.dir); len(left) != 0 {
					t.Errorf("%s left %v", mode, left)
				}
				if after := temporary(t); !slices.Equal(after, before) {
					t.Errorf("%s left %v, before %v", mode, after, before)
				}
			}
		})
	}
}

// temporary lists what the bootstrap script may have left.
func temporary(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, dir := range []string{"/tmp", "/var/tmp", "/dev/shm", "/run"} {
		found, err := filepath.Glob(dir + "/vpcdoctor.??????")
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, found...)
	}
	return all
}
