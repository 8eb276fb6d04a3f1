package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// forbidden says which packages a package of ours must never pull in, however
// indirectly, and why. depguard checks the direct imports; this checks all.
var forbidden = map[string]map[string]string{
	"vpcdoctor/probe/fact": {
		"net/http": "facts are data", "vpcdoctor/probe": "fact is a leaf", "vpcdoctor/report": "facts do not know conclusions",
	},
	"vpcdoctor/report/diagnose": {
		"net/http": "diagnosis is pure", "os/exec": "diagnosis is pure", "crypto/tls": "diagnosis is pure",
		"vpcdoctor/probe": "diagnosis reads facts, it does not gather them",
	},
	"vpcdoctor/report/text": {
		"net/http": "rendering is pure", "os/exec": "rendering is pure", "text/template": "linker (golang/go 72895)",
	},
	"vpcdoctor/report/remedy": {
		"net/http": "rendering is pure", "os/exec": "rendering is pure", "text/template": "linker (golang/go 72895)",
	},
	"vpcdoctor/report/html": {
		"net/http": "rendering is pure", "os/exec": "rendering is pure", "text/template": "linker (golang/go 72895)",
	},
	"vpcdoctor/report/compare": {
		"net/http": "comparison is pure", "os/exec": "comparison is pure",
	},
	"vpcdoctor/report/summary": {
		"net/http": "a summary is pure", "os/exec": "a summary is pure",
	},
	"vpcdoctor/report/frames": {
		"net": "frames are pure", "os/exec": "frames are pure", "vpcdoctor/report": "frames carry any document",
	},
	"vpcdoctor/report/junit":      {"net/http": "rendering is pure", "os/exec": "rendering is pure", "encoding/xml": "five elements need no reflection"},
	"vpcdoctor/report/nagios":     {"net/http": "rendering is pure", "os/exec": "rendering is pure"},
	"vpcdoctor/report/prometheus": {"net/http": "rendering is pure", "os/exec": "rendering is pure"},
	"vpcdoctor/report/history": {
		"net/http": "comparison is pure", "os/exec": "comparison is pure",
	},
	"vpcdoctor/report/redact": {
		"net/http": "a mapping of facts is pure", "os/exec": "a mapping of facts is pure",
	},
	"vpcdoctor/report/watch": {
		"net/http": "turns and frames are pure", "os/exec": "turns and frames are pure", "golang.org/x/term": "it is told the size of the terminal",
	},
	"vpcdoctor/probe": {
		"vpcdoctor/report": "probes do not judge", "go.uber.org/zap": "probes report through facts",
	},
	"vpcdoctor/cmd/vpcdoctor": {
		"vpcdoctor/probe/probetest": "fakes stay out of the binary", "vpcdoctor/report/corpus": "tests and the lab only", "github.com/vishvananda/netlink": "lab only",
		"html/template": "linker (golang/go 72895)", "github.com/google/jsonschema-go/jsonschema": "test only", "github.com/hashicorp/hcl/v2": "test only",
	},
}

func TestNoForbiddenImports(t *testing.T) {
	for pkg, deny := range forbidden {
		out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", pkg).CombinedOutput()
		if err != nil {
			t.Fatalf("go list %s: %v\n%s", pkg, err, out)
		}
		for dep := range strings.FieldsSeq(string(out)) {
			if why, ok := deny[dep]; ok {
				t.Errorf("%s pulls in %s: %s", pkg, dep, why)
			}
		}
	}
}

// TestNoReflectMethod guards the size of the binary: one reachable call of
// reflect's Method or MethodByName makes the linker keep every exported method
// of every type, and the AWS SDK has tens of thousands.
func TestNoReflectMethod(t *testing.T) {
	if testing.Short() {
		t.Skip("links the binary; not with -short")
	}
	bin := filepath.Join(t.TempDir(), "vpcdoctor")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-ldflags=-dumpdep", "-o", bin, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	if !strings.Contains(string(out), "main.main") {
		t.Fatalf("the linker printed no dependencies, so this test proves nothing")
	}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "<ReflectMethod>") {
			t.Errorf("reflect method reachable: %s", strings.TrimSpace(line))
		}
	}
}
