package diagnose

import (
	"fmt"

	"vpcdoctor/probe/fact"
)

func tlsRules() []Rule {
	return []Rule{
		blamed("FW-02", Likely, nameRule).explains("AG-20"),
		blamed("FW-03", Likely, splitGreeting).explains("AG-20"),
		blamed("FW-04", Likely, selective).explains("AG-20"),
		blamed("FW-05", Possible, refusedAll),
		blamed("TL-01", Likely, unknownCA).explains("AG-20"),
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
		blamed("TL-07", Likely, largeLost).explains("AG-20"),
		blamed("TL-08", Likely, func(v *View, g group, f *Finding) {
			f.Summary = fmt.Sprintf("What answers for %s does not speak TLS.", g.names())
			f.Action.Do = "Find what answers at the address: a proxy, a portal or another service."
			f.Action.Command = openssl(g)
			f.Alternatives = []Alternative{alt("TL-04", "the address belongs to another service of yours")}
		}),
		{Code: "TL-12", Eval: trustedInterception},
		blamed("TL-13", Likely, badDates),
		blamed("TL-14", Likely, mute).explains("AG-20"),
		{Code: "SV-01", Eval: serverErrors},
	}
}

// selective is FW-04: some names are re-signed, others are not.
func selective(v *View, g group, f *Finding) {
	f.Summary = fmt.Sprintf("%s %s a certificate of an unknown issuer while other AWS names show the genuine one.", g.names(), verb(g.n(), "shows", "show"))
	f.Alternatives = []Alternative{alt("TL-04", "the certificate belongs to another server of yours: the record of the name is wrong")}
	if h, n, ok := v.contrasted(g); ok && trusted(n) {
		// The device lets the other name through to the address: so the address
		// is AWS's, and who signs for ours sits before it.
		f.Confidence, f.Alternatives = Proved, nil
		f.Summary = fmt.Sprintf("TLS to %s is re-signed on the path by %q: at the same address %s shows the genuine certificate.", g.names(), issuer(g), plain(orWord(n.SNI, "another AWS name"), 100))
		f.Evidence = append(f.Evidence, Evidence{n.Key(), fmt.Sprintf("%s %s: %s", h.Addr, variantWords(n), bitWords(n))})
	}
	f.Evidence = append(f.Evidence, v.goodTLS(1)...)
	f.Action.Do = "Exclude these names from TLS inspection, or install its CA in the system store of this host."
	f.Action.Command = openssl(g)
}

// contrasted is the first handshake of the group whose repetition with another
// name completed, and that repetition.
func (v *View) contrasted(g group) (h, neutral fact.Handshake, ok bool) {
	for _, b := range g.bs {
		if b.port == nil {
			continue
		}
		if n, found := v.neutral(b.port.Shake); found {
			return b.port.Shake, n, true
		}
	}
	return h, neutral, false
}

// unknownCA is TL-01.
func unknownCA(v *View, g group, f *Finding) {
	f.Summary = fmt.Sprintf("The certificate of %s is issued by %q, a CA that neither this host nor the reference roots know.", g.names(), issuer(g))
	f.Action.Do = "Exclude the AWS names from TLS inspection, or add that CA to the system store (the agent uses it). Everything on this host would then trust it."
	f.Action.Command = openssl(g)
	if g.bs[0].target().Type == "Custom" {
		f.Action.Do = "If the custom service has a private CA, pass it with --ca-bundle and add it to the store of its clients."
		return
	}
	h, n, ok := v.contrasted(g)
	if !ok || trusted(n) {
		return
	}
	f.Evidence = append(f.Evidence[:min(2, len(f.Evidence))], Evidence{n.Key(), fmt.Sprintf("%s %s: issuer %q as well", h.Addr, variantWords(n), leafIssuer(n))})
	switch {
	case n.Name.Status == fact.OK:
		// It has a certificate for whatever name it is given: no server does.
		f.Confidence = Proved
		f.Summary = fmt.Sprintf("TLS is intercepted: %q signs a certificate for %s, and for any other AWS name asked at the same address. Neither this host nor the reference roots know that CA.", issuer(g), g.names())
	case len(h.Chain) > 0 && len(n.Chain) > 0 && h.Chain[0].SHA256 == n.Chain[0].SHA256:
		f.Summary = fmt.Sprintf("What answers for %s shows one certificate of its own, issued by %q, whatever name is asked: a server or appliance, not AWS.", g.names(), issuer(g))
		f.Action.Do = "Find what has the address, and correct the record of the name or the route to it."
		f.Alternatives = []Alternative{alt("TL-04", "describe-network-interfaces by address: it is not an endpoint's interface")}
	}
	f.Evidence = append(f.Evidence, v.goodTLS(1)...)
}

func leafIssuer(h fact.Handshake) string {
	if len(h.Chain) == 0 {
		return "unknown"
	}
	return plain(orWord(h.Chain[0].Issuer, "unknown"), 80)
}

// badDates is TL-13: the certificate is outside its validity, not our clock.
func badDates(v *View, g group, f *Finding) {
	f.Summary = fmt.Sprintf("The certificate of %s is outside its validity, and the clock of this host is right.", g.names())
	if off, ok := v.offset(); ok && off.By.Abs() >= clockSeen {
		f.Summary = fmt.Sprintf("The certificate of %s is outside its validity by the right time as well. The clock of this host is %s besides.", g.names(), aheadBehind(off.By))
	}
	if c, ok := g.leaf(); ok && !c.NotAfter.IsZero() {
		f.Evidence = append(f.Evidence, Evidence{"", fmt.Sprintf("the certificate is valid from %s to %s", c.NotBefore.UTC().Format("2006-01-02 15:04"), c.NotAfter.UTC().Format("2006-01-02 15:04"))})
	}
	f.Evidence = append(f.Evidence, v.offsetEvidence()...)
	for _, b := range g.bs {
		if b.port == nil {
			continue
		}
		if d, ok := v.dated(b.port.Shake); ok && !validThen(d) {
			f.Evidence = append(f.Evidence, Evidence{d.Key(), "at the Date of the server, " + d.Then.UTC().Format("2006-01-02 15:04") + ", the chain is not valid either"})
			break
		}
	}
	f.Action.Do = "The owner of the service renews the certificate."
	f.Action.Command = openssl(g)
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
