package text

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"vpcdoctor/report"
	"vpcdoctor/report/diagnose"
)

// firstMax is how much of an output Run Command and its consoles show before
// they cut; the verdict, its proof and the first command must fit.
const firstMax = 1500

// Bounds of single strings on the first screen, so that one talkative value
// cannot push the command off it. Whole texts follow below or are in the JSON.
const (
	headlineMax = 400
	evidenceMax = 300
	actionMax   = 320
)

// firstScreen writes line 1 (code, severity, one sentence), line 2 (where and
// when), then proof, fix and next step. It shows as much of the proof as fits
// into firstMax; the rest follows right after it.
func firstScreen(p *page, r *report.Report) {
	lead, ok := r.Verdict.Lead()
	if !ok {
		head(p, r, diagnose.Finding{})
		toDecide(p, r.Verdict)
		return
	}
	best := choice{}
	for _, c := range choices(len(lead.Evidence)) {
		best = c
		try := &page{width: p.width}
		leadScreen(try, r, lead, c)
		if try.b.Len() <= firstMax {
			break
		}
	}
	leadScreen(p, r, lead, best)
	restOfLead(p, lead, best)
}

// choice is how much of the leading cause goes onto the first screen.
type choice struct {
	summary  bool
	evidence int
}

// choices are tried in this order: a full proof with the summary, then less
// proof but three lines, then proof alone, one line at least.
func choices(evidence int) []choice {
	var out []choice
	for n := evidence; n >= min(3, evidence); n-- {
		out = append(out, choice{true, n})
	}
	for n := evidence; n >= min(1, evidence); n-- {
		out = append(out, choice{false, n})
	}
	return out
}

func leadScreen(p *page, r *report.Report, f diagnose.Finding, c choice) {
	head(p, r, f)
	toDecide(p, r.Verdict)
	if s := beyond(f.Summary, r.Verdict.Headline); c.summary && s != "" {
		p.para("", plain, 0, s)
	}
	if c.evidence > 0 {
		p.line(p.paint(bold, "Proof:"))
	}
	for _, e := range f.Evidence[:c.evidence] {
		p.item(short(e.Text, evidenceMax))
	}
	do, _ := sentences(f.Action.Do, actionMax)
	action(p, f.Action, do)
	next(p, r, f.Action)
}

// beyond is what a text says that the headline has not said already.
func beyond(text, headline string) string {
	text, headline = clean(text), clean(headline)
	if strings.Contains(headline, text) {
		return ""
	}
	return strings.TrimSpace(strings.TrimPrefix(text, headline))
}

// restOfLead writes what the first screen had no room for, and the other
// causes that the same facts allow.
func restOfLead(p *page, f diagnose.Finding, c choice) {
	if len(f.Alternatives) > 0 {
		p.heading("The same facts allow, and what would tell")
		alternatives(p, f.Alternatives)
	}
	left := f.Evidence[c.evidence:]
	_, more := sentences(f.Action.Do, actionMax)
	if len(left) == 0 && more == "" && (c.summary || f.Summary == "") {
		return
	}
	p.heading("More on " + code(f.Code))
	if !c.summary {
		p.para("  ", plain, 2, f.Summary)
	}
	for _, e := range left {
		p.item(e.Text)
	}
	if more != "" {
		p.para("  About the fix: ", bold, 2, more)
	}
}

// head writes lines 1 and 2.
func head(p *page, r *report.Report, f diagnose.Finding) {
	p.headline(r.Verdict, f)
	items := contextItems(r)
	cur := items[0]
	for _, x := range items[1:] {
		if len(cur)+2+len(x) > p.width {
			p.line(cur)
			cur = "  " + x
			continue
		}
		cur += "  " + x
	}
	p.line(cur)
	if r.Context.Interrupted {
		p.para("", plain, 0, "INTERRUPTED: a signal ended the run"+after(r)+". What follows is what was gathered until then; exit code 3.")
	}
	p.blank()
}

// headline writes line 1: what is wrong, how sure that is, one sentence.
func (p *page) headline(v diagnose.Verdict, f diagnose.Finding) {
	label, style := verdictLabel(v, f)
	sentence := short(v.Headline, headlineMax)
	if sentence == "" {
		sentence = cmp.Or(clean(f.Title), "the report holds no verdict")
	}
	sentence = strings.TrimPrefix(sentence, string(f.Code)+": ")
	p.para(label+": ", style, 2, sentence)
}

// verdictLabel is the start of line 1: "EP-01 ERROR (proved)".
func verdictLabel(v diagnose.Verdict, f diagnose.Finding) (string, sgr) {
	tag := ""
	if f.Code != "" {
		tag = code(f.Code)
	}
	sure := ""
	if f.Confidence != "" {
		sure = " (" + short(string(f.Confidence), codeMax) + ")"
	}
	switch v.Status {
	case diagnose.Broken:
		return strings.TrimSpace(tag + " ERROR" + sure), red
	case diagnose.Degraded:
		return strings.TrimSpace(tag + " WARNING" + sure), yellow
	case diagnose.Healthy:
		return "HEALTHY", green
	case diagnose.Inconclusive:
		if tag == "" {
			return "INCONCLUSIVE", yellow
		}
		return "INCONCLUSIVE, " + tag + sure, yellow
	default:
		return "NO VERDICT", yellow
	}
}

// contextItems are the parts of line 2. What is not known says so.
func contextItems(r *report.Report) []string {
	c := r.Context
	known := func(s, otherwise string) string {
		if s == "" {
			return otherwise
		}
		return short(s, 48)
	}
	at := "time unknown"
	if !c.Time.IsZero() {
		at = c.Time.UTC().Format("2006-01-02 15:04:05") + " UTC"
	}
	uid := "uid unknown"
	if c.UID >= 0 {
		uid = "uid " + strconv.Itoa(c.UID)
	}
	region := known(c.Region, "Region unknown")
	if c.AZ != "" {
		region = short(c.AZ, 24) // the zone's name holds the Region's
		if !strings.HasPrefix(c.AZ, c.Region) {
			region = known(c.Region, "Region unknown") + "/" + region
		}
	}
	out := []string{
		known(c.InstanceID, "instance unknown"), known(c.SubnetID, "subnet unknown"),
		known(c.VPCID, "VPC unknown"), region, at,
		"vpcdoctor " + known(r.Tool.Version, "unversioned"), uid, known(c.How, "context unknown"),
	}
	if r.Facts != nil && r.Facts.Run.Version != "" && r.Facts.Run.Version != r.Tool.Version {
		out = append(out, "facts by "+short(r.Facts.Run.Version, 32))
	}
	return out
}

// after is " after 2.1 s" when the end of the run is known.
func after(r *report.Report) string {
	if r.Facts == nil || r.Facts.End.IsZero() || r.Facts.Start.IsZero() {
		return ""
	}
	took := r.Facts.End.Sub(r.Facts.Start).Round(100 * time.Millisecond)
	return " after " + strconv.FormatFloat(took.Seconds(), 'f', 1, 64) + " s"
}

// toDecide names the one observation that would decide an inconclusive run.
func toDecide(p *page, v diagnose.Verdict) {
	if v.Status == diagnose.Inconclusive && beyond(v.Decide, v.Headline) != "" {
		p.para("To decide: ", bold, 2, v.Decide)
	}
}
