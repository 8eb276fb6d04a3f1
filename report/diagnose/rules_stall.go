package diagnose

import (
	"fmt"
	"slices"
	"strings"

	"vpcdoctor/probe/fact"
)

// ruled is the ruling that stands for a group: the first of a host of its own.
func (v *View) ruled(g group, code Code) ruling {
	for _, h := range g.hosts {
		if r, ok := v.rulings[h]; ok && r.code == code {
			return r
		}
	}
	for _, b := range g.bs {
		if b.port == nil {
			continue
		}
		if r := v.rulingFor(b.port.Shake); r.code == code {
			return r
		}
	}
	return ruling{}
}

// shown puts what the repetitions showed in front of the evidence.
func (r ruling) shown(f *Finding) {
	var out []Evidence
	for _, h := range r.vs {
		if !h.Ran() {
			continue
		}
		out = append(out, Evidence{h.Key(), fmt.Sprintf("%s -> %s %s: %s", h.Host, h.Addr, variantWords(h), bitWords(h))})
	}
	if t := r.base.TCP; t != nil && bitOf(r.base.Outcome) == bitStall {
		out = append(out, Evidence{r.base.Key(), fmt.Sprintf("%s: %s", r.base.Addr, tcpWords(*t))})
	}
	first := f.Evidence[:min(2, len(f.Evidence))]
	f.Evidence = append(slices.Clone(first), out...)
}

func variantWords(h fact.Handshake) string {
	switch h.Variant {
	case fact.NoPQ:
		return "with a small greeting (no post-quantum key share)"
	case fact.SmallMSS:
		return "with segments of at most 536 bytes"
	case fact.NeutralSNI:
		return "with the name " + orWord(h.SNI, "of another AWS service")
	case fact.TLS12:
		return "with TLS 1.2 at most"
	case fact.NoSNI:
		return "without a name"
	}
	return "repeated"
}

func bitWords(h fact.Handshake) string {
	switch bitOf(h.Outcome) {
	case bitOK:
		if len(h.Chain) > 0 {
			return fmt.Sprintf("TLS works, issuer %q", plain(h.Chain[0].Issuer, 60))
		}
		return "TLS works"
	case bitStall:
		return "silence"
	case bitCut:
		return "cut (" + string(h.Class) + ")"
	case bitAlert:
		return fmt.Sprintf("alert %d", h.Alert)
	}
	return string(h.Class)
}

// tcpWords reads TCP_INFO. The SYN counts as one acknowledged byte.
func tcpWords(t fact.TCPInfo) string {
	switch {
	case t.BytesAcked == 1 && t.Unacked > 0:
		return fmt.Sprintf("no byte of the greeting was acknowledged (bytes_acked 1, unacked %d, total_retrans %d, snd_mss %d, pmtu %d)",
			t.Unacked, t.TotalRetrans, t.SndMSS, t.PMTU)
	case t.BytesAcked > 1 && t.Unacked == 0 && t.BytesReceived <= 1:
		return fmt.Sprintf("the whole greeting was acknowledged and nothing came back (bytes_acked %d, bytes_received %d)", t.BytesAcked, t.BytesReceived)
	}
	return fmt.Sprintf("bytes_acked %d, unacked %d, total_retrans %d, bytes_received %d, snd_mss %d", t.BytesAcked, t.Unacked, t.TotalRetrans, t.BytesReceived, t.SndMSS)
}

// largest is the interface with the largest MTU that the VPC is reached by.
func (v *View) largest() (fact.Interface, bool) {
	var out fact.Interface
	for _, i := range sorted(v.Set.Host.Interfaces, func(i fact.Interface) string { return i.Name }) {
		if i.Name != "lo" && v.isENI(i) && i.MTU > out.MTU {
			out = i
		}
	}
	return out, out.MTU > 0
}

// ethernetMTU is what practically every path carries; larger ones are jumbo.
const ethernetMTU = 1500

