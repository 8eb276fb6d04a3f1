package diagnose

import (
	"slices"
	"strings"
	"testing"
)

// The catalogue of codes is printed to users: it must be complete, sorted and
// plain.
func TestDocs(t *testing.T) {
	// Words that talk down, guess or apologise have no place in a finding.
	forbidden := []string{"simply", "obviously", "please", "unfortunately", "sorry", "todo", "hijack", "foreign", "!"}
	seen := map[Code]bool{}
	lastGroup, lastCode := -1, Code("")
	for _, d := range Codes() {
		if seen[d.Code] || slices.Contains(Retired(), d.Code) {
			t.Errorf("%s: twice, or retired", d.Code)
		}
		seen[d.Code] = true
		g := slices.Index(groupOrder, d.Group)
		if g < 0 || g < lastGroup {
			t.Errorf("%s: group out of order", d.Code)
		}
		if g == lastGroup && d.Code <= lastCode {
			t.Errorf("%s after %s", d.Code, lastCode)
		}
		lastGroup, lastCode = g, d.Code
		if len(d.Title) == 0 || len(d.Title) > 60 {
			t.Errorf("%s: title has %d characters", d.Code, len(d.Title))
		}
		for _, s := range []string{d.Title, d.Symptom, d.Proof, d.Fix, d.FalsePositives, d.Since, string(d.Strength)} {
			if s == "" {
				t.Errorf("%s: empty text", d.Code)
			}
			for _, w := range forbidden {
				if strings.Contains(strings.ToLower(s), w) {
					t.Errorf("%s: %q in %q", d.Code, w, s)
				}
			}
			if i := strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r > '~' }); i >= 0 {
				t.Errorf("%s: not ASCII: %q", d.Code, s)
			}
		}
	}
	if n := len(seen); n < 240 {
		t.Errorf("%d codes", n)
	}
}

func TestExplain(t *testing.T) {
	for in, want := range map[Code]Code{"SG-02": "SG-02", "sg02": "SG-02", "sg-2": "SG-02", " v601": "V6-01", "self-01": "SELF-01"} {
		if d, ok := Explain(in); !ok || d.Code != want {
			t.Errorf("Explain(%q) = %q, %v", in, d.Code, ok)
		}
	}
	for _, in := range []Code{"", "-", "S", "SG-99", "SG-", Code(strings.Repeat("x", 99))} {
		if d, ok := Explain(in); ok {
			t.Errorf("Explain(%q) = %q", in, d.Code)
		}
	}
}

func TestNear(t *testing.T) {
	for in, want := range map[string]Code{"SG-20": "SG-02", "GS-02": "SG-02", "DN-5": "DN-05", "TLS-07": "TL-07"} {
		if got := Near(in); !slices.Contains(got, want) {
			t.Errorf("Near(%q) = %v, want %s among them", in, got, want)
		}
	}
	if got := Near("bananas"); len(got) != 0 {
		t.Errorf("Near(bananas) = %v", got)
	}
	if got := Near("DN-02"); len(got) == 0 || got[0] != "DN-02" || len(got) > 3 {
		t.Errorf("Near(DN-02) = %v", got)
	}
}

func FuzzCode(f *testing.F) {
	f.Add("sg-02")
	f.Fuzz(func(t *testing.T, s string) {
		Explain(Code(s))
		if len(Near(s)) > 3 {
			t.Error("too many suggestions")
		}
	})
}
