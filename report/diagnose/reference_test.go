package diagnose_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"vpcdoctor/report/diagnose"
)

// referenceFile is the page of all codes, for readers of the repository.
const referenceFile = "../CODES.md"

var groupTitles = map[string]string{
	"SELF": "vpcdoctor itself", "OS": "The host", "IM": "Instance metadata", "CN": "Partitions", "DN": "Names", "RT": "Routes",
	"SG": "Security groups and network ACLs", "GW": "Gateway endpoints", "EP": "Interface endpoints", "PL": "Endpoint services of others", "V6": "IPv6",
	"FW": "Firewalls on the way", "TL": "TLS", "PX": "Proxies", "IA": "Permissions", "AG": "The SSM Agent", "SM": "Sessions", "RC": "Run Command",
	"SV": "AWS itself",
}

var strengthWords = map[diagnose.Strength]string{
	diagnose.Documented: "AWS documentation", diagnose.Source: "source code", diagnose.Measured: "measured",
	diagnose.Field: "field reports, never printed as proved", diagnose.Inferred: "inference, never printed as proved",
}

// TestReference holds CODES.md to the codes and to the corpus.
func TestReference(t *testing.T) {
	fires := firings(t)
	codes := diagnose.Codes()
	var index, pages strings.Builder
	group := ""
	for _, d := range codes {
		if d.Group != group {
			group = d.Group
			title := groupTitles[group]
			if title == "" {
				t.Fatalf("no title for group %s", group)
			}
			fmt.Fprintf(&index, "\n**%s**\n\n", title)
			fmt.Fprintf(&pages, "\n## %s: %s\n", group, title)
		}
		anchor := strings.ToLower(string(d.Code))
		fmt.Fprintf(&index, "- [%s](#%s) %s\n", d.Code, anchor, prose(d.Title))
		fmt.Fprintf(&pages, "\n<a id=\"%s\"></a>\n\n### %s %s\n\n", anchor, d.Code, prose(d.Title))
		fmt.Fprintf(&pages, "*%s, since %s; basis: %s*\n\n", d.Severity, d.Since, strengthWords[d.Strength])
		for _, p := range []struct{ name, words string }{{"Symptom", d.Symptom}, {"Proof", d.Proof}, {"Fix", d.Fix}, {"False positives", d.FalsePositives}} {
			if p.words != "" {
				fmt.Fprintf(&pages, "- **%s**: %s\n", p.name, prose(p.words))
			}
		}
		if f, ok := fires[d.Code]; ok {
			near := ""
			switch {
			case strings.HasSuffix(f.near, " (patch)"):
				near = ", near miss inside"
			case f.near != "":
				near = ", near miss " + scenarioLink(f.near)
			}
			fmt.Fprintf(&pages, "- **Scenario**: %s (%s, %s)%s\n", scenarioLink(f.file), f.words, f.confidence, near)
		}
	}
	got := fmt.Sprintf("<!-- Written by go test ./report/diagnose -update; do not edit. -->\n\n# Codes\n\n"+
		"What `vpcdoctor explain --all` prints, with a recorded scenario for each: %d codes.\n"+
		"A code keeps its meaning; a retired number is never used again. *Proof* says what\n"+
		"a finding needs before it is called proved or likely.\n%s%s", len(codes), index.String(), pages.String())
	if *update {
		if err := os.WriteFile(referenceFile, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if old, err := os.ReadFile(referenceFile); err != nil || string(old) != got {
		t.Errorf("%s is out of date: go test ./report/diagnose -update (%v)", referenceFile, err)
	}
}

func scenarioLink(name string) string {
	name = strings.TrimSuffix(name, " (patch)")
	return fmt.Sprintf("[%s](testdata/scenarios/%s.txtar)", name, name)
}

// prose keeps Markdown from reading a sign of the text as one of its own.
func prose(s string) string {
	return strings.NewReplacer("*", "\\*", "_", "\\_", "<", "&lt;", "`", "\\`", "[", "\\[", "|", "\\|").Replace(s)
}
