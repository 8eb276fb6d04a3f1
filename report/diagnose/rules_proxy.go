package diagnose

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"vpcdoctor/probe/fact"
)

func proxyRules() []Rule {
	return []Rule{
		{Code: "PX-01", Eval: shellProxy},
		{Code: "PX-02", Eval: metadataByProxy, Explains: []Code{"AG-02", "AG-20"}},
		{Code: "PX-03", Eval: pastEndpoints},
		blamed("PX-04", Likely, func(v *View, g group, f *Finding) {
			f.Summary = fmt.Sprintf("The agent's proxy %s answers CONNECT to %s with 407: it wants credentials.", g.proxy(), g.names())
			f.Action = Action{Do: "Give the agent a proxy URL with credentials in its drop-in, or exempt the names at the proxy.", Command: "systemctl cat " + v.unit(), Where: "instance"}
		}).explains("AG-20"),
		blamed("PX-05", Likely, func(v *View, g group, f *Finding) {
			f.Summary = fmt.Sprintf("The agent's proxy %s refuses CONNECT to %s.", g.proxy(), g.names())
			for _, t := range v.Tuns {
				if t.Status == Pass && len(f.Evidence) < 4 {
					f.Evidence = append(f.Evidence, Evidence{t.Tunnel.Key(), t.T.Host + " works through the same proxy"})
				}
			}
			f.Action.Do = "Allow CONNECT to the names on port 443 at the proxy, with long-lived tunnels for ssmmessages; or add them to the agent's no_proxy if endpoints serve them."
			f.Alternatives = []Alternative{alt("PX-03", "the names answer directly: no_proxy of the agent should list them")}
		}).explains("AG-20"),
		blamed("PX-06", Likely, func(v *View, g group, f *Finding) {
			f.Summary = fmt.Sprintf("The agent's proxy variable says https://%s, and the proxy does not speak TLS.", g.proxy())
			f.Action = Action{Do: "Write http:// in the proxy variable of the agent's drop-in.", Command: "systemctl cat " + v.unit(), Where: "instance"}
		}).explains("AG-20"),
		blamed("PX-07", Likely, func(v *View, g group, f *Finding) {
			f.Summary = fmt.Sprintf("The agent's proxy %s cannot be reached (%s), so %s cannot be used.", g.proxy(), orWord(g.tuns[0].Tunnel.Step, "connect"), g.names())
			f.Action = Action{Do: "Restore the proxy, or remove it from the agent's drop-in.", Command: "systemctl cat " + v.unit(), Where: "instance"}
		}).explains("AG-20"),
		{Code: "PX-08", Eval: misread, Explains: []Code{"PX-02", "PX-03"}},
		{Code: "PX-09", Eval: wrongUnit, Explains: []Code{"PX-01", "AG-20"}},
	}
}

func (g group) proxy() string {
	if len(g.tuns) == 0 {
		return "?"
	}
	return plain(g.tuns[0].Tunnel.Proxy, 80)
}

// shellProxy: other places of this host have a proxy, the agent's process has
// none, and the agent's names do not work directly.
func shellProxy(v *View) []Finding {
	a := &v.Set.Agent
	if a.ProxyRun.Status != fact.OK || a.Proxy.Set() || len(a.Procs) == 0 {
		return nil
	}
	px, from, ev := v.Set.Host.Proxy, "shell uses", Evidence{"", "proxy of our environment: " + plain(proxyOf(v.Set.Host.Proxy), 80)}
	for _, s := range v.scopes("shell", "profile", "manager", "unit") {
		if s.Scope == "unit" && !v.ownUnit(s.Path) {
			continue // PX-09
		}
		if !px.Set() || s.Scope == "unit" {
			px, from, ev = s.ProxySetting, place(s)+" sets", scopeEvidence(s)
		}
	}
	if !px.Set() {
		return nil
	}
	hosts, keys := v.agentFails()
	if len(hosts) == 0 {
		return nil
	}
	f := on("PX-01", SevError, fmt.Sprintf("The %s the proxy %s, the agent's process has none, and %s %s not answer directly.", from, plain(proxyOf(px), 80), list(hosts, 3), verb(len(hosts), "does", "do")),
		ev, Evidence{"", fmt.Sprintf("the agent's environment (%s) has no proxy variable", orWord(a.Proxy.Source, "its process"))})
	f.Subjects = keys
	f.Evidence = append(f.Evidence, portEvidenceOf(v, keys)...)
	f.Alternatives = []Alternative{alt("DN-02", "the agent is meant to go direct: then the direct path is what to repair")}
	f.Action.Do = "If the proxy is the way out, set https_proxy and no_proxy=169.254.169.254 in a drop-in of the agent's unit."
	f.Action.Command = "sudo systemctl edit " + v.unit()
	if strings.HasPrefix(from, "drop-in") {
		f.Summary += " The process is older than the drop-in."
		f.Action.Do, f.Action.Command = "Reload the units, then let the agent start anew.", "sudo systemctl daemon-reload"
	}
	return []Finding{f}
}