// largeLost is TL-07: packets of full size vanish.
func largeLost(v *View, g group, f *Finding) {
	r := v.ruled(g, "TL-07")
	i, known := v.largest()
	clamp := ""
	if known {
		clamp = command("sudo", "ip", "link", "set", "dev", i.Name, "mtu", "1400")
	}
	if !r.holds() {
		v.openStall(g, f)
		return
	}
	f.Confidence = r.conf
	r.shown(f)
	what := "Large packets from this host"
	f.Alternatives = []Alternative{alt("FW-07", "the path has a transit gateway, a Gateway Load Balancer or a VPN that adds headers")}
	switch {
	case r.both():
		what = "Large packets in both directions"
	case r.side == towardsUs:
		what = "Large packets towards this host"
	}
	f.Summary = fmt.Sprintf("%s vanish on the path to %s without an ICMP message: with small segments TLS works at once.", what, g.names())
	if r.side == fromUs {
		f.Summary = fmt.Sprintf("%s vanish on the path to %s without an ICMP message: a small greeting gets through, and so does a large one in small segments.", what, g.names())
	}
	if known && i.MTU > ethernetMTU {
		f.Alternatives = append(f.Alternatives, alt("OS-07", fmt.Sprintf("with an MTU of 1500 on %s (now %d) it works", plain(i.Name, 20), i.MTU)))
	}
	f.Action = Action{
		Do:      "Find the device on the path that drops packets above its limit and let it send ICMP type 3 code 4, or clamp the MSS there. Until then lower the MTU of the instance; the command lasts until the next boot.",
		Command: clamp, Where: "instance", Verify: "vpcdoctor check",
	}
}

// openStall: TLS stalls, and the repetitions were not made or do not decide.
func (v *View) openStall(g group, f *Finding) {
	f.Confidence = Possible
	f.Summary = fmt.Sprintf("TCP to %s connects, and then nothing comes back to the TLS greeting.", g.names())
	for _, h := range g.hosts {
		if r, ok := v.rulings[h]; ok && r.unsteady() {
			f.Summary += " A moment later it did."
			r.shown(f)
			break
		}
	}
	f.Evidence = append(f.Evidence, v.goodTLS(1)...)
	f.Action = Action{Do: "Compare a small segment size and a smaller greeting: it tells a packet size limit from a firewall.", Command: openssl(g), Where: "instance"}
	f.Alternatives = []Alternative{
		alt("FW-02", "another name at the same address gets an answer"),
		alt("FW-03", "a client without post-quantum key share (openssl of the system) gets through"),
		alt("FW-07", "ip link set mtu 1400 cures it"),
	}
}

// splitGreeting is FW-03.
func splitGreeting(v *View, g group, f *Finding) {
	r := v.ruled(g, "FW-03")
	f.Confidence = r.conf
	r.shown(f)
	f.Summary = fmt.Sprintf("A device on the path to %s does not let a TLS greeting of two packets through: a small greeting works, and small segments do not help, so packet size is not the cause.", g.names())
	f.Action.Do = "Update the firewall or inspection device on the path, or exempt the AWS names. Stop-gap for Go programs such as the agent: GODEBUG=tlsmlkem=0 in their environment."
	f.Action.Command = openssl(g)
	f.Alternatives = nil
	if r.conf != Proved {
		f.Alternatives = []Alternative{alt("FW-05", "the log of the inspecting device: it refused the connection")}
	}
}

// nameRule is FW-02.
func nameRule(v *View, g group, f *Finding) {
	r := v.ruled(g, "FW-02")
	f.Action.Do = "Look into the firewall on the path for the name, and allow it."
	f.Action.Command = openssl(g)
	if !r.holds() {
		f.Summary = fmt.Sprintf("TCP to %s connects, and the connection is cut right after the TLS greeting.", g.names())
		f.Evidence = append(f.Evidence, v.goodTLS(1)...)
		f.Alternatives = []Alternative{
			alt("FW-05", "the log of the inspecting device: it refused the connection"),
			alt("TL-05", "another client on this host, with TLS 1.2 only, gets through"),
		}
		return
	}
	f.Confidence = r.conf
	r.shown(f)
	other := "another AWS name"
	if h, ok := r.variant(fact.NeutralSNI); ok {
		other = plain(orWord(h.SNI, other), 100)
	}
	how := "is answered by silence"
	switch bitOf(r.base.Outcome) {
	case bitCut:
		how = "is cut"
	case bitAlert:
		how = "is refused"
		f.Alternatives = []Alternative{alt("TL-04", "the server at the address serves other names only")}
	}
	f.Summary = fmt.Sprintf("A rule about the name stops TLS to %s: the greeting for it %s, and the same greeting for %s passes to the same address.", g.names(), how, other)
	f.Action.Do = fmt.Sprintf("Allow %s in the domain list (SNI rules) of the firewall on the path.", g.names())
	if r.conf != Proved && len(f.Alternatives) == 0 {
		f.Alternatives = []Alternative{alt("FW-05", "the log of the inspecting device: it refused the connection")}
	}
}

