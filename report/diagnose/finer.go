package diagnose

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"vpcdoctor/probe/fact"
)

// The decision table puts every failed check down to one code (blame.go). Some
// codes say the same with more words where a further fact supports them: then
// the check moves to them, so that it stays one finding.

// finer is such a code.
type finer struct {
	from string // the codes that the check was put down to, separated by spaces
	code Code
	is   func(*View, *blame, *fact.Target) bool
	// What the finding says; %s is the names.
	summary, do string
	command     func(*View, group) string
	evidence    func(*View, group) []Evidence
	or          []instead
}

// instead is an alternative as it is written down here.
type instead struct {
	code   Code
	decide string
}

// noPrivate are what a public and silent name is put down to.
const noPrivate = "DN-02 DN-13 RT-01 RT-09 GW-01 GW-03 PL-03 EP-01"

// absentName are what a name that does not exist is put down to.
const absentName = "DN-31 CN-01 CN-05 DN-22 DN-11 DN-05 DN-08 DN-02 RT-01 EP-16"

var finers = []finer{
	{from: "OS-01", code: "OS-09", is: refusedWithoutRule,
		summary: "connect to %s is refused by this kernel with EPERM, and its packet filter stops nothing: a security agent or eBPF program likely does.",
		do:      "Ask the security agent or CNI for its policy for this process, and allow TCP 443 to the endpoints.",
		command: func(*View, group) string { return "sudo bpftool cgroup tree" },
		evidence: func(v *View, _ group) []Evidence {
			return []Evidence{{"", "the packet filter was read (" + plain(v.Set.Host.Firewall.Tool, 20) + "): no rule or policy drops or rejects"}}
		},
		or: []instead{{"OS-01", "sudo nft list ruleset shows a reject rule in another hook or namespace"}}},
	{from: "TL-02", code: "TL-09", is: func(v *View, b *blame, t *fact.Target) bool { return v.storeElsewhere() != "" },
		summary: "The certificates of %s are genuine; the trust store was not read from the system's files, and does not hold their root.",
		do:      "Unset SSL_CERT_FILE and SSL_CERT_DIR, or complete the bundle they name.",
		command: func(*View, group) string { return "env -u SSL_CERT_FILE -u SSL_CERT_DIR vpcdoctor check" },
		evidence: func(v *View, _ group) []Evidence {
			return []Evidence{{"", "trust store read from " + v.storeElsewhere()}}
		},
		or: []instead{{"TL-02", "with the variables unset it fails as well"}}},
	{from: "CN-01", code: "SV-02", is: func(v *View, b *blame, t *fact.Target) bool { return v.isolated(t.Host) },
		summary: "%s: the DNS suffix is not that of this partition.", do: "Use the suffix that IMDS names.",
		command:  func(*View, group) string { return "grep -rn Endpoint /etc/amazon/ssm" },
		evidence: (*View).suffixEvidence},
	{from: absentName, code: "CN-08", is: func(v *View, b *blame, t *fact.Target) bool { return v.otherDualStack(t.Host) },
		summary: "%s: the dual-stack suffix is that of another partition.", do: "Use the dual-stack suffix of this partition.",
		command:  func(*View, group) string { return "grep -rn Endpoint /etc/amazon/ssm" },
		evidence: (*View).suffixEvidence},
	{from: absentName, code: "SV-03", is: func(v *View, b *blame, t *fact.Target) bool {
		return v.Set.Place.Partition == "aws-us-gov" && b.path != nil && b.path.DNS == Fail && fipsName(t.Host)
	},
		summary: "%s does not exist. In GovCloud the plain name is the FIPS name of most services.", do: "Use the plain name.",
		command: (*View).resolvePlain,
		or:      []instead{{"DN-31", "the plain name does not exist either"}}},
	{from: noPrivate, code: "GW-08", is: strayStore,
		summary: "%s is silent, and its addresses are not those of S3 or DynamoDB in this Region: no prefix list route leads there.",
		do:      "Let the DNS server forward the Region's S3 names to the VPC resolver.",
		command: func(v *View, g group) string { return command("dig", "@169.254.169.253", g.hosts[0]) },
		or:      []instead{{"GW-01", "the VPC resolver gives the same addresses, and a newer range list has them"}}},
	{from: noPrivate, code: "EP-13", is: bucketsOnly,
		summary: "%s is public and silent, while bucket names under it are private: the S3 interface endpoint covers bucket names only.",
		do:      "Use bucket names or the endpoint's own URL; for the plain name add a gateway endpoint.",
		command: (*View).describeEndpoints,
		or:      []instead{{"DN-14", "the names come from a private zone of your own: it lacks the apex record"}, {"GW-01", "a gateway endpoint exists: its route is missing here"}}},
	{from: noPrivate, code: "GW-15", is: otherTable,
		summary: "%s is public and silent, while the table service of DynamoDB answers: the gateway endpoint carries that alone.",
		do:      "Create an interface endpoint for the name, or give the subnet a public path.",
		command: (*View).describeEndpoints,
		or:      []instead{{"DN-02", "describe-vpc-endpoints: no endpoint for the service"}}},
	{from: noPrivate, code: "DN-24", is: func(v *View, b *blame, t *fact.Target) bool {
		return v.ownChoice(b, t) && global(t.Host) && v.ours(t.Host)
	},
		summary: "%s is a global name: it is public and silent, while names of the Region are private and work.",
		do:      "Use the regional name: AWS_STS_REGIONAL_ENDPOINTS=regional, or the Region in the client's configuration.",
		command: (*View).resolvePlain,
		or:      []instead{{"RT-01", "a public path is meant: the route table shows no NAT or internet gateway"}}},
	{from: noPrivate, code: "DN-25", is: func(v *View, b *blame, t *fact.Target) bool {
		return v.ownChoice(b, t) && (fipsName(t.Host) || v.Set.Place.DualStackSuffix != "" && hasSuffix(t.Host, v.Set.Place.DualStackSuffix))
	},
		summary: "%s is public and silent, while plain names are private and work: no endpoint covers the FIPS or dual-stack form.",
		do:      "Use the plain name, or create the endpoint that covers this one (kms-fips; dual-stack records).",
		command: (*View).describeEndpoints,
		or:      []instead{{"DN-02", "the plain name is public as well: no endpoint exists"}, {"DN-01", "describe-vpc-endpoints: PrivateDnsNames has the name, PrivateDnsEnabled is false"}}},
	{from: "SG-01 SG-02 SG-06 SG-08 RT-04 RT-08 RT-09 RT-01 DN-02 GW-01 GW-03 PL-03 PL-05 PL-06", code: "SG-09", is: portsDiffer,
		summary: "%s is silent at one port and answers at another of the same address: a group or NACL lets only some ports through.",
		do:      "Open the port where the other one is open: out of the instance's group, into the endpoint's, and in both NACLs.",
		command: func(v *View, _ group) string { return v.groupRules() },
		evidence: func(v *View, g group) []Evidence {
			return v.working(1, func(pp *PortPath) bool { return slices.Contains(g.addrs, pp.Addr.Addr) })
		},
		or: []instead{{"PL-06", "the provider: no listener on that port"}}},
}