func proxyOf(p fact.ProxySetting) string { return orWord(p.HTTPS, orWord(p.HTTP, p.All)) }

// scopes are the places of these kinds that set a proxy.
func (v *View) scopes(kinds ...string) []fact.ProxyScope {
	all := sorted(v.Set.Agent.Scopes, func(s fact.ProxyScope) string { return s.Scope + " " + s.Path })
	return slices.DeleteFunc(all, func(s fact.ProxyScope) bool { return !slices.Contains(kinds, s.Scope) || !s.Set() })
}

func place(s fact.ProxyScope) string {
	switch s.Scope {
	case "unit":
		return "drop-in " + plain(s.Path, 120)
	case "profile":
		return "file " + plain(s.Path, 120)
	case "manager":
		return "service manager's environment"
	}
	return "shell"
}

func scopeEvidence(s fact.ProxyScope) Evidence {
	return Evidence{"", place(s) + ": proxy " + plain(proxyOf(s.ProxySetting), 80)}
}

// agentFails lists the agent's hosts that do not work the way it takes.
func (v *View) agentFails() (hosts, keys []string) {
	for _, p := range v.Paths {
		if p.T.Agent && p.Counts && p.Status == Fail && needRank(p.T.Need) <= 1 {
			hosts, keys = append(hosts, p.T.Host), append(keys, p.Key)
		}
	}
	return hosts, keys
}

// ownUnit tells whether a drop-in or unit file belongs to the unit that runs
// the agent: ".../NAME.service.d/x.conf" or ".../NAME.service".
func (v *View) ownUnit(path string) bool {
	name := v.unit() + ".service"
	return strings.Contains(path, "/"+name+".d/") || strings.HasSuffix(path, "/"+name)
}

// wrongUnit is PX-09: the drop-in with the proxy is of a unit that does not run
// the agent, most often the package's where the snap runs.
func wrongUnit(v *View) []Finding {
	a := &v.Set.Agent
	if a.ProxyRun.Status != fact.OK || a.Proxy.Set() || len(a.Procs) == 0 || a.UnitsRun.Status != fact.OK || len(loadedUnits(a)) == 0 {
		return nil
	}
	drops := v.scopes("unit")
	if len(drops) == 0 || slices.ContainsFunc(drops, func(s fact.ProxyScope) bool { return v.ownUnit(s.Path) }) {
		return nil
	}
	s := drops[0]
	hosts, keys := v.agentFails()
	f := on("PX-09", SevError, fmt.Sprintf("%s sets the proxy %s, but the agent runs as %s.service and has none.", plain(s.Path, 120), plain(proxyOf(s.ProxySetting), 80), v.unit()),
		scopeEvidence(s), Evidence{"", "unit that runs the agent: " + plain(v.unit(), 80) + ".service"}, Evidence{"", "proxy variables of the agent's process: none"})
	f.Subjects = keys
	if len(hosts) == 0 {
		f.Severity = SevWarning
	}
	f.Action.Do, f.Action.Command = "Put the proxy into a drop-in of "+v.unit()+".service, reload, and let the agent start anew.", command("sudo", "systemctl", "edit", v.unit())
	return []Finding{f}
}

// misread is PX-08: no_proxy of the agent names a host in a form that Go
// programs, as the agent is one, do not read as curl does.
func misread(v *View) []Finding {
	for _, s := range sorted(v.Set.Agent.Scopes, func(s fact.ProxyScope) string { return s.Scope + " " + s.Path }) {
		if s.Scope != "agent" || !s.Set() {
			continue
		}
		var past, by []string // hosts where curl alone goes direct, and the agent alone
		for _, e := range sorted(s.Exempt, func(e fact.ExemptHost) string { return e.Host }) {
			if e.Curl && !e.Go {
				past = append(past, plain(e.Host, 100))
			} else if e.Go && !e.Curl {
				by = append(by, plain(e.Host, 100))
			}
		}
		if len(past)+len(by) == 0 {
			continue
		}
		f := on("PX-08", SevInfo, fmt.Sprintf("By no_proxy of the agent's process curl sends %s to the proxy, while the agent goes direct: a test by curl does not speak for it.", list(by, 3)),
			Evidence{"", fmt.Sprintf("no_proxy of the agent: %q", plain(s.No, 160))})
		if len(past) > 0 {
			f.Severity = SevWarning
			f.Summary = fmt.Sprintf("By no_proxy of the agent's process curl goes direct to %s, but the agent takes the proxy: Go programs read the entry otherwise.", list(past, 3))
		}
		f.Subjects = append(past, by...)
		f.Action.Do, f.Action.Command = "Write names or .domain entries, parted by commas, into no_proxy of the agent's drop-in.", command("sudo", "systemctl", "edit", v.unit())
		return []Finding{f}
	}
	return nil
}

