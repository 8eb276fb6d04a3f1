package html

import (
	"slices"
	"strconv"
	"strings"

	"vpcdoctor/probe/fact"
	"vpcdoctor/report"
	"vpcdoctor/report/diagnose"
)

// head is the verdict in one sentence, and where and when it was made.
func head(p *page, r *report.Report) {
	p.raw("<header>\n<h1>")
	label, st := verdictLabel(r.Verdict)
	tag(p, st, label)
	lead, _ := r.Verdict.Lead()
	p.text(strings.TrimPrefix(r.Verdict.Headline, string(lead.Code)+": "))
	p.raw("</h1>\n")
	if r.Context.Interrupted {
		p.el(`p class="warn"`, "A signal ended the run: this is what was gathered until then.")
	}
	if r.Verdict.Status == diagnose.Inconclusive && r.Verdict.Decide != "" {
		p.el("p", "To decide: "+r.Verdict.Decide)
	}
	c := r.Context
	at := ""
	if !c.Time.IsZero() {
		at = c.Time.UTC().Format("2006-01-02 15:04:05") + " UTC"
	}
	p.raw("<ul class=\"facts\">\n")
	for _, x := range [][2]string{
		{"Instance", c.InstanceID}, {"Subnet", c.SubnetID}, {"VPC", c.VPCID}, {"Region", c.Region}, {"Zone", c.AZ},
		{"Account", c.AccountID}, {"Time", at}, {"Run as", uid(c)}, {"vpcdoctor", r.Tool.Version},
	} {
		p.raw("<li>")
		p.text(x[0] + " ")
		p.raw("<b>")
		p.text(known(x[1], "unknown"))
		p.raw("</b></li>\n")
	}
	p.raw("</ul>\n</header>\n")
}

func uid(c report.Context) string {
	if c.UID < 0 {
		return c.How
	}
	return strings.TrimSuffix("uid "+strconv.Itoa(c.UID)+", "+c.How, ", ")
}

// tag is a word in the colour of its state.
func tag(p *page, st state, word string) {
	p.raw("<span class=\"tag ")
	p.text(string(st))
	p.raw("\">")
	p.text(word)
	p.raw("</span> ")
}

// first is the leading cause with its fix, before anything else.
func first(p *page, r *report.Report) {
	f, ok := r.Verdict.Lead()
	if !ok {
		return
	}
	section(p, "fix", "The fix")
	p.raw("<div class=\"card lead ")
	p.text(string(severityState(f)))
	p.raw("\">\n")
	p.el("h3", string(f.Code)+": "+f.Title)
	if s := beyond(f.Summary, r.Verdict.Headline); s != "" {
		p.el("p", s)
	}
	action(p, f.Action)
	proof(p, f, true)
	p.raw("</div>\n</section>\n")
}

// section opens a section with its heading.
func section(p *page, id markup, title string) {
	p.raw("<section aria-labelledby=\"")
	p.raw(id)
	p.raw("\">\n<h2 id=\"")
	p.raw(id)
	p.raw("\">")
	p.text(title)
	p.raw("</h2>\n")
}

// action says what to do, with what can be copied.
func action(p *page, a diagnose.Action) {
	if a.Do != "" {
		where := ""
		switch a.Where {
		case "instance":
			where = " (on the instance)"
		case "operator":
			where = " (from an operator's machine)"
		}
		p.raw("<p><b>Fix")
		p.text(where)
		p.raw(":</b> ")
		p.text(a.Do)
		p.raw("</p>\n")
	}
	snippet(p, "", a.Command)
	snippet(p, "The smallest statement that is missing:", a.Statement)
	snippet(p, "The same event in CloudTrail:", a.Query)
	if a.Verify != "" {
		p.raw("<p><b>Then:</b> ")
		p.text(a.Verify)
		p.raw("</p>\n")
	}
}

// snippet is a text to copy. The button shows itself when a script may run.
func snippet(p *page, say, body string) {
	if body == "" {
		return
	}
	if say != "" {
		p.el("p", say)
	}
	p.raw("<div class=\"code\"><button type=\"button\" class=\"copy\" hidden=\"hidden\">Copy</button><pre>")
	p.text(strings.TrimSuffix(body, "\n"))
	p.raw("</pre></div>\n")
}

