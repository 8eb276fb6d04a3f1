package diagnose

import (
	"fmt"
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
	}
}

func (g group) proxy() string {
	if len(g.tuns) == 0 {
		return "?"
	}
	return plain(g.tuns[0].Tunnel.Proxy, 80)
}

// shellProxy: our shell has a proxy, the agent's process has none, and the
// agent's names do not work directly.
func shellProxy(v *View) []Finding {
	a := &v.Set.Agent
	if !v.Set.Host.Proxy.Set() || a.ProxyRun.Status != fact.OK || a.Proxy.Set() || len(a.Procs) == 0 {
		return nil
	}
	var hosts, keys []string
	for _, p := range v.Paths {
		if p.T.Agent && p.Counts && p.Status == Fail && needRank(p.T.Need) <= 1 {
			hosts, keys = append(hosts, p.T.Host), append(keys, p.Key)
		}
	}
	if len(hosts) == 0 {
		return nil
	}
	px := orWord(v.Set.Host.Proxy.HTTPS, orWord(v.Set.Host.Proxy.HTTP, v.Set.Host.Proxy.All))
	return []Finding{{
		Code: "PX-01", Severity: SevError, Confidence: Likely, Subjects: keys,
		Summary: fmt.Sprintf("The shell uses the proxy %s, the agent's process has none, and %s %s not answer directly.", plain(px, 80), list(hosts, 3), verb(len(hosts), "does", "do")),
		Evidence: []Evidence{
			{"", "proxy of our environment: " + plain(px, 80)},
			{"", fmt.Sprintf("the agent's environment (%s) has no proxy variable", orWord(a.Proxy.Source, "its process"))},
		},
		Alternatives: []Alternative{alt("DN-02", "the agent is meant to go direct: then the direct path is what to repair")},
		Action: Action{Do: "If the proxy is the way out, set https_proxy and no_proxy=169.254.169.254 in a drop-in of the agent's unit.",
			Command: "sudo systemctl edit " + v.unit(), Where: "instance"},
	}}
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

// exempt tells whether a no_proxy list names an address: itself, a CIDR of
// link-local space, or everything. Go knows no "169.254.*" patterns.
func exempt(no, addr string) bool {
	for _, p := range strings.Split(no, ",") {
		p = strings.TrimSpace(p)
		host, _, _ := strings.Cut(p, ":")
		if p == "*" || host == addr || strings.HasPrefix(p, "169.254.0.0/16") || strings.HasPrefix(p, addr+"/") {
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
