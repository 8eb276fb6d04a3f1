package history

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"vpcdoctor/report"
	"vpcdoctor/report/corpus"
	"vpcdoctor/report/diagnose"
)

// TestOfRecorded: entries of what the lab gathered for dozens of faults are
// small, read back as they were, and hold the verdict.
func TestOfRecorded(t *testing.T) {
	files, err := corpus.All("../testdata/scenarios")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	most := 0
	for _, f := range files {
		s, err := f.Set()
		if err != nil {
			t.Fatal(err)
		}
		s.Run.ID = "run"
		r := report.New(s, diagnose.Run(s, diagnose.Options{}), report.Tool{Version: "1"})
		e := Of(r)
		line, err := e.Line()
		if err != nil {
			t.Fatal(err)
		}
		most = max(most, len(line))
		back, err := Parse(bytes.TrimSpace(line))
		if err != nil {
			t.Fatalf("%s: %v\n%s", f.Name, err, line)
		}
		if a, b := Between(e, back), Between(back, e); len(a)+len(b) != 0 || !back.Like(e) || !back.Time.Equal(e.Time) {
			t.Errorf("%s: differs from itself: %v %v", f.Name, a, b)
		}
		if e.Status != r.Verdict.Status || e.Status == diagnose.Broken && len(e.Codes) == 0 || len(e.Rows) == 0 && len(r.Verdict.Rows) > 0 {
			t.Errorf("%s: %s", f.Name, line)
		}
	}
	t.Logf("the largest of %d entries has %d bytes", len(files), most)
	if most > 2000 {
		t.Errorf("an entry of %d bytes", most)
	}
}

var noon = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// maker makes a row of runs, an hour apart.
type maker struct{ runs []Entry }

func (m *maker) add(status diagnose.Status, codes string, rows ...Row) *Entry {
	e := Entry{Version: Version, RunID: fmt.Sprint("r", len(m.runs)), Time: noon.Add(time.Duration(len(m.runs)) * time.Hour),
		Asked: "session-manager", Instance: "i-1", Status: status, Rows: rows, Called: true}
	for c := range strings.FieldsSeq(codes) {
		e.Codes = append(e.Codes, Code{Code: diagnose.Code(c), Severity: "error"})
	}
	m.runs = append(m.runs, e)
	return &m.runs[len(m.runs)-1]
}

func (m *maker) since() *report.Changes {
	n := len(m.runs) - 1
	return Since(m.runs[:n], m.runs[n], false)
}

func words(c []report.Change) []string {
	out := []string{}
	for _, x := range c {
		out = append(out, Words(x))
	}
	return out
}

func ssm(status diagnose.CheckStatus, class string, addrs ...string) Row {
	r := Row{Name: "ssm", Status: status, Class: class, Addrs: addrs}
	if status == diagnose.Fail {
		r.Word = "tcp timeout"
	}
	return r
}

