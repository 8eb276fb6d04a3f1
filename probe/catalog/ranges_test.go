package catalog

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/binary"
	"flag"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write ranges.bin from testdata/aws-ip-ranges.tsv")

// rangeRow is one row of the table.
type rangeRow struct {
	prefix          netip.Prefix
	region, service string
}

// readRanges reads the table and the creation date in its head.
func readRanges(t testing.TB) ([]rangeRow, time.Time) {
	t.Helper()
	text, err := os.ReadFile("testdata/aws-ip-ranges.tsv")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "createDate ")
	date, err := time.Parse("2006-01-02-15-04-05", after[:19])
	if err != nil {
		t.Fatal(err)
	}
	var rows []rangeRow
	sc := bufio.NewScanner(bytes.NewReader(text))
	for sc.Scan() {
		f := strings.Split(sc.Text(), "\t")
		if strings.HasPrefix(sc.Text(), "#") {
			continue
		}
		if len(f) != 3 {
			t.Fatalf("row %q", sc.Text())
		}
		rows = append(rows, rangeRow{netip.MustParsePrefix(f[0]), f[1], f[2]})
	}
	return rows, date
}

// packRanges writes the form that ranges.go describes.
func packRanges(rows []rangeRow, date time.Time) []byte {
	var regions []string
	for _, r := range rows {
		if !slices.Contains(regions, r.region) {
			regions = append(regions, r.region)
		}
	}
	slices.Sort(regions)
	out := binary.BigEndian.AppendUint64([]byte(rangesMagic), uint64(date.Unix()))
	out = append(out, byte(len(regions)))
	for _, r := range regions {
		out = append(append(out, byte(len(r))), r...)
	}
	tag := func(r rangeRow) byte {
		return byte(slices.Index(regions, r.region)<<2 | slices.Index(rangeServices, r.service))
	}
	rows = slices.Clone(rows)
	slices.SortFunc(rows, func(a, b rangeRow) int {
		return cmp.Or(a.prefix.Addr().BitLen()-b.prefix.Addr().BitLen(), b.prefix.Bits()-a.prefix.Bits(),
			a.prefix.Addr().Compare(b.prefix.Addr()), int(tag(a))-int(tag(b)))
	})
	for len(rows) > 0 {
		bits, family := rows[0].prefix.Bits(), rows[0].prefix.Addr().BitLen()
		n := 0
		for n < len(rows) && rows[n].prefix.Bits() == bits && rows[n].prefix.Addr().BitLen() == family {
			n++
		}
		version := byte(4)
		if family == 128 {
			version = 6
		}
		out = append(out, version, byte(bits), byte(n>>8), byte(n))
		for _, r := range rows[:n] {
			out = append(out, r.prefix.Masked().Addr().AsSlice()[:(bits+7)/8]...)
		}
		for _, r := range rows[:n] {
			out = append(out, tag(r))
		}
		rows = rows[n:]
	}
	return out
}

