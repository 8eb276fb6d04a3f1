package html

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"vpcdoctor/probe/fact"
	"vpcdoctor/report"
	"vpcdoctor/report/corpus"
	"vpcdoctor/report/diagnose"
	"vpcdoctor/report/remedy"
)

// scenarios is where the corpus is.
const scenarios = "../testdata/scenarios"

// recorded reads a report made of recorded facts.
func recorded(t testing.TB, name string) *report.Report {
	t.Helper()
	s, err := corpus.Set(scenarios, name)
	if err != nil {
		t.Fatal(err)
	}
	return report.New(s, diagnose.Run(s, diagnose.Options{}), report.Tool{Name: "vpcdoctor", Version: "0.1.0"})
}

func names(t testing.TB) []string {
	t.Helper()
	out, err := corpus.Names(scenarios)
	if err != nil || len(out) < 20 {
		t.Fatalf("%d recorded facts, %v", len(out), err)
	}
	return out
}

func write(t testing.TB, r *report.Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// node is one element as a strict parser sees it.
type node struct {
	path, text string
	attrs      map[string]string
}

// parse reads the page as XML, strictly: a value that broke out of its place
// would not be well-formed, or would show up as an element or attribute.
func parse(t testing.TB, doc string) []node {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(doc))
	var stack []int
	var out []node
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("not well-formed: %v", err)
		}
		switch x := tok.(type) {
		case xml.StartElement:
			n := node{path: x.Name.Local, attrs: map[string]string{}}
			if len(stack) > 0 {
				n.path = out[stack[len(stack)-1]].path + "/" + n.path
			}
			for _, a := range x.Attr {
				if _, twice := n.attrs[a.Name.Local]; twice {
					t.Fatalf("%s: attribute %s twice", n.path, a.Name.Local)
				}
				n.attrs[a.Name.Local] = a.Value
			}
			out = append(out, n)
			stack = append(stack, len(out)-1)
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			if len(stack) > 0 {
				out[stack[len(stack)-1]].text += string(x)
			}
		case xml.Comment, xml.ProcInst:
			t.Fatalf("%T in the page", tok)
		}
	}
	return out
}

func (n node) tag() string { return n.path[strings.LastIndexByte(n.path, '/')+1:] }

// allowed are the attributes of a page; none of them makes a browser act on
// its value.
var allowed = strings.Fields("lang charset http-equiv content name class id role open hidden type scope data-label " +
	"aria-label aria-labelledby viewBox fill stroke text-anchor rx x y width height d")

// hostile values for every context: text, attribute, URL, CSS, script, and
// what a parser might change its mind at.
var hostile = []string{
	`<script>alert(1)</script>`, `</script><script>alert(1)//`, `</style><svg/onload=alert(1)>`, `</title><img src=x onerror=alert(1)>`,
	`"><img src=x onerror=alert(1)>`, `" onmouseover="alert(1)`, `' onfocus='alert(1)' autofocus='`, "` onload=alert(1) `",
	`javascript:alert(1)`, `data:text/html,<b>x`, `expression(alert(1))`, `}body{background:url(//evil)}`, `</pre></details>`,
	`<!--`, `-->`, `]]>`, `<![CDATA[`, `&lt;&#60;&amp;`, `&`, `<?xml`, "\x00\x01\x1b[2J", "\u202egnp.exe", "a\u2028b", "\xff\xfe\xfd",
	"\u0085\u200b\ufeff", strings.Repeat("<", 70000), "line\nbreak\ttab",
}

// poison puts a value into every string of a report.
func poison(v reflect.Value, s string) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			poison(v.Elem(), s)
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() || strings.HasPrefix(v.Type().String(), "netip.") {
			return
		}
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				poison(v.Field(i), s)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			poison(v.Index(i), s)
		}
	case reflect.String:
		v.SetString(s)
	}
}

func assertSafe(t testing.TB, doc string) []node {
	t.Helper()
	nodes := parse(t, doc)
	scripts, styles := 0, 0
	for _, n := range nodes {
		for a := range n.attrs {
			if !slices.Contains(allowed, a) {
				t.Fatalf("%s has the attribute %q", n.path, a)
			}
		}
		switch n.tag() {
		case "script":
			scripts++
			if n.text != string(script) {
				t.Fatal("the script is not the constant")
			}
		case "style":
			styles++
			if n.text != string(style) {
				t.Fatal("the style is not the constant")
			}
		case "img", "iframe", "object", "embed", "link", "base", "form", "a", "image", "use", "foreignObject":
			t.Fatalf("%s in the page", n.path)
		}
	}
	if scripts != 1 || styles != 1 {
		t.Fatalf("%d scripts, %d styles", scripts, styles)
	}
	return nodes
}

