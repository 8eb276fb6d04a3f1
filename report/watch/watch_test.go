package watch

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vpcdoctor/probe/fact"
	"vpcdoctor/report"
	"vpcdoctor/report/diagnose"
)

var at = time.Date(2026, 11, 30, 14, 2, 11, 0, time.UTC)

const suffix = ".eu-west-1.amazonaws.com"

// look is a report with rows, made from words: "ssm pass", "ssm FAIL timeout",
// "ssm -".
func look(status diagnose.Status, codes []string, rows ...string) *report.Report {
	v := diagnose.Verdict{Status: status, Headline: "The sentence of " + string(status) + "."}
	for _, c := range codes {
		v.Causes = append(v.Causes, diagnose.Finding{
			Code: diagnose.Code(c), Severity: diagnose.SevError, Confidence: diagnose.Likely, Title: "a fault",
			Action: diagnose.Action{Do: "Allow TCP 443 in. Then restart the agent.", Where: "operator", Command: "aws ec2 describe-security-groups"},
		})
	}
	for _, r := range rows {
		v.Rows = append(v.Rows, row(r))
	}
	set := &fact.Set{Start: at, Place: fact.Place{Region: "eu-west-1", DNSSuffix: "amazonaws.com"}}
	set.IMDS.InstanceID, set.IMDS.AZ = "i-0a1b2c3d4e5f60718", "eu-west-1a"
	return report.New(set, v, report.Tool{})
}

func row(words string) diagnose.Row {
	f := strings.Fields(words)
	pass, not := diagnose.Check{Status: diagnose.Pass, Word: "2/2"}, diagnose.Check{Status: diagnose.NotCheckedStatus, Word: "-"}
	r := diagnose.Row{Key: f[0] + "/" + f[0], ID: f[0], Host: f[0] + suffix, Need: "required", Path: "direct", Class: "own_vpc", DNS: pass, TCP: not, TLS: not, AWS: not}
	switch f[1] {
	case "pass":
		r.Status, r.TCP, r.TLS, r.AWS = diagnose.Pass, pass, pass, pass
	case "FAIL":
		r.Status, r.TCP = diagnose.Fail, diagnose.Check{Status: diagnose.Fail, Word: f[2]}
	default:
		r.Status, r.DNS = diagnose.NotCheckedStatus, not
	}
	return r
}

func items(r *report.Report, in ...diagnose.Item) *report.Report {
	r.Verdict.Checks = in
	return r
}

// said are turns as lines without their time.
func said(turns []Turn) []string {
	var out []string
	for _, t := range turns {
		out = append(out, strings.TrimPrefix(t.Line(), "2026-11-30T14:02:11Z "))
	}
	return out
}

