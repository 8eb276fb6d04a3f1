package summary

import (
	"bytes"
	"encoding/json"
	"slices"

	"vpcdoctor/report/diagnose"
)

// RunCommand is the limit of --summary-json, with its newline: Systems Manager
// keeps 2,500 characters of a plugin's output (MaximumPluginOutputSize of the
// agent, 3.3.987.0).
const RunCommand = 2400

// Smallest is a limit that every document fits into.
const Smallest = 2000

// JSON is the document on one line of printable ASCII, without a newline.
func (d Document) JSON() []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // three characters become one
	if err := e.Encode(d); err != nil {
		panic("summary: " + err.Error()) // strings, numbers and a time that was checked
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}

// Fit leaves out of a document what is named in [TrimOrder], one thing after
// the other, until its JSON fits. What never fits comes back as small as it
// gets. The document given is not changed.
func (d Document) Fit(fits func(j []byte) bool) (Document, []byte) {
	d = d.clone()
	j := d.JSON()
	for _, t := range trims {
		for !fits(j) {
			if !t.do(&d) {
				break
			}
			j = d.JSON()
		}
	}
	return d, j
}

// Within is Fit for a number of bytes.
func (d Document) Within(limit int) (Document, []byte) {
	return d.Fit(func(j []byte) bool { return len(j) <= limit })
}

func (d Document) clone() Document {
	d.Causes, d.Rows, d.NotChecked = slices.Clone(d.Causes), slices.Clone(d.Rows), slices.Clone(d.NotChecked)
	for i := range d.Causes {
		d.Causes[i].Evidence = slices.Clone(d.Causes[i].Evidence)
		d.Causes[i].Alternatives = slices.Clone(d.Causes[i].Alternatives)
	}
	return d
}

// TrimOrder says in words what Fit leaves out, the first first.
func TrimOrder() []string {
	out := make([]string, len(trims))
	for i, t := range trims {
		out[i] = t.what
	}
	return out
}

// trims are the steps of Fit. Each takes one thing and tells whether there was
// one; what is last in its list goes first, because lists are in the order of
// their weight.
var trims = []struct {
	what string
	do   func(*Document) bool
}{
	{"accepted findings and information", func(d *Document) bool {
		return d.dropCause(func(c Cause) bool { return !c.counts() })
	}},
	{"what was not checked and is not required", func(d *Document) bool {
		return d.dropGap(func(n diagnose.NotChecked) bool { return !n.Required })
	}},
	{"alternatives of all causes but the first", func(d *Document) bool {
		return d.eachOther(func(c *Cause) bool { return d.dropAlternative(c, 0) })
	}},
	{"commands of all causes but the first", func(d *Document) bool {
		return d.eachOther(func(c *Cause) bool { return d.clearText(&c.Verify) || d.clearText(&c.Command) })
	}},
	{"proof of all causes but the first, down to one line", func(d *Document) bool {
		return d.eachOther(func(c *Cause) bool { return d.dropEvidence(c, 1) })
	}},
	{"summaries of all causes but the first", func(d *Document) bool {
		return d.eachOther(func(c *Cause) bool { return d.clearText(&c.Summary) })
	}},
	{"failed rows that are not required", func(d *Document) bool {
		return d.dropRow(func(r Row) bool { return !(diagnose.Row{Need: r.Need}).Required() })
	}},
	{"alternatives of the first cause, down to one", func(d *Document) bool { return d.dropAlternative(d.lead(), 1) }},
	{"rows that passed", func(d *Document) bool { return d.dropRow(func(r Row) bool { return r.Status == diagnose.Pass }) }},
	{"proof and fixes of all causes but the first", func(d *Document) bool {
		return d.eachOther(func(c *Cause) bool { return d.dropEvidence(c, 0) || d.clearText(&c.Do) })
	}},
	{"warnings behind the first cause", func(d *Document) bool {
		return d.dropCause(func(c Cause) bool { return c.Severity == diagnose.SevWarning })
	}},
	{"proof of the first cause, down to three lines", func(d *Document) bool { return d.dropEvidence(d.lead(), 3) }},
	{"required things that were not checked, down to three", func(d *Document) bool {
		return len(d.NotChecked) > 3 && d.dropGap(func(diagnose.NotChecked) bool { return true })
	}},
	{"rows, down to four", func(d *Document) bool { return len(d.Rows) > 4 && d.dropRow(func(Row) bool { return true }) }},
	{"how to see that the first fix worked, and what else it may be", func(d *Document) bool {
		c := d.lead()
		return c != nil && (d.clearText(&c.Verify) || d.dropAlternative(c, 0))
	}},
	{"causes behind the first", func(d *Document) bool { return d.dropCause(func(Cause) bool { return true }) }},
	{"the summary of the first cause, and its proof down to one line", func(d *Document) bool {
		c := d.lead()
		return c != nil && (d.clearText(&c.Summary) || d.dropEvidence(c, 1))
	}},
	{"all rows", func(d *Document) bool { return d.dropRow(func(Row) bool { return true }) }},
	{"everything not checked", func(d *Document) bool { return d.dropGap(func(diagnose.NotChecked) bool { return true }) }},
	{"the command of the first cause", func(d *Document) bool { c := d.lead(); return c != nil && d.clearText(&c.Command) }},
	{"the ends of long sentences", (*Document).shorten},
	{"the first cause beyond its code", func(d *Document) bool {
		c := d.lead()
		return c != nil && (d.dropEvidence(c, 0) || d.clearText(&c.Do) || d.clearText(&c.Title))
	}},
}