// refine moves failed checks to the codes that say more.
func (v *View) refine() {
	if len(v.blames) == 0 {
		return
	}
	for i := range finers {
		x := &finers[i]
		for _, code := range strings.Fields(x.from) {
			from := Code(code)
			all := v.blames[from]
			if len(all) == 0 {
				continue
			}
			delete(v.blames, from)
			for _, b := range all {
				t := b.target()
				if x.is(v, &b, &t) {
					v.put(x.code, b)
				} else {
					v.put(from, b)
				}
			}
		}
		slices.SortStableFunc(v.blames[x.code], func(a, b blame) int { return cmp.Compare(a.order(), b.order()) })
	}
}

func finerRules() []Rule {
	var out []Rule
	for i := range finers {
		x := &finers[i]
		out = append(out, blamed(x.code, Likely, func(v *View, g group, f *Finding) {
			f.Summary = fmt.Sprintf(x.summary, g.names())
			f.Action.Do, f.Action.Command = x.do, x.command(v, g)
			if strings.Contains(f.Action.Command, "grep") || strings.HasPrefix(f.Action.Command, "env ") || strings.HasPrefix(f.Action.Command, "sudo ") || strings.HasPrefix(f.Action.Command, "dig ") {
				f.Action.Where = "instance"
			}
			if x.evidence != nil {
				f.Evidence = append(f.Evidence, x.evidence(v, g)...)
			}
			for _, o := range x.or {
				f.Alternatives = append(f.Alternatives, alt(o.code, o.decide))
			}
		}).explains("AG-20"))
	}
	return out
}

// refusedWithoutRule is OS-09: EPERM, and a packet filter that was read to the
// end and stops nothing.
func refusedWithoutRule(v *View, b *blame, t *fact.Target) bool {
	f := v.Set.Host.Firewall
	return b.port != nil && b.port.Dial.Class == fact.NotPermitted && f != nil && f.Status == fact.OK && f.Tool != "" && len(f.Rules)+f.More == 0
}

// storeElsewhere is where the trust store was read from, when that is no place
// of the system; empty otherwise.
func (v *View) storeElsewhere() string {
	from := v.Set.Trust.SystemFrom
	system := func(p string) bool {
		return slices.ContainsFunc([]string{"/etc/", "/usr/", "/var/lib/ca-certificates", "/system/", "/opt/etc/"}, func(d string) bool { return strings.HasPrefix(p, d) }) || !strings.HasPrefix(p, "/")
	}
	if len(from) == 0 || slices.ContainsFunc(from, system) {
		return ""
	}
	return plain(list(sortedStrings(from), 2), 120)
}