func TestHostileValues(t *testing.T) {
	for _, file := range []string{"endpoint-sg-one", "no-endpoints", "s3-policy"} {
		for _, h := range hostile {
			r := recorded(t, file)
			poison(reflect.ValueOf(&r.Verdict).Elem(), h)
			poison(reflect.ValueOf(&r.Context).Elem(), h)
			poison(reflect.ValueOf(&r.Tool).Elem(), h)
			poison(reflect.ValueOf(&r.Facts.Run).Elem(), h)
			assertSafe(t, write(t, r))
			for i := range r.Facts.Targets { // and what templates are made of
				poison(reflect.ValueOf(&r.Facts.Targets[i]).Elem(), h)
			}
			r.Verdict = diagnose.Run(r.Facts, diagnose.Options{})
			assertSafe(t, write(t, r))
		}
	}
}

// What is escaped comes back as it was, wherever it stood.
func TestEscapeKeepsText(t *testing.T) {
	const s = `a<b>&"c'` + "`" + ` = é 漢`
	p := &page{}
	p.open("p", attr{"class", s})
	p.text(s)
	p.end("p")
	n := parse(t, p.b.String())
	if n[0].text != s || n[0].attrs["class"] != s {
		t.Errorf("got %q and %q", n[0].text, n[0].attrs["class"])
	}
}

func FuzzEscape(f *testing.F) {
	for _, h := range hostile {
		f.Add(h[:min(len(h), 200)])
	}
	f.Fuzz(func(t *testing.T, s string) {
		p := &page{}
		p.open("p", attr{"class", s})
		p.text(s)
		p.el("b", s)
		p.end("p")
		n := parse(t, p.b.String())
		if len(n) != 2 || len(n[0].attrs) != 1 || len(n[1].attrs) != 0 {
			t.Fatalf("%q changes the structure: %v", s, n)
		}
		if strings.ContainsAny(strings.Trim(n[1].text, "\n"), "\x00\x1b\u202e\u2028") {
			t.Fatalf("%q leaves a character that is no text", s)
		}
	})
}

// TestOnlyConstantsAreMarkup: a conversion to markup would open the way around
// the escape.
func TestOnlyConstantsAreMarkup(t *testing.T) {
	files, _ := filepath.Glob("*.go")
	seen := 0
	for _, f := range files {
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		seen++
		if bytes.Contains(b, []byte("markup(")) {
			t.Errorf("%s converts to markup", f)
		}
		if n := bytes.Count(b, []byte("WriteString(")); f != "page.go" && f != "html.go" && n > 0 {
			t.Errorf("%s writes without a method of page", f)
		}
	}
	if seen < 5 {
		t.Fatalf("only %d files looked at", seen)
	}
}

// TestPagesOfCorpus: structure and accessibility of the page of every recorded
// fault.
func TestPagesOfCorpus(t *testing.T) {
	for _, name := range names(t) {
		r := recorded(t, name)
		doc := write(t, r)
		nodes := assertSafe(t, doc)
		var heads []string
		var title, images, regions int
		ids := map[string]bool{}
		for _, n := range nodes {
			if id := n.attrs["id"]; id != "" {
				if ids[id] {
					t.Errorf("%s: id %q twice", name, id)
				}
				ids[id] = true
			}
		}
		for _, n := range nodes {
			switch tag := n.tag(); tag {
			case "html":
				if n.attrs["lang"] != "en" {
					t.Errorf("%s: no language", name)
				}
			case "title":
				if n.path == "html/head/title" && len(n.text) > 10 {
					title++
				}
			case "h1", "h2", "h3", "h4":
				heads = append(heads, tag)
			case "th":
				if n.attrs["scope"] != "col" && n.attrs["scope"] != "row" {
					t.Errorf("%s: a table header without scope", name)
				}
			case "svg":
				images++
				if n.attrs["role"] != "img" || len(n.attrs["aria-label"]) < 60 {
					t.Errorf("%s: picture without words: %q", name, n.attrs["aria-label"])
				}
			case "section":
				regions++
				if !ids[n.attrs["aria-labelledby"]] {
					t.Errorf("%s: a section is named by %q, which is not there", name, n.attrs["aria-labelledby"])
				}
			case "button":
				if strings.TrimSpace(n.text) == "" || n.attrs["hidden"] == "" {
					t.Errorf("%s: a button without a name, or one that shows without a script", name)
				}
			}
		}
		if title != 1 || images != 2 || regions < 3 || len(heads) == 0 || heads[0] != "h1" || slices.Contains(heads[1:], "h1") {
			t.Errorf("%s: %d titles, %d pictures, %d sections, headings %v", name, title, images, regions, heads)
		}
		for i := 1; i < len(heads); i++ {
			if heads[i][1] > heads[i-1][1]+1 {
				t.Errorf("%s: heading %s after %s", name, heads[i], heads[i-1])
			}
		}
		lead, led := r.Verdict.Lead()
		crosses := strings.Count(doc, `class="edge fail"`)
		path, _, _ := pathOf(r)
		at := firstBroken(path)
		if led && lead.Severity == diagnose.SevError && at < 0 {
			t.Errorf("%s: %s, and nothing on the picture is broken", name, lead.Code)
		}
		if want := map[bool]int{true: 6, false: 0}[at > 0]; at >= 0 && crosses < want {
			t.Errorf("%s: the broken edge is not marked (%d lines)", name, crosses)
		}
		for _, c := range remedy.Cards(r.Facts, r.Verdict, "") {
			for _, part := range c.Parts {
				body := strings.TrimSuffix(part.Body, "\n")
				if !slices.ContainsFunc(nodes, func(n node) bool { return n.tag() == "pre" && n.text == body }) {
					t.Errorf("%s: the card of %s lacks its %s", name, c.Code, part.Format)
				}
			}
		}
		if f := lead.Action.Command; led && f != "" && !slices.ContainsFunc(nodes, func(n node) bool { return n.tag() == "pre" && n.text == f }) {
			t.Errorf("%s: the command is not there as it is", name)
		}
	}
}

