package catalog

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"vpcdoctor/probe/fact"
)

// Selection is what a run was asked to look at.
type Selection struct {
	Region    string   // "cn-north-1"
	AccountID string   // 12 digits; empty: not known
	Label     string   // stands for any label under a wildcard; lower case letters, digits, hyphens
	Profiles  []string // profile ids
	Services  []string // words, ids, service names or host names
	All       bool     // every service that a source places in the Region, besides
	FIPS      bool     // add the FIPS names of what was chosen
	DualStack bool     // add the dual-stack names of what was chosen
}

// maxLabels is how many made-up names one run may ask for (decisions.md, "Do
// no harm").
const maxLabels = 8

// Targets lists the hosts of the selection, required ones first, each host
// once: where several services or profiles lead to the same host, the first
// one names the target and the strongest need counts. The notes say what was
// asked for and gives no host.
//
// An *[UnknownError] or *[NotInRegionError] may come together with the targets
// of everything else that was asked for (several are joined).
func (c *Catalog) Targets(s Selection) ([]fact.Target, []string, error) {
	if c.doc.partition(s.Region) == nil {
		return nil, nil, c.unknownRegion(s.Region)
	}
	b := &builder{c: c, sel: s, byHost: map[string]int{}}
	if !c.doc.listed(s.Region) {
		b.note("Region %s is younger than this catalogue: its names are formed by the rules of its partition", s.Region)
	}
	for _, id := range s.Profiles {
		p, err := c.profile(id)
		if err != nil {
			b.errs = append(b.errs, err)
			continue
		}
		b.addProfile(p)
	}
	for _, arg := range s.Services {
		b.addService(arg)
	}
	if s.All {
		for _, x := range c.offeredIn(s.Region) {
			b.add(x, ask{need: fact.NeedOptional})
		}
	}
	slices.SortStableFunc(b.out, func(x, y fact.Target) int { return cmp.Compare(rank(x.Need), rank(y.Need)) })
	return b.out, b.notes, errors.Join(b.errs...)
}

// rank orders needs, strongest first.
func rank(n fact.Need) int {
	return slices.Index([]fact.Need{fact.NeedRequired, fact.NeedOneOf, fact.NeedRecommended, fact.NeedOptional}, n)
}

// builder collects targets.
type builder struct {
	c      *Catalog
	sel    Selection
	out    []fact.Target
	byHost map[string]int
	labels int
	notes  []string
	errs   []error
}

// ask is one reason to look at a service.
type ask struct {
	need    fact.Need
	group   string
	profile string
	named   bool   // by the user, in --service
	host    string // the host that the user gave, instead of the usual ones
}

func (b *builder) note(format string, args ...any) {
	if n := fmt.Sprintf(format, args...); !slices.Contains(b.notes, n) {
		b.notes = append(b.notes, n)
	}
}

func (b *builder) addProfile(p Profile) {
	one := func(id string, need fact.Need, group string) {
		x := b.c.expand(b.c.entry(id), b.sel.Region)
		// A profile member without an endpoint is still what the use case
		// dials, over a public path.
		if !x.offered() && (need == fact.NeedRequired || need == fact.NeedRecommended) && b.c.doc.listed(b.sel.Region) {
			b.note("%s: no endpoint service is known in %s, so profile %s can reach it by a public path only", id, b.sel.Region, p.ID)
		}
		b.add(x, ask{need: need, group: group, profile: p.ID})
	}
	for _, id := range p.Required {
		one(id, fact.NeedRequired, "")
	}
	for _, g := range p.OneOf {
		for _, id := range g {
			one(id, fact.NeedOneOf, strings.Join(g, "|"))
		}
	}
	for _, id := range p.Recommended {
		one(id, fact.NeedRecommended, "")
	}
	for _, id := range p.Optional {
		one(id, fact.NeedOptional, "")
	}
}

// addService adds what a --service argument means. Members that the Region
// does not have are left out as long as another one is there.
func (b *builder) addService(arg string) {
	f, err := b.c.lookup(arg, b.sel.Region)
	if err != nil {
		b.errs = append(b.errs, err)
		return
	}
	if f.note != "" {
		b.note("%s", f.note)
	}
	added := 0
	var missing []expansion
	for _, g := range f.groups {
		var here []expansion
		for _, id := range g {
			x := b.c.expand(b.c.entry(id), b.sel.Region)
			if x.offered() || b.unproven(x) {
				here = append(here, x)
			} else {
				missing = append(missing, x)
			}
		}
		a := ask{need: fact.NeedRequired, named: true, host: f.host}
		if len(here) > 1 {
			a.need, a.group = fact.NeedOneOf, joinIDs(here)
		}
		for _, x := range here {
			b.add(x, a)
			added++
		}
	}
	if added == 0 {
		b.errs = append(b.errs, b.notHere(arg, missing[0]))
		return
	}
	for _, x := range missing {
		if !strings.HasSuffix(x.entry.ID, "-interface") { // the gateway serves the same host
			b.note("%s: %v", arg, b.notHere(x.entry.ID, x))
		}
	}
}

// unproven tells that nothing can be said about the service in this Region:
// no source places it anywhere, or the Region is unknown to all sources. Then
// the user, who named it, is believed.
func (b *builder) unproven(x expansion) bool {
	if !b.c.doc.listed(b.sel.Region) {
		return true
	}
	if x.tier == Absent || len(b.c.knownIn(x.entry, b.sel.Region)) > 0 {
		return false
	}
	b.note("%s: no source tells in which Regions it is offered; its names are formed by rule", x.entry.ID)
	return true
}

