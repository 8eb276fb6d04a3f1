package probe

import (
	"vpcdoctor/probe/catalog"
	"vpcdoctor/probe/fact"
)

// place decides which Region this is. A flag wins, because the user knows
// best; then IMDS; then what the agent and DHCP left on disk; the shell's
// AWS_REGION comes last, for it often belongs to another account's work.
func (r *runner) place() fact.Place {
	p := fact.Place{IMDSRegion: r.set.IMDS.Region}
	candidates := []struct{ region, source string }{
		{r.opt.Region, "flag"},
		{r.set.IMDS.Region, "imds"},
		{r.set.Agent.Identity.HybridIn, "agent registration"},
		{r.set.Agent.Config.Region, "agent config"},
		{r.searchRegion(), "resolv.conf"},
		{r.opt.EnvRegion, "environment"},
	}
	for _, c := range candidates {
		if c.region != "" {
			p.Region, p.Source = c.region, c.source
			break
		}
	}
	if p.Region == "" {
		return p
	}
	part, ok := r.cat.PartitionOf(p.Region)
	if ok {
		p.Partition, p.DNSSuffix, p.DualStackSuffix = part.ID, part.DNSSuffix, part.DualStackSuffix
		p.SuffixSource = "catalogue"
		for _, known := range part.Regions {
			p.Known = p.Known || known == p.Region
		}
	}
	// IMDS knows its own partition better than our list, but only about the
	// Region it stands in.
	if p.Region == p.IMDSRegion && r.set.IMDS.DNSSuffix != "" {
		p.DNSSuffix, p.SuffixSource = r.set.IMDS.DNSSuffix, "imds"
		if r.set.IMDS.Partition != "" {
			p.Partition = r.set.IMDS.Partition
		}
	}
	return p
}

// searchRegion reads the Region out of the search domains that EC2's DHCP
// hands out ("cn-north-1.compute.internal").
func (r *runner) searchRegion() string {
	for _, d := range resolveSearch(r) {
		if region := catalog.RegionOfSearchDomain(d); region != "" {
			return region
		}
	}
	return ""
}
