package remedy

import (
	_ "embed" // the tables
	"slices"
	"strings"
	"sync"

	"vpcdoctor/probe/packed"
)

// tablesText is tables.txt, compressed: four fifths of the knowledge of this
// package would otherwise be the binary's largest table.
//
//go:embed tables.txt.gz
var tablesText string

// record is one record of the tables.
type record struct {
	words     []string // of its first line: "op admit"
	fields    map[string]string
	resources []resource
}

// tables are read when the first repair is asked for.
var tables = sync.OnceValue(func() []record {
	return parse(packed.MustText("tables.txt.gz", tablesText))
})

// parse reads the tables. It trusts them: they are ours, and tests check them.
func parse(text string) []record {
	var out []record
	field := ""
	for l := range strings.SplitSeq(text, "\n") {
		body := strings.TrimLeft(l, " ")
		depth := len(l) - len(body)
		if depth == 0 && body != "" {
			if body[0] != '#' {
				out = append(out, record{words: strings.Fields(body), fields: map[string]string{}})
			}
			continue
		}
		if len(out) == 0 {
			continue
		}
		r := &out[len(out)-1]
		switch {
		case depth == 1:
			w := strings.Fields(body)
			if field = w[0]; field == "resource" {
				r.resources = append(r.resources, resource{cfn: some(w[1]), tf: some(w[2]), id: w[3]})
			}
		case field == "resource":
			if w := strings.SplitN(body, " ", 3); len(w) > 1 {
				ps := &r.resources[len(r.resources)-1].props
				if depth == 3 {
					ps = &(*ps)[len(*ps)-1].kids
				}
				*ps = append(*ps, prop{cfn: some(w[0]), tf: some(w[1]), value: strings.Join(w[2:], "")})
			}
		default:
			r.fields[field] += l[min(2, len(l)):] + "\n"
		}
	}
	for _, r := range out {
		for k, v := range r.fields {
			r.fields[k] = strings.Trim(v, "\n")
		}
	}
	return out
}

func some(word string) string { return strings.TrimPrefix(word, "-") }

// find is the record whose first words are these; an empty one when there is
// none.
func find(words ...string) record {
	for _, r := range tables() {
		if len(r.words) >= len(words) && slices.Equal(r.words[:len(words)], words) {
			return r
		}
	}
	return record{}
}

// params are the parameters. One that another's command needs comes before it.
var params = sync.OnceValue(func() []param {
	var out []param
	for _, r := range tables() {
		if r.words[0] == "param" {
			out = append(out, param{r.words[1], r.words[2], r.fields["about"], r.fields["find"]})
		}
	}
	return out
})

// analyzer is what Reachability Analyzer reports for a code. It reasons over
// configuration: it sends no packet and sees nothing in the guest, in DNS, TLS,
// policies or permissions. A line may stand for the rest of a group, the last
// one for all that is left.
func analyzer(code string) string {
	group, _, _ := strings.Cut(code, "-")
	says := ""
	for _, r := range tables() {
		if r.words[0] != "analyzer" {
			continue
		}
		says = r.fields["says"]
		if slices.Contains(r.words[1:], code) || slices.Contains(r.words[1:], group) {
			break
		}
	}
	return says
}