func TestCatalogRangesEqualTable(t *testing.T) {
	rows, date := readRanges(t)
	packed := packRanges(rows, date)
	if *update {
		if err := os.WriteFile("ranges.bin", packed, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(packed) != rangesBin {
		t.Error("ranges.bin differs from the table; run go test -run Ranges -update")
	}
	if len(rangesBin) > 60_000 {
		t.Errorf("ranges.bin has %d bytes, want at most 60,000", len(rangesBin))
	}
	r := Ranges()
	if !r.Date.Equal(time.Date(2026, 8, 22, 15, 17, 5, 0, time.UTC)) || len(r.regions) > 64 {
		t.Errorf("date %v, %d Regions", r.Date, len(r.regions))
	}
	// Unpack independently of Lookup and compare row by row.
	var got []rangeRow
	for _, g := range r.groups {
		for i := range g.tags {
			region, service := r.name(g.tags[i])
			got = append(got, rangeRow{g.prefix(i), region, service})
		}
	}
	order := func(a, b rangeRow) int {
		return cmp.Or(a.prefix.Compare(b.prefix), cmp.Compare(a.region, b.region), cmp.Compare(a.service, b.service))
	}
	slices.SortFunc(got, order)
	slices.SortFunc(rows, order)
	if !slices.Equal(got, rows) {
		t.Errorf("unpacked %d rows differ from the table's %d", len(got), len(rows))
	}
}

func TestRangesLookup(t *testing.T) {
	tests := []struct {
		addr, region, service string
		ok                    bool
	}{
		{"52.218.128.1", "us-west-2", "S3", true},        // the same prefix is AMAZON too
		{"::ffff:52.218.128.1", "us-west-2", "S3", true}, // mapped
		{"35.71.68.9", "us-east-1", "DYNAMODB", true},    // the same prefix is AMAZON too
		{"52.94.30.1", "af-south-1", "DYNAMODB", true},   //
		{"2406:da61:4000::7", "ap-northeast-1", "S3", true},
		{"2620:107:4000:9900:50:84::1", "us-west-2", "AMAZON", true}, // a /96
		{"10.0.0.1", "", "", false},
		{"8.8.8.8", "", "", false},
		{"2001:4860::8888", "", "", false},
		{"0.0.0.0", "", "", false},
		{"255.255.255.255", "", "", false},
		{"ffff:ffff::", "", "", false},
	}
	for _, tt := range tests {
		region, service, ok := Ranges().Lookup(netip.MustParseAddr(tt.addr))
		if region != tt.region || service != tt.service || ok != tt.ok {
			t.Errorf("Lookup(%s) = %q, %q, %v; want %q, %q, %v", tt.addr, region, service, ok, tt.region, tt.service, tt.ok)
		}
	}
	if _, _, ok := Ranges().Lookup(netip.Addr{}); ok {
		t.Error("the zero address is in the list")
	}
}

// TestRangesLookupAgainstScan compares the search with a plain walk over the
// table, for the first, last and next address of every row.
func TestRangesLookupAgainstScan(t *testing.T) {
	rows, _ := readRanges(t)
	scan := func(a netip.Addr) (best rangeRow, score int) {
		score = -1
		for _, r := range rows {
			if !r.prefix.Contains(a) {
				continue
			}
			s := r.prefix.Bits()
			if r.region != globalRegion {
				s += 1000
			}
			if r.service != "AMAZON" {
				s += 2000
			}
			if s > score {
				best, score = r, s
			}
		}
		return best, score
	}
	for i, r := range rows {
		if i%7 != 0 { // every seventh row keeps the test under a second
			continue
		}
		for _, a := range []netip.Addr{r.prefix.Addr(), lastOf(r.prefix), lastOf(r.prefix).Next()} {
			want, score := scan(a)
			region, service, ok := Ranges().Lookup(a)
			if ok != (score >= 0) || region != want.region || service != want.service {
				t.Fatalf("Lookup(%v) = %s %s %v, the table says %v", a, region, service, ok, want)
			}
		}
	}
}

func lastOf(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

func TestParseRangesRejectsDamage(t *testing.T) {
	for n := range 400 {
		parseRanges(rangesBin[:n]) // must not panic
	}
	for _, text := range []string{"", "AWSR1", "nonsense", rangesBin[:len(rangesBin)-1]} {
		if _, ok := parseRanges(text); ok {
			t.Errorf("%d damaged bytes accepted", len(text))
		}
	}
}

func BenchmarkRangesParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		parseRanges(rangesBin)
	}
}

func BenchmarkRangesLookup(b *testing.B) {
	a := netip.MustParseAddr("52.218.128.1")
	b.ReportAllocs()
	for b.Loop() {
		Ranges().Lookup(a)
	}
}

// FuzzRangesLookup: every address has an answer, and a mapped address has that
// of its IPv4 form.
func FuzzRangesLookup(f *testing.F) {
	f.Add([]byte{52, 218, 128, 1})
	f.Add(netip.MustParseAddr("2406:da61:4000::7").AsSlice())
	f.Fuzz(func(t *testing.T, b []byte) {
		a, ok := netip.AddrFromSlice(b)
		if !ok {
			return
		}
		region, service, ok := Ranges().Lookup(a)
		r2, s2, ok2 := Ranges().Lookup(a.Unmap())
		if ok != ok2 || region != r2 || service != s2 || ok == (region == "") {
			t.Errorf("%v: %s %s %v, unmapped %s %s %v", a, region, service, ok, r2, s2, ok2)
		}
	})
}
