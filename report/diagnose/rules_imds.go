package diagnose

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"vpcdoctor/probe/fact"
)

var imdsAddr = netip.MustParseAddr("169.254.169.254")

// otherIMDS says so when a variable sent the questions to another place than
// the metadata service: then the variable is the first suspect.
func (v *View) otherIMDS(f *Finding) {
	at := plain(v.Set.IMDS.Endpoint, 80)
	if at == "" || strings.Contains(at, imdsAddr.String()) || strings.Contains(at, "fd00:ec2::254") {
		return
	}
	f.Evidence = append(f.Evidence, Evidence{"", "AWS_EC2_METADATA_SERVICE_ENDPOINT sent the questions to " + at})
	f.Summary = "The metadata service was asked at " + at + ", as AWS_EC2_METADATA_SERVICE_ENDPOINT says, and did not answer as it should there."
	f.Action = Action{
		Do:      "Unset AWS_EC2_METADATA_SERVICE_ENDPOINT, or correct it, and run again.",
		Command: "env -u AWS_EC2_METADATA_SERVICE_ENDPOINT vpcdoctor check", Where: "instance",
	}
}

// All IMDS rules but those about a working service are alternatives of each
// other: imdsFault names the one that fits.
func imdsRules() []Rule {
	explains := []Code{"AG-02", "AG-20", "IA-01"}
	one := func(code Code, sev Severity, conf Confidence, words func(*View, *Finding)) Rule {
		return Rule{Code: code, Explains: explains, Eval: func(v *View) []Finding {
			if v.imdsFault() != code {
				return nil
			}
			f := Finding{Code: code, Severity: sev, Confidence: conf, Evidence: v.imdsEvidence(), Action: Action{Where: "instance"}}
			words(v, &f)
			v.otherIMDS(&f)
			return []Finding{f}
		}}
	}
	return []Rule{
		one("IM-01", SevError, Proved, func(v *View, f *Finding) {
			f.Summary = "The metadata service of this instance answers 403 to every request: it is disabled. The agent cannot learn its identity without it."
			f.Action = Action{Do: "Enable the metadata service for the instance, with tokens required.", Where: "operator",
				Command: v.aws("ec2", "modify-instance-metadata-options", "--instance-id", v.instance(), "--http-endpoint", "enabled", "--http-tokens", "required"),
				Verify:  "vpcdoctor check prints the instance id"}
		}),
		one("IM-03", SevError, Likely, func(v *View, f *Finding) {
			f.Summary = "IMDS answers a plain GET, but the answer to the token request never arrives: it is sent with the hop limit as its TTL."
			f.Action = Action{Do: "Raise the hop limit to 2 (3 for overlay networks), or run on the host's network.", Where: "operator",
				Command: v.aws("ec2", "modify-instance-metadata-options", "--instance-id", v.instance(), "--http-put-response-hop-limit", "2")}
			f.Alternatives = []Alternative{alt("IM-04", "run it as root on the host's network: if it works there, the hop limit is the cause")}
		}),
		one("IM-04", SevError, Likely, localIMDS),
		one("IM-05", SevError, Likely, func(v *View, f *Finding) {
			r, _ := v.imdsRoute()
			f.Summary = fmt.Sprintf("The host sends 169.254.169.254 to the gateway %s by a static route, and IMDS does not answer.", r.Gateway)
			f.Evidence = append(f.Evidence, Evidence{"", fmt.Sprintf("route %s via %s dev %s", r.Dst, r.Gateway, r.Iface)})
			f.Action.Do = "Delete the route and take it out of the image."
			f.Action.Command = command("sudo", "ip", "route", "del", r.Dst.String(), "via", r.Gateway.String())
		}),
		one("IM-06", SevError, Likely, func(v *View, f *Finding) {
			f.Summary = "What answers at the metadata address is not the metadata service: a proxy, a web page, or answers that make no sense."
			f.Action.Do = "Exempt 169.254.169.254 and fd00:ec2::254 from the proxy (no_proxy), or remove the redirection."
			f.Action.Command = "ip route get 169.254.169.254"
		}),
		one("IM-09", SevError, Likely, func(v *View, f *Finding) {
			f.Summary = "This host has no way to 169.254.169.254, and the metadata service does not answer at its IPv6 address: that endpoint is off unless it was enabled."
			f.Action = Action{Do: "Enable the IPv6 endpoint of the metadata service for the instance.", Where: "operator",
				Command: v.aws("ec2", "modify-instance-metadata-options", "--instance-id", v.instance(), "--http-protocol-ipv6", "enabled", "--http-endpoint", "enabled"),
				Verify:  "vpcdoctor check prints the instance id"}
			f.Alternatives = []Alternative{
				alt("RT-02", "an IPv4 address is meant here: ip -4 addr; ip route"),
				alt("IM-04", "sudo nft list ruleset: a rule for fd00:ec2::254"),
			}
		}),
		one("IM-12", SevWarning, Likely, func(v *View, f *Finding) {
			f.Summary = fmt.Sprintf("This machine is not an EC2 instance (vendor %q) and no metadata service answers.", plain(orWord(v.Set.Host.Vendor, "unknown"), 40))
			f.Evidence = append(f.Evidence, Evidence{"", fmt.Sprintf("DMI vendor %q, product %q", plain(v.Set.Host.Vendor, 40), plain(v.Set.Host.Product, 40))})
			f.Action.Do, f.Action.Command = "Run vpcdoctor on the instance. From here, --region probes the endpoints.", "vpcdoctor check --region REGION"
		}),
		one("IM-13", SevError, Likely, func(v *View, f *Finding) {
			f.Summary = "The metadata service does not answer. Security groups and NACLs do not filter it, so the cause is on this host or its network namespace."
			f.Action.Do, f.Action.Command = "Look for a local firewall rule or route for 169.254.169.254.", "ip route get 169.254.169.254"
			f.Alternatives = []Alternative{
				alt("IM-04", "sudo nft list ruleset: a rule for 169.254.169.254"),
				alt("IM-03", "run it in the host's network namespace: it answers there"),
				alt("IM-12", "the DMI tables: cat /sys/class/dmi/id/sys_vendor"),
			}
			if v.Set.IMDS.V1.HTTPStatus != 0 {
				// One connection of two was lost: not enough for a fault.
				f.Severity, f.Confidence = SevWarning, Possible
				f.Summary = "The metadata service answered a plain GET and not the token request, for which no connection came about."
				f.Action.Do = "Run it again; if it stays, look for a local firewall rule for 169.254.169.254."
			}
			if v.Set.Host.EC2 != "yes" {
				f.Confidence = Possible
			}
		}),
		one("IM-14", SevInfo, Proved, func(v *View, f *Finding) {
			f.Summary = "What answers at the metadata address knows no tokens. The real service always does."
			f.Action.Do, f.Action.Command = "Find what answers in place of the metadata service.", "curl -si http://169.254.169.254/"
		}),
		{Code: "IM-08", Eval: linkLocalLimit},
		{Code: "IM-02", Eval: oldClient},
		{Code: "IM-15", Eval: slowIMDS},
	}
}