// counts is diagnose.Finding.Counts of what the document kept.
func (c Cause) counts() bool {
	return diagnose.Finding{Accepted: c.Accepted, Severity: c.Severity}.Counts()
}

// lead is the cause that is trimmed last: the first that counts, which is
// where a report begins; where none counts, the first.
func (d *Document) lead() *Cause {
	if len(d.Causes) == 0 {
		return nil
	}
	return &d.Causes[d.leadIndex()]
}

func (d *Document) leadIndex() int {
	return max(0, slices.IndexFunc(d.Causes, Cause.counts))
}

// counts tells whether a cause of the document counts: then its first one stays
// to the end.
func (d *Document) counts() bool {
	c := d.lead()
	return c != nil && c.counts()
}

// dropCause leaves out the last cause that matches, never the leading one of
// those that count.
func (d *Document) dropCause(match func(Cause) bool) bool {
	for i := len(d.Causes) - 1; i >= 0; i-- {
		if i == d.leadIndex() && d.counts() || !match(d.Causes[i]) {
			continue
		}
		d.Causes = slices.Delete(d.Causes, i, i+1)
		d.Left.Causes++
		return true
	}
	return false
}

func (d *Document) dropRow(match func(Row) bool) bool {
	for i := len(d.Rows) - 1; i >= 0; i-- {
		if match(d.Rows[i]) {
			d.Rows = slices.Delete(d.Rows, i, i+1)
			d.Left.Rows++
			return true
		}
	}
	return false
}

func (d *Document) dropGap(match func(diagnose.NotChecked) bool) bool {
	for i := len(d.NotChecked) - 1; i >= 0; i-- {
		if match(d.NotChecked[i]) {
			d.NotChecked = slices.Delete(d.NotChecked, i, i+1)
			d.Left.NotChecked++
			return true
		}
	}
	return false
}

// eachOther tries the causes behind the leading one, the last first.
func (d *Document) eachOther(do func(*Cause) bool) bool {
	for i := len(d.Causes) - 1; i >= 0; i-- {
		if i != d.leadIndex() && do(&d.Causes[i]) {
			return true
		}
	}
	return false
}

func (d *Document) dropEvidence(c *Cause, keep int) bool {
	if c == nil || len(c.Evidence) <= keep {
		return false
	}
	c.Evidence = c.Evidence[:len(c.Evidence)-1]
	d.Left.Texts++
	return true
}

func (d *Document) dropAlternative(c *Cause, keep int) bool {
	if c == nil || len(c.Alternatives) <= keep {
		return false
	}
	c.Alternatives = c.Alternatives[:len(c.Alternatives)-1]
	d.Left.Texts++
	return true
}

func (d *Document) clearText(s *string) bool {
	if *s == "" {
		return false
	}
	*s = ""
	d.Left.Texts++
	return true
}

// Bounds of what is left when little fits.
const (
	shortText = 240
	shortName = 48
)

// shorten cuts everything that is left.
func (d *Document) shorten() bool {
	before := d.Left.Shortened
	texts, names := []*string{&d.Headline, &d.Decide}, []*string{
		&d.RunID, &d.InstanceID, &d.AccountID, &d.SubnetID, &d.VPCID, &d.Region, &d.AZ, &d.Suffix, &d.Version, &d.How,
	}
	if c := d.lead(); c != nil {
		texts = append(texts, &c.Do)
		names = append(names, &c.Title)
		for i := range c.Evidence {
			texts = append(texts, &c.Evidence[i])
		}
	}
	for _, s := range texts {
		*s = d.Left.cut(*s, shortText)
	}
	for _, s := range names {
		*s = d.Left.cut(*s, shortName)
	}
	return d.Left.Shortened > before
}
