package diagnose

import (
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

// standIn is IM-07: worth knowing, since what serves the role's credentials is
// not the instance; many mean it so. One that a variable names is no surprise.
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
	f := on("IM-07", SevInfo, "What answers at the metadata address calls itself "+plain(m.Server, 40)+" and serves "+role+": the real service says EC2ws.",
		Evidence{m.Token.Key(), "Server header of the metadata answers: " + plain(m.Server, 40)})
	f.Confidence = Possible
	f.Alternatives = []Alternative{alt("IM-06", "curl without a proxy shows other headers: a proxy answers")}
	f.Action.Do, f.Action.Command = "Look for a redirection of 169.254.169.254 (kube2iam, kiam, a container agent), or run it in the host's network.", "sudo iptables -t nat -S"
	return []Finding{f}
}

// lostInterface is OS-11. In a container the host's interfaces are not seen.
func lostInterface(v *View) []Finding {
	h := &v.Set.Host
	if h.OtherNetNS || h.Container != "" || len(h.Interfaces) == 0 {
		return nil
	}
	f := on("OS-11", SevInfo, "")
	f.Action.Do, f.Action.Command = "Nothing, if it was given to a container. Otherwise remove persistent names (udev) of a cloned image.", "ip -br link"
	for i := range v.Set.IMDS.ENIs {
		if e := &v.Set.IMDS.ENIs[i]; e.MAC != "" && !v.hasInterface(e.MAC) {
			f.Subjects = append(f.Subjects, plain(orWord(e.InterfaceID, e.MAC), 40))
			f.Evidence = append(f.Evidence, Evidence{"", "IMDS lists " + plain(e.InterfaceID+" "+e.MAC, 60) + "; no interface of this host has that MAC address"})
		}
	}
	if len(f.Subjects) == 0 {
		return nil
	}
	f.Summary = "The attached network interface " + list(f.Subjects, 3) + " is missing on this host."
	return []Finding{f}
}

// splitFamilies is V6-04: programs choose by family, and the families lead to
// different places.
func splitFamilies(v *View) []Finding {
	if !v.IPv6 {
		return nil
	}
	f := on("V6-04", SevInfo, "")
	f.Action.Do, f.Action.Where = "Make the endpoint's DNS records dual-stack, or leave AAAA out for the plain name.", "operator"
	var g group
	for _, p := range v.Paths {
		if !p.Counts || p.DNS != Pass || store(p.T) || p.T.PrivateDNS == "no" || p.T.Type == "Custom" {
			continue
		}
		in, out, dead := false, false, false
		for _, a := range p.Addrs {
			in = in || a.Addr.Unmap().Is4() && !public(a.Info)
			if publicIPv6(a) {
				out, dead = true, dead || a.Spare
			}
		}
		// Public IPv6 that fails has a finding of its own (V6-01).
		if !in || !out || dead || !v.private(p.Answer.Addrs) {
			continue
		}
		if needRank(p.T.Need) <= 1 {
			f.Severity = SevWarning
		}
		g.paths, g.hosts, f.Subjects = append(g.paths, p), append(g.hosts, p.T.Host), append(f.Subjects, p.Key)
		f.Evidence = append(f.Evidence, v.answerEvidence(p)...)
	}
	if len(g.hosts) == 0 {
		return nil
	}
	f.Summary = g.names() + ": private over IPv4 and public over IPv6. Programs that prefer IPv6 leave the VPC."
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
	f := on("TL-10", SevWarning, "Each of the TLS handshakes took more than two seconds, while connects were fast: this host, or an inspecting device, is slow.")
	f.Confidence = Possible
	f.Action.Do, f.Action.Command = "Look at steal time, load and CPU credits, then at inspecting devices on the path.", "vmstat 1 5"
	var first *PortPath
	several := false
	for _, p := range v.Paths {
		for _, pp := range p.ports() {
			if pp.TCP != Pass || pp.Shake.Status != fact.OK {
				continue
			}
			if pp.Shake.Took.Std() < slowShake || pp.Dial.Took.Std() > fastDial {
				return nil
			}
			first = orPort(first, pp)
			if several = several || pp.At != first.At; len(f.Evidence) < 3 {
				f.Evidence = append(f.Evidence, Evidence{pp.Shake.Key(), p.T.Host + ": connects in " + seconds(pp.Dial.Took.Std()) + ", TLS in " + seconds(pp.Shake.Took.Std())})
			}
		}
	}
	if !several {
		return nil
	}
	f.Alternatives = []Alternative{alt("FW-05", "another host of the subnet is as slow: the device on the path")}
	return []Finding{f}
}

