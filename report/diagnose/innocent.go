package diagnose

import (
	"fmt"

	"vpcdoctor/probe/fact"
)

// innocent lists what was proved to work, so that nobody looks there.
func (v *View) innocent() []Innocent {
	out := []Innocent{}
	add := func(what, why, ref string) {
		out = append(out, Innocent{plain(what, 200), plain(why, 300), plain(ref, 300)})
	}
	m := &v.Set.IMDS
	if m.Token.Status == fact.OK && v.imdsFault() == "" {
		add("instance metadata service", "the token request and its answers arrived", m.Token.Key())
	}
	if same, p := v.sameAnswers(); same > 0 {
		add("DNS configuration of this host", fmt.Sprintf("%d %s the same answer at the configured server and at the VPC resolver", same, verb(same, "name has", "names have")), p.Answer.Key())
	}
	tcp, tls, aws := 0, 0, 0
	var first, firstTLS, firstAWS *PortPath
	for _, p := range v.Paths {
		for _, pp := range p.ports() {
			if pp.TCP == Pass {
				tcp++
				first = orPort(first, pp)
			}
			if pp.TLS == Pass {
				tls++
				firstTLS = orPort(firstTLS, pp)
			}
			if pp.AWS == Pass && pp.TLS == Pass {
				aws++
				firstAWS = orPort(firstAWS, pp)
			}
		}
	}
	if first != nil {
		why := fmt.Sprintf("%d %s, the first to %s", tcp, verb(tcp, "connect succeeded", "connects succeeded"), first.At)
		if v.local(first.Addr.Info) {
			add("egress of TCP 443 inside the VPC", why, first.Dial.Key())
		} else {
			add("egress of TCP 443 to "+first.Addr.Addr.String(), why, first.Dial.Key())
		}
	}
	if firstTLS != nil {
		add("TLS and the trust store", fmt.Sprintf("%d %s good for the system", tls, verb(tls, "chain and name is", "chains and names are")), firstTLS.Shake.Key())
	}
	if firstAWS != nil {
		add("the path to AWS itself", fmt.Sprintf("%d AWS %s answered with a request id", aws, verb(aws, "front end", "front ends")), firstAWS.Req.Key())
	}
	if off, ok := v.offset(); ok && off.By.Abs() <= clockSeen {
		why := fmt.Sprintf("%s %s with it, %d %s in all", witnesses(off), verb(len(off.Sources), "agrees", "agree"), off.Agreeing, verb(off.Agreeing, "comparison", "comparisons"))
		add("the clock of this host", why, off.Keys[0])
	}
	if n, ok := v.retransFail(); ok && n == 0 && v.anyDial() {
		add("a local firewall that drops silently", "TCPRetransFail did not rise during the run", "")
	}
	v.outruled(add)
	v.allowed(add)
	v.past(add)
	if k := v.link.sock; k != nil {
		e := socketEvidence(k)
		add("the agent's channel to ssmmessages", e.Text, e.Ref)
	}
	if g := &v.Set.Agent.Ground; v.sound() {
		add("the file systems that the agent writes to", fmt.Sprintf("%d looked at, none full, read-only or without inodes", len(g.Mounts)), "")
	}
	if m.Role.State == fact.RolePresent && len(v.blames) == 0 {
		add("the instance role", "IMDS serves credentials of "+plain(m.Role.Name, 64), "imds:iam/")
	}
	return out
}

// outruled lists what comparisons have taken off the list of suspects.
func (v *View) outruled(add func(what, why, ref string)) {
	for _, host := range sortedKeys(v.rulings) {
		r := v.rulings[host]
		if bitOf(r.base.Outcome) != bitStall {
			continue
		}
		if h, ok := r.variant(fact.SmallMSS); ok && bitOf(h.Outcome) == bitStall {
			add("the MTU of the path to "+host, "small segments do not help", h.Key())
		}
		if h, ok := r.variant(fact.NeutralSNI); ok && bitOf(h.Outcome) == bitStall && r.bit(fact.NoPQ) == bitOK {
			add("a rule about the name "+host, "the small greeting passes with the same name", h.Key())
		}
		break
	}
	if v.ports.same() {
		add("a limit to some ephemeral ports", "source ports "+ports(v.ports.silent)+" meet silence alike", v.ports.evidence[0].Ref)
	}
	if f := v.Set.Host.Firewall; f != nil && f.Status == fact.OK && f.Tool != "" && len(f.Rules)+f.More == 0 {
		add("the local packet filter", "no rule or policy of the output hook drops or rejects ("+plain(f.Tool, 20)+")", "")
	}
	if c, ok := v.control(fact.ControlOtherRegion); ok && c.Dial.Status == fact.OK {
		add("the public path as such", plain(c.Of, 80)+" in another Region answers", c.Key())
	}
}

func orPort(a, b *PortPath) *PortPath {
	if a != nil {
		return a
	}
	return b
}

func (v *View) anyDial() bool {
	for _, p := range v.Paths {
		for _, pp := range p.ports() {
			if pp.TCP != NotCheckedStatus {
				return true
			}
		}
	}
	return false
}

// sameAnswers counts names whose answer here agrees with the VPC resolver's.
func (v *View) sameAnswers() (int, *Path) {
	n, first := 0, (*Path)(nil)
	for _, p := range v.Paths {
		if p.DNS != Pass {
			continue
		}
		vpc := v.said(p.T.Host, true)
		if !vpc.ok {
			continue
		}
		if !shares(p.Answer.Addrs, vpc.addrs) && v.wrongAnswer(p) != "" {
			return 0, nil
		}
		n++
		if first == nil {
			first = p
		}
	}
	return n, first
}
