package diagnose

import (
	"cmp"
	"slices"
	"strings"
)

// Strength says how well the knowledge behind a code is founded. A code of
// strength Inferred or Field never prints as proved, whatever a rule says.
type Strength string

// Strengths, the marks of the field guide.
const (
	Documented Strength = "D" // stated in AWS documentation
	Source     Strength = "V" // read in source code
	Measured   Strength = "M" // measured in network namespaces
	Field      Strength = "F" // field reports: issues, forum answers
	Inferred   Strength = "E" // engineering inference
)

// Doc is what is known about one code: the page that `vpcdoctor explain`
// prints. Texts are ASCII, short sentences, free of names of one instance.
type Doc struct {
	Code           Code     `json:"code"`
	Group          string   `json:"group"` // "IM", "DN" ...: the letters of the code
	Title          string   `json:"title"` // at most 60 characters, states the fault
	Severity       Severity `json:"severity"`
	Strength       Strength `json:"strength"`
	Since          string   `json:"since"` // first version of vpcdoctor that prints it
	Symptom        string   `json:"symptom"`
	Proof          string   `json:"proof"`
	Fix            string   `json:"fix"`
	FalsePositives string   `json:"false_positives"`

	// Visible is false for a cause of which the instance shows nothing: no run
	// prints it, and Call names what decides.
	Visible bool   `json:"visible"`
	Call    string `json:"call,omitempty"`
}

// firstVersion is the version in which the first set of codes appeared.
const firstVersion = "0.1.0"

// groupOrder is the order of the groups, from the ground up: the order in
// which a reader looks for a fault.
var groupOrder = []string{
	"SELF", "OS", "IM", "CN", "DN", "RT", "SG", "GW", "EP", "PL", "V6", "FW", "TL", "PX", "IA", "AG", "SM", "RC", "SV",
}

// retired lists codes that were printed once and are not any more. A number in
// it is never used again, so that an old report keeps its meaning.
var retired []Code

// docs is every code that a finding or an alternative can carry, and those of
// causes that cannot be seen: what a finding needs of them. Explain and Codes
// add the texts.
var docs = completed(slices.Concat(
	selfDocs, osDocs, imdsDocs, partitionDocs, dnsDocs, routeDocs, groupDocs, gatewayDocs, endpointDocs,
	serviceDocs, v6Docs, firewallDocs, tlsDocs, proxyDocs, iamDocs, agentDocs, sessionDocs, commandDocs, awsDocs,
	moreDocs, kinDocs, unseenDocs,
))

var docOf = func() map[Code]Doc {
	m := make(map[Code]Doc, len(docs))
	for _, d := range docs {
		m[d.Code] = d
	}
	return m
}()

// page is a code as it is written down here; its texts are in pages.txt. A
// literal of it costs no code.
type page struct {
	code     Code
	sev      Severity
	strength Strength
	title    string
}

// completed adds what follows from the code: its group and first version.
func completed(ps []page) []Doc {
	out := make([]Doc, len(ps))
	for i, p := range ps {
		group, _, _ := strings.Cut(string(p.code), "-")
		out[i] = Doc{Code: p.code, Group: group, Title: p.title, Severity: p.sev, Strength: p.strength, Since: firstVersion}
	}
	return out
}

// Explain returns the page of a code. Case does not matter, nor does a missing
// hyphen ("sg02").
func Explain(code Code) (Doc, bool) {
	d, ok := docOf[canonical(code)]
	if !ok {
		return Doc{}, false
	}
	return withTexts(d), true
}

// Codes returns every code, in reading order: by group, then by number.
func Codes() []Doc {
	out := make([]Doc, 0, len(docs))
	for _, group := range groupOrder {
		first := len(out)
		for i := range docs {
			if docs[i].Group != group {
				continue
			}
			out = append(out, withTexts(docs[i]))
			for j := len(out) - 1; j > first && out[j].Code < out[j-1].Code; j-- {
				out[j], out[j-1] = out[j-1], out[j]
			}
		}
	}
	return out
}

// Retired returns the codes that are no longer printed.
func Retired() []Code { return slices.Clone(retired) }

// canonical brings "sg02", "sg-2" and " SG-02 " to "SG-02".
func canonical(code Code) Code {
	s := strings.ToUpper(strings.TrimSpace(string(code)))
	if strings.Contains(s, "-") {
		group, num, _ := strings.Cut(s, "-")
		if len(num) == 1 {
			num = "0" + num
		}
		return Code(group + "-" + num)
	}
	// Two characters of number follow the letters; V6 ends in a digit itself.
	if i := len(s) - 2; i >= 2 {
		return Code(s[:i] + "-" + s[i:])
	}
	return Code(s)
}

// Near returns up to three known codes that a mistyped one may have meant,
// best first. Nothing close enough gives none.
func Near(code string) []Code {
	want := string(canonical(Code(code)))
	type hit struct {
		code Code
		d    int
	}
	var hits []hit
	for _, d := range docs {
		// Two edits away is still a typing slip in five characters; three is
		// another code.
		if n := distance(want, string(d.Code)); n <= 2 {
			hits = append(hits, hit{d.Code, n})
		}
	}
	slices.SortStableFunc(hits, func(a, b hit) int {
		return cmp.Or(cmp.Compare(a.d, b.d), cmp.Compare(prefixLen(want, b.code), prefixLen(want, a.code)), cmp.Compare(a.code, b.code))
	})
	var out []Code
	for _, h := range hits[:min(3, len(hits))] {
		out = append(out, h.code)
	}
	return out
}

func prefixLen(s string, c Code) int {
	n := 0
	for n < len(s) && n < len(c) && s[n] == c[n] {
		n++
	}
	return n
}

// distance counts insertions, deletions, substitutions and swaps of
// neighbours: "GS-02" is one slip away from "SG-02". Inputs are a flag's value
// and a code, so the longer is cut to bound the work.
func distance(a, b string) int {
	if len(a) > 32 {
		a = a[:32]
	}
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			n := rows[i-1][j-1]
			if a[i-1] != b[j-1] {
				n++
			}
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				n = min(n, rows[i-2][j-2]+1)
			}
			rows[i][j] = min(n, rows[i-1][j]+1, rows[i][j-1]+1)
		}
	}
	return rows[len(a)][len(b)]
}

// weak tells whether a code must not print as proved.
func (d Doc) weak() bool { return d.Strength == Inferred || d.Strength == Field }
