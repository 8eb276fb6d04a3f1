package diagnose

import (
	"fmt"
	"slices"
	"strings"

	"vpcdoctor/probe/fact"
)

// softwareRules speak of the other programs on this host that call AWS: which
// of them suffers, and what all of them need. What is wrong with a path has a
// code of its own; these say who feels it.
func softwareRules() []Rule {
	return []Rule{
		{Code: "RC-04", Eval: starved},
		{Code: "RC-05", Eval: halfPulled},
		{Code: "RC-06", Eval: needs},
		{Code: "RC-07", Eval: superfluous},
		{Code: "RC-08", Eval: otherHome},
	}
}

func (v *View) software() []*fact.Software {
	return refs(v.Set.Software, func(s fact.Software) string { return s.ID + s.Path })
}

// needsOf are the paths that a program calls: of its profiles, of the services
// in its configuration, and of the endpoints that this names.
func (v *View) needsOf(s *fact.Software) []*Path {
	var out []*Path
	for _, p := range v.Paths {
		mine := slices.Contains(s.Services, p.T.ID) || slices.ContainsFunc(p.T.Profiles, func(x string) bool { return slices.Contains(s.Profiles, x) }) ||
			slices.ContainsFunc(s.Override, func(o fact.Override) bool { return hostOnly(o.Host) == p.T.Host })
		if mine {
			out = append(out, p)
		}
	}
	return out
}

func hostOnly(s string) string {
	h, _, _ := strings.Cut(s, ":")
	return h
}

// starved is RC-04: a program lacks something that it needs. The SSM Agent has
// findings of its own.
func starved(v *View) []Finding {
	f := Finding{Code: "RC-04", Severity: SevInfo, Confidence: Likely, Action: Action{Where: "operator", Do: "Give the VPC what is missing, or take it out of the program's configuration."}}
	var texts []string
	for _, s := range v.software() {
		if s.ID == "ssm-agent" {
			continue
		}
		var lacks []string
		for _, p := range v.needsOf(s) {
			if p.Status != Fail || !p.Counts || slices.Contains(f.Subjects, s.ID+": "+p.Key) {
				continue
			}
			name := p.T.ID
			if p.T.Instead != "" {
				name += " (at " + plain(p.T.Host, 100) + ", by its configuration)"
			}
			lacks = append(lacks, plain(name, 160))
			f.Subjects = append(f.Subjects, s.ID+": "+p.Key)
			f.Evidence = append(f.Evidence, Evidence{"", v.failureWords(p)})
			if sev := v.severity(p.T); f.CausedBy == "" || sevRank(sev) < sevRank(f.Severity) {
				f.Severity, f.CausedBy = maxSeverity(f.Severity, sev), v.blameOf(p.Key)
			}
		}
		if len(lacks) > 0 {
			texts = append(texts, fmt.Sprintf("%s cannot reach %s.", plain(s.ID, 40), list(lacks, 4)))
		}
	}
	if len(texts) == 0 {
		return nil
	}
	f.Summary = strings.Join(texts[:min(3, len(texts))], " ")
	return []Finding{f}
}

// halfPulled is RC-05: pulling an image takes three ways, the API, the registry
// and the layers in S3, and not all of them work (ECR User Guide, "Amazon ECR
// interface VPC endpoints", read 2026-11).
func halfPulled(v *View) []Finding {
	works, fails := []string{}, []string{}
	f := Finding{Code: "RC-05", Severity: SevWarning, Confidence: Likely, Action: Action{Where: "operator",
		Do: "Repair the way that fails: ecr.api and ecr.dkr are interface endpoints, the layers come from S3 by a gateway endpoint."}}
	pulls := slices.Contains(v.Set.Run.Profiles, "ecr-pull") || slices.ContainsFunc(v.Set.Software, func(s fact.Software) bool {
		return slices.Contains([]string{"ecr-login", "ecs-agent", "eks-node"}, s.ID)
	})
	groups := map[string]bool{}
	for _, p := range v.Paths {
		part := map[string]string{"ecr.api": "the API", "ecr.dkr": "the registry", "s3-gateway": "the layers in S3", "s3-interface": "the layers in S3"}[p.T.ID]
		if part == "" || !p.Counts || p.Status == NotCheckedStatus || groups[part] {
			continue
		}
		if p.Status == Pass || p.T.Group != "" && v.groupWorks(p.T.Group) {
			works, groups[part] = append(works, part), true
			continue
		}
		fails, f.Subjects = append(fails, part), append(f.Subjects, p.Key)
		f.Evidence = append(f.Evidence, Evidence{"", v.failureWords(p)})
		f.CausedBy = orCode(f.CausedBy, v.blameOf(p.Key))
	}
	fails = slices.Compact(fails)
	if !pulls || len(works) == 0 || len(fails) == 0 {
		return nil
	}
	f.Summary = fmt.Sprintf("Pulling images from ECR stops half way: %s %s, %s %s not.", list(works, 3), verb(len(works), "works", "work"), list(fails, 3), verb(len(fails), "does", "do"))
	return []Finding{f}
}

