package diagnose

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"vpcdoctor/probe/fact"
)

// rareRules find causes that have signs of their own and no failed check, or
// say what follows from one.
func rareRules() []Rule {
	return []Rule{
		{Code: "IM-07", Eval: standIn},
		{Code: "OS-11", Eval: lostInterface},
		{Code: "V6-04", Eval: splitFamilies},
		{Code: "TL-10", Eval: slowTLS},
		{Code: "GW-06", Eval: farBucket},
		{Code: "PX-10", Eval: equalsSign},
		{Code: "SG-10", Eval: oldConnection},
		{Code: "SM-01", Eval: notConnected},
	}
}

// standIn is IM-07. A stand-in that was named by a variable is no surprise.
func standIn(v *View) []Finding {
	m := &v.Set.IMDS
	asked := m.Endpoint == "" || strings.Contains(m.Endpoint, imdsAddr.String()) || strings.Contains(m.Endpoint, "fd00:ec2::254")
	if m.Token.Status != fact.OK || v.imdsFault() != "" || !asked || m.Server == "" || m.Server == "EC2ws" {
		return nil
	}
	role := "no role"
	if m.Role.Name != "" {
		role = "the role " + plain(m.Role.Name, 64)
	}
	return []Finding{{
		Code: "IM-07", Severity: SevWarning, Confidence: Possible, Subjects: []string{"IMDS"},
		Summary:  fmt.Sprintf("What answers at the metadata address calls itself %q and serves %s: the real service says EC2ws.", plain(m.Server, 40), role),
		Evidence: []Evidence{{m.Token.Key(), "Server header of the metadata answers: " + plain(m.Server, 40)}},
		Alternatives: []Alternative{
			alt("IM-06", "curl --noproxy '*' shows other headers: a proxy answers")},
		Action: Action{Do: "Look for a redirection of 169.254.169.254 (kube2iam, kiam, a container agent), or run it in the host's network.", Command: "sudo iptables -t nat -S", Where: "instance"},
	}}
}

// lostInterface is OS-11. In a container the host's interfaces are not seen.
func lostInterface(v *View) []Finding {
	h := &v.Set.Host
	if h.OtherNetNS || h.Container != "" || len(h.Interfaces) == 0 {
		return nil
	}
	f := Finding{Code: "OS-11", Severity: SevInfo, Confidence: Likely, Action: Action{Where: "instance", Command: "ip -br link",
		Do: "Nothing, if it was given to a container. Otherwise remove persistent names (udev) of a cloned image."}}
	for _, e := range refs(v.Set.IMDS.ENIs, func(e fact.ENI) string { return e.MAC }) {
		if e.MAC != "" && !v.hasInterface(*e) {
			f.Subjects = append(f.Subjects, plain(orWord(e.InterfaceID, e.MAC), 40))
			f.Evidence = append(f.Evidence, Evidence{"", fmt.Sprintf("IMDS lists %s (%s); no interface of this host has that MAC address", plain(orWord(e.InterfaceID, "an interface"), 40), plain(e.MAC, 20))})
		}
	}
	if len(f.Subjects) == 0 {
		return nil
	}
	f.Summary = fmt.Sprintf("The attached network interface %s is missing on this host.", list(f.Subjects, 3))
	return []Finding{f}
}

