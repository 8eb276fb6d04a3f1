package diagnose

import (
	"slices"
	"strings"

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
	switch h.Class {
	case fact.Timeout:
		return "TL-07"
	case fact.Reset, fact.EOF, fact.Refused:
		if p != nil && p.T.Type == "Custom" {
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

// blameCert reads the three verifications side by side (field guide C.4).
func (v *View) blameCert(t fact.Target, h fact.Handshake) Code {
	sys, ref, name := h.System, h.Reference, h.Name
	if sys.Status == fact.Failed {
		switch {
		case sys.Class == fact.CertTime || ref.Class == fact.CertTime && sys.Class != fact.CertUntrusted:
			if off, ok := v.offset(); ok && off.Abs() < clockSeen {
				return "TL-13"
			}
			return "TL-03"
		case ref.Status == fact.OK:
			return "TL-02"
		case t.Type != "Custom" && v.genuine():
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
