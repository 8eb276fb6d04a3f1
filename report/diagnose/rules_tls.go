package diagnose

import (
	"fmt"

	"vpcdoctor/probe/fact"
)

func tlsRules() []Rule {
	return []Rule{
		blamed("FW-02", Likely, func(v *View, g group, f *Finding) {
			f.Summary = fmt.Sprintf("TCP to %s connects, and the connection is cut right after the TLS greeting.", g.names())
			f.Evidence = append(f.Evidence, v.goodTLS(1)...)
			f.Action.Do = "Look into the firewall on the path for the name, and allow it."
			f.Action.Command = openssl(g)
			f.Alternatives = []Alternative{
				alt("FW-05", "the log of the inspecting device: it refused the connection"),
				alt("TL-05", "another client on this host, with TLS 1.2 only, gets through"),
			}
		}).explains("AG-20"),
		blamed("FW-04", Likely, func(v *View, g group, f *Finding) {
			f.Summary = fmt.Sprintf("%s %s a certificate of an unknown issuer while other AWS names show the genuine one.", g.names(), verb(g.n(), "shows", "show"))
			f.Evidence = append(f.Evidence, v.goodTLS(1)...)
			f.Action.Do = "Exclude these names from TLS inspection, or install its CA in the system store of this host."
			f.Action.Command = openssl(g)
			f.Alternatives = []Alternative{alt("TL-04", "the certificate belongs to another server of yours: the record of the name is wrong")}
		}).explains("AG-20"),
		blamed("FW-05", Possible, func(v *View, g group, f *Finding) {
			f.Summary = fmt.Sprintf("TLS to %s ends with an alert or a malformed answer.", g.names())
			f.Action.Do = "Look into the log of the inspecting device on the path."
			f.Action.Command = openssl(g)
			f.Alternatives = []Alternative{alt("TL-05", "another client on this host gets through")}
		}),
		blamed("TL-01", Likely, func(v *View, g group, f *Finding) {
			f.Summary = fmt.Sprintf("The certificate of %s is issued by %q, a CA that neither this host nor the reference roots know.", g.names(), issuer(g))
			f.Action.Do = "Exclude the AWS names from TLS inspection, or add that CA to the system store (the agent uses it). Everything on this host would then trust it."
			if g.bs[0].target().Type == "Custom" {
				f.Action.Do = "If the custom service has a private CA, pass it with --ca-bundle and add it to the store of its clients."
			}
			f.Action.Command = openssl(g)
		}).explains("AG-20"),
		blamed("TL-02", Likely, func(v *View, g group, f *Finding) {
			f.Summary = fmt.Sprintf("The certificates of %s are genuine, but the trust store of this host does not hold their root.", g.names())
			if m := v.Set.Trust.MissingAmazon; len(m) > 0 {
				f.Evidence = append(f.Evidence, Evidence{"", "missing in the system store: " + list(sortedStrings(m), 2)})
			}
			f.Action = Action{Do: "Reinstall the CA certificates of the operating system.", Command: "sudo update-ca-trust", Where: "instance", Verify: "vpcdoctor check"}
		}).explains("AG-20"),
		blamed("TL-04", Likely, func(v *View, g group, f *Finding) {
			f.Summary = fmt.Sprintf("Another server answers for %s: its certificate is valid, but for %s.", g.names(), certNames(g))
			f.Action.Do = "Find the record that leads to this address and correct it."
			if len(g.addrs) > 0 {
				f.Action.Command = v.interfaceOf(g.addrs[0].String())
			}
			f.Alternatives = []Alternative{alt("DN-10", "the address once belonged to our endpoint and was given to another")}
		}).explains("AG-20"),
		blamed("PL-04", Likely, func(v *View, g group, f *Finding) {
			f.Summary = fmt.Sprintf("The certificate of %s is valid, but for %s.", g.names(), certNames(g))
			f.Action.Do = "Connect by a name of the certificate and map it to the endpoint in a private zone, or set tls_name for this endpoint."
			f.Action.Command = openssl(g)
		}),
		blamed("TL-05", Likely, func(v *View, g group, f *Finding) {
			f.Summary = fmt.Sprintf("%s %s our TLS parameters.", g.names(), verb(g.n(), "refuses", "refuse"))
			f.Action.Do = "Compare with another client; look for an inspecting device between."
			f.Action.Command = openssl(g)
			f.Alternatives = []Alternative{alt("FW-05", "the log of the inspecting device")}
		}),
		blamed("TL-07", Likely, func(v *View, g group, f *Finding) {
			f.Summary = fmt.Sprintf("TCP to %s connects, and then nothing comes back to the TLS greeting.", g.names())
			f.Evidence = append(f.Evidence, v.goodTLS(1)...)
			f.Action = Action{Do: "Compare a small segment size and a smaller greeting: it tells a packet size limit from a firewall.", Command: openssl(g), Where: "instance"}
			f.Alternatives = []Alternative{
				alt("FW-02", "another name at the same address gets an answer"),
				alt("FW-03", "a client without post-quantum key share (openssl of the system) gets through"),
				alt("FW-07", "ip link set mtu 1400 cures it"),
			}
		}).explains("AG-20"),
		blamed("TL-08", Likely, func(v *View, g group, f *Finding) {
			f.Summary = fmt.Sprintf("What answers for %s does not speak TLS.", g.names())
			f.Action.Do = "Find what answers at the address: a proxy, a portal or another service."
			f.Action.Command = openssl(g)
			f.Alternatives = []Alternative{alt("TL-04", "the address belongs to another service of yours")}
		}),
		{Code: "TL-12", Eval: trustedInterception},
		blamed("TL-13", Likely, func(v *View, g group, f *Finding) {
			f.Summary = fmt.Sprintf("The certificate of %s is outside its validity, and the clock of this host is right.", g.names())
			f.Evidence = append(f.Evidence, v.offsetEvidence()...)
			f.Action.Do = "The owner of the service renews the certificate."
			f.Action.Command = openssl(g)
		}),
		{Code: "SV-01", Eval: serverErrors},
	}
}

