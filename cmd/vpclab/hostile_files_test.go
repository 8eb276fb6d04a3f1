//go:build linux

package main

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"vpcdoctor/report"
	"vpcdoctor/report/diagnose"
	"vpcdoctor/report/text"
)

func init() { roles["pipes"] = pipesForFiles }

// TestBadFiles: a file that cannot be used is told at once, with what is wrong
// and where, exit code 2, and before anything is sent.
func TestBadFiles(t *testing.T) {
	garbage := strings.Repeat("\x00\xff\x1b[31m", 200)
	for name, tt := range map[string]struct {
		files map[string]string
		env   map[string]string
		args  []string
		want  []string // in stderr
	}{
		"CA bundle missing":   {nil, nil, []string{"--ca-bundle", "no.pem"}, []string{"no.pem"}},
		"CA bundle garbage":   {map[string]string{"x.pem": garbage}, nil, []string{"--ca-bundle", "x.pem"}, []string{"x.pem"}},
		"CA bundle empty":     {map[string]string{"x.pem": ""}, nil, []string{"--ca-bundle", "x.pem"}, []string{"x.pem"}},
		"CA bundle endless":   {nil, nil, []string{"--ca-bundle", "/dev/zero"}, []string{"/dev/zero"}},
		"CA bundle directory": {nil, nil, []string{"--ca-bundle", "/etc"}, []string{"/etc"}},
		"AWS_CA_BUNDLE":       {nil, map[string]string{"AWS_CA_BUNDLE": "/no/such.pem"}, nil, []string{"/no/such.pem"}},
		"metadata endpoint":   {nil, map[string]string{"AWS_EC2_METADATA_SERVICE_ENDPOINT": "garbage"}, nil, []string{"AWS_EC2_METADATA_SERVICE_ENDPOINT"}},
		"reference roots":     {nil, nil, []string{"--reference-roots", "no.pem"}, []string{"no.pem"}},

		"config key":     {map[string]string{"c.yaml": "profiles: [ssm]\nregoin: x\n"}, nil, []string{"--config", "c.yaml"}, []string{"c.yaml", "line 2", "regoin"}},
		"config type":    {map[string]string{"c.yaml": "all: sometimes\n"}, nil, []string{"--config", "c.yaml"}, []string{"c.yaml", "line 1"}},
		"config value":   {map[string]string{"c.yaml": "region: us-east-1\nbudget: soon\n"}, nil, []string{"--config", "c.yaml"}, []string{"c.yaml", "budget"}},
		"config garbage": {map[string]string{"c.yaml": garbage}, nil, []string{"--config", "c.yaml"}, []string{"c.yaml"}},
		"config bomb":    {map[string]string{"c.yaml": yamlBomb()}, nil, []string{"--config", "c.yaml"}, []string{"c.yaml"}},
		"config endless": {nil, nil, []string{"--config", "/dev/zero"}, []string{"/dev/zero", "1 MB"}},
		"endpoint port":  {map[string]string{"c.yaml": "endpoints:\n  - {name: mail, host: mail.example, port: 25}\n"}, nil, []string{"--config", "c.yaml"}, []string{"c.yaml", "25"}},

		"catalog missing":  {nil, nil, []string{"--catalog", "no.json"}, []string{"no.json"}},
		"catalog syntax":   {map[string]string{"k.json": "{\"ServiceDetails\": [\n {\"ServiceName\": nope}]}"}, nil, []string{"--catalog", "k.json"}, []string{"k.json", "line 2"}},
		"catalog type":     {map[string]string{"k.json": "{\"ServiceDetails\": [\n {\"ServiceName\": 7}]}"}, nil, []string{"--catalog", "k.json"}, []string{"k.json", "ServiceName"}},
		"catalog nothing":  {map[string]string{"k.json": "{}"}, nil, []string{"--catalog", "k.json"}, []string{"k.json"}},
		"catalog endless":  {nil, nil, []string{"--catalog", "/dev/zero"}, []string{"16 MB"}},
		"facts missing":    {nil, nil, []string{"diagnose", "no.json"}, []string{"no.json"}},
		"facts syntax":     {map[string]string{"f.json": "{\"schema\": 1,\n \"run\": nope}"}, nil, []string{"diagnose", "f.json"}, []string{"f.json", "line 2"}},
		"facts type":       {map[string]string{"f.json": "{\"schema\": 1, \"run\": {\n \"uid\": \"root\"}}"}, nil, []string{"diagnose", "f.json"}, []string{"f.json", "uid"}},
		"facts garbage":    {map[string]string{"f.json": garbage}, nil, []string{"diagnose", "f.json"}, []string{"f.json"}},
		"facts empty":      {map[string]string{"f.json": ""}, nil, []string{"diagnose", "f.json"}, []string{"f.json"}},
		"facts endless":    {nil, nil, []string{"diagnose", "/dev/zero"}, []string{"64 MB"}},
		"facts deep":       {map[string]string{"f.json": strings.Repeat("[", 1<<20)}, nil, []string{"diagnose", "f.json"}, []string{"f.json"}},
		"report file path": {nil, nil, []string{"--output-file", "/no/such/dir/r.txt"}, []string{"/no/such/dir/r.txt"}},
		"facts to device":  {nil, nil, []string{"--facts", "/dev/null"}, []string{"/dev/null"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := worldOf(t, "healthy")
			w.Host.Env = tt.env
			start := time.Now()
			c := captureWith(t, w, "", tt.files, tt.args...)
			if took := time.Since(start); took > withinBudget {
				t.Errorf("took %v", took)
			}
			if c.exit != report.ExitUsage || c.stdout != "" {
				t.Errorf("exit %d, stdout %q, stderr %s", c.exit, firstLine(c.stdout), c.stderr)
			}
			for _, want := range tt.want {
				if !strings.Contains(c.stderr, want) {
					t.Errorf("stderr does not name %q: %s", want, c.stderr)
				}
			}
			if !plain(c.stderr) || !strings.HasPrefix(c.stderr, "vpcdoctor: ") || strings.Count(c.stderr, "\n") > 2 || len(c.stderr) > 1000 {
				t.Errorf("stderr: %q", c.stderr)
			}
			for _, p := range c.packets {
				if p.Sent {
					t.Fatalf("sent %+v", p)
				}
			}
		})
	}
}