var isolatedSuffixes = []string{"amazonaws.eu", "c2s.ic.gov", "sc2s.sgov.gov", "cloud.adc-e.uk", "csp.hci.ic.gov"}

// isolated tells whether a wrong suffix is that of an isolated or sovereign
// partition, or stands in one.
func (v *View) isolated(host string) bool {
	if v.wrongPartition(host) == "" {
		return false
	}
	return slices.Contains(isolatedSuffixes, v.Set.Place.DNSSuffix) || slices.ContainsFunc(isolatedSuffixes, func(s string) bool { return hasSuffix(host, s) })
}

// otherDualStack tells whether a name has a dual-stack suffix that is not the
// partition's.
func (v *View) otherDualStack(host string) bool {
	own := v.Set.Place.DualStackSuffix
	return own != "" && !hasSuffix(host, own) && slices.ContainsFunc([]string{"api.aws", "api.amazonwebservices.com.cn"}, func(s string) bool { return hasSuffix(host, s) })
}

func (v *View) suffixEvidence(group) []Evidence {
	p := &v.Set.Place
	return []Evidence{{"", plain("suffixes of the partition "+p.Partition+": "+p.DNSSuffix+", dual-stack "+orWord(p.DualStackSuffix, "unknown"), 200)}}
}

// fipsName tells whether a name is the FIPS form: ssm-fips.REGION, fips.ssm.REGION.
func fipsName(host string) bool {
	first, _, _ := strings.Cut(host, ".")
	return strings.HasSuffix(first, "-fips") || first == "fips" || strings.Contains(host, ".fips.")
}

// global tells whether a name of AWS has no Region in it: sts.amazonaws.com.
func global(host string) bool {
	for _, s := range []string{".amazonaws.com", ".amazonaws.com.cn"} {
		if rest, ok := strings.CutSuffix(host, s); ok && !strings.Contains(rest, ".") {
			return true
		}
	}
	return false
}

// ownChoice tells whether a public and silent name was chosen here, not by the
// catalogue, while other names are private and work.
func (v *View) ownChoice(b *blame, t *fact.Target) bool {
	if b.port == nil || t.Origin == "catalogue" || !public(b.port.Addr.Info) {
		return false
	}
	c := v.contrast()
	return len(c.privOK)+len(c.remOK) > 0
}

// resolvePlain shows what the form of the name that is covered resolves to.
func (v *View) resolvePlain(g group) string {
	host := strings.Replace(g.hosts[0], "-fips.", ".", 1)
	if first, _, _ := strings.Cut(host, "."); global(host) && v.region() != "" {
		host = first + "." + v.region() + "." + orWord(v.Set.Place.DNSSuffix, "amazonaws.com")
	}
	return command("dig", host)
}

// strayStore: an address of S3 or DynamoDB that the ranges put into another
// Region than the name's.
func strayStore(v *View, b *blame, t *fact.Target) bool {
	if b.port == nil || !store(*t) || v.region() == "" || !strings.Contains(t.Host, v.region()) {
		return false
	}
	at := b.port.Addr.Info
	return at.Class == fact.PublicAWS && at.Region != "" && at.Region != v.region() && at.Region != "GLOBAL"
}

// bucketsOnly: the plain name of S3 is public, a name under it is private.
func bucketsOnly(v *View, b *blame, t *fact.Target) bool {
	if b.port == nil || !public(b.port.Addr.Info) || !strings.HasPrefix(t.Host, "s3.") {
		return false
	}
	for _, q := range v.Paths {
		if q.DNS == Pass && strings.HasSuffix(q.T.Host, "."+t.Host) && v.private(q.Answer.Addrs) {
			return true
		}
	}
	return false
}

// otherTable: a name of DynamoDB that is not the table service, which works.
func otherTable(v *View, b *blame, t *fact.Target) bool {
	if b.port == nil || !public(b.port.Addr.Info) || t.Type == "Gateway" || !strings.Contains(t.Host, ".dynamodb.") && !strings.HasPrefix(t.Host, "dax.") {
		return false
	}
	for _, q := range v.Paths {
		if q.T.Type == "Gateway" && q.Status == Pass && q.public() && strings.HasPrefix(q.T.Host, "dynamodb.") {
			return true
		}
	}
	return false
}

// portsDiffer: another port of the same address connects.
func portsDiffer(_ *View, b *blame, _ *fact.Target) bool {
	if b.port == nil || b.port.Dial.Class != fact.Timeout {
		return false
	}
	for _, q := range b.path.ports() {
		if q.TCP == Pass && q.Addr == b.port.Addr {
			return true
		}
	}
	return false
}