// proof unfolds the evidence and what else it allows.
func proof(p *page, f diagnose.Finding, unfolded bool) {
	if len(f.Evidence) > 0 {
		p.raw("<details")
		if unfolded {
			p.raw(" open=\"open\"")
		}
		p.raw("><summary>Evidence (")
		p.text(count(len(f.Evidence), "observation"))
		p.raw(")</summary>\n<ul>\n")
		for _, e := range f.Evidence {
			p.raw("<li>")
			p.text(e.Text)
			if e.Ref != "" {
				p.raw(" <span class=\"soft\">[")
				p.text(e.Ref)
				p.raw("]</span>")
			}
			p.raw("</li>\n")
		}
		p.raw("</ul></details>\n")
	}
	if len(f.Alternatives) > 0 {
		p.raw("<details><summary>The same facts allow, and what would tell</summary>\n<ul>\n")
		for _, a := range f.Alternatives {
			p.el("li", string(a.Code)+" "+a.Title+": "+a.Decide)
		}
		p.raw("</ul></details>\n")
	}
}

// further lists every other cause, in the order in which to act.
func further(p *page, r *report.Report) {
	lead := r.Verdict.LeadIndex()
	if len(r.Verdict.Causes) < 1 || lead >= 0 && len(r.Verdict.Causes) < 2 {
		return
	}
	section(p, "further", "Further findings")
	for i, f := range r.Verdict.Causes {
		if i == lead {
			continue
		}
		p.raw("<div class=\"card\">\n<h3>")
		word := string(f.Severity)
		if f.Severity != diagnose.SevInfo {
			word += ", " + string(f.Confidence)
		}
		if f.Accepted {
			word += ", accepted"
		}
		tag(p, severityState(f), word)
		p.text(string(f.Code) + ": " + f.Title)
		p.raw("</h3>\n")
		if f.Summary != "" && f.Summary != f.Title {
			p.el("p", f.Summary)
		}
		if f.Severity != diagnose.SevInfo {
			action(p, f.Action)
		}
		proof(p, f, false)
		p.raw("</div>\n")
	}
	p.raw("</section>\n")
}

// effects are what the causes explain.
func effects(p *page, in []diagnose.Finding) {
	if len(in) == 0 {
		return
	}
	section(p, "effects", "What this explains")
	p.raw("<ul>\n")
	for _, f := range in {
		words := string(f.CausedBy) + " explains " + string(f.Code) + " "
		var about []string
		for _, s := range f.Subjects {
			about = append(about, diagnose.SubjectName(s))
		}
		switch group, _, _ := strings.Cut(string(f.Code), "-"); {
		case group == "SM", group == "RC": // what people notice: the sentence says more than the title
			words += f.Summary
		case len(about) > 0:
			words += f.Title + ": " + list(about, 6)
		default:
			words += f.Title
		}
		p.el("li", words)
	}
	p.raw("</ul>\n</section>\n")
}

// many is the number of rows from which those that ask for nothing fold.
const many = 30

// endpoints is the table.
func endpoints(p *page, r *report.Report) {
	all := slices.Clone(r.Verdict.Rows)
	if len(all) == 0 {
		return
	}
	slices.SortStableFunc(all, func(a, b diagnose.Row) int { return a.Urgency() - b.Urgency() })
	section(p, "endpoints", "Endpoints")
	shown, folded := all, []diagnose.Row(nil)
	if len(all) > many {
		at := slices.IndexFunc(all, func(x diagnose.Row) bool { return x.Status != diagnose.Fail })
		shown = slices.Clone(all[:max(at, 0)])
		if at < 0 {
			shown = all
		} else {
			for _, x := range all[at:] {
				if x.Required() {
					shown = append(shown, x)
				} else {
					folded = append(folded, x)
				}
			}
		}
	}
	table(p, shown)
	if len(folded) > 0 {
		p.raw("<details><summary>")
		p.text(count(len(folded), "more name") + " that nothing here requires and that did not fail")
		p.raw("</summary>\n")
		table(p, folded)
		p.raw("</details>\n")
	}
	p.raw("</section>\n")
}

var columns = []string{"Endpoint", "State", "Needed", "DNS", "Address", "TCP", "TLS", "AWS"}

func table(p *page, rows []diagnose.Row) {
	p.raw("<div class=\"wide\"><table class=\"rows\">\n<thead><tr>")
	for _, c := range columns {
		p.raw("<th scope=\"col\">")
		p.text(c)
		p.raw("</th>")
	}
	p.raw("</tr></thead>\n<tbody>\n")
	for _, r := range rows {
		host := r.Host
		if r.Path == "proxy" {
			host += " (proxy)"
		}
		p.raw("<tr><th scope=\"row\">")
		p.text(host)
		p.raw("</th>")
		cell(p, 1, checkState(r.Status), r.Status.Word())
		cell(p, 2, "", strings.ReplaceAll(r.Need, "_", " "))
		cell(p, 3, checkState(r.DNS.Status), checkWord(r.DNS))
		cell(p, 4, "", wayWord(r))
		cell(p, 5, checkState(r.TCP.Status), checkWord(r.TCP))
		cell(p, 6, checkState(r.TLS.Status), checkWord(r.TLS))
		cell(p, 7, checkState(r.AWS.Status), checkWord(r.AWS))
		p.raw("</tr>\n")
	}
	p.raw("</tbody></table></div>\n")
}

