package diagnose

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"vpcdoctor/probe/fact"
)

// Comparison connects and what the kernel and its packet filter tell about
// those that failed (field guide C.3).

// sweep is what connects from chosen source ports showed.
type sweep struct {
	ok, silent []uint16
	evidence   []Evidence
}

// mixed tells whether the source port decides. One address is enough, several
// must not contradict each other: loss hits ports at random, a rule does not.
func (s sweep) mixed() bool {
	return len(s.ok) > 0 && len(s.silent) > 0 && !slices.ContainsFunc(s.ok, func(p uint16) bool { return slices.Contains(s.silent, p) })
}

// same tells whether every source port met silence.
func (s sweep) same() bool { return len(s.ok) == 0 && len(s.silent) > 1 }

func (v *View) sweep() sweep {
	var s sweep
	for _, c := range refs(v.Set.Controls, fact.Control.Key) {
		if c.Kind != fact.ControlSourcePort || c.Port == 0 || !c.Dial.Ran() {
			continue
		}
		how := "silence"
		switch {
		case c.Dial.Status == fact.OK:
			s.ok, how = append(s.ok, c.Port), "connects in "+seconds(c.Dial.Took.Std())
		case c.Dial.Class == fact.Timeout:
			s.silent = append(s.silent, c.Port)
		default:
			how = string(c.Dial.Class)
		}
		s.evidence = append(s.evidence, Evidence{c.Key(), fmt.Sprintf("%s from source port %d: %s", c.Dial.Addr, c.Port, how)})
	}
	slices.Sort(s.ok)
	slices.Sort(s.silent)
	s.ok, s.silent = slices.Compact(s.ok), slices.Compact(s.silent)
	return s
}

func ports(ps []uint16) string {
	var out []string
	for _, p := range ps {
		out = append(out, fmt.Sprint(p))
	}
	return list(out, 4)
}

// control is the first comparison of a kind that ran.
func (v *View) control(kind string) (fact.Control, bool) {
	for _, c := range refs(v.Set.Controls, fact.Control.Key) {
		if c.Kind == kind && c.Dial.Ran() {
			return *c, true
		}
	}
	return fact.Control{}, false
}

// controlEvidence says what the comparisons with the VPC resolver and with
// another Region showed.
func (v *View) controlEvidence() []Evidence {
	var out []Evidence
	if c, ok := v.control(fact.ControlResolver); ok {
		text := "TCP to the VPC resolver " + c.Dial.Addr.String() + ", which no security group or NACL filters: "
		out = append(out, Evidence{c.Key(), text + dialWords(c.Dial)})
	}
	if c, ok := v.control(fact.ControlOtherRegion); ok {
		out = append(out, Evidence{c.Key(), fmt.Sprintf("%s in another Region: %s", plain(c.Of, 80), dialWords(c.Dial))})
	}
	return out
}

func dialWords(d fact.Dial) string {
	if d.Status == fact.OK {
		return "connects in " + seconds(d.Took.Std())
	}
	return outcomeWords("connect", d.Outcome, d.Errno)
}

// resolverTCPSilent: UDP to the VPC resolver is answered and TCP is not. No
// security group or NACL can do that.
func (v *View) resolverTCPSilent() bool {
	c, ok := v.control(fact.ControlResolver)
	if !ok || c.Dial.Status == fact.OK || c.Dial.Class != fact.Timeout {
		return false
	}
	return slices.ContainsFunc(v.Set.Lookups, func(l fact.Lookup) bool {
		return l.Transport == "udp" && l.RCode != "" && l.Server.Addr() == c.Dial.Addr.Addr()
	})
}

// caught is the rule of the local packet filter that counted packets while a
// failing connect was watched.
func (v *View) caught(verdict string) (fact.FirewallRule, bool) {
	return v.firewallRule(func(r fact.FirewallRule) bool { return r.Rose > 0 && r.Verdict == verdict })
}

func (v *View) firewallRule(is func(fact.FirewallRule) bool) (fact.FirewallRule, bool) {
	f := v.Set.Host.Firewall
	if f == nil || f.Status != fact.OK {
		return fact.FirewallRule{}, false
	}
	key := func(r fact.FirewallRule) string {
		return fmt.Sprintf("%s %s %s %s %08d %s", r.Tool, r.Family, r.Table, r.Chain, r.Handle, r.Text)
	}
	for _, r := range refs(f.Rules, key) {
		if is(*r) {
			return *r, true
		}
	}
	return fact.FirewallRule{}, false
}

func ruleWords(r fact.FirewallRule) string {
	s := fmt.Sprintf("%s, %s table %s, chain %s: %q", r.Tool, r.Family, plain(r.Table, 40), plain(r.Chain, 40), plain(r.Text, 120))
	if r.Rose > 0 {
		return s + fmt.Sprintf(" counted %d more %s while we connected (%d in all)", r.Rose, verb(int(r.Rose), "packet", "packets"), r.Packets)
	}
	return s + ", without a counter"
}

