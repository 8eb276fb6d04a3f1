package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// The pages tell every verb, every flag and every key, in words that a man
// program does not take for requests.
func TestManualPagesAreComplete(t *testing.T) {
	a := newApp()
	a.getenv = func(string) string { return "" }
	root := a.rootCommand()
	one, five := programPage(root, "2026-11-01"), configPage(root, "2026-11-01")
	for _, c := range root.Commands() {
		if !listed(c) {
			continue
		}
		if !strings.Contains(one, "\n.SS vpcdoctor "+escape(c.Name())+"\n") {
			t.Errorf("vpcdoctor.1 does not tell of %s", c.Name())
		}
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Name != "help" && !f.Hidden && !strings.Contains(one, escape("--"+f.Name)+`\fR`) {
				t.Errorf("vpcdoctor.1 does not tell of %s --%s", c.Name(), f.Name)
			}
		})
	}
	check, _, err := root.Find([]string{"check"})
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range yamlKeys(reflect.TypeFor[configFile]()) {
		if key != "endpoints" && check.Flags().Lookup(keyFlag(key)) == nil {
			t.Errorf("key %s stands for no flag of check", key)
		}
		if !strings.Contains(five, "\n\\fB"+escape(key)+`\fR`) {
			t.Errorf("vpcdoctor.yaml.5 does not tell of %s", key)
		}
	}
	for _, key := range yamlKeys(reflect.TypeFor[configEndpoint]()) {
		if endpointKeys[key] == "" || !strings.Contains(five, endpointKeys[key]) {
			t.Errorf("vpcdoctor.yaml.5 does not tell of %s of an endpoint", key)
		}
	}
	for name, page := range map[string]string{"vpcdoctor.1": one, "vpcdoctor.yaml.5": five} {
		lintPage(t, name, page)
	}
}

// lintPage has the strictest man program at hand read the page.
func lintPage(t *testing.T, name, page string) {
	t.Helper()
	for l := range strings.Lines(page) {
		if len(strings.TrimSpace(l)) == 0 {
			t.Errorf("%s has an empty line, which is a request", name)
		}
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(page), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := exec.LookPath("mandoc"); err != nil {
		t.Logf("%s not read by mandoc: %v", name, err)
		return
	}
	if out, err := exec.CommandContext(t.Context(), "mandoc", "-T", "lint", "-W", "warning", path).CombinedOutput(); err != nil {
		t.Errorf("mandoc: %v\n%s", err, out)
	}
}

func TestEscape(t *testing.T) {
	for in, want := range map[string]string{
		".hidden":  `\&.hidden`,
		"'quoted'": `\&'quoted'`,
		`a\b --x`:  `a\eb \-\-x`,
	} {
		if got := escape(in); got != want {
			t.Errorf("escape(%q) = %q, want %q", in, got, want)
		}
	}
}
