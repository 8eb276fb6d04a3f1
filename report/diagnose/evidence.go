package diagnose

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"vpcdoctor/probe/fact"
)

// maxEvidence is how many lines support one finding; more hide the point.
const maxEvidence = 6

// group is all blames of one code, with the names and addresses in them.
type group struct {
	bs    []blame
	paths []*Path // each once, required first
	hosts []string
	// needed are the hosts whose failure is an error.
	needed []string
	addrs  []netip.Addr
	tuns   []*Tun
	sev    Severity
}

func (v *View) groupOf(code Code) group {
	g := group{bs: v.blames[code], sev: SevInfo}
	for _, b := range g.bs {
		t := b.target()
		g.sev = maxSeverity(g.sev, v.severity(t))
		if !slices.Contains(g.hosts, t.Host) {
			g.hosts = append(g.hosts, t.Host)
			if v.severity(t) == SevError {
				g.needed = append(g.needed, t.Host)
			}
		}
		if b.tun != nil && !slices.Contains(g.tuns, b.tun) {
			g.tuns = append(g.tuns, b.tun)
		}
		if b.path != nil && !slices.Contains(g.paths, b.path) {
			g.paths = append(g.paths, b.path)
		}
		if b.port != nil && !slices.Contains(g.addrs, b.port.Addr.Addr) {
			g.addrs = append(g.addrs, b.port.Addr.Addr)
		}
	}
	return g
}

func (b blame) target() fact.Target {
	if b.tun != nil {
		return b.tun.T
	}
	return b.path.T
}

// main lists the hosts that a sentence should name: those that something
// depends on, or all when nothing depends on any.
func (g group) main() []string {
	if len(g.needed) > 0 {
		return g.needed
	}
	return g.hosts
}

// names lists the main hosts, the first ones by name; n is their number, for
// the verb.
func (g group) names() string { return list(g.main(), 3) }
func (g group) n() int        { return len(g.main()) }

func maxSeverity(a, b Severity) Severity {
	if sevRank(b) < sevRank(a) {
		return b
	}
	return a
}

func sevRank(s Severity) int {
	switch s {
	case SevError:
		return 0
	case SevWarning:
		return 1
	}
	return 2
}

// evidence describes the blamed checks, one line each, up to the limit.
func (v *View) evidence(g group, limit int) []Evidence {
	var out []Evidence
	seen := map[string]bool{}
	add := func(e Evidence) {
		if k := e.Ref + e.Text; !seen[k] && len(out) < limit {
			seen[k] = true
			out = append(out, e)
		}
	}
	for _, b := range g.bs {
		if len(out) >= limit {
			break
		}
		switch {
		case b.tun != nil:
			add(tunEvidence(b.tun))
		case b.port == nil:
			add(v.nameEvidence(b.path))
		default:
			add(portEvidence(b.port))
		}
	}
	return out
}

// portEvidence says what happened at one port of one address.
func portEvidence(pp *PortPath) Evidence {
	to := fmt.Sprintf("%s -> %s (%s)", pp.Path.T.Host, pp.At, className(pp.Addr.Info.Class))
	if pp.TCP != Pass {
		return Evidence{pp.Dial.Key(), to + ": " + outcomeWords("connect", pp.Dial.Outcome, pp.Dial.Errno)}
	}
	h := pp.Shake
	if h.Status == fact.Failed {
		return Evidence{h.Key(), to + ": TCP connects, " + outcomeWords("TLS", h.Outcome, "") + alertWords(h)}
	}
	if pp.TLS == Fail {
		return Evidence{h.Key(), to + ": " + certWords(h)}
	}
	return Evidence{pp.Dial.Key(), to + ": connects in " + seconds(pp.Dial.Took.Std())}
}

func alertWords(h fact.Handshake) string {
	switch {
	case h.Alert != 0:
		return fmt.Sprintf(" (alert %d)", h.Alert)
	case h.FirstText != "":
		return fmt.Sprintf(", first bytes %q", plain(h.FirstText, 40))
	}
	return ""
}

func certWords(h fact.Handshake) string {
	issuer, names := "unknown", "none"
	if len(h.Chain) > 0 {
		issuer = h.Chain[0].Issuer
		names = list(h.Chain[0].Names, 2)
	}
	switch {
	case h.System.Status == fact.Failed:
		return fmt.Sprintf("chain not valid for the system (%s), issuer %q", h.System.Class, plain(issuer, 80))
	case h.Name.Status == fact.Failed:
		return fmt.Sprintf("certificate is for %s, issuer %q", plain(names, 100), plain(issuer, 80))
	}
	return fmt.Sprintf("issuer %q", plain(issuer, 80))
}