// cell repeats its column's name for the narrow page, which has no head.
func cell(p *page, column int, st state, word string) {
	p.raw("<td")
	if st != "" {
		p.raw(" class=\"")
		p.text(string(st))
		p.raw("\"")
	}
	p.raw(" data-label=\"")
	p.text(columns[column])
	p.raw("\">")
	p.text(word)
	p.raw("</td>")
}

// items are the agent, its permissions and the steps of a rehearsal.
func items(p *page, in []diagnose.Item) {
	if len(in) == 0 {
		return
	}
	rank := []diagnose.CheckStatus{diagnose.Fail, diagnose.Pass, diagnose.NotCheckedStatus}
	in = slices.Clone(in)
	slices.SortStableFunc(in, func(a, b diagnose.Item) int { return slices.Index(rank, a.Status) - slices.Index(rank, b.Status) })
	section(p, "agent", "SSM Agent")
	p.raw("<ul>\n")
	for _, i := range in {
		p.raw("<li><b class=\"")
		p.text(string(checkState(i.Status)))
		p.raw("\">")
		p.text(i.Status.Word())
		p.raw("</b> ")
		p.text(strings.TrimSuffix(i.What+": "+i.Why, ": "))
		p.raw("</li>\n")
	}
	p.raw("</ul>\n</section>\n")
}

// innocent ends rounds of blame.
func innocent(p *page, in []diagnose.Innocent) {
	if len(in) == 0 {
		return
	}
	section(p, "innocent", "Proved innocent")
	p.raw("<ul>\n")
	for _, x := range in[:min(len(in), innocentMax)] {
		p.el("li", x.What+": "+x.Why)
	}
	if n := len(in) - innocentMax; n > 0 {
		p.el("li", "and "+strconv.Itoa(n)+" more, in the JSON report")
	}
	p.raw("</ul>\n</section>\n")
}

// innocentMax keeps a whole Region from burying the rest.
const innocentMax = 40

// notChecked groups what was not looked at by its reason.
func notChecked(p *page, in []diagnose.NotChecked) {
	if len(in) == 0 {
		return
	}
	var order []string
	names := map[string][]string{}
	for _, x := range in {
		why := x.Why
		if x.Required {
			why += " (needed for a full verdict)"
		}
		if names[why] == nil {
			order = append(order, why)
		}
		if !slices.Contains(names[why], x.What) {
			names[why] = append(names[why], x.What)
		}
	}
	section(p, "not-checked", "Not checked")
	p.raw("<ul>\n")
	for _, why := range order {
		p.el("li", list(names[why], 12)+": "+why)
	}
	p.raw("</ul>\n</section>\n")
}

// thisRun is what the run sent and which variables it honoured.
func thisRun(p *page, r *report.Report) {
	if r.Facts == nil {
		return
	}
	var lines []string
	for _, e := range r.Context.Environment {
		lines = append(lines, e.Name+"="+e.Value+": "+known(e.Used, "seen, no effect"))
	}
	if k := r.Facts.Run.Packets; k != (fact.Packets{}) {
		lines = append(lines, strings.Join([]string{
			"sent " + count(k.IMDSPuts, "IMDS token PUT"), count(k.IMDSGets, "IMDS GET"), count(k.DNS, "DNS packet"),
			count(k.Connects, "TCP connect"), count(k.Requests, "HTTPS request"), count(k.Signed, "signed call"),
		}, ", ")+"; nothing was changed")
	}
	if d := r.Facts.Run.CatalogDate; d != "" {
		lines = append(lines, "catalogue of "+d)
	}
	if len(lines) == 0 {
		return
	}
	section(p, "run", "This run")
	bullets(p, lines)
	p.raw("</section>\n")
}

// bullets are texts, one a line.
func bullets(p *page, in []string) {
	if len(in) == 0 {
		return
	}
	p.raw("<ul>\n")
	for _, l := range in {
		p.el("li", l)
	}
	p.raw("</ul>\n")
}

func list(in []string, n int) string {
	if len(in) > n {
		return strings.Join(in[:n], ", ") + " and " + strconv.Itoa(len(in)-n) + " more"
	}
	return strings.Join(in, ", ")
}
