package diagnose

import (
	"encoding/json"
	"slices"
	"strings"
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

// The first action of each step is the one that the article would take.
func TestArticleActions(t *testing.T) {
	b := sealed()
	b.silent("52.82.1.1", "52.82.1.2", "52.82.1.3", "52.82.1.4", "52.82.1.5")
	f := Run(b.Set, Options{}).Causes[0]
	var alts []Code
	for _, a := range f.Alternatives {
		alts = append(alts, a.Code)
	}
	if want := []Code{"RT-01", "DN-01", "SG-01", "SG-06", "RT-14", "DN-03", "FW-01", "CN-02", "DN-12", "RT-11", "RT-13", "EP-06", "EP-12"}; !slices.Equal(alts, want) {
		t.Errorf("alternatives %v, want %v", alts, want)
	}
	if !strings.Contains(f.Action.Do, "interface endpoints") || !strings.Contains(f.Action.Do, "NAT gateway") {
		t.Errorf("one way out is missing: %s", f.Action.Do)
	}
	c := sealed()
	c.resolves(host("ssm"), "10.192.10.11")
	c.silent("52.82.1.2", "52.82.1.3", "52.82.1.4", "52.82.1.5")
	f = Run(c.Set, Options{}).Causes[0]
	want := "aws ec2 create-vpc-endpoint --region cn-northwest-1 --vpc-id vpc-01 --vpc-endpoint-type Interface" +
		" --service-name com.amazonaws.cn-northwest-1.ssmmessages --subnet-ids subnet-01 --security-group-ids SG_ID --private-dns-enabled"
	if f.Action.Command != want {
		t.Errorf("command %q", f.Action.Command)
	}
	if f.Confidence != Likely || f.Alternatives[0].Code != "DN-01" {
		t.Errorf("%+v", f)
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
