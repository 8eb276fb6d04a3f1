package proxyenv

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vpcdoctor/probe/fact"
)

// scripts are profile files and what a program started from there gets, as the
// real shell has it (TestExportsAgainstTheShell).
var scripts = []struct {
	name, text string
	want       map[string]string
}{
	{"export with a value", "export https_proxy=http://p:3128\n", map[string]string{"https_proxy": "http://p:3128"}},
	{"not exported", "https_proxy=http://p:3128\n", nil},
	{"exported later", "https_proxy=http://p:3128 no_proxy='a,b'\nexport https_proxy no_proxy\n", map[string]string{"https_proxy": "http://p:3128", "no_proxy": "a,b"}},
	{"exported before", "export https_proxy; https_proxy=http://p:3128", map[string]string{"https_proxy": "http://p:3128"}},
	{"one for another", "http_proxy=\"http://p:3128/\"; export http_proxy\nexport HTTPS_PROXY=$http_proxy https_proxy=\"${http_proxy}\"\n",
		map[string]string{"http_proxy": "http://p:3128/", "HTTPS_PROXY": "http://p:3128/", "https_proxy": "http://p:3128/"}},
	{"put together", "PROXY_HOST=p\nPROXY_PORT=3128\nexport https_proxy=http://$PROXY_HOST:${PROXY_PORT}", map[string]string{"https_proxy": "http://p:3128"}},
	{"set -a", "set -a\nhttps_proxy=http://p:1\nset +a\nhttp_proxy=http://p:2\n", map[string]string{"https_proxy": "http://p:1"}},
	{"set -o allexport", "set -o allexport; https_proxy=http://p:1; set +o allexport; http_proxy=http://p:2\n", map[string]string{"https_proxy": "http://p:1"}},
	{"declare", "declare -x https_proxy=http://p:1\ndeclare http_proxy=http://p:2\ntypeset -rx no_proxy=a", map[string]string{"https_proxy": "http://p:1", "no_proxy": "a"}},
	{"taken back", "export https_proxy=http://p:1 http_proxy=http://p:2\nunset https_proxy\nexport -n http_proxy\nexport no_proxy=a", map[string]string{"no_proxy": "a"}},
	{"added to", "export no_proxy=a\nno_proxy+=,b\n", map[string]string{"no_proxy": "a,b"}},
	{"longer step by step", "export no_proxy=a; export no_proxy=$no_proxy,b;export no_proxy=\"$no_proxy\",c", map[string]string{"no_proxy": "a,b,c"}},
	{"for one command", "https_proxy=http://p:1 true\nexport no_proxy=a\n", map[string]string{"no_proxy": "a"}},
	{"comments", "# export https_proxy=http://p:1\nexport no_proxy=a#b # https_proxy=c\n#", map[string]string{"no_proxy": "a#b"}},
	{"a line that goes on", "export no_proxy=a,\\\nb\n", map[string]string{"no_proxy": "a,b"}},
	{"escapes", `export https_proxy="http://p:3128/\"\$\\" no_proxy=a\,b`, map[string]string{"https_proxy": `http://p:3128/"$\`, "no_proxy": "a,b"}},
	{"a condition", "if true; then export https_proxy=http://p:1; fi; true && export no_proxy=a", map[string]string{"https_proxy": "http://p:1", "no_proxy": "a"}},
	{"a function not called", "proxy_on() {\n  export https_proxy=http://p:1\n  { export http_proxy=http://p:2; }\n}\nexport no_proxy=a\n", map[string]string{"no_proxy": "a"}},
	{"another spelling", "function proxy_on { export https_proxy=http://p:1; }\nfunction off ()\n{\n export http_proxy=b\n}\nexport no_proxy=a\n", map[string]string{"no_proxy": "a"}},
	{"a group", "{ export https_proxy=http://p:1; }\n", map[string]string{"https_proxy": "http://p:1"}},
	{"a subshell", "(export https_proxy=http://p:1)\n( true; export http_proxy=b )\nexport no_proxy=a\n", map[string]string{"no_proxy": "a"}},
	{"a case", "case x in\n y) true ;;\n x) export https_proxy=http://p:1 ;;\nesac\n", map[string]string{"https_proxy": "http://p:1"}},
	{"a here-document", "cat >/dev/null <<EOF\nexport https_proxy=http://p:1\nEOF\ncat >/dev/null <<-'END' && export no_proxy=a\n\texport https_proxy=b\n\tEND\n", map[string]string{"no_proxy": "a"}},
	{"a here-string", "cat >/dev/null <<<x\nexport no_proxy=a\n", map[string]string{"no_proxy": "a"}},
	{"an equals sign in the value", "export https_proxy=http://u:a=b@p:1\n", map[string]string{"https_proxy": "http://u:a=b@p:1"}},
	{"an array", "proxies=(a b)\nexport no_proxy=a\n", map[string]string{"no_proxy": "a"}},
	{"another variable", "export AWS_SECRET_ACCESS_KEY=x no_proxy=a\n", map[string]string{"no_proxy": "a"}},
	{"empty", "export https_proxy=\n", map[string]string{"https_proxy": ""}},
	{"Windows line ends", "export https_proxy=http://p:1\r\nexport no_proxy=a\r\n", map[string]string{"https_proxy": "http://p:1", "no_proxy": "a"}},
}

func TestExports(t *testing.T) {
	for _, c := range scripts {
		got := exports(c.text)
		if len(got) != len(c.want) || cmp.Diff(c.want, got) != "" && len(got) > 0 {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	// What only a shell can tell is left out, not guessed.
	for _, text := range []string{
		"export https_proxy=$(cat /etc/proxy)", "export https_proxy=`cat /etc/proxy`", "export https_proxy=http://$HOST:1",
		"export https_proxy=${https_proxy:-http://p:1}", "export https_proxy=\"http://$(echo p):1\"", "export https_proxy=$'http://p:1'",
		"export https_proxy=http://p:1\nexport https_proxy=$(echo no)",
	} {
		if got := exports(text); len(got) != 0 {
			t.Errorf("%q gives %q", text, got)
		}
	}
}

// TestExportsAgainstTheShell lets the real bash judge the table.
func TestExportsAgainstTheShell(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("bash is not installed")
	}
	for _, c := range scripts {
		if strings.Contains(c.text, "\r") {
			continue // a shell takes the carriage return into the value; a file with them is broken anyway
		}
		file := filepath.Join(t.TempDir(), "profile.sh")
		if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(bash, "--norc", "--noprofile", "-c", ". \"$0\"; set +a; for n in "+strings.Join(Names, " ")+
			`; do [[ ${!n@a} == *x* && -v $n ]] && printf '%s=%s\0' "$n" "${!n}"; done; true`, file)
		cmd.Env = []string{"PATH=/usr/bin:/bin"}
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		got := map[string]string{}
		for _, l := range strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00") {
			if name, value, ok := strings.Cut(l, "="); ok {
				got[name] = value
			}
		}
		if d := cmp.Diff(c.want, got); d != "" && len(got)+len(c.want) > 0 {
			t.Errorf("%s: bash has %s", c.name, d)
		}
	}
}

func TestAssignments(t *testing.T) {
	got := assignments("# a comment\nhttps_proxy=\"http://u:p$x;&#y@p:1\"\n export no_proxy='a b'\nexportno_proxy=x\nPATH=/bin\nHTTP_PROXY=$'http://p:1/it\\'s'\n" +
		"http_proxy=http://a=b:1\n=x\nall_proxy\nALL_PROXY=\"socks5://s\n")
	want := map[string]string{
		"https_proxy": "http://u:p$x;&#y@p:1", "no_proxy": "x", "HTTP_PROXY": "http://p:1/it's", "http_proxy": "http://a=b:1", "ALL_PROXY": "socks5://s", "all_proxy": "",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// host is a fake root.
func host(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func answering(out string, err error) func(context.Context, string, ...string) ([]byte, error) {
	return func(_ context.Context, name string, args ...string) ([]byte, error) {
		if name != "systemctl" || !slices.Contains(args, "show-environment") {
			return nil, fmt.Errorf("unexpected command %s %v", name, args)
		}
		return []byte(out), err
	}
}

func TestScopes(t *testing.T) {
	const secret = "s3cret"
	root := host(t, map[string]string{
		"/run/systemd/system/x":      "",
		"/etc/environment":           "https_proxy=http://u:" + secret + "@env.corp:3128\n",
		"/etc/profile":               "PATH=/bin\nexport PATH\n",
		"/etc/profile.d/proxy.sh":    "export HTTPS_PROXY=http://profile.corp:3128 NO_PROXY=169.254.169.254 no_proxy=.corp,u:" + secret + "@x\n",
		"/etc/profile.d/proxy.csh":   "setenv https_proxy http://csh.corp:1\n",
		"/etc/profile.d/broken.sh":   "export http_proxy='http://proxy corp:" + secret + "@'\n",
		"/root/.bashrc":              "export https_proxy=http://root.corp:1\n",
		"/home/somebody/.bashrc":     "export https_proxy=http://home.corp:1\n",
		"/etc/profile.d/colorls.sh":  "alias ll='ls -l'\n",
		"/etc/bash.bashrc/directory": "",
	})
	unit, ok := NewScope(ScopeUnit, "/etc/systemd/system/a.service.d/p.conf", "file p.conf", env("https_proxy", "http://unit.corp:1"))
	if !ok {
		t.Fatal("the unit sets a proxy")
	}
	got := Scopes(t.Context(), ScopeOptions{
		Root: root, Command: answering("LANG=C\nhttps_proxy=http://manager.corp:1\n", nil),
		Getenv: env("http_proxy", "http://shell.corp:1"),
		Agent:  fact.ProxySetting{HTTPS: "http://agent.corp:1", No: "a", Source: "process 812"},
		Units:  []Scope{unit},
	})
	want := []Scope{
		{fact.ProxyScope{Scope: "agent", ProxySetting: fact.ProxySetting{HTTPS: "http://agent.corp:1", No: "a", Source: "process 812"}}, "a", "a"},
		{fact.ProxyScope{Scope: "shell", ProxySetting: fact.ProxySetting{HTTP: "http://shell.corp:1", Source: "environment"}}, "", ""},
		{fact.ProxyScope{Scope: "manager", ProxySetting: fact.ProxySetting{HTTPS: "http://manager.corp:1", Source: "systemctl show-environment"}}, "", ""},
		unit,
		{fact.ProxyScope{Scope: "profile", Path: "/etc/environment", ProxySetting: fact.ProxySetting{HTTPS: "http://env.corp:3128", Credentials: true, Source: "file /etc/environment"}}, "", ""},
		{fact.ProxyScope{Scope: "profile", Path: "/etc/profile.d/broken.sh", ProxySetting: fact.ProxySetting{Malformed: "http_proxy", Credentials: true, Source: "file /etc/profile.d/broken.sh"}}, "", ""},
		{fact.ProxyScope{Scope: "profile", Path: "/etc/profile.d/proxy.sh", ProxySetting: fact.ProxySetting{HTTPS: "http://profile.corp:3128", No: "169.254.169.254", Source: "file /etc/profile.d/proxy.sh"}}, "169.254.169.254", ".corp,x"},
		{fact.ProxyScope{Scope: "profile", Path: "/root/.bashrc", ProxySetting: fact.ProxySetting{HTTPS: "http://root.corp:1", Source: "file /root/.bashrc"}}, "", ""},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if b, err := json.Marshal(got); err != nil || strings.Contains(string(b)+fmt.Sprintf("%+v %#v", got, got), secret) {
		t.Errorf("a password in %s, %v", b, err)
	}
}

func TestScopesOfTheManager(t *testing.T) {
	booted := host(t, map[string]string{"/run/systemd/system/x": ""})
	const shown = "HTTPS_PROXY=http://m.corp:1\n"
	file, _ := NewScope(ScopeManager, "/etc/systemd/system.conf", "file /etc/systemd/system.conf", env("HTTPS_PROXY", "http://m.corp:1"))
	other, _ := NewScope(ScopeManager, "/etc/systemd/system.conf", "file /etc/systemd/system.conf", env("HTTPS_PROXY", "http://new.corp:1"))
	for _, c := range []struct {
		name    string
		root    string
		command func(context.Context, string, ...string) ([]byte, error)
		units   []Scope
		want    []string
	}{
		{"by its own words", booted, answering(shown, nil), nil, []string{"systemctl show-environment"}},
		{"the file says the same", booted, answering(shown, nil), []Scope{file}, []string{"file /etc/systemd/system.conf"}},
		{"the file was changed since", booted, answering(shown, nil), []Scope{other}, []string{"systemctl show-environment", "file /etc/systemd/system.conf"}},
		{"hangs or fails", booted, answering("", errors.New("timeout")), []Scope{file}, []string{"file /etc/systemd/system.conf"}},
		{"not asked", booted, nil, nil, nil},
		{"no systemd", host(t, nil), answering(shown, nil), nil, nil},
	} {
		var got []string
		for _, s := range Scopes(t.Context(), ScopeOptions{Root: c.root, Command: c.command, Units: c.units}) {
			got = append(got, s.Source)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q", c.name, got)
		}
	}
	// Of an agent that does not run, the setting is that of its unit's file.
	got := Scopes(t.Context(), ScopeOptions{Root: host(t, nil), Agent: fact.ProxySetting{HTTPS: "http://p:1", Source: "file /etc/x"}})
	if len(got) != 0 {
		t.Errorf("%+v", got)
	}
}

func TestScopesAreBounded(t *testing.T) {
	files := map[string]string{}
	for i := range 2 * maxScopes {
		files[fmt.Sprintf("/etc/profile.d/%02d.sh", i)] = "export https_proxy=http://p:1\n"
	}
	files["/etc/environment"] = "https_proxy=http://p:1\n" + strings.Repeat("x", maxProfile) + "\nhttps_proxy=http://q:1\n"
	got := Scopes(t.Context(), ScopeOptions{Root: host(t, files)})
	if len(got) != maxScopes || got[0].HTTPS != "http://p:1" {
		t.Errorf("%d scopes, the first %+v", len(got), got[0])
	}
	doubling := "export no_proxy=aaaaaaaa\n" + strings.Repeat("no_proxy=$no_proxy$no_proxy\n", 60)
	if v := exports(doubling)["no_proxy"]; len(v) > maxWord {
		t.Errorf("%d bytes", len(v))
	}
}

func FuzzExports(f *testing.F) {
	for _, c := range scripts {
		f.Add(c.text)
	}
	f.Add("(((((\"$(`'<<<<a<<b\\")
	f.Fuzz(func(t *testing.T, text string) {
		for _, vars := range []map[string]string{exports(text), assignments(text)} {
			for name, value := range vars {
				if !strings.Contains(strings.ToLower(name), "proxy") || len(value) > max(maxWord, len(text)) {
					t.Errorf("%q=%q", name, value)
				}
			}
			s, _ := NewScope(ScopeProfile, "/x", "file /x", lookup(vars))
			if strings.Contains(s.No+s.NoCurl+s.HTTPS+s.HTTP+s.All, "@") {
				t.Errorf("%+v", s)
			}
		}
	})
}
