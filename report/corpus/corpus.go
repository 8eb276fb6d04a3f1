// Package corpus reads and writes the scenario corpus: one text archive per
// situation, with its story, the facts that a run gathered in it, what
// report/diagnose concludes and what report/text prints. Tests replay every
// file; the lab records most of them; people contribute more.
//
// It is for tests and the lab. The files are trusted: they are part of the
// source.
package corpus

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/txtar"

	"vpcdoctor/probe/fact"
	"vpcdoctor/report"
)

// Kinds of scenarios.
const (
	Fault   = "fault"   // something does not work, or soon will not
	Healthy = "healthy" // nothing may be reported as a warning or worse
)

// Origins of facts.
const (
	Lab         = "lab"         // recorded from the simulated VPC: the scenario of the same name, under seed 1
	Hand        = "hand"        // written by hand: a fault of the tables in report/diagnose
	Contributed = "contributed" // of a real run, redacted
)

// File is one scenario. Facts are those of `vpcdoctor check --facts`; Verdict
// and Text follow from them.
//
// A near miss is one fact apart from its scenario, and what the scenario shows
// is not there. It is a file of its own, which Near names, or Patch, which
// turns Facts into it.
type File struct {
	Name   string
	Story  string   // one or more paragraphs
	Kind   string   // Fault | Healthy
	Origin string   // Lab | Hand | Contributed
	Shows  []string // codes that the scenario is about: causes, effects or alternatives of its verdict
	Allows []string // codes of warnings that a healthy scenario has by its story
	Near   string   // file of the near miss
	NearOf string   // of a near miss: the scenario

	Facts, Verdict, Text   []byte
	Patch, NearMissVerdict []byte // of a near miss that is no file: RFC 6902, and the verdict on it
}

const (
	ext         = ".txtar"
	factsName   = "facts.json"
	verdictName = "verdict.json"
	textName    = "report.txt"
	patchName   = "nearmiss.patch.json"
	nearName    = "nearmiss.verdict.json"
)

// sections lists where the archive's files belong, in their order.
func (f *File) sections() []struct {
	name string
	data *[]byte
} {
	return []struct {
		name string
		data *[]byte
	}{{factsName, &f.Facts}, {verdictName, &f.Verdict}, {textName, &f.Text}, {patchName, &f.Patch}, {nearName, &f.NearMissVerdict}}
}

// headers lists the lines under the story, in their order.
func (f *File) headers() []struct {
	key  string
	one  *string
	many *[]string
} {
	return []struct {
		key  string
		one  *string
		many *[]string
	}{{"kind", &f.Kind, nil}, {"origin", &f.Origin, nil}, {"shows", nil, &f.Shows}, {"allows", nil, &f.Allows}, {"near miss", &f.Near, nil}, {"near miss of", &f.NearOf, nil}}
}

// Names lists the scenarios in a directory, sorted.
func Names(dir string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*"+ext))
	if err != nil {
		return nil, err
	}
	for i, f := range files {
		files[i] = strings.TrimSuffix(filepath.Base(f), ext)
	}
	slices.Sort(files)
	return files, nil
}

// Read reads one scenario.
func Read(dir, name string) (*File, error) {
	b, err := os.ReadFile(filepath.Join(dir, name+ext))
	if err != nil {
		return nil, err
	}
	return parse(name, b)
}

// All reads every scenario in a directory, sorted by name.
func All(dir string) ([]*File, error) {
	names, err := Names(dir)
	if err != nil {
		return nil, err
	}
	out := make([]*File, len(names))
	for i, n := range names {
		if out[i], err = Read(dir, n); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Remove removes a scenario from a directory.
func Remove(dir, name string) error { return os.Remove(filepath.Join(dir, name+ext)) }

// Write writes a scenario. It changes nothing where the file says so already.
func (f *File) Write(dir string) error {
	b := f.format()
	again, err := parse(f.Name, b)
	if err != nil {
		return err
	}
	if !bytes.Equal(again.format(), b) {
		return fmt.Errorf("%s: a line of it looks like a line of the archive", f.Name)
	}
	path := filepath.Join(dir, f.Name+ext)
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, b) {
		return nil
	}
	return os.WriteFile(path, b, 0o644)
}

// Set reads the facts; every call gives a set of its own.
func (f *File) Set() (*fact.Set, error) { return read(f.Name, f.Facts) }

// Set reads the facts of one scenario in a directory.
func Set(dir, name string) (*fact.Set, error) {
	f, err := Read(dir, name)
	if err != nil {
		return nil, err
	}
	return f.Set()
}

// NearMiss reads the facts with the patch applied.
func (f *File) NearMiss() (*fact.Set, error) {
	b, err := Apply(f.Facts, f.Patch)
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %w", f.Name, patchName, err)
	}
	return read(f.Name, b)
}

// read takes facts as `vpcdoctor diagnose` does.
func read(name string, b []byte) (*fact.Set, error) {
	r, err := report.Read(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %w", name, factsName, err)
	}
	return r.Facts, nil
}

func parse(name string, b []byte) (*File, error) {
	a := txtar.Parse(b)
	f := &File{Name: name, Kind: Fault, Origin: Contributed}
	if err := f.comment(string(a.Comment)); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	for _, x := range a.Files {
		known := false
		for _, s := range f.sections() {
			if s.name == x.Name {
				*s.data, known = x.Data, true
			}
		}
		if !known {
			return nil, fmt.Errorf("%s: unknown section %q", name, x.Name)
		}
	}
	return f, nil
}

// comment reads the story and the headers: the last paragraph, when its first
// line has the form of a header.
func (f *File) comment(s string) error {
	s = strings.TrimSpace(strings.ReplaceAll(s, "\r\n", "\n"))
	i := strings.LastIndex(s, "\n\n")
	last := strings.TrimSpace(s[max(i, 0):])
	if !strings.HasPrefix(last, "kind: ") {
		f.Story = s
		return nil
	}
	f.Story = strings.TrimSpace(s[:max(i, 0)])
	for line := range strings.Lines(last) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		known := false
		for _, h := range f.headers() {
			switch {
			case h.key != key:
				continue
			case h.one != nil:
				*h.one = value
			default:
				*h.many = strings.Fields(value)
			}
			known = true
		}
		if !known {
			return fmt.Errorf("unknown line %q", line)
		}
	}
	return nil
}

func (f *File) format() []byte {
	var c strings.Builder
	c.WriteString(f.Story + "\n\n")
	for _, h := range f.headers() {
		var value string
		if h.one != nil {
			value = *h.one
		} else {
			value = strings.Join(*h.many, " ")
		}
		if value != "" {
			c.WriteString(h.key + ": " + value + "\n")
		}
	}
	a := &txtar.Archive{Comment: []byte(c.String())}
	for _, s := range f.sections() {
		if len(*s.data) > 0 {
			a.Files = append(a.Files, txtar.File{Name: s.name, Data: *s.data})
		}
	}
	return txtar.Format(a)
}
