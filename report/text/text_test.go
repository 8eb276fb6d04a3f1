package text

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vpcdoctor/report"
	"vpcdoctor/report/diagnose"
	"vpcdoctor/report/history"
)

var update = flag.Bool("update", false, "rewrite the goldens")

var reports = map[string]func() *report.Report{
	"healthy":          healthy,
	"missing-messages": missingMessages,
	"nothing-private":  nothingPrivate,
	"inconclusive":     inconclusive,
	"interrupted":      interrupted,
	"degraded":         degraded,
	"many-rows":        manyRows84,
	"hostile":          hostile,
	"changed":          withChanges,
}

// TestGoldens renders each report twice: from the value and from its JSON read
// back, so that a stored report reads exactly as it did when it was made.
func TestGoldens(t *testing.T) {
	for name, build := range reports {
		t.Run(name, func(t *testing.T) {
			var doc bytes.Buffer
			if err := build().WriteJSON(&doc); err != nil {
				t.Fatal(err)
			}
			golden(t, name+".json", doc.String())
			stored, err := report.Read(&doc)
			if err != nil {
				t.Fatal(err)
			}
			got := render(t, stored, Options{})
			golden(t, name+".txt", got)
			if fresh := render(t, build(), Options{}); fresh != got {
				t.Errorf("stored report renders differently:\n%s", cmp.Diff(fresh, got))
			}
			assertPage(t, got, defaultWidth)
		})
	}
}

func TestGoldenColor(t *testing.T) {
	got := render(t, missingMessages(), Options{Color: true})
	golden(t, "missing-messages.color.txt", got)
	if bare := stripSGR(got); bare != render(t, missingMessages(), Options{}) {
		t.Errorf("colour changes more than colour:\n%s", cmp.Diff(render(t, missingMessages(), Options{}), bare))
	}
}

// TestFirstScreen holds every report that is not healthy to the promise about
// its first 1,500 characters.
func TestFirstScreen(t *testing.T) {
	for name, build := range reports {
		r := build()
		if name == "hostile" {
			continue // every value is at its bound; TestFirstScreenTalkative has the honest extreme
		}
		got := render(t, r, Options{})
		first := got[:min(len(got), firstMax)]
		lead, ok := r.Verdict.Lead()
		if !ok {
			if !strings.Contains(squash(first), squash(r.Verdict.Headline)) {
				t.Errorf("%s: no verdict in the first %d characters", name, firstMax)
			}
			continue
		}
		for _, want := range []string{string(lead.Code), r.Verdict.Headline, lead.Evidence[0].Text} {
			if !strings.Contains(squash(first), squash(want)) {
				t.Errorf("%s: %q is not in the first %d characters:\n%s", name, want, firstMax, first)
			}
		}
		command, _, _ := strings.Cut(lead.Action.Command, " # ")
		if !strings.Contains(squash(strings.ReplaceAll(first, "\\\n", "")), squash(command)) {
			t.Errorf("%s: command is not in the first %d characters:\n%s", name, firstMax, first)
		}
	}
}

// TestFirstScreenTalkative: a long proof must not push the command out.
func TestFirstScreenTalkative(t *testing.T) {
	r := missingMessages()
	f := &r.Verdict.Causes[0]
	f.Summary = strings.Repeat("Many words about it. ", 40)
	for range 8 {
		f.Evidence = append(f.Evidence, diagnose.Evidence{Text: strings.Repeat("evidence ", 60)})
	}
	f.Action.Do += strings.Repeat(" Think of everybody else.", 20)
	got := render(t, r, Options{})
	first := got[:firstMax]
	if !strings.Contains(first, "--private-dns-enabled\n") || !strings.Contains(first, "  - ssmmessages.") || !strings.Contains(first, "Next: ") {
		t.Errorf("the first screen is too full:\n%s", first)
	}
	if strings.Count(got, "evidence evidence") < 8 || !strings.Contains(got, "Many words") || strings.Count(squash(got), "Thinkofeverybodyelse.") != 20 {
		t.Error("what did not fit on the first screen is lost")
	}
	assertPage(t, got, defaultWidth)
}

func TestWidths(t *testing.T) {
	for name, build := range reports {
		for _, width := range []int{1, 60, 100, 1000} {
			got := render(t, build(), Options{Width: width})
			if width == 60 && name != "hostile" {
				continue // templates have lines of up to 80 columns of their own
			}
			assertPage(t, got, max(defaultWidth, min(width, maxWidth)))
		}
	}
}

// TestEmpty: nothing in a report may be taken for granted.
func TestEmpty(t *testing.T) {
	for _, r := range []*report.Report{{}, report.New(nil, diagnose.Verdict{}, report.Tool{}), {Verdict: diagnose.Verdict{Status: diagnose.Healthy}}, {Verdict: diagnose.Verdict{Status: diagnose.Broken}}} {
		assertPage(t, render(t, r, Options{}), defaultWidth)
		assertPage(t, Line(r)+"\n", 500)
	}
	if got := render(t, &report.Report{}, Options{}); !strings.HasPrefix(got, "NO VERDICT") {
		t.Errorf("an empty report begins %q", got[:20])
	}
}

func TestNeverPassUnchecked(t *testing.T) {
	r := inconclusive()
	got := render(t, r, Options{})
	if strings.Contains(got, "pass") {
		t.Errorf("nothing passed, and yet:\n%s", got)
	}
}

