package frames

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// doc is a JSON object of about n bytes that does not compress well.
func doc(r *rand.Rand, n int) []byte {
	var b strings.Builder
	b.WriteString(`{"summary":1,"status":"broken","rows":[`)
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, `{"host":"h%x.example","tcp":"fail %x"},`, r.Uint32(), r.Uint32())
	}
	return []byte(strings.TrimSuffix(b.String(), ",") + `],"uid":0}`)
}

func encode(t testing.TB, key string, d []byte) []string {
	t.Helper()
	lines, err := Encode(key, d)
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

func TestForm(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for n := 10; n < 5000; n += 150 {
		d := doc(r, n)
		if !Fits(d) {
			t.Logf("%d bytes do not fit", len(d))
			break
		}
		lines := encode(t, "3fa9c1d2", d)
		for _, l := range lines {
			if len(l) != Length || Length > 80 {
				t.Errorf("%d: %q", len(l), l)
			}
		}
		if size := len(lines) * (Length + 1); size > 6000 {
			t.Errorf("%d bytes for a document of %d", size, n)
		}
		got := Decode([]byte(strings.Join(lines, "\n")))
		if len(got) != 1 || !got[0].Whole || !bytes.Equal(got[0].Doc, d) || got[0].Repaired+len(got[0].Missing) != 0 {
			t.Errorf("%d bytes: %+v", n, got)
		}
	}
	if _, err := Encode("3fa9c1d2", doc(r, 20000)); err == nil {
		t.Error("20 kB of noise fit")
	}
	for _, key := range []string{"", "3fa9c1d", "3fa9c1dg", "3FA9C1D2"} {
		if _, err := Encode(key, []byte("{}")); err == nil {
			t.Errorf("key %q", key)
		}
	}
}

// What was written once must be read by all later versions.
func TestReadsOld(t *testing.T) {
	const old = `
VPCD1 3fa9c1d2 01/02 2b1ec93e ACXqucZyziRtu6pWKi7NzU0sqlSyMtRRKi5JLCktVrJSSirK
VPCD1 3fa9c1d2 02/02 8106e219 z07NU6oFBAAA//8AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
VPCD1 3fa9c1d2 +1/02 681f8a63 ACXqucZyziRtu6pWKi7NzU0sqlSyMtRRKi5JLCktVrJSSirK
VPCD1 3fa9c1d2 +2/02 c207a144 z07NU6oFBAAA//8AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA`
	const want = `{"summary":1,"status":"broken"}`
	if got := Decode([]byte(old)); len(got) != 1 || !got[0].Whole || string(got[0].Doc) != want {
		t.Errorf("%+v", got)
	}
	if got := Decode([]byte(old[159:])); len(got) != 1 || !got[0].Whole || got[0].Repaired != 2 {
		t.Errorf("from the lines that repair: %+v", got)
	}
}

func TestKey(t *testing.T) {
	for id, want := range map[string]string{
		"20261130T091512Z-3fa9c1d2": "3fa9c1d2", "20261130T091512Z-3FA9C1D2": "", "": "00000000", "x-1": "",
	} {
		if got := Key(id); want != "" && got != want || len(got) != 8 || !isHex(got) {
			t.Errorf("%q: %q", id, got)
		}
	}
}

// kernel are lines that others write.
func kernel(r *rand.Rand) string {
	return []string{
		fmt.Sprintf("[%5d.%06d] audit: type=1400 audit(1764493200.123:%d): apparmor=\"DENIED\"", r.IntN(99999), r.IntN(1e6), r.IntN(999)),
		fmt.Sprintf("[%5d.%06d] IPv6: ADDRCONF(NETDEV_CHANGE): eth0: link becomes ready", r.IntN(99999), r.IntN(1e6)),
		"[\x1b[0;32m  OK  \x1b[0m] Started \x1b[0;1;39mvpcdoctor.service\x1b[0m - Name the root cause.",
		"cloud-init[1234]: Cloud-init v. 24.1 running 'modules:final' at Mon, 30 Nov 2026",
		"ip-10-0-0-5 login: ",
	}[r.IntN(5)]
}

const (
	stamp      = "[2026-11-30T09:15:12.123456+00:00]"
	stampSpace = "[2026-11-30T09:15:12.123456+00:00] "
)

// noisy is what a console makes of lines: others' lines between and inside
// them, stamps, colours, carriage returns, duplicates, and lost lines, at most
// one for each that repairs.
func noisy(r *rand.Rand, lines []string, lose int) []byte {
	var b strings.Builder
	lost := map[int]bool{}
	at := r.IntN(len(lines) - lose + 1) // in a row
	for i := range lose {
		lost[at+i] = true
	}
	for i, l := range lines {
		if r.IntN(4) == 0 {
			b.WriteString(kernel(r) + "\r\n")
		}
		if lost[i] {
			cut := l[:r.IntN(len(l)-1)]
			if r.IntN(2) == 0 {
				cut = "" // wholly
			}
			b.WriteString(cut)
			if cut == "" || r.IntN(2) == 0 {
				continue // and what follows stands on the same line
			}
			b.WriteString("\r\n")
			continue
		}
		mid := len(mark) + r.IntN(len(l)-len(mark)-1)
		switch r.IntN(8) {
		case 0: // another writer's line inside ours
			l = l[:mid] + kernel(r) + "\r\n" + l[mid:]
		case 1: // two of them
			l = l[:mid] + kernel(r) + "\r\n" + kernel(r) + "\r\n" + l[mid:]
		case 2:
			l = l[:mid] + stamp + l[mid:]
		case 3:
			l = l[:mid] + stampSpace + l[mid:]
		case 4:
			l = l[:mid] + "\x1b[0m" + l[mid:]
		case 5: // a prompt without a newline
			l = l[:mid] + "login: " + l[mid:]
		case 6:
			l += "\r\n" + l
		}
		b.WriteString(l + "\r\n")
	}
	return []byte(b.String())
}

// Property: whatever a console does to lines, as long as no more of them are
// lost in a row than there are to repair with, the document comes back.
func TestNoise(t *testing.T) {
	rounds := 200
	if testing.Short() {
		rounds = 40
	}
	for seed := range rounds {
		r := rand.New(rand.NewPCG(uint64(seed), 7))
		d := doc(r, 100+r.IntN(2500))
		lines := encode(t, "3fa9c1d2", d)
		n := 0
		fmt.Sscanf(lines[0][18:20], "%d", &n)
		dump := append([]byte("boot\r\nVPCD1 is a word here\r\n"), noisy(r, lines, r.IntN(repairs(n)+1))...)
		got := Decode(append(dump, "the end"...))
		if len(got) != 1 || !got[0].Whole || !bytes.Equal(got[0].Doc, d) {
			t.Fatalf("seed %d: %d of %d lines, missing %v, repaired %d\n%s", seed, len(got), n, got[0].Missing, got[0].Repaired, dump)
		}
	}
}

// Two runs written at the same time, line by line.
func TestTwoWriters(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	a, b := encode(t, "aaaaaaaa", doc(r, 900)), encode(t, "bbbbbbbb", doc(r, 900))
	var dump strings.Builder
	for i := range max(len(a), len(b)) {
		for _, l := range [][]string{a, b} {
			if i < len(l) {
				dump.WriteString(l[i] + "\n")
			}
		}
	}
	got := Decode([]byte(dump.String()))
	if len(got) != 2 || !got[0].Whole || !got[1].Whole || got[1].Key != "bbbbbbbb" {
		t.Errorf("%+v", got)
	}
}

// The newest is the one whose lines came last, however often another is found.
func TestOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var dump []string
	for _, key := range []string{"00000002", "00000001", "00000003"} {
		dump = append(dump, encode(t, key, doc(r, 300))...)
	}
	got := Decode([]byte(strings.Join(dump, "\n")))
	if len(got) != 3 || got[0].Key != "00000002" || got[2].Key != "00000003" {
		t.Errorf("%+v", got)
	}
}

