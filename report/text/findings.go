package text

import (
	"slices"
	"strings"

	"vpcdoctor/report"
	"vpcdoctor/report/diagnose"
)

// action writes what to do and the one command for it.
func action(p *page, a diagnose.Action, do string) {
	if a.Do == "" && a.Command == "" {
		return
	}
	label := "Fix: "
	switch a.Where {
	case "instance":
		label = "Fix (on the instance): "
	case "operator":
		label = "Fix (from an operator's machine): "
	}
	p.para(label, bold, 2, do)
	if a.Command != "" {
		p.command(4, a.Command)
	}
}

// programs that a verification may start with; anything else is a sentence.
var programs = []string{"aws", "sudo", "curl", "dig", "nslookup", "getent", "systemctl", "journalctl", "vpcdoctor", "ip", "nc", "openssl", "chronyc", "timedatectl", "cat", "ls", "snap", "ss", "pgrep"}

// next writes what to do after the fix.
func next(p *page, r *report.Report, a diagnose.Action) {
	switch first, _, _ := strings.Cut(a.Verify, " "); {
	case a.Verify == "", a.Verify == "vpcdoctor check":
		p.para("Next: ", bold, 2, "run it again: "+again(r))
	case slices.Contains(programs, first):
		p.para("Next: ", bold, 2, "check that it worked:")
		p.command(4, a.Verify)
	default:
		p.para("Next: ", bold, 2, short(a.Verify, actionMax))
	}
}

// again is the command that repeats the run.
func again(r *report.Report) string {
	cmd := "sudo vpcdoctor"
	if r.Facts == nil {
		return cmd
	}
	run := r.Facts.Run
	if len(run.Profiles) == 1 && run.Profiles[0] == "session-manager" && len(run.Services) == 0 && !run.All && !run.Auto && !run.Rehearse {
		return cmd // the default
	}
	cmd += " check"
	if run.Auto {
		cmd += " --auto" // finds the profiles and services again
	}
	if len(run.Profiles) > 0 && !run.Auto {
		cmd += " --profile " + clean(strings.Join(run.Profiles, ","))
	}
	if len(run.Services) > 0 && !run.Auto {
		cmd += " --service " + clean(strings.Join(run.Services, ","))
	}
	if run.Rehearse {
		cmd += " --rehearse"
	}
	if run.All {
		cmd += " --all"
	}
	return cmd
}

// furtherCauses writes every cause but the leading one, in the order of the
// verdict: that is the order in which to act.
func furtherCauses(p *page, r *report.Report) {
	lead, ok := r.Verdict.Lead()
	skipped := false
	var left []diagnose.Finding
	for _, f := range r.Verdict.Causes {
		if ok && !skipped && f.Code == lead.Code && f.Title == lead.Title && !f.Accepted {
			skipped = true
			continue
		}
		left = append(left, f)
	}
	if len(left) == 0 {
		return
	}
	p.heading("Further findings")
	for _, f := range left {
		finding(p, f)
	}
}

// finding writes one cause that is not the leading one.
func finding(p *page, f diagnose.Finding) {
	label := code(f.Code) + " " + short(string(f.Severity), codeMax)
	if f.Severity != diagnose.SevInfo {
		label += " (" + short(string(f.Confidence), codeMax) + ")"
	}
	if f.Accepted {
		label += ", accepted"
	}
	p.para("  "+label+": ", severityStyle(f), 4, f.Title)
	if f.Summary != "" && f.Summary != f.Title {
		p.para("    ", plain, 4, f.Summary)
	}
	if f.Severity == diagnose.SevInfo {
		return // nothing to act on; its evidence is in the JSON
	}
	for _, e := range f.Evidence {
		p.para("    - ", plain, 6, e.Text)
	}
	if f.Action.Do != "" {
		p.para("    Fix: ", bold, 6, f.Action.Do)
	}
	if f.Action.Command != "" {
		p.command(8, f.Action.Command)
	}
	for _, a := range f.Alternatives {
		p.para("    Or ", plain, 6, alternative(a))
	}
}

func severityStyle(f diagnose.Finding) sgr {
	switch {
	case !f.Counts():
		return dim
	case f.Severity == diagnose.SevError:
		return red
	default:
		return yellow
	}
}

// maxAlternatives is how many alternatives are written out; they are ranked,
// and a reader in a hurry tries no more.
const maxAlternatives = 4

// alternatives writes what else the facts allow and what would tell.
func alternatives(p *page, in []diagnose.Alternative) {
	shown := in[:min(len(in), maxAlternatives)]
	for _, a := range shown {
		p.item(alternative(a))
	}
	var rest []string
	for _, a := range in[len(shown):] {
		rest = append(rest, code(a.Code))
	}
	if len(rest) > 0 {
		p.item("rarer: " + strings.Join(rest, ", ") + " (vpcdoctor explain CODE)")
	}
}

func alternative(a diagnose.Alternative) string {
	words := code(a.Code) + " " + clean(a.Title)
	if a.Decide != "" {
		words += ": " + clean(a.Decide)
	}
	return words
}

// effectKey folds the effects of one cause that say the same.
type effectKey struct {
	by, code diagnose.Code
	title    string
}

// effects writes what the causes explain, folded: forty timeouts are one line.
func effects(p *page, in []diagnose.Finding) {
	if len(in) == 0 {
		return
	}
	var causes []diagnose.Code
	var keys []effectKey
	total := map[diagnose.Code]int{}
	subjects := map[effectKey][]string{}
	times := map[effectKey]int{}
	for _, f := range in {
		k := effectKey{f.CausedBy, f.Code, f.Title}
		if felt(f.Code) {
			k.title, f.Subjects = f.Summary, nil
		}
		if total[k.by] == 0 {
			causes = append(causes, k.by)
		}
		if times[k] == 0 {
			keys = append(keys, k)
		}
		total[k.by]++
		times[k]++
		for _, s := range f.Subjects {
			subjects[k] = append(subjects[k], diagnose.SubjectName(s))
		}
	}
	for _, c := range causes {
		p.heading(code(c) + " explains " + count(total[c], "failure"))
		for _, k := range keys {
			if k.by == c {
				p.item(effectWords(k, times[k], subjects[k]))
			}
		}
	}
}

// felt tells whether an effect is what people will notice, of sessions and of
// programs: then its sentence says more than its title.
func felt(c diagnose.Code) bool {
	return strings.HasPrefix(string(c), "SM-") || strings.HasPrefix(string(c), "RC-")
}

func effectWords(k effectKey, times int, subjects []string) string {
	words := code(k.code) + " " + clean(k.title)
	if times > 1 {
		words += " (" + count(times, "time") + ")"
	}
	if len(subjects) > 0 {
		const shown = 4 // enough to recognise the group; the rows name all
		words += ": " + list(subjects, shown)
	}
	return words
}
