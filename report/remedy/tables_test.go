package remedy

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"vpcdoctor/probe/packed"
	"vpcdoctor/report/diagnose"
)

var update = flag.Bool("update", false, "pack tables.txt")

// The compressed file in the binary is the file that people edit.
func TestTablesArePacked(t *testing.T) {
	text, err := os.ReadFile("tables.txt")
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		gz, err := packed.Pack(text)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("tables.txt.gz", gz, 0o644); err != nil {
			t.Fatal(err)
		}
		tablesText = string(gz)
	}
	if got, err := packed.Text(tablesText); err != nil || got != string(text) {
		t.Errorf("tables.txt.gz is not tables.txt (%v); run go test ./report/remedy -run TablesArePacked -update", err)
	}
	for name, gz := range map[string]string{"nothing": "", "no gzip": "op admit", "cut": tablesText[:len(tablesText)/2]} {
		if _, err := packed.Text(gz); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestTables: every record is of a known kind with known fields, and every name
// that it mentions exists.
func TestTables(t *testing.T) {
	fields := map[string][]string{
		"who": {"place", "without"}, "param": {"about", "find"}, "analyzer": {"says"}, "code": {"shell", "effect", "undo"},
		"op": {"shell", "console", "effect", "undo", "note", "cfn", "tf"},
	}
	words := map[string]int{"who": 2, "param": 3, "op": 2, "code": 4}
	seen := map[string]bool{}
	for _, r := range tables() {
		kind, name := r.words[0], strings.Join(r.words[:2], " ")
		if want, ok := fields[kind]; !ok || words[kind] != 0 && len(r.words) != words[kind] || seen[name] && kind != "analyzer" {
			t.Errorf("record %q", r.words)
		} else {
			for f, text := range r.fields {
				if !slices.Contains(want, f) || text == "" || nonASCII.MatchString(text) {
					t.Errorf("%s: field %q: %q", name, f, text)
				}
				checkMentions(t, name, f, text)
			}
		}
		seen[name] = true
		if len(r.resources) > 0 && kind != "op" {
			t.Errorf("%s has resources", name)
		}
		if kind == "op" && r.fields["effect"] != "" && r.fields["undo"] == "" {
			t.Errorf("%s: no way back", name)
		}
	}
}

// checkMentions looks for parameters that do not exist.
func checkMentions(t *testing.T, name, field, text string) {
	t.Helper()
	if field == "shell" || field == "find" {
		return // a shell that knows its variables checks these
	}
	for rest := text; ; {
		_, after, ok := strings.Cut(rest, "{")
		if !ok {
			return
		}
		id, after, _ := strings.Cut(after, "}")
		if !slices.ContainsFunc(params(), func(p param) bool { return p.name == id }) {
			t.Errorf("%s: %s mentions {%s}", name, field, id)
		}
		rest = after
	}
}

// TestEveryCode: each code has its record and nothing else has one; it has an
// op, or shell lines, or says in words what the fix touches.
func TestEveryCode(t *testing.T) {
	known := map[string]bool{}
	for _, d := range diagnose.Codes() {
		known[string(d.Code)] = true
		r := find("code", string(d.Code))
		if r.words == nil {
			t.Errorf("%s has no record", d.Code)
			continue
		}
		if find("who", r.words[2]).words == nil {
			t.Errorf("%s is repaired by %q", d.Code, r.words[2])
		}
		if op := r.words[3]; op != "-" && find("op", op).words == nil {
			t.Errorf("%s has the op %q", d.Code, op)
		}
		if r.words[3] == "-" && r.fields["effect"] == "" {
			t.Errorf("%s has neither an op nor words", d.Code)
		}
		if r.fields["shell"] != "" && r.words[2] != "host" {
			t.Errorf("%s has shell lines for %s", d.Code, r.words[2])
		}
		if says := analyzer(string(d.Code)); says == "" || len(says) > 160 {
			t.Errorf("%s: the analyzer says %q", d.Code, says)
		}
	}
	for _, r := range tables() {
		switch r.words[0] {
		case "code":
			if !known[r.words[1]] {
				t.Errorf("%s is no code", r.words[1])
			}
		case "analyzer":
			for _, c := range r.words[1:] {
				if c != "-" && !known[c] && !slices.ContainsFunc(diagnose.Codes(), func(d diagnose.Doc) bool { return d.Group == c }) {
					t.Errorf("analyzer: %s is no code", c)
				}
			}
		}
	}
	if got := analyzer("DN-05"); !strings.Contains(got, "do not pay") {
		t.Errorf("DN-05: %q", got)
	}
	if got := analyzer("SG-06"); !strings.HasPrefix(got, "SUBNET_ACL") {
		t.Errorf("SG-06: %q", got)
	}
}
