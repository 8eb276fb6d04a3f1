package text

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"vpcdoctor/probe/fact"
	"vpcdoctor/report"
	"vpcdoctor/report/diagnose"
)

// Bounds of the table: up to manyRows every row is shown; beyond that only the
// rows that ask for attention, and counts of the others.
const (
	manyRows = 30
	maxShown = 60
	cellMax  = 16 // "FAIL servfail" has 13
)

// rows writes the table endpoint, DNS, address class, TCP, TLS, AWS.
func rows(p *page, r *report.Report) {
	all := slices.Clone(r.Verdict.Rows)
	if len(all) == 0 {
		return
	}
	slices.SortStableFunc(all, func(a, b diagnose.Row) int {
		return a.Urgency() - b.Urgency() // otherwise in the order of the verdict
	})
	shown, folded := all, []diagnose.Row(nil)
	if len(all) > manyRows {
		shown, folded = fold(all)
	}
	suffix := commonSuffix(r)
	p.heading("Endpoints")
	p.table(tableOf(shown, suffix))
	if suffix != "" && slices.ContainsFunc(shown, func(x diagnose.Row) bool { return strings.HasSuffix(x.Host, suffix) }) {
		p.para("  ", dim, 2, "Names without a dot at their end are short for NAME"+clean(suffix)+".")
	}
	counts(p, folded)
}

// fold keeps the rows that failed or are required.
func fold(all []diagnose.Row) (shown, folded []diagnose.Row) {
	for _, r := range all {
		if len(shown) < maxShown && (r.Status == diagnose.Fail || r.Required()) {
			shown = append(shown, r)
		} else {
			folded = append(folded, r)
		}
	}
	return shown, folded
}

// counts sums up the rows that are not shown.
func counts(p *page, folded []diagnose.Row) {
	if len(folded) == 0 {
		return
	}
	n := map[string]int{}
	for _, r := range folded {
		n[word(r.Status)+", "+classWord(r.Class)]++
	}
	keys := make([]string, 0, len(n))
	for k := range n {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b string) int { return cmp.Or(n[b]-n[a], cmp.Compare(a, b)) })
	for i, k := range keys {
		keys[i] = strconv.Itoa(n[k]) + " " + k
	}
	p.para("  ", plain, 2, "And "+count(len(folded), "more name")+", all in the JSON report: "+strings.Join(keys, "; ")+".")
}

// commonSuffix is what most names of the table share, ".REGION.SUFFIX", or
// empty. The table leaves it out to stay within its columns.
func commonSuffix(r *report.Report) string {
	if r.Facts == nil || r.Facts.Place.Region == "" || r.Facts.Place.DNSSuffix == "" {
		return ""
	}
	return "." + r.Facts.Place.Region + "." + r.Facts.Place.DNSSuffix
}

// endpointName is the host as the table shows it: short, or in full with a dot
// at its end.
func endpointName(host, suffix string) string {
	if s, ok := strings.CutSuffix(host, suffix); ok && suffix != "" && s != "" {
		return clean(s)
	}
	return clean(host) + "."
}

// rowName is the name of a row's host, and of the way to it when that is not
// the direct one.
func rowName(r diagnose.Row, suffix string) string {
	name := endpointName(r.Host, suffix)
	if r.Path == "proxy" {
		name += " (proxy)"
	}
	return name
}

func tableOf(in []diagnose.Row, suffix string) table {
	t := table{key: 1}
	t.add(plainCells("", "ENDPOINT", "DNS", "ADDRESS", "TCP", "TLS", "AWS")...)
	for _, r := range in {
		t.add(
			cell{word(r.Status), statusStyle(r.Status)}, cell{rowName(r, suffix), plain},
			checkCell(r.DNS), cell{wayWord(r), plain},
			checkCell(r.TCP), checkCell(r.TLS), checkCell(r.AWS),
		)
	}
	return t
}

// word of a state. Not checked is a dash and never looks like a pass.
func word(s diagnose.CheckStatus) string {
	if s != diagnose.Pass && s != diagnose.Fail {
		return "-"
	}
	return s.Word()
}

func statusStyle(s diagnose.CheckStatus) sgr {
	switch s {
	case diagnose.Pass:
		return green
	case diagnose.Fail:
		return red
	default:
		return dim
	}
}

// obvious are words of a cell that its state has said already.
var obvious = []string{"", "-", "ok", "dns", "pass", "failed", "not checked"}

// checkCell is "pass 2/2", "FAIL timeout" or "-".
func checkCell(c diagnose.Check) cell {
	return cell{strings.TrimSpace(word(c.Status) + " " + ownWord(c)), statusStyle(c.Status)}
}

// ownWord is what a cell says beyond its state, or empty.
func ownWord(c diagnose.Check) string {
	if own := short(c.Word, cellMax); !slices.Contains(obvious, own) {
		return own
	}
	return ""
}

// wayWord is the address class, with the way to S3 and DynamoDB where the run
// could tell it.
func wayWord(r diagnose.Row) string {
	switch r.Way {
	case "gateway endpoint":
		return "public, gateway"
	case "NAT or internet gateway":
		return "public, NAT/IGW"
	}
	return classWord(r.Class)
}

// classWord is the address class in words of the reader.
func classWord(class string) string {
	switch fact.AddrClass(class) {
	case "":
		return "-"
	case fact.OwnVPC:
		return "own VPC"
	case fact.OtherPrivate:
		return "other private"
	case fact.PublicAWS:
		return "public AWS"
	case fact.LinkLocal:
		return "link-local"
	default:
		return short(class, cellMax)
	}
}