func TestBetween(t *testing.T) {
	private := ssm(diagnose.Pass, "own_vpc", "10.192.5.10", "10.192.6.10")
	for name, c := range map[string]struct {
		a, b Row
		want []string
	}{
		"same":            {private, private, []string{}},
		"private no more": {ssm(diagnose.Pass, "own_vpc", "10.192.5.10"), ssm(diagnose.Pass, "public_aws"), []string{"ssm: 10.192.5.10 -> public"}},
		"another address": {private, ssm(diagnose.Pass, "own_vpc", "10.192.5.10", "10.192.6.11"), []string{"ssm: 10.192.5.10, 10.192.6.10 -> 10.192.5.10, 10.192.6.11"}},
		"silent":          {private, ssm(diagnose.Fail, "own_vpc", private.Addrs...), []string{"ssm: own VPC, works -> own VPC, fails tcp timeout"}},
		"not looked at":   {private, ssm(diagnose.NotCheckedStatus, ""), []string{}},
		"not before":      {ssm(diagnose.NotCheckedStatus, ""), private, []string{}},
		"another name":    {private, Row{Name: "kms", Status: diagnose.Fail}, []string{}},
	} {
		m := &maker{}
		m.add(diagnose.Healthy, "", c.a)
		m.add(diagnose.Healthy, "", c.b)
		if got := words(Between(m.runs[0], m.runs[1])); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestSince(t *testing.T) {
	m := &maker{}
	m.add(diagnose.Healthy, "")
	if c := m.since(); !c.First || c.Quiet() {
		t.Errorf("the first run: %+v", c)
	}
	m.add(diagnose.Healthy, "")
	if c := m.since(); !c.Quiet() || c.Runs != 2 || !c.Same.Equal(noon) {
		t.Errorf("nothing new: %+v", c)
	}
	m.add(diagnose.Broken, "SG-02 DN-05")
	c := m.since()
	if got, want := words(c.List), []string{"verdict: healthy -> broken", "SG-02: new (error)", "DN-05: new (error)"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if !c.Healthy.Equal(noon.Add(time.Hour)) || c.RunID != "r1" || len(c.Standing) != 0 {
		t.Errorf("%+v", c)
	}
	m.add(diagnose.Inconclusive, "") // could not tell: ends no row of a cause
	m.add(diagnose.Broken, "SG-02")
	m.add(diagnose.Broken, "SG-02")
	c = m.since()
	if want := []report.Standing{{Code: "SG-02", Since: noon.Add(2 * time.Hour), Runs: 3}}; !c.Quiet() || !slices.Equal(c.Standing, want) {
		t.Errorf("%+v", c)
	}
	if n := len(m.runs) - 1; !Since(m.runs[2:n], m.runs[n], true).Standing[0].More {
		t.Error("a row of causes that starts before what was read has no end")
	}
	// Cut short: what it did not come to is not gone, and nobody compares with it.
	m.add(diagnose.Inconclusive, "").Cut = true
	if got, want := words(m.since().List), []string{"verdict: broken -> inconclusive"}; !slices.Equal(got, want) {
		t.Errorf("interrupted: %v", got)
	}
	m.add(diagnose.Broken, "SG-02")
	if c := m.since(); !c.Quiet() || c.RunID != "r5" {
		t.Errorf("after an interrupted run: %+v", c)
	}
	// Another question, another instance: no run to compare with.
	m.add(diagnose.Healthy, "").Asked = "ecr-pull"
	if !m.since().First {
		t.Error("compared with a run that was asked something else")
	}
	m.add(diagnose.Healthy, "").Instance = "i-2"
	if !m.since().First {
		t.Error("compared with another instance")
	}
	m.add(diagnose.Broken, "SG-02").Instance = "" // metadata service silent
	if m.since().First {
		t.Error("a run that does not know its instance compares with nothing")
	}
}

// TestOrderNotTime: the clock may jump; the order of the lines stands.
func TestOrderNotTime(t *testing.T) {
	m := &maker{}
	m.add(diagnose.Healthy, "").Time = time.Unix(1<<31, 0)
	m.add(diagnose.Broken, "SG-02").Time = time.Time{}
	m.add(diagnose.Broken, "SG-02").Time = time.Unix(0, 0)
	c := m.since()
	if !c.Quiet() || c.Runs != 2 || len(c.Standing) != 1 || c.Standing[0].Runs != 2 {
		t.Errorf("%+v", c)
	}
}

// TestCarried: most runs of a timer make no signed call. What only those show
// is neither gone nor new because of that.
func TestCarried(t *testing.T) {
	m := &maker{}
	denied := m.add(diagnose.Broken, "IA-02")
	denied.Without, denied.Codes[0].Called = diagnose.Healthy, true
	for range 3 {
		m.add(diagnose.Healthy, "").Called = false
		if c := m.since(); !c.Quiet() || len(c.Standing) != 1 {
			t.Fatalf("without calls: %+v", c)
		}
	}
	m.add(diagnose.Broken, "SG-02").Called = false
	if got, want := words(m.since().List), []string{"SG-02: new (error)"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	m.add(diagnose.Healthy, "")
	if got, want := words(m.since().List), []string{"verdict: broken -> healthy", "SG-02: gone (was error)", "IA-02: gone (was error)"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if s := Sum(m.runs); len(s.Events) != 3 || s.Events[0].Runs != 4 {
		t.Errorf("%+v", s.Events)
	}
}

func TestFlapping(t *testing.T) {
	m := &maker{}
	for range 30 {
		m.add(diagnose.Healthy, "", ssm(diagnose.Pass, "own_vpc"))
	}
	m.add(diagnose.Broken, "SG-02", ssm(diagnose.Fail, "own_vpc"))
	m.add(diagnose.Healthy, "", ssm(diagnose.Pass, "own_vpc"))
	m.add(diagnose.Broken, "SG-02", ssm(diagnose.Fail, "own_vpc"))
	if c := m.since(); len(c.Flapping) != 0 {
		t.Errorf("comes, goes and comes back: %+v", c.Flapping)
	}
	m.add(diagnose.Healthy, "", ssm(diagnose.Pass, "own_vpc"))
	want := []report.Flap{{What: "verdict", Changes: 4, Runs: Window}, {What: "ssm", Changes: 4, Runs: Window}}
	if c := m.since(); !slices.Equal(c.Flapping, want) {
		t.Errorf("%+v", c.Flapping)
	}
	for range Window {
		m.add(diagnose.Healthy, "", ssm(diagnose.Pass, "own_vpc"))
	}
	if c := m.since(); len(c.Flapping) != 0 {
		t.Errorf("long calm: %+v", c.Flapping)
	}
}

func TestSum(t *testing.T) {
	if s := Sum(nil); s.Runs != 0 || s.Events == nil {
		t.Errorf("%+v", s)
	}
	m := &maker{}
	m.add(diagnose.Healthy, "").Instance = ""
	m.add(diagnose.Healthy, "")
	m.add(diagnose.Broken, "SG-02")
	m.add(diagnose.Healthy, "").Asked = "ecr-pull"
	m.add(diagnose.Broken, "SG-02").Instance = ""
	m.add(diagnose.Inconclusive, "").Cut = true
	s := Sum(m.runs)
	if s.Runs != 6 || len(s.Events) != 3 || !s.Events[0].First || s.Events[0].Runs != 2 || s.Events[1].Runs != 2 || !s.Events[2].First {
		t.Errorf("%+v", s)
	}
	if s.Now.RunID != "r4" || !s.Healthy.Equal(noon.Add(time.Hour)) || len(s.Standing) != 1 || s.Standing[0].Runs != 2 {
		t.Errorf("%+v", s)
	}
	only := &maker{}
	only.add(diagnose.Inconclusive, "").Cut = true
	if s := Sum(only.runs); s.Runs != 1 || len(s.Events) != 0 {
		t.Errorf("%+v", s)
	}
}

func TestParseBounds(t *testing.T) {
	for _, bad := range []string{"", "{", "[]", "null", `{"v":1}`, `{"v":1,"run":"r","status":"fine"}`, `{"v":0,"run":"r","status":"healthy"}`,
		`{"v":2,"run":"r","status":"healthy"}`, `{"v":1,"run":"r","status":"healthy","seq":100000000000000}`} {
		if e, err := Parse([]byte(bad)); err == nil {
			t.Errorf("%s gives %+v", bad, e)
		}
	}
	e := Entry{Version: 1, RunID: "r", Status: diagnose.Broken, Headline: strings.Repeat("x", 5000) + "\x1b[2J"}
	for range 1000 {
		e.Codes = append(e.Codes, Code{Code: "SG-02", Severity: "error"})
		e.Rows = append(e.Rows, Row{Name: strings.Repeat("n", 500), Addrs: slices.Repeat([]string{strings.Repeat("9", 99)}, 99)})
	}
	if line, err := e.bounded().Line(); err != nil || len(line) > MaxBytes || bytes.ContainsRune(line, 0x1b) {
		t.Errorf("%d bytes, %v", len(line), err)
	}
}