// TestPathOf: what was not checked never passes on the picture, and the cause
// marks its stage.
func TestPathOf(t *testing.T) {
	row := diagnose.Row{
		Key: "ssm/h", ID: "ssm", Host: "h", Need: "required", Status: diagnose.Fail,
		DNS: diagnose.Check{Status: diagnose.Pass}, TCP: diagnose.Check{Status: diagnose.Fail, Word: "timeout"},
		TLS: diagnose.Check{Status: diagnose.NotCheckedStatus}, AWS: diagnose.Check{Status: diagnose.NotCheckedStatus},
	}
	good := row
	good.Key, good.Host, good.Status = "ssm/g", "g", diagnose.Pass
	good.TCP, good.TLS, good.AWS = diagnose.Check{Status: diagnose.Pass}, diagnose.Check{Status: diagnose.Pass}, diagnose.Check{Status: diagnose.Pass}
	cause := func(code diagnose.Code, conf diagnose.Confidence, alt ...diagnose.Code) []diagnose.Finding {
		f := diagnose.Finding{Code: code, Severity: diagnose.SevError, Confidence: conf, Subjects: []string{"ssm/h"}}
		for _, a := range alt {
			f.Alternatives = append(f.Alternatives, diagnose.Alternative{Code: a})
		}
		return []diagnose.Finding{f}
	}
	for name, c := range map[string]struct {
		v    diagnose.Verdict
		want string
	}{
		"healthy":      {diagnose.Verdict{Rows: []diagnose.Row{good}}, "none pass pass pass pass pass none pass"},
		"no cause":     {diagnose.Verdict{Rows: []diagnose.Row{good, row}}, "none pass none none none none none none"},
		"group":        {diagnose.Verdict{Rows: []diagnose.Row{good, row}, Causes: cause("SG-02", diagnose.Likely, "EP-03", "DN-02")}, "none pass none fail warn none none none"},
		"name":         {diagnose.Verdict{Rows: []diagnose.Row{row}, Causes: cause("DN-02", diagnose.Proved)}, "none fail none none none none none none"},
		"policy":       {diagnose.Verdict{Rows: []diagnose.Row{good}, Causes: cause("EP-08", diagnose.Proved)}, "none pass pass pass pass pass fail pass"},
		"refused call": {diagnose.Verdict{Rows: []diagnose.Row{good}, Checks: []diagnose.Item{{Key: "call:ssm:ListX", Status: diagnose.Fail}}}, "none pass pass pass pass pass warn pass"},
		"other's call": {diagnose.Verdict{Rows: []diagnose.Row{good}, Checks: []diagnose.Item{{Key: "call:kms:ListX", Status: diagnose.Pass}}}, "none pass pass pass pass pass none pass"},
	} {
		path, _, ok := pathOf(&report.Report{Verdict: c.v, Facts: &fact.Set{}})
		var got []string
		for _, s := range path {
			got = append(got, string(s.state))
		}
		if !ok || strings.Join(got, " ") != c.want {
			t.Errorf("%s: got %v, want %s", name, got, c.want)
		}
	}
}

// TestEveryCodeHasAPlace: a new group of codes must say where it sits.
func TestEveryCodeHasAPlace(t *testing.T) {
	for _, d := range diagnose.Codes() {
		if _, ok := placeOf(d.Code); !ok {
			t.Errorf("%s has no place on the path", d.Code)
		}
	}
}