// openssl shows the certificate at the first address of the group.
func openssl(g group) string {
	if len(g.bs) == 0 || g.bs[0].port == nil {
		return ""
	}
	pp := g.bs[0].port
	return command("openssl", "s_client", "-connect", pp.At.String(), "-servername", pp.Path.T.ServerName())
}

func (g group) leaf() (fact.Cert, bool) {
	for _, b := range g.bs {
		h := fact.Handshake{}
		if b.port != nil {
			h = b.port.Shake
		} else if b.tun != nil {
			h = b.tun.Shake
		}
		if len(h.Chain) > 0 {
			return h.Chain[0], true
		}
	}
	return fact.Cert{}, false
}

func issuer(g group) string {
	if c, ok := g.leaf(); ok {
		return plain(orWord(c.Issuer, "unknown"), 80)
	}
	return "unknown"
}

func certNames(g group) string {
	if c, ok := g.leaf(); ok && len(c.Names) > 0 {
		return plain(list(c.Names, 2), 120)
	}
	return "another name"
}

// goodTLS cites handshakes that are fully good: the contrast.
func (v *View) goodTLS(n int) []Evidence {
	var out []Evidence
	for _, p := range v.Paths {
		for _, pp := range p.ports() {
			if len(out) < n && pp.TLS == Pass {
				out = append(out, Evidence{pp.Shake.Key(), fmt.Sprintf("%s -> %s: TLS is good, %s", p.T.Host, pp.At, certWords(pp.Shake))})
			}
		}
	}
	return out
}

// trustedInterception: the system accepts a chain that ends in no public root.
// ISO partitions have roots of their own and are never judged here.
func trustedInterception(v *View) []Finding {
	switch v.Set.Place.Partition {
	case "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f":
		return nil
	}
	if v.Set.Trust.ReferenceRoots == 0 {
		return nil
	}
	var g group
	f := Finding{Code: "TL-12", Severity: SevInfo, Confidence: Likely, Action: Action{Where: "operator",
		Do: "Nothing, if the inspection is intended. Programs with a trust store of their own will fail."}}
	root := ""
	for _, p := range v.Paths {
		for _, pp := range p.ports() {
			h := pp.Shake
			if p.T.Type == "Custom" || pp.TLS != Pass || h.Reference.Status != fact.Failed || h.Reference.Class != fact.CertUntrusted {
				continue
			}
			if root == "" {
				root = orWord(h.System.Root, "unknown")
			}
			if len(g.hosts) == 0 || g.hosts[len(g.hosts)-1] != p.T.Host {
				g.hosts, f.Subjects = append(g.hosts, p.T.Host), append(f.Subjects, p.Key)
				f.Evidence = append(f.Evidence, portEvidenceTLS(pp))
			}
		}
	}
	if len(g.hosts) == 0 {
		return nil
	}
	f.Summary = fmt.Sprintf("TLS of %s is re-signed by %q, a CA that this host trusts and the public root programs do not.", g.names(), plain(root, 80))
	f.Action.Command = "trust list"
	return []Finding{f}
}

func portEvidenceTLS(pp *PortPath) Evidence {
	return Evidence{pp.Shake.Key(), fmt.Sprintf("%s -> %s: %s, root %q", pp.Path.T.Host, pp.At, certWords(pp.Shake), plain(pp.Shake.System.Root, 80))}
}

// serverErrors: the path is proved, the service itself answers 5xx.
func serverErrors(v *View) []Finding {
	f := Finding{Code: "SV-01", Severity: SevInfo, Confidence: Possible, Action: Action{
		Do: "Run again; if it stays, look at the health dashboard of the Region.", Command: v.aws("health", "describe-events"), Where: "operator"}}
	var hosts []string
	for _, p := range v.Paths {
		for _, pp := range p.ports() {
			r := pp.Req
			if r.Status == fact.NotRun || r.HTTPStatus < 500 || r.HTTPStatus > 599 || r.RequestID == "" || pp.TLS != Pass || !p.Counts {
				continue
			}
			f.Evidence = append(f.Evidence, Evidence{r.Key(), fmt.Sprintf("%s answers HTTP %d, request id %s", p.T.Host, r.HTTPStatus, plain(r.RequestID, 60))})
			if len(hosts) == 0 || hosts[len(hosts)-1] != p.T.Host {
				hosts, f.Subjects = append(hosts, p.T.Host), append(f.Subjects, p.Key)
			}
			if needRank(p.T.Need) <= 1 {
				f.Severity = SevWarning
			}
		}
	}
	if len(hosts) == 0 {
		return nil
	}
	f.Summary = fmt.Sprintf("%s %s with server errors over a path that works.", list(hosts, 3), verb(len(hosts), "answers", "answer"))
	return []Finding{f}
}
