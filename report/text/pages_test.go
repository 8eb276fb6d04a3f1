package text

import (
	"bytes"
	"strings"
	"testing"

	"vpcdoctor/report/diagnose"
)

// TestExplainAll renders the page of every code there is.
func TestExplainAll(t *testing.T) {
	for _, d := range diagnose.Codes() {
		var b bytes.Buffer
		if err := Explain(&b, d, Options{}); err != nil {
			t.Fatal(err)
		}
		got := b.String()
		assertPage(t, got, defaultWidth)
		if !strings.HasPrefix(got, string(d.Code)+" ") || strings.Contains(got, "?[") || !strings.Contains(got, "\nFix\n  ") || !strings.Contains(got, "\nBasis\n  ") {
			t.Errorf("%s reads\n%s", d.Code, got)
		}
	}
	var b bytes.Buffer
	if err := Codes(&b, diagnose.Codes(), Options{}); err != nil {
		t.Fatal(err)
	}
	assertPage(t, b.String(), defaultWidth)
	if got := strings.Count(b.String(), "\n"); got < len(diagnose.Codes())+1 {
		t.Errorf("%d lines for %d codes", got, len(diagnose.Codes()))
	}
}

func TestServices(t *testing.T) {
	var b bytes.Buffer
	err := Services(&b, []ServiceRow{
		{
			ID: "ssmmessages", Name: "com.amazonaws.cn-northwest-1.ssmmessages", Type: "Interface", Ports: []string{"443/tls"},
			Hosts: []string{"ssmmessages.cn-northwest-1.amazonaws.com.cn"}, Confidence: "derived", Availability: "listed",
		},
		{
			ID: "storagegateway", Name: "com.amazonaws.cn-northwest-1.storagegateway", Type: "Interface", Ports: []string{"443/tls", "1026/tcp"},
			Hosts: []string{strings.Repeat("long-host-name.", 8) + "amazonaws.com.cn"}, Note: strings.Repeat("AWS says leave private DNS off. ", 4),
		},
	}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	assertPage(t, b.String(), defaultWidth)
	want := "ssmmessages  Interface, 443/tls, names derived, listed\n  service  com.amazonaws.cn-northwest-1.ssmmessages\n  host     ssmmessages.cn-northwest-1.amazonaws.com.cn\n"
	if !strings.HasPrefix(b.String(), want) {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
}

func TestTable(t *testing.T) {
	var b bytes.Buffer
	rows := [][]string{{"DNS", "12"}, {"TCP to " + strings.Repeat("name", 30), "6"}, {"short row"}}
	if err := Table(&b, 0, []string{"STEP", "PACKETS"}, rows, Options{}); err != nil {
		t.Fatal(err)
	}
	assertPage(t, b.String(), defaultWidth)
	if !strings.Contains(b.String(), "  DNS ") || !strings.Contains(b.String(), strings.Repeat("name", 10)) {
		t.Errorf("got\n%s", b.String())
	}
	if err := Table(&b, 3, nil, nil, Options{}); err != nil {
		t.Fatal(err)
	}
}

func FuzzClean(f *testing.F) {
	f.Add("plain words")
	f.Add("\u00a0")
	f.Add("\x1b[2J – ‘x’ \xff\u202e\n\t ")
	f.Fuzz(func(t *testing.T, s string) {
		got := clean(s)
		if strings.TrimSpace(got) != got || len(got) > wordMax+8 {
			t.Fatalf("%q", got)
		}
		for i := range len(got) {
			if got[i] < ' ' || got[i] > '~' {
				t.Fatalf("%q", got)
			}
		}
		for _, l := range wrap("", got, 80, 4) {
			if len(l) > 80 {
				t.Fatalf("%d columns: %q", len(l), l)
			}
		}
	})
}