// farBucket is GW-06, for buckets that AWS owns.
func farBucket(v *View) []Finding {
	f := on("GW-06", SevInfo, "")
	f.Action.Do, f.Action.Where = "Use the bucket of this Region; where there is none, an interface endpoint or a public path leads to the other one.", "operator"
	for _, o := range refs(v.Set.Objects, fact.Object.Key) {
		if o.Region != "" && v.region() != "" && o.Region != v.region() && len(f.Evidence) < maxEvidence {
			f.Subjects = append(f.Subjects, plain(o.Bucket, 64))
			f.Evidence = append(f.Evidence, Evidence{o.Key(), "HEAD " + plain(o.Bucket, 64) + ": the bucket is in " + plain(o.Region, 40)})
		}
	}
	if len(f.Subjects) == 0 {
		return nil
	}
	f.Summary = "Another Region has " + list(f.Subjects, 2) + ": a gateway endpoint of this VPC does not lead there."
	f.Action.Command = command("aws", "s3api", "get-bucket-location", "--bucket", f.Subjects[0])
	return []Finding{f}
}

// equalsSign is PX-10: the agent reads its variables right, its tool does not.
func equalsSign(v *View) []Finding {
	p := v.Set.Agent.Proxy
	for _, x := range []string{p.HTTPS, p.HTTP, p.No} {
		if strings.Contains(x, "=") {
			f := on("PX-10", SevInfo, "A proxy variable of the agent holds an equals sign: ssm-cli get-diagnostics shows it cut off there. The agent uses all of it.",
				Evidence{"", orWord(plain(p.Source, 40), "the agent's environment") + ": " + plain(x, 120)})
			f.Confidence = Proved
			f.Action.Do, f.Action.Command = "Nothing. Read the variable from the process, not from ssm-cli.", "sudo systemctl show amazon-ssm-agent -p Environment"
			return []Finding{f}
		}
	}
	return nil
}

// messagesCode is what the failure of the agent's way to ssmmessages was put
// down to, and its path; empty when it works, or is not required.
func (v *View) messagesCode() (Code, *Path) {
	for i := range docs { // in an order that does not change
		for _, b := range v.blames[docs[i].Code] {
			if p := b.path; p != nil && p.T.ID == "ssmmessages" && p.T.Agent && p.Counts && v.severity(p.T) == SevError && v.deadPath(p) {
				return docs[i].Code, p
			}
		}
	}
	return "", nil
}

// deadPath tells whether no address of a path works.
func (v *View) deadPath(p *Path) bool {
	for _, pp := range p.ports() {
		if pp.TCP == Pass && pp.TLS != Fail {
			return false
		}
	}
	return p.Status == Fail
}

// oldConnection is SG-10: what is tracked lives on where new connects are
// silent. The finding belongs to the cause of the silence.
func oldConnection(v *View) []Finding {
	code, p := v.messagesCode()
	if code == "" || v.link.sock == nil || !v.wholly(p, silentDial) || len(p.ports()) == 0 {
		return nil
	}
	f := on("SG-10", SevError, "The agent is still connected, by a connection of before; new ones are silent. The node stays online until that connection ends.",
		socketEvidence(v.link.sock), portEvidence(p.ports()[0]))
	f.CausedBy, f.Subjects = code, []string{p.Key}
	f.Action.Do, f.Action.Command = "Correct the cause before the agent or the instance restarts.", "vpcdoctor check"
	return []Finding{f}
}

// notConnected is SM-01, the words that the user of Session Manager reads.
func notConnected(v *View) []Finding {
	code, p := v.messagesCode()
	if code == "" || v.link.up {
		return nil
	}
	f := on("SM-01", SevError, "Session Manager answers TargetNotConnected: the agent has no way to "+p.T.Host+".", v.nameEvidence(p))
	if p.DNS == Pass {
		f.Evidence[0] = portEvidence(p.ports()[0])
	}
	f.CausedBy, f.Subjects = code, []string{p.Key}
	f.Action = Action{Do: "Correct " + string(code) + " and run again.", Command: v.aws("ssm", "get-connection-status", "--target", v.instance()), Where: "operator"}
	return []Finding{f}
}
