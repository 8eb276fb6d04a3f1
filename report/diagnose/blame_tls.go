package diagnose

import (
	"slices"
	"strings"
	"time"

	"vpcdoctor/probe/fact"
)

// blameTLS explains a handshake that failed or a certificate that is not good.
func (v *View) blameTLS(pp *PortPath) Code {
	h := pp.Shake
	if h.Status == fact.Failed {
		return v.blameHandshake(pp.Path, h)
	}
	return v.blameCert(pp.Path.T, h)
}

// B.0 rows 13 and 14.
func (v *View) blameHandshake(p *Path, h fact.Handshake) Code {
	custom := p != nil && p.T.Type == "Custom"
	if r := v.rulingFor(h); h.Proxy == "" && r.holds() && !(custom && r.code == "FW-05" && bitOf(h.Outcome) == bitCut) {
		return r.code
	}
	switch h.Class {
	case fact.Timeout:
		return "TL-07"
	case fact.Reset, fact.EOF, fact.Refused:
		if custom {
			return "PL-06"
		}
		return "FW-02"
	case fact.NotTLS:
		return "TL-08"
	case fact.TLSAlert:
		// 40 handshake_failure, 70 protocol_version, 71 insufficient_security:
		// RFC 8446 section 6.2.
		if h.Alert == 40 || h.Alert == 70 || h.Alert == 71 {
			return "TL-05"
		}
		return "FW-05"
	case fact.TLSProtocol:
		return "FW-05"
	}
	return "EP-16"
}

// blameCert reads the verifications side by side (field guide C.4).
func (v *View) blameCert(t fact.Target, h fact.Handshake) Code {
	sys, ref, name := h.System, h.Reference, h.Name
	if sys.Status == fact.Failed {
		switch {
		case sys.Class == fact.CertTime || ref.Class == fact.CertTime && sys.Class != fact.CertUntrusted:
			return v.blameTime(h)
		case ref.Status == fact.OK:
			return "TL-02"
		case t.Type == "Custom":
			return "TL-01"
		}
		switch n, ok := v.neutral(h); {
		case ok && trusted(n):
			return "FW-04"
		case ok:
			return "TL-01" // whatever the name: no selection
		case v.genuine():
			return "FW-04"
		}
		return "TL-01"
	}
	if name.Status == fact.Failed {
		if t.Type == "Custom" || strings.Contains(t.Host, ".vpce.") {
			return "PL-04"
		}
		return "TL-04"
	}
	return "EP-16"
}

// trusted tells whether the system or the reference roots close the chain.
func trusted(h fact.Handshake) bool {
	return h.System.Status == fact.OK || h.Reference.Status == fact.OK
}

// neutral is the completed handshake with another AWS name at an address of
// the same host.
func (v *View) neutral(h fact.Handshake) (fact.Handshake, bool) {
	n, ok := v.rulings[h.Host].variant(fact.NeutralSNI)
	return n, ok && h.Proxy == "" && n.Status == fact.OK && n.System.Status != ""
}

// blameTime tells our clock from the certificate: what counts is whether the
// certificate is valid at the right time. That is our time corrected by the
// offset that the sources agree on; without one, the Date of the server itself.
func (v *View) blameTime(h fact.Handshake) Code {
	if off, ok := v.offset(); ok {
		if off.By.Abs() < clockSeen || !validAt(h, h.Start.Add(-off.By)) {
			return "TL-13"
		}
		return "TL-03"
	}
	if d, ok := v.dated(h); ok && !validThen(d) {
		return "TL-13" // not valid by the server's own time either
	}
	return "TL-03"
}

// validAt tells whether every certificate shown is within its dates. A chain
// without dates counts as valid: then the clock is the suspect.
func validAt(h fact.Handshake, t time.Time) bool {
	return !slices.ContainsFunc(h.Chain, func(c fact.Cert) bool {
		return !c.NotBefore.IsZero() && t.Before(c.NotBefore) || !c.NotAfter.IsZero() && t.After(c.NotAfter)
	})
}

// dated is the handshake with the same certificate whose chain was verified
// again at the server's Date: one request is made for a host, not one an address.
func (v *View) dated(h fact.Handshake) (fact.Handshake, bool) {
	for _, x := range v.ix.then[h.Host] {
		if len(h.Chain) == 0 || len(x.Chain) > 0 && x.Chain[0].SHA256 == h.Chain[0].SHA256 {
			return *x, true
		}
	}
	return fact.Handshake{}, false
}

func validThen(h fact.Handshake) bool {
	return h.SystemThen.Status == fact.OK || h.ReferenceThen.Status == fact.OK
}

// genuine tells whether any AWS name showed a chain that the system accepts:
// then an unknown issuer elsewhere is selective.
func (v *View) genuine() bool {
	return slices.ContainsFunc(v.Set.Handshakes, func(h fact.Handshake) bool {
		return h.Status == fact.OK && h.System.Status == fact.OK && h.Name.Status == fact.OK && strings.Contains(h.Host, "amazonaws")
	})
}

// blameTunnel explains a path through the agent's proxy.
func (v *View) blameTunnel(t *Tun) Code {
	x := t.Tunnel
	if t.TCP == Pass {
		if t.Shake.Status == fact.Failed {
			return v.blameHandshake(nil, t.Shake)
		}
		return v.blameCert(t.T, t.Shake)
	}
	switch {
	case x.HTTPStatus == 407:
		return "PX-04"
	case x.HTTPStatus != 0:
		return "PX-05"
	case x.Step == "tls":
		return "PX-06"
	case x.Step == "resolve" || x.Step == "connect":
		return "PX-07"
	}
	return "PX-05"
}