// imdsFault is the one code that fits how the exchanges went; empty when IMDS
// works or was not asked.
func (v *View) imdsFault() Code {
	m := &v.Set.IMDS
	tok, v1 := m.Token, m.V1
	if m.Disabled != "" || !tok.Ran() && !v1.Ran() {
		return ""
	}
	switch {
	case m.Proxied || tok.HTML || v1.HTML || slices.ContainsFunc(m.Gets, func(g fact.IMDSGet) bool { return g.HTML }):
		return "IM-06"
	case tok.Status == fact.OK:
		return noValues(m)
	case tok.HTTPStatus == 403 && (v1.HTTPStatus == 403 || !v1.Ran()):
		return "IM-01"
	case tok.HTTPStatus >= 400 && tok.HTTPStatus < 600 && v1.Status == fact.OK && v1.HTTPStatus == 200:
		return "IM-14"
	case tok.HTTPStatus != 0:
		return "IM-06" // an answer that the real service never gives
	case tok.Class == fact.Timeout && tok.Connected && v1.HTTPStatus != 0:
		// TCP and a plain GET get through: only the answer to the PUT has the
		// hop limit as its TTL. Without a connection it is a lost SYN.
		return "IM-03"
	}
	if v.Set.Host.EC2 == "no" {
		return "IM-12"
	}
	if m.NoIPv4 && tok.Class == fact.Timeout {
		return "IM-09"
	}
	if _, ok := v.imdsRoute(); ok {
		return "IM-05"
	}
	if _, ok := v.imdsRule(); ok {
		return "IM-04"
	}
	switch tok.Class {
	case fact.NotPermitted, fact.Refused, fact.Reset, fact.NetUnreachable, fact.Invalid:
		return "IM-04"
	case fact.HostUnreachable:
		if tok.Took.Std() < slowARP {
			return "IM-04"
		}
	}
	if tok.Ran() {
		return "IM-13"
	}
	return ""
}