// splitFamilies is V6-04: programs choose by family, and the families lead to
// different places.
func splitFamilies(v *View) []Finding {
	if !v.IPv6 {
		return nil
	}
	f := Finding{Code: "V6-04", Severity: SevInfo, Confidence: Likely, Action: Action{Where: "operator",
		Do: "Make the endpoint's DNS records dual-stack, or leave AAAA out for the plain name."}}
	var g group
	for _, p := range v.Paths {
		if !p.Counts || p.DNS != Pass || store(p.T) || p.T.PrivateDNS == "no" || p.T.Type == "Custom" {
			continue
		}
		in := slices.ContainsFunc(p.Addrs, func(a *AddrPath) bool { return a.Addr.Unmap().Is4() && (v.local(a.Info) || v.remote(a.Info)) })
		out := slices.ContainsFunc(p.Addrs, publicIPv6)
		// Public IPv6 that fails has a finding of its own (V6-01).
		if dead := func(a *AddrPath) bool { return publicIPv6(a) && a.Spare }; !in || !out || slices.ContainsFunc(p.Addrs, dead) {
			continue
		}
		if needRank(p.T.Need) <= 1 {
			f.Severity = SevWarning
		}
		g.paths, g.hosts, f.Subjects = append(g.paths, p), append(g.hosts, p.T.Host), append(f.Subjects, p.Key)
		if len(f.Evidence) < 4 {
			f.Evidence = append(f.Evidence, v.answerEvidence(p)...)
		}
	}
	if len(g.hosts) == 0 {
		return nil
	}
	f.Summary = fmt.Sprintf("%s %s private over IPv4 and public over IPv6: programs that prefer IPv6 leave the VPC.", g.names(), verb(g.n(), "is", "are"))
	f.Action.Command = v.describeEndpoints(g)
	f.Alternatives = []Alternative{alt("DN-30", "describe-vpc-endpoints: an endpoint of another team has the IPv4 name")}
	return []Finding{f}
}

func publicIPv6(a *AddrPath) bool { return a.Addr.Unmap().Is6() && public(a.Info) }

// A handshake costs a round trip or two and some milliseconds of work.
const (
	slowShake = 2 * time.Second
	fastDial  = 200 * time.Millisecond
)

// slowTLS is TL-10: all handshakes that complete are slow, no connect is.
func slowTLS(v *View) []Finding {
	f := Finding{Code: "TL-10", Severity: SevWarning, Confidence: Possible, Action: Action{Where: "instance", Command: "vmstat 1 5",
		Do: "Look at steal time, load and CPU credits, then at inspecting devices on the path."}}
	seen := map[netip.AddrPort]bool{}
	for _, p := range v.Paths {
		for _, pp := range p.ports() {
			if pp.TCP != Pass || pp.Shake.Status != fact.OK {
				continue
			}
			if pp.Shake.Took.Std() < slowShake || pp.Dial.Took.Std() > fastDial {
				return nil
			}
			if !seen[pp.At] && len(f.Evidence) < 3 {
				f.Evidence = append(f.Evidence, Evidence{pp.Shake.Key(), fmt.Sprintf("%s -> %s: connects in %s, TLS in %s", p.T.Host, pp.At, seconds(pp.Dial.Took.Std()), seconds(pp.Shake.Took.Std()))})
			}
			seen[pp.At] = true
		}
	}
	if len(seen) < 2 {
		return nil
	}
	f.Summary = fmt.Sprintf("Each of %d TLS handshakes took more than %s, while connects were fast: this host, or an inspecting device, is slow.", len(seen), seconds(slowShake))
	f.Alternatives = []Alternative{alt("FW-05", "another host of the subnet is as slow: the device on the path")}
	return []Finding{f}
}

// farBucket is GW-06, for buckets that AWS owns.
func farBucket(v *View) []Finding {
	f := Finding{Code: "GW-06", Severity: SevInfo, Confidence: Likely, Action: Action{Where: "operator",
		Do: "Use the bucket of this Region; where there is none, an interface endpoint or a public path leads to the other one."}}
	for _, o := range refs(v.Set.Objects, fact.Object.Key) {
		if o.Region != "" && v.region() != "" && o.Region != v.region() && len(f.Evidence) < maxEvidence {
			f.Subjects = append(f.Subjects, plain(o.Bucket, 64))
			f.Evidence = append(f.Evidence, Evidence{o.Key(), fmt.Sprintf("HEAD %s: HTTP %d, the bucket is in %s", plain(o.Bucket, 64), o.HTTPStatus, plain(o.Region, 40))})
		}
	}
	if len(f.Subjects) == 0 {
		return nil
	}
	f.Summary = fmt.Sprintf("%s %s in another Region, where a gateway endpoint of this VPC does not lead.", list(f.Subjects, 2), verb(len(f.Subjects), "is", "are"))
	f.Action.Command = command("aws", "s3api", "get-bucket-location", "--bucket", f.Subjects[0])
	return []Finding{f}
}