// metadataByProxy: http_proxy without an exception for IMDS sends the agent's
// metadata requests to the proxy (ssm-agent.md 4.9). Nothing else about the
// proxy matters then: the agent exits at once.
func metadataByProxy(v *View) []Finding {
	a := &v.Set.Agent
	if a.ProxyRun.Status != fact.OK || a.Proxy.HTTP == "" || exempt(a.Proxy.No, "169.254.169.254") {
		return nil
	}
	return []Finding{{
		Code: "PX-02", Severity: SevError, Confidence: Likely,
		Summary: fmt.Sprintf("The agent's http_proxy is %s, and its no_proxy does not list 169.254.169.254: it sends its metadata requests to the proxy.", plain(a.Proxy.HTTP, 80)),
		Evidence: []Evidence{
			{"", "http_proxy of the agent: " + plain(a.Proxy.HTTP, 80)},
			{"", fmt.Sprintf("no_proxy of the agent: %q", plain(a.Proxy.No, 120))},
		},
		Alternatives: []Alternative{alt("IM-06", "the agent's log: metadata answers that are not the service's")},
		Action: Action{Do: "Add 169.254.169.254 and fd00:ec2::254 to no_proxy in the drop-in of the agent's unit.",
			Command: "sudo systemctl edit " + v.unit(), Where: "instance"},
	}}
}

// exempt tells whether a no_proxy list names an address, as Go reads it: the
// address itself, a block that holds it, or everything. "169.254.*" is none.
func exempt(no, addr string) bool {
	a := netip.MustParseAddr(addr)
	for _, p := range strings.Split(no, ",") {
		p = strings.TrimSpace(p)
		host, _, _ := strings.Cut(p, ":")
		block, err := netip.ParsePrefix(p)
		if p == "*" || host == addr || err == nil && block.Contains(a) {
			return true
		}
	}
	return false
}

// pastEndpoints: the agent's names are private and answer directly, and still
// its traffic takes the proxy.
func pastEndpoints(v *View) []Finding {
	f := Finding{Code: "PX-03", Severity: SevWarning, Confidence: Likely, Action: Action{Where: "instance"}}
	var hosts []string
	proxy := ""
	for _, t := range v.Tuns {
		if !t.Counts || t.TCP == NotCheckedStatus || needRank(t.T.Need) > 1 {
			continue
		}
		for _, p := range v.Paths {
			if p.Key == t.Key && p.Status == Pass && p.Class == string(fact.OwnVPC) {
				hosts, f.Subjects, proxy = append(hosts, t.T.Host), append(f.Subjects, t.Key), t.Tunnel.Proxy
				f.Evidence = append(f.Evidence, portEvidence(p.ports()[0]))
			}
		}
	}
	if len(hosts) == 0 {
		return nil
	}
	f.Evidence = append(f.Evidence[:min(3, len(f.Evidence))], Evidence{"", fmt.Sprintf("no_proxy of the agent: %q", plain(v.Set.Agent.Proxy.No, 120))})
	f.Summary = fmt.Sprintf("%s %s private and %s directly, but the agent sends them through the proxy %s. Endpoint policies and private DNS play no part there.",
		list(hosts, 3), verb(len(hosts), "is", "are"), verb(len(hosts), "answers", "answer"), plain(proxy, 80))
	f.Action.Do = "Add ." + v.zone() + " to no_proxy in the drop-in of the agent's unit, if the endpoints are meant."
	f.Action.Command = "sudo systemctl edit " + v.unit()
	return []Finding{f}
}

// portEvidenceOf shows one failed connect of the rows.
func portEvidenceOf(v *View, keys []string) []Evidence {
	for _, k := range keys {
		p := v.byKey[k]
		for _, pp := range p.ports() {
			if pp.TCP == Fail || pp.TLS == Fail {
				return []Evidence{portEvidence(pp)}
			}
		}
		if p.DNS == Fail {
			return []Evidence{v.nameEvidence(p)}
		}
	}
	return nil
}
