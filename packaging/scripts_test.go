package packaging_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// stage is a directory with stand-ins that log how they were called.
type stage struct{ dir, log string }

func newStage(t *testing.T, programs ...string) stage {
	t.Helper()
	s := stage{dir: t.TempDir()}
	s.log = filepath.Join(s.dir, "log")
	for _, p := range programs {
		text := "#!/bin/sh\ncat >/dev/null\necho \"$(basename \"$0\") $*\" >>'" + s.log + "'\n"
		if err := os.WriteFile(filepath.Join(s.dir, p), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func (s stage) run(t *testing.T, dir, script string, args ...string) (log string, ok bool) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "/bin/sh", append([]string{"-c", script, "script"}, args...)...)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + s.dir + ":/usr/bin:/bin"}
	err := cmd.Run()
	b, readErr := os.ReadFile(s.log)
	if readErr != nil && !os.IsNotExist(readErr) {
		t.Fatal(readErr)
	}
	_ = os.Remove(s.log)
	return strings.TrimSpace(string(b)), err == nil
}

// One set of maintainer scripts understands the arguments of dpkg and of rpm.
// The timer is never enabled, and is restarted only where it ran before.
func TestMaintainerScripts(t *testing.T) {
	reload, restart := "systemctl daemon-reload", "systemctl try-restart vpcdoctor.timer"
	stop := "systemctl --no-reload disable --now vpcdoctor.timer vpcdoctor-boot.service\nsystemctl stop vpcdoctor.service"
	s := newStage(t, "systemctl")
	for _, c := range []struct {
		script string
		args   []string
		want   string
	}{
		{"postinstall", []string{"configure", ""}, reload},
		{"postinstall", []string{"configure", "1.0.0"}, reload + "\n" + restart},
		{"postinstall", []string{"abort-upgrade", "1.0.0"}, reload},
		{"postinstall", []string{"1"}, reload},
		{"postinstall", []string{"2"}, reload + "\n" + restart},
		{"preremove", []string{"remove"}, stop},
		{"preremove", []string{"upgrade", "1.1.0"}, ""},
		{"preremove", []string{"0"}, stop},
		{"preremove", []string{"1"}, ""},
		{"postremove", []string{"remove"}, reload},
		{"postremove", []string{"upgrade", "1.1.0"}, reload},
		{"postremove", []string{"0"}, reload},
	} {
		b, err := os.ReadFile("scripts/" + c.script + ".sh")
		if err != nil {
			t.Fatal(err)
		}
		for _, systemd := range []bool{true, false} {
			at, want := t.TempDir(), c.want
			if !systemd {
				at, want = at+"/none", ""
			}
			got, ok := s.run(t, s.dir, strings.ReplaceAll(string(b), "/run/systemd/system", at), c.args...)
			if !ok || got != want {
				t.Errorf("%s %q, systemd %v: %v\n%s\nwant\n%s", c.script, c.args, systemd, ok, got, want)
			}
		}
	}
}

// What Distributor runs finds the one package beside it, and nothing asks.
func TestDistributorScripts(t *testing.T) {
	s := newStage(t, "dpkg", "rpm", "vpcdoctor", "dpkg-query")
	read := func(name string) string {
		b, err := os.ReadFile("ssm/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	for file, want := range map[string]string{
		"vpcdoctor_1_amd64.deb":  "dpkg --force-confdef --force-confold -i ./vpcdoctor_1_amd64.deb\nvpcdoctor version",
		"vpcdoctor-1.x86_64.rpm": "rpm -U --replacepkgs --oldpackage ./vpcdoctor-1.x86_64.rpm\nvpcdoctor version",
	} {
		dir := t.TempDir()
		for name, text := range map[string]string{file: "", "install.sh": read("install.sh")} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		for _, script := range []string{"install.sh", "update.sh"} {
			if got, ok := s.run(t, dir, read(script)); !ok || got != want {
				t.Errorf("%s with %s: %v\n%s\nwant\n%s", script, file, ok, got, want)
			}
		}
	}
	if _, ok := s.run(t, t.TempDir(), read("install.sh")); ok {
		t.Error("a zip without a package was installed")
	}
	if got, ok := s.run(t, s.dir, read("uninstall.sh")); !ok || got != "dpkg-query -s vpcdoctor\ndpkg -r vpcdoctor" {
		t.Errorf("uninstall: %v\n%s", ok, got)
	}
}
