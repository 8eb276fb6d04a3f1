package diagnose

import (
	"fmt"
	"slices"
)

func partitionRules() []Rule {
	return []Rule{
		{Code: "CN-01", Eval: wrongSuffix},
		blamed("CN-05", Likely, func(v *View, g group, f *Finding) {
			f.Summary = fmt.Sprintf("%s %s not exist, and the catalogue does not list the service in %s.", g.names(), verb(g.n(), "does", "do"), orWord(v.region(), "this Region"))
			f.Action.Do = "List what the Region offers. A service that is not there cannot be reached by an endpoint."
			f.Action.Command = v.aws("ec2", "describe-vpc-endpoint-services")
			f.Alternatives = []Alternative{alt("DN-31", "the list shows the service: pass it with --catalog")}
		}),
		{Code: "CN-05", Eval: absentServices},
	}
}

// absentServices are those that the user named and this Region does not have:
// nothing was asked, because there is no host to ask.
func absentServices(v *View) []Finding {
	if len(v.Set.Absent) == 0 {
		return nil
	}
	f := Finding{Code: "CN-05", Severity: SevWarning, Confidence: Likely, Action: Action{
		Do:    "Use a Region that has the service, or list what this one offers and pass the list with --catalog.",
		Where: "operator", Command: v.aws("ec2", "describe-vpc-endpoint-services"),
	}}
	var names []string
	for _, a := range v.Set.Absent {
		name := plain(a.Name, 80)
		names, f.Subjects = append(names, name), append(f.Subjects, name)
		known := "no Region"
		if len(a.Known) > 0 {
			known = list(a.Known, 3)
		}
		f.Evidence = append(f.Evidence, Evidence{"", fmt.Sprintf("the catalogue (%s) knows %s in %s", orWord(plain(v.Set.Run.CatalogDate, 40), "undated"), name, plain(known, 120))})
	}
	slices.Sort(names)
	f.Summary = fmt.Sprintf("%s %s not offered as an endpoint in %s as far as the catalogue knows, so nothing was asked for %s.",
		list(names, 3), verb(len(names), "is", "are"), orWord(v.region(), "this Region"), verb(len(names), "it", "them"))
	return []Finding{f}
}

// wrongSuffix: names of another partition, among the targets or in the agent's
// config.
func wrongSuffix(v *View) []Finding {
	f := Finding{Code: "CN-01", Severity: SevInfo, Confidence: Likely, Action: Action{Where: "instance"}}
	var names []string
	for _, p := range v.Paths {
		if v.wrongPartition(p.T.Host) == "" || p.Status == Pass || v.isolated(p.T.Host) {
			continue
		}
		names, f.Subjects = append(names, p.T.Host), append(f.Subjects, p.Key)
		f.Severity = maxSeverity(f.Severity, v.severity(p.T))
		if p.DNS == Fail {
			f.Evidence = append(f.Evidence, v.nameEvidence(p))
		}
	}
	if d := v.Set.Agent.Config.Domain; d != "" && v.wrongPartition("x."+d) != "" {
		names = append(names, "Agent.ServiceDomain "+plain(d, 80))
		f.Severity = SevError
		f.Evidence = append(f.Evidence, Evidence{"", "Agent.ServiceDomain = " + plain(d, 80)})
	}
	if len(names) == 0 {
		return nil
	}
	f.Evidence = append(f.Evidence, Evidence{"", fmt.Sprintf("DNS suffix of the partition %s: %s (by %s)", v.Set.Place.Partition, v.Set.Place.DNSSuffix, orWord(v.Set.Place.SuffixSource, "the facts"))})
	f.Summary = fmt.Sprintf("%s %s the DNS suffix of another partition; here it is %s.", list(names, 3), verb(len(names), "has", "have"), v.Set.Place.DNSSuffix)
	f.Action.Do = "Write the names with the suffix " + v.Set.Place.DNSSuffix + "."
	f.Action.Command = "grep -rn amazonaws /etc/amazon/ssm"
	return []Finding{f}
}