// localIMDS is IM-04. The rule of the packet filter that names the address and
// counted our packets is the proof.
func localIMDS(v *View, f *Finding) {
	r, ok := v.imdsRule()
	if !ok {
		f.Summary = "The connect to the metadata service fails at once: a rule or route of this host stops it."
		f.Action.Do, f.Action.Command = "Remove the local rule or route for 169.254.169.254.", "ip route get 169.254.169.254"
		return
	}
	f.Summary = "The connect to the metadata service comes to nothing, and the packet filter of this host has a rule against it."
	f.Evidence = append(f.Evidence, Evidence{"", ruleWords(r)})
	f.Action.Do, f.Action.Command = "Remove the rule, or let it admit the users whose programs need the metadata service.", removal(r)
	if f.Action.Command == "" {
		f.Action.Command = "sudo nft list ruleset"
	}
	if r.Rose > 0 {
		f.Confidence = Proved
	}
}

// imdsRule is a rule of the local packet filter that drops or rejects what goes
// to the metadata service.
func (v *View) imdsRule() (fact.FirewallRule, bool) {
	return v.firewallRule(func(r fact.FirewallRule) bool {
		names := strings.Contains(r.Text, imdsAddr.String()) || strings.Contains(r.Text, "fd00:ec2::254")
		return names && (r.Verdict == "drop" || r.Verdict == "reject")
	})
}

// noValues looks at a service that hands out tokens: when not one of its
// answers can be used, it is not the metadata service that answers.
func noValues(m *fact.IMDS) Code {
	odd, silent := 0, 0
	for _, g := range m.Gets {
		switch {
		case !g.Ran():
		case g.Status == fact.Failed && (g.Class == fact.TooLarge || g.Class == fact.HTTPMalformed || g.Class == fact.Malformed):
			odd++
		case g.Status == fact.Failed && g.Class == fact.Timeout:
			silent++
		default:
			return ""
		}
	}
	switch {
	case odd > 0:
		return "IM-06"
	case silent > 0:
		return "IM-13"
	}
	return ""
}

// imdsRoute finds a route to the metadata address by a gateway other than the
// default one: left over from another subnet. The address is on link, or behind
// the subnet's own router.
func (v *View) imdsRoute() (fact.Route, bool) {
	for _, r := range sorted(v.Set.Host.Routes, func(r fact.Route) string { return r.Dst.String() + r.Gateway.String() }) {
		if !r.Dst.IsValid() || r.Dst.Bits() == 0 || !r.Dst.Contains(imdsAddr) || !r.Gateway.IsValid() {
			continue
		}
		usual := slices.ContainsFunc(v.Set.Host.Routes, func(d fact.Route) bool {
			return d.Dst.IsValid() && d.Dst.Bits() == 0 && d.Gateway == r.Gateway
		})
		if !usual {
			return r, true
		}
	}
	return fact.Route{}, false
}