// mute is TL-14: every kind of greeting meets silence.
func mute(v *View, g group, f *Finding) {
	r := v.ruled(g, "TL-14")
	r.shown(f)
	good := v.goodTLS(1)
	f.Evidence = append(f.Evidence, good...)
	f.Action.Command = openssl(g)
	f.Summary = fmt.Sprintf("Something accepts TCP for %s and answers no TLS greeting, whatever its size and the name in it.", g.names())
	acked := r.base.TCP != nil && r.base.TCP.BytesAcked > 1 && r.base.TCP.Unacked == 0
	switch {
	case acked && slices.ContainsFunc(g.paths, func(p *Path) bool { return p.T.Type == "Custom" }):
		f.Summary += " It takes the greeting in: it may not speak TLS at all."
		f.Action.Do = "Compare port and protocol with the provider. If the service speaks no TLS, set plain for this endpoint."
		f.Alternatives = []Alternative{alt("PL-06", "the provider's targets: none is healthy"), alt("TL-08", "plain text sent to the port is answered")}
	case len(good) == 0:
		f.Summary += " No other address answers TLS either, so a device on the path is likelier than the services."
		f.Action.Do = "Look into the firewall or transparent proxy on the path: it opens connections and forwards nothing."
		f.Alternatives = []Alternative{alt("FW-01", "the health of the appliances behind the inspection route"), alt("FW-02", "the log of the firewall: a default rule drops unknown names")}
	default:
		f.Action.Do = "Find what answers at the address: other addresses speak TLS, so the path as such works."
		f.Alternatives = []Alternative{alt("FW-01", "the firewall's log: it accepts and does not forward to this address"), alt("SV-01", "the health dashboard of the Region")}
		if len(g.addrs) > 0 {
			f.Action.Command = v.interfaceOf(g.addrs[0].String())
		}
	}
	if strings.TrimSpace(f.Action.Command) == "" {
		f.Action.Command = openssl(g)
	}
}

// refusedAll is FW-05.
func refusedAll(v *View, g group, f *Finding) {
	r := v.ruled(g, "FW-05")
	f.Action.Do = "Look into the log of the inspecting device on the path."
	f.Action.Command = openssl(g)
	if !r.holds() {
		f.Summary = fmt.Sprintf("TLS to %s ends with an alert or a malformed answer.", g.names())
		f.Alternatives = []Alternative{alt("TL-05", "another client on this host gets through")}
		return
	}
	r.shown(f)
	f.Confidence = r.conf
	f.Alternatives = []Alternative{alt("TL-05", "another client on this host, with other parameters, gets through")}
	switch {
	case r.bit(fact.TLS12) == bitOK:
		f.Summary = fmt.Sprintf("What answers for %s refuses TLS 1.3 and accepts TLS 1.2; AWS endpoints accept both. A device that inspects TLS stands between, or another server.", g.names())
	case bitOf(r.base.Outcome) == bitAlert:
		f.Summary = fmt.Sprintf("What answers for %s refuses a post-quantum key share and accepts the greeting without it. A device that inspects TLS stands between.", g.names())
	default:
		f.Summary = fmt.Sprintf("Every TLS greeting to %s is cut, whatever its size and the name in it: the endpoint or a device on the path refuses TLS as such.", g.names())
		f.Evidence = append(f.Evidence, v.goodTLS(1)...)
		f.Alternatives = append(f.Alternatives, alt("FW-02", "the firewall's log: a default rule resets names that it does not list"))
	}
}
