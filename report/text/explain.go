package text

import (
	"io"

	"vpcdoctor/report/diagnose"
)

// strengths in words: how well the knowledge behind a code is founded.
var strengths = map[diagnose.Strength]string{
	diagnose.Documented: "stated in AWS documentation",
	diagnose.Source:     "read in source code",
	diagnose.Measured:   "measured",
	diagnose.Field:      "field reports; never printed as proved",
	diagnose.Inferred:   "engineering inference; never printed as proved",
}

// Explain writes the page of one code.
func Explain(w io.Writer, d diagnose.Doc, o Options) error {
	p := newPage(o)
	p.para(clean(string(d.Code))+" "+clean(string(d.Severity))+": ", bold, 2, d.Title)
	for _, part := range []struct{ name, words string }{
		{"Symptom", d.Symptom},
		{"Proof", d.Proof},
		{"Fix", d.Fix},
		{"False positives", d.FalsePositives},
		{"Basis", strengths[d.Strength]},
		{"Since", d.Since},
	} {
		if part.words != "" {
			p.heading(part.name)
			p.para("  ", plain, 2, part.words)
		}
	}
	_, err := io.WriteString(w, p.b.String())
	return err
}

// Codes lists the codes, one line each: code, severity, title.
func Codes(w io.Writer, in []diagnose.Doc, o Options) error {
	rows := make([][]string, 0, len(in))
	for _, d := range in {
		rows = append(rows, []string{string(d.Code), string(d.Severity), d.Title})
	}
	return Table(w, 2, []string{"CODE", "SEVERITY", "TITLE"}, rows, o)
}