func orCode(a, b Code) Code {
	if a != "" {
		return a
	}
	return b
}

// needs is RC-06: what the programs that were found need.
func needs(v *View) []Finding {
	if !v.Set.Run.Auto || len(v.Set.Software) == 0 {
		return nil
	}
	f := Finding{Code: "RC-06", Severity: SevInfo, Confidence: Likely, Action: Action{Where: "operator", Do: "Nothing: it is the list of endpoints to keep."}}
	var ids, all []string
	for _, s := range v.software() {
		var names []string
		for _, p := range v.needsOf(s) {
			names = append(names, plain(p.T.ID, 60))
		}
		names = sortedStrings(names)
		ids, all = append(ids, plain(s.ID, 40)), append(all, names...)
		text := fmt.Sprintf("%s (%s)", plain(s.ID, 40), plain(s.Path, 80))
		if len(names) > 0 {
			text += " needs " + list(names, 8)
		}
		if s.Status == fact.Failed {
			text += "; its configuration could not be read (" + string(s.Class) + ")"
		}
		f.Evidence = append(f.Evidence, Evidence{"", text})
	}
	f.Summary = fmt.Sprintf("Found here: %s. Together they need %s.", list(sortedStrings(ids), 8), orWord(list(sortedStrings(all), 16), "no endpoint that is known"))
	return []Finding{f}
}

// superfluous is RC-07: private endpoints that answer and that nothing found
// here needs. Others in the VPC may.
func superfluous(v *View) []Finding {
	if !v.Set.Run.Auto || len(v.Set.Software) == 0 {
		return nil
	}
	used := map[string]bool{}
	for _, s := range v.software() {
		for _, p := range v.needsOf(s) {
			used[p.Key], used[p.T.ID] = true, true
		}
	}
	f := Finding{Code: "RC-07", Severity: SevInfo, Confidence: Possible, Action: Action{Where: "operator", Do: "Ask who else in the VPC uses them before an endpoint is removed."}}
	var names []string
	for _, p := range v.Paths {
		if used[p.Key] || used[p.T.ID] || p.T.Type != "Interface" || p.T.Agent || p.Class != string(fact.OwnVPC) || p.Status != Pass || needRank(p.T.Need) <= 1 {
			continue
		}
		names, f.Subjects = append(names, plain(p.T.ID, 60)), append(f.Subjects, p.Key)
		if len(f.Evidence) < 3 {
			f.Evidence = append(f.Evidence, portEvidence(p.ports()[0]))
		}
	}
	if len(names) == 0 {
		return nil
	}
	f.Summary = fmt.Sprintf("%s %s by a private endpoint, and nothing that was found on this host needs %s.", list(names, 6), verb(len(names), "answers", "answer"), verb(len(names), "it", "them"))
	return []Finding{f}
}

// otherHome is RC-08: a configuration names another Region than ours.
func otherHome(v *View) []Finding {
	f := Finding{Code: "RC-08", Severity: SevWarning, Confidence: Likely, Action: Action{Where: "instance", Do: "Write the instance's Region into the file, unless the other one is meant; endpoints of this VPC do not lead there."}}
	var texts []string
	for _, s := range v.software() {
		if s.Region == "" || v.region() == "" || s.Region == v.region() {
			continue
		}
		texts = append(texts, fmt.Sprintf("%s is configured for %s; the instance is in %s.", plain(s.ID, 40), plain(s.Region, 30), v.region()))
		f.Subjects = append(f.Subjects, plain(s.ID, 40))
		f.Evidence = append(f.Evidence, Evidence{"", fmt.Sprintf("%s: Region %s", orWord(plain(s.Config, 120), plain(s.Path, 120)), plain(s.Region, 30))})
		if f.Action.Command == "" {
			f.Action.Command = command("cat", s.Config)
		}
	}
	if len(texts) == 0 {
		return nil
	}
	f.Summary = strings.Join(texts[:min(3, len(texts))], " ")
	return []Finding{f}
}