func TestLine(t *testing.T) {
	got := Line(nothingPrivate())
	want := "vpcdoctor: BROKEN DN-02 i-0a1b2c3d4e5f60718 us-east-1: No private endpoint serves ssm and ssmmessages, and nothing public answers from subnet-0a1b2c3d4e5f60001."
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	quiet := nothingPrivate()
	quiet.Changes = &report.Changes{Same: start.Add(-3 * time.Hour), Runs: 4, Standing: []report.Standing{{Code: "DN-02", Runs: 4}, {Code: "IA-02", Runs: 9}}}
	want = strings.TrimSuffix(want, ".") + "; unchanged since 2026-11-20 07:15 UTC, 4 runs; not asked again: IA-02"
	if got := Line(quiet); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := Line(interrupted()); !strings.HasSuffix(got, "(interrupted)") {
		t.Errorf("got %s", got)
	}
	if got := Line(hostile()); strings.ContainsAny(got, "\n\x1b") {
		t.Errorf("not one clean line: %q", got)
	}
}

// TestHistory: the table of a history fits its page, whatever stands in it.
func TestHistory(t *testing.T) {
	evil := strings.Repeat("\x1b[2J\nEvil: ", 30)
	one := func(status diagnose.Status, at time.Time, codes ...diagnose.Code) history.Entry {
		e := history.Entry{RunID: "r", Time: at, Status: status, Instance: "i-0a1b2c3d4e5f60718", Asked: "session-manager", Called: true, Headline: "As it was."}
		for _, c := range codes {
			e.Codes = append(e.Codes, history.Code{Code: c, Severity: "error"})
		}
		return e
	}
	runs := []history.Entry{one(diagnose.Healthy, start), one(diagnose.Healthy, start.Add(time.Hour)), one(diagnose.Broken, start.Add(2*time.Hour), "SG-02", "DN-05")}
	got := History(history.Sum(runs), []string{"cloudwatch: 3 reports wait for delivery."}, Options{})
	golden(t, "history.txt", got)
	assertPage(t, got, defaultWidth)
	for i := range 100 {
		e := one(diagnose.Status(evil), start.Add(time.Duration(i)*time.Hour), "SG-02", diagnose.Code(evil))
		e.Headline, e.Asked, e.Instance = evil, evil, evil
		e.Codes = e.Codes[:1+i%2]
		runs = append(runs, e)
	}
	got = History(history.Sum(runs), []string{evil}, Options{})
	assertPage(t, got, defaultWidth)
	if !strings.Contains(got, "older turns left out") {
		t.Error("a hundred turns, and none left out")
	}
	assertPage(t, History(history.Summary{}, nil, Options{}), defaultWidth)
}

func TestCommandKeepsSpaces(t *testing.T) {
	r := degraded()
	r.Verdict.Causes[0].Action.Command = "echo 'two  spaces'"
	if got := render(t, r, Options{}); !strings.Contains(got, "    echo 'two  spaces'\n") {
		t.Error("a command lost a space")
	}
}

// FuzzWrite: whatever a file holds, what is printed is plain.
func FuzzWrite(f *testing.F) {
	for _, name := range []string{"degraded", "interrupted"} {
		b, err := os.ReadFile(filepath.Join("testdata", name+".json"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := report.Read(bytes.NewReader(b))
		if err != nil {
			return
		}
		for i, c := range []byte(render(t, r, Options{})) {
			if c != '\n' && (c < ' ' || c > '~') {
				t.Fatalf("byte %#x at %d", c, i)
			}
		}
	})
}

func render(t *testing.T, r *report.Report, o Options) string {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, r, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// assertPage checks columns and characters.
func assertPage(t *testing.T, s string, width int) {
	t.Helper()
	for i, l := range strings.Split(s, "\n") {
		if len(l) > width {
			t.Errorf("line %d has %d columns: %s", i+1, len(l), l)
		}
		if l != strings.TrimRight(l, " ") {
			t.Errorf("line %d ends in spaces", i+1)
		}
	}
	for i := range len(s) {
		if c := s[i]; c != '\n' && (c < ' ' || c > '~') {
			t.Fatalf("byte %#x at %d is not printable ASCII: %q", c, i, s[max(0, i-20):min(len(s), i+20)])
		}
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.ReplaceAll(string(want), "\r\n", "\n"), got); diff != "" {
		t.Errorf("%s (-want +got; rewrite with -update):\n%s", name, diff)
	}
}

// squash drops white space, so that wrapped text compares.
func squash(s string) string { return strings.Join(strings.Fields(s), "") }

func stripSGR(s string) string {
	for _, c := range []sgr{bold, red, green, yellow, dim, "0"} {
		s = strings.ReplaceAll(s, "\x1b["+string(c)+"m", "")
	}
	return s
}

func TestItems(t *testing.T) {
	r := healthy()
	r.Verdict.Checks = []diagnose.Item{
		{Key: "a", What: "agent's log", Status: diagnose.Pass, Why: "no failure in it"},
		{Key: "b", What: "permission sts:GetCallerIdentity", Status: diagnose.NotCheckedStatus, Why: "no path"},
		{Key: "c", What: "permission ssm:ListInstanceAssociations", Status: diagnose.Fail, Why: "AccessDeniedException \x1b[31m"},
	}
	var b strings.Builder
	if err := Write(&b, r, Options{}); err != nil {
		t.Fatal(err)
	}
	const want = "SSM Agent\n" +
		"  FAIL  permission ssm:ListInstanceAssociations: AccessDeniedException ?[31m\n" +
		"  pass  agent's log: no failure in it\n\n"
	if !strings.Contains(b.String(), want) || strings.Contains(b.String(), "GetCallerIdentity") {
		t.Errorf("%q is not in\n%s", want, b.String())
	}
}