// The contrast of the colours in use, as WCAG 2 computes it: 4.5 for text, 3
// for shapes that mean something.
func TestContrast(t *testing.T) {
	themes := regexp.MustCompile(`:root\{([^}]*)\}`).FindAllStringSubmatch(string(style), -1)
	if len(themes) != 3 {
		t.Fatalf("%d themes", len(themes))
	}
	pairs := []struct {
		over, under string
		least       float64
	}{
		{"fg", "bg", 7}, {"fg", "card", 7}, {"fg", "code", 7}, {"fg", "passbg", 7}, {"fg", "failbg", 7}, {"fg", "warnbg", 7},
		{"soft", "bg", 4.5}, {"soft", "card", 4.5}, {"pass", "bg", 4.5}, {"fail", "bg", 4.5}, {"warn", "bg", 4.5},
		{"pass", "card", 4.5}, {"fail", "card", 4.5}, {"warn", "card", 4.5},
		{"pass", "passbg", 4.5}, {"fail", "failbg", 4.5}, {"warn", "warnbg", 4.5}, {"link", "bg", 4.5},
	}
	for i, m := range themes {
		colours := map[string]string{}
		for _, d := range strings.Split(m[1], ";") {
			k, v, _ := strings.Cut(strings.TrimPrefix(d, "--"), ":")
			colours[k] = v
		}
		for _, c := range pairs {
			if got := contrast(t, colours[c.over], colours[c.under]); got < c.least {
				t.Errorf("theme %d: %s on %s has %.2f, want %.1f", i, c.over, c.under, got, c.least)
			}
		}
	}
}

func contrast(t *testing.T, a, b string) float64 {
	la, lb := luminance(t, a), luminance(t, b)
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	n, err := strconv.ParseUint(strings.TrimPrefix(hex, "#"), 16, 32)
	if err != nil || len(hex) != 7 {
		t.Fatalf("colour %q", hex)
	}
	l := 0.0
	for i, w := range []float64{0.2126, 0.7152, 0.0722} {
		c := float64(n>>(16-8*i)&255) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		l += w * c
	}
	return l
}

// region is a run over a whole Region in which one name in four fails.
func region(t testing.TB, n int) *report.Report {
	r := recorded(t, "endpoint-sg-one")
	var rows []diagnose.Row
	for i := range n {
		row := r.Verdict.Rows[i%len(r.Verdict.Rows)]
		row.ID = fmt.Sprintf("service-%d", i)
		row.Host = fmt.Sprintf("service-with-a-long-name-%d.ap-northeast-1.amazonaws.com", i)
		row.Key = row.ID + "/" + row.Host
		if i%4 == 0 {
			row.Status, row.TCP = diagnose.Fail, diagnose.Check{Status: diagnose.Fail, Word: "timeout"}
		}
		rows = append(rows, row)
		r.Verdict.NotChecked = append(r.Verdict.NotChecked, diagnose.NotChecked{What: row.Host, Why: "public address, --all"})
		r.Verdict.Innocent = append(r.Verdict.Innocent, diagnose.Innocent{What: "DNS of " + row.Host, Why: "the configured server and the VPC resolver agree"})
		r.Verdict.Effects = append(r.Verdict.Effects, diagnose.Finding{CausedBy: "SG-02", Code: "EP-17", Title: "A dependent service cannot be used", Subjects: []string{row.Host}})
	}
	r.Verdict.Rows = rows
	return r
}

// TestWholeRegion: at most 500 kB, written in 50 ms.
func TestWholeRegion(t *testing.T) {
	r := region(t, 400)
	doc := write(t, r)
	assertSafe(t, doc)
	best := time.Hour
	for range 5 {
		start := time.Now()
		if err := Write(io.Discard, r); err != nil {
			t.Fatal(err)
		}
		best = min(best, time.Since(start))
	}
	t.Logf("400 targets: %d bytes in %v", len(doc), best)
	if len(doc) > 500_000 || best > 50*time.Millisecond {
		t.Errorf("%d bytes in %v", len(doc), best)
	}
	for _, row := range r.Verdict.Rows {
		if !strings.Contains(doc, ">"+row.Host+"</th>") {
			t.Fatalf("%s is not in the table", row.Host)
		}
	}
}

// An empty report, and one without facts, still give a page.
func TestEmpty(t *testing.T) {
	for _, in := range []string{`{}`, `{"verdict":{"status":"inconclusive","decide":"run it on the instance"}}`} {
		var r report.Report
		if err := json.Unmarshal([]byte(in), &r); err != nil {
			t.Fatal(err)
		}
		assertSafe(t, write(t, &r))
	}
}

func BenchmarkWrite(b *testing.B) {
	r := region(b, 400)
	for b.Loop() {
		if err := Write(io.Discard, r); err != nil {
			b.Fatal(err)
		}
	}
}
