package diagnose

import (
	"encoding/json"
	"testing"

	"vpcdoctor/probe/fact"
)

// sealed is the article's second step: the names are public and nothing
// public answers.
func sealed() world {
	w := healthy()
	w.drop("kms")
	w.resolves(host("ssm"), "52.82.1.1")
	w.resolves(host("ssmmessages"), "52.82.1.2")
	w.target("ec2messages", fact.NeedOptional, "52.82.1.3")
	w.target("logs", fact.NeedOptional, "52.82.1.4")
	g := w.target("s3-gateway", fact.NeedOptional, "52.82.1.5")
	g.Type, g.PublicOK, g.PrivateDNS = "Gateway", true, "no"
	return w
}

func codesOf(fs []Finding, sev Severity) []Code {
	var out []Code
	for _, f := range fs {
		if f.Severity == sev {
			out = append(out, f.Code)
		}
	}
	return out
}

// The four steps of the article's experiment.
func TestArticle(t *testing.T) {
	a := sealed()
	b := sealed()
	b.silent("52.82.1.1", "52.82.1.2", "52.82.1.3", "52.82.1.4", "52.82.1.5")
	c := sealed()
	c.resolves(host("ssm"), "10.192.10.11")
	c.silent("52.82.1.2", "52.82.1.3", "52.82.1.4", "52.82.1.5")
	d := healthy()
	for _, tt := range []struct {
		name   string
		w      world
		status Status
		errors []Code
		infos  []Code
	}{
		{"a public", a, Healthy, nil, []Code{"EP-14"}},
		{"b sealed", b, Broken, []Code{"DN-02"}, []Code{"EP-02"}},
		{"c ssm only", c, Broken, []Code{"EP-01"}, []Code{"DN-02", "EP-02", "EP-04", "GW-01"}},
		{"d complete", d, Healthy, nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := Run(tt.w.Set, Options{})
			if v.Status != tt.status {
				t.Errorf("status %s", v.Status)
			}
			if got := codesOf(v.Causes, SevError); !same(got, tt.errors) {
				t.Errorf("errors %v, want %v", got, tt.errors)
			}
			if got := codesOf(v.Causes, SevInfo); !same(got, tt.infos) {
				t.Errorf("infos %v, want %v", got, tt.infos)
			}
			if t.Failed() || testing.Verbose() {
				b, _ := json.MarshalIndent(v, "", " ")
				t.Logf("%s", b)
			}
		})
	}
}

// same compares two sets of codes.
func same(a, b []Code) bool {
	m := map[Code]int{}
	for _, c := range a {
		m[c]++
	}
	for _, c := range b {
		m[c]--
	}
	for _, n := range m {
		if n != 0 {
			return false
		}
	}
	return true
}