// equalsSign is PX-10: the agent reads its variables right, its tool does not.
func equalsSign(v *View) []Finding {
	p := v.Set.Agent.Proxy
	for _, x := range []string{p.HTTPS, p.HTTP, p.No} {
		if strings.Contains(x, "=") {
			return []Finding{{
				Code: "PX-10", Severity: SevInfo, Confidence: Proved, Subjects: []string{"proxy"},
				Summary:  "A proxy variable of the agent holds an equals sign: ssm-cli get-diagnostics shows it cut off there. The agent uses all of it.",
				Evidence: []Evidence{{"", orWord(plain(p.Source, 40), "the agent's environment") + ": " + plain(x, 120)}},
				Action:   Action{Do: "Nothing. Read the variable from the process, not from ssm-cli.", Command: "sudo systemctl show amazon-ssm-agent -p Environment", Where: "instance"},
			}}
		}
	}
	return nil
}

// messagesCode is what the failure of the agent's way to ssmmessages was put
// down to, and its path; empty when it works, or is not required.
func (v *View) messagesCode() (Code, *Path) {
	codes := make([]string, 0, len(v.blames))
	for c := range v.blames {
		codes = append(codes, string(c))
	}
	slices.Sort(codes)
	for _, c := range codes {
		for _, b := range v.blames[Code(c)] {
			if b.path != nil && b.path.T.ID == "ssmmessages" && b.path.T.Agent && b.path.Counts && v.severity(b.path.T) == SevError && v.dead443(b.path) {
				return Code(c), b.path
			}
		}
	}
	return "", nil
}

// dead443 tells whether no address of a path works.
func (v *View) dead443(p *Path) bool {
	return p.Status == Fail && !slices.ContainsFunc(p.ports(), func(pp *PortPath) bool { return pp.TCP == Pass && pp.TLS != Fail })
}

// oldConnection is SG-10: what is tracked lives on where new connects are
// silent. The finding belongs to the cause of the silence.
func oldConnection(v *View) []Finding {
	code, p := v.messagesCode()
	if code == "" || v.link.sock == nil || !v.wholly(p, silentDial) || len(p.ports()) == 0 {
		return nil
	}
	return []Finding{{
		Code: "SG-10", Severity: SevError, Confidence: Likely, CausedBy: code, Subjects: []string{p.Key},
		Summary:  "The agent is still connected, by a connection of before; new ones are silent. The node stays online until that connection ends.",
		Evidence: append([]Evidence{socketEvidence(v.link.sock)}, portEvidence(p.ports()[0])),
		Action:   Action{Do: "Correct the cause before the agent or the instance restarts.", Command: "vpcdoctor check", Where: "instance"},
	}}
}

// notConnected is SM-01, the words that the user of Session Manager reads.
func notConnected(v *View) []Finding {
	code, p := v.messagesCode()
	if code == "" || v.link.up {
		return nil
	}
	f := Finding{
		Code: "SM-01", Severity: SevError, Confidence: Likely, CausedBy: code, Subjects: []string{p.Key},
		Summary: "Session Manager answers TargetNotConnected: the agent has no way to " + p.T.Host + ".",
		Action:  Action{Do: "Correct " + string(code) + " and run again.", Command: v.aws("ssm", "get-connection-status", "--target", v.instance()), Where: "operator"},
	}
	if p.DNS == Fail {
		f.Evidence = []Evidence{v.nameEvidence(p)}
	} else {
		f.Evidence = []Evidence{portEvidence(p.ports()[0])}
	}
	return []Finding{f}
}