func (b *builder) notHere(arg string, x expansion) error {
	e := &NotInRegionError{Name: arg, ID: x.entry.ID, Region: b.sel.Region, Known: b.c.knownIn(x.entry, b.sel.Region)}
	if x.note != x.entry.Note {
		e.Note = x.note // about this Region, not about the service at large
	}
	return e
}

func joinIDs(xs []expansion) string {
	ids := make([]string, len(xs))
	for i, x := range xs {
		ids[i] = x.entry.ID
	}
	return strings.Join(ids, "|")
}

// add makes the targets of one service: its hosts, the hosts that SDKs call
// beside them, and the FIPS and dual-stack names where they were asked for.
func (b *builder) add(x expansion, a ask) {
	hosts := x.hosts()
	if a.host != "" {
		hosts = []probeHost{{a.host, !slices.Contains(x.names, a.host) && !slices.Contains(x.dual, a.host), fact.NeedRequired}}
	}
	if len(hosts) == 0 {
		if a.named {
			b.note("%s", noHosts(x))
		}
		return
	}
	added, noAccount := 0, false
	for i, h := range hosts {
		if !a.named && i > 0 && a.need == fact.NeedOptional && h.wildcard {
			continue // one host is enough of a service that nobody waits for
		}
		if !a.named && h.weight == fact.NeedOptional {
			continue
		}
		name, ok := b.sel.fillHost(h.name)
		if !ok {
			noAccount = true
			continue
		}
		if strings.Contains(h.name, "{any}") && !b.takeLabel(name, x.entry.ID) {
			continue
		}
		t := x.target(name, a)
		t.Wildcard = h.wildcard
		t.Agent = agentDials(x, name, a.profile)
		if rank(h.weight) > rank(t.Need) {
			t.Need, t.Group = h.weight, ""
		}
		b.put(t)
		added++
	}
	if noAccount && added == 0 {
		b.note("%s: its host starts with the account id, which is not known; it is not probed", x.entry.ID)
	}
	b.addNotCovered(x, a)
	b.addVariants(x, a)
}

// noHosts says why a service has no host to probe.
func noHosts(x expansion) string {
	if x.privateDNS == dnsUnknown {
		return x.entry.ID + ": no source states its host names; give them with --catalog, or one host with --endpoint"
	}
	return x.entry.ID + ": its endpoint has no private host name; probe the host you use with --endpoint"
}

// takeLabel counts a made-up name and refuses the ninth.
func (b *builder) takeLabel(host, id string) bool {
	if _, again := b.byHost[host]; again {
		return true
	}
	if b.labels == maxLabels {
		b.note("%s: not probed, a run asks for at most %d made-up names", id, maxLabels)
		return false
	}
	b.labels++
	return true
}

// addNotCovered adds the hosts that SDKs call although no private name covers
// them: in China rds and fsx. A public answer is right for them.
func (b *builder) addNotCovered(x expansion, a ask) {
	for _, h := range x.notCovered {
		t := x.target(h, a)
		t.Origin, t.PublicOK = "sdk", true
		t.Need, t.Group = fact.NeedOptional, ""
		b.put(t)
	}
}

// put adds a target, or strengthens the one that already has its host.
func (b *builder) put(t fact.Target) {
	i, seen := b.byHost[t.Host]
	if !seen {
		b.byHost[t.Host] = len(b.out)
		b.out = append(b.out, t)
		return
	}
	o := &b.out[i]
	if rank(t.Need) < rank(o.Need) {
		o.Need, o.Group = t.Need, t.Group
	}
	for _, p := range t.Profiles {
		if !slices.Contains(o.Profiles, p) {
			o.Profiles = append(o.Profiles, p)
		}
	}
	if len(t.Ports) > len(o.Ports) {
		o.Ports = t.Ports
	}
	o.Agent = o.Agent || t.Agent
}

// target is the target of one host of the service.
func (x expansion) target(host string, a ask) fact.Target {
	t := fact.Target{
		ID: x.entry.ID, Title: title(x.entry.ID), Service: x.service, Type: x.entry.kind(),
		Host: host, Ports: portsOf(x.ports, a.named), Need: a.need, Group: a.group,
		PrivateDNS: x.privateDNS, Confidence: x.confidence, Availability: x.tier,
		PublicOK: x.publicOK(), Origin: "catalogue", Note: x.fullNote(),
	}
	if a.profile != "" {
		t.Profiles = []string{a.profile}
	}
	if l, ok := LifecycleOf(x.entry.ID, x.region); ok && l.Confirmed {
		t.Retires = l.Retires
	}
	return t
}

// publicOK tells that a public answer is right, or proves nothing
// (decisions.md, "What is expected of a name").
func (x expansion) publicOK() bool {
	switch {
	case x.entry.kind() == "Gateway", x.privateDNS != dnsYes:
		return true
	case x.entry.Service == "s3", x.entry.Service == "dynamodb":
		return true // the gateway endpoint serves the same names
	case strings.TrimSuffix(x.entry.ID, "-fips") == "storagegateway":
		return true // AWS advises to leave private DNS off
	}
	return x.tier == Inferred || !x.offered()
}

// agentDials tells that the SSM Agent itself opens this host: its two channels
// and the API always, S3, KMS and Logs for documents, encryption and session
// logs (agent source, see ssm-agent.md 4.4).
func agentDials(x expansion, host, profile string) bool {
	switch x.entry.ID {
	case "ssm", "ssmmessages", "ec2messages":
		return true
	case "s3-gateway", "s3-interface", "kms", "logs":
		managed := profile == "ssm" || profile == "session-manager" || profile == "patch-manager"
		return managed && strings.HasPrefix(host, x.entry.Service+".")
	}
	return false
}
