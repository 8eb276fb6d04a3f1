package html

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"vpcdoctor/probe/fact"
	"vpcdoctor/report/diagnose"
)

// verdictLabel is the word for the verdict and its class.
func verdictLabel(v diagnose.Verdict) (string, state) {
	lead, _ := v.Lead()
	tail := ""
	if lead.Code != "" {
		tail = " " + string(lead.Code)
		if lead.Confidence != "" {
			tail += " (" + string(lead.Confidence) + ")"
		}
	}
	switch v.Status {
	case diagnose.Broken:
		return "BROKEN" + tail, broken
	case diagnose.Degraded:
		return "DEGRADED" + tail, suspect
	case diagnose.Healthy:
		return "HEALTHY", passed
	case diagnose.Inconclusive:
		return "INCONCLUSIVE" + tail, suspect
	}
	return "NO VERDICT", suspect
}

func severityState(f diagnose.Finding) state {
	switch {
	case !f.Counts():
		return unchecked
	case f.Severity == diagnose.SevError:
		return broken
	}
	return suspect
}

func checkState(s diagnose.CheckStatus) state {
	switch s {
	case diagnose.Pass:
		return passed
	case diagnose.Fail:
		return broken
	}
	return unchecked
}

// checkWord is "pass 2/2", "FAIL timeout" or "not checked".
func checkWord(c diagnose.Check) string {
	w := c.Status.Word()
	if c.Word != "" && !slices.Contains([]string{"-", "ok", "dns", "pass", "failed", "not checked"}, c.Word) {
		w += " " + c.Word
	}
	return w
}

func wayWord(r diagnose.Row) string {
	words := map[fact.AddrClass]string{
		"": "-", fact.OwnVPC: "own VPC", fact.OtherPrivate: "other private", fact.PublicAWS: "public AWS", fact.LinkLocal: "link-local",
	}
	w, ok := words[fact.AddrClass(r.Class)]
	if !ok {
		w = r.Class
	}
	if r.Way != "" && r.Way != "undecided" {
		w += ", by " + r.Way
	}
	return w
}

// beyond is what a text says that the headline has not said already.
func beyond(text, headline string) string {
	if strings.Contains(headline, text) {
		return ""
	}
	return strings.TrimSpace(strings.TrimPrefix(text, headline))
}

func known(s, otherwise string) string { return cmp.Or(s, otherwise) }

func short(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n-3], "") + "..."
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}