func outcomeWords(what string, o fact.Outcome, errno string) string {
	if o.Class == fact.Timeout {
		return fmt.Sprintf("%s timed out after %s", what, seconds(o.Took.Std()))
	}
	s := fmt.Sprintf("%s failed (%s) after %s", what, o.Class, seconds(o.Took.Std()))
	if errno != "" {
		s = fmt.Sprintf("%s failed with %s after %s", what, errno, seconds(o.Took.Std()))
	}
	return s
}

// nameEvidence says what the servers answered for a name that failed.
func (v *View) nameEvidence(p *Path) Evidence {
	conf, vpc := v.said(p.T.Host, false), v.said(p.T.Host, true)
	text := p.T.Host + ": " + saidWords("configured server", conf)
	if vpc.asked {
		text += "; " + saidWords("VPC resolver", vpc)
	}
	ref := p.Answer.Key()
	if conf.first != nil {
		ref = conf.first.Key()
	} else if vpc.first != nil {
		ref = vpc.first.Key()
	}
	return Evidence{ref, text}
}

func saidWords(who string, s said) string {
	if s.first != nil {
		who += " " + s.first.Server.Addr().String()
	}
	switch {
	case !s.asked:
		return who + " not asked"
	case s.ok:
		return who + " answers " + addrList(s.addrs, 2)
	case s.silent:
		return who + " is silent"
	}
	return who + " answers " + string(s.class)
}

func tunEvidence(t *Tun) Evidence {
	x := t.Tunnel
	to := fmt.Sprintf("%s through proxy %s", t.T.Host, x.Proxy)
	switch {
	case t.TCP == Pass && t.Shake.Status == fact.Failed:
		return Evidence{t.Shake.Key(), to + ": tunnel opens, " + outcomeWords("TLS", t.Shake.Outcome, "") + alertWords(t.Shake)}
	case t.TCP == Pass:
		return Evidence{t.Shake.Key(), to + ": " + certWords(t.Shake)}
	case x.HTTPStatus != 0:
		return Evidence{x.Key(), fmt.Sprintf("%s: CONNECT answered %d %s", to, x.HTTPStatus, plain(x.Reason, 40))}
	}
	return Evidence{x.Key(), to + ": " + outcomeWords(orWord(x.Step, "CONNECT"), x.Outcome, "")}
}

// working returns evidence that something else works: the contrast that makes
// a finding. At most n lines.
func (v *View) working(n int, is func(*PortPath) bool) []Evidence {
	var out []Evidence
	seen := map[netip.AddrPort]bool{}
	for _, p := range v.Paths {
		for _, pp := range p.ports() {
			if len(out) < n && pp.TCP == Pass && !seen[pp.At] && is(pp) {
				seen[pp.At] = true
				out = append(out, portEvidence(pp))
			}
		}
	}
	return out
}

// answerEvidence shows what a name resolves to here and at the VPC resolver.
func (v *View) answerEvidence(p *Path) []Evidence {
	src := "dns"
	if p.Answer.Source == "hosts" {
		src = fmt.Sprintf("hosts file line %d", p.Answer.Line)
	} else if p.Answer.Server.IsValid() {
		src = p.Answer.Server.Addr().String()
	}
	out := []Evidence{{p.Answer.Key(), fmt.Sprintf("%s is %s here (%s)", p.T.Host, addrList(p.Answer.Addrs, 2), src)}}
	if vpc := v.said(p.T.Host, true); vpc.first != nil && vpc.ok {
		out = append(out, Evidence{vpc.first.Key(), fmt.Sprintf("%s is %s at the VPC resolver %s", p.T.Host, addrList(vpc.addrs, 2), vpc.first.Server.Addr())})
	}
	return out
}

// serviceNames lists the endpoint service names of the group, each once.
func (g group) serviceNames() []string {
	var out []string
	for _, p := range g.paths {
		if s := p.T.Service; s != "" && !slices.Contains(out, s) && !strings.ContainsAny(s, " ") {
			out = append(out, s)
		}
	}
	return out
}
