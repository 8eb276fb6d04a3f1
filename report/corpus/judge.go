package corpus

import (
	"bytes"
	"io"

	"vpcdoctor/report"
	"vpcdoctor/report/diagnose"
)

// conclusion is what verdict.json holds: the findings of the report, without
// the words that report.txt has.
type conclusion struct {
	Status   diagnose.Status `json:"status"`
	Headline string          `json:"headline"`
	Causes   []finding       `json:"causes"`
	Effects  []finding       `json:"effects,omitempty"`
	Decide   string          `json:"decide,omitempty"`
}

type finding struct {
	Code         diagnose.Code       `json:"code"`
	Severity     diagnose.Severity   `json:"severity"`
	Confidence   diagnose.Confidence `json:"confidence"`
	CausedBy     diagnose.Code       `json:"caused_by,omitempty"`
	Summary      string              `json:"summary"`
	Subjects     []string            `json:"subjects,omitempty"`
	Evidence     []diagnose.Evidence `json:"evidence"`
	Alternatives []diagnose.Code     `json:"alternatives,omitempty"`
}

// Judge fills what follows from the facts: verdict and text, which text writes,
// and the verdict on the near miss when that is a patch.
func (f *File) Judge(text func(io.Writer, *report.Report) error) error {
	s, err := f.Set()
	if err != nil {
		return err
	}
	v := diagnose.Run(s, diagnose.Options{})
	if f.Verdict, err = conclude(v); err != nil {
		return err
	}
	var b bytes.Buffer
	if err := text(&b, report.New(s, v, report.Tool{Name: "vpcdoctor", Version: s.Run.Version})); err != nil {
		return err
	}
	f.Text = b.Bytes()
	f.NearMissVerdict = nil
	if len(f.Patch) > 0 {
		if s, err = f.NearMiss(); err != nil {
			return err
		}
		f.NearMissVerdict, err = conclude(diagnose.Run(s, diagnose.Options{}))
	}
	return err
}

func conclude(v diagnose.Verdict) ([]byte, error) {
	b, err := marshal(conclusion{v.Status, v.Headline, shortened(v.Causes), shortened(v.Effects), v.Decide})
	if err != nil {
		return nil, err
	}
	return Layout(b)
}

func shortened(fs []diagnose.Finding) []finding {
	out := make([]finding, len(fs))
	for i, f := range fs {
		out[i] = finding{f.Code, f.Severity, f.Confidence, f.CausedBy, f.Summary, f.Subjects, f.Evidence, nil}
		for _, a := range f.Alternatives {
			out[i].Alternatives = append(out[i].Alternatives, a.Code)
		}
	}
	return out
}