func TestTurns(t *testing.T) {
	up, down := look("healthy", nil, "ssm pass", "kms pass"), look("broken", []string{"SG-02"}, "ssm FAIL timeout", "kms pass")
	public := look("healthy", nil, "ssm pass", "kms pass")
	public.Verdict.Rows[1].Class = "public_aws"
	proxied := look("healthy", nil, "ssm pass", "ssm pass")
	proxied.Verdict.Rows[1].Path = "proxy"
	noted := look("healthy", nil, "ssm pass", "kms pass")
	noted.Verdict.Causes = []diagnose.Finding{{Code: "EP-14", Severity: diagnose.SevInfo}, {Code: "DN-05", Severity: diagnose.SevWarning, Accepted: true}}
	slow := look("healthy", nil, "ssm pass", "kms pass")
	slow.Verdict.Rows[0].TCP.MS, slow.Verdict.Headline = 900, "Other words."
	agent := diagnose.Item{Key: "agent:connection", What: "agent's connection", Status: diagnose.Pass, Why: "last data 3 s ago"}
	later, lost := agent, agent
	later.Why = "last data 9 s ago"
	lost.Status, lost.Why = diagnose.Fail, "none stands"
	for name, c := range map[string]struct {
		before, after *report.Report
		want          []string
	}{
		"nothing":               {up, up, nil},
		"other times and words": {up, slow, nil},
		"info and accepted":     {up, noted, nil},
		"a row and the verdict": {down, up, []string{
			"ssm.eu-west-1.amazonaws.com: FAIL TCP timeout -> pass, own VPC",
			"verdict: BROKEN SG-02 -> HEALTHY: The sentence of healthy."}},
		"another way": {up, public, []string{"kms.eu-west-1.amazonaws.com: pass, own VPC -> pass, public AWS"}},
		"another failure": {down, look("broken", []string{"SG-02"}, "ssm FAIL refused", "kms pass"),
			[]string{"ssm.eu-west-1.amazonaws.com: FAIL TCP timeout -> FAIL TCP refused"}},
		"one more cause": {down, look("broken", []string{"SG-02", "DN-03"}, "ssm FAIL timeout", "kms pass"),
			[]string{"verdict: BROKEN SG-02 -> BROKEN SG-02 +1 more: The sentence of broken."}},
		"rows that come and go": {look("healthy", nil, "ssm pass"), look("healthy", nil, "kms pass"), []string{
			"kms.eu-west-1.amazonaws.com: pass, own VPC", "ssm.eu-west-1.amazonaws.com: pass, own VPC -> no longer asked for"}},
		"the metadata service came up": {look("inconclusive", nil), look("healthy", nil, "ssm pass"), []string{
			"ssm.eu-west-1.amazonaws.com: pass, own VPC", "verdict: INCONCLUSIVE -> HEALTHY: The sentence of healthy."}},
		"not checked is no pass": {up, look("inconclusive", nil, "ssm -", "kms pass"), []string{
			"ssm.eu-west-1.amazonaws.com: pass, own VPC -> not checked", "verdict: HEALTHY -> INCONCLUSIVE: The sentence of inconclusive."}},
		"two ways to a host": {look("healthy", nil, "ssm pass"), proxied, []string{"ssm.eu-west-1.amazonaws.com (proxy): pass, own VPC"}},
		"an item's words":    {items(look("healthy", nil), agent), items(look("healthy", nil), later), nil},
		"an item fails":      {items(look("healthy", nil), agent), items(look("healthy", nil), lost), []string{"agent's connection: pass -> FAIL, none stands"}},
		"an item comes":      {look("healthy", nil), items(look("healthy", nil), agent), nil},
		"an item comes and fails": {look("healthy", nil), items(look("healthy", nil), lost),
			[]string{"agent's connection: FAIL, none stands"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, said(Turns(c.before, c.after))); diff != "" {
				t.Error(diff)
			}
		})
	}
	want := []string{"ssm.eu-west-1.amazonaws.com: FAIL TCP timeout", "verdict: BROKEN SG-02: The sentence of broken."}
	if diff := cmp.Diff(want, said(First(down))); diff != "" {
		t.Errorf("the first look: %s", diff)
	}
}

// What a report says must not move the cursor of the reader's terminal, nor
// begin a line of its own in a log.
func TestTurnsAreClean(t *testing.T) {
	evil := "x\x1b[2J\n2026 forged\x7f\xff"
	r := look("healthy", []string{evil}, "ssm pass")
	r.Verdict.Rows[0].Host, r.Verdict.Rows[0].TCP.Word, r.Verdict.Rows[0].Status, r.Verdict.Rows[0].TCP.Status = evil, evil, diagnose.Fail, diagnose.Fail
	r.Verdict.Headline, r.Verdict.Status = evil, diagnose.Status(evil)
	items(r, diagnose.Item{Key: evil, What: evil, Status: diagnose.Fail, Why: strings.Repeat(evil, 100)})
	turns := append(First(r), Turns(look("healthy", nil), r)...)
	if len(turns) != 6 {
		t.Fatalf("%d turns", len(turns))
	}
	for _, turn := range turns {
		for _, l := range append(turnLines([]Turn{turn}, 500, false), turn.Line()) {
			if strings.ContainsFunc(l, func(r rune) bool { return r < ' ' || r > '~' }) || len(l) > 800 {
				t.Errorf("%q", l)
			}
		}
	}
}

func TestHistory(t *testing.T) {
	var h History
	if h.Lines(80, false) != nil {
		t.Error("an empty history has lines")
	}
	for i := range MaxTurns + 5 {
		h.Add(Turn{At: at.Add(time.Duration(i) * time.Second), Name: "ssm", To: "pass"})
	}
	lines := h.Lines(80, false)
	if len(lines) != MaxTurns+1 || lines[0] != "What turned (times in UTC), without the first 5" || !strings.HasPrefix(lines[1], "  14:02:16  ssm") {
		t.Errorf("%d lines, %q", len(lines), lines[:2])
	}
}

func TestPause(t *testing.T) {
	var sum time.Duration
	for quiet := range 200 {
		p := Pause(quiet)
		if p < 2*time.Second || p > 30*time.Second || p < Pause(quiet-1) {
			t.Errorf("after %d quiet looks %v", quiet, p)
		}
		if sum += p; p == 30*time.Second && sum < 9*time.Minute {
			t.Errorf("30 s after %v already", sum)
		}
	}
}

var sgr = regexp.MustCompile("\x1b\\[[0-9]+m")

