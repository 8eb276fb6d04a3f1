// Package junit says a report as JUnit XML, for pipelines: a build that bakes
// an image or applies a template shows what is broken where it shows its tests.
//
// In goes a report, out comes XML in the form of junit-10.xsd (xUnit plugin of
// Jenkins, read 2026-11): a test case for the verdict, for each required row
// and for each finding but information. An error fails; a warning
// passes, and says that it is one; what was not checked or was accepted is
// skipped. An inconclusive verdict is an error, never a pass. The package is
// pure.
package junit

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"vpcdoctor/report"
	"vpcdoctor/report/diagnose"
)

// Kinds of test cases: their class names.
const (
	verdictClass = "vpcdoctor.verdict"
	rowClass     = "vpcdoctor.endpoint"
	findingClass = "vpcdoctor.finding"
)

// outcome of a test case: the name of its element; empty is a pass.
type outcome string

const (
	failure outcome = "failure"
	fault   outcome = "error"
	skipped outcome = "skipped"
)

// testcase is one entry.
type testcase struct {
	class, name string
	seconds     float64
	outcome     outcome
	message     string
	text        string // more on it, several lines
}

// Write writes the document.
func Write(w io.Writer, r *report.Report) error {
	cases := []testcase{verdict(r)}
	for _, x := range r.Verdict.Rows {
		if x.Required() {
			cases = append(cases, row(x))
		}
	}
	for _, f := range r.Verdict.Causes {
		if f.Severity != diagnose.SevInfo {
			cases = append(cases, finding(f))
		}
	}
	unique(cases)
	var b strings.Builder
	b.WriteString("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n")
	counts := fmt.Sprintf(`tests="%d" failures="%d" errors="%d" skipped="%d" time="%s"`,
		len(cases), count(cases, failure), count(cases, fault), count(cases, skipped), number(took(r)))
	b.WriteString("<testsuites name=\"vpcdoctor\" " + counts + ">\n  <testsuite name=\"vpcdoctor\" " + counts)
	c := r.Context
	if !c.Time.IsZero() {
		b.WriteString(` timestamp="` + c.Time.UTC().Format("2006-01-02T15:04:05") + `"`)
	}
	if c.InstanceID != "" {
		b.WriteString(` hostname="` + escape(c.InstanceID) + `"`)
	}
	b.WriteString(">\n    <properties>\n      <property name=\"status\" value=\"" + escape(string(r.Verdict.Status)) + "\"/>\n")
	for _, p := range [][2]string{
		{"run_id", c.RunID}, {"version", r.Tool.Version}, {"region", c.Region}, {"az", c.AZ}, {"vpc_id", c.VPCID}, {"subnet_id", c.SubnetID},
	} {
		if p[1] != "" {
			b.WriteString(`      <property name="` + p[0] + `" value="` + escape(p[1]) + "\"/>\n")
		}
	}
	b.WriteString("    </properties>\n")
	for _, x := range cases {
		x.write(&b)
	}
	b.WriteString("  </testsuite>\n</testsuites>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func (x testcase) write(b *strings.Builder) {
	fmt.Fprintf(b, `    <testcase classname="%s" name="%s" time="%s"`, x.class, escape(x.name), number(x.seconds))
	switch {
	case x.outcome == "" && x.text == "":
		b.WriteString("/>\n")
		return
	case x.outcome == "":
		b.WriteString(">\n      <system-out>" + escape(x.text) + "</system-out>\n    </testcase>\n")
		return
	}
	b.WriteString(">\n      <" + string(x.outcome) + ` message="` + escape(x.message) + `"`)
	if x.outcome != skipped {
		b.WriteString(` type="` + x.class + `"`)
	}
	if x.text == "" {
		b.WriteString("/>\n    </testcase>\n")
		return
	}
	b.WriteString(">" + escape(x.text) + "</" + string(x.outcome) + ">\n    </testcase>\n")
}

func verdict(r *report.Report) testcase {
	v := r.Verdict
	x := testcase{class: verdictClass, name: "verdict", seconds: took(r), text: v.Headline}
	switch code := r.ExitCode(report.FailOnError); {
	case code == report.ExitFinding:
		x.outcome = failure
	case code != report.ExitOK:
		x.outcome = fault
		x.text = strings.TrimSpace(v.Headline + "\n" + v.Decide)
	}
	if x.outcome != "" {
		x.message = string(v.Status)
		if r.Context.Interrupted {
			x.message += ", interrupted"
		}
	}
	return x
}

// row is a required name. The message of a failure is its first cell that
// failed.
func row(r diagnose.Row) testcase {
	x := testcase{class: rowClass, name: r.Host}
	if r.Path == "proxy" {
		x.name += " by proxy"
	}
	var all []string
	for _, s := range r.Stages() {
		if s.Status == diagnose.Pass {
			x.seconds += max(0, s.MS) / 1000
		}
		all = append(all, s.Name+" "+state(s.Check))
		if s.Status == diagnose.Fail && x.message == "" {
			x.message = s.Name + " " + s.Word
		}
	}
	switch r.Status {
	case diagnose.Pass:
		return x
	case diagnose.Fail:
		x.outcome = failure
		if x.message == "" {
			x.message = "failed"
		}
	default:
		x.outcome, x.message = skipped, "not checked"
	}
	x.text = strings.Join(append(all, "addresses "+r.Class), "\n")
	return x
}

// state is "pass 2/2", "fail timeout" or "not checked".
func state(c diagnose.Check) string {
	if c.Status != diagnose.Pass && c.Status != diagnose.Fail {
		return "not checked"
	}
	return strings.TrimRight(string(c.Status)+" "+c.Word, " -")
}

func finding(f diagnose.Finding) testcase {
	x := testcase{class: findingClass, name: strings.TrimSpace(string(f.Code) + " " + f.Title)}
	lines := []string{f.Summary}
	for _, e := range f.Evidence {
		lines = append(lines, "- "+e.Text)
	}
	for _, s := range []string{f.Action.Do, f.Action.Command} {
		if s != "" {
			lines = append(lines, s)
		}
	}
	x.text = strings.TrimSpace(strings.Join(lines, "\n"))
	sure := string(f.Severity) + " (" + string(f.Confidence) + ")"
	switch {
	case f.Accepted:
		x.outcome, x.message = skipped, "accepted: "+sure
	case f.Severity == diagnose.SevError:
		x.outcome, x.message = failure, sure+": "+f.Title
	default:
		x.text = strings.TrimSpace(sure + "\n" + x.text)
	}
	return x
}

// unique makes names of one class different: readers take equal ones for
// repetitions of a test.
func unique(cases []testcase) {
	seen := map[string]int{}
	for i := range cases {
		key := cases[i].class + " " + cases[i].name
		if seen[key]++; seen[key] > 1 {
			cases[i].name += " #" + strconv.Itoa(seen[key])
		}
	}
}

func count(cases []testcase, o outcome) int {
	n := 0
	for _, x := range cases {
		if x.outcome == o {
			n++
		}
	}
	return n
}

// took is how long the run was, in seconds; 0 when the report does not tell.
func took(r *report.Report) float64 {
	t, _ := r.Took()
	return t.Seconds()
}

func number(seconds float64) string { return strconv.FormatFloat(seconds, 'f', 3, 64) }

// escape makes a text fit for an element and for an attribute. XML 1.0 has no
// way to write most control characters, so they become '?'. A newline stays: in
// a text it is one, and in an attribute a reader makes it a space.
func escape(s string) string {
	var b strings.Builder
	for _, c := range s {
		switch {
		case c == '&':
			b.WriteString("&amp;")
		case c == '<':
			b.WriteString("&lt;")
		case c == '>':
			b.WriteString("&gt;")
		case c == '"':
			b.WriteString("&quot;")
		case c != '\n' && c < ' ' || c > '~':
			b.WriteByte('?')
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}