// removal is the command that deletes exactly this rule. There is none for a
// policy, nor for a rule that a manager would write again.
func removal(r fact.FirewallRule) string {
	managed := slices.ContainsFunc([]string{"firewalld", "ufw", "DOCKER", "KUBE-", "cali-", "CILIUM", "f2b-"}, func(m string) bool {
		return strings.Contains(r.Table, m) || strings.Contains(r.Chain, m)
	})
	if r.Policy || managed || r.Tool != "nft" || r.Handle == 0 {
		return ""
	}
	return command("sudo", "nft", "delete", "rule", r.Family, r.Table, r.Chain, "handle", fmt.Sprint(r.Handle))
}

// unasked tells whether the kernel never looked for the owner of an address in
// our own subnet that was dialled: then no packet came as far as the wire.
func unasked(d fact.Dial) bool { return d.Neighbour == fact.NeighbourNone }

// ownerless tells whether nobody in our own subnet answers for the address.
func ownerless(d fact.Dial) bool {
	return d.Neighbour == fact.NeighbourFailed || d.Neighbour == fact.NeighbourIncomplete ||
		d.Class == fact.HostUnreachable && d.Took.Std() >= slowARP
}

// owned tells whether somebody does: the interface exists.
func owned(d fact.Dial) bool {
	switch d.Neighbour {
	case fact.NeighbourReachable, fact.NeighbourStale, fact.NeighbourPermanent:
		return true
	}
	return false
}

// deadRoute is the kind of a route that refuses by itself, empty for others.
func deadRoute(d fact.Dial) string {
	if d.Route == nil {
		return ""
	}
	switch d.Route.Type {
	case "blackhole", "unreachable", "prohibit", "throw":
		return d.Route.Type
	}
	return ""
}

// routed tells whether the kernel has a usable route to the address.
func routed(d fact.Dial) bool {
	return d.Route != nil && d.Route.Status == fact.OK && d.Route.Type == "unicast" && d.Route.Iface != ""
}

// strayed is the interface that packets to the address leave by, when it is
// none of the VPC's: a container bridge, a tunnel.
func (v *View) strayed(d fact.Dial) string {
	if !routed(d) || d.Route.Iface == "lo" {
		return ""
	}
	i := fact.Interface{Name: d.Route.Iface}
	for _, x := range v.Set.Host.Interfaces {
		if x.Name == i.Name {
			i = x
		}
	}
	if v.isENI(i) {
		return ""
	}
	return i.Name
}

func routeWords(r fact.RouteTo) string {
	s := fmt.Sprintf("route to %s: %s", r.Dst, orWord(plain(r.Type, 20), "none"))
	if r.Gateway.IsValid() {
		s += " via " + r.Gateway.String()
	}
	if r.Iface != "" {
		s += " dev " + plain(r.Iface, 20)
	}
	if r.UIDRules > 0 {
		s += fmt.Sprintf("; %d policy %s by user", r.UIDRules, verb(r.UIDRules, "rule chooses", "rules choose"))
	}
	return s
}

// routeEvidence is the kernel's route to the first address of a group, where
// it was asked.
func (v *View) routeEvidence(g group) []Evidence {
	for _, b := range g.bs {
		if b.port != nil && b.port.Dial.Route != nil {
			return []Evidence{{b.port.Dial.Key(), routeWords(*b.port.Dial.Route)}}
		}
	}
	return nil
}

// neighbourEvidence shows the first address of a group in our own subnet whose
// owner, or whose lack of one, is known.
func neighbourEvidence(g group) []Evidence {
	for _, b := range g.bs {
		if b.port == nil {
			continue
		}
		d := b.port.Dial
		var to string
		switch {
		case owned(d):
			to = "an interface in our subnet has it (neighbour entry " + d.Neighbour + ")"
		case ownerless(d) && d.Neighbour != "":
			to = "nobody in our subnet has it (neighbour entry " + d.Neighbour + ")"
		case unasked(d):
			to = "the kernel never asked our subnet for it: no packet came as far as the wire"
		default:
			continue
		}
		return []Evidence{{d.Key(), d.Addr.Addr().String() + ": " + to}}
	}
	return nil
}

// enaRose is by how much an allowance counter of the network interface rose
// during the run; known is false when it was not read.
func (v *View) enaRose(names ...string) (n uint64, known bool) {
	for _, c := range v.Set.Host.ENA {
		if slices.Contains(names, c.Name) {
			n, known = n+c.Rose(), true
		}
	}
	return n, known
}

func (v *View) enaEvidence(names ...string) []Evidence {
	var out []Evidence
	for _, c := range refs(v.Set.Host.ENA, func(c fact.ENACounter) string { return c.Iface + c.Name }) {
		if slices.Contains(names, c.Name) && c.Rose() > 0 {
			out = append(out, Evidence{"", fmt.Sprintf("%s of %s rose by %d during the run (%d before)", plain(c.Name, 60), plain(c.Iface, 20), c.Rose(), c.Before)})
		}
	}
	return out
}

// abroadOK is the host of another Region that answered, if one did.
func (v *View) abroadOK() (netip.Addr, bool) {
	c, ok := v.control(fact.ControlOtherRegion)
	if !ok || c.Dial.Status != fact.OK {
		return netip.Addr{}, false
	}
	return c.Dial.Addr.Addr(), true
}