// Too much is lost: what is missing is said, and the beginning is read.
func TestLost(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	d := doc(r, 4000)
	lines := encode(t, "3fa9c1d2", d)
	kept := append(append([]string{}, lines[:10]...), lines[20:]...)
	got := Decode([]byte(strings.Join(kept, "\n")))
	if len(got) != 1 || got[0].Whole || len(got[0].Missing) == 0 || got[0].Missing[0] < 11 || got[0].Missing[len(got[0].Missing)-1] > 20 {
		t.Fatalf("%+v", got)
	}
	var v map[string]any
	if err := json.Unmarshal(got[0].Doc, &v); err != nil || v["status"] != "broken" || len(v["rows"].([]any)) < 3 {
		t.Errorf("%v: %s", err, got[0].Doc)
	}
	if got := Decode([]byte(strings.Join(lines[30:], "\n"))); len(got) != 1 || got[0].Doc != nil || got[0].Missing[0] != 1 {
		t.Errorf("without the first line: %+v", got)
	}
}

func TestClose(t *testing.T) {
	for in, want := range map[string]string{
		"":                          "",
		"{":                         "",
		`{"a":1`:                    "",
		`{"a":1,`:                   `{"a":1}`,
		`{"a":1,"b":"x,y`:           `{"a":1}`,
		`{"a":"\",","b":[1,{"c":2,`: `{"a":"\",","b":[1,{"c":2}]}`,
		`{"a":"q","b":[{"c"`:        `{"a":"q","b":[]}`,
		`{"a":{"b`:                  `{"a":{}}`,
		`{"a":[{"b":1},{"b":2}],"c`: `{"a":[{"b":1},{"b":2}]}`,
	} {
		got := string(Close([]byte(in)))
		if got != want || got != "" && !json.Valid([]byte(got)) {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

// What is meant to take long does not.
func TestBounded(t *testing.T) {
	bomb := make([]byte, 8<<20) // deflates to almost nothing
	if _, err := Encode("3fa9c1d2", bomb); err == nil {
		t.Error("8 MB fit")
	}
	const size = MaxInput / 4
	for name, in := range map[string]string{
		"marks":        strings.Repeat(mark, size/len(mark)),
		"mark, break":  strings.Repeat(mark+"a\n", size/len(mark)),
		"headers":      strings.Repeat("VPCD1 3fa9c1d2 03/41 9abcdef0 AAAA\n", size/35),
		"stamps":       strings.Repeat("[2026-11-30T09:15:12.1", size/22),
		"escapes":      strings.Repeat("\x1b]", size/2),
		"escapes open": strings.Repeat("\x1b[0;", size/4),
		"too long":     strings.Repeat(strings.Join(encode(t, "3fa9c1d2", []byte("{}")), "\n"), 10_000),
	} {
		start := time.Now()
		Decode([]byte(in))
		if took := time.Since(start); took > 20*time.Second { // 0.3 s on an idle machine
			t.Errorf("%s: %v", name, took)
		} else {
			t.Logf("%s: %v", name, took)
		}
	}
}

func FuzzDecode(f *testing.F) {
	r := rand.New(rand.NewPCG(9, 9))
	lines := encode(f, "3fa9c1d2", doc(r, 300))
	f.Add([]byte(strings.Join(lines, "\n")))
	f.Add(noisy(r, lines, 1))
	f.Add([]byte(strings.Join(lines[2:], "\r\n")))
	f.Add([]byte("VPCD1 3fa9c1d2 01/01 00000000 " + strings.Repeat("A", text)))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, run := range Decode(b) {
			if len(run.Doc) > MaxDocument+maxDepth || run.Lines < 1 || run.Lines > MaxLines || run.Whole && len(run.Missing) > 0 {
				t.Fatalf("%+v", run)
			}
			if !run.Whole && run.Doc != nil && run.Doc[0] == '{' && run.Doc[len(run.Doc)-1] != '}' {
				t.Fatalf("not closed: %s", run.Doc)
			}
		}
	})
}