// yamlBomb is a small file that wants to become a large one.
func yamlBomb() string {
	var b strings.Builder
	b.WriteString("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n")
	for i, c := range "bcdefghi" {
		prev := string(rune('a' + i))
		_, _ = b.WriteString(string(c) + "0: &" + string(c) + "0 [" + strings.Repeat("*"+prev+"0,", 9) + "*" + prev + "0]\n")
	}
	return b.String()
}

// pipesForFiles puts named pipes, which nobody writes to, where files are
// expected.
func pipesForFiles(args []string) (any, error) {
	for _, name := range strings.Fields(os.Getenv(kindEnv)) {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return nil, err
		}
		if err := syscall.Mkfifo(name, 0o644); err != nil {
			return nil, err
		}
	}
	return runTimed(args)
}

// TestPipesForFiles: a pipe in the place of a file holds nothing up.
func TestPipesForFiles(t *testing.T) {
	for _, name := range []string{
		"/etc/hosts", "/etc/nsswitch.conf", "/etc/resolv.conf", "/etc/os-release", "/etc/pki/tls/certs/ca-bundle.crt",
		"/etc/amazon/ssm/amazon-ssm-agent.json", "/var/lib/amazon/ssm/runtimeconfig/identity_config.json",
		"/var/lib/amazon/ssm/registration", "/etc/systemd/resolved.conf", "/etc/environment",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := worldOf(t, "healthy")
			w.Host.Env = map[string]string{kindEnv: name}
			endedInTime(t, captureAs(t, "pipes", w))
		})
	}
}

// realFacts are the facts of one run with a fault in it.
func realFacts(t *testing.T) []byte {
	t.Helper()
	c := capture(t, worldOf(t, "egress-closed"), "--facts", factsFile, "--budget", "5s")
	return []byte(c.read(factsFile))
}