func (v *View) imdsEvidence() []Evidence {
	var out []Evidence
	for _, g := range []fact.IMDSGet{v.Set.IMDS.Token, v.Set.IMDS.V1} {
		if !g.Ran() {
			continue
		}
		what := "GET without token"
		if g.Path == v.Set.IMDS.Token.Path {
			what = "token request"
		}
		text := fmt.Sprintf("%s: HTTP %d", what, g.HTTPStatus)
		if g.HTTPStatus == 0 {
			text = what + ": " + outcomeWords("request", g.Outcome, "")
		}
		if g.HTML {
			text += ", a web page"
		}
		out = append(out, Evidence{g.Key(), text})
	}
	for _, g := range sorted(v.Set.IMDS.Gets, fact.IMDSGet.Key) {
		if g.Status == fact.Failed && g.Ran() && g.HTTPStatus != 404 && len(out) < 4 {
			out = append(out, Evidence{g.Key(), fmt.Sprintf("%s: %s, HTTP %d", plain(g.Path, 80), g.Class, g.HTTPStatus)})
		}
	}
	if v.Set.IMDS.Proxied {
		out = append(out, Evidence{"", "an answer carries the headers of a proxy"})
	}
	return out
}

// oldClient: tokens are required and the agent comes from the time of IMDSv1
// (it dropped its fallback in 3.2.1041.0, RELEASENOTES).
func oldClient(v *View) []Finding {
	m := &v.Set.IMDS
	ver, ok := fact.ParseAgentVersion(v.Set.Agent.Version)
	if m.Token.Status != fact.OK || m.V1.HTTPStatus != 401 || !ok || !ver.Before(noIMDSv1) {
		return nil
	}
	return []Finding{{
		Code: "IM-02", Severity: SevInfo, Confidence: Possible,
		Summary:  "IMDS requires tokens, and SSM Agent " + v.Set.Agent.Version + " still has code for requests without them.",
		Evidence: append(v.imdsEvidence(), Evidence{"", "SSM Agent " + v.Set.Agent.Version + ", older than 3.2.1041.0"}),
		Action:   Action{Do: "Update the SSM Agent. Keep tokens required.", Command: "sudo yum update amazon-ssm-agent", Where: "instance"},
	}}
}

// linkLocalLimit: the interface dropped packets to IMDS, the VPC resolver or
// the time service, which share 1,024 a second.
func linkLocalLimit(v *View) []Finding {
	const counter = "linklocal_allowance_exceeded"
	if n, _ := v.enaRose(counter); n == 0 || len(v.blames["DN-21"]) > 0 {
		return nil
	}
	f := Finding{
		Code: "IM-08", Severity: SevInfo, Confidence: Likely, Evidence: v.enaEvidence(counter),
		Summary: "The interface dropped packets to the link-local services (IMDS, DNS, time) during the run: their limit of 1,024 a second was reached.",
		Action:  Action{Do: "Find what asks so often; run a caching resolver and share one IMDS client.", Command: "sudo ss -tnp dst 169.254.169.254", Where: "instance"},
	}
	for _, g := range sorted(append([]fact.IMDSGet{v.Set.IMDS.Token}, v.Set.IMDS.Gets...), fact.IMDSGet.Key) {
		if g.Ran() && g.Class == fact.Timeout && len(f.Evidence) < 3 {
			f.Severity = SevWarning
			f.Evidence = append(f.Evidence, Evidence{g.Key(), plain(g.Path, 80) + ": no answer"})
		}
	}
	return []Finding{f}
}

// slowMedian is above what the service needs even on small instances, and at
// the edge of the one second that the agent's client waits.
const slowMedian = 300 * time.Millisecond

func slowIMDS(v *View) []Finding {
	m := &v.Set.IMDS
	var took []time.Duration
	for _, g := range append([]fact.IMDSGet{m.Token}, m.Gets...) {
		if g.Status == fact.OK {
			took = append(took, g.Took.Std())
		}
	}
	if len(took) == 0 {
		return nil
	}
	slices.Sort(took)
	if took[len(took)/2] < slowMedian {
		return nil
	}
	return []Finding{{
		Code: "IM-15", Severity: SevInfo, Confidence: Likely,
		Summary:  fmt.Sprintf("The metadata service takes %s for an answer. The agent's client gives it one second.", seconds(took[len(took)/2])),
		Evidence: []Evidence{{m.Token.Key(), fmt.Sprintf("median of %d answers: %s, slowest %s", len(took), seconds(took[len(took)/2]), seconds(took[len(took)-1]))}},
		Action:   Action{Do: "Find what asks IMDS so often on this instance.", Command: "sudo ss -tnp dst 169.254.169.254", Where: "instance"},
	}}
}