// TestFrameFits: whatever the size of the terminal, no line is too long and no
// line too many, and colour changes nothing but colour.
func TestFrameFits(t *testing.T) {
	var many []string
	for _, s := range strings.Fields("ssm ssmmessages ec2messages kms logs s3 sts ecr.api ecr.dkr monitoring events sqs sns") {
		many = append(many, s+" pass")
	}
	many[7] = "ecr.api FAIL timeout"
	h := &History{}
	h.Add(First(look("broken", []string{"SG-02"}, "ssm FAIL timeout"))...)
	h.Add(Turns(look("broken", []string{"SG-02"}, "ssm FAIL timeout"), look("healthy", nil, "ssm pass"))...)
	busy := items(look("broken", []string{"SG-02"}, many...), diagnose.Item{What: "agent's connection", Status: diagnose.Fail, Why: "none stands"})
	for name, f := range map[string]Frame{
		"before the first look": {Status: "starting", History: h}, "no history": {Report: busy, Status: "dns"},
		"busy": {Report: busy, History: h, Status: "next look in 8 s"}, "nothing": {Report: look("inconclusive", nil), History: h},
	} {
		for width := 0; width <= 130; width += 13 {
			for height := range 61 {
				plain := f.Lines(width, height, false)
				if len(plain) > max(height, 1) {
					t.Fatalf("%s: %d lines in %dx%d", name, len(plain), width, height)
				}
				for _, l := range plain {
					if len(l) > width || strings.ContainsFunc(l, func(r rune) bool { return r < ' ' || r > '~' }) {
						t.Fatalf("%s: %q in %dx%d", name, l, width, height)
					}
				}
				colored := f.Lines(width, height, true)
				for i := range colored {
					colored[i] = sgr.ReplaceAllString(colored[i], "")
				}
				if !slices.Equal(plain, colored) {
					t.Fatalf("%s in %dx%d: colour changes the text: %s", name, width, height, cmp.Diff(plain, colored))
				}
			}
		}
	}
}

// TestFrame: what stands where in a terminal of the usual size.
func TestFrame(t *testing.T) {
	before := look("broken", []string{"SG-02"}, "ssm FAIL timeout", "kms pass")
	now := items(look("broken", []string{"DN-03"}, "ssm pass", "kms FAIL refused"), diagnose.Item{Key: "x", What: "agent's connection", Status: diagnose.Fail, Why: "none stands"})
	h := &History{}
	h.Add(Turns(before, now)...)
	f := Frame{Report: now, History: h, Status: "next look in 8 s"}
	want := `vpcdoctor  i-0a1b2c3d4e5f60718  eu-west-1a  14:02:11 UTC  next look in 8 s
DN-03 ERROR (likely): The sentence of broken.

Fix (from an operator's machine): Allow TCP 443 in. Then restart the agent.

        ENDPOINT  DNS       ADDRESS  TCP           TLS       AWS
  pass  ssm       pass 2/2  own VPC  pass 2/2      pass 2/2  pass 2/2
  FAIL  kms       pass 2/2  own VPC  FAIL refused  -         -
  FAIL  agent's connection: none stands

What turned (times in UTC)
  14:02:11  ssm                 FAIL TCP timeout -> pass, own VPC
  14:02:11  kms                 pass, own VPC -> FAIL TCP refused
  14:02:11  agent's connection  FAIL, none stands
  14:02:11  verdict             BROKEN SG-02 -> BROKEN DN-03

Ctrl-C ends this and prints the whole report.`
	if diff := cmp.Diff(want, strings.Join(f.Lines(80, 24, false), "\n")); diff != "" {
		t.Error(diff)
	}
	small := `vpcdoctor  eu-west-1a  14:02:11 UTC  next look in 8 s
DN-03 ERROR (likely): The sentence of broken.

        ENDPOINT  DNS     ADDRESS  TCP      TLS      AWS
  pass  ssm       pass 2  own VPC  pass 2/  pass 2/  pas
  FAIL  kms       pass 2  own VPC  FAIL re  -        -
  14:02:11  agent's connection  FAIL, none stands
  14:02:11  verdict             BROKEN SG-02 -> BROKEN D

Ctrl-C ends this and prints the whole report.`
	if diff := cmp.Diff(small, strings.Join(f.Lines(56, 10, false), "\n")); diff != "" {
		t.Error(diff)
	}
}

func TestCut(t *testing.T) {
	for _, c := range []struct {
		line  string
		width int
		want  string
	}{
		{"abc", 5, "abc"}, {"abc", 2, "ab"}, {"abc", 0, ""}, {"", 3, ""},
		{"a\x1b[31mFAIL\x1b[0m b", 3, "a\x1b[31mFA\x1b[0m"}, {"\x1b[32mpass\x1b[0m", 0, "\x1b[32m\x1b[0m"}, {"a\x1b[", 9, "a"},
	} {
		if got := cut(c.line, c.width); got != c.want {
			t.Errorf("cut(%q, %d) = %q, want %q", c.line, c.width, got, c.want)
		}
	}
}