// TestBrokenFacts cuts and spoils the facts of a real run: the binary answers
// with an error, or with a verdict when the file still is one, and never
// panics.
func TestBrokenFacts(t *testing.T) {
	t.Parallel()
	facts := realFacts(t)
	dir := t.TempDir()
	spoilt := [][]byte{bytes.ReplaceAll(facts, []byte("true"), []byte("null")), bytes.ReplaceAll(facts, []byte(`"failed"`), []byte(`"\u001b[2J"`))}
	for i := range 24 {
		cut := len(facts) * i / 24
		spoilt = append(spoilt, facts[:cut])
		flipped := bytes.Clone(facts)
		for j := cut; j < len(flipped); j += 97 {
			flipped[j] ^= byte(1 + i)
		}
		spoilt = append(spoilt, flipped)
	}
	for i, b := range spoilt {
		path := filepath.Join(dir, "facts.json")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		var errs, out bytes.Buffer
		cmd := exec.Command(doctorBin, "diagnose", path)
		cmd.Stdout, cmd.Stderr = &out, &errs
		_ = cmd.Run()
		code := cmd.ProcessState.ExitCode()
		if code != report.ExitUsage && code != report.ExitOK && code != report.ExitFinding && code != report.ExitInconclusive {
			t.Errorf("file %d: exit %d: %s", i, code, errs.String())
		}
		if !plain(out.String()) || !plain(errs.String()) || strings.Contains(errs.String(), "goroutine") {
			t.Errorf("file %d: %q", i, errs.String())
		}
	}
}

// TestHugeFacts: a file as large as is taken in ends soon, and one that is
// larger is refused.
func TestHugeFacts(t *testing.T) {
	t.Parallel()
	facts := realFacts(t)
	at := bytes.Index(facts, []byte(`"lookups": [`)) + len(`"lookups": [`)
	one := `{"name":"ssm.us-east-1.amazonaws.com","type":"A","server":"10.0.0.2:53","via":"configured","transport":"udp","attempt":1,"status":"failed","class":"timeout"},`
	for size, want := range map[int]int{30 << 20: report.ExitFinding, 65 << 20: report.ExitUsage} {
		huge := bytes.Join([][]byte{facts[:at], bytes.Repeat([]byte(one), size/len(one)), facts[at:]}, nil)
		path := filepath.Join(t.TempDir(), "facts.json")
		if err := os.WriteFile(path, huge, 0o600); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		cmd := exec.Command(doctorBin, "diagnose", path)
		out, _ := cmd.Output()
		if code := cmd.ProcessState.ExitCode(); code != want || time.Since(start) > time.Minute || !plain(string(out)) {
			t.Errorf("%d MB: exit %d after %v, %d bytes of report", size>>20, code, time.Since(start), len(out))
		}
	}
}

// FuzzFacts takes any bytes through everything that diagnose does with a file.
func FuzzFacts(f *testing.F) {
	f.Add([]byte(`{"schema":1,"run":{"uid":0,"expect":"auto"},"targets":[{"id":"ssm","host":"ssm.x","need":"required"}]}`))
	f.Add([]byte(`{"schema":1,"facts":{"schema":1},"verdict":{"causes":null}}`))
	files, _ := filepath.Glob("../../report/text/testdata/*.json")
	for _, name := range files {
		if b, err := os.ReadFile(name); err == nil {
			f.Add(b)
			f.Add(b[:len(b)/2])
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := report.Read(bytes.NewReader(b))
		if err != nil {
			return
		}
		v := diagnose.Run(r.Facts, diagnose.Options{})
		again := report.New(r.Facts, v, report.Tool{})
		var out bytes.Buffer
		if err := text.Write(&out, again, text.Options{Width: 80}); err != nil {
			t.Fatal(err)
		}
		if !plain(out.String()) {
			t.Errorf("%q", out.String())
		}
		if err := again.WriteJSON(io.Discard); err != nil {
			t.Fatal(err)
		}
	})
}
